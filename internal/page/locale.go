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
	bundle := i18n.NewBundle(language.Make(lang))
	s := &sentences{keys: map[string]bool{}}
	decode := map[string]i18n.UnmarshalFunc{"toml": toml.Unmarshal}
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read the sentences: %w", err)
		}
		file, err := i18n.ParseMessageFileBytes(text, lang+".toml", decode)
		if err != nil {
			return nil, fmt.Errorf("read the sentences: %s: %w", name, err)
		}
		for _, m := range file.Messages {
			if s.keys[m.ID] {
				return nil, fmt.Errorf("read the sentences: %s: %q is written twice", name, m.ID)
			}
			s.keys[m.ID] = true
		}
		if err := bundle.AddMessages(file.Tag, file.Messages...); err != nil {
			return nil, fmt.Errorf("read the sentences: %s: %w", name, err)
		}
	}
	s.localizer = i18n.NewLocalizer(bundle, lang)
	return s, nil
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
