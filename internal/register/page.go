package register

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// registerPage is the register of a testimony, or one entry of it to correct.
type registerPage struct {
	Crumbs    []page.Crumb
	Testimony *testimony.Testimony
	Own       string // the testimony's own page
	Entries   []Entry
	Empty     page.Empty
	Keeps     bool
	Open      bool           // it is not closed: people may be added
	Refusal   *fault.Message // why what was just sent was not kept
	Entry     *formView      // nil where nobody may write
}

// formView is the form of one person.
type formView struct {
	Form       *page.Form
	Action     string
	Correcting bool
	Relations  []page.Option
	Ages       []page.Option
	Texts      []page.Option // the words to agree to, of an adult and of a minor
	Versions   [2]string     // of the two
	Drop       []page.Option // the box that does without the PDF that is there
	Today      string
	MaxName    int
	MaxPaper   int // millions of bytes
	Paper      *testimony.Paper
}

// list shows the register.
func (d door) list(c echo.Context) error {
	p, t, err := d.Open(c)
	if err != nil {
		return err
	}
	return d.show(c, http.StatusOK, p, t, d.blank(), nil)
}

// blank is a new form, known again by its key if it comes twice.
func (d door) blank() *page.Form {
	return page.NewForm(url.Values{"key": {rand.Text()}, "given_on": {testimony.Today(d.Clock())}}, nil)
}

// show shows the register with the form to add somebody.
func (d door) show(c echo.Context, status int, p account.Person, t *testimony.Testimony, form *page.Form, refusal *fault.Message) error {
	ctx := c.Request().Context()
	entries, err := d.Entries(ctx, p.MunicipalityCode, d.Path, t, d.Keeps)
	if err != nil {
		return err
	}
	address := Address(d.Path, t.ID)
	view := registerPage{
		Testimony: t, Own: d.Own(t.ID), Entries: entries, Keeps: d.Keeps, Refusal: refusal,
		Empty: page.Empty{Icon: "people", What: fault.Msg("register.empty")},
		Open:  t.State != testimony.Rejected && t.State != testimony.Withdrawn,
	}
	if d.Keeps && view.Open {
		do := fault.Msg("register.empty_do")
		view.Empty.Do = &do
		view.Entry = d.form(page.Lang(ctx), address, form, nil)
	}
	return d.render(c, status, "register", "register.title", address, t, func(crumbs []page.Crumb) any {
		view.Crumbs = crumbs
		return view
	})
}

// form is the form of a person, to be posted to action; before is the entry that
// is corrected.
func (d door) form(lang, action string, form *page.Form, before *testimony.Filmed) *formView {
	v := &formView{
		Form: form, Action: action, Today: testimony.Today(d.Clock()), MaxName: testimony.MaxName, MaxPaper: MaxPaper >> 20,
		Ages: []page.Option{
			{Value: testimony.Adult, Label: d.Pages.T(lang, "register.age.adult")},
			{Value: testimony.Minor, Label: d.Pages.T(lang, "register.age.minor")},
		},
	}
	texts := testimony.FilmedConsents()
	if before != nil {
		v.Correcting, v.Paper = true, before.Paper
		for i := range texts {
			if texts[i].Kind == before.Kind {
				texts[i] = testimony.Consent{Kind: before.Kind, Version: before.Version, Wording: before.Wording}
			}
		}
	}
	// A legal text stays Italian; what it means is said in the reader's language.
	for i, age := range []string{testimony.Adult, testimony.Minor} {
		v.Texts = append(v.Texts, page.Option{Value: texts[i].Agreement(), Label: texts[i].Wording, Lang: "it", Help: d.Pages.T(lang, "register.agree."+age)})
		v.Versions[i] = texts[i].Version
	}
	v.Drop = []page.Option{{Value: "1", Label: d.Pages.T(lang, "register.paper_drop")}}
	for _, r := range testimony.Relations() {
		v.Relations = append(v.Relations, page.Option{Value: r, Label: d.Pages.T(lang, "register.relation."+r)})
	}
	return v
}

