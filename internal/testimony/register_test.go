package testimony_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// agreed is what a person of an age agrees to now.
func agreed(age string) []string {
	texts := testimony.FilmedConsents()
	if age == testimony.Minor {
		return []string{texts[1].Agreement()}
	}
	return []string{texts[0].Agreement()}
}

func adult(name string) testimony.FilmedForm {
	return testimony.FilmedForm{Name: name, Age: testimony.Adult, GivenOn: "2026-11-23", Agreed: agreed(testimony.Adult)}
}

func minor(name string) testimony.FilmedForm {
	return testimony.FilmedForm{
		Name: name, Age: testimony.Minor, Guardian: "Nicolò Bò e Anna Rì", Relation: "parents", GivenOn: "2026-11-24", Agreed: agreed(testimony.Minor),
	}
}

func (r *room) add(t *testing.T, id int64, form testimony.FilmedForm) *testimony.Filmed {
	t.Helper()
	f, err := r.AddFilmed(t.Context(), "municipality 001019, link 4", balme, id, form)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (r *room) get(t *testing.T, id int64) *testimony.Testimony {
	t.Helper()
	got, err := r.Get(t.Context(), testimony.Anywhere, id)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWhatAnEntryMustSay(t *testing.T) {
	r := open(t)
	id := r.create(t, whole()).ID
	change := func(form testimony.FilmedForm, do func(*testimony.FilmedForm)) testimony.FilmedForm {
		do(&form)
		return form
	}
	for name, c := range map[string]struct {
		form testimony.FilmedForm
		want []string // field and key
	}{
		"nothing": {testimony.FilmedForm{}, []string{"name register.name.empty", "age register.age.empty", "given_on register.day.empty"}},
		"an adult who did not agree": {
			change(adult("Anna"), func(f *testimony.FilmedForm) { f.Agreed = nil }),
			[]string{"agreed_adult register.agreed.empty"},
		},
		"an adult with the words of a minor": {
			change(adult("Anna"), func(f *testimony.FilmedForm) { f.Agreed = agreed(testimony.Minor) }),
			[]string{"agreed_adult register.agreed.empty"},
		},
		"words that are in force no more": {
			change(adult("Anna"), func(f *testimony.FilmedForm) { f.Agreed = []string{"filmed_adult@2020-01"} }),
			[]string{"agreed_adult register.agreed.changed"},
		},
		"a minor for whom nobody consents": {
			change(minor("Il bambino"), func(f *testimony.FilmedForm) { f.Guardian, f.Relation = " ", "" }),
			[]string{"guardian register.guardian.empty", "relation register.relation.empty"},
		},
		"a relation that is none": {change(minor("Il bambino"), func(f *testimony.FilmedForm) { f.Relation = "zio" }), []string{"relation register.relation.empty"}},
		"an age that is none":     {change(adult("Anna"), func(f *testimony.FilmedForm) { f.Age = "42" }), []string{"age register.age.empty"}},
		"a name in another encoding": {
			change(adult("Nicol\xf2"), func(*testimony.FilmedForm) {}), []string{"name register.encoding"},
		},
		"a name that was in another encoding": {adult("Nicol\uFFFD"), []string{"name register.encoding"}},
		"a guardian in another encoding":      {change(minor("Lì"), func(f *testimony.FilmedForm) { f.Guardian = "B\xf2" }), []string{"guardian register.encoding"}},
		"a name with signs":                   {adult("<b>Anna"), []string{"name register.control"}},
		"a name of two lines":                 {adult("Anna\nBò"), []string{"name register.control"}},
		"a name without end":                  {adult(strings.Repeat("è", 101)), []string{"name register.long"}},
		"a name of nothing that can be seen":  {adult("\u200b\u202e"), []string{"name register.name.empty"}},
		"a day to come":                       {change(adult("Anna"), func(f *testimony.FilmedForm) { f.GivenOn = "2026-11-25" }), []string{"given_on register.day.future"}},
		"a day long ago":                      {change(adult("Anna"), func(f *testimony.FilmedForm) { f.GivenOn = "1789-07-14" }), []string{"given_on register.day.old"}},
		"a day that is none":                  {change(adult("Anna"), func(f *testimony.FilmedForm) { f.GivenOn = "ieri" }), []string{"given_on register.day.form"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.AddFilmed(t.Context(), "tester", balme, id, c.form)
			if fault.Of(err) != fault.Invalid {
				t.Fatalf("got %v", err)
			}
			var got []string
			if e, ok := errors.AsType[*fault.Error](err); ok {
				for _, f := range e.Fields {
					got = append(got, f.Name+" "+f.Message.Key)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if people, err := r.Register(t.Context(), balme, id); err != nil || len(people) != 0 {
				t.Errorf("the register holds %v, %v", people, err)
			}
		})
	}
}

func TestTheRegisterKeepsTheExactWords(t *testing.T) {
	r := open(t)
	id := r.create(t, whole()).ID
	form := minor("La bambina con il cappello")
	form.Paper = &testimony.Paper{Name: "release-1-a.pdf", Filename: "firma.pdf", Bytes: 7, SHA256: "x"}
	added := r.add(t, id, form)
	people, err := r.Register(t.Context(), balme, id)
	if err != nil || len(people) != 1 {
		t.Fatal(people, err)
	}
	text := testimony.FilmedConsents()[1]
	want := testimony.Filmed{
		ID: added.ID, TestimonyID: id, Name: "La bambina con il cappello", Minor: true, Guardian: "Nicolò Bò e Anna Rì", Relation: "parents",
		Kind: text.Kind, Version: text.Version, Wording: text.Wording, GivenOn: "2026-11-24", RecordedAt: today, RecordedBy: "municipality 001019, link 4", Revision: 1,
		Paper: &testimony.Paper{Name: "release-1-a.pdf", FilmedID: added.ID, Filename: "firma.pdf", Bytes: 7, SHA256: "x", ReceivedAt: today},
	}
	if diff := cmp.Diff(want, people[0]); diff != "" {
		t.Error(diff)
	}
	if got := r.get(t, id).Others; got != testimony.OthersYes {
		t.Errorf("whether others appear: %q", got)
	}
	if files, err := r.Files(t.Context()); err != nil || !slices.Equal(files.Papers, []string{"release-1-a.pdf"}) {
		t.Errorf("files to back up: %v, %v", files.Papers, err)
	}

	// Words that change leave what was agreed to as it was, also in a correction.
	r.exec(t, `UPDATE filmed SET version = '2020-01', wording = 'Parole di prima' WHERE id = ?`, added.ID)
	form.Name, form.Paper, form.Agreed, form.Revision = "Giulia", nil, []string{"filmed_minor@2020-01"}, 1
	if err := r.CorrectFilmed(t.Context(), "tester", balme, id, added.ID, form); err != nil {
		t.Fatal(err)
	}
	got, err := r.Filmed(t.Context(), balme, id, added.ID)
	if err != nil || got.Name != "Giulia" || got.Wording != "Parole di prima" || got.Revision != 2 || got.Paper == nil || got.CorrectedBy != "tester" {
		t.Errorf("after the correction: %+v, %v", got, err)
	}
	// Another age asks for other words.
	form.Age, form.Revision = testimony.Adult, 2
	if err := r.CorrectFilmed(t.Context(), "tester", balme, id, added.ID, form); fault.Of(err) != fault.Invalid || fields(err)[0] != "agreed_adult" {
		t.Errorf("got %v", err)
	}
	form.Agreed = append(form.Agreed, agreed(testimony.Adult)...)
	form.DropPaper = true
	if err := r.CorrectFilmed(t.Context(), "tester", balme, id, added.ID, form); err != nil {
		t.Fatal(err)
	}
	got, err = r.Filmed(t.Context(), balme, id, added.ID)
	if err != nil || got.Minor || got.Guardian != "" || got.Kind != "filmed_adult" || got.Paper != nil {
		t.Errorf("after the second correction: %+v, %v", got, err)
	}
}

func TestAFormSentTwiceAddsOnePerson(t *testing.T) {
	r := open(t)
	id, other := r.create(t, whole()).ID, r.create(t, whole()).ID
	form := adult("Anna")
	form.Key = "K"
	if first, again := r.add(t, id, form), r.add(t, id, form); first.ID != again.ID {
		t.Errorf("two entries: %d and %d", first.ID, again.ID)
	}
	r.add(t, other, form)
	r.add(t, id, adult("Bruno"))
	r.add(t, id, adult("Bruno")) // without a key they are two people of one name
	if people, _ := r.Register(t.Context(), balme, id); len(people) != 3 {
		t.Errorf("%d people", len(people))
	}
}

func TestTwoTabsDoNotOverwriteEachOther(t *testing.T) {
	r := open(t)
	id := r.create(t, whole()).ID
	f := r.add(t, id, adult("Anna"))
	first, second := adult("Anna Bò"), adult("Anna Rossi")
	first.Revision, second.Revision = 1, 1
	if err := r.CorrectFilmed(t.Context(), "tester", balme, id, f.ID, first); err != nil {
		t.Fatal(err)
	}
	if err := r.CorrectFilmed(t.Context(), "tester", balme, id, f.ID, second); fault.Of(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
	if err := r.RemoveFilmed(t.Context(), "tester", balme, id, f.ID, 1); fault.Of(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
	if got, err := r.Filmed(t.Context(), balme, id, f.ID); err != nil || got.Name != "Anna Bò" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestARemovedEntryLeavesATrailAndNoName(t *testing.T) {
	r := open(t)
	id := r.create(t, whole()).ID
	form := minor("Giulia Verdi")
	form.Paper = &testimony.Paper{Name: "p.pdf", Filename: "Giulia Verdi.pdf", Bytes: 1, SHA256: "x"}
	f := r.add(t, id, form)
	if err := r.RemoveFilmed(t.Context(), "municipality 001019, link 4", balme, id, f.ID, 1); err != nil {
		t.Fatal(err)
	}
	if people, err := r.Register(t.Context(), balme, id); err != nil || len(people) != 0 {
		t.Errorf("%v, %v", people, err)
	}
	var name, guardian, by string
	row := r.db.SQL().QueryRowContext(t.Context(), `SELECT name, guardian, removed_by FROM filmed WHERE id = ? AND removed_at IS NOT NULL`, f.ID)
	if err := row.Scan(&name, &guardian, &by); err != nil || name+guardian != "" || by != "municipality 001019, link 4" {
		t.Errorf("the row says %q %q %q, %v", name, guardian, by, err)
	}
	trail, err := r.Trail(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var acts []string
	for _, e := range trail {
		acts = append(acts, e.Action)
		if strings.Contains(e.Detail, "Giulia") || strings.Contains(e.Detail, "Nicol") {
			t.Errorf("%s names somebody: %s", e.Action, e.Detail)
		}
	}
	if diff := cmp.Diff([]string{"testimony.create", "filmed.add", "filmed.remove"}, acts); diff != "" {
		t.Error(diff)
	}
	// The file goes later, its row last.
	if papers, err := r.DroppedPapers(t.Context(), today); err != nil || len(papers) != 0 {
		t.Errorf("dropped before today: %v, %v", papers, err)
	}
	papers, err := r.DroppedPapers(t.Context(), today.Add(time.Minute))
	if err != nil || len(papers) != 1 {
		t.Fatalf("dropped: %v, %v", papers, err)
	}
	if known, err := r.HasPaper(t.Context(), "p.pdf"); err != nil || !known {
		t.Error(known, err)
	}
	if err := r.ForgetPaper(t.Context(), "p.pdf"); err != nil {
		t.Fatal(err)
	}
	if known, err := r.HasPaper(t.Context(), "p.pdf"); err != nil || known {
		t.Error(known, err)
	}
}

func TestReviewWaitsForTheRegister(t *testing.T) {
	r := open(t)
	for _, c := range []struct {
		name   string
		others string
		people int
		want   string // key at the question; empty: it goes to review
	}{
		{"a program that does not know the question", "", 0, ""},
		{"asked and not answered", "open", 0, "register.others.empty"},
		{"nobody else", "no", 0, ""},
		{"somebody else, and nobody in the register", "yes", 0, "register.none"},
		{"somebody else, and who", "yes", 2, ""},
		{"nobody else, and yet people in the register", "no", 2, "register.not_empty"},
		{"an answer that is none", "forse", 0, "register.others.unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := r.create(t, whole()).ID
			r.ready(t, r.receive(t, id, fmt.Sprintf("upload-%d", id)))
			for i := range c.people {
				r.add(t, id, adult(fmt.Sprint("Persona ", i)))
			}
			form := whole()
			form.Others = c.others
			if _, err := r.Save(t.Context(), "tester", balme, id, form); err != nil {
				t.Fatal(err)
			}
			_, err := r.Submit(t.Context(), "tester", balme, id)
			if c.want == "" {
				if err != nil || r.state(t, id) != testimony.InReview {
					t.Errorf("%v, %s", err, r.state(t, id))
				}
				return
			}
			if got := fields(err); !slices.Equal(got, []string{"others"}) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// An entry that does not say all it must can come only from elsewhere, such as a
// back-up of another portal; review does not pass over it.
func TestReviewWaitsForEveryEntryToBeComplete(t *testing.T) {
	r := open(t)
	id := r.create(t, whole()).ID
	r.ready(t, r.receive(t, id, "u"))
	f := r.add(t, id, minor("Giulia"))
	r.exec(t, `UPDATE filmed SET guardian = '' WHERE id = ?`, f.ID)
	if _, err := r.Submit(t.Context(), "tester", balme, id); err == nil || !strings.Contains(err.Error(), "register.incomplete") {
		t.Errorf("got %v", err)
	}
}

// Drafts of before there was the question, whose review was asked for, go on by
// themselves.
func TestADraftThatWaitedForItsFileStillGoesToReview(t *testing.T) {
	r := open(t)
	id := r.create(t, whole()).ID
	v := r.receive(t, id, "u")
	if _, err := r.Submit(t.Context(), "tester", balme, id); err != nil {
		t.Fatal(err)
	}
	if got := r.get(t, id); got.Others != testimony.OthersUnsaid || !got.AwaitsFile() {
		t.Fatalf("%+v", got)
	}
	r.ready(t, v)
	if got := r.state(t, id); got != testimony.InReview {
		t.Errorf("it is %s", got)
	}
}

func TestAConsentThatIsWithdrawnHasItsConsequenceAtOnce(t *testing.T) {
	said := testimony.ConsentWithdrawal{On: "2026-11-24", Why: "Ha cambiato idea", Withdrawal: testimony.Withdrawal{Reason: "Una persona ha ritirato il consenso.", Email: "a@b.it"}}
	for _, c := range []struct {
		state    testimony.State
		want     testimony.State
		needs    bool // another video
		withdrew int
	}{
		{testimony.Draft, testimony.Draft, true, 0},
		{testimony.InReview, testimony.Draft, true, 0},
		{testimony.ChangesRequested, testimony.ChangesRequested, true, 0},
		{testimony.Approved, testimony.Withdrawn, false, 1},
		{testimony.Published, testimony.Withdrawn, false, 1},
		{testimony.Rejected, testimony.Rejected, false, 0},
		{testimony.Withdrawn, testimony.Withdrawn, false, 0},
	} {
		t.Run(string(c.state), func(t *testing.T) {
			r := open(t)
			id := r.create(t, whole()).ID
			r.ready(t, r.receive(t, id, "u"))
			f := r.add(t, id, adult("Anna"))
			r.exec(t, `UPDATE testimonies SET state = ?, submitted_at = '2026-11-24 09:00:00+00:00' WHERE id = ?`, c.state, id)
			for range 2 { // pressed twice
				got, err := r.WithdrawConsent(t.Context(), "municipality 001019, link 4", balme, id, f.ID, said)
				if err != nil {
					t.Fatal(err)
				}
				if got.State != c.want || got.NeedsOtherVideo() != c.needs || r.withdrawn != c.withdrew {
					t.Errorf("it is %s, needs another video: %v, taken off the channel %d times", got.State, got.NeedsOtherVideo(), r.withdrawn)
				}
			}
			kept, err := r.Filmed(t.Context(), balme, id, f.ID)
			if err != nil || kept.WithdrawnAt == nil || kept.WithdrawnOn != "2026-11-24" || kept.WithdrawnWhy != "Ha cambiato idea" || kept.Name != "Anna" {
				t.Errorf("the entry says %+v, %v", kept, err)
			}
			now := r.get(t, id)
			if c.withdrew == 1 && (now.Reason != said.Reason || now.ProofEmail != "a@b.it" || now.ClosedAt == nil || now.ConsentLostAt == nil) {
				t.Errorf("the testimony says %+v", now)
			}
			if c.needs && now.SubmittedAt != nil {
				t.Error("it would go to review by itself")
			}
			trail, err := r.Trail(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			times := 0
			for _, e := range trail {
				if e.Action == "filmed.withdraw" {
					times++
				}
				if strings.Contains(e.Detail, "Anna") || strings.Contains(e.Detail, "idea") {
					t.Errorf("%s says %s", e.Action, e.Detail)
				}
			}
			if times != 1 {
				t.Errorf("%d times in the trail", times)
			}
			if err := r.RemoveFilmed(t.Context(), "tester", balme, id, f.ID, kept.Revision); fault.Of(err) != fault.Conflict {
				t.Errorf("the proof was removed: %v", err)
			}
		})
	}
}

func TestAWithdrawalThatFailsLeavesTheConsentAsItWas(t *testing.T) {
	r := open(t)
	id := r.create(t, whole()).ID
	f := r.add(t, id, adult("Anna"))
	r.exec(t, `UPDATE testimonies SET state = 'published' WHERE id = ?`, id)
	// The last thing that the transaction writes cannot be written.
	r.exec(t, `CREATE TRIGGER full BEFORE UPDATE OF state ON testimonies WHEN NEW.state = 'withdrawn' BEGIN SELECT RAISE(ABORT, 'no room'); END`)
	said := testimony.ConsentWithdrawal{On: "2026-11-24", Withdrawal: testimony.Withdrawal{Reason: "r"}}
	if _, err := r.WithdrawConsent(t.Context(), "tester", testimony.Anywhere, id, f.ID, said); err == nil {
		t.Fatal("it was withdrawn")
	}
	kept, err := r.Filmed(t.Context(), balme, id, f.ID)
	if err != nil || kept.WithdrawnAt != nil || r.state(t, id) != testimony.Published {
		t.Errorf("%+v, %v, %s", kept, err, r.state(t, id))
	}
	r.exec(t, `DROP TRIGGER full`)
	if _, err := r.WithdrawConsent(t.Context(), "tester", testimony.Anywhere, id, f.ID, said); err != nil || r.state(t, id) != testimony.Withdrawn {
		t.Errorf("%v, %s", err, r.state(t, id))
	}
}

func TestStaffSayWhyATestimonyIsWithdrawnForAConsent(t *testing.T) {
	r := open(t)
	id := r.create(t, whole()).ID
	f := r.add(t, id, adult("Anna"))
	r.exec(t, `UPDATE testimonies SET state = 'published' WHERE id = ?`, id)
	bad := testimony.ConsentWithdrawal{On: "2030-01-01", Why: strings.Repeat("è", 501), Withdrawal: testimony.Withdrawal{Email: "nessuno"}}
	_, err := r.WithdrawConsent(t.Context(), "account 1", testimony.Anywhere, id, f.ID, bad)
	if diff := cmp.Diff([]string{"on", "why", "reason", "email"}, fields(err)); diff != "" {
		t.Error(diff)
	}
	if got := r.state(t, id); got != testimony.Published {
		t.Errorf("it is %s", got)
	}
}

func TestOnlyAnotherVideoGoesToReviewAfterAWithdrawal(t *testing.T) {
	r := open(t)
	id := r.create(t, whole()).ID
	r.ready(t, r.receive(t, id, "first"))
	f := r.add(t, id, adult("Anna"))
	// A file that began to arrive before shows the person too.
	if err := r.BeginUpload(t.Context(), balme, testimony.Upload{ID: "second", TestimonyID: id, Filename: "b.mp4", Size: 5}); err != nil {
		t.Fatal(err)
	}
	moment := today
	t.Cleanup(func() { today = moment })
	today = today.Add(time.Minute)
	if _, err := r.WithdrawConsent(t.Context(), "tester", balme, id, f.ID, testimony.ConsentWithdrawal{On: "2026-11-24"}); err != nil {
		t.Fatal(err)
	}
	form := whole()
	form.Others = "no" // whoever is left
	if _, err := r.Save(t.Context(), "tester", balme, id, form); err != nil {
		t.Fatal(err)
	}
	refused := func(why string) {
		t.Helper()
		if _, err := r.Submit(t.Context(), "tester", balme, id); !slices.Equal(fields(err), []string{"video"}) {
			t.Errorf("%s: %v", why, err)
		}
	}
	if err := r.DiscardUpload(t.Context(), "second"); err != nil {
		t.Fatal(err)
	}
	refused("the same video")
	today = today.Add(time.Minute)
	r.ready(t, r.receive(t, id, "second"))
	refused("a video from before, that came after")
	if err := r.BeginUpload(t.Context(), balme, testimony.Upload{ID: "third", TestimonyID: id, Filename: "c.mp4", Size: 5}); err != nil {
		t.Fatal(err)
	}
	r.ready(t, r.receive(t, id, "third"))
	if _, err := r.Submit(t.Context(), "tester", balme, id); err != nil || r.state(t, id) != testimony.InReview {
		t.Errorf("%v, %s", err, r.state(t, id))
	}
}

func TestARegisterIsItsTownHallsOwn(t *testing.T) {
	r := open(t)
	id := r.create(t, whole()).ID
	f := r.add(t, id, adult("Anna"))
	const ivrea = "001125"
	if people, err := r.Register(t.Context(), ivrea, id); err != nil || len(people) != 0 {
		t.Errorf("%v, %v", people, err)
	}
	form := adult("Altri")
	form.Revision = 1
	_, added := r.AddFilmed(t.Context(), "x", ivrea, id, form)
	_, found := r.Filmed(t.Context(), ivrea, id, f.ID)
	_, withdrawn := r.WithdrawConsent(t.Context(), "x", ivrea, id, f.ID, testimony.ConsentWithdrawal{On: "2026-11-24"})
	for what, err := range map[string]error{
		"added": added, "found": found, "withdrawn": withdrawn,
		"corrected": r.CorrectFilmed(t.Context(), "x", ivrea, id, f.ID, form),
		"removed":   r.RemoveFilmed(t.Context(), "x", ivrea, id, f.ID, 1),
	} {
		if fault.Of(err) != fault.NotFound {
			t.Errorf("%s by another town hall: %v", what, err)
		}
	}
}

func TestAClosedTestimonyKeepsItsRegister(t *testing.T) {
	r := open(t)
	id := r.create(t, whole()).ID
	f := r.add(t, id, adult("Anna"))
	r.exec(t, `UPDATE testimonies SET state = 'in_review' WHERE id = ?`, id)
	if err := r.RemoveFilmed(t.Context(), "x", balme, id, f.ID, 1); fault.Of(err) != fault.Conflict {
		t.Errorf("removed while in review: %v", err)
	}
	before := r.get(t, id).Version
	form := adult("Anna Bò")
	form.Revision = 1
	if err := r.CorrectFilmed(t.Context(), "x", balme, id, f.ID, form); err != nil {
		t.Fatal(err)
	}
	if r.get(t, id).Version == before {
		t.Error("whoever reviews it is not told that the register changed")
	}
	r.exec(t, `UPDATE testimonies SET state = 'rejected' WHERE id = ?`, id)
	if _, err := r.AddFilmed(t.Context(), "x", balme, id, adult("Bruno")); fault.Of(err) != fault.Conflict {
		t.Errorf("added: %v", err)
	}
}

func TestTheRegisterHasAnEnd(t *testing.T) {
	r := open(t)
	id := r.create(t, whole()).ID
	r.add(t, id, adult("Persona 0"))
	r.exec(t, `WITH RECURSIVE generate (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM generate WHERE value < 99)
		INSERT INTO filmed (testimony_id, name, minor, kind, version, wording, given_on, recorded_at, recorded_by)
		SELECT testimony_id, 'Persona ' || value, minor, kind, version, wording, given_on, recorded_at, recorded_by
		FROM filmed, generate WHERE filmed.testimony_id = ?`, id)
	if _, err := r.AddFilmed(t.Context(), "x", balme, id, adult("Una di troppo")); !slices.Equal(fields(err), []string{"name"}) {
		t.Errorf("got %v", err)
	}
}
