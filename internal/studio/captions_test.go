package studio_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
)

func TestAFileOfCaptions(t *testing.T) {
	w := open(t)
	said := w.published("La spesa sale")
	b := w.townHall(balme)
	own := "/comune/testimonianze/" + itoa(said.ID)
	page := own + "/sottotitoli"
	if link := b.get(own).one("a", "id", "to-captions"); attr(link, "href") != page {
		t.Errorf("the link leads to %s", attr(link, "href"))
	}
	send := func(lang, name, text string) answer {
		return b.postFileIn(page, url.Values{"caption_language": {lang}}, "captions", name, strings.NewReader(text))
	}
	send("it", "spesa.vtt", vtt).want(http.StatusSeeOther)
	b.get(page).says("Sottotitoli aggiunti.", "spesa.vtt", "Pronti: escono con il video.")
	if s := w.plan(said.ID)["captions it"]; s.State != publishing.StepWaiting || s.Wanted == "" {
		t.Errorf("the channel does not follow: %+v", s)
	}
	t.Run("as files", func(t *testing.T) {
		for format, kind := range map[string]string{"vtt": "text/vtt; charset=utf-8", "srt": "application/x-subrip; charset=utf-8"} {
			a := b.get(page + "/it." + format).want(http.StatusOK)
			if !strings.Contains(string(a.body), "Buongiorno da Balme.") || a.header.Get("Content-Type") != kind ||
				!strings.Contains(a.header.Get("Content-Disposition"), "la-spesa-sale-it."+format) {
				t.Errorf("%s: %v: %s", format, a.header, a.body)
			}
		}
		b.get(page + "/it.exe").want(http.StatusNotFound)
		b.get(page + "/pms.vtt").want(http.StatusNotFound)
	})
	t.Run("what is no captions is refused", func(t *testing.T) {
		for text, want := range map[string]string{
			"non sono sottotitoli":          "Questo non è un file di sottotitoli",
			"":                              "Il file dei sottotitoli è vuoto",
			"\x00\x01\x02\x03 --> \x00":     "Questo non è un file di sottotitoli",
			strings.Repeat("x", 1<<20+1000): "supera 1 MB",
		} {
			a := send("en", "altro.vtt", text).want(http.StatusUnprocessableEntity)
			if got := a.wrong("captions"); !strings.Contains(got, want) {
				t.Errorf("%.30q: it says %q", text, got)
			}
		}
		send("en", "large.vtt", strings.Repeat("x", 10<<20)).want(http.StatusRequestEntityTooLarge)
		if got := b.postFields(page, url.Values{"caption_language": {"en"}}).want(http.StatusUnprocessableEntity).wrong("captions"); !strings.Contains(got, "Scegli il file") {
			t.Errorf("none: it says %q", got)
		}
		if got := send("tlh", "a.vtt", vtt).want(http.StatusUnprocessableEntity).wrong("caption_language"); got == "" {
			t.Error("another world's language: nothing is said")
		}
	})
	t.Run("with errors it is kept as a draft", func(t *testing.T) {
		for lang, test := range map[string]struct{ text, says, editor string }{
			"fr": {"WEBVTT\n\n00:01.000 --> 09:02.000\nBonjour\n", "finisce a 00:09:02.000, ma il video dura 00:01:42.000", "dura più del video, che finisce a 1:42."},
			"oc": {"1\n00:00:01,000 --> 00:00:03,000\nBon jorn\n\n2\n00:00:02,000 --> 00:00:04,000\nA totes\n", "Il sottotitolo numero 2", "comincia quando quello di prima è ancora sullo schermo, fino a 0:03."},
			"en": {"1\n00:00:01,000 --> 00:00:03,000\nHello\n\nno times\n", "Alla riga 5 mancano i tempi", "Alla riga 5 mancano i tempi"},
		} {
			a := send(lang, lang+".srt", test.text).want(http.StatusUnprocessableEntity).says("Il file non è perso")
			if got := a.wrong("captions"); !strings.Contains(got, test.says) {
				t.Errorf("%s: it says %q", lang, got)
			}
			if links := a.find("a", "href", page+"/"+lang); len(links) < 1 {
				t.Errorf("%s: no link leads to the editor", lang)
			}
			b.get(page + "/" + lang).says(test.editor).silent("Tutto a posto")
			if s := w.plan(said.ID)["captions "+lang]; s.Wanted != "" {
				t.Errorf("%s: errors go to the channel: %+v", lang, s)
			}
		}
	})
	t.Run("the same language again is a draft", func(t *testing.T) {
		wanted := w.plan(said.ID)["captions it"].Wanted
		a := send("it", "nuovi.vtt", strings.Replace(vtt, "Buongiorno", "Buonasera", 1)).want(http.StatusSeeOther)
		if at := a.header.Get("Location"); at != page+"/it" {
			t.Errorf("it leads to %s", at)
		}
		b.get(page+"/it").says("In questa lingua ci sono già dei sottotitoli: i nuovi sono una bozza", "Buonasera da Balme", "Questa è una bozza")
		if now := w.plan(said.ID)["captions it"].Wanted; now != wanted {
			t.Error("the channel follows a draft")
		}
		if got := send("it", "terzi.vtt", vtt+"\n00:03.000 --> 00:04.000\nCiao.\n").want(http.StatusUnprocessableEntity).wrong("caption_language"); !strings.Contains(got, "c’è già una bozza") {
			t.Errorf("it says %q", got)
		}
		b.post(page+"/it/elimina-bozza", nil).want(http.StatusSeeOther)
		b.get(page + "/it").says("Buongiorno da Balme").silent("Questa è una bozza")
	})
	b.post(page+"/it/elimina", nil).want(http.StatusSeeOther)
	b.get(page).says("Sottotitoli tolti.")
	if s := w.plan(said.ID)["captions it"]; s.Wanted != "" {
		t.Errorf("they stay on the channel: %+v", s)
	}
	b.get(page + "/it.vtt").want(http.StatusNotFound)
	other := w.townHall("001272")
	other.postFileIn(page, url.Values{"caption_language": {"it"}}, "captions", "a.vtt", strings.NewReader(vtt)).want(http.StatusNotFound)
	for _, path := range []string{page, page + "/fr", page + "/fr.vtt"} {
		other.get(path).want(http.StatusNotFound)
	}
}

