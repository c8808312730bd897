package newsroom_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/mail"
)

// ask asks for the kept mail from an address by a name, without signing in.
func (w *world) ask(from, host string, header ...string) answer {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://"+host+"/posta", nil)
	r.RemoteAddr = from
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.portal.ServeHTTP(rec, r)
	return read(w.t, rec.Code, rec.Header(), rec.Body.Bytes())
}

func TestKeptMailIsForThisMachineAndForStaff(t *testing.T) {
	w := open(t)
	m := mail.Message{Recipient: "anna@cittametropolitana.example", Subject: "Prova", Text: "Apri:\n\nhttps://voci.example/entra/abc\n\nGrazie <b>."}
	if err := w.outbox.PostNow(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		a    answer
		code int
	}{
		"this machine":                {w.ask("127.0.0.1:5000", "localhost:8080"), http.StatusOK},
		"this machine by IPv6":        {w.ask("[::1]:5000", "[::1]:8080"), http.StatusOK},
		"another machine":             {w.ask("192.0.2.7:5000", "localhost:8080"), http.StatusUnauthorized},
		"a proxy on this machine":     {w.ask("127.0.0.1:5000", "localhost:8080", "X-Forwarded-For", "192.0.2.7"), http.StatusUnauthorized},
		"a proxy of the new kind":     {w.ask("127.0.0.1:5000", "localhost:8080", "Forwarded", "for=192.0.2.7"), http.StatusUnauthorized},
		"a proxy that says its name":  {w.ask("127.0.0.1:5000", "localhost:8080", "Via", "1.1 proxy"), http.StatusUnauthorized},
		"a name that leads here":      {w.ask("127.0.0.1:5000", "evil.example"), http.StatusUnauthorized},
		"a moderator":                 {w.moderator().get("/posta"), http.StatusOK},
		"a town hall on this machine": {w.townHall().get("/posta"), http.StatusOK},
	} {
		if c.a.code != c.code {
			t.Errorf("%s: got %d, want %d", name, c.a.code, c.code)
		}
		if c.code != http.StatusOK && strings.Contains(string(c.a.body), "abc") {
			t.Errorf("%s reads the mail", name)
		}
	}
	if kept, err := w.outbox.Recent(t.Context(), 1); err != nil || !strings.Contains(kept[0].HTML, `href="https://voci.example/entra/abc"`) {
		t.Errorf("its HTML lacks the link: %v", err)
	}
	a := w.moderator().get("/posta").says("anna@cittametropolitana.example", "Prova", "Grazie <b>.")
	if got := a.one("a", "href", "https://voci.example/entra/abc"); text(got) != "https://voci.example/entra/abc" {
		t.Errorf("the link reads %q", text(got))
	}
	if a.header.Get("Content-Encoding") != "" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("a page of secrets is compressed or kept: %v", a.header)
	}
}

func TestNoMailYet(t *testing.T) {
	w := open(t)
	w.moderator().get("/posta").want(http.StatusOK).says("Nessun messaggio.")
}

func TestStaffAskForASignInLink(t *testing.T) {
	w := open(t)
	w.moderator() // makes the account
	for lang, says := range map[string]string{"it": "Vale 30 minuti e una volta sola.", "en": "It works for 30 minutes and only once.", "fr": "Il vaut 30 minutes et une seule fois."} {
		if err := w.room.SignIn(t.Context(), lang, " "+strings.ToUpper(redact)); err != nil {
			t.Fatal(err)
		}
		kept, err := w.outbox.Recent(t.Context(), 1)
		if err != nil || len(kept) != 1 || !strings.Contains(kept[0].Text, says) {
			t.Fatalf("%s: %+v, %v", lang, kept, err)
		}
		_, rest, _ := strings.Cut(kept[0].Text, w.base+"/entra/")
		token, _, _ := strings.Cut(rest, "\n")
		b := w.enter(token)
		b.get("/redazione").want(http.StatusOK)
		w.stranger().post("/entra/" + token).want(http.StatusGone)
	}
	if err := w.room.SignIn(t.Context(), "it", "stranger@example.it"); err != nil {
		t.Errorf("a stranger is told by %v that there is no such account", err)
	}
	if err := w.room.SignIn(t.Context(), "it", "no address"); err == nil {
		t.Error("what is no address is taken for one")
	}
	if kept, err := w.outbox.Recent(t.Context(), 10); err != nil || len(kept) != 3 {
		t.Errorf("%d messages, %v: want one for each link", len(kept), err)
	}
}
