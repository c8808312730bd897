package views

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/youtube"
	"github.com/voci-in-comune/voci/migrations"
)

// world is a portal with testimonies on a channel that says what the test wants.
type world struct {
	t       testing.TB
	db      *store.Store
	sync    *Sync
	now     time.Time
	ledger  *allowance
	channel *channel
	shown   int // how often cached pages were dropped
}

func newWorld(t testing.TB) *world {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "voci.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	quiet := slog.New(slog.DiscardHandler)
	if err := db.Migrate(t.Context(), migrations.FS, quiet); err != nil {
		t.Fatal(err)
	}
	registry, err := territory.Load(territory.Founding)
	if err != nil {
		t.Fatal(err)
	}
	if err := registry.Sync(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), func(tx *gorm.DB) error {
		return tx.Exec(`CREATE TABLE test_rome (testimony_id INTEGER PRIMARY KEY, day TEXT)`).Error // see defined
	}); err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, db: db, now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), ledger: &allowance{left: 10_000},
		channel: &channel{counts: map[string]youtube.Counts{}},
	}
	w.sync = New(db, func(context.Context) (Statistics, error) { return w.channel, nil }, w.ledger,
		func() time.Time { return w.now }, func() { w.shown++ }, quiet)
	return w
}

// channel answers with counts; those not in it are missing from the answer.
type channel struct {
	mu     sync.Mutex
	counts map[string]youtube.Counts
	asked  [][]string
	fail   func(call int) error // by ordinal, from 1
}

// Statistics implements Statistics.
func (c *channel) Statistics(_ context.Context, ids []string) (map[string]youtube.Counts, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, ids)
	if c.fail != nil {
		if err := c.fail(len(c.asked)); err != nil {
			return nil, err
		}
	}
	answer := map[string]youtube.Counts{}
	for _, id := range ids {
		if n, ok := c.counts[id]; ok {
			answer[id] = n
		}
	}
	return answer, nil
}

// allowance is a ledger of one bucket.
type allowance struct {
	left, spent, times int
	empty              error
}

// Spend implements Ledger.
func (a *allowance) Spend(_ context.Context, bucket string, units int) error {
	a.times++
	if bucket != "statistics" {
		return fmt.Errorf("spent from %s", bucket)
	}
	if units > a.left {
		return a.empty
	}
	a.left -= units
	a.spent += units
	return nil
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if err := w.db.Write(w.t.Context(), func(tx *gorm.DB) error { return tx.Exec(sql, args...).Error }); err != nil {
		w.t.Fatal(err)
	}
}

func scan[T any](w *world, sql string, args ...any) T {
	w.t.Helper()
	var v T
	if err := w.db.Reader(w.t.Context()).Raw(sql, args...).Scan(&v).Error; err != nil {
		w.t.Fatal(err)
	}
	return v
}

// youtubeID is the id that the channel gave the video of a testimony.
func youtubeID(testimony int64) string { return fmt.Sprintf("video-%05d", testimony) }

// testimony makes one that is on its way: approved, with a video on the channel.
func (w *world) testimony(id int64, municipality string, themes ...int) {
	w.t.Helper()
	w.exec(`INSERT INTO testimonies (id, municipality_code, state, title, created_at, updated_at) VALUES (?, ?, 'approved', 'Un titolo', ?, ?)`,
		id, municipality, w.now.UTC(), w.now.UTC())
	for _, th := range themes {
		w.exec(`INSERT INTO testimony_themes VALUES (?, ?)`, id, th)
	}
	w.exec(`INSERT INTO videos (id, testimony_id, upload_id, state, original, filename, bytes, received_at) VALUES (?, ?, ?, 'ready', 'x', 'x', 1, ?)`,
		id, id, fmt.Sprint(id), w.now.UTC())
	// Ids of publications are not those of testimonies.
	w.exec(`INSERT INTO publications (id, testimony_id, video_id, state, since, slug, youtube_id, wanted_privacy) VALUES (?, ?, ?, 'public', ?, ?, ?, 'public')`,
		id+1_000_000, id, id, w.now.UTC(), fmt.Sprint(id), youtubeID(id))
}

// publish is what publishing does when the channel shows a testimony.
func (w *world) publish(id int64) {
	w.t.Helper()
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		w.t.Fatal(err)
	}
	w.exec(`INSERT INTO test_rome VALUES (?, ?)`, id, w.now.In(rome).Format(time.DateOnly))
	w.recount(id, `UPDATE testimonies SET state = 'published', published_at = ? WHERE id = ?`, w.now.UTC(), id)
}

// adopt is what publishing does with videos that were on the channel before.
func (w *world) adopt(ids ...int64) {
	w.t.Helper()
	for _, id := range ids {
		w.exec(`INSERT INTO test_rome VALUES (?, ?)`, id, dayOf(w.now))
	}
	err := w.db.Write(w.t.Context(), func(tx *gorm.DB) error {
		err := tx.Exec(`UPDATE testimonies SET state = 'published', published_at = '2020-05-02 10:00:00+00:00', created_at = ? WHERE id IN ?`, w.now.UTC(), ids).Error
		if err != nil {
			return err
		}
		if err := tx.Exec(`UPDATE publications SET origin = 'channel' WHERE testimony_id IN ?`, ids).Error; err != nil {
			return err
		}
		return w.sync.Include(tx, ids)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) recount(id int64, sql string, args ...any) {
	w.t.Helper()
	err := w.db.Write(w.t.Context(), func(tx *gorm.DB) error {
		return w.sync.Recount(tx, id, func() error { return tx.Exec(sql, args...).Error })
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// says makes the channel say n views of a testimony.
func (w *world) says(id, n int64) {
	w.channel.counts[youtubeID(id)] = youtube.Counts{Views: &n}
}

func (w *world) run() Report {
	w.t.Helper()
	r, err := w.sync.Run(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// totals reads one line, by day.
func (w *world) totals(dimension, key string) map[string]total {
	w.t.Helper()
	lines := map[string]total{}
	for _, r := range scan[[]total](w, `SELECT * FROM daily_totals WHERE dimension = ? AND key = ?`, dimension, key) {
		lines[r.Day] = total{Testimonies: r.Testimonies, Views: r.Views, Gained: r.Gained}
	}
	return lines
}
