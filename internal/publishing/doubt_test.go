package publishing_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// restored is a portal whose database was put back to a time before its
// testimony was sent, while the video is on the channel.
func restored(t *testing.T) (*world, *testimony.Testimony) {
	w := newWorld(t)
	made := w.approved()
	w.run()
	w.exec(`UPDATE publications SET state = 'waiting', youtube_id = NULL, processed_at = NULL, uploaded_at = NULL, since = ?`, w.now.Add(-time.Hour))
	w.exec(`UPDATE testimonies SET state = 'approved', published_at = NULL`)
	if err := publishing.Restored(t.Context(), w.db, w.now.Add(publishing.Settling(pollEvery))); err != nil {
		t.Fatal(err)
	}
	w.queue = []work{{w.publication(made.ID).ID, publishing.LaneSend}}
	return w, made
}

// TestADoubtOutlivesEveryOtherWait: whatever else a publication had to wait for
// after a restore, it is looked for before it is sent.
func TestADoubtOutlivesEveryOtherWait(t *testing.T) {
	for name, f := range map[string]sandbox.Fault{
		"another channel": {Name: sandbox.WrongChannel, Method: "channels.list"},
		"no uploads left": {Name: sandbox.EmptyBucket, Bucket: "uploads"},
		"an outage":       {Name: sandbox.Unavailable, Method: "channels.list", Times: 3},
	} {
		t.Run(name, func(t *testing.T) {
			w, made := restored(t)
			w.now = w.now.Add(publishing.Settling(pollEvery) + time.Minute)
			w.fail(f)
			_ = w.step()
			if name == "another channel" {
				if err := w.channels.Check(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			w.run()
			w.wantOut(made.ID)
		})
	}
}

func TestWhatWasRestoredAndWithdrawnComesOffTheChannel(t *testing.T) {
	w, made := restored(t)
	if _, err := w.testimonies.Withdraw(t.Context(), "test", balme, made.ID, testimony.Withdrawal{}); err != nil {
		t.Fatal(err)
	}
	if len(w.proofs) > 0 {
		t.Error("a proof was given of what nobody looked at")
	}
	w.run()
	if videos := w.sandbox.State().Videos; len(videos) > 0 || len(w.proofs) != 1 {
		t.Errorf("on the channel: %+v, proofs: %v", videos, w.proofs)
	}
}

// TestHiddenWhileYouTubeIsAsked changes the visibility during the look that would
// have published it.
func TestHiddenWhileYouTubeIsAsked(t *testing.T) {
	var w *world
	change := func() {}
	w = newWorld(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(rw, r)
			if r.Method == http.MethodGet && r.URL.Path == "/youtube/v3/videos" {
				change()
			}
		})
	})
	made := w.approved()
	_ = w.step() // sent
	w.now = w.now.Add(time.Hour)
	change = func() {
		change = func() {}
		w.exec(`UPDATE testimonies SET visibility = 'private' WHERE id = ?`, made.ID)
		w.replan(made.ID)
	}
	w.run()
	if v := w.wantOut(made.ID); v.Privacy != "private" {
		t.Errorf("the video is %s", v.Privacy)
	}
}

// TestHiddenWhileItWaitsForAPerson: what is wrong with a video must not keep it in
// sight.
func TestHiddenWhileItWaitsForAPerson(t *testing.T) {
	w := newWorld(t)
	made := w.approved()
	w.exec(`UPDATE videos SET duration_ms = 70000 WHERE testimony_id = ?`, made.ID)
	w.run()
	w.wantReason(made.ID, publishing.Blocked, "publishing.duration")
	w.exec(`UPDATE testimonies SET visibility = 'private' WHERE id = ?`, made.ID)
	w.replan(made.ID)
	w.run()
	if v := w.sandbox.State().Videos[0]; v.Privacy != "private" {
		t.Errorf("the video is %s", v.Privacy)
	}
}

// TestARemovalThatFailsIsTriedLaterAndLater, for each try costs its price.
func TestARemovalThatFailsIsTriedLaterAndLater(t *testing.T) {
	w := newWorld(t)
	made := w.approved()
	w.run()
	if _, err := w.testimonies.Withdraw(t.Context(), "test", balme, made.ID, testimony.Withdrawal{}); err != nil {
		t.Fatal(err)
	}
	w.fail(sandbox.Fault{Name: sandbox.Unavailable, Method: "videos.update", Times: -1})
	end, tries := w.now.Add(6*time.Hour), 0
	for w.now.Before(end) {
		if e := w.step(); e != nil {
			w.now = e.Until
		}
		tries++
	}
	if tries > 30 {
		t.Errorf("%d tries in six hours", tries)
	}
	w.sandbox.Faults().Clear()
	w.run()
	if n := len(w.sandbox.State().Videos); n > 0 {
		t.Errorf("%d videos are left", n)
	}
}

// TestAWrongLinkCostsNoVideo: what a publication has on the channel stays until
// it is sure that the link can take its place.
func TestAWrongLinkCostsNoVideo(t *testing.T) {
	w := newWorld(t)
	first := w.approved()
	w.run()
	w.file = movie(size+1, seconds)
	second := w.approved()
	w.run()
	pub := w.publication(second.ID)
	w.exec(`UPDATE publications SET state = 'blocked', reason = '{"Key":"publishing.privacy.private"}' WHERE id = ?`, pub.ID)
	err := w.publisher.ByHand(t.Context(), "test", pub.ID, *w.publication(first.ID).YoutubeID, false)
	if err == nil {
		t.Error("another testimony's video was taken")
	}
	if n := len(w.sandbox.State().Videos); n != 2 {
		t.Errorf("%d videos are left of two", n)
	}
}
