package transcription_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/transcription"
	"github.com/voci-in-comune/voci/internal/video"
	"github.com/voci-in-comune/voci/internal/video/videotest"
	"github.com/voci-in-comune/voci/migrations"
)

const balme = "001019"

// writes is a program that takes sound in both ways and writes captions.
const writes = `sh -c 'test "$(head -c 4)" = RIFF && test -s "$VOCI_AUDIO" && ` +
	`printf "WEBVTT\n\n00:00.000 --> 00:01.500\nCiao in %s.\n\n00:01.400 --> 00:02.000\nA tutti.\n" "$VOCI_LANGUAGE"'`

// world is a desk with one testimony whose file is ready.
type world struct {
	*transcription.Desk
	t       *testing.T
	db      *store.Store
	said    *testimony.Testimony
	scratch string
	now     time.Time
	queued  int
}

func open(t *testing.T, command string) *world {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	quiet := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	w := &world{t: t, now: time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC), scratch: t.TempDir()}
	clock := func() time.Time { return w.now }
	registry, err := territory.Load(territory.Founding)
	must(err)
	w.db, err = store.Open(t.Context(), filepath.Join(t.TempDir(), "voci.db"))
	must(err)
	t.Cleanup(func() { must(w.db.Close()) })
	must(w.db.Migrate(t.Context(), migrations.FS, quiet))
	must(registry.Sync(t.Context(), w.db))
	nothing := func(*gorm.DB, *testimony.Testimony) error { return nil }
	testimonies := testimony.NewStore(w.db, testimony.Hooks{
		VideoReceived: func(*gorm.DB, *testimony.Video) error { return nil }, Approved: nothing, Withdrawn: nothing, Returned: nothing,
		Amended: func(_ *gorm.DB, _ *testimony.Testimony, write func() error) error { return write() }, Shown: func() {},
	}, clock)
	renditions := t.TempDir()
	path, err := videotest.Make(t.Context(), renditions, videotest.Spec{Name: "film", Seconds: 2})
	must(err)
	w.said, err = testimonies.Create(t.Context(), "test", balme, testimony.Form{Title: "La neve", Language: "fr"}, false)
	must(err)
	must(testimonies.ReceiveVideo(t.Context(), testimony.Video{TestimonyID: w.said.ID, UploadID: "u", Original: "u", Filename: "a.mp4"}))
	w.said, err = testimonies.Get(t.Context(), balme, w.said.ID)
	must(err)
	v := w.said.Video
	v.State, v.Rendition, v.HasSound, v.DurationMS = testimony.VideoReady, filepath.Base(path), true, 2000
	must(testimonies.VideoSeen(t.Context(), v))
	w.Desk = transcription.New(transcription.Rooms{
		DB: w.db, Testimonies: testimonies, Command: command, MaxMemory: 1 << 30, Patience: time.Minute, Renditions: renditions, Scratch: w.scratch,
		Inspector: func() (*video.Inspector, error) {
			tools, err := video.Find()
			return video.New(tools, video.Limits{}), err
		},
		Enqueue: func(*gorm.DB, int64) error { w.queued++; return nil }, Clock: clock, Log: slog.New(slog.DiscardHandler),
	})
	return w
}

