package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// An error that was ordered comes after the token and the price, once.
func TestRefuse(t *testing.T) {
	w := newWorld(t, Options{})
	id := w.upload(movie(500, 1))
	spent := w.state().Spent[units]
	w.fault(Fault{
		Name: Refuse, Method: "videos.update", Status: http.StatusBadRequest, Reason: "invalidTitle", Domain: "youtube.video",
		Location: "body.snippet.title", Message: "The request metadata specifies an invalid or empty video title.", RetryAfter: 7,
	})
	change := func() response {
		return w.send(http.MethodPut, "/youtube/v3/videos?part=snippet", `{"id":"`+id+`","snippet":{"title":"Nuovo","categoryId":"22"}}`)
	}
	w.want(w.get("/youtube/v3/videos?part=id&id="+id), http.StatusOK, "")
	r := w.want(change(), http.StatusBadRequest, "invalidTitle")
	if r.location() != "body.snippet.title" || r.find("error", "errors", "0", "domain") != "youtube.video" || r.header.Get("Retry-After") != "7" ||
		r.find("error", "message") != "The request metadata specifies an invalid or empty video title." {
		t.Errorf("%v %s", r.header, r.body)
	}
	if got := w.state(); got.Spent[units]-spent != 51 || got.Videos[0].Title == "Nuovo" {
		t.Errorf("it cost %d and the title is %q", got.Spent[units]-spent, got.Videos[0].Title)
	}
	w.want(change(), http.StatusOK, "")

	w.fault(Fault{Name: Refuse, Method: "token", Status: http.StatusUnauthorized, Reason: "deleted_client", Message: "The OAuth client was deleted."})
	w.wantToken(w.renew(w.box.IssueToken()), http.StatusUnauthorized, "deleted_client")

	for _, wrong := range []Fault{
		{Name: Refuse, Reason: "x", Status: 400},
		{Name: Refuse, Method: "videos.list", Status: 400},
		{Name: Refuse, Method: "videos.list", Reason: "x"},
	} {
		if err := w.box.Faults().Add(wrong); err == nil {
			t.Errorf("switched on: %+v", wrong)
		}
	}
}

func TestLocalizations(t *testing.T) {
	w := newWorld(t, Options{})
	open := func(part, body string) response {
		return w.tryInitiate("/upload/youtube/v3/videos?uploadType=resumable&part="+part, body, 500)
	}
	const english = `"localizations":{"en":{"title":"A voice","description":"From the valleys."}}`
	w.want(open("snippet,localizations", `{"snippet":{"title":"Una voce"},`+english+`}`), http.StatusBadRequest, "defaultLanguageNotSet")
	w.want(open("snippet", `{"snippet":{"title":"Una voce","defaultLanguage":"it"},`+english+`}`), http.StatusBadRequest, "unexpectedPart")
	if r := w.want(open("snippet,localizations", `{"snippet":{"title":"Una voce","defaultLanguage":"it"},"localizations":{"en":{"title":""}}}`), http.StatusBadRequest, "invalidTitle"); r.location() != "body.localizations.en.title" {
		t.Errorf("%s", r.body)
	}
	w.want(open("snippet,localizations", `{"snippet":{"title":"Una voce","defaultLanguage":"it"},"localizations":{"inglese!":{"title":"a"}}}`), http.StatusBadRequest, "invalidVideoMetadata")
	session := w.want(open("snippet,localizations", `{"snippet":{"title":"Una voce","defaultLanguage":"it"},`+english+`}`), http.StatusOK, "").header.Get("Location")
	id := w.want(w.put(session, movie(500, 1), 0, 500), http.StatusCreated, "").find("id")

	put := func(part, body string) response {
		return w.send(http.MethodPut, "/youtube/v3/videos?part="+part, `{"id":"`+id+`",`+body+`}`)
	}
	w.want(put("snippet", `"snippet":{"title":"Una voce","categoryId":"22"}`), http.StatusBadRequest, "defaultLanguageNotSet")
	w.want(put("snippet", `"snippet":{"title":"La voce","categoryId":"22","defaultLanguage":"it"}`), http.StatusOK, "")
	w.restart()
	want := map[string]LocalizedState{"en": {Title: "A voice", Description: "From the valleys."}}
	if diff := cmp.Diff(want, w.state().Videos[0].Localizations); diff != "" {
		t.Errorf("a part that is not named stays:\n%s", diff)
	}
	if r := w.get("/youtube/v3/videos?part=localizations&id=" + id); r.find("items", "0", "localizations", "en", "title") != "A voice" {
		t.Errorf("%s", r.body)
	}
	w.want(put("localizations", `"localizations":{}`), http.StatusOK, "")
	if r := w.get("/youtube/v3/videos?part=localizations&id=" + id); r.find("items", "0", "localizations") != "" {
		t.Errorf("%s", r.body)
	}
}

