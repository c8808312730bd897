package publishing_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// rehearse runs the last rehearsal to its end and returns it.
func (w *world) rehearse() *publishing.Rehearsal {
	w.t.Helper()
	end := w.now.Add(48 * time.Hour)
	for w.now.Before(end) {
		w.settle()
		err := w.publisher.Rehearse(w.t.Context(), w.rehearsals[len(w.rehearsals)-1])
		if err == nil {
			break
		}
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Kind != fault.Unavailable || e.Until.IsZero() {
			w.t.Fatal(err)
		}
		if e.Until.After(w.now) {
			w.now = e.Until
		}
	}
	r, err := w.publisher.LastRehearsal(w.t.Context())
	if err != nil || r == nil || r.FinishedAt == nil {
		w.t.Fatalf("the rehearsal never ended: %+v, %v", r, err)
	}
	return r
}

func (w *world) begin() {
	w.t.Helper()
	if err := w.publisher.BeginRehearsal(w.t.Context(), "test"); err != nil {
		w.t.Fatal(err)
	}
}

// wantNothingLeft checks the channel and the disk.
func (w *world) wantNothingLeft() {
	w.t.Helper()
	if videos := w.sandbox.State().Videos; len(videos) > 0 {
		w.t.Errorf("left on the channel: %+v", videos)
	}
	if files, err := filepath.Glob(filepath.Join(w.renditions, "rehearsal-*")); err != nil || len(files) > 0 {
		w.t.Errorf("left on the disk: %v, %v", files, err)
	}
}

func TestTheGeneralRehearsal(t *testing.T) {
	for name, test := range map[string]struct {
		faults []sandbox.Fault
		reason string
	}{
		"all is well":              {nil, ""},
		"busy for a while":         {[]sandbox.Fault{{Name: sandbox.Unavailable, Method: "videos.list", Times: 3}}, ""},
		"the removal fails first":  {[]sandbox.Fault{{Name: sandbox.InternalError, Method: "videos.delete", Times: 4}}, ""},
		"the final answer is lost": {[]sandbox.Fault{{Name: sandbox.LoseFinal}}, ""},
		"processing fails":         {[]sandbox.Fault{{Name: sandbox.FailProcessing}}, "publishing.rehearsal.not_processed"},
		"no uploads today":         {[]sandbox.Fault{{Name: sandbox.EmptyBucket, Bucket: "uploads"}}, "publishing.quota.uploads"},
		"the channel's own limit":  {[]sandbox.Fault{{Name: sandbox.UploadLimit}}, "publishing.channel_limit"},
		"the line dies for good": {
			[]sandbox.Fault{{Name: sandbox.LoseFinal}, {Name: sandbox.Unavailable, Method: "session", Times: 40}}, "publishing.trouble.unreachable",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fail(test.faults...)
			w.begin()
			if err := w.publisher.BeginRehearsal(t.Context(), "test"); fault.Of(err) != fault.Conflict {
				t.Errorf("a second one began: %v", err)
			}
			r := w.rehearse()
			if r.Reason.Key != test.reason {
				t.Errorf("it ended with %q, want %q", r.Reason.Key, test.reason)
			}
			w.wantNothingLeft()
			if test.reason == "" {
				if calls := w.sandbox.State().Calls; calls["videos.insert"] != 1 {
					t.Errorf("calls: %v", calls)
				}
			}
			w.sandbox.Faults().Clear()
			w.fail(sandbox.Fault{Name: sandbox.FillBuckets})
			w.begin() // another one can follow
		})
	}
}

// TestARehearsalThatIsKilledLeavesNothing ends the portal at each of the calls.
func TestARehearsalThatIsKilledLeavesNothing(t *testing.T) {
	for call := 1; call <= 6; call++ {
		for _, after := range []bool{false, true} {
			w, left, stop := (*world)(nil), call, context.CancelFunc(nil)
			w = newWorld(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					if stop != nil {
						if left--; left == 0 {
							if after {
								next.ServeHTTP(discard{}, r)
							}
							_ = w.db.Close()
							stop()
							panic(http.ErrAbortHandler)
						}
					}
					next.ServeHTTP(rw, r)
				})
			})
			w.begin()
			var ctx context.Context
			ctx, stop = context.WithCancel(t.Context())
			for range 20 {
				err := w.publisher.Rehearse(ctx, w.rehearsals[0])
				if err == nil || ctx.Err() != nil {
					break
				}
				if e, ok := errors.AsType[*fault.Error](err); ok && e.Until.After(w.now) {
					w.now = e.Until
				}
				w.settle()
			}
			if ctx.Err() != nil { // killed: start again
				stop = nil
				db, err := store.Open(t.Context(), w.path)
				if err != nil {
					t.Fatal(err)
				}
				w.db = db
				w.rooms()
				w.rehearse()
			}
			stop = nil
			w.wantNothingLeft()
		}
	}
}

func TestAnAppInTestingIsNoticed(t *testing.T) {
	at := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	week, month := at.Add(7*24*time.Hour+time.Hour), at.Add(30*24*time.Hour)
	for name, test := range map[string]struct {
		channel publishing.Channel
		want    bool
	}{
		"Google said when it ends": {publishing.Channel{ConnectedAt: at, TokenEndsAt: &week}, true},
		"it ended after a week":    {publishing.Channel{ConnectedAt: at, Trouble: "publishing.trouble.token", TroubledAt: &week}, true},
		"it ended after a month":   {publishing.Channel{ConnectedAt: at, Trouble: "publishing.trouble.token", TroubledAt: &month}, false},
		"another trouble on day 7": {publishing.Channel{ConnectedAt: at, Trouble: "publishing.trouble.suspended", TroubledAt: &week}, false},
		"it works":                 {publishing.Channel{ConnectedAt: at}, false},
	} {
		if got := test.channel.InTesting(); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
