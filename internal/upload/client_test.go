package upload

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
)

const base = "/caricamenti/"

// random makes n bytes that are the same in every run.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// client speaks tus as a browser does, one request at a time.
type client struct {
	tb       testing.TB
	endpoint string
	http     *http.Client
}

// reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	body   string
	err    error // the line broke
}

func (r reply) offset(tb testing.TB) int64 {
	tb.Helper()
	n, err := strconv.ParseInt(r.header.Get("Upload-Offset"), 10, 64)
	if err != nil {
		tb.Fatalf("no offset in the answer: %d %s %v", r.status, r.body, r.err)
	}
	return n
}

func (c client) do(method, address string, body io.Reader, length int64, header ...string) reply {
	c.tb.Helper()
	req, err := http.NewRequestWithContext(c.tb.Context(), method, address, body)
	if err != nil {
		c.tb.Fatal(err)
	}
	if body != nil {
		req.ContentLength = length
	}
	req.Header.Set("Tus-Resumable", "1.0.0")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	hc := c.http
	if hc == nil {
		hc = http.DefaultClient
	}
	res, err := hc.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, strings.TrimSpace(string(text)), err}
}

// metadata encodes pairs as the Upload-Metadata header.
func metadata(pairs ...string) string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, pairs[i]+" "+base64.StdEncoding.EncodeToString([]byte(pairs[i+1])))
	}
	return strings.Join(out, ",")
}

// usual is what a browser says of a file.
func usual() string {
	return metadata(metaTestimony, "7", metaFilename, "video del sindaco.mp4", metaFiletype, "video/mp4")
}

// post asks for a new upload.
func (c client) post(header ...string) reply {
	c.tb.Helper()
	return c.do(http.MethodPost, c.endpoint, nil, 0, header...)
}

// create makes an upload and returns its address.
func (c client) create(size int64) string {
	c.tb.Helper()
	res := c.post("Upload-Length", strconv.FormatInt(size, 10), "Upload-Metadata", usual())
	if res.status != http.StatusCreated {
		c.tb.Fatalf("POST: %d %s %v", res.status, res.body, res.err)
	}
	return c.resolve(res.header.Get("Location"))
}

func (c client) resolve(location string) string {
	c.tb.Helper()
	u, err := url.Parse(c.endpoint)
	if err != nil {
		c.tb.Fatal(err)
	}
	if u, err = u.Parse(location); err != nil {
		c.tb.Fatal(err)
	}
	return u.String()
}

func (c client) patch(address string, offset int64, body io.Reader, length int64, header ...string) reply {
	c.tb.Helper()
	return c.do(http.MethodPatch, address, body, length, append([]string{
		"Content-Type", "application/offset+octet-stream", "Upload-Offset", strconv.FormatInt(offset, 10),
	}, header...)...)
}

func (c client) head(address string) reply {
	c.tb.Helper()
	return c.do(http.MethodHead, address, nil, 0)
}

// desk is a Receiver behind a real server, and what those around it saw.
type desk struct {
	client
	*Receiver
	srv *httptest.Server

	mu       sync.Mutex
	offers   []Offer
	arrived  []Received // calls of Received, refused ones too
	admitErr error
	ownsErr  error
	takeErr  []error // answers of the next calls of Received
}

// newDesk opens a desk in its own folders; change adapts the options.
func newDesk(tb testing.TB, change func(*Options)) *desk {
	tb.Helper()
	d := &desk{}
	dir := tb.TempDir()
	o := Options{
		Dir: filepath.Join(dir, "uploads"), Vault: filepath.Join(dir, "vault"),
		BasePath: base, MaxBytes: 64 << 20,
		Admit: func(_ context.Context, o Offer) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.offers = append(d.offers, o)
			return d.admitErr
		},
		Owns: func(context.Context, string) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			return d.ownsErr
		},
		Received: func(_ context.Context, r Received) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.arrived = append(d.arrived, r)
			if len(d.takeErr) > 0 {
				err := d.takeErr[0]
				d.takeErr = d.takeErr[1:]
				return err
			}
			return nil
		},
		Log: slog.New(slog.NewTextHandler(tb.Output(), nil)),
	}
	if change != nil {
		change(&o)
	}
	r, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	d.Receiver = r
	d.open(tb)
	return d
}

// open serves the desk's Receiver.
func (d *desk) open(tb testing.TB) {
	tb.Helper()
	d.srv = httptest.NewServer(d.Receiver)
	tb.Cleanup(d.srv.Close)
	d.client = client{tb: tb, endpoint: d.srv.URL + base, http: d.srv.Client()}
}

// again is a desk over the same folders, as after a new start.
func (d *desk) again(tb testing.TB) *desk {
	tb.Helper()
	return newDesk(tb, func(o *Options) { o.Dir, o.Vault = d.opt.Dir, d.opt.Vault })
}

func (d *desk) taken() []Received {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Received(nil), d.arrived...)
}

func idIn(address string) string { return address[strings.LastIndex(address, "/")+1:] }

// wantVault checks that the vault holds exactly want for an upload, that it
// was taken over once, and that only the receipt is left of it.
func (d *desk) wantVault(address string, want []byte) {
	d.tb.Helper()
	id := idIn(address)
	got, err := os.ReadFile(d.vaultPath(id))
	if err != nil {
		d.tb.Fatal(err)
	}
	if sum(got) != sum(want) {
		d.tb.Errorf("the vault has %d bytes with SHA-256 %s, want %d with %s", len(got), sum(got), len(want), sum(want))
	}
	calls := 0
	for _, r := range d.taken() {
		if r.UploadID == id {
			calls++
		}
	}
	if calls != 1 {
		d.tb.Errorf("taken over %d times, want once", calls)
	}
	if _, err := os.Stat(d.dataPath(id)); !errors.Is(err, os.ErrNotExist) {
		d.tb.Errorf("bytes are left in the folder of uploads: %v", err)
	}
}

// wantRefusal checks a status and the key of its sentence.
func wantRefusal(tb testing.TB, got reply, status int, key string) {
	tb.Helper()
	if got.err != nil || got.status != status || got.body != key {
		tb.Errorf("got %d %q %v, want %d %q", got.status, got.body, got.err, status, key)
	}
}

// wantFault checks the kind and the key of a refusal.
func wantFault(tb testing.TB, err error, kind fault.Kind, key string) {
	tb.Helper()
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != kind || e.Message.Key != key {
		tb.Errorf("got %v, want kind %d and key %s", err, kind, key)
	}
}

// eventually waits for something to become true.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			tb.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(time.Millisecond) // between two looks, not for a result
	}
}

// all sends a whole file in one PATCH.
func (c client) all(address string, data []byte) reply {
	c.tb.Helper()
	return c.patch(address, 0, bytes.NewReader(data), int64(len(data)))
}