// publishAt: https://developers.google.com/youtube/v3/docs/videos#status.publishAt
func TestPublishAt(t *testing.T) {
	w := newWorld(t, Options{})
	at := w.clock().Add(time.Hour).Format(time.RFC3339)
	open := func(status string) response {
		return w.tryInitiate(insertAddress, `{"snippet":{"title":"a"},"status":{`+status+`}}`, 500)
	}
	for _, wrong := range []string{
		`"privacyStatus":"public","publishAt":"` + at + `"`,
		`"privacyStatus":"unlisted","publishAt":"` + at + `"`,
		`"publishAt":"` + at + `"`,
		`"privacyStatus":"private","publishAt":"domani"`,
	} {
		w.want(open(wrong), http.StatusBadRequest, "invalidPublishAt")
	}
	session := w.want(open(`"privacyStatus":"private"`), http.StatusOK, "").header.Get("Location")
	id := w.want(w.put(session, movie(500, 1), 0, 500), http.StatusCreated, "").find("id")
	put := func(status string) response {
		return w.send(http.MethodPut, "/youtube/v3/videos?part=status", `{"id":"`+id+`","status":{`+status+`}}`)
	}
	look := func(privacy, at string) {
		t.Helper()
		if v := w.state().Videos[0]; v.Privacy != privacy || v.PublishAt != at {
			t.Errorf("it is %s until %q, want %s until %q", v.Privacy, v.PublishAt, privacy, at)
		}
	}
	w.want(put(`"privacyStatus":"private","publishAt":"`+at+`"`), http.StatusOK, "")
	look(private, at)
	w.want(put(`"privacyStatus":"private"`), http.StatusOK, "")
	look(private, "") // what is not sent again is gone
	w.want(put(`"privacyStatus":"private","publishAt":"`+at+`"`), http.StatusOK, "")
	w.tick(time.Hour)
	look(public, "")
	w.pass(time.Hour)
	later := w.clock().Add(time.Hour).Format(time.RFC3339)
	w.want(put(`"privacyStatus":"private","publishAt":"`+later+`"`), http.StatusBadRequest, "invalidPublishAt") // it was public once
	w.want(put(`"privacyStatus":"private"`), http.StatusOK, "")
	w.want(put(`"privacyStatus":"private","publishAt":"`+later+`"`), http.StatusBadRequest, "invalidPublishAt")

	session = w.want(open(`"privacyStatus":"private"`), http.StatusOK, "").header.Get("Location")
	id = w.want(w.put(session, movie(500, 1), 0, 500), http.StatusCreated, "").find("id")
	w.want(put(`"privacyStatus":"private","publishAt":"`+w.clock().Add(-time.Hour).Format(time.RFC3339)+`"`), http.StatusOK, "")
	look(public, "")
}

