package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/app"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// said is a form that lacks nothing.
func said(title string) testimony.Form {
	f := testimony.Form{
		Title: title, Description: "Come ci aiutiamo.", Language: "it", SpeakerName: "Anna Bò", SpeakerRole: "Sindaca",
		Themes: []string{"solidarieta"}, Visibility: "public",
	}
	for _, c := range testimony.Consents() {
		f.Release = append(f.Release, c.Kind)
	}
	return f
}

// approved takes a testimony to where it waits for the channel.
func approved(t *testing.T, a *app.App, title string) *testimony.Testimony {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	made, err := a.Testimonies.Create(ctx, "test", balme, said(title), false)
	must(err)
	must(a.Testimonies.ReceiveVideo(ctx, testimony.Video{TestimonyID: made.ID, UploadID: title, Original: title, Filename: "a.mp4", Bytes: 5}))
	made, err = a.Testimonies.Get(ctx, balme, made.ID)
	must(err)
	made.Video.State, made.Video.DurationMS = testimony.VideoReady, 60_000
	must(a.Testimonies.VideoSeen(ctx, made.Video))
	sent, err := a.Testimonies.Submit(ctx, "test", balme, made.ID)
	must(err)
	made, err = a.Testimonies.Approve(ctx, "test", made.ID, sent.Version)
	must(err)
	return made
}

// totals are the views of today by dimension and key.
func totals(t *testing.T, a *app.App) map[string]int64 {
	t.Helper()
	var rows []struct {
		Name  string
		Views int64
	}
	err := a.DB.Reader(t.Context()).Raw(`SELECT dimension || ' ' || key AS name, views FROM daily_totals
		WHERE day = (SELECT max(day) FROM daily_totals) AND dimension IN ('all', 'theme', 'language')`).Scan(&rows).Error
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]int64{}
	for _, r := range rows {
		by[r.Name] = r.Views
	}
	return by
}

// TestTotalsFollowWhatIsAmended moves a testimony between themes, languages and
// visibilities, and takes it back: the totals of all its days go with it.
func TestTotalsFollowWhatIsAmended(t *testing.T) {
	a := open(t, settings(t))
	made := approved(t, a, "La spesa sale")
	ctx := t.Context()
	pubs, err := a.Publisher.Of(ctx, []int64{made.ID})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Publisher.ByHand(ctx, "test", pubs[made.ID].ID, "https://youtu.be/dQw4w9WgXcQ", true); err != nil {
		t.Fatal(err)
	}
	err = a.DB.Write(ctx, func(tx *gorm.DB) error {
		now := time.Now()
		for i, n := range []int64{40, 100} {
			day := now.AddDate(0, 0, i-1).Format(time.DateOnly)
			if err := tx.Exec(`INSERT INTO daily_views VALUES (?, ?, ?, ?)`, pubs[made.ID].ID, day, n, 40+20*i).Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Views.Rebuild(ctx); err != nil {
		t.Fatal(err)
	}
	// agree checks the totals of today, and those of all days against the curves.
	agree := func(what string, want map[string]int64) {
		t.Helper()
		if d := cmp.Diff(want, totals(t, a)); d != "" {
			t.Errorf("%s: %s", what, d)
		}
		if n, err := a.Views.Rebuild(ctx); err != nil || n != 0 {
			t.Errorf("%s: %d rows differ from the curves, %v", what, n, err)
		}
	}
	agree("published", map[string]int64{"all ": 100, "theme solidarieta": 100, "language it": 100})
	amend := func(change func(*testimony.Form)) {
		t.Helper()
		f := said("La spesa sale")
		change(&f)
		now, err := a.Testimonies.Get(ctx, balme, made.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Testimonies.Amend(ctx, "test", balme, made.ID, now.Version, f); err != nil {
			t.Fatal(err)
		}
	}
	amend(func(f *testimony.Form) {
		f.Themes, f.Language = []string{"volontariato", "alimenti-e-mascherine"}, "pms"
	})
	agree("retagged, in another language", map[string]int64{
		"all ": 100, "theme volontariato": 100, "theme alimenti-e-mascherine": 100, "language pms": 100,
	})
	amend(func(f *testimony.Form) { f.Visibility = "unlisted" })
	agree("hidden", map[string]int64{})
	amend(func(*testimony.Form) {})
	agree("for everybody again", map[string]int64{"all ": 100, "theme solidarieta": 100, "language it": 100})
	if _, err := a.Testimonies.Withdraw(ctx, "test", balme, made.ID, testimony.Withdrawal{}); err != nil {
		t.Fatal(err)
	}
	agree("withdrawn", map[string]int64{})
}

// TestTheProofOfAWithdrawalIsMailed, once nothing is left on the channel, to
// whom it was asked for.
func TestTheProofOfAWithdrawalIsMailed(t *testing.T) {
	a := open(t, settings(t))
	silent, told := approved(t, a, "Senza prova"), approved(t, a, "Con la prova")
	ctx := t.Context()
	for made, email := range map[*testimony.Testimony]string{silent: "", told: "segreteria@comune.example"} {
		if _, err := a.Testimonies.Withdraw(ctx, "test", balme, made.ID, testimony.Withdrawal{Reason: "Ripensamento", Email: email}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := a.Outbox.Recent(ctx, 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d messages, %v", len(list), err)
	}
	m := list[0]
	if m.Recipient != "segreteria@comune.example" || !strings.Contains(m.Subject, "Con la prova") || !strings.Contains(m.Text, "/comune/testimonianze/") {
		t.Errorf("it says: %+v", m)
	}
}
