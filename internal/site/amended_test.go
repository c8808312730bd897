package site_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/testimony"
)

const buongiorno = "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nBuongiorno da Balme.\n"

func (w *world) caption(said *testimony.Testimony, lang string) {
	w.t.Helper()
	out, err := w.testimonies.TakeCaptionFile(w.t.Context(), "tester", said.MunicipalityCode, said.ID,
		testimony.DraftEdit{Language: lang, Filename: "a.vtt", Text: buongiorno}, &testimony.Caption{VTT: buongiorno, SHA256: lang})
	w.must(err)
	if !out {
		w.t.Fatal("captions became a draft")
	}
}

func TestThePlayerHasCaptions(t *testing.T) {
	w := open(t)
	said := w.publish(balme, form("La neve e il pane"))
	if found := find(w.page(address(said)), "track"); len(found) != 0 {
		t.Fatal("captions that nobody wrote")
	}
	for _, lang := range []string{"it", "en"} {
		w.caption(said, lang)
	}
	for page, shown := range map[string]string{"": "", "/en": "en", "/fr": ""} {
		d := w.page(page + address(said))
		for _, lang := range []string{"it", "en"} {
			track := one(t, d, "track", "kind", "captions", "srclang", lang)
			if src, _ := attr(track, "src"); src != address(said)+"/sottotitoli-"+lang+".vtt" {
				t.Errorf("%s: captions at %s", page, src)
			}
			if label, _ := attr(track, "label"); label == "" {
				t.Errorf("%s: captions without a name", page)
			}
			// Of a voice in another language than the reader's, those that can be read.
			if _, on := attr(track, "default"); on != (lang == shown) {
				t.Errorf("%s: captions in %s are on: %v", page, lang, on)
			}
		}
	}
	answer := w.get(address(said) + "/sottotitoli-it.vtt")
	if answer.Code != http.StatusOK || answer.Body.String() != buongiorno || answer.Header().Get("Content-Type") != "text/vtt; charset=utf-8" ||
		answer.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v %s", answer.Code, answer.Header(), answer.Body)
	}
	w.must(w.testimonies.DeleteCaption(t.Context(), "tester", balme, said.ID, "it"))
	if answer := w.get(address(said) + "/sottotitoli-it.vtt"); answer.Code != http.StatusNotFound {
		t.Errorf("taken away: %d", answer.Code)
	}
	if found := find(w.page(address(said)), "track", "srclang", "it"); len(found) != 0 {
		t.Error("the page kept still has them")
	}
}

func TestWhoMayReadCaptions(t *testing.T) {
	w := open(t)
	hidden, secret := form("Solo con l'indirizzo"), form("Per nessuno")
	hidden.Visibility, secret.Visibility = "unlisted", "private"
	gone := w.publish(balme, form("Ritirata"))
	for name, c := range map[string]struct {
		said *testimony.Testimony
		want int
	}{
		"public": {w.publish(balme, form("Per tutti")), http.StatusOK}, "unlisted": {w.publish(balme, hidden), http.StatusOK},
		"private": {w.publish(balme, secret), http.StatusNotFound}, "not out": {w.approve(balme, form("Non ancora"), false), http.StatusNotFound},
		"withdrawn": {gone, http.StatusGone},
	} {
		w.caption(c.said, "it")
		if name == "withdrawn" {
			_, err := w.testimonies.Withdraw(t.Context(), "tester", balme, c.said.ID, testimony.Withdrawal{})
			w.must(err)
		}
		if answer := w.get(address(c.said) + "/sottotitoli-it.vtt"); answer.Code != c.want {
			t.Errorf("%s: %d, want %d", name, answer.Code, c.want)
		}
		counting := strings.TrimSuffix(address(c.said), "-"+c.said.Slug()) + "/sottotitoli-it.vtt"
		if answer := w.get(counting); answer.Code == http.StatusOK {
			t.Errorf("%s: found by counting", name)
		}
	}
}

func TestATranslationIsShownToWhoReadsIt(t *testing.T) {
	w := open(t)
	f := form("La neve e il pane")
	f.Translations = testimony.Translations{"fr": {Title: "La neige et le pain", Description: "Une première partie.\n\nUne seconde."}}
	said := w.publish(balme, f)
	french := one(t, w.page("/fr"+address(said)), "main")
	for _, want := range []string{"La neige et le pain", "Une première partie.", "Une seconde.", "traduit par la commune", "La neve e il pane", "Prima parte."} {
		if !strings.Contains(text(french), want) {
			t.Errorf("in French it does not say %q: %s", want, text(french))
		}
	}
	for _, lang := range []string{"", "/en"} {
		if got := text(one(t, w.page(lang+address(said)), "main")); strings.Contains(got, "La neige et le pain") {
			t.Errorf("%s: it says %s", lang, got)
		}
	}
}

