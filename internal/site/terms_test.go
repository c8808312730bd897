package site_test

import (
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/page"
)

// The addresses that YouTube's developer policies (III.A) have us link to.
var termsLinks = []string{
	"https://www.youtube.com/t/terms", "http://www.google.com/policies/privacy", "https://security.google.com/settings/security/permissions",
}

// onYouTube is where the channel is in these tests.
const onYouTube = "https://www.youtube.com/channel/UC-example"

// TestWhatTheTermsOfYouTubeAskIsSaid looks at the footer of every page and at
// the two pages that are for it.
func TestWhatTheTermsOfYouTubeAskIsSaid(t *testing.T) {
	w := open(t, live)
	said := w.publish(balme, form("La neve e il pane"))
	services := map[string]string{page.Italian: "servizi API di YouTube", page.English: "YouTube API Services", page.French: "services API de YouTube"}
	for _, lang := range page.Langs {
		for _, path := range pages(said) {
			path = page.Localize(lang, path)
			footer := one(t, w.page(path), "footer")
			for _, href := range termsLinks {
				one(t, footer, "a", "href", href)
			}
			one(t, footer, "a", "href", "mailto:voci@example.it")
			if !strings.Contains(text(footer), services[lang]) {
				t.Errorf("%s does not say whose services it uses: %s", path, text(footer))
			}
		}
		for _, path := range []string{"/privacy", "/note-legali"} {
			main := one(t, w.page(page.Localize(lang, path)), "main")
			for _, href := range append(termsLinks, "mailto:voci@example.it") {
				if len(find(main, "a", "href", href)) == 0 {
					t.Errorf("%s does not lead to %s", page.Localize(lang, path), href)
				}
			}
			if !strings.Contains(text(main), services[lang]) && !strings.Contains(text(main), "YouTube API Services") {
				t.Errorf("%s does not say that it uses the services", page.Localize(lang, path))
			}
		}
	}
}

// TestWhatYouTubeSaysLeadsThere holds every page that shows views, and the
// player, to a link to YouTube, to the age of the numbers, and to saying which
// numbers are not YouTube's.
func TestWhatYouTubeSaysLeadsThere(t *testing.T) {
	w := open(t, live)
	said := w.publish(balme, form("La neve e il pane"))
	other := w.publish(balme, form("Un’altra voce"))
	w.watched(map[int64]int64{said.ID: 1234, other.ID: 5})
	for path, own := range map[string]bool{"/": true, "/testimonianze": false, "/comuni/balme": false, "/numeri": true, address(said): false} {
		main := one(t, w.page(path), "main")
		if len(find(main, "a", "href", onYouTube)) == 0 {
			t.Errorf("%s shows views and does not lead to the channel", path)
		}
		if !strings.Contains(text(main), "YouTube, aggiornato oggi alle") {
			t.Errorf("%s does not say how old YouTube's numbers are: %s", path, text(main))
		}
		if own && !strings.Contains(text(main), "non proviene da YouTube") {
			t.Errorf("%s does not say which numbers are ours", path)
		}
	}
	watch := "https://www.youtube.com/watch?v=" + youtubeID(said.ID)
	var places []string
	for _, a := range find(one(t, w.page(address(said)), "main"), "a", "href", watch) {
		places = append(places, text(a))
	}
	if got := strings.Join(places, " | "); !strings.Contains(got, "Guardala su YouTube") || len(places) < 2 {
		t.Errorf("player and views lead to the video by %q", got)
	}
}

// TestWithoutAChannelNothingLeadsThere also keeps the sandbox's numbers from
// passing for the real ones.
func TestWithoutAChannelNothingLeadsThere(t *testing.T) {
	w := open(t)
	said := w.publish(balme, form("La neve e il pane"))
	w.watched(map[int64]int64{said.ID: 1234})
	for _, path := range pages(said) {
		for _, a := range find(one(t, w.page(path), "main"), "a", "href", "*") {
			if href, _ := attr(a, "href"); strings.Contains(href, "youtube.com/channel") || strings.Contains(href, "youtube.com/watch") {
				t.Errorf("%s leads to %s", path, href)
			}
		}
	}
}
