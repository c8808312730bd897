package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
)

// HandoverLife is how long a code can be used, and how long the device stays
// in that came in by it.
const HandoverLife = 24 * time.Hour

const (
	codeLength = 8
	// codeLetters are the letters and digits of a code: none of those that look
	// alike (0 O, 1 I L, 2 Z, 5 S, 8 B, U V). 24 to the power of 8 are 1.1e11 codes,
	// 36 bits.
	codeLetters = "34679ACDEFGHJKMNPQRTUWXY"
)

// Wrong codes, from one sender and from all together, after which none is looked
// at for a while. The few mistypes of a sender in a day are looked at whatever the
// others do: guesses from everywhere shut nobody out who has a right code.
//
// What is left to who guesses, with 300 codes in force at any time (about one for
// each municipality), so that one guess in 367 million (1.1e11 / 300) is right:
// all together 28,800 a day (200 every 10 minutes), and besides 2 a day for each
// sender. That is 35 years for one code, which opens one draft for a day; for
// somebody who has 100,000 networks to guess from, and all the time, 4 years.
const (
	wrongFromOne = 10
	wrongFromAll = 200
	wrongWhile   = 10 * time.Minute

	wrongFree     = 2
	wrongFreeEach = 24 * time.Hour
)

const codePurpose = "code for another device"

// Handover is a code with which another device goes on with one testimony.
type Handover struct {
	ID          int64
	LinkID      int64
	TestimonyID int64
	CodeMark    []byte
	CodeSealed  []byte // until it is used
	CreatedAt   time.Time
	ExpiresAt   time.Time
	UsedAt      *time.Time
	EndedAt     *time.Time
}

// wrongCode is one that nobody has.
type wrongCode struct {
	ID     int64
	Sender []byte
	At     time.Time
}

// Until is when the device that came in by the code is out again.
func (h Handover) Until() time.Time {
	if h.UsedAt == nil {
		return h.ExpiresAt
	}
	return h.UsedAt.Add(HandoverLife)
}

// newCode makes a code. The same chance for each letter: bytes beyond the last
// whole multiple are thrown away.
func newCode() string {
	var code []byte
	for len(code) < codeLength {
		var b [2 * codeLength]byte
		_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
		for _, c := range b {
			if int(c) < 256/len(codeLetters)*len(codeLetters) && len(code) < codeLength {
				code = append(code, codeLetters[int(c)%len(codeLetters)])
			}
		}
	}
	return string(code)
}

// CleanCode is a code as it is kept, of one as people type it: in small letters,
// in groups, with hyphens or spaces.
func CleanCode(typed string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			r += 'A' - 'a'
		}
		if strings.ContainsRune(" \t\n\u00a0-–.", r) {
			return -1
		}
		return r
	}, typed)
}

// GroupCode is a code as people read it.
func GroupCode(code string) string {
	if len(code) != codeLength {
		return code
	}
	return code[:codeLength/2] + "-" + code[codeLength/2:]
}

// HandOn makes a code for a testimony of the person's municipality; one that was
// not used yet is worth nothing any more. Whoever came in by a code makes none.
func (s *Store) HandOn(ctx context.Context, p Person, testimonyID int64) error {
	if p.HandoverID != 0 {
		return fault.New(fault.Forbidden, "people.code_from_code")
	}
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		if err := belongs(tx, p.MunicipalityCode, testimonyID); err != nil {
			return err
		}
		err := tx.Model(&Handover{}).Where("testimony_id = ? AND used_at IS NULL AND ended_at IS NULL", testimonyID).
			Updates(map[string]any{"ended_at": s.now(), "code_sealed": nil}).Error
		if err != nil {
			return err
		}
		code := newCode()
		h := Handover{
			LinkID: p.LinkID, TestimonyID: testimonyID, CodeMark: s.box.Mark(code, codePurpose), CodeSealed: s.box.Seal(code, codePurpose),
			CreatedAt: s.now(), ExpiresAt: s.now().Add(HandoverLife),
		}
		if err := tx.Create(&h).Error; err != nil {
			return err
		}
		return audit.Write(tx, s.now(), p.Actor(), "testimony.code", "testimony", testimonyID, map[string]any{"code": h.ID})
	})
	if err != nil {
		return fmt.Errorf("make a code for testimony %d: %w", testimonyID, err)
	}
	return nil
}

