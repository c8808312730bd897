package journey

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/journey/portal"
	"github.com/voci-in-comune/voci/internal/video/videotest"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// change writes to a portal's database while it is stopped.
func change(t *testing.T, p *portal.Portal, sql string) {
	t.Helper()
	p.Stop()
	out, err := exec.Command("sqlite3", filepath.Join(p.Data, "voci.db"), sql).CombinedOutput()
	if err != nil {
		t.Fatalf("change the database: %v\n%s", err, out)
	}
	p.Run()
}

// compared has portal and channel compared, and opens the page once it says so.
func compared(tab *browser.Tab, says string) {
	tab.Open("/redazione/youtube/differenze")
	tab.Press("button", "Controlla adesso")
	tab.Sees("Il confronto è partito.")
	tab.OpenUntil("/redazione/youtube/differenze", says)
}

// TestReconciliation: somebody changes the channel behind the portal's back in
// every way that there is. The portal finds each of them, staff settle them, and
// citizens are told the truth meanwhile.
func TestReconciliation(t *testing.T) {
	p := portal.Start(t)
	chromium := browser.Start(t)
	desk := chromium.Person(t, p.Base, browser.Laptop).Tab()
	hall := chromium.Person(t, p.Base, browser.Phone).Tab()
	enter(desk, p.SignIn, "/redazione")
	enter(hall, p.Command("link", "--municipality", ribordone), "/comune")
	film := brief(t)
	out := func(title string) {
		id := send(hall, title, film)
		desk.Open("/redazione/revisione/" + id)
		desk.Press("button", "Approva")
		desk.Sees("Approvata")
	}
	titles := []string{"La legna", "Il forno", "La scuola", "La spesa", "Il mercato", "La neve", "La strada", "Il bosco"}
	for _, title := range titles {
		out(title)
	}
	p.Until("all is on the channel as it was asked", func() bool {
		done := 0
		for _, v := range p.Channel().Videos {
			if v.UploadStatus == "processed" && v.Privacy == "public" && v.Thumbnail != "" && len(v.Playlists) == 3 {
				done++
			}
		}
		return done == len(titles)
	})
	compared(desk, "8 video confrontati.")
	desk.Sees("Sul canale è tutto come deve essere.")
	desk.Check()

	videos := p.Channel().Videos
	told, hidden, claimed, deleted := videos[0], videos[1], videos[2], videos[3]
	unlisted, translated, trimmed, muted := videos[4], videos[5], videos[6], videos[7]
	title := "Un titolo scritto in Studio"
	studio := func(v sandbox.VideoState, e sandbox.StudioEdit) {
		p.Fail(sandbox.Fault{Name: sandbox.StudioChange, IDs: []string{v.ID}, Edit: &e})
	}
	studio(told, sandbox.StudioEdit{Title: &title})
	studio(hidden, sandbox.StudioEdit{Privacy: "private"})
	p.Fail(sandbox.Fault{Name: sandbox.Claim, IDs: []string{claimed.ID}})
	studio(deleted, sandbox.StudioEdit{Delete: true})
	studio(unlisted, sandbox.StudioEdit{Unlist: true})
	studio(translated, sandbox.StudioEdit{Localizations: map[string]sandbox.LocalizedState{"en": {Title: "Written in Studio", Description: "By somebody."}}})
	studio(trimmed, sandbox.StudioEdit{Trim: 4})

	// One that YouTube cannot make a video of, and one that it never ends with.
	for _, fault := range []sandbox.Fault{{Name: sandbox.FailProcessing}, {Name: sandbox.SlowProcessing, Delay: 3 * 24 * 3600}} {
		p.Fail(fault)
		before := len(p.Channel().Videos)
		out("Senza fine, o senza inizio")
		p.Until("its video is on the channel", func() bool { return len(p.Channel().Videos) > before })
	}
	desk.OpenUntil("/redazione/youtube", "YouTube non è riuscito a convertire il video.")
	desk.Sees("YouTube lo sta elaborando.")
	compared(desk, "10 video confrontati.")
	desk.SeesNot("Il video non è più sul canale") // one look may err
	// A day later. The captions are ours to have, and somebody took them off.
	change(t, p, `
		UPDATE publications SET missed_at = datetime(missed_at, '-25 hours') WHERE missed_at IS NOT NULL;
		UPDATE publications SET uploaded_at = datetime(uploaded_at, '-25 hours') WHERE state = 'processing';
		INSERT INTO captions (testimony_id, language, filename, vtt, sha256, created_at, created_by)
			SELECT testimony_id, 'it', 'a.vtt', 'WEBVTT', 'abc', datetime('now'), 'test' FROM publications WHERE youtube_id = '`+muted.ID+`';
		INSERT INTO publication_steps (publication_id, kind, key, state, wanted, had, remote_id, since)
			SELECT id, 'captions', 'it', 'done', 'abc', 'abc', 'gone', datetime('now') FROM publications WHERE youtube_id = '`+muted.ID+`';`)
	compared(desk, "Il video non è più sul canale")
	desk.OpenUntil("/redazione/youtube/differenze", "I sottotitoli mancano. Lingua: Italiano") // the last that is compared
	desk.Sees(
		"Chi può vedere il video non è chi deve", "Su YouTube qualcuno rivendica diritti sul video", "YouTube non è riuscito a elaborare il video",
		"YouTube elabora il video da troppo tempo", "Il video su YouTube non dura quanto l’originale", "I testi sono stati cambiati su YouTube", title,
		"Le traduzioni sono state cambiate su YouTube", "Written in Studio", "Il video manca dalla playlist", "I sottotitoli mancano. Lingua: Italiano",
	)
	desk.Check()
	look(t, desk, "differences")
	desk.Open("/redazione")
	desk.Sees("cose sul canale YouTube non sono come dovrebbero.")
	desk.Check()

	citizen := chromium.Person(t, p.Base, browser.Phone).Tab()
	for _, v := range []sandbox.VideoState{hidden, deleted, claimed} {
		at := v.Description[strings.Index(v.Description, "/testimonianze/"):]
		at, _, _ = strings.Cut(at, "\n")
		citizen.Open(at)
		citizen.Sees("Su YouTube questo video al momento non si può vedere. Lo puoi guardare qui.")
		citizen.Until(`document.querySelector("video source").src.endsWith(".mp4")`)
		citizen.Check()
	}

	settle := func(what, remedy, says string) {
		t.Helper()
		desk.Open("/redazione/youtube/differenze")
		left := browser.Eval[int](desk, `document.querySelectorAll("article").length`) - 1
		browser.Eval[bool](desk, `(() => {
			const found = [...document.querySelectorAll("article")].find((a) => a.innerText.includes("`+what+`"));
			found.querySelectorAll("details").forEach((d) => { d.open = true; });
			const button = [...found.querySelectorAll("button")].find((b) => b.innerText.startsWith("`+remedy+`"));
			button.id = "chosen";
			return true;
		})()`)
		desk.PressOn("#chosen")
		desk.Until(fmt.Sprintf(`document.querySelectorAll("article").length === %d && document.readyState === "complete"`, left))
		desk.Sees(says)
	}
	settle("I testi sono stati cambiati", "Rimetti i testi del portale", "Rimesso come sul portale.")
	settle("Le traduzioni sono state cambiate", "Rimetti le traduzioni del portale", "Rimesso come sul portale.")
	settle("Chi può vedere il video", "Rimetti la visibilità del portale", "Rimesso come sul portale.")
	settle("Il video manca dalla playlist", "Rimetti il video nella playlist", "Rimesso come sul portale.")
	settle("Il video non è più sul canale", "Invia di nuovo l’originale", "L’originale parte di nuovo.")
	settle("non dura quanto l’originale", "Lascia così", "Lasciato così.")
	p.Until("the channel is as it was asked to be", func() bool {
		again, listed := 0, false
		for _, v := range p.Channel().Videos {
			switch {
			case v.ID == told.ID && v.Title != told.Title,
				v.ID == hidden.ID && v.Privacy != "public",
				v.ID == translated.ID && len(v.Localizations) != len(translated.Localizations):
				return false
			case v.ID == unlisted.ID:
				listed = len(v.Playlists) > 0
			case v.Title == deleted.Title && v.UploadStatus == "processed" && v.Privacy == "public":
				again++
			}
		}
		return listed && again == 1
	})
	desk.Open("/redazione/youtube/differenze")
	desk.Sees("Già risolte", "L’originale parte di nuovo.", "amministrazione@localhost")
	desk.Check()
	desk.Resize(browser.Phone)
	desk.Check()
}

// look checks a page at the widths of a laptop and of telephones, and keeps
// pictures of it if a folder was named.
func look(t *testing.T, tab *browser.Tab, name string) {
	t.Helper()
	g := &gallery{t: t, dir: os.Getenv("VOCI_SCREENSHOTS")}
	g.look(tab, name)
}

// brief is a film of six seconds, long enough to be cut.
func brief(t *testing.T) string {
	t.Helper()
	path, err := videotest.Make(t.Context(), t.TempDir(), videotest.Spec{Name: "breve", Seconds: 6, Width: 640, Height: 360})
	if err != nil {
		t.Fatal(err)
	}
	return path
}
