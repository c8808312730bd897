package newsroom_test

import (
	"net/http"
	"strconv"
	"testing"
)

// pages are all that staff can open.
func pages(id int64) []string {
	review := "/redazione/revisione/" + strconv.FormatInt(id, 10)
	return []string{
		"/redazione", "/redazione/comuni", "/redazione/comuni/" + balme, "/redazione/revisione", review, review + "/poster", review + "/video",
		"/redazione/cruscotto", "/redazione/youtube/differenze",
	}
}

// channelPages are those of administrators.
var channelPages = []string{"/redazione/youtube", "/redazione/youtube/collega", "/redazione/youtube/ritorno"}

func actions(id int64) []string {
	review := "/redazione/revisione/" + strconv.FormatInt(id, 10)
	return []string{
		"/redazione/comuni/" + balme + "/link", "/redazione/comuni/" + balme + "/sostituisci", "/redazione/comuni/" + balme + "/manda",
		review + "/approva", review + "/chiedi", review + "/rifiuta",
		"/redazione/youtube/differenze/confronta", "/redazione/youtube/differenze/1",
		plan + "/riprova", plan + "/programma", plan + "/rimanda", plan + "/a-mano",
		"/redazione/testimonianze/" + strconv.FormatInt(id, 10) + "/ritira",
	}
}

// plan is the page of the first publication.
const plan = "/redazione/youtube/pubblicazioni/1"

var channelActions = []string{"/redazione/youtube/verifica", "/redazione/youtube/scollega"}

func TestOnlyStaffComeIn(t *testing.T) {
	w := open(t)
	id := w.arrived(nil).ID
	for name, who := range map[string]struct {
		browser browser
		code    int
		says    string
	}{
		"nobody":      {w.stranger(), http.StatusUnauthorized, "Prima devi entrare"},
		"a town hall": {w.townHall(), http.StatusForbidden, "Questa pagina è per la redazione."},
	} {
		for _, path := range append(pages(id), channelPages...) {
			if a := who.browser.get(path); a.code != who.code {
				t.Errorf("%s opens %s: got %d, want %d", name, path, a.code, who.code)
			}
		}
		for _, path := range append(actions(id), channelActions...) {
			if a := who.browser.post(path, "reason", "x", "email", "a@b.it"); a.code != who.code {
				t.Errorf("%s posts to %s: got %d, want %d", name, path, a.code, who.code)
			}
		}
		who.browser.get("/redazione").says(who.says)
	}
	if state := w.said(id).State; state != "in_review" {
		t.Errorf("a stranger made the testimony %q", state)
	}
}

func TestModeratorsDoAllButTheChannel(t *testing.T) {
	w := open(t)
	id := w.arrived(nil).ID
	moderator, administrator := w.moderator(), w.administrator()
	for _, path := range pages(id) {
		moderator.get(path).want(http.StatusOK)
		administrator.get(path).want(http.StatusOK)
	}
	for _, path := range channelPages {
		moderator.get(path).want(http.StatusForbidden).says("Questa pagina è per chi amministra il portale.")
	}
	for _, path := range channelActions {
		moderator.post(path).want(http.StatusForbidden)
	}
	administrator.get("/redazione/youtube").want(http.StatusOK)
}

func TestPostsFromOtherSitesAreRefused(t *testing.T) {
	w := open(t)
	id := w.arrived(nil).ID
	b := w.administrator()
	for _, path := range append(actions(id), channelActions...) {
		a := b.send(http.MethodPost, path, nil, "Sec-Fetch-Site", "cross-site", "Origin", "https://elsewhere.example")
		if a.code != http.StatusForbidden {
			t.Errorf("%s: got %d", path, a.code)
		}
	}
	if state := w.said(id).State; state != "in_review" {
		t.Errorf("another site made the testimony %q", state)
	}
}

// What staff see is nobody else's: no page is kept by a browser or a proxy, and
// none can be shown in a frame or send forms elsewhere.
func TestPagesAreNotKept(t *testing.T) {
	w := open(t)
	b := w.administrator()
	for _, path := range []string{"/redazione", "/redazione/comuni", "/redazione/comuni/" + balme, "/redazione/revisione", "/redazione/youtube", "/posta"} {
		a := b.get(path).want(http.StatusOK)
		if got := a.header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
		if len(a.find("meta", "name", "robots", "content", "noindex, nofollow")) != 1 {
			t.Errorf("%s may be indexed", path)
		}
		if n := len(a.find("*", "style", "*")) + len(a.find("*", "onclick", "*")) + len(a.find("style")); n != 0 {
			t.Errorf("%s: %d things inline, which the content policy forbids", path, n)
		}
	}
}

func TestEveryPageInEveryLanguage(t *testing.T) {
	w := open(t)
	id := w.arrived(nil).ID
	b := w.administrator()
	for _, lang := range []string{"", "/en", "/fr"} {
		for _, path := range append(pages(id)[:5], "/redazione/youtube", "/posta") {
			a := b.get(lang + path).want(http.StatusOK)
			if len(a.find("h1")) != 1 {
				t.Errorf("%s%s: %d headings of the first level", lang, path, len(a.find("h1")))
			}
		}
	}
}
