package views

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"
)

// The dimensions of daily_totals. The only key of all is empty.
const (
	all          = "all"
	theme        = "theme"        // by slug
	zone         = "zone"         // by slug
	municipality = "municipality" // by ISTAT code, as the testimony has it
	language     = "language"     // by ISO 639 code
)

// key is a line of totals.
type key struct{ Dimension, Key string }

// total is a row of daily_totals, or what is to be added to one.
type total struct {
	Dimension   string
	Key         string
	Day         string
	Testimonies int64
	Views       int64
	Gained      int64
	Brought     int64 // of Views, those that adopted ones came with
}

// line is the line that the row is in.
func (t total) line() key { return key{t.Dimension, t.Key} }

// member is a testimony that counts, with the lines of totals that it is in.
type member struct {
	testimony   int64
	publication *int64 // nil if it never went to a channel
	adopted     bool   // it was watched before the portal was: its first count is nothing that was gained
	published   string // day, or the one on which it was adopted; empty if unknown
	keys        []key
}

//go:embed members.sql
var membersSQL string

// members reads which of testimonies count, or of all if there is no list.
func members(db *gorm.DB, testimonies []int64) ([]member, error) {
	var rows []struct {
		ID               int64
		PublishedAt      *time.Time
		CreatedAt        time.Time
		MunicipalityCode string
		Language         string
		ZoneSlug         string
		PublicationID    *int64
		Adopted          bool
	}
	q := db.Raw(membersSQL)
	if testimonies != nil {
		q = db.Raw(membersSQL+" AND t.id IN ?", testimonies)
	}
	if err := q.Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("read which testimonies count: %w", err)
	}
	themes, err := themesOf(db, testimonies)
	if err != nil {
		return nil, err
	}
	counted := make([]member, 0, len(rows))
	for _, r := range rows {
		m := member{testimony: r.ID, publication: r.PublicationID, adopted: r.Adopted, keys: []key{
			{all, ""}, {zone, r.ZoneSlug}, {municipality, r.MunicipalityCode}, {language, r.Language},
		}}
		switch {
		case r.Adopted:
			m.published = dayOf(r.CreatedAt) // nobody knows how it was watched before
		case r.PublishedAt != nil:
			m.published = dayOf(*r.PublishedAt)
		}
		for _, slug := range themes[r.ID] {
			m.keys = append(m.keys, key{theme, slug})
		}
		counted = append(counted, m)
	}
	return counted, nil
}

func themesOf(db *gorm.DB, testimonies []int64) (map[int64][]string, error) {
	var rows []struct {
		TestimonyID int64
		Slug        string
	}
	q := db.Table("testimony_themes tt").Select("tt.testimony_id, th.slug").Joins("JOIN themes th ON th.id = tt.theme_id")
	if testimonies != nil {
		q = q.Where("tt.testimony_id IN ?", testimonies)
	}
	if err := q.Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("read the themes of testimonies: %w", err)
	}
	themes := make(map[int64][]string, len(rows))
	for _, r := range rows {
		themes[r.TestimonyID] = append(themes[r.TestimonyID], r.Slug)
	}
	return themes, nil
}

// newest is the last day that the totals know, empty if there is none.
func newest(db *gorm.DB) (string, error) {
	var day *string
	if err := db.Raw(`SELECT max(day) FROM daily_totals WHERE dimension = ? AND key = ''`, all).Scan(&day).Error; err != nil {
		return "", fmt.Errorf("read the last day of the totals: %w", err)
	}
	if day == nil {
		return "", nil
	}
	return *day, nil
}

//go:embed go_on.sql
var goOnSQL string

// goOnTo carries the totals forward up to a day: each line has a row for each
// day from its first one, so that any day can be read without looking back.
func goOnTo(tx *gorm.DB, day string) error {
	last, err := newest(tx)
	if err != nil || last == "" || last >= day {
		return err
	}
	days, err := between(last, day)
	if err != nil {
		return err
	}
	// A day at a time only when the portal slept for days.
	for _, d := range days {
		if err := tx.Exec(goOnSQL, map[string]any{"from": last, "to": d}).Error; err != nil {
			return fmt.Errorf("carry the totals on to %s: %w", d, err)
		}
	}
	return nil
}

// manyRows bounds the rows of one statement: SQLite takes 32,766 values.
// https://www.sqlite.org/limits.html#max_variable_number
const manyRows = 1000

