package studio_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/mail"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

// letter is the newest message, which went to an address.
func (w *world) letter(to string) mail.Message {
	w.t.Helper()
	newest, err := w.outbox.Recent(w.t.Context(), 1)
	if err != nil || len(newest) != 1 || newest[0].Recipient != to {
		w.t.Fatalf("the newest message is %+v, %v", newest, err)
	}
	if !strings.Contains(newest[0].HTML, `href="`+w.base) {
		w.t.Errorf("its HTML leads nowhere: %s", newest[0].HTML)
	}
	return newest[0]
}

// leads is the address, without the portal's, that a text leads to under a path.
func (w *world) leads(text, path string) string {
	w.t.Helper()
	found := regexp.MustCompile(regexp.QuoteMeta(w.base+path) + `\S+`).FindString(text)
	if found == "" {
		w.t.Fatalf("it leads nowhere under %s: %s", path, text)
	}
	return strings.TrimPrefix(found, w.base)
}

func person1(changes ...string) url.Values {
	f := url.Values{"name": {"Bruno Ufficio"}, "office": {"Ufficio stampa"}, "email": {"stampa@comune.example"}, "expires_on": {"2027-12-31"}, "come": {"mostra"}}
	for i := 0; i+1 < len(changes); i += 2 {
		f.Set(changes[i], changes[i+1])
	}
	return f
}

// given is the link that a page shows once.
func (a answer) given() string {
	a.t.Helper()
	a.want(http.StatusOK)
	if got := a.header.Get("Content-Encoding"); got != "" {
		a.t.Errorf("a page with a secret is compressed: %s", got)
	}
	a.one("svg", "class", "qr")
	return attr(a.one("input", "id", "personal-link"), "value")
}

// invited makes a link for a person and lets them in by it.
func (w *world) invited(b person, f url.Values) person {
	w.t.Helper()
	address := strings.TrimPrefix(b.post("/comune/persone", f).given(), w.base)
	in := w.stranger()
	in.get(address).want(http.StatusOK).says("Bruno Ufficio, Balme")
	in.post(address, nil).want(http.StatusSeeOther)
	return in
}

func TestATownHallHasPeople(t *testing.T) {
	w := open(t)
	hall := w.townHall(balme)
	hall.get("/comune").says("Chi può entrare")
	hall.get("/comune/persone").want(http.StatusOK).says("Il collegamento del Comune", "sei tu", "Usato")

	// Wrong, it is said at the fields and nothing is lost.
	a := hall.post("/comune/persone", person1("name", "", "email", "stampa")).want(http.StatusUnprocessableEntity)
	if a.wrong("name") == "" || a.wrong("email") == "" {
		t.Errorf("wrong: %q, %q", a.wrong("name"), a.wrong("email"))
	}
	if got := a.valuesIn("person-form"); got.Get("office") != "Ufficio stampa" || got.Get("email") != "stampa" || got.Get("expires_on") != "2027-12-31" {
		t.Errorf("left of what was typed: %v", got)
	}
	bruno := w.invited(hall, person1())
	// Shown once.
	if got := hall.get("/comune/persone").says("Bruno Ufficio", "Ufficio stampa · stampa@comune.example", "31 dicembre 2027"); len(got.find("input", "id", "personal-link")) != 0 {
		t.Error("the link is shown again")
	}
	// Pressed twice.
	if got := hall.post("/comune/persone", person1()).want(http.StatusUnprocessableEntity).wrong("name"); !strings.Contains(got, "c’è già") {
		t.Errorf("made twice: %q", got)
	}

	// What Bruno does carries his name.
	id := bruno.post("/comune/testimonianze", form()).made()
	trail, err := w.testimonies.Trail(t.Context(), id)
	if err != nil || account.NameIn(trail[0].Actor) != "Bruno Ufficio" {
		t.Errorf("the trail says %+v, %v", trail, err)
	}
	if got := account.NameIn(w.said(id).Releases[0].AcceptedBy); got != "Bruno Ufficio" {
		t.Errorf("the consent is of %q", got)
	}

	// He replaces his own and stays in; the old one and others who had it are out.
	address := attr(hall.get("/comune/persone").one("a", "class", "btn btn-outline-primary"), "href")
	other := w.stranger()
	bruno.get(address).want(http.StatusOK).says("È il tuo")
	fresh := bruno.post(address+"/sostituisci", url.Values{"come": {"mostra"}}).says("Quello di prima non funziona più").given()
	bruno.get("/comune").want(http.StatusOK)
	other.post(strings.TrimPrefix(fresh, w.base), nil).want(http.StatusSeeOther)
	hall.get(address).want(http.StatusNotFound).says("tolto o sostituito")

	// Changed, mailed, revoked.
	address = attr(hall.get("/comune/persone").one("a", "class", "btn btn-outline-primary"), "href")
	a = hall.post(address, person1("expires_on", "ieri")).want(http.StatusUnprocessableEntity)
	if a.wrong("expires_on") == "" || a.valuesIn("person-form").Get("expires_on") != "ieri" {
		t.Error("a day that is none is not said, or lost")
	}
	hall.post(address, person1("email", "nuova@comune.example")).want(http.StatusSeeOther)
	hall.post(address+"/sostituisci", url.Values{"come": {"manda"}}).want(http.StatusSeeOther)
	letter := w.letter("nuova@comune.example")
	if !strings.Contains(letter.Text, "31/12/2027") || !strings.Contains(letter.Text, "Balme") {
		t.Errorf("the message says %s", letter.Text)
	}
	bruno.get("/comune").want(http.StatusUnauthorized)
	again := w.stranger()
	door := w.leads(letter.Text, "/entra/")
	again.post(door, nil).want(http.StatusSeeOther)
	address = attr(hall.get("/comune/persone").one("a", "class", "btn btn-outline-primary"), "href")
	hall.post(address+"/revoca", nil).want(http.StatusSeeOther)
	again.get("/comune").want(http.StatusUnauthorized)
	w.stranger().post(door, nil).want(http.StatusGone).says("Il collegamento di Bruno Ufficio è stato tolto o sostituito", "chiedine uno")
}

