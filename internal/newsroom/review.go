package newsroom

import (
	"context"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// queuePage lists what waits for a moderator.
type queuePage struct {
	Items       []queueItem
	Total       int64
	Page, Pages int
}

// queueItem is one testimony in a list of the newsroom.
type queueItem struct {
	*testimony.Testimony
	Municipality territory.Municipality
	Href         string
}

func (n *Newsroom) reviewQueue(c echo.Context) error {
	if _, err := staff(c); err != nil {
		return err
	}
	view := queuePage{Page: number(c)}
	list, total, err := n.Testimonies.InReviewQueue(c.Request().Context(), (view.Page-1)*perPage, perPage)
	if err != nil {
		return err
	}
	view.Total, view.Pages = total, pages(total)
	if view.Items, err = n.items(list); err != nil {
		return err
	}
	return n.render(c, http.StatusOK, "queue", "/redazione/revisione", "newsroom.review.title", view)
}

func (n *Newsroom) items(list []testimony.Testimony) ([]queueItem, error) {
	items := make([]queueItem, 0, len(list))
	for i := range list {
		m, err := n.Registry.Municipality(list[i].MunicipalityCode)
		if err != nil {
			return nil, err
		}
		items = append(items, queueItem{Testimony: &list[i], Municipality: m, Href: reviewAddress(list[i].ID)})
	}
	return items, nil
}

func reviewAddress(id int64) string { return "/redazione/revisione/" + strconv.FormatInt(id, 10) }

// reviewPage is one testimony before a moderator.
type reviewPage struct {
	queueItem
	Zone       territory.Zone
	Form       *page.Form // the reason, as typed
	Decidable  bool
	Visibility string // message key
	Language   string // message key
}

func (n *Newsroom) review(c echo.Context) error {
	_, t, err := n.testimonyOf(c)
	if err != nil {
		return err
	}
	return n.showReview(c, http.StatusOK, t, nil)
}

func (n *Newsroom) showReview(c echo.Context, status int, t *testimony.Testimony, form *page.Form) error {
	items, err := n.items([]testimony.Testimony{*t})
	if err != nil {
		return err
	}
	zone, err := n.Registry.Zone(items[0].Municipality.ZoneSlug)
	if err != nil {
		return err
	}
	return n.render(c, status, "review", "/redazione/revisione", "newsroom.review.title", reviewPage{
		queueItem: items[0], Zone: zone, Form: form, Decidable: t.State == testimony.InReview,
		Visibility: "visibility." + string(t.Visibility), Language: "language." + t.Language,
	})
}

// decision is one of the three things that a moderator can do.
type decision func(ctx context.Context, actor string, id int64, version int, reason string) (*testimony.Testimony, error)

func (n *Newsroom) approve(c echo.Context) error {
	return n.decide(c, "newsroom.approved", func(ctx context.Context, actor string, id int64, version int, _ string) (*testimony.Testimony, error) {
		return n.Testimonies.Approve(ctx, actor, id, version)
	})
}

func (n *Newsroom) requestChanges(c echo.Context) error {
	return n.decide(c, "newsroom.sent_back", n.Testimonies.RequestChanges)
}

func (n *Newsroom) reject(c echo.Context) error {
	return n.decide(c, "newsroom.rejected", n.Testimonies.Reject)
}

// decide carries a decision out on the version that the moderator saw. Without
// one, as other programs post, it is the one of now.
func (n *Newsroom) decide(c echo.Context, flash string, do decision) error {
	p, t, err := n.testimonyOf(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	version := t.Version
	if seen, err := strconv.Atoi(values.Get("version")); err == nil {
		version = seen
	}
	_, err = do(c.Request().Context(), p.Actor(), t.ID, version, values.Get("reason"))
	if page.Refused(err) {
		return n.showReview(c, http.StatusUnprocessableEntity, t, page.NewForm(values, err))
	}
	if err != nil {
		return err
	}
	n.Sessions.SetFlash(c.Request().Context(), flash)
	return c.Redirect(http.StatusSeeOther, "/redazione/revisione")
}
