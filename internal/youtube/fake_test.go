package youtube_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/voci-in-comune/voci/internal/youtube"
)

// secretID is what no error may contain.
const secretID = "AEnB2UqSECRETSESSION"

// wire is a server that keeps the resumable protocol to the letter, and whose
// n-th request of an upload can be made to go wrong.
type wire struct {
	t   *testing.T
	srv *httptest.Server

	mu       sync.Mutex
	requests []string             // what came, in order
	faults   map[int]http.Handler // by ordinal of the request, from 1
	always   http.Handler         // instead of everything, if set
	sessions map[string]*stored
	opens    int
	videos   []*stored
	metadata []string // bodies of the POSTs
	headers  []http.Header
	over     chan struct{} // closed at the end of the test
}

// silence says nothing until the client leaves. The server does not notice that
// while a body is unread, so the end of the test ends it too.
func (w *wire) silence(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-w.over:
	}
}

type stored struct {
	total int64
	data  []byte
	video string // once complete
}

func newWire(t *testing.T) *wire {
	w := &wire{t: t, faults: map[int]http.Handler{}, sessions: map[string]*stored{}, over: make(chan struct{})}
	w.srv = httptest.NewServer(w)
	t.Cleanup(func() {
		close(w.over)
		w.srv.CloseClientConnections()
		w.srv.Close()
	})
	return w
}

func (w *wire) on(n int, h http.HandlerFunc) *wire { w.faults[n] = h; return w }

func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.requests = append(w.requests, strings.TrimSpace(r.Method+" "+r.Header.Get("Content-Range")))
	w.headers = append(w.headers, r.Header.Clone())
	fault := w.faults[len(w.requests)]
	if w.always != nil {
		fault = w.always
	}
	w.mu.Unlock()
	if fault != nil {
		fault.ServeHTTP(rw, r)
		return
	}
	w.serve(rw, r)
}

// serve is the protocol without faults.
func (w *wire) serve(rw http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		w.open(rw, r)
		return
	}
	w.mu.Lock()
	s := w.sessions[r.URL.Query().Get("upload_id")]
	w.mu.Unlock()
	if s == nil {
		refuse(rw, http.StatusNotFound, "notFound", "session "+r.URL.String()+" is not known")
		return
	}
	if v := r.Header.Get("Content-Range"); !strings.HasPrefix(v, "bytes */") {
		var first, last, total int64
		if _, err := fmt.Sscanf(v, "bytes %d-%d/%d", &first, &last, &total); err != nil ||
			total != s.total || last-first+1 != r.ContentLength || (last+1 != total && (last-first+1)%youtube.RangeUnit != 0) {
			refuse(rw, http.StatusBadRequest, "badRequest", "bad range "+v)
			return
		}
		if !w.store(s, first, r.Body) {
			return // the line broke
		}
	}
	w.answer(rw, s)
}

func (w *wire) open(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	total, _ := strconv.ParseInt(r.Header.Get("X-Upload-Content-Length"), 10, 64)
	w.mu.Lock()
	w.opens++
	id := secretID + strconv.Itoa(w.opens)
	w.sessions[id] = &stored{total: total}
	w.metadata = append(w.metadata, r.URL.RawQuery+"\n"+string(body))
	w.mu.Unlock()
	rw.Header().Set("Location", w.srv.URL+"/upload/youtube/v3/videos?uploadType=resumable&upload_id="+id)
	rw.WriteHeader(http.StatusOK)
}

// store takes what comes from the offset that it expects, and drops the rest.
func (w *wire) store(s *stored, first int64, body io.Reader) bool {
	buf := make([]byte, 32<<10)
	skip := first != int64(len(s.data))
	for {
		n, err := body.Read(buf)
		w.mu.Lock()
		if !skip {
			s.data = append(s.data, buf[:n]...)
		}
		if int64(len(s.data)) == s.total && s.video == "" {
			w.videos = append(w.videos, s)
			s.video = fmt.Sprintf("video%d", len(w.videos))
		}
		w.mu.Unlock()
		if err != nil {
			return err == io.EOF
		}
	}
}

// answer says how far the session is.
func (w *wire) answer(rw http.ResponseWriter, s *stored) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.video != "" {
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(rw, `{"id":%q,"status":{"uploadStatus":"uploaded","privacyStatus":"private"}}`, s.video)
		return
	}
	if len(s.data) > 0 {
		rw.Header().Set("Range", fmt.Sprintf("bytes=0-%d", len(s.data)-1))
	}
	rw.WriteHeader(http.StatusPermanentRedirect)
}

