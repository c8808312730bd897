package studio_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

func asked(changes ...string) url.Values {
	f := url.Values{"name": {"Anna Bò"}, "email": {"sindaca@comune.example"}}
	for i := 0; i+1 < len(changes); i += 2 {
		f.Set(changes[i], changes[i+1])
	}
	return f
}

func says(what, objection string) url.Values {
	return url.Values{"answer": {what}, "objection": {objection}}
}

// finished is a draft of Bruno's whose video was looked at.
func (w *world) finished(bruno person) (id int64, address string) {
	w.t.Helper()
	id = bruno.postFile("/comune/testimonianze", form(), "spesa.mp4", bytes.NewReader(film(w.t, videotest.Spec{}))).made()
	w.look()
	return id, "/comune/testimonianze/" + itoa(id)
}

// request asks for the approval and returns the address in the message.
func (w *world) request(bruno person, address string) string {
	w.t.Helper()
	bruno.post(address+"/approvazione", asked()).want(http.StatusSeeOther)
	return w.leads(w.letter("sindaca@comune.example").Text, "/approva/")
}

// TestTheMayorApproves without an account and without scripts.
func TestTheMayorApproves(t *testing.T) {
	w := open(t)
	bruno := w.invited(w.townHall(balme), person1())
	id, address := w.finished(bruno)
	if got := bruno.post(address+"?poi=approvazione", form()).want(http.StatusSeeOther).header.Get("Location"); got != address+"/approvazione" {
		t.Fatalf("saved, it leads to %s", got)
	}
	a := bruno.get(address + "/approvazione").want(http.StatusOK)
	if got := a.valuesIn("approval-form").Get("name"); got != "Anna Bò" {
		t.Errorf("whoever speaks is suggested as %q", got)
	}
	a = bruno.post(address+"/approvazione", asked("name", "", "email", "sindaca")).want(http.StatusUnprocessableEntity)
	if a.wrong("name") == "" || a.wrong("email") == "" || a.valuesIn("approval-form").Get("email") != "sindaca" {
		t.Error("what is wrong is not said, or lost")
	}
	link := w.request(bruno, address)
	letter := w.letter("sindaca@comune.example")
	if !strings.Contains(letter.Text, "Bruno Ufficio, per il Comune di Balme") || !strings.Contains(letter.Text, "30 giorni") {
		t.Errorf("the message says %s", letter.Text)
	}
	bruno.get("/comune").says("Aspettiamo l’approvazione di Anna Bò", "Approvazione di Anna Bò", "Richiesta da Bruno Ufficio")
	bruno.post(address+"/invia", nil).want(http.StatusSeeOther)
	bruno.get(address).says("Hai già chiesto la revisione: parte da sola appena Anna Bò approva")

	mayor := w.stranger()
	for range 3 { // programs that follow links in mail
		a = mayor.get(link).want(http.StatusOK).says("La spesa sale fino all’ultima borgata", "I volontari portano la spesa", "te lo chiede Bruno Ufficio", "Chi parla nel video è d'accordo")
	}
	if got := a.header.Get("Content-Encoding") + a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("the page comes %q", got)
	}
	for path, kind := range map[string]string{"/poster": "image/jpeg", "/video": "video/mp4"} {
		if got := mayor.get(link + path).want(http.StatusOK).header.Get("Content-Type"); got != kind {
			t.Errorf("%s is %s", path, got)
		}
	}
	w.later(time.Hour)
	for range 2 { // pressed twice
		if got := mayor.post(link, says("approve", "")).want(http.StatusSeeOther).header.Get("Location"); got != link {
			t.Errorf("approved, it leads to %s", got)
		}
	}
	mayor.get(link).says("Hai approvato. Grazie!", "La testimonianza è già alla redazione").silent("Approvo", "Qualcosa non va")
	if got := w.said(id); got.State != testimony.InReview {
		t.Fatalf("it is %s", got.State)
	}
	mayor.post(link, says("refuse", "Il titolo")).want(http.StatusConflict).says("chiama l’ufficio")
	bruno.get(address).says("Approvata da Anna Bò", "oggi alle 13:00", "Richiesta da Bruno Ufficio oggi alle 12:00")
	bruno.post(address+"/approvazione", asked()).want(http.StatusConflict).says("già dalla redazione")
	bruno.get(address + "/approvazione").want(http.StatusOK).says("Anna Bò ha approvato").silent("Manda")
}

