package notices

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/mail"
)

// Person is somebody with a personal link, as far as notices go.
type Person struct {
	LinkID    int64  `gorm:"column:id"`
	Name      string // empty: the town hall's own link
	Email     string // empty: they get none
	Wants     Wants  `gorm:"column:notices"`
	Language  string
	ExpiresAt *time.Time
	RefusedAt *time.Time `gorm:"-"` // the mail server refuses the address, since
}

// inForce are the links that still let somebody in for some town halls.
func (d *Desk) inForce(db *gorm.DB, codes ...string) ([]Person, error) {
	var all []Person
	err := db.Table("links").Where("municipality_code IN ? AND revoked_at IS NULL", codes).Order("id").Find(&all).Error
	if err != nil {
		return nil, fmt.Errorf("read who acts for %s: %w", codes[0], err)
	}
	now := d.now()
	return slices.DeleteFunc(all, func(p Person) bool { return p.ExpiresAt != nil && !p.ExpiresAt.After(now) }), nil
}

// readers are the people of a town hall who want to know, each address once. The
// testimonies of a dissolved one belong to its successor, too.
func (d *Desk) readers(tx *gorm.DB, code string) ([]Person, error) {
	codes := []string{code}
	if heir, err := d.Registry.Shown(code); err == nil && heir.IstatCode != code {
		codes = append(codes, heir.IstatCode)
	}
	all, err := d.inForce(tx, codes...)
	if err != nil {
		return nil, err
	}
	seen := map[string]int{}
	var people []Person
	for _, p := range all {
		if p.Email == "" || p.Wants == None {
			continue
		}
		if at, ok := seen[strings.ToLower(p.Email)]; ok {
			if p.Wants == All { // whoever has two links gets what either wants
				people[at].Wants = All
			}
			continue
		}
		seen[strings.ToLower(p.Email)] = len(people)
		people = append(people, p)
	}
	return people, nil
}

// Of returns the choice of the person with a link of a town hall, or
// fault.NotFound.
func (d *Desk) Of(ctx context.Context, municipality string, linkID int64) (Person, error) {
	p, err := d.of(d.DB.Reader(ctx), municipality, linkID)
	if err != nil || p.Email == "" {
		return p, err
	}
	refused, err := d.Outbox.RefusedTo(ctx, []string{p.Email})
	if at, ok := refused[p.Email]; ok {
		p.RefusedAt = &at
	}
	return p, err
}

func (d *Desk) of(db *gorm.DB, municipality string, linkID int64) (Person, error) {
	var p Person
	err := db.Table("links").Where("id = ? AND municipality_code = ? AND revoked_at IS NULL", linkID, municipality).Take(&p).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return p, fault.New(fault.NotFound, "account.link_unknown")
	}
	if err != nil {
		return p, fmt.Errorf("read the notices of link %d: %w", linkID, err)
	}
	return p, nil
}

// People lists those of a town hall who left an address, and what they want, for
// staff.
func (d *Desk) People(ctx context.Context, municipality string) ([]Person, error) {
	all, err := d.inForce(d.DB.Reader(ctx), municipality)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(p Person) bool { return p.Email == "" })
	addresses := make([]string, len(all))
	for i, p := range all {
		addresses[i] = p.Email
	}
	refused, err := d.Outbox.RefusedTo(ctx, addresses)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if at, ok := refused[all[i].Email]; ok {
			all[i].RefusedAt = &at
		}
	}
	return all, nil
}

// Languages are those that notices are written in.
func Languages() []string { return []string{"it", "en", "fr"} }

const (
	// mostAddresses is how often an address may be changed in addressesWhile:
	// each new one is written to.
	mostAddresses  = 5
	addressesWhile = time.Hour
)

// Choose keeps what the person with a link of a town hall wants. A new address
// is told what it will get and from whom, so that one who gets it by mistake
// knows. It returns fault.Invalid with the fields that are wrong.
func (d *Desk) Choose(ctx context.Context, actor, municipality string, linkID int64, email string, wants Wants, language string) error {
	email = strings.TrimSpace(email)
	var wrong fault.Fields
	if email != "" {
		parsed, err := account.ParseEmail(email)
		if err != nil {
			wrong.Add("email", "mail.recipient")
		}
		email = parsed
	}
	if wants != All && wants != Important && wants != None {
		wrong.Add("notices", "kit.notices.wants_unknown")
	}
	if email == "" && len(wrong) == 0 && wants != None {
		wrong.Add("email", "kit.notices.no_address")
	}
	if !slices.Contains(Languages(), language) {
		wrong.Add("language", "kit.notices.language_unknown")
	}
	if err := wrong.Err(); err != nil {
		return err
	}
	err := d.DB.Write(ctx, func(tx *gorm.DB) error {
		before, err := d.of(tx, municipality, linkID)
		if err != nil {
			return err
		}
		// Not the address itself: the trail never forgets.
		detail := map[string]any{"notices": []Wants{before.Wants, wants}, "language": language}
		isNew := email != "" && !strings.EqualFold(email, before.Email)
		if isNew {
			if err := d.notTooOften(tx, linkID); err != nil {
				return err
			}
			if err := audit.Write(tx, d.now(), actor, "notices.address", "link", linkID, nil); err != nil {
				return err
			}
		}
		err = tx.Table("links").Where("id = ?", linkID).Updates(map[string]any{"email": email, "notices": wants, "language": language}).Error
		if err != nil {
			return err
		}
		if err := audit.Write(tx, d.now(), actor, "notices.choose", "link", linkID, detail); err != nil {
			return err
		}
		if !isNew || wants == None {
			return nil
		}
		return d.welcome(tx, municipality, email, language)
	})
	if err != nil {
		return fmt.Errorf("keep the notices of link %d: %w", linkID, err)
	}
	return nil
}

func (d *Desk) notTooOften(tx *gorm.DB, linkID int64) error {
	var n int64
	err := tx.Model(&audit.Entry{}).Where("subject = 'link' AND subject_id = ? AND action = 'notices.address' AND at > ?",
		fmt.Sprint(linkID), d.now().Add(-addressesWhile)).Count(&n).Error
	if err != nil {
		return err
	}
	if n >= mostAddresses {
		return fault.Fields{{Name: "email", Message: fault.Msg("kit.notices.often")}}.Err()
	}
	return nil
}

// welcome tells a new address what it will get.
func (d *Desk) welcome(tx *gorm.DB, municipality, email, language string) error {
	m, err := d.Registry.Municipality(municipality)
	if err != nil {
		return err
	}
	choices := d.Address(language, ChoicesPath)
	return d.Outbox.Post(tx, mail.Message{
		Recipient: email, Lang: language, Choices: choices, Link: choices,
		Subject: d.Say(language, fault.Msg("kit.mail.welcome.subject", "Name", m.Name)),
		Text:    d.Say(language, fault.Msg("kit.mail.welcome.text", "Name", m.Name, "Link", choices)),
		Action:  d.Say(language, fault.Msg("kit.mail.welcome.action")),
	})
}
