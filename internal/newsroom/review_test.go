package newsroom_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/testimony"
)

func reviewPage(id int64) string { return "/redazione/revisione/" + strconv.FormatInt(id, 10) }

func TestTheLongestWaitIsReviewedFirst(t *testing.T) {
	w := open(t)
	b := w.moderator()
	b.get("/redazione/revisione").want(http.StatusOK).says("Nessuna testimonianza da rivedere.")
	first := w.arrived(func(f *testimony.Form) { f.Title = "La prima" })
	w.now = w.now.Add(90 * time.Minute)
	w.arrived(func(f *testimony.Form) { f.Title = "La seconda" })
	a := b.get("/redazione/revisione").says("2 testimonianze aspettano di essere riviste.", "Aspetta da oggi alle 12:00", "0:42")
	items := a.find("li", "class", "waiting-item")
	if len(items) != 2 || !strings.Contains(text(items[0]), "La prima") {
		t.Fatalf("%d items, the first is %q", len(items), text(items[0]))
	}
	if got := value(find(items[0], "a")[0], "href"); got != reviewPage(first.ID) {
		t.Errorf("it leads to %q", got)
	}
	b.get("/redazione").says("2 testimonianze aspettano di essere riviste.", "La prima aspetta da oggi alle 12:00")
}

func TestAModeratorSeesEverythingBeforeDeciding(t *testing.T) {
	w := open(t)
	id := w.arrived(nil).ID
	b := w.moderator()
	a := b.get(reviewPage(id)).want(http.StatusOK)
	a.says(
		"La spesa sale fino all’ultima borgata", "Balme", "95 abitanti", "Anna Bò, Sindaca", "I volontari portano la spesa", "Solidarietà", "Volontariato",
		"montagna, borgate", "Italiano", "Chi ha l’indirizzo", "20 novembre 2026", // what is said
		"0:42", "1280 × 720", "h264", "12,3 MB", strings.Repeat("ab", 32), // the file
		"dal Comune, con il collegamento personale n. 3", "oggi alle 12:00", // who consented, and when
	)
	for _, c := range testimony.Consents() {
		a.says(c.Wording)
	}
	if got := value(a.one("video"), "poster"); got != reviewPage(id)+"/poster" {
		t.Errorf("the poster is at %q", got)
	}
	if got := value(a.one("source"), "src"); got != reviewPage(id)+"/video" {
		t.Errorf("the video is at %q", got)
	}
}

func TestTheVideoPlaysFromTheMiddle(t *testing.T) {
	w := open(t)
	id := w.arrived(nil).ID
	a := w.moderator().send(http.MethodGet, reviewPage(id)+"/video", nil, "Range", "bytes=3-6").want(http.StatusPartialContent)
	if string(a.body) != "3456" || a.header.Get("Content-Range") != "bytes 3-6/10" {
		t.Errorf("got %q of %q", a.body, a.header.Get("Content-Range"))
	}
	if a.header.Get("Content-Type") != "video/mp4" || a.header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(a.header.Get("Cache-Control"), "private") {
		t.Errorf("headers: %v", a.header)
	}
	a = w.moderator().get(reviewPage(id) + "/poster").want(http.StatusOK)
	if string(a.body) != "picture" || a.header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("the poster is %q of type %q", a.body, a.header.Get("Content-Type"))
	}
	w.moderator().get(reviewPage(id + 1)).want(http.StatusNotFound)
	w.moderator().get(reviewPage(id+1) + "/video").want(http.StatusNotFound)
	w.moderator().get("/redazione/revisione/none").want(http.StatusNotFound)
}

