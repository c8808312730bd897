package insight

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/territory"
)

// Municipalities and themes of the tests.
const (
	aglie, bruino, moncalieri, ivrea = "001001", "001038", "001156", "001125"
	aliceSuperiore, valDiChy         = "001005", "001317" // merged on 2019-01-01
	solidarity, support              = 1, 2
)

// spring is two months of a small portal: the third testimony is unlisted, the
// fourth comes in April, the first loses views.
func spring(w *world) {
	w.published(1, bruino, "public", solidarity)
	w.published(2, moncalieri, "public", solidarity, support)
	w.published(3, ivrea, "unlisted", support)
	w.counted("2026-03-02", map[int64]int64{1: 100, 2: 10, 3: 5000})
	w.counted("2026-03-20", map[int64]int64{1: 160, 2: 30, 3: 6000})
	w.now = at("2026-04-01")
	w.published(4, bruino, "public", support)
	w.counted("2026-04-01", map[int64]int64{1: 150, 2: 40, 4: 7})
	w.counted("2026-04-03", map[int64]int64{1: 151, 4: 9})
	w.now = at("2026-04-05")
}

func ask[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestNumbersOfEverything(t *testing.T) {
	w := newWorld(t, territory.Founding)
	spring(w)
	counted := at("2026-04-03")
	youtube := Source{Name: YouTube, At: &counted}

	totals := ask[Totals](t)(w.insight.Totals(t.Context()))
	// 7 days ago is 29 March, when 160 + 30 were known; 30 days ago 6 March: 110.
	want := Totals{Figures: Figures{Testimonies: 3, Views: 151 + 40 + 9, Gained7: 10, Gained30: 90}, Heard: 2, Of: 316, Source: youtube}
	if diff := cmp.Diff(want, totals); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}

	themes := ask[Themes](t)(w.insight.ByTheme(t.Context()))
	if len(themes.Rows) != 6 {
		t.Fatalf("themes: got %d, want all six", len(themes.Rows))
	}
	wantThemes := []Figures{
		{Testimonies: 2, Views: 191, Gained7: 191 - 190, Gained30: 191 - 110},
		{Testimonies: 2, Views: 49, Gained7: 49 - 30, Gained30: 49 - 10},
		{},
		{},
		{},
		{},
	}
	for n, want := range wantThemes {
		if diff := cmp.Diff(want, themes.Rows[n].Figures); diff != "" {
			t.Errorf("theme %s (-want +got):\n%s", themes.Rows[n].Theme.Slug, diff)
		}
	}
	if themes.Rows[0].Theme.Slug != "solidarieta" || themes.Rows[0].Theme.NameFR != "Solidarité" {
		t.Errorf("first theme: got %+v", themes.Rows[0].Theme)
	}

	zones := ask[Zones](t)(w.insight.ByZone(t.Context()))
	heard, of := 0, 0
	for _, z := range zones.Rows {
		heard, of = heard+z.Heard, of+z.Of
		if z.Zone.Slug == "amt-sud" {
			if diff := cmp.Diff(Figures{Testimonies: 3, Views: 200, Gained7: 10, Gained30: 90}, z.Figures); diff != "" {
				t.Errorf("zone %s (-want +got):\n%s", z.Zone.Slug, diff)
			}
		} else if z.Testimonies != 0 {
			t.Errorf("zone %s: %d testimonies, want none", z.Zone.Slug, z.Testimonies)
		}
	}
	if len(zones.Rows) != 11 || heard != 2 || of != 316 {
		t.Errorf("%d zones, %d of %d heard, want 11, 2 of 316", len(zones.Rows), heard, of)
	}
}

