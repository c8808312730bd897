package studio_test

import (
	"bytes"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

// fromWhere are the places from which a tab sent bytes of uploads.
func fromWhere(t *testing.T, tab *browser.Tab) (at []int64) {
	t.Helper()
	for _, r := range tab.Requests("PATCH", "/caricamenti/") {
		n, err := strconv.ParseInt(r.Header("Upload-Offset"), 10, 64)
		if err != nil {
			t.Error(err)
		}
		at = append(at, n)
	}
	return at
}

// onMobile has the browser say over which network the device is, as telephones do.
const onMobile = `Object.defineProperty(navigator, "connection", { value: Object.assign(new EventTarget(), { type: "cellular" }) })`

// changes has the device change its network.
func changes(tab *browser.Tab, network string) {
	browser.Eval[bool](tab, `(navigator.connection.type = "`+network+`", navigator.connection.dispatchEvent(new Event("change")))`)
}

func TestOnWiFiOnly(t *testing.T) {
	w, b := inBrowser(t)
	content := longFilm(t)
	mayor := b.Person(t, w.base, browser.Phone)
	tab := w.enterAs(mayor)
	tab.Before(onMobile)
	hall := w.townHall(balme)
	id := w.draft(hall, tab)
	tab.Tick("Invia solo con il Wi-Fi")
	tab.SeesNot("Questo browser non dice che rete usi")
	tab.ChooseFile("File del video", file(t, "spesa.mp4", content))
	tab.Sees("Aspetto il Wi-Fi, come hai chiesto.")
	tab.Check()
	picture(tab, "line-wifi")
	if n := len(tab.Requests("POST", "/caricamenti/")); n != 0 {
		t.Errorf("%d uploads were begun without Wi-Fi", n)
	}
	w.line.lets(slow / 4)
	changes(tab, "wifi")
	tab.UntilNumber(sent, more(100))
	changes(tab, "cellular") // somebody walks away
	tab.Sees("Aspetto il Wi-Fi, come hai chiesto.")
	before := len(tab.Requests("PATCH", "/caricamenti/"))
	tab.Press("button", "Invia anche senza Wi-Fi")
	w.line.lets(0)
	tab.Sees("Il video è arrivato e funziona")
	w.sentWhole(id, content)
	if at := fromWhere(t, tab); len(at) != before+1 || at[before] == 0 {
		t.Errorf("it was sent from %v", at)
	}

	// The device keeps the choice.
	again := mayor.Tab()
	again.Before(onMobile)
	w.draft(hall, again)
	if !again.Ticked("Invia solo con il Wi-Fi") {
		t.Error("the choice is forgotten")
	}
}

func TestTheSameFileTwiceIsSaid(t *testing.T) {
	w, b := inBrowser(t)
	tab := w.enter(t, b, browser.Phone)
	content := film(t, videotest.Spec{})
	path := file(t, "spesa.mp4", content)
	id := w.draft(w.townHall(balme), tab)
	tab.ChooseFile("File del video", path)
	tab.Sees("Il video è arrivato e funziona")
	first := w.said(id).Video.ID
	tab.ChooseFile("File del video", path)
	tab.Sees("Questo video è già arrivato", "non serve inviarlo di nuovo")
	tab.Check()
	picture(tab, "line-already")
	if n := len(tab.Requests("POST", "/caricamenti/")); n != 1 {
		t.Errorf("%d uploads were begun", n)
	}
	tab.Press("button", "Invialo lo stesso")
	tab.Until(`!document.querySelector("[data-file=ready]").hidden && document.getElementById("sending").hidden`)
	if v := w.said(id).Video; v.ID == first || v.State != testimony.VideoReady {
		t.Errorf("the file is %d, %s", v.ID, v.State)
	}
	w.sentWhole(id, content)
}

func TestTwoTabsSendOneAfterTheOther(t *testing.T) {
	w, b := inBrowser(t)
	content := longFilm(t)
	path := file(t, "spesa.mp4", content)
	mayor := b.Person(t, w.base, browser.Phone)
	one := w.enterAs(mayor)
	hall := w.townHall(balme)
	for name, take := range map[string]bool{"the second waits": false, "the second takes its turn": true} {
		t.Run(name, func(t *testing.T) {
			id := w.draft(hall, one)
			w.line.lets(slow / 4)
			one.ChooseFile("File del video", path)
			one.UntilNumber(sent, more(50))
			two := mayor.Tab()
			two.Open("/comune/testimonianze/" + itoa(id))
			two.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
			two.ChooseFile("File del video", path)
			two.Sees("Un’altra scheda di questo dispositivo sta già inviando il video.")
			two.Check()
			picture(two, "line-elsewhere")
			if n := len(two.Requests("PATCH", "/caricamenti/")); n != 0 {
				t.Errorf("the second sent %d times", n)
			}
			if take {
				two.Press("button", "Invia da questa scheda")
				two.Sees("Sto inviando il video")
				one.Sees("Un’altra scheda di questo dispositivo sta già inviando il video.")
			}
			w.line.lets(0)
			one.Sees("Il video è arrivato e funziona")
			two.Sees("Il video è arrivato e funziona")
			w.sentWhole(id, content)
			var files int64
			w.db.Reader(t.Context()).Model(&testimony.Video{}).Where("testimony_id = ?", id).Count(&files)
			if files != 1 {
				t.Errorf("%d files came", files)
			}
			two.Close()
		})
	}
}

// The link is replaced while a file is on its way: whoever opens the new one in
// another tab finds that the first goes on by itself.
func TestALinkReplacedOnTheWayLosesNothing(t *testing.T) {
	w, b := inBrowser(t)
	content := longFilm(t)
	mayor := b.Person(t, w.base, browser.Phone)
	tab := w.enterAs(mayor)
	tab.Forgive("status of 401")
	tab.Forgive("net::ERR_")
	id := w.draft(w.townHall(balme), tab)
	w.line.lets(slow / 4)
	tab.ChooseFile("File del video", file(t, "spesa.mp4", content))
	tab.UntilNumber(sent, more(100))
	fresh, err := w.accounts.ReplaceLink(t.Context(), account.Person{Role: account.Moderator}.Actor(), balme)
	if err != nil {
		t.Fatal(err)
	}
	w.line.cut(true)
	tab.Sees("Quello che è arrivato è salvo")
	w.line.lets(0)
	w.line.cut(false)
	tab.Sees("Non sei più dentro.")
	tab.Has("button", "Riprova")
	tab.Hidden(true)
	other := mayor.Tab()
	other.Open("/entra/" + fresh)
	other.Press("button", "Entra")
	other.At("/comune")
	tab.Hidden(false)
	tab.Sees("Il video è arrivato e funziona")
	w.sentWhole(id, content)
	if n := len(tab.Requests("POST", "/caricamenti/")); n != 1 {
		t.Errorf("%d uploads were begun", n)
	}
}

// A telephone that slept wakes up with a line that is dead and does not say so.
func TestAPhoneThatSlept(t *testing.T) {
	w, b := inBrowser(t)
	content := longFilm(t)
	tab := w.enter(t, b, browser.Phone)
	tab.Forgive("net::ERR_")
	id := w.draft(w.townHall(balme), tab)
	w.line.lets(slow / 4)
	tab.ChooseFile("File del video", file(t, "spesa.mp4", content))
	tab.UntilNumber(sent, more(100))
	tab.Hidden(true)
	tab.Until(`document.title === "Torna qui: l’invio va avanti con la pagina aperta"`)
	w.line.hangs()
	tab.Hidden(false)
	tab.Sees("Mentre la pagina era in secondo piano l’invio può essersi fermato.")
	w.line.lets(0)
	tab.Sees("Il video è arrivato e funziona")
	w.sentWhole(id, content)
	if at := fromWhere(t, tab); len(at) < 2 || at[len(at)-1] == 0 {
		t.Errorf("it was sent from %v", at)
	}
	tab.Until(`!document.title.startsWith("Torna qui")`)
}

// A line that is dead and does not say so is found out: the portal is asked, and
// nothing has come there either.
func TestALineThatIsDeadAndDoesNotSaySo(t *testing.T) {
	w, b := inBrowser(t)
	content := longFilm(t)
	tab := w.enter(t, b, browser.Phone)
	tab.Forgive("net::ERR_")
	id := w.draft(w.townHall(balme), tab)
	w.line.lets(slow / 4)
	tab.ChooseFile("File del video", file(t, "spesa.mp4", content))
	tab.UntilNumber(sent, more(100))
	w.line.hangs()
	tab.Sees("Ripartiamo dal")
	w.line.lets(0)
	tab.Sees("Il video è arrivato e funziona")
	w.sentWhole(id, content)
	if n := len(tab.Requests("POST", "/caricamenti/")); n != 1 {
		t.Errorf("%d uploads were begun", n)
	}
}

// The clock of the device is three years ahead: times on the page are the
// portal's, and nothing that it kept is taken for old.
func TestAWrongClock(t *testing.T) {
	w, b := inBrowser(t)
	content := longFilm(t)
	mayor := b.Person(t, w.base, browser.Phone)
	tab := mayor.Tab()
	tab.Before(`{ const real = Date; const ahead = 3 * 365 * 86400e3;
		globalThis.Date = class extends real { constructor(...a) { a.length ? super(...a) : super(real.now() + ahead); } static now() { return real.now() + ahead; } }; }`)
	tab.Open(w.link(balme))
	tab.Press("button", "Entra")
	tab.At("/comune")
	id := w.draft(w.townHall(balme), tab)
	w.line.lets(slow / 4)
	path := file(t, "spesa.mp4", content)
	tab.ChooseFile("File del video", path)
	tab.UntilNumber(sent, more(100))
	tab.Press("button", "Pausa")
	tab.Sees("In pausa al", "Ultimo giorno per continuare: "+italianDay(time.Now().AddDate(0, 0, 14)))
	tab.Close()
	tab = mayor.Tab()
	tab.Open("/comune/testimonianze/" + itoa(id))
	tab.Sees("Scegli di nuovo lo stesso file", "Ultimo giorno per continuare: "+italianDay(time.Now().AddDate(0, 0, 14)))
	tab.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
	tab.ChooseFile("File del video", path)
	w.line.lets(0)
	tab.Sees("Il video è arrivato e funziona")
	w.sentWhole(id, content)
	if at := fromWhere(t, tab); len(at) == 0 || at[0] == 0 {
		t.Errorf("it was sent from %v", at)
	}
}

// italianDay is a day as the pages write it.
func italianDay(at time.Time) string {
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		panic(err)
	}
	months := []string{"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"}
	at = at.In(rome)
	return strconv.Itoa(at.Day()) + " " + months[at.Month()-1] + " " + strconv.Itoa(at.Year())
}

