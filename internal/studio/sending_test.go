package studio_test

import (
	"crypto/sha256"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

// sentWhole checks that the file in the vault is the one that was chosen.
func (w *world) sentWhole(id int64, content []byte) {
	w.t.Helper()
	v := w.said(id).Video
	if v == nil {
		w.t.Fatal("no file came")
	}
	kept, err := os.ReadFile(filepath.Join(w.vault, v.Original))
	if err != nil {
		w.t.Fatal(err)
	}
	if sha256.Sum256(kept) != sha256.Sum256(content) {
		w.t.Errorf("%d bytes are kept of %d chosen, or others", len(kept), len(content))
	}
}

// draft makes one that only lacks its file, and opens it.
func (w *world) draft(b person, tab *browser.Tab) (id int64) {
	w.t.Helper()
	id = b.post("/comune/testimonianze", form()).made()
	tab.Open("/comune/testimonianze/" + itoa(id))
	tab.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
	return id
}

func TestReviewIsAskedForWhileTheVideoIsOnItsWay(t *testing.T) {
	w, b := inBrowser(t)
	content := longFilm(t)
	windows := sizes[:1]
	if os.Getenv("VOCI_PICTURES") != "" {
		windows = sizes
	}
	for i, size := range windows {
		tab := w.enter(t, b, size)
		tab.Open("/comune/testimonianze/nuova")
		tab.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
		w.line.lets(slow / 8)
		tab.ChooseFile("File del video", file(t, "spesa.mp4", content)) // before anything is written
		tab.Sees("Sto inviando il video", "al secondo")
		tab.Forgive("status of 422")
		tab.Press("button", "Invia per la revisione")
		tab.Sees("Scrivi un titolo.", "Scegli almeno un tema.")
		tab.Until(`document.activeElement.id === "errors"`)
		picture(tab, "form-errors")
		write(tab)
		tab.Check()
		picture(tab, "form-sending")
		tab.Press("button", "Invia per la revisione")
		tab.Sees("La revisione parte da sola, appena il video è arrivato e controllato.")
		if got := w.said(int64(i + 1)); !got.AwaitsFile() || got.Video != nil {
			t.Errorf("the video was there already: the test shows nothing")
		}
		w.line.lets(0)
		tab.Sees("Ora tocca alla redazione") // by itself, when it was looked at
		tab.Check()
		w.sentWhole(int64(i+1), content)
		if n := len(tab.Requests("POST", "/caricamenti/")); n != 1 {
			t.Errorf("the upload was begun %d times", n)
		}
	}
}

func TestPausing(t *testing.T) {
	w, b := inBrowser(t)
	tab := w.enter(t, b, browser.Phone)
	content := longFilm(t)
	id := w.draft(w.townHall(balme), tab)
	w.line.lets(slow / 8)
	tab.ChooseFile("File del video", file(t, "spesa.mp4", content))
	tab.UntilNumber(sent, more(150))
	tab.Press("button", "Pausa")
	tab.Sees("In pausa al", "Quello che è arrivato è salvo")
	tab.Check()
	picture(tab, "form-paused")
	tab.Press("button", "Riprendi")
	tab.Sees("Ripartiamo dal")
	w.line.lets(0)
	tab.Sees("Il video è arrivato e funziona")
	w.sentWhole(id, content)

	// Given up in good order: nobody waits for it.
	id = w.draft(w.townHall(balme), tab)
	w.line.lets(slow / 8)
	tab.ChooseFile("File del video", file(t, "spesa.mp4", content))
	tab.UntilNumber(sent, more(50))
	tab.Press("button", "Pausa")
	tab.Press("button", "Annulla l’invio")
	tab.Until(`document.getElementById("sending").hidden`)
	if got := w.townHall(balme).standing("/comune/testimonianze/" + itoa(id)); got.Arriving != nil {
		t.Errorf("still told of %+v", got.Arriving)
	}
}

func TestAnotherFileIsNotMixedUpWithTheOneBefore(t *testing.T) {
	w, b := inBrowser(t)
	hall := w.townHall(balme)
	tab := w.enter(t, b, browser.Phone)
	first, second := longFilm(t), film(t, videotest.Spec{})
	half := func() (id int64, url string) {
		id = hall.post("/comune/testimonianze", form()).made()
		url = hall.begin("", id, "prima.mp4", len(first))
		hall.tus(http.MethodPatch, url, first[:len(first)*63/100+1], "Upload-Offset", "0").want(http.StatusNoContent)
		tab.Open("/comune/testimonianze/" + itoa(id))
		tab.Sees("Il video è arrivato al 63 %", "Scegli di nuovo lo stesso file: ripartiamo dal 63 %.")
		tab.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
		return id, url
	}
	t.Run("replaced", func(t *testing.T) {
		id, url := half()
		tab.Check()
		picture(tab, "form-half")
		tab.ChooseFile("File del video", file(t, "dopo.mp4", second))
		tab.Sees("Hai cominciato a inviare un altro file: «prima.mp4», arrivato al 63 %.", "sostituirlo con «dopo.mp4»")
		tab.Check()
		picture(tab, "form-other")
		tab.Press("button", "Sostituisci")
		tab.Sees("Il video è arrivato e funziona")
		w.sentWhole(id, second)
		hall.tus(http.MethodHead, url, nil).want(http.StatusNotFound)
	})
	t.Run("gone on with", func(t *testing.T) {
		id, url := half()
		tab.ChooseFile("File del video", file(t, "dopo.mp4", second))
		tab.Press("button", "Continua con quello di prima")
		tab.Sees("Scegli di nuovo «prima.mp4»: ripartiamo dal 63 %.")
		tab.ChooseFile("File del video", file(t, "prima.mp4", first))
		tab.Sees("Il video è arrivato e funziona")
		w.sentWhole(id, first)
		for _, r := range tab.Requests("PATCH", url) {
			if r.Header("Upload-Offset") == "0" {
				t.Error("it was sent again from the first byte")
			}
		}
	})
	t.Run("the same under another name", func(t *testing.T) {
		id, _ := half()
		tab.ChooseFile("File del video", file(t, "IMG_0001.mp4", first))
		tab.Press("button", "È lo stesso file: continua dal")
		tab.Sees("Il video è arrivato e funziona")
		w.sentWhole(id, first)
	})
}

func TestAFileThatIsNoVideoIsSaidWithoutReloading(t *testing.T) {
	w, b := inBrowser(t)
	tab := w.enter(t, b, browser.Phone)
	id := w.draft(w.townHall(balme), tab)
	tab.ChooseFile("File del video", file(t, "sindaco.mp4", []byte("%PDF-1.7\n"+strings.Repeat("x", 2000))))
	tab.Sees("Questo file non va bene", "Questo file è un PDF, non un video.")
	tab.Check()
	picture(tab, "form-no-video")
	tab.ChooseFile("File del video", file(t, "giusto.mp4", film(t, videotest.Spec{})))
	tab.Sees("Il video è arrivato e funziona")
	tab.SeesNot("Questo file non va bene")
	tab.Until(`document.getElementById("player").videoWidth > 0 || (document.getElementById("player").load(), document.getElementById("player").preload = "auto", false)`)
	tab.Press("button", "Invia per la revisione")
	tab.At("/comune/testimonianze/" + itoa(id))
	tab.Sees("Inviata. Ora la redazione la guarda", "Ora tocca alla redazione")
}

func TestAFullDiskIsSaid(t *testing.T) {
	w, b := inBrowser(t, func(s *settings) { s.MinFree = 1 << 60 })
	tab := w.enter(t, b, browser.Phone)
	w.draft(w.townHall(balme), tab)
	tab.Forgive("status of 507")
	tab.ChooseFile("File del video", file(t, "spesa.mp4", []byte("video")))
	tab.Sees("Il video non è stato preso", "In questo momento non c'è più spazio per i video.")
	tab.Has("button", "Riprova")
	tab.Check()
	picture(tab, "form-full")
}

func TestWhatThePortalRefusesIsSaidInItsWords(t *testing.T) {
	content := func(n int) string { return file(t, "spesa.mp4", make([]byte, n)) }
	w, b := inBrowser(t)
	hall := w.townHall(balme)
	tab := w.enter(t, b, browser.Phone)
	t.Run("too large, before it is sent", func(t *testing.T) {
		w.draft(hall, tab)
		tab.ChooseFile("File del video", content(maxBytes+1))
		tab.Sees("Il video è troppo grande: può pesare al massimo 32 MB.")
		tab.ChooseFile("File del video", content(0))
		tab.Sees("Il file è vuoto.")
		if n := len(tab.Requests("POST", "/caricamenti/")); n != 0 {
			t.Errorf("%d uploads were begun", n)
		}
	})
	t.Run("moved on meanwhile", func(t *testing.T) {
		id := w.draft(hall, tab)
		if _, err := w.testimonies.Withdraw(t.Context(), "test", balme, id, testimony.Withdrawal{}); err != nil {
			t.Fatal(err)
		}
		tab.ChooseFile("File del video", content(1000))
		tab.Sees("Intanto la testimonianza è andata avanti")
	})
	t.Run("signed out on the way", func(t *testing.T) {
		id := w.draft(hall, tab)
		film := longFilm(t)
		path := file(t, "spesa.mp4", film)
		w.line.lets(slow)
		tab.ChooseFile("File del video", path)
		tab.UntilNumber(sent, more(100))
		tab.Forgive("status of 401")
		tab.Forgive("net::ERR_")
		old, err := w.accounts.ReplaceLink(t.Context(), account.Person{Role: account.Moderator}.Actor(), balme)
		if err != nil {
			t.Fatal(err)
		}
		w.line.cut(true)
		tab.Sees("Quello che è arrivato è salvo")
		w.line.lets(0)
		w.line.cut(false)
		tab.Sees("Non sei più dentro.", "ripartiamo da lì")
		tab.Open("/entra/" + old)
		tab.Press("button", "Entra")
		tab.At("/comune")
		tab.Press("link", "Continua l’invio")
		tab.Sees("Scegli di nuovo lo stesso file")
		tab.ChooseFile("File del video", path)
		tab.Sees("Il video è arrivato e funziona")
		w.sentWhole(id, film)
	})
}

func TestTheUploadOutlivesWhatHappensOnTheWay(t *testing.T) {
	w, b := inBrowser(t)
	tab := w.enter(t, b, browser.Phone)
	tab.Forgive("net::ERR_")
	tab.Forgive("status of")
	content := film(t, videotest.Spec{Seconds: 4, Width: 640, Height: 360, Faststart: true})
	if len(content) < 200_000 {
		t.Fatalf("the video has %d bytes", len(content))
	}
	for name, h := range map[string]struct {
		times map[string]int
		hurt  func(http.ResponseWriter, *http.Request, http.Handler)
	}{
		"the answer to the beginning is lost":     {map[string]int{"POST": 9}, losesTheAnswer}, // Chromium itself asks more than once
		"the line breaks twice":                   {map[string]int{"PATCH": 2}, breaksOff},
		"the answer to the last byte is lost":     {map[string]int{"PATCH": 1}, losesTheAnswer},
		"a proxy is away":                         {map[string]int{"PATCH": 1, "HEAD": 2}, answers(http.StatusBadGateway)},
		"the upload is locked":                    {map[string]int{"PATCH": 1, "HEAD": 2}, answers(http.StatusLocked)},
		"a proxy does not know where the rest is": {map[string]int{"PATCH": 1, "HEAD": 1}, answers(http.StatusNotFound)},
	} {
		t.Run(name, func(t *testing.T) {
			begun := len(tab.Requests("POST", "/caricamenti/"))
			w.line.hurts(h.times, h.hurt)
			id := w.draft(w.townHall(balme), tab)
			tab.ChooseFile("File del video", file(t, "spesa.mp4", content))
			tab.Sees("Il video è arrivato e funziona")
			w.sentWhole(id, content)
			if n := len(tab.Requests("POST", "/caricamenti/")); n != begun+1 {
				t.Errorf("the upload was begun %d times", n-begun)
			}
		})
	}
}

func TestAnUploadThatThePortalForgotBeginsAnew(t *testing.T) {
	w, b := inBrowser(t)
	tab := w.enter(t, b, browser.Phone)
	content := longFilm(t)
	id := w.draft(w.townHall(balme), tab)
	tab.Forgive("status of 404")
	tab.Forgive("net::ERR_")
	w.line.lets(slow)
	tab.ChooseFile("File del video", file(t, "spesa.mp4", content))
	tab.UntilNumber(sent, more(100))
	tab.Press("button", "Pausa")
	tab.Sees("In pausa")
	got := w.townHall(balme).standing("/comune/testimonianze/" + itoa(id))
	if err := w.uploads.Discard(t.Context(), got.Arriving.ID); err != nil {
		t.Fatal(err)
	}
	tab.Press("button", "Riprendi")
	tab.Sees("L’invio di prima non c’è più: ricomincio da capo")
	w.line.lets(0)
	tab.Sees("Il video è arrivato e funziona")
	w.sentWhole(id, content)
}
