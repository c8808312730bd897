package newsroom_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// counts writes the totals of one day, as the sync does.
func (w *world) counts(day string, views int) {
	w.t.Helper()
	for _, line := range [][2]string{{"all", ""}, {"theme", "solidarieta"}, {"zone", "ciriacese-valli-lanzo"}, {"municipality", balme}} {
		w.exec("INSERT INTO daily_totals (dimension, key, day, testimonies, views, gained) VALUES (?, ?, ?, 1, ?, 0)", line[0], line[1], day, views)
	}
}

// ran is a run of the sync that ended now; trouble is what it met, if anything.
func (w *world) ran(trouble string) {
	w.t.Helper()
	failed := 0
	if trouble != "" {
		failed = 1
	}
	w.exec("INSERT INTO sync_runs (started_at, finished_at, asked, answered, calls, failed, trouble) VALUES (?, ?, 1, 1, 1, ?, ?)",
		w.now.UTC(), w.now.UTC(), failed, trouble)
}

func TestTheDashboardShowsNumbersWithTheirSource(t *testing.T) {
	w := open(t)
	moderator := w.moderator()
	moderator.get("/redazione/cruscotto").want(http.StatusOK).
		says("Qui vedrai i numeri delle testimonianze.", "Le visualizzazioni non sono ancora state chieste a YouTube.")

	w.counts("2026-11-23", 1000)
	w.counts("2026-11-24", 1234)
	w.ran("")
	a := moderator.get("/redazione/cruscotto").want(http.StatusOK)
	a.says("1.234", "di 316", "Solidarietà", "1 di 40", "YouTube, aggiornato oggi alle 12:00", "Ultimo aggiornamento riuscito da YouTube: oggi alle 12:00",
		"Una testimonianza può avere più temi e allora conta in ciascuno")
	a.silent("in ritardo")
	a.one("a", "href", "/redazione/comuni/"+balme)
	a.one("figure", "data-chart", "lines")
	if moderator.get("/redazione/cruscotto?pagina=2").code != http.StatusNotFound {
		t.Error("there is a second page of one municipality")
	}
	moderator.get("/en/redazione/cruscotto").want(http.StatusOK).says("1,234", "Solidarity", "YouTube, updated today at 12:00")
}

func TestTheDashboardSaysThatTheSyncFails(t *testing.T) {
	w := open(t)
	moderator := w.moderator()
	w.counts("2026-11-24", 1234)
	w.ran("")
	w.now = w.now.Add(time.Hour)
	w.ran("views.trouble.quota")
	w.now = w.now.Add(time.Hour)
	w.ran("views.trouble.disconnected")
	moderator.get("/redazione/cruscotto").want(http.StatusOK).says(
		"Il canale non risponde a nome nostro. Collega di nuovo il canale: i numeri di prima restano.",
		"L’aggiornamento non riesce. La prima volta oggi alle 13:00.", "Ultimo aggiornamento riuscito da YouTube: oggi alle 12:00", "in ritardo", "1.234")
}

// TestEveryChartShowsWhenYouTubeChanged reads the mark where each way of reading
// a chart has it: in the drawing, in the table, in a sentence, in the small
// lines.
func TestEveryChartShowsWhenYouTubeChanged(t *testing.T) {
	w := open(t)
	for day := 20; day <= 28; day++ {
		w.counts("2026-08-"+strconv.Itoa(day), 1000+day*day)
	}
	w.ran("")
	const says = "Da qui (24 agosto 2026) YouTube conta una visualizzazione quando parte la riproduzione."
	a := w.moderator().get("/redazione/cruscotto").want(http.StatusOK)
	charts := a.find("figure", "data-chart", "*")
	if len(charts) != 2 {
		t.Fatalf("%d charts", len(charts))
	}
	for _, chart := range charts {
		if n := strings.Count(text(chart), says); n < 1 {
			t.Errorf("a chart does not say it: %q", text(chart))
		}
		marked := find(chart, "tr", "data-mark", "*")
		if len(marked) != 1 || !strings.HasPrefix(text(marked[0]), "24 agosto 2026 da qui YouTube conta una visualizzazione quando parte la riproduzione") {
			t.Errorf("%d rows of a chart's table are marked", len(marked))
		}
	}
	if n := len(find(charts[0], "path", "class", "line-mark")); n != 1 {
		t.Errorf("%d marks are drawn", n)
	}
	sparks := a.find("svg", "class", "spark")
	drawn := 0
	for _, spark := range sparks {
		drawn += len(find(spark, "path", "class", "line-mark"))
	}
	if drawn != len(sparks) || drawn < 2 {
		t.Errorf("%d of %d small lines are marked", drawn, len(sparks))
	}
	w.moderator().get("/fr/redazione/cruscotto").says("YouTube compte une vue dès que la lecture commence")
}
