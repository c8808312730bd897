package publishing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

func TestAnyLinkToAVideo(t *testing.T) {
	const id = "dQw4w9WgXc-"
	for _, link := range []string{
		id, " " + id + "\n", "https://youtu.be/" + id, "https://youtu.be/" + id + "?si=abc&t=10", "youtube.com/watch?v=" + id,
		"https://www.youtube.com/watch?app=desktop&v=" + id + "&list=PL1", "http://m.youtube.com/watch?v=" + id, "https://www.youtube.com/shorts/" + id,
		"https://youtube.com/live/" + id + "?feature=share", "https://www.youtube-nocookie.com/embed/" + id,
		"https://studio.youtube.com/video/" + id + "/edit", "https://studio.youtube.com/video/" + id,
	} {
		if got, err := publishing.VideoOf(link); err != nil || got != id {
			t.Errorf("%q: %q, %v", link, got, err)
		}
	}
	for _, link := range []string{
		"", "ciao", "https://www.youtube.com/", "https://www.youtube.com/watch?v=short", "https://www.youtube.com/@comune", "https://vimeo.com/" + id,
		"https://youtube.com.example/watch?v=" + id, "https://youtu.be/", "https://youtu.be/" + id + "x", "https://studio.youtube.com/channel/UC1",
		"javascript:alert(1)", "https://www.youtube.com/playlist?list=" + id,
	} {
		_, err := publishing.VideoOf(link)
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Kind != fault.Invalid || e.Fields[0].Name != "link" {
			t.Errorf("%q: %v", link, err)
		}
	}
}

// inStudio has staff upload a video of a length without the portal, and returns
// its id.
func (w *world) inStudio(seconds int) string {
	w.t.Helper()
	ids, err := w.sandbox.Seed(sandbox.SeedVideo{Title: "Video senza nome", Privacy: "private", Duration: float64(seconds), PublishedAt: w.now})
	if err != nil {
		w.t.Fatal(err)
	}
	return ids[0]
}

func TestPublishedByHand(t *testing.T) {
	w := newWorld(t)
	made := w.approved()
	w.poster(made.ID, "poster.jpg")
	w.replan(made.ID)
	pub := w.publication(made.ID)
	hand := func(link string) string {
		t.Helper()
		err := w.publisher.ByHand(t.Context(), "test", pub.ID, link, false)
		if e, ok := errors.AsType[*fault.Error](err); ok && len(e.Fields) > 0 {
			return e.Fields[0].Message.Key
		}
		if err != nil {
			return err.Error()
		}
		return ""
	}
	if got := hand("https://youtu.be/aaaaaaaaaaa"); got != "publishing.hand.missing" {
		t.Errorf("a video that is not there: %s", got)
	}
	if got := hand(w.inStudio(seconds + 3)); got != "publishing.hand.duration" {
		t.Errorf("a video of another length: %s", got)
	}
	id := w.inStudio(seconds)
	if got := hand("https://studio.youtube.com/video/" + id + "/edit"); got != "" {
		t.Fatalf("refused: %s", got)
	}
	w.run()
	if n := w.sandbox.State().Calls["videos.insert"]; n != 0 {
		t.Errorf("%d uploads were begun", n)
	}
	got := w.publication(made.ID)
	if got.State != publishing.Public || *got.YoutubeID != id || got.Origin != publishing.ByHand || w.testimony(made.ID).State != testimony.Published {
		t.Fatalf("publication: %+v because of %s", got, got.Explain().Key)
	}
	for _, v := range w.sandbox.State().Videos {
		if v.ID == id && (v.Title != made.Title || v.Privacy != "public" || v.Thumbnail == "" || len(v.Playlists) != 3) {
			t.Errorf("the video is not made ours: %+v", v)
		}
	}
	second := w.approved()
	pub = w.publication(second.ID)
	if got := hand(id); got != "publishing.hand.taken" {
		t.Errorf("a video of another testimony: %s", got)
	}
	w.run()
	if got := hand(w.inStudio(seconds)); got == "" {
		t.Error("a testimony that is out was taken over")
	}
}

