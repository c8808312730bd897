package sandbox

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const unit = 262144

func TestUploadInOneRequest(t *testing.T) {
	w := newWorld(t, Options{})
	data := movie(700_001, 65)
	session := w.initiate(int64(len(data)))
	r := w.want(w.do(http.MethodPut, session, nil, bytes.NewReader(data), -1), http.StatusCreated, "")
	if got := r.find("status", "uploadStatus"); got != "uploaded" {
		t.Errorf("uploadStatus is %q right after the upload", got)
	}
	if got := r.find("snippet", "title"); got != "Il sindaco di Usseglio" {
		t.Errorf("title is %q", got)
	}
	got := w.state()
	no, yes := false, true
	want := VideoState{
		ID: r.find("id"), Title: "Il sindaco di Usseglio", Description: "Una voce dalle valli.", Tags: []string{"valli di Lanzo", "voci"},
		CategoryID: "25", DefaultLanguage: "it", Privacy: public, License: "youtube", SelfDeclaredMadeForKids: &no, Embeddable: &yes,
		FileName: "job-1.mp4", Size: 700_001, SHA256: sum(data), UploadStatus: "uploaded", Uploaded: w.clock(),
	}
	if diff := cmp.Diff([]VideoState{want}, got.Videos); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	if got.Sessions != 0 || got.Spent["uploads"] != 1 || got.Spent["units"] != 0 || got.Calls["videos.insert"] != 1 || got.Calls["session"] != 1 {
		t.Errorf("sessions, spent or calls are wrong: %+v", got)
	}
	stored, err := os.ReadFile(filepath.Join(w.opts.Dir, "videos", want.ID))
	if err != nil || !bytes.Equal(stored, data) {
		t.Errorf("the stored file differs: %v", err)
	}
}

func TestUploadInChunks(t *testing.T) {
	w := newWorld(t, Options{})
	data := movie(2*unit+1000, 5)
	total := int64(len(data))
	session := w.initiate(total)

	r := w.want(w.ask(session, total), http.StatusPermanentRedirect, "")
	if r.header.Get("Range") != "" || r.header.Get("Location") != "" || len(r.body) != 0 {
		t.Errorf("with nothing stored a 308 has no Range, and never a Location: %v", r.header)
	}
	r = w.want(w.put(session, data[:unit], 0, total), http.StatusPermanentRedirect, "")
	if got := r.header.Get("Range"); got != "bytes=0-262143" {
		t.Errorf("Range is %q", got)
	}

	// What overlaps or skips is not stored.
	for _, first := range []int64{0, unit - 1, unit + 1, 2 * unit} {
		r = w.put(session, data[:unit], first, 4*unit)
		if first+unit <= total {
			r = w.put(session, data[:unit], first, total)
		}
		if first+unit > total {
			w.want(r, http.StatusBadRequest, "badRequest") // it goes beyond the end
			continue
		}
		w.want(r, http.StatusPermanentRedirect, "")
		if got := r.header.Get("Range"); got != "bytes=0-262143" {
			t.Errorf("after a block from %d Range is %q", first, got)
		}
	}

	// A chunk in the middle is a multiple of 262144.
	w.want(w.put(session, data[unit:unit+1000], unit, total), http.StatusBadRequest, "badRequest")
	w.want(w.put(session, data[unit:2*unit], unit, total), http.StatusPermanentRedirect, "")
	r = w.want(w.put(session, data[2*unit:], 2*unit, total), http.StatusCreated, "")

	// A completed session answers the same again, to a question and to a repeated chunk.
	for _, again := range []response{w.ask(session, total), w.put(session, data[2*unit:], 2*unit, total)} {
		w.want(again, http.StatusCreated, "")
		if !bytes.Equal(again.body, r.body) {
			t.Errorf("the final answer changed:\n%s\n%s", r.body, again.body)
		}
	}
	if got := w.state(); len(got.Videos) != 1 || got.Videos[0].SHA256 != sum(data) {
		t.Errorf("videos: %+v", got.Videos)
	}
}

