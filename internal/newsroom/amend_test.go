package newsroom_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/account"
	chromium "github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// amendments are the fields of the page on which a testimony is changed.
func amendments(title string, pairs ...string) []string {
	return append([]string{
		"title", title, "description", "I volontari portano la spesa.", "language", "it", "speaker_name", "Anna Bò", "speaker_role", "Sindaca",
		"themes", "solidarieta", "tags", "montagna", "visibility", "public",
	}, pairs...)
}

func TestStaffAmendWhatATownHallSays(t *testing.T) {
	w := open(t)
	said := w.approvedOne(forAll)
	b := w.moderator()
	own := reviewPage(said.ID)
	page := "/redazione/testimonianze/" + strconv.FormatInt(said.ID, 10) + "/modifica"
	link := b.get(own).one("a", "id", "amend")
	if value(link, "href") != page {
		t.Errorf("the link leads to %s", value(link, "href"))
	}
	version := strconv.Itoa(said.Version)
	b.get(page).want(http.StatusOK).one("form", "id", "amend-form")
	b.post(page, amendments("Noi < voi", "version", version)...).want(http.StatusUnprocessableEntity).says("Nel titolo non si possono usare")
	b.follow(b.post(page, amendments("La spesa arriva ovunque", "version", version, "title_en", "Groceries everywhere")...), own).
		says("Modifiche salvate", "La spesa arriva ovunque", "Traduzione: Inglese", "Groceries everywhere")
	got := w.said(said.ID)
	if diff := cmp.Diff([]any{"La spesa arriva ovunque", testimony.Tags{"montagna"}, "Groceries everywhere"}, []any{got.Title, got.Tags, got.Translations["en"].Title}); diff != "" {
		t.Error(diff)
	}
	b.post(page, amendments("Altro", "version", version)...).want(http.StatusConflict).says("Intanto qualcun altro")
	w.townHall().get(page).want(http.StatusForbidden)
	w.townHall().post(page, amendments("Altro")...).want(http.StatusForbidden)
	w.stranger().post(page, amendments("Altro")...).want(http.StatusUnauthorized)
	waiting := w.arrived(nil)
	b.follow(b.get("/redazione/testimonianze/"+strconv.FormatInt(waiting.ID, 10)+"/modifica"), reviewPage(waiting.ID)) // it is decided first
}

func TestStaffAddCaptions(t *testing.T) {
	w := open(t)
	said := w.approvedOne(forAll)
	b := w.moderator()
	at := "/redazione/testimonianze/" + strconv.FormatInt(said.ID, 10)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("caption_language", "fr"); err != nil {
		t.Fatal(err)
	}
	part, err := form.CreateFormFile("captions", "courses.srt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write([]byte("1\n00:00:01,000 --> 00:00:02,000\nBonjour de Balme.\n")); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.base+at+"/sottotitoli", &body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	res, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("got %d", res.StatusCode)
	}
	b.get(at+"/sottotitoli").says("courses.srt", "Francese")
	b.get(reviewPage(said.ID)).one("track", "srclang", "fr")
	b.get(at+"/sottotitoli/fr").says("Sottotitoli in Francese", "Tutto a posto.")
	if a := b.get(at + "/sottotitoli/fr.vtt"); !bytes.Contains(a.body, []byte("Bonjour de Balme.")) {
		t.Errorf("%s", a.body)
	}
	b.follow(b.post(at+"/sottotitoli/fr/elimina"), at+"/sottotitoli").says("Sottotitoli tolti.")
	w.townHall().get(at + "/sottotitoli/fr").want(http.StatusForbidden)
}

func TestStaffWithdrawWithAReason(t *testing.T) {
	w := open(t)
	said := w.approvedOne(forAll)
	w.exec("UPDATE publications SET state = 'public', youtube_id = 'abc' WHERE testimony_id = ?", said.ID)
	b := w.moderator()
	own := reviewPage(said.ID)
	withdraw := "/redazione/testimonianze/" + strconv.FormatInt(said.ID, 10) + "/ritira"
	if form := b.get(own).one("form", "id", "withdraw-form"); value(form, "action") != withdraw {
		t.Errorf("the form leads to %s", value(form, "action"))
	}
	w.townHall().post(withdraw, "reason", "Non è nostra").want(http.StatusForbidden)
	b.post(withdraw, "reason", " ").want(http.StatusUnprocessableEntity).says("Scrivi il motivo: il Comune lo leggerà.")
	if now := w.said(said.ID); now.State != testimony.Approved {
		t.Fatalf("it is %s", now.State)
	}
	b.follow(b.post(withdraw, "reason", "Non è nostra"), own).says("Testimonianza ritirata.", "Non è nostra")
	if pub, _ := w.publicationOf(said.ID); pub.State != publishing.Removing {
		t.Errorf("on the channel it is %s", pub.State)
	}
	if now := w.said(said.ID); now.State != testimony.Withdrawn || now.Reason != "Non è nostra" {
		t.Errorf("it is %s: %q", now.State, now.Reason)
	}
	if found := b.get(own).find("form", "id", "withdraw-form"); len(found) != 0 {
		t.Error("it can be withdrawn again")
	}
}

// TestStaffAmendInTheBrowser looks at the page as it is first, with what is
// wrong, and at the withdrawal.
func TestStaffAmendInTheBrowser(t *testing.T) {
	b := chromium.Start(t)
	for _, size := range sizes {
		w := open(t)
		said := w.approvedOne(forAll)
		at := "/redazione/testimonianze/" + strconv.FormatInt(said.ID, 10) + "/modifica"
		tab := w.tab(b, size, redact, account.Moderator)
		tab.Forgive("422")
		tab.Open(at)
		tab.Unfold("Titolo e descrizione in altre lingue (facoltativo)")
		tab.Write("Descrizione in francese", "Sans titre.")
		tab.Press("button", "Salva le modifiche")
		tab.Sees("Scrivi anche il titolo in questa lingua")
		tab.Check()
		tab.Fits()
		picture(tab, "amend-wrong")
		tab.Write("Titolo in francese", "Les courses montent")
		tab.Press("button", "Salva le modifiche")
		tab.Sees("Modifiche salvate")
		tab.Unfold("Ritira la testimonianza")
		tab.Check()
		tab.Fits()
		picture(tab, "amended")
		if got := w.said(said.ID).Translations["fr"]; got.Title != "Les courses montent" || got.Description != "Sans titre." {
			t.Errorf("translated as %+v", got)
		}
	}
}
