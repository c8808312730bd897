// Package pressdesk is the page on which town halls and staff find what a
// published testimony is made known with. It does not know who may act on what:
// the face whose page it is says so.
package pressdesk

import (
	"context"
	"html"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/presskit"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/wording"
)

// atOnce is how many pictures and posters are drawn at a time: each takes a
// processor for some tenths of a second.
const atOnce = 2

// Rooms are what the desk is built on.
type Rooms struct {
	Pages       *page.Pages
	Registry    *territory.Registry
	Sessions    *account.Sessions
	Testimonies *testimony.Store
	Cutter      *presskit.Cutter
	BaseURL     string
	Renditions  string // folder of posters and renditions
	Clock       func() time.Time
	Log         *slog.Logger
}

// Desk makes the page and what is on it.
type Desk struct {
	Rooms
	drawing chan struct{}
}

// New makes a desk.
func New(r Rooms) *Desk { return &Desk{Rooms: r, drawing: make(chan struct{}, atOnce)} }

// door is a face's way to the desk.
type door struct {
	*Desk
	wording.Face
}

// Routes opens the desk to a face.
func (d *Desk) Routes(e *echo.Echo, f wording.Face) {
	at := door{d, f}
	e.GET(f.Path+"/:id/stampa", at.show)
	e.GET(f.Path+"/:id/stampa/:file", at.file)
	e.POST(f.Path+"/:id/stampa/tagli", at.ask)
	e.GET(f.Path+"/:id/stampa/tagli/:shape", at.cut)
}

// kit is a testimony with what is made of it.
type kit struct {
	*testimony.Testimony
	actor        account.Person
	municipality territory.Municipality
	short        string // whole address
	sentences    []presskit.Sentence
	chosen       presskit.Sentence
	captions     []testimony.Caption
	vtt          map[string]string // by language
}

// open returns the kit that the address names. It is there as long as citizens
// see the testimony, and not a moment longer.
func (d door) open(c echo.Context) (*kit, error) {
	p, t, err := d.Open(c)
	if err != nil {
		return nil, err
	}
	if t.State == testimony.Withdrawn && t.PublishedAt != nil {
		return nil, fault.New(fault.Gone, "testimony.withdrawn")
	}
	if !t.OpenToCitizens() {
		return nil, fault.New(fault.NotFound, "kit.not_out")
	}
	ctx := c.Request().Context()
	k := &kit{Testimony: t, actor: p, short: d.BaseURL + presskit.ShortPath(t), vtt: map[string]string{}}
	if k.municipality, err = d.Registry.Shown(t.MunicipalityCode); err != nil {
		return nil, err
	}
	if k.captions, err = d.Testimonies.Captions(ctx, t.ID); err != nil {
		return nil, err
	}
	for _, each := range k.captions {
		text, err := d.Testimonies.Caption(ctx, t.ID, each.Language)
		if err != nil {
			return nil, err
		}
		k.vtt[each.Language] = text.VTT
	}
	k.sentences = presskit.Sentences(t, k.vtt[t.Language])
	k.chosen = presskit.Choose(k.sentences, c.QueryParam("frase"))
	return k, nil
}

// kitPage is the page.
type kitPage struct {
	Crumbs       []page.Crumb
	Testimony    *testimony.Testimony
	Municipality territory.Municipality
	Base         string // address of the page
	Query        string // that chooses the sentence, for addresses
	Sentences    []page.Option
	Choice       *page.Form
	Short        string
	Spoken       string
	Snippet      string
	Embed        string
	Unlisted     bool
	Cuttable     bool // its video is here
	Waiting      bool // a cut is being made
	Cuts         []cutView
	Captions     []testimony.Caption
	Framings     []page.Option
	CutForm      *page.Form
}

// cutView is one shape of the video.
type cutView struct {
	Shape presskit.Shape
	Made  *presskit.Cut // nil: never asked for
	Href  string
}

func (d door) show(c echo.Context) error {
	k, err := d.open(c)
	if err != nil {
		return err
	}
	return d.render(c, http.StatusOK, k, nil)
}

