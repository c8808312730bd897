package newsroom_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

const (
	channelPage = "/redazione/youtube"
	returnPage  = "/redazione/youtube/ritorno"
)

// consent goes from the portal to Google's page, and gives the answer of
// whoever reads it: allow or deny. It returns the address that Google leads
// back to.
func (b browser) consent(answer string) string {
	b.t.Helper()
	a := b.get(channelPage + "/collega")
	to := a.header.Get("Location")
	if a.code != http.StatusSeeOther || !strings.HasPrefix(to, b.google.URL+"/o/oauth2/v2/auth?") {
		b.t.Fatalf("connecting leads to %d %q", a.code, to)
	}
	page := b.get(to).want(http.StatusOK)
	form := url.Values{"decision": {answer}}
	for _, input := range page.find("input", "type", "hidden") {
		form.Set(value(input, "name"), value(input, "value"))
	}
	a = b.send(http.MethodPost, b.google.URL+value(page.one("form"), "action"), form)
	back := a.header.Get("Location")
	if a.code != http.StatusFound || !strings.HasPrefix(back, b.base+returnPage+"?") {
		b.t.Fatalf("Google leads back to %d %q", a.code, back)
	}
	return back
}

// connected tells the title of the channel, empty if there is none.
func (w *world) connected() string {
	w.t.Helper()
	ch, err := w.channels.Current(w.t.Context())
	if fault.Of(err) == fault.NotFound {
		return ""
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return ch.Title
}

func TestTheAdministratorIsWalkedThroughConnecting(t *testing.T) {
	w := open(t, live)
	a := w.administrator().get(channelPage).want(http.StatusOK)
	a.says("YouTube Data API v3", "«In produzione»", "dopo 7 giorni", "VOCI_GOOGLE_CLIENT_ID", "youtube.com/verify",
		"Collegando il canale approvi che il portale mostri a tutti", "Il canale YouTube non è collegato", "100", "10.000")
	if got := value(a.one("input", "id", "redirect"), "value"); got != w.base+returnPage {
		t.Errorf("the redirect address is %q", got)
	}
	// A link, not a form: the content policy lets no form's answer lead to Google.
	if got := value(a.one("a", "id", "connect"), "href"); got != channelPage+"/collega" {
		t.Errorf("connecting is at %q", got)
	}
	w.moderator().get("/redazione").says("Il canale YouTube non è collegato", "Avvisa chi amministra il portale").silent("Apri YouTube")
	w.administrator().get("/redazione").says("Il canale YouTube non è collegato", "Apri YouTube")
}

func TestConnectingAsksForWhatIsNeededAndNoMore(t *testing.T) {
	w := open(t)
	a := w.administrator().get(channelPage + "/collega")
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	q := to.Query()
	for name, want := range map[string]string{
		"client_id": "portal", "redirect_uri": w.base + returnPage, "response_type": "code", "access_type": "offline",
		"prompt": "consent select_account", "code_challenge_method": "S256", "scope": "https://www.googleapis.com/auth/youtube.force-ssl",
	} {
		if got := q.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if len(q.Get("state")) < 20 || q.Get("code_challenge") == "" {
		t.Errorf("state %q, challenge %q", q.Get("state"), q.Get("code_challenge"))
	}
}

func TestConnectCheckDisconnect(t *testing.T) {
	w := open(t)
	b := w.administrator()
	a := b.follow(b.get(b.consent("allow")), channelPage).says("Canale collegato.", "Funziona", manager, "oggi alle 12:00")
	title := w.connected()
	if title == "" {
		t.Fatal("no channel is connected")
	}
	a.says(title)
	if ch, err := w.channels.Current(t.Context()); err != nil || !strings.Contains(a.text(), ch.ID) {
		t.Errorf("the page does not name the channel %+v, %v", ch, err)
	}

	w.now = w.now.Add(2 * time.Hour) // the access token is stale, the refresh token is not
	b.follow(b.post(channelPage+"/verifica"), channelPage).says("Il canale risponde", "oggi alle 14:00")

	b.follow(b.post(channelPage+"/scollega"), channelPage).says("Canale scollegato.")
	if got := w.connected(); got != "" {
		t.Errorf("%s is still connected", got)
	}
	var kept int64
	if err := w.db.Reader(t.Context()).Raw("SELECT count(*) FROM channels WHERE token_sealed IS NOT NULL").Scan(&kept).Error; err != nil || kept != 0 {
		t.Errorf("%d tokens are kept, %v", kept, err)
	}
	b.post(channelPage + "/scollega").want(http.StatusNotFound)
	b.post(channelPage + "/verifica").want(http.StatusConflict).says("Il canale YouTube non è collegato")

	// Again, in another language.
	back := b.follow(b.get(b.consentFrom("/en", "allow")), "/en"+channelPage)
	back.says("Channel connected.", title)
}

// consentFrom is consent by an administrator who reads another language.
func (b browser) consentFrom(lang, answer string) string {
	b.t.Helper()
	a := b.get(lang + channelPage + "/collega")
	page := b.get(a.header.Get("Location")).want(http.StatusOK)
	form := url.Values{"decision": {answer}}
	for _, input := range page.find("input", "type", "hidden") {
		form.Set(value(input, "name"), value(input, "value"))
	}
	return b.send(http.MethodPost, b.google.URL+value(page.one("form"), "action"), form).header.Get("Location")
}

func TestAnAnswerThatNobodyAskedForIsRefused(t *testing.T) {
	w := open(t)
	b, other := w.administrator(), w.member("altra@cittametropolitana.example", "administrator")
	back := b.consent("allow")
	for name, a := range map[string]answer{
		"another browser": other.get(back),
		"no state":        other.get(returnPage + "?code=4/0abc"),
		"nothing at all":  w.administrator().get(returnPage),
		"another's state": func() answer { other.consent("allow"); return other.get(back) }(),
		"an invented answer": func() answer {
			b2 := w.administrator()
			b2.consent("allow")
			return b2.get(returnPage + "?state=x&code=y")
		}(),
	} {
		if a.code != http.StatusForbidden || !strings.Contains(a.text(), "Questa risposta di Google non appartiene") {
			t.Errorf("%s: got %d: %s", name, a.code, a.text())
		}
	}
	if got := w.connected(); got != "" {
		t.Fatalf("%s was connected", got)
	}
	b.follow(b.get(back), channelPage) // the right browser
	b.get(back).want(http.StatusForbidden).says("Questa risposta di Google non appartiene", w.connected())
}

func TestConsentDenied(t *testing.T) {
	w := open(t)
	b := w.administrator()
	b.get(b.consent("deny")).want(http.StatusForbidden).says("Su Google non hai dato il permesso, quindi non è cambiato niente.", "Approvo e collego il canale")
	if got := w.connected(); got != "" {
		t.Errorf("%s was connected", got)
	}
}

func TestACodeThatGoogleDoesNotKnow(t *testing.T) {
	w := open(t)
	b := w.administrator()
	back, err := url.Parse(b.consent("allow"))
	if err != nil {
		t.Fatal(err)
	}
	q := back.Query()
	q.Set("code", "4/0made-up")
	back.RawQuery = q.Encode()
	b.get(back.String()).want(http.StatusConflict).says("Google non ha accettato il collegamento.")
	if got := w.connected(); got != "" {
		t.Errorf("%s was connected", got)
	}
}

// The channel's id is pinned: Google's page may lead to another one.
func TestAnotherChannelIsRefused(t *testing.T) {
	w := open(t)
	b := w.administrator()
	b.follow(b.get(b.consent("allow")), channelPage)
	title := w.connected()
	fail := func(name sandbox.FaultName) {
		t.Helper()
		if err := w.youtube.Faults().Add(sandbox.Fault{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	fail(sandbox.WrongChannel)
	b.get(b.consent("allow")).want(http.StatusConflict).says("ma su Google hai scelto", title, "Funziona")
	if got := w.connected(); got != title {
		t.Errorf("the channel is now %q", got)
	}
	fail(sandbox.NoChannel)
	b.get(b.consent("allow")).want(http.StatusConflict).says("non ha un canale YouTube")

	fail(sandbox.WrongChannel)
	b.post(channelPage+"/verifica").want(http.StatusConflict).says("Il permesso di Google porta a un altro canale.", "Non funziona")
	w.moderator().get("/redazione").says("Il permesso di Google porta a un altro canale.")
	b.follow(b.post(channelPage+"/verifica"), channelPage).says("Il canale risponde", "Funziona").silent("un altro canale.")
}

func TestAWithdrawnPermissionIsSeen(t *testing.T) {
	w := open(t)
	b := w.administrator()
	b.follow(b.get(b.consent("allow")), channelPage)
	if err := w.youtube.Faults().Add(sandbox.Fault{Name: sandbox.Revoke}); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(2 * time.Hour)
	b.post(channelPage+"/verifica").want(http.StatusConflict).says("Il permesso di Google non vale più.", "Non funziona")
	b.follow(b.get(b.consent("allow")), channelPage).says("Canale collegato.", "Funziona")
}

func TestGoogleDoesNotAnswer(t *testing.T) {
	w := open(t)
	b := w.administrator()
	b.follow(b.get(b.consent("allow")), channelPage)
	w.google.Close()
	w.now = w.now.Add(2 * time.Hour)
	b.post(channelPage + "/verifica").want(http.StatusServiceUnavailable).says("YouTube non ha risposto. Il collegamento resta com’è")
	b.post(channelPage + "/scollega").want(http.StatusServiceUnavailable).says("Google non risponde, quindi l’accesso non è stato revocato.")
	if w.connected() == "" {
		t.Error("the channel was forgotten while Google still grants it")
	}
}

func TestQuotaIsShownWithItsResetInRome(t *testing.T) {
	w := open(t)
	b := w.administrator()
	b.follow(b.get(b.consent("allow")), channelPage)
	a := b.get(channelPage).says("La quota riparte domani dalle 09:00")
	var units string
	for _, row := range a.rows() {
		if strings.Contains(text(row), "Tutto il resto") {
			units = text(row)
		}
	}
	if units != "Tutto il resto (unità) 1 9.999 10.000" {
		t.Errorf("after one reading: %q", units)
	}
	// The two summer times begin on different days.
	w.now = time.Date(2027, 3, 17, 11, 0, 0, 0, time.UTC)
	b.get(channelPage).says("La quota riparte domani dalle 08:00")
}

func TestYouTubeIsOff(t *testing.T) {
	w := open(t, off)
	b := w.administrator()
	b.get(channelPage).want(http.StatusOK).says("YouTube è spento su questo portale.").silent("Approvo e collego")
	b.get(channelPage + "/collega").want(http.StatusConflict)
	b.get(returnPage + "?state=x").want(http.StatusForbidden)
	b.post(channelPage + "/verifica").want(http.StatusConflict)
	b.post(channelPage + "/scollega").want(http.StatusConflict)
	b.get("/redazione").want(http.StatusOK).says("Niente aspetta una persona.")
}

func TestTheHealthOfTheConnection(t *testing.T) {
	w := open(t)
	if err := w.channels.ConnectSandbox(t.Context(), w.youtube.IssueToken()); err != nil {
		t.Fatal(err)
	}
	b := w.administrator()
	b.get(channelPage).says("Permessi dati da Google", "Prova generale", "un caricamento e circa").silent("In fase di test")
	b.follow(b.post(channelPage+"/prova"), channelPage).says("La prova generale è cominciata", "Prepara il video di prova", "Aggiorna")
	b.post(channelPage + "/prova").want(http.StatusConflict).says("Una prova generale è già in corso")
	w.exec(`UPDATE rehearsals SET stage = 'done', finished_at = ?`, noon)
	b.get(channelPage).says("È andato tutto bene").silent("Prepara il video di prova")
	w.exec(`UPDATE rehearsals SET reason = '{"Key":"publishing.rehearsal.privacy"}'`)
	b.get(channelPage).says("Il video di prova non è rimasto privato")
	w.exec(`UPDATE channels SET token_ends_at = ?`, noon.AddDate(0, 0, 7))
	b.get(channelPage).says("In fase di test", "Pubblica app")
	b.get("/redazione").says("Il permesso del canale YouTube finisce", "In fase di test").silent("Niente aspetta una persona.")
	w.exec(`UPDATE channels SET trouble = 'publishing.trouble.token', last_success_at = ?`, noon)
	b.get(channelPage).says("vengono cancellati 24 dicembre 2026")
	w.exec(`UPDATE channels SET trouble = '', token_ends_at = NULL`)
	b.get(channelPage).says("resta. Visualizzazioni, grafici e quanto letto dal canale si cancellano da qui dopo 7 giorni").silent("vengono cancellati")
	w.moderator().post(channelPage + "/prova").want(http.StatusForbidden)
	b.post(channelPage + "/scollega").want(http.StatusSeeOther)
	b.get(channelPage).says("le visualizzazioni e quanto letto dal canale vengono cancellati")
}
