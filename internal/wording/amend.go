package wording

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// Face is whose page it is.
type Face struct {
	Name    string // its pages' folder, such as studio
	Section string // address of the section that the page belongs to
	Path    string // the pages of a testimony are below it, such as /comune/testimonianze
	Own     string // a testimony's own page, poster and video are below it
	// Open returns who acts, and the testimony that the address names, if it is
	// theirs to change.
	Open   func(echo.Context) (account.Person, *testimony.Testimony, error)
	Crumbs func(territory.Municipality, *testimony.Testimony) []page.Crumb
}

// own is the address of a testimony's own page.
func (f Face) own(id int64) string { return f.Own + "/" + strconv.FormatInt(id, 10) }

// amending is the address of the page on which it is changed.
func (f Face) amending(id int64) string {
	return f.Path + "/" + strconv.FormatInt(id, 10) + "/modifica"
}

// door is a face's way to the desk.
type door struct {
	*Desk
	Face
}

// Routes opens the desk to a face.
func (d *Desk) Routes(e *echo.Echo, f Face) {
	at := door{d, f}
	e.GET(f.Path+"/:id/modifica", at.amend)
	e.POST(f.Path+"/:id/modifica", at.save)
	e.GET(f.Path+"/:id/sottotitoli", at.captions)
	e.POST(f.Path+"/:id/sottotitoli", at.sendCaptions)
	e.POST(f.Path+"/:id/sottotitoli/macchina", at.askMachine)
	e.GET(f.Path+"/:id/sottotitoli/:lang", at.caption) // the editor; with .vtt or .srt a file
	e.POST(f.Path+"/:id/sottotitoli/:lang", at.editCaption)
	e.POST(f.Path+"/:id/sottotitoli/:lang/elimina", at.deleteCaptions)
	e.POST(f.Path+"/:id/sottotitoli/:lang/elimina-bozza", at.dropDraft)
	e.POST(f.Path+"/:id/copertina", at.sendCover)
}

// amendPage is where an approved or published testimony is changed.
type amendPage struct {
	Fields
	Crumbs    []page.Crumb
	Action    string // what is posted goes below it
	Testimony *testimony.Testimony
	Refusal   *fault.Message // why what was just sent was not kept
	Captions  string         // address of the page of its captions
	Tracks    []Track
	CoverForm *page.Form
	Coverable bool // its file is here
	Poster    string
	Rendition string
}

// refused is what was wrong with what was just sent, each nil if it was not that.
type refused struct {
	form, cover *page.Form
	why         *fault.Message
}

func (d door) amend(c echo.Context) error {
	_, t, err := d.Open(c)
	if err != nil {
		return err
	}
	if !t.State.Amendable() {
		return d.goTo(c, d.own(t.ID))
	}
	return d.show(c, t, http.StatusOK, refused{})
}

func (d door) goTo(c echo.Context, address string) error {
	return c.Redirect(http.StatusSeeOther, page.Localize(page.Lang(c.Request().Context()), address))
}

// done says on the next page what was done, and leads there.
func (d door) done(c echo.Context, key, address string) error {
	d.Sessions.SetFlash(c.Request().Context(), key)
	return d.goTo(c, address)
}

func (d door) show(c echo.Context, t *testimony.Testimony, status int, sent refused) error {
	ctx := c.Request().Context()
	m, err := d.Registry.Municipality(t.MunicipalityCode)
	if err != nil {
		return err
	}
	if sent.form == nil {
		sent.form = page.NewForm(ValuesOf(t), nil)
	}
	view := amendPage{
		Action: d.Path + "/" + strconv.FormatInt(t.ID, 10), Testimony: t, Refusal: sent.why, Captions: d.captioning(t.ID), CoverForm: sent.cover,
	}
	if view.Fields, err = d.Fields(ctx, t, sent.form); err != nil {
		return err
	}
	if view.Tracks, err = d.Tracks(ctx, d.Face, t.ID); err != nil {
		return err
	}
	if v := t.Video; v != nil && v.Rendition != "" {
		view.Coverable, view.Rendition = true, d.own(t.ID)+"/video?file="+strconv.FormatInt(v.ID, 10)
	}
	if v := t.Video; v != nil && v.Poster != "" {
		view.Poster = d.own(t.ID) + "/poster?file=" + url.QueryEscape(v.Poster)
	}
	lang := page.Lang(ctx)
	title := d.Pages.T(lang, "studio.amend.title")
	view.Crumbs = append(d.Crumbs(m, t), page.Crumb{Label: title})
	title += ": " + t.Title
	if status != http.StatusOK {
		title = d.Pages.T(lang, "form.error_prefix") + " " + title
	}
	return d.Pages.Render(c, status, d.Name+"/amend", page.Frame{
		Title: title, Section: d.Section, Robots: "noindex", Page: view, Canonical: d.amending(t.ID),
	})
}

// save changes what is said. What cannot be kept changes nothing, and is given
// back as it was typed.
func (d door) save(c echo.Context) error {
	p, t, err := d.Open(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	_, err = d.Testimonies.Amend(c.Request().Context(), p.Actor(), p.MunicipalityCode, t.ID, Version(values, t), FormOf(values))
	if err != nil {
		return d.refuse(c, p, t.ID, err, refused{form: page.NewForm(values, err)})
	}
	return d.done(c, "studio.amend.saved", d.own(t.ID))
}

// Version is the version of the testimony that the sent form was made of;
// without one, as other programs post, it is the one of now.
func Version(values url.Values, t *testimony.Testimony) int {
	if v, err := strconv.Atoi(values.Get("version")); err == nil {
		return v
	}
	return t.Version
}

// refuse shows why a change was not kept, on the testimony as it is now, with
// what was typed.
func (d door) refuse(c echo.Context, p account.Person, id int64, err error, sent refused) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || (e.Kind != fault.Invalid && e.Kind != fault.Conflict) {
		return err
	}
	t, getErr := d.Testimonies.Get(c.Request().Context(), p.MunicipalityCode, id)
	if getErr != nil {
		return getErr
	}
	if !t.State.Amendable() {
		return err
	}
	status := http.StatusUnprocessableEntity
	if e.Kind == fault.Conflict {
		status, sent.why = http.StatusConflict, &e.Message
	}
	return d.show(c, t, status, sent)
}
