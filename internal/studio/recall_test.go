package studio_test

import (
	"net/http"
	"testing"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/testimony"
)

func TestATestimonyIsTakenBackFromReview(t *testing.T) {
	w := open(t)
	b, other := w.townHall(balme), w.townHall("001272")
	said := w.submitted("La spesa sale")
	address := "/comune/testimonianze/" + itoa(said.ID)
	b.get(address).says("Riprendi per correggere")

	other.post(address+"/riprendi", nil).want(http.StatusNotFound)
	b.post(address+"/riprendi", nil).want(http.StatusSeeOther)
	b.get(address).says("È di nuovo una bozza")
	b.post(address+"/riprendi", nil).want(http.StatusSeeOther) // pressed twice
	if got := w.said(said.ID); got.State != testimony.Draft || got.SubmittedAt != nil {
		t.Errorf("taken back: %s, review asked for at %v", got.State, got.SubmittedAt)
	}
	if _, err := w.testimonies.Approve(t.Context(), "staff", said.ID, said.Version); err == nil {
		t.Error("staff approve what is no longer in review")
	}
	b.post(address+"?poi=invia", form()).want(http.StatusSeeOther)
	if got := w.said(said.ID); got.State != testimony.InReview {
		t.Errorf("sent again: %s", got.State)
	}

	approved := w.approved("Il pane sale")
	b.post("/comune/testimonianze/"+itoa(approved.ID)+"/riprendi", nil).want(http.StatusConflict)
	if got := w.said(approved.ID).State; got != testimony.Approved {
		t.Errorf("what staff approved is %s", got)
	}
}

func TestWhatIsWrittenOnceTheReviewBeganIsNotLost(t *testing.T) {
	w, b := inBrowser(t)
	clerk := b.Person(t, w.base, browser.Phone)
	tab := w.enterAs(clerk)
	said := w.arrived("La spesa sale", testimony.VideoReady)
	address := "/comune/testimonianze/" + itoa(said.ID)
	tab.Open(address)
	tab.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
	w.townHall(balme).post(address+"/invia", nil).want(http.StatusSeeOther)

	tab.Forgive("status of 409")
	tab.Write("Descrizione", "Scritta quando la revisione era già cominciata")
	tab.Sees("Quello che hai scritto dopo l’invio non le è arrivato")
	tab.Check()
	picture(tab, "form-began")
	tab.Close()

	tab = clerk.Tab()
	tab.Open(address)
	tab.Sees("Su questo dispositivo c’è un testo scritto dopo l’invio")
	tab.Check()
	picture(tab, "view-late")
	tab.Press("button", "Riprendi per correggere")
	tab.Sees("È di nuovo una bozza", "Su questo dispositivo c’è un testo che non era arrivato al portale")
	tab.Press("button", "Riprendilo")
	tab.Until(`document.getElementById("saved").textContent.startsWith("Bozza salvata")`)
	if got := w.said(said.ID).Description; got != "Scritta quando la revisione era già cominciata" {
		t.Errorf("kept: %q", got)
	}
}
