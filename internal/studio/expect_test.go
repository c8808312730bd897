package studio_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestATownHallIsToldWhenItsVideoGoes has a channel whose uploads of today are
// used up, and one that stops.
func TestATownHallIsToldWhenItsVideoGoes(t *testing.T) {
	w := open(t)
	w.exec(`INSERT INTO channels (id, title, uploads_playlist, connected_at, connected_by) VALUES ('UC1', 'Canale', 'UU1', ?, 'test')`, noon)
	first, second := w.approved("La prima"), w.approved("La seconda")
	b := w.townHall(balme)
	said := func(id int64) string {
		t.Helper()
		for _, step := range b.get("/comune").want(http.StatusOK).way(id) {
			if rest, ok := strings.CutPrefix(step, "Pubblicata (in attesa) "); ok {
				return rest
			}
		}
		return ""
	}
	for name, c := range map[string]struct {
		ledger, trouble, reason, publishAt any
		first, second                      string
	}{
		"its turn":          {0, "", "", nil, "Parte oggi: è il prossimo.", "Parte oggi, dopo un altro."},
		"one upload left":   {99, "", "", nil, "Parte oggi: è il prossimo.", "Parte domani dalle 09:00."},
		"none left":         {100, "", `{"Key":"publishing.quota.uploads","Args":{"Until":"x"}}`, nil, "Parte domani dalle 09:00.", "Parte domani dalle 09:00."},
		"the channel stops": {0, "publishing.trouble.token", "", nil, "In coda per il canale.", "In coda per il canale."},
		"nobody knows yet":  {0, "", `{"Key":"publishing.outcome_unknown"}`, nil, "YouTube non ha detto se il video è arrivato: lo cerchiamo sul canale prima di inviarlo di nuovo.", "Parte oggi, dopo un altro."},
		"it has its day":    {0, "", "", noon.Add(48 * time.Hour), "Esce il 26 novembre 2026 alle 12:00.", "Parte oggi, dopo un altro."},
	} {
		w.exec(`DELETE FROM quota_ledger`)
		w.exec(`INSERT INTO quota_ledger (day, bucket, spent) VALUES ('2026-11-24', 'uploads', ?)`, c.ledger)
		w.exec(`UPDATE channels SET trouble = ?`, c.trouble)
		w.exec(`UPDATE publications SET reason = ?, publish_at = ? WHERE testimony_id = ?`, c.reason, c.publishAt, first.ID)
		if got := said(first.ID); got != c.first {
			t.Errorf("%s: the first reads %q, want %q", name, got, c.first)
		}
		if got := said(second.ID); got != c.second {
			t.Errorf("%s: the second reads %q, want %q", name, got, c.second)
		}
	}
}
