package site

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// testimoniesPage is the list of testimonies, as narrowed by its form.
type testimoniesPage struct {
	Form         *page.Form
	Themes       []page.Option
	Zones        []page.Option
	Languages    []page.Option
	Municipality *territory.Municipality // the one that the list is narrowed to
	AllHref      string                  // the same list with all municipalities
	Narrowed     bool
	Cards        []page.Card
	Total        int64
	Pagination   page.Pagination
}

// Nothing is what stands in place of an empty list.
func (p testimoniesPage) Nothing() page.Empty {
	if !p.Narrowed {
		return page.Empty{Icon: "voice", What: fault.Msg("site.list.empty")}
	}
	do := fault.Msg("site.list.none_do")
	return page.Empty{Icon: "search", What: fault.Msg("site.list.none"), Do: &do, Href: "/testimonianze", Action: fault.Msg("site.home.all")}
}

func (s *Site) testimonies(c echo.Context) error {
	ctx := c.Request().Context()
	asked := url.Values{}
	for _, name := range []string{"q", "tema", "zona", "comune", "lingua"} {
		if v := strings.TrimSpace(c.QueryParam(name)); v != "" {
			asked.Set(name, v)
		}
	}
	view := testimoniesPage{Form: page.NewForm(asked, nil), Narrowed: len(asked) > 0}
	filter, err := s.filter(ctx, asked, &view)
	if err != nil {
		return err
	}
	at := page.PageNumber(c)
	list, total, err := s.Testimonies.Shown(ctx, filter, (at-1)*perPage, perPage)
	if err != nil {
		return err
	}
	if at > 1 && len(list) == 0 {
		return errNoPage
	}
	view.Total = total
	view.Pagination = page.Pagination{
		Page: at, Pages: page.PageCount(int(total), perPage), Total: int(total), Path: "/testimonianze", Query: asked,
	}
	if view.Cards, err = s.cards.Of(ctx, list, 2, 1); err != nil {
		return err
	}
	frame := page.Frame{Section: "/testimonianze", Page: view}
	if filter.Query != "" {
		frame.Robots = "noindex"
	}
	return s.render(c, "testimonies", frame)
}

// filter reads what the list is narrowed to, and fills in the form's choices.
// What does not exist is fault.NotFound.
func (s *Site) filter(ctx context.Context, asked url.Values, view *testimoniesPage) (testimony.Filter, error) {
	lang := page.Lang(ctx)
	f := testimony.Filter{Query: asked.Get("q"), Theme: asked.Get("tema"), Zone: asked.Get("zona"), Language: asked.Get("lingua")}
	themes, err := s.Testimonies.Themes(ctx)
	if err != nil {
		return f, err
	}
	for _, th := range themes {
		view.Themes = append(view.Themes, page.Option{Value: th.Slug, Label: th.Name(lang)})
	}
	for _, z := range s.Registry.Zones() {
		view.Zones = append(view.Zones, page.Option{Value: z.Slug, Label: z.Name})
	}
	for _, code := range testimony.Languages() {
		view.Languages = append(view.Languages, page.Option{Value: code, Label: s.Pages.T(lang, "site.language."+code)})
	}
	for _, one := range []struct {
		value string
		among []page.Option
	}{{f.Theme, view.Themes}, {f.Zone, view.Zones}, {f.Language, view.Languages}} {
		if one.value != "" && !slices.ContainsFunc(one.among, func(o page.Option) bool { return o.Value == one.value }) {
			return f, fault.New(fault.NotFound, "site.list.unknown", "Name", one.value)
		}
	}
	if slug := asked.Get("comune"); slug != "" {
		m, err := s.Registry.BySlug(slug)
		if err == nil {
			m, err = s.Registry.Shown(m.IstatCode)
		}
		if err != nil {
			return f, err
		}
		f.Municipality, view.Municipality = m.IstatCode, &m
		view.AllHref = page.Pagination{Path: "/testimonianze", Query: asked, Param: "comune"}.Href(1)
	}
	return f, nil
}
