package publishing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

const (
	// missingFor is how long a video must be missing, from the first look that did
	// not find it to a second: a list may leave out one that exists.
	missingFor = 24 * time.Hour
	// captionsANight bounds how many videos have their captions compared in one
	// run, at 50 units each.
	captionsANight = 10
	// captionsAgain is how long the captions of a video are not looked at again.
	captionsAgain = 20 * time.Hour
)

// Reconciliation is one comparison of portal and channel.
type Reconciliation struct {
	ID         int64
	StartedAt  time.Time
	FinishedAt *time.Time
	Checked    int    // videos compared; those known to be missing are not counted
	Missing    int    // of these, not there
	Found      int    // new differences
	Trouble    string // key of the sentence that says why it stopped, or changed nothing
}

// troubleMissing says that too much is missing to be believed.
const troubleMissing = "publishing.reconcile.missing"

// Reconcile compares what the channel has with what it should have, and keeps
// each difference as a Finding for a person to settle. It changes nothing on the
// channel. A run that was stopped goes on with the publications that it did not
// reach; one that is whole begins anew. It returns fault.Unavailable with Until
// when the day's quota, less the kept share, is used up.
func (p *Publisher) Reconcile(ctx context.Context) (Reconciliation, error) {
	if p.Channels == nil {
		return Reconciliation{}, nil
	}
	p.reconciling.Lock() // the timetable's and a person's take turns
	defer p.reconciling.Unlock()
	run, err := p.beginReconciliation(ctx)
	if err != nil {
		return Reconciliation{}, err
	}
	stopped := p.reconcileAll(ctx, run)
	if err := p.endReconciliation(ctx, run, stopped); err != nil {
		return *run, err
	}
	p.Log.InfoContext(ctx, "portal and channel compared", "checked", run.Checked, "missing", run.Missing, "found", run.Found, "trouble", run.Trouble)
	return *run, stopped
}

// LastReconciliation is the latest comparison, nil before the first.
func (p *Publisher) LastReconciliation(ctx context.Context) (*Reconciliation, error) {
	var run Reconciliation
	found := p.DB.Reader(ctx).Order("id DESC").Limit(1).Find(&run)
	if found.Error != nil {
		return nil, fmt.Errorf("read the last reconciliation: %w", found.Error)
	}
	if found.RowsAffected == 0 {
		return nil, nil
	}
	return &run, nil
}

// beginReconciliation goes on with the run that was stopped, or begins one.
func (p *Publisher) beginReconciliation(ctx context.Context) (*Reconciliation, error) {
	run := Reconciliation{}
	err := p.DB.Write(ctx, func(tx *gorm.DB) error {
		found := tx.Where("finished_at IS NULL").Order("id DESC").Limit(1).Find(&run)
		if found.Error != nil || found.RowsAffected > 0 {
			return found.Error
		}
		run.StartedAt = p.now()
		return tx.Create(&run).Error
	})
	if err != nil {
		return nil, fmt.Errorf("begin a reconciliation: %w", err)
	}
	run.Trouble = ""
	return &run, nil
}

// endReconciliation notes how far the run came. One that stopped for a time goes
// on later.
func (p *Publisher) endReconciliation(ctx context.Context, run *Reconciliation, stopped error) error {
	if stopped == nil || run.Trouble != "" {
		now := p.now()
		run.FinishedAt = &now
	}
	if stopped != nil && run.Trouble == "" {
		run.Trouble = "publishing.reconcile.stopped"
		if e, ok := errors.AsType[*fault.Error](stopped); ok {
			run.Trouble = e.Message.Key
		}
	}
	err := p.DB.Write(context.WithoutCancel(ctx), func(tx *gorm.DB) error { return tx.Save(run).Error })
	if err != nil {
		return fmt.Errorf("end a reconciliation: %w", err)
	}
	return nil
}

// sight is what was seen of a publication.
type sight struct {
	onFile
	video  youtube.Video
	listed bool
	found  []Finding
}

// forget drops what judging needs no more: a channel can be long.
func (s *sight) forget() {
	s.video = youtube.Video{Privacy: s.video.Privacy, UploadStatus: s.video.UploadStatus}
	s.said, s.file = testimony.Testimony{}, testimony.Video{}
	if len(s.found) == 0 {
		s.steps = nil
	}
}

