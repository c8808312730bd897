package sandbox

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// zeros is a body of n bytes that begins like a video and takes no memory.
type zeros struct{ at, n int64 }

func (z *zeros) Read(b []byte) (int, error) {
	if z.at == z.n {
		return 0, io.EOF
	}
	n := min(int64(len(b)), z.n-z.at)
	clear(b[:n])
	if z.at == 0 && n >= 12 {
		copy(b, "\x00\x00\x00\x14ftypisom")
	}
	z.at += n
	return int(n), nil
}

// Receiving takes the same memory however large the file is.
func TestMemoryStaysConstant(t *testing.T) {
	w := newWorld(t, Options{})
	const size = 256 << 20
	session := w.initiate(size)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	w.want(w.do(http.MethodPut, session, nil, &zeros{n: size}, size), http.StatusCreated, "")
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
		t.Errorf("receiving %d MiB allocated %d MiB", size>>20, used>>20)
	}
}

// BenchmarkReceive compares a resumable upload with the least that a server can
// do: copy the body to a file.
func BenchmarkReceive(b *testing.B) {
	const size = 1 << 30
	send := func(b *testing.B, method, address, bearer string, want int) {
		b.Helper()
		req, err := http.NewRequestWithContext(b.Context(), method, address, &zeros{n: size})
		if err != nil {
			b.Fatal(err)
		}
		req.ContentLength = size
		req.Header.Set("Authorization", "Bearer "+bearer)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != want {
			b.Fatalf("got %s", res.Status)
		}
	}
	b.Run("bare", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "file")
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f, err := os.Create(path)
			if err != nil {
				b.Error(err)
				return
			}
			defer f.Close()
			if _, err := io.Copy(f, r.Body); err != nil {
				b.Error(err)
			}
		}))
		defer server.Close()
		b.SetBytes(size)
		for b.Loop() {
			send(b, http.MethodPut, server.URL, "", http.StatusOK)
			b.StopTimer()
			emptyFolder(b, filepath.Dir(path))
			b.StartTimer()
		}
	})
	b.Run("sandbox", func(b *testing.B) {
		box, err := New(Options{Dir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		server := httptest.NewServer(box)
		defer server.Close()
		token := box.issueAccess()
		b.SetBytes(size)
		for b.Loop() {
			b.StopTimer()
			req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL+insertAddress, http.NoBody)
			if err != nil {
				b.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			res.Body.Close()
			b.StartTimer()
			send(b, http.MethodPut, res.Header.Get("Location"), token, http.StatusCreated)
			b.StopTimer()
			if err := box.Close(); err != nil { // the hashing is not part of the answer
				b.Fatal(err)
			}
			emptyFolder(b, filepath.Join(box.dir, "videos"))
			b.StartTimer()
		}
	})
}

// emptyFolder gives the disk back what a round has written.
func emptyFolder(b *testing.B, path string) {
	b.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		if err := os.Remove(filepath.Join(path, e.Name())); err != nil {
			b.Fatal(err)
		}
	}
}

// issueAccess is a token for everything without asking for it over HTTP.
func (s *Sandbox) issueAccess() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &grant{Scopes: []string{scopeForceSSL}}
	s.oauth.Grants["bench"] = g
	return s.issue("bench", g)["access_token"].(string)
}
