package studio

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// approvePage is what whoever speaks sees: the testimony, and two answers. It is
// open to whoever has the address.
type approvePage struct {
	Municipality territory.Municipality
	Testimony    *testimony.Testimony
	Action       string
	Poster       string
	Chips        []page.Chip
	Others       []string // languages that it is translated into
	Asked        *fault.Message
	Answerable   bool // it has not gone on
	Form         *page.Form
}

func (s *Studio) toApprove(c echo.Context) error {
	t, err := s.testimonies.ToApprove(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	return s.showApprove(c, http.StatusOK, t, nil)
}

func (s *Studio) showApprove(c echo.Context, status int, t *testimony.Testimony, form *page.Form) error {
	ctx := c.Request().Context()
	m, err := s.registry.Municipality(t.MunicipalityCode)
	if err != nil {
		return err
	}
	view := approvePage{
		Municipality: m, Testimony: t, Action: "/approva/" + c.Param("token"), Asked: wordsOfAsking(t.Approval, "approval.asked_you"),
		Answerable: t.State.Editable(), Form: form,
	}
	if t.Video != nil && t.Video.Poster != "" {
		view.Poster = view.Action + "/poster"
	}
	for _, theme := range t.Themes {
		view.Chips = append(view.Chips, page.Chip{Name: theme.Name(page.Lang(ctx)), Icon: theme.Icon, Hue: theme.Colour})
	}
	for _, lang := range testimony.OtherLanguages(t.Language) {
		if _, ok := t.Translations[lang]; ok {
			view.Others = append(view.Others, lang)
		}
	}
	return s.pages.Render(c, status, "studio/approve", page.Frame{
		Title: s.pages.T(page.Lang(ctx), "approval.page.title"), Robots: "noindex", Canonical: view.Action, Secret: true, Page: view,
	})
}

// wordsOfAsking says who asked and when: a person, or the town hall.
func wordsOfAsking(a *testimony.Approval, key string) *fault.Message {
	if name := account.NameIn(a.AskedBy); name != "" {
		return message(key, "By", name, "At", a.AskedAt)
	}
	return message(key+"_hall", "At", a.AskedAt)
}

// answerApproval takes the answer of whoever speaks. The page then says what it
// was.
func (s *Studio) answerApproval(c echo.Context) error {
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	ctx, token := c.Request().Context(), c.Param("token")
	switch values.Get("answer") {
	case "approve":
		_, err = s.testimonies.GiveApproval(ctx, token)
	case "refuse":
		_, err = s.testimonies.RefuseApproval(ctx, token, values.Get("objection"))
	default:
		return fault.New(fault.Invalid, "form.unreadable")
	}
	if page.Refused(err) {
		t, gone := s.testimonies.ToApprove(ctx, token)
		if gone != nil {
			return gone
		}
		return s.showApprove(c, http.StatusUnprocessableEntity, t, page.NewForm(values, err))
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, localized(c, "/approva/"+token))
}

// approvalPoster and approvalRendition answer with the files of what is to be
// approved.
func (s *Studio) approvalPoster(c echo.Context) error {
	t, err := s.testimonies.ToApprove(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	return s.posterFile(c, t)
}

func (s *Studio) approvalRendition(c echo.Context) error {
	t, err := s.testimonies.ToApprove(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	return s.renditionFile(c, t)
}
