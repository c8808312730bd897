package journey

import (
	"net/http"
	"testing"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/journey/portal"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

// TestWithoutJavaScript takes a testimony to the citizens with forms and links
// alone: the file goes with the form.
func TestWithoutJavaScript(t *testing.T) {
	p := portal.Start(t)
	chromium := browser.Start(t)
	file := film(t, videotest.Spec{Name: "senza", Seconds: seconds})
	plain := func() *browser.Tab {
		tab := chromium.Person(t, p.Base, browser.Phone).Tab()
		tab.WithoutScripts()
		return tab
	}

	hall := plain()
	enter(hall, p.Command("link", "--municipality", ribordone), "/comune")
	hall.Press("link", "Invia una testimonianza")
	hall.At("/comune/testimonianze/nuova")
	hall.Write("Titolo", "Il sentiero <pulito>")
	hall.Write("Descrizione", "Un sabato, con le pale.")
	hall.Write("Nome e cognome", "Pietro Bianchi")
	hall.Write("Ruolo", "Sindaco")
	hall.Tick("Volontariato")
	hall.Tick("Chi si vede e chi si sente è d’accordo.")
	hall.Tick("La Città metropolitana può pubblicare il video.")
	hall.Tick("No, solo chi parla")
	hall.Tick("Il video rispetta le regole di YouTube")
	hall.ChooseFile("File del video", file)
	hall.Forgive("status of 422") // the title
	hall.Press("button", "Invia per la revisione")
	hall.At("/comune/testimonianze")
	hall.Sees("Nel titolo non si possono usare i segni < e >")
	hall.Check()
	if title, said := hall.Value("Titolo"), hall.Value("Descrizione"); title != "Il sentiero <pulito>" || said != "Un sabato, con le pale." || !hall.Ticked("Volontariato") {
		t.Errorf("left of what was typed: %q, %q", title, said)
	}
	hall.Write("Titolo", "Il sentiero pulito")
	hall.Press("button", "Invia per la revisione")
	hall.At("/comune/testimonianze/1")
	hall.OpenUntil("/comune", "Ora tocca alla redazione") // it may still be looked at
	hall.Check()

	desk := plain()
	enter(desk, p.SignIn, "/redazione")
	desk.Press("link", "Rivedi")
	desk.Press("link", "Ribordone: Il sentiero pulito")
	desk.At("/redazione/revisione/1")
	desk.Sees(digest(t, file))
	desk.Check()
	desk.Press("button", "Approva")
	desk.Sees("Approvata: parte per il canale appena c’è posto.")
	desk.Open("/redazione/comuni/" + ribordone)
	desk.Press("button", "Mostra il collegamento")
	desk.Sees("Collegamento personale di Ribordone")
	desk.Check()

	citizen := plain()
	citizen.OpenUntil("/", "Il sentiero pulito")
	citizen.Check()
	citizen.Press("link", "Ribordone: Il sentiero pulito")
	citizen.At("/testimonianze/1-*")
	citizen.Sees("Pietro Bianchi", "Un sabato, con le pale.")
	citizen.Check()
	citizen.Open("/comuni")
	citizen.Write("Cerca il tuo Comune", "ribor")
	citizen.Press("button", "Cerca")
	citizen.At("/comuni/ribordone")
	citizen.Sees("Il sentiero pulito")
	for _, path := range []string{"/testimonianze?tema=volontariato", "/numeri", "/accessibilita", "/privacy", "/note-legali", "/fr/numeri"} {
		if status := citizen.Open(path); status != http.StatusOK {
			t.Errorf("%s answers %d", path, status)
		}
		citizen.Check()
	}
}