func TestCaptionsBeforeTheApproval(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := b.postFields("/comune/testimonianze", form()).made()
	own := "/comune/testimonianze/" + itoa(id)
	b.get(own).one("a", "id", "to-captions")
	b.postFileIn(own+"/sottotitoli", url.Values{"caption_language": {"pms"}}, "captions", "a.srt",
		strings.NewReader("1\x00\n\x000\x000\x00:\x000\x000\x00")).want(http.StatusUnprocessableEntity) // UTF-16 without its mark
	b.postFileIn(own+"/sottotitoli", url.Values{"caption_language": {"pms"}}, "captions", "a.srt",
		strings.NewReader("1\r\n00:00:01,000 --> 00:00:02,000\r\nBon d\xec, a Balme.\r\n")).want(http.StatusSeeOther)
	if a := b.get(own + "/sottotitoli/pms.vtt"); !strings.Contains(string(a.body), "Bon dì, a Balme.") {
		t.Errorf("Windows-1252 became %s", a.body)
	}
	b.get(own+"/sottotitoli/frp").says("Sottotitoli in Francoprovenzale", "Il video non c’è ancora")
	b.get(own + "/sottotitoli/de").want(http.StatusNotFound)
}

// edit posts the form of the editor as it is, with changes.
func edit(a answer, b person, address string, changes ...string) answer {
	a.t.Helper()
	f := a.valuesIn("captions-text")
	for i := 0; i+1 < len(changes); i += 2 {
		f.Set(changes[i], changes[i+1])
	}
	return b.postFields(address, f)
}

const tangled = "WEBVTT\n\n00:01.000 --> 00:03.000\nBuongiorno da Balme, sono la sindaca e vi racconto la spesa.\n\n" +
	"00:02.500 --> 00:04.000\nDue.\n\n00:05.000 --> 00:06.000\nSottotitoli creati dalla comunità Amara.org\n"

