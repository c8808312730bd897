package page_test

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/net/html"

	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/static"
	"github.com/voci-in-comune/voci/web"
)

// noon is the moment at which tests happen.
var noon = time.Date(2026, 11, 24, 11, 0, 0, 0, time.UTC) // 12:00 in Rome

// overlay is the portal's own web with pages that only tests have.
type overlay struct {
	fs.FS
	more fstest.MapFS
}

func (o overlay) Open(name string) (fs.File, error) {
	if f, err := o.more.Open(name); err == nil {
		if info, err := f.Stat(); err == nil && !info.IsDir() {
			return f, nil
		}
		_ = f.Close()
	}
	return o.FS.Open(name)
}

// ReadDir lists both, so that a test's folder is a page.
func (o overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(o.FS, name)
	more, moreErr := o.more.ReadDir(name)
	if err != nil && moreErr != nil {
		return nil, err
	}
	for _, each := range more {
		known := false
		for _, have := range all {
			known = known || have.Name() == each.Name()
		}
		if !known {
			all = append(all, each)
		}
	}
	return all, nil
}

// Glob is what html/template finds files with.
func (o overlay) Glob(pattern string) ([]string, error) {
	names, err := fs.Glob(o.FS, pattern)
	if err != nil {
		return nil, err
	}
	more, err := o.more.Glob(pattern)
	return append(names, more...), err
}

func testPage(name, text string) overlay {
	base := name[strings.LastIndexByte(name, '/')+1:]
	return overlay{FS: web.Files, more: fstest.MapFS{name + "/" + base + ".html": {Data: []byte(text)}}}
}

// built are the static files; where the real ones are not built, the tests of
// this package do with a stand-in for what layouts name.
func built(t testing.TB) fs.FS {
	t.Helper()
	if _, err := fs.Stat(static.Files, "dist/manifest.json"); err == nil {
		return static.Files
	}
	return fstest.MapFS{
		"favicon.svg":             {Data: []byte("<svg/>")},
		"dist/fonts/a-1.woff2":    {Data: []byte("font")},
		"dist/site/site-1.css":    {Data: []byte(strings.Repeat("a{b:c}", 400))},
		"dist/site/site-1.css.br": {Data: []byte("br")},
		"dist/site/site-1.css.gz": {Data: []byte("gz")},
		"dist/manifest.json":      {Data: []byte(`{"fonts/titillium-web-400.woff2":"fonts/a-1.woff2","site/site.css":"site/site-1.css"}`)},
	}
}