// What was used is what left the device, also twice, and over several visits.
func TestDataUsedIsSaidOverSeveralVisits(t *testing.T) {
	w, b := inBrowser(t)
	content := longFilm(t)
	mayor := b.Person(t, w.base, browser.Phone)
	tab := w.enterAs(mayor)
	id := w.draft(w.townHall(balme), tab)
	w.line.lets(slow / 4)
	path := file(t, "spesa.mp4", content)
	tab.ChooseFile("File del video", path)
	tab.UntilNumber(sent, more(200))
	tab.Press("button", "Pausa")
	tab.Sees("In pausa al", "dati usati:")
	const used = `Math.max(0, ...Object.keys(localStorage).filter((k) => k.startsWith("voci.used.")).map((k) => Number(localStorage.getItem(k))))`
	before := tab.UntilNumber(used, more(0))
	tab.Close()
	tab = mayor.Tab()
	tab.Open("/comune/testimonianze/" + itoa(id))
	tab.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
	tab.ChooseFile("File del video", path)
	tab.UntilNumber(used, more(before))
	w.line.lets(0)
	tab.Sees("Il video è arrivato e funziona")
	if left := browser.Eval[float64](tab, used); left != 0 {
		t.Errorf("%v bytes are still counted once all is there", left)
	}
}

