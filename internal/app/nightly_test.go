package app_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/register"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// TestAFileThatWasReplacedIsForgottenAfterAWhile looks into the vault before and
// after the night in which its time has come.
func TestAFileThatWasReplacedIsForgottenAfterAWhile(t *testing.T) {
	s := settings(t)
	a := open(t, s)
	ctx := account.With(t.Context(), account.Person{Role: account.Editor, MunicipalityCode: balme})
	made, err := a.Testimonies.Create(ctx, "test", balme, testimony.Form{Title: "Prova"}, false)
	if err != nil {
		t.Fatal(err)
	}
	for n := range int64(2) {
		if _, err := a.Uploads.Stream(ctx, made.ID, "a.mp4", "video/mp4", bytes.NewReader(original(n))); err != nil {
			t.Fatal(err)
		}
	}
	vault := func() int {
		t.Helper()
		files, err := os.ReadDir(s.Vault())
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	if err := a.Nightly(ctx); err != nil {
		t.Fatal(err)
	}
	if n := vault(); n != 2 {
		t.Fatalf("%d files in the vault on the first night, want both", n)
	}
	err = a.DB.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`UPDATE videos SET received_at = datetime('now', '-8 days')`).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second night finds nothing to do
		if err := a.Nightly(ctx); err != nil {
			t.Fatal(err)
		}
	}
	now, err := a.Testimonies.Get(ctx, balme, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	if n := vault(); n != 1 || now.Video == nil {
		t.Fatalf("%d files in the vault, the current one is %+v", n, now.Video)
	}
	if _, err := os.Stat(s.Vault() + "/" + now.Video.Original); err != nil {
		t.Errorf("the current file is gone: %v", err)
	}
	files, err := a.Testimonies.Files(ctx)
	if err != nil || len(files.Originals) != 1 {
		t.Errorf("the database names %v: %v", files.Originals, err)
	}
}

// TestEachNightPortalAndChannelAreCompared by a job of its own, one at a time.
func TestEachNightPortalAndChannelAreCompared(t *testing.T) {
	for mode, want := range map[string]int64{config.YouTubeSandbox: 1, config.YouTubeOff: 0} {
		s := settings(t)
		s.YouTube = mode
		a := open(t, s)
		for range 2 { // the second night finds the job of the first, which waits for its quota
			if err := a.Nightly(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var jobs int64
		if err := a.DB.Reader(t.Context()).Raw("SELECT count(*) FROM river_job WHERE kind = 'reconcile'").Scan(&jobs).Error; err != nil {
			t.Fatal(err)
		}
		if jobs != want {
			t.Errorf("%s: %d comparisons are to be made, want %d", mode, jobs, want)
		}
	}
}

// TestSignedReleasesAreForgottenAfterAWhile looks into the vault over the nights:
// one that is named stays, one that was dropped goes after a week, one that no
// entry came to name after a day.
func TestSignedReleasesAreForgottenAfterAWhile(t *testing.T) {
	s := settings(t)
	a := open(t, s)
	ctx := t.Context()
	papers := register.NewPapers(s.Vault())
	made, err := a.Testimonies.Create(ctx, "test", balme, testimony.Form{Title: "Prova"}, false)
	if err != nil {
		t.Fatal(err)
	}
	keep := func() *testimony.Paper {
		t.Helper()
		p, err := papers.Keep(made.ID, strings.NewReader("%PDF-1.4\n%%EOF\n"))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	form := testimony.FilmedForm{
		Name: "Anna", Age: testimony.Adult, Agreed: []string{testimony.FilmedConsents()[0].Agreement()}, Paper: keep(),
	}
	form.GivenOn = testimony.Today(time.Now())
	dropped := form.Paper.Name
	f, err := a.Testimonies.AddFilmed(ctx, "test", balme, made.ID, form)
	if err != nil {
		t.Fatal(err)
	}
	form.Paper, form.Revision = keep(), 1
	if err := a.Testimonies.CorrectFilmed(ctx, "test", balme, made.ID, f.ID, form); err != nil {
		t.Fatal(err)
	}
	unnamed := keep().Name
	if err := os.WriteFile(filepath.Join(s.Vault(), "release-of-somebody-else.pdf"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	night := func(want ...string) {
		t.Helper()
		if err := a.Nightly(ctx); err != nil {
			t.Fatal(err)
		}
		want = append(want, "release-of-somebody-else.pdf")
		slices.Sort(want)
		if diff := cmp.Diff(want, names(t, s.Vault())); diff != "" {
			t.Errorf("the vault holds (-want +got):\n%s", diff)
		}
	}
	night(form.Paper.Name, dropped, unnamed)
	old := time.Now().Add(-25 * time.Hour)
	for _, name := range []string{form.Paper.Name, dropped, unnamed} {
		if err := os.Chtimes(filepath.Join(s.Vault(), name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	night(form.Paper.Name, dropped)
	err = a.DB.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`UPDATE papers SET dropped_at = datetime('now', '-8 days') WHERE dropped_at IS NOT NULL`).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	night(form.Paper.Name)
	night(form.Paper.Name)
}
