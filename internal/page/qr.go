package page

import (
	"fmt"
	"strings"

	"github.com/skip2/go-qrcode"
)

// QR is a text as a square of dark and light, for the part "qr". It is drawn in
// the page itself: what it leads to may be a secret, and in an address of its own
// would be in histories and logs.
type QR struct {
	Size int    // modules on a side, with the quiet zone around them
	Path string // of the dark ones, in SVG
}

// NewQR draws a text that telephones read.
func NewQR(text string) (QR, error) {
	code, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		return QR{}, fmt.Errorf("draw a QR code: %w", err)
	}
	rows := code.Bitmap()
	var path strings.Builder
	for y, row := range rows {
		for x := 0; x < len(row); x++ {
			from := x
			for x < len(row) && row[x] {
				x++
			}
			if x > from {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from, y, x-from, x-from)
			}
		}
	}
	return QR{Size: len(rows), Path: path.String()}, nil
}
