package testimony_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// whole is the size of the film that small versions are made of in these tests.
const wholeBytes = 1000

// come has a file come, and returns it as it is current; nil if it is not.
func (r *room) come(t *testing.T, id int64, kind testimony.Kind, upload string, bytes int64) error {
	t.Helper()
	v := testimony.Video{TestimonyID: id, Kind: kind, UploadID: upload, Original: upload, Filename: "a.mp4", Bytes: bytes}
	if kind == testimony.Small {
		v.WholeBytes = wholeBytes
	}
	return r.ReceiveVideo(t.Context(), v)
}

func (r *room) mustCome(t *testing.T, id int64, kind testimony.Kind, upload string, bytes int64) {
	t.Helper()
	if err := r.come(t, id, kind, upload, bytes); err != nil {
		t.Fatal(err)
	}
}

func (r *room) said(t *testing.T, id int64) *testimony.Testimony {
	t.Helper()
	got, err := r.Get(t.Context(), testimony.Anywhere, id)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// seen has the file of a kind found good, so many milliseconds long.
func (r *room) seen(t *testing.T, id int64, kind testimony.Kind, ms int64) {
	t.Helper()
	got := r.said(t, id)
	v := got.Full
	if kind == testimony.Small {
		v = got.Small
	}
	v.DurationMS = ms
	r.ready(t, v)
}

// bySmall is a testimony in review by its small version of a minute and a half.
func (r *room) bySmall(t *testing.T) int64 {
	t.Helper()
	id := r.create(t, whole()).ID
	if err := r.BeginUpload(t.Context(), balme, testimony.Upload{ID: "full", TestimonyID: id, Size: wholeBytes}); err != nil {
		t.Fatal(err)
	}
	r.mustCome(t, id, testimony.Small, "small", 10)
	if _, err := r.Submit(t.Context(), "tester", balme, id); err != nil {
		t.Fatal(err)
	}
	if got := r.said(t, id); got.State != testimony.Draft || !got.AwaitsFile() {
		t.Fatalf("before the small version was seen it is %s", got.State)
	}
	r.seen(t, id, testimony.Small, 90_000)
	if got := r.said(t, id); got.State != testimony.InReview || !got.OnlySmall() || !got.AwaitsWhole() {
		t.Fatalf("it is %s with %+v", got.State, got.Video)
	}
	return id
}

func TestASmallVersionGoesToReviewAndTheFullFileFollows(t *testing.T) {
	for name, c := range map[string]struct {
		approved bool
		ms       int64
		state    testimony.State
		doubt    string
		plans    int // times that the channel was told
		returns  int
	}{
		"in review, it agrees":   {false, 90_900, testimony.InReview, "", 0, 0},
		"in review, it does not": {false, 91_100, testimony.InReview, "testimony.whole_differs", 0, 0},
		"approved, it agrees":    {true, 89_100, testimony.Approved, "", 2, 0},
		"approved, it does not":  {true, 60_000, testimony.InReview, "testimony.whole_differs", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t)
			id := r.bySmall(t)
			before := r.said(t, id)
			if c.approved {
				if _, err := r.Approve(t.Context(), "staff", id, before.Version); err != nil {
					t.Fatal(err)
				}
			}
			r.mustCome(t, id, testimony.Full, "full", wholeBytes)
			if got := r.said(t, id); !got.OnlySmall() {
				t.Errorf("while the full file is looked at, what is watched is %+v", got.Video)
			}
			r.seen(t, id, testimony.Full, c.ms)
			got := r.said(t, id)
			if got.State != c.state || got.Doubt.Key != c.doubt || got.Small != nil || got.Video == nil || got.Video.UploadID != "full" || got.AwaitsWhole() {
				t.Errorf("%s, doubt %q, small %v, watched %+v", got.State, got.Doubt.Key, got.Small, got.Video)
			}
			if r.approved != c.plans || r.returned != c.returns {
				t.Errorf("planned %d times, returned %d", r.approved, r.returned)
			}
			if !c.approved && c.doubt == "" && got.Version != before.Version {
				t.Error("a moderator who watches the small version could not decide any more, and has nothing new to know")
			}
			if c.doubt == "" {
				return
			}
			if _, err := r.Approve(t.Context(), "staff", id, before.Version); fault.Of(err) != fault.Conflict {
				t.Errorf("decided on what was seen before: %v", err)
			}
			if got, err := r.Approve(t.Context(), "staff", id, got.Version); err != nil || got.Doubt.Key != "" {
				t.Errorf("decided on the full file: %v, doubt %q", err, got.Doubt.Key)
			}
		})
	}
}

