package testimony

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// Filter narrows what citizens see in lists. Its empty fields do not.
type Filter struct {
	Theme        string // slug
	Municipality string // ISTAT code; those merged into it count as it
	Zone         string // slug
	Language     string
	Query        string // words of the title, or of the municipality's name
}

// shown is what citizens see in lists. The words are those of the index
// testimonies_shown: SQLite uses it only when they are written out, and rather
// than testimonies_by_state only when told that most are published.
func (s *Store) shown(ctx context.Context, f Filter) *gorm.DB {
	q := s.db.Reader(ctx).Where("likely(state = 'published') AND visibility = 'public'")
	if f.Theme != "" {
		q = q.Where("id IN (SELECT tt.testimony_id FROM testimony_themes tt JOIN themes th ON th.id = tt.theme_id WHERE th.slug = ?)", f.Theme)
	}
	if f.Municipality != "" {
		q = q.Where("municipality_code IN (SELECT istat_code FROM municipalities WHERE istat_code = ? OR merged_into = ?)", f.Municipality, f.Municipality)
	}
	if f.Zone != "" {
		q = q.Where("municipality_code IN (SELECT istat_code FROM municipalities WHERE zone_slug = ?)", f.Zone)
	}
	if f.Language != "" {
		q = q.Where("language = ?", f.Language)
	}
	if f.Query == "" {
		return q // the first words of all wait 5 ms for the table of accents
	}
	asked := words(f.Query)
	if len(asked) == 0 {
		q = q.Where("1 = 0") // signs only: nothing has them
	}
	for _, w := range asked {
		q = q.Where("(' ' || title GLOB ? OR municipality_code IN (SELECT istat_code FROM municipalities WHERE '-' || slug GLOB ?))",
			"*[^0-9A-Za-z\u00c0-\u024f]"+anyAccent(w)+"*", "*-"+w+"*")
	}
	return q
}

// Shown lists what citizens see, newest first: one page of size after the first
// skip, with themes and file, and how many there are in all.
func (s *Store) Shown(ctx context.Context, f Filter, skip, size int) ([]Testimony, int64, error) {
	var n int64
	if err := s.shown(ctx, f).Model(&Testimony{}).Count(&n).Error; err != nil {
		return nil, 0, fmt.Errorf("count what is shown: %w", err)
	}
	var found []Testimony
	err := withFaces(s.shown(ctx, f)).Order("published_at DESC, id DESC").Offset(skip).Limit(size).Find(&found).Error
	if err != nil {
		return nil, 0, fmt.Errorf("list what is shown: %w", err)
	}
	return found, n, nil
}

// LatestFrom lists the newest n of what citizens see from some municipalities, by
// their ISTAT codes; those merged into them count as them.
func (s *Store) LatestFrom(ctx context.Context, codes []string, n int) ([]Testimony, error) {
	var found []Testimony
	err := withFaces(s.shown(ctx, Filter{})).
		Where("municipality_code IN (SELECT istat_code FROM municipalities WHERE istat_code IN ? OR merged_into IN ?)", codes, codes).
		Order("published_at DESC, id DESC").Limit(n).Find(&found).Error
	if err != nil {
		return nil, fmt.Errorf("list what is new from %d municipalities: %w", len(codes), err)
	}
	return found, nil
}

// EachShown hands over all that citizens see, in groups of at most size, the
// newest ids first.
func (s *Store) EachShown(ctx context.Context, size int, do func([]Testimony) error) error {
	q := s.shown(ctx, Filter{})
	for {
		var group []Testimony
		if err := withFaces(q).Order("id DESC").Limit(size).Find(&group).Error; err != nil {
			return fmt.Errorf("read all that is shown: %w", err)
		}
		if len(group) == 0 {
			return nil
		}
		if err := do(group); err != nil {
			return err
		}
		q = s.shown(ctx, Filter{}).Where("id < ?", group[len(group)-1].ID)
	}
}

// withFaces adds what a list shows of a testimony.
func withFaces(db *gorm.DB) *gorm.DB {
	return db.
		Preload("Themes", func(db *gorm.DB) *gorm.DB { return db.Order("position") }).
		Preload("Videos", "state <> ?", VideoReplaced)
}

const (
	// mostWords bounds what a search costs.
	mostWords   = 8
	longestWord = 40
)

// words are the words of a search, without accents and in small letters.
func words(query string) []string {
	var found []string
	for w := range strings.SplitSeq(plain(query), "-") {
		if w != "" && len(w) <= longestWord && len(found) < mostWords && !slices.Contains(found, w) {
			found = append(found, w)
		}
	}
	return found
}

// accents are the letters that people leave out the accents of.
var accents = map[rune]string{
	'a': "àáâãäåÀÁÂÃÄÅ", 'c': "çÇ", 'e': "èéêëÈÉÊË", 'i': "ìíîïÌÍÎÏ", 'n': "ñÑ", 'o': "òóôõöÒÓÔÕÖ", 'u': "ùúûüÙÚÛÜ", 'y': "ýÿÝŸ",
}

// anyAccent is a pattern for GLOB that finds word whatever its accents and
// capitals.
func anyAccent(word string) string {
	var b strings.Builder
	for _, r := range word {
		fmt.Fprintf(&b, "[%c%c%s]", r, []rune(strings.ToUpper(string(r)))[0], accents[r])
	}
	return b.String()
}