// plan puts the file in the queue.
func (w *world) plan() {
	w.t.Helper()
	if err := w.Plan(w.t.Context(), w.said.Video.ID); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) state() *transcription.Transcription {
	w.t.Helper()
	now, err := w.Of(w.t.Context(), w.said.Video.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return now
}

func (w *world) text() testimony.CaptionText {
	w.t.Helper()
	text, err := w.Testimonies.CaptionText(w.t.Context(), w.said.ID, "fr")
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

func TestWhatIsSaidBecomesADraft(t *testing.T) {
	t.Parallel()
	w := open(t, writes)
	w.plan()
	w.plan() // as after a kill
	if w.queued != 1 || w.state().State != transcription.Waiting {
		t.Fatalf("queued %d times, %+v", w.queued, w.state())
	}
	if err := w.Work(t.Context(), w.said.Video.ID); err != nil {
		t.Fatal(err)
	}
	want := "WEBVTT\n\n00:00:00.000 --> 00:00:01.400\nCiao in fr.\n\n00:00:01.400 --> 00:00:02.000\nA tutti.\n"
	if text := w.text(); text.Text != want || !text.Machine() || text.Out != nil {
		t.Errorf("got %q, %+v", text.Text, text.Draft)
	}
	if now := w.state(); now.State != transcription.Done || now.Reason.Key != "" {
		t.Errorf("got %+v", now)
	}
	w.Command = "false"
	if err := w.Work(t.Context(), w.said.Video.ID); err != nil || w.state().State != transcription.Done {
		t.Errorf("what is done is done again: %v, %+v", err, w.state())
	}
	if left, err := os.ReadDir(w.scratch); err != nil || len(left) != 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
	if err := w.Ask(t.Context(), "anna", w.said); fault.Of(err) != fault.Conflict {
		t.Errorf("asked again over a draft: %v", err)
	}
}

// TestTheProgramIsKeptApart looks at what it gets to see and to take.
func TestTheProgramIsKeptApart(t *testing.T) {
	t.Setenv("VOCI_SECRET_KEY", "secret")
	w := open(t, `sh -c 'printf "WEBVTT\n\n00:00.000 --> 00:01.000\nsecret=%s nice=%s memory=%s here=%s tmp=%s\n" "$VOCI_SECRET_KEY" "$(nice)" "$(ulimit -v)" "$(pwd)" "$TMPDIR"'`)
	w.plan()
	if err := w.Work(t.Context(), w.said.Video.ID); err != nil {
		t.Fatal(err)
	}
	said := w.text().Text
	if !strings.Contains(said, "secret= nice=10 memory=1048576 here="+w.scratch+"/listen-") || !strings.Contains(said, "tmp="+w.scratch+"/listen-") {
		t.Errorf("it saw %q", said)
	}
}

func TestWhatGoesWrongIsSaidAndTriedAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ command, reason string }{
		"an error":         {`sh -c 'echo no model >&2; exit 3'`, "captions.machine.stopped"},
		"no captions":      {`echo Buongiorno`, "captions.machine.output"},
		"without end":      {`yes WEBVTT`, "captions.machine.output"},
		"too slow":         {`sleep 60`, "captions.machine.slow"},
		"too much memory":  {`sh -c 'head -c 300000000 /dev/zero | tail -c 290000000 > /dev/null'`, "captions.machine.stopped"},
		"no such program":  {`/nowhere/whisper`, "captions.machine.missing"},
		"binary for words": {`head -c 5000 /dev/urandom`, "captions.machine.output"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, test.command)
			switch name {
			case "too slow":
				w.Patience = 300 * time.Millisecond
			case "too much memory":
				w.MaxMemory = 128 << 20
			}
			w.plan()
			err := w.Work(t.Context(), w.said.Video.ID)
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || e.Kind != fault.Unavailable || !e.Until.Equal(w.now.Add(time.Minute)) {
				t.Fatalf("got %v", err)
			}
			now := w.state()
			if diff := cmp.Diff([]any{transcription.Waiting, test.reason, 1}, []any{now.State, now.Reason.Key, now.Tries}); diff != "" {
				t.Error(diff)
			}
			if text := w.text(); text.Draft != nil {
				t.Errorf("it left a draft: %q", text.Text)
			}
			w.Command = writes
			w.Patience = time.Minute
			if err := w.Work(t.Context(), w.said.Video.ID); err != nil || w.state().State != transcription.Done || !w.text().Machine() {
				t.Errorf("tried again: %v, %+v", err, w.state())
			}
		})
	}
}

func TestAfterSomeTriesThePortalGivesUpUntilItIsAsked(t *testing.T) {
	t.Parallel()
	w := open(t, "false")
	w.plan()
	tries := 0
	for ; tries < 10; tries++ {
		if err := w.Work(t.Context(), w.said.Video.ID); err == nil {
			break
		}
	}
	if now := w.state(); tries != 4 || now.State != transcription.Failed || now.Tries != 5 || now.Reason.Key != "captions.machine.stopped" {
		t.Fatalf("after %d tries: %+v", tries, now)
	}
	w.Command = writes
	if err := w.Work(t.Context(), w.said.Video.ID); err != nil || w.text().Draft != nil {
		t.Errorf("it goes on by itself: %v", err)
	}
	if !w.CanAsk(w.said, w.text(), w.state()) {
		t.Error("nobody can ask")
	}
	queued := w.queued
	if err := w.Ask(t.Context(), "anna", w.said); err != nil || w.queued != queued+1 {
		t.Fatalf("%v, queued %d times", err, w.queued-queued)
	}
	if err := w.Ask(t.Context(), "anna", w.said); fault.Of(err) != fault.Conflict {
		t.Errorf("asked twice: %v", err)
	}
	if err := w.Work(t.Context(), w.said.Video.ID); err != nil || !w.text().Machine() {
		t.Errorf("asked: %v", err)
	}
}

