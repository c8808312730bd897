package studio

import (
	"context"
	"errors"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
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
	begin := func(f testimony.Form) (err error) {
		if made == nil {
			made, err = s.testimonies.Create(c.Request().Context(), p.Actor(), p.MunicipalityCode, f, false)
		}
		return err
	}
	var sent error // why the file was not taken: the form is kept all the same
	f, err := readForm(c, func(so testimony.Form, part *multipart.Part) error {
		if err := begin(so); err != nil {
			return err
		}
		sent = s.take(c.Request().Context(), made.ID, part)
		return sent
	})
	if sent != nil {
		err = nil
	}
	if err != nil {
		return err
	}
	if made == nil {
		err = begin(f)
	} else {
		made, err = s.testimonies.Save(c.Request().Context(), p.Actor(), p.MunicipalityCode, made.ID, f)
	}
	if err != nil {
		return err
	}
	return s.saved(c, p, made, sent)
}

// save keeps what was typed into a draft, and takes its file in.
func (s *Studio) save(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	var sent error
	f, err := readForm(c, func(_ testimony.Form, part *multipart.Part) error {
		sent = s.take(c.Request().Context(), t.ID, part)
		return sent
	})
	if err != nil && sent == nil {
		return err
	}
	t, err = s.testimonies.Save(c.Request().Context(), p.Actor(), p.MunicipalityCode, t.ID, f)
	if err != nil {
		return err
	}
	return s.saved(c, p, t, sent)
}

// take streams the video of a form to the vault.
func (s *Studio) take(ctx context.Context, id int64, part *multipart.Part) error {
	_, err := s.uploads.Stream(ctx, id, part.FileName(), part.Header.Get(echo.HeaderContentType), part)
	return err
}

// savedAnswer is what the page's script learns after it saved by itself.
type savedAnswer struct {
	ID      int64             `json:"id"`
	Address string            `json:"address"`
	SavedAt time.Time         `json:"saved_at"`
	Wrong   map[string]string `json:"wrong"` // by field, in the reader's language
}

// saved answers after a draft was kept: with what is wrong at its fields, or by
// going on to the draft's page; the script gets the same as JSON.
func (s *Studio) saved(c echo.Context, p account.Person, t *testimony.Testimony, sent error) error {
	wrong := t.Wrong(s.clock())
	if e, ok := errors.AsType[*fault.Error](sent); ok {
		wrong = append(wrong, fault.Field{Name: "video", Message: e.Message})
	} else if sent != nil {
		return sent
	}
	if wantsJSON(c) {
		return c.JSON(http.StatusOK, savedAnswer{ID: t.ID, Address: address(t.ID), SavedAt: t.UpdatedAt, Wrong: s.say(c, wrong)})
	}
	if len(wrong) > 0 {
		return s.showForm(c, p, t, wrong, status(sent))
	}
	if c.QueryParam("poi") == "invia" { // the button that saves and asks for review
		return s.ask(c, p, t.ID)
	}
	s.sessions.SetFlash(c.Request().Context(), "studio.saved")
	return c.Redirect(http.StatusSeeOther, address(t.ID))
}

func wantsJSON(c echo.Context) bool {
	return c.Request().Header.Get(echo.HeaderAccept) == echo.MIMEApplicationJSON
}

// status is the one of a form that has something wrong: of the file, if that.
func status(sent error) int {
	switch fault.Of(sent) {
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Full:
		return http.StatusInsufficientStorage
	case fault.Conflict:
		return http.StatusConflict
	default:
		return http.StatusUnprocessableEntity
	}
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
	t, err := s.testimonies.Submit(ctx, p.Actor(), p.MunicipalityCode, id)
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind == fault.Invalid {
		t, err := s.testimonies.Get(ctx, p.MunicipalityCode, id)
		if err != nil {
			return err
		}
		return s.showForm(c, p, t, e.Fields, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	key := "studio.sent"
	if t.AwaitsFile() {
		key = "studio.sent_awaits_file"
	}
	s.sessions.SetFlash(ctx, key)
	return c.Redirect(http.StatusSeeOther, address(id))
}

// withdraw takes a testimony back, off the channel too.
func (s *Studio) withdraw(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	if _, err := s.testimonies.Withdraw(c.Request().Context(), p.Actor(), p.MunicipalityCode, t.ID, c.FormValue("reason")); err != nil {
		return err
	}
	s.sessions.SetFlash(c.Request().Context(), "studio.withdrawn")
	return c.Redirect(http.StatusSeeOther, "/comune")
}