func TestTheEditorWithoutScript(t *testing.T) {
	w := open(t)
	said := w.published("La spesa sale")
	b := w.townHall(balme)
	at := "/comune/testimonianze/" + itoa(said.ID) + "/sottotitoli/it"
	a := b.get(at).says("Sottotitoli in Italiano")
	edit(a, b, at, "text", tangled, "do", "save").want(http.StatusSeeOther)
	a = b.get(at).says("Bozza salvata.", "Sottotitolo 2, a 0:02.5", "comincia quando quello di prima è ancora sullo schermo, fino a 0:03.",
		"ha una riga con più di 42 caratteri", "sembra inventato dalla macchina")
	edit(a, b, at, "do", "publish").want(http.StatusUnprocessableEntity).says("Il sottotitolo numero 2 (a 00:00:02.500) comincia quando quello di prima è ancora sullo schermo.")
	for _, mend := range []string{"untangle", "rewrap", "clean"} {
		if button := a.one("button", "name", "do", "value", mend); has(button, "hidden") {
			t.Errorf("%s is not offered", mend)
		}
		edit(b.get(at), b, at, "do", mend).want(http.StatusSeeOther)
	}
	a = b.get(at).silent("inventato", "sullo schermo", "42 caratteri")
	if button := a.one("button", "name", "do", "value", "clean"); !has(button, "hidden") {
		t.Error("there is nothing to clean")
	}
	w.townHall("001272").postFields(at, a.valuesIn("captions-text")).want(http.StatusNotFound)
	edit(a, b, at, "do", "publish").want(http.StatusSeeOther)
	got := string(b.get(at + ".vtt").body)
	if want := "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nBuongiorno da Balme, sono la\nsindaca e vi racconto la spesa.\n\n00:00:02.500 --> 00:00:04.000\nDue.\n"; got != want {
		t.Errorf("out came %q", got)
	}
	if s := w.plan(said.ID)["captions it"]; s.Wanted == "" {
		t.Error("the channel does not follow")
	}

	t.Run("what is wrong stays as typed", func(t *testing.T) {
		for text, want := range map[string]string{
			"WEBVTT\n":    "Non c’è ancora nessun sottotitolo",
			"solo parole": "In questo testo non ci sono tempi",
			"WEBVTT\n\nuno\ndue\n\n00:01 --> fine\nx": "Alla riga 4 mancano i tempi",
			"WEBVTT\n\n00:05.000 --> 00:04.000\nCiao": "finisce prima di cominciare",
		} {
			a := edit(b.get(at), b, at, "text", text, "do", "publish").want(http.StatusUnprocessableEntity)
			if got := a.wrong("text"); !strings.Contains(got, want) {
				t.Errorf("%q: it says %q", text, got)
			}
			if got := a.valuesIn("captions-text").Get("text"); !strings.Contains(got, strings.TrimPrefix(text[strings.LastIndexByte(text, '\n')+1:], "")) {
				t.Errorf("%q came back as %q", text, got)
			}
		}
		if now := string(b.get(at + ".vtt").body); now != got {
			t.Errorf("something came out: %q", now)
		}
	})
	t.Run("somebody else was faster", func(t *testing.T) {
		mine := b.get(at)
		colleague := w.townHall(balme)
		edit(colleague.get(at), colleague, at, "text", strings.Replace(got, "Due.", "Tre.", 1), "do", "save").want(http.StatusSeeOther)
		a := edit(mine, b, at, "text", strings.Replace(got, "Due.", "Quattro.", 1), "do", "save").want(http.StatusConflict).says("Intanto qualcun altro ha salvato questi sottotitoli")
		if v := a.valuesIn("captions-text").Get("text"); !strings.Contains(v, "Quattro.") {
			t.Errorf("what was typed is gone: %q", v)
		}
		edit(a, b, at, "do", "save").want(http.StatusSeeOther)
		if v := b.get(at).valuesIn("captions-text").Get("text"); !strings.Contains(v, "Quattro.") {
			t.Errorf("insisting does not help: %q", v)
		}
	})
	t.Run("withdrawn meanwhile", func(t *testing.T) {
		mine := b.get(at)
		if _, err := w.testimonies.Withdraw(t.Context(), "tester", balme, said.ID, testimony.Withdrawal{}); err != nil {
			t.Fatal(err)
		}
		a := edit(mine, b, at, "text", strings.Replace(got, "Due.", "Cinque.", 1), "do", "publish").want(http.StatusConflict)
		if v := a.valuesIn("captions-text").Get("text"); !strings.Contains(v, "Cinque.") {
			t.Errorf("what was typed is gone: %q", v)
		}
		if at := b.get(at).want(http.StatusSeeOther).header.Get("Location"); at != "/comune/testimonianze/"+itoa(said.ID) {
			t.Errorf("the editor leads to %s", at)
		}
	})
}

