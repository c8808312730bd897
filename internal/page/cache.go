package page

import (
	"bytes"
	"container/list"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/labstack/echo/v4"
	"golang.org/x/sync/singleflight"
)

const (
	// longestKey bounds what a stranger's address can take in memory.
	longestKey = 512
	// longestRender bounds the making of a page that others wait for.
	longestRender = 30 * time.Second
	// longestKept bounds how long a page can be wrong when nothing changes but
	// the time: numbers that are late, say so.
	longestKept = 10 * time.Minute
	brotliLevel = 5 // 11 would make the first visitor wait
)

var (
	// Browsers keep the page and ask each time whether it is still the one.
	askAgain   = []string{"public, no-cache"}
	varyCookie = []string{"Accept-Encoding, Cookie"}
)

// Cache keeps citizens' pages whole and compressed, until something public
// changes, for some minutes at most, and never beyond the day ("oggi" becomes
// "ieri").
type Cache struct {
	session  string
	now      func() time.Time
	rome     *time.Location
	max      int64
	flights  singleflight.Group
	changes  atomic.Uint64 // grows with every Drop
	mu       sync.RWMutex
	entries  map[string]*list.Element
	order    *list.List // of *entry, the next to be looked at for eviction in front
	bytes    int64
	renders  atomic.Uint64
	answered atomic.Uint64
}

// NewCache makes a cache that holds at most max bytes.
func (p *Pages) NewCache(max int64) *Cache {
	return &Cache{
		session: p.opt.SessionName, now: p.opt.Now, rome: p.rome, max: max,
		entries: map[string]*list.Element{}, order: list.New(),
	}
}

// Drop forgets every page. Call it after a change that citizens can see is
// committed. A page that is being made meanwhile is shown to those who wait for
// it, and not kept.
func (c *Cache) Drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes.Add(1)
	clear(c.entries)
	c.order.Init()
	c.bytes = 0
}

// CacheStats tell how the cache does.
type CacheStats struct {
	Pages    int
	Bytes    int64
	Answered uint64 // from memory
	Rendered uint64
}

// Stats tells how the cache does.
func (c *Cache) Stats() CacheStats {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return CacheStats{Pages: len(c.entries), Bytes: c.bytes, Answered: c.answered.Load(), Rendered: c.renders.Load()}
}

// serve answers from memory, before any routing. It returns false if it cannot.
func (c *Cache) serve(w http.ResponseWriter, r *http.Request) bool {
	if (r.Method != http.MethodGet && r.Method != http.MethodHead) || c.signedIn(r) {
		return false
	}
	key := cacheKey(r)
	if key == "" {
		return false
	}
	c.mu.RLock()
	place := c.entries[key]
	c.mu.RUnlock()
	if place == nil {
		return false
	}
	e := place.Value.(*entry)
	if !c.now().Before(e.expires) {
		return false
	}
	if !e.used.Load() {
		e.used.Store(true)
	}
	c.answered.Add(1)
	e.serve(w, r)
	return true
}

func (c *Cache) signedIn(r *http.Request) bool {
	if len(r.Header["Cookie"]) == 0 {
		return false
	}
	_, err := r.Cookie(c.session)
	return err == nil
}

// cacheKey is the address as the browser sent it, language included, with the
// parameters that pages read. It is empty for what is not kept.
func cacheKey(r *http.Request) string {
	path, query, asked := strings.Cut(r.RequestURI, "?")
	if len(r.RequestURI) > longestKey || path == "" || path[0] != '/' {
		return ""
	}
	if !asked {
		return path
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	if kept := keptQuery(values); kept != "" {
		return path + "?" + kept
	}
	return path
}

// Wrap is the middleware of routes whose pages are the same for every citizen.
// Those who ask at the same time wait for one rendering.
func (c *Cache) Wrap(next echo.HandlerFunc) echo.HandlerFunc {
	return func(ec echo.Context) error {
		r := ec.Request()
		key := cacheKey(r)
		if key == "" || r.Method != http.MethodGet || c.signedIn(r) {
			return next(ec)
		}
		// Who comes after a Drop does not wait for a page begun before it.
		flight := strconv.FormatUint(c.changes.Load(), 36) + key
		made, err, _ := c.flights.Do(flight, func() (any, error) { return c.render(ec, next, key) })
		if err != nil {
			return err
		}
		made.(*answer).send(ec)
		return nil
	}
}

// answer is what a handler wrote: an entry that may be kept, or anything else.
type answer struct {
	entry  *entry
	status int
	header http.Header
	body   []byte
}

func (a *answer) send(c echo.Context) {
	if a.entry != nil {
		a.entry.serve(c.Response(), c.Request())
		return
	}
	h := c.Response().Header()
	for name, values := range a.header {
		h[name] = values
	}
	c.Response().WriteHeader(a.status)
	_, _ = c.Response().Write(a.body) // an error means that the browser has gone
}

func (c *Cache) render(ec echo.Context, next echo.HandlerFunc, key string) (*answer, error) {
	changes := c.changes.Load()
	now := c.now()
	// Others wait for this page: the one who asked first may go away.
	r := ec.Request()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), longestRender)
	defer cancel()
	ours := ec.Response()
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	ec.SetResponse(echo.NewResponse(rec, ec.Echo()))
	ec.SetRequest(r.WithContext(ctx))
	err := next(ec)
	ec.SetResponse(ours)
	ec.SetRequest(r)
	c.renders.Add(1)
	if err != nil {
		return nil, err
	}
	if rec.status != http.StatusOK || rec.header.Get("Set-Cookie") != "" {
		return &answer{status: rec.status, header: rec.header, body: rec.body.Bytes()}, nil
	}
	e := rec.entry(key)
	y, m, d := now.In(c.rome).Date()
	e.expires = now.Add(longestKept)
	if midnight := time.Date(y, m, d+1, 0, 0, 0, 0, c.rome); midnight.Before(e.expires) {
		e.expires = midnight
	}
	c.keep(e, changes)
	return &answer{entry: e}, nil
}

// keep stores an entry unless something has changed since it was begun, and
// makes room: an entry that was asked for since the last look gets another turn.
func (c *Cache) keep(e *entry, changes uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes.Load() != changes || e.size() > c.max/4 {
		return
	}
	if old := c.entries[e.key]; old != nil {
		c.remove(old)
	}
	c.entries[e.key] = c.order.PushBack(e)
	c.bytes += e.size()
	for c.bytes > c.max {
		first := c.order.Front()
		if first.Value.(*entry).used.Swap(false) {
			c.order.MoveToBack(first)
			continue
		}
		c.remove(first)
	}
}

func (c *Cache) remove(place *list.Element) {
	e := c.order.Remove(place).(*entry)
	delete(c.entries, e.key)
	c.bytes -= e.size()
}

// recorder keeps what a handler writes.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

func (r *recorder) entry(key string) *entry {
	body := r.body.Bytes()
	e := newEntry(body, r.header.Get("Content-Type"))
	e.key, e.cacheControl, e.vary = key, askAgain, varyCookie
	e.language = r.header["Content-Language"]
	e.others = r.header.Clone()
	for _, name := range []string{"Content-Type", "Content-Language", "Content-Length", "Cache-Control", "Vary", "Etag", "Date"} {
		e.others.Del(name)
	}
	if len(body) >= smallest {
		e.compress(asBrotli, func() []byte { return brotlied(body, brotliLevel) })
		e.compress(asGzip, func() []byte { return gzipped(body, gzip.DefaultCompression) })
	}
	return e
}