// belongs refuses a testimony of another municipality.
func belongs(tx *gorm.DB, istatCode string, testimonyID int64) error {
	var n int64
	err := tx.Raw(`SELECT count(*) FROM testimonies WHERE id = ? AND municipality_code = ?`, testimonyID, istatCode).Scan(&n).Error
	if err == nil && n == 0 {
		return fault.New(fault.NotFound, "testimony.unknown")
	}
	return err
}

// OtherDevice is a device that goes on with a testimony.
type OtherDevice struct {
	ID     int64
	UsedAt time.Time
	Until  time.Time
}

// Elsewhere is how other devices stand with a testimony.
type Elsewhere struct {
	Code    string // empty without one that can be used
	Until   time.Time
	Devices []OtherDevice // that are in, the latest first
}

// Elsewhere tells whether there is a code for a testimony of a municipality, and
// who came in by those before.
func (s *Store) Elsewhere(ctx context.Context, istatCode string, testimonyID int64) (e Elsewhere, err error) {
	var all []Handover
	err = s.db.Reader(ctx).Joins("JOIN testimonies t ON t.id = handovers.testimony_id").Joins("JOIN links l ON l.id = handovers.link_id").
		Where("t.id = ? AND t.municipality_code = ? AND handovers.ended_at IS NULL AND l.revoked_at IS NULL AND (l.expires_at IS NULL OR l.expires_at > ?)",
			testimonyID, istatCode, s.now()).
		Where("((used_at IS NULL AND handovers.expires_at > ?) OR used_at > ?)", s.now(), s.now().Add(-HandoverLife)).
		Order("handovers.id DESC").Find(&all).Error
	if err != nil {
		return e, fmt.Errorf("look for other devices of testimony %d: %w", testimonyID, err)
	}
	for _, h := range all {
		if h.UsedAt != nil {
			e.Devices = append(e.Devices, OtherDevice{h.ID, *h.UsedAt, h.Until()})
			continue
		}
		if e.Code, err = s.box.Open(h.CodeSealed, codePurpose); err != nil {
			return e, err
		}
		e.Until = h.ExpiresAt
	}
	return e, nil
}

// EndDevice has a device out that came in by a code.
func (s *Store) EndDevice(ctx context.Context, p Person, testimonyID, id int64) error {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		if err := belongs(tx, p.MunicipalityCode, testimonyID); err != nil {
			return err
		}
		done := tx.Model(&Handover{}).Where("id = ? AND testimony_id = ? AND ended_at IS NULL", id, testimonyID).
			Updates(map[string]any{"ended_at": s.now(), "code_sealed": nil})
		if done.Error != nil || done.RowsAffected == 0 {
			return done.Error // pressed twice
		}
		return audit.Write(tx, s.now(), p.Actor(), "testimony.code_end", "testimony", testimonyID, map[string]any{"code": id})
	})
	if err != nil {
		return fmt.Errorf("end a device of testimony %d: %w", testimonyID, err)
	}
	return nil
}

// LookCode tells whom a code would let in, and to what, without using it up.
// sender is the address that asks: after too many wrong codes from there none is
// looked at for a while, and fault.Unavailable says until when. It returns fault.NotFound
// for a code that never was, fault.Gone for one that was used, replaced or is
// too old.
func (s *Store) LookCode(ctx context.Context, sender, code string) (Person, error) {
	return s.tryCode(ctx, sender, code, func(tx *gorm.DB, _ *Handover, p *Person) error { return nil })
}

// EnterCode lets a device in by a code, which is used up by it.
func (s *Store) EnterCode(ctx context.Context, sender, code string) (Person, error) {
	return s.tryCode(ctx, sender, code, func(tx *gorm.DB, h *Handover, p *Person) error {
		now := s.now()
		h.UsedAt = &now
		p.Until = h.Until()
		if err := tx.Model(h).Updates(map[string]any{"used_at": now, "code_sealed": nil}).Error; err != nil {
			return err
		}
		return audit.Write(tx, now, p.Actor(), "testimony.code_use", "testimony", h.TestimonyID, map[string]any{"code": h.ID})
	})
}

