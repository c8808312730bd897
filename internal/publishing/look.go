package publishing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

const (
	// stuckAfter is when a video that is still processed needs a person: some
	// never end ("processing abandoned").
	stuckAfter = 24 * time.Hour
	// durationSlack is by how much YouTube's length, in whole seconds, may
	// differ from ours before the video counts as cut.
	durationSlack = 2 * time.Second
	// publishSlack is how long after the time of a schedule YouTube may still show
	// the video as private.
	publishSlack = time.Hour
)

// pollSteps are the waits between looks, in units of PollEvery: with the usual
// 30 s these are 30 s, 1, 2, 5 and 10 minutes, then half an hour.
var pollSteps = []int{1, 2, 4, 10, 20, 60}

func (p *Publisher) wait(polls int) time.Duration {
	return time.Duration(pollSteps[min(polls, len(pollSteps)-1)]) * p.PollEvery
}

// look asks what became of the video, and of all others that are due: up to
// fifty cost as much as one.
func (p *Publisher) look(ctx context.Context, pub *Publication) error {
	if pub.NextPollAt != nil && pub.NextPollAt.After(p.now()) {
		return later(*pub.NextPollAt, "publishing.state.processing", nil)
	}
	client, _, err := p.Channels.Client(ctx)
	if k := fault.Of(err); k == fault.NotFound || k == fault.Conflict {
		return p.hold(ctx, pub, p.now().Add(time.Hour), fault.Msg("publishing.waits_for_channel"), err)
	}
	if err != nil {
		return err
	}
	due, err := p.due(ctx, pub)
	if err != nil {
		return err
	}
	ids := make([]string, len(due))
	for i, d := range due {
		ids[i] = *d.YoutubeID
	}
	videos, err := client.Videos(ctx, ids, youtube.PartStatus, youtube.PartProcessingDetails, youtube.PartContentDetails)
	if err != nil {
		return p.notSeen(ctx, pub, err)
	}
	for i := range due {
		v, ok := videos[*due[i].YoutubeID]
		if !ok {
			v = youtube.Video{}
		}
		if err := p.seen(ctx, &due[i], v, ok); err != nil {
			return err
		}
	}
	return nil
}

// later lets the job wait; key says why.
func later(at time.Time, key string, cause error) error {
	e := fault.Wrap(cause, fault.Unavailable, key)
	e.Until = at
	return e
}

// due lists the publications to look at now, pub among them.
func (p *Publisher) due(ctx context.Context, pub *Publication) ([]Publication, error) {
	var due []Publication
	err := p.DB.Reader(ctx).
		Where("state = ? AND youtube_id IS NOT NULL AND id <> ? AND next_poll_at <= ?", Processing, pub.ID, p.now()).
		Order("next_poll_at").Limit(youtube.MaxIDs - 1).Find(&due).Error
	if err != nil {
		return nil, fmt.Errorf("list the videos to look at: %w", err)
	}
	return append(due, *pub), nil
}

// notSeen decides what a failed look asks of us.
func (p *Publisher) notSeen(ctx context.Context, pub *Publication, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if e, ok := spentUp(err); ok {
		return p.hold(ctx, pub, e.Until, e.Message, err)
	}
	switch youtube.ClassOf(err) {
	case youtube.ClassDisconnected, youtube.ClassUnauthorized:
		return p.channelFailed(ctx, pub, err)
	case youtube.ClassUnitsQuota:
		if e := p.Ledger.Exhaust(ctx, youtube.BucketUnits); e != nil {
			return e
		}
		until := youtube.NextReset(p.now())
		return p.hold(ctx, pub, until, fault.Msg("publishing.quota.units", "Until", until), err)
	}
	p.Log.WarnContext(ctx, "a look at the channel failed", "publication", pub.ID, "error", err)
	wait := p.wait(pub.Polls)
	if y, ok := errors.AsType[*youtube.Error](err); ok {
		wait = max(wait, y.RetryAfter)
	}
	// Later and later: a call that fails costs its price as well.
	if _, err := p.update(ctx, pub.ID, []State{pub.State}, pub.State, pub.Reason, map[string]any{"polls": pub.Polls + 1}); err != nil {
		return err
	}
	return p.hold(ctx, pub, p.now().Add(wait), fault.Msg("publishing.again"), err)
}

