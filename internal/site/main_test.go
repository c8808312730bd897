package site_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/dashboard"
	"github.com/voci-in-comune/voci/internal/insight"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/secret"
	"github.com/voci-in-comune/voci/internal/site"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/views"
	"github.com/voci-in-comune/voci/internal/youtube"
	"github.com/voci-in-comune/voci/migrations"
	"github.com/voci-in-comune/voci/static"
	"github.com/voci-in-comune/voci/web"
)

const base = "https://voci.example.it"

// ISTAT codes.
const (
	balme    = "001019"
	pinerolo = "001191"
	pecco    = "001182" // merged into Val di Chy on 2019-01-01
)

// noon is when tests begin: 12:00 in Rome.
var noon = time.Date(2026, 11, 24, 11, 0, 0, 0, time.UTC)

// world is a portal with the site as its only face, before it the cache and
// the sessions that citizens pass, and a channel that says what the test wants.
type world struct {
	t           *testing.T
	now         time.Time
	setting     territory.Setting
	db          *store.Store
	registry    *territory.Registry
	testimonies *testimony.Store
	views       *views.Sync
	cache       *page.Cache
	renditions  string
	counts      map[string]youtube.Counts
	portal      http.Handler
}

// option changes the portal before it opens.
type option func(*world, *site.Rooms)

func live(_ *world, r *site.Rooms)    { r.YouTube = "live" }
func current(w *world, _ *site.Rooms) { w.setting = territory.Current }

func open(t *testing.T, options ...option) *world {
	t.Helper()
	w := &world{t: t, now: noon, setting: territory.Founding, renditions: t.TempDir(), counts: map[string]youtube.Counts{}}
	rooms := site.Rooms{YouTube: "sandbox", BaseURL: base, Renditions: w.renditions}
	for _, change := range options {
		change(w, &rooms)
	}
	quiet := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	clock := func() time.Time { return w.now }
	w.openStore(quiet, clock)
	box, err := secret.NewBox(bytes.Repeat([]byte{7}, secret.KeySize))
	w.must(err)
	sessions := account.NewSessions(w.db, account.NewStore(w.db, box, w.registry, clock), true)
	rooms.Pages, err = page.New(page.Options{
		FS: web.Files, Static: static.Files, BaseURL: base, SessionName: account.CookieName(true), Dev: true, Log: quiet, Now: clock,
		Sandbox: rooms.YouTube == "sandbox", Links: page.Links{Contact: "voci@example.it"},
		Channel: func(context.Context) string {
			if rooms.YouTube != "live" {
				return ""
			}
			return onYouTube
		},
	})
	w.must(err)
	w.cache = rooms.Pages.NewCache(64 << 20)
	rooms.Cache, rooms.Registry, rooms.Testimonies, rooms.Views = w.cache, w.registry, w.testimonies, w.views
	rooms.Publisher = publishing.New(publishing.Rooms{DB: w.db, Clock: clock, Log: quiet})
	rooms.Dashboard = dashboard.New(insight.New(w.db, w.registry, clock), w.registry, rooms.Pages, time.Hour, clock)
	e, err := rooms.Pages.NewEcho()
	w.must(err)
	site.New(rooms).Routes(e)
	w.portal = rooms.Pages.Front(w.cache, sessions.Wrap(e, rooms.Pages.Refuse))
	return w
}

