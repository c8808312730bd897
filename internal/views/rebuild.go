package views

import (
	"context"
	_ "embed"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/store"
)

// Rebuild computes all totals again from the curves, mends what differs, and
// returns how many rows did. Only Run waits for it.
func (s *Sync) Rebuild(ctx context.Context) (differences int, err error) {
	if err := s.take(ctx); err != nil {
		return 0, err
	}
	defer s.give()
	return s.rebuild(ctx)
}

func (s *Sync) rebuild(ctx context.Context) (int, error) {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		last, err := horizon(tx)
		if err != nil {
			return err
		}
		return goOnTo(tx, last)
	})
	if err != nil {
		return 0, fmt.Errorf("carry the totals on: %w", err)
	}
	var wrong []total
	var last string
	// One snapshot of both sides: what others write meanwhile differs in neither.
	err = s.db.Reader(ctx).Transaction(func(tx *gorm.DB) error {
		if last, err = newest(tx); err != nil {
			return err
		}
		if last == "" { // all is to be made
			if last, err = horizon(tx); err != nil {
				return err
			}
		}
		want, err := computed(ctx, tx, last)
		if err != nil {
			return err
		}
		wrong, err = compare(ctx, tx, want)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("compute the totals again: %w", err)
	}
	if len(wrong) == 0 {
		return 0, nil
	}
	if err := s.db.Write(ctx, func(tx *gorm.DB) error { return mend(tx, wrong, last) }); err != nil {
		return 0, fmt.Errorf("mend the totals: %w", err)
	}
	return len(wrong), nil
}

// computed returns the totals as they should be up to the day last, by their
// line and day.
func computed(ctx context.Context, tx *gorm.DB, last string) (map[key]map[string]total, error) {
	counted, err := members(tx, nil)
	if err != nil {
		return nil, err
	}
	sums := series{}
	by := make(map[int64]member, len(counted))
	for _, m := range counted {
		if m.publication != nil {
			by[*m.publication] = m
		} else if err := sums.countDays(m, nil, nil); err != nil {
			return nil, err
		}
	}
	err = curves(ctx, tx, func(publication int64, days []int, gained []int64) error {
		m, ok := by[publication]
		if !ok {
			return nil
		}
		delete(by, publication)
		return sums.countDays(m, days, gained)
	})
	if err != nil {
		return nil, err
	}
	for _, m := range by { // never counted so far
		if err := sums.countDays(m, nil, nil); err != nil {
			return nil, err
		}
	}
	rows, err := sums.rows(last)
	if err != nil {
		return nil, err
	}
	want := map[key]map[string]total{}
	for _, r := range rows {
		if r.Testimonies == 0 {
			continue
		}
		days := want[r.line()]
		if days == nil {
			days = map[string]total{}
			want[r.line()] = days
		}
		days[r.Day] = r
	}
	return want, nil
}

