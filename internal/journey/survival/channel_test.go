package survival

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// channel is a YouTube that outlives the portal: in the test's own process, so
// that a test sees and stops each request.
type channel struct {
	*sandbox.Sandbox
	dir     string
	address string // http://host:port

	mu       sync.Mutex
	calls    []call
	sessions map[string]string // upload_id to the slug of its upload
	hooks    []*hook
	caught   <-chan struct{}
	tookAt   time.Time // when a hook last took a request
	bytes    int64     // of files that came
	alarm    int64     // how many bytes ring; 0: none
	rung     chan struct{}
}

// call is a request on the wire of uploads, as it came.
type call struct {
	slug, what string
	first, had int64 // of one that brings bytes: the first of them, and how many were there
}

// hook does something once, before a request that it is for is served.
type hook struct {
	is     func(*http.Request) bool
	before func(*http.Request)
	served chan struct{} // closed when the answer is written
}

// newChannel starts a channel. through is the address that the portal knows it
// by, empty for its own.
func newChannel(t *testing.T, listener net.Listener, through string) *channel {
	t.Helper()
	c := &channel{dir: t.TempDir(), address: "http://" + listener.Addr().String(), sessions: map[string]string{}}
	if through == "" {
		through = c.address
	}
	box, err := sandbox.New(sandbox.Options{Dir: c.dir, BaseURL: through, Processing: 50 * time.Millisecond, Growth: 500_000})
	if err != nil {
		t.Fatal(err)
	}
	c.Sandbox = box
	server := &http.Server{Handler: c, ReadHeaderTimeout: patience}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the channel: %v", err)
		}
	}()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), box.Close()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// listen takes a free port.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// settings point a portal to the channel, reached through an address.
func (c *channel) settings(through string) []string {
	if through == "" {
		through = c.address
	}
	return []string{
		"VOCI_YOUTUBE=live", "VOCI_YOUTUBE_ENDPOINT=" + through, "VOCI_GOOGLE_AUTH_URL=" + c.address + "/o/oauth2/v2/auth",
		"VOCI_GOOGLE_TOKEN_URL=" + c.address + "/token", "VOCI_GOOGLE_REVOKE_URL=" + c.address + "/revoke",
		"VOCI_GOOGLE_CLIENT_ID=portal", "VOCI_GOOGLE_CLIENT_SECRET=secret", "VOCI_POLL_EVERY=100ms",
	}
}

// ServeHTTP notes what comes, then lets the sandbox answer.
func (c *channel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.note(r)
	if h := c.take(r); h != nil {
		defer close(h.served)
		h.before(r)
		if r.Context().Err() != nil {
			return // whoever asked is gone
		}
	}
	if opens(r) {
		slug := r.Header.Get("Slug")
		c.Sandbox.ServeHTTP(w, r)
		if u, err := url.Parse(w.Header().Get("Location")); err == nil {
			c.mu.Lock()
			c.sessions[u.Query().Get("upload_id")] = slug
			c.mu.Unlock()
		}
		return
	}
	if r.Method == http.MethodPut && r.ContentLength > 0 {
		r.Body = &counted{r.Body, c}
	}
	c.Sandbox.ServeHTTP(w, r)
}

func opens(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/upload/") && r.URL.Query().Get("upload_id") == ""
}

func lists(what string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/"+what)
	}
}

// asks tells a question for the offset from a request that brings bytes.
func asks(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.HasPrefix(r.Header.Get("Content-Range"), "bytes */")
}

func deletes(r *http.Request) bool { return r.Method == http.MethodDelete }

func sendsLast(r *http.Request) bool {
	span, size, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Content-Range"), "bytes "), "/")
	_, last, _ := strings.Cut(span, "-")
	var n, total int64
	_, err := fmt.Sscan(last+" "+size, &n, &total)
	return r.Method == http.MethodPut && err == nil && n == total-1
}

