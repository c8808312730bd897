package journey

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/journey/portal"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// The numbers, among the videos of 2020, of those whose words name no
// municipality, one on each page of the list, and of one that is in no list of
// YouTube's.
const (
	nameless     = 3
	nameless2    = 53
	outOfTheList = 7
)

// of2020 are sixty videos as a channel has them that was there before the portal,
// the newest first.
func of2020() []sandbox.SeedVideo {
	places := []string{"Balme", "Ribordone", "Ceres", "Usseglio", "Groscavallo"}
	var videos []sandbox.SeedVideo
	for i := range 60 {
		v := sandbox.SeedVideo{
			Title: fmt.Sprintf("%s, voce %02d", places[i%len(places)], i), Description: "Che cosa si fa nel paese.", Tags: []string{"solidarietà", "2020"},
			PublishedAt: time.Date(2020, 6, 1, 10, 0, 0, 0, time.UTC).AddDate(0, 0, -i), Duration: float64(60 + i), Views: int64(1000 + i),
		}
		switch i {
		case nameless, nameless2:
			v.Title, v.Tags = fmt.Sprintf("La voce della sindaca, %02d", i), nil
		case outOfTheList:
			v.Privacy = "unlisted"
		}
		videos = append(videos, v)
	}
	return videos
}

// tick has a video imported.
func tick(tab *browser.Tab, id string) {
	box := `document.querySelector('[name="adopt_` + id + `"]').checked`
	if !browser.Eval[bool](tab, box) {
		tab.PressOn(`[name="adopt_` + id + `"] + label`)
		tab.Until(box)
	}
}

// match chooses the municipality and the theme of a video that names neither.
func match(tab *browser.Tab, id, place string) {
	tab.PressOn(`[name="municipality_` + id + `"]`)
	tab.Keys(place)
	tab.PressOn(`[name="themes_` + id + `"][value="volontariato"] + label`)
	tick(tab, id)
}

// TestAdoption: a channel that had sixty videos before the portal was. Staff match
// them with their municipalities, on a laptop and on a telephone; nothing of them
// changes on the channel; citizens find them, their views are counted, and their
// town halls may change them and take them back.
func TestAdoption(t *testing.T) {
	p := portal.Start(t)
	videos := of2020()
	ids := p.Seed(videos...)
	chromium := browser.Start(t)
	desk := chromium.Person(t, p.Base, browser.Laptop).Tab()
	phone := chromium.Person(t, p.Base, browser.Phone).Tab()
	enter(desk, p.SignIn, "/redazione")
	enter(phone, p.Command("link", "--staff", "redattrice@example.org", "--role", "moderator"), "/redazione")
	phone.Open("/redazione/youtube/adotta")
	phone.Sees(videos[0].Title, "Su YouTube non cambia niente")
	phone.Check()

	desk.Open("/redazione/youtube")
	desk.Press("link", "Porta nel portale i video che il canale ha già")
	desk.At("/redazione/youtube/adotta")
	desk.Sees(videos[0].Title, videos[49].Title, "visualizzazioni", "Non in elenco", "Altri video, più vecchi")
	desk.SeesNot(videos[50].Title)
	desk.Check()
	if n := browser.Eval[int](desk, `document.querySelectorAll("[name^=adopt_]:checked").length`); n != 49 {
		t.Errorf("%d of 50 videos are proposed, want all but the one that names nobody", n)
	}
	desk.Forgive("status of 422") // a video without a municipality
	tick(desk, ids[nameless])
	desk.PressOn("#adopt-now")
	desk.Sees(videos[nameless].Title + ": Scegli il Comune dall’elenco.")
	desk.Check()
	match(desk, ids[nameless], "Balme")
	desk.PressOn("#adopt-now")
	desk.Sees("50 video importati.", videos[50].Title)
	desk.Check()

	phone.Open("/redazione/youtube/adotta")
	phone.SeesNot(videos[0].Title)
	match(phone, ids[nameless2], "Ceres")
	phone.PressOn("#adopt-now")
	phone.Sees("10 video importati.", "Il portale conosce già tutti i video del canale.")
	phone.Check()

	nothingChanges(t, p, ids, videos)
	viewsCount(t, p)
	desk.OpenUntil("/redazione/cruscotto", "59") // without the one in no list
	desk.Check()

	citizen := chromium.Person(t, p.Base, browser.Phone).Tab()
	citizen.Open("/comuni/ceres")
	citizen.Check()
	citizen.Open("/testimonianze?q=" + "voce+02")
	citizen.Sees(videos[2].Title)
	citizen.Check()
	citizen.Press("link", "Ceres: "+videos[2].Title)
	citizen.Sees("È un video del canale di prova: qui non si può guardare.", "1:02", "30 maggio 2020")
	citizen.Check()
	citizen.Resize(browser.Laptop)
	citizen.Check()

	hall := chromium.Person(t, p.Base, browser.Phone).Tab()
	enter(hall, p.Command("link", "--municipality", ribordone), "/comune")
	hall.Sees(videos[1].Title, "Già su YouTube", "Aggiunta al portale dalla redazione")
	hall.Check()
	hall.Press("link", videos[1].Title)
	hall.Sees("Solo su YouTube: il portale non ha il file")
	hall.Check()
	hall.PressOn("#amend")
	hall.At("/comune/testimonianze/2/modifica")
	hall.Check()
	hall.Write("Titolo", "La legna per tutti")
	hall.PressOn("#amend-save")
	p.Until("the channel has the new title", func() bool {
		return slices.ContainsFunc(p.Channel().Videos, func(v sandbox.VideoState) bool { return v.ID == ids[1] && v.Title == "La legna per tutti" })
	})
	hall.Open("/comune")
	hall.Press("link", "La legna per tutti")
	hall.Unfold("Ritira la testimonianza")
	hall.Write("Perché la ritiri?", "Non vale più")
	hall.Press("button", "Ritira")
	hall.Sees("Prova del ritiro", "Non vale più")
	hall.Check()
	p.Until("it is gone", func() bool {
		return !slices.ContainsFunc(p.Channel().Videos, func(v sandbox.VideoState) bool { return v.ID == ids[1] })
	})
}