// TestAPortalThatStopsIsNoFailure of the program.
func TestAPortalThatStopsIsNoFailure(t *testing.T) {
	t.Parallel()
	mark := filepath.Join(t.TempDir(), "begun")
	w := open(t, "sh -c 'touch "+mark+"; sleep 60'")
	w.plan()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Work(ctx, w.said.Video.ID) }()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(mark); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it never began")
		}
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if now := w.state(); now.State != transcription.Waiting || now.Tries != 0 {
		t.Errorf("got %+v", now)
	}
	w.Command = writes
	if err := w.Work(t.Context(), w.said.Video.ID); err != nil || !w.text().Machine() {
		t.Errorf("at the next start: %v", err)
	}
}

func TestWhatNobodyNeedsIsNotHeard(t *testing.T) {
	t.Parallel()
	t.Run("silence is said", func(t *testing.T) {
		w := open(t, "echo WEBVTT")
		w.plan()
		if err := w.Work(t.Context(), w.said.Video.ID); err != nil {
			t.Fatal(err)
		}
		if now := w.state(); now.State != transcription.Done || now.Reason.Key != "captions.machine.silence" || w.text().Draft != nil {
			t.Errorf("got %+v", now)
		}
	})
	t.Run("a person wrote meanwhile", func(t *testing.T) {
		w := open(t, "false")
		w.plan()
		e := testimony.DraftEdit{Language: "fr", Text: "WEBVTT\n\nà moi", Base: w.text().Base()}
		if _, err := w.Testimonies.SaveCaptionDraft(t.Context(), "anna", balme, w.said.ID, e); err != nil {
			t.Fatal(err)
		}
		if err := w.Work(t.Context(), w.said.Video.ID); err != nil || w.state().State != transcription.Done || w.text().Text != e.Text {
			t.Errorf("%v, %+v", err, w.state())
		}
	})
	t.Run("withdrawn meanwhile", func(t *testing.T) {
		w := open(t, "false")
		w.plan()
		if _, err := w.Testimonies.Withdraw(t.Context(), "anna", balme, w.said.ID, testimony.Withdrawal{}); err != nil {
			t.Fatal(err)
		}
		if err := w.Work(t.Context(), w.said.Video.ID); err != nil || w.state().State != transcription.Done {
			t.Errorf("%v, %+v", err, w.state())
		}
	})
	t.Run("without sound", func(t *testing.T) {
		w := open(t, "false")
		err := w.db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Exec("UPDATE videos SET has_sound = 0").Error })
		if err != nil {
			t.Fatal(err)
		}
		w.plan()
		if w.queued != 0 || w.state() != nil {
			t.Errorf("queued %d times, %+v", w.queued, w.state())
		}
	})
	w := open(t, "false")
	if err := w.Plan(t.Context(), 999); err != nil {
		t.Errorf("a file that is gone: %v", err)
	}
	if err := w.Work(t.Context(), 999); err != nil {
		t.Errorf("a file that is gone: %v", err)
	}
}

func TestACommandIsPartedIntoWords(t *testing.T) {
	t.Parallel()
	for command, want := range map[string][]string{
		`whisper-cli -m "/models/large v3.bin" -l auto`: {"whisper-cli", "-m", "/models/large v3.bin", "-l", "auto"},
		`sh -c 'hear "$VOCI_AUDIO" | write'`:            {"sh", "-c", `hear "$VOCI_AUDIO" | write`},
		"hear $HOME":                                    {"hear", "$HOME"},
		"hear | write":                                  nil,
		"hear > /etc/passwd":                            nil,
		`hear "open`:                                    nil,
		"  ":                                            nil,
	} {
		got, err := video.ParseCommand(command)
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (want != nil) {
			t.Errorf("%s: %v: %s", strconv.Quote(command), err, diff)
		}
	}
}
