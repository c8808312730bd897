package studio_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"image"
	_ "image/png"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/presskit"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// makeCuts does what the queue would.
func (w *world) makeCuts() {
	w.t.Helper()
	w.mu.Lock()
	ids := w.uncut
	w.uncut = nil
	w.mu.Unlock()
	for _, id := range ids {
		if err := w.cutter.Work(context.WithoutCancel(w.t.Context()), id); err != nil {
			w.t.Error(err)
		}
	}
}

const spoken = "WEBVTT\n\n00:00.000 --> 00:01.500\nNessuno resta solo quassù, davvero nessuno.\n"

func TestThePressKitIsThereWhileCitizensSeeTheTestimony(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	waiting := w.submitted("In attesa")
	b.get("/comune/testimonianze/" + itoa(waiting.ID) + "/stampa").want(http.StatusNotFound).says("quando la testimonianza è pubblicata")

	said := w.published("La spesa sale fino all’ultima borgata")
	w.film(said)
	out, err := w.testimonies.TakeCaptionFile(t.Context(), "test", balme, said.ID, testimony.DraftEdit{Language: "it", Filename: "a.vtt", Text: spoken}, &testimony.Caption{VTT: spoken})
	if err != nil || !out {
		t.Fatal(out, err)
	}
	at := "/comune/testimonianze/" + itoa(said.ID) + "/stampa"
	w.townHall(ivrea).get(at).want(http.StatusNotFound)
	w.townHall(ivrea).get(at + "/locandina.pdf").want(http.StatusNotFound)
	w.stranger().get(at).want(http.StatusUnauthorized)

	page := b.get(at).want(http.StatusOK).says("Falla conoscere", w.base+"/v/"+itoa(said.ID), "Nessuno resta solo quassù")
	if snippet := page.one("textarea", "id", "kit-snippet"); !strings.Contains(page.text(), `<iframe src="`+w.base+"/incorpora/testimonianze/"+itoa(said.ID)) {
		t.Errorf("the snippet is %v", snippet)
	}
	quote := presskit.Choose(presskit.Sentences(w.said(said.ID), spoken), "")
	for _, s := range presskit.Sentences(w.said(said.ID), spoken) {
		if s.Source == presskit.FromCaptions {
			quote = s
		}
	}
	for name, want := range map[string]struct {
		kind string
		size image.Point
	}{
		"locandina.pdf": {"application/pdf", image.Point{}}, "codice-qr.png": {"image/png", image.Point{}},
		"citazione-quadrata.png?frase=" + quote.ID: {"image/png", image.Point{1080, 1080}}, "citazione-verticale.png?frase=" + quote.ID: {"image/png", image.Point{1080, 1920}},
	} {
		got := b.get(at + "/" + name).want(http.StatusOK)
		if kind := got.header.Get("Content-Type"); kind != want.kind || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s is %s, kept %s", name, kind, got.header.Get("Cache-Control"))
		}
		if want.size != (image.Point{}) {
			if c, _, err := image.DecodeConfig(bytes.NewReader(got.body)); err != nil || (image.Point{c.Width, c.Height}) != want.size {
				t.Errorf("%s: %v %v", name, c, err)
			}
		}
	}
	if bytes.Equal(b.get(at+"/citazione-quadrata.png").body, b.get(at+"/citazione-quadrata.png?frase="+quote.ID).body) {
		t.Error("the chosen sentence changes nothing")
	}
	if !bytes.Equal(b.get(at+"/citazione-quadrata.png").body, b.get(at+"/citazione-quadrata.png?frase=words+of+mine").body) {
		t.Error("words that are not the testimony's are drawn")
	}
	b.get(at + "/altro.png").want(http.StatusNotFound)

	if _, err := w.testimonies.Withdraw(t.Context(), "test", balme, said.ID, testimony.Withdrawal{}); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"", "/locandina.pdf", "/citazione-quadrata.png", "/tutto.zip", "/tagli/square"} {
		b.get(at + gone).want(http.StatusGone)
	}
}

