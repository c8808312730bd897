package studio

import (
	"slices"
	"strings"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/views"
)

// notice is what a town hall should know first of a testimony, and what it does
// now.
type notice struct {
	Kind   string // info, warning or danger
	What   fault.Message
	Quote  string // what a person wrote
	Do     *fault.Message
	Button *fault.Message // nil when there is nothing to do but wait
	Part   string         // of the form that the button leads to
}

// noticeOf is nil while others are at work and all is well.
func noticeOf(t *testimony.Testimony, coming *arriving, now time.Time) *notice {
	unusable := t.Full != nil && t.Full.State == testimony.VideoUnusable
	switch {
	case t.State == testimony.Rejected:
		return &notice{Kind: "danger", What: fault.Msg("studio.ask.rejected"), Quote: t.Reason}
	case t.State == testimony.Withdrawn:
		return &notice{Kind: "info", What: fault.Msg("studio.ask.withdrawn"), Quote: t.Reason}
	case t.AwaitsWhole():
		return wholeNotice(t, coming)
	case !t.State.Editable():
		return nil
	case t.NeedsOtherVideo() && coming == nil:
		return &notice{
			Kind: "danger", What: fault.Msg("register.ask"), Do: message("register.ask_do"),
			Button: message("register.ask_button"), Part: "#video",
		}
	case coming != nil && coming.Recording():
		return &notice{
			Kind: "warning", What: fault.Msg("record.ask.half"), Do: message("record.ask.half_do"),
			Button: message("record.ask.half_button"), Part: "#video",
		}
	case coming != nil:
		return &notice{
			Kind: "warning", What: fault.Msg("studio.ask.resume", "Percent", coming.Percent), Do: message("studio.ask.resume_do"),
			Button: message("studio.ask.resume_button"), Part: "#video",
		}
	case unusable && (t.State == testimony.Draft || t.SubmittedAt != nil):
		return &notice{
			Kind: "danger", What: t.Full.Reason.Message, Do: message("studio.ask.resend_do"),
			Button: message("studio.ask.resend_button"), Part: "#video",
		}
	case t.AwaitsFile() && t.Video == nil:
		return &notice{
			Kind: "warning", What: fault.Msg("studio.ask.awaits"), Do: message("studio.ask.awaits_file_do"),
			Button: message("studio.ask.resend_button"), Part: "#video",
		}
	case t.AwaitsFile():
		return &notice{Kind: "info", What: fault.Msg("studio.ask.awaits"), Do: message("studio.ask.awaits_do")}
	case t.Approval != nil && (t.State == testimony.Draft || t.Approval.State != testimony.ApprovalGiven):
		return approvalNotice(t, now)
	case t.State == testimony.ChangesRequested:
		return &notice{
			Kind: "warning", What: fault.Msg("studio.ask.changes"), Quote: t.Reason, Do: message("studio.ask.changes_do"),
			Button: message("studio.ask.changes_button"),
		}
	default:
		return &notice{
			Kind: "info", What: fault.Msg("studio.ask.finish"), Do: message("studio.ask.finish_do"),
			Button: message("studio.ask.finish_button"),
		}
	}
}

// wholeNotice is what to know while staff have the small version only.
func wholeNotice(t *testimony.Testimony, coming *arriving) *notice {
	n := &notice{Kind: "warning", Do: message("line.ask.whole_do"), Part: "#video"}
	switch {
	case coming != nil:
		n.What, n.Button = fault.Msg("line.ask.whole_part", "Percent", coming.Percent), message("studio.ask.resume_button")
	case t.Full == nil:
		n.What, n.Button = fault.Msg("line.ask.whole_missing"), message("line.ask.whole_button")
	case t.Full.State == testimony.VideoUnusable:
		n.Kind, n.What, n.Do, n.Button = "danger", t.Full.Reason.Message, message("line.ask.whole_again_do"), message("studio.ask.resend_button")
	default:
		return &notice{Kind: "info", What: fault.Msg("line.ask.whole_checking")}
	}
	return n
}

// onForm is the notice on the form itself: without a button that leads there,
// and without what the form says anyway.
func (n *notice) onForm() *notice {
	if n == nil || slices.Contains([]string{"studio.ask.finish", "studio.ask.resume", "line.ask.whole_part"}, n.What.Key) {
		return nil
	}
	here := *n
	if here.Part == "" {
		here.Button = nil
	}
	return &here
}

// The stations on the way of a testimony.
const (
	atFile = iota
	atReview
	atApproval
	atChannel
	atPeople
)

// steps is the way of a testimony: received, approved by whoever speaks if they
// were asked, in review, approved, on the channel, seen.
func steps(t *testimony.Testimony, pub *publishing.Publication, expected publishing.Expectation, count *views.Latest, coming *arriving, now time.Time) []page.Step {
	if t.Origin == testimony.FromChannel {
		return adopted(t, pub, count)
	}
	way := stations(t, pub, expected, count, coming)
	if t.Approval != nil {
		way = slices.Insert(way, 1, approvalStep(t, now))
	}
	return way
}

