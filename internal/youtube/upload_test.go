package youtube_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/youtube"
)

const unit = youtube.RangeUnit

func TestUploadSpeaksTheProtocol(t *testing.T) {
	r := newRig(t)
	data := content(2*unit + 1000)
	video, err := r.upload(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	r.oneVideo(t, data)
	if video.ID != "video1" || video.UploadStatus != "uploaded" || video.Privacy != youtube.Private {
		t.Errorf("video = %+v", video)
	}
	if diff := cmp.Diff("POST\n"+
		"PUT bytes 0-262143/525288\n"+
		"PUT bytes 262144-524287/525288\n"+
		"PUT bytes 524288-525287/525288", r.log()); diff != "" {
		t.Error(diff)
	}
	h := r.headers[0]
	for name, want := range map[string]string{
		"X-Upload-Content-Length": "525288",
		"X-Upload-Content-Type":   "video/mp4",
		"Slug":                    "0190f5c2.mp4",
		"Content-Type":            "application/json; charset=UTF-8",
		"Authorization":           "Bearer ya29.token0",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	query, body, _ := strings.Cut(r.metadata[0], "\n")
	if query != "notifySubscribers=false&part=snippet%2Cstatus%2CrecordingDetails&uploadType=resumable" {
		t.Errorf("query = %s", query)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"snippet": map[string]any{
			"title": "Il Sindaco di Ala di Stura", "description": "Città & montagna", "categoryId": "29",
			"defaultLanguage": "it", "tags": []any{"Ala di Stura", "solidarietà"},
		},
		"status":           map[string]any{"privacyStatus": "unlisted", "embeddable": true, "selfDeclaredMadeForKids": false},
		"recordingDetails": map[string]any{"recordingDate": "2020-04-03T00:00:00Z"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int64{unit, 2 * unit, 2*unit + 1000}, r.told); diff != "" {
		t.Errorf("progress: %s", diff)
	}
	if r.spent[youtube.BucketUploads] != 1 {
		t.Errorf("spent %v", r.spent)
	}
}

func TestUploadKeepsTheSessionBeforeItMatters(t *testing.T) {
	r := newRig(t)
	if _, err := r.upload(t.Context(), content(3*unit)); err != nil {
		t.Fatal(err)
	}
	// Requests: POST, three PUTs. Kept after the POST, and again after two PUTs.
	if diff := cmp.Diff([]int{1, 3}, r.marks); diff != "" {
		t.Errorf("kept at: %s", diff)
	}
	if r.kept[0].LastByteSent || !r.kept[1].LastByteSent || r.kept[0].Total != 3*unit || r.kept[0].StartedAt.IsZero() ||
		r.kept[0].URI != r.kept[1].URI {
		t.Errorf("kept %#v", r.kept)
	}
}

func TestUploadSendsNothingThatIsNotKept(t *testing.T) {
	disk := errors.New("the disk is full")
	for name, failing := range map[string]int{"the session": 1, "the last byte": 2} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			n := 0
			_, err := r.client.Upload(t.Context(), fileOf(content(unit)), youtube.Session{}, func(context.Context, youtube.Session) error {
				if n++; n == failing {
					return disk
				}
				return nil
			}, nil)
			if !errors.Is(err, disk) || youtube.ClassOf(err) != youtube.ClassTemporary {
				t.Errorf("err = %v", err)
			}
			if got := r.log(); got != "POST" {
				t.Errorf("requests:\n%s", got)
			}
			// The next run begins anew: the orphan has no byte, so no video comes of it.
			data := content(unit)
			if _, err := r.upload(t.Context(), data); err != nil {
				t.Fatal(err)
			}
			r.oneVideo(t, data)
		})
	}
}

