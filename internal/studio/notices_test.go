package studio_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/mail"
)

func choice(email, wants, language string) url.Values {
	return url.Values{"email": {email}, "notices": {wants}, "language": {language}}
}

// mails are the messages that were kept, the oldest first.
func (w *world) mails() []mail.Message {
	w.t.Helper()
	list, err := w.outbox.Recent(w.t.Context(), 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

func TestPeopleChooseTheirNotices(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	w.stranger().get("/comune/avvisi").want(http.StatusUnauthorized)
	b.get("/comune/avvisi").want(http.StatusOK).says("Gli avvisi per posta")

	for _, wrong := range []struct {
		typed url.Values
		says  string
	}{
		{choice("municipio di Balme", "all", "it"), "Questo indirizzo non va bene"},
		{choice("", "all", "it"), "Scrivi un indirizzo, oppure scegli «Nessuno»."},
		{choice("a@example.it", "sometimes", "it"), "Scegli quali messaggi vuoi."},
		{choice("a@example.it", "all", "xx"), "Scegli una lingua."},
	} {
		got := b.post("/comune/avvisi", wrong.typed).want(http.StatusUnprocessableEntity).says(wrong.says)
		if v := got.valuesIn("notices-form"); v.Get("email") != wrong.typed.Get("email") {
			t.Errorf("what was typed is lost: %v", v)
		}
	}
	if n := len(w.mails()); n != 0 {
		t.Fatalf("%d messages went out for what was refused", n)
	}

	b.post("/comune/avvisi", choice(" Sindaca@Comune.Balme.example ", "important", "fr")).want(http.StatusSeeOther)
	v := b.get("/comune/avvisi").says("Salvato.").valuesIn("notices-form")
	if v.Get("email") != "sindaca@comune.balme.example" || v.Get("notices") != "important" || v.Get("language") != "fr" {
		t.Errorf("kept: %v", v)
	}
	sent := w.mails()
	if len(sent) != 1 || sent[0].Recipient != "sindaca@comune.balme.example" || !strings.Contains(sent[0].Text, "Bonjour") ||
		!strings.Contains(sent[0].Text, w.base+"/fr/comune/avvisi") {
		t.Errorf("the new address was told %+v", sent)
	}
	b.post("/comune/avvisi", choice("sindaca@comune.balme.example", "all", "it")).want(http.StatusSeeOther) // the same address: nothing new
	b.post("/comune/avvisi", choice("", "none", "it")).want(http.StatusSeeOther)
	if n := len(w.mails()); n != 1 {
		t.Errorf("%d messages", n)
	}
	for i := range 4 {
		b.post("/comune/avvisi", choice("a"+itoa(int64(i))+"@example.it", "all", "it")).want(http.StatusSeeOther)
	}
	b.post("/comune/avvisi", choice("one.too.many@example.it", "all", "it")).want(http.StatusUnprocessableEntity).says("Riprova tra un’ora")

	// Nobody else's choice changed, and the trail does not keep the addresses.
	w.townHall(ivrea).get("/comune/avvisi").silent("example.it")
	var trail string
	w.db.Reader(t.Context()).Raw(`SELECT group_concat(detail) FROM audit WHERE action LIKE 'notices.%'`).Scan(&trail)
	if strings.Contains(trail, "@") || !strings.Contains(trail, "important") {
		t.Errorf("the trail says %s", trail)
	}
}