func (p *Publisher) reconcileAll(ctx context.Context, run *Reconciliation) error {
	// A token of another channel would make everything look wrong.
	if err := p.Channels.Check(ctx); err != nil {
		return p.reconcileFailed(ctx, run, err)
	}
	client, channel, err := p.Channels.Client(ctx)
	if err != nil {
		return p.reconcileFailed(ctx, run, err)
	}
	lists, err := p.readLists(ctx, client, channel)
	if err != nil {
		return p.reconcileFailed(ctx, run, err)
	}
	seen, stopped := p.lookAtAll(ctx, client, channel, run, lists)
	missing := 0
	for _, s := range seen {
		switch {
		case s.listed || s.pub.State == Blocked: // of what is blocked it is known that something is wrong
			run.Checked++
		case s.pub.State != Missing:
			run.Checked++
			missing++
		}
	}
	run.Missing += missing
	if missing > 0 && run.Missing > 1 && run.Missing*5 > run.Checked {
		run.Trouble = troubleMissing
		p.Log.WarnContext(ctx, "too much of the channel is missing to be believed", "missing", run.Missing, "asked", run.Checked)
		if err := p.Channels.Check(ctx); err != nil {
			p.Log.WarnContext(ctx, "the channel does not answer as it should", "error", err)
		}
		return nil
	}
	if err := p.judge(ctx, run, seen); err != nil {
		return err
	}
	if stopped != nil {
		return p.reconcileFailed(ctx, run, stopped)
	}
	if err := p.compareCaptions(ctx, client, channel, run); err != nil {
		return p.reconcileFailed(ctx, run, err)
	}
	return nil
}

// reconcileFailed decides what a failure means for the run: one of the channel
// ends it, all else lets it go on later.
func (p *Publisher) reconcileFailed(ctx context.Context, run *Reconciliation, err error) error {
	if _, waits := spentUp(err); waits || ctx.Err() != nil {
		return err
	}
	switch class := youtube.ClassOf(err); {
	case fault.Of(err) == fault.NotFound || fault.Of(err) == fault.Conflict:
		run.Trouble = troubleOf(err) // no channel, or one that cannot be used
		return nil
	case class == youtube.ClassDisconnected, class == youtube.ClassUnauthorized:
		run.Trouble = troubleOf(err)
		return p.Channels.Fail(ctx, err)
	case class == youtube.ClassUnitsQuota:
		until := youtube.NextReset(p.now())
		return errors.Join(later(until, "publishing.quota.units", err), p.Ledger.Exhaust(ctx, youtube.BucketUnits))
	}
	p.Log.WarnContext(ctx, "comparing portal and channel stopped", "error", err)
	return later(p.now().Add(p.wait(len(pollSteps))), "publishing.trouble.unreachable", err)
}

// readLists reads the ids of the videos in each of the portal's playlists. One
// that is gone has none.
func (p *Publisher) readLists(ctx context.Context, client *youtube.Client, channel *Channel) (map[string]map[string]bool, error) {
	var ours []Playlist
	if err := p.DB.Reader(ctx).Where("channel_id = ?", channel.ID).Order("key").Find(&ours).Error; err != nil {
		return nil, fmt.Errorf("read the playlists: %w", err)
	}
	lists := make(map[string]map[string]bool, len(ours))
	for _, list := range ours {
		if err := p.Ledger.Room(ctx, youtube.BucketUnits, youtube.CostRead, Spare); err != nil {
			return nil, err
		}
		items, err := client.PlaylistItems(ctx, list.YoutubeID)
		if err != nil && youtube.ClassOf(err) != youtube.ClassNotFound {
			return nil, err
		}
		lists[list.Key] = make(map[string]bool, len(items))
		for _, item := range items {
			lists[list.Key][item.VideoID] = true
		}
	}
	return lists, nil
}

// comparable are the publications that have a video to compare.
func (p *Publisher) comparable(ctx context.Context, channel *Channel) *gorm.DB {
	return p.DB.Reader(ctx).Model(&Publication{}).Where("youtube_id IS NOT NULL AND verified AND channel_id IN ? AND state IN ?",
		[]string{"", channel.ID}, []State{Public, Processing, Blocked, Missing})
}

