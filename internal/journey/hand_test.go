package journey

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/journey/portal"
	"github.com/voci-in-comune/voci/internal/video/videotest"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// TestByHand: the day's uploads are used up, so staff upload a testimony in
// Studio themselves, and paste its link.
func TestByHand(t *testing.T) {
	p := portal.Start(t)
	g := &gallery{t: t, dir: os.Getenv("VOCI_SCREENSHOTS")}
	film, err := videotest.Make(t.Context(), t.TempDir(), videotest.Spec{Name: "breve", Seconds: 3, Width: 640, Height: 360})
	if err != nil {
		t.Fatal(err)
	}
	chromium := browser.Start(t)
	hall := chromium.Person(t, p.Base, browser.Phone).Tab()
	person := chromium.Person(t, p.Base, browser.Laptop)
	desk := person.Tab()
	enter(hall, p.Command("link", "--municipality", balme), "/comune")
	enter(desk, p.SignIn, "/redazione")
	id := send(hall, "La legna per tutti", film)
	p.Fail(sandbox.Fault{Name: sandbox.EmptyBucket, Bucket: "uploads"})
	desk.Open("/redazione/revisione/" + id)
	desk.Press("button", "Approva")
	desk.Sees("Approvata")
	desk.OpenUntil("/redazione/youtube", "I caricamenti su YouTube di oggi sono finiti")
	desk.Press("link", "Vedi il piano")
	desk.Press("link", "Pubblica a mano")
	desk.Sees("1. Scarica il video", "2. Caricalo in YouTube Studio", "3. Incolla qui il collegamento")
	desk.Check()
	g.look(desk, "hand")

	got := browser.Eval[string](desk, `fetch(document.querySelector("#original").href, { headers: { Range: "bytes=0-99" } })
		.then(async (r) => [r.status, (await r.arrayBuffer()).byteLength, r.headers.get("Content-Disposition")].join(" "))`)
	if want := fmt.Sprintf(`206 100 attachment; filename="balme-%s-la-legna-per-tutti.mp4"`, id); got != want {
		t.Errorf("the original: %s, want %s", got, want)
	}
	desk.PressOn("#copy-title + button")
	desk.Sees("Copiato.")
	if text := person.Clipboard(desk); text != "La legna per tutti" {
		t.Errorf("copied %q", text)
	}

	ids := p.Seed(
		sandbox.SeedVideo{Title: "Senza nome", Privacy: "private", Duration: 3, PublishedAt: time.Now().Add(-time.Minute)},
		sandbox.SeedVideo{Title: "Un altro", Privacy: "private", Duration: 300, PublishedAt: time.Now().Add(-time.Hour)},
	)
	desk.Resize(browser.Phone)
	desk.Forgive("status of 422") // a video of another length
	desk.Write("Collegamento del video", "https://youtu.be/"+ids[1])
	desk.Press("button", "Collega il video")
	desk.Sees("Il video su YouTube dura 300 secondi, l’originale 3")
	desk.Check()
	desk.Write("Collegamento del video", "https://studio.youtube.com/video/"+ids[0]+"/edit")
	desk.Press("button", "Collega il video")
	desk.Sees("Video collegato.")
	desk.Check()
	p.Until("the video is made the portal's own", func() bool {
		for _, v := range p.Channel().Videos {
			if v.ID == ids[0] {
				return v.Title == "La legna per tutti" && v.Privacy == "public" && v.Thumbnail != "" && len(v.Playlists) == 3
			}
		}
		return false
	})
	if n := len(p.Channel().Videos); n != len(ids) {
		t.Errorf("the channel has %d videos: the portal sent it too", n)
	}
	citizen := chromium.Person(t, p.Base, browser.Phone).Tab()
	citizen.OpenUntil("/testimonianze", "La legna per tutti")
	citizen.Check()
}

// TestByHandWithoutAChannel: with YouTube off, the portal plays what is approved,
// and a person answers for the link.
func TestByHandWithoutAChannel(t *testing.T) {
	p := portal.Start(t, "VOCI_YOUTUBE=off")
	film, err := videotest.Make(t.Context(), t.TempDir(), videotest.Spec{Name: "breve", Seconds: 3, Width: 640, Height: 360})
	if err != nil {
		t.Fatal(err)
	}
	chromium := browser.Start(t)
	hall := chromium.Person(t, p.Base, browser.Phone).Tab()
	desk := chromium.Person(t, p.Base, browser.Phone).Tab()
	enter(hall, p.Command("link", "--municipality", balme), "/comune")
	enter(desk, p.SignIn, "/redazione")
	id := send(hall, "La legna per tutti", film)
	desk.Open("/redazione/revisione/" + id)
	desk.Press("button", "Approva")
	desk.Sees("Approvata")
	citizen := chromium.Person(t, p.Base, browser.Laptop).Tab()
	citizen.OpenUntil("/testimonianze", "La legna per tutti")
	citizen.Press("link", "Balme: La legna per tutti")
	citizen.Until(`document.querySelector("video source").src.endsWith(".mp4")`)
	citizen.Check()

	desk.Open("/redazione/youtube")
	desk.Check()
	desk.Press("link", "Pubblica a mano")
	desk.Check()
	desk.Forgive("status of 422") // nobody is sure
	desk.Write("Collegamento del video", "https://youtu.be/dQw4w9WgXcQ")
	desk.Press("button", "Collega il video")
	desk.Sees("Il portale non può controllare: guarda il video e spunta la casella.")
	desk.Check()
	if got := desk.Value("Collegamento del video"); got != "https://youtu.be/dQw4w9WgXcQ" {
		t.Errorf("the link became %q", got)
	}
	desk.Tick("Ho guardato il video")
	desk.Press("button", "Collega il video")
	desk.Sees("Video collegato.")
	desk.Check()
	citizen.OpenUntil("/testimonianze", "La legna per tutti")
}