// TestWhatIsAmendedIsShownAtOnce asks pages that are kept.
func TestWhatIsAmendedIsShownAtOnce(t *testing.T) {
	w := open(t)
	said := w.publish(balme, form("La neve e il pane"))
	lists := []string{"/", "/testimonianze", "/testimonianze?tema=solidarieta", "/comuni/balme", "/dati/testimonianze.json"}
	for _, path := range append(lists, address(said)) {
		w.get(path)
	}
	f := form("Il pane e la neve", "volontariato")
	now, err := w.testimonies.Amend(t.Context(), "tester", balme, said.ID, said.Version, f)
	w.must(err)
	for _, path := range lists {
		body := w.get(path).Body.String()
		if strings.Contains(body, "La neve e il pane") || strings.Contains(body, "Il pane e la neve") == strings.Contains(path, "tema=") {
			t.Errorf("%s shows what was", path)
		}
	}
	if answer := w.get(address(said)); answer.Code != http.StatusMovedPermanently || answer.Header().Get("Location") != address(now) {
		t.Errorf("the address of before: %d to %s", answer.Code, answer.Header().Get("Location"))
	}
	if got := text(w.page("/testimonianze?q=pane")); !strings.Contains(got, "Il pane e la neve") {
		t.Error("the search does not find what it says now")
	}
	f.Visibility, f.Title = "unlisted", "Solo la neve"
	hidden, err := w.testimonies.Amend(t.Context(), "tester", balme, said.ID, now.Version, f)
	w.must(err)
	for _, former := range []string{address(said), address(now)} { // people were given them
		if answer := w.get(former); answer.Code != http.StatusMovedPermanently || answer.Header().Get("Location") != address(hidden) {
			t.Errorf("unlisted, %s: %d to %s", former, answer.Code, answer.Header().Get("Location"))
		}
	}
	if answer := w.get(fmt.Sprintf("/testimonianze/%d-neve", said.ID)); answer.Code != http.StatusNotFound {
		t.Errorf("unlisted, an address that it never had: %d", answer.Code)
	}
	f.Visibility = "private"
	_, err = w.testimonies.Amend(t.Context(), "tester", balme, said.ID, hidden.Version, f)
	w.must(err)
	if answer := w.get(address(now)); answer.Code != http.StatusNotFound {
		t.Errorf("for nobody: %d", answer.Code)
	}
}

// TestWhatIsWithdrawnIsGoneAtOnce from every page, list and file, though all
// were asked before and are kept.
func TestWhatIsWithdrawnIsGoneAtOnce(t *testing.T) {
	w := open(t)
	said := w.publish(balme, form("Una voce sola"))
	other := w.publish(balme, form("Un’altra voce"))
	w.watched(map[int64]int64{said.ID: 12, other.ID: 3})
	w.caption(said, "it")
	lists := []string{
		"/", "/en", "/testimonianze", "/testimonianze?tema=solidarieta", "/testimonianze?q=voce", "/testimonianze?zona=ciriacese-valli-lanzo",
		"/comuni/balme", "/numeri", "/dati/testimonianze.json", address(other),
	}
	own := []string{
		address(said), "/fr" + address(said), address(said) + "/sottotitoli-it.vtt",
		strings.TrimSuffix(address(said), "-"+said.Slug()) + "/" + said.Video.UploadID + ".jpg",
		strings.TrimSuffix(address(said), "-"+said.Slug()) + "/" + said.Video.UploadID + ".mp4",
	}
	tags := map[string]string{}
	for _, path := range slices.Concat(lists, own) {
		answer := w.get(path)
		if answer.Code != http.StatusOK {
			t.Fatalf("%s: %d", path, answer.Code)
		}
		tags[path] = answer.Header().Get("Etag")
	}
	_, err := w.testimonies.Withdraw(t.Context(), "tester", balme, said.ID, testimony.Withdrawal{})
	w.must(err)
	for _, path := range lists {
		answer := w.get(path, "If-None-Match", tags[path])
		if answer.Code != http.StatusOK {
			t.Errorf("%s: %d: a browser shows what it has", path, answer.Code)
		}
		if body := answer.Body.String(); strings.Contains(body, "Una voce sola") || strings.Contains(body, "-una-voce-sola") {
			t.Errorf("%s still has it", path)
		}
	}
	for _, path := range own {
		if answer := w.get(path, "If-None-Match", tags[path]); answer.Code != http.StatusGone {
			t.Errorf("%s: %d", path, answer.Code)
		}
	}
}
