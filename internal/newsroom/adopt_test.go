package newsroom_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

const adoptAddress = "/redazione/youtube/adotta"

// seed makes the channel have had videos since 2020, and returns their ids.
func (w *world) seed(videos ...sandbox.SeedVideo) []string {
	w.t.Helper()
	for i := range videos {
		videos[i].PublishedAt = time.Date(2020, 5, 2, 10, len(videos)-i, 0, 0, time.UTC)
		videos[i].Duration = 75
	}
	ids, err := w.youtube.Seed(videos...)
	if err != nil {
		w.t.Fatal(err)
	}
	return ids
}

// form is what a page's form would post as it stands.
func (a answer) form(id string) url.Values {
	a.t.Helper()
	values := url.Values{}
	for _, in := range find(a.one("form", "id", id), "input") {
		_, checked := attr(in, "checked")
		if kind := value(in, "type"); (kind != "checkbox" && kind != "radio") || checked {
			values.Add(value(in, "name"), value(in, "value"))
		}
	}
	return values
}

func TestTheChannelsEarlierVideosAreImported(t *testing.T) {
	w := open(t)
	w.connect()
	ids := w.seed(
		sandbox.SeedVideo{Title: "Balme: il volontariato", Views: 1234},
		sandbox.SeedVideo{Title: "Nessuno sa di chi", Privacy: "unlisted"},
		sandbox.SeedVideo{Title: "Un altro video", Tags: []string{"solidarietà"}},
	)
	w.stranger().get(adoptAddress).want(http.StatusUnauthorized)
	w.townHall().get(adoptAddress).want(http.StatusForbidden)
	b := w.moderator()
	for back, who := range map[string]browser{"/redazione": b, "/redazione/youtube": w.administrator()} {
		if crumbs := who.get(adoptAddress).one("ol", "class", "breadcrumb"); len(find(crumbs, "a", "href", back)) != 1 {
			t.Errorf("it does not lead back to %s", back)
		}
		who.get(back).want(http.StatusOK)
	}
	page := b.get(adoptAddress).want(http.StatusOK).says("Balme: il volontariato", "2 maggio 2020", "1:15", "1.234 visualizzazioni", "Non in elenco")
	form := page.form("adopt-form")
	for name, want := range map[string]string{
		"adopt_" + ids[0]: "1", "municipality_" + ids[0]: "Balme", "themes_" + ids[0]: "volontariato",
		"adopt_" + ids[1]: "", "municipality_" + ids[1]: "", "themes_" + ids[1]: "",
		"adopt_" + ids[2]: "", "municipality_" + ids[2]: "", "themes_" + ids[2]: "solidarieta",
	} {
		if got := form.Get(name); got != want {
			t.Errorf("%s is proposed as %q, want %q", name, got, want)
		}
	}

	// One choice is wrong: nothing is imported, and all choices stay.
	form.Set("municipality_"+ids[0], "")
	form.Set("adopt_"+ids[2], "1")
	form.Set("municipality_"+ids[2], "Atlantide")
	form["themes_"+ids[2]] = []string{"volontariato", "spazi-per-i-giovani"}
	form.Del("adopt_" + ids[0])
	form.Set("municipality_"+ids[1], "agliè")
	refused := b.send(http.MethodPost, adoptAddress, form).want(http.StatusUnprocessableEntity).
		says("Un altro video: Scegli il Comune dall’elenco.")
	kept := refused.form("adopt-form")
	for name := range form {
		if strings.Join(kept[name], "|") != strings.Join(form[name], "|") {
			t.Errorf("%s was %q and became %q", name, form[name], kept[name])
		}
	}
	if len(kept) != len(form) {
		t.Errorf("the form posted %v and became %v", form, kept)
	}
	if n := w.count(); n != 0 {
		t.Fatalf("%d testimonies were made", n)
	}

	// The channel cannot be asked: what was chosen stays in sight.
	if err := w.youtube.Faults().Add(sandbox.Fault{Name: sandbox.Unavailable, Method: "playlistItems.list"}, sandbox.Fault{Name: sandbox.Unavailable, Method: "videos.list"}); err != nil {
		t.Fatal(err)
	}
	kept.Set("municipality_"+ids[2], "Balme")
	lost := b.send(http.MethodPost, adoptAddress, kept).want(http.StatusServiceUnavailable).says("Un altro video", "YouTube non risponde")
	if got := lost.form("adopt-form").Get("municipality_" + ids[2]); got != "Balme" {
		t.Errorf("the municipality became %q", got)
	}
	w.youtube.Faults().Clear()

	kept.Set("adopt_"+ids[1], "1")
	kept["themes_"+ids[1]] = []string{"solidarieta"}
	done := b.follow(b.send(http.MethodPost, adoptAddress, kept), adoptAddress).silent("Un altro video").says("Balme: il volontariato")
	if !strings.Contains(string(done.body), "2 video importati.") {
		t.Error("nobody says how many were imported")
	}
	if n := w.count(); n != 2 {
		t.Errorf("%d testimonies, want 2", n)
	}
	list, _, err := w.testimonies.OfMunicipality(t.Context(), "001001", 0, 10)
	if err != nil || len(list) != 1 || list[0].Visibility != testimony.Unlisted {
		t.Fatalf("of Agliè: %+v, %v", list, err)
	}
	// Nothing breaks where there is no file.
	for _, path := range []string{"/redazione/revisione/1", "/redazione/youtube/pubblicazioni/1", "/redazione/youtube/pubblicazioni/1/a-mano", "/redazione", "/redazione/youtube/differenze", "/redazione/comuni/001019"} {
		if a := b.get(path); a.code >= http.StatusBadRequest {
			t.Errorf("%s: %d %s", path, a.code, a.text())
		}
	}
	for _, path := range []string{"/redazione/revisione/1/poster", "/redazione/revisione/1/video", "/redazione/youtube/pubblicazioni/1/originale"} {
		b.get(path).want(http.StatusNotFound)
	}
}

func (w *world) count() (n int64) {
	w.t.Helper()
	if err := w.db.Reader(w.t.Context()).Raw(`SELECT count(*) FROM testimonies`).Scan(&n).Error; err != nil {
		w.t.Fatal(err)
	}
	return n
}

func TestAdoptionWithoutAChannel(t *testing.T) {
	open(t).moderator().get(adoptAddress).want(http.StatusNotFound).says("Nessun canale YouTube è collegato.")
}

// TestWithoutAChannelTheQueueOffersTheHand: with VOCI_YOUTUBE=off it is the only
// way to YouTube.
func TestWithoutAChannelTheQueueOffersTheHand(t *testing.T) {
	w := open(t, off)
	one, two := w.approvedOne(), w.approvedOne()
	page := w.administrator().get("/redazione/youtube").want(http.StatusOK).says("YouTube è spento su questo portale.")
	for _, said := range []int64{one.ID, two.ID} {
		_, address := w.publicationOf(said)
		page.one("a", "href", address+"/a-mano")
	}
	w = open(t)
	w.connect()
	_, address := w.publicationOf(w.approvedOne().ID)
	if found := w.administrator().get("/redazione/youtube").find("a", "href", address+"/a-mano"); len(found) != 0 {
		t.Error("the hand is offered although the channel does it by itself")
	}
}
