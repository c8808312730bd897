package site_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/site"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

func off(_ *world, r *site.Rooms) { r.YouTube = "off" }

// adopted is a testimony whose video was on the channel before the portal was, so
// that its file is not here.
func (w *world) adopted(title string) *testimony.Testimony {
	w.t.Helper()
	var said *testimony.Testimony
	w.must(w.db.Write(w.t.Context(), func(tx *gorm.DB) (err error) {
		said, err = w.testimonies.Adopt(tx, "tester", testimony.Found{
			MunicipalityCode: balme, Themes: []string{"solidarieta"}, Origin: "youtube:dQw4w9WgXcQ", Title: title, Description: "Com’era.",
			Visibility: testimony.Public, PublishedAt: time.Date(2020, 5, 2, 10, 0, 0, 0, time.UTC), Duration: 90 * time.Second,
		})
		if err != nil {
			return err
		}
		id := "dQw4w9WgXcQ"
		pub := publishing.Publication{
			TestimonyID: said.ID, VideoID: said.Video.ID, State: publishing.Public, Since: w.now.UTC(), Slug: id, YoutubeID: &id,
			WantedPrivacy: youtube.Public, SeenPrivacy: youtube.Public, Origin: publishing.FromChannel, Verified: true,
		}
		if err := tx.Create(&pub).Error; err != nil {
			return err
		}
		return w.views.Include(tx, []int64{said.ID})
	}))
	w.cache.Drop()
	return said
}

// hasMark tells whether the portal's own drawing stands somewhere.
func hasMark(n *html.Node) bool { return len(find(n, "svg", "class", "mark")) > 0 }

// TestOneWithoutAFileHereIsShownByYouTube, wherever YouTube is real, also if
// nothing is published there any more.
func TestOneWithoutAFileHereIsShownByYouTube(t *testing.T) {
	for name, c := range map[string]option{"live": live, "off": off} {
		t.Run(name, func(t *testing.T) {
			w := open(t, c)
			said := w.adopted("La neve del 2020")
			d := w.page(address(said))
			nothingFromElsewhere(t, d)
			box := one(t, d, "div", "data-player", "https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ")
			link := one(t, box, "a", "href", "https://www.youtube.com/watch?v=dQw4w9WgXcQ")
			if !hasMark(link) || len(find(d, "video")) != 0 || len(find(box, "img")) != 0 {
				t.Error("something other than our drawing stands for the poster")
			}
			if len(find(d, "meta", "property", "og:image")) != 0 {
				t.Error("a picture that is not here is shared")
			}
			var data map[string]any
			w.must(json.Unmarshal([]byte(one(t, d, "script", "type", "application/ld+json").FirstChild.Data), &data))
			for _, none := range []string{"thumbnailUrl", "contentUrl", "author"} {
				if v, has := data[none]; has {
					t.Errorf("search engines are told of %s: %v", none, v)
				}
			}
			if data["uploadDate"] != "2020-05-02T10:00:00Z" || data["embedUrl"] != "https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ" || data["duration"] != "PT1M30S" {
				t.Errorf("search engines are told: %v", data)
			}
			facts := text(one(t, d, "dl"))
			if strings.Contains(facts, "Chi parla") || !strings.Contains(facts, "2 maggio 2020") || !strings.Contains(facts, "1:30") {
				t.Errorf("in brief: %s", facts)
			}
		})
	}
}

// TestOneWithoutAFileHereIsFoundLikeTheOthers: in lists, in searches, in the open
// data.
func TestOneWithoutAFileHereIsFoundLikeTheOthers(t *testing.T) {
	w := open(t)
	said := w.adopted("La neve del 2020")
	for _, path := range []string{"/", "/testimonianze", "/testimonianze?q=neve", "/testimonianze?tema=solidarieta", "/comuni/balme"} {
		d := w.page(path)
		if !slices.Contains(hrefs(d, "a"), address(said)) {
			t.Errorf("%s does not lead to it", path)
		}
		for _, card := range find(d, "article", "class", "it-card voce") {
			if !hasMark(card) || len(find(card, "img")) != 0 {
				t.Errorf("%s: the card has a picture that is not here", path)
			}
		}
	}
	var rows []map[string]any
	w.must(json.Unmarshal(w.get("/dati/testimonianze.json").Body.Bytes(), &rows))
	if len(rows) != 1 || rows[0]["youtube_id"] != "dQw4w9WgXcQ" {
		t.Errorf("open data: %v", rows)
	}
	player := one(t, w.page(address(said)), "div", "class", "player player-none")
	if got := text(player); got != "È un video del canale di prova: qui non si può guardare." || !hasMark(player) {
		t.Errorf("of the sandbox: %q", got)
	}
	for _, end := range []string{".jpg", ".mp4"} {
		if answer := w.get("/testimonianze/1/youtube:dQw4w9WgXcQ" + end); answer.Code != http.StatusNotFound {
			t.Errorf("%s: %d", end, answer.Code)
		}
	}
}
