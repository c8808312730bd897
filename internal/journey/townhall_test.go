package journey

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/voci-in-comune/voci/internal/journey/browser"
)

// townHallEnters: the personal link leads to the town hall's own page.
func (s *story) townHallEnters() {
	s.t.Helper()
	s.hall = s.townHall.Tab()
	enter(s.hall, s.link, "/comune")
	s.hall.Sees("Balme", "95 abitanti", "Qui vedrai le tue testimonianze")
	s.hall.Check()
	s.hall.Press("link", "Invia una testimonianza")
	s.hall.At("/comune/testimonianze/nuova")
	s.hall.Check()
}

// townHallIsPutRight: what is wrong is said at its field, nothing is lost, and
// the keyboard leads there.
func (s *story) townHallIsPutRight() {
	s.t.Helper()
	s.hall.Forgive("status of 422") // asking for review too soon
	s.hall.Write("Titolo", "La spesa <sale>")
	s.hall.Write("Descrizione", s.description)
	s.hall.Pick("Lingua in cui si parla", "Francoprovenzale")
	s.hall.Write("Nome e cognome", "Anna Rossi")
	s.hall.Write("Ruolo", "Sindaca")
	s.hall.Date("Giorno della registrazione", "2026-11-20")
	s.hall.Write("Parole chiave", "montagna, borgate alte")
	s.hall.Press("button", "Invia per la revisione")
	s.hall.Sees("Nel titolo non si possono usare i segni < e >", "Scegli almeno un tema.", "Per pubblicare servono tutte le autorizzazioni.")
	s.hall.Until(`document.activeElement.id === "errors"`)
	s.hall.Check()
	for label, want := range map[string]string{
		"Titolo": "La spesa <sale>", "Descrizione": s.description, "Lingua in cui si parla": "frp", "Nome e cognome": "Anna Rossi",
		"Ruolo": "Sindaca", "Giorno della registrazione": "2026-11-20", "Parole chiave": "montagna, borgate alte",
	} {
		if got := s.hall.Value(label); got != want {
			s.t.Errorf("%s: %q is left of %q", label, got, want)
		}
	}
	if got := browser.Eval[string](s.hall, `document.getElementById("f-title-error").innerText`); got == "" {
		s.t.Error("nothing is said at the title")
	}

	s.hall.Keys("\t") // to the first thing that is wrong
	s.hall.Enter()    // and there
	s.hall.Until(`document.activeElement.id === "f-title"`)
	s.hall.Write("Titolo", s.title)
	s.hall.Tick("Solidarietà")
	s.hall.Tick("Volontariato")
	s.hall.Tick("Chi si vede e chi si sente è d’accordo.")
	s.hall.Tick("La Città metropolitana può pubblicare il video.")
	s.hall.Tick("No, solo chi parla")
	s.hall.Tick("Il video rispetta le regole di YouTube")
	s.hall.Sees("Bozza salvata alle")
}

// townHallAsksForReview presses the button that ends the form. The answer says
// whose turn it is.
func (s *story) townHallAsksForReview(answer string) {
	s.t.Helper()
	s.hall.Press("button", "Invia per la revisione")
	s.hall.Sees(answer)
	s.hall.Check()
}

// What the portal answers to who asks for review.
const (
	asked      = "Inviata. Ora la redazione la guarda"
	askedEarly = "La revisione parte da sola, appena il video è arrivato e controllato."
)

// slowly is how many bytes a second a slow line lets through.
const slowly = 4 << 20

// drawn is how much of the video the page says is there, in thousandths.
const drawn = `document.getElementById("sending-progress").value`

// videoSetsOut: the video is chosen, and one sees how it is getting on.
func (s *story) videoSetsOut() {
	s.t.Helper()
	s.line.lay(slowly)
	s.hall.ChooseFile("File del video", s.film)
	s.hall.Sees("Sto inviando il video")
	s.hall.UntilNumber(drawn, func(n float64) bool { return n > 0 })
	s.hall.Check()
}

// videoSurvives: the line is cut and comes back, the tab is closed; the video
// goes on from where it was, and nobody is asked for anything twice. At the end
// the page says so.
func (s *story) videoSurvives(end string) {
	s.t.Helper()
	s.untilArrived(weight / 4)
	s.hall.Forgive("net::ERR_") // the line is cut
	s.hall.Offline(true)
	s.line.cut()
	s.hall.Sees("La linea non c’è. Quello che è arrivato è salvo")
	s.hall.Check()
	before := s.arrived()
	s.line.lay(slowly)
	s.hall.Offline(false)
	s.hall.Sees("Sto inviando il video", "al secondo")
	s.untilArrived(max(before, weight/2))
	s.hall.Close()
	if n := len(s.hall.Requests("POST", "/caricamenti/")); n != 1 {
		s.t.Errorf("the upload was begun %d times", n)
	}
	s.line.lay(0)

	s.hall = s.townHall.Tab()
	s.hall.Open("/comune")
	s.hall.Sees("Il video non è ancora arrivato tutto")
	s.hall.Check()
	s.hall.Press("link", "Continua l’invio")
	s.hall.At("/comune/testimonianze/1")
	s.hall.Sees("Scegli di nuovo lo stesso file", s.filename())
	s.hall.Check()
	s.hall.ChooseFile("File del video", s.film)
	s.hall.Sees(end)
	s.hall.Check()
	if n := len(s.hall.Requests("POST", "/caricamenti/")); n != 0 {
		s.t.Errorf("the upload was begun again %d times", n)
	}
	for _, r := range s.hall.Requests("PATCH", "/caricamenti/") {
		if n, err := strconv.Atoi(r.Header("Upload-Offset")); err != nil || n < weight/2 {
			s.t.Errorf("the upload went on from %q", r.Header("Upload-Offset"))
		}
	}
}

// arrived is how many bytes of the video the portal has.
func (s *story) arrived() int64 {
	s.t.Helper()
	files, err := os.ReadDir(filepath.Join(s.portal.Data, "uploads"))
	if err != nil {
		s.t.Fatal(err)
	}
	var most int64
	for _, f := range files {
		if info, err := f.Info(); err == nil {
			most = max(most, info.Size())
		}
	}
	return most
}

func (s *story) untilArrived(bytes int64) {
	s.t.Helper()
	s.portal.Until("enough of the video has arrived", func() bool { return s.arrived() > bytes })
}

// townHallMends: the town hall reads why, changes it, and asks again.
func (s *story) townHallMends() {
	s.t.Helper()
	s.hall.OpenUntil("/comune", s.reason)
	s.hall.Check()
	s.hall.Press("link", "Correggi e invia di nuovo")
	s.hall.At("/comune/testimonianze/1")
	s.hall.Sees(s.reason)
	s.hall.Check()
	s.hall.Write("Descrizione", s.description+" Telefono 0123 456789.")
	s.townHallAsksForReview(asked)
}
