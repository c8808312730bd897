package publishing_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/secret"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
	"github.com/voci-in-comune/voci/migrations"
)

const (
	balme     = "001019"
	pollEvery = 30 * time.Second
	grace     = 7 * 24 * time.Hour
	size      = 3*youtube.RangeUnit + 1000 // four ranges
	seconds   = 61
)

// world is a portal beside a channel, with a clock that only moves when
// something waits.
type world struct {
	t           testing.TB
	now         time.Time
	db          *store.Store
	box         *secret.Box
	sandbox     *sandbox.Sandbox
	settings    youtube.Settings
	ledger      *publishing.Ledger
	channels    *publishing.Channels
	publisher   *publishing.Publisher
	testimonies *testimony.Store
	vault       string
	file        []byte
	renditions  string
	queue       []work // publications to be taken a step further
	again       []work // those that were put into the queue lately
	rehearsals  []int64
	registry    *territory.Registry
	path        string // of the database
	shown       int
	told        []fault.Message // of the channel's trouble
	adopted     []int64         // testimonies that were counted as adopted
	proofs      []int64         // testimonies of which nothing is left on the channel
}

// work is a publication in a lane.
type work struct {
	id   int64
	lane publishing.Lane
}

// migrated is an empty database as a start makes it, made once for all worlds.
var migrated = sync.OnceValues(func() (begun []byte, err error) {
	dir, err := os.MkdirTemp("", "voci")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, path := context.Background(), filepath.Join(dir, "voci.db")
	db, err := store.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	registry, err := territory.Load(territory.Founding)
	err = errors.Join(err, db.Migrate(ctx, migrations.FS, slog.New(slog.DiscardHandler)))
	if err == nil {
		err = registry.Sync(ctx, db)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func newWorld(t testing.TB, around ...func(http.Handler) http.Handler) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC), vault: t.TempDir(), renditions: t.TempDir(), file: movie(size, seconds)}
	w.path = filepath.Join(t.TempDir(), "voci.db")
	begun, err := migrated()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.path, begun, 0o600); err != nil {
		t.Fatal(err)
	}
	if w.db, err = store.Open(t.Context(), w.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.db.Close(); err != nil {
			t.Error(err)
		}
	})
	if w.registry, err = territory.Load(territory.Founding); err != nil {
		t.Fatal(err)
	}
	if w.box, err = secret.NewBox(bytes.Repeat([]byte{7}, secret.KeySize)); err != nil {
		t.Fatal(err)
	}
	w.openSandbox(around)
	w.rooms()
	if err := w.channels.ConnectSandbox(t.Context(), w.sandbox.IssueToken()); err != nil {
		t.Fatal(err)
	}
	return w
}

// rooms builds the portal over its database, as a start does.
func (w *world) rooms() {
	clock := func() time.Time { return w.now }
	quiet := slog.New(slog.DiscardHandler)
	w.testimonies = testimony.NewStore(w.db, testimony.Hooks{
		VideoReceived: func(*gorm.DB, *testimony.Video) error { return nil },
		Approved:      func(tx *gorm.DB, t *testimony.Testimony) error { return w.publisher.Plan(tx, t) },
		Withdrawn:     func(tx *gorm.DB, t *testimony.Testimony) error { return w.publisher.Remove(tx, t) },
		Returned:      func(tx *gorm.DB, t *testimony.Testimony) error { return w.publisher.Return(tx, t) },
		Amended: func(tx *gorm.DB, t *testimony.Testimony, write func() error) error {
			if err := write(); err != nil {
				return err
			}
			return w.publisher.Replan(tx, t)
		},
		Shown: func() { w.shown++ },
	}, clock)
	w.ledger = publishing.NewLedger(w.db, publishing.Limits{Uploads: 100, Statistics: 10_000, Units: 10_000, Kept: 1000}, clock, quiet)
	w.openChannels()
	w.publisher = publishing.New(publishing.Rooms{
		DB: w.db, Testimonies: w.testimonies, Registry: w.registry, Channels: w.channels, Ledger: w.ledger, Vault: w.vault,
		Renditions: w.renditions, BaseURL: "https://voci.example", Enqueue: w.enqueue, Wake: func(*gorm.DB) error { return nil },
		Rehearsing: func(_ *gorm.DB, id int64) error { w.rehearsals = append(w.rehearsals, id); return nil },
		Clip: func(_ context.Context, path string, length time.Duration) error {
			return os.WriteFile(path, movie(youtube.RangeUnit+500, uint32(length.Seconds())), 0o600)
		},
		Gone:      func(_ *gorm.DB, id int64) error { w.proofs = append(w.proofs, id); return nil },
		Adopted:   func(_ *gorm.DB, ids []int64) error { w.adopted = append(w.adopted, ids...); return nil },
		Published: w.testimonies.MarkPublished, Say: func(m fault.Message) string { return m.Key }, Shown: func() { w.shown++ },
		PollEvery: pollEvery, Grace: grace, Clock: clock, Log: quiet,
	})
}

