package newsroom_test

import (
	"net/http"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/testimony"
)

// TestOneWithoutAFileHereIsReadByStaff: its page does not wait for a file that
// never comes.
func TestOneWithoutAFileHereIsReadByStaff(t *testing.T) {
	w := open(t)
	var id int64
	err := w.db.Write(t.Context(), func(tx *gorm.DB) error {
		said, err := w.testimonies.Adopt(tx, "test", testimony.Found{
			MunicipalityCode: balme, Themes: []string{"solidarieta"}, Origin: "youtube:dQw4w9WgXcQ", Title: "La neve del 2020",
			Visibility: testimony.Public, PublishedAt: time.Date(2020, 5, 2, 10, 0, 0, 0, time.UTC), Duration: 90 * time.Second,
		})
		if err == nil {
			id = said.ID
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b := w.moderator()
	page := b.get(reviewPage(id)).want(http.StatusOK).
		says("La neve del 2020", "Questo video era già su YouTube. Il portale non ne ha il file.", "Durata: 1:30", "Nessun consenso registrato.").
		silent("Stiamo controllando il file", "Chi parla", "File inviato", "youtube:")
	if len(page.find("video")) != 0 {
		t.Error("a video that is not here is shown")
	}
	for _, file := range []string{"/poster", "/video"} {
		b.get(reviewPage(id) + file).want(http.StatusNotFound)
	}
	b.get("/redazione/comuni/" + balme).want(http.StatusOK).says("La neve del 2020")
}
