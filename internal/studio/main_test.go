package studio_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/dashboard"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/insight"
	"github.com/voci-in-comune/voci/internal/mail"
	"github.com/voci-in-comune/voci/internal/notices"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/pressdesk"
	"github.com/voci-in-comune/voci/internal/presskit"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/register"
	"github.com/voci-in-comune/voci/internal/secret"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/studio"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/tryout"
	"github.com/voci-in-comune/voci/internal/upload"
	"github.com/voci-in-comune/voci/internal/video"
	"github.com/voci-in-comune/voci/internal/video/screening"
	"github.com/voci-in-comune/voci/internal/views"
	"github.com/voci-in-comune/voci/internal/wording"
	"github.com/voci-in-comune/voci/internal/youtube"
	"github.com/voci-in-comune/voci/migrations"
	"github.com/voci-in-comune/voci/static"
	"github.com/voci-in-comune/voci/web"
)

const (
	balme  = "001019"
	ivrea  = "001125"
	redact = "redattrice@cittametropolitana.example"
)

// noon is when tests begin: 12:00 in Rome.
var noon = time.Date(2026, 11, 24, 11, 0, 0, 0, time.UTC)

// maxBytes is the limit of a file in tests.
const maxBytes = 32 << 20

// world is a portal with the studio as its only face, served over loopback,
// with the real reception of files behind it.
type world struct {
	portal      http.Handler
	t           *testing.T
	db          *store.Store
	accounts    *account.Store
	testimonies *testimony.Store
	publisher   *publishing.Publisher
	uploads     *upload.Receiver
	tryouts     *tryout.Desk
	films       string // folder of films of try-outs
	screen      *screening.Screen
	outbox      *mail.Outbox
	notices     *notices.Desk
	cutter      *presskit.Cutter
	vault       string
	renditions  string
	base        string

	mu     sync.Mutex
	now    time.Time
	unseen []int64 // files that nobody looked at yet
	uncut  []int64 // cuts that nobody made, or deleted, yet
	mailed []string
	line   line
	named  map[string]int64 // ids of the testimonies that everyState made
}

// settings are what a test changes of its portal.
type settings struct {
	MinFree     int64
	MaxBytes    int64
	MaxDuration time.Duration
}