func TestAnUploadFinishedTwiceIsOneTestimonyAndOneFile(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	whole := film(t, videotest.Spec{})
	id := b.post("/comune/testimonianze", form()).made()
	url := b.begin("", id, "spesa.mp4", len(whole))
	b.tus(http.MethodPatch, url, whole, "Upload-Offset", "0").want(http.StatusNoContent)
	w.look()
	b.post("/comune/testimonianze/"+itoa(id)+"/invia", nil).want(http.StatusSeeOther)
	for range 3 { // a browser that lost the answer, at any time after
		b.tus(http.MethodPatch, url, nil, "Upload-Offset", strconv.Itoa(len(whole))).want(http.StatusNoContent)
		b.tus(http.MethodHead, url, nil).want(http.StatusOK)
	}
	var all, files int64
	w.db.Reader(t.Context()).Model(&testimony.Testimony{}).Count(&all)
	w.db.Reader(t.Context()).Model(&testimony.Video{}).Count(&files)
	if got := w.said(id); all != 1 || files != 1 || got.State != testimony.InReview {
		t.Errorf("%d testimonies, %d files, %s", all, files, got.State)
	}
}

// What telephones and browsers really make.
func TestFilesAsDevicesMakeThem(t *testing.T) {
	for name, c := range map[string]struct {
		encoder  string
		spec     videotest.Spec
		portrait bool
		seconds  float64
	}{
		"twenty minutes of an iPhone held upright": {
			"libx265", videotest.Spec{Container: "mov", Codec: "hevc", Rotate: 90, Seconds: 1200, Rate: 2, Width: 128, Height: 72}, true, 1200,
		},
		"a recording of a browser that does not say how long it is": {
			"libvpx", videotest.Spec{Container: "webm", Codec: "vp8", Live: true, Seconds: 4}, false, 4,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := exec.Command("ffmpeg", "-hide_banner", "-h", "encoder="+c.encoder).CombinedOutput(); err != nil || strings.Contains(string(out), "not recognized") {
				t.Fatalf("this ffmpeg cannot make it: no %s", c.encoder)
			}
			w := open(t)
			b := w.townHall(balme)
			id := b.postFile("/comune/testimonianze?poi=invia", form(), "IMG_0042."+c.spec.Container, bytes.NewReader(film(t, c.spec))).made()
			w.look()
			got := w.said(id)
			if got.State != testimony.InReview {
				t.Fatalf("it is %s, its file %s (%s)", got.State, got.Video.State, got.Video.Reason.Key)
			}
			v := got.Video
			if d := v.Duration().Seconds() - c.seconds; d < -0.5 || d > 0.5 || (v.Height > v.Width) != c.portrait || v.Rendition == "" || v.Poster == "" {
				t.Errorf("seen: %s, %d × %d, %q, %q", v.Duration(), v.Width, v.Height, v.Rendition, v.Poster)
			}
		})
	}
}
