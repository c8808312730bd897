package account_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
)

const desk = "192.0.2.7"

// testimony makes one of a municipality and returns its id.
func (r *room) testimony(t *testing.T, municipality string) int64 {
	t.Helper()
	r.exec(t, `INSERT INTO testimonies (municipality_code, state, title, created_at, updated_at) VALUES (?, 'draft', 'La spesa', ?, ?)`, municipality, r.now, r.now)
	var id int64
	if err := r.db.Reader(t.Context()).Raw(`SELECT max(id) FROM testimonies`).Scan(&id).Error; err != nil {
		t.Fatal(err)
	}
	return id
}

// code makes a code as its page shows it.
func (r *room) code(t *testing.T, p account.Person, testimony int64) string {
	t.Helper()
	if err := r.HandOn(t.Context(), p, testimony); err != nil {
		t.Fatal(err)
	}
	e, err := r.Elsewhere(t.Context(), p.MunicipalityCode, testimony)
	if err != nil || e.Code == "" {
		t.Fatalf("no code: %v", err)
	}
	return e.Code
}

func TestACodeLetsOneDeviceInToOneTestimony(t *testing.T) {
	r := open(t)
	_, token := r.invite(t, anna)
	mayor := r.enter(t, token)
	id := r.testimony(t, balme)
	code := r.code(t, mayor, id)
	if again, err := r.Elsewhere(t.Context(), balme, id); err != nil || again.Code != code {
		t.Errorf("looked at again it is %q, %v", again.Code, err)
	}
	var readable int64
	err := r.db.Reader(t.Context()).Raw(`SELECT count(*) FROM handovers WHERE instr(code_mark, ?) OR instr(code_sealed, ?)`, []byte(code), []byte(code)).Scan(&readable).Error
	if err != nil || readable != 0 {
		t.Errorf("the code can be read in the database: %v", err)
	}
	typed := " " + strings.ToLower(account.GroupCode(code)) + " "
	for range 3 { // programs that follow links
		if p, err := r.LookCode(t.Context(), desk, typed); err != nil || p.TestimonyID != id {
			t.Fatalf("looked at: %+v, %v", p, err)
		}
	}
	p, err := r.EnterCode(t.Context(), desk, typed)
	if err != nil || !p.Reaches(id) || p.Reaches(id+1) || p.LinkID != mayor.LinkID || !p.Until.Equal(r.now.Add(account.HandoverLife)) {
		t.Fatalf("came in as %+v, %v", p, err)
	}
	if name := account.NameIn(p.Actor()); name != "Anna Bò" || p.Actor() == mayor.Actor() || account.LinkIn(p.Actor()) != account.LinkIn(mayor.Actor()) {
		t.Errorf("the trail calls it %q, her %q", p.Actor(), mayor.Actor())
	}
	if _, err := r.EnterCode(t.Context(), desk, code); fault.Of(err) != fault.Gone {
		t.Errorf("used twice: %v", err)
	}
	if err := r.HandOn(t.Context(), p, id); fault.Of(err) != fault.Forbidden {
		t.Errorf("a code from a code: %v", err)
	}
	e, err := r.Elsewhere(t.Context(), balme, id)
	if err != nil || e.Code != "" || len(e.Devices) != 1 {
		t.Fatalf("elsewhere: %+v, %v", e, err)
	}
	if err := r.EndDevice(t.Context(), mayor, id, e.Devices[0].ID); err != nil {
		t.Fatal(err)
	}
	if e, err = r.Elsewhere(t.Context(), balme, id); err != nil || len(e.Devices) != 0 {
		t.Errorf("the device is still there: %+v, %v", e, err)
	}
}

