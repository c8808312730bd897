package journey

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/journey/portal"
	"github.com/voci-in-comune/voci/internal/video/videotest"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// aDayLater lets a day pass: with the portal stopped, all that it waits for and
// all that it spent becomes a day older, and so does what the channel counted.
func aDayLater(t *testing.T, p *portal.Portal, tabs ...*browser.Tab) {
	t.Helper()
	for _, tab := range tabs {
		tab.Forgive("ERR_CONNECTION_REFUSED") // a page that is open may ask for something meanwhile
	}
	p.Stop()
	const sql = `
		UPDATE quota_ledger SET day = date(day, '-2 days');
		UPDATE publications SET until = datetime(until, '-1 day'), next_poll_at = datetime(next_poll_at, '-1 day'),
			hidden_at = datetime(hidden_at, '-1 day'), delete_at = datetime(delete_at, '-1 day');
		UPDATE publication_steps SET next_at = datetime(next_at, '-1 day');
		UPDATE river_job SET scheduled_at = datetime(scheduled_at, '-1 day') WHERE state IN ('scheduled', 'retryable');`
	out, err := exec.Command("sqlite3", filepath.Join(p.Data, "voci.db"), sql).CombinedOutput()
	if err != nil {
		t.Fatalf("let a day pass: %v\n%s", err, out)
	}
	p.Run()
	p.Fail(sandbox.Fault{Name: sandbox.FillBuckets})
}

// small is a short film.
func small(t *testing.T) string {
	t.Helper()
	path, err := videotest.Make(t.Context(), t.TempDir(), videotest.Spec{Name: "breve", Seconds: 3, Width: 640, Height: 360})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// approve has a moderator approve a testimony.
func approve(moderator *browser.Tab, id string) {
	moderator.Open("/redazione/revisione/" + id)
	moderator.Press("button", "Approva")
	moderator.Sees("Approvata")
}

// TestADayWithoutUploads: the day's uploads are used up; staff see until when
// each testimony waits, and the next day all are published by themselves.
func TestADayWithoutUploads(t *testing.T) {
	p := portal.Start(t)
	chromium := browser.Start(t)
	hall := chromium.Person(t, p.Base, browser.Phone).Tab()
	desk := chromium.Person(t, p.Base, browser.Laptop).Tab()
	enter(hall, p.Command("link", "--municipality", ribordone), "/comune")
	enter(desk, p.SignIn, "/redazione")
	film := small(t)
	titles := []string{"La legna per tutti", "La scuola resta aperta", "Il forno del paese"}
	var ids []string
	for _, title := range titles {
		ids = append(ids, send(hall, title, film))
	}
	p.Fail(sandbox.Fault{Name: sandbox.EmptyBucket, Bucket: "uploads"})
	for _, id := range ids {
		approve(desk, id)
	}
	desk.OpenUntil("/redazione/youtube", "I caricamenti su YouTube di oggi sono finiti: si riparte da solo")
	desk.Sees("Parte", "dalle 0") // midnight on the Pacific coast: 09:00, or 08:00 while only one of the two has summer time
	desk.Check()
	desk.Resize(browser.Phone)
	desk.Check()
	desk.Resize(browser.Laptop)
	desk.Press("link", "Vedi il piano Ribordone: "+titles[0])
	desk.Sees("Il piano", "Caricamento", "Elaborazione di YouTube", "Playlist", "I caricamenti su YouTube di oggi sono finiti")
	desk.Check()
	desk.Resize(browser.Phone)
	desk.Check()
	hall.Open("/comune")
	hall.Sees("Parte", "dalle 0")
	hall.Check()
	if n := len(p.Channel().Videos); n != 0 {
		t.Fatalf("%d videos are on the channel", n)
	}

	aDayLater(t, p, hall, desk)
	p.Until("all are on the channel, with all that belongs to them", func() bool {
		state := p.Channel()
		done := 0
		for _, v := range state.Videos {
			if v.UploadStatus == "processed" && v.Privacy == "public" && v.Thumbnail != "" && len(v.Playlists) == 3 {
				done++
			}
		}
		return done == len(titles)
	})
	citizen := chromium.Person(t, p.Base, browser.Phone).Tab()
	citizen.OpenUntil("/testimonianze", titles[2])
	citizen.Sees(titles...)
	citizen.Check()
}

// TestWithdrawnWhileProcessing: a town hall takes back a testimony that YouTube is
// still processing. It is private at once, gone after the time of grace, and the
// town hall has a proof.
func TestWithdrawnWhileProcessing(t *testing.T) {
	p := portal.Start(t, "VOCI_WITHDRAWAL_GRACE=24h")
	chromium := browser.Start(t)
	hall := chromium.Person(t, p.Base, browser.Phone).Tab()
	desk := chromium.Person(t, p.Base, browser.Laptop).Tab()
	enter(hall, p.Command("link", "--municipality", ribordone), "/comune")
	enter(desk, p.SignIn, "/redazione")
	p.Fail(sandbox.Fault{Name: sandbox.SlowProcessing, Delay: 3 * 24 * 3600})
	id := send(hall, "La legna per tutti", small(t))
	approve(desk, id)
	p.Until("the video is on the channel", func() bool { return len(p.Channel().Videos) == 1 })
	if v := p.Channel().Videos[0]; v.UploadStatus != "uploaded" || v.Privacy != "public" {
		t.Fatalf("the video is %s, %s", v.UploadStatus, v.Privacy)
	}
	hall.Open("/comune/testimonianze/" + id)
	hall.Unfold("Ritira la testimonianza")
	hall.Write("Perché la ritiri?", "Una persona ha cambiato idea")
	hall.Press("button", "Ritira")
	hall.Sees("Prova del ritiro", "Una persona ha cambiato idea")
	hall.Check()
	p.Until("it is private", func() bool {
		v := p.Channel().Videos
		return len(v) == 1 && v[0].Privacy == "private"
	})
	hall.OpenUntil("/comune/testimonianze/"+id+"/prova", "Privato da:")
	hall.Sees("Sarà cancellato:")
	hall.Check()
	citizen := chromium.Person(t, p.Base, browser.Phone).Tab()
	citizen.Open("/testimonianze")
	if text := citizen.Text(); strings.Contains(text, "La legna per tutti") {
		t.Error("citizens still see it in the list")
	}

	aDayLater(t, p, hall, desk, citizen)
	aDayLater(t, p)
	p.Until("it is gone", func() bool { return len(p.Channel().Videos) == 0 })
	hall.OpenUntil("/comune/testimonianze/"+id+"/prova", "Non c’è più da:")
	hall.Check()
}
