package newsroom

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/mail"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/territory"
)

// municipalitiesPage lists the registry.
type municipalitiesPage struct {
	Rows        []municipalityRow
	Found, Size int // of how many
	Zones       []territory.Zone
	Query       string
	Zone        string
	Page, Pages int
}

// municipalityRow is one town hall in the list.
type municipalityRow struct {
	territory.Municipality
	Zone        territory.Zone
	Href        string
	Link        *account.LinkUse // nil: no link was made yet
	Testimonies int64
}

func (n *Newsroom) municipalities(c echo.Context) error {
	if _, err := staff(c); err != nil {
		return err
	}
	view, err := n.list(c)
	if err != nil {
		return err
	}
	return n.render(c, http.StatusOK, "municipalities", "/redazione/comuni", "newsroom.municipalities.title", view)
}

// list is the page of the registry that the address asks for, with two queries
// however long it is.
func (n *Newsroom) list(c echo.Context) (municipalitiesPage, error) {
	ctx := c.Request().Context()
	view := municipalitiesPage{
		Size: n.Registry.Size(), Zones: n.Registry.Zones(), Query: strings.TrimSpace(c.QueryParam("q")), Zone: c.QueryParam("zona"), Page: number(c),
	}
	links, err := n.Accounts.LinksInForce(ctx)
	if err != nil {
		return view, err
	}
	counts, err := n.Testimonies.CountByMunicipality(ctx)
	if err != nil {
		return view, err
	}
	for _, m := range n.Registry.Search(view.Query, view.Zone) {
		view.Found++
		if view.Found <= (view.Page-1)*perPage || view.Found > view.Page*perPage {
			continue
		}
		row, err := n.row(m)
		if err != nil {
			return view, err
		}
		if use, ok := links[m.IstatCode]; ok {
			row.Link = &use
		}
		row.Testimonies = counts[m.IstatCode]
		view.Rows = append(view.Rows, row)
	}
	view.Pages = pages(int64(view.Found))
	return view, nil
}

func (n *Newsroom) row(m territory.Municipality) (municipalityRow, error) {
	zone, err := n.Registry.Zone(m.ZoneSlug)
	return municipalityRow{Municipality: m, Zone: zone, Href: "/redazione/comuni/" + m.IstatCode}, err
}

// municipalityPage is one town hall, with its link once staff asked for it.
type municipalityPage struct {
	municipalityRow
	Items []queueItem
	Link  string // the personal link; empty until it is asked for
	Form  *page.Form
}

func (n *Newsroom) municipality(c echo.Context) error {
	_, m, err := n.named(c)
	if err != nil {
		return err
	}
	return n.showMunicipality(c, http.StatusOK, m, "", nil)
}

// named returns the municipality that the address names.
func (n *Newsroom) named(c echo.Context) (account.Person, territory.Municipality, error) {
	p, err := staff(c)
	if err != nil {
		return p, territory.Municipality{}, err
	}
	m, err := n.Registry.Municipality(c.Param("code"))
	return p, m, err
}

func (n *Newsroom) showMunicipality(c echo.Context, status int, m territory.Municipality, link string, form *page.Form) error {
	row, err := n.row(m)
	if err != nil {
		return err
	}
	list, total, err := n.Testimonies.OfMunicipality(c.Request().Context(), m.IstatCode, 0, perPage)
	if err != nil {
		return err
	}
	row.Testimonies = total
	view := municipalityPage{municipalityRow: row, Link: link, Form: form}
	if view.Items, err = n.items(list); err != nil {
		return err
	}
	return n.Pages.Render(c, status, "newsroom/municipality", page.Frame{
		Title: m.Name, Section: "/redazione/comuni", Robots: "noindex", Secret: link != "", Page: view,
	})
}

// showLink shows the personal link, making it if there is none. It is a post,
// so that the link is in no address, history or cache.
func (n *Newsroom) showLink(c echo.Context) error {
	p, m, err := n.named(c)
	if err != nil {
		return err
	}
	token, err := n.Accounts.PersonalLink(c.Request().Context(), p.Actor(), m.IstatCode)
	if err != nil {
		return err
	}
	return n.showMunicipality(c, http.StatusOK, m, n.enter(token), nil)
}

func (n *Newsroom) enter(token string) string { return n.BaseURL + "/entra/" + token }

// replaceLink makes a new personal link: the old one lets nobody in any more.
func (n *Newsroom) replaceLink(c echo.Context) error {
	p, m, err := n.named(c)
	if err != nil {
		return err
	}
	token, err := n.Accounts.ReplaceLink(c.Request().Context(), p.Actor(), m.IstatCode)
	if err != nil {
		return err
	}
	return n.showMunicipality(c, http.StatusOK, m, n.enter(token), nil)
}

// mailLink sends the personal link to an address.
func (n *Newsroom) mailLink(c echo.Context) error {
	p, m, err := n.named(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	token, err := n.Accounts.PersonalLink(ctx, p.Actor(), m.IstatCode)
	if err != nil {
		return err
	}
	err = n.Outbox.PostNow(ctx, mail.Message{
		Recipient: strings.TrimSpace(values.Get("email")),
		// A town hall is written to in Italian, whatever staff read.
		Subject: n.Pages.T(page.Italian, "mail.invitation.subject", "Name", m.Name),
		Text:    n.Pages.T(page.Italian, "mail.invitation.text", "Name", m.Name, "Link", n.enter(token)),
	})
	if fault.Of(err) == fault.Invalid {
		return n.showMunicipality(c, http.StatusUnprocessableEntity, m, "", page.NewForm(values, err))
	}
	if err != nil {
		return err
	}
	n.Sessions.SetFlash(ctx, "newsroom.link_mailed")
	return c.Redirect(http.StatusSeeOther, "/redazione/comuni/"+m.IstatCode)
}
