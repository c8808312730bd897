package studio_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// withCamera is inBrowser with a camera that Chromium makes up.
func withCamera(t *testing.T, changes ...func(*settings)) (*world, *browser.Browser) {
	t.Helper()
	return inBrowserOf(t, func() *browser.Browser { return browser.Start(t, browser.Camera()...) }, changes...)
}

// onDevice is the SHA-256 of what this device keeps of a recording, as the portal
// is to get it; empty if it keeps none.
const onDevice = `(async () => {
	const db = await new Promise((done) => { const r = indexedDB.open("voci"); r.onsuccess = () => done(r.result); });
	const all = (store) => new Promise((done) => { const r = db.transaction(store).objectStore(store).getAll(); r.onsuccess = () => done(r.result); });
	const [take] = db.objectStoreNames.length ? await all("takes") : [];
	if (!take) return "";
	let bytes = new Blob(await all("pieces"));
	if (take.place === "files") {
		const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("takes");
		bytes = await (await folder.getFileHandle(take.id)).getFile();
	}
	const sum = await crypto.subtle.digest("SHA-256", await bytes.slice(0, take.bytes).arrayBuffer());
	return [...new Uint8Array(sum)].map((b) => b.toString(16).padStart(2, "0")).join("");
})()`

// recorded is how many seconds the clock of the page shows.
const recorded = `((t) => Number(t[0]) * 60 + Number(t[1]))(document.getElementById("record-time").textContent.split(":"))`

// opened goes to the page that records, from the form.
func (w *world) recording(tab *browser.Tab) (id int64) {
	w.t.Helper()
	id = w.draft(w.townHall(balme), tab)
	tab.Press("button", "Registra adesso")
	tab.At("/comune/testimonianze/" + itoa(id) + "/registra")
	return id
}

// record records so many seconds, and goes on.
func record(tab *browser.Tab, seconds float64) {
	tab.Press("button", "Accendi la fotocamera")
	tab.Sees("Guarda nella fotocamera")
	tab.Press("button", "Registra")
	tab.Until(`document.getElementById("recorder").dataset.state === "recording"`)
	tab.UntilNumber(recorded, func(n float64) bool { return n >= seconds })
}

// arrivedAs waits until the file of a testimony was looked at, and checks that
// it is the one of this digest.
func (w *world) arrivedAs(tab *browser.Tab, id int64, sum string) *testimony.Video {
	w.t.Helper()
	w.lookedAt(tab, id)
	v := w.said(id).Video
	if v.SHA256 != sum || sum == "" {
		w.t.Errorf("the portal has %s, the device had %s", v.SHA256, sum)
	}
	w.holds(v.Original, v.Bytes, v.SHA256)
	tab.Until(`(` + onDevice + `).then((sum) => sum === "")`)
	return v
}

// lookedAt waits until the page of a testimony says that its file is good. Looking
// at pictures of 720 lines may take minutes on a machine with much else to do.
func (w *world) lookedAt(tab *browser.Tab, id int64) {
	w.t.Helper()
	tab.At("/comune/testimonianze/" + itoa(id))
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if v := w.said(id).Video; v != nil && v.State != testimony.VideoChecking {
			break
		}
	}
	tab.Sees("Il video è arrivato e funziona")
}

