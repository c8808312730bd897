package publishing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

const (
	// patience bounds how long a step that fails by itself is tried before a
	// person is asked.
	patience = 24 * time.Hour
	// thumbnailLimit is how long to wait when too many thumbnails were set
	// lately; YouTube tells no number.
	thumbnailLimit = 3 * time.Hour
	// captionName marks the captions that are ours among those of a video.
	captionName = "Voci in Comune"
)

// Tend works on the plans of all publications until nothing is due or the
// channel or the day's quota says stop, the most urgent step first:
// privacy, words, cover, playlists, translations, and captions last, those of the
// most watched first.
// It returns when something will be due again, zero if nothing is known to be.
// Two calls must not run at once.
func (p *Publisher) Tend(ctx context.Context) (next time.Time, err error) {
	if p.Channels == nil {
		return time.Time{}, nil
	}
	for {
		s, err := p.dueStep(ctx)
		if err != nil {
			return time.Time{}, err
		}
		if s == nil {
			return p.nextStep(ctx)
		}
		client, _, err := p.Channels.Client(ctx)
		if k := fault.Of(err); k == fault.NotFound || k == fault.Conflict {
			return time.Time{}, nil // connecting it wakes us
		}
		if err != nil {
			return time.Time{}, err
		}
		if wait, ok := errors.AsType[*fault.Error](p.Ledger.Room(ctx, youtube.BucketUnits, s.Cost(), s.share())); ok {
			return wait.Until, nil
		}
		had, remote, err := p.do(ctx, client, s)
		if err != nil {
			stop, err := p.stepFailed(ctx, s, err)
			if err != nil || !stop.IsZero() {
				return stop, err
			}
			continue
		}
		if err := p.stepDone(ctx, s, had, remote); err != nil {
			return time.Time{}, err
		}
	}
}

// share is how much of the day's quota a step may take: hiding a video may
// take all.
func (s Step) share() Share {
	if s.Kind == StepPrivacy {
		return All
	}
	return Spare
}

// dueSteps are those whose video is there to work on. A video that is still
// processed, or waits for a person, has its privacy changed, but no more.
const dueSteps = `FROM publication_steps s JOIN publications p ON p.id = s.publication_id
	LEFT JOIN latest_views v ON v.publication_id = p.id
	WHERE s.state = 'waiting' AND p.youtube_id IS NOT NULL AND p.verified AND
		(p.state = 'public' OR p.state = 'processing' AND (p.processed_at IS NOT NULL OR s.kind = 'privacy') OR
		p.state = 'blocked' AND s.kind = 'privacy')`

// dueStep returns the most urgent step, nil if none is due.
func (p *Publisher) dueStep(ctx context.Context) (*Step, error) {
	var s Step
	found := p.DB.Reader(ctx).Raw(`SELECT s.* `+dueSteps+` AND (s.next_at IS NULL OR s.next_at <= ?)
		ORDER BY `+stepOrder+`, CASE WHEN kind = 'captions' THEN -coalesce(v.views, 0) END, s.id LIMIT 1`, p.now()).Scan(&s)
	if found.Error != nil {
		return nil, fmt.Errorf("find the next step: %w", found.Error)
	}
	if found.RowsAffected == 0 {
		return nil, nil
	}
	return &s, nil
}

// nextStep returns when a step that waits for its time is due.
func (p *Publisher) nextStep(ctx context.Context) (time.Time, error) {
	var s Step
	if err := p.DB.Reader(ctx).Raw(`SELECT s.* ` + dueSteps + ` ORDER BY s.next_at LIMIT 1`).Scan(&s).Error; err != nil {
		return time.Time{}, fmt.Errorf("find the next step: %w", err)
	}
	if s.NextAt == nil {
		return time.Time{}, nil
	}
	return *s.NextAt, nil
}

// stepDone notes what the channel has now.
func (p *Publisher) stepDone(ctx context.Context, s *Step, had, remote string) error {
	return p.DB.Write(context.WithoutCancel(ctx), func(tx *gorm.DB) error {
		// It may be wanted otherwise by now.
		pub, err := get(tx, s.PublicationID)
		if err != nil {
			return err
		}
		t, err := p.Testimonies.GetIn(tx, pub.TestimonyID)
		if err != nil {
			return err
		}
		want, err := p.wanted(tx, t, pub)
		if err != nil {
			return err
		}
		values := map[string]any{"wanted": want[s.name()], "had": had, "remote_id": remote, "tries": 0, "failing_since": nil, "next_at": nil}
		if had != want[s.name()] {
			values["next_at"] = p.now().Add(p.PollEvery) // changed meanwhile
		}
		return p.changeStep(tx, *s, values)
	})
}

