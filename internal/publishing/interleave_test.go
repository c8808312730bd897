package publishing_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

var (
	interleavings = flag.Int("interleavings", 2000, "how many random orders of events TestAnyOrderOfEvents tries")
	firstSeed     = flag.Uint64("seed", 0, "the first order of events of TestAnyOrderOfEvents; it says which failed")
)

// TestAnyOrderOfEvents lets faults of the wire, kills, edits here and in Studio,
// schedules, comparisons, remedies and withdrawals meet in any order, then lets the portal come to rest, and looks:
// never two videos of one testimony at any time, none lost, none public or kept
// that was withdrawn.
func TestAnyOrderOfEvents(t *testing.T) {
	const groups = 8
	for g := range groups {
		t.Run(fmt.Sprint(g), func(t *testing.T) {
			t.Parallel()
			for i := g; i < *interleavings; i += groups {
				seed := *firstSeed + uint64(i)
				if !t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { anyOrder(t, seed) }) {
					return
				}
			}
		})
	}
}

// chaos is a world in which anything happens.
type chaos struct {
	*world
	dice *rand.Rand

	killIn   int // requests until the portal dies; 0 for not
	after    bool
	dead     bool
	stop     context.CancelFunc
	ids      []int64
	withdrew map[int64]bool
	deleted  bool             // somebody deleted a video in Studio; of two, nobody would believe it
	files    map[string]int64 // testimony by the digest of its file
}

func anyOrder(t *testing.T, seed uint64) {
	c := &chaos{dice: rand.New(rand.NewPCG(seed, 1)), withdrew: map[int64]bool{}, files: map[string]int64{}}
	c.world = newWorld(t, c.middleware)
	for range 1 + c.dice.IntN(2) {
		c.file = movie(youtube.RangeUnit+1000+len(c.ids), seconds)
		made := c.approved()
		c.poster(made.ID, "poster.jpg")
		c.replan(made.ID)
		c.ids, c.files[sum(c.file)] = append(c.ids, made.ID), made.ID
	}
	if c.dice.IntN(3) == 0 { // what happens to those that are out
		c.run()
	}
	for range 10 + c.dice.IntN(25) {
		c.event()
		c.oneVideoEach()
		if t.Failed() {
			return
		}
	}
	c.rest()
}

// middleware kills the portal before or after a request is answered.
func (c *chaos) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.killIn > 0 {
			if c.killIn--; c.killIn == 0 {
				if c.after {
					next.ServeHTTP(discard{}, r)
				}
				c.kill()
				panic(http.ErrAbortHandler)
			}
		}
		next.ServeHTTP(w, r)
	})
}

// discard is an answer that nobody reads.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// kill ends the portal between two instructions: nothing is written any more.
func (c *chaos) kill() {
	c.dead = true
	_ = c.db.Close() // what is under way fails, as it does when a process dies
	c.stop()
}

// work does one thing that the portal does by itself, and starts it again if it
// died.
func (c *chaos) work(do func(ctx context.Context) error) {
	c.t.Helper()
	ctx, stop := context.WithCancel(c.t.Context())
	defer stop()
	c.stop = stop
	err := do(ctx)
	if !c.dead {
		return
	}
	c.t.Logf("killed: %v", err)
	c.dead, c.killIn = false, 0
	db, err := store.Open(c.t.Context(), c.path)
	if err != nil {
		c.t.Fatal(err)
	}
	c.db = db
	c.rooms()
}

func (c *chaos) stepOn() {
	if len(c.queue) == 0 {
		return
	}
	c.settle()
	i := c.dice.IntN(len(c.queue))
	one := c.queue[i]
	c.work(func(ctx context.Context) error {
		err := c.publisher.Publish(ctx, one.id, one.lane)
		if err == nil && !c.dead {
			c.queue = slices.DeleteFunc(c.queue, func(w work) bool { return w == one })
			// It may have put itself into the queue again while it ran.
			c.queue = append(c.queue, c.again...)
		}
		c.again = nil
		return err
	})
}

