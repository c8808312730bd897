package studio_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/voci-in-comune/voci/internal/journey/browser"
)

// cuesNow is what the cues of the editor say, and when.
const cuesNow = `[...document.querySelectorAll(".cue")].map(c => [...c.querySelectorAll("[data-time]")].map(i => i.value).join("-") + " " + c.querySelector("textarea").value.replaceAll("\n", "|")).join("; ")`

func (w *world) until(tab *browser.Tab, cues string) {
	w.t.Helper()
	tab.Until(cuesNow + ` === "` + cues + `"`)
}

// retype writes the words of a cue anew.
func retype(tab *browser.Tab, cue, words string) {
	tab.Until(`(e => (e.focus(), e.select(), document.activeElement === e))(document.getElementById("cue-` + cue + `"))`)
	tab.Keys(words)
}

const (
	draftSaved = `document.getElementById("saved").textContent.startsWith("Bozza salvata alle")`
	atText     = `document.activeElement.id === "cue-`
)

// captioning is a portal whose testimonies have a film without having received
// one, and a browser.
func captioning(t *testing.T) (*world, *browser.Browser) {
	t.Helper()
	t.Parallel()
	w := open(t)
	w.later(time.Since(noon)) // a browser's clock is the machine's
	return w, browser.Start(t)
}

// TestCaptionsAreWrittenByKeyboard alone, from the list to the publication.
func TestCaptionsAreWrittenByKeyboard(t *testing.T) {
	w, b := captioning(t)
	for _, size := range sizes {
		said := w.published("La spesa sale")
		w.film(said)
		list := "/comune/testimonianze/" + itoa(said.ID) + "/sottotitoli"
		tab := w.enter(t, b, size)
		tab.Open(list)
		tab.Check()
		picture(tab, "captions-empty")
		tab.TabTo("Italiano")
		tab.Enter()
		tab.At(list + "/it")
		tab.Sees("Non c’è ancora nessun sottotitolo.")
		tab.Check()
		tab.TabTo("Scrivi il primo")
		tab.Enter()
		tab.Until(atText + `0"`)
		tab.Keys("Buongiorno a tutti")
		tab.Chord("KeyN")
		tab.Until(atText + `1"`)
		tab.Keys("Grazie, davvero")
		w.until(tab, "0:00.000-0:02.000 Buongiorno a tutti; 0:02.000-0:04.000 Grazie, davvero")
		tab.Until(draftSaved)

		// Split at the cursor, joined again, deleted, and all of it undone.
		tab.Keys(strings.Repeat(kb.ArrowLeft, len("davvero")))
		tab.Chord("KeyD")
		w.until(tab, "0:00.000-0:02.000 Buongiorno a tutti; 0:02.000-0:03.000 Grazie,; 0:03.000-0:04.000 davvero")
		tab.Until(atText + `2"`)
		tab.Chord("ArrowUp")
		tab.Chord("KeyU")
		w.until(tab, "0:00.000-0:02.000 Buongiorno a tutti; 0:02.000-0:04.000 Grazie,|davvero")
		tab.Chord("KeyC")
		w.until(tab, "0:00.000-0:02.000 Buongiorno a tutti")
		tab.Until(`document.getElementById("said").textContent.includes("cancellato")`)
		tab.Chord("KeyZ")
		tab.Chord("KeyZ")
		w.until(tab, "0:00.000-0:02.000 Buongiorno a tutti; 0:02.000-0:03.000 Grazie,; 0:03.000-0:04.000 davvero")
		tab.Chord("KeyY")
		w.until(tab, "0:00.000-0:02.000 Buongiorno a tutti; 0:02.000-0:04.000 Grazie,|davvero")

		// From the film: the second begins where the film is.
		tab.Until(`(document.getElementById("film").currentTime = 1.5, true)`)
		tab.Chord("KeyI")
		w.until(tab, "0:00.000-0:02.000 Buongiorno a tutti; 0:01.500-0:04.000 Grazie,|davvero")
		tab.Sees("comincia quando quello di prima è ancora sullo schermo, fino a 0:02.")
		tab.Check()
		picture(tab, "captions-editor")

		// Errors are not published; what mends itself does when it is asked.
		tab.TabTo("Pubblica i sottotitoli")
		tab.Enter()
		tab.Sees("Ci sono errori da correggere prima di pubblicare: 1.")
		tab.Until(atText + `1"`)
		tab.TabTo("Accorcia quelli che si sovrappongono")
		tab.Enter()
		w.until(tab, "0:00.000-0:01.500 Buongiorno a tutti; 0:01.500-0:04.000 Grazie,|davvero")
		tab.Sees("Tutto a posto.")

		// The times by the arrows, and all at once.
		tab.Chord("ArrowDown")
		tab.Until(atText + `1"`)
		tab.Keys(kb.Shift) // nothing by itself
		tab.TabTo("Sposta tutti i tempi, scorciatoie")
		tab.Enter()
		tab.TabTo("Sposta tutti i tempi di secondi")
		tab.Keys("-0,2")
		tab.TabTo("Sposta tutti")
		tab.Enter()
		w.until(tab, "0:00.000-0:01.300 Buongiorno a tutti; 0:01.300-0:03.800 Grazie,|davvero")
		tab.TabTo("Fine, Sottotitolo 2")
		tab.Keys(kb.ArrowDown + kb.ArrowDown)
		w.until(tab, "0:00.000-0:01.300 Buongiorno a tutti; 0:01.300-0:03.600 Grazie,|davvero")
		tab.Check()
		tab.Fits()

		// Shortcuts off.
		tab.TabTo("Scorciatoie attive")
		tab.Keys(" ")
		tab.Chord("KeyZ")
		tab.TabTo("Inizio, Sottotitolo 1")
		w.until(tab, "0:00.000-0:01.300 Buongiorno a tutti; 0:01.300-0:03.600 Grazie,|davvero")

		tab.Until(draftSaved)
		tab.TabTo("Pubblica i sottotitoli")
		tab.Enter()
		tab.At(list)
		tab.Sees("Sottotitoli aggiunti.", "Pronti: escono con il video.")
		tab.Check()
		picture(tab, "captions-list")
		got, err := w.testimonies.Caption(t.Context(), said.ID, "it")
		if want := "WEBVTT\n\n00:00:00.000 --> 00:00:01.300\nBuongiorno a tutti\n\n00:00:01.300 --> 00:00:03.600\nGrazie,\ndavvero\n"; err != nil || got.VTT != want {
			t.Errorf("%v: out came %+v", err, got)
		}
		tab.Open(list + "/it")
		tab.Until(`!document.getElementById("keys-on").checked`)
		tab.Until(`document.getElementById("film").textTracks[0].cues.length === 2`)
		tab.Until(`(localStorage.clear(), true)`)
	}
	tab := w.enter(t, b, browser.Small)
	tab.Open("/fr/comune/testimonianze/1/sottotitoli/it")
	tab.Sees("Sous-titres en Italien")
	tab.Check()
}