// seen acts on what YouTube says of one video; listed is false if it says
// nothing.
func (p *Publisher) seen(ctx context.Context, pub *Publication, v youtube.Video, listed bool) error {
	verdict, err := p.verdict(ctx, pub, v, listed)
	if err != nil {
		return err
	}
	now := p.now()
	values := map[string]any{"polls": pub.Polls + 1, "next_poll_at": now.Add(p.wait(pub.Polls + 1))}
	if listed {
		values["seen_at"], values["seen_privacy"] = now, v.Privacy
	}
	if v.UploadStatus == "processed" && pub.ProcessedAt == nil {
		values["processed_at"] = now
	}
	switch verdict.state {
	case Processing:
		if verdict.why.Key != "" {
			values["until"] = pub.PublishAt
		}
		return p.DB.Write(ctx, func(tx *gorm.DB) error {
			ok, err := p.change(tx, pub.ID, []State{Processing}, Processing, testimony.Sentence{Message: verdict.why}, values)
			if err != nil || !ok || values["processed_at"] == nil {
				return err
			}
			return p.Wake(tx)
		})
	case Public:
		values["next_poll_at"], values["until"] = nil, nil
		return p.out(ctx, pub, values)
	}
	p.Log.WarnContext(ctx, "publication blocked", "publication", pub.ID, "reason", verdict.why.Key)
	_, err = p.update(ctx, pub.ID, []State{Processing}, verdict.state, testimony.Sentence{Message: verdict.why}, values)
	return err
}

// out commits that the video is out as it was asked to be.
func (p *Publisher) out(ctx context.Context, pub *Publication, values map[string]any) error {
	published := false
	err := p.DB.Write(ctx, func(tx *gorm.DB) error {
		now, err := get(tx, pub.ID)
		if err != nil {
			return err
		}
		if now.WantedPrivacy != pub.WantedPrivacy || !sameTime(now.PublishAt, pub.PublishAt) {
			// It was changed while YouTube was asked: what was seen is judged anew.
			_, err := p.change(tx, pub.ID, []State{Processing}, Processing, testimony.Sentence{}, map[string]any{"next_poll_at": p.now()})
			return err
		}
		ok, err := p.change(tx, pub.ID, []State{Processing}, Public, testimony.Sentence{}, values)
		if err != nil || !ok {
			return err
		}
		published = true
		if err := p.seenPrivacy(tx, pub); err != nil {
			return err
		}
		if err := p.Wake(tx); err != nil {
			return err
		}
		return p.Published(tx, pub.TestimonyID)
	})
	if err != nil {
		return fmt.Errorf("publish testimony %d: %w", pub.TestimonyID, err)
	}
	if !published {
		return nil
	}
	p.Log.InfoContext(ctx, "testimony published", "testimony", pub.TestimonyID, "publication", pub.ID)
	p.Shown()
	return nil
}

func sameTime(a, b *time.Time) bool {
	return a == b || (a != nil && b != nil && a.Equal(*b))
}

// seenPrivacy notes that the channel shows the video as it is asked to now: at
// the time of its schedule YouTube made it public by itself.
func (p *Publisher) seenPrivacy(tx *gorm.DB, pub *Publication) error {
	now := privacyOf(pub.asked(p.now()))
	err := tx.Model(&Step{}).Where("publication_id = ? AND kind = ?", pub.ID, StepPrivacy).Update("wanted", now).Error
	if err != nil {
		return fmt.Errorf("note the privacy of publication %d: %w", pub.ID, err)
	}
	return p.hasPrivacy(tx, pub.ID, now)
}

// hasPrivacy notes which privacy the channel has given a video.
func (p *Publisher) hasPrivacy(tx *gorm.DB, id int64, had string) error {
	var s Step
	if err := tx.Where("publication_id = ? AND kind = ?", id, StepPrivacy).Take(&s).Error; err != nil {
		return fmt.Errorf("read the plan of publication %d: %w", id, err)
	}
	return p.changeStep(tx, s, map[string]any{"had": had, "tries": 0, "failing_since": nil, "next_at": nil})
}

// verdict is what a look at a video means.
type verdict struct {
	state State
	why   fault.Message
}

