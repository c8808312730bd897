package publishing_test

import (
	"testing"
	"time"

	"golang.org/x/oauth2"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// purge does the night's part of it, and returns which channels were forgotten.
func (w *world) purge() []string {
	w.t.Helper()
	var forgot []string
	n, err := publishing.Purge(w.t.Context(), w.db, w.now, func(_ *gorm.DB, id string) error { forgot = append(forgot, id); return nil })
	if err != nil || n != len(forgot) {
		w.t.Fatalf("%d of %d, %v", n, len(forgot), err)
	}
	return forgot
}

// TestWhatTheTermsAskAfterDisconnecting: counts and what was read go after a
// week, what town halls wrote and the ids stay.
func TestWhatTheTermsAskAfterDisconnecting(t *testing.T) {
	w := newWorld(t)
	made := w.public()
	w.studio(made.ID, sandbox.StudioEdit{Title: ptr("Un altro")})
	w.reconcile()
	w.settleBy(publishing.Ignore)
	pub := w.publication(made.ID)
	if forgot := w.purge(); forgot != nil {
		t.Fatalf("forgotten while it is connected: %v", forgot)
	}
	if err := w.channels.Disconnect(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(6 * 24 * time.Hour)
	if forgot := w.purge(); forgot != nil {
		t.Fatalf("forgotten too soon: %v", forgot)
	}
	w.now = w.now.Add(25 * time.Hour)
	w.publisher.Channels = nil // also where YouTube was switched off meanwhile
	if forgot := w.purge(); len(forgot) != 1 || forgot[0] != pub.ChannelID {
		t.Errorf("forgotten: %v", forgot)
	}
	if forgot := w.purge(); forgot != nil {
		t.Errorf("forgotten again: %v", forgot)
	}
	w.publisher.Channels = w.channels
	if got := w.publication(made.ID); got.SeenPrivacy != "" || got.SeenAt != nil || got.YoutubeID == nil || *got.YoutubeID != *pub.YoutubeID {
		t.Errorf("publication: %+v", got)
	}
	if got := w.testimony(made.ID); got.Title != made.Title {
		t.Error("what the town hall wrote is gone")
	}
	if last, err := w.channels.Last(t.Context()); err != nil || last.ID != pub.ChannelID || last.Title != "" || !last.PurgeAt().IsZero() {
		t.Errorf("channel: %+v, %v", last, err)
	}
	if over, err := w.publisher.Settled(t.Context()); err != nil || len(over) != 1 || len(over[0].Detail.Values) > 0 {
		t.Errorf("of what differed is kept: %+v, %v", over, err)
	}
	// Connected again, all is as it was, and what was let be stays so.
	if err := w.channels.ConnectSandbox(t.Context(), w.sandbox.IssueToken()); err != nil {
		t.Fatal(err)
	}
	if ch, err := w.channels.Current(t.Context()); err != nil || !ch.PurgeAt().IsZero() || ch.Title == "" {
		t.Errorf("channel: %+v, %v", ch, err)
	}
	w.reconcile()
	w.wantFound()
}

// TestConnectingAgainStopsThePurge in time.
func TestConnectingAgainStopsThePurge(t *testing.T) {
	w := newWorld(t)
	if err := w.channels.Disconnect(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(6 * 24 * time.Hour)
	if err := w.channels.ConnectSandbox(t.Context(), w.sandbox.IssueToken()); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(48 * time.Hour)
	if forgot := w.purge(); forgot != nil {
		t.Errorf("forgotten: %v", forgot)
	}
}

// TestAMonthWithoutAPermissionThatWorks ends in the same; should it work again,
// a later disconnection counts anew.
func TestAMonthWithoutAPermissionThatWorks(t *testing.T) {
	w := newWorld(t)
	w.fail(sandbox.Fault{Name: sandbox.WrongChannel, Method: "channels.list"})
	if err := w.channels.Check(t.Context()); err == nil {
		t.Fatal("all is well")
	}
	w.now = w.now.Add(29 * 24 * time.Hour)
	if forgot := w.purge(); forgot != nil {
		t.Fatalf("forgotten too soon: %v", forgot)
	}
	w.now = w.now.Add(25 * time.Hour)
	if forgot := w.purge(); len(forgot) != 1 {
		t.Fatalf("forgotten: %v", forgot)
	}
	if err := w.channels.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.channels.Disconnect(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(8 * 24 * time.Hour)
	if forgot := w.purge(); len(forgot) != 1 {
		t.Errorf("forgotten the second time: %v", forgot)
	}
}

// TestAnEmptyRefreshTokenTakesNothingAway: the one that is kept works on.
func TestAnEmptyRefreshTokenTakesNothingAway(t *testing.T) {
	w := newWorld(t)
	if err := w.channels.Connect(t.Context(), "test", &oauth2.Token{AccessToken: "ya29.for-an-hour"}); fault.Of(err) != fault.Conflict {
		t.Errorf("connected without one: %v", err)
	}
	w.now = w.now.Add(2 * time.Hour)
	if err := w.channels.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestAnEmptyBucketIsNoTroubleOfTheChannel whether YouTube says so or our ledger.
func TestAnEmptyBucketIsNoTroubleOfTheChannel(t *testing.T) {
	for name, empty := range map[string]func(w *world){
		"at YouTube": func(w *world) { w.fail(sandbox.Fault{Name: sandbox.EmptyBucket, Bucket: "units"}) },
		"in the ledger": func(w *world) {
			if err := w.ledger.Exhaust(w.t.Context(), "units"); err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			empty(w)
			if err := w.channels.Check(t.Context()); err == nil {
				t.Error("it was asked")
			}
			if ch, err := w.channels.Current(t.Context()); err != nil || ch.Trouble != "" || len(w.told) > 0 {
				t.Errorf("trouble %q, told %v, %v", ch.Trouble, w.told, err)
			}
		})
	}
}
