package studio_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

// code makes a code for a testimony, and reads it off the page.
func (b person) code(id int64) string {
	b.t.Helper()
	address := "/comune/testimonianze/" + itoa(id)
	b.post(address+"/codice", nil).want(http.StatusSeeOther)
	a := b.get(address + "/dispositivo").want(http.StatusOK)
	a.one("svg", "class", "qr")
	return text(a.one("strong", "id", "code"))
}

func typed(code string) url.Values { return url.Values{"code": {code}} }

// TestAnotherDeviceFinishesTheSameUpload: a telephone begins, the office's computer
// ends, and it is one testimony with one video.
func TestAnotherDeviceFinishesTheSameUpload(t *testing.T) {
	w := open(t)
	phone := w.invited(w.townHall(balme), person1())
	whole := film(t, videotest.Spec{})
	half := len(whole) / 2
	id := phone.post("/comune/testimonianze?poi=dispositivo", form())
	id2 := id.want(http.StatusSeeOther).header.Get("Location")
	if !strings.HasSuffix(id2, "/dispositivo") {
		t.Fatalf("saved, it leads to %s", id2)
	}
	at := id.idIn(strings.TrimSuffix(id2, "/dispositivo"))
	address := "/comune/testimonianze/" + itoa(at)
	upload := phone.begin("", at, "spesa.mp4", len(whole))
	phone.tus(http.MethodPatch, upload, whole[:half], "Upload-Offset", "0").want(http.StatusNoContent)
	code := phone.code(at)
	if again := text(phone.get(address+"/dispositivo").one("strong", "id", "code")); again != code {
		t.Errorf("looked at again, the code is %s and not %s", again, code)
	}

	// Looked at it is not used up, however often.
	office := w.stranger()
	for range 3 {
		office.get("/continua/"+strings.ReplaceAll(code, "-", "")).want(http.StatusOK).says("Continui, per Balme,", "La spesa sale fino all’ultima borgata")
	}
	office.get("/continua").want(http.StatusOK).says("Scrivi il codice")
	if got := office.post("/continua", typed(strings.ToLower(code))).want(http.StatusSeeOther).header.Get("Location"); got != address {
		t.Errorf("the code leads to %s", got)
	}
	a := office.get(address).want(http.StatusOK).says("Sei entrato con un codice", "spesa.mp4")
	if a.shown() != "half" || len(a.find("button", "id", "go-elsewhere")) != 0 {
		t.Errorf("the form shows %q", a.shown())
	}
	phone.get(address).says("Un altro dispositivo è entrato")
	phone.get(address+"/dispositivo").says("Un altro dispositivo è entrato", "Fallo uscire", "Crea il codice")

	// The same upload goes on, and both see it.
	office.tus(http.MethodPatch, upload, whole[half:], "Upload-Offset", itoa(int64(half))).want(http.StatusNoContent)
	for name, b := range map[string]person{"telephone": phone, "office": office} {
		if got := b.standing(address); got.Video != "checking" || got.Bytes != int64(len(whole)) {
			t.Errorf("the %s is told %+v", name, got)
		}
	}
	w.look()
	office.post(address+"?poi=invia", form()).want(http.StatusSeeOther)
	if got := w.said(at); got.State != "in_review" || got.Video.Bytes != int64(len(whole)) {
		t.Errorf("it is %s with %+v", got.State, got.Video)
	}
	var n int64
	if w.db.Reader(t.Context()).Raw(`SELECT (SELECT count(*) FROM testimonies) + (SELECT count(*) FROM videos)`).Scan(&n); n != 2 {
		t.Errorf("%d testimonies and videos, want one of each", n)
	}
	// The record names whose link it was.
	trail, err := w.testimonies.Trail(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	last := trail[len(trail)-1]
	if last.Action != "testimony.in_review" || account.NameIn(last.Actor) != "Bruno Ufficio" || !strings.Contains(last.Actor, ", code ") {
		t.Errorf("the trail says %+v", last)
	}
	// The used code lets nobody else in.
	got := w.stranger().post("/continua", typed(code)).want(http.StatusGone)
	if got.wrong("code") == "" || got.valuesIn("code-form").Get("code") != code {
		t.Error("a used code is not said at the field, or lost")
	}
}

func TestAnotherDeviceReplacesTheVideo(t *testing.T) {
	w := open(t)
	phone := w.townHall(balme)
	id := phone.postFile("/comune/testimonianze", form(), "telefono.mp4", bytes.NewReader(film(t, videotest.Spec{}))).made()
	w.look()
	office := w.stranger()
	office.post("/continua", typed(phone.code(id))).want(http.StatusSeeOther)
	office.postFile("/comune/testimonianze/"+itoa(id), form(), "chiavetta.mp4", bytes.NewReader(film(t, videotest.Spec{Seconds: 2}))).want(http.StatusSeeOther)
	w.look()
	if got := w.said(id).Video; got.Filename != "chiavetta.mp4" || got.State != "ready" {
		t.Errorf("the video is %+v", got)
	}
}

// TestACodeReachesOneTestimony tries everything else that a town hall may do.
func TestACodeReachesOneTestimony(t *testing.T) {
	w := open(t)
	phone := w.townHall(balme)
	id := phone.post("/comune/testimonianze", form()).made()
	other := phone.post("/comune/testimonianze", form("title", "Un’altra")).made()
	upload := phone.begin("", other, "altra.mp4", 100)
	office := w.stranger()
	office.post("/continua", typed(phone.code(id))).want(http.StatusSeeOther)

	mine, others := "/comune/testimonianze/"+itoa(id), "/comune/testimonianze/"+itoa(other)
	const sentence = "vale per una sola testimonianza"
	for _, path := range []string{
		"/comune", "/comune/persone", "/comune/testimonianze/nuova", others, others + "/stato", others + "/poster", others + "/video", others + "/prova",
		others + "/modifica", others + "/dispositivo", others + "/approvazione",
	} {
		office.get(path).want(http.StatusForbidden)
	}
	office.get("/comune").says(sentence, "apri il tuo collegamento personale")
	for _, path := range []string{
		"/comune/testimonianze", "/comune/persone", others, others + "/invia", others + "/ritira", others + "/annulla-invio", others + "/codice",
		others + "/approvazione", others + "/approvazione/ritira", others + "/dispositivo/1/chiudi", mine + "/codice", mine + "/dispositivo/1/chiudi",
	} {
		office.post(path, form()).want(http.StatusForbidden)
	}
	word := fmt.Sprintf("testimony %s,filename YQ==,filetype YQ==", map[bool]string{true: "Mg==", false: "MQ=="}[other == 2])
	office.tus(http.MethodPost, "/caricamenti/", nil, "Upload-Length", "9", "Upload-Metadata", word).want(http.StatusForbidden).says(sentence)
	office.tus(http.MethodHead, upload, nil).want(http.StatusForbidden)
	office.tus(http.MethodPatch, upload, []byte("x"), "Upload-Offset", "0").want(http.StatusForbidden).says(sentence)
	office.tus(http.MethodDelete, upload, nil).want(http.StatusForbidden)
	if got := w.said(other); got.Title != "Un’altra" || got.State != "draft" {
		t.Errorf("the other is %q, %s", got.Title, got.State)
	}

	// The one it is for, it does reach.
	office.post(mine, form("title", "Cambiata in ufficio")).want(http.StatusSeeOther)
	office.get(mine + "/approvazione").want(http.StatusOK)
	office.get(mine + "/dispositivo").want(http.StatusOK).says("I codici si creano sul dispositivo da cui hai cominciato")
	if got := w.said(id).Title; got != "Cambiata in ufficio" {
		t.Errorf("saved: %q", got)
	}
	// Taken back from there, it stays where it can be seen.
	if got := office.post(mine+"/ritira", nil).want(http.StatusSeeOther).header.Get("Location"); got != mine {
		t.Errorf("taken back, it leads to %s", got)
	}
}

func TestADeviceIsOutAgain(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *world, person, int64){
		"after a day": func(_ *testing.T, w *world, _ person, _ int64) { w.later(account.HandoverLife) },
		"sent out": func(t *testing.T, w *world, phone person, id int64) {
			e, err := w.accounts.Elsewhere(t.Context(), balme, id)
			if err != nil {
				t.Fatal(err)
			}
			phone.post("/comune/testimonianze/"+itoa(id)+"/dispositivo/"+itoa(e.Devices[0].ID)+"/chiudi", nil).want(http.StatusSeeOther)
			phone.get("/comune/testimonianze/"+itoa(id)+"/dispositivo").says("quel dispositivo è fuori", "Nessun altro dispositivo è entrato")
		},
		"link replaced": func(t *testing.T, w *world, _ person, _ int64) {
			if _, err := w.accounts.ReplaceLink(t.Context(), "test", balme); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			phone := w.townHall(balme)
			id := phone.post("/comune/testimonianze", form()).made()
			address := "/comune/testimonianze/" + itoa(id)
			office := w.stranger()
			office.post("/continua", typed(phone.code(id))).want(http.StatusSeeOther)
			w.later(account.HandoverLife - time.Minute)
			office.get(address).want(http.StatusOK)
			end(t, w, phone, id)
			office.get(address).want(http.StatusUnauthorized)
			office.post(address, form("title", "Dopo")).want(http.StatusUnauthorized)
		})
	}
}

