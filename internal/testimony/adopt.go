package testimony

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
)

// Found is a video that was out before the portal was, with what is said of it
// there. Its file is not here.
type Found struct {
	MunicipalityCode string
	Themes           []string // slugs
	Origin           string   // where its file is, in place of an upload
	Title            string
	Description      string
	Language         string // BCP 47; empty if nobody said
	Tags             []string
	Visibility       Visibility
	PublishedAt      time.Time
	Duration         time.Duration
}

// Adopt makes a published testimony of a video that was out before, inside tx.
// What is said of it is made to keep our rules. The caller counts it, and runs
// the Shown hook once tx has committed. It returns fault.Invalid with the fields
// that are wrong.
func (s *Store) Adopt(tx *gorm.DB, actor string, f Found) (*Testimony, error) {
	var themes []Theme
	if err := tx.Where("slug IN ?", f.Themes).Order("position, id").Find(&themes).Error; err != nil {
		return nil, fmt.Errorf("read the themes: %w", err)
	}
	var wrong fault.Fields
	switch {
	case len(themes) == 0:
		wrong.Add("themes", "testimony.themes.empty")
	case len(themes) > MaxThemes:
		wrong.Add("themes", "testimony.themes.many", "Max", MaxThemes)
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	out := f.PublishedAt.UTC()
	t := &Testimony{
		MunicipalityCode: f.MunicipalityCode, State: Published, Origin: FromChannel, Visibility: f.Visibility,
		Title: tidyTitle(f.Title), Description: tidyDescription(f.Description), Tags: tidyTags(f.Tags), Language: ours(f.Language),
		Version: 1, CreatedAt: s.now(), UpdatedAt: s.now(), ApprovedAt: s.moment(), PublishedAt: &out, Themes: themes,
	}
	if err := tx.Omit(clause.Associations).Create(t).Error; err != nil {
		return nil, fmt.Errorf("adopt %s: %w", f.Origin, err)
	}
	if err := tx.Model(t).Omit("Themes.*").Association("Themes").Append(themes); err != nil {
		return nil, fmt.Errorf("keep the themes: %w", err)
	}
	t.Full = &Video{
		TestimonyID: t.ID, Kind: Full, UploadID: f.Origin, State: VideoReady, Filename: f.Origin, DurationMS: f.Duration.Milliseconds(), HasSound: true,
		ReceivedAt: out, CheckedAt: s.moment(),
	}
	if err := tx.Create(t.Full).Error; err != nil {
		return nil, fmt.Errorf("adopt %s: %w", f.Origin, err)
	}
	t.watch()
	return t, audit.Write(tx, s.now(), actor, "testimony.adopt", "testimony", t.ID, map[string]any{"from": f.Origin})
}

// tidy makes a text that our rules accept: what they refuse becomes a space, but
// for the characters that are kept.
func tidy(s, keep string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case visible(r) < 0:
			return -1
		case r == '<' || r == '>', unicode.IsControl(r) && !strings.ContainsRune(keep, r):
			return ' '
		}
		return r
	}, strings.ToValidUTF8(normalLines(s), ""))
}

func tidyTitle(s string) string {
	title := []rune(strings.Join(strings.Fields(tidy(s, "")), " "))
	if len(title) == 0 {
		return "Testimonianza" // cannot be: a video has a title
	}
	return strings.TrimSpace(string(title[:min(len(title), MaxTitle)]))
}

func tidyDescription(s string) string {
	s = strings.TrimSpace(tidy(s, "\n\t"))
	if len(s) > MaxDescription {
		end := MaxDescription
		for !utf8.RuneStart(s[end]) {
			end--
		}
		s = strings.TrimSpace(s[:end])
	}
	return s
}

func tidyTags(typed []string) Tags {
	kept := Tags{}
	for _, tag := range ParseTags(strings.ReplaceAll(tidy(strings.Join(typed, ","), ""), `"`, " ")) {
		if CountTags(append(kept, tag)) <= MaxTags {
			kept = append(kept, tag)
		}
	}
	return kept
}

// ours is the language of ours that a BCP 47 code means, Italian if it is none.
func ours(code string) string {
	code, _, _ = strings.Cut(strings.ToLower(code), "-")
	if slices.Contains(Languages(), code) {
		return code
	}
	return Languages()[0]
}
