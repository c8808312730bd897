package newsroom_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

const differences = "/redazione/youtube/differenze"

// onChannel makes a published testimony whose video, as somebody changed it, is
// on the channel.
func (w *world) onChannel(change func(*sandbox.SeedVideo)) *testimony.Testimony {
	w.t.Helper()
	if _, err := w.channels.Current(w.t.Context()); err != nil {
		if err := w.channels.ConnectSandbox(w.t.Context(), w.youtube.IssueToken()); err != nil {
			w.t.Fatal(err)
		}
	}
	said := w.arrived(nil)
	if _, err := w.testimonies.Approve(w.t.Context(), "test", said.ID, said.Version); err != nil {
		w.t.Fatal(err)
	}
	by, err := w.publisher.Of(w.t.Context(), []int64{said.ID})
	if err != nil {
		w.t.Fatal(err)
	}
	meta, pub, err := w.publisher.Describe(w.t.Context(), by[said.ID].ID)
	if err != nil {
		w.t.Fatal(err)
	}
	v := sandbox.SeedVideo{
		Title: meta.Title, Description: meta.Description, Tags: meta.Tags, DefaultLanguage: meta.Language, Privacy: "unlisted",
		PublishedAt: w.now.Add(-time.Hour), Duration: 42,
	}
	if change != nil {
		change(&v)
	}
	ids, err := w.youtube.Seed(v)
	if err != nil {
		w.t.Fatal(err)
	}
	w.exec("UPDATE publications SET state = 'public', youtube_id = ?, processed_at = ?, seen_privacy = 'unlisted' WHERE id = ?", ids[0], w.now, pub.ID)
	w.exec("UPDATE publication_steps SET state = 'done', had = wanted WHERE publication_id = ?", pub.ID)
	w.exec("UPDATE testimonies SET state = 'published', published_at = ? WHERE id = ?", w.now, said.ID)
	return w.said(said.ID)
}

// act is where the forms of the finding of a kind are posted.
func (w *world) act(kind string) string {
	w.t.Helper()
	var id int64
	err := w.db.Reader(w.t.Context()).Raw("SELECT id FROM findings WHERE kind = ? AND settled_at IS NULL", kind).Scan(&id).Error
	if err != nil || id == 0 {
		w.t.Fatalf("there is no open finding %q: %v", kind, err)
	}
	return differences + "/" + strconv.FormatInt(id, 10)
}

func TestDifferencesAreFoundShownAndSettled(t *testing.T) {
	w := open(t)
	said := w.onChannel(func(v *sandbox.SeedVideo) {
		v.Title, v.DefaultLanguage, v.Privacy, v.Duration = "Il titolo di un altro", "de", "public", 30
	})
	b := w.moderator()
	b.get(differences).want(http.StatusOK).says("Il confronto non è ancora stato fatto.", "Per ora non si sa di nessuna differenza.")
	a := b.follow(b.post(differences+"/confronta"), differences).says(
		"Il confronto è partito.", "1 video confrontato.", "Da decidere (3)", "Balme", said.Title,
		"Chi può vedere il video non è chi deve", "Sul portale Chi ha l’indirizzo", "Su YouTube Tutti",
		"Il video su YouTube non dura quanto l’originale", "Sul portale 42 secondi", "Su YouTube 30 secondi",
		"I testi sono stati cambiati su YouTube", "Il titolo di un altro", "Sul portale Italiano", "Su YouTube de",
	)
	if theirs := text(a.find("article")[0]); !strings.Contains(theirs, "Chi può vedere") {
		t.Errorf("the most urgent is not first: %q", theirs)
	}
	b.get("/redazione").says("3 cose sul canale YouTube non sono come dovrebbero.").silent("Niente aspetta una persona.")

	// What the channel says breaks a rule of ours: which one stands there.
	words := w.act("words")
	b.post(words, "remedy", "adopt").want(http.StatusUnprocessableEntity).says("I testi di YouTube non rispettano le regole del portale:", "Scegli una lingua dall’elenco.", "Da decidere (3)")
	if now := w.said(said.ID); now.Title != said.Title || now.Language != "it" {
		t.Errorf("the testimony became %q in %q", now.Title, now.Language)
	}
	b.follow(b.post(words, "remedy", "restore"), differences).says("Rimesso come sul portale.", "Da decidere (2)", "Già risolte", redact)
	b.post(words, "remedy", "restore").want(http.StatusConflict).says("Questa differenza è già stata risolta.")
	b.follow(b.post(w.act("privacy"), "remedy", "adopt"), differences).says("Preso da YouTube.")
	if now := w.said(said.ID); now.Visibility != testimony.Public {
		t.Errorf("the testimony is %s, YouTube shows it to all", now.Visibility)
	}
	b.follow(b.post(w.act("duration"), "remedy", "ignore"), differences).says("Lasciato così.", "Sul canale è tutto come deve essere.")
	b.get("/redazione").silent("sul canale YouTube")
}

