package studio_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/account"
)

func TestTheDoorChangesNothingUntilItsButtonIsPressed(t *testing.T) {
	w := open(t)
	door := w.link(balme)
	b := w.stranger()
	for range 3 { // as programs do that follow the links in a mail
		a := b.get(door).want(http.StatusOK).says("Stai per entrare come", "Balme", "Entra")
		if len(a.header.Values("Set-Cookie")) > 0 {
			t.Error("looking at the door set a cookie")
		}
		if got := attr(a.one("form", "action", door), "method"); got != "post" {
			t.Errorf("the button sends %q", got)
		}
	}
	b.send(http.MethodHead, door, nil, "").want(http.StatusOK)
	b.get("/comune").want(http.StatusUnauthorized)
	used, err := w.accounts.LinksInForce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if used[balme].LastUsedAt != nil {
		t.Error("looking at the door used the link")
	}

	a := b.post(door, nil).want(http.StatusSeeOther)
	if got := a.header.Get("Location"); got != "/comune" {
		t.Errorf("the door leads to %q", got)
	}
	b.get("/comune").want(http.StatusOK).says("Balme", "Invia una testimonianza")
	// The link stays good: it is the town hall's key.
	w.townHall(balme)
}

func TestTheDoorSpeaksThreeLanguages(t *testing.T) {
	w := open(t)
	door := w.link(balme)
	for lang, word := range map[string]string{"/en": "You are about to sign in as", "/fr": "Vous allez entrer en tant que"} {
		b := w.stranger()
		b.get(lang + door).want(http.StatusOK).says(word)
		if got := b.post(lang+door, nil).want(http.StatusSeeOther).header.Get("Location"); got != lang+"/comune" {
			t.Errorf("%s: the door leads to %q", lang, got)
		}
	}
}

func TestLinksThatDoNotLetIn(t *testing.T) {
	w := open(t)
	old := w.link(balme)
	inside := w.townHall(balme)
	if _, err := w.accounts.ReplaceLink(t.Context(), "test", balme); err != nil {
		t.Fatal(err)
	}
	staff := func() string {
		token, err := w.accounts.StaffLink(t.Context(), "test", redact, account.Moderator)
		if err != nil {
			t.Fatal(err)
		}
		return "/entra/" + token
	}
	used := staff()
	w.stranger().post(used, nil).want(http.StatusSeeOther)
	stale := staff()
	w.later(account.StaffLinkLife + time.Second)
	for name, c := range map[string]struct {
		door   string
		status int
		says   string
	}{
		"unknown":  {"/entra/non-esiste", http.StatusNotFound, "Questo collegamento non esiste."},
		"replaced": {old, http.StatusGone, "La redazione ha sostituito questo collegamento"},
		"used":     {used, http.StatusGone, "Questo collegamento è già stato usato o è scaduto."},
		"too old":  {stale, http.StatusGone, "Questo collegamento è già stato usato o è scaduto."},
	} {
		t.Run(name, func(t *testing.T) {
			b := w.stranger()
			b.get(c.door).want(c.status).says(c.says)
			b.post(c.door, nil).want(c.status).says(c.says)
			b.get("/comune").want(http.StatusUnauthorized)
		})
	}
	// Whoever came in by a replaced link is out.
	inside.get("/comune").want(http.StatusUnauthorized).says("apri il tuo collegamento personale")
}

func TestLeaving(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	b.post("/esci", nil).want(http.StatusSeeOther)
	b.get("/comune").want(http.StatusUnauthorized)
}

func TestStaffAskForALink(t *testing.T) {
	w := open(t)
	b := w.stranger()
	b.get("/entra").want(http.StatusOK).says("Lavori in un Comune?", "Lavori nella redazione?")

	a := b.post("/entra", url.Values{"email": {"nessuno"}}).want(http.StatusUnprocessableEntity)
	if got := a.wrong("email"); !strings.Contains(got, "nome@comune.it") {
		t.Errorf("at the address it says %q", got)
	}
	if got := attr(a.one("input", "id", "f-email"), "value"); got != "nessuno" {
		t.Errorf("what was typed is lost: %q", got)
	}
	// Who has an account and who has none get the same answer.
	known := b.post("/entra", url.Values{"email": {redact}}).want(http.StatusOK).says("Guarda la tua posta").text()
	if unknown := b.post("/entra", url.Values{"email": {"chi@altrove.example"}}).want(http.StatusOK).text(); unknown != known {
		t.Errorf("the answers differ:\n%s\n%s", known, unknown)
	}
	if len(w.mailed) != 2 {
		t.Errorf("mailed to %v", w.mailed)
	}
}

func TestOnlyTheTownHallItselfComesIn(t *testing.T) {
	w := open(t)
	mine := w.townHall(balme)
	id := mine.post("/comune/testimonianze", form()).made()
	address := "/comune/testimonianze/" + itoa(id)
	type ask struct{ method, path string }
	asks := []ask{
		{"GET", address},
		{"GET", address + "/stato"},
		{"GET", address + "/poster"},
		{"GET", address + "/video"},
		{"POST", address},
		{"POST", address + "/invia"},
		{"POST", address + "/annulla-invio"},
		{"POST", address + "/ritira"},
	}
	every := append([]ask{{"GET", "/comune"}, {"GET", "/comune/testimonianze/nuova"}, {"POST", "/comune/testimonianze"}}, asks...)
	try := func(b person, asks []ask, status int, says string) {
		t.Helper()
		for _, q := range asks {
			t.Run(q.method+" "+q.path, func(t *testing.T) {
				b.send(q.method, q.path, strings.NewReader("title=Rubato"), "application/x-www-form-urlencoded").want(status).says(says)
			})
		}
	}
	try(w.stranger(), every, http.StatusUnauthorized, "Per continuare devi entrare di nuovo")
	try(w.staff(), every, http.StatusForbidden, "Questa pagina è per i Comuni")
	try(w.townHall(ivrea), asks, http.StatusNotFound, "Questa testimonianza non c’è")
	if got := w.said(id); got.Title != form().Get("title") || got.State != "draft" {
		t.Errorf("somebody else changed it: %q, %s", got.Title, got.State)
	}
}

func TestFormsPostedFromAnotherSite(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := b.post("/comune/testimonianze", form()).made()
	address := "/comune/testimonianze/" + itoa(id)
	for name, header := range map[string][]string{
		"new browsers": {"Sec-Fetch-Site", "cross-site"},
		"old browsers": {"Origin", "https://altrove.example"},
	} {
		for _, path := range []string{w.link(balme), "/esci", "/comune/testimonianze", address, address + "/invia", address + "/annulla-invio", address + "/ritira", "/caricamenti/"} {
			t.Run(name+" "+path, func(t *testing.T) {
				b.post(path, url.Values{"title": {"Rubato"}}, header...).want(http.StatusForbidden).says("La richiesta arriva da un altro sito")
			})
		}
	}
	if got := w.said(id); got.Title != form().Get("title") || got.State != "draft" {
		t.Errorf("another site changed it: %q, %s", got.Title, got.State)
	}
	b.get("/comune").want(http.StatusOK).silent("Rubato")
}
