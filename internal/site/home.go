package site

import (
	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/card"
	"github.com/voci-in-comune/voci/internal/dashboard"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// homePage is the portal's first page.
type homePage struct {
	Size   int // municipalities there are
	Cards  []page.Card
	More   bool // there are more than these
	Themes []page.Chip
	dashboard.Summary
	Map dashboard.Map
}

// Nothing is what stands in place of the testimonies while there are none.
func (homePage) Nothing() page.Empty {
	do := fault.Msg("site.home.empty_do")
	return page.Empty{Icon: "voice", What: fault.Msg("site.home.empty"), Do: &do}
}

func (s *Site) home(c echo.Context) error {
	ctx := c.Request().Context()
	list, total, err := s.Testimonies.Shown(ctx, testimony.Filter{}, 0, newest)
	if err != nil {
		return err
	}
	view := homePage{Size: s.Registry.Size(), More: total > newest}
	if view.Cards, err = s.cards.Of(ctx, list, 3, 1); err != nil {
		return err
	}
	themes, err := s.Testimonies.Themes(ctx)
	if err != nil {
		return err
	}
	lang := page.Lang(ctx)
	view.Themes = card.Chips(lang, themes, true)
	if view.Summary, err = s.Dashboard.Summary(ctx, lang); err != nil {
		return err
	}
	if view.Map, err = s.Dashboard.Map(ctx, lang); err != nil {
		return err
	}
	frame := page.Frame{Section: "/", Page: view}
	if len(list) > 0 {
		frame.Image = card.Poster(&list[0])
	}
	return s.render(c, "home", frame)
}
