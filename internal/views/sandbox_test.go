package views

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/youtube"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// onChannel makes n testimonies that are out on a sandbox channel, and a sync
// that asks it through the real client.
func (w *world) onChannel(n int) *sandbox.Sandbox {
	w.t.Helper()
	box, err := sandbox.New(sandbox.Options{
		Dir: w.t.TempDir(), Clock: func() time.Time { return w.now }, Processing: -1, Growth: 1000,
		Quota: map[string]int{"uploads": n},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	server := httptest.NewServer(box)
	w.t.Cleanup(func() {
		server.Close()
		if err := box.Close(); err != nil {
			w.t.Error(err)
		}
	})
	settings := youtube.Settings{
		Endpoint: server.URL, AuthURL: server.URL + "/o/oauth2/v2/auth", TokenURL: server.URL + "/token", RevokeURL: server.URL + "/revoke",
		ClientID: "portal", ClientSecret: "secret", RedirectURL: server.URL,
	}
	tokens := youtube.NewOAuth(settings, nil).TokenSource(w.t.Context(), &oauth2.Token{RefreshToken: box.IssueToken()})
	client, err := youtube.NewClient(settings, tokens, nil, youtube.WithClock(func() time.Time { return w.now }))
	if err != nil {
		w.t.Fatal(err)
	}
	w.sync.stats = func(context.Context) (Statistics, error) { return client, nil }
	for id := range int64(n) {
		w.testimony(id+1, places[int(id)%len(places)], int(id)%6+1)
		file := append([]byte("\x00\x00\x00\x10ftypisom\x00\x00\x02\x00"), bytes.Repeat([]byte{byte(id)}, 1000)...)
		video, err := client.Upload(w.t.Context(), youtube.Upload{
			Metadata: youtube.Metadata{Title: fmt.Sprint("Testimonianza ", id+1), Privacy: youtube.Public},
			File:     bytes.NewReader(file), Size: int64(len(file)), ContentType: "video/mp4", Slug: fmt.Sprintf("job-%d.mp4", id+1),
		}, youtube.Session{}, func(context.Context, youtube.Session) error { return nil }, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		w.exec(`UPDATE publications SET youtube_id = ? WHERE testimony_id = ?`, video.ID, id+1)
		w.publish(id + 1)
	}
	return box
}

// seen compares the newest counts with what the channel says itself, and
// returns the sum.
func (w *world) seen(box *sandbox.Sandbox) int64 {
	w.t.Helper()
	var sum int64
	for _, v := range box.State().Videos {
		got := scan[int64](w, `SELECT l.views FROM latest_views l JOIN publications p ON p.id = l.publication_id WHERE p.youtube_id = ?`, v.ID)
		if got != v.Views {
			w.t.Errorf("%s: got %d views, the channel says %d", v.Title, got, v.Views)
		}
		sum += v.Views
	}
	if got := w.totals(all, "")[dayOf(w.now)]; got.Views != sum {
		w.t.Errorf("total: got %d, the channel's sum is %d", got.Views, sum)
	}
	return sum
}

// TestWithAChannel goes through the days of a channel with the client that talks
// to YouTube: views that grow, that are taken back, silences, failures, the end
// of the day's allowance.
func TestWithAChannel(t *testing.T) {
	w := newWorld(t)
	box := w.onChannel(53)
	fail := func(f sandbox.Fault) {
		t.Helper()
		if err := box.Faults().Add(f); err != nil {
			t.Fatal(err)
		}
	}
	calls := func() int { return box.State().Calls["videos.batchGetStats"] }

	w.now = w.now.Add(40 * time.Minute) // the access token lasts an hour
	if r := w.run(); r.Answered != 53 || r.Calls != 2 || calls() != 2 {
		t.Fatalf("first run: got %+v, the channel was called %d times", r, calls())
	}
	first := w.seen(box)
	if first == 0 {
		t.Fatal("nobody watched anything")
	}

	// What the channel takes back is less, not the most it ever was.
	w.now = w.now.AddDate(0, 0, 1)
	fail(sandbox.Fault{Name: sandbox.ViewsDown, Views: 1 << 40})
	w.run()
	if sum := w.seen(box); sum != 0 {
		t.Errorf("the channel took all views back and %d are left", sum)
	}
	if got := w.totals(all, "")[dayOf(w.now)].Gained; got != -first {
		t.Errorf("gained: got %d, want %d", got, -first)
	}
	w.check("views taken back")

	// A video missing from the answer is not one without views, and one whose
	// views are hidden is not either.
	gone := box.State().Videos[0].ID
	rows := func() int { return scan[int](w, `SELECT count(*) FROM view_counts`) }
	before := rows()
	w.now = w.now.Add(time.Hour)
	fail(sandbox.Fault{Name: sandbox.Vanish, Method: "videos.batchGetStats", IDs: []string{gone}, Times: 2})
	fail(sandbox.Fault{Name: sandbox.HideStatistics, Keys: []string{"viewCount"}, Times: 2})
	if r := w.run(); r.Answered != 52 || rows() != before+52 {
		t.Errorf("one is missing: got %+v and %d new rows", r, rows()-before)
	}
	if n := scan[int](w, `SELECT count(*) FROM view_counts WHERE taken_at = ? AND views IS NULL AND likes IS NOT NULL`, w.now.Unix()); n != 52 {
		t.Errorf("silences: got %d, want 52", n)
	}
	w.check("silences")

	// A failed call costs its fifty only; a method refused is asked another way.
	w.now = w.now.Add(time.Hour)
	fail(sandbox.Fault{Name: sandbox.FailStatistics, Status: 500})
	if r := w.run(); r.Failed != 1 || r.Answered != 3 || r.Trouble != "views.trouble.temporary" {
		t.Errorf("a failed call: got %+v", r)
	}
	fail(sandbox.Fault{Name: sandbox.FailStatistics, Status: 403, Times: 2})
	w.now = w.now.Add(time.Hour)
	if r := w.run(); r.Failed != 0 || r.Answered != 53 {
		t.Errorf("a refused method: got %+v", r)
	}
	w.seen(box)

	// The day's allowance ends at midnight in California.
	fail(sandbox.Fault{Name: sandbox.EmptyBucket, Bucket: "statistics"})
	_, err := w.sync.Run(t.Context())
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Unavailable || !e.Until.Equal(youtube.NextReset(w.now)) {
		t.Fatalf("no allowance left: got %v", err)
	}
	w.now = e.Until
	if r := w.run(); r.Answered != 53 {
		t.Errorf("after the reset: got %+v", r)
	}
	w.seen(box)
	w.check("the next day")
}
