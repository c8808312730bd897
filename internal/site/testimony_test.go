package site_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/testimony"
)

func TestATestimonyHasOneAddress(t *testing.T) {
	w := open(t)
	said := w.publish(balme, form("La neve, il pane & l’altro"))
	right := fmt.Sprintf("/testimonianze/%d-la-neve-il-pane-e-l-altro", said.ID)
	if got := address(said); got != right {
		t.Fatalf("the address is %s", got)
	}
	for asked, want := range map[string]string{
		fmt.Sprintf("/testimonianze/%d", said.ID):              right,
		fmt.Sprintf("/testimonianze/%d-", said.ID):             right,
		fmt.Sprintf("/testimonianze/%d-vecchio", said.ID):      right,
		fmt.Sprintf("/testimonianze/0%d-x", said.ID):           right,
		fmt.Sprintf("/fr/testimonianze/%d-vecchio", said.ID):   "/fr" + right,
		fmt.Sprintf("/testimonianze/%d?utm_source=x", said.ID): right,
	} {
		answer := w.get(asked)
		if got := answer.Header().Get("Location"); answer.Code != http.StatusMovedPermanently || got != want {
			t.Errorf("%s: %d to %q", asked, answer.Code, got)
		}
	}
	canonical, _ := attr(one(t, w.page(right+"?lingua=x"), "link", "rel", "canonical"), "href")
	if canonical != base+right {
		t.Errorf("canonical %q", canonical)
	}
}

func TestWhoMaySeeATestimony(t *testing.T) {
	w := open(t)
	hidden, secret := form("Solo con l'indirizzo"), form("Per nessuno")
	hidden.Visibility, secret.Visibility = "unlisted", "private"
	public, unlisted, private := w.publish(balme, form("Per tutti")), w.publish(balme, hidden), w.publish(balme, secret)
	waiting := w.approve(balme, form("Non ancora"), false)
	gone := w.publish(balme, form("Ritirata"))
	goneSecret := w.publish(balme, secret)
	for _, id := range []int64{gone.ID, goneSecret.ID} {
		_, err := w.testimonies.Withdraw(t.Context(), "tester", balme, id, testimony.Withdrawal{})
		w.must(err)
	}
	file := func(said *testimony.Testimony, end string) string {
		return fmt.Sprintf("/testimonianze/%d/%s%s", said.ID, said.Video.UploadID, end)
	}
	for name, c := range map[string]struct {
		said *testimony.Testimony
		want int
	}{
		"public": {public, http.StatusOK}, "unlisted": {unlisted, http.StatusOK}, "private": {private, http.StatusNotFound},
		"not out": {waiting, http.StatusNotFound}, "withdrawn": {gone, http.StatusGone}, "withdrawn and private": {goneSecret, http.StatusNotFound},
	} {
		for _, path := range []string{address(c.said), file(c.said, ".jpg"), file(c.said, ".mp4")} {
			if answer := w.get(path); answer.Code != c.want {
				t.Errorf("%s: %s: %d, want %d", name, path, answer.Code, c.want)
			}
		}
		// An unlisted one is not found by counting.
		if name == "unlisted" {
			for _, path := range []string{fmt.Sprintf("/testimonianze/%d", c.said.ID), fmt.Sprintf("/testimonianze/%d-x", c.said.ID)} {
				if answer := w.get(path); answer.Code != http.StatusNotFound {
					t.Errorf("unlisted: %s: %d", path, answer.Code)
				}
			}
		}
		// A wrong slug tells no more than the right one.
		if answer := w.get(fmt.Sprintf("/testimonianze/%d-x", c.said.ID)); c.want != http.StatusOK && answer.Code != c.want {
			t.Errorf("%s with a wrong slug: %d, want %d", name, answer.Code, c.want)
		}
	}
	for _, path := range []string{"/testimonianze/999999-x", "/testimonianze/abc", "/testimonianze/-1", "/testimonianze/99999999999999999999"} {
		if answer := w.get(path); answer.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, answer.Code)
		}
	}
	if got := text(parse(t, w.get("/en"+address(gone)))); !strings.Contains(got, "withdrawn") {
		t.Errorf("a withdrawn testimony says: %s", got)
	}

	d := w.page(address(unlisted))
	one(t, d, "meta", "name", "robots", "content", "noindex")
	if found := len(find(d, "script", "type", "application/ld+json")) + len(find(d, "meta", "property", "og:image")); found != 0 {
		t.Error("an unlisted testimony describes itself to search engines")
	}
	for _, path := range []string{"/", "/testimonianze", "/comuni/balme", "/numeri"} {
		links := hrefs(w.page(path), "a")
		for _, said := range []*testimony.Testimony{unlisted, private, waiting, gone} {
			if slices.Contains(links, address(said)) {
				t.Errorf("%s leads to %s", path, address(said))
			}
		}
	}
}

