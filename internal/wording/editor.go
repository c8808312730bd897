package wording

import (
	"context"
	"errors"
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
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video"
)

// editorPage is where captions of a language are written.
type editorPage struct {
	Crumbs    []page.Crumb
	Action    string
	List      string // address of the page of all captions
	Testimony *testimony.Testimony
	Language  string
	Form      *page.Form // the text as typed, with what is wrong
	Base      string     // of the text that there is
	Draft     *testimony.CaptionDraft
	Out       *testimony.Caption
	Machine   bool // a machine wrote it, and nobody has read it yet
	Read      []page.Option
	Refusal   *fault.Message // why what was just sent was not kept

	Poster    string
	Rendition string // empty without something to play
	Length    time.Duration

	Data     editorData // for the script
	Sound    bool       // nothing is the matter
	Problems []problemView
	Mends    []mendView
	Tools    []string // what can be done with a cue, by name
}

// editorData is a text as the script reads it: its cues, nil if it cannot be
// read at all, and what is the matter with them.
type editorData struct {
	Base     string        `json:"base"`
	Cues     []cueView     `json:"cues,omitzero"`
	Problems []problemData `json:"problems"`
	Mends    []string      `json:"mends"` // that would help
}

type problemData struct {
	Cue   int               `json:"cue"`
	Kind  video.ProblemKind `json:"kind"`
	Text  string            `json:"text"`
	Error bool              `json:"error"`
}

// cueView is a cue for the script.
type cueView struct {
	Start int64  `json:"start"` // milliseconds
	End   int64  `json:"end"`
	Text  string `json:"text"`
}

// problemView is what is the matter with a cue.
type problemView struct {
	Cue     int // from 0
	At      string
	Kind    video.ProblemKind
	Message fault.Message
	Error   bool
}

// Number is the cue's for people.
func (p problemView) Number() int { return p.Cue + 1 }

// mendView is something that can be mended by itself.
type mendView struct {
	Name   string
	Useful bool
}

// tools are what can be done with a cue, in the order of their buttons.
var tools = []string{"play", "start", "end", "split", "join", "add", "delete", "undo", "redo", "previous", "next"}

// edited is what was just sent and is shown again.
type edited struct {
	text       string
	unreadable bool           // it has no cues to show
	wrong      error          // fault.Invalid
	why        *fault.Message // why it was not kept
}

func (d door) showEditor(c echo.Context, t *testimony.Testimony, lang string, now testimony.CaptionText, status int, sent edited) error {
	ctx := c.Request().Context()
	m, err := d.Registry.Municipality(t.MunicipalityCode)
	if err != nil {
		return err
	}
	view := editorPage{
		Action: d.captioning(t.ID) + "/" + lang, List: d.captioning(t.ID), Testimony: t, Language: lang, Base: now.Base(), Draft: now.Draft, Out: now.Out,
		Machine: now.Machine(), Refusal: sent.why, Length: lengthOf(t), Tools: tools,
	}
	if sent.text == "" {
		sent.text = video.Cues(nil).Draft()
	}
	if v := t.Video; v != nil && v.Rendition != "" {
		view.Rendition = d.own(t.ID) + "/video?file=" + strconv.FormatInt(v.ID, 10)
		if v.Poster != "" {
			view.Poster = d.own(t.ID) + "/poster?file=" + url.QueryEscape(v.Poster)
		}
	}
	cues, err := video.ParseCues(sent.text)
	switch blank := strings.TrimSpace(strings.TrimPrefix(sent.text, "WEBVTT")) == ""; {
	case err == nil:
		sent.text = cues.Draft()
	case !blank:
		sent.unreadable = true
		if sent.wrong == nil {
			sent.wrong = atText(err)
		}
	}
	view.Form = page.NewForm(url.Values{"text": {sent.text}}, sent.wrong)
	uiLang := page.Lang(ctx)
	view.show(cues, view.Length)
	view.Data = d.data(uiLang, view.Base, cues, view.Length)
	view.Sound = len(view.Problems) == 0 && len(cues) > 0
	if sent.unreadable {
		view.Data.Cues = nil
	}
	view.Read = []page.Option{{Value: "yes", Label: d.Pages.T(uiLang, "captions.read")}}
	name := d.Pages.T(uiLang, "language."+lang)
	view.Crumbs = append(d.Crumbs(m, t), page.Crumb{Label: d.Pages.T(uiLang, "captions.title"), Href: view.List}, page.Crumb{Label: name})
	title := d.Pages.T(uiLang, "captions.editor.title", "Language", name) + ": " + t.Title
	if status != http.StatusOK {
		title = d.Pages.T(uiLang, "form.error_prefix") + " " + title
	}
	return d.Pages.Render(c, status, d.Name+"/editor", page.Frame{
		Title: title, Section: d.Section, Robots: "noindex", Page: view, Canonical: view.Action,
	})
}

