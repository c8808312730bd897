package publishing_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

func TestPublishedAsItWasWritten(t *testing.T) {
	w := newWorld(t)
	made := w.approved()
	w.run()
	v := w.wantOut(made.ID)
	no, yes := false, true
	if diff := cmp.Diff([]any{
		"La legna per chi è solo",
		[]string{"solidarietà", "volontariato", "Balme", "Ciriacese e Valli di Lanzo", "legna", "montagna"},
		"public", "it", "29", &no, &yes, false, "2026-11-20T00:00:00Z",
	}, []any{
		v.Title, v.Tags, v.Privacy, v.DefaultLanguage, v.CategoryID, v.SelfDeclaredMadeForKids, v.Embeddable, v.NotifySubscribers, v.RecordingDate,
	}); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(v.Description, "Perché nessuno resti al freddo.\n\n") || !strings.Contains(v.Description, "https://voci.example/testimonianze/") {
		t.Errorf("description: %q", v.Description)
	}
	if spent := w.sandbox.State().Spent; spent["uploads"] != 1 {
		t.Errorf("spent %+v", spent)
	}
	left, err := w.ledger.Remaining(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range left {
		if spent := w.sandbox.State().Spent[string(r.Bucket)]; r.Spent != spent {
			t.Errorf("the ledger says %d of %s were spent, the channel %d", r.Spent, r.Bucket, spent)
		}
	}
	if w.shown == 0 {
		t.Error("citizens' pages were not made anew")
	}
}

// TestNotPublishedBeforeYouTubeSaysSo looks at the testimony at every step.
// What a trim left of the original is what the channel gets.
func TestTheTrimmedFileIsPublished(t *testing.T) {
	w := newWorld(t)
	made := w.approved()
	cut := made.Video.Original // with what wantOut wants
	original := []byte("the whole recording, which nobody is to see")
	if err := os.WriteFile(filepath.Join(w.vault, "whole.bin"), original, 0o600); err != nil {
		t.Fatal(err)
	}
	w.exec("UPDATE videos SET original = 'whole.bin', bytes = ?, sha256 = ?, trim_from_ms = 1000, cut = ?, cut_bytes = ?, cut_sha256 = ? WHERE testimony_id = ?",
		len(original), sum(original), cut, len(w.file), sum(w.file), made.ID)
	w.run()
	w.wantOut(made.ID)
}

func TestNotPublishedBeforeYouTubeSaysSo(t *testing.T) {
	w := newWorld(t)
	made := w.approved()
	waited := 0
	for len(w.queue) > 0 {
		w.settle()
		e := w.step()
		processed := w.sandbox.State().Videos[0].UploadStatus == "processed"
		if published := w.testimony(made.ID).State == testimony.Published; published && !processed {
			t.Fatal("published before it was processed")
		}
		if e != nil {
			waited++
			w.now = e.Until
		}
	}
	if waited < 2 {
		t.Errorf("looked %d times while YouTube processed for 90 s", waited)
	}
	w.wantOut(made.ID)
}

// TestOneVideoWhateverFails breaks one thing at a time, and lets the portal go
// on by itself.
func TestOneVideoWhateverFails(t *testing.T) {
	for name, faults := range map[string][]sandbox.Fault{
		"the line breaks in the first range":   {{Name: sandbox.CutChunk, After: 100_000, Store: 60_000}},
		"the line breaks with nothing stored":  {{Name: sandbox.CutChunk, After: 100_000}},
		"the line breaks in the last range":    {{Name: sandbox.CutChunk, After: 500, Store: 300, Skip: 3}},
		"a part of a range is stored":          {{Name: sandbox.PartialChunk, Store: 262_144 / 2, Skip: 1}},
		"the final answer is lost":             {{Name: sandbox.LoseFinal}},
		"the address of the session is lost":   {{Name: sandbox.LoseInitial}},
		"the session expires in between":       {{Name: sandbox.ExpireSession, Method: "session", Skip: 1}},
		"the session is gone for good":         {{Name: sandbox.ExpireSession, Method: "session", Skip: 1, Status: 410}},
		"busy, come back in two seconds":       {{Name: sandbox.Unavailable, Method: "session", RetryAfter: 2, Times: 2}},
		"busy, come back in an hour":           {{Name: sandbox.Unavailable, Method: "session", RetryAfter: 3600}},
		"opening fails at first":               {{Name: sandbox.InternalError, Method: "videos.insert", Times: 2}},
		"opening fails for long":               {{Name: sandbox.InternalError, Method: "videos.insert", Times: 6}},
		"the token is refused in between":      {{Name: sandbox.Unauthorized, Method: "session", Skip: 1}},
		"the looks fail":                       {{Name: sandbox.Unavailable, Method: "videos.list", RetryAfter: 60, Times: 3}},
		"the video vanishes for a while":       {{Name: sandbox.Vanish, Method: "videos.list", Times: 3}},
		"the answer is lost and then silence":  {{Name: sandbox.LoseFinal}, {Name: sandbox.Unavailable, Method: "session", Skip: 4, Times: 12, RetryAfter: 1}},
		"the answer is lost, the session gone": {{Name: sandbox.LoseFinal}, {Name: sandbox.ExpireSession, Method: "session", Skip: 4}},
		"processing takes an hour":             {{Name: sandbox.SlowProcessing, Delay: 3600}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fail(faults...)
			made := w.approved()
			w.run()
			w.wantOut(made.ID)
			if left := w.sandbox.Faults().Pending(); len(left) > 0 {
				t.Errorf("never happened: %+v", left)
			}
		})
	}
}