func TestAPersonTakesTheirOwnLinkAway(t *testing.T) {
	w := open(t)
	bruno := w.invited(w.townHall(balme), person1())
	address := attr(bruno.get("/comune/persone").one("a", "class", "btn btn-outline-primary"), "href")
	bruno.post(address+"/revoca", nil).want(http.StatusSeeOther)
	bruno.get("/comune").want(http.StatusUnauthorized)
}

func TestThePeopleOfATownHallAreItsOwn(t *testing.T) {
	w := open(t)
	balmes, ivreas := w.townHall(balme), w.townHall(ivrea)
	w.invited(balmes, person1())
	address := attr(balmes.get("/comune/persone").one("a", "class", "btn btn-outline-primary"), "href")
	own, err := w.accounts.People(t.Context(), balme)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		b       person
		address string
		status  int
	}{
		"of another town hall":  {ivreas, address, http.StatusNotFound},
		"the town hall's own":   {balmes, "/comune/persone/" + itoa(own[0].ID), http.StatusForbidden},
		"nobody's":              {balmes, "/comune/persone/999", http.StatusNotFound},
		"no number":             {balmes, "/comune/persone/bruno", http.StatusNotFound},
		"asked for by a person": {w.stranger(), address, http.StatusUnauthorized},
		"asked for by staff":    {w.staff(), address, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			c.b.get(c.address).want(c.status)
			c.b.post(c.address, person1()).want(c.status)
			c.b.post(c.address+"/sostituisci", nil).want(c.status)
			c.b.post(c.address+"/revoca", nil).want(c.status)
		})
	}
	ivreas.get("/comune/persone").silent("Bruno")
	balmes.get("/comune/persone").says("Bruno Ufficio")
}

func TestAnExpiredLinkSaysWhatHelps(t *testing.T) {
	w := open(t)
	hall := w.townHall(balme)
	link := strings.TrimPrefix(hall.post("/comune/persone", person1("expires_on", "2026-11-25")).given(), w.base)
	in := w.stranger()
	in.post(link, nil).want(http.StatusSeeOther)
	w.later(36 * time.Hour)
	in.get("/comune").want(http.StatusUnauthorized)
	in.get(link).want(http.StatusGone).says("Il collegamento di Bruno Ufficio è scaduto", "farlo durare di più")
	hall.get("/comune/persone").says("scaduto")
	address := attr(hall.get("/comune/persone").one("a", "class", "btn btn-outline-primary"), "href")
	hall.get(address).says("Il collegamento è scaduto", "Scegli un giorno più avanti")
	hall.post(address+"/sostituisci", nil).want(http.StatusConflict)
	hall.post(address, person1("expires_on", "")).want(http.StatusSeeOther)
	in.post(link, nil).want(http.StatusSeeOther)
	in.get("/comune").want(http.StatusOK)
}

