// Package register is the register of everyone filmed in a testimony, as town
// halls keep it and staff read it: the page, the signed releases, and the way in
// which somebody takes a consent back. What an entry must say, and what follows
// from a consent that is withdrawn, is testimony's to know; who may act on what
// is said by the face whose page it is.
package register

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// Rooms are what the desk is built on.
type Rooms struct {
	Pages       *page.Pages
	Registry    *territory.Registry
	Sessions    *account.Sessions
	Testimonies *testimony.Store
	Papers      *Papers
	Clock       func() time.Time
}

// Desk is where the register is kept.
type Desk struct{ Rooms }

// New makes a desk.
func New(r Rooms) *Desk { return &Desk{r} }

// Face is whose page it is.
type Face struct {
	Name    string // its pages' folder, such as studio
	Section string // address of the section that the page belongs to
	Path    string // the registers are below it, such as /comune/testimonianze
	Keeps   bool   // it may add, correct and remove; whoever may not still notes a consent that is withdrawn
	// Open returns who acts, and the testimony that the address names, if it is
	// theirs to see.
	Open func(echo.Context) (account.Person, *testimony.Testimony, error)
	// Own is the address of a testimony's own page.
	Own    func(id int64) string
	Crumbs func(territory.Municipality, *testimony.Testimony) []page.Crumb
}

// Address is where the register of a testimony is, below a face's path.
func Address(path string, id int64) string {
	return path + "/" + strconv.FormatInt(id, 10) + "/persone-riprese"
}

// door is a face's way to the desk.
type door struct {
	*Desk
	Face
}

// Routes opens the desk to a face.
func (d *Desk) Routes(e *echo.Echo, f Face) {
	at := door{d, f}
	e.GET(f.Path+"/:id/persone-riprese", at.list)
	e.GET(f.Path+"/:id/persone-riprese/:person/pdf", at.paper)
	e.GET(f.Path+"/:id/persone-riprese/:person/ritiro", at.askWithdraw)
	e.POST(f.Path+"/:id/persone-riprese/:person/ritiro", at.withdraw)
	if !f.Keeps {
		return
	}
	e.POST(f.Path+"/:id/persone-riprese", at.add)
	e.GET(f.Path+"/:id/persone-riprese/:person", at.edit)
	e.POST(f.Path+"/:id/persone-riprese/:person", at.correct)
	e.POST(f.Path+"/:id/persone-riprese/:person/togli", at.remove)
}

// Entry is a person of the register as pages show one.
type Entry struct {
	testimony.Filmed
	Number    int            // on the page, from 1
	Recorded  *fault.Message // by whom
	Corrected *fault.Message
	Withdrawn *fault.Message
	Href      string // of what can be done with the entry
	Paper     string // address of the PDF, empty without one
	Keeps     bool   // it may be corrected
	Removable bool
	Closable  bool // the consent may be withdrawn
}

// Entries is the register of a testimony as a face with this path shows it.
func (d *Desk) Entries(ctx context.Context, municipality, path string, t *testimony.Testimony, keeps bool) ([]Entry, error) {
	people, err := d.Testimonies.Register(ctx, municipality, t.ID)
	if err != nil {
		return nil, err
	}
	open := t.State != testimony.Rejected && t.State != testimony.Withdrawn
	entries := make([]Entry, len(people))
	for i, p := range people {
		e := Entry{
			Filmed: p, Number: i + 1, Recorded: account.By(p.RecordedBy), Corrected: account.By(p.CorrectedBy), Withdrawn: account.By(p.WithdrawnBy),
			Href:  Address(path, t.ID) + "/" + strconv.FormatInt(p.ID, 10),
			Keeps: keeps && open && p.Stands(), Removable: keeps && t.State.Editable() && p.Stands(), Closable: p.Stands(),
		}
		if p.Paper != nil {
			e.Paper = e.Href + "/pdf"
		}
		entries[i] = e
	}
	return entries, nil
}

// person is the entry that the address names.
func (d door) person(c echo.Context, p account.Person, t *testimony.Testimony) (*testimony.Filmed, error) {
	id, err := strconv.ParseInt(c.Param("person"), 10, 64)
	if err != nil {
		return nil, fault.New(fault.NotFound, "register.unknown")
	}
	return d.Testimonies.Filmed(c.Request().Context(), p.MunicipalityCode, t.ID, id)
}

// done says on the next page what was done, and leads there.
func (d door) done(c echo.Context, key, address string) error {
	ctx := c.Request().Context()
	d.Sessions.SetFlash(ctx, key)
	return c.Redirect(http.StatusSeeOther, page.Localize(page.Lang(ctx), address))
}

// render shows a page of a testimony's register.
func (d door) render(c echo.Context, status int, name, titleKey, canonical string, t *testimony.Testimony, fill func([]page.Crumb) any) error {
	m, err := d.Registry.Municipality(t.MunicipalityCode)
	if err != nil {
		return err
	}
	lang := page.Lang(c.Request().Context())
	title := d.Pages.T(lang, titleKey)
	crumbs := d.Crumbs(m, t)
	if last := &crumbs[len(crumbs)-1]; last.Label == "" {
		last.Label = d.Pages.T(lang, "studio.form.untitled")
	}
	if register := Address(d.Path, t.ID); canonical != register {
		crumbs = append(crumbs, page.Crumb{Label: d.Pages.T(lang, "register.title"), Href: register})
	}
	crumbs = append(crumbs, page.Crumb{Label: title})
	if status != http.StatusOK {
		title = d.Pages.T(lang, "form.error_prefix") + " " + title
	}
	return d.Pages.Render(c, status, d.Name+"/"+name, page.Frame{
		Title: title, Section: d.Section, Robots: "noindex", Canonical: canonical, Page: fill(crumbs),
	})
}

// paper gives a signed release back as a file: never shown inside a page of the
// portal, for what it holds came from a stranger.
func (d door) paper(c echo.Context) error {
	p, t, err := d.Open(c)
	if err != nil {
		return err
	}
	filmed, err := d.person(c, p, t)
	if err != nil {
		return err
	}
	if filmed.Paper == nil {
		return fault.New(fault.NotFound, "register.paper.missing")
	}
	f, err := d.Papers.Open(filmed.Paper.Name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it is only read
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "application/pdf")
	h.Set(echo.HeaderContentDisposition, `attachment; filename="`+d.Pages.T(page.Lang(c.Request().Context()), "register.paper.name")+
		"-"+strconv.FormatInt(t.ID, 10)+"-"+strconv.FormatInt(filmed.ID, 10)+`.pdf"`)
	h.Set(echo.HeaderXContentTypeOptions, "nosniff")
	h.Set("Cache-Control", "private, no-store")
	http.ServeContent(c.Response(), c.Request(), "", filmed.Paper.ReceivedAt, f)
	return nil
}