// TestUploadRecovers has each thing go wrong that the protocol foresees, once,
// and wants one video with the right bytes all the same.
func TestUploadRecovers(t *testing.T) {
	data := content(3*unit + 77)
	asked := fmt.Sprintf("PUT bytes */%d", len(data))
	for _, c := range []struct {
		name   string
		break_ func(*rig)
		want   string // what must be among the requests
		opens  int
	}{
		{"the answer to the POST is lost", func(r *rig) { r.on(1, r.quietly) }, "POST\nPOST", 2},
		{"503 to the POST", func(r *rig) { r.on(1, refusing(503, "backendError", "later")) }, "POST\nPOST", 1},
		{"the line breaks in a range", func(r *rig) { r.on(3, r.keepOnly(100_000, cut)) }, asked + "\nPUT bytes 362144-624287/786509", 1},
		{"part of a range is stored", func(r *rig) {
			r.on(2, r.keepOnly(100_000, func(rw http.ResponseWriter, q *http.Request) {
				_, _ = io.Copy(io.Discard, q.Body)
				r.answer(rw, r.session(q))
			}))
		}, "PUT bytes 0-262143/786509\nPUT bytes 100000-362143/786509", 1},
		{"the answer to a range is lost", func(r *rig) { r.on(2, r.quietly) }, asked + "\nPUT bytes 262144-524287/786509", 1},
		{"the final answer is lost", func(r *rig) { r.on(5, r.quietly) }, "PUT bytes 786432-786508/786509\n" + asked, 1},
		{"the final answer has no body", func(r *rig) {
			r.on(5, r.keepOnly(77, func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(201) }))
		}, "PUT bytes 786432-786508/786509\n" + asked, 1},
		{"500 to a range", func(r *rig) { r.on(3, refusing(500, "internalError", "oops")) }, asked + "\nPUT bytes 262144-524287/786509", 1},
		{"500 to the question", func(r *rig) { r.on(3, cut).on(4, refusing(502, "", "oops")) }, asked + "\n" + asked, 1},
		{"429 to a range", func(r *rig) { r.on(3, refusing(429, "rateLimitExceeded", "slow down")) }, asked, 1},
		{"408 to a range", func(r *rig) { r.on(3, refusing(408, "", "")) }, asked, 1},
		{"a 308 that points elsewhere", func(r *rig) {
			r.on(2, func(rw http.ResponseWriter, q *http.Request) {
				rw.Header().Set("Location", r.srv.URL+"/elsewhere")
				r.serve(rw, q)
			})
		}, "PUT bytes 0-262143/786509\nPUT bytes 262144-524287/786509", 1},
		{"200 that means 308", func(r *rig) {
			r.on(2, func(rw http.ResponseWriter, q *http.Request) {
				r.serve(&overriding{rw}, q)
			})
		}, "PUT bytes 0-262143/786509\nPUT bytes 262144-524287/786509", 1},
		{"all stored but not yet a video", func(r *rig) {
			r.on(5, r.keepOnly(77, func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Range", "bytes=0-786508")
				rw.WriteHeader(308)
			}))
		}, "PUT bytes 786432-786508/786509\n" + asked, 1},
		{"a range beyond the file", func(r *rig) {
			r.on(2, func(rw http.ResponseWriter, q *http.Request) {
				r.serve(dropped{rw.Header()}, q)
				rw.Header().Set("Range", "bytes=0-9999999")
				rw.WriteHeader(308)
			})
		}, asked + "\nPUT bytes 262144-524287/786509", 1},
		{"a range that does not begin at zero", func(r *rig) {
			r.on(2, func(rw http.ResponseWriter, q *http.Request) {
				r.serve(dropped{rw.Header()}, q)
				rw.Header().Set("Range", "bytes=5-262143")
				rw.WriteHeader(308)
			})
		}, asked + "\nPUT bytes 262144-524287/786509", 1},
		{"the server forgets some bytes", func(r *rig) {
			r.on(3, func(rw http.ResponseWriter, q *http.Request) {
				_, _ = io.Copy(io.Discard, q.Body)
				s := r.session(q)
				r.mu.Lock()
				s.data = s.data[:1234]
				r.mu.Unlock()
				r.answer(rw, s)
			})
		}, "PUT bytes 1234-263377/786509", 1},
		{"404 before the last byte", func(r *rig) { r.on(3, refusing(404, "notFound", "gone")) }, "POST\nPUT bytes 0-262143/786509\nPUT bytes 262144-524287/786509\nPOST\nPUT bytes 0-", 2},
		{"410 before the last byte", func(r *rig) { r.on(3, refusing(410, "", "gone")) }, "PUT bytes 262144-524287/786509\nPOST\nPUT bytes 0-", 2},
		{"401 to the POST", func(r *rig) { r.on(1, refusing(401, "authError", "stale")) }, "POST\nPOST", 1},
		{"401 to a range", func(r *rig) { r.on(3, refusing(401, "authError", "stale")) }, asked + "\nPUT bytes 262144-524287/786509", 1},
		{"401 to the last range", func(r *rig) { r.on(5, refusing(401, "authError", "stale")) }, asked + "\nPUT bytes 786432-786508/786509", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			c.break_(r)
			video, err := r.upload(t.Context(), data)
			if err != nil {
				t.Fatalf("%v; requests:\n%s", err, r.log())
			}
			r.oneVideo(t, data)
			if video.ID != "video1" {
				t.Errorf("id = %q", video.ID)
			}
			if !strings.Contains(r.log(), c.want) {
				t.Errorf("requests:\n%s\nwant among them:\n%s", r.log(), c.want)
			}
			if r.opens != c.opens {
				t.Errorf("%d sessions were opened, want %d", r.opens, c.opens)
			}
			if strings.Contains(c.name, "401") && r.tokens.expired != 1 {
				t.Errorf("%d tokens were refreshed, want 1", r.tokens.expired)
			}
		})
	}
}