func TestDecisions(t *testing.T) {
	for action, want := range map[string]struct {
		reason string
		state  testimony.State
		says   string
	}{
		"approva": {"", testimony.Approved, "Approvata: parte per il canale appena c’è posto."},
		"chiedi":  {"Il sindaco si sente poco: registra più vicino.", testimony.ChangesRequested, "Rimandata al Comune con il tuo motivo."},
		"rifiuta": {"Non parla del Comune.", testimony.Rejected, "Rifiutata. Il Comune legge il tuo motivo."},
	} {
		t.Run(action, func(t *testing.T) {
			w := open(t)
			said := w.arrived(nil)
			b := w.moderator()
			form := b.get(reviewPage(said.ID)).one("form", "action", reviewPage(said.ID)+"/chiedi")
			version := value(find(form, "input", "name", "version")[0], "value")
			b.follow(b.post(reviewPage(said.ID)+"/"+action, "version", version, "reason", want.reason), "/redazione/revisione").says(want.says)
			now := w.said(said.ID)
			if now.State != want.state || now.Reason != want.reason {
				t.Errorf("it is %q because of %q", now.State, now.Reason)
			}
			if planned := len(w.planned) == 1; planned != (want.state == testimony.Approved) {
				t.Errorf("%d publications were planned", len(w.planned))
			}
			b.get(reviewPage(said.ID)).want(http.StatusOK).says(want.reason)
			if forms := b.get(reviewPage(said.ID)).find("button", "id", "approve"); len(forms) != 0 {
				t.Error("it can be decided again")
			}
		})
	}
}

func TestADecisionWithoutReasonIsAskedForIt(t *testing.T) {
	w := open(t)
	said := w.arrived(nil)
	b := w.moderator()
	for _, action := range []string{"/chiedi", "/rifiuta"} {
		a := b.post(reviewPage(said.ID)+action, "version", strconv.Itoa(said.Version), "reason", " \n ").want(http.StatusUnprocessableEntity)
		a.says("C’è una cosa da correggere", "Scrivi il motivo: il Comune lo leggerà.")
		field := a.one("textarea", "name", "reason")
		if value(field, "aria-invalid") != "true" {
			t.Error("a screen reader is not told what is wrong with the field")
		}
		if got := value(a.one("a", "hreflang", "fr"), "href"); got != "/fr"+reviewPage(said.ID) {
			t.Errorf("in French at %q", got)
		}
	}
	if now := w.said(said.ID); now.State != testimony.InReview {
		t.Errorf("it became %q", now.State)
	}
}

// A decision on what one did not see is refused, with an explanation, and what
// was typed is still there.
func TestADecisionTooLateIsExplained(t *testing.T) {
	w := open(t)
	said := w.arrived(nil)
	slow := w.moderator()
	version := strconv.Itoa(said.Version)
	reason := "Accorcia l’inizio, per favore."

	w.exec("UPDATE testimonies SET version = version + 1, title = 'Un titolo nuovo' WHERE id = ?", said.ID)
	for _, action := range []string{"/approva", "/chiedi", "/rifiuta"} {
		a := slow.post(reviewPage(said.ID)+action, "version", version, "reason", reason).want(http.StatusConflict)
		a.says("Mentre la guardavi, questa testimonianza è cambiata.", "Un titolo nuovo")
		if got := strings.TrimSpace(text(a.one("textarea", "name", "reason"))); got != reason {
			t.Errorf("the reason is now %q", got)
		}
		if got := value(a.find("input", "name", "version")[0], "value"); got == version {
			t.Error("the old version would be refused again")
		}
	}

	now := w.said(said.ID)
	if _, err := w.testimonies.Approve(t.Context(), "a quick colleague", said.ID, now.Version); err != nil {
		t.Fatal(err)
	}
	a := slow.post(reviewPage(said.ID)+"/rifiuta", "version", strconv.Itoa(now.Version), "reason", reason).want(http.StatusConflict)
	a.says("Nel frattempo qualcun altro ha già deciso", "Approvata", reason)
	// What was meant for the town hall's second try is not offered as the reason of
	// a withdrawal, which nobody can undo.
	fold := a.one("details", "id", "withdraw")
	if _, open := attr(fold, "open"); open || strings.Contains(text(fold), reason) {
		t.Error("the withdrawal is filled in with the reason of another decision")
	}
	if now := w.said(said.ID); now.State != testimony.Approved {
		t.Errorf("it became %q", now.State)
	}
}

func TestAReasonKeepsItsLines(t *testing.T) {
	w := open(t)
	said := w.arrived(nil)
	w.moderator().post(reviewPage(said.ID)+"/chiedi", "version", strconv.Itoa(said.Version), "reason", "Uno.\r\nDue <b>.")
	if got := w.said(said.ID).Reason; got != "Uno.\nDue <b>." {
		t.Errorf("the reason is %q", got)
	}
	a := w.moderator().get(reviewPage(said.ID)).says("Due <b>.")
	if len(find(a.one("main"), "b")) != 0 {
		t.Error("a reason becomes markup")
	}
}

