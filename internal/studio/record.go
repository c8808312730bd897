package studio

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// recordPage is where a testimony is recorded with the device's own camera.
type recordPage struct {
	ID      int64
	Crumbs  []page.Crumb
	Title   string // of the testimony
	Back    string // its form
	Now     time.Time
	Bytes   int64 // the limit of a file
	Minutes int
	Prompts []prompts
	Trim    trimFields
}

// prompts are questions that help to begin, for one theme.
type prompts struct {
	Theme page.Chip
	Keys  []string // of the sentences
}

// questions are how many each theme has; see the sentences record.prompt.*.
const questions = 3

// asked are the themes that have questions of their own; what staff add gets the
// general ones.
var asked = map[string]bool{
	"solidarieta": true, "sostegno-persone-in-difficolta": true, "alimenti-e-mascherine": true,
	"volontariato": true, "sostegno-psicologico": true, "spazi-per-i-giovani": true,
}

// promptsOf are the questions for a testimony's themes, or the general ones.
func promptsOf(lang string, themes []testimony.Theme) []prompts {
	var list []prompts
	for _, theme := range themes {
		if asked[theme.Slug] {
			list = append(list, prompts{Theme: page.Chip{Name: theme.Name(lang), Icon: theme.Icon, Hue: theme.Colour}, Keys: keysOf(theme.Slug)})
		}
	}
	if len(list) < len(themes) || len(themes) == 0 {
		list = append(list, prompts{Keys: keysOf("general")})
	}
	return list
}

func keysOf(name string) []string {
	keys := make([]string, questions)
	for i := range keys {
		keys[i] = "record.prompt." + name + "." + strconv.Itoa(i+1)
	}
	return keys
}

// record shows the page that records.
func (s *Studio) record(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	if !t.State.Editable() {
		return fault.New(fault.Conflict, "testimony.not_editable")
	}
	lang := page.Lang(c.Request().Context())
	m, err := s.registry.Municipality(p.MunicipalityCode)
	if err != nil {
		return err
	}
	view := recordPage{
		ID: t.ID, Title: t.Title, Back: address(t.ID), Now: s.clock(), Bytes: s.maxBytes, Minutes: int(s.maxDuration.Minutes()),
		Prompts: promptsOf(lang, t.Themes),
	}
	if view.Title == "" {
		view.Title = s.pages.T(lang, "studio.form.untitled")
	}
	title := s.pages.T(lang, "record.title")
	view.Crumbs = []page.Crumb{{Label: m.Name, Href: "/comune"}, {Label: view.Title, Href: view.Back}, {Label: title}}
	return s.pages.Render(c, http.StatusOK, "studio/record", page.Frame{
		Title: title, Section: "/comune", Robots: "noindex", Page: view, Canonical: view.Back + "/registra",
	})
}

// trimPage is where beginning and end of a file are chosen.
type trimPage struct {
	Crumbs    []page.Crumb
	Back      string
	Action    string
	Poster    string
	Rendition string // of the whole file
	Checking  bool
	Trimmed   bool
	Shown     time.Duration // how long what is shown plays
	Trim      trimFields
}

// trimFields are the two moments as they are typed.
type trimFields struct {
	Form   *page.Form
	Source time.Duration // how long the file plays, 0 if only the browser knows
}

// SourceSeconds is Source for the sliders.
func (f trimFields) SourceSeconds() string { return seconds(f.Source) }

func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Truncate(time.Second/10).Seconds(), 'f', -1, 64)
}

// written is a moment as people type it in a language: without separators of
// thousands, which would read as a decimal mark.
func written(lang string, d time.Duration) string {
	if lang == page.English {
		return seconds(d)
	}
	return strings.Replace(seconds(d), ".", ",", 1)
}

// trimForm shows where a file is trimmed.
func (s *Studio) trimForm(c echo.Context) error {
	_, t, err := s.mine(c)
	if err != nil {
		return err
	}
	return s.showTrim(c, t, nil, http.StatusOK)
}

func (s *Studio) showTrim(c echo.Context, t *testimony.Testimony, form *page.Form, status int) error {
	v := t.Video
	switch {
	case !t.State.Editable():
		return fault.New(fault.Conflict, "testimony.not_editable")
	case v == nil || v.State == testimony.VideoUnusable:
		return fault.New(fault.NotFound, "video.unknown")
	}
	lang := page.Lang(c.Request().Context())
	m, err := s.registry.Municipality(t.MunicipalityCode)
	if err != nil {
		return err
	}
	now := v.Trim.Within(v.Source())
	if form == nil {
		end := v.Source()
		if now.ToMS > 0 {
			end = now.To()
		}
		values := map[string][]string{"from": {written(lang, now.From())}, "to": {written(lang, end)}}
		form = page.NewForm(values, nil)
	}
	view := trimPage{
		Back: address(t.ID), Action: address(t.ID) + "/taglia", Poster: posterOf(t), Rendition: renditionOf(t),
		Checking: v.State == testimony.VideoChecking, Trimmed: !now.Whole(), Shown: v.Duration(), Trim: trimFields{Form: form, Source: v.Source()},
	}
	if view.Rendition != "" && v.Uncut != "" {
		view.Rendition += "&intero=1"
	}
	label := t.Title
	if label == "" {
		label = s.pages.T(lang, "studio.form.untitled")
	}
	title := s.pages.T(lang, "record.trim.title")
	view.Crumbs = []page.Crumb{{Label: m.Name, Href: "/comune"}, {Label: label, Href: view.Back}, {Label: title}}
	return s.pages.Render(c, status, "studio/trim", page.Frame{
		Title: title, Section: "/comune", Robots: "noindex", Page: view, Canonical: view.Action,
	})
}

// trim keeps what is to be shown of a file. One that is still arriving is named
// by its upload.
func (s *Studio) trim(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	trim, err := testimony.ParseTrim(values.Get("from"), values.Get("to"))
	if values.Get("all") != "" {
		trim, err = testimony.Trim{}, nil
	}
	if err == nil {
		if v := t.Video; v != nil && v.SourceMS > 0 && values.Get("upload") == "" && trim.To() >= v.Source().Truncate(time.Second/10) {
			trim.ToMS = 0 // the end as the page shows it, which is rounded
		}
		_, err = s.testimonies.TrimVideo(c.Request().Context(), p.Actor(), p.MunicipalityCode, t.ID, values.Get("upload"), trim)
	}
	if page.Refused(err) && !wantsJSON(c) {
		return s.showTrim(c, t, page.NewForm(values, err), http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	if wantsJSON(c) {
		return c.NoContent(http.StatusNoContent)
	}
	s.sessions.SetFlash(c.Request().Context(), "record.trim.saved")
	return c.Redirect(http.StatusSeeOther, localized(c, address(t.ID)+"#video"))
}
