package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// world is a sandbox behind a real server, with a clock of its own and a client
// that holds a token for everything.
type world struct {
	t      *testing.T
	opts   Options
	box    *Sandbox
	server *httptest.Server
	bearer string

	mu  sync.Mutex
	now time.Time
}

func newWorld(t *testing.T, o Options) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)}
	o.Dir, o.Clock = t.TempDir(), w.clock
	w.opts = o
	w.start()
	t.Cleanup(w.stop)
	w.bearer = w.accessToken(w.box.IssueToken())
	return w
}

// in is the same world for a subtest.
func (w *world) in(t *testing.T) *world {
	return &world{t: t, opts: w.opts, box: w.box, server: w.server, bearer: w.bearer, now: w.clock()}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// tick lets time pass.
func (w *world) tick(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// pass lets time pass, and gets a token that still opens after it.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.tick(d)
	w.bearer = w.accessToken(w.box.IssueToken())
}

func (w *world) start() {
	w.t.Helper()
	box, err := New(w.opts)
	if err != nil {
		w.t.Fatal(err)
	}
	w.box = box
	w.server = httptest.NewServer(box)
}

func (w *world) stop() {
	w.server.Close()
	if err := w.box.Close(); err != nil {
		w.t.Error(err)
	}
}

// restart forgets everything that is not on the disk.
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.start()
}

func (w *world) fault(faults ...Fault) {
	w.t.Helper()
	if err := w.box.Faults().Add(faults...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) accessToken(refresh string) string {
	w.t.Helper()
	r := w.form("/token", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "client_id": {"client"}, "client_secret": {"secret"},
	})
	token, _ := r.json["access_token"].(string)
	if r.code != http.StatusOK || token == "" {
		w.t.Fatalf("no access token: %d %s", r.code, r.body)
	}
	return token
}

// response is an answer, read whole.
type response struct {
	code   int
	header http.Header
	body   []byte
	json   map[string]any
	err    error
}

// reason and location of the first error.
func (r response) reason() string   { return r.find("error", "errors", "0", "reason") }
func (r response) location() string { return r.find("error", "errors", "0", "location") }

// find walks through the answer; what is not there is empty.
func (r response) find(path ...string) string {
	var at any = r.json
	for _, step := range path {
		switch v := at.(type) {
		case map[string]any:
			at = v[step]
		case []any:
			if len(v) == 0 {
				return ""
			}
			at = v[int(step[0]-'0')]
		default:
			return ""
		}
	}
	if s, ok := at.(string); ok {
		return s
	}
	if at == nil {
		return ""
	}
	b, _ := json.Marshal(at)
	return string(b)
}

func (r response) items() []any {
	items, _ := r.json["items"].([]any)
	return items
}

// do sends a request and never follows a redirect.
func (w *world) do(method, address string, header http.Header, body io.Reader, length int64) response {
	w.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = w.server.URL + address
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, address, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if length >= 0 {
		req.ContentLength = length
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if _, set := header["Authorization"]; !set && w.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+w.bearer)
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return response{err: err}
	}
	defer res.Body.Close()
	out := response{code: res.StatusCode, header: res.Header}
	out.body, out.err = io.ReadAll(res.Body)
	if len(out.body) > 0 && strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(out.body, &out.json); err != nil && out.body[0] == '{' {
			w.t.Fatalf("not JSON: %s", out.body)
		}
	}
	return out
}

func (w *world) get(address string) response {
	w.t.Helper()
	return w.do(http.MethodGet, address, nil, nil, -1)
}

func (w *world) form(address string, values url.Values) response {
	w.t.Helper()
	return w.do(http.MethodPost, address, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, strings.NewReader(values.Encode()), -1)
}

func (w *world) send(method, address, body string) response {
	w.t.Helper()
	return w.do(method, address, http.Header{"Content-Type": {"application/json; charset=UTF-8"}}, strings.NewReader(body), -1)
}

// want fails unless an answer has this status and error reason.
func (w *world) want(r response, code int, reason string) response {
	w.t.Helper()
	if r.err != nil {
		w.t.Fatalf("no answer: %v", r.err)
	}
	if r.code != code || r.reason() != reason {
		w.t.Fatalf("got %d %q, want %d %q: %s", r.code, r.reason(), code, reason, r.body)
	}
	return r
}

const insertAddress = "/upload/youtube/v3/videos?uploadType=resumable&part=snippet,status&notifySubscribers=false"

const goodMetadata = `{"snippet":{"title":"Il sindaco di Usseglio","description":"Una voce dalle valli.","tags":["valli di Lanzo","voci"],"categoryId":"25","defaultLanguage":"it"},
"status":{"privacyStatus":"public","embeddable":true,"selfDeclaredMadeForKids":false}}`

// initiate opens a session and returns its address.
func (w *world) initiate(total int64) string {
	w.t.Helper()
	r := w.want(w.tryInitiate(insertAddress, goodMetadata, total), http.StatusOK, "")
	if len(r.body) != 0 || r.header.Get("Location") == "" {
		w.t.Fatalf("a session's answer is empty and has a Location: %v %s", r.header, r.body)
	}
	return r.header.Get("Location")
}

func (w *world) tryInitiate(address, metadata string, total int64) response {
	w.t.Helper()
	h := http.Header{"Content-Type": {"application/json; charset=UTF-8"}, "Slug": {"job-1.mp4"}}
	h.Set("X-Upload-Content-Type", "video/mp4")
	h.Set("X-Upload-Content-Length", itoa(total))
	return w.do(http.MethodPost, address, h, strings.NewReader(metadata), -1)
}

// put sends data as the bytes from first of total.
func (w *world) put(session string, data []byte, first, total int64) response {
	w.t.Helper()
	h := http.Header{"Content-Range": {"bytes " + itoa(first) + "-" + itoa(first+int64(len(data))-1) + "/" + itoa(total)}}
	return w.do(http.MethodPut, session, h, bytes.NewReader(data), -1)
}

// ask asks a session how much it has.
func (w *world) ask(session string, total int64) response {
	w.t.Helper()
	return w.do(http.MethodPut, session, http.Header{"Content-Range": {"bytes */" + itoa(total)}}, http.NoBody, 0)
}

// upload sends a whole file and returns the video's id.
func (w *world) upload(data []byte) string {
	w.t.Helper()
	r := w.want(w.put(w.initiate(int64(len(data))), data, 0, int64(len(data))), http.StatusCreated, "")
	return r.find("id")
}

func itoa(n int64) string {
	b, _ := json.Marshal(n)
	return string(b)
}

// movie is n bytes that begin like an MP4 of the given duration and go on with
// bytes that differ from place to place.
func movie(n int, seconds uint32) []byte {
	b := []byte("\x00\x00\x00\x14ftypisom\x00\x00\x02\x00isom")
	header := append([]byte("\x00\x00\x00\x6cmvhd"), make([]byte, 100)...)
	header[8+14], header[8+15] = 600>>8, 600&255 // timescale
	units := seconds * 600
	header[8+16], header[8+17], header[8+18], header[8+19] = byte(units>>24), byte(units>>16), byte(units>>8), byte(units)
	b = append(b, "\x00\x00\x00\x74moov"...)
	b = append(b, header...)
	for i := len(b); i < n; i++ {
		b = append(b, byte(i*7+i>>8*13+i>>16*31))
	}
	return b[:n]
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// state is what a test of another process would see.
func (w *world) state() State {
	w.t.Helper()
	r := w.get("/sandbox/state")
	var s State
	if err := json.Unmarshal(r.body, &s); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// eventually waits for a condition that something behind the answer brings about.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			w.t.Fatalf("never happened: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