func TestContentRangeIsStrict(t *testing.T) {
	w := newWorld(t, Options{})
	data := movie(2*unit, 5)
	session := w.initiate(2 * unit)
	for name, c := range map[string]struct {
		header string
		body   []byte
	}{
		"another total":         {"bytes 0-262143/999999", data[:unit]},
		"another total asked":   {"bytes */999999", nil},
		"not bytes":             {"octets 0-262143/524288", data[:unit]},
		"no slash":              {"bytes 0-262143", data[:unit]},
		"backwards":             {"bytes 262143-0/524288", data[:unit]},
		"beyond the end":        {"bytes 262144-524288/524288", data[:unit+1]},
		"negative":              {"bytes -1-5/524288", data[:7]},
		"length differs":        {"bytes 0-524287/524288", data[:unit]},
		"question with a body":  {"bytes */524288", data[:10]},
		"not a number":          {"bytes a-b/524288", data[:10]},
		"whole file, too short": {"", data[:unit]},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			h := http.Header{}
			if c.header != "" {
				h.Set("Content-Range", c.header)
			}
			w.want(w.do(http.MethodPut, session, h, bytes.NewReader(c.body), int64(len(c.body))), http.StatusBadRequest, "badRequest")
		})
	}
	if r := w.ask(session, 2*unit); r.code != http.StatusPermanentRedirect || r.header.Get("Range") != "" {
		t.Errorf("a refused request stored something: %d %v", r.code, r.header)
	}
	w.want(w.do(http.MethodPut, strings.Replace(session, "upload_id=", "upload_id=x", 1), nil, http.NoBody, 0), http.StatusNotFound, "notFound")
}

func TestTotalMayComeLate(t *testing.T) {
	w := newWorld(t, Options{})
	data := movie(unit+5, 5)
	h := http.Header{"Content-Type": {"application/json"}, "X-Upload-Content-Type": {"application/octet-stream"}}
	session := w.want(w.do(http.MethodPost, insertAddress, h, strings.NewReader(goodMetadata), -1), http.StatusOK, "").header.Get("Location")

	chunk := http.Header{"Content-Range": {"bytes 0-262143/*"}, "X-Guploader-No-308": {"yes"}}
	r := w.want(w.do(http.MethodPost, session, chunk, bytes.NewReader(data[:unit]), -1), http.StatusOK, "")
	if r.header.Get("X-Http-Status-Code-Override") != "308" || r.header.Get("Range") != "bytes=0-262143" {
		t.Errorf("a client that cannot bear a 308 gets %v", r.header)
	}
	w.want(w.put(session, data[unit:], unit, unit+5), http.StatusCreated, "")
}

func TestSessionNeedsTheToken(t *testing.T) {
	w := newWorld(t, Options{})
	session := w.initiate(10)
	w.bearer = ""
	w.want(w.ask(session, 10), http.StatusUnauthorized, "required")
	w.bearer = w.accessToken(w.box.IssueToken(scopeReadonly))
	w.want(w.ask(session, 10), http.StatusForbidden, "insufficientPermissions")
	w.bearer = w.accessToken(w.box.IssueToken(scopeUpload))
	w.want(w.ask(session, 10), http.StatusPermanentRedirect, "")
}

func TestSessionExpires(t *testing.T) {
	w := newWorld(t, Options{})
	session := w.initiate(10)
	w.pass(sessionLife - time.Second)
	w.want(w.ask(session, 10), http.StatusPermanentRedirect, "")
	w.pass(sessionLife)
	w.want(w.ask(session, 10), http.StatusNotFound, "notFound")
	if parts, err := filepath.Glob(filepath.Join(w.opts.Dir, "sessions", "*")); err != nil || len(parts) != 0 {
		t.Errorf("an expired session leaves %v, %v", parts, err)
	}
}

func TestRestartInTheMiddle(t *testing.T) {
	w := newWorld(t, Options{})
	data := movie(3*unit, 12)
	total := int64(len(data))
	session := w.initiate(total)
	w.want(w.put(session, data[:unit], 0, total), http.StatusPermanentRedirect, "")

	again := func() string {
		w.restart()
		return w.server.URL + session[strings.Index(session, "/upload/"):] // the test server changes its port
	}
	session = again()
	if got := w.want(w.ask(session, total), http.StatusPermanentRedirect, "").header.Get("Range"); got != "bytes=0-262143" {
		t.Fatalf("after a restart Range is %q", got)
	}
	r := w.want(w.put(session, data[unit:], unit, total), http.StatusCreated, "")

	session = again()
	if got := w.want(w.ask(session, total), http.StatusCreated, ""); !bytes.Equal(got.body, r.body) {
		t.Errorf("the final answer changed:\n%s\n%s", r.body, got.body)
	}
	if got := w.state(); len(got.Videos) != 1 || got.Videos[0].SHA256 != sum(data) {
		t.Errorf("videos: %+v", got.Videos)
	}
}

