package page_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/skip2/go-qrcode"

	"github.com/voci-in-comune/voci/internal/page"
)

func TestTheLogTellsNoSecretOfAnAddress(t *testing.T) {
	var log bytes.Buffer
	p := newPages(t, func(o *page.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	front := p.Front(nil, newEcho(t, p))
	for _, path := range []string{"/entra/SECRET", "/approva/SECRET", "/approva/SECRET/video", "/continua/SECRET", "/en/Continua/SECRET", "/fr/APPROVA/SECRET"} {
		if w := get(t, front, path); w.Code != http.StatusNotFound {
			t.Fatalf("%s: %d", path, w.Code)
		}
	}
	if lines := strings.Count(log.String(), "msg=request"); lines != 6 || strings.Contains(log.String(), "SECRET") {
		t.Errorf("%d lines: %s", lines, log.String())
	}
}

// TestACodeIsDrawnAsItIs draws the path of a code again and compares it, square by
// square.
func TestACodeIsDrawnAsItIs(t *testing.T) {
	const text = "https://voci.example.it/continua/ACDE3467"
	drawn, err := page.NewQR(text)
	if err != nil {
		t.Fatal(err)
	}
	code, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		t.Fatal(err)
	}
	want := code.Bitmap()
	if drawn.Size != len(want) {
		t.Fatalf("%d squares on a side, want %d", drawn.Size, len(want))
	}
	dark := map[[2]int]bool{}
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`).FindAllStringSubmatch(drawn.Path, -1) {
		var n [4]int
		for i := range n {
			if n[i], err = strconv.Atoi(m[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		for x := range n[2] {
			dark[[2]int{n[0] + x, n[1]}] = true
		}
	}
	for y, row := range want {
		for x, is := range row {
			if dark[[2]int{x, y}] != is {
				t.Fatalf("the square at %d, %d is wrong", x, y)
			}
		}
	}
	if _, err := page.NewQR(strings.Repeat("x", 5000)); err == nil {
		t.Error("a text that is too long is drawn")
	}
}