// show fills in the cues and what is the matter with them.
func (v *editorPage) show(cues video.Cues, length time.Duration) {
	all := cues.Problems(length)
	for _, p := range all {
		v.Problems = append(v.Problems, problemView{Cue: p.Cue, At: video.Clock(cues[p.Cue].Start), Kind: p.Kind, Message: p.Message, Error: p.Error})
	}
	for _, mend := range mends {
		useful := slices.ContainsFunc(mend.kinds, func(kind video.ProblemKind) bool { return video.Has(all, kind) })
		v.Mends = append(v.Mends, mendView{Name: mend.name, Useful: useful})
	}
}

// data is a text for the script.
func (d *Desk) data(lang, base string, cues video.Cues, length time.Duration) editorData {
	data := editorData{Base: base, Cues: make([]cueView, 0, len(cues)), Problems: []problemData{}, Mends: []string{}}
	for _, c := range cues {
		data.Cues = append(data.Cues, cueView{Start: c.Start.Milliseconds(), End: c.End.Milliseconds(), Text: c.Text()})
	}
	var view editorPage
	view.show(cues, length)
	for _, p := range view.Problems {
		data.Problems = append(data.Problems, problemData{p.Cue, p.Kind, d.Pages.Say(lang, p.Message), p.Error})
	}
	for _, mend := range view.Mends {
		if mend.Useful {
			data.Mends = append(data.Mends, mend.Name)
		}
	}
	return data
}

// mends are what can be mended by itself, by the button's name.
var mends = []struct {
	name  string
	kinds []video.ProblemKind
	do    func(video.Cues) video.Cues
}{
	{"rewrap", []video.ProblemKind{video.CueLong, video.CueTall}, video.Cues.Rewrapped},
	{"untangle", []video.ProblemKind{video.CueOverlap}, video.Cues.Untangled},
	{"clean", []video.ProblemKind{video.CueInvented}, video.Cues.Cleaned},
}

// atText puts what is wrong with a file of captions at the field of the text, in
// words for who writes it there.
func atText(err error) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	var fields fault.Fields
	for _, f := range e.Fields {
		if problem, ok := strings.CutPrefix(f.Message.Key, "video.captions."); ok {
			f.Name, f.Message.Key = "text", "captions.text."+problem
		}
		fields = append(fields, f)
	}
	return fields.Err()
}