func TestARecordingIsSentWhileItIsMade(t *testing.T) {
	w, b := withCamera(t)
	tab := w.enter(t, b, browser.Phone)
	tab.Open("/comune/testimonianze/nuova")
	picture(tab, "form-record")
	w.draft(w.townHall(balme), tab)
	// What records is loaded where it records.
	if scripts := browser.Eval[[]float64](tab, `(() => {
		const all = performance.getEntriesByType("resource").filter((r) => r.name.endsWith(".js"));
		return [all.reduce((sum, r) => sum + r.encodedBodySize, 0), all.filter((r) => r.name.includes("/studio/record")).length];
	})()`); scripts[0] > 60_000 || scripts[0] == 0 || scripts[1] > 0 {
		t.Errorf("the form loads %.0f bytes of scripts, %.0f files of the recorder", scripts[0], scripts[1])
	}
	id := w.recording(tab)
	tab.Sees("Quando sei pronto, accendi la fotocamera.", "Che cosa dire")
	tab.Check()
	picture(tab, "record-off")
	record(tab, 3)
	picture(tab, "record-recording")
	tab.Check()
	// It has begun to arrive, though nobody knows how long it will be.
	tab.Until(`!document.getElementById("record-sent").textContent.includes(" 0 B ")`)
	tab.Press("button", "Pausa")
	tab.Sees("In pausa. Quello che hai registrato è salvo.")
	tab.Check()
	tab.Press("button", "Riprendi")
	tab.UntilNumber(recorded, func(n float64) bool { return n >= 5 })
	tab.Press("button", "Fine")
	tab.Sees("Riguardala. Se va bene, inviala", "Si vedono 0:0")
	tab.Check()
	picture(tab, "record-review")
	if w.said(id).Video != nil {
		t.Error("the portal took a recording that nobody said is good")
	}
	sum := browser.Eval[string](tab, onDevice)
	tab.Write("Comincia a", "1,5")
	tab.Keys("\t")
	tab.Press("button", "Va bene, invia questa")
	v := w.arrivedAs(tab, id, sum)
	picture(tab, "form-recorded")
	if v.Trim.FromMS != 1500 || v.Cut == "" {
		t.Errorf("the trim is %+v, the cut %q", v.Trim, v.Cut)
	}
	if d := v.Source() - v.Duration() - 1500*time.Millisecond; d.Abs() > 100*time.Millisecond {
		t.Errorf("of %s are shown %s", v.Source(), v.Duration())
	}
	if n := len(tab.Requests("POST", "/caricamenti/")); n > 1 {
		t.Errorf("the upload was begun %d times", n)
	}
	// It can be chosen otherwise, with the keyboard.
	tab.Press("button", "Taglia l’inizio e la fine")
	tab.At("/comune/testimonianze/" + itoa(id) + "/taglia")
	tab.Until(`document.getElementById("f-from").value === "1,5" && !document.getElementById("trim-from").hidden`)
	tab.Check()
	picture(tab, "trim")
	browser.Eval[chromedp.Void](tab, `document.getElementById("trim-from").focus()`)
	tab.Keys(kb.ArrowRight)
	tab.Until(`document.getElementById("f-from").value === "1,6"`)
	tab.Press("button", "Mostra tutto il video")
	w.lookedAt(tab, id)
	if v := w.said(id).Video; v.Cut != "" || v.DurationMS != v.SourceMS {
		t.Errorf("undone it is %+v", v)
	}
	w.frames(filepath.Join(w.vault, v.Original))
}

// frames notes how many pictures a recording holds for each second, for eyes: no
// assertion, for the machine has other work.
func (w *world) frames(path string) {
	w.t.Helper()
	out, err := exec.CommandContext(w.t.Context(), "ffprobe", "-v", "error", "-select_streams", "v:0", "-count_packets",
		"-show_entries", "stream=width,height,codec_name,nb_read_packets", "-show_entries", "packet=pts_time", "-of", "csv=p=0", path).Output()
	if err != nil {
		w.t.Fatal(err)
	}
	var last, gap, pts float64
	n := 0
	for line := range strings.Lines(string(out)) {
		if _, err := fmt.Sscanf(strings.TrimSpace(line), "%f", &pts); err != nil || strings.Count(line, ",") > 1 {
			w.t.Logf("recorded: %s", strings.TrimSpace(line))
			continue
		}
		if n > 0 {
			gap = max(gap, pts-last)
		}
		last = pts
		n++
	}
	w.t.Logf("%d pictures in %.2f s, the longest gap %.0f ms", n, last, gap*1000)
}