// add adds rows to the totals; where there is no row yet, it begins at zero.
func add(tx *gorm.DB, rows []total) error {
	for some := range slices.Chunk(rows, manyRows) {
		sql := make([]byte, 0, 300+20*len(some))
		sql = append(sql, `INSERT INTO daily_totals (dimension, key, day, testimonies, views, gained, brought) VALUES `...)
		args := make([]any, 0, 7*len(some))
		for i, r := range some {
			if i > 0 {
				sql = append(sql, ',')
			}
			sql = append(sql, `(?,?,?,?,?,?,?)`...)
			args = append(args, r.Dimension, r.Key, r.Day, r.Testimonies, r.Views, r.Gained, r.Brought)
		}
		sql = append(sql, ` ON CONFLICT (dimension, key, day) DO UPDATE SET
			testimonies = daily_totals.testimonies + excluded.testimonies,
			views = daily_totals.views + excluded.views,
			gained = daily_totals.gained + excluded.gained,
			brought = daily_totals.brought + excluded.brought`...)
		if err := tx.Exec(string(sql), args...).Error; err != nil {
			return fmt.Errorf("add to the totals: %w", err)
		}
	}
	return nil
}

// Recount lets change change what testimonies count for (published, withdrawn,
// given other themes, moved) inside tx, and keeps the totals of all days true to
// it: what the testimony added to them before is taken out, and what it adds
// after is put in.
func (s *Sync) Recount(tx *gorm.DB, testimonyID int64, change func() error) error {
	if err := move(tx, []int64{testimonyID}, -1); err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	return move(tx, []int64{testimonyID}, 1)
}

// Forget takes a testimony out of the totals of all days inside tx. The caller
// withdraws it in the same transaction, afterwards.
func (s *Sync) Forget(tx *gorm.DB, testimonyID int64) error {
	return move(tx, []int64{testimonyID}, -1)
}

// Include puts testimonies that the totals do not know into those of all days
// inside tx, all at once: each may have been out for years.
func (s *Sync) Include(tx *gorm.DB, testimonyIDs []int64) error { return move(tx, testimonyIDs, 1) }

// move adds the curves of testimonies, times sign, to the totals, those that
// count.
func move(tx *gorm.DB, testimonyIDs []int64, sign int64) error {
	counted, err := members(tx, testimonyIDs)
	if err != nil || len(counted) == 0 {
		return err
	}
	var publications []int64
	for _, m := range counted {
		if m.publication != nil {
			publications = append(publications, *m.publication)
		}
	}
	var days []dailyView
	if err := tx.Table("daily_views").Where("publication_id IN ?", publications).Order("publication_id, day").Find(&days).Error; err != nil {
		return fmt.Errorf("read the curves of %d testimonies: %w", len(testimonyIDs), err)
	}
	curves := map[int64][]dailyView{}
	for _, d := range days {
		curves[d.PublicationID] = append(curves[d.PublicationID], d)
	}
	last, err := horizon(tx)
	if err != nil {
		return err
	}
	sums := series{}
	for _, m := range counted {
		last = max(last, m.published) // one that was adopted today
		var curve []dailyView
		if m.publication != nil {
			curve = curves[*m.publication]
		}
		if err := sums.count(m, curve); err != nil {
			return err
		}
	}
	if err := goOnTo(tx, last); err != nil {
		return err
	}
	rows, err := sums.rows(last)
	if err != nil {
		return err
	}
	for i := range rows {
		rows[i].Testimonies *= sign
		rows[i].Views *= sign
		rows[i].Gained *= sign
		rows[i].Brought *= sign
	}
	if err := add(tx, rows); err != nil {
		return fmt.Errorf("recount %d testimonies: %w", len(testimonyIDs), err)
	}
	return dropEmpty(tx, slices.Collect(maps.Keys(sums)))
}

// horizon is the last day of which anything is known: the totals', a count's,
// or that of a publication.
func horizon(db *gorm.DB) (string, error) {
	last, err := newest(db)
	if err != nil {
		return "", err
	}
	var counted *string
	if err := db.Raw(`SELECT max(day) FROM daily_views`).Scan(&counted).Error; err != nil {
		return "", fmt.Errorf("read the last day that was counted: %w", err)
	}
	if counted != nil {
		last = max(last, *counted)
	}
	var published []time.Time
	err = db.Table("testimonies").Where("state = 'published' AND visibility = 'public' AND published_at IS NOT NULL").
		Order("published_at DESC").Limit(1).Pluck("published_at", &published).Error
	if err != nil {
		return "", fmt.Errorf("read the last day that something was published: %w", err)
	}
	for _, at := range published {
		last = max(last, dayOf(at))
	}
	return last, nil
}

// dropEmpty removes the rows of days on which nobody was in a line.
func dropEmpty(tx *gorm.DB, keys []key) error {
	for _, k := range keys {
		err := tx.Exec(`DELETE FROM daily_totals WHERE dimension = ? AND key = ? AND testimonies = 0`, k.Dimension, k.Key).Error
		if err != nil {
			return fmt.Errorf("remove empty days: %w", err)
		}
	}
	return nil
}
