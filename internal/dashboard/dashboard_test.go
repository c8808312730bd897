package dashboard_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/dashboard"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/insight"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/views"
	"github.com/voci-in-comune/voci/internal/youtube"
	"github.com/voci-in-comune/voci/migrations"
	"github.com/voci-in-comune/voci/static"
	"github.com/voci-in-comune/voci/web"
)

// world is a portal whose view counts come through the real sync.
type world struct {
	t        *testing.T
	db       *store.Store
	registry *territory.Registry
	board    *dashboard.Dashboard
	sync     *views.Sync
	now      time.Time
	counts   map[string]youtube.Counts
	fails    error
}

// morning is when tests begin: 09:00 in Rome.
var morning = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func open(t *testing.T, setting territory.Setting) *world {
	t.Helper()
	w := &world{t: t, now: morning, counts: map[string]youtube.Counts{}}
	quiet := slog.New(slog.DiscardHandler)
	clock := func() time.Time { return w.now }
	var err error
	w.db, err = store.Open(t.Context(), filepath.Join(t.TempDir(), "voci.db"))
	w.must(err)
	t.Cleanup(func() { w.must(w.db.Close()) })
	w.must(w.db.Migrate(t.Context(), migrations.FS, quiet))
	w.registry, err = territory.Load(setting)
	w.must(err)
	w.must(w.registry.Sync(t.Context(), w.db))
	pages, err := page.New(page.Options{FS: web.Files, Static: static.Files, BaseURL: "https://voci.example.it", Log: quiet, Now: clock})
	w.must(err)
	w.sync = views.New(w.db, func(context.Context) (views.Statistics, error) { return w, nil }, w, clock, func() {}, quiet)
	w.board = dashboard.New(insight.New(w.db, w.registry, clock), w.registry, pages, time.Hour, clock)
	return w
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
	return answer, w.fails
}

// Spend implements views.Ledger.
func (w *world) Spend(context.Context, string, int) error { return nil }

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	w.must(w.db.Write(w.t.Context(), func(tx *gorm.DB) error { return tx.Exec(sql, args...).Error }))
}

// published makes a testimony that is out, about some themes by their id.
func (w *world) published(id int64, municipality string, themes ...int) {
	w.t.Helper()
	now := w.now.UTC()
	w.exec(`INSERT INTO testimonies (id, municipality_code, state, title, language, created_at, updated_at) VALUES (?, ?, 'approved', ?, 'fr', ?, ?)`,
		id, municipality, fmt.Sprint("Voce ", id), now, now)
	for _, th := range themes {
		w.exec(`INSERT INTO testimony_themes VALUES (?, ?)`, id, th)
	}
	w.exec(`INSERT INTO videos (id, testimony_id, upload_id, state, original, filename, bytes, received_at) VALUES (?, ?, ?, 'ready', 'x', 'x', 1, ?)`,
		id, id, fmt.Sprint(id), now)
	w.exec(`INSERT INTO publications (id, testimony_id, video_id, state, since, slug, youtube_id, wanted_privacy) VALUES (?, ?, ?, 'public', ?, ?, ?, 'public')`,
		id, id, id, now, fmt.Sprint(id), fmt.Sprint("video-", id))
	w.must(w.db.Write(w.t.Context(), func(tx *gorm.DB) error {
		return w.sync.Recount(tx, id, func() error {
			return tx.Exec(`UPDATE testimonies SET state = 'published', published_at = ? WHERE id = ?`, now, id).Error
		})
	}))
}

// counted has the channel say these views, by testimony, and brings them back.
func (w *world) counted(said map[int64]int64) {
	w.t.Helper()
	for id, n := range said {
		w.counts[fmt.Sprint("video-", id)] = youtube.Counts{Views: &n}
	}
	if _, err := w.sync.Run(w.t.Context()); err != nil && w.fails == nil {
		w.t.Fatal(err)
	}
}