// lookAtAll reads the videos that the run has not reached, fifty for a unit. What
// was seen before it stopped counts. It writes nothing yet: whether what is
// missing can be believed shows only at the end.
func (p *Publisher) lookAtAll(ctx context.Context, client *youtube.Client, channel *Channel, run *Reconciliation, lists map[string]map[string]bool) ([]sight, error) {
	var pubs []Publication
	err := p.comparable(ctx, channel).Where("reconciled_at IS NULL OR reconciled_at <= ?", run.StartedAt).Order("reconciled_at, id").Find(&pubs).Error
	if err != nil {
		return nil, fmt.Errorf("list the videos to compare: %w", err)
	}
	var seen []sight
	for some := range slices.Chunk(pubs, youtube.MaxIDs) {
		if err := p.Ledger.Room(ctx, youtube.BucketUnits, youtube.CostRead, Spare); err != nil {
			return seen, err
		}
		ids := make([]string, len(some))
		for i, pub := range some {
			ids[i] = *pub.YoutubeID
		}
		videos, err := client.Videos(ctx, ids, youtube.PartSnippet, youtube.PartStatus, youtube.PartContentDetails,
			youtube.PartProcessingDetails, youtube.PartLocalizations)
		if err != nil {
			return seen, err
		}
		files, err := p.files(ctx, some)
		if err != nil {
			return seen, err
		}
		for _, o := range files {
			s := sight{onFile: o}
			s.video, s.listed = videos[*o.pub.YoutubeID]
			if s.video.UploadStatus == "deleted" {
				s.listed = false
			}
			if !s.listed && o.pub.State == Processing {
				continue // a list may leave out what has just arrived: that is look's to judge
			}
			if s.listed {
				if s.found, err = p.differences(&o, s.video, lists); err != nil {
					return seen, err
				}
			}
			s.forget()
			seen = append(seen, s)
		}
	}
	return seen, nil
}

// judge commits what was seen, fifty at a time.
func (p *Publisher) judge(ctx context.Context, run *Reconciliation, seen []sight) error {
	shown := false
	if err := p.closeFindings(ctx); err != nil {
		return err
	}
	for some := range slices.Chunk(seen, youtube.MaxIDs) {
		found := 0
		err := p.DB.Write(ctx, func(tx *gorm.DB) error {
			found = 0
			for i := range some {
				n, changed, err := p.judgeOne(tx, &some[i])
				if err != nil {
					return err
				}
				found += n
				shown = shown || changed
			}
			return tx.Model(&Reconciliation{}).Where("id = ?", run.ID).Updates(map[string]any{"checked": run.Checked, "missing": run.Missing, "found": run.Found + found}).Error
		})
		if err != nil {
			return fmt.Errorf("note what differs on the channel: %w", err)
		}
		run.Found += found
	}
	if shown {
		p.Shown()
	}
	return nil
}

// closeFindings settles what was found of testimonies that were withdrawn since,
// and of captions that are no longer wanted.
func (p *Publisher) closeFindings(ctx context.Context) error {
	err := p.DB.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`UPDATE findings SET settled_at = ?, settled_by = ? WHERE settled_at IS NULL AND (
			publication_id IN (SELECT id FROM publications WHERE state IN ?) OR
			kind = ? AND NOT EXISTS (SELECT 1 FROM publication_steps s WHERE s.publication_id = findings.publication_id
				AND s.kind = ? AND s.key = findings.key AND s.wanted <> ''))`,
			p.now(), audit.Portal, []State{Removing, Removed}, FindCaptions, StepCaptions).Error
	})
	if err != nil {
		return fmt.Errorf("settle the findings that are over: %w", err)
	}
	return nil
}

// ofVideos are the kinds that a look at the videos and playlists tells.
func ofVideos() []FindingKind {
	return []FindingKind{FindMissing, FindPrivacy, FindRejected, FindFailed, FindStuck, FindDuration, FindWords, FindLocalizations, FindPlaylist}
}

// judgeOne commits what was seen of one publication. shown means that citizens
// see it otherwise now.
func (p *Publisher) judgeOne(tx *gorm.DB, s *sight) (found int, shown bool, err error) {
	pub, err := get(tx, s.pub.ID)
	if err != nil {
		return 0, false, err
	}
	if pub.State != s.pub.State || pub.YoutubeID == nil || *pub.YoutubeID != *s.pub.YoutubeID {
		// Something happened to it meanwhile: the next run compares it.
		return 0, false, tx.Model(&Publication{}).Where("id = ?", pub.ID).Update("reconciled_at", p.now()).Error
	}
	fresh, err := stepsOf(tx, pub.ID)
	if err != nil {
		return 0, false, err
	}
	s.found = slices.DeleteFunc(s.found, func(f Finding) bool { // neither is what the portal changes by itself
		return slices.ContainsFunc(fresh, func(now Step) bool {
			return now.Kind == StepKind(f.Kind) && now.Key == f.Key && (now.State == StepWaiting || now.Wanted != s.steps[now.name()].Wanted)
		})
	})
	next, why, values, sure := p.outcome(pub, s)
	if _, err := p.change(tx, pub.ID, nil, next, why, values); err != nil {
		return 0, false, err
	}
	if next == Processing && pub.State == Blocked {
		if err := p.Enqueue(tx, pub.ID, LaneFollow); err != nil {
			return 0, false, err
		}
	}
	after := *pub
	if after.State = next; s.listed {
		after.SeenPrivacy = s.video.Privacy
	}
	shown = after.Playable() != pub.Playable()
	if !sure {
		return 0, shown, nil
	}
	found, err = p.report(tx, pub, ofVideos(), s.found)
	return found, shown, err
}

