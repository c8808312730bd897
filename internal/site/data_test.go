package site_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOpenDataListsWhatIsPublic(t *testing.T) {
	w := open(t)
	if answer := w.get("/dati/testimonianze.json"); answer.Body.String() != "[]\n" || answer.Header().Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("nothing yet: %q %s", answer.Body, answer.Header().Get("Content-Type"))
	}
	hidden := form("Solo con l'indirizzo")
	hidden.Visibility = "unlisted"
	first, second := w.publish(balme, form("La neve e il pane", "solidarieta", "volontariato")), w.publish(pinerolo, form("Il mercato"))
	w.publish(balme, hidden)
	w.exec("UPDATE publications SET state = 'missing' WHERE testimony_id = ?", second.ID)
	w.watched(map[int64]int64{first.ID: 12345})

	answer := w.get("/dati/testimonianze.json")
	var got []map[string]any
	w.must(json.Unmarshal(answer.Body.Bytes(), &got))
	want := []map[string]any{
		{
			"id": float64(second.ID), "title": second.Title, "municipality": pinerolo, "themes": []any{"solidarieta"}, "tags": []any{"montagna", "neve"},
			"language": "it", "published_at": "2026-11-24T11:00:00Z", "youtube_id": nil, "views": nil, "views_at": nil, "url": base + address(second),
		},
		{
			"id": float64(first.ID), "title": "La neve e il pane", "municipality": balme, "themes": []any{"solidarieta", "volontariato"},
			"tags": []any{"montagna", "neve"}, "language": "it", "published_at": "2026-11-24T11:00:00Z", "youtube_id": youtubeID(first.ID),
			"views": 12345.0, "views_at": "2026-11-24T11:00:00Z", "url": base + address(first),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := answer.Header().Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("pages elsewhere may not read it: %q", got)
	}

	tag := answer.Header().Get("Etag")
	if again := w.get("/dati/testimonianze.json", "If-None-Match", tag); again.Code != http.StatusNotModified {
		t.Errorf("nothing changed: %d", again.Code)
	}
	w.watched(map[int64]int64{first.ID: 12346})
	if again := w.get("/dati/testimonianze.json", "If-None-Match", tag); again.Code != http.StatusOK || again.Header().Get("Etag") == tag {
		t.Errorf("after a change: %d", again.Code)
	}
}

func TestOpenDataComesInGroups(t *testing.T) {
	w := open(t)
	const many = 1203 // more than two groups
	w.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO testimonies (id, municipality_code, state, title, created_at, updated_at, published_at)
		SELECT i, ?, 'published', 'Voce ' || i, ?, ?, ? FROM n`, many, balme, w.now.UTC(), w.now.UTC(), w.now.UTC())
	var got []struct {
		ID  int64
		URL string
	}
	w.must(json.Unmarshal(w.get("/dati/testimonianze.json").Body.Bytes(), &got))
	if len(got) != many {
		t.Fatalf("%d testimonies", len(got))
	}
	for i, row := range got {
		id := int64(many - i)
		if want := fmt.Sprintf("%s/testimonianze/%d-voce-%d", base, id, id); row.ID != id || row.URL != want {
			t.Fatalf("at %d: %+v, want %s", i, row, want)
		}
	}
}
