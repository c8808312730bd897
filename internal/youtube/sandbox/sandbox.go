package sandbox

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options are what a sandbox needs to know. Only Dir is required.
type Options struct {
	Dir        string           // where the state lives; made if missing
	BaseURL    string           // such as http://127.0.0.1:8099; empty: taken from each request
	Clock      func() time.Time // nil: time.Now
	Processing time.Duration    // how long a video is processed; 0: 5 s, negative: not at all
	Growth     float64          // views an hour that a public video gains on average; 0: 40, negative: none
	Quota      map[string]int   // daily size of the buckets to change: uploads, statistics, units
	Log        *slog.Logger     // nil: silent

	// How many playlists the channel may have and how many items each. YouTube's
	// documents name no number; its help page says 5,000 items.
	Playlists    int // 0: no limit
	PlaylistSize int // 0: 5,000
}

const (
	defaultProcessing = 5 * time.Second
	defaultGrowth     = 40
	defaultListSize   = 5000
	bufferSize        = 128 << 10 // one read from the wire; bypasses net/http's own buffer and stays in the processor's cache
)

// Sandbox is a YouTube with one channel. Make it with New.
type Sandbox struct {
	dir, base  string
	clock      func() time.Time
	processing time.Duration
	growth     float64
	log        *slog.Logger
	mux        *http.ServeMux
	faults     *Faults
	pacific    *time.Location
	buffers    sync.Pool

	playlists, playlistSize int
	behind                  sync.WaitGroup // hashing of received videos

	mu       sync.Mutex // guards what follows and the files that keep it
	oauth    oauthState
	usage    usage
	quota    map[string]int
	videos   map[string]*video
	sessions map[string]*session
	lists    lists
}

// New opens the sandbox kept in o.Dir, or an empty one.
func New(o Options) (*Sandbox, error) {
	if o.Dir == "" {
		return nil, errors.New("open the sandbox: no folder was named")
	}
	pacific, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		return nil, fmt.Errorf("open the sandbox: %w", err)
	}
	s := &Sandbox{
		dir: o.Dir, base: o.BaseURL, clock: o.Clock, processing: o.Processing, growth: o.Growth,
		log: o.Log, pacific: pacific, quota: defaultQuota(), playlists: o.Playlists, playlistSize: cmp.Or(o.PlaylistSize, defaultListSize),
		videos: map[string]*video{}, sessions: map[string]*session{},
	}
	s.buffers.New = func() any { b := make([]byte, bufferSize); return &b }
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.processing == 0 {
		s.processing = defaultProcessing
	}
	if s.growth == 0 {
		s.growth = defaultGrowth
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for name, size := range o.Quota {
		if _, known := s.quota[name]; !known {
			return nil, fmt.Errorf("open the sandbox: there is no quota bucket %q", name)
		}
		s.quota[name] = size
	}
	s.faults = &Faults{act: s.act}
	for _, folder := range []string{"sessions", "videos", "thumbnails", "captions"} {
		if err := os.MkdirAll(filepath.Join(s.dir, folder), 0o700); err != nil {
			return nil, fmt.Errorf("open the sandbox: %w", err)
		}
	}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("open the sandbox: %w", err)
	}
	s.routes()
	return s, nil
}

// Faults is the switch board for what shall go wrong.
func (s *Sandbox) Faults() *Faults { return s.faults }

// Close waits until nothing is written any more. Requests must have ended.
func (s *Sandbox) Close() error {
	s.behind.Wait()
	return nil
}

// ServeHTTP implements http.Handler.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// address is where this sandbox is reached from outside.
func (s *Sandbox) address(r *http.Request) string {
	if s.base != "" {
		return s.base
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// now is the time as others will read it from the disk.
func (s *Sandbox) now() time.Time { return s.clock().UTC() }

// random is n random bytes, safe in addresses and file names.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(b)
}
