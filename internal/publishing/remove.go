package publishing

import (
	"context"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// remove takes a withdrawn testimony off the channel. It does not give up: what
// a person took back must not stay because of an outage.
func (p *Publisher) remove(ctx context.Context, pub *Publication) error {
	if p.Channels == nil {
		return p.hold(ctx, pub, p.now().Add(time.Hour), fault.Msg("publishing.waits_for_channel"), nil)
	}
	if pub.YoutubeID == nil {
		return p.findLast(ctx, pub)
	}
	if err := p.delete(ctx, pub); err != nil {
		return err
	}
	_, err := p.update(ctx, pub.ID, []State{Removing}, Removed, testimony.Sentence{}, forgetting(map[string]any{}))
	return err
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
	_, err = p.update(ctx, pub.ID, []State{Removing}, Removed, testimony.Sentence{}, forgetting(map[string]any{}))
	return err
}
