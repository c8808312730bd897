package publishing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// RehearsalStage is how far a rehearsal is.
type RehearsalStage string

// The stages, in their order. Their names are in the database.
const (
	RehearsalBegun    RehearsalStage = "begun"
	RehearsalSending  RehearsalStage = "sending"
	RehearsalReading  RehearsalStage = "reading"
	RehearsalDeleting RehearsalStage = "deleting"
	RehearsalDone     RehearsalStage = "done"
)

const (
	// RehearsalLength is how long the clip is.
	RehearsalLength = 5 * time.Second
	// RehearsalCost is about what a rehearsal takes of the units, besides one of
	// the day's uploads: the channel, some looks, the removal.
	RehearsalCost = youtube.CostRead + 5*youtube.CostRead + youtube.CostWrite
	// rehearsalPatience is how long YouTube may take to make a video of the clip.
	rehearsalPatience = time.Hour
)

// Rehearsal is a private clip that goes to the channel, is read back and deleted:
// all of the way that testimonies go, without one.
type Rehearsal struct {
	ID         int64
	StartedAt  time.Time
	StartedBy  string
	ChannelID  string
	Slug       string
	Stage      RehearsalStage
	YoutubeID  *string
	Bytes      int64
	Reason     testimony.Sentence `gorm:"type:text"` // what went wrong; empty while nothing did
	FinishedAt *time.Time
}

// At tells whether a rehearsal is past a stage.
func (r Rehearsal) At(stage RehearsalStage) bool {
	order := []RehearsalStage{RehearsalBegun, RehearsalSending, RehearsalReading, RehearsalDeleting, RehearsalDone}
	now, asked := 0, 0
	for i, s := range order {
		if s == r.Stage {
			now = i
		}
		if s == stage {
			asked = i
		}
	}
	return now > asked
}

// LastRehearsal returns the newest rehearsal, nil if there was none.
func (p *Publisher) LastRehearsal(ctx context.Context) (*Rehearsal, error) {
	var r Rehearsal
	found := p.DB.Reader(ctx).Order("id DESC").Limit(1).Find(&r)
	if found.Error != nil {
		return nil, fmt.Errorf("read the last rehearsal: %w", found.Error)
	}
	if found.RowsAffected == 0 {
		return nil, nil
	}
	return &r, nil
}

// BeginRehearsal has a rehearsal run after the commit. It returns fault.Conflict
// while one runs, and fault.NotFound without a channel.
func (p *Publisher) BeginRehearsal(ctx context.Context, actor string) error {
	if p.Channels == nil {
		return fault.New(fault.NotFound, "publishing.channel.none")
	}
	channel, err := p.Channels.Current(ctx)
	if err != nil {
		return err
	}
	return p.DB.Write(ctx, func(tx *gorm.DB) error {
		var running int64
		if err := tx.Model(&Rehearsal{}).Where("finished_at IS NULL").Count(&running).Error; err != nil {
			return err
		}
		if running > 0 {
			return fault.New(fault.Conflict, "publishing.rehearsal.running")
		}
		r := Rehearsal{StartedAt: p.now(), StartedBy: actor, ChannelID: channel.ID, Slug: newSlug(), Stage: RehearsalBegun}
		if err := tx.Create(&r).Error; err != nil {
			return err
		}
		if err := audit.Write(tx, p.now(), actor, "channel.rehearsal", "channel", channel.ID, nil); err != nil {
			return err
		}
		return p.Rehearsing(tx, r.ID)
	})
}

// Rehearse takes a rehearsal as far as it goes now. It may be called at any time
// and again: whatever fails and whenever the portal dies, nothing of it stays on
// the channel. An error of kind fault.Unavailable says until when to wait.
func (p *Publisher) Rehearse(ctx context.Context, id int64) error {
	for {
		var r Rehearsal
		if err := p.DB.Reader(ctx).Take(&r, id).Error; err != nil {
			if errors.Is(err, gorm.ErrRecordNotFound) {
				return nil
			}
			return fmt.Errorf("read rehearsal %d: %w", id, err)
		}
		if r.FinishedAt != nil {
			return nil
		}
		if p.Channels == nil {
			return later(p.now().Add(time.Hour), "publishing.waits_for_channel", nil)
		}
		client, _, err := p.Channels.Client(ctx)
		if e, ok := errors.AsType[*fault.Error](err); ok {
			if r.YoutubeID == nil && r.Stage == RehearsalBegun {
				return p.endRehearsal(ctx, &r, e.Message)
			}
			return later(p.now().Add(time.Hour), "publishing.waits_for_channel", err) // the clip must come off the channel
		}
		if err != nil {
			return err
		}
		switch r.Stage {
		case RehearsalBegun:
			err = p.sendClip(ctx, client, &r)
		case RehearsalSending:
			err = p.findClip(ctx, client, &r)
		case RehearsalReading:
			err = p.readClip(ctx, client, &r)
		case RehearsalDeleting:
			err = p.deleteClip(ctx, client, &r)
		}
		if err != nil {
			return err
		}
	}
}

