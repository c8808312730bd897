package newsroom_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/testimony"
)

const (
	balmePage = "/redazione/comuni/" + balme
	valDiChy  = "001317"
)

// rows are the rows of the page's table, without its head.
func (a answer) rows() []*html.Node {
	a.t.Helper()
	return find(a.one("tbody"), "tr")
}

func TestTheRegistryIsFoundAsPeopleType(t *testing.T) {
	w := open(t)
	w.arrived(nil)
	b := w.moderator()
	for query, want := range map[string]struct {
		says string
		rows int
	}{
		"":                         {"316 di 316 Comuni", 50},
		"?pagina=7":                {"316 di 316 Comuni", 16},
		"?q=balm":                  {"1 di 316 Comuni", 1},
		"?q=AGLIE":                 {"1 di 316 Comuni", 1},
		"?zona=pinerolese":         {"45 di 316 Comuni", 45},
		"?zona=pinerolese&q=torre": {"1 di 316 Comuni", 1},
		"?pagina=many":             {"316 di 316 Comuni", 50},
	} {
		a := b.get("/redazione/comuni" + query).want(http.StatusOK).says(want.says)
		if got := len(a.rows()); got != want.rows {
			t.Errorf("%q: %d rows, want %d", query, got, want.rows)
		}
	}
	a := b.get("/redazione/comuni?q=balme")
	if got, want := text(a.rows()[0]), "Balme Ciriacese e Valli di Lanzo · 95 abitanti Ciriacese e Valli di Lanzo 95 1 Non ancora creato"; got != want {
		t.Errorf("the row of Balme: %q, want %q", got, want)
	}
	b.get("/redazione/comuni?q=Milano").want(http.StatusOK).says("Nessun Comune corrisponde.", "Mostra tutti i Comuni")
	b.get("/redazione/comuni/058091").want(http.StatusNotFound)
}

func TestPagesKeepTheSearch(t *testing.T) {
	w := open(t)
	a := w.moderator().get("/redazione/comuni?q=c")
	if got := value(a.one("a", "rel", "next"), "href"); got != "/redazione/comuni?pagina=2&q=c" {
		t.Errorf("the next page is at %q", got)
	}
	if got := value(a.one("input", "name", "q"), "value"); got != "c" {
		t.Errorf("the field holds %q", got)
	}
}

