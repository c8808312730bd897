package studio

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
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

// amendPage is where a town hall changes an approved or published testimony.
type amendPage struct {
	formPage
	Refusal     *fault.Message // why what was just sent was not kept
	HasFile     bool           // a poster needs one
	Captions    []testimony.Caption
	CaptionForm *page.Form
	CoverForm   *page.Form
}

// amended is what was wrong with what was just sent, each nil if it was not that.
type amended struct {
	form, captions, cover *page.Form
	refusal               *fault.Message
}

func (s *Studio) amend(c echo.Context) error {
	_, t, err := s.mine(c)
	if err != nil {
		return err
	}
	if !t.State.Amendable() {
		return c.Redirect(http.StatusSeeOther, localized(c, address(t.ID)))
	}
	return s.showAmend(c, t, http.StatusOK, amended{})
}

func (s *Studio) showAmend(c echo.Context, t *testimony.Testimony, status int, sent amended) error {
	ctx := c.Request().Context()
	lang := page.Lang(ctx)
	m, err := s.registry.Municipality(t.MunicipalityCode)
	if err != nil {
		return err
	}
	view := amendPage{
		formPage: formPage{
			Municipality: m, ID: t.ID, Action: address(t.ID), Testimony: t, Form: sent.form, Poster: posterOf(t),
			Today: s.clock().In(s.zone).Format(time.DateOnly), Limits: s.limitsIn(lang),
		},
		Refusal: sent.refusal, HasFile: t.Video != nil && t.Video.Original != "", CaptionForm: sent.captions, CoverForm: sent.cover,
	}
	if view.Form == nil {
		view.Form = page.NewForm(valuesOf(t), nil)
	}
	if err := s.options(ctx, &view.formPage, lang); err != nil {
		return err
	}
	if view.Captions, err = s.testimonies.Captions(ctx, t.ID); err != nil {
		return err
	}
	title := s.pages.T(lang, "studio.amend.title")
	view.Crumbs = []page.Crumb{{Label: m.Name, Href: "/comune"}, {Label: t.Title, Href: address(t.ID)}, {Label: title}}
	return s.pages.Render(c, status, "studio/amend", page.Frame{
		Title: title + ": " + t.Title, Section: "/comune", Robots: "noindex", Page: view, Canonical: address(t.ID) + "/modifica",
	})
}

// saveAmend changes what is said. What cannot be kept changes nothing, and is
// given back as it was typed.
func (s *Studio) saveAmend(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	_, err = s.testimonies.Amend(c.Request().Context(), p.Actor(), p.MunicipalityCode, t.ID, versionOf(values, t), formFrom(values))
	if err != nil {
		return s.notAmended(c, p, t.ID, err, func(err error) amended { return amended{form: page.NewForm(values, err)} })
	}
	s.sessions.SetFlash(c.Request().Context(), "studio.amend.saved")
	return c.Redirect(http.StatusSeeOther, localized(c, address(t.ID)))
}

// versionOf is the version that the page was made of; without one, as other
// programs post, it is the one of now.
func versionOf(values url.Values, t *testimony.Testimony) int {
	if v, err := strconv.Atoi(values.Get("version")); err == nil {
		return v
	}
	return t.Version
}

// notAmended shows why a change was not kept, on the testimony as it is now.
func (s *Studio) notAmended(c echo.Context, p account.Person, id int64, err error, with func(error) amended) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || (e.Kind != fault.Invalid && e.Kind != fault.Conflict) {
		return err
	}
	t, getErr := s.testimonies.Get(c.Request().Context(), p.MunicipalityCode, id)
	if getErr != nil {
		return getErr
	}
	if !t.State.Amendable() {
		return err
	}
	if e.Kind == fault.Conflict {
		sent := with(nil)
		sent.refusal = &e.Message
		return s.showAmend(c, t, http.StatusConflict, sent)
	}
	return s.showAmend(c, t, http.StatusUnprocessableEntity, with(err))
}

// smallForm reads a form of a few fields with one small file, whose name is file.
func smallForm(c echo.Context, file string, most int64) (values url.Values, part *multipart.FileHeader, err error) {
	r := c.Request()
	r.Body = http.MaxBytesReader(c.Response(), r.Body, most+maxField)
	if err := r.ParseMultipartForm(most); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return nil, nil, fault.Wrap(err, fault.TooLarge, "form.too_large")
		}
		return nil, nil, fault.Wrap(err, fault.Invalid, "form.unreadable")
	}
	if files := r.MultipartForm.File[file]; len(files) > 0 {
		part = files[0]
	}
	return r.MultipartForm.Value, part, nil
}