func (w *world) ask(ask dashboard.Ask) dashboard.Board {
	w.t.Helper()
	if ask.Lang == "" {
		ask.Lang = page.Italian
	}
	b, err := w.board.Board(w.t.Context(), ask)
	w.must(err)
	return b
}

// ISTAT codes.
const (
	balme  = "001019"
	ceres  = "001072"
	ivrea  = "001125"
	torino = "001272"
)

func TestBoardFromTheTotals(t *testing.T) {
	w := open(t, territory.Founding)
	w.published(1, balme, 1, 4)
	w.published(2, balme, 1)
	w.published(3, torino, 2)
	w.counted(map[int64]int64{1: 1000, 2: 500, 3: 2000})
	w.now = w.now.AddDate(0, 0, 40)
	w.counted(map[int64]int64{1: 1500, 2: 400})

	b := w.ask(dashboard.Ask{Path: "/numeri"})
	type figure struct{ number, of, label, source string }
	var figures []figure
	for _, f := range b.Figures {
		one := figure{f.Number, "", f.Label.Key, f.Source.Key}
		if f.Of != nil {
			one.of = fmt.Sprint(f.Of.Args["Of"])
		}
		figures = append(figures, one)
	}
	residents := 0
	for _, code := range []string{balme, torino} {
		m, err := w.registry.Municipality(code)
		w.must(err)
		residents += m.Residents
	}
	want := []figure{
		{"3", "", "dashboard.testimonies", "dashboard.source.portal"},
		{"3.900", "", "dashboard.views_total", "dashboard.source.youtube"},
		{"2", "316", "dashboard.heard", "dashboard.source.portal"},
		{page.Number("it", int64(residents)), "2247780", "dashboard.residents", "dashboard.source.census"},
	}
	if diff := cmp.Diff(want, figures, cmp.AllowUnexported(figure{})); diff != "" {
		t.Error(diff)
	}
	if got := b.Figures[1].Source.Args["When"]; !got.(time.Time).Equal(w.now) {
		t.Errorf("views are of %v, want %v", got, w.now)
	}

	type row struct {
		label, href, note, width   string
		testimonies, views, gained int64
		heard, of                  int
	}
	rows := func(list []dashboard.Row) (got []row) {
		for _, r := range list {
			if r.Testimonies+r.Views > 0 {
				got = append(got, row{r.Label, r.Href, r.Note, r.Width, r.Testimonies, r.Views, r.Gained, r.Heard, r.Of})
			}
		}
		return got
	}
	for name, c := range map[string]struct {
		got  []dashboard.Row
		want []row
	}{
		"themes, where a testimony counts in each of its own": {b.Themes, []row{
			{"Solidarietà", "/testimonianze?tema=solidarieta", "", "95.0", 2, 1900, 400, 0, 0},
			{"Sostegno a chi è in difficoltà", "/testimonianze?tema=sostegno-persone-in-difficolta", "", "100.0", 1, 2000, 0, 0, 0},
			{"Volontariato", "/testimonianze?tema=volontariato", "", "75.0", 1, 1500, 500, 0, 0},
		}},
		"zones": {b.Zones, []row{
			{"Torino", "/testimonianze?zona=torino", "", "100.0", 1, 2000, 0, 1, 1},
			{"Ciriacese e Valli di Lanzo", "/testimonianze?zona=ciriacese-valli-lanzo", "", "2.5", 2, 1900, 400, 1, 40},
		}},
		"municipalities": {b.Municipalities, []row{
			{"Torino", "/comuni/torino", "Torino", "100.0", 1, 2000, 0, 0, 0},
			{"Balme", "/comuni/balme", "Ciriacese e Valli di Lanzo", "95.0", 2, 1900, 400, 0, 0},
		}},
		"the same for staff": {w.ask(dashboard.Ask{Staff: true}).Municipalities[1:], []row{
			{"Balme", "/redazione/comuni/001019", "Ciriacese e Valli di Lanzo", "95.0", 2, 1900, 400, 0, 0},
		}},
		"most watched": {b.Watched, []row{
			{"Voce 3", "/testimonianze/3-voce-3", "Torino", "100.0", 0, 2000, 0, 0, 0},
			{"Voce 1", "/testimonianze/1-voce-1", "Balme", "75.0", 0, 1500, 0, 0, 0},
			{"Voce 2", "/testimonianze/2-voce-2", "Balme", "20.0", 0, 400, 0, 0, 0},
		}},
	} {
		if diff := cmp.Diff(c.want, rows(c.got), cmp.AllowUnexported(row{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if len(b.Themes) != 6 || len(b.Zones) != 11 {
		t.Errorf("%d themes and %d zones: those without testimonies belong to it", len(b.Themes), len(b.Zones))
	}
	if b.Themes[0].Icon != "solidarity" || b.Themes[0].Hue != "#0072B2" || b.Themes[0].Spark.Path == "" {
		t.Errorf("a theme's drawing: %+v", b.Themes[0])
	}
	if english := w.ask(dashboard.Ask{Lang: page.English}).Themes[0].Label; english != "Solidarity" {
		t.Errorf("in English: %q", english)
	}
	if got := len(b.Curves.Themes.Lines); got != 6 || len(b.Curves.Themes.Days) != len(b.Curves.Views.Points) || b.Curves.Views.Path == "" {
		t.Errorf("%d lines over %d days, drawn over %d", got, len(b.Curves.Themes.Days), len(b.Curves.Views.Points))
	}
}

func TestMunicipalitiesComeInPages(t *testing.T) {
	w := open(t, territory.Founding)
	said := map[int64]int64{}
	for i, m := range w.registry.Municipalities()[:23] {
		id := int64(i + 1)
		w.published(id, m.IstatCode, 1)
		said[id] = 100 - id
	}
	w.counted(said)
	b := w.ask(dashboard.Ask{Path: "/numeri", Page: 3})
	if len(b.Municipalities) != 3 || b.Municipalities[0].Views != 79 || b.Pagination.Pages != 3 || b.Pagination.Href(2) != "/numeri?pagina=2" {
		t.Errorf("%+v of %+v", b.Municipalities, b.Pagination)
	}
	_, err := w.board.Board(t.Context(), dashboard.Ask{Lang: page.Italian, Page: 4})
	if fault.Of(err) != fault.NotFound {
		t.Errorf("beyond the last page: %v", err)
	}
}

func TestCurvesTakeTheStepThatCanBeRead(t *testing.T) {
	for days, want := range map[int]insight.Step{1: insight.Day, 40: insight.Day, 200: insight.Week, 1000: insight.Month} {
		w := open(t, territory.Founding)
		w.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			INSERT INTO daily_totals (dimension, key, day, testimonies, views, gained) SELECT 'all', '', date('2026-03-02', '-' || i || ' days'), 1, 5000 - i, 1 FROM n`, days)
		b := w.ask(dashboard.Ask{})
		if n := len(b.Curves.Views.Points); b.Curves.Step != want || n == 0 || n > 110 {
			t.Errorf("%d days: %d points by %s, want %s", days, n, b.Curves.Step, want)
		}
	}
}

func TestHowFreshNumbersAre(t *testing.T) {
	w := open(t, territory.Founding)
	w.published(1, balme, 1)
	state := func() (string, bool) {
		s, err := w.board.Summary(t.Context(), page.Italian)
		w.must(err)
		return s.Figures[1].Number + " " + s.Fresh.Source().Key, s.Fresh.Notice() != nil
	}
	check := func(when, want string, late bool) {
		t.Helper()
		if got, notice := state(); got != want || notice != late {
			t.Errorf("%s: %q, late %v; want %q, %v", when, got, notice, want, late)
		}
	}
	check("before the first sync", "– dashboard.source.never", false)
	w.counted(map[int64]int64{1: 10})
	check("at once", "10 dashboard.source.youtube", false)
	w.now = w.now.Add(2 * time.Hour)
	check("one turn missed", "10 dashboard.source.youtube", false)
	w.now = w.now.Add(time.Hour)
	check("two turns missed", "10 dashboard.source.late", true)
	w.counted(nil)
	check("caught up", "10 dashboard.source.youtube", false)
	w.fails = errors.New("no answer")
	w.counted(nil)
	check("a run failed", "10 dashboard.source.late", true)
	b := w.ask(dashboard.Ask{Staff: true})
	if b.Fresh.FailedSince == nil || b.Fresh.Trouble == nil || !strings.HasPrefix(b.Fresh.Trouble.Key, "views.trouble.") {
		t.Errorf("staff are not told why: %+v", b.Fresh)
	}
	if b.Fresh.SyncedAt == nil || !b.Fresh.SyncedAt.Equal(w.now) {
		t.Errorf("last good run at %v, want %v", b.Fresh.SyncedAt, w.now)
	}
	w.fails = nil
	w.counted(nil)
	check("it goes again", "10 dashboard.source.youtube", false)
}

func TestTheMapHasEveryMunicipality(t *testing.T) {
	for setting, size := range map[territory.Setting]int{territory.Founding: 316, territory.Current: 312} {
		w := open(t, setting)
		for id := range int64(3) {
			w.published(id+1, ceres, 1)
		}
		w.published(9, ivrea, 1)
		m, err := w.board.Map(t.Context(), page.Italian)
		w.must(err)
		seen := map[string]bool{}
		for _, h := range m.Hexes {
			seen[h.X+" "+h.Y] = true
			want := map[string]int{"Ceres": 3, "Ivrea": 1}[h.Name]
			if h.Level != want {
				t.Errorf("%s is at level %d, want %d", h.Name, h.Level, want)
			}
		}
		if len(m.Hexes) != size || len(seen) != size || m.Heard != 2 || m.Of != size {
			t.Errorf("%s: %d hexagons in %d places, %d heard of %d", setting, len(m.Hexes), len(seen), m.Heard, m.Of)
		}
		want := []dashboard.Shade{{}, {1, 1, 1}, {2, 2, 2}, {3, 3, 3}, {4, 4, 0}}
		if diff := cmp.Diff(want, m.Legend); diff != "" {
			t.Error(diff)
		}
	}
}

// mostChart is what the staff's charts may weigh, in bytes as they travel.
const mostChart = 70_000

func TestChartsAreLightAndForStaffOnly(t *testing.T) {
	imports := regexp.MustCompile(`"(\.{1,2}/[\w./-]+\.js)"`)
	var weigh func(name string, seen map[string]bool) int
	weigh = func(name string, seen map[string]bool) int {
		if seen[name] {
			return 0
		}
		seen[name] = true
		text, err := fs.ReadFile(static.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		small, err := fs.ReadFile(static.Files, name+".br")
		if err != nil {
			t.Fatal(err)
		}
		size := len(small)
		for _, found := range imports.FindAllStringSubmatch(string(text), -1) {
			size += weigh(path.Join(path.Dir(name), found[1]), seen)
		}
		return size
	}
	scripts, err := fs.Glob(static.Files, "dist/newsroom/dashboard-*.js")
	if err != nil || len(scripts) != 1 {
		t.Fatalf("%v %v", scripts, err)
	}
	if size := weigh(scripts[0], map[string]bool{}); size > mostChart || size < 10_000 {
		t.Errorf("the dashboard's scripts weigh %d bytes", size)
	}
	others, err := fs.Glob(static.Files, "dist/site/*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range others {
		if size := weigh(name, map[string]bool{}); size > 15_000 {
			t.Errorf("%s weighs %d bytes with what it imports", name, size)
		}
	}
}
