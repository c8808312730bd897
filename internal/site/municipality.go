package site

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/card"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// municipalitiesPage is all municipalities, or those that were looked for, by
// zone.
type municipalitiesPage struct {
	Form  *page.Form
	Query string
	Found int
	Size  int
	Zones []zoneGroup
	Heard int
}

// Nothing is what stands in place of an empty list.
func (municipalitiesPage) Nothing() page.Empty {
	do := fault.Msg("site.municipalities.none_do")
	return page.Empty{Icon: "search", What: fault.Msg("site.municipalities.none"), Do: &do}
}

// zoneGroup is a zone with those of its municipalities that are shown.
type zoneGroup struct {
	territory.Zone
	Rows []municipalityRow
}

// municipalityRow is a municipality in the list.
type municipalityRow struct {
	Name        string
	Href        string
	Testimonies int64
}

// municipalities lists the municipalities that a citizen looks for. If it can
// be only one, its page comes at once.
func (s *Site) municipalities(c echo.Context) error {
	ctx := c.Request().Context()
	query := strings.TrimSpace(c.QueryParam("q"))
	found := s.Registry.Search(query, "")
	if m, ok := only(found, query); ok {
		return c.Redirect(http.StatusFound, page.Localize(page.Lang(ctx), "/comuni/"+m.Slug))
	}
	heard, err := s.Dashboard.Heard(ctx)
	if err != nil {
		return err
	}
	view := municipalitiesPage{
		Form: page.NewForm(c.QueryParams(), nil), Query: query, Found: len(found), Size: s.Registry.Size(), Heard: len(heard),
	}
	for _, z := range s.Registry.Zones() {
		group := zoneGroup{Zone: z}
		for _, m := range found {
			if m.ZoneSlug == z.Slug {
				group.Rows = append(group.Rows, municipalityRow{Name: m.Name, Href: "/comuni/" + m.Slug, Testimonies: heard[m.IstatCode]})
			}
		}
		if len(group.Rows) > 0 {
			view.Zones = append(view.Zones, group)
		}
	}
	frame := page.Frame{Section: "/comuni", Page: view}
	if query != "" {
		frame.Robots = "noindex"
	}
	return s.render(c, "municipalities", frame)
}

// only is the one municipality that a query can mean: the only one found, or
// the one whose name was written in full.
func only(found []territory.Municipality, query string) (territory.Municipality, bool) {
	if query == "" || len(found) == 0 {
		return territory.Municipality{}, false
	}
	if len(found) == 1 {
		return found[0], true
	}
	i := slices.IndexFunc(found, func(m territory.Municipality) bool { return strings.EqualFold(m.Name, query) })
	if i < 0 {
		return territory.Municipality{}, false
	}
	return found[i], true
}

// municipalityPage is one municipality with its testimonies.
type municipalityPage struct {
	territory.Municipality
	Zone       territory.Zone
	ZoneHref   string
	Crumbs     []page.Crumb
	Cards      []page.Card
	Total      int64
	Pagination page.Pagination
	Nearby     []page.Card // voices of the zone, where there are none of its own
}

// Nothing is what stands in place of a voice that was not heard yet.
func (p municipalityPage) Nothing() page.Empty {
	do := fault.Msg("site.municipality.silent_do")
	return page.Empty{Icon: "voice", What: fault.Msg("site.municipality.silent", "Name", p.Name), Do: &do}
}

func (s *Site) municipality(c echo.Context) error {
	ctx := c.Request().Context()
	m, err := s.Registry.BySlug(c.Param("slug"))
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "site.municipality.unknown")
	}
	shown, err := s.Registry.Shown(m.IstatCode)
	if err != nil {
		return err
	}
	if shown.IstatCode != m.IstatCode {
		return moved(c, "/comuni/"+shown.Slug)
	}
	if !s.Registry.Counts(m) {
		return fault.New(fault.NotFound, "site.municipality.unknown")
	}
	zone, err := s.Registry.Zone(m.ZoneSlug)
	if err != nil {
		return err
	}
	at := page.PageNumber(c)
	list, total, err := s.Testimonies.Shown(ctx, testimony.Filter{Municipality: m.IstatCode}, (at-1)*perPage, perPage)
	if err != nil {
		return err
	}
	if at > 1 && len(list) == 0 {
		return errNoPage
	}
	view := municipalityPage{
		Municipality: m, Zone: zone, ZoneHref: "/testimonianze?zona=" + zone.Slug, Total: total,
		Crumbs: []page.Crumb{
			{Label: s.Pages.T(page.Lang(ctx), "nav.municipalities"), Href: "/comuni"}, {Label: m.Name},
		},
		Pagination: page.Pagination{Page: at, Pages: page.PageCount(int(total), perPage), Total: int(total), Path: "/comuni/" + m.Slug},
	}
	if view.Cards, err = s.cards.Of(ctx, list, 2, 1); err != nil {
		return err
	}
	frame := page.Frame{Title: m.Name, Section: "/comuni", Page: &view}
	if total == 0 {
		near, _, err := s.Testimonies.Shown(ctx, testimony.Filter{Zone: zone.Slug}, 0, 3)
		if err != nil {
			return err
		}
		if view.Nearby, err = s.cards.Of(ctx, near, 3, 0); err != nil {
			return err
		}
	} else if len(list) > 0 {
		frame.Image = card.Poster(&list[0])
	}
	return s.render(c, "municipality", frame)
}

// theme and zone lead to the list of what is about a theme, or from a zone.
func (s *Site) theme(c echo.Context) error { return toList(c, "tema") }

func (s *Site) zone(c echo.Context) error { return toList(c, "zona") }

func toList(c echo.Context, by string) error {
	path := page.Pagination{Path: "/testimonianze", Query: map[string][]string{by: {cmp.Or(c.Param("slug"), "-")}}}.Href(1)
	return c.Redirect(http.StatusFound, page.Localize(page.Lang(c.Request().Context()), path))
}
