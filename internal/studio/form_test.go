package studio_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

func TestADraftIsKeptWhateverIsTyped(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	b.get("/comune/testimonianze/nuova").want(http.StatusOK).says("quello che scrivi resta salvato come bozza")

	accented := strings.Repeat("è", 2500) // 5000 bytes
	for name, c := range map[string]struct {
		field, typed string
		says         string
	}{
		"a title with <":                       {"title", "Noi < voi", "Nel titolo non si possono usare i segni < e >"},
		"a title of 101 characters":            {"title", strings.Repeat("è", 101), "Il titolo è di 101 caratteri, il massimo è 100."},
		"a description of 5001 bytes":          {"description", accented + "!", "La descrizione supera di 1 caratteri il massimo di 5.000"},
		"a description with >":                 {"description", "vedi > sotto", "Nella descrizione non si possono usare i segni < e >"},
		"501 characters of tags":               {"tags", strings.Repeat("a", 250) + "," + strings.Repeat("b", 250), "Le parole chiave sono 501 caratteri in tutto, il massimo è 500."},
		"a tag with quotes":                    {"tags", `il "nostro" paese`, "Nelle parole chiave non si possono usare"},
		"four themes":                          {"themes", "solidarieta|volontariato|sostegno-psicologico|spazi-per-i-giovani", "Hai scelto troppi temi: il massimo è 3."},
		"a day that is none":                   {"recorded_on", "32 gennaio", "Scrivi la data per intero"},
		"a day to come":                        {"recorded_on", "2030-01-01", "La data è nel futuro."},
		"a day before there was video":         {"recorded_on", "1789-07-14", "La data è troppo lontana."},
		"a name of two lines":                  {"speaker_name", "Anna\nBò", "Nel nome non si possono usare"},
		"a role of 101 characters":             {"speaker_role", strings.Repeat("x", 101), "Il ruolo supera 100 caratteri."},
		"a language that is not in the list":   {"language", "klingon", "Scegli una lingua dall’elenco."},
		"a visibility that is not in the list": {"visibility", "tutti", "Scegli chi potrà vedere il video."},
	} {
		t.Run(name, func(t *testing.T) {
			typed := form(c.field, c.typed)
			a := b.post("/comune/testimonianze", typed).want(http.StatusUnprocessableEntity)
			if got := a.wrong(c.field); !strings.HasPrefix(got, c.says) {
				t.Errorf("at %s it says %q, want %q", c.field, got, c.says)
			}
			if title := text(a.one("title")); !strings.HasPrefix(title, "Errore: ") {
				t.Errorf("the title of the page is %q", title)
			}
			shown := typed
			if c.field == "language" || c.field == "visibility" { // such a choice cannot be shown
				shown = form(c.field, "")
				delete(shown, c.field)
			}
			kept := func(a answer) {
				t.Helper()
				sorted := cmpopts.SortSlices(strings.Compare)
				if diff := cmp.Diff(shown, a.values(), sorted); diff != "" {
					t.Errorf("what was typed is not what is shown:\n%s", diff)
				}
			}
			kept(a)
			id := a.draft()
			if got := w.said(id); got.State != testimony.Draft {
				t.Errorf("it is %s", got.State)
			}
			again := b.get("/comune/testimonianze/" + itoa(id)).want(http.StatusOK)
			kept(again)
			if got := again.wrong(c.field); !strings.HasPrefix(got, c.says) {
				t.Errorf("opened again it says %q at %s", got, c.field)
			}
			if got := b.post("/comune/testimonianze/"+itoa(id)+"/invia", nil).want(http.StatusUnprocessableEntity).wrong(c.field); !strings.HasPrefix(got, c.says) {
				t.Errorf("sent for review it says %q at %s", got, c.field)
			}

			right := b.post("/comune/testimonianze/"+itoa(id), form()).want(http.StatusSeeOther)
			b.get(right.header.Get("Location")).want(http.StatusOK).says("Bozza salvata.").silent("da correggere")
		})
	}
}