func TestNumbersByMunicipality(t *testing.T) {
	w := newWorld(t, territory.Founding)
	spring(w)
	page := ask[Municipalities](t)(w.insight.ByMunicipality(t.Context(), 0, 1))
	if page.Total != 2 || len(page.Rows) != 1 || page.Rows[0].Municipality.Name != "Bruino" || page.Rows[0].Views != 160 {
		t.Errorf("first page: got %+v", page)
	}
	page = ask[Municipalities](t)(w.insight.ByMunicipality(t.Context(), 1, 50))
	if len(page.Rows) != 1 || page.Rows[0].Municipality.Name != "Moncalieri" || page.Rows[0].Views != 40 {
		t.Errorf("second page: got %+v", page)
	}
	if page = ask[Municipalities](t)(w.insight.ByMunicipality(t.Context(), 99, 50)); len(page.Rows) != 0 {
		t.Errorf("a page beyond the last: got %+v", page)
	}
	coverage := ask[Coverage](t)(w.insight.Coverage(t.Context()))
	want := Coverage{
		Heard: 2, Of: 316, ResidentsHeard: 8479 + 55875, Residents: 2_247_780,
		Testimonies: map[string]int64{bruino: 2, moncalieri: 1}, Source: coverage.Source,
	}
	if diff := cmp.Diff(want, coverage); diff != "" {
		t.Errorf("coverage (-want +got):\n%s", diff)
	}
}

// TestMergedMunicipalityCountsUnderItsSuccessor: with the current territory the
// testimonies of a dissolved municipality are its successor's.
func TestMergedMunicipalityCountsUnderItsSuccessor(t *testing.T) {
	for setting, want := range map[territory.Setting]map[string]int64{
		territory.Founding: {aliceSuperiore: 1},
		territory.Current:  {valDiChy: 2},
	} {
		w := newWorld(t, setting)
		w.published(1, aliceSuperiore, "public", solidarity)
		if setting == territory.Current {
			w.published(2, valDiChy, "public", solidarity)
		}
		w.counted("2026-03-03", map[int64]int64{1: 3, 2: 4})
		c := ask[Coverage](t)(w.insight.Coverage(t.Context()))
		if diff := cmp.Diff(want, c.Testimonies); diff != "" {
			t.Errorf("%s (-want +got):\n%s", setting, diff)
		}
		m := ask[Municipalities](t)(w.insight.ByMunicipality(t.Context(), 0, 10))
		if len(m.Rows) != 1 || m.Rows[0].Views != map[territory.Setting]int64{territory.Founding: 3, territory.Current: 7}[setting] {
			t.Errorf("%s: got %+v", setting, m.Rows)
		}
		if c.Heard != 1 || c.Of != map[territory.Setting]int{territory.Founding: 316, territory.Current: 312}[setting] {
			t.Errorf("%s: heard %d of %d", setting, c.Heard, c.Of)
		}
	}
}

func TestMostWatched(t *testing.T) {
	w := newWorld(t, territory.Founding)
	spring(w)
	got := ask[MostWatched](t)(w.insight.MostWatched(t.Context(), 2))
	if len(got.Cards) != 2 {
		t.Fatalf("got %d, want 2", len(got.Cards))
	}
	first, second := got.Cards[0], got.Cards[1]
	if first.ID != 1 || first.Views != 151 || first.Slug != "testimonianza-numero-1" || first.Municipality.Name != "Bruino" || !first.At.Equal(at("2026-04-03")) {
		t.Errorf("first: got %+v", first)
	}
	if second.ID != 2 || second.Views != 40 {
		t.Errorf("second: got %+v, the unlisted one must not be seen", second)
	}
}

func TestViewsOverTime(t *testing.T) {
	w := newWorld(t, territory.Founding)
	spring(w)
	day := func(s string) time.Time { return at(s).Add(-8 * time.Hour) }
	for name, c := range map[string]struct {
		from, to time.Time
		step     Step
		want     []Point
	}{
		"months, from the beginning": {step: Month, want: []Point{
			{day("2026-03-31"), 190, 190}, {day("2026-04-03"), 200, 10},
		}},
		"weeks begin on Monday": {from: day("2026-03-18"), to: day("2026-04-01"), step: Week, want: []Point{
			{day("2026-03-22"), 190, 80}, {day("2026-03-29"), 190, 0}, {day("2026-04-01"), 197, 7},
		}},
		"days may lose": {from: day("2026-03-31"), to: day("2026-12-31"), step: Day, want: []Point{
			{day("2026-03-31"), 190, 0}, {day("2026-04-01"), 197, 7}, {day("2026-04-02"), 197, 0}, {day("2026-04-03"), 200, 3},
		}},
		"after the last day": {from: day("2026-05-01"), step: Day},
		"before the first":   {to: day("2026-02-01"), step: Day},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask[Curve](t)(w.insight.ViewsOverTime(t.Context(), c.from, c.to, c.step))
			if diff := cmp.Diff(c.want, got.Points); diff != "" {
				t.Errorf("points (-want +got):\n%s", diff)
			}
		})
	}
	themes := ask[ThemeCurves](t)(w.insight.ThemesOverTime(t.Context(), time.Time{}, time.Time{}, Month))
	want := map[string][]Point{
		"solidarieta":                    {{day("2026-03-31"), 190, 190}, {day("2026-04-03"), 191, 1}},
		"sostegno-persone-in-difficolta": {{day("2026-03-31"), 30, 30}, {day("2026-04-03"), 49, 19}},
		"volontariato":                   {{day("2026-03-31"), 0, 0}, {day("2026-04-03"), 0, 0}},
	}
	for _, c := range themes.Curves {
		if points, ok := want[c.Theme.Slug]; ok {
			if diff := cmp.Diff(points, c.Points); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.Theme.Slug, diff)
			}
		}
	}
}

