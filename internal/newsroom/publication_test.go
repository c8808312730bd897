package newsroom_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/newsroom"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// publicationOf is the publication of a testimony that was approved, and the
// address of its page.
func (w *world) publicationOf(id int64) (publishing.Publication, string) {
	w.t.Helper()
	by, err := w.publisher.Of(w.t.Context(), []int64{id})
	if err != nil {
		w.t.Fatal(err)
	}
	return by[id], "/redazione/youtube/pubblicazioni/" + strconv.FormatInt(by[id].ID, 10)
}

func (w *world) approvedOne() *testimony.Testimony {
	w.t.Helper()
	said := w.arrived(nil)
	said, err := w.testimonies.Approve(w.t.Context(), "test", said.ID, said.Version)
	if err != nil {
		w.t.Fatal(err)
	}
	return said
}

func TestThePlanIsShown(t *testing.T) {
	w := open(t)
	said := w.approvedOne()
	pub, address := w.publicationOf(said.ID)
	b := w.moderator()
	a := b.get(address).want(http.StatusOK).says("Caricamento", "Elaborazione di YouTube", "Controllo della visibilità", "Titolo, descrizione, tag e lingua",
		"Playlist", "Dovrebbe partire oggi, dopo altre 0.", "Approvata", "In coda per YouTube")
	if n := len(find(a.find("tbody")[0], "tr")); n < 6 {
		t.Errorf("the plan has %d steps", n)
	}
	b.get("/redazione/youtube").want(http.StatusForbidden)
	w.administrator().get("/redazione/youtube").says("Copertine, playlist e modifiche in attesa", "Vedi il piano")
	w.exec(`UPDATE publication_steps SET state = 'blocked', reason = '{"Key":"publishing.step.no_video"}' WHERE publication_id = ? AND kind = 'words'`, pub.ID)
	b.get(address).says("YouTube dice che il video non c’è più", "Fermo")
	w.administrator().post(address + "/riprova").want(http.StatusSeeOther)
	b.get(address).silent("YouTube dice che il video non c’è più")
	w.townHall().get(address).want(http.StatusForbidden)
	b.get("/redazione/youtube/pubblicazioni/999").want(http.StatusNotFound)
}

func TestStaffChooseTheDay(t *testing.T) {
	w := open(t)
	said := w.approvedOne()
	_, address := w.publicationOf(said.ID)
	b := w.moderator()
	for typed, says := range map[string]string{"2020-01-01T10:00": "La data è già passata", "domani": "Scrivi giorno e ora per intero", "2036-01-01T10:00": "La data è troppo lontana"} {
		a := b.post(address+"/programma", "publish_at", typed).want(http.StatusUnprocessableEntity).says(says)
		if got := value(a.one("input", "name", "publish_at"), "value"); got != typed {
			t.Errorf("typed was %q, shown is %q", typed, got)
		}
	}
	b.follow(b.post(address+"/programma", "publish_at", "2026-12-24T18:30"), address).says("Data salvata.")
	if at := w.said(said.ID).PublishAt; at == nil || at.UTC().Format("2006-01-02 15:04") != "2026-12-24 17:30" {
		t.Errorf("it comes out %v", at)
	}
	b.post(address+"/programma", "publish_at", "2026-12-25T18:30", "version", "1").want(http.StatusConflict).says("Intanto qualcun altro ha cambiato questa testimonianza")
	b.follow(b.post(address+"/programma", "publish_at", ""), address)
	if at := w.said(said.ID).PublishAt; at != nil {
		t.Errorf("it still comes out %v", at)
	}
}