// overriding answers as to a client that must not see 308.
type overriding struct{ http.ResponseWriter }

func (o *overriding) WriteHeader(status int) {
	if status == 308 {
		o.Header().Set("X-Http-Status-Code-Override", "308 Resume Incomplete")
		status = 200
	}
	o.ResponseWriter.WriteHeader(status)
}

// dropped takes headers and throws the rest away.
type dropped struct{ h http.Header }

func (d dropped) Header() http.Header       { return d.h }
func (dropped) Write(b []byte) (int, error) { return len(b), nil }
func (dropped) WriteHeader(int)             {}

// TestUploadGoesOnAfterACrash stops an upload for good at a point and starts it
// again from what was kept.
func TestUploadGoesOnAfterACrash(t *testing.T) {
	data := content(3*unit + 77)
	for _, c := range []struct {
		name string
		at   int // request during which the process dies
		how  func(*rig) http.HandlerFunc
		next string // the first request after it
	}{
		{"before anything was stored", 2, func(*rig) http.HandlerFunc { return cut }, "PUT bytes */786509\nPUT bytes 0-"},
		{"mid-upload", 3, func(r *rig) http.HandlerFunc { return r.keepOnly(5000, cut) }, "PUT bytes */786509\nPUT bytes 267144-"},
		{"in the last range", 5, func(r *rig) http.HandlerFunc { return r.keepOnly(7, cut) }, "PUT bytes */786509\nPUT bytes 786439-786508/786509"},
		{"after the last byte", 5, func(r *rig) http.HandlerFunc { return r.quietly }, "PUT bytes */786509"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			ctx, die := context.WithCancel(t.Context())
			how := c.how(r)
			r.on(c.at, func(rw http.ResponseWriter, q *http.Request) {
				defer die()
				how(rw, q)
			})
			_, err := r.upload(ctx, data)
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("err = %v", err)
			}
			before := len(r.log())
			video, err := r.upload(t.Context(), data)
			if err != nil {
				t.Fatal(err)
			}
			r.oneVideo(t, data)
			if got := r.log()[before+1:]; !strings.HasPrefix(got, c.next) {
				t.Errorf("after the crash:\n%s\nwant first:\n%s", got, c.next)
			}
			if video.ID != "video1" || r.opens != 1 {
				t.Errorf("video %q of %d sessions", video.ID, r.opens)
			}
		})
	}
}

