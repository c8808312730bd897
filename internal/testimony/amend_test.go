package testimony_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
)

const moderator = "account 1 (redattrice@cittametropolitana.example)"

// approved is a testimony that a moderator let go.
func (r *room) approvedOne(t *testing.T, f testimony.Form) *testimony.Testimony {
	t.Helper()
	made := r.create(t, f)
	r.ready(t, r.receive(t, made.ID, "upload-"+made.Title))
	sent, err := r.Submit(t.Context(), "tester", balme, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Approve(t.Context(), moderator, made.ID, sent.Version); err != nil {
		t.Fatal(err)
	}
	return r.now(t, made.ID)
}

func (r *room) publishedOne(t *testing.T, f testimony.Form) *testimony.Testimony {
	t.Helper()
	made := r.approvedOne(t, f)
	if err := r.db.Write(t.Context(), func(tx *gorm.DB) error { return r.MarkPublished(tx, made.ID) }); err != nil {
		t.Fatal(err)
	}
	return r.now(t, made.ID)
}

func (r *room) now(t *testing.T, id int64) *testimony.Testimony {
	t.Helper()
	got, err := r.Get(t.Context(), testimony.Anywhere, id)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// trail is the last act on a testimony and its detail.
func (r *room) trail(t *testing.T, id int64) (action string, detail map[string]any) {
	t.Helper()
	acts, err := r.Trail(t.Context(), id)
	if err != nil || len(acts) == 0 {
		t.Fatal(acts, err)
	}
	last := acts[len(acts)-1]
	if err := json.Unmarshal([]byte(last.Detail), &detail); err != nil {
		t.Fatal(err)
	}
	return last.Action, detail
}

func (r *room) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if err := r.db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Exec(sql, args...).Error }); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsOutIsAmended(t *testing.T) {
	r := open(t)
	f := whole()
	f.Visibility = "private"
	made := r.publishedOne(t, f)
	r.shown = 0
	change := whole()
	change.Title, change.Tags, change.Themes, change.Language = "La valle cambia", "alpe", []string{"volontariato"}, "oc"
	change.Release = nil // the form that amends does not have them
	change.Translations = testimony.Translations{"fr": {Title: "La vallée change", Description: "Comment."}, "oc": {Title: "no"}}
	if _, err := r.Amend(t.Context(), "tester", balme, made.ID, made.Version, change); err != nil {
		t.Fatal(err)
	}
	got := r.now(t, made.ID)
	want := testimony.Translations{"fr": {Title: "La vallée change", Description: "Comment."}}
	if d := cmp.Diff([]any{"La valle cambia", testimony.Tags{"alpe"}, "oc", testimony.Public, testimony.Published, want},
		[]any{got.Title, got.Tags, got.Language, got.Visibility, got.State, got.Translations}); d != "" {
		t.Error(d)
	}
	if len(got.Themes) != 1 || got.Themes[0].Slug != "volontariato" || len(got.Releases) != 3 || got.Version <= made.Version ||
		got.AmendedAt == nil || !got.AmendedAt.Equal(today) {
		t.Errorf("got %+v", got)
	}
	if r.amended != 1 || r.shown != 1 {
		t.Errorf("the channel was told %d times, the pages %d times", r.amended, r.shown)
	}
	action, detail := r.trail(t, made.ID)
	if action != "testimony.amend" {
		t.Errorf("the trail says %s", action)
	}
	// A wider circle, and what was said before, are in the trail.
	if d := cmp.Diff([]any{"private", "public"}, detail["visibility"]); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]any{"La valle che non si ferma", "La valle cambia"}, detail["title"]); d != "" {
		t.Error(d)
	}
	if _, named := detail["speaker_name"]; named {
		t.Error("what did not change is in the trail")
	}
}

func TestConsentsOfBeforeHold(t *testing.T) {
	r := open(t)
	made := r.publishedOne(t, whole())
	r.exec(t, "UPDATE releases SET version = '2020-04' WHERE testimony_id = ?", made.ID) // the words changed since
	if _, err := r.Amend(t.Context(), "tester", balme, made.ID, made.Version, whole()); err != nil {
		t.Errorf("amending asks for consents again: %v", err)
	}
}

