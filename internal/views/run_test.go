package views

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-sqlite3"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/youtube"
)

func ptr(n int64) *int64 { return &n }

// TestWhatYouTubeDoesNotSayIsNull keeps apart a zero, a silence and a video
// that is missing from the answer.
func TestWhatYouTubeDoesNotSayIsNull(t *testing.T) {
	w := newWorld(t)
	for id := range int64(4) {
		w.testimony(id+1, places[0], 1)
		w.publish(id + 1)
	}
	w.channel.counts = map[string]youtube.Counts{
		youtubeID(1): {Views: ptr(7), Likes: ptr(0), Comments: ptr(2)},
		youtubeID(2): {Views: ptr(0)},
		youtubeID(3): {Likes: ptr(5)},
	}
	report := w.run()
	if diff := cmp.Diff(Report{Asked: 4, Answered: 3, Calls: 1}, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	at := w.now.Unix()
	const m = 1_000_000
	want := []viewCount{
		{m + 1, at, ptr(7), ptr(0), ptr(2)},
		{m + 2, at, ptr(0), nil, nil},
		{m + 3, at, nil, ptr(5), nil},
	}
	if diff := cmp.Diff(want, scan[[]viewCount](w, `SELECT * FROM view_counts ORDER BY publication_id`)); diff != "" {
		t.Errorf("what was said (-want +got):\n%s", diff)
	}
	days := scan[[]dailyView](w, `SELECT * FROM daily_views ORDER BY publication_id`)
	if diff := cmp.Diff([]dailyView{{m + 1, "2026-03-02", 7, 7}, {m + 2, "2026-03-02", 0, 0}}, days); diff != "" {
		t.Errorf("the day (-want +got):\n%s", diff)
	}
	latest, err := w.sync.Latest(t.Context(), []int64{1, 3, 4})
	if err != nil {
		t.Fatal(err)
	}
	wantLatest := map[int64]Latest{
		1: {Views: ptr(7), Likes: ptr(0), Comments: ptr(2), At: w.now},
		3: {Likes: ptr(5), At: w.now},
	}
	if diff := cmp.Diff(wantLatest, latest); diff != "" {
		t.Errorf("newest (-want +got):\n%s", diff)
	}
	if w.shown != 1 {
		t.Errorf("cached pages were dropped %d times, want once", w.shown)
	}
}

// TestDaysAreThoseOfRome counts just before and after midnight there, in winter
// time, in summer time and in the night between them, when a day has 23 hours.
func TestDaysAreThoseOfRome(t *testing.T) {
	w := newWorld(t)
	w.now = time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC)
	w.testimony(1, places[0], 1)
	w.publish(1)
	for _, c := range []struct {
		at    string
		views int64
	}{
		{"2026-03-27T22:59:59Z", 10}, // 23:59 of the 27th
		{"2026-03-27T23:00:00Z", 11}, // 00:00 of the 28th
		{"2026-03-28T22:30:00Z", 15},
		{"2026-03-28T23:30:00Z", 20}, // 00:30 of the 29th, still winter time
		{"2026-03-29T21:59:59Z", 18}, // 23:59 of the 29th, summer time
		{"2026-03-29T22:00:00Z", 18}, // 00:00 of the 30th
		{"2026-10-24T21:59:59Z", 30},
		{"2026-10-25T22:59:59Z", 31}, // 23:59 of the day of 25 hours
		{"2026-10-25T23:00:00Z", 40},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		w.now = at
		w.says(1, c.views)
		w.run()
	}
	want := []dailyView{
		{1_000_001, "2026-03-27", 10, 10},
		{1_000_001, "2026-03-28", 15, 5},
		{1_000_001, "2026-03-29", 18, 3},
		{1_000_001, "2026-03-30", 18, 0},
		{1_000_001, "2026-10-24", 30, 12},
		{1_000_001, "2026-10-25", 31, 1},
		{1_000_001, "2026-10-26", 40, 9},
	}
	if diff := cmp.Diff(want, scan[[]dailyView](w, `SELECT * FROM daily_views ORDER BY day`)); diff != "" {
		t.Errorf("curve (-want +got):\n%s", diff)
	}
	totals := w.totals(all, "")
	if got := (total{Testimonies: 1, Views: 18}); totals["2026-07-01"] != got {
		t.Errorf("a day without counts: got %+v, want %+v", totals["2026-07-01"], got)
	}
	if n := len(totals); n != 31-27+1+30+31+30+31+31+30+26 {
		t.Errorf("days in the totals: got %d, want one for each from 27 March to 26 October", n)
	}
	w.check("a year's clock changes")
}

