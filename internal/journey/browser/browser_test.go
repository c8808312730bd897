package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/journey/browser"
)

// witness stands in for a test that is meant to fail.
type witness struct {
	testing.TB
	said     []string
	cleanups []func()
}

func (w *witness) Error(args ...any) { w.said = append(w.said, fmt.Sprint(args...)) }
func (w *witness) Errorf(form string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(form, args...))
}
func (w *witness) Cleanup(f func()) { w.cleanups = append(w.cleanups, f) }
func (w *witness) end() {
	for i := range w.cleanups {
		w.cleanups[len(w.cleanups)-1-i]()
	}
}

const bad = `<!doctype html><html lang="it"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Male</title><body>
<h1>Male</h1><img src="/a.png"><script>alert(1)</script>
<p><a href="/b" aria-hidden="true"></a></p><input>
<div class="wide">Una riga che non va a capo mai e poi mai e che quindi esce dalla finestra di chi guarda con un telefono piccolo.</div>
<script src="/bad.js"></script>`

const good = `<!doctype html><html lang="it"><title>Bene</title><meta name="viewport" content="width=device-width, initial-scale=1">
<body><main><h1>Bene</h1>
<form method="post" action="/fatto">
<p><label for="t">Titolo</label><br><input id="t" name="t"></p>
<p><label for="l">Lingua</label><br><select id="l" name="l"><option value="it">Italiano</option><option value="fr">Français</option></select></p>
<p><input type="checkbox" id="c" name="c"> <label for="c">Sono d’accordo</label></p>
<p><label for="f">File</label><br><input type="file" id="f" name="f"></p>
<p><button>Invia</button></p></form></main>`

func site(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	html := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", "default-src 'self'; connect-src *; style-src 'self'")
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = fmt.Fprint(w, text)
		}
	}
	mux.HandleFunc("/male", html(strings.Replace(bad, "<title>", `<link rel="stylesheet" href="/bad.css"><title>`, 1)))
	mux.HandleFunc("/bene", html(good))
	mux.HandleFunc("/fatto", func(w http.ResponseWriter, r *http.Request) {
		html(fmt.Sprintf(`<!doctype html><html lang="it"><title>Fatto</title><body><main><h1>Fatto</h1><p>%s %s %s %s</p></main>`,
			r.FormValue("t"), r.FormValue("l"), r.FormValue("c"), r.FormValue("f")))(w, r)
	})
	mux.HandleFunc("/bad.css", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/css")
		_, _ = fmt.Fprint(w, `.wide { white-space: nowrap; color: #ddd }`)
	})
	mux.HandleFunc("/bad.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = fmt.Fprint(w, `console.error("qualcosa"); fetch("http://127.0.0.1:9/altrove").catch(() => {}); throw new Error("rotto")`)
	})
	mux.HandleFunc("/favicon.ico", func(http.ResponseWriter, *http.Request) {})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestPagesThatDoWrongAreFound(t *testing.T) {
	w := &witness{TB: t}
	tab := browser.Start(t).Person(w, site(t), browser.Small).Tab()
	tab.Open("/male")
	tab.Check()
	w.end()
	said := strings.Join(w.said, "\n")
	for _, each := range []string{
		"image-alt", "label", "color-contrast", "does not fit 320 px", "class=\"wide\"", "Content Security Policy", "console.error: qualcosa",
		"Error: rotto", "asked another origin: http://127.0.0.1", "status of 404",
	} {
		if !strings.Contains(strings.ReplaceAll(said, "GET ", ""), each) {
			t.Errorf("not found: %s", each)
		}
	}
	if t.Failed() {
		t.Log(said)
	}
}

func TestFormsAreFilledIn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "prova.txt")
	if err := os.WriteFile(file, []byte("prova"), 0o600); err != nil {
		t.Fatal(err)
	}
	chromium, address := browser.Start(t), site(t)
	for _, size := range []browser.Size{browser.Phone, browser.Laptop} {
		person := chromium.Person(t, address, size)
		tab := person.Tab()
		if status := tab.Open("/bene"); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
		tab.Check()
		tab.Write("Titolo", "Perché no")
		tab.Pick("Lingua", "Français")
		tab.Tick("Sono d’accordo")
		tab.ChooseFile("File", file)
		tab.Press("button", "Invia")
		tab.At("/fatto")
		tab.Sees("Perché no fr on prova.txt")
		if got := person.Cookies(); len(got) > 0 {
			t.Errorf("cookies %v", got)
		}
	}
}
