package youtube_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/voci-in-comune/voci/internal/youtube"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// BenchmarkSend sends 1 GiB to the sandbox, by turns in one bare PUT of
// http.Client into a session and by Upload in its usual ranges: "ratio" is
// Upload's throughput as a share of the bare one (at least 0.8), "MiB-heap" by
// how much the heap grew at most (constant, however large the file).
func BenchmarkSend(b *testing.B) {
	const size = 1 << 30
	path := filepath.Join(b.TempDir(), "film.mp4")
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = file.Close() })
	if _, err := file.Write([]byte("\x00\x00\x00\x14ftypisom\x00\x00\x02\x00isom")); err != nil {
		b.Fatal(err)
	}
	if err := file.Truncate(size); err != nil {
		b.Fatal(err)
	}
	var bare, ours time.Duration
	var grown uint64
	for n := 0; b.Loop(); n++ {
		// Each in a round of its own, now one first and now the other: what is
		// written second has the disk still busy with the first.
		for turn := range 2 {
			round := newRound(b)
			if (n+turn)%2 == 0 {
				bare += round.bare(b, file, size)
			} else {
				took, more := round.upload(b, file, size)
				ours += took
				grown = max(grown, more)
			}
			round.close(b)
		}
	}
	b.SetBytes(2 * size)
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "ratio")
	b.ReportMetric(float64(grown)/(1<<20), "MiB-heap")
}

// round is a sandbox of its own, so that the disk gets back what was written.
type round struct {
	dir    string
	box    *sandbox.Sandbox
	server *httptest.Server
	client *youtube.Client
	tokens oauth2.TokenSource
}

func newRound(b *testing.B) *round {
	b.Helper()
	r := &round{}
	var err error
	if r.dir, err = os.MkdirTemp(b.TempDir(), "round"); err != nil {
		b.Fatal(err)
	}
	if r.box, err = sandbox.New(sandbox.Options{Dir: r.dir}); err != nil {
		b.Fatal(err)
	}
	r.server = httptest.NewServer(r.box)
	settings := youtube.Settings{
		Endpoint: r.server.URL, AuthURL: r.server.URL + "/o/oauth2/v2/auth", TokenURL: r.server.URL + "/token", RevokeURL: r.server.URL + "/revoke",
		ClientID: "portal", ClientSecret: "secret", RedirectURL: r.server.URL,
	}
	r.tokens = youtube.NewOAuth(settings, nil).TokenSource(b.Context(), &oauth2.Token{RefreshToken: r.box.IssueToken()})
	if r.client, err = youtube.NewClient(settings, r.tokens, nil); err != nil {
		b.Fatal(err)
	}
	return r
}

func (r *round) close(b *testing.B) {
	b.Helper()
	r.server.Close()
	if err := r.box.Close(); err != nil {
		b.Fatal(err)
	}
	if err := os.RemoveAll(r.dir); err != nil {
		b.Fatal(err)
	}
}

// bare opens a session and puts the file into it, as simply as Go can.
func (r *round) bare(b *testing.B, file io.ReaderAt, size int64) time.Duration {
	b.Helper()
	token, err := r.tokens.Token()
	if err != nil {
		b.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, r.server.URL+"/upload/youtube/v3/videos?uploadType=resumable&part=status", http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	token.SetAuthHeader(req)
	opened, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	_ = opened.Body.Close()
	put, err := http.NewRequest(http.MethodPut, opened.Header.Get("Location"), io.NewSectionReader(file, 0, size))
	if err != nil {
		b.Fatal(err)
	}
	put.ContentLength = size
	token.SetAuthHeader(put)
	start := time.Now()
	res, err := http.DefaultClient.Do(put)
	if err != nil {
		b.Fatal(err)
	}
	took := time.Since(start)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		b.Fatalf("the bare PUT got %s", res.Status)
	}
	if err := r.box.Close(); err != nil { // the hashing behind the answer is not part of it
		b.Fatal(err)
	}
	return took
}

// upload sends the file by Upload and watches the heap.
func (r *round) upload(b *testing.B, file io.ReaderAt, size int64) (took time.Duration, grown uint64) {
	b.Helper()
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	before := mem.HeapInuse
	done := make(chan uint64)
	stop := make(chan struct{})
	go func() {
		var most uint64
		for {
			select {
			case <-stop:
				done <- most
				return
			case <-time.After(50 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
		}
	}()
	start := time.Now()
	_, err := r.client.Upload(b.Context(), youtube.Upload{
		Metadata: youtube.Metadata{Title: "Misura", Privacy: youtube.Private}, File: file, Size: size, Slug: "misura.mp4",
	}, youtube.Session{}, func(context.Context, youtube.Session) error { return nil }, nil)
	took = time.Since(start)
	close(stop)
	most := <-done
	if err != nil {
		b.Fatal(err)
	}
	return took, max(most, before) - before
}
