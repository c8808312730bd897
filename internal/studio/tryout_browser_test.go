package studio_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/tryout"
)

// landscape is a telephone that was turned.
var landscape = browser.Size{Width: 844, Height: 390, Phone: true}

// speech is what the microphone hears: syllables with pauses between them.
var speech = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "speech")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "speech.wav")
	const voice = "0.15*(sin(2*PI*130*t)+0.8*sin(2*PI*520*t)+0.5*sin(2*PI*1450*t))*gt(mod(t\\,0.7)\\,0.15)+0.0005*random(0)"
	out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-t", "14", "-i", "aevalsrc="+voice+":s=48000", path).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("making a voice: %w: %s", err, out)
	}
	return path, nil
})

// filming is a portal, and a browser with a camera and a microphone.
func filming(t *testing.T) (*world, *browser.Browser) {
	t.Helper()
	t.Parallel()
	wav, err := speech()
	if err != nil {
		t.Fatal(err)
	}
	return open(t), browser.Start(t, browser.WithCamera(wav)...)
}

// rehearse opens the page of the rehearsal.
func (w *world) rehearse(someone *browser.Person) *browser.Tab {
	tab := w.enterAs(someone)
	tab.Open("/comune/prova")
	tab.Until(ready)
	return tab
}

// ready is true once the page's script has begun.
const ready = `document.getElementById("tryout-recorder")?.dataset.ready === "yes"`

func TestRehearsalInTheBrowser(t *testing.T) {
	w, b := filming(t)
	mayor := b.Person(t, w.base, browser.Phone)
	mayor.AllowCamera(true)
	tab := w.enterAs(mayor)
	tab.Press("link", "Fai prima una prova di 10 secondi")
	tab.At("/comune/prova")
	tab.Check()
	picture(tab, "tryout-before")
	if asked := browser.Eval[bool](tab, `document.getElementById("tryout-preview").srcObject !== null`); asked {
		t.Error("the camera is on before anybody asked for it")
	}
	tab.Press("button", "Comincia la prova")
	tab.Sees("Preparati: si comincia fra 3 secondi.", "Leggi ad alta voce")
	tab.Check()
	picture(tab, "tryout-ready")
	tab.Sees("Sto registrando: parla adesso.")
	tab.Check()
	picture(tab, "tryout-recording")
	tab.Resize(landscape)
	tab.Fits()
	picture(tab, "tryout-recording")
	tab.Resize(browser.Phone)
	tab.Sees("Com’è andata", "Prova fatta oggi alle", "Voce chiara", "un video di 3 minuti", "Un’altra prova")
	if hash, focus := browser.Eval[string](tab, "location.hash"), browser.Eval[string](tab, "document.activeElement.id"); hash != "#esito" || focus != "esito" {
		t.Errorf("at %s, the focus is on %q", hash, focus)
	}
	if live := browser.Eval[bool](tab, `document.getElementById("tryout-preview").srcObject !== null`); live {
		t.Error("the camera is still on")
	}
	r, err := w.tryouts.Last(t.Context(), w.linkOf(balme))
	if err != nil || r == nil {
		t.Fatalf("the result is %+v (%v)", r, err)
	}
	t.Logf("measured %+v", r)
	// How many frames there are is the machine's matter, which has much else to do.
	if r.SentMS <= 0 || r.Width != 1280 || r.Height != 720 || r.FrameRate <= 0 || r.Sound() != tryout.Good {
		t.Errorf("measured %+v", r)
	}
	if n := len(tab.Requests("POST", "/comune/prova")); n != 2 {
		t.Errorf("%d posts, want the film and the time it took", n)
	}
	for _, size := range []browser.Size{browser.Phone, landscape, browser.Laptop, browser.Small} {
		tab.Resize(size)
		tab.Check()
		picture(tab, "tryout-result")
	}
	tab.Open("/comune")
	tab.Sees("Prova fatta oggi alle", "voce chiara")
	tab.Resize(browser.Phone)
	picture(tab, "home-tryout")
	tab.Check()
}

// TestRehearsalByKeyboard does without a pointer what the other does with one.
func TestRehearsalByKeyboard(t *testing.T) {
	w, b := filming(t)
	clerk := b.Person(t, w.base, browser.Laptop)
	clerk.AllowCamera(true)
	tab := w.rehearse(clerk)
	to := func(id string) {
		t.Helper()
		for range 60 {
			if browser.Eval[string](tab, "document.activeElement.id") == id {
				return
			}
			tab.Keys(kb.Tab)
		}
		t.Fatalf("the keyboard does not come to %s", id)
	}
	to("tryout-start")
	tab.Enter()
	tab.Sees("Sto registrando")
	picture(tab, "tryout-recording")
	to("tryout-stop")
	tab.Enter()
	tab.Sees("Prova annullata. Non è stato inviato niente.")
	if focus := browser.Eval[string](tab, "document.activeElement.id"); focus != "tryout-start" {
		t.Errorf("after it was stopped the focus is on %q", focus)
	}
	tab.Check()
	tab.Enter()
	tab.Sees("Com’è andata")
	if n := len(tab.Requests("POST", "/comune/prova")); n != 2 {
		t.Errorf("%d posts", n)
	}
}

