package newsroom

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/mail"
	"github.com/voci-in-comune/voci/internal/notices"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/territory"
)

const municipalitiesAddress = "/redazione/comuni"

// municipalitiesPage lists the registry.
type municipalitiesPage struct {
	Rows        []municipalityRow
	Found, Size int // of how many
	Zones       []territory.Zone
	Query       string
	Zone        string
	Pagination  page.Pagination
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
	return n.render(c, http.StatusOK, "municipalities", municipalitiesAddress, "newsroom.municipalities.title", view)
}

// list is the page of the registry that the address asks for, with two queries
// however long it is.
func (n *Newsroom) list(c echo.Context) (municipalitiesPage, error) {
	ctx := c.Request().Context()
	view := municipalitiesPage{
		Size: n.Registry.Size(), Zones: n.Registry.Zones(), Query: strings.TrimSpace(c.QueryParam("q")), Zone: c.QueryParam("zona"),
	}
	at := page.PageNumber(c)
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
		if view.Found <= (at-1)*perPage || view.Found > at*perPage {
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
	view.Pagination = page.Pagination{Page: at, Pages: page.PageCount(view.Found, perPage), Total: view.Found, Path: municipalitiesAddress, Query: url.Values{}}
	for name, value := range map[string]string{"q": view.Query, "zona": view.Zone} {
		if value != "" {
			view.Pagination.Query.Set(name, value)
		}
	}
	return view, nil
}

func (n *Newsroom) row(m territory.Municipality) (municipalityRow, error) {
	zone, err := n.Registry.Zone(m.ZoneSlug)
	return municipalityRow{Municipality: m, Zone: zone, Href: municipalitiesAddress + "/" + m.IstatCode}, err
}

// municipalityPage is one town hall, with its link once staff asked for it.
type municipalityPage struct {
	municipalityRow
	Crumbs     []page.Crumb
	Items      []queueItem
	Pagination page.Pagination
	Counts     bool // dissolved ones, and those born since, have no link of their own
	personalLink
	Form    *page.Form
	People  []notices.Person // and where their notices go
	Persons []account.Link   // with a link of their own
}

// personalLink is the link as its page shows it.
type personalLink struct {
	Address  string // empty until it is asked for
	Replaced bool   // it has just taken the place of another
}

func (n *Newsroom) municipality(c echo.Context) error {
	_, m, err := n.named(c)
	if err != nil {
		return err
	}
	return n.showMunicipality(c, http.StatusOK, m, personalLink{}, nil)
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

func (n *Newsroom) showMunicipality(c echo.Context, status int, m territory.Municipality, link personalLink, form *page.Form) error {
	ctx := c.Request().Context()
	row, err := n.row(m)
	if err != nil {
		return err
	}
	links, err := n.Accounts.LinksInForce(ctx)
	if err != nil {
		return err
	}
	if use, ok := links[m.IstatCode]; ok {
		row.Link = &use
	}
	people, err := n.Accounts.People(ctx, m.IstatCode)
	if err != nil {
		return err
	}
	at := page.PageNumber(c)
	list, total, err := n.Testimonies.OfMunicipality(ctx, m.IstatCode, (at-1)*perPage, perPage)
	if err != nil {
		return err
	}
	row.Testimonies = total
	view := municipalityPage{municipalityRow: row, Counts: n.Registry.Counts(m), personalLink: link, Form: form}
	view.Persons = slices.DeleteFunc(people, func(l account.Link) bool { return l.Name == "" })
	view.Crumbs = []page.Crumb{{Label: n.Pages.T(page.Lang(ctx), "newsroom.municipalities.title"), Href: municipalitiesAddress}, {Label: m.Name}}
	view.Pagination = page.Pagination{Page: at, Pages: page.PageCount(int(total), perPage), Total: int(total), Path: row.Href}
	if view.Items, err = n.items(list); err != nil {
		return err
	}
	if view.People, err = n.Notices.People(ctx, m.IstatCode); err != nil {
		return err
	}
	return n.renderForm(c, status, "municipality", row.Href, page.Frame{
		Title: m.Name, Section: municipalitiesAddress, Secret: link.Address != "", Page: view,
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
	return n.showMunicipality(c, http.StatusOK, m, personalLink{Address: n.enter(token)}, nil)
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
	return n.showMunicipality(c, http.StatusOK, m, personalLink{Address: n.enter(token), Replaced: true}, nil)
}

// revokePerson takes the link of a town hall's person away.
func (n *Newsroom) revokePerson(c echo.Context) error {
	p, m, err := n.named(c)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(c.Param("link"), 10, 64)
	if err != nil {
		return fault.New(fault.NotFound, "people.unknown")
	}
	if err := n.Accounts.RevokePerson(c.Request().Context(), p.Actor(), m.IstatCode, id); err != nil {
		return err
	}
	return n.done(c, "newsroom.people.revoked", municipalitiesAddress+"/"+m.IstatCode)
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
		Recipient: strings.TrimSpace(values.Get("email")), Link: n.enter(token), Action: n.Pages.T(page.Italian, "kit.mail.enter"),
		// A town hall is written to in Italian, whatever staff read.
		Subject: n.Pages.T(page.Italian, "mail.invitation.subject", "Name", m.Name),
		Text:    n.Pages.T(page.Italian, "mail.invitation.text", "Name", m.Name, "Link", n.enter(token)),
	})
	if page.Refused(err) {
		return n.showMunicipality(c, http.StatusUnprocessableEntity, m, personalLink{}, page.NewForm(values, err))
	}
	if err != nil {
		return err
	}
	if err := n.Accounts.NoteMailed(ctx, p.Actor(), m.IstatCode); err != nil {
		return err
	}
	return n.done(c, "newsroom.link.mailed", municipalitiesAddress+"/"+m.IstatCode)
}
