package newsroom_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// bySmall is arrived, with its small version only.
func (w *world) bySmall() *testimony.Testimony {
	w.t.Helper()
	said := w.arrived(nil)
	w.exec(`UPDATE videos SET kind = 'small', whole_bytes = 99 WHERE testimony_id = ?`, said.ID)
	return w.said(said.ID)
}

// follows has the full file come, so many milliseconds long.
func (w *world) follows(id, ms int64) {
	w.t.Helper()
	name := "full-" + strconv.FormatInt(id, 10)
	err := w.testimonies.ReceiveVideo(w.t.Context(), testimony.Video{TestimonyID: id, UploadID: name, Original: name, Filename: "spesa.mov", Bytes: 99})
	if err != nil {
		w.t.Fatal(err)
	}
	v := w.said(id).Full
	v.State, v.DurationMS = testimony.VideoReady, ms
	if err := w.testimonies.VideoSeen(w.t.Context(), v); err != nil {
		w.t.Fatal(err)
	}
}

func TestStaffDecideOnASmallVersion(t *testing.T) {
	w := open(t)
	said := w.bySmall()
	b := w.moderator()
	review := "/redazione/revisione/" + strconv.FormatInt(said.ID, 10)
	const arrives = "Versione piccola: il video intero arriva"
	b.get("/redazione/revisione").says(arrives)
	b.get(review).says(arrives, "Se approvi, la pubblicazione aspetta il video intero").silent("non è uguale")
	version := strconv.Itoa(said.Version)
	b.follow(b.post(review+"/approva", "version", version), "/redazione/revisione")
	const waits = "Approvata con la versione piccola: va avanti da sola appena è arrivato il video intero."
	b.get(review).says(waits)
	pubs, err := w.publisher.Of(t.Context(), []int64{said.ID})
	if err != nil {
		t.Fatal(err)
	}
	plan := "/redazione/youtube/pubblicazioni/" + strconv.FormatInt(pubs[said.ID].ID, 10)
	b.get(plan).want(http.StatusOK).says(waits, "Rimanda al Comune").silent("Pubblica a mano")
	b.get(plan + "/originale").want(http.StatusNotFound)

	// A film of another length is for a person to look at.
	w.follows(said.ID, 60_000)
	got := w.said(said.ID)
	if got.State != testimony.InReview {
		t.Fatalf("it is %s", got.State)
	}
	b.get("/redazione/revisione").says("Il video intero non è uguale alla versione piccola")
	b.get(review).says("dura 1:00, l’altra 0:42. Guardalo di nuovo prima di decidere.").silent(arrives)
	b.post(review+"/approva", "version", version).want(http.StatusConflict)
	b.follow(b.post(review+"/approva", "version", strconv.Itoa(got.Version)), "/redazione/revisione")
	if got := w.said(said.ID); got.State != testimony.Approved || got.Doubt.Key != "" {
		t.Errorf("it is %s, doubt %q", got.State, got.Doubt.Key)
	}
}

func TestWhatWaitsForItsFilmCanBeSentBack(t *testing.T) {
	w := open(t)
	said := w.bySmall()
	if _, err := w.testimonies.Approve(t.Context(), "test", said.ID, said.Version); err != nil {
		t.Fatal(err)
	}
	pubs, err := w.publisher.Of(t.Context(), []int64{said.ID})
	if err != nil {
		t.Fatal(err)
	}
	plan := "/redazione/youtube/pubblicazioni/" + strconv.FormatInt(pubs[said.ID].ID, 10)
	b := w.moderator()
	b.follow(b.post(plan+"/rimanda", "reason", "Il video intero non arriva"), plan)
	if got := w.said(said.ID); got.State != testimony.ChangesRequested || got.Reason != "Il video intero non arriva" {
		t.Errorf("it is %s: %q", got.State, got.Reason)
	}
	if pub, err := w.publisher.Get(t.Context(), pubs[said.ID].ID); err != nil || pub.State != publishing.Blocked {
		t.Errorf("the publication: %+v, %v", pub, err)
	}
}
