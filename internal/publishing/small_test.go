package publishing_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// bySmall is a testimony approved by a small version of the world's film.
func (w *world) bySmall() *testimony.Testimony {
	w.t.Helper()
	ctx := w.t.Context()
	made, err := w.testimonies.Create(ctx, "test", balme, testimony.Form{
		Title: "Prima la piccola", Description: "Su una linea debole.", Language: "it", SpeakerName: "Persona di esempio",
		SpeakerRole: "Sindaca di Balme (esempio)", Themes: []string{"solidarieta"}, Visibility: "public", Release: []string{"people", "publication", "youtube"},
	}, false)
	if err != nil {
		w.t.Fatal(err)
	}
	w.comes(made.ID, testimony.Small, movie(5000, seconds))
	said, err := w.testimonies.Submit(ctx, "test", balme, made.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	if said, err = w.testimonies.Approve(ctx, "test", made.ID, said.Version); err != nil {
		w.t.Fatal(err)
	}
	return said
}

// comes has a file come and be found good.
func (w *world) comes(id int64, kind testimony.Kind, content []byte) {
	w.t.Helper()
	name := string(kind) + ".bin"
	if err := os.WriteFile(filepath.Join(w.vault, name), content, 0o600); err != nil {
		w.t.Fatal(err)
	}
	err := w.testimonies.ReceiveVideo(w.t.Context(), testimony.Video{
		TestimonyID: id, Kind: kind, WholeBytes: int64(len(w.file)), UploadID: name, Original: name, Filename: "a.mp4", Bytes: int64(len(content)),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	said := w.testimony(id)
	v := said.Full
	if kind == testimony.Small {
		v = said.Small
	}
	v.State, v.DurationMS, v.SHA256 = testimony.VideoReady, seconds*1000, sum(content)
	if err := w.testimonies.VideoSeen(w.t.Context(), v); err != nil {
		w.t.Fatal(err)
	}
}

const waitsForFile = "publishing.waits_for_file"

func TestOnlyTheFullFileGoesToTheChannel(t *testing.T) {
	w := newWorld(t)
	said := w.bySmall()
	pub := w.publication(said.ID)
	w.wantReason(said.ID, publishing.Waiting, waitsForFile)
	if pub.Handable() || len(w.queue) > 0 {
		t.Errorf("it can be published by hand: %v; put in the queue: %v", pub.Handable(), w.queue)
	}
	if err := w.publisher.ByHand(t.Context(), "test", pub.ID, "https://youtu.be/aaaaaaaaaaa", true); fault.Of(err) != fault.Conflict {
		t.Errorf("taken over by hand: %v", err)
	}
	// Whatever wakes the queue, nothing is sent before the full file is there.
	w.queue = append(w.queue, work{pub.ID, publishing.LaneSend})
	w.run()
	if videos := w.sandbox.State().Videos; len(videos) > 0 {
		t.Fatalf("sent: %+v", videos)
	}
	w.wantReason(said.ID, publishing.Waiting, waitsForFile)
	expected, err := w.publisher.Expect(t.Context())
	if e := expected[pub.ID]; err != nil || e.Known || !e.File || e.Explain() != nil {
		t.Errorf("expected: %+v, %v", e, err)
	}

	w.comes(said.ID, testimony.Full, w.file)
	w.run()
	w.wantOut(said.ID)
	if got := w.publication(said.ID); got.VideoID != w.testimony(said.ID).Full.ID {
		t.Error("the publication is still of the small version")
	}
}

func TestAWithdrawalWhileTheFullFileIsMissingIsOverAtOnce(t *testing.T) {
	w := newWorld(t)
	said := w.bySmall()
	if _, err := w.testimonies.Withdraw(t.Context(), "test", balme, said.ID, testimony.Withdrawal{}); err != nil {
		t.Fatal(err)
	}
	w.run()
	if pub := w.publication(said.ID); pub.State != publishing.Removed || len(w.proofs) != 1 {
		t.Errorf("it is %s, %d proofs", pub.State, len(w.proofs))
	}
	if err := w.testimonies.ReceiveVideo(t.Context(), testimony.Video{TestimonyID: said.ID, UploadID: "late"}); fault.Of(err) != fault.Conflict {
		t.Errorf("the full file was taken all the same: %v", err)
	}
}

func TestAFullFileThatDiffersGoesBackToReview(t *testing.T) {
	w := newWorld(t)
	said := w.bySmall()
	small := w.testimony(said.ID).Small
	w.exec(`UPDATE videos SET duration_ms = ? WHERE id = ?`, (seconds+2)*1000, small.ID)
	w.comes(said.ID, testimony.Full, w.file)
	w.wantReason(said.ID, publishing.Blocked, "publishing.sent_back")
	got := w.testimony(said.ID)
	if got.State != testimony.InReview || got.Doubt.Key != "testimony.whole_differs" {
		t.Fatalf("it is %s, doubt %q", got.State, got.Doubt.Key)
	}
	w.run()
	if videos := w.sandbox.State().Videos; len(videos) > 0 {
		t.Fatalf("sent: %+v", videos)
	}
	if _, err := w.testimonies.Approve(t.Context(), "test", said.ID, got.Version); err != nil {
		t.Fatal(err)
	}
	w.run()
	w.wantOut(said.ID)
}

func TestWithoutAChannelThePortalWaitsForTheFullFileToo(t *testing.T) {
	w := newWorld(t)
	w.publisher.Channels = nil
	said := w.bySmall()
	w.queue = append(w.queue, work{w.publication(said.ID).ID, publishing.LaneSend})
	w.run()
	if got := w.testimony(said.ID); got.State != testimony.Approved {
		t.Errorf("it is %s", got.State)
	}
	w.comes(said.ID, testimony.Full, w.file)
	w.run()
	if got := w.testimony(said.ID); got.State != testimony.Published || got.Video.Kind != testimony.Full {
		t.Errorf("it is %s with %+v", got.State, got.Video)
	}
}
