package studio

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/mail"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/territory"
)

const peopleAddress = "/comune/persone"

// peoplePage lists who may act for the town hall, and takes one more in.
type peoplePage struct {
	Crumbs       []page.Crumb
	Municipality territory.Municipality
	People       []personView
	Form         *page.Form
	Given        *givenLink
	MaxName      int
}

// personView is one who may act.
type personView struct {
	account.Link
	Href    string // empty for the town hall's own link, which is for staff to change
	Own     bool   // the town hall's own link
	Me      bool   // the session was opened by it
	Expired bool
	LastDay string // YYYY-MM-DD; empty without one
}

// givenLink is a link that was just made, shown once.
type givenLink struct {
	Name     string
	Address  string
	QR       page.QR
	Replaced bool
}

// personPage is one person of the town hall, to be changed.
type personPage struct {
	Crumbs []page.Crumb
	Person personView
	Form   *page.Form
}

func (s *Studio) personOf(p account.Person, l account.Link) personView {
	v := personView{Link: l, Own: l.Name == "", Me: l.ID == p.LinkID, Expired: l.Expired(s.clock()), LastDay: l.LastDay(time.DateOnly)}
	if !v.Own {
		v.Href = peopleAddress + "/" + strconv.FormatInt(l.ID, 10)
	}
	return v
}

func (s *Studio) people(c echo.Context) error {
	p, err := editor(c)
	if err != nil {
		return err
	}
	return s.showPeople(c, http.StatusOK, p, peoplePage{})
}

// showPeople shows the list; with holds a form as it was refused, or a link that
// was just made.
func (s *Studio) showPeople(c echo.Context, status int, p account.Person, view peoplePage) error {
	ctx := c.Request().Context()
	m, err := s.registry.Municipality(p.MunicipalityCode)
	if err != nil {
		return err
	}
	links, err := s.accounts.People(ctx, p.MunicipalityCode)
	if err != nil {
		return err
	}
	for _, l := range links {
		view.People = append(view.People, s.personOf(p, l))
	}
	title := s.pages.T(page.Lang(ctx), "people.title")
	view.Municipality, view.MaxName = m, account.MaxName
	view.Crumbs = []page.Crumb{{Label: m.Name, Href: "/comune"}, {Label: title}}
	return s.pages.Render(c, status, "studio/people", page.Frame{
		Title: title, Section: "/comune", Robots: "noindex", Canonical: peopleAddress, Secret: view.Given != nil, Page: view,
	})
}

// details reads what is said of a person out of a form.
func details(values interface{ Get(string) string }) account.Details {
	return account.Details{Name: values.Get("name"), Office: values.Get("office"), Email: values.Get("email"), ExpiresOn: values.Get("expires_on")}
}