// TestListsCostTheSame counts the queries of lists with little and with much in
// them.
func TestListsCostTheSame(t *testing.T) {
	w := open(t)
	b := w.moderator()
	var queries int
	count := func(*gorm.DB) { queries++ }
	callbacks := w.db.Reader(t.Context()).Callback()
	for _, err := range []error{
		callbacks.Query().Before("gorm:query").Register("test:count", count),
		callbacks.Row().Before("gorm:row").Register("test:count", count),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	lists := []string{"/redazione", "/redazione/comuni", balmePage, "/redazione/revisione"}
	measure := func() map[string]int {
		now := map[string]int{}
		for _, path := range lists {
			queries = 0
			b.get(path).want(http.StatusOK)
			now[path] = queries
		}
		return now
	}
	first := w.arrived(nil)
	if _, err := w.testimonies.Approve(t.Context(), "test", first.ID, first.Version); err != nil {
		t.Fatal(err)
	}
	w.arrived(nil)
	cost := measure()
	for range 4 {
		more := w.arrived(nil)
		if _, err := w.testimonies.Approve(t.Context(), "test", more.ID, more.Version); err != nil {
			t.Fatal(err)
		}
		w.arrived(nil)
	}
	for path, now := range measure() {
		if now != cost[path] {
			t.Errorf("%s: %d queries with two testimonies, %d with ten", path, cost[path], now)
		}
		if now > 25 {
			t.Errorf("%s: %d queries", path, now)
		}
	}
}

// personalLink asks for the link as the page's button does.
func (b browser) personalLink() (link string, a answer) {
	b.t.Helper()
	a = b.post(balmePage + "/link").want(http.StatusOK)
	return value(a.one("input", "id", "personal-link"), "value"), a
}

func TestThePersonalLinkIsShownByPostAlone(t *testing.T) {
	w := open(t)
	b := w.moderator()
	before := b.get(balmePage).want(http.StatusOK).says("Non ancora creato")
	if len(before.find("input", "id", "personal-link")) != 0 || strings.Contains(string(before.body), "/entra/") {
		t.Error("the link is shown before it is asked for")
	}
	b.get(balmePage + "/link").want(http.StatusMethodNotAllowed)

	link, a := b.personalLink()
	token, ok := strings.CutPrefix(link, w.base+"/entra/")
	if !ok {
		t.Fatalf("the link is %q", link)
	}
	if p, err := w.accounts.Look(t.Context(), token); err != nil || p.MunicipalityCode != balme {
		t.Errorf("the link lets in %+v, %v", p, err)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q: a link may be kept", got)
	}
	if got := a.header.Get("Content-Encoding"); got != "" {
		t.Errorf("compressed by %q: what others write beside a secret would tell it", got)
	}
	// The page's own address, for whoever changes its language, is one that opens.
	if got := value(a.one("a", "hreflang", "en"), "href"); got != "/en"+balmePage {
		t.Errorf("in English at %q", got)
	}
	if again, _ := b.personalLink(); again != link {
		t.Error("asked twice, the link is another")
	}
	if after := b.get(balmePage); strings.Contains(string(after.body), token) {
		t.Error("the link stays on the page")
	}
	b.get("/redazione/comuni?q=balme").says("Mai usato")
	w.enter(token)
	b.get("/redazione/comuni?q=balme").says("Usato oggi alle 12:00")
}

func TestAReplacedLinkLetsNobodyIn(t *testing.T) {
	w := open(t)
	b := w.moderator()
	old, _ := b.personalLink()
	oldToken := strings.TrimPrefix(old, w.base+"/entra/")
	inside := w.enter(oldToken)

	a := b.post(balmePage + "/sostituisci").want(http.StatusOK).says("Il collegamento è stato sostituito: quello di prima non funziona più.")
	link := value(a.one("input", "id", "personal-link"), "value")
	if link == old {
		t.Fatal("the link is still the same")
	}
	w.stranger().post("/entra/" + oldToken).want(http.StatusGone).says("La redazione ha sostituito questo collegamento")
	inside.get("/redazione").want(http.StatusUnauthorized) // not 403: whoever came in by it is out
	w.enter(strings.TrimPrefix(link, w.base+"/entra/"))
}

func TestTheLinkIsMailed(t *testing.T) {
	w := open(t)
	b := w.moderator()
	a := b.post("/en"+balmePage+"/manda", "email", " segreteria@comune.balme.example ")
	b.follow(a, "/en"+balmePage).says("The message with the personal link is on its way.")
	link, _ := b.personalLink()
	kept, err := w.outbox.Recent(t.Context(), 10)
	if err != nil || len(kept) != 1 {
		t.Fatalf("%d messages, %v", len(kept), err)
	}
	m := kept[0]
	if m.Recipient != "segreteria@comune.balme.example" || m.Subject != "Voci in Comune: il collegamento personale di Balme" {
		t.Errorf("to %q: %q", m.Recipient, m.Subject)
	}
	if !strings.Contains(m.Text, "\n"+link+"\n") {
		t.Errorf("the message does not hold the link on a line of its own: %s", m.Text)
	}
	// A town hall is written to in Italian, whatever staff read.
	if !strings.Contains(m.Text, "Apri il collegamento e premi «Entra».") {
		t.Errorf("the message is not in Italian: %s", m.Text)
	}
}

func TestAnAddressThatIsNoneIsKeptAsTyped(t *testing.T) {
	w := open(t)
	b := w.moderator()
	for _, typed := range []string{"", "segreteria", "a@b.it, c@d.it", "a@b.it\nBcc: c@d.it"} {
		a := b.post(balmePage+"/manda", "email", typed).want(http.StatusUnprocessableEntity).says("Questo indirizzo non va bene.")
		field := a.one("input", "name", "email")
		if got, want := value(field, "value"), strings.ReplaceAll(typed, "\n", " "); strings.ReplaceAll(got, "\n", " ") != want {
			t.Errorf("typed %q, the field holds %q", typed, got)
		}
		if value(field, "aria-invalid") != "true" || !strings.Contains(value(field, "aria-describedby"), "f-email-error") {
			t.Error("a screen reader is not told what is wrong with the field")
		}
	}
	if kept, err := w.outbox.Recent(t.Context(), 10); err != nil || len(kept) != 0 {
		t.Errorf("%d messages were kept, %v", len(kept), err)
	}
}

func TestATownHallsTestimoniesAreListed(t *testing.T) {
	w := open(t)
	for i := range 51 {
		w.arrived(func(f *testimony.Form) { f.Title = fmt.Sprintf("Voce numero %d", i+1) })
	}
	b := w.moderator()
	a := b.get(balmePage).says("Voce numero 51", "Da rivedere")
	if got := len(a.rows()); got != 50 {
		t.Errorf("%d rows on the first page", got)
	}
	a = b.get(value(a.one("a", "rel", "next"), "href")).says("Voce numero 1 ")
	if got := len(a.rows()); got != 1 {
		t.Errorf("%d rows on the second page", got)
	}
	b.get("/redazione/comuni/001002").says("Da questo Comune non è ancora arrivato niente.")
}

// Val di Chy was born after the campaign began: with the founding 316 it has no
// link, and nobody is offered one.
func TestAMunicipalityThatDoesNotCountHasNoLink(t *testing.T) {
	w := open(t)
	b := w.moderator()
	a := b.get("/redazione/comuni/" + valDiChy).want(http.StatusOK).says("questo Comune non partecipa da solo")
	if forms := a.find("form", "action", "/redazione/comuni/"+valDiChy+"/link"); len(forms) != 0 {
		t.Error("a link is offered")
	}
	b.post("/redazione/comuni/" + valDiChy + "/link").want(http.StatusConflict)
}

// What a town hall writes is text, wherever staff see it.
func TestWhatIsTypedStaysText(t *testing.T) {
	w := open(t)
	id := w.arrived(func(f *testimony.Form) {
		f.Description, f.SpeakerName, f.Tags = "a & b \"quoted\"", "Anna O'Bò & figli", "pane & vino"
	}).ID
	a := w.moderator().get(reviewPage(id)).says("Anna O'Bò & figli", `a & b "quoted"`, "pane & vino")
	if strings.Contains(string(a.body), "& figli") {
		t.Error("an ampersand is not escaped")
	}
	search := w.moderator().get("/redazione/comuni?q=" + url.QueryEscape(`"><script>`))
	if len(find(search.one("main"), "script")) != 0 {
		t.Error("a search becomes a script")
	}
}
