package publishing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// Rooms are what a Publisher is built on.
type Rooms struct {
	DB          *store.Store
	Testimonies *testimony.Store
	Registry    *territory.Registry
	Channels    *Channels // nil with VOCI_YOUTUBE=off
	Ledger      *Ledger
	Vault       string // folder of the originals
	Renditions  string // folder of the posters
	BaseURL     string
	Sandbox     bool // the channel is a sandbox: only there may samples go

	// Enqueue has Publish called for a publication in a lane after the commit of
	// tx, Wake has Tend called.
	Enqueue func(tx *gorm.DB, publicationID int64, lane Lane) error
	Wake    func(tx *gorm.DB) error
	// Rehearsing has Rehearse called for a rehearsal after the commit of tx; Clip
	// makes its file, a film of a length.
	Rehearsing func(tx *gorm.DB, rehearsalID int64) error
	Clip       func(ctx context.Context, path string, length time.Duration) error
	// Published notes inside tx that a testimony is out, and counts it.
	Published func(tx *gorm.DB, testimonyID int64) error
	// Adopted counts inside tx testimonies that were made of videos of the channel.
	Adopted func(tx *gorm.DB, testimonyIDs []int64) error
	// Gone runs inside the transaction that ends a withdrawn publication: nothing
	// of it is on the channel any more.
	Gone func(tx *gorm.DB, testimonyID int64) error
	// Say puts a message into Italian, for a town hall whose testimony the
	// channel refuses.
	Say func(fault.Message) string
	// Shown runs after a commit that changed what citizens see.
	Shown func()

	// PollEvery is the shortest wait between two looks at a video that YouTube
	// is processing; all other waits follow from it.
	PollEvery time.Duration
	// Grace is how long a withdrawn video stays on the channel, private, before
	// it is deleted for good.
	Grace time.Duration
	Clock func() time.Time
	Log   *slog.Logger
}

// Publisher takes publications a step further.
type Publisher struct {
	Rooms

	mu   sync.Mutex
	busy map[int64]bool // publications that a lane works on

	reconciling sync.Mutex // held while portal and channel are compared
}

// New makes a Publisher.
func New(r Rooms) *Publisher { return &Publisher{Rooms: r, busy: map[int64]bool{}} }

// take has a publication worked on by one lane at a time.
func (p *Publisher) take(id int64) (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[id] {
		return nil, false
	}
	p.busy[id] = true
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.busy, id)
	}, true
}

func (p *Publisher) now() time.Time { return p.Clock().UTC() }

// Plan makes or renews the publication of a testimony that was approved inside
// tx, and has it taken to the channel after the commit. One approved by its small
// version waits: only the full file goes to the channel.
func (p *Publisher) Plan(tx *gorm.DB, t *testimony.Testimony) error {
	if t.Video == nil {
		return fmt.Errorf("plan the publication of testimony %d: it has no file", t.ID)
	}
	var pub Publication
	err := tx.Where("testimony_id = ?", t.ID).Take(&pub).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return fmt.Errorf("plan the publication of testimony %d: %w", t.ID, err)
	}
	// What an earlier round left on the channel is taken away before the new
	// file is sent: see send.
	pub.TestimonyID, pub.VideoID, pub.WantedPrivacy, pub.PublishAt = t.ID, t.Video.ID, youtube.Privacy(t.Visibility), t.PublishAt
	pub.State, pub.Since, pub.Reason, pub.Until = Waiting, p.now(), testimony.Sentence{}, nil
	if t.OnlySmall() {
		pub.Reason = testimony.Sentence{Message: fault.Msg(waitsForFile)}
	}
	if pub.Slug == "" {
		pub.Slug, pub.Origin, pub.Verified = newSlug(), FromPortal, true
	}
	if err := tx.Save(&pub).Error; err != nil {
		return fmt.Errorf("plan the publication of testimony %d: %w", t.ID, err)
	}
	if err := p.replan(tx, t, &pub); err != nil {
		return err
	}
	if err := p.note(tx, audit.Portal, pub.ID, Waiting, pub.Reason); err != nil || pub.AwaitsFile() {
		return err
	}
	return p.Enqueue(tx, pub.ID, LaneSend)
}

// Remove has a testimony that was withdrawn inside tx taken off the channel. A
// publication of which nothing can have reached YouTube is over at once.
func (p *Publisher) Remove(tx *gorm.DB, t *testimony.Testimony) error {
	var pub Publication
	err := tx.Where("testimony_id = ?", t.ID).Take(&pub).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return p.Gone(tx, t.ID) // it never came so far
	}
	if err != nil {
		return fmt.Errorf("remove testimony %d from the channel: %w", t.ID, err)
	}
	next, more := Removing, map[string]any{"polls": 0}
	if pub.YoutubeID == nil && !pub.LastByteSent {
		next, more = Removed, forgetting(map[string]any{})
	}
	if _, err := p.change(tx, pub.ID, nil, next, testimony.Sentence{}, more); err != nil {
		return err
	}
	if next == Removed {
		return p.Gone(tx, t.ID)
	}
	return p.Enqueue(tx, pub.ID, LaneFollow)
}