// A kill can strike between the steps that turn a session into a video.
func TestRestartBetweenTheLastByteAndTheVideo(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir, video string){
		"all bytes, nothing else": func(t *testing.T, dir, video string) {
			move(t, filepath.Join(dir, "videos", video), strings.TrimSuffix(glob(t, dir, "sessions/*.json"), ".json")+".part")
			remove(t, filepath.Join(dir, "videos", video+".json"))
		},
		"bytes moved, no description": func(t *testing.T, dir, video string) {
			remove(t, filepath.Join(dir, "videos", video+".json"))
		},
		"session not marked": func(*testing.T, string, string) {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{})
			data := movie(1000, 1)
			session := w.initiate(1000)
			before, err := os.ReadFile(glob(t, w.opts.Dir, "sessions/*.json"))
			if err != nil {
				t.Fatal(err)
			}
			id := w.want(w.put(session, data, 0, 1000), http.StatusCreated, "").find("id")
			w.stop()
			damage(t, w.opts.Dir, id)
			if err := os.WriteFile(glob(t, w.opts.Dir, "sessions/*.json"), before, 0o600); err != nil {
				t.Fatal(err)
			}
			w.start()
			r := w.want(w.ask(w.server.URL+session[strings.Index(session, "/upload/"):], 1000), http.StatusCreated, "")
			if r.find("id") != id {
				t.Errorf("the video is now %q, and was %q", r.find("id"), id)
			}
			w.eventually("the bytes are hashed", func() bool {
				got := w.state()
				return len(got.Videos) == 1 && got.Videos[0].SHA256 == sum(data)
			})
		})
	}
}

// What a power cut can leave behind does not keep the sandbox from starting.
func TestStartAfterAPowerCut(t *testing.T) {
	w := newWorld(t, Options{})
	id := w.upload(movie(500, 1))
	w.stop()
	for _, name := range []string{"usage.json", ".new-1", "videos/.new-2", "sessions/.new-3", "captions/.new-4"} {
		if err := os.WriteFile(filepath.Join(w.opts.Dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.start()
	if got := w.state().Videos; len(got) != 1 || got[0].ID != id {
		t.Errorf("videos: %+v", got)
	}
	for _, pattern := range []string{".new-*", "*/.new-*"} {
		if left, err := filepath.Glob(filepath.Join(w.opts.Dir, pattern)); err != nil || len(left) != 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

func glob(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %v", pattern, found, err)
	}
	return found[0]
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// A client that comes back takes the session from its own broken connection.
func TestNewestRequestWins(t *testing.T) {
	w := newWorld(t, Options{})
	data := movie(2*unit, 3)
	session := w.initiate(2 * unit)
	reader, writer := io.Pipe()
	done := make(chan response, 1)
	go func() {
		h := http.Header{"Content-Range": {"bytes 0-524287/524288"}}
		done <- w.do(http.MethodPut, session, h, reader, 2*unit)
	}()
	if _, err := writer.Write(data[:unit]); err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(w.opts.Dir, "sessions")
	w.eventually("the first half arrives", func() bool {
		found, _ := filepath.Glob(filepath.Join(part, "*.part"))
		if len(found) != 1 {
			return false
		}
		info, err := os.Stat(found[0])
		return err == nil && info.Size() == unit
	})
	if got := w.want(w.ask(session, 2*unit), http.StatusPermanentRedirect, "").header.Get("Range"); got != "bytes=0-262143" {
		t.Errorf("Range is %q", got)
	}
	if err := writer.Close(); err != nil {
		t.Error(err)
	}
	if r := <-done; r.err == nil {
		t.Errorf("the older request got an answer: %d", r.code)
	}
	w.want(w.put(session, data[unit:], unit, 2*unit), http.StatusCreated, "")
	if got := w.state(); len(got.Videos) != 1 || got.Videos[0].SHA256 != sum(data) {
		t.Errorf("videos: %+v", got.Videos)
	}
}

// A larger file is hashed behind the answer, and processed only afterwards.
func TestLargeFile(t *testing.T) {
	w := newWorld(t, Options{})
	data := movie(hashAtOnce+unit, 9)
	id := w.upload(data)
	w.pass(time.Minute)
	w.eventually("the video is processed", func() bool {
		return w.get("/youtube/v3/videos?part=status&id="+id).find("items", "0", "status", "uploadStatus") == "processed"
	})
	if got := w.state().Videos[0].SHA256; got != sum(data) {
		t.Errorf("sha256 is %s", got)
	}
}