func TestTheMayorSaysWhatIsWrong(t *testing.T) {
	w := open(t)
	bruno := w.invited(w.townHall(balme), person1())
	_, address := w.finished(bruno)
	link := w.request(bruno, address)
	mayor := w.stranger()
	if got := mayor.post(link, says("refuse", " ")).want(http.StatusUnprocessableEntity).wrong("objection"); got != "Scrivi che cosa non va." {
		t.Errorf("without words: %q", got)
	}
	mayor.post(link, url.Values{}).want(http.StatusUnprocessableEntity)
	long := strings.Repeat("parole ", 2000)
	if got := mayor.post(link, says("refuse", long)).want(http.StatusUnprocessableEntity); got.valuesIn("refuse-form").Get("objection") != long {
		t.Error("what was typed is lost")
	}
	mayor.post(link, says("refuse", "Manca il numero <di> telefono.")).want(http.StatusSeeOther)
	mayor.get(link).says("Hai scritto che cosa non va", "Manca il numero <di> telefono.", "Approvo")
	for _, path := range []string{"/comune", address} {
		bruno.get(path).says("Anna Bò chiede una correzione", "Manca il numero <di> telefono.", "Correggi la testimonianza")
	}

	// Corrected, it is asked again: the old link says so, the new one approves.
	bruno.post(address, form("description", "Telefono 0123.")).want(http.StatusSeeOther)
	mayor.get(link).want(http.StatusGone).says("è cambiata dopo che ti è stato chiesto di approvarla", "ti manda un’altra richiesta")
	mayor.get(link + "/video").want(http.StatusGone)
	mayor.post(link, says("approve", "")).want(http.StatusGone)
	bruno.get(address).says("La testimonianza è cambiata dopo la richiesta a Anna Bò", "Chiedi di nuovo")
	if got := bruno.get(address + "/approvazione").valuesIn("approval-form").Get("email"); got != "sindaca@comune.example" {
		t.Errorf("the address is not kept: %q", got)
	}
	again := w.request(bruno, address)
	mayor.get(link).want(http.StatusGone).says("c’è una richiesta più nuova")
	mayor.post(again, says("approve", "")).want(http.StatusSeeOther)
	bruno.get(address).says("Anna Bò ha approvato", "Ora puoi inviarla per la revisione")
}

func TestRequestsThatAreOver(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(w *world, bruno person, address string)
		status int
		says   string
	}{
		"withdrawn": {func(_ *world, b person, address string) { b.post(address+"/ritira", nil).want(http.StatusSeeOther) }, http.StatusGone, "è stata ritirata"},
		"taken back": {func(_ *world, b person, address string) {
			b.post(address+"/approvazione/ritira", nil).want(http.StatusSeeOther)
			b.get(address).says("Richiesta ritirata")
		}, http.StatusGone, "ha ritirato la richiesta"},
		"too old": {func(w *world, b person, address string) {
			w.later(testimony.ApprovalLife)
			b.get(address)
		}, http.StatusGone, "è scaduta"},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			bruno := w.invited(w.townHall(balme), person1("expires_on", ""))
			_, address := w.finished(bruno)
			link := w.request(bruno, address)
			c.end(w, bruno, address)
			mayor := w.stranger()
			mayor.get(link).want(c.status).says(c.says)
			mayor.post(link, says("approve", "")).want(c.status).says(c.says)
		})
	}
	w := open(t)
	w.stranger().get("/approva/AAAAAAAAAAAAAAAAAAAAAA").want(http.StatusNotFound).says("Controlla di aver aperto tutto il collegamento")
}

func TestWhatIsNotFinishedSaysWhatIsMissing(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := b.post("/comune/testimonianze", form("description", "")).made()
	address := "/comune/testimonianze/" + itoa(id)
	a := b.get(address+"/approvazione").want(http.StatusOK).says("Prima completa la testimonianza", "Manca il video")
	if len(a.find("form", "id", "approval-form")) != 0 {
		t.Error("it can be asked for all the same")
	}
	b.post(address+"/approvazione", asked()).want(http.StatusUnprocessableEntity)
	w.townHall(ivrea).get(address + "/approvazione").want(http.StatusNotFound)
	w.townHall(ivrea).post(address+"/approvazione", asked()).want(http.StatusNotFound)
	w.townHall(ivrea).post(address+"/approvazione/ritira", nil).want(http.StatusNotFound)
	if list, err := w.outbox.Recent(t.Context(), 1); err != nil || len(list) != 0 {
		t.Errorf("a message went out: %+v, %v", list, err)
	}
}

// TestWhoeverSpeaksIsWrittenToInTheirLanguage: the town hall chooses it, and the
// page's own is suggested.
func TestWhoeverSpeaksIsWrittenToInTheirLanguage(t *testing.T) {
	w := open(t)
	bruno := w.invited(w.townHall(balme), person1())
	_, address := w.finished(bruno)
	for prefix, lang := range map[string]string{"": "it", "/en": "en", "/fr": "fr"} {
		if got := bruno.get(prefix + address + "/approvazione").valuesIn("approval-form").Get("language"); got != lang {
			t.Errorf("at %q %q is suggested", prefix, got)
		}
	}
	a := bruno.post(address+"/approvazione", asked("language", "de")).want(http.StatusUnprocessableEntity)
	if !strings.HasPrefix(a.wrong("language"), "Scegli una lingua") || a.valuesIn("approval-form").Get("email") != "sindaca@comune.example" {
		t.Error("a language that is none is not said, or something is lost")
	}

	bruno.post(address+"/approvazione", asked("language", "fr")).want(http.StatusSeeOther)
	letter := w.letter("sindaca@comune.example")
	link := w.leads(letter.Text, "/fr/approva/")
	if !strings.HasPrefix(letter.Subject, "À approuver") || !strings.Contains(letter.HTML, `lang="fr"`) || !strings.Contains(letter.HTML, "Regarder et répondre") {
		t.Errorf("the message is %q: %s", letter.Subject, letter.HTML)
	}
	w.stranger().get(link).want(http.StatusOK).says("demande de Bruno Ufficio")

	// A program that does not know the field: the language that it asks in.
	bruno.post("/en"+address+"/approvazione", asked()).want(http.StatusSeeOther)
	if letter := w.letter("sindaca@comune.example"); !strings.HasPrefix(letter.Subject, "To be approved") {
		t.Errorf("the message is %q", letter.Subject)
	}
}
