package journey

import (
	"os"
	"testing"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

// weak is a line on which the film would take some six minutes, in bytes a second.
const weak = 64 << 10

// TestInTwoGoes: on a weak line the device makes a small version by itself and
// sends it first. Staff watch and approve it while the film is still on its way;
// the channel gets the film, and nothing else.
func TestInTwoGoes(t *testing.T) {
	g := &gallery{t: t, dir: os.Getenv("VOCI_SCREENSHOTS")}
	chromium := browser.Start(t)
	p, l := start(t)
	file := film(t, videotest.Spec{Name: "Piazza", Seconds: seconds, Width: 1280, Height: 720})
	hall := chromium.Person(t, l.base, browser.Phone).Tab()
	desk := chromium.Person(t, l.base, browser.Laptop).Tab()
	enter(hall, p.Command("link", "--municipality", balme), "/comune")
	enter(desk, p.SignIn, "/redazione")
	id := send(hall, "La piazza di notte", "")
	hall.Open("/comune/testimonianze/" + id)
	hall.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
	hall.Sees("Se la linea è lenta, manda prima una versione piccola", "Questo browser non dice che rete usi")
	l.lay(weak)
	hall.Forgive("net::ERR_")     // the line is laid anew once more
	hall.Forgive("status of 409") // what the old line still held came after all
	hall.ChooseFile("File del video", file)
	hall.Sees("Intanto preparo una versione piccola", "dati usati")
	hall.Check()
	g.look(hall, "line-making")
	hall.Sees("La versione piccola è arrivata: la redazione può già cominciare.", "Sto inviando il video")
	hall.Press("button", "Invia per la revisione")
	hall.Sees("Inviata alla redazione, che per ora guarda la versione piccola.")
	hall.Check()
	g.look(hall, "line-in-review")

	desk.OpenUntil("/redazione/revisione", "Versione piccola: il video intero arriva")
	desk.Check()
	g.look(desk, "line-queue")
	desk.Press("link", "Balme: La piazza di notte")
	desk.Sees("Versione piccola: il video intero arriva", "Puoi già decidere.")
	desk.Until(`document.querySelector("video").videoHeight > 0 && document.querySelector("video").videoHeight <= 480`)
	desk.Check()
	g.look(desk, "line-review")
	desk.Press("button", "Approva")
	desk.Sees("Approvata")
	desk.Open("/redazione/revisione/" + id)
	desk.Sees("Approvata con la versione piccola: va avanti da sola appena è arrivato il video intero.")
	desk.Check()
	if videos := p.Channel().Videos; len(videos) > 0 {
		t.Fatalf("the channel has %d videos before the film is there", len(videos))
	}

	hall2 := chromium.Person(t, l.base, browser.Phone).Tab() // a colleague, on another device
	enter(hall2, p.Command("link", "--municipality", balme), "/comune")
	hall2.Sees("Del video intero è arrivato il")
	hall2.Press("link", "Continua l’invio")
	hall2.Sees("La redazione ha la versione piccola.", "Ultimo giorno per continuare")
	hall2.Check()
	g.look(hall2, "line-whole")

	l.lay(0)
	hall.Sees("Pubblicata") // the way, once the page has gone there by itself
	p.Until("the film is on the channel", func() bool {
		videos := p.Channel().Videos
		return len(videos) == 1 && videos[0].SHA256 == digest(t, file)
	})
	desk.OpenUntil("/redazione/revisione/"+id, "È su YouTube")
	if n := len(hall.Requests("POST", "/caricamenti/")); n != 2 {
		t.Errorf("%d uploads were begun, want the film and its small version", n)
	}
}