// nothingChanges waits until the adopted videos are in their playlists, and
// checks that this is all that was done to them.
func nothingChanges(t *testing.T, p *portal.Portal, ids []string, videos []sandbox.SeedVideo) {
	t.Helper()
	p.Until("each is in the playlists of its theme and its zone", func() bool {
		return !slices.ContainsFunc(p.Channel().Videos, func(v sandbox.VideoState) bool { return v.Privacy == "public" && len(v.Playlists) != 2 })
	})
	state := p.Channel()
	if len(state.Videos) != len(ids) {
		t.Errorf("the channel has %d videos, want %d", len(state.Videos), len(ids))
	}
	for _, v := range state.Videos {
		i := slices.Index(ids, v.ID)
		if i < 0 || v.Title != videos[i].Title || v.Description != videos[i].Description || strings.Join(v.Tags, ",") != strings.Join(videos[i].Tags, ",") || v.Thumbnail != "" {
			t.Errorf("changed on the channel: %+v", v)
		}
		if i == outOfTheList && len(v.Playlists) != 0 {
			t.Error("the one that is in no list came into a playlist")
		}
	}
	for _, method := range []string{"videos.insert", "videos.update", "thumbnails.set", "captions.insert"} {
		if n := state.Calls[method]; n != 0 {
			t.Errorf("%s was called %d times", method, n)
		}
	}
}

// viewsCount has the views brought back, and checks the totals against the
// curves: what the videos had before is in them, but was not gained on a day.
func viewsCount(t *testing.T, p *portal.Portal) {
	t.Helper()
	p.Command("sync")
	read := func() string {
		out, err := exec.Command("sqlite3", "-readonly", filepath.Join(p.Data, "voci.db"), `SELECT t.testimonies,
			t.views = (SELECT sum(v.views) FROM daily_views v JOIN publications p ON p.id = v.publication_id WHERE v.day = t.day AND p.wanted_privacy = 'public'),
			t.views >= 59 * 1000, t.views - t.brought = t.gained
			FROM daily_totals t WHERE t.dimension = 'all' ORDER BY t.day DESC LIMIT 1`).CombinedOutput()
		if err != nil {
			t.Fatalf("read the totals: %v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	p.Until("the totals have the views of all that are public", func() bool { return read() == "59|1|1|1" })
}
