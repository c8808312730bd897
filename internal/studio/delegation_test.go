package studio_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

// everywhere looks at a page in all windows.
func everywhere(tab *browser.Tab, size browser.Size, name string) {
	for _, window := range []browser.Size{browser.Small, browser.Phone, browser.Laptop} {
		tab.Resize(window)
		tab.Check()
		picture(tab, name)
	}
	tab.Resize(size)
}

// reach presses the tabulator until the element that a selector names has the
// focus.
func reach(t *testing.T, tab *browser.Tab, selector string) {
	t.Helper()
	for range 60 {
		if browser.Eval[bool](tab, `document.activeElement?.matches(`+strconv.Quote(selector)+`) ?? false`) {
			return
		}
		tab.Keys("\t")
	}
	t.Fatalf("the keyboard does not reach %s", selector)
}

// TestTheOfficePreparesAndTheMayorApproves: the press office at its computer, the
// mayor on a telephone, by keyboard only and without scripts.
func TestTheOfficePreparesAndTheMayorApproves(t *testing.T) {
	w, b := inBrowser(t)
	const long = "Bruno Maria dell’Ufficio Stampa e della Comunicazione Istituzionale" // fits all the same
	hall := w.enter(t, b, browser.Laptop)
	hall.Press("link", "Chi può entrare: le persone e i loro collegamenti")
	hall.At("/comune/persone")
	everywhere(hall, browser.Laptop, "people-empty")
	hall.Write("Nome e cognome", long)
	hall.Write("Di che cosa si occupa", "Ufficio stampa")
	hall.Press("button", "Crea e mostra il collegamento")
	hall.Sees("Lo vedi solo adesso")
	everywhere(hall, browser.Laptop, "people-given")
	link := hall.Value("Collegamento personale di " + long)

	office := b.Person(t, w.base, browser.Laptop).Tab()
	office.Open(link)
	office.Sees(long + ", Balme")
	office.Press("button", "Entra")
	office.At("/comune")
	office.Open("/comune/persone")
	office.Press("link", "Modifica")
	everywhere(office, browser.Laptop, "person")
	office.Open("/comune/testimonianze/nuova")
	office.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
	write(office)
	office.ChooseFile("File del video", file(t, "spesa.mp4", film(t, videotest.Spec{})))
	office.Sees("Il video è arrivato e funziona")
	office.Press("button", "Chiedi l’approvazione di chi parla")
	office.At("/comune/testimonianze/1/approvazione")
	everywhere(office, browser.Laptop, "approval")
	office.Write("La sua posta elettronica", "sindaca@comune.example")
	office.Press("button", "Manda la richiesta")
	office.At("/comune/testimonianze/1")
	office.Sees("Richiesta partita", "Aspettiamo l’approvazione di Anna Bò")
	everywhere(office, browser.Laptop, "form-asked")
	office.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
	office.Press("button", "Invia per la revisione")
	office.Sees("La revisione parte da sola appena chi parla approva")
	if got := w.said(1); got.State != testimony.Draft || !got.AwaitsApproval() {
		t.Fatalf("it is %s", got.State)
	}

	mayor := b.Person(t, w.base, browser.Phone).Tab()
	mayor.WithoutScripts()
	mayor.Open(w.leads(w.letter("sindaca@comune.example").Text, "/approva/"))
	everywhere(mayor, browser.Phone, "approve")
	reach(t, mayor, "summary")
	mayor.Enter()
	reach(t, mayor, "textarea")
	mayor.Keys("Manca il numero di telefono.")
	reach(t, mayor, "#refuse-now")
	mayor.Enter()
	mayor.Sees("Hai scritto che cosa non va", "Manca il numero di telefono.")
	everywhere(mayor, browser.Phone, "approve-refused")

	office.Open("/comune")
	office.Sees("Anna Bò chiede una correzione", "Manca il numero di telefono.")
	everywhere(office, browser.Laptop, "home-refused")
	office.Press("link", "Correggi")
	office.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
	office.Write("Descrizione", "I volontari portano la spesa. Telefono 0123 456789.")
	office.Press("button", "Chiedi l’approvazione di chi parla") // saves first
	office.At("/comune/testimonianze/1/approvazione")
	office.Sees("La testimonianza è cambiata dopo la richiesta")
	office.Press("button", "Manda una richiesta nuova")
	office.At("/comune/testimonianze/1")

	mayor.Open(w.leads(w.letter("sindaca@comune.example").Text, "/approva/"))
	mayor.Sees("Telefono 0123 456789.")
	reach(t, mayor, "#approve")
	mayor.Enter()
	mayor.Sees("Hai approvato. Grazie!", "La testimonianza è già alla redazione")
	everywhere(mayor, browser.Phone, "approve-given")
	office.Open("/comune/testimonianze/1")
	office.Sees("Approvata da Anna Bò", "Richiesta da "+long, "Ora tocca alla redazione")
	everywhere(office, browser.Laptop, "view-approved")
}

