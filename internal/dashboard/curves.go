package dashboard

import (
	"context"
	"slices"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/insight"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// A curve of so many months is read by day, or by week: of more, the points can
// no longer be told apart, nor its table be read.
const (
	monthsByDay  = 3
	monthsByWeek = 24
)

// Curves are views over time: of everything, and of each theme.
type Curves struct {
	Step   insight.Step
	Views  page.Line
	Themes Series

	spark  page.Spark
	sparks map[string]page.Spark // by theme
}

// Series are several lines over the same days, as a table: a column for each
// line. A script makes a chart of it where there is one.
type Series struct {
	Lines []SeriesLine
	Days  []SeriesDay
	Mark  *page.Mark // nil if YouTube counted alike on all of them
}

// since is the mark that stands in every drawing of views over time.
var since = page.Mark{Day: youtube.ViewsAtStart, Says: fault.Msg("terms.since"), Row: fault.Msg("terms.since_row")}

// SeriesLine is one line of Series.
type SeriesLine struct{ Name, Hue string }

// SeriesDay is one day of Series: a value for each line.
type SeriesDay struct {
	Day    time.Time
	Values []int64
	Since  bool // the first since YouTube counts otherwise
}

// curves are empty where YouTube has told nothing: that is not zero.
func (d *Dashboard) curves(ctx context.Context, lang string, told bool) (Curves, error) {
	var c Curves
	all, step, err := d.readable(ctx)
	if err != nil {
		return c, err
	}
	told = told || slices.ContainsFunc(all, func(p insight.Point) bool { return p.Views != 0 })
	if !told {
		all = nil
	}
	c.Step = step
	points := make([]page.Point, len(all))
	gained := make([]int64, len(all))
	for i, p := range all {
		points[i], gained[i] = page.Point{Day: p.Day, Value: p.Views}, p.Gained
	}
	c.spark = spark(points, gained)
	c.Views = page.NewLine(d.pages.T(lang, "dashboard.views."+string(step)),
		d.pages.T(lang, "dashboard.column.day"), d.pages.T(lang, "dashboard.column.views"), points).Marked(since)
	themes, err := d.insight.ThemesOverTime(ctx, time.Time{}, time.Time{}, step)
	if err != nil {
		return c, err
	}
	c.sparks = map[string]page.Spark{}
	for i, one := range themes.Curves {
		if !told {
			themes.Curves[i].Points = nil
			continue
		}
		gained := make([]int64, len(one.Points))
		for i, p := range one.Points {
			gained[i] = p.Gained
		}
		c.sparks[one.Theme.Slug] = spark(points, gained)
	}
	c.Themes = series(lang, themes, c.Views.Mark)
	return c, nil
}

// readable is the curve of everything, in the smallest step that can be read.
func (d *Dashboard) readable(ctx context.Context) ([]insight.Point, insight.Step, error) {
	var start, end time.Time
	months, err := d.insight.ViewsOverTime(ctx, start, end, insight.Month)
	if err != nil {
		return nil, "", err
	}
	step := insight.Month
	switch n := len(months.Points); {
	case n <= monthsByDay:
		step = insight.Day
	case n <= monthsByWeek:
		step = insight.Week
	default:
		return months.Points, step, nil
	}
	curve, err := d.insight.ViewsOverTime(ctx, start, end, step)
	return curve.Points, step, err
}

func series(lang string, themes insight.ThemeCurves, mark *page.Mark) Series {
	s := Series{Mark: mark}
	for n, one := range themes.Curves {
		s.Lines = append(s.Lines, SeriesLine{Name: one.Theme.Name(lang), Hue: one.Theme.Colour})
		for i, p := range one.Points {
			if n == 0 {
				first := i == 0 || one.Points[i-1].Day.Before(since.Day)
				s.Days = append(s.Days, SeriesDay{Day: p.Day, Since: mark != nil && first && !p.Day.Before(since.Day)})
			}
			s.Days[i].Values = append(s.Days[i].Values, p.Views)
		}
	}
	return s
}

// spark is a small line of the newest values at points.
func spark(points []page.Point, values []int64) page.Spark {
	from := max(len(values)-sparkPoints, 0)
	days := points[min(from, len(points)):]
	before := slices.IndexFunc(days, func(p page.Point) bool { return !p.Day.Before(since.Day) })
	return page.NewSpark(values[from:]).Marked(before, len(values)-from)
}
