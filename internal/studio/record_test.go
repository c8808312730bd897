package studio_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

func TestThePageThatRecords(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := b.postFields("/comune/testimonianze?poi=registra", form("themes", "spazi-per-i-giovani"))
	id.want(http.StatusSeeOther)
	address := id.header.Get("Location")
	if address != "/comune/testimonianze/1/registra" {
		t.Fatalf("recording is at %s", address)
	}
	b.get(address).want(http.StatusOK).says("Dove si incontrano i ragazzi e le ragazze", "Per registrare da questa pagina serve JavaScript").
		silent("Per cominciare")
	b.get("/fr" + address).want(http.StatusOK).says("Où se retrouvent les jeunes de ta commune ?")
	w.exec(`INSERT INTO themes (slug, position, name_it, name_en, name_fr, colour, icon, youtube_tags) VALUES ('strade', 7, 'Strade', 'Roads', 'Routes', '#000000', 'voice', '[]')`)
	b.post("/comune/testimonianze/1", form("themes", "strade")).want(http.StatusSeeOther)
	b.get(address).want(http.StatusOK).says("Per cominciare", "Chi sei, e di quale Comune?")
	// What is not right yet is kept, and does not stand in the way.
	b.postFields("/comune/testimonianze/1?poi=registra", form("title", "")).want(http.StatusSeeOther)
	w.townHall(ivrea).get(address).want(http.StatusNotFound)
	w.stranger().get(address).want(http.StatusUnauthorized)
	said := w.submitted("In revisione")
	b.get("/comune/testimonianze/" + itoa(said.ID) + "/registra").want(http.StatusConflict)
}

// A file as browsers record it, trimmed on the page without JavaScript.
func TestTrimmingAFile(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	content := film(t, videotest.Spec{Seconds: 6, Container: "webm", Codec: "vp9", Live: true, Keys: 1000})
	id := b.postFile("/comune/testimonianze", form(), "prova.webm", bytes.NewReader(content)).made()
	w.look()
	page, action := "/comune/testimonianze/"+itoa(id), "/comune/testimonianze/"+itoa(id)+"/taglia"
	b.get(page).want(http.StatusOK).says("Taglia l’inizio e la fine").silent("Tagliato:")
	b.get(action).want(http.StatusOK).says("Comincia a", "Finisce a").silent("Mostra tutto il video")

	wrong := b.post(action, url.Values{"from": {"cinque"}, "to": {"6"}}).want(http.StatusUnprocessableEntity).says("Scrivi i secondi, per esempio 12,5")
	if wrong.wrong("from") == "" || wrong.valuesIn("trim-form").Get("from") != "cinque" {
		t.Error("what was typed is not at its field")
	}
	b.post(action, url.Values{"from": {"59"}, "to": {"1:10"}}).want(http.StatusUnprocessableEntity).says("Il video dura 6 secondi")

	b.post(action, url.Values{"from": {"1,4"}, "to": {"4"}}).want(http.StatusSeeOther)
	b.get(page).says("lo stiamo controllando", "Scelta salvata")
	w.look()
	cut := w.said(id).Video
	if d := cut.Duration() - 2600*time.Millisecond; d.Abs() > 80*time.Millisecond {
		t.Errorf("what is shown plays %s, want 2.6 s", cut.Duration())
	}
	path, size, sum := cut.Outgoing()
	w.holds(path, size, sum)
	if path == cut.Original || cut.State != testimony.VideoReady || cut.Uncut == "" {
		t.Errorf("it is %+v", cut)
	}
	b.get(page).says("Tagliato: si vedono 0:03 su 0:06")
	b.get(action).says("Adesso si vedono 0:03", "Mostra tutto il video")
	short, long := b.get(page+"/video").want(http.StatusOK).body, b.get(page+"/video?intero=1").want(http.StatusOK).body
	if bytes.Equal(short, long) || len(short) == 0 {
		t.Error("what the portal plays is not trimmed, or the whole is")
	}

	// Chosen otherwise, and undone: the original is what it was all along.
	b.post(action, url.Values{"from": {"0"}, "to": {"5"}}).want(http.StatusSeeOther)
	w.look()
	again := w.said(id).Video
	if d := again.Duration() - 5*time.Second; d.Abs() > 80*time.Millisecond || again.Cut == cut.Cut {
		t.Errorf("trimmed otherwise it plays %s, in %s", again.Duration(), again.Cut)
	}
	for _, gone := range []string{filepath.Join(w.vault, cut.Cut), filepath.Join(w.renditions, cut.Rendition), filepath.Join(w.renditions, cut.Poster)} {
		if _, err := os.Stat(gone); !os.IsNotExist(err) {
			t.Errorf("%s of the trim before is left: %v", filepath.Base(gone), err)
		}
	}
	b.post(action, url.Values{"from": {"0"}, "to": {"5"}, "all": {"1"}}).want(http.StatusSeeOther)
	w.look()
	v := w.said(id).Video
	if v.Cut != "" || v.Uncut != "" || v.DurationMS != v.SourceMS {
		t.Errorf("undone it is %+v", v)
	}
	w.sentWhole(id, content)
	if left, _ := filepath.Glob(filepath.Join(w.vault, "*.cut")); len(left) > 0 {
		t.Errorf("left in the vault: %v", left)
	}
}

