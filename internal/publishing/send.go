package publishing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

const (
	// channelLimit is how long YouTube's help says to wait when the channel's own
	// daily limit of uploads is reached.
	// https://support.google.com/youtube/answer/71673
	channelLimit = 24 * time.Hour
	burstWait    = 5 * time.Minute
	// settling, in units of PollEvery (10 minutes at 30 s), is how long after a
	// session was lost a video that came of it is sure to be listed.
	settling = 20
	// unsureFor bounds how long a search may stay without an answer before a
	// person is asked.
	unsureFor = 24 * time.Hour
	// progressEvery is how often the stored bytes are written down.
	progressEvery = time.Second
)

// errStopped means that the testimony was withdrawn while its file was sent.
var errStopped = errors.New("the publication was withdrawn")

// send takes the file to the channel, going on with what an earlier run left.
func (p *Publisher) send(ctx context.Context, pub *Publication) error {
	if pub.YoutubeID != nil {
		return p.clearOld(ctx, pub)
	}
	if pub.inDoubt() && pub.NextPollAt != nil && pub.NextPollAt.After(p.now()) {
		return later(*pub.NextPollAt, outcomeUnknown, nil)
	}
	client, channel, err := p.ready(ctx, pub)
	if err != nil {
		return err
	}
	t, err := p.Testimonies.Get(ctx, testimony.Anywhere, pub.TestimonyID)
	if err != nil {
		return err
	}
	if t.Sample && !p.Sandbox {
		return p.block(ctx, pub, fault.Msg("publishing.sample"))
	}
	v, err := p.Testimonies.GetVideo(ctx, pub.VideoID)
	if err != nil {
		return err
	}
	if pub.inDoubt() {
		done, err := p.reconcile(ctx, client, pub)
		if err != nil || done {
			return err
		}
	}
	meta, err := p.metadata(t)
	if err != nil {
		return err
	}
	meta.Privacy, meta.PublishAt = pub.asked(p.now())
	name, size, sum := v.Outgoing()
	f, err := os.Open(filepath.Join(p.Vault, name))
	if err != nil {
		p.Log.ErrorContext(ctx, "the original cannot be opened", "publication", pub.ID, "error", err)
		return p.block(ctx, pub, fault.Msg("publishing.no_file"))
	}
	defer f.Close()
	video, err := p.upload(ctx, client, channel, pub, youtube.Upload{
		Metadata: meta, File: f, Size: size, ContentType: "video/*", Slug: pub.Slug,
	}, sum)
	if err != nil {
		return p.notSent(ctx, pub, err)
	}
	return p.sent(ctx, pub.ID, video)
}

// publishHere is what happens without a channel: the portal plays the
// testimony itself.
func (p *Publisher) publishHere(ctx context.Context, pub *Publication) error {
	if pub.State == Waiting && pub.Reason.Key == "publishing.off" {
		return nil
	}
	if _, at := pub.asked(p.now()); !at.IsZero() {
		return p.hold(ctx, pub, at, fault.Msg(scheduledKey, "Until", at), nil)
	}
	err := p.DB.Write(ctx, func(tx *gorm.DB) error {
		ok, err := p.change(tx, pub.ID, []State{Waiting, Sending}, Waiting, testimony.Sentence{Message: fault.Msg("publishing.off")}, nil)
		if err != nil || !ok {
			return err
		}
		return p.Published(tx, pub.TestimonyID)
	})
	if err != nil {
		return fmt.Errorf("publish testimony %d on the portal: %w", pub.TestimonyID, err)
	}
	p.Shown()
	return nil
}

// clearOld takes the video of an earlier round off the channel before a new
// one is sent.
func (p *Publisher) clearOld(ctx context.Context, pub *Publication) error {
	wrong, err := p.verify(ctx, pub)
	if k := fault.Of(err); k == fault.NotFound || k == fault.Conflict || k == fault.Unavailable {
		return p.hold(ctx, pub, p.now().Add(time.Hour), fault.Msg("publishing.waits_for_channel"), err)
	}
	if err != nil {
		return err
	}
	if wrong == nil {
		if err := p.delete(ctx, pub); err != nil {
			return err
		}
	}
	// A new name too: the old video must not be taken for the new one.
	return p.DB.Write(ctx, func(tx *gorm.DB) error {
		ok, err := p.change(tx, pub.ID, []State{Waiting, Sending}, Waiting, testimony.Sentence{}, forgetting(map[string]any{
			"youtube_id": nil, "slug": newSlug(), "origin": FromPortal, "verified": true, "processed_at": nil, "missed_at": nil,
		}))
		if err != nil || !ok {
			return err
		}
		return p.has(tx, pub.ID, nil)
	})
}

