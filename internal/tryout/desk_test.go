package tryout_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/tryout"
)

func TestAFilmIsGoneOnceItWasLookedAt(t *testing.T) {
	t.Parallel()
	w := open(t)
	got, err := w.Receive(t.Context(), mayor, bytes.NewReader(goodFilm(t)))
	if err != nil {
		t.Fatal(err)
	}
	if left := w.left(); len(left) > 0 {
		t.Errorf("kept %v", left)
	}
	if last := w.last(mayor); last == nil || last.ID != got.ID || !last.At.Equal(noon) || last.Bytes != int64(len(goodFilm(t))) || last.Width != 854 || last.Height != 480 {
		t.Errorf("kept the result %+v", last)
	}
	if w.last(clerk) != nil {
		t.Error("another person learns of it")
	}
	var acts int64
	if err := w.db.Reader(t.Context()).Table("audit").Count(&acts).Error; err != nil || acts != 0 {
		t.Errorf("%d acts in the trail that staff read (%v)", acts, err)
	}
}

// TestWhatIsLeftOfAFilmIsGoneAfterADay begins with what a crash leaves: a film
// that nobody will look at any more.
func TestWhatIsLeftOfAFilmIsGoneAfterADay(t *testing.T) {
	t.Parallel()
	w := open(t)
	leave := func(name string, written time.Time) {
		t.Helper()
		path := filepath.Join(w.dir, name)
		if err := errors.Join(os.WriteFile(path, []byte("half a film"), 0o600), os.Chtimes(path, written, written)); err != nil {
			t.Fatal(err)
		}
	}
	leave("OLD.film", noon.Add(-24*time.Hour))
	leave("ARRIVING.film", noon.Add(-time.Minute))
	leave("note.txt", noon.Add(-48*time.Hour)) // not ours
	if err := w.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.left(), " "); got != "ARRIVING.film note.txt" {
		t.Errorf("after the night: %s", got)
	}
	w.now = noon.Add(24 * time.Hour)
	if _, err := w.Receive(t.Context(), mayor, bytes.NewReader(goodFilm(t))); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.left(), " "); got != "note.txt" {
		t.Errorf("after the next try-out: %s", got)
	}
	leave("KILLED.film", w.now)
	if err := w.Recover(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.left(), " "); got != "note.txt" {
		t.Errorf("after a start: %s", got)
	}
}

func TestOnlyTheLastResultIsKeptAndForAMonth(t *testing.T) {
	t.Parallel()
	w := open(t)
	first, err := w.Receive(t.Context(), mayor, bytes.NewReader(goodFilm(t)))
	if err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(time.Hour)
	second, err := w.Receive(t.Context(), mayor, bytes.NewReader(goodFilm(t)))
	if err != nil {
		t.Fatal(err)
	}
	if last := w.last(mayor); first.ID == second.ID || last == nil || last.ID != second.ID {
		t.Errorf("after %d and %d the last is %+v", first.ID, second.ID, last)
	}
	rows := func() (n int64) {
		t.Helper()
		if err := w.db.Reader(t.Context()).Model(&tryout.Result{}).Count(&n).Error; err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := rows(); n != 1 {
		t.Errorf("%d results", n)
	}
	w.now = w.now.Add(30 * 24 * time.Hour)
	if w.last(mayor) != nil {
		t.Error("a result of last month still says something")
	}
	if err := w.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := rows(); n != 0 {
		t.Errorf("%d results after a month", n)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := open(t)
	long, err := film("long.mp4", "color=black:s=64x36:r=5", "", "-vf", "tpad=stop_mode=clone:stop_duration=30")
	if err != nil {
		t.Fatal(err)
	}
	short, err := film("short.mp4", "color=black:s=64x36:r=25", "", "-t", "2")
	if err != nil {
		t.Fatal(err)
	}
	whole := goodFilm(t)
	for _, c := range []struct {
		name string
		body io.Reader
		kind fault.Kind
		key  string
	}{
		{"nothing", strings.NewReader(""), fault.Invalid, "tryout.empty"},
		{"a line that breaks", io.MultiReader(bytes.NewReader(whole[:1000]), broken{}), fault.Invalid, "tryout.cut"},
		{"more than the limit", io.MultiReader(bytes.NewReader(whole), io.LimitReader(zeros{}, tryout.MaxBytes)), fault.TooLarge, "tryout.too_large"},
		{"no video", strings.NewReader("%PDF-1.7 and so on"), fault.Invalid, "video.pdf"},
		{"half a video", bytes.NewReader(whole[:len(whole)/2]), fault.Invalid, "video.incomplete"},
		{"too long", bytes.NewReader(long), fault.Invalid, "tryout.long"},
		{"too short", bytes.NewReader(short), fault.Invalid, "tryout.short"},
	} {
		_, err := w.Receive(t.Context(), mayor, c.body)
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Kind != c.kind || e.Message.Key != c.key {
			t.Errorf("%s: %v", c.name, err)
		}
		if left := w.left(); len(left) > 0 {
			t.Errorf("%s: kept %v", c.name, left)
		}
	}
	if w.last(mayor) != nil {
		t.Error("a refused film has a result")
	}
}

// TestTheAnswerWaitsForWhoseLineBreaks ends the request right after the last
// byte.
func TestTheAnswerWaitsForWhoseLineBreaks(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx, leave := context.WithCancel(t.Context())
	if _, err := w.Receive(ctx, mayor, io.MultiReader(bytes.NewReader(goodFilm(t)), atEnd(leave))); err != nil {
		t.Fatal(err)
	}
	if r := w.last(mayor); r == nil || r.Sound() != tryout.Good {
		t.Errorf("the result is %+v", r)
	}
}

func TestTheSendersClock(t *testing.T) {
	t.Parallel()
	w := open(t)
	r, err := w.Receive(t.Context(), mayor, bytes.NewReader(goodFilm(t)))
	if err != nil {
		t.Fatal(err)
	}
	say := func(link, id int64, took time.Duration, want int64) {
		t.Helper()
		if err := w.Timed(t.Context(), link, id, took); err != nil {
			t.Fatal(err)
		}
		if got := w.last(mayor).SentMS; got != want {
			t.Errorf("sent in %d ms, want %d", got, want)
		}
	}
	say(clerk, r.ID, time.Minute, 0)   // not theirs
	say(mayor, r.ID+1, time.Minute, 0) // not this one
	say(mayor, r.ID, 40*time.Second, 40_000)
	say(mayor, r.ID, time.Second, 40_000) // said already
	if took := w.last(mayor).Line().Took; took != 40*time.Second {
		t.Errorf("took %v", took)
	}
	if r, err = w.Receive(t.Context(), mayor, bytes.NewReader(goodFilm(t))); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(time.Hour)
	say(mayor, r.ID, time.Minute, 0) // an hour late: nobody waits so long for an answer
}

func TestLogsNothingOfThePerson(t *testing.T) {
	t.Parallel()
	w := open(t)
	if _, err := w.Receive(t.Context(), clerk, bytes.NewReader(goodFilm(t))); err != nil {
		t.Fatal(err)
	}
	if said := w.log.String(); !strings.Contains(said, "light=good") || strings.Contains(said, "link") || strings.Contains(said, w.dir) {
		t.Errorf("logged: %s", said)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// atEnd does something when all has been read.
type atEnd func()

func (f atEnd) Read([]byte) (int, error) { f(); return 0, io.EOF }
