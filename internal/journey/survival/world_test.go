package survival

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/journey/portal"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// world is a portal, the channel that it publishes on, a town hall and an
// administrator.
type world struct {
	t *testing.T
	*portal.Portal
	channel *channel // nil: the portal's own sandbox, which dies with it
	db      database
	hall    *person
	staff   *person
	films   map[int64]film    // by testimony
	held    chan func() error // gives back the database
}

// newWorld starts a portal on a channel, which an administrator connects.
func newWorld(t *testing.T, c *channel, through string) *world {
	t.Helper()
	w := &world{t: t, channel: c, films: map[int64]film{}, held: make(chan func() error, 1)}
	env := []string{"VOCI_POLL_EVERY=100ms"}
	if c != nil {
		env = c.settings(through)
	}
	w.Portal = portal.Start(t, env...)
	w.db = database{filepath.Join(w.Data, "voci.db")}
	w.staff = signIn(t, w.Base, w.SignIn)
	w.hall = signIn(t, w.Base, w.Command("link", "--municipality", "001272"))
	if c != nil {
		w.staff.connect(t)
	}
	return w
}

// kill ends the portal at once, says where that hit, and starts it again.
func (w *world) kill(window string) {
	w.t.Helper()
	w.dead(window)
	w.Run()
}

// dead ends the portal at once.
func (w *world) dead(window string) {
	w.t.Helper()
	w.Kill()
	w.t.Logf("killed: %s", window)
}

// locks holds the database from the next request of a kind on, so that what its
// answer says cannot be committed.
func (w *world) locks(is func(*http.Request) bool) {
	w.channel.on(is, func(r *http.Request) {
		release, err := w.db.hold(r.Context())
		if err != nil {
			w.t.Error(err)
			return
		}
		w.held <- release
	})
}

// unlock gives back what locks took.
func (w *world) unlock() {
	w.t.Helper()
	select {
	case release := <-w.held:
		w.must(release())
	default: // it took nothing
	}
}

// until waits for a condition.
func (w *world) until(what string, ok func() (bool, error)) {
	w.t.Helper()
	if err := until(w.t.Context(), what, ok); err != nil {
		w.t.Fatalf("%v\n%s", err, w.tail())
	}
}

// came waits for something to happen.
func (w *world) came(what string, c <-chan struct{}) {
	w.t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		w.t.Fatalf("never came: %s\n%s", what, w.tail())
	}
}

func (w *world) tail() string {
	text := w.Console()
	return text[max(0, len(text)-4000):]
}

// must fails on an error.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%v\n%s", err, w.tail())
	}
}

// draft starts a testimony that will have a film.
func (w *world) draft(title string, f film) int64 {
	w.t.Helper()
	id := w.hall.draft(w.t, title)
	w.films[id] = f
	return id
}

// uploads is the address where the portal receives files.
func (w *world) uploads() string { return w.Base + "/caricamenti/" }

// inReview sends films on a good line and asks for their review; it returns the
// testimonies when all are before a moderator.
func (w *world) inReview(title string, films ...film) []int64 {
	w.t.Helper()
	ctx := w.t.Context()
	var ids []int64
	for i, f := range films {
		id := w.draft(fmt.Sprintf("%s %d", title, i+1), f)
		ids = append(ids, id)
		w.must(w.hall.send(ctx, id, f, w.uploads(), -1).wait(ctx))
		w.must(w.hall.askReview(ctx, id))
	}
	for _, id := range ids {
		w.untilTestimony(id, "in_review")
	}
	return ids
}

func (w *world) untilTestimony(id int64, state string) {
	w.t.Helper()
	w.until(fmt.Sprintf("testimony %d is %s", id, state), func() (bool, error) {
		p, err := w.db.publicationOf(w.t.Context(), id)
		return p.Testimony == state, err
	})
}

// publication is what the portal has committed of a testimony.
func (w *world) publication(id int64) publication {
	w.t.Helper()
	p, err := w.db.publicationOf(w.t.Context(), id)
	w.must(err)
	return p
}