// note writes down what comes on the wire of uploads.
func (c *channel) note(r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if opens(r) {
		c.calls = append(c.calls, call{slug: r.Header.Get("Slug"), what: "open"})
		return
	}
	if r.Method != http.MethodPut || !strings.HasPrefix(r.URL.Path, "/upload/") {
		return
	}
	id := r.URL.Query().Get("upload_id")
	one := call{slug: c.sessions[id], what: "ask"}
	if !asks(r) {
		_, err := fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-", &one.first)
		one.what = fmt.Sprintf("bytes from %d", one.first)
		if err != nil {
			one.what = "bytes without a range"
		}
		if st, err := os.Stat(c.part(id)); err == nil {
			one.had = st.Size()
		}
	}
	c.calls = append(c.calls, one)
}

// part is where a session's bytes are until it is whole.
func (c *channel) part(id string) string { return filepath.Join(c.dir, "sessions", id+".part") }

// wantNothingTwice checks that nothing which the channel had was sent again, and
// nothing left out.
func (c *channel) wantNothingTwice(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.calls {
		if one.first != one.had {
			t.Errorf("%s: %s, while the channel had %d", one.slug, one.what, one.had)
		}
	}
}

// wire is what came for an upload, from the nth call on.
func (c *channel) wire(slug string, from int) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for _, one := range c.calls[from:] {
		if one.slug == slug {
			all = append(all, one.what)
		}
	}
	return all
}

// mark is how many calls came.
func (c *channel) mark() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.calls)
}

// on has something done before the next request of a kind is served. It is
// caught when its answer is written.
func (c *channel) on(is func(*http.Request) bool, before func(*http.Request)) {
	h := &hook{is, before, make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hooks = append(c.hooks, h)
	c.caught = h.served
}

// stop holds the next request of a kind until whoever sent it is gone. It is
// caught when it is there.
func (c *channel) stop(is func(*http.Request) bool) {
	came := make(chan struct{})
	c.on(is, func(r *http.Request) {
		close(came)
		select {
		case <-r.Context().Done():
		case <-time.After(patience):
		}
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.caught = came
}

// isCaught tells whether what was last waited for has come: a request that is
// held, or the answer to one.
func (c *channel) isCaught() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return done(c.caught)
}

// caughtAt is when the last request came that was waited for.
func (c *channel) caughtAt() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tookAt
}

func done(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (c *channel) take(r *http.Request) *hook {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, h := range c.hooks {
		if h.is(r) {
			c.hooks = slices.Delete(c.hooks, i, i+1)
			c.tookAt = time.Now()
			return h
		}
	}
	return nil
}

// forget lets go of hooks whose request never came.
func (c *channel) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hooks = nil
}

// videos are those that came of an upload.
func (c *channel) videos(slug string) []sandbox.VideoState {
	return slices.DeleteFunc(c.State().Videos, func(v sandbox.VideoState) bool { return v.FileName != slug })
}

// fail switches a fault on.
func (c *channel) fail(t *testing.T, f sandbox.Fault) {
	t.Helper()
	if err := c.Faults().Add(f); err != nil {
		t.Fatal(err)
	}
}

// stored is how many bytes the newest session of an upload has on the disk, -1
// without one.
func (c *channel) stored(slug string) (n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = -1
	for id, of := range c.sessions {
		if st, err := os.Stat(c.part(id)); of == slug && err == nil {
			n = max(n, st.Size())
		}
	}
	return n
}

// ring closes what it returns when so many bytes more have come.
func (c *channel) ring(after int64) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alarm, c.rung = c.bytes+max(after, 1), make(chan struct{})
	return c.rung
}

// counted is a body whose bytes are counted.
type counted struct {
	io.ReadCloser
	c *channel
}

// Read implements io.Reader.
func (b *counted) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.c.mu.Lock()
	defer b.c.mu.Unlock()
	b.c.bytes += int64(n)
	if b.c.alarm > 0 && b.c.bytes >= b.c.alarm {
		b.c.alarm = 0
		close(b.c.rung)
	}
	return n, err
}
