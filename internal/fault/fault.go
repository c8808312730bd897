// Package fault names the few ways in which a request can be refused, so that
// domain packages can say what went wrong without knowing about HTTP, and the
// page package can map each way to a status and a sentence in one place.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is a class of refusal. The zero value is an error nobody foresaw.
type Kind int

// The kinds, each with the HTTP status that page gives it.
const (
	Unknown     Kind = iota // 500, with an id that is in the log
	Invalid                 // 422, with a message for each field
	NotFound                // 404
	Forbidden               // 403
	SignedOut               // 401, or the page that says how to get in
	Conflict                // 409, somebody else was faster or the state forbids it
	Gone                    // 410, it was there and was withdrawn
	TooLarge                // 413
	Unsupported             // 415
	Unavailable             // 503, with Until where it is known
	Full                    // 507, no room on the disk
)

// Message is a sentence for people: a key of web/locales and its arguments.
type Message struct {
	Key  string
	Args map[string]any
}

// Msg makes a Message from a key and alternating names and values of its
// arguments: Msg("testimony.title.long", "Max", 100).
func Msg(key string, pairs ...any) Message {
	m := Message{Key: key}
	for i := 0; i+1 < len(pairs); i += 2 {
		if m.Args == nil {
			m.Args = make(map[string]any, len(pairs)/2)
		}
		m.Args[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m
}

// Field is what is wrong with one field of a form.
type Field struct {
	Name    string // the form's name of the field, such as "title"
	Message Message
}

// Error is a refusal with its remedy. It wraps the cause, if there is one.
type Error struct {
	Kind    Kind
	Message Message
	Fields  []Field   // with Invalid: what is wrong where
	Until   time.Time // with Unavailable: when to try again; zero if unknown
	Err     error     // the cause, for the log; may be nil
}

// Error implements error; it is text for the log, not for people.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message.Key)
	for _, f := range e.Fields {
		fmt.Fprintf(&b, " %s=%s", f.Name, f.Message.Key)
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes a refusal of a kind with the sentence of key.
func New(kind Kind, key string, pairs ...any) *Error {
	return &Error{Kind: kind, Message: Msg(key, pairs...)}
}

// Wrap is New with a cause.
func Wrap(err error, kind Kind, key string, pairs ...any) *Error {
	return &Error{Kind: kind, Message: Msg(key, pairs...), Err: err}
}

// Of returns the kind of the first Error in err's chain, or Unknown.
func Of(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Unknown
}

// Fields collects what is wrong with a form.
type Fields []Field

// Add notes that the field called name is wrong.
func (f *Fields) Add(name, key string, pairs ...any) {
	*f = append(*f, Field{Name: name, Message: Msg(key, pairs...)})
}

// Err returns nil if nothing was added, else an Invalid error with all fields.
func (f Fields) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Message: Msg("form.invalid", "Count", len(f)), Fields: f}
}
