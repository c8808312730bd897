package studio

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strconv"
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
	Crumbs       []page.Crumb
	Title        string
	ID           int64 // 0 before the first save
	Action       string
	Submit       string   // where the button that also asks for review leads
	Item         itemView // its way so far
	Editable     bool
	Amendable    bool
	Proof        string // address of the proof of a withdrawal
	Withdrawable bool
	WithdrawForm *page.Form // as typed, if something of it was wrong
	Withdraw     string     // key of what withdrawing means now
	Channel      string     // its title; empty while none is connected

	Form         *page.Form // as typed, with what is wrong
	Themes       []page.Option
	Languages    []page.Option
	Visibilities []page.Option
	Translations []string // languages that it may be translated into
	Translated   bool
	Consents     []page.Option
	Limits       limits
	Today        string // the latest day it can have been recorded

	Testimony *testimony.Testimony // as it was accepted
	Chips     []page.Chip
	Poster    string
	Rendition string
	NeedsFile bool      // none came, or none that can be used
	Arriving  *arriving // the file that began to arrive, if any
}

// limits are the rules of the form, for the browser to say them early.
type limits struct {
	Title, Description, Tags, Name, Themes int
	Bytes                                  int64
	Size                                   string // Bytes, for people
	Minutes                                int
}

// sizeOf writes a limit as settings give it, and as the reception of files
// says it: 4 GB for 4 GiB.
func sizeOf(lang string, n int64) string {
	unit := "B"
	if lang == page.French {
		unit = "o"
	}
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return page.Number(lang, n>>30) + "\u00a0G" + unit
	case n >= 1<<20:
		return page.Number(lang, n>>20) + "\u00a0M" + unit
	default:
		return page.Bytes(lang, n)
	}
}

func (s *Studio) newForm(c echo.Context) error {
	p, err := editor(c)
	if err != nil {
		return err
	}
	t := &testimony.Testimony{MunicipalityCode: p.MunicipalityCode, State: testimony.Draft, Language: "it", Visibility: testimony.Public}
	return s.showForm(c, p, t, nil, http.StatusOK)
}

// limitsIn are the rules of the form in a language.
func (s *Studio) limitsIn(lang string) limits {
	return limits{
		Title: testimony.MaxTitle, Description: testimony.MaxDescription, Tags: testimony.MaxTags, Name: testimony.MaxName,
		Themes: testimony.MaxThemes, Bytes: s.maxBytes, Size: sizeOf(lang, s.maxBytes), Minutes: int(s.maxDuration.Minutes()),
	}
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
	return s.showFormWith(c, p, t, wrong, status, nil)
}

// showFormWith is showForm with a withdrawal as it was typed and refused.
func (s *Studio) showFormWith(c echo.Context, p account.Person, t *testimony.Testimony, wrong fault.Fields, status int, withdraw *page.Form) error {
	ctx := c.Request().Context()
	lang := page.Lang(ctx)
	m, err := s.registry.Municipality(p.MunicipalityCode)
	if err != nil {
		return err
	}
	view := formPage{
		Municipality: m, ID: t.ID, Action: "/comune/testimonianze", WithdrawForm: withdraw, Editable: t.State.Editable(),
		Title: t.Title, Testimony: t, Form: page.NewForm(valuesOf(t), wrong.Err()), Amendable: t.State.Amendable(),
		Withdrawable: t.ID != 0 && t.State.CanBecome(testimony.Withdrawn), Withdraw: withdrawing(t.State),
		Today: s.clock().In(s.zone).Format(time.DateOnly), Limits: s.limitsIn(lang),
		Poster: posterOf(t), Rendition: renditionOf(t), NeedsFile: t.Video == nil || t.Video.State == testimony.VideoUnusable,
	}
	if view.Channel, err = s.channel(ctx); err != nil {
		return err
	}
	if err := s.options(ctx, &view, lang); err != nil {
		return err
	}
	if t.ID == 0 {
		view.Title = s.pages.T(lang, "studio.form.title_new")
		view.Action += "?modulo=" + rand.Text()
		view.Submit = view.Action + "&poi=invia"
	} else if err := s.whatBecame(ctx, &view, t); err != nil {
		return err
	}
	if typed := []rune(strings.TrimSpace(t.Unfinished["title"])); view.Title == "" && len(typed) > 0 {
		view.Title = string(typed[:min(len(typed), testimony.MaxTitle)]) // refused, but it is what they call it
	}
	if view.Title == "" {
		view.Title = s.pages.T(lang, "studio.form.untitled")
	}
	view.Crumbs = []page.Crumb{{Label: m.Name, Href: "/comune"}, {Label: view.Title}}
	title := view.Title
	if len(wrong) > 0 {
		title = s.pages.T(lang, "form.error_prefix") + " " + title
	}
	return s.pages.Render(c, status, "studio/form", page.Frame{
		Title: title, Section: "/comune", Robots: "noindex", Page: view,
		// After a post that was refused, links to the page itself must lead to one.
		Canonical: canonical(t.ID),
	})
}

