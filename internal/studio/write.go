package studio

import (
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
	return s.saved(c, p, made, sent)
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
	ctx := c.Request().Context()
	var sent error
	f, err := readForm(c, formOf(t), func(so testimony.Form, part *multipart.Part) error {
		// Before the file, which may take an hour or break off.
		if _, err := s.testimonies.Save(ctx, p.Actor(), p.MunicipalityCode, t.ID, so); err != nil {
			return err
		}
		sent = s.take(c, t.ID, part)
		return nil
	})
	if err != nil {
		return err
	}
	t, err = s.testimonies.Save(ctx, p.Actor(), p.MunicipalityCode, t.ID, f)
	if err != nil {
		return err
	}
	return s.saved(c, p, t, sent)
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
	Sent    bool              `json:"sent"`  // review was asked for
	Wrong   map[string]string `json:"wrong"` // by field, in the reader's language
}

// saved answers after a draft was kept: with what is wrong at its fields, or by
// going on to the draft's page; the script gets the same as JSON.
func (s *Studio) saved(c echo.Context, p account.Person, t *testimony.Testimony, sent error) error {
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
		return s.answer(c, http.StatusOK, t, false, wrong)
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

func (s *Studio) answer(c echo.Context, status int, t *testimony.Testimony, sent bool, wrong fault.Fields) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(status, savedAnswer{
		ID: t.ID, Address: localized(c, address(t.ID)), SavedAt: t.UpdatedAt, State: t.State, Awaits: t.AwaitsFile(),
		Sent: sent, Wrong: s.say(c, wrong),
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
			return s.answer(c, http.StatusUnprocessableEntity, t, false, e.Fields)
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
			return s.answer(c, http.StatusOK, asked, true, nil)
		}
	}
	s.sessions.SetFlash(ctx, key)
	if wantsJSON(c) {
		return s.answer(c, http.StatusOK, asked, true, nil)
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
		return s.showFormWith(c, p, t, nil, http.StatusUnprocessableEntity, page.NewForm(values, err))
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
