package sandbox

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestListVideos(t *testing.T) {
	w := newWorld(t, Options{})
	a, b := w.upload(movie(500, 1)), w.upload(movie(501, 1))
	r := w.want(w.get("/youtube/v3/videos?part=id&id="+a+",nothing,"+b+"&id="+a), http.StatusOK, "")
	if len(r.items()) != 2 || r.find("items", "0", "id") != a || r.find("items", "1", "id") != b || r.find("kind") != "youtube#videoListResponse" ||
		r.find("items", "0", "kind") != "youtube#video" || r.find("items", "0", "etag") == "" || r.find("items", "0", "snippet") != "" {
		t.Errorf("%s", r.body)
	}
	r = w.want(w.get("/youtube/v3/videos?part=id&id=nothing"), http.StatusOK, "")
	if r.json["items"] == nil || len(r.items()) != 0 {
		t.Errorf("missing ids are just missing: %s", r.body)
	}
	r = w.want(w.get("/youtube/v3/videos?part=snippet,statistics,status&id="+a), http.StatusOK, "")
	if _, text := r.json["items"].([]any)[0].(map[string]any)["statistics"].(map[string]any)["viewCount"].(string); !text {
		t.Errorf("counts are strings: %s", r.body)
	}
	ids := make([]string, 51)
	for i := range ids {
		ids[i] = fmt.Sprint("id", i)
	}
	w.want(w.get("/youtube/v3/videos?part=id&id="+strings.Join(ids[:50], ",")), http.StatusOK, "")
	w.want(w.get("/youtube/v3/videos?part=id&id="+strings.Join(ids, ",")), http.StatusBadRequest, "invalidFilters")
	w.want(w.get("/youtube/v3/videos:batchGetStats?part=id&id="+strings.Join(ids, ",")), http.StatusBadRequest, "invalidFilters")
	w.want(w.get("/youtube/v3/videos?part=id"), http.StatusBadRequest, "missingRequiredParameter")
	w.want(w.get("/youtube/v3/videos?id=a"), http.StatusBadRequest, "required")
	w.want(w.get("/youtube/v3/videos?part=&id=a"), http.StatusBadRequest, "required")
	r = w.want(w.get("/youtube/v3/videos?part=id,nonsense&id=a"), http.StatusBadRequest, "unknownPart")
	if r.location() != "part" {
		t.Errorf("%s", r.body)
	}
	w.want(w.get("/youtube/v3/nonsense"), http.StatusNotFound, "notFound")

	w.fault(Fault{Name: Vanish, IDs: []string{a}}, Fault{Name: Vanish})
	for _, want := range []int{1, 0, 2} {
		if r := w.get("/youtube/v3/videos?part=id&id=" + a + "," + b); len(r.items()) != want {
			t.Errorf("%d items, want %d", len(r.items()), want)
		}
	}
}

