package studio_test

import (
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

// inBrowser is a portal that looks at files as they come, and a browser. Such
// tests mostly wait, and do so beside each other.
func inBrowser(t *testing.T, changes ...func(*settings)) (*world, *browser.Browser) {
	t.Helper()
	return inBrowserOf(t, func() *browser.Browser { return browser.Start(t) }, changes...)
}

// inBrowserOf is inBrowser with a browser of another make.
func inBrowserOf(t *testing.T, start func() *browser.Browser, changes ...func(*settings)) (*world, *browser.Browser) {
	t.Helper()
	t.Parallel()
	w := open(t, changes...)
	w.later(time.Since(noon)) // a browser's clock is the machine's
	done := make(chan struct{})
	t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		for t.Context().Err() == nil {
			w.look()
			time.Sleep(50 * time.Millisecond) // as a queue polls
		}
	}()
	return w, start()
}

// picture keeps how a page looks, for eyes, in the folder VOCI_PICTURES.
func picture(tab *browser.Tab, name string) {
	if dir := os.Getenv("VOCI_PICTURES"); dir != "" {
		tab.Picture(dir, name)
	}
}

// sizes are the windows that people look through.
var sizes = []browser.Size{browser.Phone, browser.Laptop}

// enter opens a tab in which a town hall is signed in.
func (w *world) enter(t *testing.T, b *browser.Browser, size browser.Size) *browser.Tab {
	t.Helper()
	return w.enterAs(b.Person(t, w.base, size))
}

func (w *world) enterAs(someone *browser.Person) *browser.Tab {
	tab := someone.Tab()
	tab.Open(w.link(balme))
	tab.Press("button", "Entra")
	tab.At("/comune")
	return tab
}

// write fills the form in, but for its file.
func write(tab *browser.Tab) {
	tab.Write("Titolo", form().Get("title"))
	tab.Write("Descrizione", "I volontari portano la spesa a chi vive in alto.")
	tab.Write("Nome e cognome", form().Get("speaker_name"))
	tab.Write("Ruolo", form().Get("speaker_role"))
	tab.Tick("Solidarietà")
	tab.Tick("Volontariato")
	tab.Tick("Chi si vede e chi si sente è d’accordo.")
	tab.Tick("La Città metropolitana può pubblicare il video.")
	tab.Tick("No, solo chi parla")
	tab.Tick("Il video rispetta le regole di YouTube")
}

// file puts content into a file for choosing.
func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// long is a video of some megabytes, so that sending it takes a while on a slow
// line.
var long = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "long")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	return makeClip(dir, videotest.Spec{Seconds: 16, Width: 640, Height: 360, Picture: "testsrc2=s=640x360:r=25,noise=alls=14", Faststart: true})
})

func longFilm(t *testing.T) []byte {
	t.Helper()
	b, err := long()
	if err != nil {
		t.Fatal(err)
	}
	if len(b) < 8<<20 || len(b) > maxBytes {
		t.Fatalf("the video has %d bytes", len(b))
	}
	return b
}

// sent is how much of the video is there, in thousandths.
const sent = `document.getElementById("sending-progress").value`

func more(than float64) func(float64) bool { return func(n float64) bool { return n > than } }

func TestPagesOfTheTownHall(t *testing.T) {
	w, b := inBrowser(t)
	for _, size := range sizes {
		tab := b.Person(t, w.base, size).Tab()
		tab.Open(w.link(balme))
		tab.Check()
		picture(tab, "door")
		tab.Press("button", "Entra")
		tab.At("/comune")
		tab.Check()
		picture(tab, "home-empty")
		tab.Press("link", "Invia una testimonianza")
		tab.At("/comune/testimonianze/nuova")
		tab.Check()
		picture(tab, "form-new")
		tab.Open("/entra")
		tab.Check()
		picture(tab, "signin")
	}
	w.everyState()
	w.watched(60)
	w.neighbour("Il ponte nuovo sul torrente", groscavallo)
	for _, size := range sizes {
		tab := w.enter(t, b, size)
		tab.Check()
		picture(tab, "home")
		if high := browser.Eval[float64](tab, `document.querySelector(".ask .btn").getBoundingClientRect().height`); high < 56 {
			t.Errorf("the next thing to do is %v px high", high)
		}
		for _, name := range []string{"form-changes", "form-unusable", "form-ready", "view-review", "view-published", "view-rejected"} {
			tab.Open("/comune/testimonianze/" + itoa(w.named[name]))
			tab.Check()
			picture(tab, name)
		}
	}
	tab := w.enter(t, b, browser.Small)
	for _, path := range []string{"/comune", "/comune/testimonianze/nuova", "/fr/comune/testimonianze/" + itoa(w.named["view-published"])} {
		tab.Open(path)
		tab.Check()
	}
}