func TestATestimonySaysAllThatIsKnown(t *testing.T) {
	w := open(t)
	said := w.publish(balme, form("La neve e il pane", "solidarieta", "volontariato"))
	w.watched(map[int64]int64{said.ID: 12345})
	main := one(t, w.page(address(said)), "main")
	got := text(main)
	for _, want := range []string{
		"Balme", "Ciriacese e Valli di Lanzo", "La neve e il pane", "Anna Bò", "Sindaca", "20 novembre 2026", "24 novembre 2026", "Italiano", "2:05",
		"12.345 YouTube, aggiornato oggi alle 12:00", "Solidarietà", "Volontariato", "Prima parte.", "Seconda parte.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q: %s", want, got)
		}
	}
	for _, want := range []string{"/comuni/balme", "/testimonianze?tema=solidarieta", "/testimonianze?zona=ciriacese-valli-lanzo"} {
		if !slices.Contains(hrefs(main, "a"), want) {
			t.Errorf("no link to %s", want)
		}
	}
	if strings.Contains(got, "Esempio") {
		t.Error("it is called a sample")
	}
	sample := w.out(w.approve(balme, form("Una prova"), true))
	if got := text(one(t, w.page(address(sample)), "main")); !strings.Contains(got, "Esempio: queste parole non sono di nessuno.") {
		t.Errorf("a sample is not marked: %s", got)
	}
	if got := text(one(t, w.page(address(sample)), "dl")); !strings.Contains(got, "YouTube non ha ancora detto niente") {
		t.Errorf("views that nobody told: %s", got)
	}
}

func TestThePortalPlaysWhatIsNotOnYouTube(t *testing.T) {
	for name, options := range map[string][]option{"sandbox": nil, "live, and missing on the channel": {live}} {
		t.Run(name, func(t *testing.T) {
			w := open(t, options...)
			said := w.publish(balme, form("La neve e il pane"))
			w.exec("UPDATE publications SET state = CASE WHEN ? THEN 'missing' ELSE state END", options != nil)
			d := w.page(address(said))
			player := one(t, d, "video", "controls", "*", "preload", "none")
			source, _ := attr(one(t, player, "source", "type", "video/mp4"), "src")
			image, _ := attr(player, "poster")
			if answer := w.get(source); answer.Body.String() != video || answer.Header().Get("Content-Type") != "video/mp4" {
				t.Errorf("%s: %s %q", source, answer.Header().Get("Content-Type"), answer.Body)
			}
			if answer := w.get(image); answer.Body.String() != picture {
				t.Errorf("%s: %q", image, answer.Body)
			}
			if says := strings.Contains(text(d), "Su YouTube questo video al momento non si può vedere. Lo puoi guardare qui."); says != (options != nil) {
				t.Errorf("the page says that YouTube does not show it: %v", says)
			}
			if strings.Contains(text(d), "Google.") || len(find(d, "*", "data-player", "*")) != 0 {
				t.Error("YouTube's player is there")
			}
		})
	}
}

