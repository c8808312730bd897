package page

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func takeBuffer() *bytes.Buffer {
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	return b
}

func giveBuffer(b *bytes.Buffer) {
	if b.Cap() <= 1<<20 { // one huge page must not stay in memory for ever
		buffers.Put(b)
	}
}

// smallest is the size below which compressing saves nothing: the answer fits
// in one packet as it is.
const smallest = 1200

// gzipped and brotlied write to memory, where nothing can fail but the call.

func gzipped(body []byte, level int) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		panic(err) // there is no such level
	}
	_, _ = w.Write(body)
	_ = w.Close()
	return b.Bytes()
}

// brotlied makes the window as large as the page asks: the usual one takes 8 MiB
// of memory for whatever comes.
func brotlied(body []byte, level int) []byte {
	var b bytes.Buffer
	window := min(max(bits.Len(uint(len(body)+16)), 16), 22)
	w := brotli.NewWriterOptions(&b, brotli.WriterOptions{Quality: level, LGWin: window})
	_, _ = w.Write(body)
	_ = w.Close()
	return b.Bytes()
}

// writeCompressed sends a page that is made anew each time.
func writeCompressed(w http.ResponseWriter, r *http.Request, status int, body []byte) error {
	h := w.Header()
	h.Add("Vary", "Accept-Encoding")
	if len(body) >= smallest && accepts(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = gzipped(body, gzip.BestSpeed)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("send a page: %w", err)
	}
	return nil
}

// accepts tells whether an Accept-Encoding header allows a coding, by name:
// "gzip, br;q=0" allows gzip and not br.
func accepts(header, coding string) bool {
	for header != "" {
		var one string
		one, header, _ = strings.Cut(header, ",")
		name, params, _ := strings.Cut(one, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		q, weighed := strings.CutPrefix(strings.TrimSpace(params), "q=")
		if !weighed {
			return true
		}
		weight, err := strconv.ParseFloat(q, 64)
		return err == nil && weight > 0
	}
	return false
}

// luminance is the relative luminance of a colour 0xrrggbb, by WCAG 2.2.
func luminance(rgb uint32) float64 {
	part := func(v uint32) float64 {
		c := float64(v&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(rgb>>16) + 0.7152*part(rgb>>8) + 0.0722*part(rgb)
}
