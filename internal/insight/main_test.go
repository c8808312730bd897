package insight

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/views"
	"github.com/voci-in-comune/voci/internal/youtube"
	"github.com/voci-in-comune/voci/migrations"
)

// world is a portal whose view counts come through the real sync.
type world struct {
	t       *testing.T
	db      *store.Store
	insight *Insight
	sync    *views.Sync
	now     time.Time
	counts  map[string]youtube.Counts
	fails   error
}

func newWorld(t *testing.T, setting territory.Setting) *world {
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
	registry, err := territory.Load(setting)
	if err != nil {
		t.Fatal(err)
	}
	if err := registry.Sync(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: db, now: at("2026-03-02"), counts: map[string]youtube.Counts{}}
	clock := func() time.Time { return w.now }
	w.insight = New(db, registry, clock)
	w.sync = views.New(db, func(context.Context) (views.Statistics, error) { return w, nil }, w, clock, func() {}, quiet)
	return w
}

// at is nine in the morning of a day in Rome, in winter.
func at(day string) time.Time {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return t.Add(8 * time.Hour)
}

// Statistics implements views.Statistics.
func (w *world) Statistics(_ context.Context, ids []string) (map[string]youtube.Counts, error) {
	answer := map[string]youtube.Counts{}
	for _, id := range ids {
		if c, ok := w.counts[id]; ok {
			answer[id] = c
		}
	}
	return answer, w.fails
}

// Spend implements views.Ledger.
func (w *world) Spend(context.Context, string, int) error { return nil }

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if err := w.db.Write(w.t.Context(), func(tx *gorm.DB) error { return tx.Exec(sql, args...).Error }); err != nil {
		w.t.Fatal(err)
	}
}

// published makes a testimony that is out.
func (w *world) published(id int64, municipality, visibility string, themes ...int) {
	w.t.Helper()
	now := w.now.UTC()
	w.exec(`INSERT INTO testimonies (id, municipality_code, state, title, visibility, created_at, updated_at) VALUES (?, ?, 'approved', ?, ?, ?, ?)`,
		id, municipality, fmt.Sprintf("Testimonianza numero %d", id), visibility, now, now)
	for _, th := range themes {
		w.exec(`INSERT INTO testimony_themes VALUES (?, ?)`, id, th)
	}
	w.exec(`INSERT INTO videos (id, testimony_id, upload_id, state, original, filename, bytes, received_at) VALUES (?, ?, ?, 'ready', 'x', 'x', 1, ?)`,
		id, id, fmt.Sprint(id), now)
	w.exec(`INSERT INTO publications (id, testimony_id, video_id, state, since, slug, youtube_id, wanted_privacy) VALUES (?, ?, ?, 'public', ?, ?, ?, ?)`,
		id+1000, id, id, now, fmt.Sprint(id), fmt.Sprint("video-", id), visibility)
	err := w.db.Write(w.t.Context(), func(tx *gorm.DB) error {
		return w.sync.Recount(tx, id, func() error {
			return tx.Exec(`UPDATE testimonies SET state = 'published', published_at = ? WHERE id = ?`, now, id).Error
		})
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// counted is a day on which the channel says these views, by testimony.
func (w *world) counted(day string, said map[int64]int64) {
	w.t.Helper()
	w.now = at(day)
	for id, n := range said {
		w.counts[fmt.Sprint("video-", id)] = youtube.Counts{Views: &n}
	}
	if _, err := w.sync.Run(w.t.Context()); err != nil && w.fails == nil {
		w.t.Fatal(err)
	}
}
