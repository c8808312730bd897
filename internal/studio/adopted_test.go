package studio_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// adopted is a testimony of Balme whose video was on the channel before the
// portal was.
func (w *world) adopted(title string) *testimony.Testimony {
	w.t.Helper()
	var id int64
	err := w.db.Write(w.t.Context(), func(tx *gorm.DB) error {
		said, err := w.testimonies.Adopt(tx, "test", testimony.Found{
			MunicipalityCode: balme, Themes: []string{"solidarieta"}, Origin: "youtube:dQw4w9WgXcQ", Title: title, Description: "Com’era.",
			Tags: []string{"neve"}, Visibility: testimony.Public, PublishedAt: time.Date(2020, 5, 2, 10, 0, 0, 0, time.UTC), Duration: 90 * time.Second,
		})
		if err != nil {
			return err
		}
		id = said.ID
		video := "dQw4w9WgXcQ"
		return tx.Create(&publishing.Publication{
			TestimonyID: id, VideoID: said.Video.ID, State: publishing.Public, Since: w.clock().UTC(), Slug: video, YoutubeID: &video,
			WantedPrivacy: youtube.Public, SeenPrivacy: youtube.Public, Origin: publishing.FromChannel, Verified: true,
		}).Error
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.said(id)
}

// TestATownHallFindsWhatWasAdopted: it never sent the video, and it is told so;
// the testimony is its own all the same.
func TestATownHallFindsWhatWasAdopted(t *testing.T) {
	w := open(t)
	said := w.adopted("La neve del 2020")
	b := w.townHall(balme)
	way := []string{
		"Già su YouTube (fatto) 2 maggio 2020 alle 12:00", "Aggiunta al portale dalla redazione (fatto) oggi alle 12:00",
		"Vista dalle persone (in corso) Le visualizzazioni arrivano da YouTube ogni ora.",
	}
	home := b.get("/comune").want(http.StatusOK)
	if diff := cmp.Diff(way, home.way(said.ID)); diff != "" {
		t.Error(diff)
	}
	own := home.one("li", "id", "testimony-"+itoa(said.ID))
	if len(find(own, "img")) != 0 {
		t.Error("a picture that is not here is shown")
	}
	page := b.get("/comune/testimonianze/"+itoa(said.ID)).want(http.StatusOK).
		says("Già su YouTube", "Solo su YouTube: il portale non ha il file · 1:30", "Il video era su YouTube prima del portale: qui non ci sono autorizzazioni registrate.", "Com’era.").
		silent("Che cosa hai inviato", "Chi parla", "youtube:", "0 B")
	if len(page.find("video")) != 0 {
		t.Error("a video that is not here is shown")
	}
	page.one("a", "id", "amend")
	for _, file := range []string{"poster", "video"} {
		b.get("/comune/testimonianze/" + itoa(said.ID) + "/" + file).want(http.StatusNotFound)
	}

	w.exec(`UPDATE publications SET state = 'missing' WHERE testimony_id = ?`, said.ID)
	if got := b.get("/comune").way(said.ID)[0]; !strings.HasPrefix(got, "Già su YouTube (in attesa)") {
		t.Errorf("gone from the channel: %s", got)
	}
	w.exec(`UPDATE publications SET state = 'blocked', reason = '{"Key":"publishing.failed.codec"}' WHERE testimony_id = ?`, said.ID)
	if got := b.get("/comune").way(said.ID)[0]; strings.Contains(got, "Chiedi al Comune") {
		t.Errorf("the staff's remedy is told to the town hall: %s", got)
	}

	if _, err := w.testimonies.Withdraw(t.Context(), "town hall", balme, said.ID, testimony.Withdrawal{}); err != nil {
		t.Fatal(err)
	}
	if got := b.get("/comune").way(said.ID); len(got) != 3 || !strings.HasPrefix(got[2], "Ritirata (fatto) oggi alle 12:00") {
		t.Errorf("withdrawn: %q", got)
	}
	b.get("/comune/testimonianze/" + itoa(said.ID)).want(http.StatusOK).says("Ritirata")
}
