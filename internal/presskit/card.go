package presskit

import (
	"bytes"
	"fmt"
	"image/color"
	"image/png"

	"github.com/skip2/go-qrcode"
)

// Facts are what posters and cards say of a testimony, in the words of whoever
// makes them.
type Facts struct {
	Portal       string // its name
	Owner        string
	Municipality string
	Title        string
	Speaker      string // name and role; empty if nobody said
	Address      string // short, whole
	Watch        string // "Watch the video"
	Scan         string // how to use the code
	Poster       []byte // a JPEG of 16:9; nil without one
}

// Format is the size of a card, in pixels.
type Format struct{ Width, Height int }

// The formats, for a post and for a story.
var (
	SquareCard = Format{1080, 1080}
	TallCard   = Format{1080, 1920}
)

const (
	cardMargin = 80.0
	cardFoot   = 300 // height of the part with the names
	cardCode   = 224 // side of the QR code with its quiet zone
)

// Card draws a card with a sentence, as PNG. Whatever the words are, they stay
// inside.
func Card(f Facts, s Sentence, format Format) ([]byte, error) {
	heavy, err := bold()
	if err != nil {
		return nil, err
	}
	light, err := regular()
	if err != nil {
		return nil, err
	}
	width, height := float64(format.Width), float64(format.Height)
	c := newCanvas(format.Width, format.Height, blue)
	c.mark(width-640, height-cardFoot-620, 900, deepBlue, color.RGBA{0x00, 0x53, 0xa8, 0xff})
	c.mark(cardMargin, cardMargin, 84, paper, blue)
	if _, err := c.text(heavy, 42, cardMargin+104, cardMargin+14, paper, heavy.printable(f.Portal)); err != nil {
		return nil, err
	}

	words := heavy.printable(s.Text)
	if s.Source == FromCaptions {
		words = "«" + words + "»"
	}
	top, room := cardMargin+150, height-cardFoot-cardMargin-150-50
	lines, size := fit(words, width-2*cardMargin, room, 104, 40, heavy.measure)
	free := room - float64(len(lines))*size*leading
	if _, err := c.text(heavy, size, cardMargin, top+free/2, paper, lines...); err != nil {
		return nil, err
	}

	foot := format.Height - cardFoot
	c.rectangle(0, foot, format.Width, cardFoot, paper)
	names := width - 3*cardMargin - cardCode + 40
	lines, size = fit(heavy.printable(f.Municipality), names, 110, 58, 34, heavy.measure)
	y, err := c.text(heavy, size, cardMargin, float64(foot)+44, ink, lines...)
	if err != nil {
		return nil, err
	}
	if who := light.printable(f.Speaker); who != "" {
		lines, size = fit(who, names, 86, 36, 26, light.measure)
		if y, err = c.text(light, size, cardMargin, y+2, ink, lines...); err != nil {
			return nil, err
		}
	}
	lines, size = fit(heavy.printable(Spoken(f.Address)), names, 60, 30, 18, heavy.measure)
	if _, err = c.text(heavy, size, cardMargin, max(y+8, float64(format.Height)-110), blue, lines...); err != nil {
		return nil, err
	}
	if err := c.code(f.Address, format.Width-int(cardMargin)-cardCode+20, foot+(cardFoot-cardCode)/2, cardCode); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := png.Encode(&out, c); err != nil {
		return nil, fmt.Errorf("draw a card: %w", err)
	}
	return out.Bytes(), nil
}

// modules are the squares of an address's QR code, true where dark, without
// quiet zone.
func modules(address string, level qrcode.RecoveryLevel) ([][]bool, error) {
	q, err := qrcode.New(address, level)
	if err != nil {
		return nil, fmt.Errorf("make a QR code: %w", err)
	}
	q.DisableBorder = true
	return q.Bitmap(), nil
}

// How much of a code may be lost: on a notice board a fourth may be dirty or
// torn; on a screen nothing is, and larger squares are worth more.
const (
	onPaper  = qrcode.High
	onScreen = qrcode.Medium
)

// quiet is the border that readers need around a code, in modules (ISO/IEC
// 18004, 6.3.8).
const quiet = 4

// code draws a QR code with its quiet zone in a square, in whole pixels.
func (c canvas) code(address string, x, y, side int) error {
	squares, err := modules(address, onScreen)
	if err != nil {
		return err
	}
	n := len(squares) + 2*quiet
	each := side / n
	c.rectangle(x, y, side, side, paper)
	from := (side - n*each) / 2
	for row, line := range squares {
		for col, dark := range line {
			if dark {
				c.rectangle(x+from+(col+quiet)*each, y+from+(row+quiet)*each, each, each, color.RGBA{0, 0, 0, 0xff})
			}
		}
	}
	return nil
}

// Code is the QR code of an address as PNG, large enough for print.
func Code(address string) ([]byte, error) {
	squares, err := modules(address, onScreen)
	if err != nil {
		return nil, err
	}
	side := (len(squares) + 2*quiet) * 24
	c := newCanvas(side, side, paper)
	if err := c.code(address, 0, 0, side); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := png.Encode(&out, c); err != nil {
		return nil, fmt.Errorf("draw a QR code: %w", err)
	}
	return out.Bytes(), nil
}