// TestUploadSurvivesChance breaks every other request at random, kills the
// upload now and then, and wants exactly one video with equal bytes.
func TestUploadSurvivesChance(t *testing.T) {
	data := content(9*unit + 4321)
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			chance := rand.New(rand.NewPCG(seed, 0))
			r := newRig(t)
			for n := 1; n < 60; n++ {
				switch chance.IntN(8) {
				case 0:
					r.on(n, cut)
				case 1:
					r.on(n, func(rw http.ResponseWriter, q *http.Request) { r.quietly(rw, q) })
				case 2:
					r.on(n, refusing(503, "backendError", "later"))
				case 3:
					part := chance.Int64N(unit)
					r.on(n, func(rw http.ResponseWriter, q *http.Request) {
						if q.Method == http.MethodPut && !strings.Contains(q.Header.Get("Content-Range"), "*") {
							r.keepOnly(part, cut)(rw, q)
						}
						cut(rw, q)
					})
				}
			}
			for run := 0; ; run++ {
				if run == 40 {
					t.Fatalf("no end in sight:\n%s", r.log())
				}
				ctx, die := context.WithCancel(t.Context())
				left := chance.IntN(6)
				_, err := r.client.Upload(ctx, fileOf(data), r.last(), func(ctx context.Context, s youtube.Session) error {
					if left--; left < 0 {
						defer die() // right after the commit
					}
					return r.keep(ctx, s)
				}, func(int64) {
					if left--; left < 0 {
						die()
					}
				})
				die()
				if err == nil {
					break
				}
				if errors.Is(err, youtube.ErrOutcomeUnknown) {
					t.Fatalf("no session was lost, and yet: %v", err)
				}
			}
			r.oneVideo(t, data)
		})
	}
}

func TestUploadNeverRepeatsWhatMayBeAVideo(t *testing.T) {
	data := content(unit + 5)
	for _, status := range []int{404, 410} {
		r := newRig(t)
		r.on(3, r.quietly).on(4, refusing(status, "notFound", "gone"))
		_, err := r.upload(t.Context(), data)
		if !errors.Is(err, youtube.ErrOutcomeUnknown) || youtube.ClassOf(err) != youtube.ClassOutcomeUnknown {
			t.Errorf("%d: err = %v", status, err)
		}
		// And the same after a restart.
		r.mu.Lock()
		clear(r.sessions)
		r.mu.Unlock()
		if _, err := r.upload(t.Context(), data); !errors.Is(err, youtube.ErrOutcomeUnknown) {
			t.Errorf("%d: err = %v", status, err)
		}
		if r.opens != 1 {
			t.Errorf("%d: %d sessions were opened", status, r.opens)
		}
		r.oneVideo(t, data)
	}
}

func TestUploadGivesUpOnSessionsThatKeepVanishing(t *testing.T) {
	r := newRig(t)
	for _, n := range []int{2, 4, 6, 8} {
		r.on(n, refusing(404, "notFound", "gone"))
	}
	_, err := r.upload(t.Context(), content(2*unit))
	if youtube.ClassOf(err) != youtube.ClassSessionGone || r.opens != 3 {
		t.Errorf("%d sessions, err = %v", r.opens, err)
	}
}

