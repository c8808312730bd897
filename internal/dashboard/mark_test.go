package dashboard_test

import (
	"slices"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/dashboard"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// TestChartsSayFromWhenAViewIsCountedOtherwise has histories that end before the
// day on which YouTube changed what a view is, begin after it, and go over it,
// in each step that a curve can have.
func TestChartsSayFromWhenAViewIsCountedOtherwise(t *testing.T) {
	day := youtube.ViewsAtStart
	if day.Format(time.DateOnly) != "2026-08-24" {
		t.Fatalf("it changed on %s", day)
	}
	for name, c := range map[string]struct {
		last time.Time
		days int
		mark bool
	}{
		"before":           {day.AddDate(0, 0, -1), 20, false},
		"after":            {day.AddDate(0, 0, 30), 20, false},
		"over it by days":  {day.AddDate(0, 0, 5), 20, true},
		"on its last day":  {day, 20, true},
		"over it by weeks": {day.AddDate(0, 0, 60), 200, true},
		"by months":        {day.AddDate(0, 0, 60), 1000, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t, territory.Founding)
			for _, line := range [][2]string{{"all", ""}, {"theme", "solidarieta"}} {
				w.exec(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
					INSERT INTO daily_totals (dimension, key, day, testimonies, views, gained) SELECT ?, ?, date(?, '-' || i || ' days'), 1, 5000 - i, 1 + i % 3 FROM n`,
					c.days, line[0], line[1], c.last.Format(time.DateOnly))
			}
			w.now = c.last.Add(9 * time.Hour)
			curves := w.ask(dashboard.Ask{Staff: true}).Curves
			if got := curves.Views.Mark != nil; got != c.mark {
				t.Fatalf("marked: %v", got)
			}
			var rows, days []string
			for n, p := range curves.Views.Points {
				if curves.Views.MarkedAt(n) {
					rows = append(rows, p.Day.Format(time.DateOnly))
				}
			}
			for _, d := range curves.Themes.Days {
				if d.Since {
					days = append(days, d.Day.Format(time.DateOnly))
				}
			}
			if !slices.Equal(rows, days) || len(rows) > 1 || (len(rows) == 1) != c.mark {
				t.Errorf("the rows %v and %v are marked", rows, days)
			}
			if len(rows) == 1 && (rows[0] < "2026-08-24" || rows[0] > "2026-09-24") {
				t.Errorf("the mark is at %s", rows[0])
			}
			if got := curves.Themes.Mark != nil; got != c.mark {
				t.Errorf("the themes' chart is marked: %v", got)
			}
			if c.mark && (curves.Views.Mark.X <= "0" || curves.Views.Mark.Says.Key != "terms.since") {
				t.Errorf("mark: %+v", curves.Views.Mark)
			}
		})
	}
}
