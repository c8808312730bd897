package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
)

const (
	// MaxPeople bounds how many persons a town hall has at once.
	MaxPeople = 20
	// MaxName bounds a name, and what somebody does in a town hall, in characters.
	MaxName = 80
	// longestLink is how far ahead the last day of a link may lie.
	longestLink = 5 * 366 * 24 * time.Hour
)

// Details are what a town hall says of one of its persons, as typed.
type Details struct {
	Name      string
	Office    string // what they do there; may be empty
	Email     string // may be empty
	ExpiresOn string // last day of the link, YYYY-MM-DD in Rome; empty: none
}

// check cleans the details and says what is wrong with them. The end of the last
// day is nil without one.
func (d *Details) check(now time.Time) (*time.Time, fault.Fields) {
	var wrong fault.Fields
	d.Name, d.Office = strings.Join(strings.Fields(d.Name), " "), strings.Join(strings.Fields(d.Office), " ")
	for _, f := range []struct{ name, value string }{{"name", d.Name}, {"office", d.Office}} {
		switch {
		case f.name == "name" && f.value == "":
			wrong.Add("name", "people.name.empty")
		case utf8.RuneCountInString(f.value) > MaxName:
			wrong.Add(f.name, "people."+f.name+".long", "Max", MaxName)
		case !plainLine(f.value):
			wrong.Add(f.name, "people."+f.name+".signs")
		}
	}
	d.Email = strings.TrimSpace(d.Email)
	if d.Email != "" {
		email, err := ParseEmail(d.Email)
		if e, ok := errors.AsType[*fault.Error](err); ok {
			wrong = append(wrong, e.Fields...)
		}
		d.Email = email
	}
	end, key := lastDay(strings.TrimSpace(d.ExpiresOn), now)
	if key != "" {
		wrong.Add("expires_on", key)
	}
	return end, wrong
}

// plainLine tells whether a text is one line of letters and signs without those
// that trail and pages give a meaning to.
func plainLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsAny(s, "<>()") && !strings.ContainsFunc(s, unicode.IsControl)
}

// rome is where town halls have their days.
func rome() *time.Location {
	zone, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		return time.UTC // cannot be: package page brings the zones along
	}
	return zone
}

// lastDay is the end of a day in Rome, nil for none; key says what is wrong.
func lastDay(typed string, now time.Time) (end *time.Time, key string) {
	if typed == "" {
		return nil, ""
	}
	day, err := time.ParseInLocation(time.DateOnly, typed, rome())
	if err != nil {
		return nil, "people.expires_on.form"
	}
	over := day.AddDate(0, 0, 1).UTC()
	switch {
	case !over.After(now):
		return nil, "people.expires_on.past"
	case over.After(now.Add(longestLink)):
		return nil, "people.expires_on.far"
	}
	return &over, ""
}

// LastDay is the last day in Rome on which the link lets in, in a layout such as
// time.DateOnly; empty without one.
func (l Link) LastDay(layout string) string {
	if l.ExpiresAt == nil {
		return ""
	}
	return l.ExpiresAt.Add(-time.Second).In(rome()).Format(layout)
}

// Expired tells whether the link's last day is over.
func (l Link) Expired(now time.Time) bool { return l.ExpiresAt != nil && !l.ExpiresAt.After(now) }

// People lists who may act for a municipality: the town hall's own link first, if
// there is one, then its persons in the order of their names, also those whose
// link has expired, so that it can be made to last longer.
func (s *Store) People(ctx context.Context, istatCode string) ([]Link, error) {
	var links []Link
	err := s.db.Reader(ctx).Omit("token_hash", "token_sealed").Where("municipality_code = ? AND revoked_at IS NULL", istatCode).
		Order("name <> '', name COLLATE NOCASE, id").Find(&links).Error
	if err != nil {
		return nil, fmt.Errorf("list who acts for %s: %w", istatCode, err)
	}
	return links, nil
}

// Hand takes a new link to its person inside the transaction that makes it, such
// as by mail; nil where it is shown.
type Hand func(tx *gorm.DB, l Link, token string) error

// Invite gives one more person of a municipality a link of their own and returns
// its token, which is not kept. It returns fault.Invalid for details that are
// wrong and for a name that is in the list already, fault.Conflict for one too
// many.
func (s *Store) Invite(ctx context.Context, actor, istatCode string, d Details, hand Hand) (l Link, token string, err error) {
	end, wrong := d.check(s.now())
	if hand != nil && d.Email == "" {
		wrong.Add("email", "people.email.needed")
	}
	if err := wrong.Err(); err != nil {
		return Link{}, "", err
	}
	token = newToken()
	l = Link{
		TokenHash: hash(token), MunicipalityCode: &istatCode, Name: d.Name, Office: d.Office, Email: d.Email, Language: "it",
		CreatedAt: s.now(), ExpiresAt: end,
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		var n int64
		if err := tx.Model(&Link{}).Where("municipality_code = ? AND revoked_at IS NULL AND name <> ''", istatCode).Count(&n).Error; err != nil {
			return err
		}
		if n >= MaxPeople {
			return fault.New(fault.Conflict, "people.too_many", "Max", MaxPeople)
		}
		if err := s.alone(tx, istatCode, d.Name, 0); err != nil {
			return err
		}
		if err := tx.Create(&l).Error; err != nil {
			return err
		}
		return s.handOver(tx, actor, "person.create", l, token, hand)
	})
	if err != nil {
		return Link{}, "", fmt.Errorf("invite a person of %s: %w", istatCode, err)
	}
	return l, token, nil
}