func TestVideosComeInRanges(t *testing.T) {
	w := open(t)
	said := w.publish(balme, form("La neve e il pane"))
	path := fmt.Sprintf("/testimonianze/%d/%s.mp4", said.ID, said.Video.UploadID)
	whole := w.get(path)
	want := http.Header{
		"Content-Type": {"video/mp4"}, "X-Content-Type-Options": {"nosniff"}, "Accept-Ranges": {"bytes"},
		"Cache-Control": {"private, max-age=31536000, immutable"}, "Content-Length": {fmt.Sprint(len(video))},
	}
	for name, values := range want {
		if diff := cmp.Diff(values, whole.Header()[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	part := w.get(path, "Range", "bytes=2-5")
	if part.Code != http.StatusPartialContent || part.Body.String() != video[2:6] || part.Header().Get("Content-Range") != fmt.Sprintf("bytes 2-5/%d", len(video)) {
		t.Errorf("%d %q %q", part.Code, part.Body, part.Header().Get("Content-Range"))
	}
	if end := w.get(path, "Range", "bytes=-5"); end.Body.String() != video[len(video)-5:] {
		t.Errorf("the end: %q", end.Body)
	}
	if beyond := w.get(path, "Range", "bytes=9999-"); beyond.Code != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("beyond the end: %d", beyond.Code)
	}
	for _, wrong := range []string{
		fmt.Sprintf("/testimonianze/%d/%s.mp4", said.ID, said.Video.UploadID+"0"), fmt.Sprintf("/testimonianze/%d/..%%2fvoci.db", said.ID),
		fmt.Sprintf("/testimonianze/%d/%s.db", said.ID, said.Video.UploadID), fmt.Sprintf("/testimonianze/%d-x/%s.mp4", said.ID, said.Video.UploadID),
	} {
		if answer := w.get(wrong); answer.Code != http.StatusNotFound {
			t.Errorf("%s: %d", wrong, answer.Code)
		}
	}
}

func TestYouTubePlaysOnlyAfterAClick(t *testing.T) {
	w := open(t, live)
	said := w.publish(balme, form("La neve e il pane"))
	d := w.page(address(said))
	nothingFromElsewhere(t, d)
	if len(find(d, "video")) != 0 {
		t.Error("the portal plays it, too")
	}
	id := youtubeID(said.ID)
	box := one(t, d, "div", "data-player", "https://www.youtube-nocookie.com/embed/"+id)
	if got, _ := attr(box, "data-title"); got != "Video: La neve e il pane" {
		t.Errorf("the player will be called %q", got)
	}
	// Without a script the poster is a link, and a plain one stands beside it.
	link := one(t, box, "a", "href", "https://www.youtube.com/watch?v="+id)
	one(t, link, "img", "src", fmt.Sprintf("/testimonianze/%d/%s.jpg", said.ID, said.Video.UploadID))
	if got := text(link); got != "Guarda il video su YouTube" {
		t.Errorf("the poster says %q", got)
	}
	if got := text(one(t, d, "p", "class", "player-note")); got != "Guardando il video, il tuo indirizzo arriva a Google. Apri il video sul sito di YouTube" {
		t.Errorf("beside it: %q", got)
	}
	if found := find(d, "link", "rel", "preconnect"); len(found) != 0 || len(find(d, "link", "rel", "dns-prefetch")) != 0 {
		t.Error("the browser is told to connect before the click")
	}
}

func TestSearchEnginesAndSharingAreTold(t *testing.T) {
	for name, options := range map[string][]option{"sandbox": nil, "live": {live}} {
		t.Run(name, func(t *testing.T) {
			w := open(t, options...)
			f := form(`La "neve" & il pane`)
			f.Description = "Prima.\n\nSeconda."
			said := w.publish(balme, f)
			w.watched(map[int64]int64{said.ID: 5})
			d := w.page(address(said))
			image := fmt.Sprintf("%s/testimonianze/%d/%s.jpg", base, said.ID, said.Video.UploadID)
			if got, _ := attr(one(t, d, "meta", "property", "og:image"), "content"); got != image {
				t.Errorf("og:image %q", got)
			}
			if got, _ := attr(one(t, d, "meta", "property", "og:title"), "content"); got != `La "neve" & il pane · Balme` {
				t.Errorf("og:title %q", got)
			}
			if got, _ := attr(one(t, d, "meta", "name", "description"), "content"); got != "Prima. Seconda." {
				t.Errorf("description %q", got)
			}
			var got map[string]any
			script := one(t, d, "script", "type", "application/ld+json")
			w.must(json.Unmarshal([]byte(script.FirstChild.Data), &got))
			want := map[string]any{
				"@context": "https://schema.org", "@type": "VideoObject", "name": `La "neve" & il pane`, "description": "Prima.\n\nSeconda.",
				"url": base + address(said), "thumbnailUrl": []any{image}, "uploadDate": "2026-11-24T11:00:00Z", "duration": "PT2M5S",
				"inLanguage": "it", "keywords": []any{"montagna", "neve"},
				"author":               map[string]any{"@type": "Person", "name": "Anna Bò"},
				"contentLocation":      map[string]any{"@type": "City", "name": "Balme"},
				"interactionStatistic": map[string]any{"@type": "InteractionCounter", "interactionType": "https://schema.org/WatchAction", "userInteractionCount": 5.0, "endTime": "2026-11-24T11:00:00Z"},
			}
			if options != nil {
				want["embedUrl"] = "https://www.youtube-nocookie.com/embed/" + youtubeID(said.ID)
			} else {
				want["contentUrl"] = fmt.Sprintf("%s/testimonianze/%d/%s.mp4", base, said.ID, said.Video.UploadID)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
