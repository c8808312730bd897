package newsroom_test

import (
	"net/http"
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
		"L’aggiornamento non riesce. Prima volta: oggi alle 13:00.", "Ultimo aggiornamento riuscito da YouTube: oggi alle 12:00", "in ritardo", "1.234")
}