// TestByHandWithoutAChannel is how the portal lives with VOCI_YOUTUBE=off, until
// a channel is connected.
func TestByHandWithoutAChannel(t *testing.T) {
	w := newWorld(t)
	rooms := w.publisher.Rooms
	rooms.Channels = nil
	w.publisher = publishing.New(rooms)
	good, bad := w.approved(), w.approved()
	w.run()
	if s := w.testimony(good.ID).State; s != testimony.Published {
		t.Fatalf("without a channel it is %s: the portal plays it", s)
	}
	id := w.inStudio(seconds)
	if err := w.publisher.ByHand(t.Context(), "test", w.publication(good.ID).ID, id, false); fault.Of(err) != fault.Invalid {
		t.Errorf("taken although nobody is sure: %v", err)
	}
	for made, link := range map[int64]string{good.ID: id, bad.ID: "bbbbbbbbbbb"} {
		if err := w.publisher.ByHand(t.Context(), "test", w.publication(made).ID, link, true); err != nil {
			t.Fatal(err)
		}
		if pub := w.publication(made); pub.State != publishing.Public || pub.Verified {
			t.Errorf("publication: %+v", pub)
		}
	}
	rooms.Channels = w.channels
	w.publisher = publishing.New(rooms)
	verify := func() (looks int) {
		t.Helper()
		before := w.sandbox.State().Calls["videos.list"]
		if err := w.publisher.VerifyHands(t.Context()); err != nil {
			t.Fatal(err)
		}
		return w.sandbox.State().Calls["videos.list"] - before
	}
	// A list may leave out what is there: two looks, a day apart, and none between.
	w.fail(sandbox.Fault{Name: sandbox.Vanish, Method: "videos.list", IDs: []string{id}})
	if looks := verify(); looks != 2 {
		t.Errorf("two links were looked at %d times", looks)
	}
	if looks := verify(); looks != 0 {
		t.Errorf("half a minute later there were %d looks", looks)
	}
	if pub := w.publication(bad.ID); pub.State != publishing.Public || pub.YoutubeID == nil {
		t.Errorf("missed once: %+v", pub)
	}
	w.now = w.now.Add(25 * time.Hour)
	if looks := verify(); looks < 2 { // more if the access token is refreshed
		t.Errorf("a day later there were %d looks at the two that were missed", looks)
	}
	if pub := w.publication(good.ID); !pub.Verified || pub.State != publishing.Public || pub.MissedAt != nil {
		t.Errorf("the good one: %+v", pub)
	}
	if pub := w.publication(bad.ID); pub.State != publishing.Blocked || pub.Explain().Key != "publishing.hand.missing" || pub.YoutubeID != nil {
		t.Errorf("the bad one: %+v", pub)
	}
}

// TestAStrangersVideoIsNeverTouched: a link that nobody could check leads to a
// video of something else. What is withdrawn or sent anew leaves that alone.
func TestAStrangersVideoIsNeverTouched(t *testing.T) {
	for name, act := range map[string]func(w *world, made *testimony.Testimony) error{
		"withdrawn": func(w *world, made *testimony.Testimony) error {
			_, err := w.testimonies.Withdraw(t.Context(), "test", balme, made.ID, testimony.Withdrawal{})
			return err
		},
		"verified, and then sent": func(w *world, made *testimony.Testimony) error {
			if err := w.publisher.VerifyHands(t.Context()); err != nil {
				return err
			}
			w.wantReason(made.ID, publishing.Blocked, "publishing.hand.duration")
			return w.publisher.Retry(t.Context(), "test", w.publication(made.ID).ID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			rooms := w.publisher.Rooms
			rooms.Channels = nil
			w.publisher = publishing.New(rooms)
			made := w.approved()
			w.run()
			stranger := w.inStudio(seconds + 100)
			if err := w.publisher.ByHand(t.Context(), "test", w.publication(made.ID).ID, stranger, true); err != nil {
				t.Fatal(err)
			}
			rooms.Channels = w.channels
			w.publisher = publishing.New(rooms)
			if err := act(w, w.testimony(made.ID)); err != nil {
				t.Fatal(err)
			}
			w.run()
			there := false
			for _, v := range w.sandbox.State().Videos {
				there = there || v.ID == stranger && v.Title == "Video senza nome" && v.Privacy == "private"
			}
			if !there {
				t.Errorf("the stranger's video was touched: %+v", w.sandbox.State().Videos)
			}
			if pub := w.publication(made.ID); pub.YoutubeID != nil && *pub.YoutubeID == stranger {
				t.Errorf("publication: %+v", pub)
			}
		})
	}
}

// TestTheHandTakesThePlaceOfWhatFailed: a video that YouTube could not make is not
// left on the channel beside the one of Studio.
func TestTheHandTakesThePlaceOfWhatFailed(t *testing.T) {
	w := newWorld(t)
	w.fail(sandbox.Fault{Name: sandbox.FailProcessing})
	made := w.approved()
	w.run()
	w.wantReason(made.ID, publishing.Blocked, "publishing.failed.conversion")
	id := w.inStudio(seconds)
	if err := w.publisher.ByHand(t.Context(), "test", w.publication(made.ID).ID, id, false); err != nil {
		t.Fatal(err)
	}
	w.run()
	if videos := w.sandbox.State().Videos; len(videos) != 1 || videos[0].ID != id || w.publication(made.ID).State != publishing.Public {
		t.Errorf("on the channel: %+v, publication %+v", videos, w.publication(made.ID))
	}
}

func TestTheQueueSaysWhen(t *testing.T) {
	w := newWorld(t)
	var ids []int64
	for range 5 {
		ids = append(ids, w.publication(w.approved().ID).ID)
	}
	w.exec(`INSERT INTO quota_ledger (day, bucket, spent) VALUES ('2026-11-25', 'uploads', 98)`)
	w.exec(`UPDATE publications SET state = 'blocked' WHERE id = ?`, ids[4])
	expected, err := w.publisher.Expect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	reset := "2026-11-26 08:00:00 +0000 UTC"
	for i, want := range []string{"0001-01-01 00:00:00 +0000 UTC", "0001-01-01 00:00:00 +0000 UTC", reset, reset} {
		if got := expected[ids[i]]; !got.Known || got.At.UTC().String() != want || got.Ahead != i {
			t.Errorf("number %d is expected %+v, want %s", i, got, want)
		}
	}
	if expected[ids[4]].Known {
		t.Error("one that needs a person has a time")
	}
}