func TestUpdateOverwritesWholeParts(t *testing.T) {
	w := newWorld(t, Options{})
	id := w.upload(movie(500, 1))
	put := func(part, body string) response {
		t.Helper()
		return w.send(http.MethodPut, "/youtube/v3/videos?part="+part, body)
	}
	r := w.want(put("snippet", `{"id":"`+id+`","snippet":{"title":"Nuovo","categoryId":"22"}}`), http.StatusOK, "")
	if r.find("items") != "" || r.find("snippet", "title") != "Nuovo" {
		t.Errorf("%s", r.body)
	}
	got := w.state().Videos[0]
	if got.Title != "Nuovo" || got.Description != "" || len(got.Tags) != 0 || got.DefaultLanguage != "" || got.CategoryID != "22" {
		t.Errorf("what is not sent is deleted: %+v", got)
	}
	if got.Privacy != public || got.SelfDeclaredMadeForKids == nil {
		t.Errorf("a part that is not named stays: %+v", got)
	}
	w.want(put("status", `{"id":"`+id+`","status":{"privacyStatus":"unlisted","selfDeclaredMadeForKids":true}}`), http.StatusOK, "")
	if got = w.state().Videos[0]; got.Privacy != unlisted || !got.MadeForKids || got.Embeddable != nil {
		t.Errorf("%+v", got)
	}
	w.want(put("status", `{"id":"`+id+`","status":{}}`), http.StatusOK, "")
	if got = w.state().Videos[0]; got.Privacy != public {
		t.Errorf("privacy that is not sent goes back to the default: %+v", got)
	}

	w.want(put("snippet", `{"id":"`+id+`","snippet":{"title":"Nuovo"}}`), http.StatusBadRequest, "invalidCategoryId")
	w.want(put("snippet", `{"id":"`+id+`","snippet":{"categoryId":"22"}}`), http.StatusBadRequest, "invalidTitle")
	w.want(put("snippet", `{"id":"`+id+`"}`), http.StatusBadRequest, "invalidTitle")
	w.want(put("snippet", `{"id":"`+id+`","status":{}}`), http.StatusBadRequest, "unexpectedPart")
	w.want(put("snippet", `{"snippet":{}}`), http.StatusBadRequest, "required")
	w.want(put("status", `{"id":"nothing","status":{}}`), http.StatusNotFound, "videoNotFound")
	w.want(put("status", `{"id":"`+id+`","status":{"privacyStatus":"private","publishAt":"2027-01-01T00:00:00Z"}}`), http.StatusBadRequest, "invalidPublishAt")
	w.want(put("localizations", `{"id":"`+id+`","localizations":{"en":{"title":"New"}}}`), http.StatusBadRequest, "defaultLanguageNotSet")
	w.want(put("snippet,localizations", `{"id":"`+id+`","snippet":{"title":"Nuovo","categoryId":"22","defaultLanguage":"it"},"localizations":{"en":{"title":"New"}}}`), http.StatusOK, "")
	w.want(put("localizations", `{"id":"`+id+`","localizations":{"fr":{"title":"Neuf"}}}`), http.StatusOK, "")
	w.want(put("recordingDetails", `{"id":"`+id+`","recordingDetails":{"recordingDate":"2026-01-01T00:00:00Z"}}`), http.StatusOK, "")

	w.restart()
	r = w.want(w.get("/youtube/v3/videos?part=localizations,recordingDetails,snippet&id="+id), http.StatusOK, "")
	if r.find("items", "0", "localizations") != `{"fr":{"description":"","title":"Neuf"}}` || r.find("items", "0", "recordingDetails", "recordingDate") != "2026-01-01T00:00:00Z" {
		t.Errorf("after a restart: %s", r.body)
	}
}

func TestDeleteVideo(t *testing.T) {
	w := newWorld(t, Options{})
	id := w.upload(movie(500, 1))
	if r := w.want(w.send(http.MethodDelete, "/youtube/v3/videos?id="+id, ""), http.StatusNoContent, ""); len(r.body) != 0 {
		t.Errorf("%s", r.body)
	}
	w.want(w.send(http.MethodDelete, "/youtube/v3/videos?id="+id, ""), http.StatusNotFound, "videoNotFound")
	w.restart()
	if got := w.state().Videos; len(got) != 0 {
		t.Errorf("videos: %+v", got)
	}
}

func views(t *testing.T, r response) int64 {
	t.Helper()
	n, err := strconv.ParseInt(r.find("items", "0", "statistics", "viewCount"), 10, 64)
	if err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	return n
}

