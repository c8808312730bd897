package views

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/youtube"
)

const (
	// reserve is how many calls are taken from the allowance at once, so that a
	// large channel does not pay a transaction for each of them.
	reserve = 100
	// hopeless is how many calls in a row may fail before a run ends: a line that
	// is down stays down for the rest of it.
	hopeless = 10
)

// Report is what a run brought.
type Report struct {
	Asked    int    // publications asked for
	Answered int    // publications of which something was said
	Calls    int    // statistics calls made
	Failed   int    // calls that failed: their publications keep their old counts
	Trouble  string // key of the last failure's sentence, empty if there was none
}

// target is a publication to ask for.
type target struct {
	ID, TestimonyID int64
	YoutubeID       string
}

// run is a row of sync_runs.
type run struct {
	ID         int64
	StartedAt  time.Time
	FinishedAt *time.Time
	Asked      int
	Answered   int
	Calls      int
	Failed     int
	Trouble    string
}

// TableName names the table of runs.
func (run) TableName() string { return "sync_runs" }

// Run asks for the counts of every publication that is out, fifty at a time,
// each fifty kept in one transaction. A call that fails leaves what is known
// with its time, and the run goes on; those counted longest ago come first, so
// that the next run goes on where this one could not.
//
// It returns an error if it had to end early: fault.Unavailable with Until when
// the day's allowance is used up, whatever stats returned when there is no
// channel.
func (s *Sync) Run(ctx context.Context) (Report, error) {
	if err := s.take(ctx); err != nil {
		return Report{}, err
	}
	defer s.give()
	r := &run{StartedAt: s.now().UTC()}
	targets, err := s.targets(ctx)
	if err != nil {
		return Report{}, err
	}
	r.Asked = len(targets)
	if err := s.db.Write(ctx, func(tx *gorm.DB) error { return tx.Create(r).Error }); err != nil {
		return Report{}, fmt.Errorf("begin a run of counts: %w", err)
	}
	stopped := s.ask(ctx, r, targets)
	if r.Answered > 0 {
		stopped = errors.Join(stopped, s.settle(ctx))
		s.changed()
	}
	err = errors.Join(stopped, s.finish(ctx, r))
	s.log.InfoContext(ctx, "views synced", "asked", r.Asked, "answered", r.Answered,
		"calls", r.Calls, "failed", r.Failed, "trouble", r.Trouble)
	return Report{Asked: r.Asked, Answered: r.Answered, Calls: r.Calls, Failed: r.Failed, Trouble: r.Trouble}, err
}

// take waits for the turn to run.
func (s *Sync) take(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Sync) give() { <-s.turn }

// targets lists whom to ask for, those counted longest ago first.
func (s *Sync) targets(ctx context.Context) ([]target, error) {
	var targets []target
	err := s.db.Reader(ctx).Raw(`
		SELECT p.id, p.testimony_id, p.youtube_id
		FROM publications p LEFT JOIN latest_views l ON l.publication_id = p.id
		WHERE p.state = 'public' AND p.youtube_id IS NOT NULL
		ORDER BY coalesce(l.taken_at, 0), p.id`).Scan(&targets).Error
	if err != nil {
		return nil, fmt.Errorf("list the publications to count: %w", err)
	}
	return targets, nil
}

// ask makes the calls. It returns why it ended before the last of them.
func (s *Sync) ask(ctx context.Context, r *run, targets []target) error {
	if len(targets) == 0 {
		return nil
	}
	channel, err := s.stats(ctx)
	if err != nil {
		r.Trouble = trouble(err)
		return fmt.Errorf("open the channel: %w", err)
	}
	inRow, reserved := 0, 0
	for len(targets) > 0 {
		if reserved == 0 {
			reserved = min(reserve, (len(targets)+youtube.MaxIDs-1)/youtube.MaxIDs)
			if err := s.ledger.Spend(ctx, string(youtube.BucketStatistics), reserved*youtube.CostStatistics); err != nil {
				r.Trouble = trouble(err)
				return fmt.Errorf("take %d calls from the allowance: %w", reserved, err)
			}
		}
		batch := targets[:min(youtube.MaxIDs, len(targets))]
		targets, reserved = targets[len(batch):], reserved-1
		err := s.askFor(ctx, channel, r, batch)
		if err == nil {
			inRow = 0
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		inRow++
		r.Failed++
		r.Trouble = trouble(err)
		s.log.WarnContext(ctx, "a call for counts failed", "videos", len(batch), "error", err)
		if fatal(err) || inRow == hopeless {
			return s.ended(err)
		}
	}
	return nil
}

// askFor makes one call and keeps what it brought in one transaction.
func (s *Sync) askFor(ctx context.Context, channel Statistics, r *run, batch []target) error {
	ids := make([]string, len(batch))
	for i, t := range batch {
		ids[i] = t.YoutubeID
	}
	r.Calls++
	counts, err := channel.Statistics(ctx, ids)
	if err != nil {
		return err
	}
	progress := *r
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		answered, err := record(tx, batch, counts, s.now())
		if err != nil {
			return err
		}
		progress.Answered = r.Answered + answered
		return tx.Save(&progress).Error // a run that is killed still says what it brought
	})
	if err != nil {
		return fmt.Errorf("keep %d counts: %w", len(counts), err)
	}
	*r = progress
	return nil
}

// finish closes the run, also when ctx has ended.
func (s *Sync) finish(ctx context.Context, r *run) error {
	ctx = context.WithoutCancel(ctx)
	end := s.now().UTC()
	r.FinishedAt = &end
	if err := s.db.Write(ctx, func(tx *gorm.DB) error { return tx.Save(r).Error }); err != nil {
		return fmt.Errorf("end a run of counts: %w", err)
	}
	return nil
}

// ended says why a run ends early, and until when where that is known.
func (s *Sync) ended(err error) error {
	err = fmt.Errorf("count views: %w", err)
	if trouble(err) != troubleQuota {
		return err
	}
	until := fault.Wrap(err, fault.Unavailable, troubleQuota)
	until.Until = youtube.NextReset(s.now())
	return until
}

// fatal tells whether all further calls would fail alike.
func fatal(err error) bool {
	switch youtube.ClassOf(err) {
	case youtube.ClassDisconnected, youtube.ClassUnauthorized, youtube.ClassStatisticsQuota, youtube.ClassUnitsQuota:
		return true
	}
	return fault.Of(err) == fault.Full
}

const troubleQuota = "views.trouble.quota"

// trouble is the key of the sentence that says what went wrong.
func trouble(err error) string {
	switch kind := fault.Of(err); kind {
	case fault.Unknown: // YouTube's
	case fault.Unavailable:
		return troubleQuota
	case fault.Full:
		return "views.trouble.full"
	default:
		return "views.trouble.disconnected"
	}
	switch youtube.ClassOf(err) {
	case youtube.ClassStatisticsQuota, youtube.ClassUnitsQuota:
		return troubleQuota
	case youtube.ClassDisconnected, youtube.ClassUnauthorized:
		return "views.trouble.disconnected"
	case youtube.ClassTemporary, youtube.ClassBurst:
		return "views.trouble.temporary"
	default:
		return "views.trouble.refused"
	}
}
