package newsroom_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/net/html"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/dashboard"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/insight"
	"github.com/voci-in-comune/voci/internal/mail"
	"github.com/voci-in-comune/voci/internal/newsroom"
	"github.com/voci-in-comune/voci/internal/notices"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/pressdesk"
	"github.com/voci-in-comune/voci/internal/presskit"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/register"
	"github.com/voci-in-comune/voci/internal/secret"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video"
	"github.com/voci-in-comune/voci/internal/wording"
	"github.com/voci-in-comune/voci/internal/youtube"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
	"github.com/voci-in-comune/voci/migrations"
	"github.com/voci-in-comune/voci/static"
	"github.com/voci-in-comune/voci/web"
)

const (
	balme   = "001019"
	redact  = "redattrice@cittametropolitana.example"
	manager = "responsabile@cittametropolitana.example"
)

// noon is when tests begin: 12:00 in Rome.
var noon = time.Date(2026, 11, 24, 11, 0, 0, 0, time.UTC)

// world is a portal with the newsroom as its only face, served over loopback,
// and a YouTube of its own beside it.
type world struct {
	t           *testing.T
	now         time.Time
	db          *store.Store
	accounts    *account.Store
	testimonies *testimony.Store
	publisher   *publishing.Publisher
	channels    *publishing.Channels
	outbox      *mail.Outbox
	youtube     *sandbox.Sandbox
	google      *httptest.Server
	renditions  string
	vault       string
	planned     []int64 // publications handed to the queue of jobs
	base        string
	room        *newsroom.Newsroom
	portal      http.Handler
}

// option changes the portal before it opens.
type option func(*newsroom.Rooms)

func off(r *newsroom.Rooms) { r.Channels, r.OAuth, r.YouTube = nil, nil, "off" }

func live(r *newsroom.Rooms) { r.YouTube = "live" }

