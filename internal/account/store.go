package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/secret"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
)

// StaffLinkLife is how long a sign-in link of staff can be used, once.
const StaffLinkLife = 30 * time.Minute

// tokenBytes is 128 bits: too many to guess.
const tokenBytes = 16

// Store keeps links and accounts.
type Store struct {
	db       *store.Store
	box      *secret.Box
	registry *territory.Registry
	now      func() time.Time
}

// NewStore makes the store.
func NewStore(db *store.Store, box *secret.Box, registry *territory.Registry, clock func() time.Time) *Store {
	return &Store{db: db, box: box, registry: registry, now: func() time.Time { return clock().UTC() }}
}

func newToken() string {
	b := make([]byte, tokenBytes)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(b)
}

func hash(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

func purpose(municipality string) string { return "personal link of " + municipality }

// PersonalLink returns the token of a municipality's personal link, making the
// link if there is none: asked twice it is the same. It returns fault.NotFound
// for an unknown municipality and fault.Conflict for one that does not count
// under the territory setting.
func (s *Store) PersonalLink(ctx context.Context, actor, istatCode string) (string, error) {
	return s.personalLink(ctx, actor, istatCode, false)
}

// ReplaceLink makes a new personal link; the old one no longer lets in, and
// whoever came in by it is out.
func (s *Store) ReplaceLink(ctx context.Context, actor, istatCode string) (string, error) {
	return s.personalLink(ctx, actor, istatCode, true)
}

func (s *Store) personalLink(ctx context.Context, actor, istatCode string, replace bool) (string, error) {
	m, err := s.registry.Municipality(istatCode)
	if err != nil {
		return "", err
	}
	if !s.registry.Counts(m) {
		key := "account.municipality_dissolved"
		if m.DissolvedOn == nil {
			key = "account.municipality_new"
		}
		return "", fault.New(fault.Conflict, key, "Name", m.Name)
	}
	var token string
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		var l Link
		err := tx.Where("municipality_code = ? AND revoked_at IS NULL AND name = ''", istatCode).Take(&l).Error
		switch {
		case err == nil && !replace:
			token, err = s.box.Open(l.TokenSealed, purpose(istatCode))
			return err
		case err == nil:
			if err := tx.Model(&l).Update("revoked_at", s.now()).Error; err != nil {
				return err
			}
		case !errors.Is(err, gorm.ErrRecordNotFound):
			return err
		}
		token = newToken()
		l = Link{
			TokenHash: hash(token), TokenSealed: s.box.Seal(token, purpose(istatCode)), MunicipalityCode: &istatCode,
			Email: l.Email, Notices: l.Notices, Language: l.Language, CreatedAt: s.now(),
		}
		if err := tx.Create(&l).Error; err != nil {
			return err
		}
		return audit.Write(tx, s.now(), actor, "link.create", "municipality", istatCode, map[string]any{"link": l.ID, "replaced": replace})
	})
	if err != nil {
		return "", fmt.Errorf("personal link of %s: %w", istatCode, err)
	}
	return token, nil
}

// NoteMailed writes to the trail that a municipality's personal link was mailed.
// To whom is not kept: it may be a person's own address.
func (s *Store) NoteMailed(ctx context.Context, actor, istatCode string) error {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		return audit.Write(tx, s.now(), actor, "link.mail", "municipality", istatCode, nil)
	})
	if err != nil {
		return fmt.Errorf("note that the link of %s was mailed: %w", istatCode, err)
	}
	return nil
}

// ParseEmail reads an address as a person types it; fault.Invalid if it is none.
func ParseEmail(typed string) (string, error) {
	email := strings.TrimSpace(typed)
	if strings.IndexFunc(email, func(r rune) bool { return r > unicode.MaxASCII }) < 0 {
		// Only then: the Kelvin sign and others become letters of ours.
		email = strings.ToLower(email)
	}
	if a, err := mail.ParseAddress(email); err != nil || a.Address != email {
		return "", fault.Fields{{Name: "email", Message: fault.Msg("account.email.form")}}.Err()
	}
	return email, nil
}

// StaffLink returns the token of a sign-in link for a member of staff, making
// the account if there is none and giving it the role otherwise.
func (s *Store) StaffLink(ctx context.Context, actor, email string, role Role) (string, error) {
	email, err := ParseEmail(email)
	if err != nil {
		return "", err
	}
	if role != Moderator && role != Administrator {
		return "", fault.Fields{{Name: "role", Message: fault.Msg("account.role.unknown")}}.Err()
	}
	token := newToken()
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		var a Account
		err := tx.Where("email = ?", email).Take(&a).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			name, _, _ := strings.Cut(email, "@")
			a = Account{Email: email, Name: name, Role: role, CreatedAt: s.now()}
			if err = tx.Create(&a).Error; err == nil {
				err = audit.Write(tx, s.now(), actor, "account.create", "account", a.ID, map[string]any{"role": role})
			}
		} else if err == nil && a.Role != role {
			err = audit.Write(tx, s.now(), actor, "account.role", "account", a.ID, map[string]any{"from": a.Role, "to": role})
			if err == nil {
				err = tx.Model(&a).Update("role", role).Error
			}
		}
		if err != nil {
			return err
		}
		return s.staffLink(tx, a.ID, token)
	})
	if err != nil {
		return "", fmt.Errorf("sign-in link for staff: %w", err)
	}
	return token, nil
}

func (s *Store) staffLink(tx *gorm.DB, accountID int64, token string) error {
	until := s.now().Add(StaffLinkLife)
	return tx.Create(&Link{TokenHash: hash(token), AccountID: &accountID, CreatedAt: s.now(), ExpiresAt: &until}).Error
}

