package tryout_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/tryout"
	"github.com/voci-in-comune/voci/internal/video"
	"github.com/voci-in-comune/voci/migrations"
)

// noon is when tests begin.
var noon = time.Date(2026, 11, 24, 11, 0, 0, 0, time.UTC)

// The people of these tests, by the links that let them in.
const (
	mayor = 1
	clerk = 2
)

// world is a desk over a real database and folder, with a clock that is given.
type world struct {
	*tryout.Desk
	t   *testing.T
	db  *store.Store
	dir string
	now time.Time
	log *bytes.Buffer
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: noon, dir: t.TempDir(), log: &bytes.Buffer{}}
	var err error
	if w.db, err = store.Open(t.Context(), filepath.Join(t.TempDir(), "voci.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := w.db.Migrate(t.Context(), migrations.FS, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	w.exec(`INSERT INTO accounts (id, email, name, role, created_at) VALUES (1, 'a@b.example', 'A', 'moderator', ?)`, noon)
	for _, link := range []int64{mayor, clerk} {
		w.exec(`INSERT INTO links (id, token_hash, account_id, created_at) VALUES (?, ?, 1, ?)`, link, []byte(fmt.Sprint(link)), noon)
	}
	w.Desk = tryout.New(w.db, w.dir, inspector, func() time.Time { return w.now }, slog.New(slog.NewTextHandler(w.log, nil)))
	return w
}

func inspector() (*video.Inspector, error) {
	tools, err := video.Find()
	return video.New(tools, video.Limits{}), err
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if err := w.db.Write(w.t.Context(), func(tx *gorm.DB) error { return tx.Exec(sql, args...).Error }); err != nil {
		w.t.Fatal(err)
	}
}

// last is the last result of a person.
func (w *world) last(link int64) *tryout.Result {
	w.t.Helper()
	r, err := w.Last(w.t.Context(), link)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// left are the films that are still in the folder.
func (w *world) left() []string {
	w.t.Helper()
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Pictures and sounds as sources of ffmpeg's lavfi.
const (
	// room is a lit face before a darker wall.
	room = "color=0x505860:s=854x480:r=25,format=rgb24,drawbox=x=iw/3:y=ih/8:w=iw/3:h=ih*13/24:color=0xb08c78:t=fill"
	// voice has the deepest tone and two formants of a man's voice, in syllables
	// with pauses between them.
	voice = "(sin(2*PI*130*t)+0.8*sin(2*PI*520*t)+0.5*sin(2*PI*1450*t))*gt(mod(t\\,0.7)\\,0.15)*(0.6+0.4*sin(2*PI*4*t))"
	calm  = "aevalsrc=0.12*" + voice + "+0.0005*random(0):s=48000"
)

// film has ffmpeg make a film.
func film(name, picture, sound string, more ...string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "tryout")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, name)
	args := []string{"-nostdin", "-v", "error", "-f", "lavfi", "-t", "4", "-i", picture}
	if sound != "" {
		args = append(args, "-f", "lavfi", "-t", "4", "-i", sound)
	}
	args = append(append(args, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"), append(more, path)...)
	if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("making %s: %w: %s", name, err, out)
	}
	return os.ReadFile(path)
}

// good is a film in which all is well.
var good = sync.OnceValues(func() ([]byte, error) { return film("good.mp4", room, calm) })

func goodFilm(t *testing.T) []byte {
	t.Helper()
	b, err := good()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
