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

// set takes one field of a form in.
func set(f *testimony.Form, name, value string) {
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

// readForm reads a posted form. A file is not held: file is called with it as
// it streams in, and with what was typed so far, which is all, for browsers
// send parts in the order of the page, where the file is last. A form without a
// file never calls it. What file leaves unread is read and dropped, so that a
// browser that is still sending gets its answer.
func readForm(c echo.Context, file func(so testimony.Form, part *multipart.Part) error) (testimony.Form, error) {
	r := c.Request()
	form := testimony.Form{Language: "it", Visibility: string(testimony.Public)}
	if !strings.HasPrefix(r.Header.Get(echo.HeaderContentType), echo.MIMEMultipartForm) {
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxField)
		if err := r.ParseForm(); err != nil {
			return form, fault.Wrap(err, fault.TooLarge, "form.too_large")
		}
		for name, values := range r.PostForm {
			for _, v := range values {
				set(&form, name, v)
			}
		}
		return form, nil
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return form, fault.Wrap(err, fault.Invalid, "form.unreadable")
	}
	for range maxFields {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return form, nil
		}
		if err != nil {
			return form, fault.Wrap(err, fault.Invalid, "form.unreadable")
		}
		if part.FormName() == "video" {
			if part.FileName() == "" {
				continue // a file field left empty
			}
			if err := file(form, part); err != nil {
				return form, err
			}
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, maxField+1))
		if err != nil {
			return form, fmt.Errorf("read a field of the form: %w", err)
		}
		if len(value) > maxField {
			return form, fault.New(fault.TooLarge, "form.too_large")
		}
		set(&form, part.FormName(), string(value))
	}
	return form, fault.New(fault.TooLarge, "form.too_large")
}