func open(t *testing.T, changes ...func(*settings)) *world {
	t.Helper()
	set := settings{MaxBytes: maxBytes, MaxDuration: 30 * time.Minute}
	for _, change := range changes {
		change(&set)
	}
	dir := t.TempDir()
	w := &world{t: t, now: noon, named: map[string]int64{}, vault: filepath.Join(dir, "vault"), renditions: t.TempDir()}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	quiet := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	registry, err := territory.Load(territory.Founding)
	must(err)
	w.db, err = store.Open(t.Context(), filepath.Join(t.TempDir(), "voci.db"))
	must(err)
	t.Cleanup(func() { must(w.db.Close()) })
	must(w.db.Migrate(t.Context(), migrations.FS, quiet))
	must(registry.Sync(t.Context(), w.db))
	box, err := secret.NewBox(bytes.Repeat([]byte{7}, secret.KeySize))
	must(err)

	w.accounts = account.NewStore(w.db, box, registry, w.clock)
	w.testimonies = testimony.NewStore(w.db, testimony.Hooks{
		VideoReceived: func(_ *gorm.DB, v *testimony.Video) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.unseen = append(w.unseen, v.ID)
			return nil
		},
		Approved: func(tx *gorm.DB, said *testimony.Testimony) error { return w.publisher.Plan(tx, said) },
		Withdrawn: func(tx *gorm.DB, said *testimony.Testimony) error {
			if err := w.cutter.Withdraw(tx, said.ID); err != nil {
				return err
			}
			return w.publisher.Remove(tx, said)
		},
		Returned: func(tx *gorm.DB, said *testimony.Testimony) error { return w.publisher.Return(tx, said) },
		Amended: func(tx *gorm.DB, said *testimony.Testimony, write func() error) error {
			if err := write(); err != nil {
				return err
			}
			return w.publisher.Replan(tx, said)
		},
		Shown: func() {},
	}, w.clock)
	ledger := publishing.NewLedger(w.db, publishing.Limits{Uploads: 100, Statistics: 10_000, Units: 10_000}, w.clock, quiet)
	channels := publishing.NewChannels(w.db, box, youtube.NewOAuth(youtube.Settings{}, nil), youtube.Settings{}, ledger,
		publishing.ChannelHooks{}, w.clock)
	w.publisher = publishing.New(publishing.Rooms{
		DB: w.db, Testimonies: w.testimonies, Registry: registry, Channels: channels, Ledger: ledger,
		Enqueue: func(*gorm.DB, int64, publishing.Lane) error { return nil }, Wake: func(*gorm.DB) error { return nil },
		Gone: func(*gorm.DB, int64) error { return nil }, Clock: w.clock, Log: quiet,
	})
	sync := views.New(w.db, nil, ledger, w.clock, func() {}, quiet)
	sessions := account.NewSessions(w.db, w.accounts, false)

	server := httptest.NewUnstartedServer(nil)
	w.base = "http://" + server.Listener.Addr().String()
	pages, err := page.New(page.Options{
		FS: web.Files, Static: static.Files, BaseURL: w.base, SessionName: account.CookieName(false), Viewer: viewer(registry), Flash: sessions.Flash,
		Dev: true, Log: quiet, Now: w.clock,
	})
	must(err)
	w.receive(dir, set, pages)
	tools, err := video.Find()
	must(err)
	w.screen = screening.New(video.New(tools, video.Limits{MaxDuration: set.MaxDuration, MaxBytes: set.MaxBytes}),
		w.testimonies, w.vault, w.renditions, quiet)

	w.films = t.TempDir()
	w.tryouts = tryout.New(w.db, w.films, func() (*video.Inspector, error) { return video.New(tools, video.Limits{}), nil }, w.clock, quiet)

	e, err := pages.NewEcho()
	must(err)
	desk := wording.New(wording.Rooms{
		Pages: pages, Registry: registry, Sessions: sessions, Testimonies: w.testimonies, Renditions: w.renditions, Clock: w.clock, Log: quiet,
		Inspector: func() (*video.Inspector, error) {
			tools, err := video.Find()
			return video.New(tools, video.Limits{}), err
		},
	})
	people := register.New(register.Rooms{
		Pages: pages, Registry: registry, Sessions: sessions, Testimonies: w.testimonies, Papers: register.NewPapers(w.vault), Clock: w.clock,
	})
	board := dashboard.New(insight.New(w.db, registry, w.clock), registry, pages, time.Hour, w.clock)
	w.outbox, err = mail.NewOutbox(w.db, "", "Voci in Comune <voci@example.it>", nil, w.clock)
	must(err)
	w.notices = notices.New(notices.Rooms{
		DB: w.db, Testimonies: w.testimonies, Registry: registry, Outbox: w.outbox, Say: pages.Say,
		Address:  func(lang, path string) string { return w.base + page.Localize(lang, path) },
		Expected: func(context.Context, int64) (*fault.Message, error) { return nil, nil }, Clock: w.clock, Log: quiet,
	})
	w.cutter = presskit.NewCutter(w.db, w.testimonies, func() (*video.Inspector, error) { return video.New(tools, video.Limits{}), nil },
		w.renditions, filepath.Join(dir, "cuts"), func(_ *gorm.DB, id int64) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.uncut = append(w.uncut, id)
			return nil
		}, w.clock, quiet)
	must(os.MkdirAll(filepath.Join(dir, "cuts"), 0o700))
	press := pressdesk.New(pressdesk.Rooms{
		Pages: pages, Registry: registry, Sessions: sessions, Testimonies: w.testimonies, Cutter: w.cutter, BaseURL: w.base,
		Renditions: w.renditions, Clock: w.clock, Log: quiet,
	})
	studio.New(studio.Rooms{
		Pages: pages, Registry: registry, Accounts: w.accounts, Sessions: sessions, Testimonies: w.testimonies, Uploads: w.uploads,
		Publisher: w.publisher, Channels: channels, Views: sync, SignIn: w.signIn, Renditions: w.renditions, Wording: desk, Register: people, Dashboard: board,
		Tryouts: w.tryouts,
		Press:   press, Notices: w.notices,
		Outbox: w.outbox, BaseURL: w.base,
		MaxDuration: set.MaxDuration, MaxBytes: set.MaxBytes, Clock: w.clock, Log: quiet,
	}).Routes(e)
	w.portal = pages.Front(pages.NewCache(1<<20), sessions.Wrap(e, pages.Refuse))
	server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.line.pass(rw, r, w.portal)
	})
	server.Start()
	t.Cleanup(server.Close)
	return w
}