func TestCutsAreMadeWhenAskedForAndGoneWithTheWithdrawal(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	said := w.published("La spesa sale")
	w.film(said)
	at := "/comune/testimonianze/" + itoa(said.ID) + "/stampa"

	w.townHall(ivrea).post(at+"/tagli", map[string][]string{"shape": {"square"}, "framing": {"padded"}}).want(http.StatusNotFound)
	b.post(at+"/tagli", map[string][]string{"shape": {"round"}, "framing": {"padded"}}).want(http.StatusNotFound)
	b.post(at+"/tagli", map[string][]string{"shape": {"square"}}).want(http.StatusUnprocessableEntity).says("Scegli come adattare l’immagine")
	b.get(at + "/tagli/square").want(http.StatusNotFound).says("Questo video non è pronto")

	for range 2 { // pressed twice
		b.post(at+"/tagli", map[string][]string{"shape": {"square"}, "framing": {"padded"}}).want(http.StatusSeeOther)
	}
	b.post(at+"/tagli", map[string][]string{"shape": {"vertical"}, "framing": {"cropped"}}).want(http.StatusSeeOther)
	b.get(at).says("Si prepara…")
	if len(w.uncut) != 2 {
		t.Fatalf("%d cuts are to be made, want 2", len(w.uncut))
	}
	w.makeCuts()
	b.get(at).says("Pronto.").silent("Si prepara")
	for shape, want := range map[string][2]int{"square": {1080, 1080}, "vertical": {1080, 1920}} {
		film := filepath.Join(t.TempDir(), shape+".mp4")
		if err := os.WriteFile(film, b.raw(at+"/tagli/"+shape), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := sizeOf(t, film); got != want {
			t.Errorf("%s is %v", shape, got)
		}
	}
	inside := unpack(t, b.raw(at+"/tutto.zip"))
	for _, name := range []string{"LEGGIMI.txt", "locandina.pdf", "citazione-quadrata.png", "citazione-verticale.png", "codice-qr.png", "per-il-sito.html", "copertina.jpg", "video-quadrato.mp4", "video-verticale.mp4"} {
		if len(inside[name]) == 0 {
			t.Errorf("the bundle lacks %s: it has %v", name, inside)
		}
	}
	if text := string(inside["LEGGIMI.txt"]); !strings.Contains(text, w.base+"/v/"+itoa(said.ID)) {
		t.Errorf("LEGGIMI.txt says %s", text)
	}

	// Another framing takes the place of the one before.
	b.post(at+"/tagli", map[string][]string{"shape": {"square"}, "framing": {"cropped"}}).want(http.StatusSeeOther)
	w.makeCuts()
	if files := w.cutFiles(); len(files) != 2 {
		t.Errorf("kept: %v", files)
	}
	// A cut whose file is lost, as after a restore, can be asked for again.
	for _, name := range w.cutFiles() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	b.get(at + "/tagli/square").want(http.StatusNotFound)
	b.post(at+"/tagli", map[string][]string{"shape": {"square"}, "framing": {"cropped"}}).want(http.StatusSeeOther)

	// Withdrawn while one is being made: nothing stays.
	if _, err := w.testimonies.Withdraw(t.Context(), "test", balme, said.ID, testimony.Withdrawal{}); err != nil {
		t.Fatal(err)
	}
	b.get(at + "/tagli/square").want(http.StatusGone)
	w.makeCuts()
	w.makeCuts()
	var rows int64
	w.db.Reader(t.Context()).Model(&presskit.Cut{}).Count(&rows)
	if files := w.cutFiles(); rows != 0 || len(files) != 0 {
		t.Errorf("after the withdrawal: %d rows, %v", rows, files)
	}
	if err := w.cutter.Ask(t.Context(), "test", balme, said.ID, presskit.Square, presskit.Padded); fault.Of(err) != fault.Conflict {
		t.Errorf("of a withdrawn one: %v", err)
	}
}

func TestACutThatCannotBeMadeSaysSoAndCanBeTriedAgain(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	said := w.published("La spesa sale")
	w.film(said)
	at := "/comune/testimonianze/" + itoa(said.ID) + "/stampa"
	rendition := filepath.Join(w.renditions, w.said(said.ID).Video.Rendition)
	good, err := os.ReadFile(rendition)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(rendition, []byte("not a video at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	ask := func() {
		b.post(at+"/tagli", map[string][]string{"shape": {"square"}, "framing": {"padded"}}).want(http.StatusSeeOther)
		w.makeCuts()
	}
	ask()
	b.get(at).says("Non è riuscito. Il video pubblicato è al sicuro.", "Riprova")
	if err := os.WriteFile(rendition, good, 0o600); err != nil {
		t.Fatal(err)
	}
	ask()
	b.get(at).says("Pronto.").silent("Non è riuscito")

	// Old ones are swept, and files that nobody knows.
	stranger := w.cutter.Path(presskit.Cut{File: "9-square-before.mp4"})
	if err := os.WriteFile(stranger, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(stranger, noon, noon); err != nil {
		t.Fatal(err)
	}
	w.later(presskit.CutLife + 1)
	if err := w.cutter.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.makeCuts()
	if files := w.cutFiles(); len(files) != 0 {
		t.Errorf("after a month: %v", files)
	}
}

// cutFiles are the files of cuts.
func (w *world) cutFiles() []string {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(w.cutter.Path(presskit.Cut{File: "x"})), "*"))
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

// raw is the body of a file, which is no page.
func (b person) raw(path string) []byte {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.base+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	content, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		b.t.Fatalf("%s: %d %v", path, res.StatusCode, err)
	}
	return content
}

func sizeOf(t *testing.T, path string) [2]int {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=width,height", "-of", "json", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var seen struct {
		Streams []struct{ Width, Height int }
	}
	if err := json.Unmarshal(out, &seen); err != nil || len(seen.Streams) != 1 {
		t.Fatalf("%s: %v", out, err)
	}
	return [2]int{seen.Streams[0].Width, seen.Streams[0].Height}
}