func TestReviewWithoutAVideoSaysWhy(t *testing.T) {
	w := open(t)
	said := w.arrived(nil)
	b := w.moderator()
	w.exec(`UPDATE videos SET state = 'checking', rendition = '', poster = '' WHERE testimony_id = ?`, said.ID)
	b.get(reviewPage(said.ID)).says("Stiamo controllando il file.")
	b.get(reviewPage(said.ID) + "/video").want(http.StatusNotFound)
	b.get(reviewPage(said.ID) + "/poster").want(http.StatusNotFound)
	w.exec(`UPDATE videos SET state = 'unusable', reason = '{"Key":"video.truncated","Args":{"Seconds":12}}' WHERE testimony_id = ?`, said.ID)
	b.get(reviewPage(said.ID)).says("Il file si interrompe dopo 12 secondi")
	w.exec(`UPDATE videos SET state = 'replaced' WHERE testimony_id = ?`, said.ID)
	b.get(reviewPage(said.ID)).says("Il video non è ancora arrivato.")
}

func TestAPublishedTestimonyLeadsToWhereCitizensSeeIt(t *testing.T) {
	w := open(t)
	said := w.arrived(func(f *testimony.Form) { f.Title = "Una voce" })
	if _, err := w.testimonies.Approve(t.Context(), "test", said.ID, said.Version); err != nil {
		t.Fatal(err)
	}
	public := "/testimonianze/" + strconv.FormatInt(said.ID, 10) + "-una-voce"
	b := w.moderator()
	if links := b.get(reviewPage(said.ID)).find("a", "href", public); len(links) != 0 {
		t.Error("citizens do not see it yet")
	}
	w.exec("UPDATE testimonies SET state = 'published' WHERE id = ?", said.ID)
	b.get("/fr"+reviewPage(said.ID)).one("a", "href", "/fr"+public)
}

func TestPublicationsUnderWayAreShown(t *testing.T) {
	w := open(t)
	for i := range 12 {
		said := w.arrived(nil)
		if _, err := w.testimonies.Approve(t.Context(), "test", said.ID, said.Version); err != nil {
			t.Fatal(err)
		}
		if i == 11 {
			w.exec(`UPDATE publications SET state = 'blocked', reason = '{"Key":"publishing.stuck"}' WHERE testimony_id = ?`, said.ID)
		}
	}
	moderator, administrator := w.moderator(), w.administrator()
	a := moderator.get("/redazione").says("1 pubblicazione è ferma", "In viaggio verso YouTube", "In coda per il canale.", "Mostra le altre 4")
	if first := find(a.find("tbody")[0], "tr")[0]; !strings.Contains(text(first), "YouTube elabora il video da più di un giorno.") {
		t.Errorf("what needs a person is not first: %q", text(first))
	}
	var retry string
	for _, form := range a.find("form", "method", "post") {
		if action := value(form, "action"); strings.HasSuffix(action, "/riprova") {
			retry = action
		}
	}
	w.planned = nil
	moderator.follow(moderator.post(retry), strings.TrimSuffix(retry, "/riprova")).says("La pubblicazione riparte.")
	if len(w.planned) != 1 {
		t.Errorf("%d publications start again", len(w.planned))
	}
	administrator.post(retry).want(http.StatusConflict).says("Questa pubblicazione non è più ferma.")
	administrator.post("/redazione/youtube/pubblicazioni/999/riprova").want(http.StatusNotFound)
	administrator.post("/redazione/youtube/pubblicazioni/x/riprova").want(http.StatusNotFound)
}

func TestNothingToDo(t *testing.T) {
	w := open(t)
	if err := w.channels.ConnectSandbox(t.Context(), w.youtube.IssueToken()); err != nil {
		t.Fatal(err)
	}
	w.moderator().get("/redazione").says("Niente aspetta una persona.", "Le visualizzazioni non sono ancora state chieste a YouTube.", "316 di 316 Comuni")
}