func TestWithdrawingBecauseOfADifferenceNeedsAReason(t *testing.T) {
	w := open(t)
	said := w.onChannel(func(v *sandbox.SeedVideo) { v.Privacy = "private" })
	b := w.moderator()
	b.post(differences + "/confronta")
	at := w.act("privacy")
	field := "reason_" + at[strings.LastIndexByte(at, '/')+1:]
	a := b.post(at, "remedy", "withdraw", field, " ").want(http.StatusUnprocessableEntity).says("Scrivi il motivo")
	if value(a.one("textarea", "name", field), "aria-invalid") != "true" {
		t.Error("a screen reader is not told what is wrong with the field")
	}
	if _, opened := attr(a.find("details", "class", "fold")[0], "open"); !opened {
		t.Error("what is wrong is folded away")
	}
	b.follow(b.post(at, "remedy", "withdraw", field, "L’ha chiesto il Comune."), differences).says("Testimonianza ritirata.")
	if now := w.said(said.ID); now.State != testimony.Withdrawn || now.Reason != "L’ha chiesto il Comune." {
		t.Errorf("it is %s because of %q", now.State, now.Reason)
	}
}

// Each kind of difference has its own sentence and its own remedies, the
// suggested one first.
func TestEachKindOfDifferenceHasItsWords(t *testing.T) {
	w := open(t)
	said := w.onChannel(nil)
	by, err := w.publisher.Of(t.Context(), []int64{said.ID})
	if err != nil {
		t.Fatal(err)
	}
	b := w.moderator()
	for _, c := range []struct{ kind, key, detail, says, main string }{
		{"missing", "", `{}`, "Il video non è più sul canale", "Invia di nuovo l’originale"},
		{"privacy", "", `{"values":[{"field":"publish_at","ours":"2026-12-01T08:00:00Z","theirs":""}]}`, "1º dicembre 2026", "Rimetti la visibilità del portale"},
		{"rejected", "", `{"reason":{"Key":"publishing.rejected.claim"}}`, "Su YouTube qualcuno rivendica diritti sul video", "Lascia così"},
		{"rejected", "", `{"reason":{"Key":"publishing.rejected.copyright"}}`, "YouTube ha rifiutato il video per il diritto d’autore", "Ritira la testimonianza"},
		{"failed", "", `{"reason":{"Key":"publishing.failed.codec"}}`, "YouTube non è riuscito a elaborare il video", "Invia di nuovo l’originale"},
		{"stuck", "", `{"reason":{"Key":"publishing.stuck"}}`, "YouTube elabora il video da troppo tempo", "Invia di nuovo l’originale"},
		{"duration", "", `{"values":[{"field":"seconds","ours":"42","theirs":"1"}]}`, "Su YouTube 1 secondo", "Invia di nuovo l’originale"},
		{"words", "", `{"values":[{"field":"tags","ours":"montagna","theirs":""}]}`, "Su YouTube Niente", "Rimetti i testi del portale"},
		{"localizations", "", `{"values":[{"field":"title_en","ours":"Food","theirs":"Else"},{"field":"description_en","ours":"a","theirs":"b"}]}`, "Titolo. Lingua: Inglese", "Rimetti le traduzioni del portale"},
		{"playlist", "theme/1", `{"values":[{"field":"in","ours":"in","theirs":""}]}`, "Il video manca dalla playlist «Solidarietà»", "Rimetti il video nella playlist"},
		{"playlist", "zone/pinerolese", `{"values":[{"field":"in","ours":"","theirs":"in"}]}`, "Il video è in una playlist non sua: «Pinerolese»", "Togli il video dalla playlist"},
		{"captions", "en", `{"values":[{"field":"in","ours":"in","theirs":"failed"}]}`, "I sottotitoli mancano. Lingua: Inglese", "Rimetti i sottotitoli"},
	} {
		t.Run(c.kind+c.key, func(t *testing.T) {
			w.exec("DELETE FROM findings")
			w.exec("INSERT INTO findings (publication_id, kind, key, detail, found_at, seen_at, mark) VALUES (?, ?, ?, ?, ?, ?, 'x')",
				by[said.ID].ID, c.kind, c.key, c.detail, w.now, w.now)
			a := b.get(differences).want(http.StatusOK).says(c.says, "Da decidere (1)", "Trovata: oggi alle 12:00")
			if got := text(a.one("button", "class", "btn btn-primary")); !strings.HasPrefix(got, c.main) {
				t.Errorf("suggested: %q, want %q", got, c.main)
			}
			for _, lang := range []string{"/en", "/fr"} {
				b.get(lang + differences).want(http.StatusOK)
			}
		})
	}
}

// A token that sees nothing must not make all that was published look deleted.
func TestTooMuchMissingSaysSo(t *testing.T) {
	w := open(t)
	w.onChannel(nil)
	w.onChannel(nil)
	if err := w.youtube.Faults().Add(sandbox.Fault{Name: sandbox.Vanish, Times: -1}); err != nil {
		t.Fatal(err)
	}
	b := w.moderator()
	b.follow(b.post(differences+"/confronta"), differences).says("non ha trovato sul canale troppi video insieme").silent("Il video non è più sul canale")
}

func TestWithoutAChannelNothingIsCompared(t *testing.T) {
	w := open(t, off)
	b := w.moderator()
	if a := b.get(differences).want(http.StatusOK); len(a.find("form", "action", differences+"/confronta")) != 0 {
		t.Error("a comparison is offered")
	}
	b.post(differences + "/confronta").want(http.StatusConflict)
	b.post(differences + "/x").want(http.StatusNotFound)
	b.post(differences + "/999").want(http.StatusNotFound)
}