func unpack(t *testing.T, content []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := io.Copy(&b, r); err != nil {
			t.Fatal(err)
		}
		files[f.Name] = b.Bytes()
	}
	return files
}

func TestThePressKitInTheBrowser(t *testing.T) {
	w, b := inBrowser(t)
	said := w.published("La spesa sale fino all’ultima borgata")
	w.film(said)
	at := "/comune/testimonianze/" + itoa(said.ID)
	for _, size := range sizes {
		tab := w.enter(t, b, size)
		tab.Open(at)
		tab.Press("link", "Falla conoscere")
		tab.At(at + "/stampa")
		tab.Check()
		picture(tab, "kit")
		tab.Open("/comune/avvisi")
		tab.Check()
		picture(tab, "notices-new")
	}
	small := w.enter(t, b, browser.Small)
	for _, path := range []string{at + "/stampa", "/fr" + at + "/stampa", "/en/comune/avvisi"} {
		small.Open(path)
		small.Check()
	}
	tab := w.enter(t, b, sizes[0])
	tab.Open(at + "/stampa")
	tab.Press("button", "Prepara: Verticale (1080 × 1920)")
	tab.Sees("Si prepara…")
	tab.Check()
	w.makeCuts()
	tab.Sees("Pronto.") // by itself
	tab.Check()
	picture(tab, "kit-ready")
	tab.Open("/comune")
	tab.Check()
	tab.Press("link", "Gli avvisi per posta")
	tab.At("/comune/avvisi")
	tab.Check()
	tab.Forgive("status of 422")
	tab.Write("Il tuo indirizzo", "municipio")
	tab.Press("button", "Salva")
	tab.Sees("Questo indirizzo non va bene")
	tab.Check()
	picture(tab, "notices")
	tab.Write("Il tuo indirizzo", "sindaca@comune.balme.example")
	tab.Press("button", "Salva")
	tab.Sees("Salvato.")
	tab.Check()
}
