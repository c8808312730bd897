package studio

import (
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/views"
)

// adopted is the way of a testimony whose video was on the channel before the
// portal was: nobody sent, reviewed or approved it here.
func adopted(t *testimony.Testimony, pub *publishing.Publication, count *views.Latest) []page.Step {
	way := []page.Step{
		{Label: fault.Msg("studio.step.was_there"), State: page.StepDone, At: at(t.PublishedAt)},
		{Label: fault.Msg("studio.step.adopted"), State: page.StepDone, At: at(t.ApprovedAt)},
	}
	switch {
	case t.State == testimony.Withdrawn:
		return append(way, withdrawn(t, pub))
	case pub != nil && pub.State == publishing.Blocked: // its remedy is not for a town hall
		way[0].State, way[0].Note = page.StepWaiting, message("publishing.state.blocked")
	case pub != nil && pub.State != publishing.Public:
		way[0].State, way[0].Note = page.StepWaiting, pub.Explain()
	}
	return append(way, seen(count))
}

// withdrawn is the end of a testimony that was taken back.
func withdrawn(t *testimony.Testimony, pub *publishing.Publication) page.Step {
	end := page.Step{Label: fault.Msg("studio.step.withdrawn"), State: page.StepDone, At: at(t.ClosedAt)}
	if pub != nil && pub.State != publishing.Public {
		end.Note = pub.Explain()
	}
	return end
}