func blocked(key string, pairs ...any) verdict { return verdict{Blocked, fault.Msg(key, pairs...)} }

func (p *Publisher) verdict(ctx context.Context, pub *Publication, v youtube.Video, listed bool) (verdict, error) {
	privacy, publishAt := pub.asked(p.now())
	scheduled := !publishAt.IsZero()
	pending, err := p.privacyPending(ctx, pub.ID)
	if err != nil {
		return verdict{}, err
	}
	stuck := pub.UploadedAt != nil && p.now().Sub(*pub.UploadedAt) > stuckAfter
	switch {
	case !listed && stuck:
		return blocked("publishing.vanished"), nil
	case !listed:
		return verdict{state: Processing}, nil // a list may leave it out for a while
	case v.UploadStatus == "failed":
		return blocked(failureKey(v)), nil
	case v.UploadStatus == "rejected":
		return blocked(rejectionKey(v)), nil
	case v.UploadStatus == "deleted":
		return blocked("publishing.vanished"), nil
	case v.ProcessingStatus == "failed":
		return blocked(processingFailureKey(v)), nil
	case v.UploadStatus != "processed" && stuck:
		return blocked("publishing.stuck"), nil
	case v.UploadStatus != "processed":
		return verdict{state: Processing}, nil
	case scheduled && v.Privacy == privacy:
		return verdict{Processing, fault.Msg(scheduledKey, "Until", *pub.PublishAt)}, nil
	case v.Privacy != privacy && v.Privacy == youtube.Private && pub.PublishAt != nil && p.now().Sub(*pub.PublishAt) < publishSlack:
		return verdict{state: Processing}, nil // YouTube makes it public by itself, any moment now
	case v.Privacy != privacy && pending:
		return verdict{state: Processing}, nil // we are about to change it
	case v.Privacy != privacy:
		return blocked("publishing.privacy." + known(string(v.Privacy), string(youtube.Private), string(youtube.Unlisted), string(youtube.Public))), nil
	}
	file, err := p.Testimonies.GetVideo(ctx, pub.VideoID)
	if err != nil {
		return verdict{}, err
	}
	if d := file.Duration() - v.Duration; v.Duration > 0 && file.DurationMS > 0 && d.Abs() > durationSlack {
		return blocked("publishing.duration", "Ours", int64(file.Duration().Seconds()), "Theirs", int64(v.Duration.Seconds())), nil
	}
	return verdict{state: Public}, nil
}

// privacyPending tells whether a change of the privacy is still to be made.
func (p *Publisher) privacyPending(ctx context.Context, id int64) (bool, error) {
	var n int64
	err := p.DB.Reader(ctx).Model(&Step{}).Where("publication_id = ? AND kind = ? AND state = ?", id, StepPrivacy, StepWaiting).Count(&n).Error
	if err != nil {
		return false, fmt.Errorf("read the plan of publication %d: %w", id, err)
	}
	return n > 0, nil
}

// failureKey is the sentence that says why YouTube failed to make a video.
func failureKey(v youtube.Video) string {
	return "publishing.failed." + known(v.FailureReason, "conversion", "invalidFile", "emptyFile", "tooSmall", "codec", "uploadAborted")
}

func processingFailureKey(v youtube.Video) string {
	return "publishing.failed." + known(v.ProcessingFailure, "uploadFailed", "transcodeFailed", "streamingFailed")
}

// rejectionKey is the sentence that says why YouTube refuses a video.
func rejectionKey(v youtube.Video) string {
	return "publishing.rejected." + known(v.RejectionReason, "copyright", "inappropriate", "duplicate", "termsOfUse",
		"uploaderAccountSuspended", "length", "claim", "uploaderAccountClosed", "trademark", "legal")
}

// known is one of YouTube's words that we have a sentence for.
func known(word string, words ...string) string {
	for _, w := range words {
		if w == word {
			return w
		}
	}
	return "other"
}

// sendAgain tells whether a blocked publication's video is of no use, so that a
// new try means a new upload.
func sendAgain(reason string) bool {
	return strings.HasPrefix(reason, "publishing.failed.") || reason == "publishing.vanished" ||
		reason == "publishing.duration" || reason == "publishing.stuck"
}