func TestStaffSendAnApprovedTestimonyBack(t *testing.T) {
	w := open(t)
	said := w.approvedOne()
	pub, address := w.publicationOf(said.ID)
	b := w.moderator()
	b.post(address+"/rimanda", "reason", " ").want(http.StatusUnprocessableEntity).says("Scrivi il motivo")
	w.exec(`UPDATE publications SET state = 'sending', session_sealed = x'00' WHERE id = ?`, pub.ID)
	b.post(address+"/rimanda", "reason", "Il file non si legge").want(http.StatusConflict).says("Il video è già in viaggio verso YouTube")
	w.exec(`UPDATE publications SET state = 'blocked', session_sealed = NULL, reason = '{"Key":"publishing.failed.codec"}' WHERE id = ?`, pub.ID)
	b.follow(b.post(address+"/rimanda", "reason", "Il file non si legge"), address)
	if got := w.said(said.ID); got.State != testimony.ChangesRequested || got.Reason != "Il file non si legge" {
		t.Errorf("it is %s: %q", got.State, got.Reason)
	}
}

func TestStaffWithdraw(t *testing.T) {
	w := open(t)
	said := w.approvedOne()
	_, address := w.publicationOf(said.ID)
	b := w.moderator()
	b.post(address+"/ritira", "withdraw_reason", "").want(http.StatusUnprocessableEntity).says("Scrivi il motivo")
	b.follow(b.post(address+"/ritira", "withdraw_reason", "Una persona ha tolto il consenso"), address).says("Testimonianza ritirata.", "Ritirata")
	if got := w.said(said.ID); got.State != testimony.Withdrawn || got.Reason != "Una persona ha tolto il consenso" {
		t.Errorf("it is %s: %q", got.State, got.Reason)
	}
}

func TestStaffPublishByHand(t *testing.T) {
	vault := t.TempDir()
	w := open(t, func(r *newsroom.Rooms) { r.Vault = vault })
	said := w.approvedOne()
	if err := os.WriteFile(filepath.Join(vault, said.Video.Original), []byte("the film"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.channels.ConnectSandbox(t.Context(), w.youtube.IssueToken()); err != nil {
		t.Fatal(err)
	}
	pub, address := w.publicationOf(said.ID)
	b := w.moderator()
	a := b.get(address+"/a-mano").want(http.StatusOK).says("Scarica l’originale", said.Title, "solidarietà")
	if got := text(a.one("textarea", "id", "copy-title")); strings.TrimSpace(got) != said.Title {
		t.Errorf("the title to copy is %q", got)
	}
	file := b.get(address + "/originale").want(http.StatusOK)
	if got := file.header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="balme-`) || string(file.body) != "the film" {
		t.Errorf("%s: %q", got, file.body)
	}
	b.post(address+"/a-mano", "link", "ciao").want(http.StatusUnprocessableEntity).says("Questo non è il collegamento di un video YouTube")
	b.post(address+"/a-mano", "link", "https://youtu.be/aaaaaaaaaaa").want(http.StatusUnprocessableEntity).says("Il video non c’è sul canale")
	ids, err := w.youtube.Seed(sandbox.SeedVideo{Title: "In Studio", Privacy: "private", Duration: float64(said.Video.DurationMS) / 1000, PublishedAt: noon})
	if err != nil {
		t.Fatal(err)
	}
	b.follow(b.post(address+"/a-mano", "link", "https://youtu.be/"+ids[0]), address).says("Video collegato.", "Collegata a mano")
	if got, _ := w.publicationOf(said.ID); got.YoutubeID == nil || *got.YoutubeID != ids[0] || got.Origin != publishing.ByHand || got.ID != pub.ID {
		t.Errorf("publication: %+v", got)
	}
	b.get(address + "/a-mano").want(http.StatusSeeOther)
}

func TestByHandIsOfferedWithoutAChannel(t *testing.T) {
	w := open(t, off)
	w.publisher.Channels = nil
	said := w.approvedOne()
	_, address := w.publicationOf(said.ID)
	b := w.moderator()
	b.get(address + "/a-mano").says("Ho guardato il video")
	b.post(address+"/a-mano", "link", "https://youtu.be/aaaaaaaaaaa").want(http.StatusUnprocessableEntity).says("Il portale non può controllare")
}
