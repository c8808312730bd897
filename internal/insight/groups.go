package insight

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// Totals are the numbers of everything.
type Totals struct {
	Figures
	Heard  int // municipalities that have a testimony
	Of     int // municipalities there are
	Source Source
}

// Totals returns the numbers of everything.
func (i *Insight) Totals(ctx context.Context) (Totals, error) {
	by, err := i.figures(ctx, dimensionAll)
	if err != nil {
		return Totals{}, err
	}
	places, err := i.places(ctx)
	if err != nil {
		return Totals{}, err
	}
	t := Totals{Figures: by[""], Of: i.registry.Size()}
	for _, f := range places {
		if f.Testimonies > 0 {
			t.Heard++
		}
	}
	t.Source, err = i.source(ctx)
	return t, err
}

// Themes are the numbers by theme. A testimony counts in each of its themes:
// their sum exceeds the totals.
type Themes struct {
	Rows   []ThemeFigures // in the themes' order
	Source Source
}

// ThemeFigures are the numbers of a theme.
type ThemeFigures struct {
	Theme testimony.Theme
	Figures
}

// ByTheme returns the numbers of every theme, also of one without testimonies.
func (i *Insight) ByTheme(ctx context.Context) (Themes, error) {
	themes, err := testimony.Themes(ctx, i.db)
	if err != nil {
		return Themes{}, err
	}
	by, err := i.figures(ctx, dimensionTheme)
	if err != nil {
		return Themes{}, err
	}
	var t Themes
	for _, theme := range themes {
		t.Rows = append(t.Rows, ThemeFigures{Theme: theme, Figures: by[theme.Slug]})
	}
	t.Source, err = i.source(ctx)
	return t, err
}

// Zones are the numbers by zone.
type Zones struct {
	Rows   []ZoneFigures // by the zones' number
	Source Source
}

// ZoneFigures are the numbers of a zone.
type ZoneFigures struct {
	Zone territory.Zone
	Figures
	Heard int // municipalities of the zone that have a testimony
	Of    int
}

// ByZone returns the numbers of every zone.
func (i *Insight) ByZone(ctx context.Context) (Zones, error) {
	by, err := i.figures(ctx, dimensionZone)
	if err != nil {
		return Zones{}, err
	}
	places, err := i.places(ctx)
	if err != nil {
		return Zones{}, err
	}
	var z Zones
	at := map[string]int{}
	for n, zone := range i.registry.Zones() {
		at[zone.Slug] = n
		z.Rows = append(z.Rows, ZoneFigures{Zone: zone, Figures: by[zone.Slug]})
	}
	for _, m := range i.registry.Municipalities() {
		row := &z.Rows[at[m.ZoneSlug]]
		row.Of++
		if places[m.IstatCode].Testimonies > 0 {
			row.Heard++
		}
	}
	z.Source, err = i.source(ctx)
	return z, err
}

// Municipalities are the numbers by municipality, a page of them.
type Municipalities struct {
	Rows   []MunicipalityFigures
	Total  int // municipalities that have a testimony, on all pages
	Source Source
}

// MunicipalityFigures are the numbers of a municipality.
type MunicipalityFigures struct {
	Municipality territory.Municipality
	Figures
}

// ByMunicipality returns the numbers of the municipalities that have a
// testimony, those with the most views first: one page of size, after the first
// skip.
func (i *Insight) ByMunicipality(ctx context.Context, skip, size int) (Municipalities, error) {
	places, err := i.places(ctx)
	if err != nil {
		return Municipalities{}, err
	}
	var rows []MunicipalityFigures
	for _, m := range i.registry.Municipalities() { // by name, which decides between equals
		if f := places[m.IstatCode]; f.Testimonies > 0 {
			rows = append(rows, MunicipalityFigures{Municipality: m, Figures: f})
		}
	}
	slices.SortStableFunc(rows, func(a, b MunicipalityFigures) int { return cmp.Compare(b.Views, a.Views) })
	page := Municipalities{Total: len(rows)}
	skip = min(max(skip, 0), len(rows))
	page.Rows = rows[skip:min(skip+max(size, 0), len(rows))]
	page.Source, err = i.source(ctx)
	return page, err
}

// places reads the numbers of each municipality, by ISTAT code, under the name
// of the one that it is shown as.
func (i *Insight) places(ctx context.Context) (map[string]Figures, error) {
	by, err := i.figures(ctx, dimensionMunicipality)
	if err != nil {
		return nil, err
	}
	places := make(map[string]Figures, len(by))
	for code, f := range by {
		m, err := i.registry.Shown(code)
		if err != nil {
			return nil, fmt.Errorf("show the numbers of %s: %w", code, err)
		}
		sum := places[m.IstatCode]
		sum.add(f)
		places[m.IstatCode] = sum
	}
	return places, nil
}

// Coverage is who was heard.
type Coverage struct {
	Heard, Of                 int              // municipalities
	ResidentsHeard, Residents int              // who live in them
	Testimonies               map[string]int64 // by ISTAT code of those heard, for the map
	Source                    Source           // our own registry
}

// Coverage returns who was heard.
func (i *Insight) Coverage(ctx context.Context) (Coverage, error) {
	places, err := i.places(ctx)
	if err != nil {
		return Coverage{}, err
	}
	now := i.now().UTC()
	c := Coverage{
		Of: i.registry.Size(), Residents: i.registry.Residents(),
		Testimonies: map[string]int64{}, Source: Source{Name: Portal, At: &now},
	}
	for _, m := range i.registry.Municipalities() {
		if f := places[m.IstatCode]; f.Testimonies > 0 {
			c.Heard++
			c.ResidentsHeard += m.Residents
			c.Testimonies[m.IstatCode] = f.Testimonies
		}
	}
	return c, nil
}