// TestALostVideoIsNotSearchedForTooSoon has the job run again at once, as it does
// after a kill, while YouTube does not list the video yet.
func TestALostVideoIsNotSearchedForTooSoon(t *testing.T) {
	w := newWorld(t)
	w.fail(sandbox.Fault{Name: sandbox.LoseFinal}, sandbox.Fault{Name: sandbox.ExpireSession, Method: "session", Skip: 4})
	made := w.approved()
	first := w.step()
	w.wantReason(made.ID, publishing.Sending, "publishing.outcome_unknown")
	w.fail(sandbox.Fault{Name: sandbox.Vanish, Method: "playlistItems.list"})
	again := w.step()
	if first == nil || again == nil || !again.Until.Equal(first.Until) || !first.Until.After(w.now) {
		t.Errorf("the search waits until %v, then until %v; it is %s", first, again, w.now)
	}
	if n := w.sandbox.State().Calls["playlistItems.list"]; n > 0 {
		t.Errorf("%d searches were made before a video is sure to be listed", n)
	}
	w.sandbox.Faults().Clear()
	w.run()
	w.wantOut(made.ID)
}

// TestSessionIsASecret looks for the address of the session in the files of the
// database while it is in force.
func TestSessionIsASecret(t *testing.T) {
	w := newWorld(t)
	w.fail(sandbox.Fault{Name: sandbox.Unavailable, Method: "session", Skip: 1, RetryAfter: 3600})
	made := w.approved()
	_ = w.step()
	if pub := w.publication(made.ID); pub.State != publishing.Sending || len(pub.SessionSealed) == 0 || pub.LastByteSent {
		t.Fatalf("publication: %+v", pub)
	}
	for _, suffix := range []string{"", "-wal"} {
		text, err := os.ReadFile(w.db.Path() + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("/upload/youtube/")) {
			t.Errorf("the address of the session can be read in the database%s", suffix)
		}
	}
	w.run()
	w.wantOut(made.ID)
}