// kept is what the editor's script is told.
type kept struct {
	Base     string
	Why      string
	Mend     []string `json:"mends"`
	Problems []struct {
		Cue   int
		Kind  string
		Text  string
		Error bool
	}
	Cues []struct {
		Start, End int64
		Text       string
	}
	Meanwhile bool
}

func (b person) script(address string, f url.Values) (kept, int) {
	b.t.Helper()
	var body strings.Builder
	boundary := "----------voci"
	for name, values := range f {
		body.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + values[0] + "\r\n")
	}
	body.WriteString("--" + boundary + "--\r\n")
	a := b.send(http.MethodPost, address, strings.NewReader(body.String()), "multipart/form-data; boundary="+boundary, "Accept", "application/json")
	var k kept
	if err := json.Unmarshal(a.body, &k); err != nil {
		b.t.Fatalf("%d: %v: %s", a.code, err, a.body)
	}
	return k, a.code
}

func TestTheEditorsScriptIsTold(t *testing.T) {
	w := open(t)
	said := w.published("La spesa sale")
	b := w.townHall(balme)
	at := "/comune/testimonianze/" + itoa(said.ID) + "/sottotitoli/it"
	base := b.get(at).valuesIn("captions-text").Get("base")
	k, code := b.script(at, url.Values{"text": {tangled}, "base": {base}, "page": {"a"}, "do": {"save"}})
	if code != http.StatusOK || k.Base == base || len(k.Problems) != 6 || len(k.Cues) != 0 || strings.Join(k.Mend, " ") != "rewrap untangle clean" {
		t.Errorf("%d: %+v", code, k)
	}
	for _, p := range k.Problems {
		if p.Error != (p.Kind == "overlap") || p.Text == "" {
			t.Errorf("%+v", p)
		}
	}
	m, _ := b.script(at, url.Values{"text": {tangled}, "base": {k.Base}, "page": {"a"}, "do": {"clean"}})
	if len(m.Cues) != 2 || m.Cues[1].Start != 2500 || m.Cues[1].Text != "Due." {
		t.Errorf("mended: %+v", m)
	}
	stale, code := b.script(at, url.Values{"text": {"WEBVTT\n"}, "base": {base}, "page": {"b"}, "do": {"save"}})
	if code != http.StatusConflict || !stale.Meanwhile || stale.Base != m.Base || stale.Why == "" {
		t.Errorf("%d: %+v", code, stale)
	}
	if _, err := w.testimonies.Withdraw(t.Context(), "tester", balme, said.ID, testimony.Withdrawal{}); err != nil {
		t.Fatal(err)
	}
	closed, code := b.script(at, url.Values{"text": {vtt}, "base": {m.Base}, "page": {"a"}, "do": {"save"}})
	if code != http.StatusConflict || closed.Meanwhile || closed.Why == "" {
		t.Errorf("%d: %+v", code, closed)
	}
}

func TestAMachinesDraftIsReadBeforeItComesOut(t *testing.T) {
	w := open(t)
	said := w.published("La spesa sale")
	b := w.townHall(balme)
	page := "/comune/testimonianze/" + itoa(said.ID) + "/sottotitoli"
	if taken, err := w.testimonies.TakeMachineCaption(t.Context(), said.Video, "it", vtt); err != nil || !taken {
		t.Fatal(taken, err)
	}
	b.get(page).says("Fatto da una macchina, da rileggere.", "Rileggi")
	a := b.get(page + "/it").says("Fatto da una macchina, da rileggere.")
	if w.plan(said.ID)["captions it"].Wanted != "" {
		t.Error("it goes to the channel unread")
	}
	a = edit(a, b, page+"/it", "do", "publish").want(http.StatusUnprocessableEntity)
	if got := a.wrong("read"); !strings.Contains(got, "Questi sottotitoli li ha fatti una macchina") {
		t.Errorf("it says %q", got)
	}
	edit(a, b, page+"/it", "do", "publish", "read", "yes").want(http.StatusSeeOther)
	b.get(page).says("fatti da una macchina, riletti").silent("da rileggere")
	if w.plan(said.ID)["captions it"].Wanted == "" {
		t.Error("it does not go to the channel")
	}
	if tracks := b.get("/comune/testimonianze/"+itoa(said.ID)).find("track", "srclang", "it"); w.said(said.ID).Video.Rendition != "" && len(tracks) != 1 {
		t.Errorf("%d tracks", len(tracks))
	}
}