// outcome is what a look means for the publication. It is not sure of a first
// miss, nor of one soon after it.
func (p *Publisher) outcome(pub *Publication, s *sight) (next State, why testimony.Sentence, values map[string]any, sure bool) {
	now := p.now()
	next, why, values = pub.State, pub.Reason, map[string]any{"reconciled_at": now}
	if !s.listed {
		switch {
		case pub.MissedAt == nil:
			values["missed_at"] = now
			return next, why, values, false
		case now.Sub(*pub.MissedAt) < missingFor:
			return next, why, values, false
		}
		s.found = []Finding{{Kind: FindMissing, Mark: string(FindMissing)}}
		if pub.State == Public {
			next = Missing
		}
		return next, why, values, true
	}
	values["missed_at"], values["seen_at"], values["seen_privacy"] = nil, now, s.video.Privacy
	refusal := slices.IndexFunc(s.found, func(f Finding) bool { return f.Kind == FindFailed || f.Kind == FindRejected })
	refused := strings.HasPrefix(pub.Reason.Key, "publishing.failed.") || strings.HasPrefix(pub.Reason.Key, "publishing.rejected.")
	switch {
	case refusal >= 0 && (pub.State == Public || pub.State == Missing):
		next, why = Blocked, testimony.Sentence{Message: *s.found[refusal].Detail.Reason}
	case pub.State == Missing:
		next = Public
	case pub.State == Blocked && refused && refusal < 0 && s.video.UploadStatus == "processed":
		// YouTube has thought better of it.
		next, why = Processing, testimony.Sentence{}
		values["polls"], values["next_poll_at"] = 0, now
	}
	return next, why, values, true
}

// compareCaptions compares the captions of some videos, those that were not
// compared for longest first: they cost fifty times as much as all the rest.
func (p *Publisher) compareCaptions(ctx context.Context, client *youtube.Client, channel *Channel, run *Reconciliation) error {
	var pubs []Publication
	err := p.comparable(ctx, channel).Where("state = ? AND (captions_seen_at IS NULL OR captions_seen_at < ?)", Public, p.now().Add(-captionsAgain)).
		Where("EXISTS (SELECT 1 FROM publication_steps s WHERE s.publication_id = publications.id AND s.kind = ? AND s.state = ? AND s.wanted <> '')",
			StepCaptions, StepDone).Order("captions_seen_at, id").Limit(captionsANight).Find(&pubs).Error
	if err != nil {
		return fmt.Errorf("list the captions to compare: %w", err)
	}
	files, err := p.files(ctx, pubs)
	if err != nil {
		return err
	}
	for i := range files {
		o := &files[i]
		if err := p.Ledger.Room(ctx, youtube.BucketUnits, youtube.CostWrite, Spare); err != nil {
			return err
		}
		tracks, err := client.Captions(ctx, *o.pub.YoutubeID)
		if youtube.ClassOf(err) == youtube.ClassNotFound {
			continue // whether the video is missing is judged elsewhere
		}
		if err != nil {
			return err
		}
		found, err := o.captionsDiffer(tracks)
		if err != nil {
			return err
		}
		err = p.DB.Write(ctx, func(tx *gorm.DB) error {
			if err := tx.Model(&Publication{}).Where("id = ?", o.pub.ID).Update("captions_seen_at", p.now()).Error; err != nil {
				return err
			}
			n, err := p.report(tx, &o.pub, []FindingKind{FindCaptions}, found)
			run.Found += n
			return err
		})
		if err != nil {
			return fmt.Errorf("note the captions of publication %d: %w", o.pub.ID, err)
		}
	}
	return nil
}