// Sign-in links of one account that may be asked for in a while: more would
// only fill somebody's mailbox.
const (
	signInLinks = 5
	signInWhile = 10 * time.Minute
)

// SignInLink returns the token of a sign-in link for whoever has an account
// with this address, and the account's own address, which alone it may be
// mailed to. token is empty if nobody has one, or asked too often.
func (s *Store) SignInLink(ctx context.Context, email string) (to, token string, err error) {
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		var a Account
		err := tx.Where("email = ?", email).Take(&a).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		var recent int64
		err = tx.Model(&Link{}).Where("account_id = ? AND created_at > ?", a.ID, s.now().Add(-signInWhile)).Count(&recent).Error
		if err != nil || recent >= signInLinks {
			return err
		}
		to, token = a.Email, newToken()
		return s.staffLink(tx, a.ID, token)
	})
	if err != nil {
		return "", "", fmt.Errorf("sign-in link: %w", err)
	}
	return to, token, nil
}

// HasAdministrator tells whether anybody can administer the portal yet.
func (s *Store) HasAdministrator(ctx context.Context) (bool, error) {
	var n int64
	if err := s.db.Reader(ctx).Model(&Account{}).Where("role = ?", Administrator).Count(&n).Error; err != nil {
		return false, fmt.Errorf("look for an administrator: %w", err)
	}
	return n > 0, nil
}

// Administrators are the addresses of those who administer the portal.
func (s *Store) Administrators(tx *gorm.DB) ([]string, error) {
	var emails []string
	if err := tx.Model(&Account{}).Where("role = ?", Administrator).Order("id").Pluck("email", &emails).Error; err != nil {
		return nil, fmt.Errorf("list the administrators: %w", err)
	}
	return emails, nil
}

// Look tells whom a token would let in, without using it up: pages that mail
// scanners open must change nothing. It returns fault.Gone for a link that was
// used, replaced or is too old, and fault.NotFound for one that never was.
func (s *Store) Look(ctx context.Context, token string) (Person, error) {
	p, _, err := s.find(s.db.Reader(ctx), token)
	return p, err
}

// Enter lets the bearer of a token in. A staff link is used up by it.
func (s *Store) Enter(ctx context.Context, token string) (Person, error) {
	var p Person
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		found, l, err := s.find(tx, token)
		if err != nil {
			return err
		}
		p = found
		changes := map[string]any{"last_used_at": s.now()}
		if l.AccountID != nil {
			changes["expires_at"] = s.now()
		}
		if err := tx.Model(&l).Updates(changes).Error; err != nil {
			return err
		}
		return audit.Write(tx, s.now(), p.Actor(), "session.begin", "link", l.ID, nil)
	})
	if err != nil {
		return Person{}, fmt.Errorf("sign in: %w", err)
	}
	return p, nil
}

func (s *Store) find(db *gorm.DB, token string) (Person, Link, error) {
	var l Link
	err := db.Where("token_hash = ?", hash(token)).Take(&l).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return Person{}, l, fault.New(fault.NotFound, "account.link_unknown")
	}
	if err != nil {
		return Person{}, l, fmt.Errorf("look up a link: %w", err)
	}
	switch over := l.ExpiresAt != nil && !l.ExpiresAt.After(s.now()); {
	case l.RevokedAt != nil && l.Name != "":
		return Person{}, l, fault.New(fault.Gone, "people.link_revoked", "Name", l.Name)
	case l.RevokedAt != nil:
		return Person{}, l, fault.New(fault.Gone, "account.link_replaced")
	case over && l.MunicipalityCode != nil:
		return Person{}, l, fault.New(fault.Gone, "people.link_expired", "Name", l.Name)
	case over:
		return Person{}, l, fault.New(fault.Gone, "account.link_used")
	}
	p, err := s.person(db, l)
	return p, l, err
}

func (s *Store) person(db *gorm.DB, l Link) (Person, error) {
	if l.MunicipalityCode != nil {
		return l.As(), nil
	}
	var a Account
	if err := db.Take(&a, *l.AccountID).Error; err != nil {
		return Person{}, fmt.Errorf("read the account of a link: %w", err)
	}
	return Person{Role: a.Role, AccountID: a.ID, LinkID: l.ID, Name: a.Name, Email: a.Email}, nil
}

// Still returns who a session opened by a link belongs to now: a link that was
// replaced, revoked or that expired ends its sessions (one of staff is used up
// by entering, and does not), a changed role counts at once. ok is false if
// the session is over.
func (s *Store) Still(ctx context.Context, linkID int64) (p Person, ok bool, err error) {
	var l Link
	err = s.db.Reader(ctx).Where("revoked_at IS NULL AND (municipality_code IS NULL OR expires_at IS NULL OR expires_at > ?)", s.now()).Take(&l, linkID).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return Person{}, false, nil
	}
	if err != nil {
		return Person{}, false, fmt.Errorf("look up a session's link: %w", err)
	}
	p, err = s.person(s.db.Reader(ctx), l)
	return p, err == nil, err
}

// LinkUse is when a town hall's link was made and last used.
type LinkUse struct {
	MunicipalityCode string
	CreatedAt        time.Time
	LastUsedAt       *time.Time
}

// LinksInForce returns the town halls' own links in force by ISTAT code.
func (s *Store) LinksInForce(ctx context.Context) (map[string]LinkUse, error) {
	var all []LinkUse
	err := s.db.Reader(ctx).Model(&Link{}).Where("municipality_code IS NOT NULL AND revoked_at IS NULL AND name = ''").Find(&all).Error
	if err != nil {
		return nil, fmt.Errorf("list the personal links: %w", err)
	}
	by := make(map[string]LinkUse, len(all))
	for _, u := range all {
		by[u.MunicipalityCode] = u
	}
	return by, nil
}
