package newsroom_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/testimony"
)

func TestStaffSeeThePeopleOfATownHallAndTakeALinkAway(t *testing.T) {
	w := open(t)
	b := w.moderator()
	b.get(balmePage).says("Nessuna persona ha un collegamento suo.")
	l, token, err := w.accounts.Invite(t.Context(), "test", balme, account.Details{
		Name: "Bruno Ufficio", Office: "Ufficio stampa", Email: "stampa@comune.example", ExpiresOn: "2027-12-31",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	inside := w.enter(token)
	a := b.get(balmePage).says("Bruno Ufficio", "Ufficio stampa", "stampa@comune.example", "Usato oggi alle 12:00", "31 dicembre 2027")
	if strings.Contains(string(a.body), token) {
		t.Error("staff see the link of a person")
	}
	// The list tells the town hall's own link, which nobody has used.
	b.get("/redazione/comuni?q=balme").says("Non ancora creato")
	b.personalLink()
	address := balmePage + "/persone/" + itoa(l.ID) + "/revoca"
	inside.post(address).want(http.StatusForbidden)
	b.post("/redazione/comuni/001125/persone/" + itoa(l.ID) + "/revoca").want(http.StatusNotFound)
	b.post(balmePage + "/persone/x/revoca").want(http.StatusNotFound)
	a = b.post(address)
	b.follow(a, balmePage).says("il collegamento di quella persona non funziona più", "Nessuna persona ha un collegamento suo.")
	inside.get("/redazione").want(http.StatusUnauthorized)
	b.post(address).want(http.StatusNotFound)
}

// TestWhoApprovedIsBeforeTheModerator: both names and times, in the review and in
// the history.
func TestWhoApprovedIsBeforeTheModerator(t *testing.T) {
	w := open(t)
	said := w.arrived(nil)
	if _, err := w.testimonies.RequestChanges(t.Context(), "test", said.ID, said.Version, "Prima l’approvazione"); err != nil {
		t.Fatal(err)
	}
	bruno := account.Person{Role: account.Editor, MunicipalityCode: balme, LinkID: 4, Name: "Bruno Ufficio"}
	var token string
	_, err := w.testimonies.AskApproval(t.Context(), bruno.Actor(), balme, said.ID, testimony.Asked{Name: "Anna Bò", Email: "sindaca@comune.example", Language: "it"},
		func(_ *gorm.DB, _ *testimony.Testimony, made string) error { token = made; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.testimonies.Submit(t.Context(), bruno.Actor(), balme, said.ID); err != nil {
		t.Fatal(err)
	}
	b := w.moderator()
	b.get(reviewPage(said.ID)).says("Approvazione di chi parla", "Approvazione di Anna Bò").silent("Approvata da")
	w.now = w.now.Add(time.Hour)
	if said, err = w.testimonies.GiveApproval(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	b.get(reviewPage(said.ID)).says("Approvata da Anna Bò: oggi alle 13:00", "Chiesta l’approvazione di chi parla oggi alle 12:00, da Bruno Ufficio, per il Comune")
	b.post(reviewPage(said.ID)+"/approva", "version", itoa(int64(said.Version))).want(http.StatusSeeOther)
	if len(w.planned) != 1 {
		t.Fatalf("%d publications", len(w.planned))
	}
	history := b.get("/redazione/youtube/pubblicazioni/" + itoa(w.planned[0])).want(http.StatusOK)
	history.says("Chiesta l’approvazione di chi parla", "Approvata da chi parla", "Bruno Ufficio", "Anna Bò")
}

func TestAConsentNamesThePerson(t *testing.T) {
	w := open(t)
	f := testimony.Form{Title: "Il forno", Language: "it", Visibility: "public", Release: []string{"people"}}
	bruno := account.Person{Role: account.Editor, MunicipalityCode: balme, LinkID: 4, Name: "Bruno Ufficio", HandoverID: 7}
	said, err := w.testimonies.Create(t.Context(), bruno.Actor(), balme, f, false)
	if err != nil {
		t.Fatal(err)
	}
	w.moderator().get(reviewPage(said.ID)).says("da Bruno Ufficio, per il Comune")
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