// TestCaptionsOutliveALineThatIsDown and a second editor.
func TestCaptionsOutliveALineThatIsDown(t *testing.T) {
	w, b := captioning(t)
	said := w.published("La spesa sale")
	w.film(said)
	at := "/comune/testimonianze/" + itoa(said.ID) + "/sottotitoli/it"
	w.townHall(balme).postFields(at, map[string][]string{"text": {vtt}, "do": {"save"}, "base": {w.captionBase(said.ID)}}).want(http.StatusSeeOther)
	clerk := b.Person(t, w.base, browser.Phone)
	tab := w.enterAs(clerk)
	tab.Forgive("net::ERR_")
	tab.Forgive("409")
	tab.Open(at)
	w.until(tab, "0:01.000-0:02.000 Buongiorno da Balme.")
	if n := len(tab.Requests("POST", at)); n != 0 {
		t.Errorf("to look at captions sends %d times", n)
	}

	w.line.cut(true)
	retype(tab, "0", "Scritto senza linea.")
	tab.Sees("Non riesco a salvare: la linea non c’è.")
	picture(tab, "captions-offline")
	w.line.cut(false)
	tab.Until(draftSaved)
	if got := w.captionText(said.ID); !strings.Contains(got, "Scritto senza linea.") {
		t.Errorf("saved once the line is back: %q", got)
	}

	w.line.holdsBack(true)
	retype(tab, "0", "Scritto e mai arrivato.")
	tab.Sees("Non riesco a salvare: la linea non c’è.")
	tab.Close()
	tab = clerk.Tab()
	tab.Forgive("409")
	tab.Open(at)
	tab.Sees("Su questo dispositivo ci sono sottotitoli che non erano arrivati al portale.")
	w.line.holdsBack(false)
	tab.Check()
	tab.Press("button", "Riprendili")
	tab.Until(draftSaved)
	if got := w.captionText(said.ID); !strings.Contains(got, "Scritto e mai arrivato.") {
		t.Errorf("saved once taken back: %q", got)
	}

	colleague := w.townHall(balme)
	theirs := strings.Replace(vtt, "Buongiorno", "Buonanotte", 1)
	colleague.postFields(at, map[string][]string{"text": {theirs}, "do": {"save"}, "base": {w.captionBase(said.ID)}}).want(http.StatusSeeOther)
	retype(tab, "0", "Il mio.")
	tab.Sees("Intanto qualcun altro ha salvato questi sottotitoli. I tuoi sono ancora qui.")
	tab.Check()
	picture(tab, "captions-meanwhile")
	if got := w.captionText(said.ID); !strings.Contains(got, "Buonanotte") {
		t.Errorf("written over: %q", got)
	}
	tab.Press("button", "Tieni i miei")
	tab.Until(draftSaved)
	if got := w.captionText(said.ID); !strings.Contains(got, "Il mio.") {
		t.Errorf("insisting: %q", got)
	}
}

func (w *world) captionText(id int64) string {
	w.t.Helper()
	text, err := w.testimonies.CaptionText(w.t.Context(), id, "it")
	if err != nil {
		w.t.Fatal(err)
	}
	return text.Text
}

func (w *world) captionBase(id int64) string {
	w.t.Helper()
	text, err := w.testimonies.CaptionText(w.t.Context(), id, "it")
	if err != nil {
		w.t.Fatal(err)
	}
	return text.Base()
}
