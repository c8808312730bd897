package testimony_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
)

const office = "municipality 001019, link 4 (Bruno Ufficio)"

var mayor = testimony.Asked{Name: "Anna Bò", Email: "sindaca@comune.example", Language: "it"}

// later has the clock go on until the end of the test.
func later(t *testing.T, d time.Duration) {
	t.Helper()
	before := today
	today = today.Add(d)
	t.Cleanup(func() { today = before })
}

// complete is a draft that can be approved.
func (r *room) complete(t *testing.T) int64 {
	t.Helper()
	made := r.create(t, whole())
	r.ready(t, r.receive(t, made.ID, "u1"))
	return made.ID
}

// ask asks for the approval and returns the token of the link.
func (r *room) ask(t *testing.T, id int64) string {
	t.Helper()
	var got string
	_, err := r.AskApproval(t.Context(), office, balme, id, mayor, func(_ *gorm.DB, _ *testimony.Testimony, token string) error {
		got = token
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) < 22 {
		t.Fatalf("%d characters are fewer than 128 bits need", len(got))
	}
	return got
}

func (r *room) give(t *testing.T, token string) *testimony.Testimony {
	t.Helper()
	said, err := r.GiveApproval(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return said
}

func (r *room) save(t *testing.T, id int64, f testimony.Form) {
	t.Helper()
	if _, err := r.Save(t.Context(), office, balme, id, f); err != nil {
		t.Fatal(err)
	}
}

func (r *room) submit(t *testing.T, id int64) *testimony.Testimony {
	t.Helper()
	said, err := r.Submit(t.Context(), office, balme, id)
	if err != nil {
		t.Fatal(err)
	}
	return said
}

// key is the key of the sentence that refuses.
func key(err error) string {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Message.Key
	}
	return ""
}

func TestItGoesToReviewOnceWhoeverSpeaksApproves(t *testing.T) {
	r := open(t)
	id := r.complete(t)
	token := r.ask(t, id)
	if said := r.submit(t, id); said.State != testimony.Draft || !said.AwaitsApproval() {
		t.Fatalf("review was not put off: %s", said.State)
	}
	for range 3 { // programs that follow links in mail
		if _, err := r.ToApprove(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	later(t, time.Hour)
	said := r.give(t, token)
	if said.State != testimony.InReview || said.AwaitsApproval() {
		t.Errorf("approved, it is %s", said.State)
	}
	// Twice, and looked at afterwards: the same answer.
	if again := r.give(t, token); again.Version != said.Version+1 || again.State != testimony.InReview {
		t.Errorf("approved twice: version %d after %d, %s", again.Version, said.Version, again.State)
	}
	got, err := r.ToApprove(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	a := got.Approval
	if a.State != testimony.ApprovalGiven || a.Name != "Anna Bò" || !a.AnsweredAt.Equal(today) || !a.AskedAt.Equal(today.Add(-time.Hour)) || account.NameIn(a.AskedBy) != "Bruno Ufficio" {
		t.Errorf("kept: %+v", a)
	}
	if _, err := r.RefuseApproval(t.Context(), token, "Il titolo"); key(err) != "approval.gone_on" {
		t.Errorf("refused afterwards: %v", err)
	}
	// Both are in the trail, once each, by name.
	trail, err := r.Trail(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range trail {
		if e.Action == "testimony.approval_ask" || e.Action == "testimony.approval_give" || e.Action == "testimony.in_review" {
			told = append(told, strings.TrimPrefix(e.Action, "testimony.")+" "+account.NameIn(e.Actor))
		}
		if strings.Contains(e.Detail+e.Actor, token) || strings.Contains(e.Detail+e.Actor, mayor.Email) {
			t.Errorf("the trail tells %s %s", e.Actor, e.Detail)
		}
	}
	if got := strings.Join(told, ", "); got != "approval_ask Bruno Ufficio, approval_give Anna Bò, in_review Anna Bò" {
		t.Errorf("the trail: %s", got)
	}
}

func TestApprovedFirstItIsSentAsAlways(t *testing.T) {
	r := open(t)
	id := r.complete(t)
	if said := r.give(t, r.ask(t, id)); said.State != testimony.Draft {
		t.Fatalf("it went to review unasked: %s", said.State)
	}
	if said := r.submit(t, id); said.State != testimony.InReview {
		t.Errorf("approved and sent, it is %s", said.State)
	}
}

// TestAnApprovalIsForWhatWasSeen changes, after the request, each thing that was
// approved.
func TestAnApprovalIsForWhatWasSeen(t *testing.T) {
	words := func(change func(*testimony.Form)) func(*testing.T, *room, int64) {
		return func(t *testing.T, r *room, id int64) {
			f := whole()
			change(&f)
			r.save(t, id, f)
		}
	}
	for name, change := range map[string]func(*testing.T, *room, int64){
		"title":       words(func(f *testimony.Form) { f.Title = "Altro" }),
		"description": words(func(f *testimony.Form) { f.Description += "!" }),
		"themes":      words(func(f *testimony.Form) { f.Themes = f.Themes[:1] }),
		"visibility":  words(func(f *testimony.Form) { f.Visibility = "unlisted" }),
		"translation": words(func(f *testimony.Form) { f.Translations = testimony.Translations{"en": {Title: "The valley"}} }),
		"consents":    words(func(f *testimony.Form) { f.Release = f.Release[:2] }),
		"trim":        func(t *testing.T, r *room, id int64) { trimTo(t, r, id, testimony.Trim{FromMS: 1000, ToMS: 60_000}) },
		"video": func(t *testing.T, r *room, id int64) {
			r.ready(t, r.receive(t, id, "u2"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t)
			id := r.complete(t)
			token := r.ask(t, id)
			r.submit(t, id)
			change(t, r, id)
			for what, err := range map[string]error{
				"looked at": func() error { _, err := r.ToApprove(t.Context(), token); return err }(),
				"approved":  func() error { _, err := r.GiveApproval(t.Context(), token); return err }(),
				"refused":   func() error { _, err := r.RefuseApproval(t.Context(), token, "No"); return err }(),
			} {
				if fault.Of(err) != fault.Gone || key(err) != "approval.changed" {
					t.Errorf("%s: %v", what, err)
				}
			}
			if got := r.state(t, id); got != testimony.Draft {
				t.Fatalf("it is %s", got)
			}
			// As it was, what was asked holds again; a video is another for good.
			switch name {
			case "video":
				token = r.ask(t, id)
			case "trim":
				trimTo(t, r, id, testimony.Trim{})
			default:
				r.save(t, id, whole())
			}
			if said := r.give(t, token); said.State != testimony.InReview {
				t.Errorf("approved then, it is %s", said.State)
			}
		})
	}
}

func TestAnApprovalGivenIsVoidOnceItChanges(t *testing.T) {
	r := open(t)
	id := r.complete(t)
	token := r.ask(t, id)
	r.give(t, token)
	f := whole()
	f.Title = "Altro"
	r.save(t, id, f)
	if _, err := r.ToApprove(t.Context(), token); key(err) != "approval.changed" {
		t.Errorf("looked at: %v", err)
	}
	if said := r.submit(t, id); said.State != testimony.Draft {
		t.Fatalf("it went to review with other words: %s", said.State)
	}
	if said := r.give(t, r.ask(t, id)); said.State != testimony.InReview {
		t.Errorf("approved again, it is %s", said.State)
	}
	// Sent back by staff and left as it is, the approval holds; changed, it does not.
	got, err := r.Get(t.Context(), testimony.Anywhere, id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.RequestChanges(t.Context(), "account 1", id, got.Version, "La descrizione"); err != nil {
		t.Fatal(err)
	}
	f.Description = "Più lunga."
	r.save(t, id, f)
	if said := r.submit(t, id); said.State != testimony.ChangesRequested {
		t.Errorf("changed after the approval, it went to review: %s", said.State)
	}
	f.Description = whole().Description
	r.save(t, id, f)
	if said := r.submit(t, id); said.State != testimony.InReview {
		t.Errorf("as it was approved, it is %s", said.State)
	}
}

func TestWhoeverSpeaksSaysWhatIsWrong(t *testing.T) {
	r := open(t)
	id := r.complete(t)
	token := r.ask(t, id)
	r.submit(t, id)
	for _, empty := range []string{"", " \n\u200b"} {
		if _, err := r.RefuseApproval(t.Context(), token, empty); key(err) != "form.invalid" {
			t.Errorf("%q: %v", empty, err)
		}
	}
	if _, err := r.RefuseApproval(t.Context(), token, strings.Repeat("à", 6000)); key(err) != "form.invalid" {
		t.Errorf("too long: %v", err)
	}
	said, err := r.RefuseApproval(t.Context(), token, " Il titolo\r\nnon va ")
	if err != nil {
		t.Fatal(err)
	}
	if a := said.Approval; a.State != testimony.ApprovalRefused || a.Objection != "Il titolo\nnon va" || said.State != testimony.Draft {
		t.Errorf("kept: %+v, %s", a, said.State)
	}
	// They may change their mind while nothing has changed.
	if said := r.give(t, token); said.State != testimony.InReview || said.Approval.Objection != "" {
		t.Errorf("approved after all: %s %q", said.State, said.Approval.Objection)
	}
}

func TestRequestsThatCannotBeAnswered(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*testing.T, *room, int64)
		kind fault.Kind
		key  string
	}{
		"replaced": {func(t *testing.T, r *room, id int64) { r.ask(t, id) }, fault.Gone, "approval.replaced"},
		"taken back": {func(t *testing.T, r *room, id int64) {
			if _, err := r.TakeBackApproval(t.Context(), office, balme, id); err != nil {
				t.Fatal(err)
			}
		}, fault.Gone, "approval.taken_back"},
		"withdrawn": {func(t *testing.T, r *room, id int64) {
			if _, err := r.Withdraw(t.Context(), office, balme, id, testimony.Withdrawal{}); err != nil {
				t.Fatal(err)
			}
		}, fault.Gone, "approval.withdrawn"},
		"too old": {func(t *testing.T, _ *room, _ int64) { later(t, testimony.ApprovalLife) }, fault.Gone, "approval.expired"},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t)
			id := r.complete(t)
			token := r.ask(t, id)
			c.end(t, r, id)
			before := r.now(t, id).Version
			for what, err := range map[string]error{
				"looked at": func() error { _, err := r.ToApprove(t.Context(), token); return err }(),
				"approved":  func() error { _, err := r.GiveApproval(t.Context(), token); return err }(),
				"refused":   func() error { _, err := r.RefuseApproval(t.Context(), token, "No"); return err }(),
			} {
				if fault.Of(err) != c.kind || key(err) != c.key {
					t.Errorf("%s: %v", what, err)
				}
			}
			if after := r.now(t, id).Version; after != before {
				t.Errorf("it changed: version %d, then %d", before, after)
			}
		})
	}
	r := open(t)
	if _, err := r.ToApprove(t.Context(), "AAAAAAAAAAAAAAAAAAAAAA"); fault.Of(err) != fault.NotFound {
		t.Errorf("an invented one: %v", err)
	}
}

func TestTakenBackItIsSentWithoutWaiting(t *testing.T) {
	r := open(t)
	id := r.complete(t)
	r.ask(t, id)
	r.submit(t, id)
	for range 2 { // pressed twice
		if _, err := r.TakeBackApproval(t.Context(), office, balme, id); err != nil {
			t.Fatal(err)
		}
	}
	if said := r.now(t, id); said.State != testimony.Draft || said.AwaitsApproval() || said.SubmittedAt != nil {
		t.Fatalf("taken back it is %s, asked for at %v: it must not go without a word", said.State, said.SubmittedAt)
	}
	if said := r.submit(t, id); said.State != testimony.InReview {
		t.Errorf("sent, it is %s", said.State)
	}
	if _, err := r.TakeBackApproval(t.Context(), office, "001125", id); fault.Of(err) != fault.NotFound {
		t.Errorf("by another town hall: %v", err)
	}
}

func TestOnlyWhatIsFinishedIsApproved(t *testing.T) {
	r := open(t)
	send := func(*gorm.DB, *testimony.Testimony, string) error { t.Error("sent"); return nil }
	ask := func(id int64, who testimony.Asked) error {
		_, err := r.AskApproval(t.Context(), office, balme, id, who, send)
		return err
	}
	f := whole()
	f.Description = ""
	bare := r.create(t, f)
	if got := strings.Join(fields(ask(bare.ID, testimony.Asked{Name: "A (B)", Email: "nessuno", Language: "it"})), " "); got != "name email description video" {
		t.Errorf("wrong at %q", got)
	}
	made := r.create(t, whole())
	r.receive(t, made.ID, "u3")
	if err := ask(made.ID, mayor); strings.Join(fields(err), " ") != "video" {
		t.Errorf("while the video is looked at: %v", err)
	}
	id := r.complete(t)
	if err := r.BeginUpload(t.Context(), balme, testimony.Upload{ID: "u4", TestimonyID: id, Filename: "b.mp4", Size: 9}); err != nil {
		t.Fatal(err)
	}
	if err := ask(id, mayor); strings.Join(fields(err), " ") != "video" {
		t.Errorf("while another file comes: %v", err)
	}
	if err := r.DiscardUpload(t.Context(), "u4"); err != nil {
		t.Fatal(err)
	}
	// A message that cannot go leaves no request behind.
	refused := errors.New("no")
	_, err := r.AskApproval(t.Context(), office, balme, id, mayor, func(*gorm.DB, *testimony.Testimony, string) error { return refused })
	if !errors.Is(err, refused) || r.now(t, id).Approval != nil {
		t.Errorf("got %v, and %+v", err, r.now(t, id).Approval)
	}
	for range 5 {
		r.ask(t, id)
	}
	if err := ask(id, mayor); key(err) != "approval.too_often" {
		t.Errorf("a sixth time in an hour: %v", err)
	}
	r.give(t, func() string { later(t, 2*time.Hour); return r.ask(t, id) }())
	r.submit(t, id)
	if err := ask(id, mayor); key(err) != "approval.not_editable" {
		t.Errorf("in review: %v", err)
	}
}

// TestTakenBackFromReviewTheApprovalHolds until something changes; whoever speaks
// may then also say that something is wrong.
func TestTakenBackFromReviewTheApprovalHolds(t *testing.T) {
	r := open(t)
	id := r.complete(t)
	token := r.ask(t, id)
	r.submit(t, id)
	r.give(t, token)
	if _, err := r.Recall(t.Context(), office, balme, id); err != nil {
		t.Fatal(err)
	}
	if said := r.now(t, id); said.AwaitsApproval() {
		t.Error("the approval is asked for again although nothing changed")
	}
	if said := r.submit(t, id); said.State != testimony.InReview {
		t.Errorf("sent again, it is %s", said.State)
	}
	if _, err := r.Recall(t.Context(), office, balme, id); err != nil {
		t.Fatal(err)
	}
	if _, err := r.RefuseApproval(t.Context(), token, "Ho visto un errore."); err != nil {
		t.Fatal(err)
	}
	if said := r.submit(t, id); said.State != testimony.Draft {
		t.Errorf("it went to review although something is wrong: %s", said.State)
	}
}

// trimTo has a part of the video shown, and that part seen.
func trimTo(t *testing.T, r *room, id int64, trim testimony.Trim) {
	t.Helper()
	v := r.now(t, id).Video
	if _, err := r.TrimVideo(t.Context(), office, balme, id, v.UploadID, trim); err != nil {
		t.Fatal(err)
	}
	r.ready(t, r.now(t, id).Video)
}

// TestAnApprovalOfTheSmallVersionHoldsForItsFilm, and for no other.
func TestAnApprovalOfTheSmallVersionHoldsForItsFilm(t *testing.T) {
	for name, c := range map[string]struct {
		bytes, ms int64
		holds     bool
	}{
		"the film":       {wholeBytes, 90_100, true},
		"another length": {wholeBytes, 60_000, false},
		"another film":   {wholeBytes + 1, 90_000, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t)
			id := r.create(t, whole()).ID
			if err := r.BeginUpload(t.Context(), balme, testimony.Upload{ID: "full", TestimonyID: id, Size: wholeBytes}); err != nil {
				t.Fatal(err)
			}
			r.mustCome(t, id, testimony.Small, "small", 10)
			r.seen(t, id, testimony.Small, 90_000)
			token := r.ask(t, id) // while the film is still on its way
			r.give(t, token)
			r.mustCome(t, id, testimony.Full, "full", c.bytes)
			r.seen(t, id, testimony.Full, c.ms)
			if got := !r.said(t, id).AwaitsApproval(); got != c.holds {
				t.Errorf("the approval holds: %v, want %v", got, c.holds)
			}
			want := testimony.Draft
			if c.holds {
				want = testimony.InReview
			}
			if said := r.submit(t, id); said.State != want {
				t.Errorf("sent, it is %s, want %s", said.State, want)
			}
		})
	}
}
