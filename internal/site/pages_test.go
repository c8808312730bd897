package site_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// pages are all that a citizen can read, with one testimony.
func pages(said *testimony.Testimony) []string {
	return []string{
		"/", "/testimonianze", "/testimonianze?tema=solidarieta", "/testimonianze?q=nulla", address(said),
		"/comuni", "/comuni?q=san", "/comuni?q=zzz", "/comuni/balme", "/comuni/pinerolo", "/numeri",
		"/accessibilita", "/privacy", "/note-legali",
	}
}

func TestEveryPageInEveryLanguage(t *testing.T) {
	w := open(t)
	said := w.publish(balme, form("La neve e il pane"))
	w.watched(map[int64]int64{said.ID: 1234})
	for _, lang := range page.Langs {
		for _, path := range pages(said) {
			t.Run(lang+path, func(t *testing.T) {
				answer := w.get(page.Localize(lang, path))
				if answer.Code != http.StatusOK {
					t.Fatalf("%d %s", answer.Code, answer.Body)
				}
				if got := answer.Result().Cookies(); len(got) != 0 {
					t.Errorf("a citizen gets cookies: %v", got)
				}
				d := parse(t, answer)
				if got, _ := attr(one(t, d, "html"), "lang"); got != lang {
					t.Errorf("the page is in %q", got)
				}
				one(t, d, "h1")
				one(t, d, "main")
				for _, e := range []string{"accessibility-link", "privacy-policy-link", "legal-notes"} {
					one(t, one(t, d, "footer"), "a", "data-element", e)
				}
				nothingFromElsewhere(t, d)
				keptInLanguage(t, d, lang)
			})
		}
	}
}

// nothingFromElsewhere holds a page to our own origin for all that a browser
// asks by itself.
func nothingFromElsewhere(t *testing.T, d *html.Node) {
	t.Helper()
	asked := map[string]bool{"src": true, "srcset": true, "poster": true, "data": true, "action": true, "formaction": true, "background": true}
	for n := range d.Descendants() {
		for _, a := range n.Attr {
			rel, _ := attr(n, "rel")
			link := n.Data == "link" && a.Key == "href" && rel != "canonical" && rel != "alternate"
			if !link && !asked[a.Key] {
				continue
			}
			if u, err := url.Parse(a.Val); err != nil || u.Host != "" || u.Scheme != "" {
				t.Errorf("<%s %s=%q> asks elsewhere", n.Data, a.Key, a.Val)
			}
		}
	}
	if found := len(find(d, "iframe")) + len(find(d, "*", "style", "*")); found != 0 {
		t.Errorf("%d frames and inline styles", found)
	}
}

// keptInLanguage holds the page's own links to its language.
func keptInLanguage(t *testing.T, d *html.Node, lang string) {
	t.Helper()
	for _, href := range hrefs(one(t, d, "main"), "a") {
		if !strings.HasPrefix(href, "/") || strings.HasSuffix(href, ".mp4") || lang == page.Italian {
			continue
		}
		if href != "/"+lang && !strings.HasPrefix(href, "/"+lang+"/") {
			t.Errorf("%s leads out of %q", href, lang)
		}
	}
}

func TestAnEmptyPortalSaysWhatWillBeHere(t *testing.T) {
	w := open(t)
	for path, want := range map[string]string{
		"/":              "Qui vedrai le testimonianze dei sindaci.",
		"/testimonianze": "Qui vedrai le testimonianze dei sindaci, appena la prima è pubblicata.",
		"/numeri":        "Qui vedrai i numeri delle testimonianze.",
		"/comuni/balme":  "Balme non si è ancora raccontato.",
	} {
		if got := text(one(t, w.page(path), "main")); !strings.Contains(got, want) {
			t.Errorf("%s: %q", path, got)
		}
	}
}

