package publishing

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// remove takes a withdrawn testimony off the channel: its video is made private
// at once, its entries go out of the playlists, and after the time of grace it
// is deleted, with its captions. It does not give up: what a person took back
// must not stay because of an outage.
func (p *Publisher) remove(ctx context.Context, pub *Publication) error {
	if p.Channels == nil {
		return p.hold(ctx, pub, p.now().Add(time.Hour), fault.Msg("publishing.waits_for_channel"), nil)
	}
	if pub.YoutubeID == nil {
		return p.findLast(ctx, pub)
	}
	wrong, err := p.verify(ctx, pub)
	if k := fault.Of(err); k == fault.NotFound || k == fault.Conflict || k == fault.Unavailable {
		return p.hold(ctx, pub, p.now().Add(time.Hour), fault.Msg("publishing.waits_for_channel"), err)
	}
	if err != nil {
		return err
	}
	if wrong != nil && pub.YoutubeID == nil { // nothing of it was ever on the channel
		return p.gone(ctx, pub)
	}
	if pub.HiddenAt == nil {
		if gone, err := p.hide(ctx, pub); err != nil || gone {
			return err
		}
	}
	if err := p.takeOutOfLists(ctx, pub); err != nil {
		return err
	}
	if pub.DeleteAt.After(p.now()) {
		return p.hold(ctx, pub, *pub.DeleteAt, fault.Msg("publishing.hidden", "Until", *pub.DeleteAt), nil)
	}
	if err := p.delete(ctx, pub); err != nil {
		return err
	}
	return p.gone(ctx, pub)
}

// hide makes the video private, whatever is left of its plan. gone means that
// it is not on the channel any more.
func (p *Publisher) hide(ctx context.Context, pub *Publication) (gone bool, err error) {
	client, err := p.openFor(ctx, pub)
	if err != nil {
		return false, err
	}
	v, err := client.Hide(ctx, *pub.YoutubeID)
	switch class := youtube.ClassOf(err); {
	case class == youtube.ClassNotFound:
		return true, p.gone(ctx, pub)
	case class == youtube.ClassPermanent, class == youtube.ClassMetadata:
		return false, p.hold(ctx, pub, p.now().Add(time.Hour), fault.Msg("publishing.not_hidden"), err)
	case err != nil:
		return false, p.notSeen(ctx, pub, err)
	case v.Privacy != youtube.Private:
		return false, p.hold(ctx, pub, p.now().Add(time.Hour), fault.Msg("publishing.not_hidden"), nil)
	}
	now := p.now()
	until := now.Add(p.Grace)
	pub.HiddenAt, pub.DeleteAt = &now, &until
	_, err = p.update(ctx, pub.ID, []State{Removing}, Removing, testimony.Sentence{},
		map[string]any{"hidden_at": now, "delete_at": until, "seen_privacy": v.Privacy, "seen_at": now})
	return false, err
}

// takeOutOfLists removes the entries of the video from our playlists: those of a
// deleted video would stay as holes.
func (p *Publisher) takeOutOfLists(ctx context.Context, pub *Publication) error {
	steps, err := stepsOf(p.DB.Reader(ctx), pub.ID)
	if err != nil {
		return err
	}
	for _, s := range steps {
		if s.Kind != StepPlaylist || (s.Wanted == "" && s.Had == "") {
			continue
		}
		client, err := p.openFor(ctx, pub)
		if err != nil {
			return err
		}
		s.Wanted = ""
		_, _, err = p.setPlaylist(ctx, client, &s, nil, *pub.YoutubeID)
		if class := youtube.ClassOf(err); err != nil && class != youtube.ClassNotFound && class != youtube.ClassPermanent {
			return p.notSeen(ctx, pub, err)
		}
		if err := p.updateStep(ctx, &s, map[string]any{"wanted": "", "had": "", "remote_id": "", "tries": 0}); err != nil {
			return err
		}
	}
	return nil
}

// gone commits that nothing is left on the channel.
func (p *Publisher) gone(ctx context.Context, pub *Publication) error {
	return p.DB.Write(context.WithoutCancel(ctx), func(tx *gorm.DB) error {
		ok, err := p.change(tx, pub.ID, []State{Removing}, Removed, testimony.Sentence{}, forgetting(map[string]any{}))
		if err != nil || !ok {
			return err
		}
		return p.Gone(tx, pub.TestimonyID)
	})
}

// delete removes the publication's video; one that is not there is gone.
func (p *Publisher) delete(ctx context.Context, pub *Publication) error {
	client, err := p.openFor(ctx, pub)
	if err != nil {
		return err
	}
	err = client.Delete(ctx, *pub.YoutubeID)
	if err == nil || youtube.ClassOf(err) == youtube.ClassNotFound {
		return nil
	}
	if youtube.ClassOf(err) == youtube.ClassPermanent {
		return p.hold(ctx, pub, p.now().Add(time.Hour), fault.Msg("publishing.not_removed"), err)
	}
	return p.notSeen(ctx, pub, err)
}

// openFor opens the channel, or lets the publication wait for it.
func (p *Publisher) openFor(ctx context.Context, pub *Publication) (*youtube.Client, error) {
	client, _, err := p.Channels.Client(ctx)
	if k := fault.Of(err); k == fault.NotFound || k == fault.Conflict {
		return nil, p.hold(ctx, pub, p.now().Add(time.Hour), fault.Msg("publishing.waits_for_channel"), err)
	}
	return client, err
}

// findLast looks for the video of an upload whose end nobody knows. Without one
// there is nothing to remove.
func (p *Publisher) findLast(ctx context.Context, pub *Publication) error {
	client, err := p.openFor(ctx, pub)
	if err != nil {
		return err
	}
	since := pub.Since
	if pub.SessionStarted != nil {
		since = *pub.SessionStarted
	}
	id, found, err := client.FindUpload(ctx, pub.Slug, pub.SessionTotal, since)
	if err != nil {
		return p.notSeen(ctx, pub, err)
	}
	if found {
		_, err := p.update(ctx, pub.ID, []State{Removing}, Removing, testimony.Sentence{}, map[string]any{"youtube_id": id})
		if err != nil {
			return err
		}
		pub.YoutubeID = &id
		return p.remove(ctx, pub)
	}
	if settled := pub.Since.Add(settling * p.PollEvery); p.now().Before(settled) {
		return p.hold(ctx, pub, settled, fault.Msg("publishing.state.removing"), nil)
	}
	return p.gone(ctx, pub)
}