func (w *world) openStore(quiet *slog.Logger, clock func() time.Time) {
	w.t.Helper()
	var err error
	w.registry, err = territory.Load(w.setting)
	w.must(err)
	w.db, err = store.Open(w.t.Context(), filepath.Join(w.t.TempDir(), "voci.db"))
	w.must(err)
	w.t.Cleanup(func() { w.must(w.db.Close()) })
	w.must(w.db.Migrate(w.t.Context(), migrations.FS, quiet))
	w.must(w.registry.Sync(w.t.Context(), w.db))
	dropped := func() { w.cache.Drop() }
	w.testimonies = testimony.NewStore(w.db, testimony.Hooks{
		VideoReceived: func(*gorm.DB, *testimony.Video) error { return nil },
		Approved:      func(*gorm.DB, *testimony.Testimony) error { return nil },
		Withdrawn:     func(tx *gorm.DB, said *testimony.Testimony) error { return w.views.Forget(tx, said.ID) },
		Returned:      func(*gorm.DB, *testimony.Testimony) error { return nil },
		Amended: func(tx *gorm.DB, said *testimony.Testimony, write func() error) error {
			return w.views.Recount(tx, said.ID, write)
		},
		Shown: dropped,
	}, clock)
	w.views = views.New(w.db, func(context.Context) (views.Statistics, error) { return w, nil }, w, clock, dropped, quiet)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// Statistics implements views.Statistics.
func (w *world) Statistics(_ context.Context, ids []string) (map[string]youtube.Counts, error) {
	answer := map[string]youtube.Counts{}
	for _, id := range ids {
		if c, ok := w.counts[id]; ok {
			answer[id] = c
		}
	}
	return answer, nil
}

// Spend implements views.Ledger.
func (w *world) Spend(context.Context, string, int) error { return nil }

func form(title string, themes ...string) testimony.Form {
	if themes == nil {
		themes = []string{"solidarieta"}
	}
	return testimony.Form{
		Title: title, Description: "Prima parte.\n\nSeconda parte.", Language: "it", SpeakerName: "Anna Bò", SpeakerRole: "Sindaca",
		RecordedOn: "2026-11-20", Themes: themes, Tags: "montagna, neve", Visibility: "public", Release: []string{"people", "publication", "youtube"},
	}
}

// The bytes of posters and renditions in these tests.
const (
	picture = "this stands for a picture"
	video   = "0123456789 this stands for a video"
)

// youtubeID is what a testimony's video is called on the channel.
func youtubeID(id int64) string { return fmt.Sprintf("video-%05d", id) }

// approve takes a testimony to the point where a moderator has let it go.
func (w *world) approve(municipality string, f testimony.Form, sample bool) *testimony.Testimony {
	w.t.Helper()
	ctx := w.t.Context()
	made, err := w.testimonies.Create(ctx, "tester", municipality, f, sample)
	w.must(err)
	name := fmt.Sprint("upload-", made.ID)
	w.must(w.testimonies.ReceiveVideo(ctx, testimony.Video{TestimonyID: made.ID, UploadID: name, Original: name, Filename: "a.mp4", Bytes: 5}))
	got, err := w.testimonies.Get(ctx, testimony.Anywhere, made.ID)
	w.must(err)
	v := got.Video
	v.State, v.Width, v.Height, v.DurationMS = testimony.VideoReady, 1280, 720, 125_000
	v.Poster, v.Rendition = name+".jpg", name+".mp4"
	w.must(os.WriteFile(filepath.Join(w.renditions, v.Poster), []byte(picture), 0o600))
	w.must(os.WriteFile(filepath.Join(w.renditions, v.Rendition), []byte(video), 0o600))
	w.must(w.testimonies.VideoSeen(ctx, v))
	submitted, err := w.testimonies.Submit(ctx, "tester", municipality, made.ID)
	w.must(err)
	approved, err := w.testimonies.Approve(ctx, "tester", made.ID, submitted.Version)
	w.must(err)
	return approved
}

// publish takes a testimony all the way to the channel.
func (w *world) publish(municipality string, f testimony.Form) *testimony.Testimony {
	w.t.Helper()
	return w.out(w.approve(municipality, f, false))
}

// out says that the channel shows a testimony.
func (w *world) out(said *testimony.Testimony) *testimony.Testimony {
	w.t.Helper()
	w.must(w.db.Write(w.t.Context(), func(tx *gorm.DB) error {
		id := youtubeID(said.ID)
		pub := publishing.Publication{
			TestimonyID: said.ID, VideoID: said.Video.ID, State: publishing.Public, Since: w.now.UTC(), Slug: id, YoutubeID: &id,
			WantedPrivacy: youtube.Privacy(said.Visibility),
		}
		if err := tx.Create(&pub).Error; err != nil {
			return err
		}
		return w.views.Recount(tx, said.ID, func() error { return w.testimonies.MarkPublished(tx, said.ID) })
	}))
	w.cache.Drop()
	got, err := w.testimonies.Get(w.t.Context(), testimony.Anywhere, said.ID)
	w.must(err)
	return got
}

// watched has the channel say these views and brings them back.
func (w *world) watched(said map[int64]int64) {
	w.t.Helper()
	for id, n := range said {
		w.counts[youtubeID(id)] = youtube.Counts{Views: &n}
	}
	_, err := w.views.Run(w.t.Context())
	w.must(err)
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	w.must(w.db.Write(w.t.Context(), func(tx *gorm.DB) error { return tx.Exec(sql, args...).Error }))
}

func address(said *testimony.Testimony) string {
	return fmt.Sprintf("/testimonianze/%d-%s", said.ID, said.Slug())
}

func (w *world) get(target string, header ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer := httptest.NewRecorder()
	w.portal.ServeHTTP(answer, r)
	return answer
}

// page gets a page that must be there.
func (w *world) page(target string) *html.Node {
	w.t.Helper()
	answer := w.get(target)
	if answer.Code != http.StatusOK {
		w.t.Fatalf("%s: %d %s", target, answer.Code, text(parse(w.t, answer)))
	}
	return parse(w.t, answer)
}

func parse(t *testing.T, answer *httptest.ResponseRecorder) *html.Node {
	t.Helper()
	n, err := html.Parse(bytes.NewReader(answer.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// find are the elements of a tag that have the attributes, given as names and
// values; the value "*" is any.
func find(n *html.Node, tag string, attributes ...string) []*html.Node {
	var found []*html.Node
	for d := range n.Descendants() {
		if d.Type != html.ElementNode || (tag != "*" && d.Data != tag) {
			continue
		}
		ok := true
		for i := 0; i+1 < len(attributes); i += 2 {
			v, has := attr(d, attributes[i])
			ok = ok && has && (attributes[i+1] == "*" || v == attributes[i+1])
		}
		if ok {
			found = append(found, d)
		}
	}
	return found
}

func one(t *testing.T, n *html.Node, tag string, attributes ...string) *html.Node {
	t.Helper()
	found := find(n, tag, attributes...)
	if len(found) != 1 {
		t.Fatalf("%d elements <%s %v>, want 1", len(found), tag, attributes)
	}
	return found[0]
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "script" {
			b.WriteString(d.Data)
		}
	}
	ascii := func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' } // a no-break space is part of a number
	return strings.Join(strings.FieldsFunc(b.String(), ascii), " ")
}

func hrefs(n *html.Node, tag string) []string {
	var list []string
	for _, a := range find(n, tag, "href", "*") {
		href, _ := attr(a, "href")
		list = append(list, href)
	}
	return list
}
