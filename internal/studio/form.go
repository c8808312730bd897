package studio

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// formPage is the form of a testimony, or what became of it.
type formPage struct {
	Municipality territory.Municipality
	ID           int64 // 0 before the first save
	Action       string
	Item         itemView // its way so far
	Editable     bool
	Awaits       bool // review was asked for; the file is not ready
	Withdrawable bool

	Form         *page.Form // as typed, with what is wrong
	Themes       []page.Option
	Languages    []page.Option
	Visibilities []page.Option
	Consents     []page.Option
	Given        []testimony.Release // when it can no longer be edited
	Limits       limits
	Today        string // the latest day it can have been recorded

	Video    *testimony.Video // the file received, if any
	Arriving *arriving        // the file that began to arrive, if any
}

// limits are the rules of the form, for the browser to say them early.
type limits struct {
	Title, Description, Tags, Name, Themes int
	Bytes                                  int64
	Duration                               time.Duration
}

// arriving is an upload that has not come to its end.
type arriving struct {
	ID       string `json:"id"`
	Filename string `json:"filename"`
	Offset   int64  `json:"offset"`
	Size     int64  `json:"size"`
	Percent  int64  `json:"percent"`
}

func (s *Studio) newForm(c echo.Context) error {
	p, err := editor(c)
	if err != nil {
		return err
	}
	t := &testimony.Testimony{MunicipalityCode: p.MunicipalityCode, State: testimony.Draft, Language: "it", Visibility: testimony.Public}
	return s.showForm(c, p, t, nil, http.StatusOK)
}

func (s *Studio) show(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	return s.showForm(c, p, t, t.Wrong(s.clock()), http.StatusOK)
}

// showForm shows a testimony to its town hall, with what is wrong at its
// fields.
func (s *Studio) showForm(c echo.Context, p account.Person, t *testimony.Testimony, wrong fault.Fields, status int) error {
	ctx := c.Request().Context()
	m, err := s.registry.Municipality(p.MunicipalityCode)
	if err != nil {
		return err
	}
	themes, err := s.testimonies.Themes(ctx)
	if err != nil {
		return err
	}
	lang := page.Lang(ctx)
	view := formPage{
		Municipality: m, ID: t.ID, Action: "/comune/testimonianze", Editable: t.State.Editable(), Awaits: t.AwaitsFile(),
		Withdrawable: t.ID != 0 && t.State.CanBecome(testimony.Withdrawn),
		Form:         page.NewForm(valuesOf(t), wrong.Err()), Video: t.Video, Given: t.Releases,
		Today: s.clock().Format(time.DateOnly),
		Limits: limits{
			Title: testimony.MaxTitle, Description: testimony.MaxDescription, Tags: testimony.MaxTags, Name: testimony.MaxName,
			Themes: testimony.MaxThemes, Bytes: s.maxBytes, Duration: s.maxDuration,
		},
	}
	view.options(s, lang, themes)
	title := s.pages.T(lang, "studio.form.title_new")
	if t.ID != 0 {
		view.Action = address(t.ID)
		items, err := s.items(ctx, []testimony.Testimony{*t})
		if err != nil {
			return err
		}
		view.Item = items[0]
		if title = t.Title; title == "" {
			title = s.pages.T(lang, "studio.form.untitled")
		}
		if view.Arriving, err = s.arriving(c, t); err != nil {
			return err
		}
	}
	if len(wrong) > 0 {
		title = s.pages.T(lang, "form.error_prefix") + " " + title
	}
	return s.pages.Render(c, status, "studio/form", page.Frame{Title: title, Section: "/comune", Robots: "noindex", Page: view})
}

// valuesOf gives back what was typed: what was accepted, and what was not.
func valuesOf(t *testimony.Testimony) url.Values {
	v := url.Values{
		"title": {t.Title}, "description": {t.Description}, "language": {t.Language}, "speaker_name": {t.SpeakerName},
		"speaker_role": {t.SpeakerRole}, "recorded_on": {t.RecordedOn}, "tags": {strings.Join(t.Tags, ", ")},
		"visibility": {string(t.Visibility)},
	}
	for _, theme := range t.Themes {
		v.Add("themes", theme.Slug)
	}
	for name, typed := range t.Unfinished {
		v.Set(name, typed)
	}
	if typed, ok := t.Unfinished["themes"]; ok {
		v["themes"] = strings.Split(typed, ",")
	}
	for _, r := range t.Releases {
		v.Add("release", r.Kind)
	}
	return v
}

// options fills in what there is to choose from.
func (v *formPage) options(s *Studio, lang string, themes []testimony.Theme) {
	for _, theme := range themes {
		v.Themes = append(v.Themes, page.Option{Value: theme.Slug, Label: theme.Name(lang), Icon: theme.Icon, Hue: theme.Colour})
	}
	for _, code := range testimony.Languages() {
		v.Languages = append(v.Languages, page.Option{Value: code, Label: s.pages.T(lang, "language."+code)})
	}
	for _, see := range []testimony.Visibility{testimony.Public, testimony.Unlisted, testimony.Private} {
		v.Visibilities = append(v.Visibilities, page.Option{
			Value: string(see), Label: s.pages.T(lang, "visibility."+string(see)), Help: s.pages.T(lang, "visibility."+string(see)+".help"),
		})
	}
	for _, c := range testimony.Consents() {
		v.Consents = append(v.Consents, page.Option{Value: c.Kind, Label: c.Wording, Lang: "it"})
	}
}

// say puts what is wrong into the reader's language, by field.
func (s *Studio) say(c echo.Context, wrong fault.Fields) map[string]string {
	said := make(map[string]string, len(wrong))
	lang := page.Lang(c.Request().Context())
	for _, f := range wrong {
		if _, ok := said[f.Name]; !ok {
			said[f.Name] = s.pages.Say(lang, f.Message)
		}
	}
	return said
}

// arriving finds the upload to go on with, and how far it came.
func (s *Studio) arriving(c echo.Context, t *testimony.Testimony) (*arriving, error) {
	open, err := s.testimonies.OpenUploads(c.Request().Context(), t.ID)
	if err != nil {
		return nil, err
	}
	for _, u := range open {
		offset, size, err := s.uploads.Progress(u.ID)
		if fault.Of(err) == fault.NotFound {
			continue // its files are gone: nothing to go on with
		}
		if err != nil {
			return nil, err
		}
		return &arriving{ID: u.ID, Filename: u.Filename, Offset: offset, Size: size, Percent: offset * 100 / max(size, 1)}, nil
	}
	return nil, nil
}

// state is what the page's script asks for, to show without a reload what
// becomes of the file.
type state struct {
	State    testimony.State      `json:"state"`
	Video    testimony.VideoState `json:"video"`
	Reason   string               `json:"reason"`
	Arriving *arriving            `json:"arriving"`
	Awaits   bool                 `json:"awaits"`
}

// progress answers with the state of a testimony and of its file.
func (s *Studio) progress(c echo.Context) error {
	_, t, err := s.mine(c)
	if err != nil {
		return err
	}
	answer := state{State: t.State, Awaits: t.AwaitsFile()}
	if answer.Arriving, err = s.arriving(c, t); err != nil {
		return err
	}
	if t.Video != nil {
		answer.Video = t.Video.State
		if t.Video.Reason.Key != "" {
			answer.Reason = s.pages.Say(page.Lang(c.Request().Context()), t.Video.Reason.Message)
		}
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, answer)
}
