package page

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	i18ntemplate "github.com/nicksnyder/go-i18n/v2/i18n/template"
	"golang.org/x/text/language"
)

// Locales are the sentences of the portal in its languages.
type Locales struct {
	localizers map[string]*i18n.Localizer
	keys       map[string]map[string]bool
}

// LoadLocales reads every *.it.toml, *.en.toml and *.fr.toml below locales, and
// it.toml, en.toml, fr.toml themselves. A key may be written in one file only.
func LoadLocales(fsys fs.FS) (*Locales, error) {
	bundle := i18n.NewBundle(language.Italian)
	l := &Locales{localizers: map[string]*i18n.Localizer{}, keys: map[string]map[string]bool{}}
	for _, lang := range Langs {
		l.keys[lang] = map[string]bool{}
	}
	err := fs.WalkDir(fsys, "locales", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".toml" {
			return err
		}
		lang := strings.TrimSuffix(d.Name(), ".toml")
		lang = lang[strings.LastIndexByte(lang, '.')+1:]
		if l.keys[lang] == nil {
			return fmt.Errorf("%s: %q is not a language of the portal", name, lang)
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		return l.add(bundle, lang, name, text)
	})
	if err != nil {
		return nil, fmt.Errorf("read the sentences: %w", err)
	}
	for _, lang := range Langs {
		l.localizers[lang] = i18n.NewLocalizer(bundle, lang)
	}
	return l, nil
}

func (l *Locales) add(bundle *i18n.Bundle, lang, name string, text []byte) error {
	decode := map[string]i18n.UnmarshalFunc{"toml": toml.Unmarshal}
	file, err := i18n.ParseMessageFileBytes(text, lang+".toml", decode)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, m := range file.Messages {
		if l.keys[lang][m.ID] {
			return fmt.Errorf("%s: %q is written twice", name, m.ID)
		}
		l.keys[lang][m.ID] = true
	}
	if err := bundle.AddMessages(file.Tag, file.Messages...); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Keys are the keys that a language has, in order.
func (l *Locales) Keys(lang string) []string {
	return slices.Sorted(maps.Keys(l.keys[lang]))
}

// Has tells whether a language has a key.
func (l *Locales) Has(lang, key string) bool { return l.keys[lang][key] }

func (l *Locales) hasPrefix(lang, prefix string) bool {
	for key := range l.keys[lang] {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// An argument that a sentence names and nobody gave is an error, not "<no value>".
var strictParser = &i18ntemplate.TextParser{Option: "missingkey=error"}

func (l *Locales) text(lang, key string, count any, args map[string]any) (string, error) {
	if !l.keys[lang][key] {
		return key, fmt.Errorf("no sentence %q in %q", key, lang)
	}
	text, err := l.localizers[lang].Localize(&i18n.LocalizeConfig{
		MessageID: key, PluralCount: count, TemplateData: args, TemplateParser: strictParser,
	})
	if err != nil && text == "" {
		return key, fmt.Errorf("sentence %q in %q: %w", key, lang, err)
	}
	return text, nil // with text, the error is a plural form that the language file leaves to "other"
}
