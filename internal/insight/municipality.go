package insight

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"time"
)

// A curve of so many days is told by day, or by week: of more, the points could
// no longer be told apart.
const (
	daysByDay  = 92
	daysByWeek = 2 * 366
)

//go:embed queries/municipality.sql
var municipalitySQL string

// Municipality returns the views of one municipality, with those that merged into
// it, since its first testimony, in the smallest step that can be read.
func (i *Insight) Municipality(ctx context.Context, code string) (Curve, Step, error) {
	var c Curve
	var days []time.Time
	var heights []height
	err := i.rows(ctx, municipalitySQL, map[string]any{"code": code}, func(row *sql.Rows) error {
		var day string
		var h height
		if err := row.Scan(&day, &h.views, &h.brought); err != nil {
			return err
		}
		d, err := time.Parse(time.DateOnly, day)
		days, heights = append(days, d), append(heights, h)
		return err
	})
	if err != nil {
		return c, "", fmt.Errorf("read the curve of %s: %w", code, err)
	}
	step := Day
	switch n := len(days); {
	case n > daysByWeek:
		step = Month
	case n > daysByDay:
		step = Week
	}
	var before height
	for n, d := range days {
		if d != lastOf(d, step) && n < len(days)-1 {
			continue
		}
		h := heights[n]
		c.Points = append(c.Points, Point{Day: d, Views: h.views, Gained: h.views - before.views - (h.brought - before.brought)})
		before = h
	}
	c.Source, err = i.source(ctx)
	return c, step, err
}
