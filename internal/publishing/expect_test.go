package publishing_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// allow gives the project other limits.
func (w *world) allow(limits publishing.Limits) {
	w.ledger = publishing.NewLedger(w.db, limits, func() time.Time { return w.now }, slog.New(slog.DiscardHandler))
	w.openChannels()
	w.publisher.Channels, w.publisher.Ledger = w.channels, w.ledger
}

func (w *world) expect() map[int64]publishing.Expectation {
	w.t.Helper()
	all, err := w.publisher.Expect(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// TestVideosGoWhenTheyWereExpected has more videos wait than three days take,
// over the night in which the Pacific coast leaves summer time, and then lets
// the days pass: each is sent on the day that was told for it.
func TestVideosGoWhenTheyWereExpected(t *testing.T) {
	w := newWorld(t)
	w.now = time.Date(2026, 10, 31, 12, 0, 0, 0, time.UTC)
	w.allow(publishing.Limits{Uploads: 2, Statistics: 100, Units: 10_000, Kept: 1000})
	var ids []int64
	for n := range 7 {
		ids = append(ids, w.approved(func(f *testimony.Form) { f.Title, f.RecordedOn = fmt.Sprint("Voce ", n), "" }).ID)
		w.now = w.now.Add(time.Second)
	}
	var told []string
	days := map[int64]string{}
	for _, id := range ids {
		pub := w.publication(id)
		e := w.expect()[pub.ID]
		told = append(told, fmt.Sprint(e.Known, e.Ahead, " ", e.At.UTC().Format("02 15:04"), " ", e.Explain().Key))
		day := w.now
		if !e.At.IsZero() {
			day = e.At
		}
		days[id] = youtube.QuotaDay(day)
	}
	want := []string{ // the reset comes an hour later, in UTC, once it is winter there
		"true 0 01 00:00 publishing.expect.first", "true 1 01 00:00 publishing.expect.ahead", "true 2 01 07:00 publishing.expect.from",
		"true 3 01 07:00 publishing.expect.from", "true 4 02 08:00 publishing.expect.from", "true 5 02 08:00 publishing.expect.from",
		"true 6 03 08:00 publishing.expect.from",
	}
	if d := cmp.Diff(want, told); d != "" {
		t.Errorf("what is told (-want +got):\n%s", d)
	}
	o, err := w.publisher.Outlook(t.Context())
	if err != nil || o.Uploads != 7 || !o.UploadsDone.Equal(time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC)) || !o.Done.Equal(o.UploadsDone) {
		t.Errorf("the outlook is %+v, %v", o, err)
	}
	w.run()
	for _, id := range ids {
		pub := w.publication(id)
		if got := youtube.QuotaDay(*pub.UploadedAt); got != days[id] {
			t.Errorf("testimony %d went on %s, it was expected on %s", id, got, days[id])
		}
	}
	if left := w.expect(); len(left) != 0 {
		t.Errorf("expected still: %v", left)
	}
}

// TestWhatSomebodyMustMendHasNoTime goes through what a publication may wait for.
func TestWhatSomebodyMustMendHasNoTime(t *testing.T) {
	w := newWorld(t)
	made := w.approved()
	id := w.publication(made.ID).ID
	tomorrow := w.now.Add(25 * time.Hour)
	for name, c := range map[string]struct {
		sql  string
		args []any
		want publishing.Expectation
		says string
	}{
		"its turn":         {`UPDATE publications SET state = 'waiting'`, nil, publishing.Expectation{Known: true}, "publishing.expect.first"},
		"a person":         {`UPDATE publications SET state = 'blocked'`, nil, publishing.Expectation{}, "publishing.expect.person"},
		"the night's look": {`UPDATE publications SET state = 'missing'`, nil, publishing.Expectation{}, "publishing.expect.person"},
		"the channel's limit": {
			`UPDATE publications SET state = 'waiting', until = ?`, []any{tomorrow}, publishing.Expectation{Known: true, At: tomorrow}, "publishing.expect.from",
		},
		"the channel": {
			`UPDATE channels SET trouble = 'publishing.trouble.token'`, nil, publishing.Expectation{Channel: true}, "publishing.expect.channel",
		},
		"nothing": {`UPDATE publications SET state = 'processing'`, nil, publishing.Expectation{Known: true, Sent: true}, ""},
		"its day": {
			`UPDATE publications SET state = 'processing', wanted_privacy = 'public', publish_at = ?`,
			[]any{tomorrow},
			publishing.Expectation{Known: true, Sent: true, At: tomorrow},
			"publishing.expect.out",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w.exec(`UPDATE channels SET trouble = ''`)
			w.exec(`UPDATE publications SET state = 'waiting', until = NULL, publish_at = NULL`)
			w.exec(c.sql, c.args...)
			e := w.expect()[id]
			if d := cmp.Diff(c.want, e); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			said := ""
			if m := e.Explain(); m != nil {
				said = m.Key
			}
			if said != c.says {
				t.Errorf("it says %q, want %q", said, c.says)
			}
		})
	}
}

// TestTheOutlookIsWhatThePlanTakes compares what the outlook tells with what the
// ledger has afterwards; captions are apart, and may wait for another day.
func TestTheOutlookIsWhatThePlanTakes(t *testing.T) {
	w := newWorld(t)
	w.allow(publishing.Limits{Uploads: 100, Statistics: 100, Units: 1250, Kept: 650})
	w.whole()
	for len(w.queue) > 0 && w.queue[0].lane == publishing.LaneSend { // the video arrives, its plan is all to be done
		w.settle()
		if e := w.step(); e != nil {
			t.Fatal(e)
		}
	}
	o, err := w.publisher.Outlook(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := publishing.Outlook{Steps: 4, Units: 203, Captions: 1, ForThem: 450, CaptionsDone: youtube.NextReset(w.now)}
	if d := cmp.Diff(want, o); d != "" {
		t.Fatalf("the outlook (-want +got):\n%s", d)
	}
	begun := w.now
	w.run()
	if got, want := youtube.QuotaDay(w.now), youtube.QuotaDay(o.CaptionsDone); got != want {
		t.Errorf("the captions were done on %s, expected on %s; begun at %s", got, want, begun)
	}
	if calls := w.sandbox.State().Calls; calls["captions.insert"] != 1 || calls["thumbnails.set"] != 1 {
		t.Errorf("calls: %v", calls)
	}
	if o, err = w.publisher.Outlook(t.Context()); err != nil || o != (publishing.Outlook{}) {
		t.Errorf("afterwards %+v, %v", o, err)
	}
}