func TestTheFormSavesItself(t *testing.T) {
	w, b := inBrowser(t)
	mayor := b.Person(t, w.base, browser.Phone)
	tab := w.enterAs(mayor)
	tab.Open("/comune/testimonianze/nuova")
	tab.Write("Titolo", "La spesa <sale>")
	tab.Sees("Bozza salvata alle", "Nel titolo non si possono usare i segni < e >")
	tab.At("/comune/testimonianze/1")
	tab.Check()
	tab.Write("Titolo", "La spesa sale")
	tab.SeesNot("Nel titolo non si possono usare")
	tab.Tick("Volontariato")
	tab.Write("Parole chiave", "montagna, borgate alte")
	tab.Sees("Puoi scrivere ancora 477 caratteri")
	tab.Until(`document.getElementById("saved").textContent.startsWith("Bozza salvata")`)
	tab.Open("/comune/testimonianze/1")
	if got := tab.Value("Titolo") + "/" + tab.Value("Parole chiave"); got != "La spesa sale/montagna, borgate alte" || !tab.Ticked("Volontariato") {
		t.Errorf("kept: %s", got)
	}

	// What cannot reach the portal stays on the device, and is offered again.
	tab.Forgive("net::ERR_")
	w.line.cut(true)
	tab.Write("Descrizione", "Scritta senza linea")
	tab.Sees("Non riesco a salvare: la linea non c’è.")
	w.line.cut(false)
	tab.Until(`document.getElementById("saved").textContent.startsWith("Bozza salvata")`)
	if got := w.said(1).Description; got != "Scritta senza linea" {
		t.Errorf("saved once the line is back: %q", got)
	}
	w.line.holdsBack(true)
	tab.Write("Descrizione", "Scritta e mai arrivata")
	tab.Sees("Non riesco a salvare: la linea non c’è.")
	tab.Close()
	tab = mayor.Tab()
	tab.Open("/comune/testimonianze/1")
	tab.Sees("Su questo dispositivo c’è un testo che non era arrivato al portale")
	w.line.holdsBack(false)
	tab.Check()
	picture(tab, "form-kept")
	tab.Press("button", "Riprendilo")
	tab.Until(`document.getElementById("saved").textContent.startsWith("Bozza salvata")`)
	if got := w.said(1).Description; got != "Scritta e mai arrivata" {
		t.Errorf("saved once taken back: %q", got)
	}
	if n := len(tab.Requests("POST", "/comune/testimonianze/1")); n == 0 {
		t.Error("nothing was sent")
	}
	var drafts int64
	w.db.Reader(t.Context()).Model(&testimony.Testimony{}).Count(&drafts)
	if drafts != 1 {
		t.Errorf("%d drafts", drafts)
	}
}

// TestEnterSaves: the key presses the first button of a form, and that of this
// one must neither give an upload up nor lead away.
func TestEnterSaves(t *testing.T) {
	w, b := inBrowser(t)
	hall, content := w.townHall(balme), longFilm(t)
	tab := w.enter(t, b, browser.Phone)
	id := hall.post("/comune/testimonianze", form()).made()
	address := "/comune/testimonianze/" + itoa(id)
	url := hall.begin("", id, "spesa.mp4", len(content))
	hall.tus(http.MethodPatch, url, content[:1<<20], "Upload-Offset", "0").want(http.StatusNoContent)
	tab.Open(address)
	if got := browser.Eval[bool](tab, `document.querySelector("#testimony-form [type=submit]").hasAttribute("formaction")`); got {
		t.Error("without scripts, the first button does something else than save")
	}
	tab.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
	tab.Write("Titolo", "La spesa sale ancora")
	tab.Enter()
	tab.Until(`document.getElementById("saved").textContent.startsWith("Bozza salvata")`)
	tab.At(address)
	if got := hall.standing(address); got.Arriving == nil || got.Arriving.Offset != 1<<20 || w.said(id).Title != "La spesa sale ancora" {
		t.Errorf("%q, arriving %+v", w.said(id).Title, got.Arriving)
	}
}

// TestTheScriptKeepsToWhatAPersonMeans on a form that somebody else was faster
// than: nothing of it saves itself, and once it is meant all of it is kept.
func TestTheScriptKeepsToWhatAPersonMeans(t *testing.T) {
	w, b := inBrowser(t)
	bruno := w.invited(w.townHall(balme), person1())
	id := bruno.post("/comune/testimonianze", form()).made()
	at := "/comune/testimonianze/" + itoa(id)
	const ready = `document.getElementById("testimony-form").dataset.ready === "yes"`

	tab := w.enter(t, b, browser.Phone)
	tab.Forgive("409")
	tab.Open(at)
	tab.Until(ready)
	bruno.post(at, form("title", "Il titolo di Bruno", "tags", "bosco", "themes", "volontariato")).want(http.StatusSeeOther)
	// Pressed before the script was there, the form goes as it is.
	browser.Eval[bool](tab, `(() => {
		const form = document.getElementById("testimony-form");
		form.elements.namedItem("description").value = "La descrizione del Comune";
		for (const box of form.querySelectorAll("[name=themes]:checked")) box.checked = false;
		HTMLFormElement.prototype.submit.call(form);
		return true;
	})()`)
	tab.Until(`document.getElementById("meanwhile") !== null && ` + ready)
	tab.Sees("Mentre scrivevi, questa testimonianza è stata cambiata da Bruno Ufficio, per il Comune.")
	everywhere(tab, browser.Phone, "form-meanwhile")
	tab.Write("Ruolo", "Sindaca di Balme")
	tab.Until(`Object.keys(localStorage).some((key) => key.startsWith("voci.draft.") && localStorage.getItem(key).includes("Sindaca di Balme"))`)
	if got := w.said(id); got.Title != "Il titolo di Bruno" || got.SpeakerRole == "Sindaca di Balme" {
		t.Errorf("nobody meant it yet, and it says %q, %q", got.Title, got.SpeakerRole)
	}

	tab.Press("button", "Salva")
	tab.Until(`document.getElementById("saved").textContent.startsWith("Bozza salvata")`)
	got := w.said(id)
	if got.Title != form().Get("title") || got.Description != "La descrizione del Comune" || got.SpeakerRole != "Sindaca di Balme" || len(got.Themes) != 0 {
		t.Errorf("it says %q, %q, %q, %d themes", got.Title, got.Description, got.SpeakerRole, len(got.Themes))
	}
	// From then on it saves itself again.
	tab.Write("Titolo", "Il titolo del Comune")
	for deadline := time.Now().Add(20 * time.Second); w.said(id).Title != "Il titolo del Comune"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it says %q", w.said(id).Title)
		}
	}
}
