package studio

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// maxField bounds one field of the form, in bytes: far more than any may hold,
// so that too much is refused with a sentence and kept, not cut off.
const maxField = 256 << 10

// maxFields bounds how many parts a form may have.
const maxFields = 100

// typed is a form as it arrives. The file, if there is one, is not held: it is
// handed on when its part is reached, and browsers send parts in the order of
// the page, where the file is last.
type typed struct {
	form testimony.Form
}

// set takes one field in.
func (t *typed) set(name, value string) {
	f := &t.form
	switch name {
	case "title":
		f.Title = value
	case "description":
		f.Description = value
	case "language":
		f.Language = value
	case "speaker_name":
		f.SpeakerName = value
	case "speaker_role":
		f.SpeakerRole = value
	case "recorded_on":
		f.RecordedOn = value
	case "themes":
		f.Themes = append(f.Themes, value)
	case "tags":
		f.Tags = value
	case "visibility":
		f.Visibility = value
	case "release":
		f.Release = append(f.Release, value)
	}
}

// readForm reads a posted form. file is called with the video as it streams
// in, with what was typed so far; a form without a video never calls it.
func readForm(c echo.Context, file func(so testimony.Form, part *multipart.Part) error) (testimony.Form, error) {
	r := c.Request()
	t := typed{form: testimony.Form{Language: "it", Visibility: string(testimony.Public)}}
	if !strings.HasPrefix(r.Header.Get(echo.HeaderContentType), echo.MIMEMultipartForm) {
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxField)
		if err := r.ParseForm(); err != nil {
			return t.form, fault.Wrap(err, fault.TooLarge, "form.too_large")
		}
		for name, values := range r.PostForm {
			for _, v := range values {
				t.set(name, v)
			}
		}
		return t.form, nil
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return t.form, fault.Wrap(err, fault.Invalid, "form.unreadable")
	}
	for range maxFields {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return t.form, nil
		}
		if err != nil {
			return t.form, fault.Wrap(err, fault.Invalid, "form.unreadable")
		}
		if part.FormName() == "video" {
			if part.FileName() == "" {
				continue // a file field left empty
			}
			if err := file(t.form, part); err != nil {
				return t.form, err
			}
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, maxField+1))
		if err != nil {
			return t.form, fmt.Errorf("read a field of the form: %w", err)
		}
		if len(value) > maxField {
			return t.form, fault.New(fault.TooLarge, "form.too_large")
		}
		t.set(part.FormName(), string(value))
	}
	return t.form, fault.New(fault.TooLarge, "form.too_large")
}
