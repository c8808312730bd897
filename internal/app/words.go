package app

import (
	"errors"
	"strings"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/web"
)

// Words is a message in the language of commands.
func Words(m fault.Message) string { return words(page.English, m) }

func words(lang string, m fault.Message) string {
	say, err := page.Words(web.Files)
	if err != nil {
		return m.Key
	}
	return say(lang, m)
}

// Explain puts what went wrong into a sentence for whoever runs a command, with
// its cause if there is one.
func Explain(err error) string {
	refusal, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err.Error()
	}
	sentences := []string{Words(refusal.Message)}
	if len(refusal.Fields) > 0 {
		sentences = nil
	}
	for _, f := range refusal.Fields {
		sentences = append(sentences, Words(f.Message))
	}
	if refusal.Err != nil {
		sentences = append(sentences, "("+refusal.Err.Error()+")")
	}
	return strings.Join(sentences, " ")
}
