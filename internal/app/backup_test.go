package app_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/app"
	"github.com/voci-in-comune/voci/internal/archive"
	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/register"
	"github.com/voci-in-comune/voci/internal/testimony"
)

const balme = "001019"

func settings(t *testing.T) config.Settings {
	t.Helper()
	return config.Settings{
		Env: config.Development, Listen: "127.0.0.1:0", BaseURL: "http://localhost:8080", Data: filepath.Join(t.TempDir(), "data"),
		SecretKey: strings.Repeat("A", 43) + "=", Territory: "founding", YouTube: config.YouTubeOff, MailFrom: "voci@localhost",
		MaxUploadBytes: 1 << 30, MaxDuration: time.Hour, SyncEvery: time.Hour, PollEvery: time.Second,
	}
}

func open(t *testing.T, s config.Settings) *app.App {
	t.Helper()
	a, err := app.Open(t.Context(), s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// original is what the video of a testimony holds: other bytes for each.
func original(id int64) []byte {
	return bytes.Repeat(binary.BigEndian.AppendUint64(nil, uint64(id)), 8<<10)
}

// receive takes in a video.
func receive(ctx context.Context, a *app.App) error {
	made, err := a.Testimonies.Create(ctx, "test", balme, testimony.Form{Title: "Prova"}, false)
	if err != nil {
		return err
	}
	ctx = account.With(ctx, account.Person{Role: account.Editor, MunicipalityCode: balme})
	_, err = a.Uploads.Stream(ctx, made.ID, "a.mp4", "video/mp4", bytes.NewReader(original(made.ID)))
	return err
}

// TestABackUpHoldsEveryFileThatItsDatabaseNames makes back-ups while videos
// arrive one after the other.
func TestABackUpHoldsEveryFileThatItsDatabaseNames(t *testing.T) {
	s := settings(t)
	a := open(t, s)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var received atomic.Int64
	ended := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			if err := receive(ctx, a); err != nil && ctx.Err() == nil {
				ended <- err
				return
			}
			received.Add(1)
		}
		ended <- nil
	}()
	var made []string
	for i := range 5 {
		for before := received.Load(); received.Load() < before+3; {
			select {
			case err := <-ended:
				t.Fatal(err)
			case <-time.After(time.Millisecond):
			}
		}
		file := filepath.Join(t.TempDir(), fmt.Sprintf("%d.tar", i))
		got, err := app.Backup(t.Context(), s, file)
		if err != nil || got.Missing != nil {
			t.Fatalf("%v, missing: %v", err, got.Missing)
		}
		made = append(made, file)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	least := 0
	for _, file := range made {
		elsewhere := settings(t)
		if err := app.Restore(t.Context(), elsewhere, file); err != nil {
			t.Fatal(err)
		}
		least = max(least+3, count(t, open(t, elsewhere), elsewhere, least+3))
	}
}

// count looks at all files that a restored database names, at least so many.
func count(t *testing.T, a *app.App, s config.Settings, least int) int {
	t.Helper()
	all, _, err := a.Testimonies.OfMunicipality(t.Context(), balme, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, one := range all {
		if one.Video == nil {
			continue // it was not there yet
		}
		n++
		got, err := os.ReadFile(filepath.Join(s.Vault(), one.Video.Original))
		if err != nil || !bytes.Equal(got, original(one.ID)) {
			t.Errorf("the video of testimony %d is not as it was received: %d bytes, %v", one.ID, len(got), err)
		}
	}
	if n < least {
		t.Errorf("the back-up holds %d videos, want at least %d", n, least)
	}
	return n
}

func TestABackUpSaysWhatIsMissingAndNeverHoldsTheKey(t *testing.T) {
	s := settings(t)
	a := open(t, s)
	for range 2 {
		if err := receive(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	originals, err := os.ReadDir(s.Vault())
	if err != nil {
		t.Fatal(err)
	}
	lost := originals[0].Name()
	err = errors.Join(
		os.Remove(filepath.Join(s.Vault(), lost)),
		os.WriteFile(filepath.Join(s.Data, "secret.key"), []byte(s.SecretKey), 0o600),
		os.WriteFile(filepath.Join(s.Vault(), "nobody's.bin"), []byte("no row names it"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "voci.tar.zst")
	made, err := app.Backup(t.Context(), s, file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"vault/" + lost}, made.Missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	dir := t.TempDir()
	if err := archive.Unpack(t.Context(), file, dir, func(string) bool { return true }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"vault/" + originals[1].Name(), "voci.db"}, names(t, dir)); diff != "" {
		t.Errorf("the back-up holds (-want +got):\n%s", diff)
	}
}

// names lists the files of a folder, in order.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(name, ".lock") {
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// backup makes a portal with one video, and its back-up.
func backup(t *testing.T) (file string) {
	t.Helper()
	s := settings(t)
	if err := receive(t.Context(), open(t, s)); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "voci.tar")
	if _, err := app.Backup(t.Context(), s, file); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestARestoreThatFailsLeavesTheFolderAsItWas(t *testing.T) {
	text, err := os.ReadFile(backup(t))
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.tar")
	if err := os.WriteFile(cut, text[:len(text)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	s := settings(t)
	if err := app.Restore(t.Context(), s, cut); err == nil {
		t.Error("a back-up that was cut short was restored")
	}
	if left := names(t, s.Data); left != nil {
		t.Errorf("it left %v behind", left)
	}
}

func TestARestoreThatWasInterruptedIsBegunAnew(t *testing.T) {
	file := backup(t)
	s := settings(t)
	// A kill between two renames leaves the mark, some folders and no database.
	for _, dir := range []string{"restoring/renditions", "vault"} {
		if err := os.MkdirAll(filepath.Join(s.Data, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"vault/old.bin", "restoring/voci.db"} {
		if err := os.WriteFile(filepath.Join(s.Data, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := app.Open(t.Context(), s, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "voci restore") {
		t.Errorf("a portal was opened on half a restore: %v", err)
	}
	if err := app.Restore(t.Context(), s, file); err != nil {
		t.Fatal(err)
	}
	if left := names(t, s.Data); len(left) != 2 || !strings.HasPrefix(left[0], "vault/") || left[0] == "vault/old.bin" || left[1] != "voci.db" {
		t.Errorf("the folder holds %v", left)
	}
	if n := count(t, open(t, s), s, 1); n != 1 {
		t.Errorf("%d videos, want 1", n)
	}
}

func TestARestoreTouchesNothingThatIsThere(t *testing.T) {
	file := backup(t)
	for _, there := range []string{"voci.db", "vault/a.bin", "notes.txt"} {
		s := settings(t)
		path := filepath.Join(s.Data, there)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("mine"), 0o600)); err != nil {
			t.Fatal(err)
		}
		if err := app.Restore(t.Context(), s, file); err == nil || !strings.Contains(err.Error(), "not empty") {
			t.Errorf("beside %s: got %v", there, err)
		}
		if diff := cmp.Diff([]string{there}, names(t, s.Data)); diff != "" {
			t.Errorf("(-was +is):\n%s", diff)
		}
	}
}

// TestAfterARestoreTheChannelIsAskedBeforeAnythingIsSent: what waited when the
// back-up was made may have been published since.
func TestAfterARestoreTheChannelIsAskedBeforeAnythingIsSent(t *testing.T) {
	s := settings(t)
	a := open(t, s)
	for range 4 {
		if err := receive(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	err := a.DB.Write(t.Context(), func(tx *gorm.DB) error {
		return tx.Exec(`INSERT INTO publications (testimony_id, video_id, state, reason, since, slug, youtube_id, wanted_privacy, session_sealed)
			SELECT testimony_id, id, iif(id = 2, 'sending', iif(id = 4, 'public', 'waiting')), iif(id = 3, '{"Key":"publishing.off"}', ''),
				'2026-11-24 10:00:00+00:00', 'slug ' || id, iif(id = 4, 'abc', NULL), 'public', iif(id = 2, x'00', NULL) FROM videos`).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "voci.tar")
	if _, err := app.Backup(t.Context(), s, file); err != nil {
		t.Fatal(err)
	}
	elsewhere := settings(t)
	if err := app.Restore(t.Context(), elsewhere, file); err != nil {
		t.Fatal(err)
	}
	publications, err := open(t, elsewhere).Publisher.Of(t.Context(), []int64{1, 2, 3, 4})
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		Reason       string
		LastByteSent bool
		Total        int64
		Later        bool
	}
	got := map[int64]seen{}
	for id, p := range publications {
		got[id] = seen{p.Reason.Key, p.LastByteSent, p.SessionTotal, p.NextPollAt != nil && p.NextPollAt.After(time.Now())}
	}
	want := map[int64]seen{
		1: {"publishing.outcome_unknown", true, int64(len(original(1))), true},
		2: {"", true, 0, false},
		3: {"publishing.off", false, 0, false},
		4: {},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("publications (-want +got):\n%s", diff)
	}
}

func TestABackUpHoldsTheSignedReleases(t *testing.T) {
	s := settings(t)
	a := open(t, s)
	ctx := t.Context()
	made, err := a.Testimonies.Create(ctx, "test", balme, testimony.Form{Title: "Prova"}, false)
	if err != nil {
		t.Fatal(err)
	}
	const text = "%PDF-1.4\nfirmato\n%%EOF\n"
	paper, err := register.NewPapers(s.Vault()).Keep(made.ID, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	f, err := a.Testimonies.AddFilmed(ctx, "test", balme, made.ID, testimony.FilmedForm{
		Name: "Anna", Age: testimony.Adult, GivenOn: testimony.Today(time.Now()), Agreed: []string{testimony.FilmedConsents()[0].Agreement()}, Paper: paper,
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "voci.tar.zst")
	got, err := app.Backup(ctx, s, file)
	if err != nil || got.Missing != nil {
		t.Fatalf("%v, missing: %v", err, got.Missing)
	}
	elsewhere := settings(t)
	if err := app.Restore(ctx, elsewhere, file); err != nil {
		t.Fatal(err)
	}
	b := open(t, elsewhere)
	kept, err := b.Testimonies.Filmed(ctx, balme, made.ID, f.ID)
	if err != nil || kept.Paper == nil || kept.Wording != testimony.FilmedConsents()[0].Wording {
		t.Fatalf("%+v, %v", kept, err)
	}
	signed, err := os.ReadFile(filepath.Join(elsewhere.Vault(), kept.Paper.Name))
	if err != nil || string(signed) != text {
		t.Errorf("%q, %v", signed, err)
	}
}
