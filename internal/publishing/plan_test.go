package publishing_test

import (
	"fmt"
	"image"
	"image/jpeg"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

const vtt = "WEBVTT\n\n00:00.000 --> 00:02.000\nBuongiorno.\n"

// whole makes an approved testimony with everything that a plan can have.
func (w *world) whole() *testimony.Testimony {
	w.t.Helper()
	made := w.approved()
	w.poster(made.ID, "poster.jpg")
	w.caption(made.ID, "it", vtt)
	w.exec(`UPDATE testimonies SET translations = '{"en":{"title":"Firewood for those who are alone","description":"So that nobody stays cold."}}' WHERE id = ?`, made.ID)
	w.replan(made.ID)
	return w.testimony(made.ID)
}

func (w *world) poster(id int64, name string) {
	w.t.Helper()
	f, err := os.Create(filepath.Join(w.renditions, name))
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	if err := jpeg.Encode(f, image.NewGray(image.Rect(0, 0, 1280, 720)), nil); err != nil {
		w.t.Fatal(err)
	}
	w.exec(`UPDATE videos SET poster = ? WHERE testimony_id = ?`, name, id)
}

func (w *world) caption(id int64, lang, text string) {
	w.t.Helper()
	w.exec(`INSERT INTO captions (testimony_id, language, filename, vtt, sha256, created_at, created_by) VALUES (?, ?, 'a.vtt', ?, ?, ?, 'test')
		ON CONFLICT (testimony_id, language) DO UPDATE SET vtt = excluded.vtt, sha256 = excluded.sha256`, id, lang, text, sum([]byte(text)), w.now)
}

// replan tells the publisher that a testimony was changed.
func (w *world) replan(id int64) {
	w.t.Helper()
	err := w.db.Write(w.t.Context(), func(tx *gorm.DB) error {
		t, err := w.testimonies.GetIn(tx, id)
		if err != nil {
			return err
		}
		return w.publisher.Replan(tx, t)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) steps(id int64) map[string]publishing.StepState {
	w.t.Helper()
	list, err := w.publisher.Steps(w.t.Context(), w.publication(id).ID)
	if err != nil {
		w.t.Fatal(err)
	}
	by := map[string]publishing.StepState{}
	for _, s := range list {
		by[string(s.Kind)+" "+s.Key] = s.State
	}
	return by
}

// wantPlan checks that every step is done, and what the channel has.
func (w *world) wantPlan(id int64) {
	w.t.Helper()
	for name, state := range w.steps(id) {
		if state != publishing.StepDone {
			list, _ := w.publisher.Steps(w.t.Context(), w.publication(id).ID)
			w.t.Errorf("step %s is %s: %+v", name, state, list)
		}
	}
	v := w.wantOut(id)
	slices.Sort(v.Playlists)
	if diff := cmp.Diff([]string{"Ciriacese e Valli di Lanzo", "Solidarietà", "Volontariato"}, v.Playlists); diff != "" {
		w.t.Errorf("playlists: %s", diff)
	}
	if v.Thumbnail != "image/jpeg" || !slices.Equal(v.Captions, []string{"it"}) {
		w.t.Errorf("thumbnail %q, captions %v", v.Thumbnail, v.Captions)
	}
}

// spentOn are the calls by method since before.
func (w *world) since(before map[string]int) map[string]int {
	calls := map[string]int{}
	for name, n := range w.sandbox.State().Calls {
		if n > before[name] && name != "token" {
			calls[name] = n - before[name]
		}
	}
	return calls
}

// TestThePlanIsDone also counts the calls: what the plan predicts and no more.
func TestThePlanIsDone(t *testing.T) {
	w := newWorld(t)
	before := maps.Clone(w.sandbox.State().Calls)
	made := w.whole()
	w.run()
	w.wantPlan(made.ID)
	want := map[string]int{
		"channels.list": 1, "videos.insert": 1, "session": 4, // four ranges
		"videos.list": 2, "thumbnails.set": 1, "playlists.list": 3, "playlists.insert": 3,
		"playlistItems.list": 3, "playlistItems.insert": 3, "captions.list": 1, "captions.insert": 1,
	}
	if diff := cmp.Diff(want, w.since(before)); diff != "" {
		t.Error(diff)
	}
	before = maps.Clone(w.sandbox.State().Calls)
	second := w.approved()
	w.poster(second.ID, "poster.jpg")
	w.replan(second.ID)
	w.run()
	// The playlists are there by now.
	want = map[string]int{
		"channels.list": 1, "videos.insert": 1, "session": 4, "videos.list": 2, "thumbnails.set": 1, "playlistItems.list": 3, "playlistItems.insert": 3,
	}
	if diff := cmp.Diff(want, w.since(before)); diff != "" {
		t.Error(diff)
	}
	left, err := w.ledger.Remaining(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range left {
		if spent := w.sandbox.State().Spent[string(r.Bucket)]; r.Spent != spent {
			t.Errorf("the ledger says %d of %s were spent, the channel %d", r.Spent, r.Bucket, spent)
		}
	}
}

// TestNothingIsMadeTwice breaks one call of the plan at a time.
func TestNothingIsMadeTwice(t *testing.T) {
	for _, method := range []string{
		"thumbnails.set", "playlists.list", "playlists.insert", "playlistItems.list", "playlistItems.insert", "captions.list", "captions.insert",
	} {
		for name, f := range map[string]sandbox.Fault{
			"busy":      {Name: sandbox.Unavailable, Method: method, RetryAfter: 120, Times: 2},
			"broken":    {Name: sandbox.InternalError, Method: method, Times: 3},
			"token old": {Name: sandbox.Unauthorized, Method: method},
		} {
			t.Run(method+" "+name, func(t *testing.T) {
				w := newWorld(t)
				w.fail(f)
				made := w.whole()
				w.run()
				w.wantPlan(made.ID)
				calls := w.sandbox.State().Calls
				if failed := max(1, f.Times); calls["playlists.insert"] > 3+failed || calls["playlistItems.insert"] > 3+failed {
					t.Errorf("calls: %v", calls)
				}
				if left := w.sandbox.Faults().Pending(); len(left) > 0 {
					t.Errorf("never happened: %+v", left)
				}
			})
		}
	}
}

// TestChangesFollow changes everything of a testimony that is out.
func TestChangesFollow(t *testing.T) {
	w := newWorld(t)
	made := w.whole()
	w.run()
	w.wantPlan(made.ID)
	before := maps.Clone(w.sandbox.State().Calls)
	w.poster(made.ID, "another.jpg")
	w.caption(made.ID, "it", vtt+"\n00:03.000 --> 00:04.000\nGrazie.\n")
	w.exec(`UPDATE testimonies SET title = 'Legna per tutti', description = '', visibility = 'public', language = 'fr', tags = '["bosco"]', translations = '{"it":{"title":"La legna","description":""}}' WHERE id = ?`, made.ID)
	w.exec(`DELETE FROM testimony_themes WHERE testimony_id = ? AND theme_id = (SELECT id FROM themes WHERE slug = 'volontariato')`, made.ID)
	w.exec(`INSERT INTO testimony_themes SELECT ?, id FROM themes WHERE slug = 'spazi-per-i-giovani'`, made.ID)
	w.replan(made.ID)
	w.run()
	v := w.wantOut(made.ID)
	slices.Sort(v.Playlists)
	if diff := cmp.Diff([]any{
		"Legna per tutti",
		[]string{"solidarietà", "giovani", "Balme", "Ciriacese e Valli di Lanzo", "bosco"},
		"fr", "29", "2026-11-20T00:00:00Z",
		[]string{"Ciriacese e Valli di Lanzo", "Solidarietà", "Spazi per i giovani"},
		[]string{"it"},
		"public",
	}, []any{v.Title, v.Tags, v.DefaultLanguage, v.CategoryID, v.RecordingDate, v.Playlists, v.Captions, v.Privacy}); diff != "" {
		t.Error(diff)
	}
	want := map[string]int{
		"videos.list": 2, "videos.update": 2, "thumbnails.set": 1, "playlists.list": 1, "playlists.insert": 1,
		"playlistItems.list": 2, "playlistItems.insert": 1, "playlistItems.delete": 1, "captions.list": 1, "captions.update": 1,
	}
	if diff := cmp.Diff(want, w.since(before)); diff != "" {
		t.Error(diff)
	}
	for _, privacy := range []string{"unlisted", "private", "public"} {
		w.exec(`UPDATE testimonies SET visibility = ? WHERE id = ?`, privacy, made.ID)
		w.replan(made.ID)
		w.run()
		v := w.wantOut(made.ID)
		if v.Privacy != privacy || (len(v.Playlists) > 0) != (privacy == "public") {
			t.Errorf("asked for %s: %s in %v", privacy, v.Privacy, v.Playlists)
		}
	}
}

// TestPublishedOnTheDayThatStaffChose goes through the schedule by the channel's
// own hand.
func TestPublishedOnTheDayThatStaffChose(t *testing.T) {
	w := newWorld(t)
	made := w.approved()
	at := w.now.Add(30 * time.Hour).Truncate(time.Second)
	w.exec(`UPDATE testimonies SET publish_at = ? WHERE id = ?`, at, made.ID)
	w.replan(made.ID)
	for w.now.Before(at) {
		w.settle()
		if s := w.testimony(made.ID).State; s != testimony.Approved {
			t.Fatalf("%s before its time: it is %s", at.Sub(w.now), s)
		}
		for _, v := range w.sandbox.State().Videos {
			if v.Privacy != "private" {
				t.Fatalf("the video is %s %s before its time", v.Privacy, at.Sub(w.now))
			}
		}
		if e := w.step(); e != nil {
			w.now = e.Until
		}
		if _, err := w.publisher.Tend(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.run()
	if v := w.wantOut(made.ID); v.Privacy != "public" || len(v.Playlists) != 3 {
		t.Errorf("the video is %s, in %v", v.Privacy, v.Playlists)
	}
	if n := w.sandbox.State().Calls["videos.update"]; n != 0 {
		t.Errorf("%d updates for what YouTube does by itself", n)
	}
}

// TestExtrasWaitForTheQuota: what is kept for reads and removals is not touched,
// and the next day all is done.
func TestExtrasWaitForTheQuota(t *testing.T) {
	w := newWorld(t)
	w.exec(`UPDATE quota_ledger SET spent = 8600 WHERE bucket = 'units'`) // of 9000
	made := w.whole()
	for i := 0; len(w.queue) > 0 && i < 20; i++ {
		w.settle()
		if e := w.step(); e != nil {
			w.now = e.Until
		}
	}
	next, err := w.publisher.Tend(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if reset := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC); !next.Equal(reset) {
		t.Errorf("goes on at %s, want %s", next, reset)
	}
	w.wantOut(made.ID)
	if s := w.steps(made.ID); s["captions it"] != publishing.StepWaiting || s["thumbnail "] != publishing.StepDone {
		t.Errorf("steps: %v", s)
	}
	w.run()
	w.wantPlan(made.ID)
}

// TestCaptionsOfTheMostWatchedComeFirst gives the day room for two of three.
func TestCaptionsOfTheMostWatchedComeFirst(t *testing.T) {
	w := newWorld(t)
	var made []*testimony.Testimony
	for range 3 {
		made = append(made, w.approved())
	}
	w.run()
	for i, m := range made {
		w.exec(`INSERT INTO latest_views (publication_id, views, taken_at) VALUES (?, ?, 0)`, w.publication(m.ID).ID, []int{10, 5000, 200}[i])
		w.caption(m.ID, "it", vtt)
		w.replan(m.ID)
	}
	w.exec(`UPDATE quota_ledger SET spent = 9000 - 2 * 450 - 449 WHERE bucket = 'units'`)
	if _, err := w.publisher.Tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, want := range []publishing.StepState{publishing.StepWaiting, publishing.StepDone, publishing.StepDone} {
		if got := w.steps(made[i].ID)["captions it"]; got != want {
			t.Errorf("captions of the testimony with rank %d are %s, want %s", i, got, want)
		}
	}
}

// TestAWithdrawnVideoIsHiddenAtOnce and deleted after the time of grace.
func TestAWithdrawnVideoIsHiddenAtOnce(t *testing.T) {
	for _, outage := range []string{"", "videos.update", "playlistItems.delete", "videos.delete", "quota"} {
		t.Run(fmt.Sprintf("outage of %q", outage), func(t *testing.T) {
			w := newWorld(t)
			made := w.whole()
			w.run()
			w.wantPlan(made.ID)
			began := w.now
			switch outage {
			case "":
			case "quota":
				w.fail(sandbox.Fault{Name: sandbox.EmptyBucket, Bucket: "units"})
			default:
				w.fail(sandbox.Fault{Name: sandbox.Unavailable, Method: outage, Times: 3, RetryAfter: 60})
			}
			if _, err := w.testimonies.Withdraw(t.Context(), "test", balme, made.ID, testimony.Withdrawal{Reason: "ripensamento"}); err != nil {
				t.Fatal(err)
			}
			if outage == "" {
				_ = w.step()
				v := w.sandbox.State().Videos[0]
				if v.Privacy != "private" || len(v.Playlists) > 0 {
					t.Errorf("after the first step the video is %s, in %v", v.Privacy, v.Playlists)
				}
				pub := w.publication(made.ID)
				if pub.HiddenAt == nil || pub.DeleteAt == nil || !pub.DeleteAt.Equal(pub.HiddenAt.Add(grace)) {
					t.Errorf("hidden at %v, deleted at %v", pub.HiddenAt, pub.DeleteAt)
				}
				w.wantReason(made.ID, publishing.Removing, "publishing.hidden")
			}
			w.run()
			if n := len(w.sandbox.State().Videos); n != 0 {
				t.Errorf("%d videos are left", n)
			}
			if pub := w.publication(made.ID); pub.State != publishing.Removed || w.now.Sub(began) < grace {
				t.Errorf("the publication is %s after %s", pub.State, w.now.Sub(began))
			}
			if !slices.Equal(w.proofs, []int64{made.ID}) {
				t.Errorf("proofs of %v", w.proofs)
			}
		})
	}
}