// Return stops the publication of a testimony that goes back to its town hall
// inside tx. It returns fault.Conflict while its file may be on its way.
func (p *Publisher) Return(tx *gorm.DB, t *testimony.Testimony) error {
	var pub Publication
	if err := tx.Where("testimony_id = ?", t.ID).Take(&pub).Error; err != nil {
		return fmt.Errorf("stop the publication of testimony %d: %w", t.ID, err)
	}
	if pub.SessionSealed != nil || pub.LastByteSent || !in([]State{Waiting, Blocked}, pub.State) {
		return fault.New(fault.Conflict, "publishing.under_way")
	}
	_, err := p.change(tx, pub.ID, nil, Blocked, testimony.Sentence{Message: fault.Msg("publishing.sent_back")}, map[string]any{"until": nil})
	return err
}

// Retry has a blocked publication tried again. One whose video YouTube failed
// to make or refused is sent anew.
func (p *Publisher) Retry(ctx context.Context, actor string, id int64) error {
	return p.DB.Write(ctx, func(tx *gorm.DB) error {
		pub, err := get(tx, id)
		if err != nil {
			return err
		}
		if pub.State != Blocked {
			return fault.New(fault.Conflict, "publishing.not_blocked")
		}
		var state testimony.State
		if err := tx.Table("testimonies").Select("state").Where("id = ?", pub.TestimonyID).Scan(&state).Error; err != nil {
			return fmt.Errorf("read the state of testimony %d: %w", pub.TestimonyID, err)
		}
		if state != testimony.Approved && state != testimony.Published {
			return fault.New(fault.Conflict, "publishing.sent_back")
		}
		next, more := Waiting, map[string]any{"until": nil}
		if pub.YoutubeID != nil && (pub.Origin == FromChannel || !sendAgain(pub.Reason.Key)) {
			next, more = Processing, map[string]any{"polls": 0, "next_poll_at": p.now(), "uploaded_at": p.now()}
			// YouTube may have changed who may see it: it is asked again.
			if err := p.hasPrivacy(tx, id, string(pub.SeenPrivacy)); err != nil {
				return err
			}
			if err := p.Wake(tx); err != nil {
				return err
			}
		}
		if _, err := p.change(tx, id, []State{Blocked}, next, testimony.Sentence{}, more); err != nil {
			return err
		}
		if err := audit.Write(tx, p.now(), actor, "publication.retry", "publication", id, nil); err != nil {
			return err
		}
		return p.Enqueue(tx, id, laneOf(next))
	})
}

// Resume has every publication that waits or is under way tried now, inside
// the transaction that makes the channel usable.
func Resume(tx *gorm.DB, enqueue func(tx *gorm.DB, publicationID int64, lane Lane) error) error {
	var open []Publication
	err := tx.Select("id, state").Where("state IN ?", []State{Waiting, Sending, Processing, Removing}).Order("id").Find(&open).Error
	if err != nil {
		return fmt.Errorf("list the open publications: %w", err)
	}
	for _, pub := range open {
		if err := enqueue(tx, pub.ID, laneOf(pub.State)); err != nil {
			return err
		}
	}
	return nil
}

// Publish takes a publication as far as it goes now in a lane: to the channel,
// or through its processing and off the channel. It may be called at any time
// and again, also for one publication at once. An error of kind
// fault.Unavailable says until when there is nothing to do.
func (p *Publisher) Publish(ctx context.Context, id int64, lane Lane) error {
	leave, ok := p.take(id)
	if !ok {
		return later(p.now().Add(time.Second), "publishing.state.waiting", nil)
	}
	defer leave()
	for {
		pub, err := get(p.DB.Reader(ctx), id)
		if fault.Of(err) == fault.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		if laneOf(pub.State) != lane {
			return nil // whoever moved it there put it into the other lane
		}
		if pub.AwaitsFile() {
			return nil // Plan is called again when it is there
		}
		switch pub.State {
		case Waiting, Sending:
			if p.Channels == nil {
				return p.publishHere(ctx, pub)
			}
			err = p.send(ctx, pub)
		case Processing:
			err = p.look(ctx, pub)
		case Removing:
			err = p.remove(ctx, pub)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// hold notes why a publication waits, and returns the error that has its job
// wait as long.
func (p *Publisher) hold(ctx context.Context, pub *Publication, until time.Time, m fault.Message, cause error) error {
	state := pub.State
	_, err := p.update(ctx, pub.ID, []State{state}, state, testimony.Sentence{Message: m}, map[string]any{"until": until.UTC()})
	if err != nil {
		return err
	}
	e := fault.Wrap(cause, fault.Unavailable, m.Key)
	e.Until = until
	return e
}

// block notes what a person must do.
func (p *Publisher) block(ctx context.Context, pub *Publication, m fault.Message) error {
	p.Log.WarnContext(ctx, "publication blocked", "publication", pub.ID, "reason", m.Key)
	_, err := p.update(ctx, pub.ID, []State{Waiting, Sending, Processing, Removing}, Blocked, testimony.Sentence{Message: m}, nil)
	return err
}

// channelFailed notes the channel's trouble and lets the publication wait for
// the administrator, whose connecting again wakes it.
func (p *Publisher) channelFailed(ctx context.Context, pub *Publication, cause error) error {
	if err := p.Channels.Fail(ctx, cause); err != nil {
		return err
	}
	return p.hold(ctx, pub, p.now().Add(time.Hour), fault.Msg("publishing.waits_for_channel"), cause)
}