func TestWaitsForTheQuota(t *testing.T) {
	reset := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC) // midnight on the Pacific coast, 09:00 in Rome
	for _, bucket := range []string{"uploads", "units"} {
		t.Run(bucket, func(t *testing.T) {
			w := newWorld(t)
			w.fail(sandbox.Fault{Name: sandbox.EmptyBucket, Bucket: bucket})
			made := w.approved()
			e := w.step()
			if e == nil || !e.Until.Equal(reset) {
				t.Fatalf("waits until %v", e)
			}
			w.wantReason(made.ID, publishing.Waiting, "publishing.quota."+bucket)
			// A second one does not even ask: the ledger knows.
			calls := w.sandbox.State().Calls["videos.insert"]
			second := w.approved()
			w.queue = w.queue[1:]
			if e := w.step(); e == nil || !e.Until.Equal(reset) {
				t.Fatalf("the second waits until %v", e)
			}
			if w.sandbox.State().Calls["videos.insert"] != calls {
				t.Error("asked although the day's quota is known to be used up")
			}
			w.now = reset
			w.queue = append(w.queue, work{w.publication(made.ID).ID, publishing.LaneSend})
			w.run()
			for _, id := range []int64{made.ID, second.ID} {
				if s := w.testimony(id).State; s != testimony.Published {
					t.Errorf("testimony %d is %s", id, s)
				}
			}
		})
	}
}

func TestWaitsADayForTheChannelsOwnLimit(t *testing.T) {
	w := newWorld(t)
	w.fail(sandbox.Fault{Name: sandbox.UploadLimit})
	made := w.approved()
	begin := w.now
	if e := w.step(); e == nil || e.Until.Before(begin.Add(24*time.Hour)) {
		t.Fatalf("waits until %v", e)
	}
	w.wantReason(made.ID, publishing.Waiting, "publishing.channel_limit")
	w.run()
	w.wantOut(made.ID)
}

func TestProcessingThatFails(t *testing.T) {
	for name, test := range map[string]struct {
		fault  sandbox.Fault
		reason string
	}{
		"conversion": {sandbox.Fault{Name: sandbox.FailProcessing}, "publishing.failed.conversion"},
		"rejection":  {sandbox.Fault{Name: sandbox.RejectVideo, Reason: "copyright"}, "publishing.rejected.copyright"},
		"privacy":    {sandbox.Fault{Name: sandbox.ForcePrivate}, "publishing.privacy.private"},
		"stuck":      {sandbox.Fault{Name: sandbox.SlowProcessing, Delay: 30 * 3600}, "publishing.stuck"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fail(test.fault)
			made := w.approved()
			w.run()
			w.wantReason(made.ID, publishing.Blocked, test.reason)
			if s := w.testimony(made.ID).State; s != testimony.Approved {
				t.Errorf("the testimony is %s", s)
			}
			queue, err := w.publisher.Queue(t.Context())
			if err != nil || len(queue) != 1 {
				t.Errorf("queue: %+v, %v", queue, err)
			}
		})
	}
}

// TestRetrySendsAnew: a video that YouTube could not make is taken away before
// another one is sent.
func TestRetrySendsAnew(t *testing.T) {
	w := newWorld(t)
	w.fail(sandbox.Fault{Name: sandbox.FailProcessing})
	made := w.approved()
	w.run()
	first := w.publication(made.ID)
	if err := w.publisher.Retry(t.Context(), "test", first.ID); err != nil {
		t.Fatal(err)
	}
	w.run()
	if v := w.wantOut(made.ID); v.ID == *first.YoutubeID {
		t.Error("the failed video is still the one")
	}
	if err := w.publisher.Retry(t.Context(), "test", first.ID); err == nil {
		t.Error("a publication that is out was tried again")
	}
}

