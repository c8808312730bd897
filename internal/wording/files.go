package wording

import (
	"context"
	"crypto/rand"
	"errors"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video"
)

// besides is what a form with a file may weigh besides the file, in bytes.
const besides = 64 << 10

// fileForm reads a form of a few fields with one file, whose name is file; part
// is nil without one.
func fileForm(c echo.Context, file string, most int64) (values url.Values, part *multipart.FileHeader, err error) {
	r := c.Request()
	r.Body = http.MaxBytesReader(c.Response(), r.Body, most+besides)
	if err := r.ParseMultipartForm(most + besides); err != nil {
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

// sendCover gives a testimony another poster: a picture, or a moment of its
// video.
func (d door) sendCover(c echo.Context) error {
	p, t, err := d.Open(c)
	if err != nil {
		return err
	}
	values, part, err := fileForm(c, "poster", video.MaxPicture)
	if err != nil {
		return err
	}
	if err := d.keepCover(c.Request().Context(), p, t, values, part); err != nil {
		return d.refuse(c, p, t.ID, err, refused{cover: page.NewForm(values, err)})
	}
	return d.done(c, "studio.cover.saved", d.amending(t.ID))
}

// keepCover makes the poster, has the testimony name it, and only then drops the
// one before: a crash in between leaves a file too many, never one too few.
func (d door) keepCover(ctx context.Context, p account.Person, t *testimony.Testimony, values url.Values, part *multipart.FileHeader) error {
	if t.Video == nil || t.Video.Rendition == "" {
		return fault.New(fault.Conflict, "testimony.video.empty")
	}
	name := "poster-" + strconv.FormatInt(t.ID, 10) + "-" + strings.ToLower(rand.Text()[:8]) + ".jpg"
	if err := d.makeCover(ctx, t.Video, values.Get("moment"), part, filepath.Join(d.Renditions, name)); err != nil {
		return err
	}
	before, err := d.Testimonies.SetPoster(ctx, p.Actor(), p.MunicipalityCode, t.ID, Version(values, t), name)
	drop := before
	if err != nil {
		drop = name
	}
	if drop != "" {
		if e := os.Remove(filepath.Join(d.Renditions, drop)); e != nil && !errors.Is(e, os.ErrNotExist) {
			d.Log.WarnContext(ctx, "a poster that was replaced stays", "name", drop, "error", e)
		}
	}
	return err
}

// makeCover makes a poster of a picture, or else of a moment of the video.
func (d door) makeCover(ctx context.Context, v *testimony.Video, moment string, part *multipart.FileHeader, out string) error {
	wrong := func(field, key string) error { return fault.Fields{{Name: field, Message: fault.Msg(key)}}.Err() }
	if part == nil && strings.TrimSpace(moment) == "" {
		return wrong("poster", "video.picture.none")
	}
	inspector, err := d.Inspector()
	if err != nil {
		return err
	}
	if part != nil {
		f, err := part.Open()
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // it is only read
		return inspector.PosterOf(ctx, f, out)
	}
	at, ok := video.ParseMoment(moment)
	if !ok {
		return wrong("moment", "video.moment.form")
	}
	return inspector.PosterAt(ctx, filepath.Join(d.Renditions, v.Rendition), at, v.Duration(), out)
}
