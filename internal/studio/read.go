package studio

import (
	"errors"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"strconv"
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

// typed is a form as it arrives, over what was known before: a field that does
// not come stays as it was.
type typed struct {
	form testimony.Form
	seen map[string]bool
	part bool // only what was changed comes, see the page's script
}

func newTyped(before testimony.Form, part bool) *typed {
	return &typed{form: before, seen: map[string]bool{}, part: part}
}

// set takes one field in.
func (t *typed) set(name, value string) {
	f := &t.form
	one := map[string]*string{
		"title": &f.Title, "description": &f.Description, "language": &f.Language, "speaker_name": &f.SpeakerName,
		"speaker_role": &f.SpeakerRole, "recorded_on": &f.RecordedOn, "tags": &f.Tags, "visibility": &f.Visibility,
	}
	for _, lang := range testimony.OtherLanguages("") {
		if name == "title_"+lang || name == "description_"+lang {
			t.translate(lang, name, value)
			return
		}
	}
	many := map[string]*[]string{"themes": &f.Themes, "release": &f.Release}
	switch {
	case name == "version":
		f.Version, _ = strconv.Atoi(value) // none that can be read says nothing
		return
	case name == "others":
		t.answer(value)
	case one[name] != nil:
		*one[name] = value
	case many[name] != nil:
		if !t.seen[name] {
			*many[name] = nil
		}
		*many[name] = append(*many[name], value)
	default:
		return
	}
	t.seen[name] = true
}

// answer takes in whether somebody else appears. An empty answer says that the
// question was put: it takes back none that was given elsewhere.
func (t *typed) answer(value string) {
	switch {
	case value != "":
		t.form.Others = value
	case t.form.Others == "":
		t.form.Others = string(testimony.OthersOpen)
	}
}

// translate takes one field of a translation in.
func (t *typed) translate(lang, name, value string) {
	all := maps.Clone(t.form.Translations)
	if all == nil {
		all = testimony.Translations{}
	}
	one := all[lang]
	if strings.HasPrefix(name, "title_") {
		one.Title = value
	} else {
		one.Description = value
	}
	all[lang] = one
	t.form.Translations, t.seen[name] = all, true
}

// whole is the form once all of it has come: boxes that did not come are not
// ticked. What has no field of ours is not our form, and must not pass for an
// empty one.
func (t *typed) whole(file bool) (testimony.Form, error) {
	if t.part {
		return t.form, nil
	}
	if len(t.seen) == 0 && !file {
		return t.form, fault.New(fault.Invalid, "form.unreadable")
	}
	if t.seen["title"] {
		if !t.seen["themes"] {
			t.form.Themes = nil
		}
		if !t.seen["release"] {
			t.form.Release = nil
		}
	}
	return t.form, nil
}

// readForm reads a posted form over what was known before. A file is not held:
// file is called with it as it streams in, and with what was typed so far, which
// is all, for browsers send parts in the order of the page, where the file is
// last. A form without a file never calls it, and of several files only the
// first is taken. What file leaves unread is read and dropped, so that a browser
// that is still sending gets its answer.
func readForm(c echo.Context, before testimony.Form, file func(so testimony.Form, part *multipart.Part) error) (testimony.Form, error) {
	r := c.Request()
	t := newTyped(before, c.QueryParam("parte") != "")
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
		return t.whole(false)
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return t.form, fault.Wrap(err, fault.Invalid, "form.unreadable")
	}
	taken := false
	for range maxFields {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return t.whole(taken)
		}
		if err != nil {
			return t.form, fault.Wrap(err, fault.Invalid, "form.unreadable")
		}
		if part.FormName() == "video" {
			if part.FileName() == "" || taken {
				continue // a file field left empty, or one too many
			}
			taken = true
			if err := file(t.form, part); err != nil {
				return t.form, err
			}
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, maxField+1))
		if err != nil {
			return t.form, fault.Wrap(err, fault.Invalid, "form.unreadable")
		}
		if len(value) > maxField {
			return t.form, fault.New(fault.TooLarge, "form.too_large")
		}
		t.set(part.FormName(), string(value))
	}
	return t.form, fault.New(fault.TooLarge, "form.too_large")
}