func (c *chaos) event() {
	id := c.ids[c.dice.IntN(len(c.ids))]
	n := c.dice.IntN(112)
	defer func() {
		pub := c.publication(id)
		c.t.Logf("%s event %d of %d: %s %s, youtube %v, last byte %t, queue %v", c.now.Format(time.DateTime), n, id, pub.State, pub.Reason.Key, pub.YoutubeID != nil, pub.LastByteSent, c.queue)
	}()
	switch {
	case n < 38:
		c.stepOn()
	case n < 52:
		c.work(func(ctx context.Context) error {
			_, err := c.publisher.Tend(ctx)
			return err
		})
	case n < 66:
		c.now = c.now.Add(time.Duration(c.dice.IntN(20*60)) * time.Second)
	case n < 68:
		c.now = youtube.NextReset(c.now)
	case n < 78:
		c.breakSomething()
	case n < 86:
		c.killIn, c.after = 1+c.dice.IntN(6), c.dice.IntN(2) == 0
	case n < 92:
		c.edit(id)
	case n < 95:
		if !c.withdrew[id] {
			if _, err := c.testimonies.Withdraw(c.t.Context(), "test", balme, id, testimony.Withdrawal{Reason: "ripensamento"}); err != nil {
				c.t.Fatal(err)
			}
			c.withdrew[id] = true
		}
	case n < 100:
		c.retry(id)
	case n < 104:
		c.inStudio(id)
	default:
		c.reconcile()
	}
}

// inStudio is what somebody does to a video past the portal.
func (c *chaos) inStudio(id int64) {
	pub := c.publication(id)
	there := func(v sandbox.VideoState) bool { return pub.YoutubeID != nil && v.ID == *pub.YoutubeID }
	if !slices.ContainsFunc(c.sandbox.State().Videos, there) {
		return
	}
	switch n := c.dice.IntN(3); {
	case n == 0 && !c.deleted:
		c.deleted = true
		c.studio(id, sandbox.StudioEdit{Delete: true})
	case n == 1 && !c.withdrew[id]: // what is withdrawn is private, and stays so
		c.studio(id, sandbox.StudioEdit{Privacy: []string{"unlisted", "private"}[c.dice.IntN(2)]})
	default:
		title := fmt.Sprintf("Da Studio %d", c.dice.IntN(1000))
		c.studio(id, sandbox.StudioEdit{Title: &title})
	}
}

