package survival

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/youtube"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// window is a time in which a kill could cost a video or make a second one. The
// names are those of the table of crash windows that the uploader is built to.
type window struct {
	name   string
	size   int // of the film
	stages []stage
	// last arranges what happens while the portal is dead for the last time.
	last func(w *world, slug string)
	// second has another portal tried on the same folder meanwhile.
	second bool
	// wire is what the channel must see of the upload after the last start.
	wire []string
}

// stage is one kill.
type stage struct {
	// arrange opens the window: before the testimony is approved, or while the
	// portal is dead.
	arrange func(w *world, slug string)
	// open tells from what is committed and from what the channel has whether
	// the window is open now.
	open func(p publication, c *channel) bool
}

const cut = 5<<20 + 12345 // a byte in the middle of the first range

func stallAt(after int64, skip int) sandbox.Fault {
	return sandbox.Fault{Name: sandbox.Stall, Method: "session", After: after, Skip: skip}
}

func fault(f sandbox.Fault) func(*world, string) {
	return func(w *world, _ string) { w.channel.fail(w.t, f) }
}

// locked holds the database from the next request of a kind on, so that what its
// answer says cannot be committed.
func locked(is func(*http.Request) bool) func(*world, string) {
	return func(w *world, _ string) {
		w.locks(is)
	}
}

// sends tells that an upload is under way, its last byte still here.
func sends(p publication) bool {
	return p.State == "sending" && p.InSession && p.YoutubeID == "" && !p.LastByte
}

// mayBeThere tells that the last byte may have left and nothing is known of a
// video.
func mayBeThere(p publication) bool {
	return p.State == "sending" && p.InSession && p.YoutubeID == "" && p.LastByte
}

// windows are those of the table, each as it is reached by SIGKILL.
func windows() []window {
	const second = youtube.DefaultRange // where the second range of a large film begins
	again := []string{"open", "bytes from 0", fmt.Sprintf("bytes from %d", second)}
	untold := func(p publication, c *channel) bool {
		return mayBeThere(p) && len(c.videos(p.Slug)) == 1 && c.isCaught()
	}
	// The portal would ask what became of it at once: the question is held.
	lost := func(w *world, _ string) {
		w.channel.fail(w.t, sandbox.Fault{Name: sandbox.LoseFinal, Method: "session"})
		w.channel.stop(asks)
	}
	settling := func(p publication, _ *channel) bool {
		return p.State == "sending" && strings.Contains(p.Reason, "outcome_unknown") && p.YoutubeID == ""
	}
	return []window{
		{
			name: "after POST, before the URI is committed", size: small,
			stages: []stage{{locked(opens), func(p publication, c *channel) bool {
				return p.State == "waiting" && !p.InSession && len(c.wire(p.Slug, 0)) == 1 && c.isCaught()
			}}},
			wire: []string{"open", "bytes from 0"}, // the first session is an orphan without bytes
		},
		{
			name: "after the URI is committed, before the first byte", size: large,
			stages: []stage{{fault(stallAt(0, 0)), func(p publication, c *channel) bool { return sends(p) && c.stored(p.Slug) == 0 }}},
			wire:   []string{"ask", "bytes from 0", fmt.Sprintf("bytes from %d", second)},
		},
		{
			name: "mid-upload, twice", size: large, second: true,
			stages: []stage{
				{fault(stallAt(cut, 0)), func(p publication, c *channel) bool { return sends(p) && c.stored(p.Slug) == cut }},
				{fault(stallAt(cut, 1)), func(p publication, c *channel) bool { return mayBeThere(p) && c.stored(p.Slug) == 2*cut }},
			},
			wire: []string{"ask", fmt.Sprintf("bytes from %d", 2*cut)},
		},
		{
			name: "mid-upload, the channel stored less than it read", size: large,
			stages: []stage{{func(w *world, slug string) {
				fault(sandbox.Fault{Name: sandbox.CutChunk, Method: "session", After: cut + 70_000, Store: cut})(w, slug)
				fault(stallAt(1<<20, 2))(w, slug) // the first range and the question pass
			}, func(p publication, c *channel) bool { return mayBeThere(p) && c.stored(p.Slug) == cut+1<<20 }}},
			wire: []string{"ask", fmt.Sprintf("bytes from %d", cut+1<<20)},
		},
		{
			name: "last byte on its way, id not committed", size: large,
			stages: []stage{{fault(stallAt(large-second-1, 1)), func(p publication, c *channel) bool { return mayBeThere(p) && c.stored(p.Slug) == large-1 }}},
			wire:   []string{"ask", fmt.Sprintf("bytes from %d", large-1)},
		},
		{
			name: "last byte sent, its answer lost", size: small,
			stages: []stage{{lost, untold}},
			wire:   []string{"ask"},
		},
		{
			name: "last byte sent, its answer heard, id not committed", size: small,
			stages: []stage{{locked(sendsLast), untold}},
			wire:   []string{"ask"},
		},
		{
			name: "session gone, last byte never sent", size: large,
			stages: []stage{{fault(stallAt(cut, 0)), func(p publication, c *channel) bool { return sends(p) && c.stored(p.Slug) == cut }}},
			last:   fault(sandbox.Fault{Name: sandbox.ExpireSession, Method: "session"}),
			wire:   append([]string{"ask"}, again...),
		},
		{
			name: "session gone, last byte never sent, the next session not committed", size: large,
			stages: []stage{
				{fault(stallAt(cut, 0)), func(p publication, c *channel) bool { return sends(p) && c.stored(p.Slug) == cut }},
				{func(w *world, slug string) {
					fault(sandbox.Fault{Name: sandbox.ExpireSession, Method: "session"})(w, slug)
					w.locks(opens)
				}, func(p publication, c *channel) bool { return sends(p) && len(c.wire(p.Slug, 0)) == 4 && c.isCaught() }},
			},
			wire: append([]string{"ask"}, again...),
		},
		{
			name: "session gone, last byte sent, the video is there", size: small,
			stages: []stage{
				{lost, untold},
				{fault(sandbox.Fault{Name: sandbox.ExpireSession, Method: "session", Status: http.StatusGone}), settling},
				{func(w *world, _ string) { w.channel.stop(lists("playlistItems")) }, func(p publication, c *channel) bool {
					return settling(p, c) && c.isCaught() && !c.caughtAt().Before(p.Until) // never searched too soon
				}},
			},
			wire: nil, // found by the name of its file
		},
		{
			name: "session gone, last byte perhaps sent, no video", size: small,
			stages: []stage{
				{fault(stallAt(small-1, 0)), func(p publication, c *channel) bool { return mayBeThere(p) && c.stored(p.Slug) == small-1 }},
				{fault(sandbox.Fault{Name: sandbox.ExpireSession, Method: "session"}), settling},
			},
			wire: []string{"open", "bytes from 0"}, // only after the search found nothing
		},
		{
			name: "id committed, not processed yet", size: small,
			stages: []stage{{fault(sandbox.Fault{Name: sandbox.SlowProcessing, Delay: 1}), func(p publication, c *channel) bool {
				return p.State == "processing" && p.YoutubeID != "" && !p.InSession && c.videos(p.Slug)[0].UploadStatus == "uploaded"
			}}},
			wire: nil,
		},
		{
			name: "processed, not committed that it is out", size: small,
			stages: []stage{{locked(lists("videos")), func(p publication, c *channel) bool {
				return p.State == "processing" && p.Testimony == "approved" && c.isCaught()
			}}},
			wire: nil,
		},
	}
}