func TestWhatIsMissingIsSaidOnlyWhenReviewIsAskedFor(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	a := b.post("/comune/testimonianze", url.Values{"title": {"Solo il titolo"}}).want(http.StatusSeeOther)
	address := a.header.Get("Location")
	b.get(address).want(http.StatusOK).silent("da correggere")

	a = b.post(address+"?poi=invia", url.Values{"title": {"Solo il titolo"}}).want(http.StatusUnprocessableEntity)
	want := map[string]string{
		"title": "", "description": "Scrivi una descrizione", "speaker_name": "Scrivi il nome", "speaker_role": "Scrivi il ruolo",
		"themes": "Scegli almeno un tema.", "release": "Per pubblicare servono tutte le autorizzazioni.", "video": "Manca il video",
	}
	for field, says := range want {
		if got := a.wrong(field); (got == "") != (says == "") || !strings.HasPrefix(got, says) {
			t.Errorf("at %s it says %q, want %q", field, got, says)
		}
	}
	a.says("Ci sono 6 cose da correggere")
	if got := a.values().Get("title"); got != "Solo il titolo" {
		t.Errorf("the title is %q", got)
	}
}

func TestTheReleaseIsKeptWithItsWordsAndTime(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := b.post("/comune/testimonianze", form("release", "people|youtube")).made()
	address := "/comune/testimonianze/" + itoa(id)
	a := b.get(address)
	for _, c := range testimony.Consents() {
		a.says(c.Wording)
	}
	for _, part := range [][]string{{"p", "class", "release-links"}, {"div", "id", "upload-notice"}} {
		if n := len(find(a.one(part[0], part[1], part[2]), "a", "href", "https://www.youtube.com/t/terms", "target", "_blank")); n != 1 {
			t.Errorf("%s: %d links to YouTube's terms", part[2], n)
		}
	}
	given := w.said(id).Releases
	if len(given) != 2 || given[0].Wording != testimony.Consents()[0].Wording || !given[0].AcceptedAt.Equal(noon) || !strings.HasPrefix(given[0].AcceptedBy, "municipality 001019") {
		t.Errorf("kept: %+v", given)
	}
	if got := b.post(address+"/invia", nil).want(http.StatusUnprocessableEntity).wrong("release"); got == "" {
		t.Error("two of three are enough")
	}
}