// reconcile compares portal and channel, and sometimes settles something.
func (c *chaos) reconcile() {
	c.work(func(ctx context.Context) error {
		_, err := c.publisher.Reconcile(ctx)
		return err
	})
	list, _, err := c.publisher.Findings(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, f := range list {
		remedy := f.Remedies[c.dice.IntN(len(f.Remedies))]
		if c.dice.IntN(2) == 0 || remedy == publishing.Withdraw || remedy == publishing.Ignore {
			continue
		}
		c.work(func(ctx context.Context) error {
			err := c.publisher.Settle(ctx, "test", f.Finding.ID, remedy, "")
			c.t.Logf("%s of %s: %v", remedy, f.Kind, err)
			return err
		})
	}
}

// mend does what staff do with the list of differences: what is suggested.
func (c *chaos) mend() {
	c.t.Helper()
	for range 4 {
		c.fail(sandbox.Fault{Name: sandbox.FillBuckets})
		c.now = c.now.Add(25 * time.Hour)
		if _, err := c.publisher.Reconcile(c.t.Context()); err != nil {
			c.t.Errorf("compare: %v", err)
		}
		list, _, err := c.publisher.Findings(c.t.Context())
		if err != nil {
			c.t.Fatal(err)
		}
		missed := func(id int64) bool { return c.publication(id).MissedAt != nil }
		if len(list) == 0 && !slices.ContainsFunc(c.ids, missed) {
			return
		}
		for _, f := range list {
			c.t.Logf("%s of %s", f.Remedies[0], f.Kind)
			if err := c.publisher.Settle(c.t.Context(), "test", f.Finding.ID, f.Remedies[0], ""); err != nil {
				c.t.Errorf("%s of %s: %v", f.Remedies[0], f.Kind, err)
			}
		}
		c.run()
	}
}

func (c *chaos) breakSomething() {
	methods := []string{
		"session", "videos.insert", "videos.list", "videos.update", "videos.delete", "channels.list", "playlists.list", "playlists.insert",
		"playlistItems.list", "playlistItems.insert", "playlistItems.delete", "thumbnails.set",
	}
	method := methods[c.dice.IntN(len(methods))]
	faults := []sandbox.Fault{
		{Name: sandbox.CutChunk, After: 1000, Store: int64(c.dice.IntN(1000))},
		{Name: sandbox.PartialChunk, Store: 100_000},
		{Name: sandbox.LoseFinal},
		{Name: sandbox.LoseInitial},
		{Name: sandbox.ExpireSession, Method: "session", Skip: c.dice.IntN(3)},
		{Name: sandbox.Unavailable, Method: method, RetryAfter: c.dice.IntN(300), Times: 1 + c.dice.IntN(4)},
		{Name: sandbox.InternalError, Method: method, Times: 1 + c.dice.IntN(4)},
		{Name: sandbox.Unauthorized, Method: method},
		{Name: sandbox.SlowProcessing, Delay: float64(c.dice.IntN(4000))},
		{Name: sandbox.FailProcessing},
		{Name: sandbox.ForcePrivate},
		{Name: sandbox.Vanish, Method: "videos.list", Times: 1 + c.dice.IntN(3)},
		{Name: sandbox.UploadLimit},
		{Name: sandbox.ThumbnailLimit},
		{Name: sandbox.WrongChannel, Method: "channels.list"},
		{Name: sandbox.EmptyBucket, Bucket: []string{"units", "uploads"}[c.dice.IntN(2)]},
	}
	one := faults[c.dice.IntN(len(faults))]
	c.t.Logf("breaks: %+v", one)
	c.fail(one)
}

func (c *chaos) edit(id int64) {
	if c.withdrew[id] {
		return
	}
	switch c.dice.IntN(4) {
	case 0:
		c.exec(`UPDATE testimonies SET title = ? WHERE id = ?`, fmt.Sprintf("Titolo %d", c.dice.IntN(1000)), id)
	case 1:
		c.exec(`UPDATE testimonies SET visibility = ? WHERE id = ?`, []string{"public", "unlisted", "private"}[c.dice.IntN(3)], id)
	case 2:
		c.exec(`DELETE FROM testimony_themes WHERE testimony_id = ?`, id)
		c.exec(`INSERT INTO testimony_themes VALUES (?, ?)`, id, 1+c.dice.IntN(6))
	case 3:
		c.exec(`UPDATE testimonies SET publish_at = ? WHERE id = ? AND published_at IS NULL`, c.now.Add(time.Duration(c.dice.IntN(3000))*time.Second), id)
	}
	c.replan(id)
}

// retry does what staff do: connect the channel again, press the button.
func (c *chaos) retry(id int64) {
	if c.dead {
		return
	}
	if ch, err := c.channels.Current(c.t.Context()); err == nil && ch.Trouble != "" {
		c.work(func(ctx context.Context) error { return c.channels.Check(ctx) })
	}
	pub := c.publication(id)
	_ = c.publisher.Retry(c.t.Context(), "test", pub.ID) // refused where there is nothing to retry
	_ = c.publisher.RetrySteps(c.t.Context(), pub.ID)
}

// oneVideoEach checks what must hold at any moment.
func (c *chaos) oneVideoEach() {
	c.t.Helper()
	c.settle()
	seen := map[int64]string{}
	for _, v := range c.sandbox.State().Videos {
		id, ours := c.files[v.SHA256]
		if !ours {
			c.t.Errorf("a video with bytes of nobody: %+v", v)
		}
		if other := seen[id]; other != "" {
			c.t.Errorf("testimony %d has two videos, %s and %s", id, other, v.ID)
		}
		seen[id] = v.ID
	}
}

// rest lets the portal come to rest without further faults, with staff at hand,
// and checks what is there.
func (c *chaos) rest() {
	c.t.Helper()
	c.killIn = 0
	c.sandbox.Faults().Clear()
	for range 12 {
		c.fail(sandbox.Fault{Name: sandbox.FillBuckets})
		c.now = youtube.NextReset(c.now) // ours are full again too
		for _, id := range c.ids {
			c.retry(id)
		}
		c.run()
		if !slices.ContainsFunc(c.ids, func(id int64) bool { return c.publication(id).State == publishing.Blocked }) {
			break
		}
	}
	c.mend()
	c.oneVideoEach()
	videos := map[int64]sandbox.VideoState{}
	for _, v := range c.sandbox.State().Videos {
		videos[c.files[v.SHA256]] = v
	}
	for _, id := range c.ids {
		v, there := videos[id]
		pub, said := c.publication(id), c.testimony(id)
		switch {
		case c.withdrew[id]:
			if there || pub.State != publishing.Removed || said.State != testimony.Withdrawn {
				c.t.Errorf("testimony %d was withdrawn: its video is there: %t (%s), the publication is %s because of %s", id, there, v.Privacy, pub.State, pub.Reason.Key)
			}
		case !there:
			c.t.Errorf("the video of testimony %d is lost: %+v", id, pub)
		default:
			if pub.State != publishing.Public || pub.YoutubeID == nil || *pub.YoutubeID != v.ID || said.State != testimony.Published {
				c.t.Errorf("testimony %d is %s, its publication %s because of %s: %+v", id, said.State, pub.State, pub.Explain().Key, pub)
			}
			if v.Privacy != string(said.Visibility) || v.Title != said.Title {
				c.t.Errorf("testimony %d is %s and called %q, on the channel %s and %q", id, said.Visibility, said.Title, v.Privacy, v.Title)
			}
			for name, state := range c.steps(id) {
				if state != publishing.StepDone {
					c.t.Errorf("step %s of testimony %d is %s", name, id, state)
				}
			}
		}
	}
}