// TestAClockPutRight: counts taken while the clock was ahead stay, and spoil
// nothing when it is put right.
func TestAClockPutRight(t *testing.T) {
	w := newWorld(t)
	w.testimony(1, places[0], 1)
	w.publish(1)
	w.says(1, 10)
	w.now = w.now.AddDate(0, 0, 2)
	w.run()
	w.now = w.now.AddDate(0, 0, -1)
	w.says(1, 12)
	w.run()
	w.check("the clock was put right")
	w.now = w.now.AddDate(0, 0, 1).Add(time.Hour)
	w.says(1, 15)
	w.run()
	w.check("the day has come")
	if got := w.totals(all, "")["2026-03-04"]; got.Views != 15 {
		t.Errorf("views: got %d, want 15", got.Views)
	}
}

// TestAFailedCallLeavesTheRest: what a failed call would have brought stays as it
// was, with its time; the other calls go on, and the next run begins with it.
func TestAFailedCallLeavesTheRest(t *testing.T) {
	w := newWorld(t)
	w.many(120)
	w.run()
	before := w.now
	w.now = w.now.Add(time.Hour)
	w.channel.counts = map[string]youtube.Counts{}
	for id := range int64(120) {
		w.says(id+1, 2*id)
	}
	w.channel.asked = nil
	w.channel.fail = func(call int) error {
		if call == 2 {
			return fmt.Errorf("reading statistics: %w", &youtube.Error{Status: http.StatusServiceUnavailable, Reason: "backendError"})
		}
		return nil
	}
	want := Report{Asked: 120, Answered: 70, Calls: 3, Failed: 1, Trouble: "views.trouble.temporary"}
	if diff := cmp.Diff(want, w.run()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if n := scan[int](w, `SELECT count(*) FROM latest_views WHERE taken_at = ? AND views = publication_id - 1000001`, before.Unix()); n != 50 {
		t.Errorf("old counts with their time: got %d, want 50", n)
	}
	if n := scan[int](w, `SELECT count(*) FROM latest_views WHERE taken_at = ?`, w.now.Unix()); n != 70 {
		t.Errorf("new counts: got %d, want 70", n)
	}
	failed := w.channel.asked[1]
	kept := scan[run](w, `SELECT * FROM sync_runs ORDER BY id DESC LIMIT 1`)
	if kept.Asked != 120 || kept.Answered != 70 || kept.Calls != 3 || kept.Failed != 1 || kept.FinishedAt == nil || kept.Trouble != want.Trouble {
		t.Errorf("the run was kept as %+v", kept)
	}
	w.check("a failed call")
	w.channel.asked, w.channel.fail = nil, nil
	w.now = w.now.Add(time.Hour)
	w.run()
	if diff := cmp.Diff(failed, w.channel.asked[0]); diff != "" {
		t.Errorf("the next run began with (-want +got):\n%s", diff)
	}
	w.check("the next run")
}

// many makes n testimonies that are out, with as many views as their number
// less one, and nothing counted yet.
func (w *world) many(n int) {
	w.t.Helper()
	w.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?),
		places(place, code) AS (SELECT row_number() OVER (ORDER BY istat_code) - 1, istat_code FROM municipalities)
		INSERT INTO testimonies (id, municipality_code, state, title, created_at, updated_at, published_at)
		SELECT i, code, 'published', 'x', ?, ?, ? FROM n JOIN places ON place = i % 316`,
		n, w.now.UTC(), w.now.UTC(), w.now.UTC())
	w.exec(`INSERT INTO testimony_themes SELECT id, id % 6 + 1 FROM testimonies UNION ALL SELECT id, (id + 3) % 6 + 1 FROM testimonies WHERE id % 2`)
	w.exec(`INSERT INTO test_rome SELECT id, ? FROM testimonies`, dayOf(w.now))
	w.exec(`INSERT INTO videos (id, testimony_id, upload_id, state, original, filename, bytes, received_at)
		SELECT id, id, id, 'ready', 'x', 'x', 1, created_at FROM testimonies`)
	w.exec(`INSERT INTO publications (id, testimony_id, video_id, state, since, slug, youtube_id, wanted_privacy)
		SELECT id + 1000000, id, id, 'public', created_at, id, printf('video-%05d', id), 'public' FROM testimonies`)
	for id := range int64(n) {
		w.says(id+1, id)
	}
}

// TestARunEndsWhereGoingOnIsUseless lists what ends a run, after how many calls,
// and what is said of it.
func TestARunEndsWhereGoingOnIsUseless(t *testing.T) {
	api := func(status int, reason string) error {
		return fmt.Errorf("reading: %w", &youtube.Error{Status: status, Reason: reason, Bucket: youtube.BucketStatistics})
	}
	for name, c := range map[string]struct {
		fails   error
		calls   int
		trouble string
		until   bool
	}{
		"the channel was disconnected": {api(400, "invalid_grant"), 1, "views.trouble.disconnected", false},
		"the token is refused":         {api(401, "authError"), 1, "views.trouble.disconnected", false},
		"YouTube says that it is all":  {api(403, "quotaExceeded"), 1, "views.trouble.quota", true},
		"the line is down":             {errors.New("no route to host"), hopeless, "views.trouble.temporary", false},
		"too fast":                     {api(429, "rateLimitExceeded"), hopeless, "views.trouble.temporary", false},
		"it does not like the request": {api(400, "invalidFilters"), hopeless, "views.trouble.refused", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.many(50*hopeless + 1)
			w.channel.fail = func(int) error { return c.fails }
			report, err := w.sync.Run(t.Context())
			if err == nil {
				t.Fatal("the run went through")
			}
			if report.Calls != c.calls || report.Failed != c.calls || report.Trouble != c.trouble || report.Answered != 0 {
				t.Errorf("got %+v, want %d calls, all failed, %s", report, c.calls, c.trouble)
			}
			e, _ := errors.AsType[*fault.Error](err)
			if c.until != (e != nil && e.Kind == fault.Unavailable && e.Until.Equal(youtube.NextReset(w.now))) {
				t.Errorf("until when: got %v", err)
			}
			if w.shown != 0 {
				t.Error("cached pages were dropped for nothing")
			}
		})
	}
}

func TestNoCallWithoutAllowance(t *testing.T) {
	w := newWorld(t)
	w.many(120 * 50)
	until := w.now.Add(3 * time.Hour)
	w.ledger.left = 100
	w.ledger.empty = &fault.Error{Kind: fault.Unavailable, Message: fault.Msg("quota.empty"), Until: until}
	report, err := w.sync.Run(t.Context())
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Unavailable || !e.Until.Equal(until) {
		t.Errorf("got %v, want unavailable until %v", err, until)
	}
	if report.Calls != 100 || report.Answered != 5000 || report.Trouble != troubleQuota {
		t.Errorf("got %+v, want the hundred calls that there were", report)
	}
	if len(w.channel.asked) != w.ledger.spent {
		t.Errorf("%d calls, %d spent", len(w.channel.asked), w.ledger.spent)
	}
}

func TestNoChannelNoCounts(t *testing.T) {
	w := newWorld(t)
	none := fault.New(fault.NotFound, "channel.none")
	w.sync.stats = func(context.Context) (Statistics, error) { return nil, none }
	if _, err := w.sync.Run(t.Context()); err != nil {
		t.Errorf("nothing to count: got %v", err)
	}
	w.many(1)
	report, err := w.sync.Run(t.Context())
	if !errors.Is(err, none) || report.Trouble != "views.trouble.disconnected" {
		t.Errorf("got %+v, %v", report, err)
	}
	if w.ledger.spent != 0 {
		t.Error("calls were taken from the allowance for nothing")
	}
}

// TestOnlyWhatIsOutIsAskedFor also asks for unlisted videos, which their town
// halls want to know about, and leaves them out of the totals.
func TestOnlyWhatIsOutIsAskedFor(t *testing.T) {
	w := newWorld(t)
	w.many(8)
	for id, state := range []string{"waiting", "sending", "processing", "blocked", "missing", "removed"} {
		w.exec(`UPDATE publications SET state = ? WHERE testimony_id = ?`, state, id+1)
	}
	w.exec(`UPDATE testimonies SET visibility = 'unlisted' WHERE id = 8`)
	w.run()
	if diff := cmp.Diff([][]string{{youtubeID(7), youtubeID(8)}}, w.channel.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if got := w.totals(all, "")["2026-03-02"]; got.Views != 6 || got.Testimonies != 7 {
		t.Errorf("totals: got %+v, want the six views of seven public testimonies", got)
	}
}

// TestStopMidway: a run that is stopped keeps what it has, says so, and closes.
func TestStopMidway(t *testing.T) {
	w := newWorld(t)
	w.many(200)
	ctx, stop := context.WithCancel(t.Context())
	w.channel.fail = func(call int) error {
		if call == 2 {
			stop()
			return ctx.Err()
		}
		return nil
	}
	report, err := w.sync.Run(ctx)
	if !errors.Is(err, context.Canceled) || report.Calls != 2 || report.Answered != 50 || report.Failed != 0 {
		t.Errorf("got %+v, %v", report, err)
	}
	kept := scan[run](w, `SELECT * FROM sync_runs`)
	if kept.FinishedAt == nil || kept.Answered != 50 {
		t.Errorf("the run was kept as %+v", kept)
	}
	w.channel.fail = nil
	w.run()
	w.check("a run that was stopped")
}

// commits counts the write transactions of the world's database.
func (w *world) commits() *atomic.Int64 {
	w.t.Helper()
	var n atomic.Int64
	conn, err := w.db.SQL().Conn(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	err = conn.Raw(func(c any) error {
		c.(*sqlite3.SQLiteConn).RegisterCommitHook(func() int { n.Add(1); return 0 })
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return &n
}

const (
	big      = 20_000
	bigCalls = 400
	// around is what a run writes besides what calls bring: its own row, at the
	// beginning and at the end.
	around = 2
)

// TestTwentyThousand: exactly 400 calls and one write transaction a call.
func TestTwentyThousand(t *testing.T) {
	w := newWorld(t)
	w.many(big)
	if n, err := w.sync.Rebuild(t.Context()); err != nil || n == 0 { // as Recount would have counted them
		t.Fatalf("%d totals made, %v", n, err)
	}
	commits := w.commits()
	report := w.run()
	if report.Calls != bigCalls || report.Answered != big || len(w.channel.asked) != bigCalls || w.ledger.spent != bigCalls {
		t.Errorf("got %+v, %d calls, %d spent", report, len(w.channel.asked), w.ledger.spent)
	}
	for _, ids := range w.channel.asked {
		if len(ids) != youtube.MaxIDs {
			t.Fatalf("a call for %d ids", len(ids))
		}
	}
	if n := commits.Load(); n != bigCalls+around {
		t.Errorf("write transactions: got %d, want %d", n, bigCalls+around)
	}
	if got := w.totals(all, "")[dayOf(w.now)]; got.Testimonies != big || got.Views != big*(big-1)/2 {
		t.Errorf("totals: got %+v", got)
	}
	n, err := w.sync.Rebuild(t.Context())
	if err != nil || n != 0 {
		t.Errorf("Rebuild found %d differences, %v", n, err)
	}
}

// BenchmarkSync20000 counts 20,000 videos against a channel that answers at
// once, and reports calls and write transactions, each as a ratio to what 50 ids
// a call allow, and how long it took.
func BenchmarkSync20000(b *testing.B) {
	w := newWorld(b)
	w.many(big)
	if _, err := w.sync.Rebuild(b.Context()); err != nil {
		b.Fatal(err)
	}
	commits := w.commits()
	w.ledger.left = 1 << 30
	runs := 0
	for b.Loop() {
		w.now = w.now.Add(time.Hour)
		report, err := w.sync.Run(b.Context())
		if err != nil || report.Answered != big {
			b.Fatalf("%+v, %v", report, err)
		}
		runs++
	}
	b.ReportMetric(float64(len(w.channel.asked))/float64(runs*bigCalls), "calls/expected")
	b.ReportMetric(float64(int(commits.Load())-around*runs)/float64(len(w.channel.asked)), "transactions/call")
	b.ReportMetric(b.Elapsed().Seconds()/float64(runs), "s/sync")
}

// TestThin keeps the last count of a day that says something, in Rome's days.
func TestThin(t *testing.T) {
	w := newWorld(t)
	w.testimony(1, places[0], 1)
	w.testimony(2, places[1], 1)
	put := func(publication int64, at string, views *int64) {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		w.exec(`INSERT INTO view_counts (publication_id, taken_at, views) VALUES (?, ?, ?)`, publication, moment.Unix(), views)
	}
	for _, p := range []int64{1_000_001, 1_000_002} {
		put(p, "2026-03-28T08:00:00Z", ptr(1))
		put(p, "2026-03-28T22:59:00Z", ptr(2)) // 23:59 in Rome: stays
		put(p, "2026-03-28T23:00:00Z", ptr(3)) // the next day
		put(p, "2026-03-29T21:59:00Z", ptr(4)) // 23:59, summer time: stays
		put(p, "2026-03-29T22:00:00Z", ptr(5)) // stays: says something
		put(p, "2026-03-30T05:00:00Z", nil)
		put(p, "2026-03-31T05:00:00Z", nil)
		put(p, "2026-03-31T06:00:00Z", nil) // stays, as the last silence
		put(p, "2026-04-01T10:00:00Z", ptr(6))
		put(p, "2026-04-01T11:00:00Z", ptr(7)) // 60 days old: whole
	}
	thin := func() []int64 {
		t.Helper()
		if err := w.sync.Thin(t.Context()); err != nil {
			t.Fatal(err)
		}
		return scan[[]int64](w, `SELECT coalesce(views, 0) FROM view_counts WHERE publication_id = 1000002 ORDER BY taken_at`)
	}
	w.now = time.Date(2026, 5, 31, 1, 0, 0, 0, time.UTC)
	if diff := cmp.Diff([]int64{2, 4, 5, 0, 6, 7}, thin()); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	w.now = w.now.AddDate(0, 0, 1)
	if diff := cmp.Diff([]int64{2, 4, 5, 0, 7}, thin()); diff != "" {
		t.Errorf("kept the night after (-want +got):\n%s", diff)
	}
	if n := scan[int](w, `SELECT count(*) FROM view_counts`); n != 10 {
		t.Errorf("rows: got %d, want the same five of both", n)
	}
}

// TestTroubleIsToldWithoutSecrets: what is kept of a failure is a key.
func TestTroubleIsToldWithoutSecrets(t *testing.T) {
	w := newWorld(t)
	w.many(1)
	w.channel.fail = func(int) error { return errors.New("token ya29.SECRET refused") }
	w.run()
	if got := scan[string](w, `SELECT trouble FROM sync_runs`); strings.Contains(got, "SECRET") || got != "views.trouble.temporary" {
		t.Errorf("trouble: got %q", got)
	}
}
