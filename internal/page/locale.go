package page

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	i18ntemplate "github.com/nicksnyder/go-i18n/v2/i18n/template"
	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/language"
)

// Locales are the sentences of the portal in its languages, each read when it is
// first needed.
type Locales struct {
	languages map[string]func() (*sentences, error)
}

// sentences are those of one language.
type sentences struct {
	localizer *i18n.Localizer
	keys      map[string]bool
}

// LoadLocales finds every *.it.toml, *.en.toml and *.fr.toml below locales, and
// it.toml, en.toml, fr.toml themselves. A key may be written in one file only:
// Check tells.
func LoadLocales(fsys fs.FS) (*Locales, error) {
	files := map[string][]string{}
	for _, lang := range Langs {
		files[lang] = nil
	}
	err := fs.WalkDir(fsys, "locales", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".toml" {
			return err
		}
		lang := strings.TrimSuffix(d.Name(), ".toml")
		lang = lang[strings.LastIndexByte(lang, '.')+1:]
		if _, ok := files[lang]; !ok {
			return fmt.Errorf("%s: %q is not a language of the portal", name, lang)
		}
		files[lang] = append(files[lang], name)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the sentences: %w", err)
	}
	l := &Locales{languages: map[string]func() (*sentences, error){}}
	for lang, names := range files {
		l.languages[lang] = sync.OnceValues(func() (*sentences, error) { return readSentences(fsys, lang, names) })
	}
	return l, nil
}

func readSentences(fsys fs.FS, lang string, names []string) (*sentences, error) {
	tag := language.Make(lang)
	bundle := i18n.NewBundle(tag)
	s := &sentences{keys: map[string]bool{}}
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read the sentences: %w", err)
		}
		messages, err := parseSentences(text)
		if err != nil {
			return nil, fmt.Errorf("read the sentences: %s: %w", name, err)
		}
		for _, m := range messages {
			if s.keys[m.ID] {
				return nil, fmt.Errorf("read the sentences: %s: %q is written twice", name, m.ID)
			}
			s.keys[m.ID] = true
		}
		if err := bundle.AddMessages(tag, messages...); err != nil {
			return nil, fmt.Errorf("read the sentences: %s: %w", name, err)
		}
	}
	s.localizer = i18n.NewLocalizer(bundle, lang)
	return s, nil
}

// parseSentences reads a file: a sentence for each key, or one and other where
// there is a plural. The library's own reader takes any shape of file, and half
// as long again as all else at a start.
func parseSentences(text []byte) ([]*i18n.Message, error) {
	var file map[string]any
	if err := toml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	messages := make([]*i18n.Message, 0, len(file))
	for key, said := range file {
		m := &i18n.Message{ID: key}
		switch said := said.(type) {
		case string:
			m.Other = said
		case map[string]any:
			one, isOne := said["one"].(string)
			other, isOther := said["other"].(string)
			if !isOne || !isOther || len(said) != 2 {
				return nil, fmt.Errorf("%q has not just one and other", key)
			}
			m.One, m.Other = one, other
		default:
			return nil, fmt.Errorf("%q is no sentence", key)
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// Check reads every language.
func (l *Locales) Check() error {
	var errs []error
	for _, lang := range Langs {
		_, err := l.languages[lang]()
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Keys are the keys that a language has, in order.
func (l *Locales) Keys(lang string) []string {
	s, err := l.languages[lang]()
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.keys))
}

// Has tells whether a language has a key.
func (l *Locales) Has(lang, key string) bool {
	s, err := l.languages[lang]()
	return err == nil && s.keys[key]
}

func (l *Locales) hasPrefix(lang, prefix string) bool {
	return slices.ContainsFunc(l.Keys(lang), func(key string) bool { return strings.HasPrefix(key, prefix) })
}

// An argument that a sentence names and nobody gave is an error, not "<no value>".
var strictParser = &i18ntemplate.TextParser{Option: "missingkey=error"}

func (l *Locales) text(lang, key string, count any, args map[string]any) (string, error) {
	read := l.languages[lang]
	if read == nil {
		return key, fmt.Errorf("%q is not a language of the portal", lang)
	}
	s, err := read()
	if err != nil {
		return key, err
	}
	if !s.keys[key] {
		return key, fmt.Errorf("no sentence %q in %q", key, lang)
	}
	text, err := s.localizer.Localize(&i18n.LocalizeConfig{
		MessageID: key, PluralCount: count, TemplateData: args, TemplateParser: strictParser,
	})
	if err != nil && text == "" {
		return key, fmt.Errorf("sentence %q in %q: %w", key, lang, err)
	}
	return text, nil // with text, the error is a plural form that the language file leaves to "other"
}
