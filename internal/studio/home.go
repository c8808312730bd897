package studio

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/card"
	"github.com/voci-in-comune/voci/internal/dashboard"
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
	Asks         []ask // what is asked of the town hall now
	Items        []itemView
	Pagination   page.Pagination
	Empty        page.Empty
	Watched      dashboard.Watched
	Near         []page.Card // the newest from its neighbours
	People       []acting
	Tryout       *fault.Message // the last rehearsal in words; nil without one
}

// ask is one thing that the town hall is asked to do.
type ask struct {
	What   fault.Message
	Kind   string // info, warning or danger
	Title  string // of the testimony; empty if it has none yet
	Href   string
	Button fault.Message
}

// acting is somebody who may act for the town hall.
type acting struct {
	account.Link
	You bool // whoever looks
}

const (
	mostAsked  = 20 // things asked at once: more would ask nothing
	neighbours = 12 // municipalities around that count as such
	nearCards  = 3
)

// itemView is one testimony as its town hall sees it.
type itemView struct {
	ID       int64
	Title    string
	Href     string
	Public   string // where citizens see it; empty if they do not
	Poster   string // empty without one
	Duration time.Duration
	State    testimony.State
	Sample   bool
	Steps    []page.Step
	Notice   *notice
	Updated  time.Time
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
	number := page.PageNumber(c)
	list, total, err := s.testimonies.OfMunicipality(ctx, p.MunicipalityCode, (number-1)*perPage, perPage)
	if err != nil {
		return err
	}
	if len(list) == 0 && number > 1 {
		return fault.New(fault.NotFound, "error.what.404")
	}
	pages := page.PageCount(int(total), perPage)
	view := homePage{
		Municipality: m, Zone: zone,
		Pagination: page.Pagination{Page: number, Pages: pages, Total: int(total), Path: "/comune"},
		Empty:      page.Empty{Icon: "film", What: fault.Msg("studio.home.empty"), Do: message("studio.home.empty_do")},
	}
	if view.Items, err = s.items(ctx, list); err != nil {
		return err
	}
	if err := s.around(ctx, &view, p); err != nil {
		return err
	}
	if view.Tryout, err = s.tryoutHint(ctx, p); err != nil {
		return err
	}
	return s.pages.Render(c, http.StatusOK, "studio/home", page.Frame{
		Title: m.Name, Section: "/comune", Robots: "noindex", Page: view,
	})
}

// around adds what the page shows beside the town hall's testimonies.
func (s *Studio) around(ctx context.Context, view *homePage, p account.Person) (err error) {
	if view.Asks, err = s.asks(ctx, p.MunicipalityCode); err != nil {
		return err
	}
	if view.Watched, err = s.dashboard.Municipality(ctx, page.Lang(ctx), p.MunicipalityCode); err != nil {
		return err
	}
	near := s.registry.Near(view.Municipality, neighbours)
	codes := make([]string, len(near))
	for i, m := range near {
		codes[i] = m.IstatCode
	}
	latest, err := s.testimonies.LatestFrom(ctx, codes, nearCards)
	if err != nil {
		return err
	}
	if view.Near, err = s.cards.Of(ctx, latest, 3, 0); err != nil {
		return err
	}
	links, err := s.accounts.People(ctx, p.MunicipalityCode)
	for _, l := range links {
		if !l.Expired(s.clock()) {
			view.People = append(view.People, acting{l, l.ID == p.LinkID})
		}
	}
	return err
}

// asks are the things that a town hall can do now, whichever page of its
// testimonies is shown.
func (s *Studio) asks(ctx context.Context, municipality string) ([]ask, error) {
	open, err := s.testimonies.WithTownHall(ctx, municipality, mostAsked)
	if err != nil {
		return nil, err
	}
	coming, err := s.arriving(ctx, open)
	if err != nil {
		return nil, err
	}
	var asks []ask
	for i := range open {
		t := &open[i]
		if n := noticeOf(t, coming[t.ID], s.clock()); n != nil && n.Button != nil && n.What.Key != "approval.notice.asked" { // that is for others to do
			asks = append(asks, ask{What: n.What, Kind: n.Kind, Title: t.Title, Href: address(t.ID) + n.Part, Button: *n.Button})
		}
	}
	return asks, nil
}

// items turns testimonies into what their town hall sees of them, with a fixed
// number of queries however many they are.
func (s *Studio) items(ctx context.Context, list []testimony.Testimony) ([]itemView, error) {
	ids := make([]int64, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	publications, err := s.publisher.Of(ctx, ids)
	if err != nil {
		return nil, err
	}
	counts, err := s.views.Latest(ctx, ids)
	if err != nil {
		return nil, err
	}
	coming, err := s.arriving(ctx, list)
	if err != nil {
		return nil, err
	}
	expected, err := s.publisher.Expect(ctx)
	if err != nil {
		return nil, err
	}
	items := make([]itemView, 0, len(list))
	for i := range list {
		t := &list[i]
		var pub *publishing.Publication
		if p, ok := publications[t.ID]; ok {
			pub = &p
		}
		var count *views.Latest
		if n, ok := counts[t.ID]; ok {
			count = &n
		}
		items = append(items, item(t, pub, expected, count, coming[t.ID], s.clock()))
	}
	return items, nil
}

func item(t *testimony.Testimony, pub *publishing.Publication, expected map[int64]publishing.Expectation, count *views.Latest, coming *arriving, now time.Time) itemView {
	var when publishing.Expectation
	if pub != nil {
		when = expected[pub.ID]
	}
	v := itemView{
		ID: t.ID, Title: t.Title, Href: address(t.ID), State: t.State, Sample: t.Sample, Updated: t.UpdatedAt,
		Steps: steps(t, pub, when, count, coming, now), Notice: noticeOf(t, coming, now),
	}
	if t.OpenToCitizens() {
		v.Public = card.Address(t)
	}
	if t.Video != nil {
		v.Duration = t.Video.Duration()
		v.Poster = posterOf(t)
	}
	return v
}

// message makes a message that may be missing.
func message(key string, pairs ...any) *fault.Message {
	m := fault.Msg(key, pairs...)
	return &m
}