func TestARecordingOutlivesItsTab(t *testing.T) {
	w, b := withCamera(t)
	mayor := b.Person(t, w.base, browser.Phone)
	tab := w.enterAs(mayor)
	id := w.recording(tab)
	record(tab, 3)
	tab.Crash()

	tab = mayor.Tab()
	tab.Open("/comune/testimonianze/" + itoa(id))
	tab.Sees("C’è una registrazione di 0:0", "Riguardala e inviala")
	tab.Check()
	picture(tab, "form-take")
	tab.Press("button", "Riguardala e inviala")
	tab.At("/comune/testimonianze/" + itoa(id) + "/registra")
	tab.Sees("C’è una registrazione di 0:0")
	sum := browser.Eval[string](tab, onDevice)
	// Another take begins, and is thrown away: the one before is gone for good
	// only when the new one runs.
	tab.Press("button", "Registra di nuovo")
	tab.Press("button", "Torna alla registrazione di prima")
	tab.Sees("Riguardala")
	if now := browser.Eval[string](tab, onDevice); now != sum {
		t.Error("the take is another one")
	}
	tab.Press("button", "Va bene, invia questa")
	v := w.arrivedAs(tab, id, sum)
	if d := v.Duration(); d < time.Second {
		t.Errorf("of three seconds %s are left", d)
	}
	if v.Cut != "" {
		t.Errorf("it was trimmed without being asked: %+v", v.Trim)
	}
}

// Each kind of file that a browser may record in is whole after a crash, up to
// its last second.
func TestEveryKindOfRecordingOutlivesItsTab(t *testing.T) {
	w, b := withCamera(t)
	for kind, codec := range map[string]string{"video/webm;codecs=vp8,opus": "vp8", "video/mp4": "h264"} {
		mayor := b.Person(t, w.base, browser.Phone)
		tab := w.enterAs(mayor)
		if !browser.Eval[bool](tab, "MediaRecorder.isTypeSupported("+strconv.Quote(kind)+")") {
			t.Errorf("this Chromium does not record %s", kind)
			continue
		}
		tab.Before("MediaRecorder.isTypeSupported = (kind) => kind === " + strconv.Quote(kind))
		id := w.recording(tab)
		record(tab, 5)
		tab.Crash()
		tab = mayor.Tab()
		tab.Open("/comune/testimonianze/" + itoa(id) + "/registra")
		tab.Sees("C’è una registrazione di 0:0")
		sum := browser.Eval[string](tab, onDevice)
		tab.Press("button", "Va bene, invia questa")
		v := w.arrivedAs(tab, id, sum)
		t.Logf("%s: %s, %s and %s, %s", kind, v.Container, v.VideoCodec, v.AudioCodec, v.Duration())
		if v.VideoCodec != codec && kind != "video/mp4" || v.Duration() < 2*time.Second {
			t.Errorf("%s became %s of %s", kind, v.VideoCodec, v.Duration())
		}
	}
}

func TestARecordingOutlivesTheBrowser(t *testing.T) {
	dir, err := os.MkdirTemp("", "voci-profile")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // Chromium may still be writing to it
	w, b := inBrowserOf(t, func() *browser.Browser { return browser.Kept(t, dir, browser.Camera()...) })
	tab := w.enterAs(b.Owner(t, w.base, browser.Laptop))
	id := w.recording(tab)
	w.line.cut(true) // nothing of it is at the portal
	tab.Forgive("net::ERR_")
	record(tab, 3)
	b.Kill(t)
	w.line.cut(false)

	b = browser.Kept(t, dir, browser.Camera()...)
	tab = b.Owner(t, w.base, browser.Laptop).Tab()
	tab.Open(w.link(balme)) // cookies are written down every half minute only
	tab.Press("button", "Entra")
	tab.At("/comune")
	tab.Open("/comune/testimonianze/" + itoa(id) + "/registra")
	tab.Sees("C’è una registrazione di 0:0")
	picture(tab, "record-found")
	sum := browser.Eval[string](tab, onDevice)
	tab.Press("button", "Va bene, invia questa")
	if v := w.arrivedAs(tab, id, sum); v.Duration() < time.Second {
		t.Errorf("of three seconds %s are left", v.Duration())
	}
}

