package insight

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// Step is how far apart the points of a curve are.
type Step string

// The steps. Weeks begin on Monday.
const (
	Day   Step = "day"
	Week  Step = "week"
	Month Step = "month"
)

// maxPoints bounds a curve: more cannot be told apart in a chart.
const maxPoints = 1500

// Point is one step of a curve.
type Point struct {
	Day    time.Time // the last day of the step, or the last day known; midnight UTC
	Views  int64     // at the end of that day
	Gained int64     // in the step; may be negative
}

// Curve is views over time.
type Curve struct {
	Points []Point
	Source Source
}

// ThemeCurves are the curves of every theme, over the same days.
type ThemeCurves struct {
	Curves []ThemeCurve // in the themes' order
	Source Source
}

// ThemeCurve is the curve of a theme.
type ThemeCurve struct {
	Theme  testimony.Theme
	Points []Point
}

// ViewsOverTime returns the views of everything from one day to another, both
// included. A zero from is the beginning, a zero to is the last day known.
// It returns fault.Invalid for an unknown step and for too many points.
func (i *Insight) ViewsOverTime(ctx context.Context, from, to time.Time, step Step) (Curve, error) {
	var c Curve
	ends, err := i.ends(ctx, from, to, step)
	if err != nil {
		return c, err
	}
	lines, err := i.lines(ctx, dimensionAll, ends)
	if err != nil {
		return c, err
	}
	c.Points = points(ends, lines[""])
	c.Source, err = i.source(ctx)
	return c, err
}

// ThemesOverTime is ViewsOverTime for each theme.
func (i *Insight) ThemesOverTime(ctx context.Context, from, to time.Time, step Step) (ThemeCurves, error) {
	var c ThemeCurves
	ends, err := i.ends(ctx, from, to, step)
	if err != nil {
		return c, err
	}
	themes, err := testimony.Themes(ctx, i.db)
	if err != nil {
		return c, err
	}
	lines, err := i.lines(ctx, dimensionTheme, ends)
	if err != nil {
		return c, err
	}
	for _, t := range themes {
		c.Curves = append(c.Curves, ThemeCurve{Theme: t, Points: points(ends, lines[t.Slug])})
	}
	c.Source, err = i.source(ctx)
	return c, err
}

//go:embed queries/span.sql
var spanSQL string

// ends lists the day before the first step, and the last day of each step.
func (i *Insight) ends(ctx context.Context, from, to time.Time, step Step) ([]time.Time, error) {
	if step != Day && step != Week && step != Month {
		return nil, fault.New(fault.Invalid, "insight.step", "Step", string(step))
	}
	var first, last *string
	err := i.rows(ctx, spanSQL, nil, func(row *sql.Rows) error { return row.Scan(&first, &last) })
	if err != nil {
		return nil, fmt.Errorf("read the span of the totals: %w", err)
	}
	if first == nil || last == nil {
		return nil, nil
	}
	begin, err := clip(from, *first, false)
	if err != nil {
		return nil, err
	}
	end, err := clip(to, *last, true)
	if err != nil {
		return nil, err
	}
	if end.Before(begin) {
		return nil, nil
	}
	ends := []time.Time{begin.AddDate(0, 0, -1)}
	for day := begin; !day.After(end); day = ends[len(ends)-1].AddDate(0, 0, 1) {
		if len(ends) > maxPoints {
			return nil, fault.New(fault.Invalid, "insight.too_many_points", "Max", maxPoints)
		}
		stepEnd := lastOf(day, step)
		if stepEnd.After(end) {
			stepEnd = end
		}
		ends = append(ends, stepEnd)
	}
	return ends, nil
}

// clip is the calendar day of t, but not before a bound (or not after it). A
// zero t is the bound.
func clip(t time.Time, bound string, after bool) (time.Time, error) {
	limit, err := time.Parse(time.DateOnly, bound)
	if err != nil {
		return limit, fmt.Errorf("a day in the totals: %w", err)
	}
	if t.IsZero() {
		return limit, nil
	}
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	if (after && day.After(limit)) || (!after && day.Before(limit)) {
		return limit, nil
	}
	return day, nil
}

// lastOf is the last day of the step that day is in.
func lastOf(day time.Time, step Step) time.Time {
	switch step {
	case Week:
		return day.AddDate(0, 0, (7-int(day.Weekday()))%7)
	case Month:
		return time.Date(day.Year(), day.Month()+1, 0, 0, 0, 0, 0, time.UTC)
	default:
		return day
	}
}

//go:embed queries/curve.sql
var curveSQL string

// height is where a line is at the end of a day.
type height struct{ views, brought int64 }

// lines reads the heights of lines at the end of some days, by key and day.
func (i *Insight) lines(ctx context.Context, dimension string, ends []time.Time) (map[string]map[string]height, error) {
	if len(ends) == 0 {
		return nil, nil
	}
	days := make([]string, len(ends))
	for n, d := range ends {
		days[n] = d.Format(time.DateOnly)
	}
	lines := map[string]map[string]height{}
	err := i.rows(ctx, curveSQL, map[string]any{"dimension": dimension, "days": days}, func(row *sql.Rows) error {
		var key, listed string
		if err := row.Scan(&key, &listed); err != nil {
			return err
		}
		line := make(map[string]height, len(ends))
		for one := range strings.SplitSeq(listed, ",") {
			day, numbers, _ := strings.Cut(one, " ")
			views, brought, _ := strings.Cut(numbers, " ")
			var h height
			var errs [2]error
			h.views, errs[0] = strconv.ParseInt(views, 10, 64)
			h.brought, errs[1] = strconv.ParseInt(brought, 10, 64)
			if err := errors.Join(errs[:]...); err != nil {
				return err
			}
			line[day] = h
		}
		lines[key] = line
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the curves by %s: %w", dimension, err)
	}
	return lines, nil
}

// points makes a curve. Before a line's first day it has no views.
func points(ends []time.Time, line map[string]height) []Point {
	if len(ends) == 0 {
		return nil
	}
	out := make([]Point, 0, len(ends)-1)
	before := line[ends[0].Format(time.DateOnly)]
	for _, day := range ends[1:] {
		h := line[day.Format(time.DateOnly)]
		out = append(out, Point{Day: day, Views: h.views, Gained: h.views - before.views - (h.brought - before.brought)})
		before = h
	}
	return out
}