func open(t *testing.T, options ...option) *world {
	t.Helper()
	w := &world{t: t, now: noon, renditions: t.TempDir(), vault: t.TempDir()}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	quiet := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	clock := func() time.Time { return w.now }
	registry, err := territory.Load(territory.Founding)
	must(err)
	w.db, err = store.Open(t.Context(), filepath.Join(t.TempDir(), "voci.db"))
	must(err)
	t.Cleanup(func() { must(w.db.Close()) })
	must(w.db.Migrate(t.Context(), migrations.FS, quiet))
	must(registry.Sync(t.Context(), w.db))
	box, err := secret.NewBox(bytes.Repeat([]byte{7}, secret.KeySize))
	must(err)

	server := httptest.NewUnstartedServer(nil)
	w.base = "http://" + server.Listener.Addr().String()
	settings := w.serveYouTube()

	w.accounts = account.NewStore(w.db, box, registry, clock)
	w.testimonies = testimony.NewStore(w.db, testimony.Hooks{
		VideoReceived: func(*gorm.DB, *testimony.Video) error { return nil },
		Approved:      func(tx *gorm.DB, said *testimony.Testimony) error { return w.publisher.Plan(tx, said) },
		Withdrawn:     func(tx *gorm.DB, said *testimony.Testimony) error { return w.publisher.Remove(tx, said) },
		Returned:      func(tx *gorm.DB, said *testimony.Testimony) error { return w.publisher.Return(tx, said) },
		Amended: func(tx *gorm.DB, said *testimony.Testimony, write func() error) error {
			if err := write(); err != nil {
				return err
			}
			return w.publisher.Replan(tx, said)
		},
		Shown: func() {},
	}, clock)
	enqueue := func(_ *gorm.DB, id int64, _ publishing.Lane) error {
		w.planned = append(w.planned, id)
		return nil
	}
	oauth := youtube.NewOAuth(settings, nil)
	ledger := publishing.NewLedger(w.db, publishing.Limits{Uploads: 100, Statistics: 10_000, Units: 10_000}, clock, quiet)
	w.channels = publishing.NewChannels(w.db, box, oauth, settings, ledger, publishing.ChannelHooks{
		Resume:   func(*gorm.DB) error { return nil },
		Troubled: func(*gorm.DB, string, fault.Message) error { return nil },
	}, clock)
	w.publisher = publishing.New(publishing.Rooms{
		DB: w.db, Testimonies: w.testimonies, Registry: registry, Channels: w.channels, Ledger: ledger, BaseURL: w.base,
		Enqueue: enqueue, Wake: func(*gorm.DB) error { return nil }, Gone: func(*gorm.DB, int64) error { return nil },
		Rehearsing: func(*gorm.DB, int64) error { return nil }, Adopted: func(*gorm.DB, []int64) error { return nil }, Shown: func() {}, Clock: clock, Log: quiet,
	})
	w.outbox, err = mail.NewOutbox(w.db, "", "voci@cittametropolitana.example", nil, clock)
	must(err)
	sessions := account.NewSessions(w.db, w.accounts, false)
	pages, err := page.New(page.Options{
		FS: web.Files, Static: static.Files, BaseURL: w.base, SessionName: account.CookieName(false), Viewer: viewer, Flash: sessions.Flash,
		Dev: true, Log: quiet, Now: clock,
	})
	must(err)
	asks := insight.New(w.db, registry, clock)
	desk := wording.New(wording.Rooms{
		Pages: pages, Registry: registry, Sessions: sessions, Testimonies: w.testimonies, Renditions: w.renditions, Clock: clock, Log: quiet,
		Inspector: func() (*video.Inspector, error) {
			tools, err := video.Find()
			return video.New(tools, video.Limits{}), err
		},
	})
	told := notices.New(notices.Rooms{
		DB: w.db, Testimonies: w.testimonies, Registry: registry, Outbox: w.outbox, Say: pages.Say,
		Address:  func(lang, path string) string { return w.base + page.Localize(lang, path) },
		Expected: func(context.Context, int64) (*fault.Message, error) { return nil, nil }, Clock: clock, Log: quiet,
	})
	press := pressdesk.New(pressdesk.Rooms{
		Pages: pages, Registry: registry, Sessions: sessions, Testimonies: w.testimonies, BaseURL: w.base, Renditions: w.renditions, Clock: clock, Log: quiet,
		Cutter: presskit.NewCutter(w.db, w.testimonies, nil, w.renditions, t.TempDir(), func(*gorm.DB, int64) error { return nil }, clock, quiet),
	})
	rooms := newsroom.Rooms{
		Wording: desk,
		Register: register.New(register.Rooms{
			Pages: pages, Registry: registry, Sessions: sessions, Testimonies: w.testimonies, Papers: register.NewPapers(w.vault), Clock: clock,
		}),
		Press: press, Notices: told,
		Pages: pages, Registry: registry, Accounts: w.accounts, Sessions: sessions, Testimonies: w.testimonies,
		Publisher: w.publisher, Channels: w.channels, Ledger: ledger, OAuth: oauth, Insight: asks,
		Dashboard: dashboard.New(asks, registry, pages, time.Hour, clock), Outbox: w.outbox,
		Compare: func(ctx context.Context) error { _, err := w.publisher.Reconcile(ctx); return err },
		BaseURL: w.base, YouTube: "sandbox", Renditions: w.renditions, Clock: clock, Log: quiet,
	}
	for _, change := range options {
		change(&rooms)
	}
	e, err := pages.NewEcho()
	must(err)
	w.room = newsroom.New(rooms)
	w.room.Routes(e)
	e.POST("/entra/:token", func(c echo.Context) error { // as the studio does
		p, err := w.accounts.Enter(c.Request().Context(), c.Param("token"))
		if err != nil {
			return err
		}
		if err := sessions.Begin(c.Request().Context(), p); err != nil {
			return err
		}
		return c.NoContent(http.StatusNoContent)
	})
	w.portal = pages.Front(pages.NewCache(1<<20), sessions.Wrap(e, pages.Refuse))
	server.Config.Handler = w.portal
	server.Start()
	t.Cleanup(server.Close)
	return w
}