// whatBecame adds what only a testimony that was saved has: its way, its file.
func (s *Studio) whatBecame(ctx context.Context, view *formPage, t *testimony.Testimony) error {
	view.Action, view.Submit = address(t.ID), address(t.ID)+"?poi=invia"
	if t.State == testimony.Withdrawn {
		view.Proof = address(t.ID) + "/prova"
	}
	items, err := s.items(ctx, []testimony.Testimony{*t})
	if err != nil {
		return err
	}
	view.Item = items[0]
	view.Item.Notice = view.Item.Notice.onForm()
	coming, err := s.arriving(ctx, []testimony.Testimony{*t})
	if err != nil {
		return err
	}
	view.Arriving = coming[t.ID]
	return nil
}

// withdrawing is the key of what it means to withdraw a testimony.
func withdrawing(state testimony.State) string {
	switch state {
	case testimony.Draft:
		return "studio.withdraw.draft"
	case testimony.Approved, testimony.Published:
		return "studio.withdraw.public"
	default:
		return "studio.withdraw.review"
	}
}

// canonical is where the form of a testimony is, also before its first save.
func canonical(id int64) string {
	if id == 0 {
		return "/comune/testimonianze/nuova"
	}
	return address(id)
}

// formOf is a draft as its form would be posted unchanged.
func formOf(t *testimony.Testimony) testimony.Form { return formFrom(valuesOf(t)) }

func formFrom(v url.Values) testimony.Form {
	translations := testimony.Translations{}
	for _, lang := range testimony.OtherLanguages("") {
		translations[lang] = testimony.Translation{Title: v.Get("title_" + lang), Description: v.Get("description_" + lang)}
	}
	return testimony.Form{
		Translations: translations,
		Title:        v.Get("title"), Description: v.Get("description"), Language: v.Get("language"), SpeakerName: v.Get("speaker_name"),
		SpeakerRole: v.Get("speaker_role"), RecordedOn: v.Get("recorded_on"), Themes: v["themes"], Tags: v.Get("tags"),
		Visibility: v.Get("visibility"), Release: v["release"],
	}
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
	for lang, one := range t.Translations {
		v.Set("title_"+lang, one.Title)
		v.Set("description_"+lang, one.Description)
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

// options fills in what there is to choose from, and what was chosen as it is
// shown when nothing can be changed any more.
func (s *Studio) options(ctx context.Context, v *formPage, lang string) error {
	themes, err := s.testimonies.Themes(ctx)
	if err != nil {
		return err
	}
	for _, theme := range themes {
		v.Themes = append(v.Themes, page.Option{Value: theme.Slug, Label: theme.Name(lang), Icon: theme.Icon, Hue: theme.Colour})
	}
	for _, theme := range v.Testimony.Themes {
		v.Chips = append(v.Chips, page.Chip{Name: theme.Name(lang), Icon: theme.Icon, Hue: theme.Colour})
	}
	for _, code := range testimony.Languages() {
		v.Languages = append(v.Languages, page.Option{Value: code, Label: s.pages.T(lang, "language."+code)})
	}
	v.Translations, v.Translated = testimony.OtherLanguages(v.Testimony.Language), len(v.Testimony.Translations) > 0
	for name := range v.Testimony.Unfinished {
		v.Translated = v.Translated || strings.HasPrefix(name, "title_") || strings.HasPrefix(name, "description_")
	}
	for _, see := range []testimony.Visibility{testimony.Public, testimony.Unlisted, testimony.Private} {
		v.Visibilities = append(v.Visibilities, page.Option{
			Value: string(see), Label: s.pages.T(lang, "visibility."+string(see)), Help: s.pages.T(lang, "visibility."+string(see)+".help"),
		})
	}
	for _, c := range testimony.Consents() {
		// The wording is a legal text and stays Italian; what it means is
		// said in the reader's language.
		v.Consents = append(v.Consents, page.Option{Value: c.Kind, Label: c.Wording, Lang: "it", Help: s.pages.T(lang, "studio.consent."+c.Kind)})
	}
	return nil
}

// channel is the title of the channel that videos go to, empty while none is
// connected.
func (s *Studio) channel(ctx context.Context) (string, error) {
	if s.channels == nil {
		return "", nil
	}
	ch, err := s.channels.Current(ctx)
	if fault.Of(err) == fault.NotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return ch.Title, nil
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

// posterOf is the address of a testimony's poster, empty without one. It names
// the file, so that a browser does not show the one before.
func posterOf(t *testimony.Testimony) string {
	if t.Video == nil || t.Video.Poster == "" {
		return ""
	}
	return address(t.ID) + "/poster?file=" + url.QueryEscape(t.Video.Poster)
}

// renditionOf is the address of what the portal plays, empty without one.
func renditionOf(t *testimony.Testimony) string {
	if t.Video == nil || t.Video.Rendition == "" || t.Video.State != testimony.VideoReady {
		return ""
	}
	return address(t.ID) + "/video?file=" + strconv.FormatInt(t.Video.ID, 10)
}
