package testimony_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/migrations"
)

const balme = "001019"

var today = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

type room struct {
	*testimony.Store
	db                                   *store.Store
	received, approved, withdrawn, shown int
	amended, returned                    int
	refuse                               error // of the hook of amendments
}

func open(t *testing.T) *room {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "voci.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(t.Context(), migrations.FS, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	registry, err := territory.Load(territory.Founding)
	if err != nil {
		t.Fatal(err)
	}
	if err := registry.Sync(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	r := &room{db: db}
	r.Store = testimony.NewStore(db, testimony.Hooks{
		VideoReceived: func(*gorm.DB, *testimony.Video) error { r.received++; return nil },
		Approved:      func(*gorm.DB, *testimony.Testimony) error { r.approved++; return nil },
		Withdrawn:     func(*gorm.DB, *testimony.Testimony) error { r.withdrawn++; return nil },
		Returned:      func(*gorm.DB, *testimony.Testimony) error { r.returned++; return nil },
		Amended: func(_ *gorm.DB, _ *testimony.Testimony, write func() error) error {
			r.amended++
			return errors.Join(write(), r.refuse)
		},
		Shown: func() { r.shown++ },
	}, func() time.Time { return today })
	return r
}

func whole() testimony.Form {
	return testimony.Form{
		Title: "La valle che non si ferma", Description: "Come ci aiutiamo.", Language: "it",
		SpeakerName: "Esempio Esempi", SpeakerRole: "Sindaca", RecordedOn: "2026-11-20",
		Themes: []string{"solidarieta", "volontariato"}, Tags: "Balme, #montagna, balme", Visibility: "public",
		Release: []string{"people", "publication", "youtube"},
	}
}

func (r *room) create(t *testing.T, f testimony.Form) *testimony.Testimony {
	t.Helper()
	made, err := r.Create(t.Context(), "tester", balme, f, false)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Get(t.Context(), balme, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (r *room) receive(t *testing.T, id int64, upload string) *testimony.Video {
	t.Helper()
	if err := r.ReceiveVideo(t.Context(), testimony.Video{TestimonyID: id, UploadID: upload, Original: upload, Filename: "a.mp4", Bytes: 5}); err != nil {
		t.Fatal(err)
	}
	got, err := r.Get(t.Context(), testimony.Anywhere, id)
	if err != nil {
		t.Fatal(err)
	}
	return got.Video
}

func (r *room) ready(t *testing.T, v *testimony.Video) {
	t.Helper()
	v.State = testimony.VideoReady
	if err := r.VideoSeen(t.Context(), v); err != nil {
		t.Fatal(err)
	}
}

func (r *room) state(t *testing.T, id int64) testimony.State {
	t.Helper()
	got, err := r.Get(t.Context(), testimony.Anywhere, id)
	if err != nil {
		t.Fatal(err)
	}
	return got.State
}

func fields(err error) []string {
	var names []string
	if e, ok := errors.AsType[*fault.Error](err); ok {
		for _, f := range e.Fields {
			names = append(names, f.Name)
		}
	}
	return names
}

func TestEveryForbiddenMoveIsForbidden(t *testing.T) {
	states := []testimony.State{
		testimony.Draft, testimony.InReview, testimony.ChangesRequested, testimony.Approved,
		testimony.Published, testimony.Rejected, testimony.Withdrawn,
	}
	allowed := map[testimony.State]string{
		testimony.Draft:            "in_review withdrawn",
		testimony.InReview:         "draft approved changes_requested rejected withdrawn",
		testimony.ChangesRequested: "in_review withdrawn",
		testimony.Approved:         "published in_review changes_requested withdrawn",
		testimony.Published:        "withdrawn",
	}
	for _, from := range states {
		for _, to := range states {
			want := false
			for _, name := range strings.Fields(allowed[from]) {
				want = want || name == string(to)
			}
			if got := from.CanBecome(to); got != want {
				t.Errorf("%s → %s: got %v, want %v", from, to, got, want)
			}
		}
	}
}

func TestADraftKeepsWhatWasTyped(t *testing.T) {
	r := open(t)
	f := whole()
	got := r.create(t, f)
	if got.Title != f.Title || got.State != testimony.Draft || len(got.Themes) != 2 || len(got.Releases) != 3 {
		t.Errorf("got %+v", got)
	}
	if d := cmp.Diff(testimony.Tags{"Balme", "montagna"}, got.Tags); d != "" {
		t.Errorf("tags (-want +got):\n%s", d)
	}
	if got.Releases[2].Wording != testimony.Consents()[2].Wording || !got.Releases[2].AcceptedAt.Equal(today) || got.Releases[2].AcceptedBy != "tester" {
		t.Errorf("the consent was kept as %+v", got.Releases[2])
	}
}

func TestWhatCannotBeAcceptedIsKeptAsTypedAndNamed(t *testing.T) {
	r := open(t)
	for name, c := range map[string]struct {
		change func(*testimony.Form)
		field  string
		key    string
	}{
		"a title with <":                   {func(f *testimony.Form) { f.Title = "Aiuto <3" }, "title", "testimony.title.angle"},
		"a title of 101 characters":        {func(f *testimony.Form) { f.Title = strings.Repeat("è", 101) }, "title", "testimony.title.long"},
		"a description of 5001 bytes":      {func(f *testimony.Form) { f.Description = strings.Repeat("è", 2500) + "a" }, "description", "testimony.description.long"},
		"a description with >":             {func(f *testimony.Form) { f.Description = "a > b" }, "description", "testimony.description.angle"},
		"tags of 501 characters":           {func(f *testimony.Form) { f.Tags = strings.Repeat("a", 250) + "," + strings.Repeat("b", 250) }, "tags", "testimony.tags.long"},
		"a tag with >":                     {func(f *testimony.Form) { f.Tags = "a>b" }, "tags", "testimony.tags.angle"},
		"a day that is none":               {func(f *testimony.Form) { f.RecordedOn = "ieri" }, "recorded_on", "testimony.recorded_on.form"},
		"a day to come":                    {func(f *testimony.Form) { f.RecordedOn = "2027-01-01" }, "recorded_on", "testimony.recorded_on.future"},
		"a language nobody speaks here":    {func(f *testimony.Form) { f.Language = "tlh" }, "language", "testimony.language.unknown"},
		"a visibility that does not exist": {func(f *testimony.Form) { f.Visibility = "secret" }, "visibility", "testimony.visibility.unknown"},
		"four themes": {func(f *testimony.Form) {
			f.Themes = []string{"solidarieta", "volontariato", "alimenti-e-mascherine", "spazi-per-i-giovani"}
		}, "themes", "testimony.themes.many"},
		"a name with a tag": {func(f *testimony.Form) { f.SpeakerName = "<b>" }, "speaker_name", "testimony.speaker_name.control"},
	} {
		f := whole()
		c.change(&f)
		got := r.create(t, f)
		wrong := got.Wrong(today)
		if len(wrong) != 1 || wrong[0].Name != c.field || wrong[0].Message.Key != c.key {
			t.Errorf("%s: got %+v, want %s at %s", name, wrong, c.key, c.field)
		}
		if got.Unfinished[c.field] == "" {
			t.Errorf("%s: what was typed is lost: %+v", name, got.Unfinished)
		}
		if _, err := r.Submit(t.Context(), "tester", balme, got.ID); fault.Of(err) != fault.Invalid {
			t.Errorf("%s: asked for review with it: %v", name, err)
		}
		// Mended, it is accepted.
		mended, err := r.Save(t.Context(), "tester", balme, got.ID, whole())
		if err != nil || len(mended.Wrong(today)) != 0 || mended.Title != whole().Title {
			t.Errorf("%s: after mending got %+v, %v", name, mended, err)
		}
	}
}

func TestFiveThousandBytesAndFiveHundredCharactersAreAccepted(t *testing.T) {
	r := open(t)
	f := whole()
	f.Title = strings.Repeat("è", 100)
	f.Description = strings.Repeat("è", 2500)
	f.Tags = strings.Repeat("a", 249) + "," + strings.Repeat("b", 250)
	if got := r.create(t, f); len(got.Wrong(today)) != 0 {
		t.Errorf("got %+v", got.Wrong(today))
	}
}

func TestTagsAreCountedAsYouTubeCounts(t *testing.T) {
	for _, c := range []struct {
		tags []string
		want int
	}{{nil, 0}, {[]string{"Foo Baz"}, 9}, {[]string{"Foo-Baz"}, 7}, {[]string{"a", "b c"}, 1 + 1 + 5}, {[]string{"è"}, 1}} {
		if got := testimony.CountTags(c.tags); got != c.want {
			t.Errorf("%q: got %d, want %d", c.tags, got, c.want)
		}
	}
}

func TestReviewNeedsFormAndFileInEitherOrder(t *testing.T) {
	t.Run("form first", func(t *testing.T) {
		r := open(t)
		got := r.create(t, whole())
		if _, err := r.Submit(t.Context(), "tester", balme, got.ID); !cmp.Equal(fields(err), []string{"video"}) {
			t.Fatalf("without any file: got %v", err)
		}
		if err := r.BeginUpload(t.Context(), balme, testimony.Upload{ID: "u1", TestimonyID: got.ID, Size: 5}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Submit(t.Context(), "tester", balme, got.ID); err != nil {
			t.Fatal(err)
		}
		if s := r.state(t, got.ID); s != testimony.Draft {
			t.Errorf("before the file is there: got %s", s)
		}
		v := r.receive(t, got.ID, "u1")
		r.ready(t, v)
		if s := r.state(t, got.ID); s != testimony.InReview {
			t.Errorf("after the file is ready: got %s", s)
		}
	})
	t.Run("file first", func(t *testing.T) {
		r := open(t)
		got := r.create(t, testimony.Form{Language: "it", Visibility: "public"})
		r.ready(t, r.receive(t, got.ID, "u1"))
		_, err := r.Submit(t.Context(), "tester", balme, got.ID)
		if d := cmp.Diff([]string{"title", "description", "speaker_name", "speaker_role", "themes", "release"}, fields(err)); d != "" {
			t.Errorf("what is missing (-want +got):\n%s", d)
		}
		if _, err := r.Save(t.Context(), "tester", balme, got.ID, whole()); err != nil {
			t.Fatal(err)
		}
		for range 2 { // pressed twice
			if _, err := r.Submit(t.Context(), "tester", balme, got.ID); err != nil {
				t.Fatal(err)
			}
		}
		if s := r.state(t, got.ID); s != testimony.InReview {
			t.Errorf("got %s", s)
		}
	})
	t.Run("unusable file, then a good one", func(t *testing.T) {
		r := open(t)
		got := r.create(t, whole())
		if err := r.BeginUpload(t.Context(), balme, testimony.Upload{ID: "u1", TestimonyID: got.ID, Size: 5}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Submit(t.Context(), "tester", balme, got.ID); err != nil {
			t.Fatal(err)
		}
		v := r.receive(t, got.ID, "u1")
		v.State, v.Reason = testimony.VideoUnusable, testimony.Sentence{Message: fault.Msg("video.truncated", "Seconds", 12)}
		if err := r.VideoSeen(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		back, err := r.Get(t.Context(), balme, got.ID)
		if err != nil {
			t.Fatal(err)
		}
		if back.State != testimony.Draft || back.Video.Reason.Key != "video.truncated" {
			t.Errorf("got %s, %+v", back.State, back.Video.Reason)
		}
		r.ready(t, r.receive(t, got.ID, "u2"))
		if s := r.state(t, got.ID); s != testimony.InReview {
			t.Errorf("after a good file: got %s; nothing should be asked twice", s)
		}
	})
}

func TestAFileReceivedTwiceIsOne(t *testing.T) {
	r := open(t)
	got := r.create(t, whole())
	r.receive(t, got.ID, "u1")
	r.receive(t, got.ID, "u1")
	if r.received != 1 {
		t.Errorf("looked at %d times, want once", r.received)
	}
}

func TestAModeratorDecidesOnWhatWasSeen(t *testing.T) {
	r := open(t)
	got := r.create(t, whole())
	r.ready(t, r.receive(t, got.ID, "u1"))
	sent, err := r.Submit(t.Context(), "tester", balme, got.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Approve(t.Context(), "moderator", got.ID, sent.Version-1); fault.Of(err) != fault.Conflict {
		t.Errorf("approved a version never seen: %v", err)
	}
	if _, err := r.RequestChanges(t.Context(), "moderator", got.ID, sent.Version, "  "); !cmp.Equal(fields(err), []string{"reason"}) {
		t.Errorf("sent back without a reason: %v", err)
	}
	back, err := r.RequestChanges(t.Context(), "moderator", got.ID, sent.Version, "Manca l'audio.")
	if err != nil || back.Reason != "Manca l'audio." || back.State != testimony.ChangesRequested {
		t.Fatalf("got %+v, %v", back, err)
	}
	sent, err = r.Submit(t.Context(), "tester", balme, got.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Approve(t.Context(), "moderator", got.ID, sent.Version); err != nil {
		t.Fatal(err)
	}
	if r.approved != 1 {
		t.Errorf("taken to the channel %d times, want once", r.approved)
	}
	if _, err := r.Save(t.Context(), "tester", balme, got.ID, whole()); fault.Of(err) != fault.Conflict {
		t.Errorf("edited after approval: %v", err)
	}
	if err := r.ReceiveVideo(t.Context(), testimony.Video{TestimonyID: got.ID, UploadID: "late"}); fault.Of(err) != fault.Conflict {
		t.Errorf("file replaced after approval: %v", err)
	}
}

func TestCitizensSeeWhatIsOutAndAreToldOfWhatWas(t *testing.T) {
	r := open(t)
	got := r.create(t, whole())
	r.ready(t, r.receive(t, got.ID, "u1"))
	if _, err := r.ForCitizen(t.Context(), got.ID); fault.Of(err) != fault.NotFound {
		t.Errorf("a draft is seen: %v", err)
	}
	sent, err := r.Submit(t.Context(), "tester", balme, got.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Approve(t.Context(), "moderator", got.ID, sent.Version); err != nil {
		t.Fatal(err)
	}
	if err := r.db.Write(t.Context(), func(tx *gorm.DB) error { return r.MarkPublished(tx, got.ID) }); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ForCitizen(t.Context(), got.ID); err != nil {
		t.Errorf("what is published is not seen: %v", err)
	}
	if _, err := r.Withdraw(t.Context(), "tester", balme, got.ID, testimony.Withdrawal{Reason: "Ho cambiato idea"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ForCitizen(t.Context(), got.ID); fault.Of(err) != fault.Gone {
		t.Errorf("what was withdrawn: %v, want gone", err)
	}
	if r.withdrawn != 1 || r.shown == 0 {
		t.Errorf("withdrawn from the channel %d times, pages dropped %d times", r.withdrawn, r.shown)
	}
}

func TestAnotherTownHallSeesNothing(t *testing.T) {
	r := open(t)
	got := r.create(t, whole())
	const other = "001272"
	_, get := r.Get(t.Context(), other, got.ID)
	_, save := r.Save(t.Context(), "tester", other, got.ID, whole())
	_, submit := r.Submit(t.Context(), "tester", other, got.ID)
	_, withdraw := r.Withdraw(t.Context(), "tester", other, got.ID, testimony.Withdrawal{})
	begin := r.BeginUpload(t.Context(), other, testimony.Upload{ID: "u", TestimonyID: got.ID})
	for name, err := range map[string]error{"get": get, "save": save, "submit": submit, "withdraw": withdraw, "upload": begin} {
		if fault.Of(err) != fault.NotFound {
			t.Errorf("%s: got %v, want not found", name, err)
		}
	}
}

func TestEveryActIsInTheTrail(t *testing.T) {
	r := open(t)
	got := r.create(t, whole())
	r.ready(t, r.receive(t, got.ID, "u1"))
	if _, err := r.Submit(t.Context(), "tester", balme, got.ID); err != nil {
		t.Fatal(err)
	}
	var acts []string
	if err := r.db.Reader(t.Context()).Raw(`SELECT action FROM audit ORDER BY id`).Scan(&acts).Error; err != nil {
		t.Fatal(err)
	}
	want := []string{"testimony.create", "video.received", "video.ready", "testimony.in_review"}
	if d := cmp.Diff(want, acts); d != "" {
		t.Errorf("trail (-want +got):\n%s", d)
	}
}
