package publishing_test

import (
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// perDay is what Google says when the day's uploads are used up.
const perDay = "Quota exceeded for quota metric 'Video Uploads' and limit 'Video Uploads per day' of service 'youtube.googleapis.com'"

// TestWhatFollowsARefusedUpload has a row for each documented error of
// videos.insert: the state that follows, when it is tried again, what people
// read.
func TestWhatFollowsARefusedUpload(t *testing.T) {
	reset := 22 * time.Hour // from 10:00 UTC to midnight on the Pacific coast
	for _, c := range []struct {
		status  int
		reason  string
		message string
		state   publishing.State
		wait    time.Duration // at least; 0: it waits for a person, or not at all
		says    string
		trouble string // of the channel
	}{
		{400, "invalidTitle", "", publishing.Blocked, 0, "publishing.refused_field.title", ""},
		{400, "invalidDescription", "", publishing.Blocked, 0, "publishing.refused_field.description", ""},
		{400, "invalidTags", "", publishing.Blocked, 0, "publishing.refused_field.tags", ""},
		{400, "defaultLanguageNotSet", "", publishing.Blocked, 0, "publishing.refused_field.language", ""},
		{400, "invalidRecordingDetails", "", publishing.Blocked, 0, "publishing.refused_field.recorded_on", ""},
		{400, "invalidPublishAt", "", publishing.Blocked, 0, "publishing.refused_field.visibility", ""},
		{403, "forbiddenPrivacySetting", "", publishing.Blocked, 0, "publishing.refused_field.visibility", ""},
		{400, "invalidCategoryId", "", publishing.Blocked, 0, "publishing.refused_field.other", ""},
		{400, "invalidVideoMetadata", "", publishing.Blocked, 0, "publishing.refused_field.other", ""},
		{400, "invalidVideoGameRating", "", publishing.Blocked, 0, "publishing.refused_field.other", ""},
		{400, "invalidFilename", "", publishing.Blocked, 0, "publishing.refused", ""},
		{400, "mediaBodyRequired", "", publishing.Blocked, 0, "publishing.refused", ""},
		{403, "forbidden", "", publishing.Blocked, 0, "publishing.refused", ""},
		{403, "forbiddenLicenseSetting", "", publishing.Blocked, 0, "publishing.refused", ""},
		{400, "uploadLimitExceeded", "", publishing.Waiting, 24 * time.Hour, "publishing.channel_limit", ""},
		{403, "uploadLimitExceeded", "", publishing.Waiting, 24 * time.Hour, "publishing.channel_limit", ""},
		{429, "rateLimitExceeded", perDay, publishing.Waiting, reset, "publishing.quota.uploads", ""},
		{403, "quotaExceeded", "", publishing.Waiting, reset, "publishing.quota.units", ""},
		{403, "dailyLimitExceeded", "", publishing.Waiting, reset, "publishing.quota.units", ""},
		{401, "youtubeSignupRequired", "", publishing.Waiting, time.Hour, "publishing.waits_for_channel", "publishing.trouble.no_channel"},
		{401, "authError", "", publishing.Waiting, time.Hour, "publishing.waits_for_channel", "publishing.trouble.token"},
		{403, "insufficientPermissions", "", publishing.Waiting, time.Hour, "publishing.waits_for_channel", "publishing.trouble.scope"},
		{403, "accountDelegationForbidden", "", publishing.Waiting, time.Hour, "publishing.waits_for_channel", "publishing.trouble.token"},
		{403, "authenticatedUserAccountClosed", "", publishing.Waiting, time.Hour, "publishing.waits_for_channel", "publishing.trouble.suspended"},
		{403, "authenticatedUserAccountSuspended", "", publishing.Waiting, time.Hour, "publishing.waits_for_channel", "publishing.trouble.suspended"},
		{403, "authenticatedUserNotChannel", "", publishing.Waiting, time.Hour, "publishing.waits_for_channel", "publishing.trouble.no_channel"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			w := newWorld(t)
			w.fail(sandbox.Fault{Name: sandbox.Refuse, Method: "videos.insert", Status: c.status, Reason: c.reason, Message: c.message, Times: -1})
			made := w.approved()
			began := w.now
			e := w.step()
			w.wantReason(made.ID, c.state, c.says)
			switch {
			case c.wait == 0 && e != nil:
				t.Errorf("it is tried again %v", e.Until)
			case c.wait > 0 && (e == nil || e.Until.Before(began.Add(c.wait))):
				t.Errorf("it is tried again %v, want not before %s", e, c.wait)
			}
			ch, err := w.channels.Current(t.Context())
			if err != nil || ch.Trouble != c.trouble || (len(w.told) > 0) != (c.trouble != "") {
				t.Errorf("the channel's trouble is %q, told %d times; want %q: %v", ch.Trouble, len(w.told), c.trouble, err)
			}
			if c.trouble != "" {
				// A second one does not ask at all, and nobody is told twice.
				calls := w.sandbox.State().Calls["videos.insert"]
				w.approved()
				for range len(w.queue) {
					_ = w.step()
				}
				if n := w.sandbox.State().Calls["videos.insert"]; n != calls || len(w.told) != 1 {
					t.Errorf("%d more calls with a channel in trouble, told %d times", n-calls, len(w.told))
				}
			}
			if back := w.testimony(made.ID).State == testimony.ChangesRequested; back != (c.state == publishing.Blocked && c.says != "publishing.refused") {
				t.Errorf("back with the town hall: %t", back)
			}
			if c.wait == 0 {
				return
			}
			// Put right, it goes on by itself or as soon as somebody connects.
			w.sandbox.Faults().Clear()
			if c.trouble != "" {
				if err := w.channels.Check(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			w.run()
			if s := w.testimony(made.ID).State; s != testimony.Published {
				t.Errorf("in the end it is %s", s)
			}
		})
	}
}

// TestWhatGoesAwayByItself is refused once or twice, and then goes on.
func TestWhatGoesAwayByItself(t *testing.T) {
	for _, method := range []string{
		"videos.insert", "session", "videos.list", "videos.update", "thumbnails.set", "playlists.list", "playlists.insert", "playlistItems.list", "playlistItems.insert", "captions.list", "captions.insert",
	} {
		for _, c := range []struct {
			status int
			reason string
		}{{500, "internalError"}, {503, "backendError"}, {429, "rateLimitExceeded"}, {403, "userRateLimitExceeded"}, {401, "authError"}} {
			t.Run(method+" "+c.reason, func(t *testing.T) {
				w := newWorld(t)
				made := w.whole()
				if method == "videos.update" {
					w.run()
					w.exec(`UPDATE testimonies SET title = 'Un altro titolo' WHERE id = ?`, made.ID)
					w.replan(made.ID)
				}
				w.fail(sandbox.Fault{Name: sandbox.Refuse, Method: method, Status: c.status, Reason: c.reason})
				w.run()
				w.wantPlan(made.ID)
				if len(w.told) > 0 {
					t.Errorf("administrators were told: %v", w.told)
				}
				if left := w.sandbox.Faults().Pending(); len(left) > 0 {
					t.Errorf("never happened: %+v", left)
				}
			})
		}
	}
}

// TestWhatFollowsARefusedStep has a row for each documented error of what comes
// after the upload.
func TestWhatFollowsARefusedStep(t *testing.T) {
	reset := 20 * time.Hour
	for _, c := range []struct {
		method string
		status int
		reason string
		step   string
		state  publishing.StepState
		says   string
		wait   time.Duration // at least, until it is tried again by itself
	}{
		{"videos.update", 400, "invalidTitle", "words ", publishing.StepBlocked, "publishing.refused_field.title", 0},
		{"videos.update", 400, "invalidDescription", "words ", publishing.StepBlocked, "publishing.refused_field.description", 0},
		{"videos.update", 400, "invalidTags", "words ", publishing.StepBlocked, "publishing.refused_field.tags", 0},
		{"videos.update", 400, "defaultLanguageNotSet", "words ", publishing.StepBlocked, "publishing.refused_field.language", 0},
		{"videos.update", 400, "invalidCategoryId", "words ", publishing.StepBlocked, "publishing.refused_field.other", 0},
		{"videos.update", 400, "invalidDefaultBroadcastPrivacySetting", "words ", publishing.StepBlocked, "publishing.step.refused.words", 0},
		{"videos.update", 403, "forbidden", "words ", publishing.StepBlocked, "publishing.step.refused.words", 0},
		{"videos.update", 403, "forbiddenEmbedSetting", "words ", publishing.StepBlocked, "publishing.step.refused.words", 0},
		{"videos.update", 404, "videoNotFound", "words ", publishing.StepBlocked, "publishing.step.no_video", 0},
		{"videos.update", 403, "quotaExceeded", "words ", publishing.StepWaiting, "", reset},
		{"thumbnails.set", 400, "invalidImage", "thumbnail ", publishing.StepBlocked, "publishing.refused_field.poster", 0},
		{"thumbnails.set", 400, "mediaBodyRequired", "thumbnail ", publishing.StepBlocked, "publishing.step.refused.thumbnail", 0},
		{"thumbnails.set", 403, "forbidden", "thumbnail ", publishing.StepBlocked, "publishing.step.refused.thumbnail", 0},
		{"thumbnails.set", 404, "videoNotFound", "thumbnail ", publishing.StepBlocked, "publishing.step.no_video", 0},
		{"thumbnails.set", 429, "uploadRateLimitExceeded", "thumbnail ", publishing.StepWaiting, "publishing.too_fast", 3 * time.Hour},
		{"playlists.insert", 400, "playlistTitleRequired", "playlist theme/1", publishing.StepBlocked, "publishing.step.refused.playlist", 0},
		{"playlists.insert", 400, "maxPlaylistExceeded", "playlist theme/1", publishing.StepBlocked, "publishing.step.refused.playlist", 0},
		{"playlists.insert", 403, "playlistForbidden", "playlist theme/1", publishing.StepBlocked, "publishing.step.refused.playlist", 0},
		{"playlistItems.insert", 403, "playlistContainsMaximumNumberOfVideos", "playlist theme/1", publishing.StepBlocked, "publishing.step.refused.playlist", 0},
		{"playlistItems.insert", 403, "playlistItemsNotAccessible", "playlist theme/1", publishing.StepBlocked, "publishing.step.refused.playlist", 0},
		{"playlistItems.insert", 404, "videoNotFound", "playlist theme/1", publishing.StepBlocked, "publishing.step.no_video", 0},
		{"playlistItems.insert", 409, "videoAlreadyInPlaylist", "playlist theme/1", publishing.StepDone, "", 0},
		{"captions.insert", 400, "contentRequired", "captions it", publishing.StepBlocked, "publishing.refused_field.captions", 0},
		{"captions.insert", 400, "invalidMetadata", "captions it", publishing.StepBlocked, "publishing.refused_field.captions", 0},
		{"captions.insert", 400, "nameTooLong", "captions it", publishing.StepBlocked, "publishing.refused_field.captions", 0},
		{"captions.insert", 409, "captionExists", "captions it", publishing.StepBlocked, "publishing.step.refused.captions", 0},
		{"captions.insert", 403, "forbidden", "captions it", publishing.StepBlocked, "publishing.step.refused.captions", 0},
		{"captions.insert", 404, "videoNotFound", "captions it", publishing.StepBlocked, "publishing.step.no_video", 0},
		{"captions.list", 403, "quotaExceeded", "captions it", publishing.StepWaiting, "", reset},
	} {
		t.Run(c.method+" "+c.reason, func(t *testing.T) {
			w := newWorld(t)
			made := w.whole()
			if c.method == "videos.update" {
				w.run()
				w.exec(`UPDATE testimonies SET title = 'Un altro titolo' WHERE id = ?`, made.ID)
				w.replan(made.ID)
			}
			w.fail(sandbox.Fault{Name: sandbox.Refuse, Method: c.method, Status: c.status, Reason: c.reason})
			for len(w.queue) > 0 {
				w.settle()
				if e := w.step(); e != nil {
					w.now = e.Until
				}
			}
			began := w.now
			next, err := w.publisher.Tend(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s := w.namedStep(made.ID, c.step)
			if s.State != c.state || s.Reason.Key != c.says {
				t.Errorf("the step is %s because of %q, want %s because of %q", s.State, s.Reason.Key, c.state, c.says)
			}
			if c.wait > 0 && next.Before(began.Add(c.wait)) {
				t.Errorf("it is tried again after %s, want %s", next.Sub(began), c.wait)
			}
			if v := w.wantOut(made.ID); v.Privacy != "public" {
				t.Errorf("the video is %s", v.Privacy) // what is beside it must not touch it
			}
			if c.state == publishing.StepBlocked {
				if err := w.publisher.RetrySteps(t.Context(), w.publication(made.ID).ID); err != nil {
					t.Fatal(err)
				}
			}
			w.run()
			if c.state != publishing.StepDone { // there it was said to be in a list that it is not in
				w.wantPlan(made.ID)
			}
		})
	}
}

// namedStep is a step of a testimony by kind and key.
func (w *world) namedStep(id int64, name string) publishing.Step {
	w.t.Helper()
	list, err := w.publisher.Steps(w.t.Context(), w.publication(id).ID)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range list {
		if string(s.Kind)+" "+s.Key == name {
			return s
		}
	}
	w.t.Fatalf("there is no step %q: %+v", name, list)
	return publishing.Step{}
}

// TestAPlaylistThatSomebodyDeletedIsMadeAgain with all that was in it.
func TestAPlaylistThatSomebodyDeletedIsMadeAgain(t *testing.T) {
	w := newWorld(t)
	made := w.whole()
	w.run()
	w.fail(sandbox.Fault{Name: sandbox.Refuse, Method: "playlistItems.list", Status: 404, Reason: "playlistNotFound"})
	w.exec(`UPDATE publication_steps SET had = '', state = 'waiting' WHERE kind = 'playlist' AND key = 'theme/1'`)
	w.run()
	w.wantPlan(made.ID)
}
