package publishing

import (
	"context"
	"fmt"
	"time"

	"github.com/voci-in-comune/voci/internal/youtube"
)

// Expectation is when a publication's video should reach the channel.
type Expectation struct {
	Known bool      // false while a person must do something first
	At    time.Time // not before; zero: today, after Ahead others
	Ahead int       // how many are sent before it
}

// Expect tells of every publication that is not out when its video should be
// sent: what is over today's allowance goes to the next days, in the order of
// the queue.
func (p *Publisher) Expect(ctx context.Context) (map[int64]Expectation, error) {
	var waiting []Publication
	err := p.DB.Reader(ctx).Where("state IN ?", []State{Waiting, Sending, Processing, Blocked}).Order("since, id").Find(&waiting).Error
	if err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	spent, err := spent(p.DB.Reader(ctx), youtube.QuotaDay(p.now()), youtube.BucketUploads)
	if err != nil {
		return nil, err
	}
	perDay := max(1, p.Ledger.limits.of(youtube.BucketUploads))
	left := max(0, perDay-spent)
	var day time.Time // zero is today
	expected := make(map[int64]Expectation, len(waiting))
	ahead := 0
	for _, pub := range waiting {
		switch {
		case pub.State == Blocked:
			expected[pub.ID] = Expectation{}
			continue
		case pub.State == Processing, pub.SessionSealed != nil:
			expected[pub.ID] = Expectation{Known: true}
			continue
		}
		if left == 0 {
			next := p.now()
			if !day.IsZero() {
				next = day
			}
			day, left = youtube.NextReset(next), perDay
		}
		left--
		at := day
		if pub.Until != nil && pub.Until.After(at) && pub.Until.After(p.now()) {
			at = *pub.Until
		}
		expected[pub.ID] = Expectation{Known: true, At: at, Ahead: ahead}
		ahead++
	}
	return expected, nil
}

// Outlook is what the plans of all publications still ask of the channel.
type Outlook struct {
	Steps, Units       int // without captions
	Captions, ForThem  int // captions to be sent, and their units
	Blocked            int // steps that need a person
	Done, CaptionsDone time.Time
}

// Outlook sums up the plans: Done and CaptionsDone are the days by which what
// waits is done at the pace of the daily allowance, zero for today.
func (p *Publisher) Outlook(ctx context.Context) (Outlook, error) {
	var o Outlook
	var waiting []Step
	err := p.DB.Reader(ctx).Raw(`SELECT s.* FROM publication_steps s JOIN publications p ON p.id = s.publication_id
		WHERE s.state <> 'done' AND p.state NOT IN ('removing', 'removed')`).Scan(&waiting).Error
	if err != nil {
		return o, fmt.Errorf("read the plans: %w", err)
	}
	for _, s := range waiting {
		switch {
		case s.State == StepBlocked:
			o.Blocked++
		case s.Kind == StepCaptions:
			o.Captions++
			o.ForThem += s.Cost()
		default:
			o.Steps++
			o.Units += s.Cost()
		}
	}
	spent, err := spent(p.DB.Reader(ctx), youtube.QuotaDay(p.now()), youtube.BucketUnits)
	if err != nil {
		return o, err
	}
	o.Done = p.doneBy(o.Units, spent)
	o.CaptionsDone = p.doneBy(o.Units+o.ForThem, spent)
	return o, nil
}

// doneBy is the beginning of the quota day in which so many units will have been
// spent, zero for today.
func (p *Publisher) doneBy(units, spent int) time.Time {
	perDay := max(1, p.Ledger.limits.Units-p.Ledger.limits.Kept)
	var day time.Time
	for left := max(0, perDay-spent); units > left; left = perDay {
		units -= left
		from := p.now()
		if !day.IsZero() {
			from = day
		}
		day = youtube.NextReset(from)
	}
	return day
}