// do makes the channel have what a step wants, and returns what it has then.
func (p *Publisher) do(ctx context.Context, client *youtube.Client, s *Step) (had, remote string, err error) {
	pub, err := get(p.DB.Reader(ctx), s.PublicationID)
	if err != nil {
		return "", "", err
	}
	t, err := p.Testimonies.Get(ctx, testimony.Anywhere, pub.TestimonyID)
	if err != nil {
		return "", "", err
	}
	video := *pub.YoutubeID
	switch s.Kind {
	case StepPrivacy:
		return p.setPrivacy(ctx, client, pub)
	case StepWords:
		return p.setWords(ctx, client, t, video)
	case StepThumbnail:
		return p.setThumbnail(ctx, client, s, video)
	case StepPlaylist:
		return p.setPlaylist(ctx, client, s, t, video)
	case StepLocalizations:
		return p.setLocalizations(ctx, client, t, video)
	case StepCaptions:
		return p.setCaptions(ctx, client, s, t, video)
	}
	return "", "", fmt.Errorf("there is no step %q", s.Kind)
}

// errOtherPrivacy means that YouTube set another privacy than we asked for.
type errOtherPrivacy struct{ seen youtube.Privacy }

func (e errOtherPrivacy) Error() string { return "youtube made the video " + string(e.seen) }

func (p *Publisher) setPrivacy(ctx context.Context, client *youtube.Client, pub *Publication) (had, remote string, err error) {
	privacy, at := pub.asked(p.now())
	v, err := client.SetPrivacy(ctx, *pub.YoutubeID, privacy, at)
	if err != nil {
		return "", "", err
	}
	if _, err := p.update(ctx, pub.ID, []State{pub.State}, pub.State, pub.Reason, map[string]any{"seen_privacy": v.Privacy, "seen_at": p.now()}); err != nil {
		return "", "", err
	}
	if v.Privacy != privacy {
		return "", "", errOtherPrivacy{v.Privacy}
	}
	return privacyOf(privacy, at), "", nil
}

func (p *Publisher) setWords(ctx context.Context, client *youtube.Client, t *testimony.Testimony, video string) (had, remote string, err error) {
	meta, err := p.metadata(t)
	if err != nil {
		return "", "", err
	}
	if _, err := client.UpdateMetadata(ctx, video, meta); err != nil {
		return "", "", err
	}
	had, err = wordsOf(meta)
	return had, "", err
}

func (p *Publisher) setLocalizations(ctx context.Context, client *youtube.Client, t *testimony.Testimony, video string) (had, remote string, err error) {
	meta, err := p.metadata(t)
	if err != nil {
		return "", "", err
	}
	if _, err := client.SetLocalizations(ctx, video, meta.Localizations); err != nil {
		return "", "", err
	}
	had, err = localizationsOf(meta)
	return had, "", err
}

func (p *Publisher) setThumbnail(ctx context.Context, client *youtube.Client, s *Step, video string) (had, remote string, err error) {
	if s.Wanted == "" {
		return "", "", nil // a thumbnail can be replaced, not taken away
	}
	f, err := os.Open(filepath.Join(p.Renditions, s.Wanted))
	if err != nil {
		return "", "", fmt.Errorf("open the poster: %w", err)
	}
	defer f.Close()
	return s.Wanted, "", client.SetThumbnail(ctx, video, f, mime.TypeByExtension(filepath.Ext(s.Wanted)))
}

// setCaptions replaces our captions of a language, or takes them away. Those
// that somebody else made in Studio are left alone.
func (p *Publisher) setCaptions(ctx context.Context, client *youtube.Client, s *Step, t *testimony.Testimony, video string) (had, remote string, err error) {
	all, err := client.Captions(ctx, video)
	if err != nil {
		return "", "", err
	}
	ours := ""
	for _, c := range all {
		if c.ID == s.RemoteID || (c.Language == s.Key && c.Name == captionName) {
			ours = c.ID
		}
	}
	var text struct{ VTT, SHA256 string }
	if s.Wanted != "" {
		err := p.DB.Reader(ctx).Table("captions").Select("vtt, sha256").Where("testimony_id = ? AND language = ?", t.ID, s.Key).Scan(&text).Error
		if err != nil {
			return "", "", fmt.Errorf("read the captions of testimony %d: %w", t.ID, err)
		}
	}
	vtt := bytes.NewReader([]byte(text.VTT))
	switch {
	case text.SHA256 == "" && ours == "":
		return "", "", nil
	case text.SHA256 == "":
		err := client.DeleteCaption(ctx, ours)
		if youtube.ClassOf(err) == youtube.ClassNotFound {
			err = nil
		}
		return "", "", err
	case ours != "":
		_, err := client.ReplaceCaption(ctx, ours, vtt)
		return text.SHA256, ours, err
	}
	c, err := client.AddCaption(ctx, video, s.Key, captionName, vtt)
	return text.SHA256, c.ID, err
}

