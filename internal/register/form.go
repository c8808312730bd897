package register

import (
	"crypto/rand"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/upload"
)

const (
	// maxField bounds one field of the form, in bytes: far more than any may
	// hold, so that too much is refused with a sentence and kept.
	maxField = 16 << 10
	// maxParts bounds how many a form may have.
	maxParts = 40
	// maxBody bounds what is read of a form, in bytes. A file that is too large
	// is read to its end up to here, so that a browser that still sends it gets
	// its answer, and nobody's typing is lost.
	maxBody = 256 << 20
)

// sent is a form as it came: what was typed, and the PDF that came with it or
// with the same form before.
type sent struct {
	values url.Values
	paper  *testimony.Paper
	wrong  fault.Fields // of the PDF
}

// read reads a posted form. Its PDF is whole in the vault before this returns.
func (d door) read(c echo.Context, testimonyID int64) (sent, error) {
	s := sent{values: url.Values{}}
	r := c.Request()
	r.Body = http.MaxBytesReader(c.Response(), r.Body, maxBody)
	if !strings.HasPrefix(r.Header.Get(echo.HeaderContentType), echo.MIMEMultipartForm) {
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxParts*maxField)
		if err := r.ParseForm(); err != nil {
			return s, unreadable(err)
		}
		s.values = r.PostForm
		return s, d.keptBefore(testimonyID, &s)
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return s, unreadable(err)
	}
	for range maxParts {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return s, d.keptBefore(testimonyID, &s)
		}
		if err != nil {
			return s, unreadable(err)
		}
		if err := d.part(testimonyID, &s, part); err != nil {
			return s, err
		}
	}
	return s, fault.New(fault.TooLarge, "form.too_large")
}

func unreadable(err error) error {
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return fault.Wrap(err, fault.TooLarge, "form.too_large")
	}
	return fault.Wrap(err, fault.Invalid, "form.unreadable")
}

// part takes one part of a form in.
func (d door) part(testimonyID int64, s *sent, part *multipart.Part) error {
	if part.FormName() == "paper" {
		if part.FileName() == "" || s.paper != nil {
			return nil // a file field left empty, or one too many
		}
		paper, err := d.Papers.Keep(testimonyID, part)
		if refusal, ok := errors.AsType[*fault.Error](err); ok && refusal.Kind != fault.Full {
			s.wrong = append(s.wrong, fault.Field{Name: "paper", Message: refusal.Message})
			return nil
		}
		if err != nil {
			return err
		}
		paper.Filename = upload.CleanName(part.FileName())
		s.paper = paper
		return nil
	}
	value, err := io.ReadAll(io.LimitReader(part, maxField+1))
	if err != nil {
		return unreadable(err)
	}
	if len(value) > maxField {
		return fault.New(fault.TooLarge, "form.too_large")
	}
	s.values.Add(part.FormName(), string(value))
	return nil
}

// keptBefore finds the PDF that came with the form before this one, unless
// another came now.
func (d door) keptBefore(testimonyID int64, s *sent) error {
	name := s.values.Get("paper_kept")
	if s.paper != nil || name == "" || len(s.wrong) > 0 {
		return nil
	}
	paper, err := d.Papers.Kept(testimonyID, name)
	if refusal, ok := errors.AsType[*fault.Error](err); ok {
		s.values.Del("paper_kept")
		s.wrong = append(s.wrong, fault.Field{Name: "paper", Message: refusal.Message})
		return nil
	}
	if err != nil {
		return err
	}
	paper.Filename = upload.CleanName(s.values.Get("paper_filename"))
	s.paper = paper
	return nil
}

// form is what was sent as testimony reads it.
func (s sent) form() testimony.FilmedForm {
	revision, _ := strconv.Atoi(s.values.Get("revision")) // none is no revision of any entry
	return testimony.FilmedForm{
		Key: clipKey(s.values.Get("key")), Name: s.values.Get("name"), Age: s.values.Get("age"), Guardian: s.values.Get("guardian"),
		Relation: s.values.Get("relation"), GivenOn: s.values.Get("given_on"),
		Agreed: append(s.values["agreed_adult"], s.values["agreed_minor"]...),
		Paper:  s.paper, DropPaper: s.values.Get("paper_drop") != "", Revision: revision,
	}
}

// maxKey bounds the name by which a form is known again.
const maxKey = 32

func clipKey(key string) string {
	if len(key) > maxKey {
		return ""
	}
	return key
}

// again are the values to show in a form that was refused with err: its PDF need
// not be chosen once more, unless it is what was wrong.
func (s sent) again(err error) url.Values {
	v := s.values
	v.Del("paper_kept")
	v.Del("paper_filename")
	if v.Get("key") == "" && v.Get("revision") == "" {
		v.Set("key", rand.Text())
	}
	if s.paper != nil && page.NewForm(nil, err).Error("paper") == nil {
		v.Set("paper_kept", s.paper.Name)
		v.Set("paper_filename", s.paper.Filename)
	}
	for _, texts := range v {
		for i := range texts {
			texts[i] = strings.ToValidUTF8(texts[i], "\uFFFD")
		}
	}
	return v
}

// valuesOf is an entry as its form shows it.
func valuesOf(f *testimony.Filmed) url.Values {
	return url.Values{
		"name": {f.Name}, "age": {f.Age()}, "guardian": {f.Guardian}, "relation": {f.Relation}, "given_on": {f.GivenOn},
		"agreed_" + f.Age(): {f.Agreement()}, "revision": {strconv.Itoa(f.Revision)},
	}
}
