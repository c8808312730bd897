package studio

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/register"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/wording"
)

// formPage is the form of a testimony, or what became of it.
type formPage struct {
	Municipality territory.Municipality
	Crumbs       []page.Crumb
	Title        string
	ID           int64 // 0 before the first save
	Action       string
	Submit       string                // where the button that also asks for review leads
	AskApproval  string                // where the button leads that saves, then asks whoever speaks
	Elsewhere    string                // where the button leads that saves, then goes on elsewhere; empty on a device that a code let in
	Devices      []account.OtherDevice // others that go on with it
	Guest        *time.Time            // when a device that a code let in is out
	Record       string                // the same, of the one that records
	Trim         string                // and of the one that trims
	Item         itemView              // its way so far
	Editable     bool
	Amendable    bool
	Proof        string // address of the proof of a withdrawal
	Withdrawable bool
	WithdrawForm *page.Form     // as typed, if something of it was wrong
	Withdraw     string         // key of what withdrawing means now
	Meanwhile    *fault.Message // who changed it while the form was filled in that is shown again
	Channel      string         // its title; empty while none is connected

	wording.Fields
	Consents []page.Option
	File     fileLimits

	Answers      []page.Option // the answers to whether anybody else appears
	Filmed       int           // people in the register
	Register     string        // its address; empty before the first save
	OpenRegister string        // where the button that saves and opens it leads

	Testimony *testimony.Testimony // as it was accepted
	Others    []string             // languages that it is translated into
	Chips     []page.Chip
	Poster    string
	Rendition string
	Captions  string // address of the page of its captions, once there is a testimony to caption
	Tracks    []wording.Track
	NeedsFile bool      // none came, or none that can be used
	Whole     bool      // staff have the small version; only the full file may still come
	Arriving  *arriving // the file that began to arrive, if any
	Tryout    *fault.Message
}

// fileLimits are the rules for the video, for the browser to say them early.
type fileLimits struct {
	Bytes   int64
	Size    string // Bytes, for people
	Minutes int
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
	return s.showFormWith(c, p, t, wrong, status, refusedForm{})
}

// refusedForm is what was sent and nothing of which was kept.
type refusedForm struct {
	withdraw *page.Form // a withdrawal
	typed    url.Values // a form that somebody else was faster than
	why      *fault.Message
}

// showFormWith is showForm with what was sent and refused.
func (s *Studio) showFormWith(c echo.Context, p account.Person, t *testimony.Testimony, wrong fault.Fields, status int, refused refusedForm) error {
	ctx := c.Request().Context()
	lang := page.Lang(ctx)
	m, err := s.registry.Municipality(p.MunicipalityCode)
	if err != nil {
		return err
	}
	view := formPage{
		Municipality: m, ID: t.ID, Action: "/comune/testimonianze", WithdrawForm: refused.withdraw, Meanwhile: refused.why, Editable: t.State.Editable(),
		Title: t.Title, Testimony: t, Amendable: t.State.Amendable(),
		Withdrawable: t.ID != 0 && t.State.CanBecome(testimony.Withdrawn), Withdraw: withdrawing(t.State),
		File:   fileLimits{Bytes: s.maxBytes, Size: sizeOf(lang, s.maxBytes), Minutes: int(s.maxDuration.Minutes())},
		Poster: posterOf(t), Rendition: renditionOf(t), NeedsFile: t.Full == nil || t.Full.State == testimony.VideoUnusable,
		Whole: t.AwaitsWhole(),
	}
	if view.Channel, err = s.channel(ctx); err != nil {
		return err
	}
	if view.Tryout, err = s.tryoutHint(ctx, p); err != nil {
		return err
	}
	typed := refused.typed
	if typed == nil {
		typed = wording.ValuesOf(t)
	}
	if view.Fields, err = s.wording.Fields(ctx, t, page.NewForm(typed, wrong.Err())); err != nil {
		return err
	}
	s.options(&view, lang)
	if t.ID == 0 {
		view.Title = s.pages.T(lang, "studio.form.title_new")
		view.Action += "?modulo=" + rand.Text()
		view.Submit, view.OpenRegister = view.Action+"&poi=invia", view.Action+"&poi=registro"
		view.AskApproval, view.Elsewhere = view.Action+"&poi=approvazione", view.Action+"&poi=dispositivo"
		view.Record, view.Trim = view.Action+"&poi=registra", view.Action+"&poi=taglia"
	} else if err := s.whatBecame(ctx, &view, t); err != nil {
		return err
	}
	if err := s.whoElse(ctx, &view, p); err != nil {
		return err
	}
	if typed := []rune(strings.TrimSpace(t.Unfinished["title"])); view.Title == "" && len(typed) > 0 {
		view.Title = string(typed[:min(len(typed), testimony.MaxTitle)]) // refused, but it is what they call it
	}
	if view.Title == "" {
		view.Title = s.pages.T(lang, "studio.form.untitled")
	}
	view.Crumbs = []page.Crumb{hallCrumb(p, m), {Label: view.Title}}
	title := view.Title
	if len(wrong) > 0 || refused.why != nil {
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
	view.Action, view.Submit, view.OpenRegister = address(t.ID), address(t.ID)+"?poi=invia", address(t.ID)+"?poi=registro"
	people, err := s.testimonies.Register(ctx, t.MunicipalityCode, t.ID)
	if err != nil {
		return err
	}
	view.Filmed, view.Register = len(people), register.Address("/comune/testimonianze", t.ID)
	view.AskApproval, view.Elsewhere = address(t.ID)+"?poi=approvazione", address(t.ID)+"?poi=dispositivo"
	view.Record, view.Trim = address(t.ID)+"?poi=registra", address(t.ID)+"?poi=taglia"
	if t.State == testimony.Withdrawn {
		view.Proof = address(t.ID) + "/prova"
	}
	if t.State.Captionable() {
		view.Captions = s.face().Captioning(t.ID)
	}
	items, err := s.items(ctx, []testimony.Testimony{*t})
	if err != nil {
		return err
	}
	if view.Tracks, err = s.wording.Tracks(ctx, s.face(), t.ID); err != nil {
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
func formOf(t *testimony.Testimony) testimony.Form { return wording.FormOf(wording.ValuesOf(t)) }

// options fills in what only this form has: the consents, and what was chosen as
// it is shown when nothing can be changed any more.
func (s *Studio) options(v *formPage, lang string) {
	for _, other := range v.Translations {
		if _, ok := v.Testimony.Translations[other]; ok {
			v.Others = append(v.Others, other)
		}
	}
	for _, theme := range v.Testimony.Themes {
		v.Chips = append(v.Chips, page.Chip{Name: theme.Name(lang), Icon: theme.Icon, Hue: theme.Colour})
	}
	for _, answer := range []testimony.Others{testimony.OthersNo, testimony.OthersYes} {
		v.Answers = append(v.Answers, page.Option{Value: string(answer), Label: s.pages.T(lang, "register.others."+string(answer))})
	}
	for _, c := range testimony.Consents() {
		// The wording is a legal text and stays Italian; what it means is
		// said in the reader's language.
		v.Consents = append(v.Consents, page.Option{Value: c.Kind, Label: c.Wording, Lang: "it", Help: s.pages.T(lang, "studio.consent."+c.Kind)})
	}
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
	return address(t.ID) + "/video?file=" + url.QueryEscape(t.Video.Rendition)
}
