package sandbox

import (
	"net/http"
	"testing"
	"time"
)

func TestConnectionCutInAChunk(t *testing.T) {
	w := newWorld(t, Options{})
	data := movie(3*unit, 2)
	total := int64(len(data))
	session := w.initiate(total)
	w.fault(Fault{Name: CutChunk, After: 300_000, Store: 100_000})
	if r := w.put(session, data, 0, total); r.err == nil {
		t.Fatalf("the connection was not cut: %d", r.code)
	}
	if got := w.want(w.ask(session, total), http.StatusPermanentRedirect, "").header.Get("Range"); got != "bytes=0-99999" {
		t.Fatalf("Range is %q", got)
	}
	w.want(w.put(session, data[100_000:], 100_000, total), http.StatusCreated, "")
	if got := w.state().Videos[0].SHA256; got != sum(data) {
		t.Errorf("sha256 is %s", got)
	}
}

func TestChunkStoredInPart(t *testing.T) {
	w := newWorld(t, Options{})
	data := movie(2*unit, 2)
	session := w.initiate(2 * unit)
	w.fault(Fault{Name: PartialChunk}, Fault{Name: PartialChunk, Store: 100_000})
	if r := w.want(w.put(session, data, 0, 2*unit), http.StatusPermanentRedirect, ""); r.header.Get("Range") != "" {
		t.Fatalf("nothing was kept, and Range is %q", r.header.Get("Range"))
	}
	if r := w.want(w.put(session, data, 0, 2*unit), http.StatusPermanentRedirect, ""); r.header.Get("Range") != "bytes=0-99999" {
		t.Fatalf("Range is %q", r.header.Get("Range"))
	}
	w.want(w.put(session, data[100_000:], 100_000, 2*unit), http.StatusCreated, "")
	if got := w.state().Videos[0].SHA256; got != sum(data) {
		t.Errorf("sha256 is %s", got)
	}
}

func TestLostAnswers(t *testing.T) {
	w := newWorld(t, Options{})
	w.fault(Fault{Name: LoseInitial})
	if r := w.tryInitiate(insertAddress, goodMetadata, 10); r.err == nil {
		t.Fatalf("an answer came: %d", r.code)
	}
	if got := w.state(); got.Sessions != 1 || got.Spent["uploads"] != 1 {
		t.Errorf("the session was opened and paid for: %+v", got)
	}
	data := movie(1000, 2)
	session := w.initiate(1000)
	w.fault(Fault{Name: LoseFinal})
	if r := w.put(session, data, 0, 1000); r.err == nil {
		t.Fatalf("an answer came: %d", r.code)
	}
	id := w.want(w.ask(session, 1000), http.StatusCreated, "").find("id")
	if got := w.state(); len(got.Videos) != 1 || got.Videos[0].ID != id || got.Videos[0].SHA256 != sum(data) {
		t.Errorf("videos: %+v", got.Videos)
	}
}

func TestSessionMadeToExpire(t *testing.T) {
	w := newWorld(t, Options{})
	for status, want := range map[int]int{0: http.StatusNotFound, http.StatusGone: http.StatusGone} {
		session := w.initiate(10)
		w.fault(Fault{Name: ExpireSession, Status: status})
		w.want(w.ask(session, 10), want, "notFound")
		w.want(w.ask(session, 10), http.StatusNotFound, "notFound")
	}
}