// invitePerson gives one more person a link, and shows or mails it.
func (s *Studio) invitePerson(c echo.Context) error {
	p, err := editor(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	l, token, err := s.accounts.Invite(c.Request().Context(), p.Actor(), p.MunicipalityCode, details(values), s.hand(c, values.Get("come")))
	if page.Refused(err) {
		return s.showPeople(c, http.StatusUnprocessableEntity, p, peoplePage{Form: page.NewForm(values, err)})
	}
	if err != nil {
		return err
	}
	return s.given(c, p, l, token, values.Get("come"), false)
}

// hand mails a person their link, in the language that they chose to be written
// in; nil if it is to be shown.
func (s *Studio) hand(c echo.Context, how string) account.Hand {
	if how != "manda" {
		return nil
	}
	by, _ := account.From(c.Request().Context())
	return func(tx *gorm.DB, l account.Link, token string) error {
		m, err := s.registry.Municipality(*l.MunicipalityCode)
		if err != nil {
			return err
		}
		link := s.baseURL + page.Localize(l.Language, "/entra/"+token)
		return s.outbox.Post(tx, mail.Message{
			Recipient: l.Email, Lang: l.Language, Link: link, Action: s.pages.T(l.Language, "kit.mail.enter"),
			Subject: s.pages.T(l.Language, "people.mail.subject", "Municipality", m.Name),
			Text:    s.pages.T(l.Language, "people.mail.text", "Name", l.Name, "By", by.Name, "Municipality", m.Name, "Day", l.LastDay("02/01/2006"), "Link", link),
		})
	}
}

// given shows a link once, or says that it was mailed.
func (s *Studio) given(c echo.Context, p account.Person, l account.Link, token, how string, replaced bool) error {
	ctx := c.Request().Context()
	if how == "manda" {
		s.sessions.SetFlash(ctx, "people.mailed")
		return c.Redirect(http.StatusSeeOther, localized(c, peopleAddress))
	}
	link := givenLink{Name: l.Name, Address: s.baseURL + "/entra/" + token, Replaced: replaced}
	var err error
	if link.QR, err = page.NewQR(link.Address); err != nil {
		return err
	}
	return s.showPeople(c, http.StatusOK, p, peoplePage{Given: &link})
}

// named returns the person of the town hall that the address names.
func (s *Studio) named(c echo.Context) (account.Person, account.Link, error) {
	p, err := editor(c)
	if err != nil {
		return p, account.Link{}, err
	}
	id, err := strconv.ParseInt(c.Param("link"), 10, 64)
	if err != nil {
		return p, account.Link{}, fault.New(fault.NotFound, "people.unknown")
	}
	l, err := s.accounts.Person(c.Request().Context(), p.MunicipalityCode, id)
	return p, l, err
}

func (s *Studio) person(c echo.Context) error {
	p, l, err := s.named(c)
	if err != nil {
		return err
	}
	return s.showPerson(c, http.StatusOK, p, l, nil)
}

func (s *Studio) showPerson(c echo.Context, status int, p account.Person, l account.Link, form *page.Form) error {
	m, err := s.registry.Municipality(p.MunicipalityCode)
	if err != nil {
		return err
	}
	view := personPage{
		Person: s.personOf(p, l), Form: form,
		Crumbs: []page.Crumb{{Label: m.Name, Href: "/comune"}, {Label: s.pages.T(page.Lang(c.Request().Context()), "people.title"), Href: peopleAddress}, {Label: l.Name}},
	}
	return s.pages.Render(c, status, "studio/person", page.Frame{Title: l.Name, Section: "/comune", Robots: "noindex", Canonical: view.Person.Href, Page: view})
}

func (s *Studio) changePerson(c echo.Context) error {
	p, l, err := s.named(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	err = s.accounts.ChangePerson(c.Request().Context(), p.Actor(), p.MunicipalityCode, l.ID, details(values))
	if page.Refused(err) {
		return s.showPerson(c, http.StatusUnprocessableEntity, p, l, page.NewForm(values, err))
	}
	if err != nil {
		return err
	}
	return s.doneWithPeople(c, "people.changed")
}

func (s *Studio) doneWithPeople(c echo.Context, flash string) error {
	s.sessions.SetFlash(c.Request().Context(), flash)
	return c.Redirect(http.StatusSeeOther, localized(c, peopleAddress))
}

// replacePerson gives a person another link. Who replaces their own goes on with
// the new one.
func (s *Studio) replacePerson(c echo.Context) error {
	p, l, err := s.named(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	fresh, token, err := s.accounts.ReplacePerson(ctx, p.Actor(), p.MunicipalityCode, l.ID, s.hand(c, values.Get("come")))
	if err != nil {
		return err
	}
	if l.ID == p.LinkID {
		p = fresh.As()
		if err := s.sessions.Begin(ctx, p); err != nil {
			return err
		}
		c.SetRequest(c.Request().WithContext(account.With(ctx, p)))
	}
	return s.given(c, p, fresh, token, values.Get("come"), true)
}

// revokePerson takes a link away. Who takes away their own is out.
func (s *Studio) revokePerson(c echo.Context) error {
	p, l, err := s.named(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := s.accounts.RevokePerson(ctx, p.Actor(), p.MunicipalityCode, l.ID); err != nil {
		return err
	}
	if l.ID == p.LinkID {
		return s.leave(c)
	}
	return s.doneWithPeople(c, "people.revoked")
}