func TestUploadPatience(t *testing.T) {
	t.Run("ends", func(t *testing.T) {
		r := newRig(t, youtube.WithPatience(5))
		for n := 2; n < 30; n++ {
			r.on(n, refusing(503, "backendError", "later"))
		}
		_, err := r.upload(t.Context(), content(unit))
		if youtube.ClassOf(err) != youtube.ClassTemporary {
			t.Errorf("err = %v", err)
		}
		if got := len(r.requests); got != 6 {
			t.Errorf("%d requests, want the POST and five tries", got)
		}
		for i, d := range r.waits.all {
			if whole := time.Second << i; d < whole/2 || d > whole {
				t.Errorf("wait %d = %v, want %v to %v", i, d, whole/2, whole)
			}
		}
		// A job that comes later goes on in the same session.
		clear(r.faults)
		if _, err := r.upload(t.Context(), content(unit)); err != nil || r.opens != 1 {
			t.Errorf("%d sessions, err = %v", r.opens, err)
		}
	})
	t.Run("is renewed by progress", func(t *testing.T) {
		r := newRig(t, youtube.WithPatience(2))
		data := content(6 * unit)
		for n := 2; n < 40; n += 3 { // range lost, asked, next range sent, lost, …
			r.on(n, r.keepOnly(1000, cut))
		}
		if _, err := r.upload(t.Context(), data); err != nil {
			t.Fatalf("%v\n%s", err, r.log())
		}
		r.oneVideo(t, data)
	})
	t.Run("is short where each try costs an upload", func(t *testing.T) {
		r := newRig(t)
		for n := 1; n < 30; n++ {
			r.on(n, cut)
		}
		_, err := r.upload(t.Context(), content(unit))
		if youtube.ClassOf(err) != youtube.ClassTemporary || r.spent[youtube.BucketUploads] != 4 {
			t.Errorf("spent %v, err = %v", r.spent, err)
		}
	})
	t.Run("obeys Retry-After", func(t *testing.T) {
		r := newRig(t)
		r.on(2, func(rw http.ResponseWriter, q *http.Request) {
			rw.Header().Set("Retry-After", "17")
			refusing(503, "backendError", "later")(rw, q)
		})
		if _, err := r.upload(t.Context(), content(unit)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]time.Duration{17 * time.Second}, r.waits.all); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("leaves a long Retry-After to the caller", func(t *testing.T) {
		r := newRig(t)
		r.on(2, func(rw http.ResponseWriter, q *http.Request) {
			rw.Header().Set("Retry-After", "3600")
			refusing(503, "backendError", "later")(rw, q)
		})
		_, err := r.upload(t.Context(), content(unit))
		e, ok := errors.AsType[*youtube.Error](err)
		if !ok || e.RetryAfter != time.Hour || youtube.ClassOf(err) != youtube.ClassTemporary || len(r.waits.all) != 0 {
			t.Errorf("waits %v, err = %v", r.waits.all, err)
		}
	})
}

func TestUploadNoticesSilence(t *testing.T) {
	r := newRig(t, youtube.WithStall(50*time.Millisecond, 50*time.Millisecond))
	r.on(2, r.silence). // reads nothing
				on(4, r.keepOnly(unit, r.silence)) // reads all, says nothing
	data := content(3 * unit)
	if _, err := r.upload(t.Context(), data); err != nil {
		t.Fatalf("%v\n%s", err, r.log())
	}
	r.oneVideo(t, data)
	if len(r.waits.all) != 2 {
		t.Errorf("waited %d times, want twice", len(r.waits.all))
	}
}

func TestUploadOfAFileThatCannotBeRead(t *testing.T) {
	for name, up := range map[string]func(*youtube.Upload){
		"shorter than it was": func(u *youtube.Upload) { u.Size += 10 },
		"unreadable":          func(u *youtube.Upload) { u.File = broken{} },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			u := fileOf(content(unit))
			up(&u)
			_, err := r.client.Upload(t.Context(), u, youtube.Session{}, r.keep, nil)
			if youtube.ClassOf(err) != youtube.ClassPermanent || !strings.Contains(err.Error(), "reading the file") {
				t.Errorf("err = %v", err)
			}
			if len(r.videos) != 0 {
				t.Error("a video came of it")
			}
		})
	}
}

type broken struct{}

func (broken) ReadAt([]byte, int64) (int, error) { return 0, errors.New("input/output error") }

func TestUploadRefusesBeforeItCosts(t *testing.T) {
	session := youtube.Session{URI: "https://example.org/?upload_id=" + secretID, Total: 5}
	for name, c := range map[string]struct {
		change  func(*youtube.Upload)
		session youtube.Session
		class   youtube.Class
	}{
		"nothing to send":      {func(u *youtube.Upload) { u.Size = 0 }, youtube.Session{}, youtube.ClassPermanent},
		"too large":            {func(u *youtube.Upload) { u.Size = youtube.MaxFileSize + 1 }, youtube.Session{}, youtube.ClassPermanent},
		"a slug with a break":  {func(u *youtube.Upload) { u.Slug = "a\r\nX: y" }, youtube.Session{}, youtube.ClassPermanent},
		"another file":         {func(*youtube.Upload) {}, session, youtube.ClassPermanent},
		"a title with a heart": {func(u *youtube.Upload) { u.Title = "<3" }, youtube.Session{}, youtube.ClassMetadata},
		"no address": {
			func(u *youtube.Upload) { u.Size = 5 },
			youtube.Session{URI: "nowhere", Total: 5},
			youtube.ClassPermanent,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			u := fileOf(content(100))
			c.change(&u)
			_, err := r.client.Upload(t.Context(), u, c.session, r.keep, nil)
			if youtube.ClassOf(err) != c.class {
				t.Errorf("class = %q, err = %v", youtube.ClassOf(err), err)
			}
			if len(r.requests) != 0 || len(r.spent) != 0 {
				t.Errorf("requests: %s, spent %v", r.log(), r.spent)
			}
		})
	}
}