func TestCodesThatDoNotLetIn(t *testing.T) {
	r := open(t)
	made, token := r.invite(t, anna)
	mayor := r.enter(t, token)
	id := r.testimony(t, balme)
	try := func(name, code string, want fault.Kind, key string) {
		t.Helper()
		for _, do := range []func() error{
			func() error { _, err := r.LookCode(t.Context(), desk, code); return err },
			func() error { _, err := r.EnterCode(t.Context(), desk, code); return err },
		} {
			if err := do(); fault.Of(err) != want || !strings.Contains(err.Error(), key) {
				t.Errorf("%s: %v, want %s", name, err, key)
			}
		}
	}
	try("none", "  - ", fault.Invalid, "people.code.empty")
	try("wrong", "ACDE-FGHJ", fault.NotFound, "people.code_unknown")
	first := r.code(t, mayor, id)
	second := r.code(t, mayor, id)
	try("replaced", first, fault.Gone, "people.code_replaced")
	r.now = r.now.Add(account.HandoverLife)
	try("too old", second, fault.Gone, "people.code_expired")
	third := r.code(t, mayor, id)
	if _, _, err := r.ReplacePerson(t.Context(), "tester", balme, made.ID, nil); err != nil {
		t.Fatal(err)
	}
	try("its link is gone", third, fault.Gone, "people.code_link_gone")
	if e, err := r.Elsewhere(t.Context(), balme, id); err != nil || e.Code != "" {
		t.Errorf("it is still shown: %+v, %v", e, err)
	}

	hall := r.enter(t, r.personal(t))
	other := r.testimony(t, ivrea)
	if err := r.HandOn(t.Context(), hall, other); fault.Of(err) != fault.NotFound {
		t.Errorf("a code for another town hall's: %v", err)
	}
	if err := r.EndDevice(t.Context(), hall, other, 1); fault.Of(err) != fault.NotFound {
		t.Errorf("a device of another town hall's: %v", err)
	}
}

func TestCodesCannotBeGuessed(t *testing.T) {
	r := open(t)
	mayor := r.enter(t, r.personal(t))
	id := r.testimony(t, balme)
	code := r.code(t, mayor, id)
	var refused error
	tries := 0
	for ; refused == nil && tries < 100; tries++ {
		_, err := r.EnterCode(t.Context(), desk, fmt.Sprintf("ACDE%04d", tries))
		if fault.Of(err) != fault.NotFound {
			refused = err
		}
	}
	if fault.Of(refused) != fault.Unavailable || tries > 15 {
		t.Fatalf("after %d tries: %v", tries, refused)
	}
	// Also the right one waits, from there; elsewhere it does not.
	if _, err := r.LookCode(t.Context(), desk, code); fault.Of(err) != fault.Unavailable {
		t.Errorf("the right one from there: %v", err)
	}
	if _, err := r.LookCode(t.Context(), "192.0.2.8", code); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
	r.now = r.now.Add(11 * time.Minute)
	if _, err := r.LookCode(t.Context(), desk, code); err != nil {
		t.Errorf("later: %v", err)
	}
	// Many senders, as somebody has who has many addresses: all of them together
	// go no further than a pace, with two tries a day for each that are never refused.
	r.now = r.now.Add(24 * time.Hour)
	code = r.code(t, mayor, id)
	looked := 0
	const senders = 150
	for i := range senders * 5 {
		_, err := r.EnterCode(t.Context(), fmt.Sprintf("2001:db8:%x::%d", i%senders, i), fmt.Sprintf("ACDF%04d", i))
		switch fault.Of(err) {
		case fault.NotFound:
			looked++
		case fault.Unavailable:
			refused = err
		default:
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	if refused == nil || looked != 2*senders {
		t.Errorf("of %d guesses %d were looked at, want %d: %v", senders*5, looked, 2*senders, refused)
	}
	// Whoever has the right one is let in meanwhile, also after a mistype.
	if _, err := r.EnterCode(t.Context(), desk, "ACDE-FGHJ"); fault.Of(err) != fault.NotFound {
		t.Errorf("a mistype while others guess: %v", err)
	}
	if p, err := r.EnterCode(t.Context(), desk, code); err != nil || p.TestimonyID != id {
		t.Errorf("the right one while others guess: %+v, %v", p, err)
	}
	// One network of IPv6 is one sender, however many addresses it has.
	r.now = r.now.Add(11 * time.Minute)
	refused, tries = nil, 0
	for ; refused == nil && tries < 100; tries++ {
		_, err := r.EnterCode(t.Context(), fmt.Sprintf("2001:db8::%x", tries), fmt.Sprintf("ACDG%04d", tries))
		if fault.Of(err) != fault.NotFound {
			refused = err
		}
	}
	if fault.Of(refused) != fault.Unavailable || tries > 15 {
		t.Errorf("one network after %d tries: %v", tries, refused)
	}
}
