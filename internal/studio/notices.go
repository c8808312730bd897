package studio

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/notices"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/territory"
)

// noticesPage is where a person chooses the mails that they get.
type noticesPage struct {
	Crumbs       []page.Crumb
	Municipality territory.Municipality
	Path         string
	Person       notices.Person
	Form         *page.Form
	Wants        []page.Option
	Languages    []page.Option
}

func (s *Studio) notices(c echo.Context) error {
	p, err := editor(c)
	if err != nil {
		return err
	}
	return s.showNotices(c, http.StatusOK, p, nil)
}

func (s *Studio) showNotices(c echo.Context, status int, p account.Person, form *page.Form) error {
	ctx := c.Request().Context()
	m, err := s.registry.Municipality(p.MunicipalityCode)
	if err != nil {
		return err
	}
	person, err := s.notes.Of(ctx, p.MunicipalityCode, p.LinkID)
	if err != nil {
		return err
	}
	if form == nil {
		form = page.NewForm(url.Values{"email": {person.Email}, "notices": {string(person.Wants)}, "language": {person.Language}}, nil)
	}
	lang := page.Lang(ctx)
	title := s.pages.T(lang, "kit.notices.title")
	view := noticesPage{
		Crumbs: []page.Crumb{{Label: m.Name, Href: "/comune"}, {Label: title}}, Municipality: m, Path: notices.ChoicesPath, Person: person, Form: form,
	}
	for _, w := range []notices.Wants{notices.All, notices.Important, notices.None} {
		key := "kit.notices.wants." + string(w)
		view.Wants = append(view.Wants, page.Option{Value: string(w), Label: s.pages.T(lang, key), Help: s.pages.T(lang, key+".help")})
	}
	for _, code := range notices.Languages() {
		view.Languages = append(view.Languages, page.Option{Value: code, Label: s.pages.T(lang, "language."+code)})
	}
	if status != http.StatusOK {
		title = s.pages.T(lang, "form.error_prefix") + " " + title
	}
	return s.pages.Render(c, status, "studio/notices", page.Frame{Title: title, Section: "/comune", Robots: "noindex", Canonical: notices.ChoicesPath, Page: view})
}

// chooseNotices keeps which mails a person wants, and where.
func (s *Studio) chooseNotices(c echo.Context) error {
	p, err := editor(c)
	if err != nil {
		return err
	}
	v, err := page.Values(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	err = s.notes.Choose(ctx, p.Actor(), p.MunicipalityCode, p.LinkID, v.Get("email"), notices.Wants(v.Get("notices")), v.Get("language"))
	if page.Refused(err) {
		return s.showNotices(c, http.StatusUnprocessableEntity, p, page.NewForm(v, err))
	}
	if err != nil {
		return err
	}
	s.sessions.SetFlash(ctx, "kit.notices.saved")
	return c.Redirect(http.StatusSeeOther, page.Localize(page.Lang(ctx), notices.ChoicesPath))
}
