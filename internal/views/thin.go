package views

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
)

const (
	// keepWhole is for how many days every single count is kept; of older days
	// the last one is.
	keepWhole = 60
	// thinAtOnce is how many publications one transaction thins, so that nobody
	// waits for long.
	thinAtOnce = 200
)

// Thin removes all counts but the last of a day, of days older than keepWhole.
// A last one that says nothing of the views yields to one that does.
func (s *Sync) Thin(ctx context.Context) error {
	end := midnight(midnight(s.now()).AddDate(0, 0, -keepWhole)).Unix()
	begin := s.thinned.Load()
	var publications []int64
	err := s.db.Reader(ctx).Raw(`SELECT id FROM publications WHERE youtube_id IS NOT NULL ORDER BY id`).Scan(&publications).Error
	if err != nil {
		return fmt.Errorf("list whose history to thin: %w", err)
	}
	for some := range slices.Chunk(publications, thinAtOnce) {
		if err := s.thin(ctx, some, begin, end); err != nil {
			return fmt.Errorf("thin the history: %w", err)
		}
	}
	s.thinned.Store(end) // until the next start, which looks at all of it once
	return nil
}

// thin thins the counts of publications from one moment up to another.
func (s *Sync) thin(ctx context.Context, publications []int64, begin, end int64) error {
	var rows []viewCount
	err := s.db.Reader(ctx).Raw(`
		SELECT publication_id, taken_at, views FROM view_counts
		WHERE publication_id IN ? AND taken_at >= ? AND taken_at < ?
		ORDER BY publication_id, taken_at`, publications, begin, end).Scan(&rows).Error
	if err != nil {
		return err
	}
	extra := map[int64][]int64{} // when, by publication
	kept := -1                   // the row that stays for now of the day being looked at
	var dayEnds int64
	for i, r := range rows {
		if kept < 0 || rows[kept].PublicationID != r.PublicationID || r.TakenAt >= dayEnds {
			kept = i
			dayEnds = midnight(time.Unix(r.TakenAt, 0)).AddDate(0, 0, 1).Unix()
			continue
		}
		gone := rows[kept]
		if r.Views == nil && gone.Views != nil {
			gone = r
		} else {
			kept = i
		}
		extra[gone.PublicationID] = append(extra[gone.PublicationID], gone.TakenAt)
	}
	if len(extra) == 0 {
		return nil
	}
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		for publication, moments := range extra {
			for some := range slices.Chunk(moments, manyRows) {
				err := tx.Exec(`DELETE FROM view_counts WHERE publication_id = ? AND taken_at IN ?`, publication, some).Error
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}
