package publishing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// Expectation is when a publication goes on.
type Expectation struct {
	Known   bool      // false while something must be done first, by whoever Channel says
	Channel bool      // not known because the channel is stopped; else somebody must mend the publication
	At      time.Time // not before; zero: today, after Ahead others
	Ahead   int       // how many are sent before it
	Sent    bool      // it is on its way, or there: At is when people see it
	File    bool      // not known because the full file is still to come
}

// Explain puts it into a sentence. It is nil where the publication's own state
// says as much.
func (e Expectation) Explain() *fault.Message {
	var m fault.Message
	switch {
	case e.File:
		return nil
	case !e.Known && e.Channel:
		m = fault.Msg("publishing.expect.channel")
	case !e.Known:
		m = fault.Msg("publishing.expect.person")
	case e.Sent && e.At.IsZero():
		return nil
	case e.Sent:
		m = fault.Msg("publishing.expect.out", "From", e.At)
	case !e.At.IsZero():
		m = fault.Msg("publishing.expect.from", "From", e.At)
	case e.Ahead == 0:
		m = fault.Msg("publishing.expect.first")
	default:
		m = fault.Msg("publishing.expect.ahead", "Count", e.Ahead)
	}
	return &m
}

// Expect tells of every publication that is under way when it goes on: what is
// over today's allowance of uploads goes to the next days, in the order of the
// queue.
func (p *Publisher) Expect(ctx context.Context) (map[int64]Expectation, error) {
	var open []Publication
	err := p.DB.Reader(ctx).Where("state IN ?", []State{Waiting, Sending, Processing, Blocked, Missing}).Order("since, id").Find(&open).Error
	if err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	stopped, err := p.stopped(ctx)
	if err != nil {
		return nil, err
	}
	expected := make(map[int64]Expectation, len(open))
	var queue []Publication
	for _, pub := range open {
		switch {
		case pub.AwaitsFile():
			expected[pub.ID] = Expectation{File: true}
		case pub.State == Blocked, pub.State == Missing, p.Channels == nil:
			expected[pub.ID] = Expectation{}
		case stopped:
			expected[pub.ID] = Expectation{Channel: true}
		case pub.State == Processing:
			_, at := pub.asked(p.now())
			expected[pub.ID] = Expectation{Known: true, Sent: true, At: at}
		case pub.SessionSealed != nil: // its upload is spent already
			until := p.coming(pub.Until)
			expected[pub.ID] = Expectation{Known: true, Sent: until.IsZero(), At: until}
		default:
			queue = append(queue, pub)
		}
	}
	slices.SortStableFunc(queue, func(a, b Publication) int { return p.coming(a.Until).Compare(p.coming(b.Until)) })
	days, err := p.uploadDays(ctx)
	if err != nil {
		return nil, err
	}
	for ahead, pub := range queue {
		until := p.coming(pub.Until)
		at := days.take(until)
		if until.After(at) {
			at = until
		}
		expected[pub.ID] = Expectation{Known: true, At: at, Ahead: ahead}
	}
	return expected, nil
}

// coming is a time that has not come yet, zero if it has, or there is none.
func (p *Publisher) coming(t *time.Time) time.Time {
	if t == nil || !t.After(p.now()) {
		return time.Time{}
	}
	return *t
}

// stopped tells whether there is no channel that can be used.
func (p *Publisher) stopped(ctx context.Context) (bool, error) {
	if p.Channels == nil {
		return true, nil
	}
	ch, err := p.Channels.Current(ctx)
	if fault.Of(err) == fault.NotFound {
		return true, nil
	}
	return err == nil && ch.Trouble != "", err
}

// allowance hands out what may be done in a day, day after day.
type allowance struct {
	now    time.Time
	perDay int
	begins []time.Time // of each day so far; zero for today
	left   []int
}

// take takes one from the first day that has one left and is not over before
// from. It returns when that day begins, zero for today.
func (a *allowance) take(from time.Time) time.Time {
	for day := 0; ; day++ {
		if day == len(a.begins) {
			a.begins, a.left = append(a.begins, a.end(day-1)), append(a.left, a.perDay)
		}
		if a.left[day] > 0 && from.Before(a.end(day)) {
			a.left[day]--
			return a.begins[day]
		}
	}
}

func (a *allowance) end(day int) time.Time {
	if day == 0 {
		return youtube.NextReset(a.now)
	}
	return youtube.NextReset(a.begins[day])
}

// uploadDays is what may be uploaded today and on the days after. An upload also
// takes a unit: it asks first whose channel it is.
func (p *Publisher) uploadDays(ctx context.Context) (*allowance, error) {
	today := youtube.QuotaDay(p.now())
	uploads, err := spent(p.DB.Reader(ctx), today, youtube.BucketUploads)
	if err != nil {
		return nil, err
	}
	units, err := spent(p.DB.Reader(ctx), today, youtube.BucketUnits)
	if err != nil {
		return nil, err
	}
	limits := p.Ledger.limits
	a := &allowance{now: p.now(), perDay: max(1, limits.Uploads), begins: []time.Time{{}}, left: []int{max(0, limits.Uploads-uploads)}}
	if units+youtube.CostRead > limits.Units {
		a.left[0] = 0
	}
	return a, nil
}

// Outlook is what the publications still ask of the channel. The times are the
// beginnings of the quota days by which each is done, zero for today.
type Outlook struct {
	Uploads      int
	UploadsDone  time.Time
	Steps, Units int // of the plans, without captions
	Done         time.Time
	Captions     int
	ForThem      int // units
	CaptionsDone time.Time
	Blocked      int // steps that need a person
}

// Outlook sums up what is still to be done, at the pace of the daily allowance.
func (p *Publisher) Outlook(ctx context.Context) (Outlook, error) {
	var o Outlook
	expected, err := p.Expect(ctx)
	if err != nil {
		return o, err
	}
	for _, e := range expected {
		if e.Known && !e.Sent {
			o.Uploads++
			o.UploadsDone = latest(o.UploadsDone, e.At)
		}
	}
	// What is said of a video that is still to be sent goes with it.
	var waiting []Step
	err = p.DB.Reader(ctx).Raw(`SELECT s.* FROM publication_steps s JOIN publications p ON p.id = s.publication_id
		WHERE s.state <> 'done' AND p.state NOT IN ('removing', 'removed', 'missing')
		AND (p.youtube_id IS NOT NULL OR s.kind NOT IN ('privacy', 'words', 'localizations'))`).Scan(&waiting).Error
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
	if o.Steps > 0 {
		o.Done = latest(p.doneBy(o.Units, spent), o.UploadsDone)
	}
	if o.Captions > 0 {
		o.CaptionsDone = latest(p.doneBy(o.Units+o.ForThem, spent), o.UploadsDone)
	}
	return o, nil
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// doneBy is the beginning of the quota day in which so many units will have been
// spent, zero for today. What is kept for looks and removals is not counted on.
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