// TestAnotherDeviceFinishesInItsBrowser: a telephone on a slow line hands its upload
// to the office's computer; both see it arrive.
func TestAnotherDeviceFinishesInItsBrowser(t *testing.T) {
	w, b := inBrowser(t)
	content := longFilm(t)
	phone := w.enter(t, b, browser.Phone)
	phone.Open("/comune/testimonianze/nuova")
	phone.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
	write(phone)
	w.line.lets(slow / 2)
	phone.ChooseFile("File del video", file(t, "spesa.mp4", content))
	phone.UntilNumber(sent, more(100))
	phone.Forgive("net::ERR_") // the upload is left behind
	phone.Press("button", "Continua su un altro dispositivo")
	phone.At("/comune/testimonianze/1/dispositivo")
	phone.Press("button", "Crea il codice")
	phone.Sees("e scrivi questo codice")
	phone.Sees("Il video sta arrivando.")
	everywhere(phone, browser.Phone, "device")
	code := browser.Eval[string](phone, `document.getElementById("code").innerText`)

	office := b.Person(t, w.base, browser.Laptop).Tab()
	office.Open("/entra")
	office.Press("link", "Hai un codice per continuare da qui?")
	office.At("/continua")
	everywhere(office, browser.Laptop, "code")
	office.Forgive("status of 404")
	office.Write("Codice", "ACDE-FGHJ")
	office.Press("button", "Continua")
	office.Sees("Questo codice non esiste")
	office.Check()
	picture(office, "code-wrong")
	office.Open("/continua/" + strings.ReplaceAll(code, "-", ""))
	everywhere(office, browser.Laptop, "codedoor")
	office.Press("button", "Continua")
	office.At("/comune/testimonianze/1")
	office.Sees("Sei entrato con un codice", "Scegli di nuovo lo stesso file")
	everywhere(office, browser.Laptop, "form-guest")
	office.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
	if got := office.Value("Titolo"); got != form().Get("title") {
		t.Errorf("the title is %q", got)
	}
	w.line.lets(0)
	office.ChooseFile("File del video", file(t, "spesa.mp4", content))
	office.Sees("Il video è arrivato e funziona")
	if n := len(office.Requests("POST", "/caricamenti/")); n != 0 {
		t.Errorf("the upload was begun again %d times", n)
	}
	for _, r := range office.Requests("PATCH", "/caricamenti/") {
		if n, err := strconv.Atoi(r.Header("Upload-Offset")); err != nil || n < len(content)/20 {
			t.Errorf("the upload went on from %q", r.Header("Upload-Offset"))
		}
	}
	phone.Sees("Il video è arrivato e funziona.") // by itself
	w.sentWhole(1, content)
	phone.Press("link", "Torna alla testimonianza")
	phone.At("/comune/testimonianze/1")
	phone.Sees("Un altro dispositivo è entrato")
	everywhere(phone, browser.Phone, "form-handed-over")
	office.Forgive("status of 403")
	if got := office.Open("/comune"); got != 403 {
		t.Errorf("the town hall's page answers %d", got)
	}
	office.Sees("vale per una sola testimonianza")
	office.Check()
	picture(office, "only-one")
}
