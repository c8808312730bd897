package studio_test

import (
	"net/http"
	"strings"
	"testing"
)

// notice is section 9.1 of YouTube's terms of service for API clients, word for
// word. https://developers.google.com/youtube/terms/api-services-terms-of-service
const notice = "By clicking 'upload,' you certify that the content you are uploading complies with the YouTube Terms of Service " +
	"(including the YouTube Community Guidelines) at https://www.youtube.com/t/terms. Please be sure not to violate others' copyright or privacy rights."

// TestTheNoticeStandsWhereAVideoIsSent looks at a form that was never saved and
// at a draft; the page is the same with and without JavaScript.
func TestTheNoticeStandsWhereAVideoIsSent(t *testing.T) {
	w := open(t)
	w.exec(`INSERT INTO channels (id, title, uploads_playlist, scopes, connected_at, connected_by) VALUES ('UC1', 'Canale della Città', 'UU1', 'x', ?, 'x')`, noon)
	b := w.townHall(balme)
	draft := "/comune/testimonianze/" + itoa(b.post("/comune/testimonianze", form()).made())
	for lang, translated := range map[string]string{
		"": "certifichi che il contenuto che carichi rispetta i Termini di servizio di YouTube", "/en": "must follow the YouTube Terms of Service",
		"/fr": "vous certifiez que le contenu que vous mettez en ligne respecte",
	} {
		for _, path := range []string{lang + "/comune/testimonianze/nuova", lang + draft} {
			a := b.get(path).want(http.StatusOK)
			box := a.one("div", "id", "upload-notice")
			if !strings.HasPrefix(text(box), notice) || !strings.Contains(text(box), translated) {
				t.Errorf("%s: the notice reads %q", path, text(box))
			}
			if len(find(a.doc, "div", "id", "upload-notice", "hidden", "")) > 0 {
				t.Errorf("%s: the notice is hidden", path)
			}
			if len(find(box, "a", "href", "https://www.youtube.com/t/terms")) != 1 {
				t.Errorf("%s: the notice does not lead to the terms", path)
			}
			section := text(a.one("section", "id", "video"))
			file, before := strings.Index(section, "Canale della Città"), strings.Index(section, notice)
			if file < 0 || before < file {
				t.Errorf("%s: the channel is not named beside the notice: %q", path, section)
			}
			if len(find(a.one("section", "id", "video"), "input", "type", "file")) != 1 {
				t.Errorf("%s: the file is not sent from here", path)
			}
			if described := attr(a.one("button", "id", "send-review"), "aria-describedby"); !strings.Contains(described, "upload-notice") {
				t.Errorf("%s: the button does not tell of the notice: %q", path, described)
			}
			if len(a.find("a", "href", "http://www.google.com/policies/privacy")) < 1 {
				t.Errorf("%s does not lead to Google's privacy policy", path)
			}
		}
	}
}