func TestCurvesRefuse(t *testing.T) {
	w := newWorld(t, territory.Founding)
	spring(w)
	if _, err := w.insight.ViewsOverTime(t.Context(), time.Time{}, time.Time{}, "hour"); fault.Of(err) != fault.Invalid {
		t.Errorf("an unknown step: got %v", err)
	}
	w.published(9, aglie, "public", solidarity)
	w.counted("2031-01-01", nil)
	if _, err := w.insight.ThemesOverTime(t.Context(), time.Time{}, time.Time{}, Day); fault.Of(err) != fault.Invalid {
		t.Errorf("five years by day: got %v", err)
	}
}

// TestAnEmptyPortal has answers too.
func TestAnEmptyPortal(t *testing.T) {
	w := newWorld(t, territory.Current)
	totals := ask[Totals](t)(w.insight.Totals(t.Context()))
	if diff := cmp.Diff(Totals{Of: 312, Source: Source{Name: YouTube}}, totals); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	if got := ask[Themes](t)(w.insight.ByTheme(t.Context())); len(got.Rows) != 6 {
		t.Errorf("themes: got %d, want 6", len(got.Rows))
	}
	if got := ask[Zones](t)(w.insight.ByZone(t.Context())); len(got.Rows) != 11 {
		t.Errorf("zones: got %d, want 11", len(got.Rows))
	}
	if got := ask[Curve](t)(w.insight.ViewsOverTime(t.Context(), time.Time{}, time.Time{}, Week)); got.Points != nil {
		t.Errorf("curve: got %v", got.Points)
	}
	if got := ask[ThemeCurves](t)(w.insight.ThemesOverTime(t.Context(), time.Time{}, time.Time{}, Week)); len(got.Curves) != 6 {
		t.Errorf("curves: got %d, want 6", len(got.Curves))
	}
	if got := ask[MostWatched](t)(w.insight.MostWatched(t.Context(), 5)); len(got.Cards) != 0 {
		t.Errorf("most watched: got %v", got.Cards)
	}
	if diff := cmp.Diff(Freshness{}, ask[Freshness](t)(w.insight.Freshness(t.Context()))); diff != "" {
		t.Errorf("freshness (-want +got):\n%s", diff)
	}
}

// TestFreshness: failures since the last good run are told, and end with the
// next good one.
func TestFreshness(t *testing.T) {
	w := newWorld(t, territory.Founding)
	w.published(1, bruino, "public", solidarity)
	w.counted("2026-03-02", map[int64]int64{1: 1})
	good, bad := at("2026-03-02"), at("2026-03-03")
	check := func(want Freshness) {
		t.Helper()
		if diff := cmp.Diff(want, ask[Freshness](t)(w.insight.Freshness(t.Context()))); diff != "" {
			t.Errorf("freshness (-want +got):\n%s", diff)
		}
	}
	check(Freshness{SyncedAt: &good})
	w.fails = errors.New("the line is down")
	w.counted("2026-03-03", nil)
	w.counted("2026-03-04", nil)
	temporary := fault.Msg("views.trouble.temporary")
	check(Freshness{SyncedAt: &good, FailedSince: &bad, Trouble: &temporary})
	if s := ask[Totals](t)(w.insight.Totals(t.Context())).Source; s.At == nil || !s.At.Equal(good) {
		t.Errorf("the numbers' time: got %v, want %v", s.At, good)
	}
	w.fails = nil
	w.counted("2026-03-05", nil)
	again := at("2026-03-05")
	check(Freshness{SyncedAt: &again})
}

