package publishing_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if err := w.db.Write(w.t.Context(), func(tx *gorm.DB) error { return tx.Exec(sql, args...).Error }); err != nil {
		w.t.Fatal(err)
	}
}

// TestARevokedChannelStopsEverything: the queue waits, nothing is lost, and
// connecting again lets it go on at once.
func TestARevokedChannelStopsEverything(t *testing.T) {
	w := newWorld(t)
	w.now = w.now.Add(2 * time.Hour) // the access token is over
	w.fail(sandbox.Fault{Name: sandbox.Revoke})
	made := w.approved()
	if e := w.step(); e == nil {
		t.Fatal("went on without a token")
	}
	w.wantReason(made.ID, publishing.Waiting, "publishing.waits_for_channel")
	ch, err := w.channels.Current(t.Context())
	if err != nil || ch.Trouble != "publishing.trouble.token" {
		t.Fatalf("channel: %+v, %v", ch, err)
	}
	calls := w.sandbox.State().Calls["token"]
	if e := w.step(); e == nil || w.sandbox.State().Calls["token"] != calls {
		t.Error("Google was asked again with a token that it had refused")
	}
	w.queue = nil
	if err := w.channels.ConnectSandbox(t.Context(), w.sandbox.IssueToken()); err != nil {
		t.Fatal(err)
	}
	if len(w.queue) != 1 {
		t.Fatalf("connecting woke %d publications", len(w.queue))
	}
	w.run()
	w.wantOut(made.ID)
}

func TestAnotherChannelIsRefused(t *testing.T) {
	t.Run("when connecting", func(t *testing.T) {
		w := newWorld(t)
		w.fail(sandbox.Fault{Name: sandbox.WrongChannel, Method: "channels.list"})
		err := w.channels.ConnectSandbox(t.Context(), w.sandbox.IssueToken())
		if fault.Of(err) != fault.Conflict {
			t.Errorf("err = %v", err)
		}
	})
	t.Run("before an upload", func(t *testing.T) {
		w := newWorld(t)
		w.fail(sandbox.Fault{Name: sandbox.WrongChannel, Method: "channels.list"})
		made := w.approved()
		_ = w.step()
		w.wantReason(made.ID, publishing.Waiting, "publishing.waits_for_channel")
		if n := w.sandbox.State().Calls["videos.insert"]; n != 0 {
			t.Errorf("%d sessions were opened on the wrong channel", n)
		}
		// Put right at Google: a check lets the queue go on.
		w.queue = nil
		if err := w.channels.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.run()
		w.wantOut(made.ID)
	})
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		fault   sandbox.Fault
		trouble string
	}{
		"well":       {sandbox.Fault{Name: sandbox.FillBuckets}, ""},
		"no channel": {sandbox.Fault{Name: sandbox.NoChannel, Method: "channels.list"}, "publishing.trouble.no_channel"},
		"wrong":      {sandbox.Fault{Name: sandbox.WrongChannel, Method: "channels.list"}, "publishing.trouble.wrong_channel"},
		"revoked":    {sandbox.Fault{Name: sandbox.Revoke}, "publishing.trouble.token"},
		"outage":     {sandbox.Fault{Name: sandbox.InternalError, Method: "channels.list"}, ""}, // says nothing about the token
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.now = w.now.Add(2 * time.Hour)
			w.fail(test.fault)
			err := w.channels.Check(t.Context())
			ch, e := w.channels.Current(t.Context())
			if e != nil {
				t.Fatal(e)
			}
			if ch.Trouble != test.trouble || (err == nil) != (name == "well") {
				t.Errorf("trouble %q, err = %v", ch.Trouble, err)
			}
		})
	}
}

func TestDisconnectRevokesAndForgets(t *testing.T) {
	w := newWorld(t)
	if err := w.channels.Disconnect(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	if n := w.sandbox.State().Grants; n != 0 {
		t.Errorf("%d grants are left at Google", n)
	}
	if _, err := w.channels.Current(t.Context()); fault.Of(err) != fault.NotFound {
		t.Errorf("err = %v", err)
	}
	if known, err := w.channels.Known(t.Context()); err != nil || !known {
		t.Errorf("known = %t, %v", known, err)
	}
	made := w.approved()
	_ = w.step()
	w.wantReason(made.ID, publishing.Waiting, "publishing.waits_for_channel")
}

func TestTokensAreSealed(t *testing.T) {
	w := newWorld(t)
	token := w.sandbox.IssueToken()
	if err := w.channels.ConnectSandbox(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal"} {
		text, err := os.ReadFile(w.db.Path() + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(token)) {
			t.Errorf("the token can be read in the database%s", suffix)
		}
	}
}

// TestWithoutAChannelThePortalShowsItself: and what waited goes to the channel
// once there is one.
func TestWithoutAChannelThePortalShowsItself(t *testing.T) {
	w := newWorld(t)
	w.publisher.Channels = nil
	made := w.approved()
	w.run()
	if s := w.testimony(made.ID).State; s != testimony.Published {
		t.Fatalf("the testimony is %s", s)
	}
	w.wantReason(made.ID, publishing.Waiting, "publishing.off")
	w.publisher.Channels = w.channels
	if err := w.channels.ConnectSandbox(t.Context(), w.sandbox.IssueToken()); err != nil {
		t.Fatal(err)
	}
	w.run()
	w.wantOut(made.ID)
}

func TestLedger(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	// The night in which clocks go back on the Pacific coast has 25 hours.
	w.now = time.Date(2026, 11, 1, 7, 30, 0, 0, time.UTC) // 00:30 there
	if err := w.ledger.Spend(ctx, "statistics", 9_999); err != nil {
		t.Fatal(err)
	}
	err := w.ledger.Spend(ctx, "statistics", 2)
	e, ok := err, fault.Of(err) == fault.Unavailable
	if !ok {
		t.Fatalf("spent more than there is: %v", e)
	}
	if err := w.ledger.Spend(ctx, "statistics", 1); err != nil {
		t.Errorf("the refused spending was counted: %v", err)
	}
	w.now = time.Date(2026, 11, 2, 7, 59, 0, 0, time.UTC) // 23:59 there
	if err := w.ledger.Spend(ctx, "statistics", 1); fault.Of(err) != fault.Unavailable {
		t.Errorf("the day was over too soon: %v", err)
	}
	w.now = w.now.Add(time.Minute)
	if err := w.ledger.Spend(ctx, "statistics", 1); err != nil {
		t.Errorf("the new day did not begin: %v", err)
	}
}
