package publishing_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// reconcile compares portal and channel now.
func (w *world) reconcile() publishing.Reconciliation {
	w.t.Helper()
	run, err := w.publisher.Reconcile(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return run
}

// found lists the open findings.
func (w *world) found() []publishing.Reported {
	w.t.Helper()
	list, n, err := w.publisher.Findings(w.t.Context())
	if err != nil || int(n) != len(list) {
		w.t.Fatalf("%d findings of %d, %v", len(list), n, err)
	}
	return list
}

// wantFound checks which differences are open, by kind and key.
func (w *world) wantFound(want ...string) []publishing.Reported {
	w.t.Helper()
	list := w.found()
	got := []string{}
	for _, f := range list {
		name := string(f.Kind)
		if f.Key != "" {
			name += " " + f.Key
		}
		got = append(got, name)
	}
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		w.t.Fatalf("findings: %s\n%+v", diff, list)
	}
	return list
}

// settleBy settles the only finding.
func (w *world) settleBy(r publishing.Remedy) {
	w.t.Helper()
	list := w.found()
	if len(list) != 1 {
		w.t.Fatalf("%d findings, want one: %+v", len(list), list)
	}
	if err := w.publisher.Settle(w.t.Context(), "test", list[0].ID, r, "Non serve più."); err != nil {
		w.t.Fatal(err)
	}
}

// studio changes the video as somebody in YouTube Studio does.
func (w *world) studio(id int64, e sandbox.StudioEdit) {
	w.t.Helper()
	w.fail(sandbox.Fault{Name: sandbox.StudioChange, IDs: []string{*w.publication(id).YoutubeID}, Edit: &e})
}

// public makes a testimony that is on the channel with all that belongs to it.
func (w *world) public() *testimony.Testimony {
	w.t.Helper()
	made := w.whole()
	w.run()
	w.wantPlan(made.ID)
	return w.testimony(made.ID)
}

func ptr[T any](v T) *T { return &v }

func TestNothingIsFoundWhereAllIsAsItShouldBe(t *testing.T) {
	w := newWorld(t)
	w.public()
	before := maps.Clone(w.sandbox.State().Calls)
	run := w.reconcile()
	w.wantFound()
	if run.Checked != 1 || run.Missing != 0 || run.Found != 0 || run.FinishedAt == nil {
		t.Errorf("run: %+v", run)
	}
	want := map[string]int{"channels.list": 1, "videos.list": 1, "playlistItems.list": 3, "captions.list": 1}
	if diff := cmp.Diff(want, w.since(before)); diff != "" {
		t.Error(diff)
	}
	// The captions cost fifty units: not again the same night.
	before = maps.Clone(w.sandbox.State().Calls)
	w.reconcile()
	want = map[string]int{"channels.list": 1, "videos.list": 1, "playlistItems.list": 3}
	if diff := cmp.Diff(want, w.since(before)); diff != "" {
		t.Error(diff)
	}
}

