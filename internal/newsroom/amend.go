package newsroom

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/register"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/wording"
)

const testimoniesAddress = "/redazione/testimonianze"

func testimonyAddress(id int64) string {
	return testimoniesAddress + "/" + strconv.FormatInt(id, 10)
}

// face is where staff change what a testimony says after its approval.
func (n *Newsroom) face() wording.Face {
	return wording.Face{
		Name: "newsroom", Section: reviewsAddress, Path: testimoniesAddress, Own: reviewsAddress, Open: n.testimonyOf,
		Crumbs: func(m territory.Municipality, t *testimony.Testimony) []page.Crumb {
			return []page.Crumb{{Label: m.Name, Href: "/redazione/comuni/" + m.IstatCode}, {Label: t.Title, Href: reviewAddress(t.ID)}}
		},
	}
}

// registerFace is where staff read who is filmed.
func (n *Newsroom) registerFace() register.Face {
	own := n.face()
	return register.Face{
		Name: own.Name, Section: own.Section, Path: own.Path, Open: n.testimonyOf, Own: reviewAddress, Crumbs: own.Crumbs,
	}
}

// withdraw withdraws a testimony for its town hall, with a reason.
func (n *Newsroom) withdraw(c echo.Context) error {
	p, t, err := n.testimonyOf(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	_, err = n.Testimonies.Withdraw(c.Request().Context(), p.Actor(), testimony.Anywhere, t.ID, testimony.Withdrawal{Reason: values.Get("reason")})
	if page.Refused(err) {
		return n.showReview(c, http.StatusUnprocessableEntity, t, reviewPage{Withdraw: page.NewForm(values, err)})
	}
	if err != nil {
		return err
	}
	return n.done(c, "newsroom.publication.withdrawn", reviewAddress(t.ID))
}
