package site_test

import (
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/journey/browser"
)

// TestTheClickLoadsYouTube presses the poster in a browser that fails the test
// if anything was asked elsewhere before.
func TestTheClickLoadsYouTube(t *testing.T) {
	w := open(t, live)
	said := w.publish(balme, form("La neve e il pane"))
	server := httptest.NewServer(w.portal)
	defer server.Close()
	person := browser.Start(t).Person(t, server.URL, browser.Small)
	tab := person.Tab()
	tab.Open(address(said))
	tab.Check()
	tab.MayAsk("https://www.youtube-nocookie.com")
	tab.Press("link", "Guarda il video su YouTube")
	tab.Until(`document.querySelector(".player iframe") !== null`)
	got := browser.Eval[map[string]string](tab, `(({ src, title, allow, referrerPolicy }) => ({ src, title, allow, referrerPolicy,
		others: String(document.querySelector(".player").childElementCount - 1), focus: document.activeElement.tagName }))(document.querySelector("iframe"))`)
	want := map[string]string{
		"src":   "https://www.youtube-nocookie.com/embed/" + youtubeID(said.ID) + "?autoplay=1&rel=0&hl=it",
		"title": "Video: La neve e il pane", "allow": "autoplay; encrypted-media; picture-in-picture; fullscreen",
		"referrerPolicy": "strict-origin-when-cross-origin", "others": "0", "focus": "IFRAME",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := person.Cookies(); len(got) != 0 {
		t.Errorf("cookies: %v", got)
	}
}