// What a device said was safe may be gone after a power cut. What is left of it
// still plays, and nothing of it was sent before.
func TestADeviceThatLostTheEnd(t *testing.T) {
	w, b := withCamera(t)
	tab := w.enter(t, b, browser.Laptop)
	id := w.recording(tab)
	tab.Unfold("Fotocamera, microfono e invio")
	tab.PressOn("label[for=live-now]")
	tab.Until(`!document.getElementById("live-now").checked`)
	record(tab, 4)
	tab.Press("button", "Fine")
	tab.Sees("Riguardala")
	picture(tab, "record-review")
	if n := len(tab.Requests("POST", "/caricamenti/")); n > 0 {
		t.Error("it was sent while it was recorded, though nobody wanted that")
	}
	browser.Eval[chromedp.Void](tab, `(async () => {
		const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("takes");
		for await (const handle of folder.values()) {
			const file = await handle.createWritable({ keepExistingData: true });
			await file.truncate(Math.floor((await handle.getFile()).size * 0.7));
			await file.close();
		}
	})()`)
	tab.Open("/comune/testimonianze/" + itoa(id) + "/registra")
	tab.Sees("C’è una registrazione di 0:0", "Si vedono")
	tab.Press("button", "Va bene, invia questa")
	w.lookedAt(tab, id)
	if v := w.said(id).Video; v.Duration() < 1500*time.Millisecond || v.Duration() > 4*time.Second {
		t.Errorf("of the four seconds %s are left", v.Duration())
	}
}

// The prompter moves by itself with the recording, and only when asked to for
// those who want nothing to move; by keyboard, on a phone on its side.
func TestThePrompter(t *testing.T) {
	w, b := withCamera(t)
	side := browser.Size{Width: 844, Height: 390, Phone: true}
	const at = `document.getElementById("prompter").scrollTop`
	for _, still := range []bool{false, true} {
		tab := w.enter(t, b, side)
		if still {
			tab.Still()
		}
		w.recording(tab)
		tab.Press("button", "Mettile nel gobbo: Solidarietà")
		if !strings.Contains(tab.Value("Il tuo testo"), "Quale gesto ti è rimasto in mente?") {
			t.Error("the questions are not in the text")
		}
		tab.Write("Il tuo testo", strings.Repeat("La spesa sale fino all’ultima borgata. ", 30))
		tab.Check()
		tab.Press("button", "Accendi la fotocamera")
		tab.Sees("Guarda nella fotocamera")
		tab.Check()
		picture(tab, fmt.Sprintf("record-side-%t", still))
		// With the keyboard: the button that is there next has the focus.
		tab.Until(`document.activeElement.id === "record-start"`)
		tab.Enter()
		tab.Until(`document.activeElement.id === "record-stop"`)
		if still {
			tab.Press("button", "Fai scorrere il testo")
		}
		from := tab.UntilNumber(at, func(n float64) bool { return n > 5 })
		picture(tab, fmt.Sprintf("record-side-recording-%t", still))
		tab.Press("button", "Ferma il testo")
		tab.Sees("Fai scorrere il testo")
		if n := browser.Eval[float64](tab, at); n < from {
			t.Errorf("it went back from %f to %f", from, n)
		}
		tab.Press("button", "Torna all’inizio del testo")
		tab.Until(at + " === 0")
		browser.Eval[chromedp.Void](tab, `document.getElementById("prompter").focus()`)
		tab.Keys(kb.ArrowDown)
		tab.UntilNumber(at, func(n float64) bool { return n > 5 })
		tab.Fits()
	}
	// The text is there the next time.
	tab := w.enter(t, b, browser.Phone)
	id := w.recording(tab)
	tab.Unfold("Gobbo: un testo da leggere")
	tab.Write("Il tuo testo", "Buongiorno a tutti.")
	tab.Open("/comune/testimonianze/" + itoa(id) + "/registra")
	tab.Unfold("Gobbo: un testo da leggere")
	if got := tab.Value("Il tuo testo"); got != "Buongiorno a tutti." {
		t.Errorf("kept: %q", got)
	}
}