// What may arrive, in each state: the first word is of full files, the second of
// small ones.
func TestWhatMayArriveWhen(t *testing.T) {
	try := func(r *room, id int64) string {
		said := ""
		for _, kind := range []testimony.Kind{testimony.Full, testimony.Small} {
			up := testimony.Upload{ID: string(kind) + "-try", TestimonyID: id, Kind: kind, Size: 7}
			a := r.BeginUpload(t.Context(), balme, up)
			b := errors.Join()
			if a != nil {
				b = r.come(t, id, kind, up.ID, 7)
			}
			switch {
			case a == nil:
				said += "yes "
			case fault.Of(a) == fault.Conflict && fault.Of(b) == fault.Conflict:
				said += "no "
			default:
				t.Errorf("begin: %v, receive: %v", a, b)
			}
		}
		return said
	}
	move := func(t *testing.T, r *room, id int64, do func(version int) error) {
		t.Helper()
		if err := do(r.said(t, id).Version); err != nil {
			t.Fatal(err)
		}
	}
	full := func(t *testing.T, r *room) int64 {
		id := r.create(t, whole()).ID
		r.mustCome(t, id, testimony.Full, "full", wholeBytes)
		r.seen(t, id, testimony.Full, 90_000)
		return id
	}
	submit := func(t *testing.T, r *room, id int64) {
		if _, err := r.Submit(t.Context(), "tester", balme, id); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]string{}
	for name, reach := range map[string]func(t *testing.T, r *room) int64{
		"a draft":                func(t *testing.T, r *room) int64 { return r.create(t, whole()).ID },
		"a draft with its file":  full,
		"in review by the small": func(t *testing.T, r *room) int64 { return r.bySmall(t) },
		"in review by the full":  func(t *testing.T, r *room) int64 { id := full(t, r); submit(t, r, id); return id },
		"in review, both have come": func(t *testing.T, r *room) int64 {
			id := r.bySmall(t)
			r.mustCome(t, id, testimony.Full, "full", wholeBytes)
			r.seen(t, id, testimony.Full, 90_000)
			return id
		},
		"in review, the full is unusable": func(t *testing.T, r *room) int64 {
			id := r.bySmall(t)
			r.mustCome(t, id, testimony.Full, "full", wholeBytes)
			v := r.said(t, id).Full
			v.State, v.Reason = testimony.VideoUnusable, testimony.Sentence{Message: fault.Msg("video.truncated", "Seconds", 3)}
			if err := r.VideoSeen(t.Context(), v); err != nil {
				t.Fatal(err)
			}
			if got := r.said(t, id); !got.OnlySmall() {
				t.Errorf("staff watch %+v", got.Video)
			}
			return id
		},
		"approved by the small": func(t *testing.T, r *room) int64 {
			id := r.bySmall(t)
			move(t, r, id, func(v int) error { _, err := r.Approve(t.Context(), "staff", id, v); return err })
			return id
		},
		"approved by the full": func(t *testing.T, r *room) int64 {
			id := full(t, r)
			submit(t, r, id)
			move(t, r, id, func(v int) error { _, err := r.Approve(t.Context(), "staff", id, v); return err })
			return id
		},
		"sent back": func(t *testing.T, r *room) int64 {
			id := r.bySmall(t)
			move(t, r, id, func(v int) error { _, err := r.RequestChanges(t.Context(), "staff", id, v, "Più luce"); return err })
			return id
		},
		"rejected": func(t *testing.T, r *room) int64 {
			id := r.bySmall(t)
			move(t, r, id, func(v int) error { _, err := r.Reject(t.Context(), "staff", id, v, "No"); return err })
			return id
		},
		"withdrawn": func(t *testing.T, r *room) int64 {
			id := r.bySmall(t)
			move(t, r, id, func(int) error {
				_, err := r.Withdraw(t.Context(), "tester", balme, id, testimony.Withdrawal{})
				return err
			})
			return id
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t)
			got[name] = try(r, reach(t, r))
		})
	}
	want := map[string]string{
		"a draft": "yes yes ", "a draft with its file": "yes no ", "in review by the small": "yes no ", "in review by the full": "no no ",
		"in review, both have come": "no no ", "in review, the full is unusable": "yes no ", "approved by the small": "yes no ",
		"approved by the full": "no no ", "sent back": "yes yes ", "rejected": "no no ", "withdrawn": "no no ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestASmallVersionNeverStandsInTheWay(t *testing.T) {
	r := open(t)
	t.Run("one that is no good is forgotten", func(t *testing.T) {
		id := r.create(t, whole()).ID
		r.mustCome(t, id, testimony.Small, "bad", 10)
		v := r.said(t, id).Small
		v.State, v.Reason = testimony.VideoUnusable, testimony.Sentence{Message: fault.Msg("video.truncated", "Seconds", 3)}
		if err := r.VideoSeen(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		if got := r.said(t, id); got.Video != nil || got.Small != nil {
			t.Errorf("left: %+v", got.Video)
		}
		if _, err := r.Submit(t.Context(), "tester", balme, id); len(fields(err)) != 1 {
			t.Errorf("review without any file: %v", err)
		}
	})
	t.Run("that of another file goes when a full one comes", func(t *testing.T) {
		id := r.create(t, whole()).ID
		r.mustCome(t, id, testimony.Small, "of another", 10)
		r.seen(t, id, testimony.Small, 5_000)
		r.mustCome(t, id, testimony.Full, "chosen later", wholeBytes+1)
		if got := r.said(t, id); got.Small != nil || got.Video.UploadID != "chosen later" {
			t.Errorf("left: %+v", got.Small)
		}
	})
	t.Run("a new one takes the place of the one before", func(t *testing.T) {
		id := r.create(t, whole()).ID
		for _, name := range []string{"one", "two"} {
			if err := r.BeginUpload(t.Context(), balme, testimony.Upload{ID: name, TestimonyID: id, Kind: testimony.Small, Size: 9, WholeBytes: wholeBytes}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.Submit(t.Context(), "tester", balme, id); len(fields(err)) != 1 {
			t.Errorf("review waits for a small version: %v", err)
		}
		r.mustCome(t, id, testimony.Small, "one", 9)
		r.mustCome(t, id, testimony.Small, "two", 9)
		if got := r.said(t, id); got.Small.UploadID != "two" || len(got.Videos) != 1 {
			t.Errorf("current: %+v", got.Videos)
		}
	})
	t.Run("its cover stays", func(t *testing.T) {
		id := r.bySmall(t)
		got := r.said(t, id)
		if _, err := r.Approve(t.Context(), "staff", id, got.Version); err != nil {
			t.Fatal(err)
		}
		if _, err := r.SetPoster(t.Context(), "staff", testimony.Anywhere, id, got.Version+1, "poster-chosen.jpg"); err != nil {
			t.Fatal(err)
		}
		r.mustCome(t, id, testimony.Full, "film", wholeBytes)
		v := r.said(t, id).Full
		v.Poster, v.DurationMS = "made.jpg", 90_000
		r.ready(t, v)
		if got := r.said(t, id); got.Video.Poster != "poster-chosen.jpg" {
			t.Errorf("the poster is %q", got.Video.Poster)
		}
		old, err := r.Superseded(t.Context(), today.AddDate(0, 0, 1))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range old {
			if v.Poster == "poster-chosen.jpg" {
				t.Error("it goes with the files of the small version")
			}
		}
	})
}

// What was cut away of the small version does not come out with the full file.
func TestATrimOfTheSmallVersionHoldsForTheFullFile(t *testing.T) {
	r := open(t)
	id := r.create(t, whole()).ID
	r.mustCome(t, id, testimony.Small, "small", 10)
	r.seen(t, id, testimony.Small, 90_000)
	trim := testimony.Trim{FromMS: 900}
	if _, err := r.TrimVideo(t.Context(), "tester", balme, id, "", trim); err != nil {
		t.Fatal(err)
	}
	r.mustCome(t, id, testimony.Full, "full", wholeBytes)
	if got := r.said(t, id).Full; got == nil || got.Trim != trim {
		t.Errorf("the full file is trimmed as %+v", got)
	}
}

// A film that was on its way when somebody in it took the consent back is not
// taken, whatever small version came since.
func TestTheFilmOfALostConsentIsNotTaken(t *testing.T) {
	r := open(t)
	id := r.create(t, whole()).ID
	for _, u := range []testimony.Upload{{ID: "before", Size: wholeBytes}, {ID: "small", Size: 10, Kind: testimony.Small}, {ID: "after", Size: wholeBytes}} {
		u.TestimonyID = id
		if err := r.BeginUpload(t.Context(), balme, u); err != nil {
			t.Fatal(err)
		}
	}
	r.exec(t, `UPDATE testimonies SET consent_lost_at = ? WHERE id = ?`, today, id)
	r.exec(t, `UPDATE uploads SET created_at = ? WHERE id <> 'before'`, today.Add(time.Minute))
	r.mustCome(t, id, testimony.Small, "small", 10)
	r.seen(t, id, testimony.Small, 90_000)
	if _, err := r.Submit(t.Context(), "tester", balme, id); err != nil {
		t.Fatal(err)
	}
	if got := r.said(t, id); got.State != testimony.InReview {
		t.Fatalf("it is %s", got.State)
	}
	if err := r.come(t, id, testimony.Full, "before", wholeBytes); fault.Of(err) != fault.Conflict {
		t.Errorf("the film of before: %v", err)
	}
	if err := r.come(t, id, testimony.Full, "after", wholeBytes); err != nil {
		t.Errorf("the film of after: %v", err)
	}
}