func TestHomeShowsTheNewestAndTheWholeMap(t *testing.T) {
	w := open(t)
	var last *testimony.Testimony
	for i := range 8 {
		w.now = w.now.Add(1e9)
		last = w.publish(balme, form(fmt.Sprint("Voce numero ", i)))
	}
	w.watched(map[int64]int64{last.ID: 1234})
	d := w.page("/")
	cards := find(d, "article")
	if len(cards) != 6 || !strings.Contains(text(cards[0]), "Voce numero 7") {
		t.Errorf("%d cards, the first: %s", len(cards), text(cards[0]))
	}
	for _, want := range []string{"Balme", "95 abitanti", "Ciriacese e Valli di Lanzo", "Anna Bò", "Solidarietà", "1.234 visualizzazioni", "oggi alle 12:00"} {
		if !strings.Contains(text(cards[0]), want) {
			t.Errorf("the first card does not say %q: %s", want, text(cards[0]))
		}
	}
	if got := len(find(one(t, d, "svg", "class", "hexmap"), "a")); got != w.registry.Size() {
		t.Errorf("%d hexagons with a link, want %d", got, w.registry.Size())
	}
	hex := one(t, d, "a", "href", "/comuni/balme", "class", "hex hex-4")
	if got, _ := attr(hex, "aria-label"); got != "Balme, 8 testimonianze" {
		t.Errorf("the hexagon says %q", got)
	}
	search := one(t, d, "form", "role", "search")
	if action, _ := attr(search, "action"); action != "/comuni" {
		t.Errorf("the search leads to %q", action)
	}
	one(t, search, "input", "name", "q")
}

func TestSearchingAMunicipality(t *testing.T) {
	w := open(t)
	for query, want := range map[string]string{
		"balm":      "/comuni/balme",
		"Ivrea":     "/comuni/ivrea", // also the end of longer names
		"sant'ambr": "/comuni/sant-ambrogio-di-torino",
		"Sant’Ambr": "/comuni/sant-ambrogio-di-torino", // as telephones write it
	} {
		answer := w.get("/comuni?q=" + url.QueryEscape(query))
		if got := answer.Header().Get("Location"); answer.Code != http.StatusFound || got != want {
			t.Errorf("%q: %d %s", query, answer.Code, got)
		}
	}
	if answer := w.get("/fr/comuni?q=balm"); answer.Header().Get("Location") != "/fr/comuni/balme" {
		t.Errorf("in French: %s", answer.Header().Get("Location"))
	}
	d := w.page("/comuni?q=san")
	if got := text(one(t, d, "main")); !strings.Contains(got, "San Gillio") || strings.Contains(got, "Balme") {
		t.Error(got)
	}
}

func TestAMunicipalityHasItsPage(t *testing.T) {
	w := open(t)
	own, other := w.publish(balme, form("La neve e il pane")), w.publish(pinerolo, form("Il mercato"))
	links := hrefs(one(t, w.page("/comuni/balme"), "main"), "a")
	if !slices.Contains(links, address(own)) || slices.Contains(links, address(other)) {
		t.Errorf("Balme's page leads to %v", links)
	}
	// Nothing of its own: voices of the same zone.
	if links := hrefs(one(t, w.page("/comuni/ala-di-stura"), "main"), "a"); !slices.Contains(links, address(own)) {
		t.Errorf("Ala di Stura's page leads to %v", links)
	}
	for _, path := range []string{"/comuni/nessuno", "/comuni/val-di-chy", "/comuni/balme?pagina=2"} {
		if answer := w.get(path); answer.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, answer.Code)
		}
	}
}

func TestAMergedMunicipalityLeadsToItsSuccessor(t *testing.T) {
	w := open(t, current)
	said := w.publish(pecco, form("Il forno"))
	answer := w.get("/en/comuni/pecco")
	if got := answer.Header().Get("Location"); answer.Code != http.StatusMovedPermanently || got != "/en/comuni/val-di-chy" {
		t.Fatalf("%d %s", answer.Code, got)
	}
	for _, path := range []string{"/comuni/val-di-chy", "/testimonianze?comune=pecco", "/testimonianze?comune=val-di-chy", "/testimonianze?zona=eporediese"} {
		if links := hrefs(w.page(path), "a"); !slices.Contains(links, address(said)) {
			t.Errorf("%s does not lead to the testimony of Pecco", path)
		}
	}
	if got := text(one(t, w.page(address(said)), "main")); !strings.Contains(got, "Val di Chy") {
		t.Error(got)
	}
}