func TestWhatCannotBeSaidChangesNothing(t *testing.T) {
	r := open(t)
	made := r.publishedOne(t, whole())
	for name, test := range map[string]struct {
		change func(*testimony.Form)
		want   []string
	}{
		"no title":                      {func(f *testimony.Form) { f.Title = " " }, []string{"title"}},
		"a long title and no speaker":   {func(f *testimony.Form) { f.Title, f.SpeakerName = strings.Repeat("a", 101), "" }, []string{"title", "speaker_name"}},
		"no theme":                      {func(f *testimony.Form) { f.Themes = nil }, []string{"themes"}},
		"a visibility that is none":     {func(f *testimony.Form) { f.Visibility = "all" }, []string{"visibility"}},
		"a translation with an arrow":   {func(f *testimony.Form) { f.Translations = testimony.Translations{"en": {Title: "a <b"}} }, []string{"title_en"}},
		"a description without a title": {func(f *testimony.Form) { f.Translations = testimony.Translations{"fr": {Description: "Oui."}} }, []string{"title_fr"}},
		"a translation that is too long": {func(f *testimony.Form) {
			f.Translations = testimony.Translations{"en": {Title: "Yes", Description: strings.Repeat("é", 2501)}}
		}, []string{"description_en"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := whole()
			test.change(&f)
			_, err := r.Amend(t.Context(), "tester", balme, made.ID, made.Version, f)
			if fault.Of(err) != fault.Invalid || cmp.Diff(test.want, fields(err)) != "" {
				t.Errorf("err = %v, fields %v, want %v", err, fields(err), test.want)
			}
			if d := cmp.Diff(made, r.now(t, made.ID)); d != "" {
				t.Errorf("something changed: %s", d)
			}
		})
	}
	if r.amended != 0 {
		t.Error("the channel was told")
	}
}

