package page

import (
	"cmp"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/voci-in-comune/voci/internal/fault"
)

// Hex is a municipality on the map.
type Hex struct {
	Col, Row int // odd rows are shifted right by half a hexagon
	Name     string
	Href     string // without language
	Number   int64  // what the map is about, such as testimonies
	Zone     string

	Level int    // 0 for none, to 4: set by NewHexMap
	X, Y  string // centre, set by NewHexMap
}

// HexMap is a map of equal hexagons. It reads as a list, in the order of names.
type HexMap struct {
	Label string

	Hexes   []Hex
	ViewBox string
	Shape   string // the outline of one hexagon around 0,0
	Steps   [4]int64
}

// Size of a hexagon: from the centre to a corner. They stand on a corner.
const hexSize = 10.0

// NewHexMap places hexagons and gives them levels by their number's share of
// the largest.
func NewHexMap(label string, hexes []Hex) HexMap {
	m := HexMap{Label: label, Hexes: slices.Clone(hexes)}
	slices.SortStableFunc(m.Hexes, func(a, b Hex) int { return cmp.Compare(a.Name, b.Name) })
	width, down := hexSize*math.Sqrt(3), hexSize*1.5
	left, top := math.Inf(1), math.Inf(1)
	right, bottom := math.Inf(-1), math.Inf(-1)
	var most int64
	for i := range m.Hexes {
		h := &m.Hexes[i]
		x := float64(h.Col) * width
		if h.Row%2 != 0 {
			x += width / 2
		}
		y := float64(h.Row) * down
		h.X, h.Y = coordinate(x), coordinate(y)
		left, right = min(left, x), max(right, x)
		top, bottom = min(top, y), max(bottom, y)
		most = max(most, h.Number)
	}
	if len(m.Hexes) == 0 {
		return m
	}
	m.level(most)
	margin := hexSize * 1.2
	m.ViewBox = coordinate(left-margin) + " " + coordinate(top-margin) + " " +
		coordinate(right-left+2*margin) + " " + coordinate(bottom-top+2*margin)
	r := hexSize * 0.94 // a gap, so that neighbours of the same level stay apart
	half := coordinate(r * math.Sqrt(3) / 2)
	m.Shape = "M0-" + coordinate(r) + "l" + half + " " + coordinate(r/2) + "v" + coordinate(r) +
		"l-" + half + " " + coordinate(r/2) + "l-" + half + "-" + coordinate(r/2) + "v-" + coordinate(r) + "z"
	return m
}

// level sets the steps of the legend: each is three times the one before, since a
// few municipalities have most, or 1, 2, 3, 4 where there is little.
func (m *HexMap) level(most int64) {
	m.Steps = [4]int64{1, 2, 3, 4}
	if most > 8 {
		m.Steps = [4]int64{1, max(most/27, 2), max(most/9, 3), max(most/3, 4)}
	}
	for i := range m.Hexes {
		for level, step := range m.Steps {
			if m.Hexes[i].Number >= step {
				m.Hexes[i].Level = level + 1
			}
		}
	}
}

// hexmap draws the municipalities as a list of links. They are so many that a
// template would take three times as long over them as over the rest of a page.
func (p *Pages) hexmap(lang string, m HexMap) (template.HTML, error) {
	var b strings.Builder
	write := func(parts ...string) {
		for _, part := range parts {
			b.WriteString(part)
		}
	}
	escape := template.HTMLEscapeString
	write(`<svg class="hexmap" viewBox="`, m.ViewBox, `" role="list" aria-label="`, escape(m.Label), "\">\n")
	counted := map[int64]string{} // few numbers, many municipalities
	for _, h := range m.Hexes {
		count, said := counted[h.Number]
		if !said {
			var err error
			if count, err = p.say(lang, fault.Msg("map.hex", "Count", h.Number)); err != nil {
				return "", err
			}
			counted[h.Number] = count
		}
		says := escape(h.Name + ", " + count)
		write(`<g role="listitem"><a class="hex hex-`, strconv.Itoa(h.Level), `" href="`, escape(Localize(lang, h.Href)), `" aria-label="`, says,
			`"><title>`, says, `</title><path transform="translate(`, h.X, " ", h.Y, `)" d="`, m.Shape, "\"/></a></g>\n")
	}
	write(`</svg>`)
	return template.HTML(b.String()), nil //nolint:gosec // names, addresses and sentences are escaped above, the rest are numbers
}