func stations(t *testimony.Testimony, pub *publishing.Publication, expected publishing.Expectation, count *views.Latest, coming *arriving) []page.Step {
	way := []page.Step{
		received(t, coming),
		{Label: fault.Msg("studio.step.review"), State: page.StepAhead},
		{Label: fault.Msg("studio.step.approved"), State: page.StepAhead},
		{Label: fault.Msg("studio.step.youtube"), State: page.StepAhead},
		{Label: fault.Msg("studio.step.seen"), State: page.StepAhead},
	}
	switch t.State {
	case testimony.Draft:
	case testimony.InReview:
		way[atReview].State, way[atReview].At = page.StepWaiting, at(t.SubmittedAt)
		way[atReview].Note = message("studio.step.review_wait")
	case testimony.ChangesRequested:
		way[atReview].Label, way[atReview].State = fault.Msg("studio.step.changes"), page.StepBlocked
	case testimony.Rejected:
		way = way[:atApproval]
		way[atReview] = page.Step{Label: fault.Msg("studio.step.rejected"), State: page.StepEnded, At: at(t.ClosedAt)}
	case testimony.Approved:
		passed(way, t)
		way[atChannel].State, way[atChannel].Note = publication(pub, expected)
	case testimony.Published:
		passed(way, t)
		way[atChannel].State, way[atChannel].At = page.StepDone, at(t.PublishedAt)
		if pub != nil && pub.State != publishing.Public {
			way[atChannel].State, way[atChannel].Note = publication(pub, expected)
		}
		way[atPeople] = seen(count)
	case testimony.Withdrawn:
		way = append(way[:1], withdrawn(t, pub))
	}
	return way
}

// passed marks what an approved testimony has behind it.
func passed(way []page.Step, t *testimony.Testimony) {
	way[atReview].State, way[atReview].At = page.StepDone, at(t.SubmittedAt)
	way[atApproval].State, way[atApproval].At = page.StepDone, at(t.ApprovedAt)
}

// publication is where the way to the channel stands. What only staff can mend
// is said as such: its remedy is not for a town hall. What just waits for its turn
// says when that comes.
func publication(pub *publishing.Publication, expected publishing.Expectation) (page.StepState, *fault.Message) {
	switch {
	case pub == nil:
		return page.StepCurrent, nil
	case pub.State == publishing.Blocked:
		return page.StepWaiting, message("publishing.state.blocked")
	case pub.State == publishing.Sending, pub.State == publishing.Processing:
		return page.StepCurrent, pub.Explain()
	case pub.State == publishing.Waiting && pub.PublishAt != nil && expected.Known && pub.PublishAt.After(expected.At):
		return page.StepWaiting, message("studio.step.scheduled", "At", *pub.PublishAt)
	case pub.State == publishing.Waiting && expected.Known && (pub.Reason.Key == "" || strings.HasPrefix(pub.Reason.Key, "publishing.quota.")):
		return page.StepWaiting, expected.Explain()
	default:
		return page.StepWaiting, pub.Explain()
	}
}

// seen is how often people watched it, as far as it is known.
func seen(count *views.Latest) page.Step {
	st := page.Step{Label: fault.Msg("studio.step.seen"), State: page.StepCurrent, Note: message("studio.step.seen_wait")}
	if count != nil && count.Views != nil {
		st.At, st.Note, st.YouTube = count.At, message("studio.step.counted", "Count", *count.Views, "At", count.At), true
		if *count.Views > 0 {
			st.State = page.StepDone
		}
	}
	return st
}

// received is the first step: the file itself.
func received(t *testimony.Testimony, coming *arriving) page.Step {
	st := page.Step{Label: fault.Msg("studio.step.received"), State: page.StepCurrent}
	v := t.Full
	if v != nil {
		st.At = v.ReceivedAt
	}
	switch small := t.OnlySmall(); {
	case coming != nil && coming.Recording():
		st.At, st.Note = time.Time{}, message("record.step.half")
	case coming != nil && small:
		st.Note = message("line.step.small_percent", "Percent", coming.Percent)
	case coming != nil:
		st.At, st.Note = time.Time{}, message("studio.step.percent", "Percent", coming.Percent)
	case v == nil && small:
		st.At, st.Note = t.Small.ReceivedAt, message("line.step.small")
	case v == nil:
		st.Note = message("studio.step.no_file")
	case t.NeedsOtherVideo():
		st.State, st.Note = page.StepBlocked, message("register.step")
	case v.State == testimony.VideoUnusable:
		st.State, st.Note = page.StepBlocked, &v.Reason.Message
	case v.State == testimony.VideoChecking:
		st.State, st.Note = page.StepWaiting, message("studio.step.checking")
	case t.State == testimony.Draft:
		st.State, st.Note = page.StepDone, message("studio.step.not_asked")
	default:
		st.State = page.StepDone
	}
	return st
}

// at is a time that may not have come.
func at(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