// editCaption keeps a text, mends it, or brings it out, as the button says.
func (d door) editCaption(c echo.Context) error {
	p, t, err := d.Open(c)
	if err != nil {
		return err
	}
	lang := c.Param("lang")
	values, _, err := fileForm(c, "", 4*video.MaxCaptions) // line ends may take two bytes: too much is told below
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	now, err := d.Testimonies.CaptionText(ctx, t.ID, lang)
	if err != nil {
		return err
	}
	text, cues, err := d.typed(values)
	if err != nil {
		return d.unkept(c, t, lang, now, values.Get("text"), err)
	}
	kept, err := d.Testimonies.SaveCaptionDraft(ctx, p.Actor(), p.MunicipalityCode, t.ID, testimony.DraftEdit{
		Language: lang, Text: text, Base: values.Get("base"), Page: values.Get("page"),
	})
	if err != nil {
		return d.unkept(c, t, lang, now, text, err)
	}
	switch {
	case wantsJSON(c):
		return d.answer(c, kept, cues, values.Get("do"), lengthOf(t))
	case values.Get("do") != "publish":
		return d.done(c, "captions.draft_saved", d.captioning(t.ID)+"/"+lang)
	}
	if err := d.publish(ctx, p, t, lang, kept, values.Get("read") != ""); err != nil {
		return d.unkept(c, t, lang, kept, text, err)
	}
	return d.done(c, "studio.captions.saved", d.captioning(t.ID))
}

// typed is the text that was sent, mended as asked, with its cues, nil if it
// cannot be read.
func (d door) typed(values url.Values) (text string, cues video.Cues, err error) {
	if text, err = video.ReadText(strings.NewReader(values.Get("text"))); err != nil {
		return "", nil, err
	}
	if cues, err = video.ParseCues(text); err != nil {
		return text, nil, nil // kept as it is
	}
	for _, mend := range mends {
		if values.Get("do") == mend.name {
			cues = mend.do(cues)
			text = cues.Draft()
		}
	}
	return text, cues, nil
}

func (d door) publish(ctx context.Context, p account.Person, t *testimony.Testimony, lang string, kept testimony.CaptionText, read bool) error {
	cues, err := video.ParseCues(kept.Text)
	if err != nil {
		return err
	}
	made, err := cues.Captions(lengthOf(t))
	if err != nil {
		return err
	}
	return d.Testimonies.PublishCaption(ctx, p.Actor(), p.MunicipalityCode, t.ID,
		testimony.DraftEdit{Language: lang, Text: kept.Text, Base: kept.Base()}, testimony.Caption{VTT: made.VTT, SHA256: made.SHA256}, read)
}

// unkept says why a text was not kept or not brought out, and gives it back.
func (d door) unkept(c echo.Context, t *testimony.Testimony, lang string, now testimony.CaptionText, text string, err error) error {
	if page.Refused(err) {
		err = atText(err)
	}
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || (e.Kind != fault.Invalid && e.Kind != fault.Conflict) {
		return err
	}
	status := http.StatusUnprocessableEntity
	sent := edited{text: text, wrong: err}
	why := e.Message
	if e.Kind == fault.Conflict {
		// Somebody wrote between our look and our writing, or before.
		if now, err = d.Testimonies.CaptionText(c.Request().Context(), t.ID, lang); err != nil {
			return err
		}
		status, sent.wrong, sent.why = http.StatusConflict, nil, &e.Message
	} else if len(e.Fields) > 0 {
		why = e.Fields[0].Message
	}
	if wantsJSON(c) {
		return c.JSON(status, map[string]any{
			"why": d.Pages.Say(page.Lang(c.Request().Context()), why), "base": now.Base(), "meanwhile": why.Key == "captions.changed_meanwhile",
		})
	}
	return d.showEditor(c, t, lang, now, status, sent)
}

func wantsJSON(c echo.Context) bool {
	return strings.Contains(c.Request().Header.Get(echo.HeaderAccept), echo.MIMEApplicationJSON)
}

// answer tells the script what was kept, and what is the matter with it; the
// cues only after they were mended.
func (d door) answer(c echo.Context, kept testimony.CaptionText, cues video.Cues, do string, length time.Duration) error {
	data := d.data(page.Lang(c.Request().Context()), kept.Base(), cues, length)
	if do == "save" {
		data.Cues = nil
	}
	return c.JSON(http.StatusOK, data)
}