func TestRehearsalWithoutACamera(t *testing.T) {
	t.Parallel()
	w, b := open(t), browser.Start(t) // this machine has none
	tab := w.rehearse(b.Person(t, w.base, browser.Phone))
	tab.Press("button", "Comincia la prova")
	tab.Sees("Su questo dispositivo non trovo una fotocamera e un microfono.", "scegliere qui sotto un video già girato")
	tab.Check()
	picture(tab, "tryout-none")

	// The remedy that was named works, with the line measured as for the other.
	tab.ChooseFile("Un video corto", file(t, "prova.mp4", rehearsedFilm(t)))
	tab.Press("button", "Invia la prova")
	tab.Sees("Com’è andata", "Luce buona")
	if n := len(tab.Requests("POST", "/comune/prova/linea")); n != 1 {
		t.Errorf("the time it took was said %d times", n)
	}
}

func TestRehearsalSaysWhyItCannotFilm(t *testing.T) {
	w, b := filming(t)
	mayor := b.Person(t, w.base, browser.Phone)

	mayor.AllowCamera(false)
	tab := w.rehearse(mayor)
	tab.Press("button", "Comincia la prova")
	tab.Sees("Il browser non può usare fotocamera e microfono, perché non ha il permesso.")
	tab.Check()
	picture(tab, "tryout-refused")
	// Allowed after all, the same button begins.
	mayor.AllowCamera(true)
	tab.Press("button", "Comincia la prova")
	tab.Sees("Preparati")
	tab.SeesNot("perché non ha il permesso")
	tab.Press("button", "Annulla")
	tab.Sees("Prova annullata")

	// No other application can take Chromium's own camera: its answer is put in.
	for name, says := range map[string]string{
		"NotReadableError": "La fotocamera o il microfono sono occupati. Chiudi le altre applicazioni che li usano",
		"AbortError":       "La fotocamera o il microfono sono occupati.",
		"UnknownError":     "La registrazione non è partita. Ricomincia",
	} {
		browser.Eval[chromedp.Void](tab, `navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "`+name+`"))`)
		tab.Press("button", "Comincia la prova")
		tab.Sees(says)
	}

	tab.Open("/comune/prova")
	tab.Until(ready)
	tab.Offline(true)
	tab.Press("button", "Comincia la prova")
	tab.Sees("Adesso la linea non c’è, e la prova serve anche a misurarla.")
	tab.Offline(false)

	// The camera is taken away, as by a call.
	browser.Eval[chromedp.Void](tab, `{
		const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
		navigator.mediaDevices.getUserMedia = async (wanted) => (window.taken = await open(wanted));
	}`)
	tab.Press("button", "Comincia la prova")
	tab.Sees("Sto registrando")
	browser.Eval[chromedp.Void](tab, `window.taken.getTracks().forEach((track) => track.stop())`)
	tab.Sees("La registrazione si è interrotta troppo presto.")

	for _, missing := range []string{"delete window.MediaRecorder", "Object.defineProperty(navigator, 'mediaDevices', { value: undefined })"} {
		old := mayor.Tab()
		old.Before(missing)
		old.Open("/comune/prova")
		old.Sees("Questo browser non sa registrare. Gira un video di 10 secondi con la fotocamera del telefono e sceglilo qui sotto.")
		old.Check()
		picture(old, "tryout-unsupported")
		if browser.Eval[bool](old, `document.getElementById("tryout-start").checkVisibility()`) {
			t.Error("there is a button that cannot work")
		}
	}
	if n := len(tab.Requests(http.MethodPost, "/comune/prova")); n != 0 {
		t.Errorf("%d posts", n)
	}
}

// TestRehearsalOnALineThatBreaks loses nothing of what was filmed.
func TestRehearsalOnALineThatBreaks(t *testing.T) {
	w, b := filming(t)
	mayor := b.Person(t, w.base, browser.Phone)
	mayor.AllowCamera(true)
	tab := w.rehearse(mayor)
	tab.Forgive("net::ERR_")
	tab.Press("button", "Comincia la prova")
	tab.Sees("Sto registrando")
	w.line.cut(true)
	tab.Sees("La linea è caduta. La registrazione è ancora qui: riprova l’invio quando la linea torna.")
	tab.Check()
	picture(tab, "tryout-dropped")
	tab.Press("button", "Riprova l’invio")
	tab.Until(`!document.getElementById("tryout-retry").hidden`)
	w.line.cut(false)
	tab.Press("button", "Riprova l’invio")
	tab.Sees("Com’è andata", "Voce chiara")

	// Whoever was signed out meanwhile is told so, and loses no more than a press.
	tab.Open("/comune/prova")
	tab.Until(ready)
	tab.Forgive("401")
	w.exec(`UPDATE links SET revoked_at = ? WHERE municipality_code = ?`, w.clock(), balme)
	tab.ChooseFile("Un video corto", file(t, "prova.mp4", rehearsedFilm(t)))
	tab.Press("button", "Invia la prova")
	tab.Sees("Non sei più dentro. Apri di nuovo il tuo collegamento personale e torna qui.")
}