func newPages(t testing.TB, change func(*page.Options)) *page.Pages {
	t.Helper()
	opt := page.Options{
		FS: web.Files, Static: built(t), BaseURL: "https://voci.example.it", SessionName: "__Host-voci", Dev: true,
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon },
	}
	if change != nil {
		change(&opt)
	}
	p, err := page.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newEcho(t *testing.T, p *page.Pages) *echo.Echo {
	t.Helper()
	e, err := p.NewEcho()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func get(t *testing.T, h http.Handler, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	return send(t, h, http.MethodGet, target, "", header...)
}

func send(t *testing.T, h http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// document parses an answer; find and text ask it.
func document(t *testing.T, w *httptest.ResponseRecorder) *html.Node {
	t.Helper()
	n, err := html.Parse(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// find are the elements of a tag that have the attributes, given as names and
// values; the value "*" is any.
func find(n *html.Node, tag string, attributes ...string) []*html.Node {
	var found []*html.Node
	for d := range n.Descendants() {
		if d.Type != html.ElementNode || (tag != "*" && d.Data != tag) {
			continue
		}
		ok := true
		for i := 0; i+1 < len(attributes); i += 2 {
			v, has := attr(d, attributes[i])
			ok = ok && has && (attributes[i+1] == "*" || v == attributes[i+1])
		}
		if ok {
			found = append(found, d)
		}
	}
	return found
}

func one(t *testing.T, n *html.Node, tag string, attributes ...string) *html.Node {
	t.Helper()
	found := find(n, tag, attributes...)
	if len(found) != 1 {
		t.Fatalf("%d elements <%s %v>, want 1", len(found), tag, attributes)
	}
	return found[0]
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	ascii := func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' } // a no-break space is part of a number
	return strings.Join(strings.FieldsFunc(b.String(), ascii), " ")
}

func TestPageInItsLayoutAndLanguage(t *testing.T) {
	p := newPages(t, func(o *page.Options) {
		o.FS = testPage("site/probe", `{{define "title"}}{{.Page}}{{end}}{{define "content"}}<h1>{{number 2247780}}</h1>{{end}}`)
		o.Sandbox = true
	})
	e := newEcho(t, p)
	e.GET("/prova", func(c echo.Context) error {
		return p.Render(c, http.StatusOK, "site/probe", page.Frame{Section: "/numeri", Page: "<b>&"})
	})
	for lang, want := range map[string]string{"/prova": "2.247.780", "/en/prova": "2,247,780", "/fr/prova": "2\u202f247\u202f780"} {
		w := get(t, p.Front(nil, e), lang+"?q=a&fbclid=secret")
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", lang, w.Code, w.Body)
		}
		d := document(t, w)
		if got := text(one(t, d, "h1")); got != want {
			t.Errorf("%s: number %q, want %q", lang, got, want)
		}
		if got := text(one(t, d, "title")); got != "<b>& · Voci in Comune" {
			t.Errorf("%s: title %q", lang, got)
		}
		one(t, d, "p", "class", "sandbox")
		for _, link := range []string{"accessibility-link", "privacy-policy-link", "legal-notes"} {
			one(t, one(t, d, "footer"), "a", "data-element", link)
		}
		canonical, _ := attr(one(t, d, "link", "rel", "canonical"), "href")
		if want := "https://voci.example.it" + lang + "?q=a"; canonical != want {
			t.Errorf("canonical %q, want %q: only parameters that pages read", canonical, want)
		}
		if found := find(d, "link", "rel", "alternate"); len(found) != 4 {
			t.Errorf("%s: %d alternates, want one for each language and a default", lang, len(found))
		}
		if got := len(find(d, "*", "style", "*")); got != 0 {
			t.Errorf("%s: %d style attributes, which the content policy forbids", lang, got)
		}
	}
}

// TestLinksToThePageItselfStayHere opens an address whose second slash would make
// the language links lead to another site.
func TestLinksToThePageItselfStayHere(t *testing.T) {
	p := newPages(t, nil)
	h := p.Front(nil, newEcho(t, p))
	for _, path := range []string{"/en//evil.example", "//evil.example", "/fr///evil.example", "/en/\\evil.example"} {
		w := get(t, h, path)
		if w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), `="//evil`) || strings.Contains(w.Body.String(), `="/\evil`) {
			t.Errorf("%s: %d, or a link leads away", path, w.Code)
		}
	}
}

func TestSignedInPeopleSeeWhoTheyAre(t *testing.T) {
	flash := "error.form"
	p := newPages(t, func(o *page.Options) {
		o.FS = testPage("newsroom/probe", `{{define "content"}}<h1>x</h1>{{end}}`)
		o.Viewer = func(context.Context) *page.Viewer {
			return &page.Viewer{Name: "Anna Bò", Role: "moderator", Staff: true, Home: "/redazione"}
		}
		o.Flash = func(context.Context) string {
			key := flash
			flash = ""
			return key
		}
	})
	e := newEcho(t, p)
	e.GET("/redazione", func(c echo.Context) error {
		return p.Render(c, http.StatusOK, "newsroom/probe", page.Frame{Title: "Oggi", Section: "/redazione"})
	})
	w := get(t, p.Front(nil, e), "/redazione")
	d := document(t, w)
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	one(t, d, "meta", "name", "robots", "content", "noindex, nofollow")
	if got := text(one(t, d, "a", "aria-current", "page")); got != "Oggi" {
		t.Errorf("current section %q", got)
	}
	if !strings.Contains(text(d), "Anna Bò") || !strings.Contains(text(one(t, d, "div", "role", "status")), "Il modulo è arrivato incompleto.") {
		t.Errorf("name or flash are missing: %s", text(d))
	}
	if found := find(d, "a", "href", "/redazione/youtube"); len(found) != 0 {
		t.Error("a moderator sees the administrator's section")
	}
	if again := document(t, get(t, p.Front(nil, e), "/redazione")); len(find(again, "div", "role", "status")) != 0 {
		t.Error("the flash came twice")
	}
}

// TestEveryPageIsWhole is what the portal does behind its first answers.
func TestEveryPageIsWhole(t *testing.T) {
	if err := newPages(t, nil).Check(); err != nil {
		t.Error(err)
	}
}

func TestStartFailsOnWhatIsMissing(t *testing.T) {
	for name, want := range map[string]string{
		`{{define "content"}}{{t "no.such"}}{{end}}`:             `no sentence "no.such"`,
		`{{define "content"}}{{tOf "no.such" .}}{{end}}`:         `no sentence "no.such.…"`,
		`{{define "content"}}{{icon "no-such"}}{{end}}`:          `no icon "no-such"`,
		`{{define "content"}}{{asset "no.css"}}{{end}}`:          `no asset "no.css"`,
		`{{define "content"}}{{template "none"}}{{end}}`:         `no template "none"`,
		`{{define "body"}}{{end}}`:                               `neither "content" nor "layout"`,
		`{{define "content"}}{{if (t "no.such")}}{{end}}{{end}}`: `no sentence "no.such"`,
		`{{define "content"}}<p title="{{.}}{{end}}`:             `in attribute name`,
	} {
		p, err := page.New(page.Options{FS: testPage("site/probe", name), Static: built(t)})
		if err == nil {
			err = p.Check()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	files := fstest.MapFS{"dist/manifest.json": {Data: []byte("{}")}, "dist/site/plan.bin": {Data: []byte{1}}}
	p, err := page.New(page.Options{FS: testPage("site/probe", `{{define "content"}}{{end}}`), Static: files})
	if err == nil {
		err = p.Check()
	}
	if err == nil || !strings.Contains(err.Error(), "plan.bin") {
		t.Errorf("with a file of no known kind: %v, want its name", err)
	}
	_, err = page.New(page.Options{FS: web.Files, Static: fstest.MapFS{}})
	if err == nil || !strings.Contains(err.Error(), "make assets") {
		t.Errorf("without assets: %v, want the remedy", err)
	}
}
