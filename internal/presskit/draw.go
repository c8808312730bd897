package presskit

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	"github.com/voci-in-comune/voci/static"
)

// The portal's colours.
var (
	blue     = color.RGBA{0x00, 0x59, 0xb3, 0xff}
	deepBlue = color.RGBA{0x00, 0x4a, 0x99, 0xff}
	ink      = color.RGBA{0x17, 0x32, 0x4d, 0xff}
	paper    = color.RGBA{0xff, 0xff, 0xff, 0xff}
)

// The portal's typeface, Titillium Web, as `make assets` brings it.
const (
	regularFile = "dist/print/titillium-web-400.ttf"
	boldFile    = "dist/print/titillium-web-700.ttf"
)

// typeface is a weight of the typeface.
type typeface struct {
	file []byte
	font *sfnt.Font
}

var (
	regular = sync.OnceValues(func() (*typeface, error) { return readTypeface(regularFile) })
	bold    = sync.OnceValues(func() (*typeface, error) { return readTypeface(boldFile) })
)

func readTypeface(name string) (*typeface, error) {
	file, err := static.Files.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the typeface (run `make assets`, then build again): %w", err)
	}
	f, err := opentype.Parse(file)
	if err != nil {
		return nil, fmt.Errorf("read the typeface %s: %w", name, err)
	}
	return &typeface{file: file, font: f}, nil
}