// tryCode finds a code and does something with it. A wrong one is counted, in a
// transaction that commits although the code is refused.
func (s *Store) tryCode(ctx context.Context, sender, typed string, do func(*gorm.DB, *Handover, *Person) error) (p Person, err error) {
	code := CleanCode(typed)
	if code == "" {
		return p, fault.Fields{{Name: "code", Message: fault.Msg("people.code.empty")}}.Err()
	}
	var refused error
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		if err := s.patient(tx, sender); err != nil {
			return err
		}
		h, err := s.findCode(tx, code)
		if fault.Of(err) == fault.NotFound {
			refused = err
			return tx.Create(&wrongCode{Sender: s.senderMark(sender), At: s.now()}).Error
		}
		if err != nil {
			return err
		}
		var l Link
		if err := tx.Take(&l, h.LinkID).Error; err != nil {
			return fmt.Errorf("read the link of a code: %w", err)
		}
		if l.RevokedAt != nil || l.Expired(s.now()) {
			return fault.New(fault.Gone, "people.code_link_gone")
		}
		p = l.As()
		p.TestimonyID, p.HandoverID, p.Until = h.TestimonyID, h.ID, h.Until()
		return do(tx, &h, &p)
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return Person{}, fmt.Errorf("try a code: %w", err)
	}
	return p, nil
}

func (s *Store) findCode(tx *gorm.DB, code string) (h Handover, err error) {
	err = tx.Where("code_mark = ?", s.box.Mark(code, codePurpose)).Take(&h).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return h, fault.New(fault.NotFound, "people.code_unknown")
	case err != nil:
		return h, fmt.Errorf("look up a code: %w", err)
	case h.UsedAt != nil:
		return h, fault.New(fault.Gone, "people.code_used")
	case h.EndedAt != nil:
		return h, fault.New(fault.Gone, "people.code_replaced")
	case !h.ExpiresAt.After(s.now()):
		return h, fault.New(fault.Gone, "people.code_expired")
	}
	return h, nil
}

// senderMark stands for the address of who tries codes. Of IPv6 it is the network:
// everybody has very many addresses there. 48 bits are the most that one customer
// is given (RFC 6177), with 65,536 networks in it.
func (s *Store) senderMark(sender string) []byte {
	if a, err := netip.ParseAddr(sender); err == nil && a.Unmap().Is6() {
		if network, err := a.Prefix(48); err == nil {
			sender = network.String()
		}
	}
	return s.box.Mark(sender, "who tried a code")
}

// patient refuses to look at a code after too many wrong ones, and forgets those
// that no longer count.
func (s *Store) patient(tx *gorm.DB, sender string) error {
	if err := tx.Where("at <= ?", s.now().Add(-wrongFreeEach)).Delete(&wrongCode{}).Error; err != nil {
		return fmt.Errorf("forget old wrong codes: %w", err)
	}
	mark := s.senderMark(sender)
	if err := s.tooMany(tx.Where("sender = ?", mark), wrongFromOne); err != nil {
		return err
	}
	var today int64
	if err := tx.Model(&wrongCode{}).Where("sender = ?", mark).Count(&today).Error; err != nil {
		return fmt.Errorf("count a sender's wrong codes: %w", err)
	}
	if today < wrongFree {
		return nil
	}
	return s.tooMany(tx, wrongFromAll)
}

// tooMany says until when no code is looked at, if there were too many wrong ones.
func (s *Store) tooMany(wrong *gorm.DB, most int) error {
	// The oldest of those that are too many: when it no longer counts, one more may be tried.
	var at []time.Time
	err := wrong.Model(&wrongCode{}).Where("at > ?", s.now().Add(-wrongWhile)).Order("at DESC, id DESC").Offset(most-1).Limit(1).Pluck("at", &at).Error
	if err != nil {
		return fmt.Errorf("count wrong codes: %w", err)
	}
	if len(at) == 0 {
		return nil
	}
	until := at[0].Add(wrongWhile)
	e := fault.New(fault.Unavailable, "people.code_too_many", "At", until)
	e.Until = until
	return e
}

// still is Still, also for a session that a code opened.
func (s *Store) still(ctx context.Context, linkID, handoverID int64) (Person, bool, error) {
	p, ok, err := s.Still(ctx, linkID)
	if handoverID == 0 || !ok || err != nil {
		return p, ok, err
	}
	var h Handover
	err = s.db.Reader(ctx).Where("link_id = ? AND ended_at IS NULL AND used_at > ?", linkID, s.now().Add(-HandoverLife)).Take(&h, handoverID).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return Person{}, false, nil
	}
	if err != nil {
		return Person{}, false, fmt.Errorf("look up a session's code: %w", err)
	}
	p.TestimonyID, p.HandoverID, p.Until = h.TestimonyID, h.ID, h.Until()
	return p, true, nil
}