func TestCodesThatAreRefusedAreSaidAtTheField(t *testing.T) {
	w := open(t)
	phone := w.townHall(balme)
	id := phone.post("/comune/testimonianze", form()).made()
	replaced := phone.code(id)
	old := phone.code(id)
	w.later(account.HandoverLife)
	b := w.stranger()
	for code, c := range map[string]struct {
		status int
		says   string
	}{
		"":          {http.StatusUnprocessableEntity, "Scrivi il codice."},
		"ACDE-FGHJ": {http.StatusNotFound, "Questo codice non esiste"},
		"<b>":       {http.StatusNotFound, "Questo codice non esiste"},
		replaced:    {http.StatusGone, "sostituito da uno più nuovo"},
		old:         {http.StatusGone, "Questo codice è scaduto"},
	} {
		a := b.post("/continua", typed(code)).want(c.status)
		if got := a.wrong("code"); !strings.Contains(got, c.says) {
			t.Errorf("%q: %q", code, got)
		}
		if got := a.valuesIn("code-form").Get("code"); got != code {
			t.Errorf("%q: %q is left", code, got)
		}
		if code != "" {
			b.get("/continua/" + url.PathEscape(code)).want(c.status).says(c.says)
			b.post("/continua/"+url.PathEscape(code), nil).want(c.status)
		}
		b.get("/comune/testimonianze/" + itoa(id)).want(http.StatusUnauthorized)
	}
	// Too many wrong ones: also the right one waits, and it is said how long.
	right := phone.code(id)
	var a answer
	for range 20 {
		if a = b.post("/continua", typed("ACDE-FGHK")); a.code != http.StatusNotFound {
			break
		}
	}
	a.want(http.StatusServiceUnavailable)
	a = b.post("/continua", typed(right)).want(http.StatusServiceUnavailable)
	if got := a.wrong("code"); !strings.Contains(got, "riprova oggi alle 12:10") || a.header.Get("Retry-After") == "" {
		t.Errorf("it says %q", got)
	}
	w.later(11 * time.Minute)
	b.post("/continua", typed(right)).want(http.StatusSeeOther)
}