// ready opens the channel, makes sure that it is the pinned one, and that the
// day's quota has room for what is not begun yet.
func (p *Publisher) ready(ctx context.Context, pub *Publication) (*youtube.Client, *Channel, error) {
	client, channel, err := p.Channels.Client(ctx)
	if k := fault.Of(err); k == fault.NotFound || k == fault.Conflict {
		return nil, nil, p.hold(ctx, pub, p.now().Add(time.Hour), fault.Msg("publishing.waits_for_channel"), err)
	}
	if err != nil {
		return nil, nil, err
	}
	if pub.SessionSealed != nil {
		return client, channel, nil
	}
	for _, need := range []struct {
		bucket youtube.Bucket
		units  int
	}{{youtube.BucketUploads, youtube.CostUpload}, {youtube.BucketUnits, youtube.CostRead}} {
		if e, ok := errors.AsType[*fault.Error](p.Ledger.Room(ctx, need.bucket, need.units, All)); ok {
			return nil, nil, p.hold(ctx, pub, e.Until, e.Message, e)
		}
	}
	seen, err := client.Channel(ctx)
	if err != nil {
		return nil, nil, p.notSent(ctx, pub, err)
	}
	if seen.ID != channel.ID {
		return nil, nil, p.channelFailed(ctx, pub, fault.New(fault.Conflict, "publishing.trouble.wrong_channel"))
	}
	return client, channel, nil
}