func (w *world) openSandbox(around []func(http.Handler) http.Handler) {
	w.t.Helper()
	box, err := sandbox.New(sandbox.Options{Dir: w.t.TempDir(), Clock: func() time.Time { return w.now }, Processing: 90 * time.Second, Growth: -1})
	if err != nil {
		w.t.Fatal(err)
	}
	var handler http.Handler = box
	for _, wrap := range around {
		handler = wrap(handler)
	}
	server := httptest.NewServer(handler)
	w.t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		if err := box.Close(); err != nil {
			w.t.Error(err)
		}
	})
	w.sandbox = box
	w.settings = youtube.Settings{
		Endpoint: server.URL, AuthURL: server.URL + "/o/oauth2/v2/auth", TokenURL: server.URL + "/token", RevokeURL: server.URL + "/revoke",
		ClientID: "portal", ClientSecret: "secret", RedirectURL: "https://voci.example/redazione/youtube/ritorno",
	}
}

// openChannels makes the channel's room.
func (w *world) openChannels() {
	clock := func() time.Time { return w.now }
	w.channels = publishing.NewChannels(w.db, w.box, youtube.NewOAuth(w.settings, nil), w.settings, w.ledger,
		publishing.ChannelHooks{
			Resume:   func(tx *gorm.DB) error { return publishing.Resume(tx, w.enqueue) },
			Troubled: func(_ *gorm.DB, _ string, why fault.Message) error { w.told = append(w.told, why); return nil },
		}, clock,
		youtube.WithRange(youtube.RangeUnit), youtube.WithStall(2*time.Second, 2*time.Second),
		youtube.WithWait(func(ctx context.Context, d time.Duration) error { w.now = w.now.Add(d); return ctx.Err() }))
}

func (w *world) enqueue(_ *gorm.DB, id int64, lane publishing.Lane) error {
	w.again = append(w.again, work{id, lane})
	if one := (work{id, lane}); !slices.Contains(w.queue, one) {
		w.queue = append(w.queue, one)
	}
	return nil
}

// approved makes a testimony with a file, up to its approval.
func (w *world) approved(change ...func(*testimony.Form)) *testimony.Testimony {
	w.t.Helper()
	ctx := w.t.Context()
	form := testimony.Form{
		Title: "La legna per chi è solo", Description: "Perché nessuno resti al freddo.", Language: "it", SpeakerName: "Persona di esempio",
		SpeakerRole: "Sindaca di Balme (esempio)", RecordedOn: "2026-11-20", Themes: []string{"solidarieta", "volontariato"},
		Tags: "legna, montagna", Visibility: "public", Release: []string{"people", "publication", "youtube"},
	}
	for _, c := range change {
		c(&form)
	}
	made, err := w.testimonies.Create(ctx, "test", balme, form, false)
	if err != nil {
		w.t.Fatal(err)
	}
	name := fmt.Sprintf("%d.bin", made.ID)
	if err := os.WriteFile(filepath.Join(w.vault, name), w.file, 0o600); err != nil {
		w.t.Fatal(err)
	}
	err = w.testimonies.ReceiveVideo(ctx, testimony.Video{TestimonyID: made.ID, UploadID: name, Original: name, Filename: "a.mp4", Bytes: int64(len(w.file))})
	if err != nil {
		w.t.Fatal(err)
	}
	t := w.testimony(made.ID)
	t.Video.State, t.Video.DurationMS, t.Video.SHA256 = testimony.VideoReady, seconds*1000, sum(w.file)
	if err := w.testimonies.VideoSeen(ctx, t.Video); err != nil {
		w.t.Fatal(err)
	}
	if t, err = w.testimonies.Submit(ctx, "test", balme, made.ID); err != nil {
		w.t.Fatal(err)
	}
	if t, err = w.testimonies.Approve(ctx, "test", made.ID, t.Version); err != nil {
		w.t.Fatal(err)
	}
	return t
}