// TestUploadFinalRefusals wants each class of refusal to end an upload at once,
// with the session as good as before.
func TestUploadFinalRefusals(t *testing.T) {
	for _, c := range []struct {
		at, status      int
		reason, message string
		class           youtube.Class
	}{
		{1, 400, "invalidTags", "invalid keywords", youtube.ClassMetadata},
		{1, 400, "uploadLimitExceeded", "the channel has sent enough", youtube.ClassChannelLimit},
		{1, 429, "rateLimitExceeded", "Quota exceeded for quota metric 'Video Uploads' and limit 'Video Uploads per day' of service", youtube.ClassUploadsQuota},
		{1, 403, "quotaExceeded", "quota", youtube.ClassUnitsQuota},
		{1, 401, "youtubeSignupRequired", "no channel", youtube.ClassDisconnected},
		{2, 403, "forbidden", "no", youtube.ClassPermanent},
		{2, 400, "badRequest", "no", youtube.ClassPermanent},
	} {
		t.Run(c.reason, func(t *testing.T) {
			r := newRig(t)
			r.on(c.at, refusing(c.status, c.reason, c.message)).on(c.at+1, refusing(c.status, c.reason, c.message))
			_, err := r.upload(t.Context(), content(2*unit))
			if got := youtube.ClassOf(err); got != c.class {
				t.Errorf("class %q, want %q: %v", got, c.class, err)
			}
			if len(r.waits.all) != 0 {
				t.Errorf("waited %v", r.waits.all)
			}
		})
	}
	t.Run("a token that stays stale", func(t *testing.T) {
		r := newRig(t)
		for n := 2; n < 9; n++ {
			r.on(n, refusing(401, "authError", "stale"))
		}
		_, err := r.upload(t.Context(), content(unit))
		if youtube.ClassOf(err) != youtube.ClassUnauthorized || len(r.requests) != 3 {
			t.Errorf("%d requests, err = %v", len(r.requests), err)
		}
	})
	t.Run("access withdrawn half-way", func(t *testing.T) {
		r := newRig(t)
		gone := &youtube.Error{Status: 400, Reason: "invalid_grant"}
		r.on(3, func(rw http.ResponseWriter, q *http.Request) {
			r.tokens.mu.Lock()
			r.tokens.err = gone
			r.tokens.mu.Unlock()
			refusing(401, "authError", "stale")(rw, q)
		})
		_, err := r.upload(t.Context(), content(3*unit))
		if youtube.ClassOf(err) != youtube.ClassDisconnected {
			t.Errorf("err = %v", err)
		}
	})
}

// TestErrorsHideSecrets makes every kind of failure and looks for the session's
// address and the token in its text.
func TestErrorsHideSecrets(t *testing.T) {
	r := newRig(t, youtube.WithPatience(1), youtube.WithStall(30*time.Millisecond, 30*time.Millisecond))
	data := content(unit)
	session := youtube.Session{URI: r.srv.URL + "/upload?upload_id=" + secretID, Total: unit}
	echo := func(status int) http.HandlerFunc {
		return func(rw http.ResponseWriter, q *http.Request) {
			refusing(status, "invalid", "cannot "+r.srv.URL+q.URL.String()+" with "+q.Header.Get("Authorization"))(rw, q)
		}
	}
	for name, h := range map[string]http.HandlerFunc{
		"a line that breaks": cut, "silence": r.silence,
		"400": echo(400), "403": echo(403), "404": echo(404), "500": echo(500), "401": echo(401),
		"nonsense": func(rw http.ResponseWriter, q *http.Request) {
			conn, _, _ := rw.(http.Hijacker).Hijack()
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 nonsense %s\r\n\r\n", q.URL)
			_ = conn.Close()
		},
	} {
		r.always = h
		_, err := r.client.Upload(t.Context(), fileOf(data), session, r.keep, nil)
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err)} {
			if strings.Contains(text, secretID) || strings.Contains(text, "ya29.") {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
	r.srv.CloseClientConnections()
	_ = r.srv.Listener.Close()
	if _, err := r.client.Upload(t.Context(), fileOf(data), session, r.keep, nil); err == nil || strings.Contains(err.Error(), secretID) {
		t.Errorf("a server that is not there: %v", err)
	}
}
