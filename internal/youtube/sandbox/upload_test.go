package sandbox

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func quote(s string) string { return fmt.Sprintf("%q", s) }

func TestMetadataIsStrict(t *testing.T) {
	w := newWorld(t, Options{Quota: map[string]int{"uploads": 1000}})
	snippet := func(fields string) string {
		return `{"snippet":{"title":"Titolo","categoryId":"22",` + fields + `}}`
	}
	// 60 tags of 7 letters and their commas are 479; a tag of 18 with a space is 20, and its comma.
	tags := func(last string) string {
		return snippet(`"tags":["` + strings.Repeat(`abcdefg","`, 60) + last + `"]`)
	}
	for name, c := range map[string]struct {
		body, reason, location string
	}{
		"no title":                {`{"snippet":{"categoryId":"22"}}`, "invalidTitle", "body.snippet.title"},
		"blank title":             {`{"snippet":{"title":"  "}}`, "invalidTitle", "body.snippet.title"},
		"title of 100":            {`{"snippet":{"title":` + quote(strings.Repeat("è", 100)) + `}}`, "", ""},
		"title of 101":            {`{"snippet":{"title":` + quote(strings.Repeat("è", 101)) + `}}`, "invalidTitle", "body.snippet.title"},
		"title with <":            {`{"snippet":{"title":"I <3 Ceres"}}`, "invalidTitle", "body.snippet.title"},
		"description of 5000":     {snippet(`"description":` + quote(strings.Repeat("à", 2500))), "", ""},
		"description of 5001":     {snippet(`"description":` + quote(strings.Repeat("à", 2500)+"a")), "invalidDescription", "body.snippet.description"},
		"description with >":      {snippet(`"description":"a > b"`), "invalidDescription", "body.snippet.description"},
		"description, bell":       {snippet(`"description":"a\u0007"`), "invalidDescription", "body.snippet.description"},
		"description, lines":      {snippet(`"description":"a\n\tb\r\n"`), "", ""},
		"tags of 500":             {tags(strings.Repeat("b", 10) + " " + strings.Repeat("b", 7)), "", ""},
		"tags of 501":             {tags(strings.Repeat("b", 10) + " " + strings.Repeat("b", 8)), "invalidTags", "body.snippet.tags"},
		"tag with <":              {snippet(`"tags":["a<b"]`), "invalidTags", "body.snippet.tags"},
		"category unknown":        {`{"snippet":{"title":"a","categoryId":"999"}}`, "invalidCategoryId", "body.snippet.categoryId"},
		"category not assignable": {`{"snippet":{"title":"a","categoryId":"30"}}`, "invalidCategoryId", "body.snippet.categoryId"},
		"category a number":       {`{"snippet":{"title":"a","categoryId":22}}`, "badRequest", ""},
		"language wrong":          {snippet(`"defaultLanguage":"italiano"`), "invalidVideoMetadata", "body.snippet.defaultLanguage"},
		"privacy unknown":         {`{"snippet":{"title":"a"},"status":{"privacyStatus":"secret"}}`, "badRequest", ""},
		"license unknown":         {`{"snippet":{"title":"a"},"status":{"license":"mine"}}`, "badRequest", ""},
		"publishAt, public":       {`{"snippet":{"title":"a"},"status":{"privacyStatus":"public","publishAt":"2027-01-01T00:00:00Z"}}`, "invalidPublishAt", "body.status.publishAt"},
		"publishAt, no time":      {`{"snippet":{"title":"a"},"status":{"privacyStatus":"private","publishAt":"domani"}}`, "invalidPublishAt", "body.status.publishAt"},
		"recorded, a date only":   {`{"snippet":{"title":"a"},"recordingDetails":{"recordingDate":"2026-01-01"}}`, "invalidRecordingDetails", "body.recordingDetails.recordingDate"},
		"recorded":                {`{"snippet":{"title":"a"},"recordingDetails":{"recordingDate":"2026-01-01T00:00:00Z"}}`, "", ""},
		"localized, no language":  {`{"snippet":{"title":"a"},"localizations":{"en":{"title":"b"}}}`, "defaultLanguageNotSet", "body.snippet.defaultLanguage"},
		"localized":               {`{"snippet":{"title":"a","defaultLanguage":"it"},"localizations":{"en":{"title":"b"}}}`, "", ""},
		"localized title":         {`{"snippet":{"title":"a","defaultLanguage":"it"},"localizations":{"en":{"title":"<b"}}}`, "invalidTitle", "body.localizations.en.title"},
		"not JSON":                {`{"snippet":`, "parseError", ""},
		"not an object":           {`[]`, "parseError", ""},
		"a part not named":        {`{"snippet":{"title":"a"},"statistics":{}}`, "unexpectedPart", "part"},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			code := http.StatusOK
			if c.reason != "" {
				code = http.StatusBadRequest
			}
			address := "/upload/youtube/v3/videos?uploadType=resumable&part=snippet,status,recordingDetails,localizations"
			r := w.want(w.tryInitiate(address, c.body, 10), code, c.reason)
			if r.location() != c.location {
				t.Errorf("location is %q, want %q", r.location(), c.location)
			}
			if c.reason != "" && r.find("error", "status") != "INVALID_ARGUMENT" {
				t.Errorf("status is %q", r.find("error", "status"))
			}
		})
	}
}