// upload sends the file and commits the session as package youtube asks.
func (p *Publisher) upload(ctx context.Context, client *youtube.Client, channel *Channel, pub *Publication, up youtube.Upload, sha256 string) (youtube.Video, error) {
	words, err := wordsOf(up.Metadata)
	if err != nil {
		return youtube.Video{}, err
	}
	localizations, err := localizationsOf(up.Metadata)
	if err != nil {
		return youtube.Video{}, err
	}
	had := map[stepName]string{
		{StepPrivacy, ""}: privacyOf(up.Metadata.Privacy, up.Metadata.PublishAt), {StepWords, ""}: words, {StepLocalizations, ""}: localizations,
	}
	opens := pub.SessionSealed == nil
	var session youtube.Session
	if pub.SessionSealed != nil {
		uri, err := p.Channels.box.Open(pub.SessionSealed, sessionOf(pub.ID))
		if err != nil {
			return youtube.Video{}, err
		}
		session = pub.session(uri)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	keep := func(ctx context.Context, s youtube.Session) error {
		values := map[string]any{
			"channel_id": channel.ID, "session_sealed": p.Channels.box.Seal(s.URI, sessionOf(pub.ID)), "session_started": s.StartedAt,
			"session_total": s.Total, "last_byte_sent": s.LastByteSent, "sha256": sha256, "until": nil,
		}
		if opens {
			values["metadata_hash"] = words
		}
		return p.DB.Write(ctx, func(tx *gorm.DB) error {
			ok, err := p.change(tx, pub.ID, []State{Waiting, Sending}, Sending, testimony.Sentence{}, values)
			if err != nil {
				return err
			}
			if !ok {
				return errStopped
			}
			if !opens {
				return nil // what the session was opened with counts
			}
			return p.has(tx, pub.ID, had)
		})
	}
	video, err := client.Upload(ctx, up, session, keep, p.progress(ctx, pub.ID, stop))
	if cause := context.Cause(ctx); errors.Is(cause, errStopped) {
		return video, errStopped
	}
	return video, err
}

// progress writes down how much YouTube has, and stops the upload of a
// testimony that was withdrawn.
func (p *Publisher) progress(ctx context.Context, id int64, stop context.CancelCauseFunc) func(int64) {
	var last time.Time
	return func(stored int64) {
		if now := p.now(); now.Sub(last) >= progressEvery {
			last = now
		} else {
			return
		}
		var changed int64
		err := p.DB.Write(ctx, func(tx *gorm.DB) error {
			done := tx.Model(&Publication{}).Where("id = ? AND state = ?", id, Sending).Update("stored_bytes", stored)
			changed = done.RowsAffected
			return done.Error
		})
		if err == nil && changed == 0 {
			stop(errStopped)
		}
	}
}

// sent commits that there is a video.
func (p *Publisher) sent(ctx context.Context, id int64, v youtube.Video) error {
	now := p.now()
	values := forgetting(map[string]any{
		"youtube_id": v.ID, "seen_privacy": v.Privacy, "uploaded_at": now, "seen_at": now, "polls": 0, "next_poll_at": now.Add(p.wait(0)),
	})
	return p.DB.Write(context.WithoutCancel(ctx), func(tx *gorm.DB) error {
		ok, err := p.change(tx, id, []State{Waiting, Sending}, Processing, testimony.Sentence{}, values)
		if err != nil {
			return err
		}
		if !ok {
			// Withdrawn in the last moment: it is to be removed, by its id.
			if _, err := p.change(tx, id, nil, Removing, testimony.Sentence{}, values); err != nil {
				return err
			}
		}
		if err := p.Wake(tx); err != nil {
			return err
		}
		return p.Enqueue(tx, id, LaneFollow)
	})
}

// forgetting adds to values the end of a session.
func forgetting(values map[string]any) map[string]any {
	for name, v := range map[string]any{"session_sealed": nil, "session_started": nil, "session_total": 0, "last_byte_sent": false, "stored_bytes": 0, "until": nil} {
		values[name] = v
	}
	return values
}

// notSent decides what a failure asks of us.
func (p *Publisher) notSent(ctx context.Context, pub *Publication, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, errStopped) {
		return nil
	}
	if e, ok := spentUp(err); ok {
		return p.hold(ctx, pub, e.Until, e.Message, err)
	}
	// The session may have been opened by the run that failed.
	now, fresh := p.now(), *pub
	if latest, e := get(p.DB.Reader(ctx), pub.ID); e == nil {
		fresh = *latest
	}
	pub = &fresh
	y, _ := errors.AsType[*youtube.Error](err)
	p.Log.WarnContext(ctx, "publication not sent", "publication", pub.ID, "class", youtube.ClassOf(err), "error", err)
	switch class := youtube.ClassOf(err); class {
	case youtube.ClassMetadata:
		return p.sendBack(ctx, pub, y)
	case youtube.ClassDisconnected, youtube.ClassUnauthorized:
		return p.channelFailed(ctx, pub, err)
	case youtube.ClassUploadsQuota, youtube.ClassUnitsQuota:
		bucket := youtube.BucketUploads
		if class == youtube.ClassUnitsQuota {
			bucket = youtube.BucketUnits
		}
		if e := p.Ledger.Exhaust(ctx, bucket); e != nil {
			return e
		}
		until := youtube.NextReset(now)
		return p.hold(ctx, pub, until, fault.Msg("publishing.quota."+string(bucket), "Until", until), err)
	case youtube.ClassChannelLimit:
		until := now.Add(channelLimit)
		return p.hold(ctx, pub, until, fault.Msg("publishing.channel_limit", "Until", until), err)
	case youtube.ClassBurst:
		until := now.Add(max(burstWait, y.RetryAfter))
		return p.hold(ctx, pub, until, fault.Msg("publishing.too_fast", "Until", until), err)
	case youtube.ClassSessionGone:
		if _, e := p.update(ctx, pub.ID, []State{Waiting, Sending}, Waiting, testimony.Sentence{}, forgetting(map[string]any{})); e != nil {
			return e
		}
		pub.State = Waiting
		return p.hold(ctx, pub, now.Add(settling*p.PollEvery), fault.Msg("publishing.again"), err)
	case youtube.ClassOutcomeUnknown:
		return p.settle(ctx, pub, err)
	case youtube.ClassTemporary:
		return p.again(ctx, pub, y, err)
	default:
		reason := "?"
		if y != nil {
			reason = y.Reason
		}
		return p.block(ctx, pub, fault.Msg("publishing.refused", "Reason", reason))
	}
}

// again has a publication tried later, as YouTube asks or as the job's own
// patience says, and shows that it is.
func (p *Publisher) again(ctx context.Context, pub *Publication, y *youtube.Error, cause error) error {
	if y != nil && y.RetryAfter > 0 {
		until := p.now().Add(y.RetryAfter)
		return p.hold(ctx, pub, until, fault.Msg("publishing.again"), cause)
	}
	if _, err := p.update(ctx, pub.ID, []State{pub.State}, pub.State, testimony.Sentence{Message: fault.Msg("publishing.again")}, nil); err != nil {
		return err
	}
	return cause
}