// What a deleted video leaves behind.
func TestDeletedVideoKeepsItsPlaces(t *testing.T) {
	w := newWorld(t, Options{})
	id := w.upload(movie(500, 1))
	list := w.playlist("Temi")
	entry := w.want(w.enter(list, id), http.StatusOK, "").find("id")
	w.fault(Fault{Name: AutoCaptions, IDs: []string{id}, Keys: []string{"it", "en"}})
	if v := w.state().Videos[0]; len(v.Tracks) != 2 || !v.Tracks[1].Auto || v.Tracks[1].Language != "en" {
		t.Errorf("captions: %+v", v.Tracks)
	}
	if r := w.get("/youtube/v3/captions?part=snippet&videoId=" + id); r.find("items", "1", "snippet", "trackKind") != "asr" {
		t.Errorf("%s", r.body)
	}
	w.want(w.send(http.MethodDelete, "/youtube/v3/videos?id="+id, ""), http.StatusNoContent, "")
	w.restart()
	r := w.want(w.get("/youtube/v3/playlistItems?part=snippet,status,contentDetails&playlistId="+list+"&videoId="+id), http.StatusOK, "")
	if r.find("items", "0", "id") != entry || r.find("items", "0", "snippet", "title") != "Deleted video" ||
		r.find("items", "0", "status", "privacyStatus") != "privacyStatusUnspecified" || r.find("items", "0", "contentDetails", "videoPublishedAt") != "" {
		t.Errorf("%s", r.body)
	}
	if r := w.get("/youtube/v3/playlists?part=contentDetails&id=" + list); r.find("items", "0", "contentDetails", "itemCount") != "1" {
		t.Errorf("%s", r.body)
	}
	w.want(w.get("/youtube/v3/captions?part=id&videoId="+id), http.StatusNotFound, "videoNotFound")
	w.want(w.send(http.MethodDelete, "/youtube/v3/playlistItems?id="+entry, ""), http.StatusNoContent, "")
}

func (w *world) playlist(title string) string {
	w.t.Helper()
	r := w.send(http.MethodPost, "/youtube/v3/playlists?part=snippet,status", `{"snippet":{"title":"`+title+`"},"status":{"privacyStatus":"public"}}`)
	return w.want(r, http.StatusOK, "").find("id")
}

func (w *world) enter(list, video string) response {
	w.t.Helper()
	return w.send(http.MethodPost, "/youtube/v3/playlistItems?part=snippet",
		`{"snippet":{"playlistId":"`+list+`","resourceId":{"kind":"youtube#video","videoId":"`+video+`"}}}`)
}

// https://developers.google.com/youtube/v3/docs/playlistItems/insert#errors and
// those of playlists.insert.
func TestPlaylistLimits(t *testing.T) {
	w := newWorld(t, Options{Playlists: 2, PlaylistSize: 3})
	a, b := w.upload(movie(500, 1)), w.upload(movie(501, 1))
	list := w.playlist("Uno")
	w.want(w.enter(list, a), http.StatusOK, "")
	w.want(w.enter(list, a), http.StatusOK, "") // an ordinary playlist takes a video twice
	w.fault(Fault{Name: NoDuplicates})
	w.want(w.enter(list, b), http.StatusOK, "")
	w.want(w.enter(list, a), http.StatusForbidden, "playlistContainsMaximumNumberOfVideos")
	w.want(w.enter(uploadsPlaylist, a), http.StatusBadRequest, "playlistOperationUnsupported")
	w.want(w.send(http.MethodPost, "/youtube/v3/playlistItems?part=snippet", `{"snippet":{"playlistId":"`+list+`"}}`), http.StatusBadRequest, "resourceIdRequired")

	second := w.playlist("Due")
	w.want(w.enter(second, a), http.StatusOK, "")
	w.want(w.enter(second, a), http.StatusConflict, "videoAlreadyInPlaylist") // the fault has waited for it
	w.want(w.enter(second, a), http.StatusOK, "")
	w.want(w.send(http.MethodPost, "/youtube/v3/playlists?part=snippet", `{"snippet":{"title":"Tre"}}`), http.StatusBadRequest, "maxPlaylistExceeded")

	w.restart()
	state := w.state()
	want := []PlaylistState{
		{ID: second, Title: "Due", Privacy: public, Videos: []string{a, a}},
		{ID: list, Title: "Uno", Privacy: public, Videos: []string{a, a, b}},
	}
	if diff := cmp.Diff(want, state.Playlists); diff != "" {
		t.Error(diff)
	}
	if r := w.get("/youtube/v3/playlistItems?part=contentDetails&playlistId=" + list + "&videoId=" + a); len(r.items()) != 2 {
		t.Errorf("%s", r.body)
	}
}

