package studio

import (
	"context"

	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/views"
)

// homePage is a town hall's page.
type homePage struct {
	Municipality territory.Municipality
	Zone         territory.Zone
	Items        []itemView
	Total        int64
	Page, Pages  int
}

// itemView is one testimony as its town hall sees it.
type itemView struct {
	ID       int64
	Title    string
	Href     string
	Poster   string // empty without one
	Duration time.Duration
	State    testimony.State
	Sample   bool
	Steps    []step
	Next     string // message key of what the town hall does now, if anything
	Reason   string // what staff wrote, when it came back
	Updated  time.Time
}

// step is one station on the way of a testimony.
type step struct {
	Key    string // message key of its word
	State  string // done, current, trouble or todo
	At     *time.Time
	Detail *fault.Message
}

// home shows the town hall its testimonies.
func (s *Studio) home(c echo.Context) error {
	p, err := editor(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	m, err := s.registry.Municipality(p.MunicipalityCode)
	if err != nil {
		return err
	}
	zone, err := s.registry.Zone(m.ZoneSlug)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(c.QueryParam("pagina"))
	if err != nil || number < 1 {
		number = 1
	}
	list, total, err := s.testimonies.OfMunicipality(ctx, p.MunicipalityCode, (number-1)*perPage, perPage)
	if err != nil {
		return err
	}
	view := homePage{Municipality: m, Zone: zone, Total: total, Page: number, Pages: int((total + perPage - 1) / perPage)}
	if view.Items, err = s.items(ctx, list); err != nil {
		return err
	}
	return s.pages.Render(c, http.StatusOK, "studio/home", page.Frame{
		Title: m.Name, Section: "/comune", Robots: "noindex", Page: view,
	})
}

// items turns testimonies into what their town hall sees of them, with two
// more queries however many they are.
func (s *Studio) items(ctx context.Context, list []testimony.Testimony) ([]itemView, error) {
	ids := make([]int64, len(list))
	for i, t := range list {
		ids[i] = t.ID
	}
	publications, err := s.publisher.Of(ctx, ids)
	if err != nil {
		return nil, err
	}
	counts, err := s.views.Latest(ctx, ids)
	if err != nil {
		return nil, err
	}
	items := make([]itemView, 0, len(list))
	for _, t := range list {
		var pub *publishing.Publication
		if p, ok := publications[t.ID]; ok {
			pub = &p
		}
		var count *views.Latest
		if n, ok := counts[t.ID]; ok {
			count = &n
		}
		items = append(items, item(&t, pub, count))
	}
	return items, nil
}

func item(t *testimony.Testimony, pub *publishing.Publication, count *views.Latest) itemView {
	v := itemView{
		ID: t.ID, Title: t.Title, Href: address(t.ID), State: t.State, Sample: t.Sample, Updated: t.UpdatedAt,
		Steps: steps(t, pub, count), Next: next(t),
	}
	if t.State == testimony.ChangesRequested || t.State == testimony.Rejected || t.State == testimony.Withdrawn {
		v.Reason = t.Reason
	}
	if t.Video != nil {
		v.Duration = t.Video.Duration()
		if t.Video.Poster != "" {
			v.Poster = address(t.ID) + "/poster"
		}
	}
	return v
}

// next is what the town hall does now: nothing, while others are at work.
func next(t *testimony.Testimony) string {
	switch {
	case t.State == testimony.ChangesRequested:
		return "studio.next.changes"
	case t.State != testimony.Draft:
		return ""
	case t.Video != nil && t.Video.State == testimony.VideoUnusable:
		return "studio.next.resend"
	case t.SubmittedAt != nil:
		return ""
	default:
		return "studio.next.finish"
	}
}

// The states of a step.
const (
	done    = "done"
	current = "current"
	trouble = "trouble"
	todo    = "todo"
)

// steps is the way of a testimony: received, in review, approved, on YouTube,
// seen.
func steps(t *testimony.Testimony, pub *publishing.Publication, count *views.Latest) []step {
	way := []step{
		received(t),
		{Key: "studio.step.review", State: todo},
		{Key: "studio.step.approved", State: todo, At: t.ApprovedAt},
		{Key: "studio.step.youtube", State: todo, At: t.PublishedAt},
		{Key: "studio.step.seen", State: todo},
	}
	switch t.State {
	case testimony.InReview:
		way[1].State, way[1].At = current, t.SubmittedAt
	case testimony.ChangesRequested:
		way[1].State, way[1].Key = trouble, "studio.step.changes"
	case testimony.Rejected:
		way[1].State, way[1].Key, way[1].At = trouble, "studio.step.rejected", t.ClosedAt
	case testimony.Approved:
		way[1].State, way[2].State = done, done
		way[3].State = current
		if pub != nil {
			way[3].Detail = pub.Explain()
			if pub.State == publishing.Blocked {
				way[3].State = trouble
			}
		}
	case testimony.Published:
		way[1].State, way[2].State, way[3].State = done, done, done
		way[4].State = current
		if count != nil && count.Views != nil {
			way[4].State, way[4].At = done, &count.At
			m := fault.Msg("studio.step.views", "Count", *count.Views)
			way[4].Detail = &m
		}
	case testimony.Withdrawn:
		way = append(way[:1], step{Key: "studio.step.withdrawn", State: trouble, At: t.ClosedAt})
	case testimony.Draft:
	}
	return way
}

// received is the first step: the file itself.
func received(t *testimony.Testimony) step {
	st := step{Key: "studio.step.received", State: current}
	v := t.Video
	switch {
	case v == nil:
		m := fault.Msg("studio.step.no_file")
		st.Detail = &m
	case v.State == testimony.VideoUnusable:
		st.State, st.At, st.Detail = trouble, &v.ReceivedAt, &v.Reason.Message
	case v.State == testimony.VideoChecking:
		m := fault.Msg("studio.step.checking")
		st.At, st.Detail = &v.ReceivedAt, &m
	case t.SubmittedAt == nil && t.State == testimony.Draft:
		m := fault.Msg("studio.step.not_asked")
		st.At, st.Detail = &v.ReceivedAt, &m
	default:
		st.State, st.At = done, &v.ReceivedAt
	}
	return st
}
