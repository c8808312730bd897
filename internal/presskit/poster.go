package presskit

import (
	"bytes"
	"fmt"
	"image/color"
	"image/jpeg"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

// An A4 sheet, in millimetres.
const (
	sheetWidth  = 210.0
	sheetHeight = 297.0
	sheetMargin = 20.0
	inner       = sheetWidth - 2*sheetMargin
)

// points are how large a millimetre is to letters.
const pointsInMM = 72 / 25.4

// family is the name of the typeface inside the PDF.
const family = "titillium"

// sheet is a PDF that is drawn on.
type sheet struct {
	*fpdf.Fpdf
	heavy, light *typeface
}

// Poster is the sheet for the notice board as PDF, with the typeface in it: any
// printer has it. made is when, for the file's own facts.
func Poster(f Facts, lang string, made time.Time) ([]byte, error) {
	heavy, err := bold()
	if err != nil {
		return nil, err
	}
	light, err := regular()
	if err != nil {
		return nil, err
	}
	if _, err := jpeg.DecodeConfig(bytes.NewReader(f.Poster)); err != nil {
		f.Poster = nil // better a sheet without it than none
	}
	s := sheet{Fpdf: fpdf.New("P", "mm", "A4", ""), heavy: heavy, light: light}
	s.SetCreationDate(made)
	s.SetModificationDate(made)
	s.SetTitle(f.Title, true)
	s.SetAuthor(f.Municipality, true)
	s.SetSubject(f.Address, true)
	s.SetLang(lang)
	s.SetAutoPageBreak(false, 0)
	s.AddUTF8FontFromBytes(family, "", light.file)
	s.AddUTF8FontFromBytes(family, "B", heavy.file)
	s.AddPage()
	s.head(f)
	s.middle(f)
	if err := s.foot(f); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := s.Output(&out); err != nil {
		return nil, fmt.Errorf("draw a poster: %w", err)
	}
	return out.Bytes(), nil
}

func (s sheet) head(f Facts) {
	s.fill(blue)
	s.Rect(0, 0, sheetWidth, 38, "F")
	s.mark(sheetMargin, 8, 22)
	s.write(s.heavy, 26, sheetMargin+27, 9.5, paper, f.Portal)
	s.write(s.light, 13, sheetMargin+27, 21, paper, f.Owner)
}

func (s sheet) middle(f Facts) {
	y := s.box(s.heavy, f.Municipality, sheetMargin, 46, inner, 20, 34, 18, blue)
	bottom := 168.0
	if f.Poster != nil {
		bottom = 112
	}
	speaker := s.light.printable(f.Speaker)
	room := bottom - y - 4
	if speaker != "" {
		room -= 14
	}
	y = s.box(s.heavy, f.Title, sheetMargin, y+3, inner, room, 40, 15, ink)
	if speaker != "" {
		s.box(s.light, speaker, sheetMargin, y+2, inner, 13, 17, 11, ink)
	}
	if f.Poster != nil {
		opt := fpdf.ImageOptions{ImageType: "JPG"}
		s.RegisterImageOptionsReader("poster", opt, bytes.NewReader(f.Poster))
		const width, height = 112.0, 63.0
		s.ImageOptions("poster", sheetMargin, 117, width, height, false, opt, 0, "")
	}
}

func (s sheet) foot(f Facts) error {
	const top, side = 186.0, 84.0
	squares, err := modules(f.Address, onPaper)
	if err != nil {
		return err
	}
	each := side / float64(len(squares)+2*quiet)
	s.fill(color.RGBA{0, 0, 0, 0xff})
	for row, line := range squares {
		for col := 0; col < len(line); col++ {
			from := col
			for col < len(line) && line[col] {
				col++
			}
			if col > from { // in one piece, and a hair higher: no white line shows between two
				s.Rect(sheetMargin-6+float64(from+quiet)*each, top+float64(row+quiet)*each, float64(col-from)*each, each+0.02, "F")
			}
		}
	}
	x := sheetMargin + side
	width := sheetWidth - sheetMargin - x
	y := s.box(s.heavy, f.Watch, x, top+10, width, 26, 30, 16, blue)
	y = s.box(s.light, f.Scan, x, y+2, width, 26, 15, 10, ink)
	s.box(s.heavy, Spoken(f.Address), x, y+2, width, 20, 19, 9, ink)
	s.fill(blue)
	s.Rect(0, sheetHeight-12, sheetWidth, 12, "F")
	return nil
}

func (s sheet) fill(c color.RGBA) { s.SetFillColor(int(c.R), int(c.G), int(c.B)) }

func (s sheet) mark(x, y, side float64) {
	hexagon, voice := markShapes()
	polygon := func(points []point) {
		var all []fpdf.PointType
		for _, p := range placed(points, x, y, side) {
			all = append(all, fpdf.PointType{X: p.x, Y: p.y})
		}
		s.Polygon(all, "F")
	}
	s.fill(paper)
	polygon(hexagon)
	s.fill(blue)
	for _, p := range voice {
		polygon(p)
	}
}

// box writes a text into a box, as large as it fits, and returns where it ends.
// Sizes are in points.
func (s sheet) box(t *typeface, text string, x, y, width, height, largest, smallest float64, c color.RGBA) float64 {
	lines, size := fit(t.printable(text), width*pointsInMM, height*pointsInMM, largest, smallest, t.measure)
	for _, line := range lines {
		s.write(t, size, x, y, c, line)
		y += size * leading / pointsInMM
	}
	return y
}

// write writes a line with its top at y.
func (s sheet) write(t *typeface, size, x, y float64, c color.RGBA, line string) {
	style := ""
	if t == s.heavy {
		style = "B"
	}
	s.SetFont(family, style, size)
	s.SetTextColor(int(c.R), int(c.G), int(c.B))
	s.Text(x, y+size*0.98/pointsInMM, t.printable(line))
}
