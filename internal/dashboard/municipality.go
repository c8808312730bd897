package dashboard

import (
	"context"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
)

// Watched is how often the testimonies of one municipality were watched.
type Watched struct {
	Views page.Figure
	Line  page.Line
	Told  bool // YouTube has told something; without it there is no number, not zero
}

// Municipality returns how often the testimonies of a municipality were watched,
// in a language.
func (d *Dashboard) Municipality(ctx context.Context, lang, code string) (Watched, error) {
	curve, step, err := d.insight.Municipality(ctx, code)
	if err != nil {
		return Watched{}, err
	}
	fresh, err := d.fresh(ctx, curve.Source)
	if err != nil {
		return Watched{}, err
	}
	w := Watched{Told: fresh.At != nil && len(curve.Points) > 0}
	if !w.Told {
		curve.Points = nil
	}
	points := make([]page.Point, len(curve.Points))
	gained := make([]int64, len(curve.Points))
	var all int64
	for i, p := range curve.Points {
		points[i], gained[i], all = page.Point{Day: p.Day, Value: p.Views}, p.Gained, p.Views
	}
	source := fresh.Source()
	w.Views = page.Figure{
		Number: none, Label: fault.Msg("dashboard.views_total", "Count", all), Source: &source, Spark: spark(points, gained), YouTube: true,
	}
	if w.Told {
		w.Views.Number = page.Number(lang, all)
	}
	w.Line = page.NewLine(d.pages.T(lang, "dashboard.views."+string(step)),
		d.pages.T(lang, "dashboard.column.day"), d.pages.T(lang, "dashboard.column.views"), points).Marked(since)
	return w, nil
}