func (p *Publisher) toStage(ctx context.Context, r *Rehearsal, stage RehearsalStage, more map[string]any) error {
	values := map[string]any{"stage": stage}
	for name, v := range more {
		values[name] = v
	}
	err := p.DB.Write(context.WithoutCancel(ctx), func(tx *gorm.DB) error {
		return tx.Model(&Rehearsal{}).Where("id = ?", r.ID).Updates(values).Error
	})
	if err != nil {
		return fmt.Errorf("take rehearsal %d to %s: %w", r.ID, stage, err)
	}
	return nil
}

// endRehearsal ends one of which nothing is on the channel, with what went wrong
// first.
func (p *Publisher) endRehearsal(ctx context.Context, r *Rehearsal, why fault.Message) error {
	if r.Reason.Key != "" {
		why = r.Reason.Message
	}
	return p.toStage(ctx, r, RehearsalDone, map[string]any{"finished_at": p.now(), "reason": testimony.Sentence{Message: why}})
}

// sendClip makes the clip and sends it. That it is being sent is written down
// before anything leaves.
func (p *Publisher) sendClip(ctx context.Context, client *youtube.Client, r *Rehearsal) error {
	path := filepath.Join(p.Renditions, "rehearsal-"+strings.TrimSuffix(r.Slug, ".mp4")+".mp4")
	defer func() {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			p.Log.WarnContext(ctx, "the clip of a rehearsal stays on the disk", "error", err)
		}
	}()
	if err := p.Clip(ctx, path, RehearsalLength); err != nil {
		p.Log.ErrorContext(ctx, "the clip of a rehearsal cannot be made", "error", err)
		return p.endRehearsal(ctx, r, fault.Msg("publishing.rehearsal.no_clip"))
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open the clip of a rehearsal: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open the clip of a rehearsal: %w", err)
	}
	r.Bytes = info.Size()
	if err := p.toStage(ctx, r, RehearsalSending, map[string]any{"bytes": r.Bytes}); err != nil {
		return err
	}
	keep := func(context.Context, youtube.Session) error { return nil } // a clip is not gone on with, it is looked for
	v, err := client.Upload(ctx, youtube.Upload{
		Metadata: youtube.Metadata{
			Title: "Prova generale di Voci in Comune", Description: "Un video di prova del portale: si cancella da solo.",
			CategoryID: category, Language: "it", Privacy: youtube.Private,
		},
		File: f, Size: r.Bytes, ContentType: "video/mp4", Slug: r.Slug,
	}, youtube.Session{}, keep, nil)
	if err != nil {
		return p.clipNotSent(ctx, r, err)
	}
	return p.toStage(ctx, r, RehearsalReading, map[string]any{"youtube_id": v.ID})
}

// clipNotSent ends a rehearsal whose clip surely did not get to the channel;
// otherwise it is looked for.
func (p *Publisher) clipNotSent(ctx context.Context, r *Rehearsal, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	why, sure := p.whyNot(ctx, err)
	p.Log.WarnContext(ctx, "a rehearsal failed", "rehearsal", r.ID, "error", err)
	if sure {
		return p.endRehearsal(ctx, r, why)
	}
	return p.toStage(ctx, r, RehearsalSending, map[string]any{"reason": testimony.Sentence{Message: why}})
}

