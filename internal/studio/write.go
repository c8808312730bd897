package studio

import (
	"cmp"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/register"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/wording"
)

// create starts a testimony from what was typed. The draft is made as soon as
// there is something to keep: when the file's part is reached, or at the end.
func (s *Studio) create(c echo.Context) error {
	p, err := editor(c)
	if err != nil {
		return err
	}
	var made *testimony.Testimony
	var sent error // why the file was not taken: the form is kept all the same
	empty := testimony.Form{Language: "it", Visibility: string(testimony.Public)}
	f, err := readForm(c, empty, func(so testimony.Form, part *multipart.Part) error {
		if made, err = s.keep(c, p, made, so); err != nil {
			return err
		}
		sent = s.take(c, made.ID, part)
		return nil
	})
	if err != nil {
		return err
	}
	if made, err = s.keep(c, p, made, f); err != nil {
		return err
	}
	return s.saved(c, p, made, sent, 0)
}

// keep makes the draft of a form, or saves into the one that the same form
// made before: browsers send a form again by themselves when the line breaks
// before the answer, and people press twice.
func (s *Studio) keep(c echo.Context, p account.Person, made *testimony.Testimony, f testimony.Form) (*testimony.Testimony, error) {
	ctx := c.Request().Context()
	key := c.QueryParam("modulo")
	var id int64
	if made != nil {
		id = made.ID
	} else if key != "" {
		id, _ = strconv.ParseInt(s.sessions.Pop(ctx, "form."+key), 10, 64)
	}
	var err error
	if id != 0 {
		made, err = s.testimonies.Save(ctx, p.Actor(), p.MunicipalityCode, id, f)
	} else {
		made, err = s.testimonies.Create(ctx, p.Actor(), p.MunicipalityCode, f, false)
	}
	if err == nil && key != "" && len(key) <= maxKey {
		s.sessions.Put(ctx, "form."+key, strconv.FormatInt(made.ID, 10))
	}
	return made, err
}

// maxKey bounds the name by which a form is known again.
const maxKey = 32

// save keeps what was typed into a draft, and takes its file in.
func (s *Studio) save(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	d := &draft{s: s, c: c, by: p, now: t, part: c.QueryParam("parte") != ""}
	var sent error
	f, err := readForm(c, formOf(t), func(so testimony.Form, part *multipart.Part) error {
		// Before the file, which may take an hour or break off. The file of a form
		// that was refused for the words is taken all the same.
		if err := d.keep(so); err != nil && !testimony.Reworded(err) {
			return err
		}
		sent = s.take(c, t.ID, part)
		return nil
	})
	if err != nil {
		return err
	}
	seen := d.seen(f.Version)
	if err := d.keep(f); testimony.Reworded(err) && !wantsJSON(c) {
		return s.showMeanwhile(c, p, t.ID, f, sent)
	} else if err != nil {
		return err
	}
	return s.saved(c, p, d.now, sent, seen)
}

// draft is a draft into which a form is kept, before its file and after it.
type draft struct {
	s    *Studio
	c    echo.Context
	by   account.Person
	now  *testimony.Testimony
	own  bool // what is said now is what this form said
	part bool // of the form only what was changed comes: the rest stays as others left it
}

// keep saves a form into the draft.
func (d *draft) keep(f testimony.Form) error {
	switch {
	case d.part:
		f.Version = 0
	case d.own && f.Version != 0:
		f.Version = d.now.Version
	}
	now, err := d.s.testimonies.Save(d.c.Request().Context(), d.by.Actor(), d.by.MunicipalityCode, d.now.ID, f)
	if err == nil {
		d.now, d.own = now, true
	}
	return err
}

// seen is the version that a page knows of once its form is kept: one on which
// something of somebody else is missing still has the one that it was shown with.
// 0 is the latest.
func (d *draft) seen(version int) int {
	if d.part && d.now.WordedVersion > version {
		return version
	}
	return 0
}