// TestARefusalOfWordsGoesBackToTheTownHall uses a title that got past our own
// check.
func TestARefusalOfWordsGoesBackToTheTownHall(t *testing.T) {
	w := newWorld(t)
	made := w.approved()
	w.exec(`UPDATE testimonies SET title = 'a < b' WHERE id = ?`, made.ID)
	w.run()
	w.wantReason(made.ID, publishing.Blocked, "publishing.refused_field.title")
	back := w.testimony(made.ID)
	if back.State != testimony.ChangesRequested || back.Reason != "publishing.refused_field.title" {
		t.Fatalf("the testimony is %s: %q", back.State, back.Reason)
	}
	if err := w.publisher.Retry(t.Context(), "test", w.publication(made.ID).ID); err == nil {
		t.Error("sent without approval")
	}
	w.exec(`UPDATE testimonies SET title = 'a e b' WHERE id = ?`, made.ID)
	again, err := w.testimonies.Submit(t.Context(), "test", balme, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.testimonies.Approve(t.Context(), "test", made.ID, again.Version); err != nil {
		t.Fatal(err)
	}
	w.run()
	w.wantOut(made.ID)
}

func TestAVideoThatIsShorterThanItsFileIsNotPublished(t *testing.T) {
	w := newWorld(t)
	made := w.approved()
	w.exec(`UPDATE videos SET duration_ms = 70000 WHERE testimony_id = ?`, made.ID)
	w.run()
	w.wantReason(made.ID, publishing.Blocked, "publishing.duration")
}

func TestSamplesNeverGoToARealChannel(t *testing.T) {
	w := newWorld(t)
	made := w.approved()
	w.exec(`UPDATE testimonies SET sample = 1 WHERE id = ?`, made.ID)
	w.run()
	w.wantReason(made.ID, publishing.Blocked, "publishing.sample")
	if n := w.sandbox.State().Calls["videos.insert"]; n > 0 {
		t.Errorf("%d sessions were opened for it", n)
	}
}

func TestWithdrawn(t *testing.T) {
	withdraw := func(w *world, id int64) {
		t.Helper()
		if _, err := w.testimonies.Withdraw(t.Context(), "test", balme, id, testimony.Withdrawal{Reason: "ripensamento"}); err != nil {
			t.Fatal(err)
		}
	}
	wantGone := func(w *world, id int64) {
		t.Helper()
		if videos := w.sandbox.State().Videos; len(videos) > 0 {
			t.Errorf("still on the channel: %+v", videos)
		}
		if pub := w.publication(id); pub.State != publishing.Removed || pub.SessionSealed != nil {
			t.Errorf("publication is %s, with a session: %t", pub.State, pub.SessionSealed != nil)
		}
		if s := w.testimony(id).State; s != testimony.Withdrawn {
			t.Errorf("testimony is %s", s)
		}
	}
	t.Run("before anything was sent", func(t *testing.T) {
		w := newWorld(t)
		made := w.approved()
		withdraw(w, made.ID)
		w.run()
		wantGone(w, made.ID)
		if n := w.sandbox.State().Calls["videos.insert"]; n > 0 {
			t.Errorf("%d sessions were opened", n)
		}
	})
	t.Run("half sent", func(t *testing.T) {
		w := newWorld(t)
		w.fail(sandbox.Fault{Name: sandbox.Unavailable, Method: "session", Skip: 1, RetryAfter: 3600})
		made := w.approved()
		_ = w.step()
		withdraw(w, made.ID)
		w.run()
		wantGone(w, made.ID)
	})
	t.Run("with the last answer lost", func(t *testing.T) {
		w := newWorld(t)
		w.fail(sandbox.Fault{Name: sandbox.LoseFinal}, sandbox.Fault{Name: sandbox.Unavailable, Method: "session", Skip: 4, RetryAfter: 3600})
		made := w.approved()
		_ = w.step()
		if !w.publication(made.ID).LastByteSent {
			t.Fatal("the last byte was not sent")
		}
		withdraw(w, made.ID)
		w.run()
		wantGone(w, made.ID)
	})
	t.Run("while it is processed", func(t *testing.T) {
		w := newWorld(t)
		made := w.approved()
		_ = w.step()
		withdraw(w, made.ID)
		w.run()
		wantGone(w, made.ID)
	})
	t.Run("published, in an outage", func(t *testing.T) {
		w := newWorld(t)
		made := w.approved()
		w.run()
		w.fail(sandbox.Fault{Name: sandbox.Unavailable, Method: "videos.delete", Times: 5})
		withdraw(w, made.ID)
		w.run()
		wantGone(w, made.ID)
	})
}