// stepFailed decides what a failure asks of us. A time that is not zero has
// everything stop until then.
func (p *Publisher) stepFailed(ctx context.Context, s *Step, err error) (stop time.Time, _ error) {
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	if e, ok := spentUp(err); ok {
		return e.Until, nil
	}
	now := p.now()
	y, _ := errors.AsType[*youtube.Error](err)
	p.Log.WarnContext(ctx, "a step of a publication failed", "publication", s.PublicationID, "step", s.name().String(),
		"class", youtube.ClassOf(err), "error", err)
	switch class := youtube.ClassOf(err); class {
	case youtube.ClassDisconnected, youtube.ClassUnauthorized:
		return now.Add(time.Hour), p.Channels.Fail(ctx, err)
	case youtube.ClassUnitsQuota, youtube.ClassUploadsQuota:
		return youtube.NextReset(now), p.Ledger.Exhaust(ctx, youtube.BucketUnits)
	case youtube.ClassBurst:
		wait := max(burstWait, y.RetryAfter)
		if y.Reason == "uploadRateLimitExceeded" {
			wait = max(thumbnailLimit, y.RetryAfter)
		}
		return time.Time{}, p.delaySteps(ctx, s.Kind, now.Add(wait))
	case youtube.ClassMetadata:
		field := "other"
		if y != nil && y.Field() != "" {
			field = y.Field()
		}
		return time.Time{}, p.blockStep(ctx, s, fault.Msg("publishing.refused_field."+field))
	case youtube.ClassNotFound:
		return time.Time{}, p.stepLost(ctx, s, y)
	case youtube.ClassTemporary:
		return time.Time{}, p.stepAgain(ctx, s, y, err)
	default:
		if other, ok := errors.AsType[errOtherPrivacy](err); ok {
			return time.Time{}, p.blockStep(ctx, s, fault.Msg("publishing.privacy."+known(string(other.seen), "private", "unlisted", "public")))
		}
		reason := "?"
		if y != nil {
			reason = y.Reason
		}
		return time.Time{}, p.blockStep(ctx, s, fault.Msg("publishing.step.refused."+string(s.Kind), "Reason", reason))
	}
}

// stepAgain tries a step later and later, and asks a person after a day.
func (p *Publisher) stepAgain(ctx context.Context, s *Step, y *youtube.Error, cause error) error {
	if other, ok := errors.AsType[errOtherPrivacy](cause); ok {
		return p.blockStep(ctx, s, fault.Msg("publishing.privacy."+known(string(other.seen), "private", "unlisted", "public")))
	}
	if errors.Is(cause, os.ErrNotExist) {
		return p.blockStep(ctx, s, fault.Msg("publishing.step.no_file"))
	}
	now := p.now()
	since := s.FailingSince
	if since == nil {
		since = &now
	}
	if now.Sub(*since) > patience {
		return p.blockStep(ctx, s, fault.Msg("publishing.step.gave_up"))
	}
	wait := min(p.PollEvery<<min(s.Tries, 10), time.Hour)
	if y != nil {
		wait = max(wait, y.RetryAfter)
	}
	return p.updateStep(ctx, s, map[string]any{
		"state": StepWaiting, "reason": testimony.Sentence{Message: fault.Msg("publishing.again")},
		"tries": s.Tries + 1, "failing_since": since, "next_at": now.Add(wait),
	})
}

// stepLost deals with something that is not there any more: the playlist is
// made again, a video that is gone is the nightly reconciliation's to judge.
func (p *Publisher) stepLost(ctx context.Context, s *Step, y *youtube.Error) error {
	if s.Kind == StepPlaylist && y != nil && strings.HasPrefix(y.Reason, "playlist") {
		if err := p.forgetPlaylist(ctx, s.Key); err != nil {
			return err
		}
		return p.stepAgain(ctx, s, y, y)
	}
	return p.blockStep(ctx, s, fault.Msg("publishing.step.no_video"))
}

func (p *Publisher) blockStep(ctx context.Context, s *Step, why fault.Message) error {
	return p.updateStep(ctx, s, map[string]any{"state": StepBlocked, "reason": testimony.Sentence{Message: why}})
}

func (p *Publisher) updateStep(ctx context.Context, s *Step, values map[string]any) error {
	return p.DB.Write(context.WithoutCancel(ctx), func(tx *gorm.DB) error { return p.changeStep(tx, *s, values) })
}

// delaySteps has all steps of a kind wait: what slows one down slows all.
func (p *Publisher) delaySteps(ctx context.Context, kind StepKind, until time.Time) error {
	err := p.DB.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&Step{}).Where("state = ? AND kind = ? AND (next_at IS NULL OR next_at < ?)", StepWaiting, kind, until).
			Updates(map[string]any{"next_at": until, "reason": testimony.Sentence{Message: fault.Msg("publishing.too_fast", "Until", until)}}).Error
	})
	if err != nil {
		return fmt.Errorf("let the steps %s wait: %w", kind, err)
	}
	return nil
}
