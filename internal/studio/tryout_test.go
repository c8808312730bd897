package studio_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/voci-in-comune/voci/internal/tryout"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

// rehearsed is a film of four seconds in a grey room, with a steady tone in it.
var rehearsed = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "rehearsed")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	return makeClip(dir, videotest.Spec{Seconds: 4, Picture: "color=0x808080:s=854x480:r=25", Faststart: true})
})

func rehearsedFilm(t *testing.T) []byte {
	t.Helper()
	b, err := rehearsed()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// linkOf is the link by which a town hall that is signed in came.
func (w *world) linkOf(municipality string) (id int64) {
	w.t.Helper()
	err := w.db.Reader(w.t.Context()).Raw(`SELECT id FROM links WHERE municipality_code = ? AND revoked_at IS NULL`, municipality).Scan(&id).Error
	if err != nil || id == 0 {
		w.t.Fatalf("the link of %s: %d (%v)", municipality, id, err)
	}
	return id
}

func TestRehearsalWithoutScripts(t *testing.T) {
	w := open(t)
	mayor, other := w.townHall(balme), w.townHall(ivrea)
	mayor.get("/comune").want(http.StatusOK).says("Fai prima una prova di 10 secondi")
	mayor.get("/comune/prova").want(http.StatusOK).says("Prova di 10 secondi", "Un video corto", "la vedi solo tu").silent("Com’è andata")

	// By the plain link of its answer the browser comes to the result.
	a := mayor.postFile("/comune/prova", nil, "prova.mp4", bytes.NewReader(rehearsedFilm(t))).want(http.StatusSeeOther)
	address, _, _ := strings.Cut(a.header.Get("Location"), "#")
	mayor.get(address).want(http.StatusOK).says("Com’è andata", "Prova fatta oggi alle 12:00",
		"luce buona", "rumore di fondo", "Chiudi porte e finestre", "immagine in orizzontale", "linea veloce",
		"un video di 3 minuti arriva in meno di un minuto", "la linea potrebbe essere anche più veloce",
		"Con il telefono, in Full HD 390 MB", "Un’altra prova")
	mayor.get("/en/comune/prova").says("good light", "background noise", "a video of 3 minutes arrives in less than a minute")
	mayor.get("/fr/comune/prova").says("bonne lumière", "bruit de fond", "une vidéo de 3 minutes arrive en moins d’une minute")

	w.later(24 * time.Hour)
	const hint = "Prova fatta ieri alle 12:00: luce buona, rumore di fondo, immagine in orizzontale, linea veloce."
	mayor.get("/comune").says(hint)
	mayor.get("/comune/testimonianze/nuova").says(hint)
	other.get("/comune").silent("Prova fatta")
	other.get("/comune/prova").silent("Com’è andata")
	if left, err := os.ReadDir(w.films); err != nil || len(left) > 0 {
		t.Errorf("kept %v (%v)", left, err)
	}
}

func TestRehearsalIsForTownHalls(t *testing.T) {
	w := open(t)
	film := rehearsedFilm(t)
	for who, b := range map[int]person{http.StatusUnauthorized: w.stranger(), http.StatusForbidden: w.staff()} {
		b.get("/comune/prova").want(who)
		b.postFile("/comune/prova", nil, "prova.mp4", bytes.NewReader(film)).want(who)
		b.post("/comune/prova/linea", url.Values{"id": {"1"}, "milliseconds": {"1000"}}).want(who)
	}
	var n int64
	if err := w.db.Reader(t.Context()).Model(&tryout.Result{}).Count(&n).Error; err != nil || n != 0 {
		t.Errorf("%d results (%v)", n, err)
	}
}

func TestRehearsalSaysWhatIsWrong(t *testing.T) {
	w := open(t)
	mayor := w.townHall(balme)
	film := rehearsedFilm(t)
	for name, c := range map[string]struct {
		send func() answer
		code int
		says string
	}{
		"no file":      {func() answer { return mayor.postFields("/comune/prova", url.Values{"x": {"y"}}) }, 422, "Scegli un video da inviare."},
		"an empty one": {func() answer { return mayor.postFile("/comune/prova", nil, "a.mp4", strings.NewReader("")) }, 422, "Il file è vuoto."},
		"a PDF":        {func() answer { return mayor.postFile("/comune/prova", nil, "a.mp4", strings.NewReader("%PDF-1.7")) }, 422, "Questo file è un PDF, non un video."},
		"half of it": {func() answer {
			return mayor.postFile("/comune/prova", nil, "a.mp4", bytes.NewReader(film[:len(film)/2]))
		}, 422, "Il file è incompleto"},
		"too large": {func() answer {
			return mayor.postFile("/comune/prova", nil, "a.mp4", io.MultiReader(bytes.NewReader(film), io.LimitReader(nothing{}, 41<<20)))
		}, 413, "può pesare al massimo 40 MB"},
	} {
		a := c.send().want(c.code)
		if said := a.wrong("video"); !strings.Contains(said, c.says) {
			t.Errorf("%s: %q", name, said)
		}
	}
	mayor.post("/comune/prova", url.Values{"video": {"x"}}).want(http.StatusUnprocessableEntity)
	mayor.post("/comune/prova/linea", url.Values{"id": {"1"}, "milliseconds": {"-5"}}).want(http.StatusUnprocessableEntity)
}

// TestRehearsalMeasuresTheLine states what the page says of a slow line, first by
// the portal's clock, then by the browser's.
func TestRehearsalMeasuresTheLine(t *testing.T) {
	w := open(t)
	mayor := w.townHall(balme)
	b := mayor.sendFilm(rehearsedFilm(t))
	var said struct {
		ID      int64
		Address string
		Looked  int64
	}
	if err := json.Unmarshal(b.body, &said); err != nil || said.ID == 0 || !strings.HasPrefix(said.Address, "/comune/prova?esito=") || said.Looked <= 0 {
		t.Fatalf("answered %s (%v)", b.body, err)
	}
	w.exec(`UPDATE tryouts SET bytes = 1000000, received_ms = 9153`)
	mayor.get("/comune/prova").says("Con questa linea un video di 3 minuti ci mette circa 9 minuti ad arrivare.", "Velocità misurata: 874 kbit al secondo.",
		"linea discreta", "Qui nel browser 59 MB circa 9 minuti", "in Full HD 390 MB circa 59 minuti", "in 4K 1,1 GB circa 3 ore")
	mayor.post("/comune/prova/linea", url.Values{"id": {itoa(said.ID)}, "milliseconds": {"61017"}}).want(http.StatusNoContent)
	mayor.get("/comune/prova").says("ci mette circa 60 minuti ad arrivare.", "Velocità misurata: 131 kbit al secondo.", "linea lenta",
		"usa il Wi-Fi del municipio", "in 4K 1,1 GB circa 18 ore")
	// Another town hall cannot say it for this one.
	w.exec(`UPDATE tryouts SET sent_ms = 0`)
	w.townHall(ivrea).post("/comune/prova/linea", url.Values{"id": {itoa(said.ID)}, "milliseconds": {"999000"}}).want(http.StatusNoContent)
	r, err := w.tryouts.Last(t.Context(), w.linkOf(balme))
	if err != nil || r == nil || r.SentMS != 0 {
		t.Errorf("the result is %+v (%v)", r, err)
	}
	w.exec(`UPDATE tryouts SET received_ms = 3000`)
	mayor.get("/comune/prova").says("Velocità misurata: 2,7 Mbit al secondo.")
	// Too fast to tell: only what it takes at most.
	w.exec(`UPDATE tryouts SET received_ms = 1900`)
	mayor.get("/comune/prova").says("ci mette al massimo circa 2 minuti ad arrivare.")
}

// TestRehearsalOnASlowLine sends a film through 64 KiB a second, which is 524
// kbit. A machine that has much to do makes it slower, nothing makes it faster.
func TestRehearsalOnASlowLine(t *testing.T) {
	w := open(t)
	film, err := makeClip(t.TempDir(), videotest.Spec{Seconds: 4, Width: 320, Height: 180, Picture: "testsrc2=s=320x180:r=25,noise=alls=3:allf=t", Faststart: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(film) < 256<<10 || len(film) > 4<<20 {
		t.Fatalf("a film of %d bytes does not show it", len(film))
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	line := toxiproxy.NewProxy(server, "line", "127.0.0.1:0", strings.TrimPrefix(w.base, "http://"))
	if err := line.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(line.Stop)
	if _, err := line.Toxics.AddToxicJson(strings.NewReader(`{"type": "bandwidth", "stream": "upstream", "attributes": {"rate": 64}}`)); err != nil {
		t.Fatal(err)
	}
	mayor := w.townHall(balme)
	body, contentType := multipartOf(t, "video", "prova.mp4", film)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+line.Listen+"/comune/prova", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	res, err := mayor.client.Do(r) // cookies do not know about ports
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d (%v)", res.StatusCode, err)
	}
	last, err := w.tryouts.Last(t.Context(), w.linkOf(balme))
	if err != nil || last == nil {
		t.Fatalf("the result is %+v (%v)", last, err)
	}
	if l := last.Line(); !l.Sure() || l.Speed() > 1.1*(64<<10) {
		t.Errorf("%d bytes took %v: %.0f bytes a second", l.Bytes, l.Took, l.Speed())
	}
	mayor.get("/comune/prova").says("Con questa linea un video di 3 minuti ci mette circa", "kbit al secondo")
}

// TestRehearsalRefusesForScripts answers in the reader's language, as JSON.
func TestRehearsalRefusesForScripts(t *testing.T) {
	w := open(t)
	mayor := w.townHall(balme)
	a := mayor.sendFilm([]byte("%PDF-1.7"))
	var said struct {
		Status  int
		Message string
	}
	if err := json.Unmarshal(a.body, &said); err != nil || a.code != http.StatusUnprocessableEntity || !strings.Contains(said.Message, "PDF") {
		t.Errorf("%d %s (%v)", a.code, a.body, err)
	}
}

// sendFilm sends a film as the page's script does.
func (b person) sendFilm(film []byte) answer {
	b.t.Helper()
	body, contentType := multipartOf(b.t, "video", "prova.webm", film)
	return b.send(http.MethodPost, "/comune/prova", body, contentType, "Accept", "application/json")
}

type nothing struct{}

func (nothing) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func multipartOf(t *testing.T, field, name string, content []byte) (body io.Reader, contentType string) {
	t.Helper()
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	part, err := parts.CreateFormFile(field, name)
	if err == nil {
		_, err = part.Write(content)
	}
	if err = errors.Join(err, parts.Close()); err != nil {
		t.Fatal(err)
	}
	return &b, parts.FormDataContentType()
}