func TestStatistics(t *testing.T) {
	w := newWorld(t, Options{Growth: 100})
	id := w.upload(movie(500, 90))
	stats := func() response {
		t.Helper()
		return w.want(w.get("/youtube/v3/videos:batchGetStats?part=statistics,snippet,contentDetails&id="+id+",nothing"), http.StatusOK, "")
	}
	if r := stats(); views(t, r) != 0 || len(r.items()) != 1 || r.find("items", "0", "snippet", "publishTime") == "" || r.find("items", "0", "contentDetails") != "" {
		t.Errorf("at first: %s", r.body)
	}
	w.pass(100 * time.Hour)
	r := stats()
	if n := views(t, r); n < 100*100/4-500 || n > 100*100*7/4+500 {
		t.Errorf("%d views in 100 hours at about 100 an hour", n)
	}
	if r.find("items", "0", "contentDetails", "duration") != "PT1M30S" {
		t.Errorf("%s", r.body)
	}
	if list := w.get("/youtube/v3/videos?part=statistics&id=" + id); views(t, list) != views(t, r) {
		t.Error("videos.list disagrees with batchGetStats")
	}
	before := views(t, r)
	w.restart()
	if got := views(t, stats()); got != before {
		t.Errorf("a restart turned %d views into %d", before, got)
	}

	w.fault(Fault{Name: HideStatistics}, Fault{Name: HideStatistics, Keys: []string{"commentCount", "viewCount"}})
	if r := stats(); r.find("items", "0", "statistics", "likeCount") != "" || r.find("items", "0", "statistics", "viewCount") == "" {
		t.Errorf("likes are hidden: %s", r.body)
	}
	if r := stats(); r.find("items", "0", "statistics", "likeCount") == "" || r.find("items", "0", "statistics", "commentCount") != "" || r.find("items", "0", "statistics", "viewCount") != "" {
		t.Errorf("comments and views are hidden: %s", r.body)
	}

	w.fault(Fault{Name: ViewsDown, Views: 50, IDs: []string{id}})
	w.restart()
	if got := views(t, stats()); got != before-50 {
		t.Errorf("%d views less 50 are %d", before, got)
	}
	w.fault(Fault{Name: ViewsDown})
	if got := views(t, stats()); got != before-50-(before-50+9)/10 {
		t.Errorf("%d views less a tenth are %d", before-50, got)
	}

	// Nobody sees a private video: its views stay.
	w.want(w.send(http.MethodPut, "/youtube/v3/videos?part=status", `{"id":"`+id+`","status":{"privacyStatus":"private"}}`), http.StatusOK, "")
	still := views(t, stats())
	w.pass(10 * time.Hour)
	if got := views(t, stats()); got != still {
		t.Errorf("a private video went from %d to %d", still, got)
	}
	w.want(w.send(http.MethodPut, "/youtube/v3/videos?part=status", `{"id":"`+id+`","status":{"privacyStatus":"public"}}`), http.StatusOK, "")
	if got := views(t, stats()); got != still {
		t.Errorf("public again, %d views became %d", still, got)
	}
	w.pass(10 * time.Hour)
	if got := views(t, stats()); got <= still {
		t.Errorf("public again it gains nothing: %d", got)
	}

	w.fault(Fault{Name: FailStatistics}, Fault{Name: FailStatistics, Status: 404}, Fault{Name: FailStatistics, Status: 403}, Fault{Name: Vanish, Method: "videos.batchGetStats"})
	w.want(w.get("/youtube/v3/videos:batchGetStats?part=statistics&id="+id), http.StatusInternalServerError, "internalError")
	w.want(w.get("/youtube/v3/videos:batchGetStats?part=statistics&id="+id), http.StatusNotFound, "notFound")
	w.want(w.get("/youtube/v3/videos:batchGetStats?part=statistics&id="+id), http.StatusForbidden, "forbidden")
	if r := stats(); len(r.items()) != 0 {
		t.Errorf("it did not vanish: %s", r.body)
	}
}

// Views of an untouched video never go back, and average what was asked.
func TestGrowth(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var total int64
	for i := range 200 {
		v := &video{ID: fmt.Sprint("video", i), PublicFrom: begin, Ready: begin}
		last := int64(0)
		for h := range 24 * 30 {
			now := v.views(begin.Add(time.Duration(h)*time.Hour), 40)
			if now < last {
				t.Fatalf("%s went from %d to %d views", v.ID, last, now)
			}
			last = now
		}
		total += last
	}
	if mean := float64(total) / 200 / (24 * 30); mean < 36 || mean > 44 {
		t.Errorf("the mean is %.1f views an hour", mean)
	}
}

func TestChannel(t *testing.T) {
	w := newWorld(t, Options{})
	const address = "/youtube/v3/channels?part=id,snippet,contentDetails,status&mine=true"
	r := w.want(w.get(address), http.StatusOK, "")
	id, list := r.find("items", "0", "id"), r.find("items", "0", "contentDetails", "relatedPlaylists", "uploads")
	if len(id) != 24 || !strings.HasPrefix(id, "UC") || list != "UU"+id[2:] || r.find("items", "0", "snippet", "title") != channelTitle ||
		r.find("items", "0", "status", "longUploadsStatus") != "allowed" {
		t.Errorf("%s", r.body)
	}
	w.fault(Fault{Name: WrongChannel})
	if other := w.get(address); other.find("items", "0", "id") == id || len(other.items()) != 1 {
		t.Errorf("%s", other.body)
	}
	w.fault(Fault{Name: NoChannel})
	if none := w.get(address); len(none.items()) != 0 {
		t.Errorf("%s", none.body)
	}
	w.want(w.get("/youtube/v3/channels?part=id"), http.StatusBadRequest, "missingRequiredParameter")

	r = w.want(w.get("/youtube/v3/videoCategories?part=snippet&regionCode=IT"), http.StatusOK, "")
	if !strings.Contains(string(r.body), `"id":"25"`) || r.find("items", "0", "snippet", "assignable") != "true" {
		t.Errorf("%s", r.body)
	}
	w.want(w.get("/youtube/v3/videoCategories?part=snippet"), http.StatusBadRequest, "missingRequiredParameter")
}
