package views

import (
	_ "embed"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/voci-in-comune/voci/internal/youtube"
)

// viewCount is a row of view_counts: what YouTube said, when.
type viewCount struct {
	PublicationID int64 `gorm:"primaryKey"`
	TakenAt       int64 `gorm:"primaryKey"`
	Views         *int64
	Likes         *int64
	Comments      *int64
}

// latestView is a row of latest_views.
type latestView struct {
	PublicationID int64 `gorm:"primaryKey"`
	TakenAt       int64
	Views         *int64
	Likes         *int64
	Comments      *int64
}

// dailyView is a row of daily_views: one day of a testimony's curve.
type dailyView struct {
	PublicationID int64  `gorm:"primaryKey"`
	Day           string `gorm:"primaryKey"`
	Views         int64
	Gained        int64
}

// known is what daily_views holds of a publication around a day.
type known struct {
	ID      int64
	Before  *int64 // the last known views of earlier days
	Today   *int64
	Later   bool // there are days after it: the clock has gone back
	Adopted bool // it was watched before it was known here
}

// change is by how much a day's counts changed the last known views.
type change struct {
	views  int64
	gained int64 // of that, what was gained since the portal counts
}

//go:embed known.sql
var knownSQL string

// record keeps inside tx what YouTube said of a batch, and returns of how many
// it said something. A publication missing from counts is one of which nothing
// is known: it gets no row.
func record(tx *gorm.DB, batch []target, counts map[string]youtube.Counts, at time.Time) (int, error) {
	var said []viewCount
	var latest []latestView
	views := map[int64]int64{}  // by publication
	testimonies := []int64(nil) // of which the views are known
	publications := []int64(nil)
	for _, t := range batch {
		c, ok := counts[t.YoutubeID]
		if !ok {
			continue
		}
		said = append(said, viewCount{t.ID, at.Unix(), c.Views, c.Likes, c.Comments})
		latest = append(latest, latestView{t.ID, at.Unix(), c.Views, c.Likes, c.Comments})
		if c.Views != nil {
			views[t.ID] = *c.Views
			testimonies, publications = append(testimonies, t.TestimonyID), append(publications, t.ID)
		}
	}
	if len(said) == 0 {
		return 0, nil
	}
	again := clause.OnConflict{UpdateAll: true} // twice in one second: the last word counts
	if err := tx.Clauses(again).Create(&said).Error; err != nil {
		return 0, fmt.Errorf("keep what was said: %w", err)
	}
	if err := tx.Clauses(again).Create(&latest).Error; err != nil {
		return 0, fmt.Errorf("keep the newest counts: %w", err)
	}
	if len(views) == 0 {
		return len(said), nil
	}
	day := dayOf(at)
	deltas, err := recordDay(tx, day, publications, views)
	if err != nil {
		return 0, err
	}
	return len(said), addToTotals(tx, day, testimonies, deltas)
}

// recordDay keeps the day of each publication's curve, and returns by how much
// its last known views changed.
func recordDay(tx *gorm.DB, day string, publications []int64, views map[int64]int64) (map[int64]change, error) {
	var before []known
	err := tx.Raw(knownSQL, map[string]any{"day": day, "publications": publications}).Scan(&before).Error
	if err != nil {
		return nil, fmt.Errorf("read the days before %s: %w", day, err)
	}
	deltas := make(map[int64]change, len(before))
	var rows []dailyView
	for _, k := range before {
		if k.Later {
			// A clock that was ahead has been put right. What it wrote stays, and the
			// curve goes on when the day has come.
			continue
		}
		now := views[k.ID]
		row := dailyView{PublicationID: k.ID, Day: day, Views: now, Gained: now}
		delta := now
		if k.Before != nil {
			row.Gained -= *k.Before
			delta = row.Gained
		}
		if k.Today != nil {
			delta = now - *k.Today
		}
		deltas[k.ID] = change{delta, delta}
		if k.Adopted && k.Before == nil {
			row.Gained, deltas[k.ID] = 0, change{views: delta}
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return deltas, nil
	}
	if err := tx.Table("daily_views").Clauses(clause.OnConflict{UpdateAll: true}).Create(&rows).Error; err != nil {
		return nil, fmt.Errorf("keep the day %s: %w", day, err)
	}
	return deltas, nil
}

// addToTotals adds what a day's counts changed to the totals of that day.
func addToTotals(tx *gorm.DB, day string, testimonies []int64, deltas map[int64]change) error {
	if err := goOnTo(tx, day); err != nil {
		return err
	}
	counted, err := members(tx, testimonies)
	if err != nil {
		return err
	}
	sums := map[key]change{}
	for _, m := range counted {
		d := deltas[*m.publication]
		for _, k := range m.keys {
			sums[k] = change{sums[k].views + d.views, sums[k].gained + d.gained}
		}
	}
	var rows []total
	for k, n := range sums {
		if n != (change{}) {
			rows = append(rows, total{Dimension: k.Dimension, Key: k.Key, Day: day, Views: n.views, Gained: n.gained, Brought: n.views - n.gained})
		}
	}
	return add(tx, rows)
}
