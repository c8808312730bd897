package studio

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// devicePage is where a testimony is handed to another device.
type devicePage struct {
	Crumbs    []page.Crumb
	Testimony *testimony.Testimony
	Title     string
	Action    string // address of the testimony
	Code      string // in groups; empty without one that can be used
	Until     time.Time
	Typing    string // address where a code is typed, for people to read
	QR        page.QR
	Devices   []account.OtherDevice
	Guest     *time.Time
	Arriving  *arriving
}

func hallCrumb(p account.Person, m territory.Municipality) page.Crumb {
	if p.TestimonyID != 0 {
		return page.Crumb{Label: m.Name} // out of reach from here
	}
	return page.Crumb{Label: m.Name, Href: "/comune"}
}

// titleOf is what people call a testimony.
func (s *Studio) titleOf(ctx context.Context, t *testimony.Testimony) string {
	if t.Title != "" {
		return t.Title
	}
	return s.pages.T(page.Lang(ctx), "studio.form.untitled")
}

// whoElse adds to the form who else goes on with it, and what a device may that a
// code let in.
func (s *Studio) whoElse(ctx context.Context, view *formPage, p account.Person) error {
	if p.TestimonyID != 0 {
		view.Guest, view.Elsewhere = &p.Until, ""
	}
	if view.ID == 0 {
		return nil
	}
	e, err := s.accounts.Elsewhere(ctx, p.MunicipalityCode, view.ID)
	for _, d := range e.Devices {
		if d.ID != p.HandoverID {
			view.Devices = append(view.Devices, d)
		}
	}
	return err
}

// device shows the code with which another device goes on, to whoever is signed in
// for the town hall.
func (s *Studio) device(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	m, err := s.registry.Municipality(p.MunicipalityCode)
	if err != nil {
		return err
	}
	title := s.pages.T(page.Lang(ctx), "people.device.title")
	view := devicePage{
		Testimony: t, Title: s.titleOf(ctx, t), Action: address(t.ID), Typing: s.baseURL + localized(c, "/continua"),
		Crumbs: []page.Crumb{hallCrumb(p, m), {Label: s.titleOf(ctx, t), Href: address(t.ID)}, {Label: title}},
	}
	if p.TestimonyID != 0 {
		view.Guest = &p.Until
	} else if err := s.code(ctx, &view, p); err != nil {
		return err
	}
	coming, err := s.arriving(ctx, []testimony.Testimony{*t})
	if err != nil {
		return err
	}
	view.Arriving = coming[t.ID]
	return s.pages.Render(c, http.StatusOK, "studio/device", page.Frame{
		Title: title, Section: "/comune", Robots: "noindex", Secret: view.Code != "", Page: view,
	})
}

// code adds the code in force to the page.
func (s *Studio) code(ctx context.Context, view *devicePage, p account.Person) error {
	e, err := s.accounts.Elsewhere(ctx, p.MunicipalityCode, view.Testimony.ID)
	if err != nil {
		return err
	}
	view.Devices = e.Devices
	if e.Code == "" {
		return nil
	}
	view.Code, view.Until = account.GroupCode(e.Code), e.Until
	view.QR, err = page.NewQR(s.baseURL + "/continua/" + e.Code)
	return err
}

func (s *Studio) newCode(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	if err := s.accounts.HandOn(c.Request().Context(), p, t.ID); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, localized(c, address(t.ID)+"/dispositivo"))
}

// endDevice has another device out.
func (s *Studio) endDevice(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	if p.TestimonyID != 0 {
		return fault.New(fault.Forbidden, "people.only_one")
	}
	id, err := strconv.ParseInt(c.Param("code"), 10, 64)
	if err != nil {
		return fault.New(fault.NotFound, "testimony.unknown")
	}
	ctx := c.Request().Context()
	if err := s.accounts.EndDevice(ctx, p, t.ID, id); err != nil {
		return err
	}
	s.sessions.SetFlash(ctx, "people.device.ended")
	return c.Redirect(http.StatusSeeOther, localized(c, address(t.ID)+"/dispositivo"))
}

// codePage is where a code is typed.
type codePage struct {
	Form   *page.Form
	Action string
}

func (s *Studio) askCode(c echo.Context) error {
	return s.showAskCode(c, http.StatusOK, nil)
}

func (s *Studio) showAskCode(c echo.Context, status int, form *page.Form) error {
	return s.pages.Render(c, status, "studio/code", page.Frame{
		Title: s.pages.T(page.Lang(c.Request().Context()), "people.code.title"), Robots: "noindex", Canonical: "/continua", Secret: true,
		Page: codePage{Form: form, Action: "/continua"},
	})
}

// refuseCode shows the field again, with what is wrong with the code at it.
func (s *Studio) refuseCode(c echo.Context, typed string, err error) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind == fault.Unknown {
		return err
	}
	if len(e.Fields) == 0 {
		err = fault.Fields{{Name: "code", Message: e.Message}}.Err()
	}
	if !e.Until.IsZero() {
		seconds := max(int(e.Until.Sub(s.clock())/time.Second), 1)
		c.Response().Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	return s.showAskCode(c, page.Status(e), page.NewForm(url.Values{"code": {typed}}, err))
}

// typeCode lets a device in by a code that somebody typed.
func (s *Studio) typeCode(c echo.Context) error {
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	return s.enterByCode(c, values.Get("code"))
}

// codeDoor shows a button: programs that follow links must not use a code up.
func (s *Studio) codeDoor(c echo.Context) error {
	ctx := c.Request().Context()
	p, err := s.accounts.LookCode(ctx, c.RealIP(), c.Param("code"))
	if err != nil {
		return s.refuseCode(c, c.Param("code"), err)
	}
	m, err := s.registry.Municipality(p.MunicipalityCode)
	if err != nil {
		return err
	}
	t, err := s.testimonies.Get(ctx, p.MunicipalityCode, p.TestimonyID)
	if err != nil {
		return err
	}
	return s.pages.Render(c, http.StatusOK, "studio/codedoor", page.Frame{
		Title: s.pages.T(page.Lang(ctx), "people.code.title"), Robots: "noindex", Canonical: "/continua", Secret: true,
		Page: doorPage{Action: "/continua/" + url.PathEscape(account.CleanCode(c.Param("code"))), Name: s.titleOf(ctx, t), Person: m.Name},
	})
}

func (s *Studio) enterCode(c echo.Context) error { return s.enterByCode(c, c.Param("code")) }

// enterByCode lets a device in to one testimony. A browser in which the town hall
// is signed in goes there without using the code up: it may do more already.
func (s *Studio) enterByCode(c echo.Context, typed string) error {
	ctx := c.Request().Context()
	p, err := s.accounts.LookCode(ctx, c.RealIP(), typed)
	if err != nil {
		return s.refuseCode(c, typed, err)
	}
	if now, ok := account.From(ctx); ok && now.Role == account.Editor && now.TestimonyID == 0 && now.MunicipalityCode == p.MunicipalityCode {
		return c.Redirect(http.StatusSeeOther, localized(c, address(p.TestimonyID)))
	}
	if p, err = s.accounts.EnterCode(ctx, c.RealIP(), typed); err != nil {
		return s.refuseCode(c, typed, err)
	}
	if err := s.sessions.Begin(ctx, p); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, localized(c, home(p)))
}
