package newsroom_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/testimony"
)

func TestStaffSeeWhereNoticesGo(t *testing.T) {
	w := open(t)
	b := w.moderator()
	at := "/redazione/comuni/" + balme
	b.get(at).want(http.StatusOK).says("Nessuno ha ancora lasciato un indirizzo per gli avvisi.")
	if _, err := w.accounts.PersonalLink(t.Context(), "test", balme); err != nil {
		t.Fatal(err)
	}
	w.exec(`UPDATE links SET email = 'sindaca@comune.balme.example', notices = 'important' WHERE municipality_code = ?`, balme)
	w.exec(`INSERT INTO messages (recipient, subject, text, created_at, refused_at, refusal) VALUES ('sindaca@comune.balme.example', 'Ciao', '', ?, ?, '550')`, noon, noon)
	b.get(at).want(http.StatusOK).says("sindaca@comune.balme.example", "solo i più importanti", "il server di posta rifiuta l’indirizzo")
}

func TestStaffHaveThePressKitOfWhatIsOut(t *testing.T) {
	w := open(t)
	b := w.moderator()
	said := w.approvedOne(forAll)
	if err := w.db.Write(t.Context(), func(tx *gorm.DB) error { return w.testimonies.MarkPublished(tx, said.ID) }); err != nil {
		t.Fatal(err)
	}
	at := "/redazione/testimonianze/" + strconv.FormatInt(said.ID, 10) + "/stampa"
	b.get("/redazione/revisione/" + strconv.FormatInt(said.ID, 10)).want(http.StatusOK).says("Falla conoscere")
	b.get(at).want(http.StatusOK).says("Falla conoscere", w.base+"/v/"+strconv.FormatInt(said.ID, 10))
	if got := b.get(at + "/locandina.pdf").want(http.StatusOK); !strings.HasPrefix(string(got.body), "%PDF-") {
		t.Error("the poster is no PDF")
	}
	w.townHall().get(at).want(http.StatusForbidden)
	if _, err := w.testimonies.Withdraw(t.Context(), "test", testimony.Anywhere, said.ID, testimony.Withdrawal{Reason: "Prova"}); err != nil {
		t.Fatal(err)
	}
	b.get(at).want(http.StatusGone)
}
