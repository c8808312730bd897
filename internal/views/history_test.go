package views

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/youtube"
)

// places are municipalities of several zones.
var places = []string{"001001", "001272", "001038", "001125", "001156"}

// TestTotalsAreTrueWhateverHappens lets weeks of chance pass: counts that grow,
// fall, are hidden or missing, days without a run, publications, withdrawals,
// other themes, other places. After each act the totals must be those that a
// plain recomputation from the definition gives, and Rebuild must find nothing.
func TestTotalsAreTrueWhateverHappens(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := newWorld(t)
			chance := rand.New(rand.NewPCG(seed, 7))
			// Over the end of winter time in Rome, at 01:00 UTC on 29 March 2026.
			w.now = time.Date(2026, 3, 24, 21, 40, 0, 0, time.UTC)
			var testimonies []int64
			for step := range 60 {
				act := w.chance(chance, &testimonies)
				w.check(fmt.Sprintf("step %d, %s", step, act))
			}
		})
	}
}

// chance does one thing, and says what.
func (w *world) chance(r *rand.Rand, testimonies *[]int64) string {
	w.t.Helper()
	any := func() int64 { return (*testimonies)[r.IntN(len(*testimonies))] }
	n := r.IntN(10)
	if len(*testimonies) == 0 {
		n = 0
	}
	switch n {
	case 0, 1:
		id := int64(len(*testimonies) + 1)
		themes := r.Perm(6)[:1+r.IntN(3)]
		for i := range themes {
			themes[i]++
		}
		w.testimony(id, places[r.IntN(len(places))], themes...)
		*testimonies = append(*testimonies, id)
		switch r.IntN(5) {
		case 0: // not yet
		case 1:
			w.testimony(id+1, places[r.IntN(len(places))], 1)
			*testimonies = append(*testimonies, id+1)
			w.adopt(id, id+1)
			return "two that were on the channel before"
		default:
			w.publish(id)
		}
		return "one more"
	case 2:
		id := any()
		w.recount(id, `UPDATE testimonies SET state = CASE state WHEN 'withdrawn' THEN 'published' ELSE 'withdrawn' END WHERE id = ?`, id)
		return "withdrawn or back"
	case 3:
		id := any()
		w.recount(id, `UPDATE testimony_themes SET theme_id = (theme_id + 1) % 6 + 1 WHERE testimony_id = ? AND theme_id =
			(SELECT max(theme_id) FROM testimony_themes WHERE testimony_id = ?) AND NOT EXISTS
			(SELECT 1 FROM testimony_themes o WHERE o.testimony_id = testimony_themes.testimony_id AND o.theme_id = (testimony_themes.theme_id + 1) % 6 + 1)`, id, id)
		return "another theme"
	case 4:
		id := any()
		w.recount(id, `UPDATE testimonies SET municipality_code = ?, language = ? WHERE id = ?`,
			places[r.IntN(len(places))], []string{"it", "fr"}[r.IntN(2)], id)
		return "another place"
	case 5:
		w.now = w.now.Add(time.Duration(r.IntN(5*24)) * time.Hour)
		return "days pass"
	default:
		w.now = w.now.Add(time.Duration(20+r.IntN(200)) * time.Minute)
		for _, id := range *testimonies {
			views := scan[int64](w, `SELECT coalesce(max(views), 0) FROM daily_views WHERE publication_id = ?`, id+1_000_000) + r.Int64N(50) - 15
			switch r.IntN(8) {
			case 0:
				delete(w.channel.counts, youtubeID(id))
			case 1:
				w.channel.counts[youtubeID(id)] = youtube.Counts{Likes: &views}
			default:
				w.says(id, max(views, 0))
			}
		}
		w.run()
		return "a run"
	}
}

