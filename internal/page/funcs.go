package page

import (
	"context"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
)

// funcs are the functions of templates in one language. web/README.md lists
// them for those who write pages.
func (p *Pages) funcs(lang string, icons map[string]template.HTML) template.FuncMap {
	return template.FuncMap{
		"t": func(message any, pairs ...any) (string, error) { return p.translate(lang, message, pairs) },
		"tOf": func(prefix string, value any, pairs ...any) (string, error) {
			return p.translate(lang, prefix+"."+fmt.Sprint(value), pairs)
		},

		"url":   func(path string) string { return Localize(lang, path) },
		"asset": p.assets.url,
		// Parts are not told the request they are made for.
		"channel": func() string { return p.opt.Channel(context.Background()) },
		"icon":    func(name string) template.HTML { return svg(icons, name) },
		"hexmap":  func(m HexMap) (template.HTML, error) { return p.hexmap(lang, m) },
		"sign":    func(name, hue string) template.HTML { return sign(icons, name, hue) },

		"number":   func(n any) string { return Number(lang, toInt(n)) },
		"decimal":  func(v float64) string { return Decimal(lang, v) },
		"bytes":    func(n int64) string { return Bytes(lang, n) },
		"duration": func(d time.Duration) string { return Duration(d) },
		"isoDuration": func(d time.Duration) string {
			return "PT" + strings.ToUpper(d.Round(time.Second).String())
		},

		"date":     p.timeFunc(lang, p.date),
		"datetime": p.timeFunc(lang, p.datetime),
		"when":     p.timeFunc(lang, p.when),
		"moment":   func(v any) (template.HTML, error) { return p.timeElement(lang, v) },
		"iso": func(v any) (string, error) {
			t, ok, err := p.moment(v)
			if !ok || err != nil {
				return "", err
			}
			return t.UTC().Format(time.RFC3339), nil
		},

		"field":   newField,
		"fieldID": FieldID,
		"option":  func(value, label string) Option { return Option{Value: value, Label: label} },
		"ink":     ink,
	}
}

// translate accepts a key with pairs of arguments, or a message.
func (p *Pages) translate(lang string, message any, pairs []any) (string, error) {
	var m fault.Message
	switch v := message.(type) {
	case string:
		m = fault.Msg(v, pairs...)
	case fault.Message:
		m = v
	case *fault.Message:
		if v == nil {
			return "", nil
		}
		m = *v
	default:
		return "", fmt.Errorf("%T is neither a key nor a message", message)
	}
	text, err := p.say(lang, m)
	if err != nil && !p.opt.Dev {
		p.opt.Log.Error("a sentence is missing", "key", m.Key, "lang", lang, "error", err)
		err = nil
	}
	return text, err
}

func (p *Pages) timeFunc(lang string, format func(string, time.Time) string) func(any) (string, error) {
	return func(v any) (string, error) {
		t, ok, err := p.moment(v)
		if !ok || err != nil {
			return "", err
		}
		return format(lang, t), nil
	}
}

func (p *Pages) timeElement(lang string, v any) (template.HTML, error) {
	t, ok, err := p.moment(v)
	if !ok || err != nil {
		return "", err
	}
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `">` + //nolint:gosec // escaped on this very line
		template.HTMLEscapeString(p.when(lang, t)) + `</time>`), nil
}

// fallbackIcon stands for a theme's icon that nobody has drawn.
const fallbackIcon = "voice"

func drawing(icons map[string]template.HTML, name string) template.HTML {
	if inside, ok := icons[name]; ok {
		return inside
	}
	return icons[fallbackIcon]
}

// svg wraps a drawing. It is hidden from screen readers: a word is always
// beside it.
func svg(icons map[string]template.HTML, name string) template.HTML {
	return `<svg class="ico" viewBox="0 0 24 24" aria-hidden="true" focusable="false">` + drawing(icons, name) + `</svg>`
}

// sign is a drawing in a hexagon of a colour.
func sign(icons map[string]template.HTML, name, hue string) template.HTML {
	if _, ok := colour(hue); !ok {
		hue = "#0066cc"
	}
	return `<svg class="sign" viewBox="0 0 40 40" aria-hidden="true" focusable="false">` +
		`<path d="M20 1l16.5 9.5v19L20 39 3.500 29.5v-19z" fill="` + template.HTML(hue) + `"/>` + //nolint:gosec // a colour, checked above
		`<g class="ico" transform="translate(9.2 9.2) scale(.9)" stroke="` + template.HTML(ink(hue)) + `">` + //nolint:gosec // one of two colours
		drawing(icons, name) + `</g></svg>`
}

// ink is the text colour that reads on a background: dark or white, whichever
// has the higher contrast (WCAG 2.2, relative luminance).
func ink(background string) string {
	const dark, white = "#17324d", "#ffffff"
	rgb, ok := colour(background)
	if !ok {
		return dark
	}
	l := luminance(rgb)
	if 1.05/(l+0.05) >= (l+0.05)/(luminance(0x17324d)+0.05) {
		return white
	}
	return dark
}

// colour reads #rrggbb.
func colour(text string) (rgb uint32, ok bool) {
	if len(text) != 7 || text[0] != '#' {
		return 0, false
	}
	n, err := strconv.ParseUint(text[1:], 16, 32)
	return uint32(n), err == nil
}