// showMeanwhile shows a form again that somebody else was faster than, with what
// was typed, and says who it was. Sent once more, it is meant.
func (s *Studio) showMeanwhile(c echo.Context, p account.Person, id int64, typed testimony.Form, sent error) error {
	ctx := c.Request().Context()
	t, err := s.testimonies.Get(ctx, p.MunicipalityCode, id)
	if err != nil {
		return err
	}
	lang := page.Lang(ctx)
	again := refusedForm{typed: wording.Values(typed), why: message("studio.form.meanwhile_same")}
	if by := account.By(t.WordedBy); by != nil && t.WordedBy != p.Actor() {
		again.why = message("studio.form.meanwhile", "By", s.pages.Say(lang, *by))
	}
	var wrong fault.Fields
	if e, ok := errors.AsType[*fault.Error](sent); ok && e.Kind != fault.Unknown {
		wrong = fault.Fields{{Name: "video", Message: e.Message}}
	} else if sent != nil {
		return sent
	}
	return s.showFormWith(c, p, t, wrong, http.StatusConflict, again)
}

// take streams the video of a form to the vault. A form that says of itself
// that it is too large is refused before its file is written down.
func (s *Studio) take(c echo.Context, id int64, part *multipart.Part) error {
	var body io.Reader = part
	if c.Request().ContentLength > s.maxBytes+maxField*maxFields {
		body = tooMuch{s.maxBytes}
	}
	_, err := s.uploads.Stream(c.Request().Context(), id, part.FileName(), part.Header.Get(echo.HeaderContentType), body)
	return err
}

// tooMuch is a file over the limit, known to be one before it is read.
type tooMuch struct{ limit int64 }

// Read implements io.Reader.
func (t tooMuch) Read([]byte) (int, error) { return 0, &http.MaxBytesError{Limit: t.limit} }

// savedAnswer is what the page's script learns after it saved, or asked for
// review.
type savedAnswer struct {
	ID      int64             `json:"id"`
	Address string            `json:"address"`
	SavedAt time.Time         `json:"saved_at"`
	State   testimony.State   `json:"state"`
	Awaits  bool              `json:"awaits"`
	Sent    bool              `json:"sent"`    // review was asked for
	Wrong   map[string]string `json:"wrong"`   // by field, in the reader's language
	Version int               `json:"version"` // that the page knows now, for its whole form
}

// saved answers after a draft was kept: with what is wrong at its fields, or by
// going on to the draft's page; the script gets the same as JSON, with the version
// that its page knows (0: the latest).
func (s *Studio) saved(c echo.Context, p account.Person, t *testimony.Testimony, sent error, seen int) error {
	wrong := t.Wrong(s.clock())
	if e, ok := errors.AsType[*fault.Error](sent); ok && e.Kind != fault.Unknown {
		wrong = append(wrong, fault.Field{Name: "video", Message: e.Message})
	} else if sent != nil {
		return sent
	}
	if c.QueryParam("poi") == "invia" && sent == nil { // the button that saves and asks for review
		return s.ask(c, p, t.ID)
	}
	if then := c.QueryParam("poi"); sent == nil && (then == "approvazione" || then == "dispositivo") { // the buttons that save and lead on
		return c.Redirect(http.StatusSeeOther, localized(c, address(t.ID)+"/"+then))
	}
	if wantsJSON(c) {
		return s.answer(c, http.StatusOK, t, false, wrong, seen)
	}
	if c.QueryParam("poi") == "registro" && sent == nil { // what is wrong is kept, and said on the way back
		return c.Redirect(http.StatusSeeOther, localized(c, register.Address("/comune/testimonianze", t.ID)))
	}
	if next := c.QueryParam("poi"); sent == nil && (next == "registra" || next == "taglia") {
		return c.Redirect(http.StatusSeeOther, localized(c, address(t.ID)+"/"+next))
	}
	if len(wrong) > 0 {
		return s.showForm(c, p, t, wrong, status(sent))
	}
	s.sessions.SetFlash(c.Request().Context(), "studio.saved")
	return c.Redirect(http.StatusSeeOther, localized(c, address(t.ID)))
}

