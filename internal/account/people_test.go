package account_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
)

const ivrea = "001125"

var anna = account.Details{Name: " Anna  Bò ", Office: "Ufficio stampa", Email: "Anna@Comune.Example"}

func (r *room) invite(t *testing.T, d account.Details) (account.Link, string) {
	t.Helper()
	l, token, err := r.Invite(t.Context(), "tester", balme, d, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l, token
}

func (r *room) enter(t *testing.T, token string) account.Person {
	t.Helper()
	p, err := r.Enter(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// names are the people of the list, in its order; the town hall's own is "".
func (r *room) names(t *testing.T) string {
	t.Helper()
	people, err := r.People(t.Context(), balme)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range people {
		names = append(names, l.Name)
	}
	return strings.Join(names, "|")
}

func wrongAt(err error) string {
	var names []string
	if e, ok := errors.AsType[*fault.Error](err); ok {
		for _, f := range e.Fields {
			names = append(names, f.Name+" "+f.Message.Key)
		}
	}
	return strings.Join(names, ", ")
}

func TestEachPersonHasALinkOfTheirOwn(t *testing.T) {
	r := open(t)
	own := r.personal(t)
	made, token := r.invite(t, anna)
	if made.Name != "Anna Bò" || made.Email != "anna@comune.example" || made.TokenSealed != nil {
		t.Errorf("made %+v", made)
	}
	r.invite(t, account.Details{Name: "aldo"})
	if got := r.names(t); got != "|aldo|Anna Bò" {
		t.Errorf("in the list: %s", got)
	}
	p := r.enter(t, token)
	if p.Name != "Anna Bò" || p.MunicipalityCode != balme || p.Role != account.Editor {
		t.Fatalf("Anna is %+v", p)
	}
	if name, link := account.NameIn(p.Actor()), account.LinkIn(p.Actor()); name != "Anna Bò" || link == "" || !account.ActedForTownHall(p.Actor()) {
		t.Errorf("the trail calls her %q: %q of link %q", p.Actor(), name, link)
	}
	// The town hall's own link is another, is nobody's, and stays what it was.
	hall := r.enter(t, own)
	if hall.Name != "" || hall.LinkID == p.LinkID || r.personal(t) != own {
		t.Errorf("the town hall's own link is %+v", hall)
	}
	if name := account.NameIn(hall.Actor()); name != "" || account.LinkIn(hall.Actor()) == "" {
		t.Errorf("the trail calls it %q", hall.Actor())
	}
	if uses, err := r.LinksInForce(t.Context()); err != nil || uses[balme].LastUsedAt == nil || len(uses) != 1 {
		t.Errorf("staff see %+v, %v", uses, err)
	}
	// The check of what is sealed leaves alone what is not kept.
	if n, err := r.CheckSealed(t.Context()); n != 1 || err != nil {
		t.Errorf("%d sealed links, %v", n, err)
	}
}

func TestAReplacedLinkOfAPersonStopsAtOnce(t *testing.T) {
	r := open(t)
	made, old := r.invite(t, anna)
	before := r.enter(t, old)
	r.exec(t, `UPDATE links SET notices = 'important', language = 'fr' WHERE id = ?`, made.ID)
	fresh, token, err := r.ReplacePerson(t.Context(), "tester", balme, made.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Enter(t.Context(), old); fault.Of(err) != fault.Gone {
		t.Errorf("the old link: %v", err)
	}
	if _, ok, err := r.Still(t.Context(), before.LinkID); ok || err != nil {
		t.Errorf("who came in by it is still in: %v", err)
	}
	if p := r.enter(t, token); p.Name != "Anna Bò" || p.LinkID != fresh.ID || fresh.Notices != "important" || fresh.Language != "fr" {
		t.Errorf("the new link is %+v, %+v", p, fresh)
	}
	if _, _, err := r.ReplacePerson(t.Context(), "tester", balme, made.ID, nil); fault.Of(err) != fault.NotFound {
		t.Errorf("replaced twice: %v", err)
	}
	if err := r.RevokePerson(t.Context(), "tester", balme, fresh.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Enter(t.Context(), token); fault.Of(err) != fault.Gone {
		t.Errorf("a revoked link: %v", err)
	}
	if got := r.names(t); got != "" {
		t.Errorf("in the list: %s", got)
	}
	// The name is free again.
	r.invite(t, anna)
	acts, err := audit.Of(r.db.Reader(t.Context()), "municipality", balme)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, a := range acts {
		told = append(told, a.Action)
		if strings.Contains(a.Detail, "example") || strings.Contains(a.Detail, token) {
			t.Errorf("the trail tells %s", a.Detail)
		}
	}
	if got := strings.Join(told, " "); got != "person.create person.replace person.revoke person.create" {
		t.Errorf("the trail: %s", got)
	}
}

func TestALinkLastsUntilItsLastDayIsOver(t *testing.T) {
	r := open(t)
	d := anna
	d.ExpiresOn = "2026-11-30"
	made, token := r.invite(t, d)
	p := r.enter(t, token)
	r.now = time.Date(2026, 11, 30, 22, 59, 0, 0, time.UTC) // a minute before midnight in Rome
	r.enter(t, token)
	if _, ok, err := r.Still(t.Context(), p.LinkID); !ok || err != nil {
		t.Errorf("out before the day is over: %v", err)
	}
	r.now = r.now.Add(time.Minute)
	if _, err := r.Enter(t.Context(), token); fault.Of(err) != fault.Gone {
		t.Errorf("after its last day: %v", err)
	}
	if _, ok, err := r.Still(t.Context(), p.LinkID); ok || err != nil {
		t.Errorf("still in after the last day: %v", err)
	}
	if _, _, err := r.ReplacePerson(t.Context(), "tester", balme, made.ID, nil); fault.Of(err) != fault.Conflict {
		t.Errorf("replaced although it is over: %v", err)
	}
	// Another name may be given without touching the day; a later day lets in again.
	d.Office, d.ExpiresOn = "Segreteria", made.LastDay(time.DateOnly)
	if err := r.ChangePerson(t.Context(), "tester", balme, made.ID, d); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Look(t.Context(), token); fault.Of(err) != fault.Gone {
		t.Errorf("it lets in without a later day: %v", err)
	}
	d.ExpiresOn = "2027-01-31"
	if err := r.ChangePerson(t.Context(), "tester", balme, made.ID, d); err != nil {
		t.Fatal(err)
	}
	r.enter(t, token)
}

func TestDetailsThatAreWrongAreSaidAtTheirField(t *testing.T) {
	r := open(t)
	r.invite(t, anna)
	long := strings.Repeat("a", account.MaxName+1)
	post := func(*gorm.DB, account.Link, string) error { t.Error("sent"); return nil }
	for name, c := range map[string]struct {
		d    account.Details
		hand account.Hand
		want string
	}{
		"nothing":        {account.Details{}, nil, "name people.name.empty"},
		"long":           {account.Details{Name: long, Office: long}, nil, "name people.name.long, office people.office.long"},
		"signs":          {account.Details{Name: "A (B)", Office: "<x>"}, nil, "name people.name.signs, office people.office.signs"},
		"taken":          {account.Details{Name: "Anna Bò"}, nil, "name people.name.taken"},
		"no address":     {account.Details{Name: "X", Email: "x"}, nil, "email account.email.form"},
		"mailed nowhere": {account.Details{Name: "X"}, post, "email people.email.needed"},
		"no day":         {account.Details{Name: "X", ExpiresOn: "domani"}, nil, "expires_on people.expires_on.form"},
		"past":           {account.Details{Name: "X", ExpiresOn: "2026-11-23"}, nil, "expires_on people.expires_on.past"},
		"far":            {account.Details{Name: "X", ExpiresOn: "2099-01-01"}, nil, "expires_on people.expires_on.far"},
	} {
		if _, _, err := r.Invite(t.Context(), "tester", balme, c.d, c.hand); wrongAt(err) != c.want {
			t.Errorf("%s: %q, want %q", name, wrongAt(err), c.want)
		}
	}
	if got := r.names(t); got != "Anna Bò" {
		t.Errorf("in the list: %s", got)
	}
	// A message that cannot go takes the link with it.
	refused := errors.New("no")
	if _, _, err := r.Invite(t.Context(), "tester", balme, account.Details{Name: "X", Email: "x@comune.example"}, func(*gorm.DB, account.Link, string) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	for i := range account.MaxPeople - 1 {
		r.invite(t, account.Details{Name: "P" + string(rune('a'+i))})
	}
	if _, _, err := r.Invite(t.Context(), "tester", balme, account.Details{Name: "Una di troppo"}, nil); fault.Of(err) != fault.Conflict {
		t.Errorf("one too many: %v", err)
	}
}

func TestATownHallReachesItsOwnPersonsOnly(t *testing.T) {
	r := open(t)
	made, _ := r.invite(t, anna)
	hall := r.enter(t, r.personal(t))
	for name, c := range map[string]struct {
		code string
		id   int64
		want fault.Kind
	}{
		"of another town hall":    {ivrea, made.ID, fault.NotFound},
		"the town hall's own":     {balme, hall.LinkID, fault.Forbidden},
		"nobody's":                {balme, 999, fault.NotFound},
		"another town hall's own": {ivrea, hall.LinkID, fault.NotFound},
	} {
		if _, err := r.Person(t.Context(), c.code, c.id); fault.Of(err) != c.want {
			t.Errorf("%s, looked at: %v", name, err)
		}
		if err := r.ChangePerson(t.Context(), "tester", c.code, c.id, account.Details{Name: "X"}); fault.Of(err) != c.want {
			t.Errorf("%s, changed: %v", name, err)
		}
		if _, _, err := r.ReplacePerson(t.Context(), "tester", c.code, c.id, nil); fault.Of(err) != c.want {
			t.Errorf("%s, replaced: %v", name, err)
		}
		if err := r.RevokePerson(t.Context(), "tester", c.code, c.id); fault.Of(err) != c.want {
			t.Errorf("%s, revoked: %v", name, err)
		}
	}
	if _, ok, err := r.Still(t.Context(), hall.LinkID); !ok || err != nil {
		t.Errorf("the town hall is out: %v", err)
	}
}

func (r *room) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if err := r.db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Exec(sql, args...).Error }); err != nil {
		t.Fatal(err)
	}
}

func TestByWhom(t *testing.T) {
	bruno := account.Person{Role: account.Editor, MunicipalityCode: balme, LinkID: 4, Name: "Bruno Ufficio"}
	elsewhere, hall := bruno, bruno
	elsewhere.HandoverID, hall.Name = 7, ""
	for actor, want := range map[string]fault.Message{
		bruno.Actor():     fault.Msg("account.by.person", "Name", "Bruno Ufficio"),
		elsewhere.Actor(): fault.Msg("account.by.person", "Name", "Bruno Ufficio"),
		"municipality 001019, approval 3 (Anna Bò)": fault.Msg("account.by.person", "Name", "Anna Bò"),
		hall.Actor(): fault.Msg("account.by.hall", "Link", "4"),
		account.Person{Role: account.Moderator, AccountID: 2, Email: "a@b.it"}.Actor(): fault.Msg("account.by.staff"),
		audit.Portal: fault.Msg("account.by.portal"),
	} {
		if got := account.By(actor); got == nil || !cmp.Equal(*got, want) {
			t.Errorf("%s: %+v, want %+v", actor, got, want)
		}
	}
	if got := account.By(""); got != nil {
		t.Errorf("nobody: %+v", got)
	}
}
