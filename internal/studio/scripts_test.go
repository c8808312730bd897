package studio_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/journey/browser"
)

// mostScripts is what the scripts of the form may weigh, compressed, until
// somebody opens recording: on 400 kbit/s they take 1.2 seconds.
const mostScripts = 60_000

func TestTheScriptsOfTheFormAreLight(t *testing.T) {
	w, b := inBrowser(t)
	tab := w.enter(t, b, browser.Phone)
	w.draft(w.townHall(balme), tab)
	total := int64(0)
	seen := map[string]bool{}
	for _, r := range tab.Requests("GET", "/static/dist/") {
		u, err := url.Parse(r.URL)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(u.Path, ".js") || seen[u.Path] {
			continue
		}
		seen[u.Path] = true
		built, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(u.Path)) + ".br")
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%6d %s", built.Size(), u.Path)
		total += built.Size()
	}
	if len(seen) < 3 {
		t.Fatalf("the page asked for %d scripts only", len(seen))
	}
	if total > mostScripts {
		t.Errorf("%d bytes of scripts, at most %d are allowed", total, mostScripts)
	}
}