func TestTheScriptSavesAndLearnsWhatIsWrong(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	type saved struct {
		ID      int64             `json:"id"`
		Address string            `json:"address"`
		State   string            `json:"state"`
		Sent    bool              `json:"sent"`
		Awaits  bool              `json:"awaits"`
		Wrong   map[string]string `json:"wrong"`
	}
	post := func(path string, f url.Values, status int) (got saved) {
		t.Helper()
		a := b.post(path, f, "Accept", "application/json").want(status)
		if err := json.Unmarshal(a.body, &got); err != nil {
			t.Fatalf("%v: %s", err, a.body)
		}
		return got
	}
	got := post("/comune/testimonianze", form("title", "<"), http.StatusOK)
	want := saved{ID: got.ID, Address: "/comune/testimonianze/" + itoa(got.ID), State: "draft", Wrong: map[string]string{
		"title": "Nel titolo non si possono usare i segni < e >: YouTube non li accetta. Toglili.",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	want.Wrong = map[string]string{}
	if diff := cmp.Diff(want, post(got.Address, form(), http.StatusOK)); diff != "" {
		t.Error(diff)
	}
	want.Wrong = map[string]string{"video": "Manca il video: scegli un file."}
	if diff := cmp.Diff(want, post(got.Address+"?poi=invia", form(), http.StatusUnprocessableEntity)); diff != "" {
		t.Error(diff)
	}
	if in := post("/en"+got.Address+"?poi=invia", form(), http.StatusUnprocessableEntity); in.Address != "/en"+got.Address || in.Wrong["video"] != "The video is missing: choose a file." {
		t.Errorf("in English: %+v", in)
	}
	b.post("/esci", nil)
	a := b.post(got.Address, form(), "Accept", "application/json").want(http.StatusUnauthorized)
	if !strings.Contains(string(a.body), "apri il tuo collegamento personale") {
		t.Errorf("signed out it says %s", a.body)
	}
}

// TestTwoPagesOfOneDraft saves from two pages what was changed on each: neither
// takes away what the other brought.
func TestTwoPagesOfOneDraft(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	address := b.post("/comune/testimonianze", form()).want(http.StatusSeeOther).header.Get("Location")
	for _, changed := range []url.Values{
		{"speaker_role": {"Sindaca di Balme"}}, {"tags": {"legna"}}, {"themes": {""}}, {}, {"themes": {"volontariato"}},
	} {
		b.post(address+"?parte=1", changed, "Accept", "application/json").want(http.StatusOK)
	}
	id, err := strconv.ParseInt(path.Base(address), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.testimonies.Get(t.Context(), balme, id)
	if err != nil {
		t.Fatal(err)
	}
	if got.SpeakerRole != "Sindaca di Balme" || len(got.Tags) != 1 || len(got.Themes) != 1 || got.Themes[0].Slug != "volontariato" ||
		got.Title != form().Get("title") || len(got.Releases) != 3 {
		t.Errorf("kept: %+v", got)
	}
}

// TestTwoPeopleWithOnePlainForm save the same draft without scripts: nobody takes
// away silently what the other wrote, and nothing typed or sent is lost.
func TestTwoPeopleWithOnePlainForm(t *testing.T) {
	w := open(t)
	hall := w.townHall(balme)
	bruno := w.invited(hall, person1())
	id := hall.post("/comune/testimonianze", form()).made()
	address := "/comune/testimonianze/" + itoa(id)
	plain := func(b person, prefix string) url.Values { return b.get(prefix + address).valuesIn("testimony-form") }
	his, hers, english := plain(bruno, ""), plain(hall, ""), plain(hall, "/en")

	his.Set("title", "Il titolo di Bruno")
	for range 2 { // pressed twice, it is kept once
		bruno.post(address, his).want(http.StatusSeeOther)
	}
	hers.Set("description", "La descrizione del Comune")
	hers["themes"] = []string{"volontariato"}
	a := hall.post(address, hers).want(http.StatusConflict).says("Mentre scrivevi, questa testimonianza è stata cambiata da Bruno Ufficio, per il Comune.", "Se salvi di nuovo")
	if got := w.said(id); got.Title != "Il titolo di Bruno" || got.Description != form().Get("description") {
		t.Errorf("kept: %q, %q", got.Title, got.Description)
	}
	again := a.valuesIn("testimony-form")
	if again.Get("description") != "La descrizione del Comune" || again.Get("title") != form().Get("title") || !slices.Equal(again["themes"], []string{"volontariato"}) {
		t.Errorf("of what was typed is left: %v", again)
	}
	english.Set("speaker_role", "Mayor")
	hall.post("/en"+address, english).want(http.StatusConflict).says("was changed by Bruno Ufficio, for the municipality.")

	// Once more, it is meant.
	hall.post(address, again).want(http.StatusSeeOther)
	if got := w.said(id); got.Title != form().Get("title") || got.Description != "La descrizione del Comune" {
		t.Errorf("kept: %q, %q", got.Title, got.Description)
	}

	// The button that also asks for review keeps to it, and a file is not lost.
	stale, mine := plain(hall, ""), plain(hall, "")
	mine.Set("title", "Da un’altra scheda")
	hall.post(address, mine).want(http.StatusSeeOther)
	stale.Set("title", "Da questa")
	a = hall.postFile(address+"?poi=invia", stale, "spesa.mp4", bytes.NewReader(film(t, videotest.Spec{}))).want(http.StatusConflict).says("con il tuo stesso collegamento")
	w.look()
	if got := w.said(id); got.Title != "Da un’altra scheda" || got.State != testimony.Draft || got.Video == nil || got.Video.State != testimony.VideoReady {
		t.Errorf("it is %s, %q with %+v", got.State, got.Title, got.Video)
	}
	// Meanwhile the file was looked at: the portal's own work is nobody's change.
	hall.post(address+"?poi=invia", a.valuesIn("testimony-form")).want(http.StatusSeeOther)
	if got := w.said(id); got.Title != "Da questa" || got.State != testimony.InReview {
		t.Errorf("it is %s, %q", got.State, got.Title)
	}
}

// TestAPageThatSavesItselfKnowsItsVersion: its own saves are no change of somebody
// else, those of others are until it shows them.
func TestAPageThatSavesItselfKnowsItsVersion(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := b.post("/comune/testimonianze", form()).made()
	address := "/comune/testimonianze/" + itoa(id)
	page := b.get(address).valuesIn("testimony-form")
	save := func(v url.Values) {
		var answer struct{ Version int }
		v.Set("version", page.Get("version"))
		a := b.post(address+"?parte=1", v, "Accept", "application/json").want(http.StatusOK)
		if err := json.Unmarshal(a.body, &answer); err != nil {
			t.Fatal(err)
		}
		page.Set("version", strconv.Itoa(answer.Version))
	}
	for _, title := range []string{"Uno", "Due"} {
		page.Set("title", title)
		save(url.Values{"title": {title}})
	}
	b.post(address+"?poi=registra", page).want(http.StatusSeeOther)

	page = b.get(address).valuesIn("testimony-form")
	b.post(address, form("title", "Di un altro programma")).want(http.StatusSeeOther) // it does not say which version it saw
	page.Set("speaker_role", "Sindaca di Balme")
	save(url.Values{"speaker_role": {"Sindaca di Balme"}})
	b.post(address+"?poi=registra", page).want(http.StatusConflict)
	if got := w.said(id); got.Title != "Di un altro programma" || got.SpeakerRole != "Sindaca di Balme" {
		t.Errorf("kept: %q, %q", got.Title, got.SpeakerRole)
	}
}

// TestWhatIsNoFormTakesNothingAway posts to a whole draft what holds no field of
// ours, as a broken program or line does.
func TestWhatIsNoFormTakesNothingAway(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	address := b.post("/comune/testimonianze", form("visibility", "private")).want(http.StatusSeeOther).header.Get("Location")
	for _, body := range []url.Values{{}, {"unknown": {"x"}}} {
		b.post(address, body).want(http.StatusUnprocessableEntity)
	}
	id, err := strconv.ParseInt(path.Base(address), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.testimonies.Get(t.Context(), balme, id)
	if err != nil {
		t.Fatal(err)
	}
	if got.Title != form().Get("title") || got.Visibility != testimony.Private || len(got.Releases) != 3 {
		t.Errorf("kept: %+v", got)
	}
}

func TestTheFormNamesItsChannel(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	b.get("/comune/testimonianze/nuova").says("quando sarà collegato, sul canale YouTube")
	w.exec(`INSERT INTO channels (id, title, uploads_playlist, scopes, connected_at, connected_by) VALUES ('UC1', 'Città metropolitana di Torino', 'UU1', 'x', ?, 'x')`, noon)
	b.get("/comune/testimonianze/nuova").says("sul canale YouTube «Città metropolitana di Torino»")
	b.get("/fr/comune/testimonianze/nuova").says("sur la chaîne YouTube « Città metropolitana di Torino »")
}

func TestWithdrawing(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := b.post("/comune/testimonianze", form()).made()
	address := "/comune/testimonianze/" + itoa(id)
	b.get(address).says("Ritira la testimonianza", "La bozza si chiude")
	a := b.post(address+"/ritira", url.Values{"reason": {"Abbiamo cambiato idea"}}).want(http.StatusSeeOther)
	b.get(a.header.Get("Location")).says("Testimonianza ritirata.", "Hai ritirato questa testimonianza", "Abbiamo cambiato idea")
	a = b.get(address).want(http.StatusOK).says("Hai ritirato questa testimonianza", form().Get("description")[:20])
	if len(a.find("form", "id", "testimony-form")) > 0 || len(a.find("details", "id", "withdraw")) > 0 {
		t.Error("what was withdrawn can still be changed")
	}
	b.post(address, form("title", "Ancora")).want(http.StatusConflict).says("non si può più modificare")
	if got := w.said(id); got.Title != form().Get("title") || got.State != testimony.Withdrawn {
		t.Errorf("it is %s: %q", got.State, got.Title)
	}
}

func TestAFormSentTwiceMakesOneDraft(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	action := attr(b.get("/comune/testimonianze/nuova").one("form", "id", "testimony-form"), "action")
	first := b.post(action, form("title", "Prima")).made()
	if again := b.post(action, form("title", "Dopo")).made(); again != first {
		t.Errorf("two drafts: %d and %d", first, again)
	}
	if got := w.said(first).Title; got != "Dopo" {
		t.Errorf("the title is %q", got)
	}
	if other := attr(b.get("/comune/testimonianze/nuova").one("form", "id", "testimony-form"), "action"); other == action {
		t.Error("two forms have one name")
	}
	// Another town hall's form of the same name is another form.
	if other := w.townHall(ivrea).post(action, form()).made(); other == first {
		t.Error("somebody else's draft was changed")
	}
}
