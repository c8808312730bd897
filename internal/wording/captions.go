package wording

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/transcription"
	"github.com/voci-in-comune/voci/internal/video"
)

// captioning is the address of the page of a testimony's captions.
func (f Face) captioning(id int64) string {
	return f.Path + "/" + strconv.FormatInt(id, 10) + "/sottotitoli"
}

// Captioning is the address of the page of a testimony's captions.
func (f Face) Captioning(id int64) string { return f.captioning(id) }

// Track are captions that are out, for a player of ours.
type Track struct {
	Language string // ISO 639
	Address  string
}

// Tracks are the captions of a testimony that are out, for a face's players.
func (d *Desk) Tracks(ctx context.Context, f Face, id int64) ([]Track, error) {
	all, err := d.Testimonies.Captions(ctx, id)
	if err != nil {
		return nil, err
	}
	var tracks []Track
	for _, c := range all {
		tracks = append(tracks, Track{Language: c.Language, Address: f.captioning(id) + "/" + c.Language + ".vtt?" + c.SHA256[:min(8, len(c.SHA256))]})
	}
	return tracks, nil
}

// captionsPage is the page of a testimony's captions.
type captionsPage struct {
	Crumbs    []page.Crumb
	Action    string // address of the page; what is posted goes to it, or below
	Testimony *testimony.Testimony
	Open      bool // it is not closed
	Film      bool // there is something to watch beside the editor
	Rows      []captionRow
	Others    []string // languages that nobody wrote in yet
	Form      *page.Form
	Languages []page.Option
	Kept      bool         // the file that was refused is a draft now
	Machine   *machineView // nil without a program that writes down speech
}

// captionRow are the captions of a language: out, in the making, or both.
type captionRow struct {
	Language string
	Out      *testimony.Caption
	Draft    *testimony.CaptionDraft
}

// Unread tells whether a machine wrote them and nobody has read them yet.
func (r captionRow) Unread() bool { return r.Draft != nil && r.Draft.Source == testimony.ByMachine }

// machineView is how far the program that writes down speech is.
type machineView struct {
	*transcription.Transcription // nil: not asked yet
	Ask                          bool
	Language                     string
}

// captions shows the captions of a testimony.
func (d door) captions(c echo.Context) error {
	_, t, err := d.Open(c)
	if err != nil {
		return err
	}
	return d.showCaptions(c, t, http.StatusOK, nil, false)
}

func (d door) showCaptions(c echo.Context, t *testimony.Testimony, status int, form *page.Form, kept bool) error {
	ctx := c.Request().Context()
	m, err := d.Registry.Municipality(t.MunicipalityCode)
	if err != nil {
		return err
	}
	if form == nil {
		form = page.NewForm(url.Values{"caption_language": {t.Language}}, nil)
	}
	view := captionsPage{
		Action: d.captioning(t.ID), Testimony: t, Open: t.State.Captionable(), Film: t.Video != nil && t.Video.Rendition != "", Form: form, Kept: kept,
	}
	if view.Rows, err = d.captionRows(ctx, t.ID); err != nil {
		return err
	}
	lang := page.Lang(ctx)
	for _, code := range testimony.Languages() {
		view.Languages = append(view.Languages, page.Option{Value: code, Label: d.Pages.T(lang, "language."+code)})
		if !slices.ContainsFunc(view.Rows, func(r captionRow) bool { return r.Language == code }) {
			view.Others = append(view.Others, code)
		}
	}
	if view.Machine, err = d.machine(ctx, t); err != nil {
		return err
	}
	label := d.Pages.T(lang, "captions.title")
	view.Crumbs = append(d.Crumbs(m, t), page.Crumb{Label: label})
	title := label + ": " + t.Title
	if status != http.StatusOK {
		title = d.Pages.T(lang, "form.error_prefix") + " " + title
	}
	return d.Pages.Render(c, status, d.Name+"/captions", page.Frame{
		Title: title, Section: d.Section, Robots: "noindex", Page: view, Canonical: view.Action,
	})
}