// sendBack gives a testimony whose words YouTube refuses back to its town hall,
// with the field that is to be changed.
func (p *Publisher) sendBack(ctx context.Context, pub *Publication, e *youtube.Error) error {
	field := "other"
	if e != nil && e.Field() != "" {
		field = e.Field()
	}
	m := fault.Msg("publishing.refused_field." + field)
	return p.DB.Write(ctx, func(tx *gorm.DB) error {
		ok, err := p.change(tx, pub.ID, []State{Waiting, Sending}, Blocked, testimony.Sentence{Message: m}, forgetting(map[string]any{}))
		if err != nil || !ok {
			return err
		}
		return p.Testimonies.SendBack(tx, pub.TestimonyID, p.Say(m))
	})
}

// outcomeUnknown is the reason of a publication whose session is gone while
// its video may exist.
const outcomeUnknown = "publishing.outcome_unknown"

// settle lets a publication whose session is gone wait until a video that came
// of it is sure to be listed. That time is kept apart from the job's: a job that
// runs sooner, after a kill or because the channel was connected again, must not
// search sooner, find nothing and send the file a second time.
func (p *Publisher) settle(ctx context.Context, pub *Publication, cause error) error {
	until := p.now().Add(settling * p.PollEvery)
	_, err := p.update(ctx, pub.ID, []State{pub.State}, pub.State, testimony.Sentence{Message: fault.Msg(outcomeUnknown)},
		map[string]any{"until": until, "next_poll_at": until})
	if err != nil {
		return err
	}
	return later(until, outcomeUnknown, cause)
}

// reconcile looks on the channel for the video of a session that is gone. done
// means that it was found; otherwise none exists and a new session may be
// opened.
func (p *Publisher) reconcile(ctx context.Context, client *youtube.Client, pub *Publication) (done bool, err error) {
	since := pub.Since
	if pub.SessionStarted != nil {
		since = *pub.SessionStarted
	}
	id, found, err := client.FindUpload(ctx, pub.Slug, pub.SessionTotal, since)
	switch {
	case errors.Is(err, youtube.ErrUnsure) && p.now().Sub(since) > unsureFor:
		return true, p.block(ctx, pub, fault.Msg("publishing.unsure"))
	case errors.Is(err, youtube.ErrUnsure):
		return true, p.hold(ctx, pub, p.now().Add(settling*p.PollEvery), fault.Msg(outcomeUnknown), err)
	case err != nil:
		if e, ok := spentUp(err); ok {
			return true, p.hold(ctx, pub, e.Until, fault.Msg(outcomeUnknown), err)
		}
		if c := youtube.ClassOf(err); c == youtube.ClassTemporary || c == youtube.ClassBurst {
			return true, p.hold(ctx, pub, p.now().Add(settling*p.PollEvery), fault.Msg(outcomeUnknown), err)
		}
		if c := youtube.ClassOf(err); c == youtube.ClassUnitsQuota {
			// The reason must stay: nothing may be sent before the search.
			return true, p.hold(ctx, pub, youtube.NextReset(p.now()), fault.Msg(outcomeUnknown), err)
		}
		if e := p.Channels.Fail(ctx, err); e != nil {
			return true, e
		}
		return true, p.hold(ctx, pub, p.now().Add(time.Hour), fault.Msg(outcomeUnknown), err)
	case found:
		return true, p.sent(ctx, pub.ID, youtube.Video{ID: id})
	}
	ok, err := p.update(ctx, pub.ID, []State{Waiting, Sending}, Waiting, testimony.Sentence{}, forgetting(map[string]any{}))
	if err != nil || !ok {
		return true, err
	}
	fresh, err := get(p.DB.Reader(ctx), pub.ID)
	if err != nil {
		return true, err
	}
	*pub = *fresh
	return false, nil
}

// spentUp tells whether a call was not made because our ledger says that nothing
// is left, and until when.
func spentUp(err error) (*fault.Error, bool) {
	e, ok := errors.AsType[*fault.Error](err)
	return e, ok && e.Kind == fault.Unavailable && !e.Until.IsZero()
}

func sessionOf(id int64) string { return fmt.Sprintf("upload session of publication %d", id) }
