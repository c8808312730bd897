// Package dashboard puts the answers of insight into parts of pages: figures,
// tables, lines, the map, each number with where it comes from and when it was
// true. The staff's dashboard and the public page of numbers both show them. It
// asks nothing of the database itself and knows no address but those it links
// to.
package dashboard

import (
	"context"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/insight"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/territory"
)

// Dashboard makes boards. Make it with New.
type Dashboard struct {
	insight  *insight.Insight
	registry *territory.Registry
	pages    *page.Pages
	patience time.Duration
	now      func() time.Time
}

// grace is what a run of the sync may take, beside its turn in the queue.
const grace = 10 * time.Minute

// New makes the room. syncEvery is how often view counts are brought back:
// numbers that missed two turns are late.
func New(i *insight.Insight, r *territory.Registry, p *page.Pages, syncEvery time.Duration, clock func() time.Time) *Dashboard {
	return &Dashboard{insight: i, registry: r, pages: p, patience: 2*syncEvery + grace, now: clock}
}

// Fresh is how old YouTube's numbers are.
type Fresh struct {
	Late        bool
	At          *time.Time     // when the newest numbers came; nil: none ever did
	SyncedAt    *time.Time     // the last run without trouble; nil: none yet
	FailedSince *time.Time     // the first run with trouble since then
	Trouble     *fault.Message // what the last of them met
}

// fresh tells how old the numbers of source are.
func (d *Dashboard) fresh(ctx context.Context, source insight.Source) (Fresh, error) {
	f, err := d.insight.Freshness(ctx)
	if err != nil {
		return Fresh{}, err
	}
	old := f.SyncedAt != nil && d.now().Sub(*f.SyncedAt) > d.patience
	return Fresh{
		Late: f.FailedSince != nil || old, At: source.At,
		SyncedAt: f.SyncedAt, FailedSince: f.FailedSince, Trouble: f.Trouble,
	}, nil
}

// Source says where YouTube's numbers come from and when they were true.
func (f Fresh) Source() fault.Message {
	switch {
	case f.At == nil:
		return fault.Msg("dashboard.source.never")
	case f.Late:
		return fault.Msg("dashboard.source.late", "When", *f.At)
	default:
		return fault.Msg("dashboard.source.youtube", "When", *f.At)
	}
}

// Notice is what is said on top of a page whose numbers are late; nil if they
// are not.
func (f Fresh) Notice() *page.Alert {
	if !f.Late {
		return nil
	}
	a := page.Alert{Kind: "warning", Message: fault.Msg("dashboard.late_never")}
	if f.At != nil {
		a.Message = fault.Msg("dashboard.late", "When", *f.At)
	}
	return &a
}

// none stands for a number that nobody has told yet.
const none = "–"

// Summary is the portal in a few numbers.
type Summary struct {
	Empty   bool // nothing is out yet
	Figures []page.Figure
	Fresh   Fresh
}

// Nothing is what stands in place of the numbers while there are none.
func (Summary) Nothing() page.Empty {
	do := fault.Msg("dashboard.empty_do")
	return page.Empty{Icon: "chart", What: fault.Msg("dashboard.empty"), Do: &do}
}

// Summary returns the portal in a few numbers, in a language.
func (d *Dashboard) Summary(ctx context.Context, lang string) (Summary, error) {
	totals, err := d.insight.Totals(ctx)
	if err != nil {
		return Summary{}, err
	}
	cover, err := d.insight.Coverage(ctx)
	if err != nil {
		return Summary{}, err
	}
	fresh, err := d.fresh(ctx, totals.Source)
	if err != nil {
		return Summary{}, err
	}
	return Summary{Empty: totals.Testimonies == 0, Figures: d.figures(lang, totals, cover, fresh), Fresh: fresh}, nil
}

// figures are the numbers that head a page. What is counted here says so, for
// it must not be taken for YouTube's (developer policies, III.E.4.h).
func (d *Dashboard) figures(lang string, totals insight.Totals, cover insight.Coverage, fresh Fresh) []page.Figure {
	ours, theirs := fault.Msg("dashboard.source.portal", "When", d.now()), fresh.Source()
	census := fault.Msg("dashboard.source.census")
	of := func(n int) *fault.Message {
		m := fault.Msg("dashboard.of", "Of", n)
		return &m
	}
	watched := none
	if fresh.At != nil {
		watched = page.Number(lang, totals.Views)
	}
	return []page.Figure{
		{Number: page.Number(lang, totals.Testimonies), Label: fault.Msg("dashboard.testimonies", "Count", totals.Testimonies), Source: &ours},
		{Number: watched, Label: fault.Msg("dashboard.views_total", "Count", totals.Views), Source: &theirs, YouTube: true},
		{Number: page.Number(lang, int64(cover.Heard)), Of: of(cover.Of), Label: fault.Msg("dashboard.heard", "Count", cover.Heard), Source: &ours},
		{Number: page.Number(lang, int64(cover.ResidentsHeard)), Of: of(cover.Residents), Label: fault.Msg("dashboard.residents"), Source: &census},
	}
}
