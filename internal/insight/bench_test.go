package insight

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/insight/insighttest"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// BenchmarkDashboard asks everything that the dashboards ask, over 20,000
// testimonies with ten million daily rows (VOCI_BENCH_ROWS for fewer), and
// compares with the sqlite3 shell in the same minutes:
//
//   - whole: the time of the whole dashboard, as a share of the shell's for the
//     same curves of all themes from the daily rows (at most 0.01);
//   - each question, as a share of the shell's time for the same SQL (at most
//     1.5).
func BenchmarkDashboard(b *testing.B) {
	rows := 10_000_000
	if s := os.Getenv("VOCI_BENCH_ROWS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			b.Fatalf("VOCI_BENCH_ROWS is %q", s)
		}
		rows = n
	}
	start := time.Now()
	path, err := insighttest.History(b.Context(), rows)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("history of %d rows ready after %s", rows, time.Since(start).Round(time.Second))
	db, err := store.Open(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	registry, err := territory.Load(territory.Founding)
	if err != nil {
		b.Fatal(err)
	}
	i := New(db, registry, func() time.Time { return at(insighttest.LastDay) })
	sh := openShell(b, path)

	b.Run("whole", func(b *testing.B) {
		fromRows := sh.time(b, fromDailyRows, 1)
		var took []time.Duration
		for b.Loop() {
			start := time.Now()
			wholeDashboard(b, i)
			took = append(took, time.Since(start))
		}
		b.ReportMetric(median(took).Seconds()*1000, "ms/dashboard")
		b.ReportMetric(fromRows.Seconds(), "s/shell-from-rows")
		b.ReportMetric(median(took).Seconds()/fromRows.Seconds(), "ratio")
	})
	for _, q := range questions(b, i) {
		b.Run(q.name, func(b *testing.B) {
			// Ours and the shell's take turns: the median leaves out the rounds in
			// which somebody else needed the machine.
			const repeat = 20
			var ours, shells []time.Duration
			for b.Loop() {
				start := time.Now()
				for range repeat {
					if err := q.ask(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
				ours = append(ours, time.Since(start)/repeat)
				shells = append(shells, sh.time(b, q.sql, repeat))
			}
			b.ReportMetric(float64(median(ours).Microseconds()), "µs/ours")
			b.ReportMetric(float64(median(shells).Microseconds()), "µs/shell")
			b.ReportMetric(median(ours).Seconds()/median(shells).Seconds(), "ratio")
		})
	}
}

// wholeDashboard asks all that the largest dashboard shows.
func wholeDashboard(b *testing.B, i *Insight) {
	b.Helper()
	ctx, zero := b.Context(), time.Time{}
	var errs [9]error
	_, errs[0] = i.Totals(ctx)
	_, errs[1] = i.ByTheme(ctx)
	_, errs[2] = i.ByZone(ctx)
	_, errs[3] = i.ByMunicipality(ctx, 0, 20)
	_, errs[4] = i.Coverage(ctx)
	_, errs[5] = i.MostWatched(ctx, 12)
	_, errs[6] = i.ViewsOverTime(ctx, zero, zero, Day)
	var curves ThemeCurves
	curves, errs[7] = i.ThemesOverTime(ctx, zero, zero, Day)
	_, errs[8] = i.Freshness(ctx)
	for n, err := range errs {
		if err != nil {
			b.Fatalf("question %d: %v", n, err)
		}
	}
	if len(curves.Curves) != 6 || len(curves.Curves[0].Points) != insighttest.Days || curves.Curves[0].Points[0].Views == 0 {
		b.Fatalf("the curves of the themes are not whole: %d", len(curves.Curves))
	}
}

// fromDailyRows is the question that the totals spare: all history by theme and
// day.
const fromDailyRows = `SELECT th.slug, d.day, count(*), sum(d.views), sum(d.gained)
FROM daily_views d
JOIN publications p ON p.id = d.publication_id
JOIN testimonies t ON t.id = p.testimony_id
JOIN testimony_themes tt ON tt.testimony_id = t.id
JOIN themes th ON th.id = tt.theme_id
WHERE t.state = 'published' AND t.visibility = 'public'
GROUP BY th.slug, d.day`

// question is one query of the dashboards: as we ask it, and as the shell can.
type question struct {
	name string
	ask  func(context.Context) error
	sql  string
}

func questions(b *testing.B, i *Insight) []question {
	b.Helper()
	zero := time.Time{}
	daily, err := i.ends(b.Context(), zero, zero, Day)
	if err != nil {
		b.Fatal(err)
	}
	weekly, err := i.ends(b.Context(), zero, zero, Week)
	if err != nil {
		b.Fatal(err)
	}
	var list []question
	for _, dimension := range []string{dimensionAll, dimensionTheme, dimensionZone, dimensionMunicipality} {
		list = append(list, question{"figures/" + dimension, func(ctx context.Context) error {
			_, err := i.figures(ctx, dimension)
			return err
		}, with(figuresSQL, "dimension", dimension, "week_ago", "2026-10-24", "month_ago", "2026-10-01")})
	}
	for name, c := range map[string]struct {
		dimension string
		ends      []time.Time
	}{
		"curve/all-by-day":    {dimensionAll, daily},
		"curve/all-by-week":   {dimensionAll, weekly},
		"curve/theme-by-day":  {dimensionTheme, daily},
		"curve/theme-by-week": {dimensionTheme, weekly},
	} {
		var days []string
		for _, d := range c.ends {
			days = append(days, "'"+d.Format(time.DateOnly)+"'")
		}
		list = append(list, question{name, func(ctx context.Context) error {
			_, err := i.lines(ctx, c.dimension, c.ends)
			return err
		}, strings.NewReplacer("@days", "("+strings.Join(days, ",")+")",
			"string_agg", "group_concat", // the same function by the name that older shells know
		).Replace(with(curveSQL, "dimension", c.dimension))})
	}
	list = append(list,
		question{"most-watched", func(ctx context.Context) error {
			_, err := i.MostWatched(ctx, 12)
			return err
		}, strings.ReplaceAll(mostWatchedSQL, "@n", "12") + ";" + countedAtSQL},
		question{"freshness", func(ctx context.Context) error {
			_, err := i.Freshness(ctx)
			return err
		}, freshnessSQL},
		question{"counted-at", func(ctx context.Context) error {
			_, err := i.source(ctx)
			return err
		}, countedAtSQL},
		question{"span", func(ctx context.Context) error {
			_, err := i.ends(ctx, zero, zero, Month)
			return err
		}, spanSQL},
		question{"themes", func(ctx context.Context) error {
			_, err := testimony.Themes(ctx, i.db)
			return err
		}, `SELECT * FROM themes ORDER BY position, id`},
	)
	slices.SortFunc(list, func(a, b question) int { return strings.Compare(a.name, b.name) })
	return list
}

// with writes values into a question, as the shell needs it.
func with(sql string, pairs ...string) string {
	for n := 0; n < len(pairs); n += 2 {
		sql = strings.ReplaceAll(sql, "@"+pairs[n], "'"+pairs[n+1]+"'")
	}
	return sql
}

// shell is one sqlite3 process, so that its start is not measured.
type shell struct {
	in  io.Writer
	out *bufio.Scanner
}

func openShell(b *testing.B, path string) *shell {
	b.Helper()
	// Not bound to the benchmark's context: that ends before the clean-up.
	cmd := exec.Command("sqlite3", "-readonly", path)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_, _ = io.WriteString(in, ".quit\n")
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	s := &shell{in: in, out: bufio.NewScanner(out)}
	s.time(b, "PRAGMA cache_size = -16000", 1) // as our readers have
	return s
}

// time runs sql some times over, its rows going nowhere, and returns how long
// one took.
func (s *shell) time(b *testing.B, sql string, repeat int) time.Duration {
	b.Helper()
	script := ".output /dev/null\n" + strings.Repeat(sql+";\n", repeat) + ".output stdout\n.print done\n"
	start := time.Now()
	if _, err := io.WriteString(s.in, script); err != nil {
		b.Fatal(err)
	}
	if !s.out.Scan() || s.out.Text() != "done" {
		b.Fatal(fmt.Errorf("the shell said %q: %w", s.out.Text(), s.out.Err()))
	}
	return time.Since(start) / time.Duration(repeat)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
