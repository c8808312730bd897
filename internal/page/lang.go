package page

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// The languages of the portal: Italian at the root, the others under /en, /fr.
const (
	Italian = "it"
	English = "en"
	French  = "fr"
)

// Langs are the languages, the first being the default. It is not changed.
var Langs = []string{Italian, English, French}

var languageNames = map[string]string{Italian: "Italiano", English: "English", French: "Français"}

type langKey struct{}

// Lang is the language of the request, Italian if nothing else was asked.
func Lang(ctx context.Context) string {
	if lang, ok := ctx.Value(langKey{}).(string); ok {
		return lang
	}
	return Italian
}

// WithLang returns a context in which the language is lang.
func WithLang(ctx context.Context, lang string) context.Context {
	return context.WithValue(ctx, langKey{}, lang)
}

// Localize is the address of path in a language; path begins with a slash.
// Addresses elsewhere stay as they are.
func Localize(lang, path string) string {
	if lang == Italian || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return path
	}
	if path == "/" {
		return "/" + lang
	}
	if strings.HasPrefix(path, "/?") {
		return "/" + lang + path[1:]
	}
	return "/" + lang + path
}

// splitLang takes the language off a path.
func splitLang(path string) (lang, rest string) {
	for _, lang := range Langs[1:] {
		if rest, ok := strings.CutPrefix(path, "/"+lang); ok && (rest == "" || rest[0] == '/') {
			if rest == "" {
				rest = "/"
			}
			return lang, rest
		}
	}
	return Italian, path
}

// stripLang returns r with the language taken off its path and put into its
// context, and HEAD turned into GET: the server keeps the body to itself, and
// routes need not be written twice. The tus protocol has a HEAD of its own.
func stripLang(r *http.Request) *http.Request {
	lang, path := splitLang(r.URL.Path)
	head := r.Method == http.MethodHead && !strings.HasPrefix(path, tusPath)
	if lang == Italian && !head {
		return r
	}
	r = r.WithContext(WithLang(r.Context(), lang))
	if head {
		r.Method = http.MethodGet
	}
	if lang != Italian {
		u := *r.URL
		u.Path = path
		if u.RawPath != "" {
			_, u.RawPath = splitLang(u.RawPath)
		}
		r.URL = &u
	}
	return r
}

// plainPath is the path as links to the page itself have it. One that begins
// with two slashes would lead to another site.
func plainPath(r *http.Request) string {
	_, path := splitLang(r.URL.EscapedPath())
	return "/" + strings.TrimLeft(path, "/\\")
}

// queryNames are the only parameters that citizens' pages read. All others are
// taken off addresses that a page shows of itself, and make no new entry in the
// cache.
var queryNames = []string{"comune", "lingua", "ordine", "pagina", "q", "tema", "zona"}

// longestValue bounds a parameter, in bytes: no name or search is longer.
const longestValue = 200

func isNumber(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > 0
}

// keptQuery is the query with only the parameters that pages read, in a fixed
// order.
func keptQuery(q url.Values) string {
	kept := url.Values{}
	for _, name := range queryNames {
		for _, v := range q[name] {
			if v != "" && len(v) <= longestValue && (name != "pagina" || isNumber(v)) {
				kept.Add(name, v)
			}
		}
	}
	return kept.Encode()
}