func TestWhenAndByWhomItIsAmended(t *testing.T) {
	r := open(t)
	draft, approved := r.create(t, whole()), r.approvedOne(t, whole())
	if _, err := r.Amend(t.Context(), "tester", balme, draft.ID, draft.Version, whole()); fault.Of(err) != fault.Conflict {
		t.Errorf("a draft: %v", err)
	}
	if _, err := r.Amend(t.Context(), "tester", "001272", approved.ID, approved.Version, whole()); fault.Of(err) != fault.NotFound {
		t.Errorf("another town hall: %v", err)
	}
	if _, err := r.Amend(t.Context(), "tester", balme, approved.ID, approved.Version-1, whole()); fault.Of(err) != fault.Conflict {
		t.Errorf("a version of before: %v", err)
	}
	r.refuse = errors.New("the channel's room says no")
	f := whole()
	f.Title = "Altro"
	if _, err := r.Amend(t.Context(), "tester", balme, approved.ID, approved.Version, f); !errors.Is(err, r.refuse) {
		t.Errorf("the hook refuses: %v", err)
	}
	if got := r.now(t, approved.ID); got.Title != approved.Title || got.Version != approved.Version {
		t.Errorf("half of it was kept: %+v", got)
	}
	r.refuse = nil
	if _, err := r.Amend(t.Context(), moderator, testimony.Anywhere, approved.ID, approved.Version, f); err != nil {
		t.Errorf("staff: %v", err)
	}
	if _, err := r.Withdraw(t.Context(), "tester", balme, approved.ID, testimony.Withdrawal{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Amend(t.Context(), "tester", balme, approved.ID, r.now(t, approved.ID).Version, f); fault.Of(err) != fault.Conflict {
		t.Errorf("withdrawn: %v", err)
	}
}

// TestADraftKeepsTranslationsAsTyped, right or wrong.
func TestADraftKeepsTranslationsAsTyped(t *testing.T) {
	r := open(t)
	f := whole()
	f.Translations = testimony.Translations{"en": {Title: "Yes"}, "fr": {Title: "non <", Description: "Oui."}, "de": {Title: "Ja"}}
	got := r.create(t, f)
	if d := cmp.Diff(testimony.Translations{"en": {Title: "Yes"}, "fr": {Description: "Oui."}}, got.Translations); d != "" {
		t.Error(d)
	}
	if got.Unfinished["title_fr"] != "non <" {
		t.Errorf("unfinished: %v", got.Unfinished)
	}
	if wrong := got.Wrong(today); len(wrong) != 1 || wrong[0].Name != "title_fr" || wrong[0].Message.Key != "testimony.title.angle" {
		t.Errorf("wrong: %v", wrong)
	}
	r.ready(t, r.receive(t, got.ID, "u"))
	if _, err := r.Submit(t.Context(), "tester", balme, got.ID); fault.Of(err) != fault.Invalid {
		t.Errorf("it goes to review: %v", err)
	}
}

func TestSchedule(t *testing.T) {
	r := open(t)
	made := r.approvedOne(t, whole())
	hidden := whole()
	hidden.Title, hidden.Visibility = "Nascosta", "unlisted"
	unlisted, out := r.approvedOne(t, hidden), r.publishedOne(t, testimonyForm("Uscita"))
	in := func(d time.Duration) *time.Time {
		at := today.Add(d)
		return &at
	}
	for name, test := range map[string]struct {
		of   *testimony.Testimony
		at   *time.Time
		want fault.Kind
	}{
		"now":               {made, in(0), fault.Invalid},
		"a year and a week": {made, in(373 * 24 * time.Hour), fault.Invalid},
		"an unlisted one":   {unlisted, in(time.Hour), fault.Invalid},
		"one that is out":   {out, in(time.Hour), fault.Conflict},
	} {
		if _, err := r.SetSchedule(t.Context(), moderator, test.of.ID, test.of.Version, test.at); fault.Of(err) != test.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	set, err := r.SetSchedule(t.Context(), moderator, made.ID, made.Version, in(time.Hour))
	if err != nil || !r.now(t, made.ID).PublishAt.Equal(today.Add(time.Hour)) || r.amended != 1 {
		t.Fatalf("%v, the channel was told %d times", err, r.amended)
	}
	if _, err := r.SetSchedule(t.Context(), moderator, made.ID, made.Version, nil); fault.Of(err) != fault.Conflict {
		t.Errorf("a version of before: %v", err)
	}
	// Hidden, it would come out before its time.
	hidden.Title = made.Title
	if _, err := r.Amend(t.Context(), "tester", balme, made.ID, set.Version, hidden); cmp.Diff([]string{"visibility"}, fields(err)) != "" {
		t.Errorf("hidden before its time: %v", err)
	}
	if _, err := r.SetSchedule(t.Context(), moderator, made.ID, set.Version, nil); err != nil || r.now(t, made.ID).PublishAt != nil {
		t.Errorf("taken away: %v", err)
	}
}

func TestApprovedForATime(t *testing.T) {
	r := open(t)
	made := r.create(t, whole())
	r.ready(t, r.receive(t, made.ID, "u"))
	sent, err := r.Submit(t.Context(), "tester", balme, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	past, later := today.Add(-time.Hour), today.Add(time.Hour)
	if _, err := r.ApproveFor(t.Context(), moderator, made.ID, sent.Version, &past); fault.Of(err) != fault.Invalid || r.state(t, made.ID) != testimony.InReview || r.approved != 0 {
		t.Errorf("a time that has passed: %v", err)
	}
	if _, err := r.ApproveFor(t.Context(), moderator, made.ID, sent.Version, &later); err != nil || !r.now(t, made.ID).PublishAt.Equal(later) {
		t.Errorf("approved for a time: %v", err)
	}
}

func testimonyForm(title string) testimony.Form {
	f := whole()
	f.Title = title
	return f
}

func TestAnotherPoster(t *testing.T) {
	r := open(t)
	made := r.publishedOne(t, whole())
	r.exec(t, "UPDATE videos SET poster = 'old.jpg' WHERE testimony_id = ?", made.ID)
	before, err := r.SetPoster(t.Context(), "tester", balme, made.ID, made.Version, "new.jpg")
	if got := r.now(t, made.ID); err != nil || before != "old.jpg" || got.Video.Poster != "new.jpg" || r.amended != 1 || got.Version <= made.Version {
		t.Errorf("before %q, %v, %+v", before, err, got.Video)
	}
	if action, _ := r.trail(t, made.ID); action != "testimony.poster" {
		t.Errorf("the trail says %s", action)
	}
	if _, err := r.SetPoster(t.Context(), "tester", balme, made.ID, made.Version, "newer.jpg"); fault.Of(err) != fault.Conflict {
		t.Errorf("a version of before: %v", err)
	}
	if _, err := r.SetPoster(t.Context(), "tester", "001272", made.ID, made.Version, "newer.jpg"); fault.Of(err) != fault.NotFound {
		t.Errorf("another town hall: %v", err)
	}
}

func TestAnApprovedTestimonyIsGivenBack(t *testing.T) {
	r := open(t)
	made := r.approvedOne(t, whole())
	if _, err := r.GiveBack(t.Context(), moderator, made.ID, made.Version, " "); cmp.Diff([]string{"reason"}, fields(err)) != "" {
		t.Errorf("without a reason: %v", err)
	}
	if _, err := r.GiveBack(t.Context(), moderator, made.ID, made.Version-1, "Il file non va"); fault.Of(err) != fault.Conflict {
		t.Errorf("a version of before: %v", err)
	}
	if _, err := r.GiveBack(t.Context(), moderator, made.ID, made.Version, "Il file non va"); err != nil {
		t.Fatal(err)
	}
	if got := r.now(t, made.ID); got.State != testimony.ChangesRequested || got.Reason != "Il file non va" || got.SubmittedAt != nil || r.returned != 1 {
		t.Errorf("got %+v", got)
	}
	out := r.publishedOne(t, testimonyForm("Uscita"))
	if _, err := r.GiveBack(t.Context(), moderator, out.ID, out.Version, "Il file non va"); fault.Of(err) != fault.Conflict {
		t.Errorf("a published one: %v", err)
	}
}

func TestWhoWithdrawsSaysWhy(t *testing.T) {
	r := open(t)
	made := r.publishedOne(t, whole())
	for name, test := range map[string]struct {
		scope string
		w     testimony.Withdrawal
		want  []string
	}{
		"staff without a reason":     {testimony.Anywhere, testimony.Withdrawal{Reason: "\n "}, []string{"reason"}},
		"an address that is none":    {balme, testimony.Withdrawal{Email: "Anna <anna@comune.example>"}, []string{"email"}},
		"two addresses":              {balme, testimony.Withdrawal{Email: "a@comune.example, b@comune.example"}, []string{"email"}},
		"an address of another kind": {balme, testimony.Withdrawal{Email: "anna@comune.example\r\nBcc: b@comune.example"}, []string{"email"}},
	} {
		_, err := r.Withdraw(t.Context(), "tester", test.scope, made.ID, test.w)
		if fault.Of(err) != fault.Invalid || cmp.Diff(test.want, fields(err)) != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r.withdrawn != 0 || r.state(t, made.ID) != testimony.Published {
		t.Fatal("it was withdrawn")
	}
	w := testimony.Withdrawal{Reason: " Non è nostra ", Email: " segreteria@comune.example "}
	if _, err := r.Withdraw(t.Context(), moderator, testimony.Anywhere, made.ID, w); err != nil {
		t.Fatal(err)
	}
	if got := r.now(t, made.ID); got.Reason != "Non è nostra" || got.ProofEmail != "segreteria@comune.example" || got.ClosedAt == nil {
		t.Errorf("got %+v", got)
	}
	other := r.publishedOne(t, testimonyForm("Altra"))
	if _, err := r.Withdraw(t.Context(), "tester", balme, other.ID, testimony.Withdrawal{}); err != nil {
		t.Errorf("a town hall need not say why: %v", err)
	}
}