func (d door) base(id int64) string { return d.Path + "/" + strconv.FormatInt(id, 10) + "/stampa" }

func (d door) render(c echo.Context, status int, k *kit, cutForm *page.Form) error {
	ctx := c.Request().Context()
	lang := page.Lang(ctx)
	cuts, err := d.Cutter.Of(ctx, k.ID)
	if err != nil {
		return err
	}
	title := d.Pages.T(lang, "kit.title")
	view := kitPage{
		Crumbs: append(d.Crumbs(k.municipality, k.Testimony), page.Crumb{Label: title}), Testimony: k.Testimony, Municipality: k.municipality,
		Base: d.base(k.ID), Query: "?frase=" + k.chosen.ID, Choice: page.NewForm(url.Values{"frase": {k.chosen.ID}}, nil),
		Short: k.short, Spoken: presskit.Spoken(k.short), Snippet: d.snippet(k), Embed: presskit.EmbedPath(k.Testimony),
		Unlisted: k.Visibility != testimony.Public, Cuttable: k.Video != nil && k.Video.Rendition != "", Captions: k.captions, CutForm: cutForm,
	}
	for _, s := range k.sentences {
		view.Sentences = append(view.Sentences, page.Option{Value: s.ID, Label: s.Text, Lang: k.Language})
	}
	for _, f := range []presskit.Framing{presskit.Padded, presskit.Cropped} {
		view.Framings = append(view.Framings, page.Option{Value: string(f), Label: d.Pages.T(lang, "kit.framing."+string(f))})
	}
	for _, shape := range presskit.Shapes() {
		v := cutView{Shape: shape, Href: view.Base + "/tagli/" + string(shape)}
		if made, ok := cuts[shape]; ok {
			v.Made = &made
			view.Waiting = view.Waiting || made.State == presskit.CutWanted
		}
		view.Cuts = append(view.Cuts, v)
	}
	return d.Pages.Render(c, status, d.Name+"/kit", page.Frame{
		Title: title + ": " + k.Title, Section: d.Section, Robots: "noindex", Page: view, Canonical: view.Base,
	})
}

// snippet is what a town pastes into a page of its own site.
func (d door) snippet(k *kit) string {
	title := html.EscapeString(k.Title + ", " + k.municipality.Name)
	return `<iframe src="` + html.EscapeString(d.BaseURL+presskit.EmbedPath(k.Testimony)) + `" title="` + title +
		`" width="560" height="450" frameborder="0" loading="lazy" allow="autoplay; fullscreen; encrypted-media; picture-in-picture"></iframe>` + "\n" +
		`<p><a href="` + html.EscapeString(k.short) + `">` + title + `</a></p>`
}

// ask has a cut of the video made.
func (d door) ask(c echo.Context) error {
	k, err := d.open(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	err = d.Cutter.Ask(ctx, k.actor.Actor(), k.actor.MunicipalityCode, k.ID, presskit.Shape(values.Get("shape")), presskit.Framing(values.Get("framing")))
	if page.Refused(err) {
		return d.render(c, http.StatusUnprocessableEntity, k, page.NewForm(values, err))
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, page.Localize(page.Lang(ctx), d.base(k.ID))+"#cuts")
}

// facts are what is drawn, in the language of the page.
func (d door) facts(ctx context.Context, k *kit) presskit.Facts {
	lang := page.Lang(ctx)
	var who []string
	for _, s := range []string{k.SpeakerName, k.SpeakerRole} {
		if s = strings.TrimSpace(s); s != "" && !slices.Contains(who, s) {
			who = append(who, s)
		}
	}
	return presskit.Facts{
		Portal: d.Pages.T(lang, "portal.name"), Owner: d.Pages.T(lang, "portal.owner"), Municipality: k.municipality.Name, Title: k.Title,
		Speaker: strings.Join(who, ", "), Address: k.short, Watch: d.Pages.T(lang, "kit.poster.watch"), Scan: d.Pages.T(lang, "kit.poster.scan"),
	}
}