func TestTheListIsNarrowedByItsForm(t *testing.T) {
	w := open(t)
	french := form("Une voix de la vallée", "volontariato")
	french.Language = "fr"
	a, b, c := w.publish(balme, form("La neve e il pane")), w.publish(balme, french), w.publish(pinerolo, form("Il mercato", "volontariato", "solidarieta"))
	for path, want := range map[string][]*testimony.Testimony{
		"/testimonianze":                                  {c, b, a},
		"/testimonianze?tema=volontariato":                {c, b},
		"/testimonianze?comune=balme":                     {b, a},
		"/testimonianze?zona=pinerolese":                  {c},
		"/testimonianze?lingua=fr":                        {b},
		"/testimonianze?q=vallee":                         {b},
		"/testimonianze?q=balme&tema=volontariato":        {b},
		"/testimonianze?tema=&comune=&zona=&lingua=&q=":   {c, b, a},
		"/testimonianze?comune=pinerolo&lingua=fr":        {},
		"/testimonianze?q=%27&tema=volontariato&pagina=1": {},
	} {
		var got, wanted []string
		for _, card := range find(w.page(path), "article") {
			got = append(got, hrefs(card, "a")...)
		}
		for _, said := range want {
			wanted = append(wanted, address(said))
		}
		if !slices.Equal(got, wanted) {
			t.Errorf("%s: %v, want %v", path, got, wanted)
		}
	}
	for _, path := range []string{
		"/testimonianze?tema=nessuno", "/testimonianze?comune=nessuno", "/testimonianze?zona=nessuna", "/testimonianze?lingua=xx", "/testimonianze?pagina=9",
	} {
		if answer := w.get(path); answer.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, answer.Code)
		}
	}
	d := w.page("/testimonianze?tema=volontariato&comune=balme&q=voix")
	one(t, d, "option", "value", "volontariato", "selected", "*")
	one(t, d, "input", "type", "hidden", "name", "comune", "value", "balme")
	one(t, d, "input", "name", "q", "value", "voix")
	one(t, d, "meta", "name", "robots", "content", "noindex")
	for from, to := range map[string]string{
		"/temi/volontariato": "/testimonianze?tema=volontariato", "/en/temi/volontariato": "/en/testimonianze?tema=volontariato",
		"/zone/pinerolese": "/testimonianze?zona=pinerolese",
	} {
		if answer := w.get(from); answer.Code != http.StatusFound || answer.Header().Get("Location") != to {
			t.Errorf("%s: %d %s", from, answer.Code, answer.Header().Get("Location"))
		}
	}
}

// TestListsAskAFixedNumberOfQuestions counts the queries of a list, short and
// long.
func TestListsAskAFixedNumberOfQuestions(t *testing.T) {
	w := open(t)
	asked := 0
	count := func(*gorm.DB) { asked++ }
	callbacks := w.db.Reader(t.Context()).Callback()
	w.must(callbacks.Query().After("gorm:query").Register("test:count", count))
	w.must(callbacks.Row().After("gorm:row").Register("test:count_rows", count))
	questions := func(path string) int {
		w.cache.Drop()
		asked = 0
		w.page(path)
		return asked
	}
	w.publish(balme, form("Voce"))
	w.publish(balme, form("Voce"))
	paths := []string{"/", "/testimonianze", "/comuni", "/comuni/balme", "/numeri"}
	few := map[string]int{}
	for _, path := range paths {
		few[path] = questions(path)
	}
	for i := range 30 {
		w.publish(balme, form(fmt.Sprint("Voce ", i), "volontariato", "solidarieta"))
	}
	for _, path := range paths {
		if many := questions(path); many != few[path] || many == 0 {
			t.Errorf("%s asks %d questions of many testimonies, %d of few", path, many, few[path])
		}
	}
	d := w.page("/testimonianze?pagina=2")
	if got := len(find(d, "article")); got != 32-24 {
		t.Errorf("%d cards on the second page", got)
	}
	one(t, d, "a", "rel", "prev", "href", "/testimonianze")
}

