package studio_test

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

const vtt = "WEBVTT\n\n00:01.000 --> 00:02.000\nBuongiorno da Balme.\n"

// plan is the state of each step on the channel.
func (w *world) plan(id int64) map[string]publishing.Step {
	w.t.Helper()
	pubs, err := w.publisher.Of(w.t.Context(), []int64{id})
	if err != nil {
		w.t.Fatal(err)
	}
	steps, err := w.publisher.Steps(w.t.Context(), pubs[id].ID)
	if err != nil {
		w.t.Fatal(err)
	}
	by := map[string]publishing.Step{}
	for _, s := range steps {
		by[string(s.Kind)+" "+s.Key] = s
	}
	return by
}

func TestAPublishedTestimonyIsAmended(t *testing.T) {
	w := open(t)
	said := w.published("La spesa sale")
	b := w.townHall(balme)
	address := "/comune/testimonianze/" + itoa(said.ID)
	a := b.get(address).want(http.StatusOK)
	if link := a.one("a", "id", "amend"); attr(link, "href") != address+"/modifica" {
		t.Errorf("the link leads to %s", attr(link, "href"))
	}
	before := w.plan(said.ID)
	f := form("title", "La spesa arriva ovunque", "tags", "alpe", "visibility", "unlisted", "themes", "solidarieta",
		"title_en", "Groceries get everywhere", "version", itoa(int64(said.Version)))
	b.post(address+"/modifica", f).want(http.StatusSeeOther)
	b.get(address).says("Modifiche salvate", "La spesa arriva ovunque")
	got := w.said(said.ID)
	if diff := cmp.Diff([]any{"La spesa arriva ovunque", testimony.Tags{"alpe"}, testimony.Unlisted, 1, testimony.Published, 3},
		[]any{got.Title, got.Tags, got.Visibility, len(got.Themes), got.State, len(got.Releases)}); diff != "" {
		t.Error(diff)
	}
	if got.Translations["en"].Title != "Groceries get everywhere" || got.AmendedAt == nil {
		t.Errorf("translations %v, amended at %v", got.Translations, got.AmendedAt)
	}
	for name, s := range w.plan(said.ID) {
		if s.Wanted == before[name].Wanted && name != "thumbnail " {
			t.Errorf("step %s does not follow: %+v", name, s)
		}
	}

	t.Run("somebody else was faster", func(t *testing.T) {
		a := b.post(address+"/modifica", f).want(http.StatusConflict).says("Intanto qualcun altro ha cambiato questa testimonianza")
		if v := a.valuesIn("amend-form"); v.Get("title") != "La spesa arriva ovunque" || v.Get("title_en") != "Groceries get everywhere" {
			t.Errorf("what was typed is gone: %v", v)
		}
	})
	t.Run("what is wrong changes nothing and stays as typed", func(t *testing.T) {
		bad := form("title", "Noi < voi", "description_fr", "Sans titre", "version", itoa(int64(got.Version)))
		a := b.post(address+"/modifica", bad).want(http.StatusUnprocessableEntity)
		if !strings.HasPrefix(a.wrong("title"), "Nel titolo non si possono usare") || !strings.HasPrefix(a.wrong("title_fr"), "Scrivi anche il titolo in questa lingua") {
			t.Errorf("it says %q and %q", a.wrong("title"), a.wrong("title_fr"))
		}
		if v := a.valuesIn("amend-form"); v.Get("title") != "Noi < voi" || v.Get("description_fr") != "Sans titre" {
			t.Errorf("what was typed is gone: %v", v)
		}
		if now := w.said(said.ID); now.Version != got.Version {
			t.Error("something was kept of it")
		}
	})
	t.Run("not by another town hall", func(t *testing.T) {
		w.townHall("001272").post(address+"/modifica", f).want(http.StatusNotFound)
	})
}

