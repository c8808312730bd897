package page

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/fault"
)

// largestForm bounds a posted form without files, in bytes.
const largestForm = 256 << 10

// Values are the posted values of a form without files. Those of the address
// are not among them.
func Values(c echo.Context) (url.Values, error) {
	r := c.Request()
	r.Body = http.MaxBytesReader(c.Response(), r.Body, largestForm)
	err := r.ParseMultipartForm(largestForm)
	if errors.Is(err, http.ErrNotMultipart) {
		err = r.ParseForm()
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, fault.Wrap(err, fault.TooLarge, "error.what.413")
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "error.form")
	}
	for name, values := range r.PostForm {
		for i := range values {
			// Browsers send line ends as CR LF; counting and storing want one character.
			values[i] = strings.ReplaceAll(values[i], "\r\n", "\n")
		}
		r.PostForm[name] = values
	}
	return r.PostForm, nil
}

// Form is what a form shows: the values as they were typed, and what is wrong
// with them. The zero value and nil are an empty form.
type Form struct {
	values url.Values
	errors []fault.Field
}

// NewForm makes a form of values and of the error with which they were refused;
// err may be nil. Errors of other kinds than fault.Invalid are not the form's
// to show: see Refused.
func NewForm(values url.Values, err error) *Form {
	f := &Form{values: values}
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind == fault.Invalid {
		f.errors = e.Fields
	}
	return f
}

// Refused tells whether err is for a form to show again, with its fields.
func Refused(err error) bool {
	e, ok := errors.AsType[*fault.Error](err)
	return ok && e.Kind == fault.Invalid && len(e.Fields) > 0
}

// Get is the first value of a field.
func (f *Form) Get(name string) string {
	if f == nil {
		return ""
	}
	return f.values.Get(name)
}

// Has tells whether a field has a value: is this box ticked?
func (f *Form) Has(name, value string) bool {
	return f != nil && slices.Contains(f.values[name], value)
}

// Error is what is wrong with a field, nil if nothing is.
func (f *Form) Error(name string) *fault.Message {
	if f == nil {
		return nil
	}
	for i := range f.errors {
		if f.errors[i].Name == name {
			return &f.errors[i].Message
		}
	}
	return nil
}

// Errors is all that is wrong, in the order of the fields.
func (f *Form) Errors() []fault.Field {
	if f == nil {
		return nil
	}
	return f.errors
}

// Option is one choice of a select, of boxes or of radio buttons.
type Option struct {
	Value string
	Label string
	Help  string
	Icon  string // beside the label
	Hue   string // colour of the icon, #rrggbb
	Lang  string // language of the label, if it is not the page's
}

// Field is the view model of the form parts. Templates make it with
// (field .Page.Form "title" "label" (t "…") "max" 100): the names of what can be
// set are those of these fields, in any case.
type Field struct {
	Form *Form
	Name string

	Label        string
	Help         string
	Type         string // of an input: text (default), email, date, url, search …
	Required     bool
	Max          int    // most characters, with a counter; 0: no limit
	Unit         string // what Max counts: chars (default) or bytes
	Min          string // earliest date, smallest number
	Limit        string // latest date, largest number
	Most         int    // most boxes that may be ticked
	Rows         int    // of a textarea
	Options      []Option
	Empty        string // of a select: the choice that stands for none
	Accept       string // of a file
	Autocomplete string
	InputMode    string
	Pattern      string
	Placeholder  string
	Default      string // shown while the form has no value
	Lang         string // language of the value
	Class        string
}

// newField makes a Field for a template. A name it does not know is an error,
// found as soon as the page is made once.
func newField(form *Form, name string, pairs ...any) (*Field, error) {
	f := &Field{Form: form, Name: name, Type: "text", Unit: "chars", Rows: 5}
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("field %s: names and values must come in pairs", name)
	}
	v := reflect.ValueOf(f).Elem()
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("field %s: %v is not a name", name, pairs[i])
		}
		target := v.FieldByNameFunc(func(n string) bool { return strings.EqualFold(n, key) && n != "Form" && n != "Name" })
		value := reflect.ValueOf(pairs[i+1])
		if !target.IsValid() || !value.IsValid() || !value.Type().ConvertibleTo(target.Type()) ||
			(target.Kind() == reflect.String) != (value.Kind() == reflect.String) {
			return nil, fmt.Errorf("field %s: %q cannot be %v", name, key, pairs[i+1])
		}
		target.Set(value.Convert(target.Type()))
	}
	return f, nil
}

// ID is the id of the field's element, where the summary of errors leads.
func (f *Field) ID() string { return FieldID(f.Name) }

// FieldID is the id of the element of a field.
func FieldID(name string) string { return "f-" + strings.ReplaceAll(name, "_", "-") }

// Value is what the field shows.
func (f *Field) Value() string {
	if f.Form == nil || f.Form.values == nil || !f.Form.values.Has(f.Name) {
		return f.Default
	}
	return f.Form.Get(f.Name)
}

// Chosen tells whether an option is.
func (f *Field) Chosen(value string) bool {
	if f.Form == nil || f.Form.values == nil || !f.Form.values.Has(f.Name) {
		return f.Default != "" && f.Default == value
	}
	return f.Form.Has(f.Name, value)
}

// Error is what is wrong with the field.
func (f *Field) Error() *fault.Message { return f.Form.Error(f.Name) }

// DescribedBy are the ids of what a screen reader reads after the label.
func (f *Field) DescribedBy() string {
	var ids []string
	if f.Error() != nil {
		ids = append(ids, f.ID()+"-error")
	}
	if f.Help != "" {
		ids = append(ids, f.ID()+"-help")
	}
	if f.Max > 0 && f.Type == "text" {
		ids = append(ids, f.ID()+"-count")
	}
	return strings.Join(ids, " ")
}