func TestPagesAreKeptUntilSomethingPublicChanges(t *testing.T) {
	w := open(t)
	said := w.publish(balme, form("La neve e il pane"))
	for _, path := range []string{"/", "/testimonianze", address(said), "/comuni/balme", "/numeri", "/dati/testimonianze.json"} {
		first := w.get(path)
		tag := first.Header().Get("Etag")
		if tag == "" || !strings.Contains(first.Header().Get("Cache-Control"), "no-cache") {
			t.Fatalf("%s: Etag %q, Cache-Control %q", path, tag, first.Header().Get("Cache-Control"))
		}
		before := w.cache.Stats()
		if again := w.get(path, "If-None-Match", tag); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("%s asked again: %d", path, again.Code)
		}
		if after := w.cache.Stats(); after.Rendered != before.Rendered {
			t.Errorf("%s was made twice", path)
		}
	}
	w.watched(map[int64]int64{said.ID: 77})
	if got := text(w.page("/")); !strings.Contains(got, "77 visualizzazioni") {
		t.Errorf("new views are not shown: %s", got)
	}
	w.page(address(said))
	_, err := w.testimonies.Withdraw(t.Context(), "tester", balme, said.ID, testimony.Withdrawal{})
	w.must(err)
	if answer := w.get(address(said)); answer.Code != http.StatusGone {
		t.Errorf("withdrawn: %d", answer.Code)
	}
	if links := hrefs(w.page("/testimonianze"), "a"); slices.Contains(links, address(said)) {
		t.Error("a withdrawn testimony is in the list")
	}
}

func TestLateNumbersSaySo(t *testing.T) {
	w := open(t)
	said := w.publish(balme, form("La neve e il pane"))
	w.watched(map[int64]int64{said.ID: 5})
	if got := text(w.page("/numeri")); strings.Contains(got, "in ritardo") {
		t.Errorf("fresh numbers are called late: %s", got)
	}
	w.now = w.now.Add(5 * 3600 * 1e9)
	if got := text(w.page("/numeri")); !strings.Contains(got, "I numeri di YouTube sono in ritardo. Ultimo aggiornamento oggi alle 12:00.") {
		t.Errorf("late numbers are not called late: %s", got)
	}
	if got := text(w.page("/")); !strings.Contains(got, "YouTube, aggiornato oggi alle 12:00 (in ritardo)") {
		t.Errorf("the first page does not say that numbers are late: %s", got)
	}
}

func TestLegalPagesSayWhatYouTubeAsks(t *testing.T) {
	w := open(t)
	links := append(hrefs(one(t, w.page("/privacy"), "main"), "a"), hrefs(one(t, w.page("/note-legali"), "main"), "a")...)
	for _, want := range []string{
		"https://www.youtube.com/t/terms", "http://www.google.com/policies/privacy", "https://security.google.com/settings/security/permissions",
		"https://creativecommons.org/licenses/by/4.0/",
	} {
		if !slices.Contains(links, want) {
			t.Errorf("no link to %s", want)
		}
	}
	for _, path := range []string{"/privacy", "/note-legali", "/en/privacy", "/fr/note-legali"} {
		if got := text(w.page(path)); !strings.Contains(got, "YouTube API Services") {
			t.Errorf("%s does not name YouTube API Services", path)
		}
	}
}

func TestRobotsAndFavicon(t *testing.T) {
	w := open(t)
	robots := w.get("/robots.txt")
	if robots.Code != http.StatusOK || !strings.Contains(robots.Body.String(), "Disallow: /redazione") || strings.Contains(robots.Body.String(), "Disallow: /comuni") {
		t.Errorf("%d %s", robots.Code, robots.Body)
	}
	icon := w.get("/favicon.ico")
	if target := icon.Header().Get("Location"); icon.Code != http.StatusMovedPermanently || w.get(target).Code != http.StatusOK {
		t.Errorf("%d %s", icon.Code, target)
	}
}