// serveYouTube starts the sandbox and says how the portal finds it.
func (w *world) serveYouTube() youtube.Settings {
	w.t.Helper()
	var err error
	w.youtube, err = sandbox.New(sandbox.Options{Dir: w.t.TempDir(), Clock: func() time.Time { return w.now }, Processing: -1})
	if err != nil {
		w.t.Fatal(err)
	}
	w.google = httptest.NewServer(w.youtube)
	w.t.Cleanup(func() {
		w.google.Close()
		if err := w.youtube.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return youtube.Settings{
		Endpoint: w.google.URL, AuthURL: w.google.URL + "/o/oauth2/v2/auth", TokenURL: w.google.URL + "/token", RevokeURL: w.google.URL + "/revoke",
		ClientID: "portal", ClientSecret: "secret", RedirectURL: w.base + "/redazione/youtube/ritorno",
	}
}

func viewer(ctx context.Context) *page.Viewer {
	p, ok := account.From(ctx)
	if !ok {
		return nil
	}
	if p.Staff() {
		return &page.Viewer{Name: p.Name, Role: string(p.Role), Staff: true, Home: "/redazione"}
	}
	return &page.Viewer{Name: p.MunicipalityCode, Role: string(p.Role), Home: "/comune"}
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if err := w.db.Write(w.t.Context(), func(tx *gorm.DB) error { return tx.Exec(sql, args...).Error }); err != nil {
		w.t.Fatal(err)
	}
}

// arrived makes a testimony of Balme whose video has come and was looked at, so
// that it waits for a moderator. change may be nil.
func (w *world) arrived(change func(*testimony.Form)) *testimony.Testimony {
	w.t.Helper()
	form := testimony.Form{
		Title: "La spesa sale fino all’ultima borgata", Description: "I volontari portano la spesa a chi vive in alto.\nOgni martedì.", Language: "it",
		SpeakerName: "Anna Bò", SpeakerRole: "Sindaca", RecordedOn: "2026-11-20", Themes: []string{"solidarieta", "volontariato"},
		Tags: "montagna, borgate", Visibility: "unlisted",
	}
	for _, c := range testimony.Consents() {
		form.Release = append(form.Release, c.Kind)
	}
	if change != nil {
		change(&form)
	}
	ctx := w.t.Context()
	editor := account.Person{Role: account.Editor, MunicipalityCode: balme, LinkID: 3}
	said, err := w.testimonies.Create(ctx, editor.Actor(), balme, form, false)
	if err != nil {
		w.t.Fatal(err)
	}
	id := strconv.FormatInt(said.ID, 10)
	if err := w.testimonies.ReceiveVideo(ctx, testimony.Video{TestimonyID: said.ID, UploadID: id, Original: id, Filename: "spesa.mov", Bytes: 12_345_678}); err != nil {
		w.t.Fatal(err)
	}
	if said, err = w.testimonies.Submit(ctx, editor.Actor(), balme, said.ID); err != nil {
		w.t.Fatal(err)
	}
	v := said.Video
	v.State, v.Container, v.VideoCodec, v.AudioCodec, v.Width, v.Height, v.DurationMS, v.HasSound = testimony.VideoReady, "mov", "h264", "aac", 1280, 720, 42_000, true
	v.SHA256, v.Poster, v.Rendition = strings.Repeat("ab", 32), id+".jpg", id+".mp4"
	for name, text := range map[string]string{v.Poster: "picture", v.Rendition: "0123456789"} {
		if err := os.WriteFile(filepath.Join(w.renditions, name), []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := w.testimonies.VideoSeen(ctx, v); err != nil {
		w.t.Fatal(err)
	}
	return w.said(said.ID)
}

// said is a testimony as it is now.
func (w *world) said(id int64) *testimony.Testimony {
	w.t.Helper()
	said, err := w.testimonies.Get(w.t.Context(), testimony.Anywhere, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return said
}

// browser is one person's. It follows no redirects by itself.
type browser struct {
	*world
	client *http.Client
}

func (w *world) stranger() browser {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return browser{w, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (w *world) moderator() browser     { return w.member(redact, account.Moderator) }
func (w *world) administrator() browser { return w.member(manager, account.Administrator) }

func (w *world) member(email string, role account.Role) browser {
	w.t.Helper()
	token, err := w.accounts.StaffLink(w.t.Context(), "test", email, role)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.enter(token)
}

func (w *world) townHall() browser {
	w.t.Helper()
	token, err := w.accounts.PersonalLink(w.t.Context(), "test", balme)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.enter(token)
}

func (w *world) enter(token string) browser {
	w.t.Helper()
	b := w.stranger()
	if a := b.post("/entra/" + token); a.code != http.StatusNoContent {
		w.t.Fatalf("entering: %d %s", a.code, a.text())
	}
	return b
}

// answer is what a browser got.
type answer struct {
	t      *testing.T
	code   int
	header http.Header
	body   []byte
	doc    *html.Node
}

func (b browser) get(path string) answer {
	b.t.Helper()
	return b.send(http.MethodGet, path, nil)
}

// post posts a form of names and values.
func (b browser) post(path string, pairs ...string) answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.send(http.MethodPost, path, form)
}

func (b browser) send(method, path string, form url.Values, header ...string) answer {
	b.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.base + path
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return read(b.t, res.StatusCode, res.Header, body)
}

func read(t *testing.T, code int, header http.Header, body []byte) answer {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return answer{t: t, code: code, header: header, body: body, doc: doc}
}

// follow opens where an answer led, which must be path.
func (b browser) follow(a answer, path string) answer {
	b.t.Helper()
	if a.code != http.StatusSeeOther || a.header.Get("Location") != path {
		b.t.Fatalf("got %d to %q, want 303 to %q: %s", a.code, a.header.Get("Location"), path, a.text())
	}
	return b.get(path)
}

func (a answer) want(code int) answer {
	a.t.Helper()
	if a.code != code {
		a.t.Fatalf("got %d, want %d: %s", a.code, code, a.text())
	}
	return a
}

// says checks that the page has all of the texts.
func (a answer) says(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.text(), text) {
			a.t.Errorf("the page does not say %q: %s", text, a.text())
		}
	}
	return a
}

// silent checks that the page has none of the texts.
func (a answer) silent(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.text(), text) {
			a.t.Errorf("the page says %q: %s", text, a.text())
		}
	}
	return a
}

// find are the elements of a tag that have the attributes, given as names and
// values; the value "*" is any.
func (a answer) find(tag string, attributes ...string) []*html.Node {
	return find(a.doc, tag, attributes...)
}

// one is find where one is expected.
func (a answer) one(tag string, attributes ...string) *html.Node {
	a.t.Helper()
	found := a.find(tag, attributes...)
	if len(found) != 1 {
		a.t.Fatalf("%d elements <%s %v>, want 1: %s", len(found), tag, attributes, a.text())
	}
	return found[0]
}

// text is the text of the page's main part.
func (a answer) text() string {
	for _, main := range a.find("main") {
		return text(main)
	}
	return string(a.body)
}

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

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func value(n *html.Node, name string) string {
	v, _ := attr(n, name)
	return v
}

// text is what an element says, its blocks apart from each other.
func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		switch {
		case d.Type == html.TextNode:
			b.WriteString(d.Data)
		case slices.Contains(blocks, d.Data):
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(strings.ReplaceAll(b.String(), "\u00a0", " ")), " ")
}

var blocks = []string{"dd", "div", "dt", "h1", "h2", "h3", "li", "option", "p", "td", "th"}
