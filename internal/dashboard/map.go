package dashboard

import (
	"context"

	"github.com/voci-in-comune/voci/internal/insight"
	"github.com/voci-in-comune/voci/internal/page"
)

// Map is the municipalities as hexagons, with who was heard in a sentence.
type Map struct {
	page.HexMap
	Legend                    []Shade
	Heard, Of                 int // municipalities
	ResidentsHeard, Residents int
}

// Shade is one level of the map: from so many testimonies to so many.
type Shade struct {
	Level    int
	From, To int64 // To is 0 for the last
}

// Map returns the map of who was heard, in a language.
func (d *Dashboard) Map(ctx context.Context, lang string) (Map, error) {
	cover, err := d.insight.Coverage(ctx)
	if err != nil {
		return Map{}, err
	}
	return d.draw(lang, cover), nil
}

// Heard counts the testimonies of the municipalities that were heard, by ISTAT
// code.
func (d *Dashboard) Heard(ctx context.Context) (map[string]int64, error) {
	cover, err := d.insight.Coverage(ctx)
	return cover.Testimonies, err
}

func (d *Dashboard) draw(lang string, cover insight.Coverage) Map {
	all := d.registry.Municipalities()
	hexes := make([]page.Hex, 0, len(all))
	for _, m := range all {
		hexes = append(hexes, page.Hex{
			Col: m.HexCol, Row: m.HexRow, Name: m.Name, Href: "/comuni/" + m.Slug, Number: cover.Testimonies[m.IstatCode],
		})
	}
	drawn := Map{
		HexMap: page.NewHexMap(d.pages.T(lang, "dashboard.map.label"), hexes),
		Heard:  cover.Heard, Of: cover.Of, ResidentsHeard: cover.ResidentsHeard, Residents: cover.Residents,
	}
	drawn.Legend = []Shade{{}}
	for i, from := range drawn.Steps {
		shade := Shade{Level: i + 1, From: from}
		if i+1 < len(drawn.Steps) {
			shade.To = drawn.Steps[i+1] - 1
		}
		drawn.Legend = append(drawn.Legend, shade)
	}
	return drawn
}