// session is that of a request, for faults.
func (w *wire) session(r *http.Request) *stored {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sessions[r.URL.Query().Get("upload_id")]
}

// keepOnly stores n bytes of the request and then does what then says.
func (w *wire) keepOnly(n int64, then http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		s := w.session(r)
		var first int64
		_, _ = fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-", &first)
		w.store(s, first, io.LimitReader(r.Body, n))
		then(rw, r)
	}
}

// cut closes the line without a word.
func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// quietly takes all, answers nothing and closes the line.
func (w *wire) quietly(rw http.ResponseWriter, r *http.Request) {
	w.serve(httptest.NewRecorder(), r)
	cut(rw, r)
}

// refuse answers as Google does.
func refuse(rw http.ResponseWriter, status int, reason, message string) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(map[string]any{"error": map[string]any{
		"code": status, "message": message,
		"errors": []map[string]string{{"reason": reason, "domain": "youtube", "message": message}},
	}})
}

func refusing(status int, reason, message string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		refuse(rw, status, reason, message)
	}
}

func (w *wire) log() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.requests, "\n")
}

// oneVideo fails the test unless there is exactly one video, of these bytes.
func (w *wire) oneVideo(t *testing.T, want []byte) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.videos) != 1 {
		t.Fatalf("%d videos, want one; requests:\n%s", len(w.videos), strings.Join(w.requests, "\n"))
	}
	if !bytes.Equal(w.videos[0].data, want) {
		t.Fatalf("the video differs from the file; requests:\n%s", strings.Join(w.requests, "\n"))
	}
}

// tokens is a source that counts how often it was told that a token is stale.
type tokens struct {
	mu      sync.Mutex
	n       int
	expired int
	err     error
}

func (s *tokens) Token() (*oauth2.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	return &oauth2.Token{AccessToken: fmt.Sprintf("ya29.token%d", s.n)}, nil
}

func (s *tokens) Expire(access string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if access == fmt.Sprintf("ya29.token%d", s.n) {
		s.n++
		s.expired++
	}
}

// waits is a way to wait that takes no time and remembers.
type waits struct {
	mu  sync.Mutex
	all []time.Duration
}

func (w *waits) wait(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, d)
	return ctx.Err()
}

// bench is a client of a wire with small ranges and everything watched.
type rig struct {
	*wire
	client *youtube.Client
	tokens *tokens
	waits  *waits
	kept   []youtube.Session
	marks  []int // how many requests had come when each session was kept
	told   []int64
	spent  map[youtube.Bucket]int
}

func newRig(t *testing.T, opts ...youtube.Option) *rig {
	t.Helper()
	r := &rig{wire: newWire(t), tokens: &tokens{}, waits: &waits{}, spent: map[youtube.Bucket]int{}}
	opts = append([]youtube.Option{
		youtube.WithRange(youtube.RangeUnit),
		youtube.WithWait(r.waits.wait),
		youtube.WithQuota(func(_ context.Context, b youtube.Bucket, n int) (func(bool), error) {
			r.spent[b] += n
			return func(bool) {}, nil
		}),
	}, opts...)
	c, err := youtube.NewClient(youtube.Settings{Endpoint: r.srv.URL}, r.tokens, r.srv.Client(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	r.client = c
	return r
}

// keep commits a session in memory.
func (r *rig) keep(_ context.Context, s youtube.Session) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = append(r.kept, s)
	r.marks = append(r.marks, len(r.requests))
	return nil
}

func (r *rig) last() youtube.Session {
	if len(r.kept) == 0 {
		return youtube.Session{}
	}
	return r.kept[len(r.kept)-1]
}

// upload goes on from the session that was kept last.
func (r *rig) upload(ctx context.Context, data []byte) (youtube.Video, error) {
	return r.client.Upload(ctx, fileOf(data), r.last(), r.keep, func(n int64) { r.told = append(r.told, n) })
}

func fileOf(data []byte) youtube.Upload {
	return youtube.Upload{
		Metadata: goodMetadata(), File: bytes.NewReader(data), Size: int64(len(data)),
		ContentType: "video/mp4", Slug: "0190f5c2.mp4",
	}
}

func goodMetadata() youtube.Metadata {
	return youtube.Metadata{
		Title: "Il Sindaco di Ala di Stura", Description: "Città & montagna", Tags: []string{"Ala di Stura", "solidarietà"},
		CategoryID: "29", Language: "it", RecordedOn: time.Date(2020, 4, 3, 0, 0, 0, 0, time.FixedZone("", 2*3600)),
		Privacy: youtube.Unlisted,
	}
}

// content is n bytes that differ from place to place.
func content(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}