// add adds a person. What cannot be kept is shown again as it was typed, and its
// PDF need not be sent twice.
func (d door) add(c echo.Context) error {
	p, t, err := d.Open(c)
	if err != nil {
		return err
	}
	s, err := d.read(c, t.ID)
	if err != nil {
		return err
	}
	if len(s.wrong) > 0 {
		wrong := append(s.form().Wrong(nil, d.Clock()), s.wrong...)
		return d.show(c, d.status(s.wrong), p, t, page.NewForm(s.again(wrong.Err()), wrong.Err()), nil)
	}
	_, err = d.Testimonies.AddFilmed(c.Request().Context(), p.Actor(), p.MunicipalityCode, t.ID, s.form())
	if page.Refused(err) {
		return d.show(c, http.StatusUnprocessableEntity, p, t, page.NewForm(s.again(err), err), nil)
	}
	if err != nil {
		return err
	}
	return d.done(c, "register.added", Address(d.Path, t.ID))
}

// status is the one of a form whose PDF is wrong.
func (door) status(wrong fault.Fields) int {
	switch wrong[0].Message.Key {
	case "register.paper.large":
		return http.StatusRequestEntityTooLarge
	case "register.paper.other":
		return http.StatusUnsupportedMediaType
	}
	return http.StatusUnprocessableEntity
}

// edit shows an entry to correct.
func (d door) edit(c echo.Context) error {
	p, t, err := d.Open(c)
	if err != nil {
		return err
	}
	f, err := d.person(c, p, t)
	if err != nil {
		return err
	}
	if !f.Stands() || t.State == testimony.Rejected || t.State == testimony.Withdrawn {
		return c.Redirect(http.StatusSeeOther, page.Localize(page.Lang(c.Request().Context()), Address(d.Path, t.ID)))
	}
	return d.showEntry(c, http.StatusOK, t, f, page.NewForm(valuesOf(f), nil), nil)
}

func (d door) showEntry(c echo.Context, status int, t *testimony.Testimony, f *testimony.Filmed, form *page.Form, refusal *fault.Message) error {
	address := Address(d.Path, t.ID) + "/" + strconv.FormatInt(f.ID, 10)
	view := registerPage{
		Testimony: t, Own: d.Own(t.ID), Keeps: d.Keeps, Open: true, Refusal: refusal,
		Entry: d.form(page.Lang(c.Request().Context()), address, form, f),
	}
	return d.render(c, status, "register", "register.correct", address, t, func(crumbs []page.Crumb) any {
		view.Crumbs = crumbs
		return view
	})
}

// correct corrects an entry. If somebody else did so meanwhile, that is said, and
// what was typed is shown over what there is now.
func (d door) correct(c echo.Context) error {
	p, t, err := d.Open(c)
	if err != nil {
		return err
	}
	f, err := d.person(c, p, t)
	if err != nil {
		return err
	}
	s, err := d.read(c, t.ID)
	if err != nil {
		return err
	}
	if len(s.wrong) > 0 {
		wrong := append(s.form().Wrong(f, d.Clock()), s.wrong...)
		return d.showEntry(c, d.status(s.wrong), t, f, page.NewForm(s.again(wrong.Err()), wrong.Err()), nil)
	}
	err = d.Testimonies.CorrectFilmed(c.Request().Context(), p.Actor(), p.MunicipalityCode, t.ID, f.ID, s.form())
	if page.Refused(err) {
		return d.showEntry(c, http.StatusUnprocessableEntity, t, f, page.NewForm(s.again(err), err), nil)
	}
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Message.Key == "register.changed_meanwhile" {
		values := s.again(nil)
		values.Set("revision", strconv.Itoa(f.Revision)) // sent once more, it is meant
		return d.showEntry(c, http.StatusConflict, t, f, page.NewForm(values, nil), &e.Message)
	}
	if err != nil {
		return err
	}
	return d.done(c, "register.corrected", Address(d.Path, t.ID))
}

// remove takes somebody off the register. An entry that changed since it was
// seen is shown as it is now.
func (d door) remove(c echo.Context) error {
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
	revision, _ := strconv.Atoi(values.Get("revision")) // none is no revision of any entry
	err = d.Testimonies.RemoveFilmed(c.Request().Context(), p.Actor(), p.MunicipalityCode, t.ID, f.ID, revision)
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind == fault.Conflict {
		return d.show(c, http.StatusConflict, p, t, d.blank(), &e.Message)
	}
	if err != nil {
		return err
	}
	return d.done(c, "register.removed", Address(d.Path, t.ID))
}