func pngOf(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// film gives a testimony what the portal plays: three seconds of a test picture.
func (w *world) film(said *testimony.Testimony) {
	w.t.Helper()
	w.picture(said)
	path, err := videotest.Make(w.t.Context(), w.renditions, videotest.Spec{Name: "film-" + itoa(said.ID), Seconds: 3, Silent: true})
	if err != nil {
		w.t.Fatal(err)
	}
	w.exec(`UPDATE videos SET rendition = ?, duration_ms = 3000 WHERE id = ?`, filepath.Base(path), said.Video.ID)
}

func TestAnotherCover(t *testing.T) {
	w := open(t)
	said := w.published("La spesa sale")
	b := w.townHall(balme)
	address := "/comune/testimonianze/" + itoa(said.ID)
	picture := pngOf(t, 1920, 1080)
	b.postFileIn(address+"/copertina", nil, "poster", "nuova.png", bytes.NewReader(picture)).want(http.StatusConflict) // there is no file to put it on
	w.film(said)
	posters := func() []string {
		t.Helper()
		all, err := filepath.Glob(filepath.Join(w.renditions, "*.jpg"))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	// changed checks that the poster is another one, on the disk alone, and asked of
	// the channel.
	changed := func(before string) string {
		t.Helper()
		now := w.said(said.ID).Video.Poster
		if diff := cmp.Diff([]string{filepath.Join(w.renditions, now)}, posters()); diff != "" || now == before {
			t.Errorf("the poster is %s, was %s: %s", now, before, diff)
		}
		if s := w.plan(said.ID)["thumbnail "]; s.Wanted != now {
			t.Errorf("the channel does not follow: %+v", s)
		}
		return now
	}
	first := w.said(said.ID).Video.Poster
	for name, body := range map[string][]byte{"small.png": pngOf(t, 320, 180), "text.jpg": []byte("no"), "none": nil} {
		if got := b.postFileIn(address+"/copertina", nil, "poster", name, bytes.NewReader(body)).want(http.StatusUnprocessableEntity).wrong("poster"); got == "" {
			t.Errorf("%s: nothing is said", name)
		}
	}
	b.postFileIn(address+"/copertina", nil, "poster", "nuova.png", bytes.NewReader(picture)).want(http.StatusSeeOther)
	second := changed(first)

	for typed, want := range map[string]string{"": "", "presto": "Scrivi il momento in minuti e secondi", "0:04": "Il video dura 0:03"} {
		a := b.postFields(address+"/copertina", url.Values{"moment": {typed}}).want(http.StatusUnprocessableEntity)
		if got := a.wrong("moment"); !strings.HasPrefix(got, want) || a.valuesIn("cover-form").Get("moment") != typed {
			t.Errorf("%q: it says %q", typed, got)
		}
	}
	if now := w.said(said.ID).Video.Poster; now != second {
		t.Errorf("what was refused changed the poster to %s", now)
	}
	b.postFields(address+"/copertina", url.Values{"moment": {"0:02"}}).want(http.StatusSeeOther)
	changed(second)

	stale := url.Values{"moment": {"0:01"}, "version": {itoa(int64(said.Version))}}
	b.postFields(address+"/copertina", stale).want(http.StatusConflict).says("Intanto qualcun altro ha cambiato questa testimonianza")
	if n := len(posters()); n != 1 {
		t.Errorf("%d posters on the disk", n)
	}
	w.townHall("001272").postFields(address+"/copertina", url.Values{"moment": {"0:01"}}).want(http.StatusNotFound)
}

func TestTheProofOfAWithdrawal(t *testing.T) {
	w := open(t)
	said := w.published("La spesa sale")
	b := w.townHall(balme)
	address := "/comune/testimonianze/" + itoa(said.ID)
	b.get(address + "/prova").want(http.StatusNotFound)
	a := b.post(address+"/ritira", url.Values{"reason": {"Era sbagliata"}, "email": {"nessuno"}}).want(http.StatusUnprocessableEntity)
	if a.wrong("email") == "" || a.valuesIn("withdraw-form").Get("reason") != "Era sbagliata" {
		t.Errorf("it says %q, kept is %v", a.wrong("email"), a.valuesIn("withdraw-form"))
	}
	a = b.post(address+"/ritira", url.Values{"reason": {"Era sbagliata"}, "email": {"segreteria@comune.example"}}).want(http.StatusSeeOther)
	if to := a.header.Get("Location"); to != address+"/prova" {
		t.Errorf("it leads to %s", to)
	}
	b.get(address+"/prova").want(http.StatusOK).says("Prova del ritiro", "La spesa sale", "Balme", "dal Comune", "Era sbagliata", "Lo stiamo togliendo",
		"Approvata, dalla redazione", "Pubblicata, dal portale", "Ritirata, dal Comune", "Da togliere da YouTube, dal portale")
	w.exec(`UPDATE publications SET hidden_at = ?, delete_at = ? WHERE testimony_id = ?`, w.clock(), w.clock().AddDate(0, 0, 7), said.ID)
	b.get(address+"/prova").says("Privato da:", "Sarà cancellato:")
	w.exec(`UPDATE publications SET state = 'removed', since = ? WHERE testimony_id = ?`, w.clock().AddDate(0, 0, 7), said.ID)
	b.get(address + "/prova").says("Non c’è più da:").silent("Sarà cancellato:")
	w.townHall("001272").get(address + "/prova").want(http.StatusNotFound)
	if got := w.said(said.ID); got.ProofEmail != "segreteria@comune.example" {
		t.Errorf("the proof goes to %q", got.ProofEmail)
	}
}

// TestATownHallAmendsInItsBrowser does what a clerk does, on a telephone and on a
// desk.
func TestATownHallAmendsInItsBrowser(t *testing.T) {
	for i, size := range sizes {
		name := []string{"phone", "laptop"}[i]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t) // no file comes by the browser: nobody need look at it
			w.later(time.Since(noon))
			b := browser.Start(t)
			said := w.published("La spesa sale")
			w.film(said)
			tab := w.enter(t, b, size)
			tab.Open(w.base + "/comune/testimonianze/" + itoa(said.ID))
			tab.Press("link", "Modifica testi, sottotitoli e copertina")
			tab.Forgive("422")
			tab.Write("Titolo", "")
			tab.Press("button", "Salva le modifiche")
			tab.Sees("Scrivi un titolo.")
			tab.Check()
			picture(tab, "amend-wrong-"+name)
			tab.Write("Titolo", "La spesa arriva ovunque")
			tab.Press("button", "Salva le modifiche")
			tab.Sees("Modifiche salvate")
			tab.Press("link", "Modifica testi, sottotitoli e copertina")
			tab.Press("link", "Sottotitoli e trascrizione")
			tab.ChooseFile("File dei sottotitoli", file(t, "spesa.vtt", []byte(vtt)))
			tab.Press("button", "Aggiungi i sottotitoli")
			tab.Sees("spesa.vtt")
			tab.Open(w.base + "/comune/testimonianze/" + itoa(said.ID) + "/modifica")
			tab.ChooseFile("Un’altra immagine", file(t, "nuova.png", pngOf(t, 1280, 720)))
			tab.Press("button", "Cambia la copertina")
			tab.Sees("Copertina cambiata")
			chosen := w.said(said.ID).Video.Poster
			tab.Open(w.base + "/comune/testimonianze/" + itoa(said.ID) + "/modifica") // without the sentence of before
			tab.Write("Un momento del video", "0:01")
			tab.Press("button", "Cambia la copertina")
			tab.Sees("Copertina cambiata")
			tab.Check()
			picture(tab, "amend-"+name)
			if now := w.said(said.ID).Video.Poster; now == chosen {
				t.Error("a moment of the video did not become the cover")
			}
			tab.Open(w.base + "/comune/testimonianze/" + itoa(said.ID))
			tab.Unfold("Ritira la testimonianza")
			tab.Write("Perché la ritiri?", "Era sbagliata")
			tab.Press("button", "Ritira")
			tab.Sees("Prova del ritiro")
			tab.Check()
			picture(tab, "proof-"+name)
			if got := w.said(said.ID); got.State != testimony.Withdrawn || got.Title != "La spesa arriva ovunque" {
				t.Errorf("it is %s: %q", got.State, got.Title)
			}
		})
	}
}