func TestTagsLength(t *testing.T) {
	for want, tags := range map[int][]string{
		0: nil, 9: {"Foo Baz"}, 7: {"Foo-Baz"}, 17: {"Foo Baz", "Foo-Baz"}, 3: {"à", "b"},
	} {
		if got := tagsLength(tags); got != want {
			t.Errorf("%q count %d, want %d", tags, got, want)
		}
	}
}

func TestInitiatingIsStrict(t *testing.T) {
	w := newWorld(t, Options{})
	const path = "/upload/youtube/v3/videos?"
	w.want(w.tryInitiate(path+"uploadType=resumable", goodMetadata, 10), http.StatusBadRequest, "required")
	w.want(w.tryInitiate(path+"uploadType=resumable&part=snippet,nonsense", goodMetadata, 10), http.StatusBadRequest, "unknownPart")
	w.want(w.tryInitiate(path+"uploadType=resumable&part=snippet", goodMetadata, 10), http.StatusBadRequest, "unexpectedPart")
	w.want(w.tryInitiate(path+"uploadType=multipart&part=snippet,status", goodMetadata, 10), http.StatusBadRequest, "invalidParameter")
	w.want(w.tryInitiate(path+"part=snippet,status", goodMetadata, 10), http.StatusBadRequest, "invalidParameter")
	w.want(w.tryInitiate(insertAddress+"&notifySubscribers=forse", goodMetadata, 10), http.StatusOK, "") // the first one counts
	w.want(w.tryInitiate(strings.Replace(insertAddress, "false", "forse", 1), goodMetadata, 10), http.StatusBadRequest, "invalidParameter")
	w.want(w.tryInitiate(insertAddress, goodMetadata, -5), http.StatusBadRequest, "badRequest")
	w.want(w.tryInitiate(insertAddress, goodMetadata, maxVideo+1), http.StatusRequestEntityTooLarge, "uploadTooLarge")

	head := func(key, value string) response {
		h := http.Header{"Content-Type": {"application/json"}, key: {value}}
		return w.do(http.MethodPost, insertAddress, h, strings.NewReader(goodMetadata), -1)
	}
	w.want(head("X-Upload-Content-Type", "text/plain"), http.StatusBadRequest, "badContent")
	w.want(head("X-Upload-Content-Length", "many"), http.StatusBadRequest, "badRequest")
	w.want(head("Slug", "%00.mp4"), http.StatusBadRequest, "invalidFilename")
	w.want(head("Slug", "perch%C3%A9.mp4"), http.StatusOK, "")
}

