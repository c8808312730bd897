package studio_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

// ofFilm is the metadata of a small version of a film of so many bytes.
func ofFilm(size int) string {
	word := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	return ",version " + word("small") + ",whole " + word(itoa(int64(size)))
}

// sendSmall sends a small version of whole over tus, and has it looked at.
func (w *world) sendSmall(b person, id int64, whole []byte) {
	w.t.Helper()
	small := film(w.t, videotest.Spec{Width: 160, Height: 90})
	url := b.beginAs("", id, "spesa (480p).webm", len(small), ofFilm(len(whole)))
	b.tus(http.MethodPatch, url, small, "Upload-Offset", "0").want(http.StatusNoContent)
	w.look()
}

func TestInTwoGoes(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	whole := film(t, videotest.Spec{})
	id := b.post("/comune/testimonianze", form()).made()
	address := "/comune/testimonianze/" + itoa(id)
	url := b.begin("", id, "spesa.mp4", len(whole))
	b.tus(http.MethodPatch, url, whole[:len(whole)/4], "Upload-Offset", "0").want(http.StatusNoContent)

	w.sendSmall(b, id, whole)
	got := b.standing(address)
	if got.Video != "" || got.Small != "ready" || got.Arriving == nil || got.Arriving.Percent != 24 && got.Arriving.Percent != 25 {
		t.Errorf("told: %+v", got)
	}
	if a := b.get(address).says("La versione piccola è arrivata: la redazione può già cominciare.", "Ultimo giorno per continuare:"); a.shown() != "half" {
		t.Errorf("of the file the page shows %q", a.shown())
	}
	b.post(address+"/invia", nil).want(http.StatusSeeOther)
	if got := w.said(id); got.State != testimony.InReview {
		t.Fatalf("it is %s", got.State)
	}
	b.get(address).says(
		"Il video intero", "La redazione ha la versione piccola.", "C’è la versione piccola. Del video intero è arrivato il", "È la versione piccola: il video intero arriva.",
	)
	b.get("/comune").says("Del video intero è arrivato il", "Per pubblicare serve il video intero.", "Continua l’invio")
	b.get(address + "/video").want(http.StatusOK)

	// The film goes on arriving although the form is closed.
	b.post(address, form("title", "Un altro")).want(http.StatusConflict)
	b.tus(http.MethodPatch, url, whole[len(whole)/4:], "Upload-Offset", itoa(int64(len(whole)/4))).want(http.StatusNoContent)
	b.get(address).says("Il video intero è arrivato: lo stiamo controllando")
	w.look()
	if got := w.said(id); got.State != testimony.InReview || got.Small != nil || got.Video.Filename != "spesa.mp4" || got.Doubt.Key != "" {
		t.Errorf("it is %s with %+v, doubt %q", got.State, got.Video, got.Doubt.Key)
	}
	b.get(address).silent("versione piccola", "Invia il video intero")
	w.sentWhole(id, whole)
}

func TestTheFullFileInOneGoWithoutAScript(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	whole := film(t, videotest.Spec{})
	id := b.post("/comune/testimonianze", form()).made()
	address := "/comune/testimonianze/" + itoa(id)
	w.sendSmall(b, id, whole)
	b.post(address+"/invia", nil).want(http.StatusSeeOther)
	action := attr(b.get(address).one("form", "id", "whole-form"), "action")

	if got := b.postFile(action, nil, "", strings.NewReader("")).want(http.StatusUnprocessableEntity).wrong("video"); got != "Manca il video: scegli un file." {
		t.Errorf("without a file it says %q", got)
	}
	b.postFile(action, nil, "spesa.mp4", bytes.NewReader(whole)).want(http.StatusSeeOther)
	b.get(address).says("Il video intero è arrivato. Ora lo controlliamo.")
	w.look()
	w.sentWhole(id, whole)
	if a := b.postFile(action, nil, "altro.mp4", bytes.NewReader(whole)).want(http.StatusConflict); !strings.Contains(a.text(), "non si può più modificare") {
		t.Errorf("a second one: %s", a.text())
	}
}

func TestAnUploadOfTheFullFileIsGivenUpInReview(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	whole := film(t, videotest.Spec{})
	id := b.post("/comune/testimonianze", form()).made()
	address := "/comune/testimonianze/" + itoa(id)
	url := b.begin("", id, "spesa.mp4", len(whole))
	w.sendSmall(b, id, whole)
	w.later(time.Minute)
	b.post(address+"/invia", nil).want(http.StatusSeeOther)
	cancel := b.get(address).one("button", "id", "cancel-upload")
	b.postFields(attr(cancel, "formaction"), nil).want(http.StatusSeeOther)
	b.tus(http.MethodHead, url, nil).want(http.StatusNotFound)
	b.get(address).says("Manca ancora il video intero", "Invia il video intero")
	if got := w.said(id); got.State != testimony.InReview {
		t.Errorf("it is %s", got.State)
	}
}

func TestVersionsThatAreNone(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := b.post("/comune/testimonianze", form()).made()
	word := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	send := func(more string) answer {
		return b.tus(http.MethodPost, "/caricamenti/", nil, "Upload-Length", "10", "Upload-Metadata", "testimony "+word(itoa(id))+more)
	}
	for name, more := range map[string]string{
		"unknown":           ",version " + word("tiny") + ",whole " + word("1000"),
		"of nothing":        ",version " + word("small"),
		"of less than none": ",version " + word("small") + ",whole " + word("-1"),
	} {
		if a := send(more); a.code != http.StatusBadRequest {
			t.Errorf("%s: %d", name, a.code)
		}
	}
	// Once the film is there nobody wants its small version.
	b.postFile("/comune/testimonianze/"+itoa(id), form(), "spesa.mp4", bytes.NewReader(film(t, videotest.Spec{}))).want(http.StatusSeeOther)
	if a := send(ofFilm(1000)).want(http.StatusConflict); !strings.HasPrefix(string(a.body), "La versione piccola non serve più") {
		t.Errorf("too late: %s", a.body)
	}
}
