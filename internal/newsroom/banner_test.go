package newsroom_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/fault"
)

// TestAStoppedChannelIsSaidOnceOnEveryPage looks at each page of the newsroom:
// the banner is there, once, and so are its words; who can mend it is led
// there.
func TestAStoppedChannelIsSaidOnceOnEveryPage(t *testing.T) {
	w := open(t)
	w.connect()
	said := w.approvedOne(forAll)
	_, plan := w.publicationOf(said.ID)
	moderator, administrator := w.moderator(), w.administrator()
	paths := append([]string{plan, plan + "/a-mano", "/posta"}, pages(said.ID)...)
	for _, path := range paths {
		if banners := moderator.get(path).find("*", "id", "banner"); len(banners) != 0 {
			t.Fatalf("%s has a banner while all is well", path)
		}
	}
	if err := w.channels.Fail(t.Context(), errors.Join(errors.New("said by Google"), fault.New(fault.Conflict, "publishing.trouble.token"))); err != nil {
		t.Fatal(err)
	}
	const remedy = "Il permesso di Google non vale più. Ricollega il canale: la coda riparte da sola."
	for _, path := range append(paths, "/redazione/youtube") {
		if strings.HasSuffix(path, "/poster") || strings.HasSuffix(path, "/video") {
			continue // a file
		}
		a := administrator.get(path).want(http.StatusOK)
		banner := a.one("*", "id", "banner")
		if n := strings.Count(a.text(), remedy); n != 1 || !strings.Contains(text(banner), remedy) {
			t.Errorf("%s says %d times what helps: %s", path, n, a.text())
		}
		if links := find(banner, "a", "href", "/redazione/youtube"); len(links) != 1 && path != "/redazione/youtube" {
			t.Errorf("%s does not lead an administrator to the channel", path)
		}
		if path == "/redazione/youtube" {
			continue
		}
		banner = moderator.get(path).want(http.StatusOK).one("*", "id", "banner")
		if len(find(banner, "a")) != 0 || !strings.Contains(text(banner), "Avvisa chi amministra il portale") {
			t.Errorf("%s tells a moderator %q", path, text(banner))
		}
	}
	moderator.get("/en/redazione").one("*", "id", "banner")
	if banners := w.townHall().get("/redazione").find("*", "id", "banner"); len(banners) != 0 {
		t.Error("a town hall reads it, too")
	}
	// It works again.
	administrator.post("/redazione/youtube/verifica").want(http.StatusSeeOther)
	for _, path := range []string{"/redazione", plan} {
		if banners := moderator.get(path).find("*", "id", "banner"); len(banners) != 0 {
			t.Errorf("%s still has its banner", path)
		}
	}
}

func TestOffIsNoTrouble(t *testing.T) {
	w := open(t, off)
	for _, path := range []string{"/redazione", "/redazione/youtube", "/redazione/revisione"} {
		if banners := w.administrator().get(path).find("*", "id", "banner"); len(banners) != 0 {
			t.Errorf("%s has a banner", path)
		}
	}
}
