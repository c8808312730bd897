package site

import (
	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/card"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/presskit"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// referred returns the testimony that a short reference names, if citizens may
// see it. An unlisted one has a code in it that nobody finds by counting.
func (s *Site) referred(c echo.Context) (*testimony.Testimony, error) {
	reference := c.Param("ref")
	id, err := presskit.Number(reference)
	if err != nil {
		return nil, err
	}
	t, err := s.Testimonies.ForCitizen(c.Request().Context(), id)
	if err != nil {
		return nil, err
	}
	if !presskit.Names(reference, t) {
		return nil, fault.New(fault.NotFound, "testimony.unknown")
	}
	return t, nil
}

// short leads from the address on posters to the testimony.
func (s *Site) short(c echo.Context) error {
	t, err := s.referred(c)
	if err != nil {
		return err
	}
	return moved(c, card.Address(t))
}

// embedPage is a testimony in a frame of another site.
type embedPage struct {
	*testimony.Testimony
	Municipality territory.Municipality
	Player       player
	Href         string
}

// embed is the one page that other sites may show in a frame. It gives no
// cookie, and asks nothing of anybody before it is pressed.
func (s *Site) embed(c echo.Context) error {
	t, err := s.referred(c)
	if err != nil {
		return err
	}
	if c.Param("ref") != presskit.Reference(t) { // kept once, whatever is behind its number
		return moved(c, presskit.EmbedPath(t))
	}
	ctx := c.Request().Context()
	publications, err := s.Publisher.Of(ctx, []int64{t.ID})
	if err != nil {
		return err
	}
	m, err := s.Registry.Shown(t.MunicipalityCode)
	if err != nil {
		return err
	}
	view := embedPage{Testimony: t, Municipality: m, Player: s.player(t, publications[t.ID]), Href: card.Address(t)}
	if view.Player.Video != "" {
		captions, err := s.Testimonies.Captions(ctx, t.ID)
		if err != nil {
			return err
		}
		view.Player.Tracks = s.tracks(page.Lang(ctx), t, captions)
	}
	s.Pages.AllowFrames(c)
	return s.render(c, "embed", page.Frame{
		Title: t.Title + " · " + m.Name, Section: "/testimonianze", Robots: "noindex", Canonical: presskit.EmbedPath(t), Page: &view,
	})
}

// framed lets refusals be read in the frame, too: that a testimony was withdrawn
// is told where it was.
func (s *Site) framed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		s.Pages.AllowFrames(c)
		return next(c)
	}
}