// face is the typeface at a size in pixels.
func (t *typeface) face(size float64) (font.Face, error) {
	return opentype.NewFace(t.font, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
}

// printable leaves out what the typeface has no letter for, such as emoji:
// nobody should see empty boxes.
func (t *typeface) printable(text string) string {
	var buf sfnt.Buffer
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if i, err := t.font.GlyphIndex(&buf, r); err != nil || i == 0 {
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// wrap breaks a text into lines of at most width; a word that is wider than a
// whole line is broken inside.
func wrap(text string, width float64, measure func(string) float64) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && measure(line+" "+word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		line = word
		for measure(line) > width {
			head, rest := breakWord(line, width, measure)
			if rest == "" {
				break
			}
			lines, line = append(lines, head), rest
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// breakWord is as much of a word as fits, at least one letter, and the rest.
func breakWord(word string, width float64, measure func(string) float64) (head, rest string) {
	runes := []rune(word)
	if len(runes) < 2 {
		return word, ""
	}
	n := 1 + sort.Search(len(runes)-1, func(i int) bool { return measure(string(runes[:i+2])) > width })
	return string(runes[:n]), string(runes[n:])
}

// leading is from line to line, in sizes of the letters.
const leading = 1.22

// fit finds the largest of some sizes, from the largest down, at which a text
// fits a box, and its lines. What does not even fit at the smallest is cut, with
// dots.
func fit(text string, width, height, largest, smallest float64, measure func(text string, size float64) float64) (lines []string, size float64) {
	for size = largest; ; size = max(smallest, math.Floor(size*0.94)) {
		at := func(s string) float64 { return measure(s, size) }
		lines = wrap(text, width, at)
		most := max(1, int(height/(size*leading)))
		if len(lines) <= most && narrow(lines, width, at) {
			return lines, size
		}
		if size <= smallest {
			if len(lines) <= most {
				return lines, size // of letters that are wider than the box
			}
			lines = lines[:most]
			last := []rune(lines[most-1])
			for len(last) > 0 && at(string(last)+"…") > width {
				last = last[:len(last)-1]
			}
			lines[most-1] = strings.TrimSpace(string(last)) + "…"
			return lines, size
		}
	}
}

// narrow tells whether all lines fit a width.
func narrow(lines []string, width float64, measure func(string) float64) bool {
	return !slices.ContainsFunc(lines, func(line string) bool { return measure(line) > width })
}

// canvas is a picture that is drawn on.
type canvas struct{ *image.RGBA }

func newCanvas(width, height int, ground color.RGBA) canvas {
	c := canvas{image.NewRGBA(image.Rect(0, 0, width, height))}
	c.rectangle(0, 0, width, height, ground)
	return c
}

func (c canvas) rectangle(x, y, width, height int, fill color.RGBA) {
	for py := y; py < y+height; py++ {
		for px := x; px < x+width; px++ {
			c.SetRGBA(px, py, fill)
		}
	}
}

// point is a place on a drawing.
type point struct{ x, y float64 }

// polygon fills the inside of a closed line.
func (c canvas) polygon(fill color.RGBA, points []point) {
	b := c.Bounds()
	r := vector.NewRasterizer(b.Dx(), b.Dy())
	r.MoveTo(float32(points[0].x), float32(points[0].y))
	for _, p := range points[1:] {
		r.LineTo(float32(p.x), float32(p.y))
	}
	r.ClosePath()
	r.Draw(c.RGBA, b, image.NewUniform(fill), image.Point{})
}

// text writes lines, the first with its top at y, and returns where the next
// would begin.
func (c canvas) text(t *typeface, size, x, y float64, fill color.RGBA, lines ...string) (float64, error) {
	face, err := t.face(size)
	if err != nil {
		return y, err
	}
	defer func() { _ = face.Close() }() // holds nothing
	ascent := float64(face.Metrics().Ascent) / 64
	for _, line := range lines {
		d := font.Drawer{Dst: c.RGBA, Src: image.NewUniform(fill), Face: face, Dot: fixed.Point26_6{X: fixed.Int26_6(x * 64), Y: fixed.Int26_6((y + ascent*0.86) * 64)}}
		d.DrawString(line)
		y += size * leading
	}
	return y, nil
}

// measure is how wide a text is at a size.
func (t *typeface) measure(text string, size float64) float64 {
	var buf sfnt.Buffer
	var width fixed.Int26_6
	before := sfnt.GlyphIndex(0)
	ppem := fixed.Int26_6(size * 64)
	for _, r := range text {
		i, err := t.font.GlyphIndex(&buf, r)
		if err != nil {
			continue
		}
		if before != 0 {
			if k, err := t.font.Kern(&buf, before, i, ppem, font.HintingNone); err == nil {
				width += k
			}
		}
		if a, err := t.font.GlyphAdvance(&buf, i, ppem, font.HintingNone); err == nil {
			width += a
		}
		before = i
	}
	return float64(width) / 64
}

// The mark is drawn on a square of 48, as web/parts/mark.html has it: a town
// hall's hexagon, a dot and three arcs of a voice.
const markSide = 48

var markHexagon = []point{{24, 2.5}, {42.6, 13.25}, {42.6, 34.75}, {24, 45.5}, {5.4, 34.75}, {5.4, 13.25}}

// markArcs are the arcs' ends above and their radii; each ends as far below the
// middle as it begins above.
var markArcs = []struct {
	from   point
	radius float64
}{{point{20.5, 18.5}, 7.8}, {point{25.6, 14.6}, 13.3}, {point{30.7, 10.7}, 18.8}}

const (
	markMiddle = 24.0
	markDotX   = 15.0
	markDot    = 3.0
	markStroke = 3.0
)

// markShapes are the parts of the mark as polygons, on its square: the hexagon,
// and what is drawn on it.
func markShapes() (hexagon []point, voice [][]point) {
	voice = [][]point{circle(point{markDotX, markMiddle}, markDot)}
	for _, a := range markArcs {
		half := markMiddle - a.from.y
		centre := a.from.x - math.Sqrt(a.radius*a.radius-half*half)
		angle := math.Asin(half / a.radius)
		voice = append(voice, arc(point{centre, markMiddle}, a.radius, angle))
	}
	return markHexagon, voice
}

func circle(at point, radius float64) []point {
	var points []point
	const parts = 48
	for i := range parts {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / parts)
		points = append(points, point{at.x + radius*cos, at.y + radius*sin})
	}
	return points
}

// arc is a stroke of markStroke along a part of a circle, from -angle to angle,
// with round ends.
func arc(at point, radius, angle float64) []point {
	const parts, tip = 24, 8
	var points []point
	on := func(r, a float64) point { sin, cos := math.Sincos(a); return point{at.x + r*cos, at.y + r*sin} }
	for i := range parts + 1 {
		points = append(points, on(radius+markStroke/2, -angle+2*angle*float64(i)/parts))
	}
	end := on(radius, angle)
	for i := 1; i < tip; i++ {
		sin, cos := math.Sincos(angle + math.Pi*float64(i)/tip)
		points = append(points, point{end.x + markStroke/2*cos, end.y + markStroke/2*sin})
	}
	for i := range parts + 1 {
		points = append(points, on(radius-markStroke/2, angle-2*angle*float64(i)/parts))
	}
	begin := on(radius, -angle)
	for i := 1; i < tip; i++ {
		sin, cos := math.Sincos(math.Pi - angle + math.Pi*float64(i)/tip)
		points = append(points, point{begin.x + markStroke/2*cos, begin.y + markStroke/2*sin})
	}
	return points
}

// placed are points of the mark's square put at a place, at a size.
func placed(points []point, x, y, side float64) []point {
	out := make([]point, len(points))
	for i, p := range points {
		out[i] = point{x + p.x*side/markSide, y + p.y*side/markSide}
	}
	return out
}

func (c canvas) mark(x, y, side float64, hexagon, voice color.RGBA) {
	outer, inner := markShapes()
	c.polygon(hexagon, placed(outer, x, y, side))
	for _, p := range inner {
		c.polygon(voice, placed(p, x, y, side))
	}
}