// captionRows are the captions of a testimony by language, in our order.
func (d door) captionRows(ctx context.Context, id int64) ([]captionRow, error) {
	out, err := d.Testimonies.Captions(ctx, id)
	if err != nil {
		return nil, err
	}
	drafts, err := d.Testimonies.CaptionDrafts(ctx, id)
	if err != nil {
		return nil, err
	}
	var rows []captionRow
	for _, code := range testimony.Languages() {
		row := captionRow{Language: code}
		if i := slices.IndexFunc(out, func(c testimony.Caption) bool { return c.Language == code }); i >= 0 {
			row.Out = &out[i]
		}
		if i := slices.IndexFunc(drafts, func(c testimony.CaptionDraft) bool { return c.Language == code }); i >= 0 {
			row.Draft = &drafts[i]
		}
		if row.Out != nil || row.Draft != nil {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func (d door) machine(ctx context.Context, t *testimony.Testimony) (*machineView, error) {
	if d.Transcripts == nil || t.Video == nil || !t.State.Captionable() {
		return nil, nil
	}
	now, err := d.Transcripts.Of(ctx, t.Video.ID)
	if err != nil {
		return nil, err
	}
	text, err := d.Testimonies.CaptionText(ctx, t.ID, t.Language)
	if err != nil {
		return nil, err
	}
	view := &machineView{Transcription: now, Ask: d.Transcripts.CanAsk(t, text, now), Language: t.Language}
	if !view.Ask && (now == nil || now.State != transcription.Waiting) {
		return nil, nil // nothing to say: the list says it
	}
	return view, nil
}

// askMachine has what is said in the video written down by a program.
func (d door) askMachine(c echo.Context) error {
	p, t, err := d.Open(c)
	if err != nil {
		return err
	}
	if d.Transcripts == nil {
		return fault.New(fault.NotFound, "error.not_found")
	}
	if err := d.Transcripts.Ask(c.Request().Context(), p.Actor(), t); err != nil {
		return err
	}
	return d.done(c, "captions.machine.asked", d.captioning(t.ID))
}

// sendCaptions takes a file of captions.
func (d door) sendCaptions(c echo.Context) error {
	p, t, err := d.Open(c)
	if err != nil {
		return err
	}
	values, part, err := fileForm(c, "captions", video.MaxCaptions+besides) // a file that is a little too large is told so
	if err != nil {
		return err
	}
	language := values.Get("caption_language")
	var file io.ReadCloser
	name := ""
	if part != nil {
		if file, err = part.Open(); err != nil {
			return err
		}
		defer func() { _ = file.Close() }() // it is only read
		name = filepath.Base(part.Filename)
	}
	out, kept, err := d.takeCaptions(c.Request().Context(), p, t, testimony.DraftEdit{Language: language, Filename: name}, file)
	switch {
	case page.Refused(err):
		return d.showCaptions(c, t, http.StatusUnprocessableEntity, page.NewForm(values, err), kept)
	case err != nil:
		return err
	case out:
		return d.done(c, "studio.captions.saved", d.captioning(t.ID))
	}
	return d.done(c, "captions.replaces", d.captioning(t.ID)+"/"+language)
}

// takeCaptions keeps a file of captions. One with errors, which err names, is
// kept as a draft where there is none, so that they can be mended here.
func (d door) takeCaptions(ctx context.Context, p account.Person, t *testimony.Testimony, e testimony.DraftEdit, file io.Reader) (out, kept bool, err error) {
	if file == nil {
		return false, false, fault.Fields{{Name: "captions", Message: fault.Msg("video.captions.none")}}.Err()
	}
	if e.Text, err = video.ReadText(file); err != nil {
		return false, false, err
	}
	cues, wrong := video.ParseCues(e.Text)
	if wrong != nil && !strings.Contains(e.Text, "-->") {
		return false, false, wrong
	}
	var made *testimony.Caption
	if wrong == nil {
		e.Text = cues.Draft()
		var read video.Captions
		if read, wrong = cues.Captions(lengthOf(t)); wrong == nil {
			made = &testimony.Caption{VTT: read.VTT, SHA256: read.SHA256}
		}
	}
	out, err = d.Testimonies.TakeCaptionFile(ctx, p.Actor(), p.MunicipalityCode, t.ID, e, made)
	if wrong != nil {
		if fault.Of(err) == fault.Conflict {
			return false, false, err
		}
		return false, err == nil, cmp.Or(wrong, err)
	}
	return out, false, err
}

func lengthOf(t *testimony.Testimony) time.Duration {
	if t.Video == nil {
		return 0
	}
	return t.Video.Duration()
}

func (d door) deleteCaptions(c echo.Context) error {
	p, t, err := d.Open(c)
	if err != nil {
		return err
	}
	if err := d.Testimonies.DeleteCaption(c.Request().Context(), p.Actor(), p.MunicipalityCode, t.ID, c.Param("lang")); err != nil {
		return err
	}
	return d.done(c, "studio.captions.deleted", d.captioning(t.ID))
}

func (d door) dropDraft(c echo.Context) error {
	p, t, err := d.Open(c)
	if err != nil {
		return err
	}
	if err := d.Testimonies.DropCaptionDraft(c.Request().Context(), p.Actor(), p.MunicipalityCode, t.ID, c.Param("lang")); err != nil {
		return err
	}
	return d.done(c, "captions.draft_dropped", d.captioning(t.ID))
}

// caption shows the editor of the captions of a language, or gives them as a
// file if the address ends like one.
func (d door) caption(c echo.Context) error {
	_, t, err := d.Open(c)
	if err != nil {
		return err
	}
	lang, format, file := strings.Cut(c.Param("lang"), ".")
	text, err := d.Testimonies.CaptionText(c.Request().Context(), t.ID, lang)
	switch {
	case err != nil:
		return err
	case file:
		return d.captionFile(c, t, lang, format, text)
	case !t.State.Captionable():
		return d.goTo(c, d.own(t.ID))
	}
	return d.showEditor(c, t, lang, text, http.StatusOK, edited{text: text.Text})
}

// captionFile gives captions as a file: what is out, or else the draft.
func (d door) captionFile(c echo.Context, t *testimony.Testimony, lang, format string, text testimony.CaptionText) error {
	said := text.Text
	if text.Out != nil {
		said = text.Out.VTT
	}
	body, kind, err := video.CaptionFile(said, format)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Content-Disposition", `attachment; filename="`+t.Slug()+"-"+lang+"."+format+`"`)
	h.Set("Cache-Control", "no-store")
	return c.Blob(http.StatusOK, kind, body)
}