// whyNot is a failure in words, and whether it says for sure that nothing was
// published.
func (p *Publisher) whyNot(ctx context.Context, err error) (why fault.Message, sure bool) {
	if e, ok := spentUp(err); ok {
		return e.Message, true
	}
	switch youtube.ClassOf(err) {
	case youtube.ClassDisconnected, youtube.ClassUnauthorized:
		if e := p.Channels.Fail(ctx, err); e != nil {
			p.Log.ErrorContext(ctx, "the channel's trouble cannot be noted", "error", e)
		}
		return fault.Msg(troubleOf(err)), true
	case youtube.ClassUploadsQuota:
		return fault.Msg("publishing.quota.uploads", "Until", youtube.NextReset(p.now())), true
	case youtube.ClassUnitsQuota:
		return fault.Msg("publishing.quota.units", "Until", youtube.NextReset(p.now())), true
	case youtube.ClassChannelLimit:
		return fault.Msg("publishing.channel_limit", "Until", p.now().Add(channelLimit)), true
	case youtube.ClassMetadata, youtube.ClassPermanent:
		reason := "?"
		if y, ok := errors.AsType[*youtube.Error](err); ok {
			reason = y.Reason
		}
		return fault.Msg("publishing.refused", "Reason", reason), true
	}
	return fault.Msg("publishing.trouble.unreachable"), false
}

// findClip looks for the clip of a rehearsal that was cut off while it was sent.
func (p *Publisher) findClip(ctx context.Context, client *youtube.Client, r *Rehearsal) error {
	settled := r.StartedAt.Add(settling * p.PollEvery)
	if settled.After(p.now()) {
		return later(settled, "publishing.rehearsal.running", nil)
	}
	id, found, err := client.FindUpload(ctx, r.Slug, r.Bytes, r.StartedAt)
	switch {
	case errors.Is(err, youtube.ErrUnsure) && p.now().Sub(r.StartedAt) < unsureFor, err != nil && !errors.Is(err, youtube.ErrUnsure):
		return later(p.now().Add(settling*p.PollEvery), "publishing.rehearsal.running", err)
	case found:
		return p.toStage(ctx, r, RehearsalDeleting, map[string]any{"youtube_id": id, "reason": p.orCut(r)})
	}
	return p.endRehearsal(ctx, r, p.orCut(r).Message)
}

// orCut is what went wrong, which without another reason is that the portal
// stopped.
func (p *Publisher) orCut(r *Rehearsal) testimony.Sentence {
	if r.Reason.Key != "" {
		return r.Reason
	}
	return testimony.Sentence{Message: fault.Msg("publishing.rehearsal.cut")}
}

// readClip compares what is on the channel with what was sent.
func (p *Publisher) readClip(ctx context.Context, client *youtube.Client, r *Rehearsal) error {
	found, err := client.Videos(ctx, []string{*r.YoutubeID}, youtube.PartStatus, youtube.PartContentDetails, youtube.PartProcessingDetails)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if p.now().Sub(r.StartedAt) < rehearsalPatience {
			return later(p.now().Add(p.wait(1)), "publishing.rehearsal.running", err)
		}
		why, _ := p.whyNot(ctx, err)
		return p.toStage(ctx, r, RehearsalDeleting, map[string]any{"reason": testimony.Sentence{Message: why}})
	}
	v, listed := found[*r.YoutubeID]
	done := listed && v.UploadStatus != "uploaded"
	if !done && p.now().Sub(r.StartedAt) < rehearsalPatience {
		return later(p.now().Add(p.wait(0)), "publishing.rehearsal.running", nil)
	}
	var why fault.Message
	switch {
	case !listed:
		why = fault.Msg("publishing.rehearsal.not_listed")
	case v.UploadStatus != "processed":
		why = fault.Msg("publishing.rehearsal.not_processed")
	case v.Privacy != youtube.Private:
		why = fault.Msg("publishing.rehearsal.privacy")
	case v.Duration > 0 && (v.Duration-RehearsalLength).Abs() > durationSlack:
		why = fault.Msg("publishing.duration", "Ours", int64(RehearsalLength.Seconds()), "Theirs", int64(v.Duration.Seconds()))
	}
	return p.toStage(ctx, r, RehearsalDeleting, map[string]any{"reason": testimony.Sentence{Message: why}})
}

// deleteClip takes the clip off the channel, and does not give up.
func (p *Publisher) deleteClip(ctx context.Context, client *youtube.Client, r *Rehearsal) error {
	err := client.Delete(ctx, *r.YoutubeID)
	if err != nil && youtube.ClassOf(err) != youtube.ClassNotFound {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if e, ok := spentUp(err); ok {
			return later(e.Until, "publishing.rehearsal.running", err)
		}
		return later(p.now().Add(p.wait(len(pollSteps))), "publishing.rehearsal.running", err) // each try costs its price
	}
	return p.endRehearsal(ctx, r, fault.Message{})
}
