package studio_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// line is the one between browsers and the portal. It may be slow, be cut, and
// do harm to what passes.
type line struct {
	mu    sync.Mutex
	rate  int // bytes a second; 0: as many as will
	isCut bool
	hung  chan struct{}  // closed when what hangs is let go
	holds bool           // pages come, and nothing that is posted gets through
	harm  map[string]int // how many requests of uploads are still hurt, by method
	hurt  func(rw http.ResponseWriter, r *http.Request, portal http.Handler)
}

// slow is a line on which the long video takes some seconds.
const slow = 2 << 20

func (l *line) lets(perSecond int) { l.set(func() { l.rate = perSecond }) }
func (l *line) cut(is bool)        { l.set(func() { l.isCut = is }) }

// holdsBack lets pages come, but nothing that is posted: also not the last words of
// a page that was closed, which a browser may still be sending.
func (l *line) holdsBack(is bool) { l.set(func() { l.holds = is }) }

// hurts does harm to the next requests of uploads, so many of each method.
func (l *line) hurts(times map[string]int, hurt func(http.ResponseWriter, *http.Request, http.Handler)) {
	l.set(func() {
		l.harm, l.hurt = map[string]int{}, hurt
		for method, n := range times {
			l.harm[method] = n
		}
	})
}

func (l *line) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

func (l *line) broken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.isCut
}

// hangs has the bytes of uploads that are under way come to nothing, and nobody
// hears of it, until somebody asks for the upload anew.
func (l *line) hangs() { l.set(func() { l.hung = make(chan struct{}) }) }

// letsGo ends what hangs.
func (l *line) letsGo() {
	l.set(func() {
		if l.hung != nil {
			close(l.hung)
			l.hung = nil
		}
	})
}

// pass passes a request on.
func (l *line) pass(rw http.ResponseWriter, r *http.Request, portal http.Handler) {
	l.mu.Lock()
	held := l.holds && r.Method == http.MethodPost
	l.mu.Unlock()
	if held || l.broken() {
		panic(http.ErrAbortHandler)
	}
	if strings.HasPrefix(r.URL.Path, "/caricamenti/") {
		l.mu.Lock()
		hurt := l.hurt
		if l.harm[r.Method] == 0 {
			hurt = nil
		} else {
			l.harm[r.Method]--
		}
		l.mu.Unlock()
		if hurt != nil {
			hurt(rw, r, portal)
			return
		}
		if r.Method == http.MethodHead {
			l.letsGo()
		}
		r.Body = &trickle{r.Body, l}
	}
	portal.ServeHTTP(rw, r)
	if l.broken() {
		panic(http.ErrAbortHandler) // the answer does not come through either
	}
}

// trickle is a body on a line.
type trickle struct {
	io.ReadCloser
	line *line
}

// Read implements io.Reader.
func (t *trickle) Read(b []byte) (int, error) {
	if t.line.broken() {
		return 0, io.ErrUnexpectedEOF
	}
	t.line.mu.Lock()
	rate, hung := t.line.rate, t.line.hung
	t.line.mu.Unlock()
	if hung != nil {
		<-hung
		return 0, io.ErrUnexpectedEOF
	}
	if rate > 0 {
		b = b[:min(len(b), 16<<10)]
		time.Sleep(time.Duration(len(b)) * time.Second / time.Duration(rate))
	}
	return t.ReadCloser.Read(b)
}

// losesTheAnswer lets the portal do its work, and cuts the line before it says
// so.
func losesTheAnswer(_ http.ResponseWriter, r *http.Request, portal http.Handler) {
	portal.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// breaksOff lets some bytes through.
func breaksOff(rw http.ResponseWriter, r *http.Request, portal http.Handler) {
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(r.Body, 100_000), end{}), r.Body}
	losesTheAnswer(rw, r, portal)
}

type end struct{}

func (end) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// answers says something in the portal's place, as a proxy does.
func answers(status int) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(rw http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body) // the browser may be gone
		rw.Header().Set("Content-Type", "text/html")
		http.Error(rw, "<h1>Bad</h1>", status)
	}
}
