package journey

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/journey/portal"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

// uploaded is how many bytes of the only upload the portal has.
func uploaded(t testing.TB, p *portal.Portal) (most int64) {
	t.Helper()
	for _, dir := range []string{"uploads", "vault"} {
		files, err := os.ReadDir(filepath.Join(p.Data, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if info, err := f.Info(); err == nil {
				most = max(most, info.Size())
			}
		}
	}
	return most
}

// inVault is the only file in the vault, empty while there is none.
func inVault(t testing.TB, p *portal.Portal) string {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(p.Data, "vault"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		return ""
	}
	return filepath.Join(p.Data, "vault", files[0].Name())
}

// fill takes so much room on the disk of dir that less than the portal wants to
// leave free is left, and returns what gives it back.
func fill(t *testing.T, dir string, bytes int64) (free func()) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "fills the disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, bytes); err != nil {
		t.Fatalf("take %d bytes of the disk: %v", bytes, err)
	}
	return func() {
		if err := os.Remove(f.Name()); err != nil {
			t.Error(err)
		}
	}
}

// The room that the portal believes to have, and by how much it is overfilled.
const (
	roomLeft = 3 << 30
	overfill = 6 << 30
)

// TestSendingThroughCutsInFiveWays sends one film through twenty interruptions
// at places that chance chooses. Nobody does anything but press the button that
// the page offers when the disk was full.
func TestSendingThroughCutsInFiveWays(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if set := os.Getenv("VOCI_CUTS_SEED"); set != "" {
		var err error
		if seed, err = strconv.ParseUint(set, 10, 64); err != nil {
			t.Fatalf("VOCI_CUTS_SEED: %v", err)
		}
	}
	t.Logf("to have the same places again: VOCI_CUTS_SEED=%d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))

	scratch := t.TempDir()
	var disk unix.Statfs_t
	if err := unix.Statfs(scratch, &disk); err != nil {
		t.Fatal(err)
	}
	free := int64(disk.Bavail) * disk.Bsize
	if free < 2*overfill {
		t.Fatalf("the disk has only %d bytes left to play with", free)
	}
	p, l := start(t, "VOCI_MIN_FREE_BYTES="+strconv.FormatInt(free-roomLeft, 10))
	file := film(t, videotest.Spec{Name: "tagli", Seconds: seconds})
	hall := browser.Start(t).Person(t, l.base, browser.Phone).Tab()
	enter(hall, p.Command("link", "--municipality", balme), "/comune")
	id := send(hall, "Venti tagli", "")
	hall.Open("/comune/testimonianze/" + id)
	hall.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
	for _, said := range []string{"net::ERR_", "status of 409", "status of 423", "status of 50"} {
		hall.Forgive(said)
	}

	const rate = 2_000_000 // bytes a second
	ways := map[string]func(){
		"close": func() { l.lay(rate) },
		"reset": func() {
			l.resets()
			time.Sleep(200 * time.Millisecond) // until the next bytes meet it
			l.lay(rate)
		},
		"stall": func() {
			l.stalls()
			time.Sleep(2 * time.Second)
			l.lay(rate)
		},
		"kill": func() {
			p.Kill()
			p.Run()
		},
		"full disk": func() {
			empty := fill(t, scratch, overfill)
			l.lay(rate) // bytes under way are still taken; those of the next request are not
			hall.Sees("In questo momento non c'è più spazio per i video.")
			empty()
			hall.Press("button", "Riprova")
		},
	}
	var order []string
	for _, way := range []string{"close", "reset", "stall", "kill", "full disk"} {
		order = append(order, way, way, way, way)
	}
	dice.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	places := make([]int64, len(order))
	for i := range places {
		places[i] = 1 + dice.Int64N(weight*9/10)
	}
	slices.Sort(places)

	l.lay(rate)
	hall.ChooseFile("File del video", file)
	for i, place := range places {
		p.Until("the film has come to the next place", func() bool { return uploaded(t, p) >= place })
		if inVault(t, p) != "" {
			t.Fatalf("all has arrived before cut %d of %d", i+1, len(places))
		}
		t.Logf("%s at byte %d", order[i], uploaded(t, p))
		ways[order[i]]()
	}
	l.lay(0)
	hall.Sees("Il video è arrivato e funziona")
	if got, want := digest(t, inVault(t, p)), digest(t, file); got != want {
		t.Errorf("the portal has %s, sent was %s", got, want)
	}
	if n := len(hall.Requests("POST", "/caricamenti/")); n != 1 {
		t.Errorf("the upload was begun %d times", n)
	}
}

// TestARequestThatHangsIsGoneOnWithByAnotherDevice: the bytes of one device hang
// in the line and the portal knows nothing of it. Another device goes on where
// they were; the first hears of it when its line is back.
func TestARequestThatHangsIsGoneOnWithByAnotherDevice(t *testing.T) {
	p, l := start(t)
	file := film(t, videotest.Spec{Name: "appesa", Seconds: seconds})
	link := p.Command("link", "--municipality", balme)
	chromium := browser.Start(t)
	one := chromium.Person(t, l.base, browser.Phone).Tab()
	enter(one, link, "/comune")
	id := send(one, "Una linea appesa", "")
	one.Open("/comune/testimonianze/" + id)
	one.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
	one.Forgive("net::ERR_")
	one.Forgive("status of 4")
	l.lay(2_000_000)
	one.ChooseFile("File del video", file)
	p.Until("a quarter has arrived", func() bool { return uploaded(t, p) >= weight/4 })
	l.stalls()

	two := chromium.Person(t, p.Base, browser.Laptop).Tab() // on a line of its own
	two.Forgive("status of 423")
	enter(two, p.Base+link[len(l.base):], "/comune")
	two.Press("link", "Continua l’invio")
	two.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
	two.ChooseFile("File del video", file)
	two.Sees("Il video è arrivato e funziona")
	if n := len(two.Requests("POST", "/caricamenti/")); n != 0 {
		t.Errorf("the other device began %d uploads anew", n)
	}
	for _, r := range two.Requests("PATCH", "/caricamenti/") {
		if n, err := strconv.ParseInt(r.Header("Upload-Offset"), 10, 64); err != nil || n < weight/4 {
			t.Errorf("it went on from %q", r.Header("Upload-Offset"))
		}
	}
	l.lay(0)
	one.Sees("Il video è arrivato e funziona")
	if got, want := digest(t, inVault(t, p)), digest(t, file); got != want {
		t.Errorf("the portal has %s, sent was %s", got, want)
	}
	if n := len(one.Requests("POST", "/caricamenti/")); n != 1 {
		t.Errorf("the first device began %d uploads", n)
	}
}