// outOfList takes the video out of a playlist.
func (w *world) outOfList(video, title string) {
	w.t.Helper()
	client, _, err := w.channels.Client(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, list := range w.sandbox.State().Playlists {
		if list.Title != title {
			continue
		}
		items, err := client.FindInPlaylist(w.t.Context(), list.ID, video)
		if err != nil || len(items) == 0 {
			w.t.Fatalf("%v, %v", items, err)
		}
		if err := client.RemoveFromPlaylist(w.t.Context(), items[0].ID); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestEachDifferenceIsFoundAndRestored: what somebody changes in Studio is
// found, with both sides, and the suggested remedy makes it ours again.
func TestEachDifferenceIsFoundAndRestored(t *testing.T) {
	for name, test := range map[string]struct {
		change func(w *world, id int64)
		found  string
		values []publishing.Difference
	}{
		"privacy": {
			func(w *world, id int64) { w.studio(id, sandbox.StudioEdit{Privacy: "private"}) },
			"privacy",
			[]publishing.Difference{{Field: "privacy", Ours: "public", Theirs: "private"}},
		},
		"title": {
			func(w *world, id int64) { w.studio(id, sandbox.StudioEdit{Title: ptr("La legna")}) },
			"words",
			[]publishing.Difference{{Field: "title", Ours: "La legna per chi è solo", Theirs: "La legna"}},
		},
		"tags": {
			func(w *world, id int64) { w.studio(id, sandbox.StudioEdit{Tags: ptr([]string{"inverno"})}) },
			"words",
			[]publishing.Difference{{
				Field: "tags", Ours: "solidarietà, volontariato, Balme, Ciriacese e Valli di Lanzo, legna, montagna", Theirs: "inverno",
			}},
		},
		"localizations": {
			func(w *world, id int64) {
				client, _, err := w.channels.Client(w.t.Context())
				if err == nil {
					_, err = client.SetLocalizations(w.t.Context(), *w.publication(id).YoutubeID, nil)
				}
				if err != nil {
					w.t.Fatal(err)
				}
			}, "localizations", nil,
		},
		"playlist": {
			func(w *world, id int64) { w.outOfList(*w.publication(id).YoutubeID, "Solidarietà") },
			"playlist theme/1",
			[]publishing.Difference{{Field: "in", Ours: "in"}},
		},
		"captions": {
			func(w *world, id int64) {
				w.deleteTrack()
			}, "captions it", []publishing.Difference{{Field: "in", Ours: "in"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			made := w.public()
			test.change(w, made.ID)
			w.reconcile()
			list := w.wantFound(test.found)
			if test.values != nil {
				if diff := cmp.Diff(test.values, list[0].Detail.Values); diff != "" {
					t.Error(diff)
				}
			}
			since := list[0].FoundAt
			if list[0].Remedies[0] != publishing.Restore {
				t.Errorf("suggested: %v", list[0].Remedies)
			}
			w.now = w.now.Add(24 * time.Hour)
			if run := w.reconcile(); run.Found != 0 {
				t.Errorf("the same difference was found again: %+v", run)
			}
			if again := w.wantFound(test.found)[0]; again.ID != list[0].ID || !again.FoundAt.Equal(since) {
				t.Errorf("it is another finding, or of another time: %+v", again)
			}
			w.settleBy(publishing.Restore)
			w.wantFound()
			w.run()
			w.wantPlan(made.ID)
			if v := w.sandbox.State().Videos[0]; v.Title != "La legna per chi è solo" || v.Privacy != "public" || len(v.Localizations) == 0 {
				t.Errorf("the channel has %+v", v)
			}
			w.now = w.now.Add(24 * time.Hour)
			w.reconcile()
			w.wantFound()
		})
	}
}

// TestAPlaylistInWhichItShouldNotBe is found, and it is taken out.
func TestAPlaylistInWhichItShouldNotBe(t *testing.T) {
	w := newWorld(t)
	made := w.public()
	other := w.approved(func(f *testimony.Form) { f.Themes = []string{"sostegno-psicologico"} })
	w.run()
	w.wantFound()
	var list string
	for _, l := range w.sandbox.State().Playlists {
		if l.Title == "Sostegno psicologico" {
			list = l.ID
		}
	}
	client, _, err := w.channels.Client(t.Context())
	if err == nil {
		_, err = client.AddToPlaylist(t.Context(), list, *w.publication(made.ID).YoutubeID)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.reconcile()
	f := w.wantFound("playlist theme/5")[0]
	if f.PublicationID != w.publication(made.ID).ID || f.Detail.Values[0].Theirs != "in" {
		t.Errorf("found %+v", f)
	}
	w.settleBy(publishing.Restore)
	w.run()
	w.reconcile()
	w.wantFound()
	for _, l := range w.sandbox.State().Playlists {
		if l.ID == list && !slices.Equal(l.Videos, []string{*w.publication(other.ID).YoutubeID}) {
			t.Errorf("the playlist has %v", l.Videos)
		}
	}
}

// TestWhatSettlesItself: a difference that is no longer there.
func TestWhatSettlesItself(t *testing.T) {
	w := newWorld(t)
	made := w.public()
	w.studio(made.ID, sandbox.StudioEdit{Privacy: "unlisted"})
	w.reconcile()
	w.wantFound("privacy")
	w.studio(made.ID, sandbox.StudioEdit{Privacy: "public"})
	w.reconcile()
	w.wantFound()
	over, err := w.publisher.Settled(t.Context())
	if err != nil || len(over) != 1 || over[0].Remedy != "" || over[0].SettledBy != "portal" {
		t.Errorf("history: %+v, %v", over, err)
	}
}

// TestTheChannelsWordsAreTakenOver by the rules of testimonies.
func TestTheChannelsWordsAreTakenOver(t *testing.T) {
	w := newWorld(t)
	made := w.public()
	v := w.sandbox.State().Videos[0]
	w.studio(made.ID, sandbox.StudioEdit{
		Title: ptr("Legna per tutti"), Description: ptr("Nessuno resti al freddo." + v.Description[len("Perché nessuno resti al freddo."):]),
		Tags: ptr([]string{"solidarietà", "inverno", "Balme"}),
	})
	w.reconcile()
	w.settleBy(publishing.Adopt)
	said := w.testimony(made.ID)
	if said.Title != "Legna per tutti" || said.Description != "Nessuno resti al freddo." || !slices.Equal(said.Tags, testimony.Tags{"inverno"}) {
		t.Errorf("the testimony says %q, %q, %v", said.Title, said.Description, said.Tags)
	}
	w.run()
	if got := w.sandbox.State().Videos[0]; got.Title != "Legna per tutti" || !slices.Equal(got.Tags, []string{"solidarietà", "inverno", "Balme"}) {
		t.Errorf("the channel was changed: %+v", got)
	}
	w.reconcile()
	w.wantFound() // what the portal would add, a person has let be
	w.studio(made.ID, sandbox.StudioEdit{Title: ptr("Ancora un altro")})
	w.reconcile()
	w.wantFound("words")
}

func TestWordsThatBreakTheRulesAreNotTakenOver(t *testing.T) {
	w := newWorld(t)
	made := w.public()
	w.studio(made.ID, sandbox.StudioEdit{Description: ptr("")})
	w.reconcile()
	f := w.wantFound("words")[0]
	err := w.publisher.Settle(t.Context(), "test", f.ID, publishing.Adopt, "")
	if fault.Of(err) != fault.Invalid {
		t.Fatalf("err = %v", err)
	}
	w.wantFound("words")
	if said := w.testimony(made.ID); said.Description == "" {
		t.Error("the testimony was emptied")
	}
}

func TestTheChannelsPrivacyIsTakenOver(t *testing.T) {
	w := newWorld(t)
	made := w.public()
	w.studio(made.ID, sandbox.StudioEdit{Privacy: "unlisted"})
	w.reconcile()
	w.settleBy(publishing.Adopt)
	if said := w.testimony(made.ID); said.Visibility != testimony.Unlisted {
		t.Errorf("its visibility is %s", said.Visibility)
	}
	w.run()
	if v := w.sandbox.State().Videos[0]; v.Privacy != "unlisted" || len(v.Playlists) != 0 {
		t.Errorf("the channel has %+v", v)
	}
	w.reconcile()
	w.wantFound()
}

// TestIgnoredUntilItChangesAgain also when it was as it should be in between.
func TestIgnoredUntilItChangesAgain(t *testing.T) {
	w := newWorld(t)
	made := w.public()
	title := w.testimony(made.ID).Title
	for _, step := range []struct {
		title string
		want  []string
	}{
		{"Uno", []string{"words"}},
		{"Uno", nil}, // ignored
		{"Due", []string{"words"}},
		{title, nil}, // ignored, and as it should be
		{"Due", []string{"words"}},
	} {
		w.studio(made.ID, sandbox.StudioEdit{Title: &step.title})
		w.reconcile()
		if w.wantFound(step.want...); len(step.want) > 0 {
			w.settleBy(publishing.Ignore)
		}
	}
}

// TestAVideoThatIsDeletedIsMissingAfterTwoLooks that are a day apart, and is
// sent again only when it is gone for sure: one video each.
func TestAVideoThatIsDeletedIsMissingAfterTwoLooks(t *testing.T) {
	w := newWorld(t)
	made := w.public()
	w.studio(made.ID, sandbox.StudioEdit{Delete: true})
	for _, wait := range []time.Duration{0, time.Hour, 22 * time.Hour} {
		w.now = w.now.Add(wait)
		if w.reconcile(); w.publication(made.ID).State != publishing.Public {
			t.Fatalf("missing too soon, after %s", wait)
		}
		w.wantFound()
	}
	w.now = w.now.Add(time.Hour)
	w.reconcile()
	f := w.wantFound("missing")[0]
	w.wantReason(made.ID, publishing.Missing, "publishing.state.missing")
	if f.Remedies[0] != publishing.Resend {
		t.Errorf("suggested: %v", f.Remedies)
	}
	if pub := w.publication(made.ID); pub.Playable() {
		t.Error("citizens are sent to a video that is gone")
	}
	w.settleBy(publishing.Resend)
	w.run()
	w.wantPlan(made.ID)
	w.reconcile()
	w.wantFound()
}

func TestOneThatIsSeenAgainIsNotMissing(t *testing.T) {
	w := newWorld(t)
	made := w.public()
	id := *w.publication(made.ID).YoutubeID
	vanish := sandbox.Fault{Name: sandbox.Vanish, Method: "videos.list", IDs: []string{id}}
	w.fail(vanish)
	w.reconcile()
	w.now = w.now.Add(25 * time.Hour)
	w.reconcile() // there
	w.fail(vanish)
	w.reconcile()
	w.wantFound()
	w.now = w.now.Add(25 * time.Hour)
	w.fail(vanish)
	w.reconcile()
	f := w.wantFound("missing")[0]
	err := w.publisher.Settle(t.Context(), "test", f.ID, publishing.Resend, "")
	if fault.Of(err) != fault.Conflict {
		t.Errorf("sent again although it is there: %v", err)
	}
	// Who tries where there is no channel, or nothing left to ask with, is told so.
	off := w.publisher.Rooms
	off.Channels = nil
	err = publishing.New(off).Settle(t.Context(), "test", f.ID, publishing.Resend, "")
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Message.Key != "publishing.channel.none" {
		t.Errorf("sent again without a channel: %v", err)
	}
	w.fail(sandbox.Fault{Name: sandbox.Refuse, Method: "videos.list", Status: http.StatusForbidden, Reason: "quotaExceeded"})
	err = w.publisher.Settle(t.Context(), "test", f.ID, publishing.Resend, "")
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Message.Key != "publishing.quota.units" || e.Until.IsZero() {
		t.Errorf("sent again without units: %v", err)
	}
	w.exec("DELETE FROM quota_ledger")
	w.reconcile()
	w.wantFound()
	w.wantOut(made.ID)
}

// TestMoreThanAFifthMissingIsNotBelieved: nothing is changed, and the channel is
// asked whether it is ours.
func TestMoreThanAFifthMissingIsNotBelieved(t *testing.T) {
	w := newWorld(t)
	var ids []int64
	for range 6 {
		ids = append(ids, w.approved().ID)
	}
	w.run()
	youtubeID := func(i int) string { return *w.publication(ids[i]).YoutubeID }
	two := sandbox.Fault{Name: sandbox.Vanish, Method: "videos.list", IDs: []string{youtubeID(0), youtubeID(1)}}
	w.studio(ids[5], sandbox.StudioEdit{Privacy: "private"})
	for range 2 {
		w.fail(two)
		if run := w.reconcile(); run.Trouble != "publishing.reconcile.missing" || run.Missing != 2 || run.FinishedAt == nil {
			t.Fatalf("run: %+v", run)
		}
		w.wantFound()
		if pub := w.publication(ids[0]); pub.MissedAt != nil || pub.State != publishing.Public {
			t.Errorf("it was changed: %+v", pub)
		}
		w.now = w.now.Add(25 * time.Hour)
	}
	// One of six is believed.
	w.studio(ids[0], sandbox.StudioEdit{Delete: true})
	w.reconcile()
	w.now = w.now.Add(25 * time.Hour)
	w.reconcile()
	w.wantFound("missing", "privacy")
}

// TestClaimsAndRejections are found, the portal plays itself, and a
// claim that ends settles itself.
func TestClaimsAndRejections(t *testing.T) {
	w := newWorld(t)
	made := w.public()
	id := *w.publication(made.ID).YoutubeID
	w.fail(sandbox.Fault{Name: sandbox.Claim, IDs: []string{id}})
	w.reconcile()
	f := w.wantFound("rejected")[0]
	if f.Detail.Reason.Key != "publishing.rejected.claim" || f.Remedies[0] != publishing.Ignore {
		t.Errorf("found %+v", f)
	}
	w.wantReason(made.ID, publishing.Blocked, "publishing.rejected.claim")
	w.settleBy(publishing.Ignore)
	w.reconcile()
	w.wantFound()
	w.fail(sandbox.Fault{Name: sandbox.Reject, IDs: []string{id}})
	w.reconcile()
	if f := w.wantFound("rejected")[0]; f.Remedies[0] != publishing.Withdraw {
		t.Errorf("suggested: %v", f.Remedies)
	}
	if err := w.publisher.Settle(t.Context(), "test", w.found()[0].ID, publishing.Withdraw, " "); fault.Of(err) != fault.Invalid {
		t.Errorf("withdrawn without a reason: %v", err)
	}
	w.settleBy(publishing.Withdraw)
	w.run()
	if said := w.testimony(made.ID); said.State != testimony.Withdrawn || said.Reason != "Non serve più." {
		t.Errorf("the testimony is %s: %s", said.State, said.Reason)
	}
	if n := len(w.sandbox.State().Videos); n != 0 {
		t.Errorf("%d videos are left", n)
	}
}

func TestAnotherLengthThanTheOriginals(t *testing.T) {
	w := newWorld(t)
	made := w.public()
	w.exec(`UPDATE videos SET duration_ms = duration_ms + 2000`)
	w.reconcile()
	w.wantFound()
	w.exec(`UPDATE videos SET duration_ms = duration_ms + 1000`)
	w.reconcile()
	f := w.wantFound("duration")[0]
	if diff := cmp.Diff([]publishing.Difference{{Field: "seconds", Ours: "64", Theirs: "61"}}, f.Detail.Values); diff != "" {
		t.Error(diff)
	}
	old := *w.publication(made.ID).YoutubeID
	w.exec(`UPDATE videos SET duration_ms = duration_ms - 3000`)
	w.settleBy(publishing.Resend)
	w.run()
	if v := w.wantOut(made.ID); v.ID == old {
		t.Error("the old video is still there")
	}
}

func TestProcessingThatNeverEnds(t *testing.T) {
	w := newWorld(t)
	w.fail(sandbox.Fault{Name: sandbox.SlowProcessing, Delay: 48 * 3600})
	made := w.approved()
	w.settleUntil(func() bool { return w.publication(made.ID).State == publishing.Processing })
	w.now = w.now.Add(25 * time.Hour)
	w.reconcile()
	w.wantFound("stuck")
	w.settleBy(publishing.Resend)
	w.run()
	w.wantOut(made.ID)
	w.reconcile()
	w.wantFound()
}

// settleUntil works on the queue until something holds.
func (w *world) settleUntil(holds func() bool) {
	w.t.Helper()
	for range 100 {
		if holds() {
			return
		}
		w.settle()
		if e := w.step(); e != nil && e.Until.After(w.now) {
			w.now = e.Until
		}
	}
	w.t.Fatal("it never came to that")
}

// TestReconcilingGoesOnWhereItWasStopped: the quota ended in the middle.
func TestReconcilingGoesOnWhereItWasStopped(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.approved()
	}
	w.run()
	w.exec(`UPDATE publications SET reconciled_at = ? WHERE id = 1`, w.now)
	w.exec(`INSERT INTO reconciliations (started_at, checked, found) VALUES (?, 1, 0)`, w.now.Add(-time.Minute))
	run := w.reconcile()
	if run.Checked != 3 || run.FinishedAt == nil {
		t.Errorf("run: %+v", run)
	}
	// With nothing left beyond what is kept it waits for the new day.
	if err := w.ledger.Exhaust(t.Context(), "units"); err != nil {
		t.Fatal(err)
	}
	_, err := w.publisher.Reconcile(t.Context())
	if fault.Of(err) != fault.Unavailable {
		t.Fatalf("err = %v", err)
	}
	last, err := w.publisher.LastReconciliation(t.Context())
	if err != nil || last.FinishedAt != nil || last.Trouble != "publishing.quota.units" {
		t.Errorf("the run: %+v, %v", last, err)
	}
	w.now = w.now.Add(24 * time.Hour)
	if again := w.reconcile(); again.ID != last.ID || again.Checked != 3 || again.Trouble != "" {
		t.Errorf("it did not go on: %+v", again)
	}
}

func TestReconcilingAnotherChannelChangesNothing(t *testing.T) {
	w := newWorld(t)
	made := w.public()
	w.fail(sandbox.Fault{Name: sandbox.WrongChannel, Method: "channels.list"})
	w.studio(made.ID, sandbox.StudioEdit{Title: ptr("Un altro")})
	if run := w.reconcile(); run.Trouble != "publishing.trouble.wrong_channel" || run.Checked != 0 {
		t.Errorf("run: %+v", run)
	}
	w.wantFound()
}

// TestWhatIsKnownToBeMissingIsNoReasonToDoubt: those that nobody wants back are
// not counted among the missing of each night.
func TestWhatIsKnownToBeMissingIsNoReasonToDoubt(t *testing.T) {
	w := newWorld(t)
	var ids []int64
	for range 6 {
		ids = append(ids, w.approved().ID)
	}
	w.run()
	gone := func(i int) {
		t.Helper()
		w.studio(ids[i], sandbox.StudioEdit{Delete: true})
		w.reconcile()
		w.now = w.now.Add(25 * time.Hour)
		w.reconcile()
		w.wantFound("missing")
		w.wantReason(ids[i], publishing.Missing, "publishing.state.missing")
		w.settleBy(publishing.Ignore)
	}
	gone(0)
	gone(1)
	w.studio(ids[2], sandbox.StudioEdit{Title: ptr("Un altro")})
	if run := w.reconcile(); run.Trouble != "" || run.Missing != 0 || run.Checked != 4 {
		t.Errorf("run: %+v", run)
	}
	w.wantFound("words")
}

// TestWhatWasThereBeforeThePortalIsAsItShouldBe: what adopted videos say is not
// ours, and is let be until somebody changes it. Fifty are read for a unit.
func TestWhatWasThereBeforeThePortalIsAsItShouldBe(t *testing.T) {
	w := newWorld(t)
	seeds := make([]sandbox.SeedVideo, 120)
	list := make([]publishing.Adoption, len(seeds))
	for i := range seeds {
		seeds[i] = sandbox.SeedVideo{Title: fmt.Sprintf("Voce %d", i), Description: "Da prima del portale.", Tags: []string{"2020"}, DefaultLanguage: "it"}
	}
	ids := w.before(seeds...)
	for i, id := range ids {
		list[i] = publishing.Adoption{YoutubeID: id, MunicipalityCode: balme, Themes: []string{"solidarieta"}}
	}
	if err := w.publisher.Adopt(t.Context(), "test", list); err != nil {
		t.Fatal(err)
	}
	w.exec(`UPDATE publication_steps SET wanted = '' WHERE kind = 'playlist'`) // two days of units
	w.exec(`UPDATE publication_steps SET state = 'done' WHERE wanted = had`)
	before := maps.Clone(w.sandbox.State().Calls)
	for range 2 {
		w.reconcile()
		w.wantFound()
	}
	if diff := cmp.Diff(map[string]int{"channels.list": 2, "videos.list": 6}, w.since(before)); diff != "" {
		t.Error(diff)
	}
	if over, err := w.publisher.Settled(t.Context()); err != nil || len(over) != 0 {
		t.Errorf("the history has %+v, %v", over, err)
	}
	edit := func(title string) {
		t.Helper()
		w.fail(sandbox.Fault{Name: sandbox.StudioChange, IDs: ids[:1], Edit: &sandbox.StudioEdit{Title: &title}})
	}
	edit("Com’è adesso")
	w.reconcile()
	f := w.wantFound("words")[0]
	if slices.Contains(f.Remedies, publishing.Resend) {
		t.Errorf("there is no original to send: %v", f.Remedies)
	}
	edit(seeds[0].Title) // as it was
	w.reconcile()
	w.wantFound()
	w.reconcile()
	w.wantFound()
	edit("Ancora un altro")
	w.reconcile()
	w.wantFound("words")
	w.settleBy(publishing.Restore)
	w.run()
	w.reconcile()
	w.wantFound()
	edit("Come nessuno voleva")
	w.reconcile()
	w.wantFound("words")
}

// TestAWithdrawalEndsWhatWasFound also when the town hall withdraws, and captions
// that are taken away are missed no longer.
func TestAWithdrawalEndsWhatWasFound(t *testing.T) {
	w := newWorld(t)
	made := w.public()
	w.deleteTrack()
	w.studio(made.ID, sandbox.StudioEdit{Title: ptr("Un altro")})
	w.reconcile()
	w.wantFound("words", "captions it")
	w.exec(`DELETE FROM captions`)
	w.replan(made.ID)
	w.run()
	w.reconcile()
	w.wantFound("words")
	if _, err := w.testimonies.Withdraw(t.Context(), "test", balme, made.ID, testimony.Withdrawal{}); err != nil {
		t.Fatal(err)
	}
	w.wantFound()
	w.run()
	w.reconcile()
	over, err := w.publisher.Settled(t.Context())
	if err != nil || len(over) != 2 || over[0].Remedy != "" {
		t.Errorf("history: %+v, %v", over, err)
	}
}

// deleteTrack takes the captions of the only video away.
func (w *world) deleteTrack() {
	w.t.Helper()
	client, _, err := w.channels.Client(w.t.Context())
	if err == nil {
		err = client.DeleteCaption(w.t.Context(), w.sandbox.State().Videos[0].Tracks[0].ID)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestAPrivacyThatYouTubeForced stands in the list too: it is asked for again, or
// taken over.
func TestAPrivacyThatYouTubeForced(t *testing.T) {
	for remedy, want := range map[publishing.Remedy]testimony.Visibility{
		publishing.Restore: testimony.Public, publishing.Adopt: testimony.Private,
	} {
		t.Run(string(remedy), func(t *testing.T) {
			w := newWorld(t)
			w.fail(sandbox.Fault{Name: sandbox.ForcePrivate})
			made := w.approved()
			w.run()
			w.wantReason(made.ID, publishing.Blocked, "publishing.privacy.private")
			w.reconcile()
			w.wantFound("privacy")
			w.settleBy(remedy)
			w.run()
			w.wantOut(made.ID)
			if got := w.testimony(made.ID).Visibility; got != want {
				t.Errorf("its visibility is %s", got)
			}
			w.reconcile()
			w.wantFound()
		})
	}
}

// TestAScheduleIsNoDifference: until its time the video is private, as it should
// be.
func TestAScheduleIsNoDifference(t *testing.T) {
	w := newWorld(t)
	made := w.approved()
	at := w.now.Add(48 * time.Hour)
	w.exec(`UPDATE testimonies SET publish_at = ?`, at)
	w.replan(made.ID)
	w.settleUntil(func() bool { return w.publication(made.ID).ProcessedAt != nil })
	w.reconcile()
	w.wantFound()
	w.run()
	if w.now.Before(at) {
		t.Fatalf("it came out too soon, at %s", w.now)
	}
	w.wantOut(made.ID)
	w.reconcile()
	w.wantFound()
}

func TestTranslationsAreTakenOver(t *testing.T) {
	w := newWorld(t)
	made := w.public()
	client, _, err := w.channels.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v := w.sandbox.State().Videos[0]
	theirs := map[string]youtube.Localized{
		"en": {Title: "Wood for all", Description: v.Localizations["en"].Description},
		"fr": {Title: "Du bois pour tous", Description: "Pour que personne n’ait froid."},
	}
	if _, err := client.SetLocalizations(t.Context(), v.ID, theirs); err != nil {
		t.Fatal(err)
	}
	w.reconcile()
	w.wantFound("localizations")
	w.settleBy(publishing.Adopt)
	want := testimony.Translations{
		"en": {Title: "Wood for all", Description: "So that nobody stays cold."},
		"fr": {Title: "Du bois pour tous", Description: "Pour que personne n’ait froid."},
	}
	if diff := cmp.Diff(want, w.testimony(made.ID).Translations); diff != "" {
		t.Error(diff)
	}
	w.run()
	w.reconcile()
	w.wantFound()
	if got := w.sandbox.State().Videos[0].Localizations["fr"].Description; got != theirs["fr"].Description {
		t.Errorf("the channel was changed: %q", got)
	}
}

// TestTwoComparisonsAtOnce find a difference once, and one that is settled while
// it is seen again is not lost.
func TestTwoComparisonsAtOnce(t *testing.T) {
	w := newWorld(t)
	made := w.public()
	w.studio(made.ID, sandbox.StudioEdit{Title: ptr("Un altro")})
	errs := make(chan error, 4)
	for range cap(errs) {
		go func() {
			_, err := w.publisher.Reconcile(t.Context())
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	f := w.wantFound("words")[0]
	w.settleBy(publishing.Restore)
	if err := w.publisher.Settle(t.Context(), "test", f.ID, publishing.Restore, ""); fault.Of(err) != fault.Conflict {
		t.Errorf("settled twice: %v", err)
	}
	if err := w.publisher.Settle(t.Context(), "test", 99, publishing.Restore, ""); fault.Of(err) != fault.NotFound {
		t.Errorf("settled what is not there: %v", err)
	}
}

// TestAComparisonThatIsKilledGoesOn: what was committed stays, and nothing is
// found twice.
func TestAComparisonThatIsKilledGoesOn(t *testing.T) {
	var stop func()
	w := newWorld(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/youtube/v3/captions" && r.Method == http.MethodGet && stop != nil {
				stop()
			}
			next.ServeHTTP(rw, r)
		})
	})
	made := w.public()
	w.studio(made.ID, sandbox.StudioEdit{Title: ptr("Un altro")})
	w.deleteTrack()
	ctx, cancel := context.WithCancel(t.Context())
	stop = cancel
	if _, err := w.publisher.Reconcile(ctx); err == nil {
		t.Fatal("it went on")
	}
	w.wantFound("words")
	first, err := w.publisher.LastReconciliation(t.Context())
	if err != nil || first.FinishedAt != nil {
		t.Fatalf("run: %+v, %v", first, err)
	}
	stop = nil
	w.now = w.now.Add(time.Minute)
	w.rooms() // as after a start
	if run := w.reconcile(); run.ID != first.ID || run.Found != 2 {
		t.Errorf("run: %+v", run)
	}
	w.wantFound("words", "captions it")
}
