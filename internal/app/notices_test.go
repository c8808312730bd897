package app_test

import (
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/app"
	"github.com/voci-in-comune/voci/internal/notices"
	"github.com/voci-in-comune/voci/internal/presskit"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// exec changes the database as nobody may.
func exec(t *testing.T, a *app.App, sql string, args ...any) {
	t.Helper()
	if err := a.DB.Write(t.Context(), func(tx *gorm.DB) error { return tx.Exec(sql, args...).Error }); err != nil {
		t.Fatal(err)
	}
}

// aMinuteLater has the portal tell what happened, as if it had happened earlier.
func aMinuteLater(t *testing.T, a *app.App) (told []string) {
	t.Helper()
	exec(t, a, `DROP TRIGGER IF EXISTS audit_no_update`)
	exec(t, a, `UPDATE audit SET at = ? WHERE at > ?`, time.Now().UTC().Add(-10*time.Minute), time.Now().UTC().Add(-5*time.Minute))
	before, err := a.Outbox.Recent(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Notices.Tell(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := a.Outbox.Recent(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all[:len(all)-len(before)] {
		told = append(told, m.Subject+"\n"+m.Text)
	}
	return told
}

// TestATownHallIsToldWhatBecomesOfItsTestimony has the portal's own rooms work
// together, up to the press kit that goes with the withdrawal.
func TestATownHallIsToldWhatBecomesOfItsTestimony(t *testing.T) {
	a := open(t, settings(t))
	ctx := t.Context()
	token, err := a.Accounts.PersonalLink(ctx, "test", balme)
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.Accounts.Look(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Notices.Choose(ctx, p.Actor(), balme, p.LinkID, "sindaca@comune.balme.example", notices.All, "it"); err != nil {
		t.Fatal(err)
	}
	made := approved(t, a, "La spesa sale")
	told := aMinuteLater(t, a)
	if len(told) != 1 || !strings.Contains(told[0], "Approvata: «La spesa sale»") || !strings.Contains(told[0], a.Settings.BaseURL+"/comune/avvisi") {
		t.Fatalf("told of the approval: %q", told)
	}
	pubs, err := a.Publisher.Of(ctx, []int64{made.ID})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Publisher.ByHand(ctx, "test", pubs[made.ID].ID, "https://youtu.be/dQw4w9WgXcQ", true); err != nil {
		t.Fatal(err)
	}
	told = aMinuteLater(t, a)
	if len(told) != 1 || !strings.Contains(told[0], a.Settings.BaseURL+"/testimonianze/1-la-spesa-sale") || !strings.Contains(told[0], "/comune/testimonianze/1/stampa") {
		t.Fatalf("told of the publication: %q", told)
	}

	exec(t, a, `UPDATE videos SET rendition = '1.mp4' WHERE testimony_id = ?`, made.ID)
	if err := a.Cutter.Ask(ctx, "test", balme, made.ID, presskit.Square, presskit.Padded); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Testimonies.Withdraw(ctx, "test", balme, made.ID, testimony.Withdrawal{}); err != nil {
		t.Fatal(err)
	}
	var jobs, leaving int64
	if err := a.DB.Reader(ctx).Raw(`SELECT count(*) FROM river_job WHERE kind = 'cut'`).Scan(&jobs).Error; err != nil {
		t.Fatal(err)
	}
	if err := a.DB.Reader(ctx).Model(&presskit.Cut{}).Where("state = 'leaving'").Count(&leaving).Error; err != nil {
		t.Fatal(err)
	}
	if jobs != 2 || leaving != 1 {
		t.Errorf("after the withdrawal %d cuts leave, by %d jobs", leaving, jobs)
	}
	for range 2 {
		if err := a.Cutter.Work(ctx, 1); err != nil {
			t.Fatal(err)
		}
	}
	if told = aMinuteLater(t, a); len(told) != 1 || !strings.Contains(told[0], "non si vede più") {
		t.Errorf("told of the withdrawal: %q", told)
	}
	if told = aMinuteLater(t, a); len(told) != 0 {
		t.Errorf("told again: %q", told)
	}
}
