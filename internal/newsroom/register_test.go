package newsroom_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/account"
	chromium "github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/register"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// filmed adds a person to the register of a testimony, as its town hall would,
// with a signed release.
func (w *world) filmed(id int64, name string) *testimony.Filmed {
	w.t.Helper()
	paper, err := register.NewPapers(w.vault).Keep(id, strings.NewReader("%PDF-1.4\n%%EOF\n"))
	if err != nil {
		w.t.Fatal(err)
	}
	paper.Filename = "firma.pdf"
	f, err := w.testimonies.AddFilmed(w.t.Context(), account.Person{Role: account.Editor, MunicipalityCode: balme, LinkID: 3}.Actor(), balme, id, testimony.FilmedForm{
		Name: name, Age: testimony.Adult, GivenOn: "2026-11-23", Agreed: []string{testimony.FilmedConsents()[0].Agreement()}, Paper: paper,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

func TestStaffSeeTheRegisterInReview(t *testing.T) {
	w := open(t)
	moderator := w.moderator()
	said := w.arrived(nil)
	at := fmt.Sprintf("/redazione/revisione/%d", said.ID)
	moderator.get(at).says("Il Comune non ha detto se nel video compare qualcun altro.")
	w.exec(`UPDATE testimonies SET others = 'no' WHERE id = ?`, said.ID)
	moderator.get(at).says("Il Comune ha detto che si riconosce solo chi parla.")

	seen := moderator.get(at).version()
	f := w.filmed(said.ID, "Carla Neri")
	moderator.get(at).want(http.StatusOK).says("Carla Neri", "Consenso dato il 23 novembre 2026", "dal Comune, con il collegamento personale n. 3", testimony.FilmedConsents()[0].Wording).
		silent("Il Comune ha detto che si riconosce solo chi parla.", "Togli dal registro")
	// Who decided on what was there before is told that it changed.
	moderator.post(at+"/approva", "version", seen).want(http.StatusConflict).says("Carla Neri")

	people := fmt.Sprintf("/redazione/testimonianze/%d/persone-riprese", said.ID)
	page := moderator.get(people).want(http.StatusOK).says("Carla Neri")
	if n := len(page.find("form", "id", "filmed-form")); n != 0 {
		t.Error("staff could add people")
	}
	pdf := moderator.get(fmt.Sprintf("%s/%d/pdf", people, f.ID)).want(http.StatusOK)
	if !bytes.HasPrefix(pdf.body, []byte("%PDF-")) || !strings.HasPrefix(pdf.header.Get("Content-Disposition"), "attachment;") || pdf.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%q, %v", pdf.body, pdf.header)
	}
	moderator.post(people, "name", "Altri").want(http.StatusMethodNotAllowed)
	moderator.post(fmt.Sprintf("%s/%d/togli", people, f.ID)).want(http.StatusNotFound)
	for _, path := range []string{"", fmt.Sprintf("/%d/pdf", f.ID), fmt.Sprintf("/%d/ritiro", f.ID)} {
		w.townHall().get(people + path).want(http.StatusForbidden)
		w.stranger().get(people + path).want(http.StatusUnauthorized)
	}
}

// version is the version that the form to approve holds.
func (a answer) version() string {
	a.t.Helper()
	return value(a.find("input", "name", "version")[0], "value")
}

func TestStaffNoteThatAConsentIsWithdrawn(t *testing.T) {
	w := open(t)
	w.connect()
	moderator := w.moderator()
	said := w.approvedOne(forAll)
	f := w.filmed(said.ID, "Carla Neri")
	at := fmt.Sprintf("/redazione/testimonianze/%d/persone-riprese/%d/ritiro", said.ID, f.ID)
	moderator.get(at).want(http.StatusOK).says("Carla Neri", "La testimonianza viene ritirata")
	moderator.post(at, "on", "2026-11-24", "reason", " ").want(http.StatusUnprocessableEntity).says("Scrivi il motivo")
	if got := w.said(said.ID).State; got != testimony.Approved {
		t.Fatalf("it is %s", got)
	}
	reason := "Una persona ripresa nel video ha ritirato il consenso."
	to := moderator.post(at, "on", "2026-11-24", "reason", reason).want(http.StatusSeeOther).header.Get("Location")
	moderator.get(to).want(http.StatusOK).says("Consenso ritirato. La testimonianza è stata ritirata.", reason)
	if got := w.said(said.ID); got.State != testimony.Withdrawn || got.ConsentLostAt == nil {
		t.Errorf("%s, %v", got.State, got.ConsentLostAt)
	}
	pub, address := w.publicationOf(said.ID)
	if pub.State == "waiting" {
		t.Errorf("it still goes to the channel: %s", pub.State)
	}
	moderator.get(address).want(http.StatusOK).says("Una persona ripresa ha ritirato il consenso")
}

func TestTheRegisterOfStaffInTheBrowser(t *testing.T) {
	b := chromium.Start(t)
	for _, size := range sizes {
		w := open(t)
		said := w.arrived(forAll)
		f := w.filmed(said.ID, "Il signore con la giacca rossa, in fondo a destra")
		tab := w.tab(b, size, redact, account.Moderator)
		for name, path := range map[string]string{
			"register-review":   fmt.Sprintf("/redazione/revisione/%d", said.ID),
			"register-staff":    fmt.Sprintf("/redazione/testimonianze/%d/persone-riprese", said.ID),
			"register-withdraw": fmt.Sprintf("/redazione/testimonianze/%d/persone-riprese/%d/ritiro", said.ID, f.ID),
		} {
			tab.Open(path)
			tab.Sees("Il signore con la giacca rossa")
			tab.Check()
			picture(tab, name)
		}
	}
}
