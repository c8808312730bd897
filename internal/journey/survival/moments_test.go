package survival

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// The portal is killed at ten random moments while it sends to the channel on a
// thin line. The channel lives.
func TestChannelSideIsKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	listener, dice := listen(t), chance(t)
	l := newWire(t, "http://"+listener.Addr().String())
	l.thin(t, 2*slow)
	c := newChannel(t, listener, l.address)
	w := newWorld(t, c, l.address)
	const kills = 10
	films := []film{newFilm(t, large), newFilm(t, large), newFilm(t, small)}
	ids := w.inReview("Su una linea sottile", films...)
	// However the dice fall, the bytes suffice for all kills.
	step := (films[0].size + films[1].size + films[2].size) / (kills + 1)
	var rung <-chan struct{}
	for n := range kills {
		after := dice.Int64N(step)
		rung = c.ring(after)
		if n == 0 {
			for _, id := range ids {
				w.must(w.staff.approve(t.Context(), id))
			}
		} else {
			w.Run()
		}
		w.came(fmt.Sprintf("%d bytes more", after), rung)
		w.Kill()
		for _, id := range ids {
			if p := w.publication(id); p.State == "sending" {
				t.Logf("killed: %d bytes after the last start; testimony %d is being sent, %d bytes there, last byte sent: %t", after, id, c.stored(p.Slug), p.LastByte)
			}
		}
	}
	w.Run()
	w.wantOne(ids...)
	if videos := len(c.State().Videos); videos != len(ids) {
		t.Errorf("the channel has %d videos, want %d", videos, len(ids))
	}
	c.wantNothingTwice(t)
	w.db.wantSound(t)
}

// Portal and channel die together, as in the sandbox of a newcomer, in the
// windows that matter and at three random moments.
func TestBothAreKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "")
	ctx, dice := t.Context(), chance(t)
	windows := []struct {
		name   string
		film   film
		faults []sandbox.Fault
		open   func(p publication) bool
	}{
		{"mid-upload", newFilm(t, large), []sandbox.Fault{stallAt(cut, 0)}, func(p publication) bool { return sends(p) && w.parts() == cut }},
		{"last byte on its way", newFilm(t, small), []sandbox.Fault{stallAt(small-1, 0)}, func(p publication) bool { return mayBeThere(p) && w.parts() == small-1 }},
		{
			"last byte sent, its answer lost", newFilm(t, small),
			[]sandbox.Fault{{Name: sandbox.LoseFinal, Method: "session"}, stallAt(0, 1)}, // the question for it is held
			func(p publication) bool { return mayBeThere(p) && len(w.videos(p.Slug)) == 1 },
		},
	}
	var films []film
	for _, one := range windows {
		films = append(films, one.film)
	}
	random := newFilm(t, large)
	ids := w.inReview("Tutto insieme", append(films, random)...)
	for i, one := range windows {
		w.Fail(one.faults...)
		w.must(w.staff.approve(ctx, ids[i]))
		w.until("the window is open: "+one.name, func() (bool, error) {
			p, err := w.db.publicationOf(ctx, ids[i])
			return one.open(p), err
		})
		w.dead(fmt.Sprintf("portal and channel: %s; %d bytes under way", one.name, w.parts()))
		if p := w.publication(ids[i]); p.State != "sending" || p.YoutubeID != "" {
			t.Errorf("%s: the window was shut by the time of the kill: %+v, %d bytes there", one.name, p, w.parts())
		}
		w.Run()
		w.until("the video is there", func() (bool, error) {
			p, err := w.db.publicationOf(ctx, ids[i])
			return p.YoutubeID != "", err
		})
	}
	id := ids[len(windows)]
	w.must(w.staff.approve(ctx, id))
	for n, at := range []int64{dice.Int64N(large / 4), large/4 + dice.Int64N(large/4), large/2 + dice.Int64N(large/2)} {
		w.until("bytes have come", func() (bool, error) {
			p, err := w.db.publicationOf(ctx, id)
			return p.YoutubeID != "" || w.parts() >= at && p.State == "sending", err
		})
		w.dead(fmt.Sprintf("portal and channel, %d of 3: byte %d of %d had come, %d were there", n+1, at, large, w.parts()))
		w.Run()
	}
	w.wantOne(ids...)
	state := w.Channel()
	if videos := len(state.Videos); videos != len(ids) {
		t.Errorf("the channel has %d videos, want %d", videos, len(ids))
	}
	if opened := state.Calls["videos.insert"]; opened != len(ids) {
		t.Errorf("%d sessions were opened for %d videos", opened, len(ids))
	}
	w.db.wantSound(t)
}

// parts is how many bytes the portal's own sandbox has of the upload under way.
func (w *world) parts() (n int64) {
	w.t.Helper()
	names, err := filepath.Glob(filepath.Join(w.Data, "sandbox", "sessions", "*.part"))
	w.must(err)
	for _, name := range names {
		if st, err := os.Stat(name); err == nil {
			n += st.Size()
		}
	}
	return n
}