// sendCaptions keeps captions of a language.
func (s *Studio) sendCaptions(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	values, part, err := smallForm(c, "captions", video.MaxCaptions)
	if err != nil {
		return err
	}
	if err := s.keepCaptions(c.Request().Context(), p, t, values.Get("caption_language"), part); err != nil {
		return s.notAmended(c, p, t.ID, err, func(err error) amended { return amended{captions: page.NewForm(values, err)} })
	}
	s.sessions.SetFlash(c.Request().Context(), "studio.captions.saved")
	return c.Redirect(http.StatusSeeOther, localized(c, address(t.ID)+"/modifica"))
}

func (s *Studio) keepCaptions(ctx context.Context, p account.Person, t *testimony.Testimony, language string, part *multipart.FileHeader) error {
	if part == nil {
		return fault.Fields{{Name: "captions", Message: fault.Msg("video.captions.empty")}}.Err()
	}
	f, err := part.Open()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	var length time.Duration
	if t.Video != nil {
		length = t.Video.Duration()
	}
	read, err := video.ReadCaptions(f, length)
	if err != nil {
		return err
	}
	return s.testimonies.PutCaption(ctx, p.Actor(), p.MunicipalityCode, t.ID, testimony.Caption{
		Language: language, Filename: filepath.Base(part.Filename), VTT: read.VTT, SHA256: read.SHA256,
	})
}

func (s *Studio) deleteCaptions(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := s.testimonies.DeleteCaption(ctx, p.Actor(), p.MunicipalityCode, t.ID, c.Param("lang")); err != nil {
		return err
	}
	s.sessions.SetFlash(ctx, "studio.captions.deleted")
	return c.Redirect(http.StatusSeeOther, localized(c, address(t.ID)+"/modifica"))
}

// captions gives the captions back as a file.
func (s *Studio) captions(c echo.Context) error {
	_, t, err := s.mine(c)
	if err != nil {
		return err
	}
	lang := strings.TrimSuffix(c.Param("lang"), ".vtt")
	text, err := s.testimonies.Caption(c.Request().Context(), t.ID, lang)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Disposition", `attachment; filename="`+t.Slug()+"-"+text.Language+`.vtt"`)
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Blob(http.StatusOK, "text/vtt; charset=utf-8", []byte(text.VTT))
}

// sendCover gives the testimony another poster.
func (s *Studio) sendCover(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	values, part, err := smallForm(c, "poster", video.MaxPicture)
	if err != nil {
		return err
	}
	if err := s.keepCover(c.Request().Context(), p, t, versionOf(values, t), part); err != nil {
		return s.notAmended(c, p, t.ID, err, func(err error) amended { return amended{cover: page.NewForm(values, err)} })
	}
	s.sessions.SetFlash(c.Request().Context(), "studio.cover.saved")
	return c.Redirect(http.StatusSeeOther, localized(c, address(t.ID)+"/modifica"))
}

// keepCover makes the poster, has the testimony name it, and only then drops the
// one before: a crash in between leaves a file too many, never one too few.
func (s *Studio) keepCover(ctx context.Context, p account.Person, t *testimony.Testimony, version int, part *multipart.FileHeader) error {
	var body io.Reader = strings.NewReader("")
	if part != nil {
		f, err := part.Open()
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		body = f
	}
	name := "poster-" + strconv.FormatInt(t.ID, 10) + "-" + strings.ToLower(rand.Text()[:8]) + ".jpg"
	if err := video.MakePoster(body, filepath.Join(s.renditions, name)); err != nil {
		return err
	}
	before, err := s.testimonies.SetPoster(ctx, p.Actor(), p.MunicipalityCode, t.ID, version, name)
	drop := before
	if err != nil {
		drop = name
	}
	if drop != "" {
		if e := os.Remove(filepath.Join(s.renditions, drop)); e != nil && !errors.Is(e, os.ErrNotExist) {
			s.log.WarnContext(ctx, "a poster that was replaced stays", "name", drop, "error", e)
		}
	}
	return err
}