// holds checks a file of the vault against what is known of it.
func (w *world) holds(path string, size int64, sum string) {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join(w.vault, path))
	if err != nil {
		w.t.Fatal(err)
	}
	got := sha256.Sum256(b)
	if int64(len(b)) != size || hex.EncodeToString(got[:]) != sum {
		w.t.Errorf("%s has %d bytes and another digest than %d and %s", path, len(b), size, sum)
	}
}

// A trim that is chosen while a look is under way must not be lost, nor must the
// one before come out.
func TestATrimChosenWhileTheFileIsLookedAt(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := b.postFile("/comune/testimonianze", form(), "prova.mp4", bytes.NewReader(film(t, videotest.Spec{Seconds: 4}))).made()
	w.look()
	action := "/comune/testimonianze/" + itoa(id) + "/taglia"
	b.post(action, url.Values{"from": {"1"}, "to": {"3"}}).want(http.StatusSeeOther)
	stale := *w.said(id).Video
	b.post(action, url.Values{"from": {"2"}, "to": {"4"}}).want(http.StatusSeeOther)
	stale.State, stale.DurationMS = testimony.VideoReady, 2_000
	if err := w.testimonies.VideoSeen(t.Context(), &stale); err != nil {
		t.Fatal(err)
	}
	if v := w.said(id).Video; v.State != testimony.VideoChecking || v.Trim.FromMS != 2_000 {
		t.Fatalf("the look that came late was kept: %+v", v)
	}
	w.look()
	if v := w.said(id).Video; v.State != testimony.VideoReady || v.Duration() < 1900*time.Millisecond || v.Cut == "" {
		t.Errorf("it is %+v", v)
	}
}

// A recording whose end the portal does not know is told in other words than a
// file that is half there.
func TestARecordingThatIsOnItsWay(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := b.post("/comune/testimonianze", form()).made()
	word := base64.StdEncoding.EncodeToString
	upload := b.send(http.MethodPost, "/caricamenti/", nil, "", "Tus-Resumable", "1.0.0", "Upload-Defer-Length", "1",
		"Upload-Metadata", "testimony "+word([]byte(itoa(id)))+",filename "+word([]byte("registrazione.webm"))).want(http.StatusCreated).header.Get("Location")
	b.send(http.MethodPatch, upload, bytes.NewReader(make([]byte, 5000)), "application/offset+octet-stream",
		"Tus-Resumable", "1.0.0", "Upload-Offset", "0").want(http.StatusNoContent)
	b.get("/comune").says("Una registrazione non è ancora arrivata tutta").silent("al 0 %", "%")
	page := b.get("/comune/testimonianze/"+itoa(id)).says("Una registrazione non è ancora arrivata tutta: ci sono 5 kB", "apri lì questa pagina")
	page.silent("Il video è arrivato al")
	// It can be given up there.
	b.post("/comune/testimonianze/"+itoa(id)+"/annulla-invio", form()).want(http.StatusSeeOther)
	b.get("/comune/testimonianze/" + itoa(id)).silent("Una registrazione")
}
