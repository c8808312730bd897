package studio_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/register"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// pdf is a small one that is whole, with so many bytes.
func pdf(size int) []byte {
	const head, end = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n", "\ntrailer<</Root 1 0 R>>\n%%EOF\n"
	return []byte(head + strings.Repeat("%", max(0, size-len(head)-len(end))) + end)
}

// person is what is typed of somebody who is filmed.
func filmedForm(changes ...string) url.Values {
	texts := testimony.FilmedConsents()
	f := url.Values{
		"name": {"Anna Bò"}, "age": {"adult"}, "guardian": {""}, "relation": {""}, "given_on": {"2026-11-23"},
		"agreed_adult": {texts[0].Agreement()},
	}
	for i := 0; i+1 < len(changes); i += 2 {
		f[changes[i]] = strings.Split(changes[i+1], "|")
	}
	return f
}

func childForm(changes ...string) url.Values {
	return filmedForm(append([]string{
		"name", "La bambina con il cappello", "age", "minor", "guardian", "Nicolò Bò e Anna Rì", "relation", "parents",
		"agreed_adult", "", "agreed_minor", testimony.FilmedConsents()[1].Agreement(),
	}, changes...)...)
}

func people(id int64) string { return "/comune/testimonianze/" + itoa(id) + "/persone-riprese" }

