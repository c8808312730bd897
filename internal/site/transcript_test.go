package site_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/testimony"
)

const discourse = "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nBuongiorno da\n<i>Balme</i> &amp; dintorni.\n\n00:00:02.000 --> 00:00:04.000\nNevica.\n\n" +
	"00:01:30.500 --> 00:01:32.000\nE il pane arriva.\n"

func (w *world) captioned(said *testimony.Testimony, lang, text string) {
	w.t.Helper()
	out, err := w.testimonies.TakeCaptionFile(w.t.Context(), "tester", said.MunicipalityCode, said.ID,
		testimony.DraftEdit{Language: lang, Text: text}, &testimony.Caption{VTT: text, SHA256: lang})
	w.must(err)
	if !out {
		w.t.Fatal("captions became a draft")
	}
}

func TestATranscriptIsReadInsteadOfWatching(t *testing.T) {
	w := open(t)
	said := w.publish(balme, form("La neve e il pane"))
	at := address(said) + "/trascrizione"
	if answer := w.get(at); answer.Code != http.StatusNotFound {
		t.Errorf("without captions: %d", answer.Code)
	}
	if got := hrefs(w.page(address(said)), "a"); strings.Contains(strings.Join(got, " "), "trascrizione") {
		t.Error("a link leads to nothing")
	}
	w.captioned(said, "it", discourse)
	w.captioned(said, "fr", strings.Replace(discourse, "Nevica.", "Il neige.", 1))
	if got := hrefs(w.page(address(said)), "a"); !strings.Contains(strings.Join(got, " "), at) {
		t.Errorf("no link leads to the transcript: %v", got)
	}
	main := one(t, w.page(at), "main")
	var parts []string
	for _, p := range find(main, "span", "lang", "it") {
		parts = append(parts, text(p))
	}
	if diff := cmp.Diff([]string{"La neve e il pane", "Buongiorno da Balme & dintorni. Nevica.", "E il pane arriva."}, parts); diff != "" {
		t.Error(diff)
	}
	var moments []string
	for _, a := range find(main, "a", "class", "transcript-moment") {
		href, _ := attr(a, "href")
		moments = append(moments, text(a)+" "+href)
	}
	if diff := cmp.Diff([]string{"0:01 " + address(said) + "#t=1", "1:30 " + address(said) + "#t=90"}, moments); diff != "" {
		t.Error(diff)
	}
	for path, want := range map[string]string{"/fr" + at: "Il neige.", "/en" + at: "Nevica.", at + "?lingua=fr": "Il neige.", "/fr" + at + "?lingua=it": "Nevica."} {
		if got := text(one(t, w.page(path), "main")); !strings.Contains(got, want) {
			t.Errorf("%s does not say %q: %s", path, want, got)
		}
	}
	if answer := w.get(at + "?lingua=pms"); answer.Code != http.StatusNotFound {
		t.Errorf("in another language: %d", answer.Code)
	}
	srt := w.get(address(said) + "/sottotitoli-it.srt")
	if srt.Code != http.StatusOK || !strings.Contains(srt.Body.String(), "2\n00:00:02,000 --> 00:00:04,000\nNevica.\n") {
		t.Errorf("as SubRip: %d %s", srt.Code, srt.Body)
	}
	if answer := w.get(address(said) + "/sottotitoli-it.exe"); answer.Code != http.StatusNotFound {
		t.Errorf("as a program: %d", answer.Code)
	}
	w.must(w.testimonies.DeleteCaption(t.Context(), "tester", balme, said.ID, "fr"))
	if answer := w.get(at + "?lingua=fr"); answer.Code != http.StatusNotFound {
		t.Errorf("taken away, though the page was kept: %d", answer.Code)
	}
	_, err := w.testimonies.Withdraw(t.Context(), "tester", balme, said.ID, testimony.Withdrawal{})
	w.must(err)
	for _, path := range []string{at, "/en" + at, address(said) + "/sottotitoli-it.srt"} {
		if answer := w.get(path); answer.Code != http.StatusGone {
			t.Errorf("withdrawn, %s: %d", path, answer.Code)
		}
	}
}

func TestTheAddressOfATranscriptIsThatOfItsTestimony(t *testing.T) {
	w := open(t)
	f := form("Solo con l'indirizzo")
	f.Visibility = "unlisted"
	public, hidden := w.publish(balme, form("Per tutti")), w.publish(balme, f)
	for _, said := range []*testimony.Testimony{public, hidden} {
		w.captioned(said, "it", discourse)
	}
	number := func(said *testimony.Testimony) string {
		return strings.TrimSuffix(address(said), "-"+said.Slug()) + "/trascrizione"
	}
	if answer := w.get(number(public)); answer.Code != http.StatusMovedPermanently || answer.Header().Get("Location") != address(public)+"/trascrizione" {
		t.Errorf("by its number: %d to %s", answer.Code, answer.Header().Get("Location"))
	}
	if answer := w.get(number(hidden)); answer.Code != http.StatusNotFound {
		t.Errorf("found by counting: %d", answer.Code)
	}
	if answer := w.get(address(hidden) + "/trascrizione"); answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), "noindex") {
		t.Errorf("with the address: %d", answer.Code)
	}
}

// TestADraftOfCaptionsIsNobodysToSee, a machine's neither.
func TestADraftOfCaptionsIsNobodysToSee(t *testing.T) {
	w := open(t)
	said := w.publish(balme, form("La neve e il pane"))
	if taken, err := w.testimonies.TakeMachineCaption(t.Context(), said.Video, "it", discourse); err != nil || !taken {
		t.Fatal(taken, err)
	}
	for _, path := range []string{"/trascrizione", "/sottotitoli-it.vtt", "/sottotitoli-it.srt"} {
		if answer := w.get(address(said) + path); answer.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, answer.Code)
		}
	}
	if got := w.get(address(said)).Body.String(); strings.Contains(got, "sottotitoli-it") || strings.Contains(got, "trascrizione") {
		t.Error("the page knows of it")
	}
}

// TestATranscriptLeadsToTheMoment of YouTube's player, which still waits for a
// click.
func TestATranscriptLeadsToTheMoment(t *testing.T) {
	w := open(t, live)
	said := w.publish(balme, form("La neve e il pane"))
	w.captioned(said, "it", discourse)
	w.captioned(said, "fr", discourse)
	server := httptest.NewServer(w.portal)
	defer server.Close()
	b := browser.Start(t)
	for _, size := range []browser.Size{browser.Small, browser.Phone, browser.Laptop} {
		tab := b.Person(t, server.URL, size).Tab()
		tab.Open(address(said))
		tab.Press("link", "Leggi la trascrizione")
		tab.At(address(said) + "/trascrizione")
		tab.Check()
		if dir := os.Getenv("VOCI_PICTURES"); dir != "" {
			tab.Picture(dir, "transcript")
		}
		tab.Press("link", "Guarda da 1:30")
		tab.At(address(said))
		tab.MayAsk("https://www.youtube-nocookie.com")
		tab.Press("link", "Guarda il video su YouTube")
		tab.Until(`document.querySelector(".player iframe")?.src.endsWith("&start=90")`)
	}
}