// receive opens the reception of files, as app does.
func (w *world) receive(dir string, set settings, pages *page.Pages) {
	w.t.Helper()
	sender := func(ctx context.Context) (account.Person, error) {
		p, ok := account.From(ctx)
		if !ok {
			return p, fault.New(fault.SignedOut, "account.signed_out")
		}
		if p.Role != account.Editor {
			return p, fault.New(fault.Forbidden, "account.not_editor")
		}
		return p, nil
	}
	var err error
	w.uploads, err = upload.New(upload.Options{
		Dir: filepath.Join(dir, "uploads"), Vault: w.vault, BasePath: "/caricamenti/", MaxBytes: set.MaxBytes, MinFree: set.MinFree,
		Admit: func(ctx context.Context, o upload.Offer) error {
			p, err := sender(ctx)
			if err != nil {
				return err
			}
			if !p.Reaches(o.TestimonyID) {
				return fault.New(fault.Forbidden, "people.only_one")
			}
			return w.testimonies.BeginUpload(ctx, p.MunicipalityCode, testimony.Upload{
				ID: o.UploadID, TestimonyID: o.TestimonyID, Filename: o.Filename, Size: max(o.Size, 0), Kind: kindOf(o.Version), WholeBytes: o.Whole,
			})
		},
		Owns: func(ctx context.Context, id string) error {
			p, err := sender(ctx)
			if err != nil {
				return err
			}
			u, err := w.testimonies.FindUpload(ctx, p.MunicipalityCode, id)
			if err == nil && !p.Reaches(u.TestimonyID) {
				return fault.New(fault.Forbidden, "people.only_one")
			}
			return err
		},
		Received: func(ctx context.Context, r upload.Received) error {
			return w.testimonies.ReceiveVideo(ctx, testimony.Video{
				TestimonyID: r.TestimonyID, UploadID: r.UploadID, Original: r.Path, Filename: r.Filename, Bytes: r.Bytes,
				Kind: kindOf(r.Version), WholeBytes: r.Whole,
			})
		},
		Refused: pages.Refuse,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func kindOf(v upload.Version) testimony.Kind {
	if v.Small {
		return testimony.Small
	}
	return testimony.Full
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) signIn(_ context.Context, _, email string) error {
	if _, err := account.ParseEmail(email); err != nil {
		return err
	}
	w.mailed = append(w.mailed, email)
	return nil
}

// look has every file that came looked at.
func (w *world) look() {
	w.t.Helper()
	w.mu.Lock()
	ids := w.unseen
	w.unseen = nil
	w.mu.Unlock()
	for _, id := range ids {
		if _, err := w.testimonies.GetVideo(context.WithoutCancel(w.t.Context()), id); fault.Of(err) == fault.NotFound {
			w.mu.Lock()
			w.unseen = append(w.unseen, id) // not committed yet
			w.mu.Unlock()
			continue
		}
		if err := w.screen.Check(context.WithoutCancel(w.t.Context()), id); err != nil {
			w.t.Error(err)
		}
	}
}

func viewer(registry *territory.Registry) func(context.Context) *page.Viewer {
	return func(ctx context.Context) *page.Viewer {
		p, ok := account.From(ctx)
		if !ok {
			return nil
		}
		if p.Staff() {
			return &page.Viewer{Name: p.Name, Role: string(p.Role), Staff: true, Home: "/redazione"}
		}
		m, err := registry.Municipality(p.MunicipalityCode)
		if err != nil {
			return nil
		}
		v := &page.Viewer{Name: m.Name, Role: string(p.Role), Home: "/comune"}
		if p.Name != "" {
			v.Name = p.Name + ", " + m.Name
		}
		if p.TestimonyID != 0 {
			v.Home, v.Narrow = "/comune/testimonianze/"+itoa(p.TestimonyID), true
		}
		return v
	}
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if err := w.db.Write(w.t.Context(), func(tx *gorm.DB) error { return tx.Exec(sql, args...).Error }); err != nil {
		w.t.Fatal(err)
	}
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

// form is a complete one, as names and values.
func form(changes ...string) url.Values {
	f := url.Values{
		"title": {"La spesa sale fino all’ultima borgata"}, "description": {"I volontari portano la spesa a chi vive in alto.\nOgni martedì."},
		"language": {"it"}, "speaker_name": {"Anna Bò"}, "speaker_role": {"Sindaca"}, "recorded_on": {"2026-11-20"},
		"themes": {"solidarieta", "volontariato"}, "tags": {"montagna, borgate"}, "visibility": {"public"},
		"release": {"people", "publication", "youtube"}, "others": {"", "no"},
		"title_en": {""}, "description_en": {""}, "title_fr": {""}, "description_fr": {""},
	}
	for i := 0; i+1 < len(changes); i += 2 {
		f[changes[i]] = strings.Split(changes[i+1], "|")
	}
	return f
}

// person is somebody with a browser that has no script. It follows no redirects by itself.
type person struct {
	*world
	client *http.Client
}

func (w *world) stranger() person {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return person{w, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// link is the address that lets a town hall in.
func (w *world) link(municipality string) string {
	w.t.Helper()
	token, err := w.accounts.PersonalLink(w.t.Context(), "test", municipality)
	if err != nil {
		w.t.Fatal(err)
	}
	return "/entra/" + token
}

// townHall is the browser of a town hall that is signed in.
func (w *world) townHall(municipality string) person {
	w.t.Helper()
	b := w.stranger()
	b.send(http.MethodPost, w.link(municipality), nil, "").want(http.StatusSeeOther)
	return b
}

// staff is a moderator's browser.
func (w *world) staff() person {
	w.t.Helper()
	token, err := w.accounts.StaffLink(w.t.Context(), "test", redact, account.Moderator)
	if err != nil {
		w.t.Fatal(err)
	}
	b := w.stranger()
	b.send(http.MethodPost, "/entra/"+token, nil, "").want(http.StatusSeeOther)
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

func (b person) get(path string) answer {
	b.t.Helper()
	return b.send(http.MethodGet, path, nil, "")
}

// post posts a form without a file, as browsers do when there is no script.
func (b person) post(path string, f url.Values, header ...string) answer {
	b.t.Helper()
	return b.send(http.MethodPost, path, strings.NewReader(f.Encode()), "application/x-www-form-urlencoded", header...)
}

// postFile posts a form with a file in one go.
func (b person) postFile(path string, f url.Values, name string, content io.Reader) answer {
	b.t.Helper()
	return b.postFileIn(path, f, "video", name, content)
}

// postFields posts a form that could have a file, without one.
func (b person) postFields(path string, f url.Values) answer {
	b.t.Helper()
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	for each, values := range f {
		for _, v := range values {
			if err := parts.WriteField(each, v); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	if err := parts.Close(); err != nil {
		b.t.Fatal(err)
	}
	return b.send(http.MethodPost, path, &body, parts.FormDataContentType())
}

// postFileIn is postFile with the file in a field of another name.
func (b person) postFileIn(path string, f url.Values, field, name string, content io.Reader) answer {
	b.t.Helper()
	r, w := io.Pipe()
	body := multipart.NewWriter(w)
	go func() {
		for each, values := range f {
			for _, v := range values {
				_ = body.WriteField(each, v) // a pipe fails when nobody reads on
			}
		}
		if part, err := body.CreateFormFile(field, name); err == nil {
			_, _ = io.Copy(part, content)
		}
		_ = w.CloseWithError(body.Close())
	}()
	return b.send(http.MethodPost, path, r, body.FormDataContentType())
}

func (b person) send(method, path string, body io.Reader, contentType string, header ...string) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	doc, err := html.Parse(bytes.NewReader(text))
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{t: b.t, code: res.StatusCode, header: res.Header, body: text, doc: doc}
}

// made is the id of the testimony that an answer led to.
func (a answer) made() int64 {
	a.t.Helper()
	a.want(http.StatusSeeOther)
	return a.idIn(a.header.Get("Location"))
}

func (a answer) idIn(address string) int64 {
	a.t.Helper()
	rest, _ := strings.CutPrefix(address, "/comune/testimonianze/")
	id, err := strconv.ParseInt(rest, 10, 64)
	if err != nil {
		a.t.Fatalf("%q is no testimony's address: %s", address, a.text())
	}
	return id
}

// draft is the id of the testimony whose form a page shows.
func (a answer) draft() int64 {
	a.t.Helper()
	return a.idIn(attr(a.one("form", "id", "testimony-form"), "action"))
}

func (a answer) want(code int) answer {
	a.t.Helper()
	if a.code != code {
		a.t.Fatalf("got %d, want %d: %s", a.code, code, a.text())
	}
	return a
}

// says checks that the page shows all of the texts.
func (a answer) says(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.text(), text) {
			a.t.Errorf("the page does not say %q: %s", text, a.text())
		}
	}
	return a
}

// silent checks that the page shows none of the texts.
func (a answer) silent(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.text(), text) {
			a.t.Errorf("the page says %q: %s", text, a.text())
		}
	}
	return a
}

// wrong is what a page says at a field, empty if nothing.
func (a answer) wrong(field string) string {
	a.t.Helper()
	id := page.FieldID(field)
	said := a.find("p", "id", id+"-error")
	if len(said) == 0 {
		return ""
	}
	if len(a.find("a", "href", "#"+id)) == 0 {
		a.t.Errorf("the summary does not lead to %s: %s", field, a.text())
	}
	return text(said[0])
}

// values are what a form shows in its fields: of texts and selects what is
// typed or chosen, of boxes and radio buttons those ticked.
func (a answer) values() url.Values {
	a.t.Helper()
	v := a.valuesIn("testimony-form")
	v.Del("version") // nobody types it
	return v
}

// valuesIn are the values of the form with an id.
func (a answer) valuesIn(id string) url.Values {
	a.t.Helper()
	v := url.Values{}
	root := a.one("form", "id", id)
	for _, n := range append(find(root, "input"), find(root, "textarea")...) {
		name, kind := attr(n, "name"), attr(n, "type")
		switch {
		case name == "" || kind == "file":
		case kind == "checkbox" || kind == "radio":
			if has(n, "checked") {
				v.Add(name, attr(n, "value"))
			}
		case n.Data == "textarea":
			v.Add(name, raw(n))
		default:
			v.Add(name, attr(n, "value"))
		}
	}
	for _, n := range find(root, "select") {
		for _, o := range find(n, "option") {
			if has(o, "selected") {
				v.Add(attr(n, "name"), attr(o, "value"))
			}
		}
	}
	return v
}

// shown is which state of the file the form shows, empty if none.
func (a answer) shown() string {
	for _, n := range a.find("div", "data-file", "*") {
		if !has(n, "hidden") {
			return attr(n, "data-file")
		}
	}
	return ""
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

// text is what the page's main part shows.
func (a answer) text() string {
	for _, main := range a.find("main") {
		return text(main)
	}
	return string(a.body)
}

func find(n *html.Node, tag string, attributes ...string) []*html.Node {
	var found []*html.Node
	if n.Type == html.ElementNode && n.Data == tag && matches(n, attributes) {
		found = append(found, n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		found = append(found, find(c, tag, attributes...)...)
	}
	return found
}

func matches(n *html.Node, attributes []string) bool {
	for i := 0; i+1 < len(attributes); i += 2 {
		if !has(n, attributes[i]) || attributes[i+1] != "*" && attr(n, attributes[i]) != attributes[i+1] {
			return false
		}
	}
	return true
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// text is what a reader sees of n, with single spaces.
func text(n *html.Node) string { return strings.Join(strings.Fields(raw(n)), " ") }

func raw(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	if n.Type == html.ElementNode && (has(n, "hidden") || n.Data == "script" || n.Data == "template") {
		return ""
	}
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		b.WriteString(raw(c))
	}
	return b.String()
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
