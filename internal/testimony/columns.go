package testimony

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
)

// Tags are words to be found by, kept as a JSON list.
type Tags []string

// Unfinished holds what was typed into fields of a draft and could not be
// accepted yet, by the form's name of the field: nothing typed is lost.
type Unfinished map[string]string

// Sentence is a message for people, kept as JSON so that it is said in the
// language of whoever reads it.
type Sentence struct{ fault.Message }

// Value stores the list.
func (t Tags) Value() (driver.Value, error) {
	if t == nil {
		return "[]", nil
	}
	return toJSON(t)
}

// Scan reads the list.
func (t *Tags) Scan(src any) error { return fromJSON(src, t) }

// Value stores the fields.
func (u Unfinished) Value() (driver.Value, error) {
	if u == nil {
		return "{}", nil
	}
	return toJSON(u)
}

// Scan reads the fields.
func (u *Unfinished) Scan(src any) error { return fromJSON(src, u) }

// Value stores the translations.
func (t Translations) Value() (driver.Value, error) {
	if t == nil {
		return "{}", nil
	}
	return toJSON(t)
}

// Scan reads the translations.
func (t *Translations) Scan(src any) error { return fromJSON(src, t) }

// Value stores the message, empty if there is none.
func (s Sentence) Value() (driver.Value, error) {
	if s.Key == "" {
		return "", nil
	}
	return toJSON(s.Message)
}

// Scan reads the message. Its times are times again, for whoever reads it to
// have them said in their language.
func (s *Sentence) Scan(src any) error {
	if src == "" {
		*s = Sentence{}
		return nil
	}
	if err := fromJSON(src, &s.Message); err != nil {
		return err
	}
	for name, arg := range s.Args {
		if text, ok := arg.(string); ok {
			if at, err := time.Parse(time.RFC3339, text); err == nil {
				s.Args[name] = at
			}
		}
	}
	return nil
}

func toJSON(v any) (driver.Value, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

func fromJSON(src, into any) error {
	var b []byte
	switch v := src.(type) {
	case string:
		b = []byte(v)
	case []byte:
		b = v
	default:
		return fmt.Errorf("a column of JSON holds %T", src)
	}
	return json.Unmarshal(b, into)
}