// TestNobodyInventsSenders: somebody on the office's own network says of each try
// that it comes from another place.
func TestNobodyInventsSenders(t *testing.T) {
	w := open(t)
	try := func(from, says string) int {
		r := httptest.NewRequest(http.MethodPost, w.base+"/continua", strings.NewReader(typed("ACDE-FGHJ").Encode()))
		r.RemoteAddr = from
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-For", says)
		a := httptest.NewRecorder()
		w.portal.ServeHTTP(a, r)
		return a.Code
	}
	refused := 0
	for i := range 20 {
		if try("10.0.0.9:5000", fmt.Sprintf("198.51.100.%d", i)) == http.StatusServiceUnavailable {
			refused++
		}
	}
	if refused != 10 {
		t.Errorf("%d of 20 tries were refused, want 10", refused)
	}
	if got := try("10.0.0.8:5000", ""); got != http.StatusNotFound {
		t.Errorf("their neighbour is answered with %d", got)
	}
}

// TestWhoMayDoMoreAlreadyKeepsIt: scanning a code in a browser in which the town
// hall is signed in neither uses the code up nor takes anything away.
func TestWhoMayDoMoreAlreadyKeepsIt(t *testing.T) {
	w := open(t)
	phone := w.townHall(balme)
	id := phone.post("/comune/testimonianze", form()).made()
	code := phone.code(id)
	phone.post("/continua", typed(code)).want(http.StatusSeeOther)
	phone.get("/comune").want(http.StatusOK)
	w.stranger().post("/continua", typed(code)).want(http.StatusSeeOther)
	// Another town hall, or staff, come in as whom the code is for.
	ivreas := w.townHall(ivrea)
	ivreas.post("/continua", typed(phone.code(id))).want(http.StatusSeeOther)
	ivreas.get("/comune/testimonianze/" + itoa(id)).want(http.StatusOK)
	ivreas.get("/comune").want(http.StatusForbidden)
	// And signing in with a link again lifts the bounds.
	ivreas.post(w.link(ivrea), nil).want(http.StatusSeeOther)
	ivreas.get("/comune").want(http.StatusOK)
	ivreas.get("/comune/testimonianze/" + itoa(id)).want(http.StatusNotFound)
}

func TestACodeIsForTheOwnTestimony(t *testing.T) {
	w := open(t)
	id := w.townHall(balme).post("/comune/testimonianze", form()).made()
	b := w.townHall(ivrea)
	b.post("/comune/testimonianze/"+itoa(id)+"/codice", nil).want(http.StatusNotFound)
	b.get("/comune/testimonianze/" + itoa(id) + "/dispositivo").want(http.StatusNotFound)
}