// TestALinkReplacedWhileAVideoIsOnItsWay: what arrived is safe, and who comes in
// again goes on from there.
func TestALinkReplacedWhileAVideoIsOnItsWay(t *testing.T) {
	w := open(t)
	hall := w.townHall(balme)
	bruno := w.invited(hall, person1())
	whole := film(t, videotest.Spec{})
	half := len(whole) / 2
	id := bruno.post("/comune/testimonianze", form()).made()
	upload := bruno.begin("", id, "spesa.mp4", len(whole))
	bruno.tus(http.MethodPatch, upload, whole[:half], "Upload-Offset", "0").want(http.StatusNoContent)
	address := attr(hall.get("/comune/persone").one("a", "class", "btn btn-outline-primary"), "href")
	fresh := strings.TrimPrefix(hall.post(address+"/sostituisci", url.Values{"come": {"mostra"}}).given(), w.base)
	bruno.tus(http.MethodPatch, upload, whole[half:], "Upload-Offset", itoa(int64(half))).want(http.StatusUnauthorized).says("apri il tuo collegamento personale")
	bruno.post(fresh, nil).want(http.StatusSeeOther)
	if got := bruno.tus(http.MethodHead, upload, nil).want(http.StatusOK).header.Get("Upload-Offset"); got != itoa(int64(half)) {
		t.Fatalf("%s bytes are there, want %d", got, half)
	}
	bruno.tus(http.MethodPatch, upload, whole[half:], "Upload-Offset", itoa(int64(half))).want(http.StatusNoContent)
	w.look()
	if v := w.said(id).Video; v == nil || v.Bytes != int64(len(whole)) || v.State != "ready" {
		t.Errorf("received: %+v", v)
	}
}

// TestWhoActedIsSaidByName in the register of who is filmed and in the proof of a
// withdrawal; the town hall's own link is nobody's.
func TestWhoActedIsSaidByName(t *testing.T) {
	w := open(t)
	hall := w.townHall(balme)
	bruno := w.invited(hall, person1())
	said := w.published("La spesa sale")
	at := "/comune/testimonianze/" + itoa(said.ID)
	bruno.post(people(said.ID), filmedForm()).want(http.StatusSeeOther)
	hall.post(people(said.ID), filmedForm("name", "Carla Neri")).want(http.StatusSeeOther)
	bruno.get(people(said.ID)).says("oggi alle 12:03, da Bruno Ufficio, per il Comune.", "oggi alle 12:03, dal Comune, con il collegamento personale n.")
	bruno.get("/en" + people(said.ID)).says("by Bruno Ufficio, for the municipality.")
	bruno.get("/fr" + people(said.ID)).says("par Bruno Ufficio, pour la commune.")

	bruno.post(at+"/ritira", url.Values{"reason": {"Era sbagliata"}}).want(http.StatusSeeOther)
	hall.get(at+"/prova").says("alle 12:03, da Bruno Ufficio, per il Comune", "Ritirata, da Bruno Ufficio, per il Comune", "Approvata, dalla redazione", "Pubblicata, dal portale")
}

// TestAPersonIsWrittenToInTheirLanguage: whoever chose one gets their next link in
// it, whoever sends it.
func TestAPersonIsWrittenToInTheirLanguage(t *testing.T) {
	w := open(t)
	hall := w.townHall(balme)
	hall.post("/en/comune/persone", person1("come", "manda")).want(http.StatusSeeOther)
	letter := w.letter("stampa@comune.example")
	if !strings.Contains(letter.Text, "Buongiorno Bruno Ufficio") {
		t.Errorf("nobody chose a language yet, and the message says %s", letter.Text)
	}
	bruno := w.stranger()
	bruno.post(w.leads(letter.Text, "/entra/"), nil).want(http.StatusSeeOther)
	bruno.post("/comune/avvisi", url.Values{"email": {"stampa@comune.example"}, "notices": {"all"}, "language": {"fr"}}).want(http.StatusSeeOther)
	address := attr(hall.get("/comune/persone").one("a", "class", "btn btn-outline-primary"), "href")
	hall.post(address+"/sostituisci", url.Values{"come": {"manda"}}).want(http.StatusSeeOther)
	letter = w.letter("stampa@comune.example")
	if !strings.HasPrefix(letter.Text, "Bonjour Bruno Ufficio") || !strings.Contains(letter.HTML, `lang="fr"`) || !strings.Contains(letter.HTML, ">Entrer<") {
		t.Errorf("the message is %q: %s", letter.Subject, letter.HTML)
	}
	w.stranger().get(w.leads(letter.Text, "/fr/entra/")).want(http.StatusOK)
}