func TestStudioEdit(t *testing.T) {
	w := newWorld(t, Options{Growth: 100})
	id, other := w.upload(movie(500, 1)), w.upload(movie(501, 1))
	w.pass(48 * time.Hour)
	title, none := "Un altro titolo", []string{}
	w.fault(Fault{Name: StudioChange, IDs: []string{id}, Edit: &StudioEdit{Title: &title, Tags: &none, Privacy: unlisted}})
	w.restart()
	r := w.get("/youtube/v3/videos?part=snippet,status&id=" + id)
	if r.find("items", "0", "snippet", "title") != title || r.find("items", "0", "snippet", "tags") != "" || r.find("items", "0", "status", "privacyStatus") != unlisted ||
		r.find("items", "0", "snippet", "description") != "Una voce dalle valli." || r.find("items", "0", "snippet", "defaultLanguage") != "it" {
		t.Errorf("%s", r.body)
	}
	if r := w.send(http.MethodPost, "/sandbox/faults", `{"fault":"studioEdit","ids":["`+other+`"],"edit":{"delete":true}}`); r.code != http.StatusOK {
		t.Errorf("%d %s", r.code, r.body)
	}
	if got := w.state().Videos; len(got) != 1 || got[0].ID != id {
		t.Errorf("videos: %+v", got)
	}
	bad := "<"
	for _, wrong := range []Fault{
		{Name: StudioChange, Edit: &StudioEdit{Title: &title}},
		{Name: StudioChange, IDs: []string{id}},
		{Name: StudioChange, IDs: []string{"nothing"}, Edit: &StudioEdit{Title: &title}},
		{Name: StudioChange, IDs: []string{id}, Edit: &StudioEdit{Title: &bad}},
		{Name: StudioChange, IDs: []string{id}, Edit: &StudioEdit{Privacy: "secret"}},
	} {
		if err := w.box.Faults().Add(wrong); err == nil {
			t.Errorf("done: %+v", wrong)
		}
	}

	views := w.state().Videos[0].Views
	for reason, f := range map[string]Fault{
		"claim": {Name: Claim, IDs: []string{id}}, "termsOfUse": {Name: Reject, IDs: []string{id}}, "copyright": {Name: Reject, IDs: []string{id}, Reason: "copyright"},
	} {
		w.fault(f)
		w.pass(time.Hour)
		r := w.get("/youtube/v3/videos?part=status&id=" + id)
		if r.find("items", "0", "status", "uploadStatus") != "rejected" || r.find("items", "0", "status", "rejectionReason") != reason {
			t.Errorf("%s", r.body)
		}
	}
	if got := w.state().Videos[0].Views; got != views || views == 0 {
		t.Errorf("it was seen %d times, and %d after it was rejected", views, got)
	}
}