// filmed is the register as it is now.
func (w *world) filmed(id int64) []testimony.Filmed {
	w.t.Helper()
	all, err := w.testimonies.Register(w.t.Context(), testimony.Anywhere, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// papers are the signed releases in the vault.
func (w *world) papers() (names []string) {
	w.t.Helper()
	entries, err := os.ReadDir(w.vault)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".pdf") {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestTheFormAsksWhoElseAppears(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	said := w.arrived("Con il coro", testimony.VideoReady)
	at := "/comune/testimonianze/" + itoa(said.ID)
	f := form()
	f["others"] = []string{""} // the question was put and nobody answered
	if got := b.post(at+"?poi=invia", f).want(http.StatusUnprocessableEntity).wrong("others"); !strings.HasPrefix(got, "Rispondi: nel video si riconosce") {
		t.Errorf("it says %q", got)
	}
	f["others"] = []string{"", "yes"}
	a := b.post(at+"?poi=invia", f).want(http.StatusUnprocessableEntity)
	if got := a.wrong("others"); !strings.HasPrefix(got, "Hai risposto che compare qualcun altro") {
		t.Errorf("it says %q", got)
	}
	if got := a.values()["others"]; !cmp.Equal(got, []string{"", "yes"}) {
		t.Errorf("the answer is shown as %q", got)
	}
	// The button that saves and opens the register keeps what was typed, right or wrong.
	f["title"], f["others"] = []string{"Noi < voi"}, []string{"", "yes"}
	open := attr(a.one("button", "id", "open-register"), "formaction")
	to := b.postFields(open, f).want(http.StatusSeeOther).header.Get("Location")
	if to != people(said.ID) || w.said(said.ID).Unfinished["title"] != "Noi < voi" {
		t.Errorf("it leads to %s, and keeps %v", to, w.said(said.ID).Unfinished)
	}
	b.get(to).want(http.StatusOK).says("Qui vedrai chi compare nel video.", testimony.FilmedConsents()[0].Wording, testimony.FilmedConsents()[1].Wording)
	b.post(to, filmedForm()).want(http.StatusSeeOther)
	b.get(to).says("Persona aggiunta al registro.", "Anna Bò", "Maggiorenne", "Consenso dato il 23 novembre 2026", "dal Comune, con il collegamento personale n.", "testo del 2026-11")
	f["title"] = form()["title"]
	b.post(at+"?poi=invia", f).want(http.StatusSeeOther)
	if got := w.said(said.ID).State; got != testimony.InReview {
		t.Errorf("it is %s", got)
	}
	b.get(at).says("Persone riprese nel video (1)")

	// A new form: its draft is made first.
	page := b.get("/comune/testimonianze/nuova")
	made := b.postFields(attr(page.one("button", "id", "open-register"), "formaction"), form("others", "|yes")).want(http.StatusSeeOther).header.Get("Location")
	if !strings.HasSuffix(made, "/persone-riprese") {
		t.Errorf("it leads to %s", made)
	}
	b.get(made).want(http.StatusOK)
	if got := w.said(made2id(made)).Others; got != testimony.OthersYes {
		t.Errorf("others: %q", got)
	}
	// An empty answer, as another tab sends it, takes none back.
	b.post(strings.TrimSuffix(made, "/persone-riprese")+"?parte=1", url.Values{"others": {""}}).want(http.StatusSeeOther)
	if got := w.said(made2id(made)).Others; got != testimony.OthersYes {
		t.Errorf("others: %q", got)
	}
}

func made2id(address string) (id int64) {
	_, _ = fmt.Sscanf(address, "/comune/testimonianze/%d/", &id)
	return id
}

func TestAProgramThatDoesNotKnowTheQuestionIsNotStopped(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	said := w.arrived("Da un programma", testimony.VideoReady)
	f := form()
	delete(f, "others")
	at := "/comune/testimonianze/" + itoa(said.ID)
	b.post(at, f).want(http.StatusSeeOther)
	b.post(at+"/invia", nil).want(http.StatusSeeOther)
	if got := w.said(said.ID); got.State != testimony.InReview || got.Others != testimony.OthersUnsaid {
		t.Errorf("%s, others %q", got.State, got.Others)
	}
}

func TestWhatIsWrongWithAPersonIsSaidAtItsField(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := w.arrived("Con il coro", testimony.VideoReady).ID
	for name, c := range map[string]struct {
		typed       url.Values
		field, says string
	}{
		"no name":               {filmedForm("name", " "), "name", "Scrivi il nome, o come si riconosce"},
		"another encoding":      {filmedForm("name", "Nicol\xf2"), "name", "C’è un carattere che non si legge"},
		"no age":                {filmedForm("age", ""), "age", "Scegli se è maggiorenne o minorenne."},
		"no consent":            {filmedForm("agreed_adult", ""), "agreed_adult", "Senza il consenso non si può pubblicare"},
		"a consent of long ago": {filmedForm("agreed_adult", "filmed_adult@2019-01"), "agreed_adult", "Intanto il testo del consenso è cambiato."},
		"nobody for the child":  {childForm("guardian", ""), "guardian", "Per un minorenne serve il nome di chi dà il consenso."},
		"who is that":           {childForm("relation", ""), "relation", "Scegli che cosa è per il minorenne"},
		"tomorrow":              {filmedForm("given_on", "2026-11-25"), "given_on", "Il giorno è nel futuro."},
		"no day":                {filmedForm("given_on", ""), "given_on", "Scrivi il giorno."},
	} {
		t.Run(name, func(t *testing.T) {
			for _, send := range []func(string, url.Values) answer{
				func(to string, f url.Values) answer { return b.post(to, f) },
				b.postFields,
				func(to string, f url.Values) answer {
					return b.postFileIn(to, f, "paper", "firma.pdf", bytes.NewReader(pdf(2000)))
				},
			} {
				a := send(people(id), c.typed).want(http.StatusUnprocessableEntity)
				if got := a.wrong(c.field); !strings.HasPrefix(got, c.says) {
					t.Errorf("it says %q", got)
				}
				shown := a.valuesIn("filmed-form")
				for _, field := range []string{"guardian", "relation", "given_on"} {
					if got := shown.Get(field); got != c.typed.Get(field) {
						t.Errorf("%s is shown as %q, was typed as %q", field, got, c.typed.Get(field))
					}
				}
				if len(w.filmed(id)) != 0 {
					t.Error("it was added")
				}
			}
		})
	}
	b.post("/en"+people(id), filmedForm("name", "")).want(http.StatusUnprocessableEntity).says("Write the name, or how to recognise")
	b.post("/fr"+people(id), filmedForm("name", "")).want(http.StatusUnprocessableEntity).says("Écrivez le nom, ou comment reconnaître")
}

func TestASignedReleaseIsAPDF(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := w.arrived("Con il coro", testimony.VideoReady).ID
	whole := pdf(50_000)
	for name, c := range map[string]struct {
		content []byte
		status  int
		says    string
	}{
		"a page in disguise":       {[]byte("<!doctype html><script>alert(1)</script>%PDF-1.4 %%EOF"), http.StatusUnsupportedMediaType, "Questo file non è un PDF"},
		"a photo":                  {[]byte("\xff\xd8\xff\xe0\x00\x10JFIF %PDF-1.7 %%EOF"), http.StatusUnsupportedMediaType, "Questo file non è un PDF"},
		"a program":                {append([]byte("MZ\x90\x00"), whole...), http.StatusUnsupportedMediaType, "Questo file non è un PDF"},
		"one that is cut short":    {whole[:len(whole)/2], http.StatusUnprocessableEntity, "Il PDF si interrompe"},
		"nothing":                  {nil, http.StatusUnprocessableEntity, "Il file è vuoto."},
		"one byte too many":        {pdf(register.MaxPaper + 1), http.StatusRequestEntityTooLarge, "Il file supera 10 MB."},
		"much more than too large": {pdf(3 * register.MaxPaper), http.StatusRequestEntityTooLarge, "Il file supera 10 MB."},
	} {
		t.Run(name, func(t *testing.T) {
			a := b.postFileIn(people(id), filmedForm(), "paper", "liberatoria.pdf", bytes.NewReader(c.content)).want(c.status)
			if got := a.wrong("paper"); !strings.HasPrefix(got, c.says) {
				t.Errorf("it says %q", got)
			}
			if got := a.valuesIn("filmed-form"); got.Get("name") != "Anna Bò" || got.Get("agreed_adult") == "" {
				t.Errorf("what was typed is lost: %v", got)
			}
			if len(w.filmed(id)) != 0 || len(w.papers()) != 0 {
				t.Errorf("kept: %v, %v", w.filmed(id), w.papers())
			}
		})
	}

	largest := pdf(register.MaxPaper)
	b.postFileIn(people(id), childForm(), "paper", `..\..\Libera\x00toria Nicolò.exe`, bytes.NewReader(largest)).want(http.StatusSeeOther)
	kept := w.filmed(id)[0]
	if kept.Paper == nil || kept.Paper.Bytes != register.MaxPaper || len(w.papers()) != 1 || w.papers()[0] != kept.Paper.Name || strings.ContainsAny(kept.Paper.Name, `/\`) {
		t.Fatalf("kept as %+v", kept.Paper)
	}
	to := people(id) + "/" + itoa(kept.ID) + "/pdf"
	got := b.get(to).want(http.StatusOK)
	if !bytes.Equal(got.body, largest) {
		t.Errorf("%d bytes came back", len(got.body))
	}
	want := map[string]string{
		"Content-Type": "application/pdf", "X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store",
		"Content-Disposition": fmt.Sprintf(`attachment; filename="liberatoria-%d-%d.pdf"`, id, kept.ID),
	}
	for name, value := range want {
		if got.header.Get(name) != value {
			t.Errorf("%s: %q, want %q", name, got.header.Get(name), value)
		}
	}
	// Nobody else's: neither another town hall nor a stranger.
	w.townHall(ivrea).get(to).want(http.StatusNotFound)
	w.townHall(ivrea).get(people(id)).want(http.StatusNotFound)
	w.townHall(ivrea).post(people(id), filmedForm()).want(http.StatusNotFound)
	w.stranger().get(to).want(http.StatusUnauthorized)

	// A file that is gone is said, and does not break the page.
	if err := os.Remove(w.vault + "/" + kept.Paper.Name); err != nil {
		t.Fatal(err)
	}
	b.get(to).want(http.StatusNotFound).says("Questa liberatoria non c’è.")
	b.get(people(id)).want(http.StatusOK)
}

func TestAPDFIsSentOnceThoughTheFormIsSentTwice(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := w.arrived("Con il coro", testimony.VideoReady).ID
	other := w.arrived("Senza coro", testimony.VideoReady).ID
	a := b.postFileIn(people(id), childForm("guardian", ""), "paper", "firma.pdf", bytes.NewReader(pdf(3000))).want(http.StatusUnprocessableEntity)
	a.says("«firma.pdf» è già arrivato: non serve sceglierlo di nuovo.")
	again := a.valuesIn("filmed-form")
	again.Set("guardian", "Anna Rì")
	// Another testimony cannot take it.
	if got := b.postFields(people(other), again).want(http.StatusUnprocessableEntity).wrong("paper"); !strings.HasPrefix(got, "Il PDF che avevi scelto non c’è più") {
		t.Errorf("it says %q", got)
	}
	b.postFields(people(id), again).want(http.StatusSeeOther)
	b.postFields(people(id), again).want(http.StatusSeeOther) // pressed twice
	kept := w.filmed(id)
	if len(kept) != 1 || kept[0].Paper == nil || kept[0].Paper.Filename != "firma.pdf" || len(w.papers()) != 1 {
		t.Errorf("%+v, %v", kept, w.papers())
	}
	for _, name := range []string{"../voci.db", "release-1-x.pdf", strings.Repeat("a", 10_000)} {
		again.Set("paper_kept", name)
		again.Del("key")
		b.postFields(people(id), again).want(http.StatusUnprocessableEntity)
	}
	// A form larger than any has its answer too.
	again.Set("name", strings.Repeat("è", 20_000))
	b.postFields(people(id), again).want(http.StatusRequestEntityTooLarge)
}

func TestAnEntryIsCorrectedInTwoTabs(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := w.arrived("Con il coro", testimony.VideoReady).ID
	b.postFileIn(people(id), filmedForm(), "paper", "firma.pdf", bytes.NewReader(pdf(3000))).want(http.StatusSeeOther)
	at := people(id) + "/" + itoa(w.filmed(id)[0].ID)
	first := b.get(at).want(http.StatusOK).says("C’è già: firma.pdf").valuesIn("filmed-form")
	second := b.get(at).valuesIn("filmed-form")
	first.Set("name", "Anna Bò in Rossi")
	second.Set("name", "Annina Bò")
	b.postFields(at, first).want(http.StatusSeeOther)
	a := b.postFields(at, second).want(http.StatusConflict).says("Intanto qualcun altro ha corretto questa persona")
	if got := a.valuesIn("filmed-form").Get("name"); got != "Annina Bò" || w.filmed(id)[0].Name != "Anna Bò in Rossi" {
		t.Errorf("it shows %q and keeps %q", got, w.filmed(id)[0].Name)
	}
	b.postFields(at, a.valuesIn("filmed-form")).want(http.StatusSeeOther) // now it is meant
	if got := w.filmed(id)[0]; got.Name != "Annina Bò" || got.Paper == nil {
		t.Errorf("%+v", got)
	}
	// The PDF is taken away, and with a stale page nobody is removed.
	last := b.get(at).valuesIn("filmed-form")
	last.Set("paper_drop", "1")
	b.postFields(at, last).want(http.StatusSeeOther)
	if w.filmed(id)[0].Paper != nil {
		t.Error("the PDF is still there")
	}
	b.get(at + "/pdf").want(http.StatusNotFound)
	b.post(at+"/togli", url.Values{"revision": {"1"}}).want(http.StatusConflict).says("Intanto qualcun altro ha corretto")
	b.post(at+"/togli", url.Values{"revision": {itoa(int64(w.filmed(id)[0].Revision))}}).want(http.StatusSeeOther)
	b.get(people(id)).says("Persona tolta dal registro.", "Qui vedrai chi compare nel video.").silent("Annina")
	b.get(at).want(http.StatusNotFound).says("Questa persona non è nel registro")
	b.post(at+"/togli", url.Values{"revision": {"5"}}).want(http.StatusNotFound)
}

func TestAPersonWithdrawsTheConsentOfWhatIsOut(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := w.published("Con il coro").ID
	b.post(people(id), filmedForm()).want(http.StatusSeeOther)
	at := people(id) + "/" + itoa(w.filmed(id)[0].ID) + "/ritiro"
	a := b.get(at).want(http.StatusOK).says("Anna Bò", "La testimonianza viene ritirata: il video sparisce subito dal portale", "non fare nomi")
	v := a.valuesIn("consent-form")
	if got := v.Get("reason"); got != "Una persona ripresa nel video ha ritirato il consenso." || v.Get("on") != "2026-11-24" {
		t.Errorf("it is filled in with %v", v)
	}
	v.Set("email", "nessuno")
	v.Set("why", "Non mi piaccio")
	a = b.post(at, v).want(http.StatusUnprocessableEntity)
	if a.wrong("email") == "" || a.valuesIn("consent-form").Get("why") != "Non mi piaccio" || w.said(id).State != testimony.Published {
		t.Errorf("%q, %v, %s", a.wrong("email"), a.valuesIn("consent-form"), w.said(id).State)
	}
	v.Set("email", "")
	to := b.post(at, v).want(http.StatusSeeOther).header.Get("Location")
	b.get(to).want(http.StatusOK).says("Consenso ritirato. La testimonianza è stata ritirata.", "Una persona ripresa nel video ha ritirato il consenso.").silent("Anna Bò")
	b.post(at, v).want(http.StatusSeeOther) // pressed twice
	if got := w.said(id); got.State != testimony.Withdrawn || got.ConsentLostAt == nil {
		t.Errorf("%s, %v", got.State, got.ConsentLostAt)
	}
	b.get(people(id)).says("Consenso ritirato il 24 novembre 2026", "Non mi piaccio", "La testimonianza è chiusa: il registro resta come prova")
	if n := len(b.get(people(id)).find("form", "id", "filmed-form")); n != 0 {
		t.Error("a closed register asks for people")
	}
}

func TestAPersonWithdrawsTheConsentBeforeTheApproval(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := w.submitted("Con il coro").ID
	b.post(people(id), filmedForm()).want(http.StatusSeeOther)
	at := people(id) + "/" + itoa(w.filmed(id)[0].ID) + "/ritiro"
	v := b.get(at).says("La testimonianza torna a essere una bozza").valuesIn("consent-form")
	if v.Has("reason") {
		t.Error("it asks why the testimony is withdrawn, and it is not")
	}
	w.later(time.Minute)
	to := b.post(at, v).want(http.StatusSeeOther).header.Get("Location")
	b.get(to).says("Consenso ritirato. Ora serve un altro video.", "Una persona ripresa ha ritirato il consenso: serve un altro video")
	home := b.get("/comune")
	home.says("Una persona ripresa ha ritirato il consenso: serve un altro video", "Invia un altro video")
	if way := home.way(id); len(way) < 2 || way[0] != "Video ricevuto (serve un intervento) oggi alle 12:00 Serve un altro video, senza la persona che ha ritirato il consenso." {
		t.Errorf("its way: %q", way)
	}
	if got := b.post("/comune/testimonianze/"+itoa(id)+"?poi=invia", form()).want(http.StatusUnprocessableEntity).wrong("video"); !strings.HasPrefix(got, "Una persona ripresa ha ritirato il consenso: questo video non si può pubblicare.") {
		t.Errorf("it says %q", got)
	}
}

func TestTheRegisterInTheBrowser(t *testing.T) {
	w, b := inBrowser(t)
	signed := file(t, "liberatoria.pdf", pdf(120_000))
	for _, size := range sizes {
		tab := w.enter(t, b, size)
		tab.Open("/comune/testimonianze/nuova")
		write(tab)
		tab.SeesNot("Salva e apri il registro")
		tab.Tick("Sì, si riconosce qualcun altro")
		tab.Sees("Salva e apri il registro")
		tab.Check()
		picture(tab, "register-question")
		tab.Press("button", "Salva e apri il registro")
		tab.At("/comune/testimonianze/*")
		tab.Sees("Qui vedrai chi compare nel video.")
		tab.SeesNot("Chi dà il consenso")
		tab.Check()
		picture(tab, "register-empty")

		tab.Forgive("status of 422")
		tab.Tick("Minorenne")
		tab.Sees("Chi dà il consenso")
		tab.Write("Nome e cognome, o una descrizione", "La bambina con il cappello rosso")
		tab.ChooseFile("Liberatoria firmata", signed)
		tab.Press("button", "Aggiungi al registro")
		tab.Sees("Per un minorenne serve il nome di chi dà il consenso.", "«liberatoria.pdf» è già arrivato")
		tab.Check()
		picture(tab, "register-wrong")
		tab.Write("Chi dà il consenso", "Nicolò Bò e Anna Rì")
		tab.Pick("Che cosa è per il minorenne", "Genitore, o tutti e due i genitori")
		tab.Tick("Chi è responsabile del minorenne ha ascoltato")
		tab.Press("button", "Aggiungi al registro")
		tab.Sees("Persona aggiunta al registro.", "La bambina con il cappello rosso", "consente Nicolò Bò e Anna Rì")

		// By keyboard only: an adult.
		browser.Eval[bool](tab, `(document.getElementById("f-name").focus(), true)`)
		tab.Keys("Mario Verdi\t ") // a space chooses the age
		tab.Until(`document.getElementById("f-age-0").checked`)
		tabTo(t, tab, "f-agreed-adult")
		tab.Keys(" ")
		tab.Until(`document.getElementById("f-agreed-adult").checked`)
		tab.Check()
		picture(tab, "register")
		tabTo(t, tab, "keep-person")
		tab.Enter()
		tab.Sees("Mario Verdi")
		tab.Check()
		picture(tab, "register-two")

		tab.Press("link", "Questa persona ritira il consenso: Mario Verdi")
		tab.Sees("Che cosa succede adesso")
		tab.Check()
		picture(tab, "register-withdraw")
		tab.Press("button", "Ritira il consenso")
		tab.Sees("Consenso ritirato")
		tab.Check()
		picture(tab, "register-withdrawn")
		tab.Resize(browser.Small)
		for _, path := range []string{"", "/1", "/1/ritiro"} {
			tab.Open(people(1) + path)
			if path == "/1" {
				tab.Until(`document.getElementById("f-name").value.startsWith("La bambina")`)
			} else {
				tab.Sees("La bambina con il cappello rosso")
			}
			tab.Check()
		}
	}
}

func TestTheRegisterOpensBesideAVideoThatIsBeingSent(t *testing.T) {
	w, b := inBrowser(t)
	content := longFilm(t)
	tab := w.enter(t, b, browser.Laptop)
	id := w.draft(w.townHall(balme), tab)
	w.line.lets(slow / 8)
	tab.ChooseFile("File del video", file(t, "spesa.mp4", content))
	tab.Sees("Sto inviando il video", "al secondo")
	tab.Tick("Sì, si riconosce qualcun altro")
	tab.Press("button", "Salva e apri il registro")
	tab.Sees("Bozza salvata alle")
	if got := w.said(id); got.Others != testimony.OthersYes || got.Video != nil {
		t.Errorf("others: %q, and the video was there already: %v", got.Others, got.Video != nil)
	}
	w.line.lets(0)
	tab.Sees("Il video è arrivato e funziona") // this page went on sending
	tab.At("/comune/testimonianze/" + itoa(id))
	w.sentWhole(id, content)
	if n := len(tab.Requests("POST", "/caricamenti/")); n != 1 {
		t.Errorf("the upload was begun %d times", n)
	}
}

// tabTo presses the key that goes from field to field until it is at one.
func tabTo(t *testing.T, tab *browser.Tab, id string) {
	t.Helper()
	for range 12 {
		tab.Keys("\t")
		if browser.Eval[string](tab, "document.activeElement.id") == id {
			return
		}
	}
	t.Fatalf("the keyboard does not reach %s", id)
}
