package register

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// withdrawPage asks once, before a consent is withdrawn and what follows from it.
type withdrawPage struct {
	Crumbs   []page.Crumb
	Entry    *testimony.Filmed
	Form     *page.Form
	Action   string
	Back     string
	Today    string
	Follows  string // key of what follows
	Withdraw bool   // the testimony is withdrawn with it
	Staff    bool
}

// follows is the key of what it means to take a consent back now.
func follows(s testimony.State) string {
	switch {
	case s.Amendable():
		return "register.withdraw.public"
	case s == testimony.InReview:
		return "register.withdraw.review"
	case s.Editable():
		return "register.withdraw.draft"
	default:
		return "register.withdraw.closed"
	}
}

// askWithdraw shows what follows if a person takes the consent back, and the
// reason that is given for it, which names nobody.
func (d door) askWithdraw(c echo.Context) error {
	p, t, err := d.Open(c)
	if err != nil {
		return err
	}
	f, err := d.person(c, p, t)
	if err != nil {
		return err
	}
	if f.WithdrawnAt != nil {
		return c.Redirect(http.StatusSeeOther, page.Localize(page.Lang(c.Request().Context()), Address(d.Path, t.ID)))
	}
	form := page.NewForm(url.Values{
		"on": {testimony.Today(d.Clock())}, "reason": {d.Pages.T(page.Lang(c.Request().Context()), "register.withdraw.neutral")},
	}, nil)
	return d.showWithdraw(c, http.StatusOK, p, t, f, form)
}

func (d door) showWithdraw(c echo.Context, status int, p account.Person, t *testimony.Testimony, f *testimony.Filmed, form *page.Form) error {
	address := Address(d.Path, t.ID) + "/" + strconv.FormatInt(f.ID, 10) + "/ritiro"
	return d.render(c, status, "consent", "register.withdraw.title", address, t, func(crumbs []page.Crumb) any {
		return withdrawPage{
			Crumbs: crumbs, Entry: f, Form: form, Action: address, Back: Address(d.Path, t.ID), Today: testimony.Today(d.Clock()),
			Follows: follows(t.State), Withdraw: t.State.Amendable(), Staff: p.Staff(),
		}
	})
}

// withdraw notes that a person took the consent back, with what follows.
func (d door) withdraw(c echo.Context) error {
	p, t, err := d.Open(c)
	if err != nil {
		return err
	}
	f, err := d.person(c, p, t)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	after, err := d.Testimonies.WithdrawConsent(c.Request().Context(), p.Actor(), p.MunicipalityCode, t.ID, f.ID, testimony.ConsentWithdrawal{
		On: values.Get("on"), Why: values.Get("why"),
		Withdrawal: testimony.Withdrawal{Reason: values.Get("reason"), Email: values.Get("email")},
	})
	if page.Refused(err) {
		return d.showWithdraw(c, http.StatusUnprocessableEntity, p, t, f, page.NewForm(values, err))
	}
	if err != nil {
		return err
	}
	switch {
	case after.State == testimony.Withdrawn && !p.Staff() && t.State.Amendable():
		return d.done(c, "register.withdrawn_public", d.Own(t.ID)+"/prova")
	case after.State == testimony.Withdrawn && t.State.Amendable():
		return d.done(c, "register.withdrawn_public", d.Own(t.ID))
	case after.NeedsOtherVideo():
		return d.done(c, "register.withdrawn_video", d.Own(t.ID))
	}
	return d.done(c, "register.withdrawn", Address(d.Path, t.ID))
}
