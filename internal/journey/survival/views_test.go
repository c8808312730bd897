package survival

import (
	"net/http"
	"strings"
	"testing"
)

// The portal is killed while it brings view counts back. Afterwards each day of
// each publication has one row, the totals are the sum of them, and whoever asked
// for the counts gets them.
func TestKilledWhileViewsAreCounted(t *testing.T) {
	t.Parallel()
	c := newChannel(t, listen(t), "")
	w := newWorld(t, c, "")
	ctx := t.Context()
	ids := w.inReview("Contata", newFilm(t, small), newFilm(t, small))
	for _, id := range ids {
		w.must(w.staff.approve(ctx, id))
	}
	w.wantOne(ids...)
	counts := lists("videos:batchGetStats")
	kept := func() (n int) {
		t.Helper()
		w.must(w.db.one(ctx, `SELECT coalesce(sum(answered), 0) FROM sync_runs`, nil, &n)) // committed with the counts
		return n
	}
	cut := func() (n int) {
		t.Helper()
		w.must(w.db.one(ctx, `SELECT count(*) FROM sync_runs WHERE finished_at IS NULL`, nil, &n))
		return n
	}
	last := func() (id, answered int, finished bool) {
		t.Helper()
		w.must(w.db.one(ctx, `SELECT id, answered, finished_at IS NOT NULL FROM sync_runs ORDER BY id DESC LIMIT 1`, nil, &id, &answered, &finished))
		return id, answered, finished
	}
	for _, window := range []struct {
		name    string
		arrange func(counts func(*http.Request) bool)
		open    func(before int) bool
	}{
		{"asked, not answered", func(is func(*http.Request) bool) { c.stop(is) }, func(before int) bool { return c.isCaught() && kept() == before }},
		{"answered, not committed", func(is func(*http.Request) bool) { w.locks(is) }, func(before int) bool { return c.isCaught() && kept() == before }},
		{"committed, the run not finished", func(func(*http.Request) bool) { w.holdEnd() }, func(before int) bool { return kept() > before }},
	} {
		before, cutBefore := kept(), cut()
		window.arrange(counts)
		ended := make(chan error, 1)
		var said, trouble string
		go func() {
			var err error
			said, trouble, err = w.Try("sync")
			ended <- err
		}()
		w.until("the window is open: "+window.name, func() (bool, error) { return window.open(before), nil })
		w.Kill()
		killed, answered, finished := last()
		t.Logf("killed: %s; run %d, %d counts kept before, %d now, %d runs without an end", window.name, killed, before, kept(), cut())
		if !window.open(before) || finished || answered != kept()-before || cut() != cutBefore+1 {
			t.Errorf("%s: the window was shut by the time of the kill", window.name)
		}
		w.unlock()
		w.Run()
		if err := <-ended; err != nil || !strings.Contains(said, "answered: 2;") {
			t.Errorf("voci sync: %v\n%s\n%s", err, said, trouble)
		}
		if id, answered, finished := last(); id <= killed || answered != len(ids) || !finished {
			t.Errorf("%s: run %d was killed, run %d brought %d counts, finished: %t", window.name, killed, id, answered, finished)
		}
		w.wantTrueTotals(len(ids))
	}
	if said := w.Command("sync"); !strings.Contains(said, "answered: 2;") {
		t.Errorf("voci sync: %s", said)
	}
	w.wantTrueTotals(len(ids))
	shown := w.openData()
	if len(shown) != len(ids) {
		t.Fatalf("%d testimonies are public, want %d", len(shown), len(ids))
	}
	for _, one := range shown {
		if one.Views == nil || *one.Views <= 0 {
			t.Errorf("testimony %d is shown without its views", one.ID)
		}
	}
	w.db.wantSound(t)
}

// holdEnd keeps runs from ending until unlock: the statement that writes the end
// never comes to its own. What a run committed before stays.
func (w *world) holdEnd() {
	w.t.Helper()
	change := func(statements string) error { return w.db.change(w.t.Context(), statements) }
	w.must(change(`
		CREATE VIEW test_endless AS WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT count(*) FROM n;
		CREATE TRIGGER test_hold BEFORE UPDATE ON sync_runs WHEN new.finished_at IS NOT NULL BEGIN SELECT * FROM test_endless; END;`))
	w.held <- func() error { return change(`DROP TRIGGER test_hold; DROP VIEW test_endless`) }
}

// wantTrueTotals checks that what is kept of views belongs together.
func (w *world) wantTrueTotals(publications int) {
	w.t.Helper()
	ctx := w.t.Context()
	for what, query := range map[string]string{
		"two rows of one publication and day": `SELECT count(*) - count(DISTINCT publication_id || ' ' || day) FROM daily_views`,
		"publications without a day":          `SELECT count(*) FROM publications WHERE state = 'public' AND id NOT IN (SELECT publication_id FROM daily_views)`,
		"newest counts that were never said": `SELECT count(*) FROM latest_views l WHERE NOT EXISTS (SELECT 1 FROM view_counts v
			WHERE v.publication_id = l.publication_id AND v.taken_at = l.taken_at AND v.views IS l.views)
			OR EXISTS (SELECT 1 FROM view_counts v WHERE v.publication_id = l.publication_id AND v.taken_at > l.taken_at)`,
		"days that are not the newest counts": `SELECT count(*) FROM latest_views l WHERE l.views IS NOT
			(SELECT views FROM daily_views d WHERE d.publication_id = l.publication_id ORDER BY day DESC LIMIT 1)`,
		"curves that do not add up": `SELECT count(*) FROM latest_views l WHERE l.views IS NOT
			(SELECT sum(gained) FROM daily_views d WHERE d.publication_id = l.publication_id)`,
		"days whose total is not the sum of their rows": `SELECT count(*) FROM (SELECT day, sum(gained) AS gained, sum(views) AS views FROM daily_views GROUP BY day) d
			LEFT JOIN daily_totals t ON t.dimension = 'all' AND t.day = d.day WHERE t.gained IS NOT d.gained`,
		"totals that are not the newest counts": `SELECT (SELECT sum(views) FROM latest_views) IS NOT
			(SELECT views FROM daily_totals WHERE dimension = 'all' ORDER BY day DESC LIMIT 1)`,
	} {
		var wrong int
		w.must(w.db.one(ctx, query, nil, &wrong))
		if wrong != 0 {
			w.t.Errorf("%d %s", wrong, what)
		}
	}
	var counted int
	w.must(w.db.one(ctx, `SELECT count(*) FROM latest_views`, nil, &counted))
	if counted != publications {
		w.t.Errorf("%d publications were counted, want %d", counted, publications)
	}
}