func TestPassingTroubles(t *testing.T) {
	w := newWorld(t, Options{})
	data := movie(unit*4, 2)
	session := w.initiate(unit * 4)
	w.fault(Fault{Name: Unavailable, Method: "session", Times: 2, RetryAfter: 7}, Fault{Name: InternalError, Method: "session"}, Fault{Name: Unauthorized, Method: "session"})
	for range 2 {
		r := w.want(w.put(session, data, 0, unit*4), http.StatusServiceUnavailable, "backendError")
		if r.header.Get("Retry-After") != "7" {
			t.Errorf("Retry-After is %q", r.header.Get("Retry-After"))
		}
	}
	w.want(w.get("/youtube/v3/channels?part=id&mine=true"), http.StatusOK, "") // not meant
	w.want(w.put(session, data, 0, unit*4), http.StatusInternalServerError, "internalError")
	w.want(w.put(session, data, 0, unit*4), http.StatusUnauthorized, "authError")
	w.want(w.put(session, data, 0, unit*4), http.StatusCreated, "")

	w.fault(Fault{Name: Unavailable, Method: "videos.list", Skip: 1})
	w.want(w.get("/youtube/v3/videos?part=id&id=a"), http.StatusOK, "")
	w.want(w.get("/youtube/v3/videos?part=id&id=a"), http.StatusServiceUnavailable, "backendError")
	w.want(w.get("/youtube/v3/videos?part=id&id=a"), http.StatusOK, "")

	w.fault(Fault{Name: Unavailable, Times: -1})
	for range 3 {
		w.want(w.get("/youtube/v3/videos?part=id&id=a"), http.StatusServiceUnavailable, "backendError")
	}
	w.box.Faults().Clear()
	w.want(w.get("/youtube/v3/videos?part=id&id=a"), http.StatusOK, "")

	w.fault(Fault{Name: UploadLimit})
	w.want(w.tryInitiate(insertAddress, goodMetadata, 10), http.StatusBadRequest, "uploadLimitExceeded")
	w.initiate(10)
}

func TestStall(t *testing.T) {
	w := newWorld(t, Options{})
	data := movie(2*unit, 2)
	session := w.initiate(2 * unit)
	w.fault(Fault{Name: Stall, Method: "session", After: unit})
	done := make(chan response, 1)
	go func() { done <- w.put(session, data, 0, 2*unit) }()
	w.eventually("the stall begins", func() bool { return len(w.box.Faults().Pending()) == 0 })
	select {
	case r := <-done:
		t.Fatalf("it did not stall: %d %v", r.code, r.err)
	case <-time.After(50 * time.Millisecond):
	}
	// The client gives up and asks; the stalled request must not get in the way.
	w.want(w.ask(session, 2*unit), http.StatusPermanentRedirect, "")
	if r := <-done; r.err == nil && r.code == http.StatusCreated {
		t.Error("the stalled request went on")
	}

	w.fault(Fault{Name: Stall, Method: "videos.list", Delay: 0.05})
	begin := time.Now()
	w.want(w.get("/youtube/v3/videos?part=id&id=a"), http.StatusOK, "")
	if took := time.Since(begin); took < 50*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}

func TestFaultsOverHTTP(t *testing.T) {
	w := newWorld(t, Options{})
	r := w.send(http.MethodPost, "/sandbox/faults", `[{"fault":"unavailable","method":"videos.list"},{"fault":"noChannel","times":2}]`)
	if r.code != http.StatusOK || len(w.box.Faults().Pending()) != 2 {
		t.Fatalf("%d %s", r.code, r.body)
	}
	w.want(w.get("/youtube/v3/videos?part=id&id=a"), http.StatusServiceUnavailable, "backendError")
	if r := w.get("/sandbox/faults"); string(r.body) != `[{"fault":"noChannel","times":2}]`+"\n" {
		t.Errorf("pending: %s", r.body)
	}
	if r := w.do(http.MethodDelete, "/sandbox/faults", nil, nil, -1); r.code != http.StatusOK || len(w.box.Faults().Pending()) != 0 {
		t.Errorf("%d %s", r.code, r.body)
	}
	for _, wrong := range []string{`{"fault":"nonsense"}`, `{"fault":"stall","tims":2}`, `{`, `{"fault":"emptyBucket","bucket":"sand"}`} {
		if r := w.send(http.MethodPost, "/sandbox/faults", wrong); r.code != http.StatusBadRequest || r.find("error") == "" {
			t.Errorf("%s: %d %s", wrong, r.code, r.body)
		}
	}
	if r := w.send(http.MethodPut, "/sandbox/faults", `{}`); r.code != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %d", r.code)
	}
}
