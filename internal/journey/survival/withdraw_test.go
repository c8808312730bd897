package survival

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// The portal is killed while it takes back what a town hall withdrew: what a
// person took back is gone, wherever the kill fell.
func TestKilledWhileAVideoIsTakenOff(t *testing.T) {
	t.Parallel()
	c := newChannel(t, listen(t), "")
	w := newWorld(t, c, "")
	ctx := t.Context()
	ids := w.inReview("Ritirata", newFilm(t, small), newFilm(t, small), newFilm(t, small), newFilm(t, large))
	approve := func(id int64) string {
		t.Helper()
		w.must(w.staff.approve(ctx, id))
		return w.publication(id).Slug
	}
	take := func(id int64, when string, open func(p publication) bool) {
		t.Helper()
		w.must(w.hall.withdraw(ctx, id))
		w.until("the window is open: "+when, func() (bool, error) {
			p, err := w.db.publicationOf(ctx, id)
			return open(p), err
		})
		w.dead(when)
		if p := w.publication(id); !open(p) {
			t.Errorf("%s: the window was shut by the time of the kill: %+v", when, p)
		}
		w.unlock()
		w.Run()
		w.wantGone(id)
	}
	var slug string

	slug = approve(ids[0])
	w.untilTestimony(ids[0], "published")
	c.stop(deletes)
	take(ids[0], "before the channel deletes", func(p publication) bool {
		return p.State == "removing" && c.isCaught() && len(c.videos(slug)) == 1
	})

	slug = approve(ids[1])
	w.untilTestimony(ids[1], "published")
	w.locks(deletes)
	take(ids[1], "deleted, not committed", func(p publication) bool {
		return p.State == "removing" && c.isCaught() && len(c.videos(slug)) == 0
	})

	// The portal does not know the video: it would ask the session now.
	c.fail(t, sandbox.Fault{Name: sandbox.LoseFinal, Method: "session"})
	c.stop(asks)
	slug = approve(ids[2])
	w.until("the portal asks", func() (bool, error) { return c.isCaught(), nil })
	take(ids[2], "last byte sent, its answer lost", func(p publication) bool {
		return p.State == "removing" && p.YoutubeID == "" && len(c.videos(slug)) == 1
	})

	c.fail(t, stallAt(cut, 0))
	slug = approve(ids[3])
	w.until("a part is there", func() (bool, error) { return c.stored(slug) == cut, nil })
	mark := c.mark()
	take(ids[3], "mid-upload", func(p publication) bool { return p.State == "removed" && c.stored(slug) == cut })
	if diff := cmp.Diff([]string(nil), c.wire(slug, mark)); diff != "" {
		t.Errorf("what was withdrawn is still sent (-want +got):\n%s", diff)
	}

	if videos := c.State().Videos; len(videos) > 0 {
		t.Errorf("still on the channel: %+v", videos)
	}
	w.db.wantSound(t)
}

// wantGone checks that a withdrawn testimony is nowhere to be seen.
func (w *world) wantGone(id int64) {
	w.t.Helper()
	ctx := w.t.Context()
	w.until("it is removed", func() (bool, error) {
		p, err := w.db.publicationOf(ctx, id)
		return p.State == "removed", err
	})
	p := w.publication(id)
	if p.Testimony != "withdrawn" || p.InSession {
		w.t.Errorf("testimony %d: %+v", id, p)
	}
	if videos := w.videos(p.Slug); len(videos) > 0 {
		w.t.Errorf("testimony %d is still on the channel: %+v", id, videos)
	}
	trail, err := w.db.all(ctx, `SELECT action FROM audit WHERE subject = 'testimony' AND subject_id = ?1 AND action = 'testimony.withdrawn'
		UNION ALL SELECT action FROM audit WHERE subject = 'publication' AND action = 'publication.removed'
			AND subject_id = (SELECT id FROM publications WHERE testimony_id = ?1)`, id)
	w.must(err)
	if diff := cmp.Diff([]string{"testimony.withdrawn", "publication.removed"}, trail); diff != "" {
		w.t.Errorf("testimony %d: its trail (-want +got):\n%s", id, diff)
	}
	for _, shown := range w.openData() {
		if shown.ID == id {
			w.t.Errorf("testimony %d is still public", id)
		}
	}
}

// open is a testimony in the open data.
type open struct {
	ID        int64
	YoutubeID *string `json:"youtube_id"`
	Views     *int64
}

// openData is what everybody sees.
func (w *world) openData() (list []open) {
	w.t.Helper()
	r, err := w.hall.do(w.t.Context(), http.MethodGet, "/dati/testimonianze.json", nil, nil)
	w.must(err)
	w.must(json.Unmarshal(r.body, &list))
	return list
}