func TestARetakeTakesThePlaceOfTheOneBefore(t *testing.T) {
	w, b := withCamera(t)
	tab := w.enter(t, b, browser.Laptop)
	id := w.recording(tab)
	record(tab, 2)
	tab.Press("button", "Fine")
	tab.Sees("Riguardala")
	first := browser.Eval[string](tab, onDevice)
	tab.Press("button", "Registra di nuovo")
	tab.Sees("Guarda nella fotocamera")
	tab.Press("button", "Registra")
	tab.Until(`document.getElementById("recorder").dataset.state === "recording"`)
	tab.UntilNumber(recorded, func(n float64) bool { return n >= 2 })
	tab.Press("button", "Fine")
	tab.Sees("Riguardala")
	second := browser.Eval[string](tab, onDevice)
	if first == second {
		t.Fatal("the take is the one before")
	}
	tab.Press("button", "Va bene, invia questa")
	w.arrivedAs(tab, id, second)
	open, err := w.testimonies.OpenUploads(t.Context(), []int64{id})
	if err != nil || len(open[id]) > 0 {
		t.Errorf("uploads left open: %v, %v", open[id], err)
	}
}

// What the browser cannot do is said, with what to do instead.
func TestWhatStandsInTheWayOfRecordingIsSaid(t *testing.T) {
	w, b := inBrowserOf(t, func() *browser.Browser { return browser.Start(t, browser.GuardedCamera()...) })
	for _, c := range []struct {
		name   string
		before func(*browser.Person, *browser.Tab)
		sees   string
	}{
		{"denied", func(p *browser.Person, _ *browser.Tab) { p.AllowCamera(false) }, "Nelle impostazioni del sito consenti tutti e due"},
		{"busy", func(_ *browser.Person, tab *browser.Tab) {
			tab.Before(`navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("in use", "NotReadableError"))`)
		}, "sono occupati da un’altra app. Chiudila"},
		{"missing", func(_ *browser.Person, tab *browser.Tab) {
			tab.Before(`navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("none", "NotFoundError"))`)
		}, "Non trovo una fotocamera e un microfono"},
	} {
		person := b.Person(t, w.base, browser.Small)
		tab := w.enterAs(person)
		c.before(person, tab)
		w.recording(tab)
		tab.Press("button", "Accendi la fotocamera")
		tab.Sees(c.sees)
		tab.Has("button", "Accendi la fotocamera") // to try again
		tab.Check()
		picture(tab, "record-"+c.name)
	}
	// A browser that records nothing has the file field, and is told.
	tab := w.enter(t, b, browser.Phone)
	tab.Before(`delete window.MediaRecorder`)
	id := w.draft(w.townHall(balme), tab)
	tab.Sees("Questo browser non può registrare: scegli un file già pronto.")
	tab.SeesNot("Registra adesso")
	tab.Open("/comune/testimonianze/" + itoa(id) + "/registra")
	tab.Sees("Questo browser non può registrare. Registra il video con l’app della fotocamera")
	tab.Check()
}

func TestAWrongClockDoesNotMatter(t *testing.T) {
	w, b := withCamera(t)
	w.later(3 * time.Hour)
	tab := w.enter(t, b, browser.Phone)
	id := w.recording(tab)
	tab.Sees("L’orologio di questo dispositivo sbaglia di circa 3 ore. Non fa niente")
	record(tab, 2)
	tab.Press("button", "Fine")
	tab.Sees("Riguardala")
	sum := browser.Eval[string](tab, onDevice)
	tab.Press("button", "Va bene, invia questa")
	v := w.arrivedAs(tab, id, sum)
	if want := "registrazione-" + w.clock().UTC().Format("2006-01-02-15"); !strings.HasPrefix(v.Filename, want) {
		t.Errorf("it is called %s, want %s…", v.Filename, want)
	}
}

