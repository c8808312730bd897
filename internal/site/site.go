// Package site is the citizens' face of the portal: the first page, the
// testimonies and their lists, municipalities, the public numbers, the pages
// that the law asks for, and the open data. It gives nobody a cookie and asks
// nothing of other sites.
package site

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/card"
	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/dashboard"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/views"
)

const (
	// newest is how many testimonies the first page shows.
	newest = 6
	// perPage is how many a list shows on a page.
	perPage = 24
)

// Rooms are what the site is built on.
type Rooms struct {
	Pages       *page.Pages
	Cache       *page.Cache
	Registry    *territory.Registry
	Testimonies *testimony.Store
	Publisher   *publishing.Publisher
	Views       *views.Sync
	Dashboard   *dashboard.Dashboard
	YouTube     string // sandbox, live or off, see config
	BaseURL     string
	Renditions  string // folder of posters and renditions
}

// Site answers citizens.
type Site struct {
	Rooms
	cards *card.Maker
}

// New makes the site.
func New(r Rooms) *Site { return &Site{r, card.NewMaker(r.Registry, r.Views)} }

// live tells whether videos are on Google's YouTube: otherwise the portal plays
// them itself.
func (s *Site) live() bool { return s.YouTube == config.YouTubeLive }

// render shows a page of the site.
func (s *Site) render(c echo.Context, name string, frame page.Frame) error {
	return s.Pages.Render(c, http.StatusOK, "site/"+name, frame)
}

// errNoPage is what somebody gets who asks for a page beyond the last of a list.
var errNoPage = fault.New(fault.NotFound, "error.not_found")

// moved answers that a page has another address in this portal, for good. The
// answer is asked for anew each time, since a title may change and change back.
func moved(c echo.Context, path string) error {
	c.Response().Header().Set("Cache-Control", "no-cache")
	return c.Redirect(http.StatusMovedPermanently, page.Localize(page.Lang(c.Request().Context()), path))
}
