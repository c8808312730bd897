package studio

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/audit"
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
	By           *fault.Message // who withdrew it
	Never        bool           // nothing of it ever reached the channel
	YoutubeID    *string
	HiddenAt     *time.Time
	DeleteAt     *time.Time
	DeletedAt    *time.Time
	Acts         []act
	Now          time.Time
}

// act is an entry of the trail in words.
type act struct {
	At     time.Time
	Action string
	By     *fault.Message
}

// acts tells what happened to a testimony, and by whom. What has no words is not
// told.
func (s *Studio) acts(lang string, trail []audit.Entry) []act {
	var told []act
	for _, e := range trail {
		if !s.pages.Knows(lang, "newsroom.act."+e.Action) {
			continue
		}
		told = append(told, act{At: e.At, Action: e.Action, By: account.By(e.Actor)})
	}
	return told
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
	lang := page.Lang(ctx)
	title := s.pages.T(lang, "studio.proof.title")
	view := proofPage{
		Crumbs:       []page.Crumb{{Label: m.Name, Href: "/comune"}, {Label: t.Title, Href: address(t.ID)}, {Label: title}},
		Municipality: m, Testimony: t, Never: true, Now: s.clock(),
	}
	if err := s.prove(ctx, &view, lang); err != nil {
		return err
	}
	return s.pages.Render(c, http.StatusOK, "studio/proof", page.Frame{Title: title, Section: "/comune", Robots: "noindex", Page: view})
}

// prove adds what is left of it on the channel, and what the trail tells.
func (s *Studio) prove(ctx context.Context, view *proofPage, lang string) error {
	id := view.Testimony.ID
	publications, err := s.publisher.Of(ctx, []int64{id})
	if err != nil {
		return err
	}
	trail, err := s.testimonies.Trail(ctx, id)
	if err != nil {
		return err
	}
	if pub, ok := publications[id]; ok {
		if trail, err = s.publisher.History(ctx, &pub); err != nil {
			return err
		}
		view.Never = pub.YoutubeID == nil && pub.State == publishing.Removed
		view.YoutubeID, view.HiddenAt, view.DeleteAt = pub.YoutubeID, pub.HiddenAt, pub.DeleteAt
		if pub.State == publishing.Removed {
			view.DeletedAt = &pub.Since
		}
	}
	for _, e := range trail {
		if e.Action == "testimony."+string(testimony.Withdrawn) {
			view.By = account.By(e.Actor)
		}
	}
	view.Acts = s.acts(lang, trail)
	return nil
}