func (w *world) testimony(id int64) *testimony.Testimony {
	w.t.Helper()
	t, err := w.testimonies.Get(w.t.Context(), testimony.Anywhere, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

func (w *world) publication(testimonyID int64) publishing.Publication {
	w.t.Helper()
	by, err := w.publisher.Of(w.t.Context(), []int64{testimonyID})
	if err != nil {
		w.t.Fatal(err)
	}
	return by[testimonyID]
}

// step works on the next publication in the queue, as the job does, and
// returns why it waits.
func (w *world) step() *fault.Error {
	w.t.Helper()
	one := w.queue[0]
	w.queue = w.queue[1:]
	err := w.publisher.Publish(w.t.Context(), one.id, one.lane)
	if err == nil {
		return nil
	}
	w.queue = append(w.queue, one)
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		// The job tries again, later and later.
		e = &fault.Error{Kind: fault.Unavailable, Until: w.now.Add(time.Minute), Err: err}
	}
	if e.Kind != fault.Unavailable || e.Until.IsZero() {
		w.t.Fatalf("publication %d: %v", one.id, err)
	}
	return e
}

// run works until nothing is left to do, letting time pass while all wait. It
// fails if that takes more than ten days of the clock.
func (w *world) run() {
	w.t.Helper()
	w.runWatched(func() {})
}

// runWatched is run that calls watch now and then.
func (w *world) runWatched(watch func()) {
	w.t.Helper()
	end := w.now.Add(10 * 24 * time.Hour)
	for {
		watch()
		var next time.Time
		for range len(w.queue) {
			w.settle()
			if e := w.step(); e != nil {
				next = sooner(next, e.Until)
			}
		}
		again, err := w.publisher.Tend(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		next = sooner(next, again)
		if len(w.queue) == 0 && next.IsZero() {
			return
		}
		if next.After(w.now) {
			w.now = next
		}
		if w.now.After(end) {
			w.t.Fatalf("still %d publications under way after ten days: %+v", len(w.queue), w.sandbox.State())
		}
	}
}

func sooner(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// settle waits, in real time, until the sandbox has looked at what it received:
// it does that behind its answers.
func (w *world) settle() {
	w.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for slices.ContainsFunc(w.sandbox.State().Videos, func(v sandbox.VideoState) bool { return v.SHA256 == "" }) {
		if time.Now().After(deadline) {
			w.t.Fatal("the sandbox never looked at a video")
		}
		time.Sleep(time.Millisecond)
	}
}

func (w *world) fail(faults ...sandbox.Fault) {
	w.t.Helper()
	if err := w.sandbox.Faults().Add(faults...); err != nil {
		w.t.Fatal(err)
	}
}

// wantOut checks that there is exactly one video, equal to the file, and that
// the testimony is published.
func (w *world) wantOut(id int64) sandbox.VideoState {
	w.t.Helper()
	w.settle()
	videos := w.sandbox.State().Videos
	if len(videos) != 1 {
		w.t.Fatalf("there are %d videos, want one: %+v", len(videos), videos)
	}
	if videos[0].SHA256 != sum(w.file) || videos[0].Size != int64(len(w.file)) {
		w.t.Errorf("the video has other bytes than the file: %+v", videos[0])
	}
	pub := w.publication(id)
	if pub.State != publishing.Public || pub.YoutubeID == nil || *pub.YoutubeID != videos[0].ID {
		w.t.Errorf("publication: %+v (%s)", pub, pub.Explain().Key)
	}
	if pub.SessionSealed != nil {
		w.t.Error("the session was not forgotten")
	}
	if t := w.testimony(id); t.State != testimony.Published || t.PublishedAt == nil {
		w.t.Errorf("the testimony is %s", t.State)
	}
	return videos[0]
}

func (w *world) wantReason(id int64, state publishing.State, key string) {
	w.t.Helper()
	pub := w.publication(id)
	if pub.State != state || pub.Explain().Key != key {
		w.t.Errorf("publication is %s because of %s, want %s because of %s", pub.State, pub.Explain().Key, state, key)
	}
}

// movie is n bytes that begin like an MP4 of a length and go on with bytes that
// differ from place to place.
func movie(n int, seconds uint32) []byte {
	header := append([]byte("\x00\x00\x00\x6cmvhd"), make([]byte, 100)...)
	header[8+14], header[8+15] = 600>>8, 600&255 // timescale
	units := seconds * 600
	header[8+16], header[8+17], header[8+18], header[8+19] = byte(units>>24), byte(units>>16), byte(units>>8), byte(units)
	b := []byte("\x00\x00\x00\x14ftypisom\x00\x00\x02\x00isom\x00\x00\x00\x74moov")
	b = append(b, header...)
	for i := len(b); i < n; i++ {
		b = append(b, byte(i*7+i>>8*13+i>>16*31))
	}
	return b
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
