package page

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// entry is an answer kept in memory. Its compressed forms are made when a browser
// first asks for them.
type entry struct {
	forms        [3]func() form // nil for a compressed form that saves nothing
	contentType  []string
	language     []string
	cacheControl []string
	vary         []string
	others       http.Header // further headers of a page's own, such as Link
	etags        [3][]string
	bytes        int // of the plain form

	key     string
	expires time.Time
	used    atomic.Bool // since the cache last looked for room
}

const (
	asIs = iota
	asBrotli
	asGzip
)

// form is what of an entry goes to a browser, and its length as headers have it.
type form struct {
	body   []byte
	length []string
}

func newForm(body []byte) form {
	return form{body: body, length: []string{strconv.Itoa(len(body))}}
}

var (
	codingBrotli = []string{"br"}
	codingGzip   = []string{"gzip"}
	varyEncoding = []string{"Accept-Encoding"}
)

// newEntry makes an entry without compressed forms.
func newEntry(body []byte, contentType string) *entry {
	sum := sha256.Sum256(body)
	tag := base64.RawURLEncoding.EncodeToString(sum[:15])
	plain := newForm(body)
	e := &entry{bytes: len(body), contentType: []string{contentType}, vary: varyEncoding}
	e.forms[asIs] = func() form { return plain }
	// Each form is a representation of its own: a strong tag tells them apart (RFC 9110, 8.8.3.3).
	e.etags = [3][]string{{`"` + tag + `"`}, {`"` + tag + `-br"`}, {`"` + tag + `-gz"`}}
	return e
}

// compress gives the entry a form that pack makes of its body when it is first
// asked for.
func (e *entry) compress(as int, pack func() []byte) {
	e.forms[as] = sync.OnceValue(func() form { return newForm(pack()) })
}

// size is roughly what the entry takes in memory: the compressed forms together
// are less than half the plain one.
func (e *entry) size() int64 {
	return int64(e.bytes+e.bytes/2+len(e.key)) + 1024
}

// serve writes the entry in the form that the browser takes, or that it has it
// already. Headers are assigned, not copied: nobody changes them in place.
func (e *entry) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	as := asIs
	switch header := r.Header.Get("Accept-Encoding"); {
	case e.forms[asBrotli] != nil && accepts(header, "br"):
		as = asBrotli
		h["Content-Encoding"] = codingBrotli
	case e.forms[asGzip] != nil && accepts(header, "gzip"):
		as = asGzip
		h["Content-Encoding"] = codingGzip
	}
	h["Etag"] = e.etags[as]
	h["Vary"] = e.vary
	if e.cacheControl != nil {
		h["Cache-Control"] = e.cacheControl
	}
	maps.Copy(h, e.others) // also without a body: a policy of the page's own counts again
	if e.has(r.Header.Get("If-None-Match")) {
		delete(h, "Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h["Content-Type"] = e.contentType
	if e.language != nil {
		h["Content-Language"] = e.language
	}
	sent := e.forms[as]()
	h["Content-Length"] = sent.length
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(sent.body) // an error means that the browser has gone
	}
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
		for as := range e.etags {
			if one == e.etags[as][0] {
				return true
			}
		}
	}
	return false
}
