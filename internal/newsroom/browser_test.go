package newsroom_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/account"
	chromium "github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// sizes are the windows that people look through.
var sizes = []chromium.Size{chromium.Phone, chromium.Laptop}

// picture keeps how a page looks, for eyes, in the folder VOCI_PICTURES.
func picture(tab *chromium.Tab, name string) {
	if dir := os.Getenv("VOCI_PICTURES"); dir != "" {
		tab.Picture(dir, name)
	}
}

// tab opens a tab in which a member of staff is signed in.
func (w *world) tab(b *chromium.Browser, size chromium.Size, email string, role account.Role) *chromium.Tab {
	w.t.Helper()
	token, err := w.accounts.StaffLink(w.t.Context(), "test", email, role)
	if err != nil {
		w.t.Fatal(err)
	}
	tab := b.Person(w.t, w.base, size).Tab()
	tab.Forgive("status of 401")
	tab.Open("/redazione")
	if status := chromium.Eval[int](tab, `fetch("/entra/`+token+`", { method: "POST" }).then((r) => r.status)`); status != 204 {
		w.t.Fatalf("entering: %d", status)
	}
	return tab
}

// TestAPublicationInTheBrowser looks at the page of a publication in each stage
// of its life, at the queue behind it and at the page where a testimony is
// approved for a day.
func TestAPublicationInTheBrowser(t *testing.T) {
	b := chromium.Start(t)
	for _, size := range sizes {
		w := open(t)
		w.connect()
		said := w.approvedOne(forAll)
		for _, title := range []string{"La neve e il pane", "Una panchina per due, davanti alla scuola che ha riaperto dopo trent’anni"} {
			w.approvedOne(forAll, func(f *testimony.Form) { f.Title = title })
		}
		review := w.arrived(forAll)
		pub, address := w.publicationOf(said.ID)
		w.exec(`UPDATE testimonies SET translations = '{"fr":{"title":"Les courses montent","description":"x"}}' WHERE id = ?`, said.ID)
		w.exec(`INSERT INTO publication_steps (publication_id, kind, key, state, wanted, since) VALUES (?, 'localizations', '', 'waiting', 'x', ?), (?, 'captions', 'it', 'waiting', 'x', ?)
			ON CONFLICT DO UPDATE SET wanted = 'x', state = 'waiting'`,
			pub.ID, w.now, pub.ID, w.now)
		tab := w.tab(b, size, redact, account.Moderator)
		for _, now := range w.stages(pub) {
			now.change()
			tab.Open(address)
			tab.Sees("Il piano", "Che cosa è successo")
			tab.Check()
			tab.Fits()
			picture(tab, "publication-"+strings.ReplaceAll(now.name, " ", "-"))
		}
		tab.Open(address)
		tab.Press("link", "Ritira la testimonianza")
		tab.Sees("Non si può tornare indietro.") // the browser opens the fold that the link leads into
		tab.Check()
		tab.Fits()
		picture(tab, "withdraw")
		tab.Open("/redazione")
		tab.Sees("Parte domani dalle 09:00.")
		tab.Check()
		picture(tab, "queue-today")

		desk := w.tab(b, size, manager, account.Administrator)
		desk.Open("/redazione/youtube")
		desk.Sees("La quota riparte domani dalle 09:00.", "Parte domani dalle 09:00.")
		desk.Check()
		picture(desk, "channel")
		w.exec(`UPDATE channels SET trouble = 'publishing.trouble.token'`)
		for _, each := range []*chromium.Tab{tab, desk} {
			each.Open(address)
			each.Sees("Il permesso di Google non vale più.")
			each.Check()
		}
		picture(desk, "banner")
		w.exec(`UPDATE channels SET trouble = ''`)

		tab.Open(reviewPage(review.ID))
		tab.Unfold("Approva e programma")
		tab.Check()
		picture(tab, "review-schedule")
		tab.WithoutScripts()
		tab.Open(reviewPage(review.ID))
		tab.Unfold("Approva e programma")
		tab.Forgive("status of 422")
		tab.PressOn("#approve-later")
		tab.Sees("Scrivi giorno e ora per intero.")
		tab.Check()
		chromium.Eval[bool](tab, `((f) => { f.value = "2026-12-24T18:00"; return true; })(document.querySelector("[name=publish_at]"))`)
		tab.PressOn("#approve-later")
		tab.Sees("Approvata: esce nel giorno e nell’ora che hai scelto.")
	}
}

// TestTheDashboardsChartsInTheBrowser has a history over the day on which YouTube
// changed what a view is: the script's charts keep the mark, and the words.
func TestTheDashboardsChartsInTheBrowser(t *testing.T) {
	b := chromium.Start(t)
	w := open(t)
	for day := 10; day <= 30; day++ {
		w.counts("2026-08-"+strconv.Itoa(day), 1000+day*day)
	}
	w.ran("")
	for _, size := range sizes {
		tab := w.tab(b, size, redact, account.Moderator)
		tab.Open("/redazione/cruscotto")
		tab.Until(`document.querySelectorAll("[data-chart] canvas").length === 2`)
		tab.Sees("Da qui (24 agosto 2026) YouTube conta una visualizzazione quando parte la riproduzione.")
		tab.Check()
		picture(tab, "dashboard")
		tab.WithoutScripts()
		tab.Open("/redazione/cruscotto")
		tab.Sees("Da qui (24 agosto 2026)")
		tab.Until(`document.querySelectorAll("svg .line-mark").length > 2`)
		tab.Check()
		picture(tab, "dashboard-plain")
	}
}