// TestWhatAdoptedOnesHadWasNotGained: years of views come in on one day, and are
// those of no day.
func TestWhatAdoptedOnesHadWasNotGained(t *testing.T) {
	w := newWorld(t, territory.Founding)
	w.published(1, bruino, "public", solidarity)
	w.counted("2026-04-01", map[int64]int64{1: 10})
	w.published(2, moncalieri, "public", solidarity)
	w.exec(`UPDATE publications SET origin = 'channel' WHERE testimony_id = 2`)
	w.exec(`UPDATE testimonies SET published_at = '2020-05-02 10:00:00+00:00', created_at = ? WHERE id = 2`, at("2026-04-02"))
	w.counted("2026-04-02", map[int64]int64{1: 12, 2: 5000})
	w.counted("2026-04-03", map[int64]int64{1: 13, 2: 5007})
	w.now = at("2026-04-05")
	want := Figures{Testimonies: 2, Views: 5020, Gained7: 20, Gained30: 20}
	if diff := cmp.Diff(want, ask[Totals](t)(w.insight.Totals(t.Context())).Figures); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	var gained []int64
	for _, p := range ask[Curve](t)(w.insight.ViewsOverTime(t.Context(), at("2026-04-01"), time.Time{}, Day)).Points {
		gained = append(gained, p.Gained)
	}
	if diff := cmp.Diff([]int64{10, 2, 8}, gained); diff != "" {
		t.Errorf("gained by day (-want +got):\n%s", diff)
	}
}

func TestTheCurveOfOneMunicipality(t *testing.T) {
	w := newWorld(t, territory.Founding)
	spring(w)
	curve, step, err := w.insight.Municipality(t.Context(), moncalieri)
	if err != nil {
		t.Fatal(err)
	}
	last := curve.Points[len(curve.Points)-1]
	if step != Day || last.Views != 40 || last.Day != at("2026-04-03").Add(-8*time.Hour) || curve.Source.At == nil {
		t.Errorf("by %s, at last %+v, of %+v", step, last, curve.Source)
	}
	var gained int64
	for _, p := range curve.Points {
		gained += p.Gained
	}
	if gained != last.Views {
		t.Errorf("%d were gained, and there are %d", gained, last.Views)
	}
	if none, _, err := w.insight.Municipality(t.Context(), "001019"); err != nil || len(none.Points) != 0 {
		t.Errorf("one that never spoke: %+v, %v", none, err)
	}

	// The longer the history, the further apart the points.
	for _, c := range []struct {
		days  int
		step  Step
		least int
		most  int
	}{{92, Day, 92, 92}, {93, Week, 14, 15}, {732, Week, 104, 106}, {733, Month, 24, 26}} {
		w.exec(`DELETE FROM daily_totals`)
		w.exec(`WITH RECURSIVE n (d) AS (SELECT 0 UNION ALL SELECT d + 1 FROM n WHERE d < ?)
			INSERT INTO daily_totals (dimension, key, day, testimonies, views, gained) SELECT 'municipality', ?, date('2024-01-01', d || ' days'), 1, d * 10, 10 FROM n`, c.days-1, bruino)
		curve, step, err := w.insight.Municipality(t.Context(), bruino)
		if err != nil || step != c.step || len(curve.Points) < c.least || len(curve.Points) > c.most {
			t.Errorf("%d days: %d points by %s, %v", c.days, len(curve.Points), step, err)
		}
		if got := curve.Points[len(curve.Points)-1].Views; got != int64(c.days-1)*10 {
			t.Errorf("%d days: at last %d", c.days, got)
		}
	}
}

func TestTheCurveOfAMunicipalityHoldsThoseThatMergedIntoIt(t *testing.T) {
	w := newWorld(t, territory.Current)
	w.published(1, aliceSuperiore, "public", solidarity)
	w.published(2, valDiChy, "public", solidarity)
	w.counted("2026-03-03", map[int64]int64{1: 3, 2: 4})
	curve, _, err := w.insight.Municipality(t.Context(), valDiChy)
	if err != nil || len(curve.Points) == 0 || curve.Points[len(curve.Points)-1].Views != 7 {
		t.Errorf("%+v, %v", curve.Points, err)
	}
}
