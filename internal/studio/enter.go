package studio

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/page"
)

// doorPage is what an address that lets somebody in shows before it does.
type doorPage struct {
	Action string
	Name   string // of the municipality, or of the member of staff
	Person string // of a town hall; empty for the town hall's own link
	Staff  bool
}

// door shows a button. Opening the page changes nothing: programs that follow
// links in mail must not use the link up.
func (s *Studio) door(c echo.Context) error {
	p, err := s.accounts.Look(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	view := doorPage{Action: "/entra/" + c.Param("token"), Staff: p.Staff(), Name: p.Name}
	if !p.Staff() {
		m, err := s.registry.Municipality(p.MunicipalityCode)
		if err != nil {
			return err
		}
		view.Name, view.Person = m.Name, p.Name
	}
	lang := page.Lang(c.Request().Context())
	return s.pages.Render(c, http.StatusOK, "studio/door", page.Frame{
		Title: s.pages.T(lang, "studio.door.title"), Robots: "noindex", Canonical: "/", Secret: true, Page: view,
	})
}

// enter signs in.
func (s *Studio) enter(c echo.Context) error {
	ctx := c.Request().Context()
	p, err := s.accounts.Enter(ctx, c.Param("token"))
	if err != nil {
		return err
	}
	if err := s.sessions.Begin(ctx, p); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, localized(c, home(p)))
}

// home is the first page of a person.
func home(p account.Person) string {
	switch {
	case p.Staff():
		return "/redazione"
	case p.TestimonyID != 0:
		return address(p.TestimonyID)
	default:
		return "/comune"
	}
}

// leave signs out.
func (s *Studio) leave(c echo.Context) error {
	if err := s.sessions.End(c.Request().Context()); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, localized(c, "/"))
}

// askLinkPage is the form in which staff ask for a sign-in link.
type askLinkPage struct {
	Form *page.Form
	Sent bool
}

func (s *Studio) askLink(c echo.Context) error {
	return s.showAskLink(c, http.StatusOK, askLinkPage{})
}

// mailLink mails a sign-in link to whoever has an account. The answer is the
// same if nobody has, so that nobody can find out who does.
func (s *Studio) mailLink(c echo.Context) error {
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	err = s.signIn(c.Request().Context(), page.Lang(c.Request().Context()), values.Get("email"))
	if page.Refused(err) {
		return s.showAskLink(c, http.StatusUnprocessableEntity, askLinkPage{Form: page.NewForm(values, err)})
	}
	if err != nil {
		return err
	}
	return s.showAskLink(c, http.StatusOK, askLinkPage{Sent: true})
}

func (s *Studio) showAskLink(c echo.Context, status int, view askLinkPage) error {
	lang := page.Lang(c.Request().Context())
	return s.pages.Render(c, status, "studio/signin", page.Frame{
		Title: s.pages.T(lang, "studio.signin.title"), Robots: "noindex", Page: view,
	})
}