// curves reads the curve of each publication: the days on which it was counted,
// in order, and what was gained on each.
func curves(ctx context.Context, tx *gorm.DB, each func(publication int64, days []int, gained []int64) error) (err error) {
	t, err := store.Tx(tx)
	if err != nil {
		return err
	}
	// The driver hands each row of a query that can be cancelled through a
	// goroutine of its own; with millions of rows we look at ctx ourselves.
	rows, err := t.QueryContext(context.WithoutCancel(ctx), `SELECT publication_id, day, views FROM daily_views ORDER BY publication_id, day`)
	if err != nil {
		return fmt.Errorf("read the curves: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err says what went wrong
	var (
		publication, id, views, before int64
		day                            string
		days                           []int
		gained                         []int64
		numbers                        = map[string]int{} // there are far fewer days than rows
	)
	for rows.Next() {
		if err := rows.Scan(&id, &day, &views); err != nil {
			return fmt.Errorf("read the curves: %w", err)
		}
		if id != publication {
			if len(days) > 0 {
				if err := each(publication, days, gained); err != nil {
					return err
				}
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			publication, before, days, gained = id, 0, days[:0], gained[:0]
		}
		n, ok := numbers[day]
		if !ok {
			if n, err = number(day); err != nil {
				return err
			}
			numbers[day] = n
		}
		days, gained = append(days, n), append(gained, views-before)
		before = views
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the curves: %w", err)
	}
	if len(days) > 0 {
		return each(publication, days, gained)
	}
	return nil
}

// compare returns what is to be added to the totals so that they are what is
// wanted, one row for each that differs.
func compare(ctx context.Context, tx *gorm.DB, want map[key]map[string]total) ([]total, error) {
	t, err := store.Tx(tx)
	if err != nil {
		return nil, err
	}
	rows, err := t.QueryContext(context.WithoutCancel(ctx), `SELECT dimension, key, day, testimonies, views, gained, brought FROM daily_totals`)
	if err != nil {
		return nil, fmt.Errorf("read the totals: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err says what went wrong
	var wrong []total
	for rows.Next() {
		var have total
		if err := rows.Scan(&have.Dimension, &have.Key, &have.Day, &have.Testimonies, &have.Views, &have.Gained, &have.Brought); err != nil {
			return nil, fmt.Errorf("read the totals: %w", err)
		}
		days := want[have.line()]
		w := days[have.Day]
		delete(days, have.Day)
		if w.Testimonies == have.Testimonies && w.Views == have.Views && w.Gained == have.Gained && w.Brought == have.Brought {
			if have.Testimonies > 0 {
				continue
			}
			// An empty row that should not be there: adding nothing removes it.
		}
		wrong = append(wrong, total{
			Dimension: have.Dimension, Key: have.Key, Day: have.Day,
			Testimonies: w.Testimonies - have.Testimonies, Views: w.Views - have.Views, Gained: w.Gained - have.Gained, Brought: w.Brought - have.Brought,
		})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the totals: %w", err)
	}
	for _, days := range want {
		for _, w := range days {
			wrong = append(wrong, w)
		}
	}
	return wrong, nil
}

// mend adds what was wrong up to the day last. What others added since the
// snapshot stays; days that began since then began with what was wrong.
func mend(tx *gorm.DB, wrong []total, last string) error {
	now, err := newest(tx)
	if err != nil {
		return err
	}
	if err := goOnTo(tx, last); err != nil {
		return err
	}
	var since []string
	if now > last {
		if since, err = between(last, now); err != nil {
			return err
		}
	}
	rows := slices.Clone(wrong)
	for _, w := range wrong {
		if w.Day != last {
			continue
		}
		for _, day := range since {
			rows = append(rows, total{Dimension: w.Dimension, Key: w.Key, Day: day, Testimonies: w.Testimonies, Views: w.Views, Brought: w.Brought})
		}
	}
	if err := add(tx, rows); err != nil {
		return err
	}
	return tx.Exec(`DELETE FROM daily_totals WHERE testimonies = 0`).Error
}

// settle looks whether the newest day's totals are what the curves end with,
// and computes all again if not: after a change that nobody told Recount of.
func (s *Sync) settle(ctx context.Context) error {
	right, err := s.settled(ctx)
	if err != nil {
		return fmt.Errorf("check the newest totals: %w", err)
	}
	if right {
		return nil
	}
	n, err := s.rebuild(ctx)
	if err != nil {
		return err
	}
	s.log.InfoContext(ctx, "totals computed again", "differences", n)
	return nil
}

//go:embed ends.sql
var endsSQL string

// settled tells whether the newest day's totals are what the curves end with.
func (s *Sync) settled(ctx context.Context) (bool, error) {
	want := map[key]total{}
	var have []total
	err := s.db.Reader(ctx).Transaction(func(tx *gorm.DB) error {
		last, err := newest(tx)
		if err != nil {
			return err
		}
		counted, err := members(tx, nil)
		if err != nil {
			return err
		}
		var ends []struct{ ID, Views int64 }
		if err := tx.Raw(endsSQL).Scan(&ends).Error; err != nil {
			return err
		}
		views := make(map[int64]int64, len(ends))
		for _, e := range ends {
			views[e.ID] = e.Views
		}
		for _, m := range counted {
			var seen int64
			known := m.published != ""
			if m.publication != nil {
				v, ok := views[*m.publication]
				seen, known = v, known || ok
			}
			if !known {
				continue
			}
			for _, k := range m.keys {
				w := want[k]
				w.Testimonies++
				w.Views += seen
				want[k] = w
			}
		}
		return tx.Table("daily_totals").Select("dimension, key, testimonies, views").
			Where("dimension IN ? AND day = ?", []string{all, theme, zone, municipality, language}, last).Find(&have).Error
	})
	if err != nil {
		return false, err
	}
	for _, h := range have {
		if w := want[h.line()]; w.Testimonies != h.Testimonies || w.Views != h.Views {
			return false, nil
		}
	}
	return len(have) == len(want), nil
}