// wantOne checks that a testimony is out, that exactly one video came of it,
// equal to the film, and that nobody was asked for anything twice.
func (w *world) wantOne(ids ...int64) {
	w.t.Helper()
	for _, id := range ids {
		w.untilTestimony(id, "published")
		p := w.publication(id)
		if p.State != "public" || p.InSession {
			w.t.Errorf("testimony %d: the publication is %+v", id, p)
		}
		videos := w.videos(p.Slug)
		if len(videos) != 1 {
			w.t.Fatalf("testimony %d: there are %d videos, want exactly one: %+v", id, len(videos), videos)
		}
		v, f := videos[0], w.films[id]
		if v.ID != p.YoutubeID || v.SHA256 != f.sum || v.Size != f.size {
			w.t.Errorf("testimony %d: the video is %s, %d bytes, SHA-256 %s; want %s, %d, %s", id, v.ID, v.Size, v.SHA256, p.YoutubeID, f.size, f.sum)
		}
		w.wantAskedOnce(id)
		w.wantVault(id)
	}
}

// wantAskedOnce checks that each thing that people do was done once, by them
// and in the trail.
func (w *world) wantAskedOnce(id int64) {
	w.t.Helper()
	if n := w.hall.count(fmt.Sprintf("/comune/testimonianze/%d/invia", id)); n > 1 {
		w.t.Errorf("testimony %d: review was asked for %d times", id, n)
	}
	if n := w.staff.count(fmt.Sprintf("/redazione/revisione/%d/approva", id)); n > 1 {
		w.t.Errorf("testimony %d: it was approved %d times", id, n)
	}
	trail, err := w.db.all(w.t.Context(), `SELECT action FROM audit WHERE subject = 'testimony' AND subject_id = ?
		AND action IN ('video.received', 'video.ready', 'testimony.in_review', 'testimony.approved', 'testimony.published') ORDER BY id`, id)
	w.must(err)
	want := []string{"video.received", "video.ready", "testimony.in_review", "testimony.approved", "testimony.published"}
	if diff := cmp.Diff(want, trail); diff != "" {
		w.t.Errorf("testimony %d: its trail (-want +got):\n%s", id, diff)
	}
}

// wantVault checks that the vault holds the file once, as it was chosen, and
// that nothing is left among the uploads.
func (w *world) wantVault(id int64) {
	w.t.Helper()
	var name string
	var n int
	w.must(w.db.one(w.t.Context(), `SELECT max(original), count(*) FROM videos WHERE testimony_id = ?`, []any{id}, &name, &n))
	if n != 1 {
		w.t.Errorf("testimony %d: it has %d files", id, n)
	}
	data, err := os.ReadFile(filepath.Join(w.Data, "vault", name))
	w.must(err)
	if got := sum(data); got != w.films[id].sum {
		w.t.Errorf("testimony %d: the vault holds %d bytes with SHA-256 %s, want %s", id, len(data), got, w.films[id].sum)
	}
	if st, err := os.Stat(filepath.Join(w.Data, "uploads", strings.TrimSuffix(name, ".bin"))); err == nil {
		w.t.Errorf("testimony %d: %d bytes are left among the uploads", id, st.Size())
	}
}

// videos are those that came of an upload.
func (w *world) videos(slug string) []sandbox.VideoState {
	w.t.Helper()
	state := w.Channel
	if w.channel != nil {
		state = w.channel.State
	}
	return slices.DeleteFunc(state().Videos, func(v sandbox.VideoState) bool { return v.FileName != slug })
}

// count is how many posts to a path were answered.
func (p *person) count(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.acts[path]
}

// onDisk is how much of an upload lies among the uploads, and whether the whole
// is in the vault.
func (w *world) onDisk(uploadID string) (arrived int64, inVault bool) {
	if uploadID == "" {
		return 0, false
	}
	if st, err := os.Stat(filepath.Join(w.Data, "uploads", uploadID)); err == nil {
		arrived = st.Size()
	}
	st, err := os.Stat(filepath.Join(w.Data, "vault", uploadID+".bin"))
	if err == nil {
		arrived, inVault = st.Size(), true
	}
	return arrived, inVault
}

// killSending ends the portal while a browser sends, notes what had arrived, and
// starts it again: what is on the disk must not be asked for again.
func (w *world) killSending(s *sending, window string) {
	w.t.Helper()
	w.Kill()
	arrived, _ := w.onDisk(s.uploadID())
	s.mu.Lock()
	s.arrived = max(s.arrived, arrived)
	select {
	case <-s.gone:
	default:
		close(s.gone)
	}
	handed := s.handed
	s.mu.Unlock()
	w.t.Logf("killed: %s; %d bytes had left, %d were on the disk, of %d", window, handed, arrived, s.film.size)
	w.Run()
}
