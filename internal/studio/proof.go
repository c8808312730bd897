package studio

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// proofPage says, dated, that a testimony was withdrawn and what is left of it.
type proofPage struct {
	Crumbs       []page.Crumb
	Municipality territory.Municipality
	Testimony    *testimony.Testimony
	ByStaff      bool
	Never        bool // nothing of it ever reached the channel
	YoutubeID    *string
	HiddenAt     *time.Time
	DeleteAt     *time.Time
	DeletedAt    *time.Time
	Now          time.Time
}

func (s *Studio) proof(c echo.Context) error {
	_, t, err := s.mine(c)
	if err != nil {
		return err
	}
	if t.State != testimony.Withdrawn {
		return fault.New(fault.NotFound, "testimony.unknown")
	}
	ctx := c.Request().Context()
	m, err := s.registry.Municipality(t.MunicipalityCode)
	if err != nil {
		return err
	}
	publications, err := s.publisher.Of(ctx, []int64{t.ID})
	if err != nil {
		return err
	}
	actor, err := s.testimonies.WithdrawnBy(ctx, t.ID)
	if err != nil {
		return err
	}
	title := s.pages.T(page.Lang(ctx), "studio.proof.title")
	view := proofPage{
		Crumbs:       []page.Crumb{{Label: m.Name, Href: "/comune"}, {Label: t.Title, Href: address(t.ID)}, {Label: title}},
		Municipality: m, Testimony: t, ByStaff: !account.ActedForTownHall(actor), Never: true, Now: s.clock(),
	}
	if pub, ok := publications[t.ID]; ok {
		view.Never = pub.YoutubeID == nil && pub.State == publishing.Removed
		view.YoutubeID, view.HiddenAt, view.DeleteAt = pub.YoutubeID, pub.HiddenAt, pub.DeleteAt
		if pub.State == publishing.Removed {
			view.DeletedAt = &pub.Since
		}
	}
	return s.pages.Render(c, http.StatusOK, "studio/proof", page.Frame{Title: title, Section: "/comune", Robots: "noindex", Page: view})
}