func (s *Studio) answer(c echo.Context, status int, t *testimony.Testimony, sent bool, wrong fault.Fields, seen int) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(status, savedAnswer{
		ID: t.ID, Address: localized(c, address(t.ID)), SavedAt: t.UpdatedAt, State: t.State, Awaits: t.AwaitsFile(),
		Sent: sent, Wrong: s.say(c, wrong), Version: cmp.Or(seen, t.Version),
	})
}

func wantsJSON(c echo.Context) bool {
	return c.Request().Header.Get(echo.HeaderAccept) == echo.MIMEApplicationJSON
}

// localized is an address in the language of the request.
func localized(c echo.Context, path string) string {
	return page.Localize(page.Lang(c.Request().Context()), path)
}

// status is the one of a form that has something wrong: of the file, if that.
func status(sent error) int {
	if sent == nil {
		return http.StatusUnprocessableEntity
	}
	return page.Status(sent)
}

// submit asks for review of a draft as it was saved.
func (s *Studio) submit(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	return s.ask(c, p, t.ID)
}

func (s *Studio) ask(c echo.Context, p account.Person, id int64) error {
	ctx := c.Request().Context()
	t, err := s.testimonies.Get(ctx, p.MunicipalityCode, id)
	if err != nil {
		return err
	}
	// An upload whose files are gone is forgotten first: a testimony must not
	// wait for it.
	if _, err := s.arriving(ctx, []testimony.Testimony{*t}); err != nil {
		return err
	}
	asked, err := s.testimonies.Submit(ctx, p.Actor(), p.MunicipalityCode, id)
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind == fault.Invalid {
		if wantsJSON(c) {
			return s.answer(c, http.StatusUnprocessableEntity, t, false, e.Fields, 0)
		}
		return s.showForm(c, p, t, e.Fields, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	key := "studio.sent"
	if asked.AwaitsApproval() {
		key = "approval.sent_awaits"
	} else if asked.AwaitsFile() {
		key = "studio.sent_awaits_file"
		if wantsJSON(c) { // the page stays, and says so itself
			return s.answer(c, http.StatusOK, asked, true, nil, 0)
		}
	}
	s.sessions.SetFlash(ctx, key)
	if wantsJSON(c) {
		return s.answer(c, http.StatusOK, asked, true, nil, 0)
	}
	return c.Redirect(http.StatusSeeOther, localized(c, address(id)))
}

// recall makes a testimony that waits for its review a draft again.
func (s *Studio) recall(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if _, err := s.testimonies.Recall(ctx, p.Actor(), p.MunicipalityCode, t.ID); err != nil {
		return err
	}
	s.sessions.SetFlash(ctx, "studio.recalled")
	return c.Redirect(http.StatusSeeOther, localized(c, address(t.ID)))
}

// withdraw takes a testimony back, off the channel too.
func (s *Studio) withdraw(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	_, err = s.testimonies.Withdraw(ctx, p.Actor(), p.MunicipalityCode, t.ID, testimony.Withdrawal{Reason: values.Get("reason"), Email: strings.TrimSpace(values.Get("email"))})
	if page.Refused(err) {
		return s.showFormWith(c, p, t, nil, http.StatusUnprocessableEntity, refusedForm{withdraw: page.NewForm(values, err)})
	}
	if err != nil {
		return err
	}
	s.sessions.SetFlash(ctx, "studio.withdrawn")
	if t.ApprovedAt != nil {
		return c.Redirect(http.StatusSeeOther, localized(c, address(t.ID)+"/prova"))
	}
	return c.Redirect(http.StatusSeeOther, localized(c, home(p)))
}
