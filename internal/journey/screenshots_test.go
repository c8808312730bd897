package journey

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/journey/portal"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

// gallery looks at pages at every width, and keeps pictures of them if a folder
// was named.
type gallery struct {
	t   *testing.T
	dir string
}

// look checks the page that a tab shows.
func (g *gallery) look(tab *browser.Tab, name string) {
	g.t.Helper()
	for _, size := range []browser.Size{browser.Laptop, browser.Phone, browser.Small} {
		tab.Resize(size)
		tab.Fits()
		if size == browser.Small {
			continue // the rules that axe knows do not depend on these last pixels
		}
		tab.Accessible()
		if g.dir != "" {
			tab.Picture(g.dir, name)
		}
	}
	tab.Resize(browser.Laptop)
}

// open opens a page, which answers with a status, and looks at it.
func (g *gallery) open(tab *browser.Tab, name, address string, status int) {
	g.t.Helper()
	if status != http.StatusOK {
		tab.Forgive(fmt.Sprintf("status of %d", status))
	}
	if got := tab.Open(address); got != status {
		g.t.Errorf("%s answers %d, want %d", address, got, status)
	}
	g.look(tab, name)
}

// TestScreenshots looks at every page of the three faces, empty and full, at
// all widths. VOCI_SCREENSHOTS names the folder for pictures.
func TestScreenshots(t *testing.T) {
	g := &gallery{t: t, dir: os.Getenv("VOCI_SCREENSHOTS")}
	if g.dir != "" {
		if err := os.MkdirAll(g.dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p := portal.Start(t)
	chromium := browser.Start(t)
	tab := func() *browser.Tab { return chromium.Person(t, p.Base, browser.Laptop).Tab() }
	citizen, hall, desk, moderator := tab(), tab(), tab(), tab()

	link := p.Command("link", "--municipality", ribordone)
	g.open(hall, "hall-door", link, http.StatusOK)
	hall.Press("button", "Entra")
	hall.At("/comune")
	g.open(desk, "staff-door", p.SignIn, http.StatusOK)
	desk.Press("button", "Entra")
	desk.At("/redazione")
	enter(moderator, p.Command("link", "--staff", "redattrice@example.org", "--role", "moderator"), "/redazione")

	g.empty(citizen, hall, desk)
	made := samples(p, 6)
	g.townHall(p, hall, moderator)
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	giveHistory(t, p)
	g.citizens(p, citizen)
	g.staff(p, desk, moderator)
	g.refusals(p, citizen, hall, moderator)
}

// samples has the program make samples, and tells when they are there. One by
// one, for each takes its time on a slow machine.
func samples(p *portal.Portal, count int) <-chan error {
	made := make(chan error, 1)
	go func() {
		for i := 1; i <= count; i++ {
			if _, trouble, err := p.Try("demo", "--count", strconv.Itoa(i)); err != nil {
				made <- fmt.Errorf("voci demo: %w\n%s", err, trouble)
				return
			}
		}
		made <- nil
	}()
	return made
}

// empty are the pages before anything was sent.
func (g *gallery) empty(citizen, hall, desk *browser.Tab) {
	g.t.Helper()
	g.open(citizen, "empty-home", "/", http.StatusOK)
	g.open(citizen, "empty-testimonies", "/testimonianze", http.StatusOK)
	g.open(citizen, "empty-numbers", "/numeri", http.StatusOK)
	g.open(hall, "empty-hall", "/comune", http.StatusOK)
	g.open(desk, "empty-today", "/redazione", http.StatusOK)
	g.open(desk, "empty-review", "/redazione/revisione", http.StatusOK)
	g.open(desk, "empty-dashboard", "/redazione/cruscotto", http.StatusOK)
	g.open(desk, "empty-mail", "/posta", http.StatusOK)
}

// townHall are a town hall's pages, with a testimony in every state.
func (g *gallery) townHall(p *portal.Portal, hall, moderator *browser.Tab) {
	g.t.Helper()
	g.open(hall, "hall-form", "/comune/testimonianze/nuova", http.StatusOK)
	hall.Forgive("status of 422")
	hall.Write("Titolo", "La fontana <nuova>")
	hall.Press("button", "Invia per la revisione")
	hall.Until(`document.activeElement.id === "errors"`)
	hall.Sees("Bozza salvata alle")
	g.look(hall, "hall-form-wrong")

	small, err := videotest.Make(g.t.Context(), g.t.TempDir(), videotest.Spec{Name: "festa", Seconds: 3, Width: 640, Height: 360})
	if err != nil {
		g.t.Fatal(err)
	}
	var last string
	for _, each := range []struct{ title, state string }{
		{"La festa del paese", "in_review"}, {"La scuola resta aperta", "changes_requested"}, {"Il mercato del giovedì", "rejected"},
	} {
		last = send(hall, each.title, small)
		if each.state == "in_review" {
			continue
		}
		moderator.Open("/redazione/revisione/" + last)
		moderator.Write("Motivo", "Nel video si legge il numero di targa di un’auto: taglia i primi dieci secondi e invialo di nuovo.")
		if each.state == "changes_requested" {
			moderator.Press("button", "Chiedi modifiche")
			moderator.Sees("Rimandata al Comune")
			g.open(hall, "hall-changes", "/comune/testimonianze/"+last, http.StatusOK)
			continue
		}
		moderator.Press("button", "Rifiuta")
		moderator.Sees("Rifiutata.")
		g.look(moderator, "review-decided")
	}
	g.open(hall, "hall-rejected", "/comune/testimonianze/"+last, http.StatusOK)

	half := send(hall, "La fontana nuova", "")
	upload(hall, half, 24<<20, 9<<20)
	g.open(hall, "hall-half", "/comune/testimonianze/"+half, http.StatusOK)
	wrong := send(hall, "Il coro", "")
	upload(hall, wrong, 4096, 4096)
	hall.OpenUntil("/comune/testimonianze/"+wrong, "Questo file non va bene")
	g.look(hall, "hall-unusable")
	g.open(hall, "hall-home", "/comune", http.StatusOK)
	g.open(hall, "hall-home-fr", "/fr/comune", http.StatusOK)
}

// send fills in a form by the page's own address and returns the testimony's
// number; with a film it is in review afterwards.
func send(tab *browser.Tab, title, film string) string {
	tab.Open("/comune/testimonianze/nuova")
	id := browser.Eval[string](tab, `(() => {
		const form = new URLSearchParams({
			title: `+fmt.Sprintf("%q", title)+`, description: "Una testimonianza per vedere com’è fatta la pagina.\n\nCon due capoversi.",
			language: "it", speaker_name: "Lucia Ferrero", speaker_role: "Sindaca", recorded_on: "2026-11-02", tags: "paese, feste", visibility: "public", others: "no",
		});
		for (const theme of ["solidarieta", "volontariato"]) form.append("themes", theme);
		for (const box of document.querySelectorAll("[name=release]")) form.append("release", box.value);
		return fetch("/comune/testimonianze", { method: "POST", body: form }).then((r) => r.url.split("/").pop());
	})()`)
	if film == "" {
		return id
	}
	tab.Open("/comune/testimonianze/" + id)
	tab.ChooseFile("File del video", film)
	tab.Sees("Il video è arrivato e funziona")
	tab.Press("button", "Invia per la revisione")
	tab.Sees("Ora tocca alla redazione")
	return id
}

// upload sends the beginning of a file that is no video, as tus does.
func upload(tab *browser.Tab, testimony string, size, part int) {
	browser.Eval[int](tab, fmt.Sprintf(`fetch("/caricamenti/", { method: "POST", headers: {
		"Tus-Resumable": "1.0.0", "Upload-Length": "%d", "Upload-Metadata": "testimony " + btoa("%s") + ",filename " + btoa("VID_20261102.mp4"),
	} }).then((r) => fetch(r.headers.get("Location"), { method: "PATCH", body: new Blob([new Uint8Array(%d)]), headers: {
		"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream",
	} })).then((r) => r.status)`, size, testimony, part))
}

// citizens are the citizens' pages.
func (g *gallery) citizens(p *portal.Portal, tab *browser.Tab) {
	g.t.Helper()
	tab.OpenUntil("/", "La spesa sale fino all'ultima borgata")
	g.look(tab, "home")
	g.open(tab, "home-en", "/en", http.StatusOK)
	g.open(tab, "home-fr", "/fr", http.StatusOK)
	g.open(tab, "testimonies", "/testimonianze", http.StatusOK)
	g.open(tab, "testimonies-theme", "/testimonianze?tema=solidarieta", http.StatusOK)
	g.open(tab, "testimonies-none", "/testimonianze?q=girasole", http.StatusOK)
	tab.Open("/testimonianze")
	tab.Press("link", "Balme: La spesa sale fino all'ultima borgata")
	tab.At("/testimonianze/*")
	g.look(tab, "testimony")
	g.open(tab, "testimony-en", "/en"+tab.Address(), http.StatusOK)
	g.open(tab, "municipalities", "/comuni", http.StatusOK)
	g.open(tab, "municipalities-none", "/comuni?q=atlantide", http.StatusOK)
	g.open(tab, "municipality", "/comuni/balme", http.StatusOK)
	g.open(tab, "municipality-silent", "/comuni/groscavallo", http.StatusOK)
	g.open(tab, "numbers", "/numeri", http.StatusOK)
	g.open(tab, "numbers-fr", "/fr/numeri", http.StatusOK)
	g.open(tab, "accessibility", "/accessibilita", http.StatusOK)
	g.open(tab, "privacy", "/privacy", http.StatusOK)
	g.open(tab, "legal", "/note-legali", http.StatusOK)
	g.open(tab, "signin", "/entra", http.StatusOK)
}

// staff are the newsroom's pages.
func (g *gallery) staff(p *portal.Portal, desk, moderator *browser.Tab) {
	g.t.Helper()
	g.open(desk, "today", "/redazione", http.StatusOK)
	g.open(desk, "registry", "/redazione/comuni?zona=pinerolese", http.StatusOK)
	g.open(desk, "registry-none", "/redazione/comuni?q=atlantide", http.StatusOK)
	g.open(desk, "registry-municipality", "/redazione/comuni/"+ribordone, http.StatusOK)
	desk.Write("Indirizzo a cui mandarlo", "municipio@comune.ribordone.example")
	desk.Press("button", "Manda")
	desk.Sees("Messaggio partito")
	desk.Press("button", "Mostra il collegamento")
	desk.Sees("Collegamento personale di Ribordone")
	g.look(desk, "registry-link")
	g.open(desk, "mail", "/posta", http.StatusOK)
	g.open(desk, "queue", "/redazione/revisione", http.StatusOK)
	desk.Press("link", "Ribordone: La festa del paese")
	desk.At("/redazione/revisione/*")
	g.look(desk, "review")
	desk.Forgive("status of 422")
	desk.Press("button", "Rifiuta")
	desk.Sees("Scrivi il motivo")
	g.look(desk, "review-wrong")
	desk.Open("/redazione/cruscotto")
	desk.Until(`document.querySelector("[data-chart] canvas")`)
	g.look(desk, "dashboard")
	g.open(desk, "dashboard-en", "/en/redazione/cruscotto", http.StatusOK)
	g.open(desk, "channel", "/redazione/youtube", http.StatusOK)
	desk.Unfold("Scollega il canale")
	desk.Press("button", "Scollega adesso")
	desk.Sees("Canale scollegato.")
	g.look(desk, "channel-none")
	g.open(desk, "today-no-channel", "/redazione", http.StatusOK)
	g.open(moderator, "today-moderator", "/redazione", http.StatusOK)
}

// refusals are the pages that say no.
func (g *gallery) refusals(p *portal.Portal, citizen, hall, moderator *browser.Tab) {
	g.t.Helper()
	g.open(citizen, "error-404", "/comuni/atlantide", http.StatusNotFound)
	g.open(citizen, "error-404-en", "/en/niente", http.StatusNotFound)
	g.open(citizen, "error-401", "/comune", http.StatusUnauthorized)
	g.open(citizen, "error-401-staff", "/redazione", http.StatusUnauthorized)
	g.open(citizen, "error-link", "/entra/AAAAAAAAAAAAAAAAAAAAAA", http.StatusNotFound)
	g.open(hall, "error-403", "/redazione", http.StatusForbidden)
	g.open(moderator, "error-403-youtube", "/redazione/youtube", http.StatusForbidden)

	balmes := p.Command("link", "--municipality", balme)
	enter(hall, balmes, "/comune")
	hall.Press("link", "Apri: La spesa sale")
	hall.At("/comune/testimonianze/*")
	g.look(hall, "hall-published")
	number := strings.TrimPrefix(hall.Address(), "/comune/testimonianze/")
	hall.Unfold("Ritira la testimonianza")
	g.look(hall, "hall-withdraw")
	hall.Press("button", "Ritira")
	hall.Sees("Testimonianza ritirata.")
	g.open(hall, "hall-withdrawn", "/comune/testimonianze/"+number, http.StatusOK)
	g.open(citizen, "error-410", "/testimonianze/"+number, http.StatusGone)
}
