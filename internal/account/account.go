// Package account says who may act: town halls with their personal link, staff
// with links of minutes, sessions, roles. There are no passwords.
package account

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
)

// Role is what a person may do.
type Role string

// The roles.
const (
	Editor        Role = "editor"        // acts for one municipality
	Moderator     Role = "moderator"     // staff: reviews, invites
	Administrator Role = "administrator" // staff: also the channel and people
)

// Person is who acts in a request.
type Person struct {
	Role             Role
	MunicipalityCode string // of an editor
	AccountID        int64  // of staff
	LinkID           int64  // the link that opened the session
	Name             string // empty for a town hall's own link, which is nobody's
	Email            string

	// Of whoever came in by a code from another device: all that they may act on.
	// 0 is everything of the municipality.
	TestimonyID int64
	HandoverID  int64
	Until       time.Time // when that ends
}

// Reaches tells whether an editor may act on a testimony of their municipality.
func (p Person) Reaches(testimonyID int64) bool {
	return p.TestimonyID == 0 || p.TestimonyID == testimonyID
}

// Staff tells whether the person works for the metropolitan city.
func (p Person) Staff() bool { return p.Role == Moderator || p.Role == Administrator }

// Actor names the person in the audit trail and in consents.
func (p Person) Actor() string {
	if p.Staff() {
		return fmt.Sprintf("account %d (%s)", p.AccountID, p.Email)
	}
	actor := fmt.Sprintf("municipality %s, link %d", p.MunicipalityCode, p.LinkID)
	if p.HandoverID != 0 {
		actor += fmt.Sprintf(", code %d", p.HandoverID)
	}
	if p.Name != "" {
		actor += " (" + p.Name + ")"
	}
	return actor
}

// NameIn is the name, or the address, that an actor of the trail is written with;
// empty without one.
func NameIn(actor string) string {
	_, name, ok := strings.Cut(actor, " (")
	if !ok {
		return ""
	}
	return strings.TrimSuffix(name, ")")
}

// LinkIn is the number of the personal link that an actor of the trail came in by;
// empty for one that came in by none.
func LinkIn(actor string) string {
	if !ActedForTownHall(actor) {
		return ""
	}
	_, rest, _ := strings.Cut(actor, ", link ")
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		return rest
	}
	return rest[:end]
}

// By says who acted, to go on after what was done: a person of a town hall by
// name, its own link by number, staff as such, for town halls are not told who of
// them it was. It is nil if nobody did.
func By(actor string) *fault.Message {
	if actor == "" {
		return nil
	}
	m := fault.Msg("account.by.staff")
	switch name, link := NameIn(actor), LinkIn(actor); {
	case actor == audit.Portal:
		m = fault.Msg("account.by.portal")
	case !ActedForTownHall(actor):
	case name != "":
		m = fault.Msg("account.by.person", "Name", name)
	default:
		m = fault.Msg("account.by.hall", "Link", link)
	}
	return &m
}

// ActedForTownHall tells whether an actor of the trail acted for a town hall.
func ActedForTownHall(actor string) bool { return strings.HasPrefix(actor, "municipality ") }

type key struct{}

// With returns a context in which p acts.
func With(ctx context.Context, p Person) context.Context { return context.WithValue(ctx, key{}, p) }

// From returns who acts in ctx.
func From(ctx context.Context) (Person, bool) {
	p, ok := ctx.Value(key{}).(Person)
	return p, ok
}

// Account is a member of staff.
type Account struct {
	ID        int64
	Email     string
	Name      string
	Role      Role
	CreatedAt time.Time
}

// Link is an address that lets somebody in. The token itself is only known to
// whoever has the address; for town halls it is also kept sealed, so that staff
// can copy or mail it again.
type Link struct {
	ID               int64
	TokenHash        []byte
	TokenSealed      []byte // of a town hall's own only
	MunicipalityCode *string
	AccountID        *int64
	Name             string // of the person; empty for a town hall's own
	Office           string // such as "Ufficio stampa"
	Email            string // where notices go; empty: none
	Notices          string `gorm:"default:all"` // which ones
	Language         string `gorm:"default:it"`  // of the mails
	CreatedAt        time.Time
	ExpiresAt        *time.Time
	LastUsedAt       *time.Time
	RevokedAt        *time.Time
}