func TestSeed(t *testing.T) {
	w := newWorld(t, Options{Growth: 100})
	first := w.upload(movie(500, 1))
	began := time.Date(2020, 4, 7, 9, 0, 0, 0, time.UTC)
	var seeds []SeedVideo
	for i := range 120 {
		seeds = append(seeds, SeedVideo{
			Title: fmt.Sprintf("Ufficio di esempio %d", i), Tags: []string{"voci"}, PublishedAt: began.Add(time.Duration(i) * time.Hour),
			Duration: 61.5, Views: int64(1000 + i),
		})
	}
	seeds[7].Privacy = unlisted
	body, err := json.Marshal(seeds)
	if err != nil {
		t.Fatal(err)
	}
	r := w.send(http.MethodPost, "/sandbox/seed", string(body))
	var ids []string
	if err := json.Unmarshal(r.body, &ids); err != nil || r.code != http.StatusOK || len(ids) != len(seeds) {
		t.Fatalf("%d %v %.200s", r.code, err, r.body)
	}
	w.restart()
	last := w.upload(movie(501, 1))
	const page = "/youtube/v3/playlistItems?part=contentDetails&maxResults=50&playlistId=" + uploadsPlaylist
	r = w.want(w.get(page), http.StatusOK, "")
	if r.find("pageInfo", "totalResults") != "122" || r.find("items", "0", "contentDetails", "videoId") != last ||
		r.find("items", "1", "contentDetails", "videoId") != first || r.find("items", "2", "contentDetails", "videoId") != ids[119] ||
		r.find("items", "2", "contentDetails", "videoPublishedAt") != "2020-04-12T08:00:00Z" {
		t.Errorf("newest first: %.600s", r.body)
	}
	r = w.get("/youtube/v3/videos?part=snippet,status,contentDetails,statistics,fileDetails&id=" + ids[7])
	for want, path := range map[string][]string{
		"Ufficio di esempio 7": {"snippet", "title"}, `["voci"]`: {"snippet", "tags"}, unlisted: {"status", "privacyStatus"},
		"processed": {"status", "uploadStatus"}, "PT1M2S": {"contentDetails", "duration"}, "1007": {"statistics", "viewCount"}, "0": {"fileDetails", "fileSize"},
	} {
		if got := r.find(append([]string{"items", "0"}, path...)...); got != want {
			t.Errorf("%v is %q, want %q", path, got, want)
		}
	}
	r = w.get("/youtube/v3/videos?part=statistics&id=" + ids[3])
	if got := views(t, r); got != 1003 {
		t.Errorf("a public one was seen %d times", got)
	}
	w.pass(24 * time.Hour)
	if got := views(t, w.get("/youtube/v3/videos?part=statistics&id="+ids[3])); got <= 1003 {
		t.Errorf("a day later still %d", got)
	}
	for _, wrong := range []string{
		`{"title":"a"}`, `{"title":"","publishedAt":"2020-04-07T09:00:00Z"}`, `{"title":"a","publishedAt":"2020-04-07T09:00:00Z","view":1}`,
		`{"title":"a","publishedAt":"2020-04-07T09:00:00Z","privacy":"secret"}`, `{"title":"a","publishedAt":"2099-04-07T09:00:00Z"}`,
	} {
		if r := w.send(http.MethodPost, "/sandbox/seed", wrong); r.code != http.StatusBadRequest {
			t.Errorf("%s: %d", wrong, r.code)
		}
	}
}

// Captions and thumbnails are told apart by what was sent.
func TestStateTellsFiles(t *testing.T) {
	w := newWorld(t, Options{})
	id := w.upload(movie(500, 1))
	const text = "WEBVTT\n\n00:00.000 --> 00:01.000\nBuongiorno\n"
	body := "--edge\r\nContent-Type: application/json\r\n\r\n" + `{"snippet":{"videoId":"` + id + `","language":"it","name":"Portale"}}` +
		"\r\n--edge\r\nContent-Type: text/vtt\r\n\r\n" + text + "\r\n--edge--\r\n"
	track := w.want(w.do(http.MethodPost, "/upload/youtube/v3/captions?uploadType=multipart&part=snippet",
		http.Header{"Content-Type": {"multipart/related; boundary=edge"}}, strings.NewReader(body), -1), http.StatusOK, "").find("id")
	picture := picture(t, 640)
	w.want(w.do(http.MethodPost, "/upload/youtube/v3/thumbnails/set?uploadType=media&videoId="+id,
		http.Header{"Content-Type": {"image/png"}}, strings.NewReader(string(picture)), -1), http.StatusOK, "")
	w.want(w.send(http.MethodPut, "/youtube/v3/captions?part=id", `{"id":"`+track+`"}`), http.StatusBadRequest, "contentRequired")
	w.restart()
	v := w.state().Videos[0]
	want := []CaptionState{{ID: track, Language: "it", Name: "Portale", SHA256: sum([]byte(text)), Updated: w.clock()}}
	if diff := cmp.Diff(want, v.Tracks); diff != "" || v.ThumbnailSHA256 != sum(picture) || v.Thumbnail != "image/png" {
		t.Errorf("thumbnail %s %s, captions:\n%s", v.Thumbnail, v.ThumbnailSHA256, diff)
	}
}