func TestAPhoneThatSleepsPausesTheRecording(t *testing.T) {
	w, b := withCamera(t)
	tab := w.enter(t, b, browser.Phone)
	w.recording(tab)
	record(tab, 2)
	sleep := func(is bool) {
		browser.Eval[chromedp.Void](tab, fmt.Sprintf(`Object.defineProperty(document, "hidden", { value: %t, configurable: true }); document.dispatchEvent(new Event("visibilitychange"))`, is))
	}
	sleep(true)
	sleep(false)
	tab.Sees("La registrazione si è messa in pausa, perché lo schermo si è spento", "In pausa. Quello che hai registrato è salvo.")
	tab.Press("button", "Riprendi")
	tab.SeesNot("si è messa in pausa")
	tab.UntilNumber(recorded, func(n float64) bool { return n >= 3 })
	// A call takes the camera away: what is there can be sent.
	browser.Eval[chromedp.Void](tab, `for (const t of document.getElementById("preview").srcObject.getTracks()) t.dispatchEvent(new Event("ended"))`)
	tab.Sees("si sono spenti, forse per una chiamata", "Riguardala")
}

// noFiles is a browser without files of its own for pages.
const noFiles = `navigator.storage.getDirectory = () => Promise.reject(new DOMException("no", "SecurityError"));`

// Where nothing can be kept in files the database keeps it, and where nothing can
// be kept at all the page does, and says so.
func TestPrivateWindows(t *testing.T) {
	w, b := withCamera(t)
	t.Run("only the database", func(t *testing.T) {
		mayor := b.Person(t, w.base, browser.Phone)
		tab := w.enterAs(mayor)
		tab.Before(noFiles)
		id := w.recording(tab)
		record(tab, 3)
		tab.Crash()
		tab = mayor.Tab()
		tab.Before(noFiles)
		tab.Open("/comune/testimonianze/" + itoa(id) + "/registra")
		tab.Sees("C’è una registrazione di 0:0")
		sum := browser.Eval[string](tab, onDevice)
		tab.Press("button", "Va bene, invia questa")
		w.arrivedAs(tab, id, sum)
	})
	t.Run("nothing", func(t *testing.T) {
		tab := w.enter(t, b, browser.Phone)
		tab.Before(noFiles + `IDBFactory.prototype.open = () => { throw new DOMException("no", "SecurityError") };`)
		id := w.recording(tab)
		record(tab, 2)
		tab.Sees("Non chiudere questa pagina finché il video non è arrivato")
		tab.Press("button", "Fine")
		tab.Sees("Riguardala")
		tab.Press("button", "Va bene, invia questa")
		w.lookedAt(tab, id)
	})
}

func TestAFullDeviceKeepsWhatIsThere(t *testing.T) {
	w, b := withCamera(t)
	tab := w.enter(t, b, browser.Phone)
	// Chromium's own limit holds for its database at once, for files much later.
	tab.Before(noFiles + `navigator.storage.estimate = () => Promise.resolve({ quota: 9e7, usage: 1e7 })`)
	id := w.recording(tab)
	tab.Sees("Su questo dispositivo c’è poco spazio: bastano per circa 4 minuti")
	picture(tab, "record-tight")
	tab.Room(1_000_000)
	tab.Press("button", "Accendi la fotocamera")
	tab.Sees("Guarda nella fotocamera")
	tab.Press("button", "Registra")
	tab.Sees("Lo spazio su questo dispositivo è finito: la registrazione si è fermata a 0:", "Riguardala")
	tab.Check()
	picture(tab, "record-full")
	sum := browser.Eval[string](tab, onDevice)
	tab.Press("button", "Va bene, invia questa")
	w.arrivedAs(tab, id, sum)

	// With no room at all the page keeps it, and says so.
	id = w.recording(tab)
	tab.Room(1)
	record(tab, 2)
	tab.Sees("o lo spazio è finito. Non chiudere questa pagina finché il video non è arrivato.")
	tab.Press("button", "Fine")
	tab.Sees("Riguardala")
	tab.Press("button", "Va bene, invia questa")
	w.lookedAt(tab, id)
}