// The portal is killed in every window of an upload to the channel, while the
// channel lives. Afterwards there is one video, and on the wire nothing that was
// not needed: what the channel has is asked for before anything is sent, and
// bytes that it has are not sent again.
func TestChannelSideIsKilledInEachWindow(t *testing.T) {
	t.Parallel()
	c := newChannel(t, listen(t), "")
	w := newWorld(t, c, "")
	all := windows()
	films := make([]film, len(all))
	for i, one := range all {
		films[i] = newFilm(t, one.size)
	}
	ids := w.inReview("Finestra", films...)
	for i, one := range all {
		t.Log(one.name)
		w.through(one, ids[i])
	}
	if videos := len(c.State().Videos); videos != len(all) {
		t.Errorf("the channel has %d videos, want %d", videos, len(all))
	}
	c.wantNothingTwice(t)
	w.db.wantSound(t)
}

// through takes a testimony to the channel through a window.
func (w *world) through(one window, id int64) {
	w.t.Helper()
	ctx := w.t.Context()
	// What belongs to the one before is worked on beside it, and would be met by
	// the lock that holds a window open.
	w.until("nothing of earlier plans is left to do", func() (bool, error) {
		var left int
		err := w.db.one(ctx, `SELECT count(*) FROM publication_steps s JOIN publications p ON p.id = s.publication_id
			WHERE s.state = 'waiting' AND p.state = 'public'`, nil, &left)
		return left == 0, err
	})
	w.channel.Faults().Clear()
	w.channel.forget()
	slug, mark := "", 0
	for n, s := range one.stages {
		if n > 0 {
			mark = w.channel.mark()
		}
		s.arrange(w, slug)
		if n == 0 {
			w.must(w.staff.approve(ctx, id))
		} else {
			w.Run()
		}
		w.until(fmt.Sprintf("the window is open: %s (%d)", one.name, n+1), func() (bool, error) {
			p, err := w.db.publicationOf(ctx, id)
			slug = p.Slug
			return p.Slug != "" && s.open(p, w.channel), err
		})
		if one.second {
			w.wantOneWorker()
		}
		w.dead(fmt.Sprintf("%s (%d of %d); on the wire %q, %d bytes there", one.name, n+1, len(one.stages), w.channel.wire(slug, mark), w.channel.stored(slug)))
		if p := w.publication(id); !s.open(p, w.channel) {
			w.t.Errorf("%s: the window was shut by the time of the kill: %+v", one.name, p)
		}
		w.unlock()
	}
	if one.last != nil {
		one.last(w, slug)
	}
	mark = w.channel.mark()
	w.Run()
	w.wantOne(id)
	if diff := cmp.Diff(one.wire, w.channel.wire(slug, mark)); diff != "" {
		w.t.Errorf("%s: on the wire after the last start (-want +got):\n%s", one.name, diff)
	}
}

// wantOneWorker checks that a second portal on the same folder does not start:
// two must never send the same file.
func (w *world) wantOneWorker() {
	w.t.Helper()
	_, said, err := w.Try("serve", "--listen", "127.0.0.1:0")
	if err == nil || !strings.Contains(said, "already runs") {
		w.t.Errorf("a second portal started on the same folder: %v\n%s", err, said)
	}
}
