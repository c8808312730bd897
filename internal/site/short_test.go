package site_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/presskit"
	"github.com/voci-in-comune/voci/internal/testimony"
)

func (w *world) leads(t *testing.T, from string, code int, to string) {
	t.Helper()
	if answer := w.get(from); answer.Code != code || answer.Header().Get("Location") != to {
		t.Errorf("%s: %d to %q, want %d to %q", from, answer.Code, answer.Header().Get("Location"), code, to)
	}
}

func TestTheShortAddressLeadsToTheTestimonyAsLongAsItIsOut(t *testing.T) {
	w := open(t)
	said := w.publish(balme, form("La neve e il pane"))
	short := fmt.Sprintf("/v/%d", said.ID)
	w.leads(t, short, http.StatusMovedPermanently, address(said))
	w.leads(t, "/fr"+short, http.StatusMovedPermanently, "/fr"+address(said))
	for _, wrong := range []string{"/v/999", "/v/x", "/v/-1", "/v/"} {
		w.leads(t, wrong, http.StatusNotFound, "")
	}

	// An unlisted one is not found by counting.
	now, err := w.testimonies.Get(t.Context(), testimony.Anywhere, said.ID)
	w.must(err)
	f := form("La neve e il pane")
	f.Visibility = "unlisted"
	hidden, err := w.testimonies.Amend(t.Context(), "tester", balme, said.ID, now.Version, f)
	w.must(err)
	w.leads(t, short, http.StatusNotFound, "")
	w.leads(t, short+"-00000000", http.StatusNotFound, "")
	w.leads(t, presskit.ShortPath(hidden), http.StatusMovedPermanently, address(hidden))
	if got := w.get(presskit.EmbedPath(hidden)); got.Code != http.StatusOK {
		t.Errorf("its frame: %d", got.Code)
	}
	if got := w.get(fmt.Sprintf("/incorpora/testimonianze/%d", said.ID)); got.Code != http.StatusNotFound {
		t.Errorf("its frame by counting: %d", got.Code)
	}

	_, err = w.testimonies.Withdraw(t.Context(), "tester", balme, said.ID, testimony.Withdrawal{})
	w.must(err)
	for _, gone := range []string{presskit.ShortPath(hidden), presskit.EmbedPath(hidden)} {
		w.leads(t, gone, http.StatusGone, "")
	}
	if got := w.get(presskit.EmbedPath(hidden)).Header().Get("Content-Security-Policy"); !strings.Contains(got, "frame-ancestors *") {
		t.Errorf("nobody reads in the frame that it was withdrawn: %s", got)
	}
}

func TestOnlyTheFrameMayBeFramed(t *testing.T) {
	w := open(t)
	said := w.publish(balme, form("La neve e il pane"))
	policy := func(answer *httptest.ResponseRecorder) string { return answer.Header().Get("Content-Security-Policy") }
	for range 2 { // made, then from the cache
		first := w.get(presskit.EmbedPath(said))
		if first.Code != http.StatusOK || !strings.Contains(policy(first), "frame-ancestors *") || strings.Contains(policy(first), "frame-ancestors 'none'") {
			t.Fatalf("the frame: %d %s", first.Code, policy(first))
		}
		if len(first.Result().Cookies()) != 0 {
			t.Error("it gives cookies")
		}
		// A browser that has it takes the policy of this answer for the page's.
		if again := w.get(presskit.EmbedPath(said), "If-None-Match", first.Header().Get("Etag")); again.Code != http.StatusNotModified || policy(again) != policy(first) {
			t.Errorf("had already: %d %s", again.Code, policy(again))
		}
		for _, other := range []string{"/", address(said), "/v/999"} {
			if got := policy(w.get(other)); !strings.Contains(got, "frame-ancestors 'none'") {
				t.Errorf("%s: %s", other, got)
			}
		}
	}
	for _, a := range hrefs(w.page(presskit.EmbedPath(said)), "a") {
		if !strings.HasPrefix(a, "/") {
			t.Errorf("it leads to %s", a)
		}
	}
	one(t, w.page(presskit.EmbedPath(said)), "base", "target", "_blank")
	w.leads(t, presskit.EmbedPath(said)+"-whatever", http.StatusMovedPermanently, presskit.EmbedPath(said))
}

// TestTheFrameAsksNothingBeforeTheClick shows a testimony on a page of another
// site, in a browser that fails the test if anything is asked elsewhere.
func TestTheFrameAsksNothingBeforeTheClick(t *testing.T) {
	w := open(t, live)
	said := w.publish(balme, form("La neve e il pane"))
	portal := httptest.NewServer(w.portal)
	defer portal.Close()
	town := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			rw.WriteHeader(http.StatusNoContent)
			return
		}
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(rw, `<!doctype html><html lang="it"><meta name="viewport" content="width=device-width"><title>Comune</title><link rel="icon" href="/i"><main><h1>Comune di Balme</h1>
			<iframe src="%s%s" title="La neve e il pane" width="330" height="330" allow="autoplay; fullscreen"></iframe></main></html>`, portal.URL, presskit.EmbedPath(said))
	}))
	defer town.Close()
	b := browser.Start(t)
	for _, size := range []browser.Size{browser.Phone, browser.Laptop} {
		person := b.Person(t, town.URL, size)
		tab := person.Tab()
		tab.MayAsk(portal.URL)
		tab.Open("/")
		tab.Until(`frames.length === 1 && frames[0].length === 0`)
		if dir := os.Getenv("VOCI_PICTURES"); dir != "" {
			tab.Picture(dir, "frame")
		}
		tab.Check()
		if got := person.Cookies(); len(got) != 0 {
			t.Errorf("cookies: %v", got)
		}
		tab.MayAsk("https://www.youtube-nocookie.com")
		tab.PressOn("iframe")
		tab.Until(`frames[0].length === 1`) // YouTube's player, inside ours
	}
	// By itself it is a page like any other, and reads without scripts.
	tab := b.Person(t, portal.URL, browser.Small).Tab()
	tab.WithoutScripts()
	tab.Open(presskit.EmbedPath(said))
	tab.Sees("La neve e il pane", "Guarda il video su YouTube")
	tab.Check()
}
