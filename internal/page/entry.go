package page

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// entry is an answer kept in memory with its compressed forms.
type entry struct {
	body, brotli, gzip []byte
	contentType        []string
	language           []string
	cacheControl       []string
	vary               []string
	others             http.Header // further headers of a page's own, such as Link
	etags              [3][]string
	lengths            [3][]string

	key     string
	expires time.Time
	used    atomic.Bool // since the cache last looked for room
}

const (
	asIs = iota
	asBrotli
	asGzip
)

var (
	codingBrotli = []string{"br"}
	codingGzip   = []string{"gzip"}
	varyEncoding = []string{"Accept-Encoding"}
)

// newEntry makes an entry; its compressed forms are set afterwards, then ready
// is called.
func newEntry(body []byte, contentType string) *entry {
	sum := sha256.Sum256(body)
	tag := base64.RawURLEncoding.EncodeToString(sum[:15])
	e := &entry{body: body, contentType: []string{contentType}, vary: varyEncoding}
	// Each form is a representation of its own: a strong tag tells them apart (RFC 9110, 8.8.3.3).
	e.etags = [3][]string{{`"` + tag + `"`}, {`"` + tag + `-br"`}, {`"` + tag + `-gz"`}}
	return e
}

// size is roughly what the entry takes in memory.
func (e *entry) size() int64 {
	return int64(len(e.body)+len(e.brotli)+len(e.gzip)+len(e.key)) + 1024
}

// serve writes the entry in the form that the browser takes, or that it has it
// already. Headers are assigned, not copied: nobody changes them in place.
func (e *entry) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	form, body := asIs, e.body
	switch header := r.Header.Get("Accept-Encoding"); {
	case e.brotli != nil && accepts(header, "br"):
		form, body = asBrotli, e.brotli
		h["Content-Encoding"] = codingBrotli
	case e.gzip != nil && accepts(header, "gzip"):
		form, body = asGzip, e.gzip
		h["Content-Encoding"] = codingGzip
	}
	h["Etag"] = e.etags[form]
	h["Vary"] = e.vary
	if e.cacheControl != nil {
		h["Cache-Control"] = e.cacheControl
	}
	if e.has(r.Header.Get("If-None-Match")) {
		delete(h, "Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h["Content-Type"] = e.contentType
	maps.Copy(h, e.others)
	if e.language != nil {
		h["Content-Language"] = e.language
	}
	h["Content-Length"] = e.lengths[form]
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // an error means that the browser has gone
	}
}

// ready computes what every answer needs, once the forms are there.
func (e *entry) ready() *entry {
	for form, body := range [3][]byte{e.body, e.brotli, e.gzip} {
		e.lengths[form] = []string{strconv.Itoa(len(body))}
	}
	return e
}

// has tells whether an If-None-Match header names one of the entry's forms. The
// comparison is weak (RFC 9110, 13.1.2).
func (e *entry) has(header string) bool {
	if header == "" {
		return false
	}
	if strings.TrimSpace(header) == "*" {
		return true
	}
	for one := range strings.SplitSeq(header, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		for form := range e.etags {
			if one == e.etags[form][0] {
				return true
			}
		}
	}
	return false
}
