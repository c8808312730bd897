package sandbox

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestBucketsRunOutDifferently(t *testing.T) {
	w := newWorld(t, Options{Quota: map[string]int{"uploads": 2, "statistics": 1, "units": 52}})
	id := w.upload(movie(500, 1))
	w.want(w.tryInitiate(insertAddress, `{"snippet":{"title":""}}`, 1), http.StatusBadRequest, "invalidTitle") // also costs
	r := w.want(w.tryInitiate(insertAddress, goodMetadata, 1), http.StatusTooManyRequests, "rateLimitExceeded")
	if m := r.find("error", "message"); !strings.Contains(m, "quota metric 'Video Uploads' and limit 'Video Uploads per day'") ||
		r.find("error", "status") != "RESOURCE_EXHAUSTED" || r.find("error", "errors", "0", "domain") != "global" {
		t.Errorf("uploads: %s", r.body)
	}

	// The units still work, and so do the statistics.
	w.want(w.get("/youtube/v3/videos?part=id&id="+id), http.StatusOK, "")
	w.want(w.get("/youtube/v3/videos:batchGetStats?part=statistics&id="+id), http.StatusOK, "")
	w.want(w.get("/youtube/v3/videos:batchGetStats?part=statistics&id="+id), http.StatusTooManyRequests, "rateLimitExceeded")
	w.want(w.send(http.MethodPut, "/youtube/v3/videos?part=status", `{"id":"`+id+`","status":{"privacyStatus":"unlisted"}}`), http.StatusOK, "")
	r = w.want(w.send(http.MethodDelete, "/youtube/v3/videos?id="+id, ""), http.StatusForbidden, "quotaExceeded")
	if r.find("error", "errors", "0", "domain") != "youtube.quota" {
		t.Errorf("units: %s", r.body)
	}
	w.want(w.get("/youtube/v3/videos?part=id&id="+id), http.StatusOK, "") // one unit was left
	w.want(w.get("/youtube/v3/videos?part=id&id="+id), http.StatusForbidden, "quotaExceeded")
	if got := w.state().Spent; got["uploads"] != 2 || got["statistics"] != 1 || got["units"] != 52 {
		t.Errorf("spent %v", got)
	}
	w.restart()
	w.want(w.get("/youtube/v3/videos?part=id&id="+id), http.StatusForbidden, "quotaExceeded")
	w.fault(Fault{Name: FillBuckets})
	w.want(w.get("/youtube/v3/videos?part=id&id="+id), http.StatusOK, "")
}

// The day of the quota ends at midnight in Los Angeles, whatever the season.
func TestQuotaDayIsPacific(t *testing.T) {
	w := newWorld(t, Options{})
	for name, midnight := range map[string]time.Time{
		"winter":                time.Date(2026, 1, 15, 8, 0, 0, 0, time.UTC),
		"only America in March": time.Date(2026, 3, 15, 7, 0, 0, 0, time.UTC),
		"summer":                time.Date(2026, 7, 15, 7, 0, 0, 0, time.UTC),
	} {
		w.mu.Lock()
		w.now = midnight.Add(-time.Second)
		w.mu.Unlock()
		w.pass(0)
		w.fault(Fault{Name: EmptyBucket, Bucket: "units"})
		w.want(w.get("/youtube/v3/videos?part=id&id=a"), http.StatusForbidden, "quotaExceeded")
		w.tick(time.Second)
		if r := w.get("/youtube/v3/videos?part=id&id=a"); r.code != http.StatusOK {
			t.Errorf("%s: the bucket is not full again: %s", name, r.body)
		}
	}
}

func TestUnknownBucket(t *testing.T) {
	if _, err := New(Options{Dir: t.TempDir(), Quota: map[string]int{"sand": 1}}); err == nil {
		t.Error("a misspelt bucket is taken")
	}
}