func TestPrivacy(t *testing.T) {
	w := newWorld(t, Options{})
	upload := func(status string) VideoState {
		t.Helper()
		data := movie(500, 1)
		r := w.want(w.tryInitiate(insertAddress, `{"snippet":{"title":"a"},"status":{`+status+`}}`, 500), http.StatusOK, "")
		w.want(w.put(r.header.Get("Location"), data, 0, 500), http.StatusCreated, "")
		return w.state().Videos[0]
	}
	if got := upload("").Privacy; got != public {
		t.Errorf("what is not said is %q", got)
	}
	if got := upload(`"privacyStatus":"unlisted"`).Privacy; got != unlisted {
		t.Errorf("unlisted became %q", got)
	}
	if got := upload(`"privacyStatus":"private","publishAt":"2020-01-01T00:00:00Z"`); got.Privacy != public || got.PublishAt != "" {
		t.Errorf("a time that has passed publishes at once: %+v", got)
	}
	planned := w.clock().Add(time.Hour).Format(time.RFC3339)
	got := upload(`"privacyStatus":"private","publishAt":"` + planned + `"`)
	if got.Privacy != private || got.PublishAt != planned {
		t.Errorf("planned: %+v", got)
	}
	w.pass(time.Hour)
	if now := w.state().Videos[0]; now.Privacy != public || now.PublishAt != "" {
		t.Errorf("an hour later: %+v", now)
	}
	w.fault(Fault{Name: ForcePrivate})
	if got := upload(`"privacyStatus":"public"`).Privacy; got != private {
		t.Errorf("forced to private it is %q", got)
	}
	if got := upload(`"privacyStatus":"public"`).Privacy; got != public {
		t.Errorf("the fault was for one video: %q", got)
	}
}

func TestProcessing(t *testing.T) {
	w := newWorld(t, Options{})
	look := func(id string) response {
		t.Helper()
		return w.want(w.get("/youtube/v3/videos?part=status,processingDetails,contentDetails,fileDetails,suggestions&id="+id), http.StatusOK, "")
	}
	good, pdf := w.upload(movie(5000, 3725)), w.upload([]byte("%PDF-1.7 which is no video"))
	webm := w.upload([]byte("\x1a\x45\xdf\xa3 and so on"))
	w.fault(Fault{Name: FailProcessing, Reason: "codec"})
	failed := w.upload(movie(500, 1))
	w.fault(Fault{Name: RejectVideo, Reason: "duplicate"})
	rejected := w.upload(movie(500, 1))
	w.fault(Fault{Name: SlowProcessing, Delay: 3600})
	slow := w.upload(movie(500, 1))

	w.pass(4 * time.Second)
	r := look(good)
	if r.find("items", "0", "status", "uploadStatus") != "uploaded" || r.find("items", "0", "processingDetails", "processingStatus") != "processing" ||
		r.find("items", "0", "processingDetails", "processingProgress", "partsProcessed") != "80" ||
		r.find("items", "0", "processingDetails", "processingProgress", "timeLeftMs") != "1000" ||
		r.find("items", "0", "contentDetails", "duration") != "" {
		t.Errorf("while processing: %s", r.body)
	}
	w.pass(time.Second)
	r = look(good)
	if r.find("items", "0", "status", "uploadStatus") != "processed" || r.find("items", "0", "processingDetails", "processingStatus") != "succeeded" ||
		r.find("items", "0", "contentDetails", "duration") != "PT1H2M5S" || r.find("items", "0", "fileDetails", "fileName") != "job-1.mp4" ||
		r.find("items", "0", "fileDetails", "fileSize") != "5000" {
		t.Errorf("processed: %s", r.body)
	}
	for id, want := range map[string][3]string{
		pdf:      {"failed", "invalidFile", ""},
		webm:     {"processed", "", ""},
		failed:   {"failed", "codec", ""},
		rejected: {"rejected", "", "duplicate"},
		slow:     {"uploaded", "", ""},
	} {
		r := look(id)
		got := [3]string{r.find("items", "0", "status", "uploadStatus"), r.find("items", "0", "status", "failureReason"), r.find("items", "0", "status", "rejectionReason")}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	w.pass(time.Hour)
	if r := look(slow); r.find("items", "0", "status", "uploadStatus") != "processed" {
		t.Errorf("slow after an hour: %s", r.body)
	}

	empty := w.want(w.ask(w.initiate(0), 0), http.StatusCreated, "").find("id")
	w.pass(time.Minute)
	if r := look(empty); r.find("items", "0", "status", "failureReason") != "emptyFile" {
		t.Errorf("empty: %s", r.body)
	}
}

func TestISO8601(t *testing.T) {
	for millis, want := range map[int64]string{
		499: "PT0S", 500: "PT1S", 59_900: "PT1M", 3_600_000: "PT1H", 3_725_000: "PT1H2M5S", 86_400_000: "P1D", 90_061_000: "P1DT1H1M1S",
	} {
		if got := iso8601(millis); got != want && (millis != 86_400_000 || got != "P1DT0S") {
			t.Errorf("%d ms is %q, want %q", millis, got, want)
		}
	}
}