// An app that is being tested gets tokens for seven days:
// https://developers.google.com/identity/protocols/oauth2#expiration
func TestShortGrant(t *testing.T) {
	w := newWorld(t, Options{})
	const week = 7 * 24 * time.Hour
	consent := func() response {
		return w.exchange(w.press(w.get("/o/oauth2/v2/auth?"+consentQuery().Encode()), "allow").Get("code"))
	}
	w.fault(Fault{Name: ShortGrant, Delay: week.Seconds()})
	r := w.wantToken(consent(), http.StatusOK, "")
	refresh := r.find("refresh_token")
	if r.find("refresh_token_expires_in") != "604800" || refresh == "" {
		t.Errorf("%s", r.body)
	}
	w.tick(24 * time.Hour)
	w.restart()
	if r := w.wantToken(w.renew(refresh), http.StatusOK, ""); r.find("refresh_token_expires_in") != "518400" || r.find("refresh_token") != "" {
		t.Errorf("%s", r.body)
	}
	w.tick(6 * 24 * time.Hour)
	w.wantToken(w.renew(refresh), http.StatusBadRequest, "invalid_grant")

	r = w.wantToken(consent(), http.StatusOK, "")
	if r.find("refresh_token_expires_in") != "" {
		t.Errorf("an ordinary grant has no end: %s", r.body)
	}
	w.tick(week)
	w.wantToken(w.renew(r.find("refresh_token")), http.StatusOK, "")

	w.fault(Fault{Name: NoRefreshToken})
	if r := w.wantToken(consent(), http.StatusOK, ""); r.find("refresh_token") != "" || r.find("access_token") == "" {
		t.Errorf("%s", r.body)
	}
}

// A person with several channels may choose the wrong one.
func TestOtherGrant(t *testing.T) {
	w := newWorld(t, Options{})
	id := w.upload(movie(500, 1))
	w.fault(Fault{Name: OtherGrant})
	code := w.press(w.get("/o/oauth2/v2/auth?"+consentQuery().Encode()), "allow").Get("code")
	refresh := w.wantToken(w.exchange(code), http.StatusOK, "").find("refresh_token")
	w.restart()
	mine := w.bearer
	w.bearer = w.wantToken(w.renew(refresh), http.StatusOK, "").find("access_token")
	const channels = "/youtube/v3/channels?part=id&mine=true"
	if r := w.want(w.get(channels), http.StatusOK, ""); r.find("items", "0", "id") != otherChannel {
		t.Errorf("%s", r.body)
	}
	w.want(w.get("/youtube/v3/videos?part=id&id="+id), http.StatusForbidden, "forbidden")
	w.want(w.send(http.MethodDelete, "/youtube/v3/videos?id="+url.QueryEscape(id), ""), http.StatusForbidden, "forbidden")
	w.bearer = mine
	if r := w.want(w.get(channels), http.StatusOK, ""); r.find("items", "0", "id") != channelID {
		t.Errorf("%s", r.body)
	}
}

// What is cut, unlisted or translated in Studio is so for every client, and after
// a restart.
func TestStudioTakesThingsOff(t *testing.T) {
	w := newWorld(t, Options{})
	id, other := w.upload(movie(5000, 61)), w.upload(movie(5001, 61))
	list := w.want(w.send(http.MethodPost, "/youtube/v3/playlists?part=snippet,status", `{"snippet":{"title":"Voci"},"status":{"privacyStatus":"public"}}`), http.StatusOK, "").find("id")
	for _, video := range []string{id, other} {
		w.want(w.send(http.MethodPost, "/youtube/v3/playlistItems?part=snippet", `{"snippet":{"playlistId":"`+list+`","resourceId":{"kind":"youtube#video","videoId":"`+video+`"}}}`), http.StatusOK, "")
	}
	w.pass(time.Hour)
	w.fault(Fault{Name: StudioChange, IDs: []string{id}, Edit: &StudioEdit{
		Trim: 11, Unlist: true, Localizations: map[string]LocalizedState{"en": {Title: "Wood", Description: "For all."}},
	}})
	w.restart()
	r := w.get("/youtube/v3/videos?part=contentDetails,localizations&id=" + id)
	if r.find("items", "0", "contentDetails", "duration") != "PT50S" || r.find("items", "0", "localizations", "en", "title") != "Wood" {
		t.Errorf("%s", r.body)
	}
	if got := w.state().Playlists[0].Videos; len(got) != 1 || got[0] != other {
		t.Errorf("in the playlist: %v", got)
	}
	if err := w.box.Faults().Add(Fault{Name: StudioChange, IDs: []string{id}, Edit: &StudioEdit{Trim: 51}}); err == nil {
		t.Error("more is cut off than there is")
	}
}
