package sandbox

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestUploadsPlaylist(t *testing.T) {
	w := newWorld(t, Options{})
	var ids []string
	for range 7 {
		ids = append([]string{w.upload(movie(500, 1))}, ids...)
		w.tick(time.Second)
	}
	w.restart()
	const address = "/youtube/v3/playlistItems?part=contentDetails,snippet&playlistId=" + uploadsPlaylist
	var got []string
	token := ""
	for page := 0; ; page++ {
		r := w.want(w.get(address+"&maxResults=3&pageToken="+token), http.StatusOK, "")
		for i := range r.items() {
			got = append(got, r.find("items", itoa(int64(i)), "contentDetails", "videoId"))
		}
		if r.find("pageInfo", "totalResults") != "7" || r.find("pageInfo", "resultsPerPage") != "3" {
			t.Errorf("%s", r.body)
		}
		if token = r.find("nextPageToken"); token == "" {
			break
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(ids) {
		t.Errorf("got %v, want newest first %v", got, ids)
	}
	if r := w.get(address); len(r.items()) != 5 {
		t.Errorf("a page has 5 unless asked otherwise: %d", len(r.items()))
	}
	w.want(w.get(address+"&maxResults=51"), http.StatusBadRequest, "invalidParameter")
	w.want(w.get(address+"&pageToken=nonsense"), http.StatusBadRequest, "invalidPageToken")
	w.want(w.get("/youtube/v3/playlistItems?part=id&playlistId=PLnothing"), http.StatusNotFound, "playlistNotFound")
	w.want(w.get("/youtube/v3/playlistItems?part=id"), http.StatusBadRequest, "missingRequiredParameter")
}

func TestPlaylists(t *testing.T) {
	w := newWorld(t, Options{})
	const path = "/youtube/v3/playlists"
	r := w.want(w.send(http.MethodPost, path+"?part=snippet,status", `{"snippet":{"title":"Solidarietà"},"status":{"privacyStatus":"unlisted"}}`), http.StatusOK, "")
	list := r.find("id")
	if list == "" || r.find("status", "privacyStatus") != unlisted {
		t.Fatalf("%s", r.body)
	}
	w.want(w.send(http.MethodPost, path+"?part=snippet", `{"snippet":{"title":""}}`), http.StatusBadRequest, "playlistTitleRequired")
	w.want(w.send(http.MethodPost, path+"?part=snippet", `{"snippet":{"title":"<"}}`), http.StatusBadRequest, "invalidPlaylistSnippet")
	w.want(w.send(http.MethodPut, path+"?part=snippet", `{"id":"`+list+`","snippet":{"title":"Volontari"}}`), http.StatusOK, "")
	w.want(w.send(http.MethodPut, path+"?part=snippet", `{"id":"nothing","snippet":{"title":"a"}}`), http.StatusNotFound, "playlistNotFound")

	a, b := w.upload(movie(500, 1)), w.upload(movie(501, 1))
	add := func(list, video, more string) response {
		t.Helper()
		return w.send(http.MethodPost, "/youtube/v3/playlistItems?part=snippet",
			`{"snippet":{"playlistId":"`+list+`","resourceId":{"kind":"youtube#video","videoId":"`+video+`"}`+more+`}}`)
	}
	item := w.want(add(list, a, ""), http.StatusOK, "").find("id")
	w.want(add(list, b, `,"position":0`), http.StatusOK, "")
	w.want(add(list, b, `,"position":9`), http.StatusBadRequest, "invalidPlaylistItemPosition")
	w.want(add("", b, ""), http.StatusBadRequest, "playlistIdRequired")
	w.want(add(list, "", ""), http.StatusBadRequest, "invalidResourceType")
	w.want(add("nothing", b, ""), http.StatusNotFound, "playlistNotFound")
	w.want(add(list, "nothing", ""), http.StatusNotFound, "videoNotFound")

	w.restart()
	r = w.want(w.get("/youtube/v3/playlistItems?part=snippet,contentDetails&playlistId="+list), http.StatusOK, "")
	if r.find("items", "0", "contentDetails", "videoId") != b || r.find("items", "1", "contentDetails", "videoId") != a {
		t.Errorf("%s", r.body)
	}
	r = w.want(w.get(path+"?part=snippet,contentDetails&mine=true"), http.StatusOK, "")
	if r.find("items", "0", "snippet", "title") != "Volontari" || r.find("items", "0", "contentDetails", "itemCount") != "2" {
		t.Errorf("%s", r.body)
	}
	if got := w.state().Videos[0].Playlists; fmt.Sprint(got) != "[Volontari]" {
		t.Errorf("playlists of a video: %v", got)
	}
	w.want(w.send(http.MethodDelete, "/youtube/v3/playlistItems?id="+item, ""), http.StatusNoContent, "")
	w.want(w.send(http.MethodDelete, "/youtube/v3/playlistItems?id="+item, ""), http.StatusNotFound, "playlistItemNotFound")
	w.want(w.send(http.MethodDelete, path+"?id="+list, ""), http.StatusNoContent, "")
	w.want(w.send(http.MethodDelete, path+"?id="+list, ""), http.StatusNotFound, "playlistNotFound")
	w.want(w.get(path+"?part=id"), http.StatusBadRequest, "missingRequiredParameter")
}

func picture(t *testing.T, width int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, width*9/16))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestThumbnails(t *testing.T) {
	w := newWorld(t, Options{})
	id := w.upload(movie(500, 1))
	set := func(video string, data []byte) response {
		t.Helper()
		return w.do(http.MethodPost, "/upload/youtube/v3/thumbnails/set?uploadType=media&videoId="+video, http.Header{"Content-Type": {"image/png"}}, bytes.NewReader(data), -1)
	}
	good := picture(t, 640)
	r := w.want(set(id, good), http.StatusOK, "")
	if shown := w.get(strings.TrimPrefix(r.find("items", "0", "high", "url"), w.server.URL)); !bytes.Equal(shown.body, good) {
		t.Errorf("the picture that is served differs: %d", shown.code)
	}
	w.want(set(id, picture(t, 320)), http.StatusBadRequest, "invalidImage")
	w.want(set(id, []byte("%PDF")), http.StatusBadRequest, "invalidImage")
	w.want(set(id, nil), http.StatusBadRequest, "mediaBodyRequired")
	w.want(set("nothing", good), http.StatusNotFound, "videoNotFound")
	w.want(set("", good), http.StatusBadRequest, "required")
	w.fault(Fault{Name: ThumbnailLimit})
	w.want(set(id, good), http.StatusTooManyRequests, "uploadRateLimitExceeded")
	w.restart()
	if got := w.state().Videos[0].Thumbnail; got != "image/png" {
		t.Errorf("after a restart the thumbnail is %q", got)
	}
}

func TestCaptions(t *testing.T) {
	w := newWorld(t, Options{})
	id := w.upload(movie(500, 1))
	const text = "WEBVTT\n\n00:00.000 --> 00:01.000\nBuongiorno\n"
	send := func(method, meta, text string) response {
		t.Helper()
		body := "--edge\r\nContent-Type: application/json\r\n\r\n" + meta + "\r\n--edge\r\nContent-Type: text/vtt\r\n\r\n" + text + "\r\n--edge--\r\n"
		return w.do(method, "/upload/youtube/v3/captions?uploadType=multipart&part=snippet",
			http.Header{"Content-Type": {"multipart/related; boundary=edge"}}, strings.NewReader(body), -1)
	}
	meta := func(video, language, name string) string {
		return `{"snippet":{"videoId":"` + video + `","language":"` + language + `","name":"` + name + `"}}`
	}
	track := w.want(send(http.MethodPost, meta(id, "it", ""), text), http.StatusOK, "").find("id")
	w.want(send(http.MethodPost, meta(id, "it", ""), text), http.StatusConflict, "captionExists")
	w.want(send(http.MethodPost, meta(id, "", ""), text), http.StatusBadRequest, "invalidMetadata")
	w.want(send(http.MethodPost, meta(id, "en", strings.Repeat("a", 151)), text), http.StatusBadRequest, "nameTooLong")
	w.want(send(http.MethodPost, meta(id, "en", ""), ""), http.StatusBadRequest, "contentRequired")
	w.want(send(http.MethodPost, meta("nothing", "en", ""), text), http.StatusNotFound, "videoNotFound")
	if r := w.want(send(http.MethodPost, meta(id, "fr", ""), "no captions"), http.StatusOK, ""); r.find("snippet", "failureReason") != "unknownFormat" {
		t.Errorf("%s", r.body)
	}

	w.restart()
	r := w.want(w.get("/youtube/v3/captions?part=snippet&videoId="+id), http.StatusOK, "")
	if len(r.items()) != 2 || r.find("items", "0", "snippet", "language") != "it" || r.find("items", "0", "snippet", "status") != "serving" {
		t.Errorf("%s", r.body)
	}
	if got := w.get("/youtube/v3/captions/" + track); string(got.body) != text {
		t.Errorf("text is %q", got.body)
	}
	w.want(w.send(http.MethodPut, "/youtube/v3/captions?part=snippet", `{"id":"`+track+`","snippet":{"isDraft":true}}`), http.StatusOK, "")
	r = w.want(send(http.MethodPut, `{"id":"`+track+`"}`, text+"\n"), http.StatusOK, "")
	if r.find("snippet", "isDraft") != "true" {
		t.Errorf("%s", r.body)
	}
	if got := w.get("/youtube/v3/captions/" + track); string(got.body) != text+"\n" {
		t.Errorf("text is %q", got.body)
	}
	w.want(w.send(http.MethodDelete, "/youtube/v3/captions?id="+track, ""), http.StatusNoContent, "")
	w.want(w.send(http.MethodDelete, "/youtube/v3/captions?id="+track, ""), http.StatusNotFound, "captionNotFound")
	w.want(w.get("/youtube/v3/captions?part=snippet"), http.StatusBadRequest, "required")

	// Captions want youtube.force-ssl, not only youtube.
	w.bearer = w.accessToken(w.box.IssueToken(scopeYouTube))
	w.want(w.get("/youtube/v3/captions?part=snippet&videoId="+id), http.StatusForbidden, "insufficientPermissions")
}