// handOver writes to the trail that a person has a new link, and has it taken to
// them. Their address is not in the trail.
func (s *Store) handOver(tx *gorm.DB, actor, action string, l Link, token string, hand Hand) error {
	err := audit.Write(tx, s.now(), actor, action, "municipality", *l.MunicipalityCode, map[string]any{"link": l.ID, "name": l.Name, "mailed": hand != nil})
	if err != nil || hand == nil {
		return err
	}
	return hand(tx, l, token)
}

// alone refuses a name that another person of the municipality has.
func (s *Store) alone(tx *gorm.DB, istatCode, name string, but int64) error {
	var n int64
	err := tx.Model(&Link{}).Where("municipality_code = ? AND revoked_at IS NULL AND name = ? AND id <> ?", istatCode, name, but).Count(&n).Error
	if err == nil && n > 0 {
		return fault.Fields{{Name: "name", Message: fault.Msg("people.name.taken", "Name", name)}}.Err()
	}
	return err
}

// personIn finds a person of a municipality by their link. A town hall's own link
// is not one: that is for staff.
func personIn(tx *gorm.DB, istatCode string, id int64) (Link, error) {
	var l Link
	err := tx.Where("id = ? AND municipality_code = ? AND revoked_at IS NULL", id, istatCode).Take(&l).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return l, fault.New(fault.NotFound, "people.unknown")
	}
	if err == nil && l.Name == "" {
		return l, fault.New(fault.Forbidden, "people.own_link")
	}
	return l, err
}

// Person returns a person of a municipality by their link.
func (s *Store) Person(ctx context.Context, istatCode string, id int64) (Link, error) {
	return personIn(s.db.Reader(ctx), istatCode, id)
}

// ChangePerson changes what is said of a person. Their link stays the same; one
// that had expired lets in again with a later day.
func (s *Store) ChangePerson(ctx context.Context, actor, istatCode string, id int64, d Details) error {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		l, err := personIn(tx, istatCode, id)
		if err != nil {
			return err
		}
		end, wrong := d.check(s.now())
		if l.Expired(s.now()) && strings.TrimSpace(d.ExpiresOn) == l.LastDay(time.DateOnly) {
			end, wrong = l.ExpiresAt, without(wrong, "expires_on") // left as it is
		}
		if err := wrong.Err(); err != nil {
			return err
		}
		if err := s.alone(tx, istatCode, d.Name, id); err != nil {
			return err
		}
		changed := map[string]any{"link": id, "name": d.Name}
		if l.Name != d.Name {
			changed["was"] = l.Name
		}
		err = tx.Model(&l).Updates(map[string]any{"name": d.Name, "office": d.Office, "email": d.Email, "expires_at": end}).Error
		if err != nil {
			return err
		}
		return audit.Write(tx, s.now(), actor, "person.change", "municipality", istatCode, changed)
	})
	if err != nil {
		return fmt.Errorf("change a person of %s: %w", istatCode, err)
	}
	return nil
}

func without(fields fault.Fields, name string) (rest fault.Fields) {
	for _, f := range fields {
		if f.Name != name {
			rest = append(rest, f)
		}
	}
	return rest
}

// ReplacePerson gives a person a new link. The one before lets nobody in any
// more, and whoever came in by it is out. It returns fault.Conflict for a link
// whose last day is over: the new one would not let in either.
func (s *Store) ReplacePerson(ctx context.Context, actor, istatCode string, id int64, hand Hand) (l Link, token string, err error) {
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		before, err := personIn(tx, istatCode, id)
		if err != nil {
			return err
		}
		if before.Expired(s.now()) {
			return fault.New(fault.Conflict, "people.replace_expired", "Name", before.Name)
		}
		if hand != nil && before.Email == "" {
			return fault.New(fault.Conflict, "people.replace_no_email", "Name", before.Name)
		}
		if err := tx.Model(&before).Update("revoked_at", s.now()).Error; err != nil {
			return err
		}
		token = newToken()
		l = Link{
			TokenHash: hash(token), MunicipalityCode: &istatCode, Name: before.Name, Office: before.Office, Email: before.Email,
			Notices: before.Notices, Language: before.Language, CreatedAt: s.now(), ExpiresAt: before.ExpiresAt,
		}
		if err := tx.Create(&l).Error; err != nil {
			return err
		}
		return s.handOver(tx, actor, "person.replace", l, token, hand)
	})
	if err != nil {
		return Link{}, "", fmt.Errorf("replace the link of a person of %s: %w", istatCode, err)
	}
	return l, token, nil
}

// RevokePerson takes a person's link away: they are out at once.
func (s *Store) RevokePerson(ctx context.Context, actor, istatCode string, id int64) error {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		l, err := personIn(tx, istatCode, id)
		if err != nil {
			return err
		}
		if err := tx.Model(&l).Update("revoked_at", s.now()).Error; err != nil {
			return err
		}
		return audit.Write(tx, s.now(), actor, "person.revoke", "municipality", istatCode, map[string]any{"link": id, "name": l.Name})
	})
	if err != nil {
		return fmt.Errorf("revoke the link of a person of %s: %w", istatCode, err)
	}
	return nil
}

// As is who a link's bearer is, for a session of theirs.
func (l Link) As() Person {
	return Person{Role: Editor, MunicipalityCode: *l.MunicipalityCode, LinkID: l.ID, Name: l.Name, Email: l.Email}
}