// check compares all totals with those of the definition, and lets Rebuild look.
func (w *world) check(after string) {
	w.t.Helper()
	have := map[total]bool{}
	for _, r := range scan[[]total](w, `SELECT * FROM daily_totals`) {
		have[r] = true
	}
	if diff := cmp.Diff(w.defined(), have); diff != "" {
		w.t.Fatalf("after %s: totals as defined (-) and as kept (+):\n%s", after, diff)
	}
	n, err := w.sync.Rebuild(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if n != 0 {
		w.t.Fatalf("after %s: Rebuild found %d differences", after, n)
	}
}

// defined computes the totals by their definition, one day after the other, in
// SQL that shares nothing with the code under test.
func (w *world) defined() map[total]bool {
	w.t.Helper()
	rows := scan[[]total](w, `
		WITH RECURSIVE
		days(day) AS (
			SELECT min(day) FROM (SELECT day FROM daily_views UNION SELECT day FROM daily_totals)
			UNION ALL SELECT date(day, '+1 day') FROM days WHERE day < (SELECT max(day) FROM (SELECT day FROM daily_views UNION SELECT day FROM daily_totals))
		),
		shown AS (
			SELECT t.id, p.id AS publication, t.municipality_code, t.language, m.zone_slug,
				min(coalesce(rome.day, '9999'), coalesce((SELECT min(day) FROM daily_views WHERE publication_id = p.id), '9999')) AS begins
			FROM testimonies t JOIN publications p ON p.testimony_id = t.id JOIN municipalities m ON m.istat_code = t.municipality_code
			LEFT JOIN test_rome rome ON rome.testimony_id = t.id
			WHERE t.state = 'published' AND t.visibility = 'public'
		),
		lines AS (
			SELECT 'all' AS dimension, '' AS key, id FROM shown
			UNION ALL SELECT 'zone', zone_slug, id FROM shown
			UNION ALL SELECT 'municipality', municipality_code, id FROM shown
			UNION ALL SELECT 'language', language, id FROM shown
			UNION ALL SELECT 'theme', th.slug, s.id FROM shown s JOIN testimony_themes tt ON tt.testimony_id = s.id JOIN themes th ON th.id = tt.theme_id
		)
		SELECT l.dimension, l.key, d.day, count(*) AS testimonies,
			sum(coalesce((SELECT views FROM daily_views v WHERE v.publication_id = s.publication AND v.day <= d.day ORDER BY v.day DESC LIMIT 1), 0)) AS views,
			sum(coalesce((SELECT gained FROM daily_views v WHERE v.publication_id = s.publication AND v.day = d.day), 0)) AS gained,
			sum(coalesce((SELECT v.views FROM daily_views v JOIN publications p ON p.id = v.publication_id AND p.origin = 'channel'
				WHERE v.publication_id = s.publication AND v.day <= d.day ORDER BY v.day LIMIT 1), 0)) AS brought
		FROM lines l JOIN shown s ON s.id = l.id JOIN days d ON d.day >= s.begins
		GROUP BY l.dimension, l.key, d.day`)
	set := map[total]bool{}
	for _, r := range rows {
		set[r] = true
	}
	return set
}

// TestRebuildMendsWhatNobodyToldOf changes rows behind the portal's back.
func TestRebuildMendsWhatNobodyToldOf(t *testing.T) {
	w := newWorld(t)
	w.testimony(1, places[0], 1, 2)
	w.testimony(2, places[1], 2)
	w.publish(1)
	w.publish(2)
	w.says(1, 100)
	w.says(2, 10)
	w.run()
	w.exec(`UPDATE daily_totals SET views = views + 1 WHERE dimension = 'all'`)
	w.exec(`DELETE FROM daily_totals WHERE dimension = 'zone'`)
	w.exec(`INSERT INTO daily_totals VALUES ('theme', 'volontariato', '2026-01-01', 1, 1, 1, 0), ('language', 'fr', '2026-03-02', 0, 0, 0, 0)`)
	zones := scan[int](w, `SELECT count(DISTINCT zone_slug) FROM municipalities WHERE istat_code IN ?`, places[:2])
	n, err := w.sync.Rebuild(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 + zones + 2; n != want {
		t.Errorf("differences: got %d, want %d", n, want)
	}
	w.check("mending")
}

// TestRunFindsWhatNobodyToldOf: a testimony published without Recount counts
// from the next run on, in all days concerned.
func TestRunFindsWhatNobodyToldOf(t *testing.T) {
	w := newWorld(t)
	for id := range int64(3) {
		w.testimony(id+1, places[id], 1)
		w.says(id+1, 10)
	}
	w.publish(1)
	w.run()
	w.exec(`UPDATE testimonies SET state = 'published', published_at = ? WHERE id IN (2, 3)`, w.now.UTC())
	w.exec(`INSERT INTO test_rome VALUES (2, '2026-03-02'), (3, '2026-03-02')`)
	w.now = w.now.AddDate(0, 0, 2)
	w.run()
	w.check("a publication nobody told of")
	w.exec(`UPDATE testimonies SET state = 'withdrawn' WHERE id = 2`)
	w.run()
	w.check("a withdrawal nobody told of")
}

// TestWhatAnAdoptedOneHadIsNotGained: years of views are not those of a day.
func TestWhatAnAdoptedOneHadIsNotGained(t *testing.T) {
	w := newWorld(t)
	w.testimony(1, places[0], 1)
	w.publish(1)
	w.says(1, 10)
	w.run()
	w.now = w.now.AddDate(0, 0, 1)
	w.testimony(2, places[1], 1)
	w.adopt(2)
	w.says(2, 5000)
	w.run()
	w.says(2, 5010)
	w.run()
	w.now = w.now.AddDate(0, 0, 1)
	w.says(1, 13)
	w.says(2, 5017)
	w.run()
	w.check("two days")
	want := map[string]total{
		"2026-03-02": {Testimonies: 1, Views: 10, Gained: 10},
		"2026-03-03": {Testimonies: 2, Views: 5020},
		"2026-03-04": {Testimonies: 2, Views: 5030, Gained: 10},
	}
	if diff := cmp.Diff(want, w.totals(all, "")); diff != "" {
		t.Errorf("totals, want (-) and got (+):\n%s", diff)
	}
}

// TestForgetBeforeWithdrawing is how the hook of a withdrawal uses it.
func TestForgetBeforeWithdrawing(t *testing.T) {
	w := newWorld(t)
	w.testimony(1, places[0], 1)
	w.testimony(2, places[0], 1)
	w.publish(1)
	w.publish(2)
	w.says(1, 100)
	w.says(2, 10)
	w.run()
	err := w.db.Write(t.Context(), func(tx *gorm.DB) error {
		if err := w.sync.Forget(tx, 1); err != nil {
			return err
		}
		return tx.Exec(`UPDATE testimonies SET state = 'withdrawn' WHERE id = 1`).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	w.check("a withdrawal")
	want := map[string]total{"2026-03-02": {Testimonies: 1, Views: 10, Gained: 10}}
	if diff := cmp.Diff(want, w.totals(all, "")); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}
