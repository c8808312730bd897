package testimony

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
)

// register lists who is filmed in a testimony, in the order in which they were
// added; those removed are not among them.
func register(db *gorm.DB, testimonyID int64) ([]Filmed, error) {
	var people []Filmed
	err := db.Preload("Paper", "dropped_at IS NULL").Where("testimony_id = ? AND removed_at IS NULL", testimonyID).Order("id").Find(&people).Error
	if err != nil {
		return nil, fmt.Errorf("read the register of testimony %d: %w", testimonyID, err)
	}
	return people, nil
}

// Register lists who is filmed in a testimony of a municipality (or of Anywhere).
func (s *Store) Register(ctx context.Context, municipality string, id int64) ([]Filmed, error) {
	db := s.db.Reader(ctx)
	if municipality != Anywhere {
		db = db.Where("testimony_id IN (SELECT id FROM testimonies WHERE municipality_code = ?)", municipality)
	}
	return register(db, id)
}

// Filmed returns an entry of the register of a testimony of a municipality (or of
// Anywhere). It returns fault.NotFound if there is none.
func (s *Store) Filmed(ctx context.Context, municipality string, id, person int64) (*Filmed, error) {
	people, err := s.Register(ctx, municipality, id)
	if err != nil {
		return nil, err
	}
	for i := range people {
		if people[i].ID == person {
			return &people[i], nil
		}
	}
	return nil, fault.New(fault.NotFound, "register.unknown")
}

// registering changes the register of a testimony that is not closed. Whoever
// decides on the testimony meanwhile is told, for its version grows.
func (s *Store) registering(ctx context.Context, municipality string, id int64, do func(tx *gorm.DB, t *Testimony) error) error {
	_, err := s.change(ctx, municipality, id, func(tx *gorm.DB, t *Testimony) error {
		if t.State == Rejected || t.State == Withdrawn {
			return fault.New(fault.Conflict, "register.closed")
		}
		return do(tx, t)
	})
	return err
}

// AddFilmed adds a person to the register, and thereby says that somebody else
// appears. A form that comes twice adds one. It returns fault.Invalid with the
// fields that are wrong, fault.Conflict if the testimony is closed.
func (s *Store) AddFilmed(ctx context.Context, actor, municipality string, id int64, form FilmedForm) (added *Filmed, err error) {
	f := Filmed{TestimonyID: id, FormKey: form.Key, Revision: 1, RecordedAt: s.now(), RecordedBy: actor}
	wrong := form.read(&f, s.now())
	err = s.registering(ctx, municipality, id, func(tx *gorm.DB, t *Testimony) error {
		people, err := register(tx, id)
		if err != nil {
			return err
		}
		twice := slices.IndexFunc(people, form.added)
		if twice >= 0 {
			added = &people[twice]
			return nil
		}
		if len(people) >= MaxFilmed {
			wrong.Add("name", "register.full", "Max", MaxFilmed)
		}
		if err := wrong.Err(); err != nil {
			return err
		}
		if err := tx.Omit(clause.Associations).Create(&f).Error; err != nil {
			return err
		}
		if err := s.keepPaper(tx, &f, form); err != nil {
			return err
		}
		t.Others, added = OthersYes, &f
		delete(t.Unfinished, "others")
		return audit.Write(tx, s.now(), actor, "filmed.add", "testimony", id,
			map[string]any{"person": f.ID, "consent": f.Agreement(), "paper": form.Paper != nil})
	})
	if err != nil {
		return nil, fmt.Errorf("add to the register: %w", err)
	}
	return added, nil
}

// added tells whether an entry is what this form added before.
func (form FilmedForm) added(f Filmed) bool {
	return form.Key != "" && f.FormKey == form.Key || form.came(f)
}

// came tells whether an entry has the PDF that came with this form.
func (form FilmedForm) came(f Filmed) bool {
	return form.Paper != nil && f.Paper != nil && f.Paper.Name == form.Paper.Name
}

// CorrectFilmed corrects an entry as it was seen at form.Revision. It returns
// fault.Invalid with the fields that are wrong, fault.Conflict if somebody else
// corrected it meanwhile or the testimony is closed.
func (s *Store) CorrectFilmed(ctx context.Context, actor, municipality string, id, person int64, form FilmedForm) error {
	err := s.registering(ctx, municipality, id, func(tx *gorm.DB, _ *Testimony) error {
		f, err := standing(tx, id, person, form.Revision)
		if err != nil {
			return err
		}
		before := *f
		if err := form.read(f, s.now()).Err(); err != nil {
			return err
		}
		f.CorrectedAt, f.CorrectedBy, f.Revision = s.moment(), actor, f.Revision+1
		if err := tx.Omit(clause.Associations).Save(f).Error; err != nil {
			return err
		}
		if err := s.keepPaper(tx, f, form); err != nil {
			return err
		}
		return audit.Write(tx, s.now(), actor, "filmed.correct", "testimony", id,
			map[string]any{"person": f.ID, "changed": changes(before, *f, form), "consent": f.Agreement()})
	})
	if err != nil {
		return fmt.Errorf("correct the register: %w", err)
	}
	return nil
}

// changes are the names of what a correction changed: never what it says, for the
// trail outlives the register.
func changes(before, after Filmed, form FilmedForm) []string {
	names := []string{}
	for _, c := range []struct {
		name string
		is   bool
	}{
		{"name", before.Name != after.Name},
		{"age", before.Minor != after.Minor},
		{"guardian", before.Guardian != after.Guardian || before.Relation != after.Relation},
		{"given_on", before.GivenOn != after.GivenOn},
		{"consent", before.Agreement() != after.Agreement()},
		{"paper", form.Paper != nil || form.DropPaper && before.Paper != nil},
	} {
		if c.is {
			names = append(names, c.name)
		}
	}
	return names
}

// standing is an entry whose consent stands, as it was seen at a revision.
func standing(tx *gorm.DB, id, person int64, revision int) (*Filmed, error) {
	people, err := register(tx, id)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(people, func(p Filmed) bool { return p.ID == person })
	switch {
	case at < 0:
		return nil, fault.New(fault.NotFound, "register.unknown")
	case people[at].WithdrawnAt != nil:
		return nil, fault.New(fault.Conflict, "register.withdrawn_already")
	case people[at].Revision != revision:
		return nil, fault.New(fault.Conflict, "register.changed_meanwhile")
	}
	return &people[at], nil
}

// keepPaper has an entry name the PDF that came, in the place of the one before.
func (s *Store) keepPaper(tx *gorm.DB, f *Filmed, form FilmedForm) error {
	if form.Paper == nil && !form.DropPaper || form.came(*f) {
		return nil
	}
	if form.Paper != nil {
		var n int64
		if err := tx.Model(&Paper{}).Where("name = ?", form.Paper.Name).Count(&n).Error; err != nil {
			return fmt.Errorf("look for a signed release: %w", err)
		}
		if n > 0 { // it is another entry's, or was taken away meanwhile
			return fault.Fields{{Name: "paper", Message: fault.Msg("register.paper.gone")}}.Err()
		}
	}
	if err := s.dropPaper(tx, f.ID); err != nil || form.Paper == nil {
		f.Paper = nil
		return err
	}
	p := *form.Paper
	p.FilmedID, p.ReceivedAt = f.ID, s.now()
	if err := tx.Create(&p).Error; err != nil {
		return fmt.Errorf("keep a signed release: %w", err)
	}
	f.Paper = &p
	return nil
}

func (s *Store) dropPaper(tx *gorm.DB, person int64) error {
	err := tx.Model(&Paper{}).Where("filmed_id = ? AND dropped_at IS NULL", person).Update("dropped_at", s.now()).Error
	if err != nil {
		return fmt.Errorf("drop a signed release: %w", err)
	}
	return nil
}

// RemoveFilmed takes somebody off the register who is not in the video after all.
// That there was an entry stays, and who removed it; who it was does not. It
// returns fault.Conflict once review was asked for: from then on it is proof.
func (s *Store) RemoveFilmed(ctx context.Context, actor, municipality string, id, person int64, revision int) error {
	err := s.registering(ctx, municipality, id, func(tx *gorm.DB, t *Testimony) error {
		if !t.State.Editable() {
			return fault.New(fault.Conflict, "register.not_removable")
		}
		f, err := standing(tx, id, person, revision)
		if err != nil {
			return err
		}
		f.Name, f.Guardian, f.RemovedAt, f.RemovedBy = "", "", s.moment(), actor
		if err := tx.Omit(clause.Associations).Save(f).Error; err != nil {
			return err
		}
		if err := s.dropPaper(tx, f.ID); err != nil {
			return err
		}
		return audit.Write(tx, s.now(), actor, "filmed.remove", "testimony", id, map[string]any{"person": f.ID})
	})
	if err != nil {
		return fmt.Errorf("take somebody off the register: %w", err)
	}
	return nil
}

// WithdrawConsent notes that a person who is filmed took the consent back, and
// draws the consequence in the same transaction: what was approved is withdrawn;
// what is in review is a draft again; a draft needs another video before it can
// go there. Pressed twice it changes nothing.
func (s *Store) WithdrawConsent(ctx context.Context, actor, municipality string, id, person int64, w ConsentWithdrawal) (*Testimony, error) {
	wrong := w.check(s.now())
	t, err := s.change(ctx, municipality, id, func(tx *gorm.DB, t *Testimony) error {
		people, err := register(tx, id)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(people, func(p Filmed) bool { return p.ID == person })
		if at < 0 {
			return fault.New(fault.NotFound, "register.unknown")
		}
		f := &people[at]
		if f.WithdrawnAt != nil {
			return nil // pressed twice
		}
		wrong := slices.Clone(wrong)
		if t.State.Amendable() {
			wrong = append(wrong, w.Withdrawal.check(municipality)...)
		}
		if err := wrong.Err(); err != nil {
			return err
		}
		f.WithdrawnOn, f.WithdrawnWhy, f.WithdrawnAt, f.WithdrawnBy = w.On, w.Why, s.moment(), actor
		f.Revision++
		if err := tx.Omit(clause.Associations).Save(f).Error; err != nil {
			return err
		}
		if err := audit.Write(tx, s.now(), actor, "filmed.withdraw", "testimony", id, map[string]any{"person": f.ID, "on": f.WithdrawnOn}); err != nil {
			return err
		}
		return s.afterConsent(tx, actor, t, w.Withdrawal)
	})
	if err != nil {
		return nil, fmt.Errorf("withdraw a consent: %w", err)
	}
	return t, nil
}

// afterConsent is what becomes of a testimony once somebody in it took the
// consent back.
func (s *Store) afterConsent(tx *gorm.DB, actor string, t *Testimony, w Withdrawal) error {
	switch {
	case t.State.Amendable():
		t.ConsentLostAt = s.moment()
		return s.takeBack(tx, actor, t, w)
	case t.State == InReview:
		t.ConsentLostAt, t.SubmittedAt = s.moment(), nil
		return s.move(tx, actor, t, Draft, "")
	case t.State.Editable():
		t.ConsentLostAt, t.SubmittedAt = s.moment(), nil
	}
	return nil
}

// missing says what is needed before review, the register included, besides the
// file.
func (s *Store) missing(tx *gorm.DB, t *Testimony) (fault.Fields, error) {
	wrong := t.Missing(s.now())
	if t.Origin == FromChannel {
		return wrong, nil
	}
	people, err := register(tx, t.ID)
	if err != nil {
		return nil, err
	}
	people = slices.DeleteFunc(people, func(f Filmed) bool { return !f.Stands() })
	switch {
	case t.Others == OthersYes && len(people) == 0:
		wrong.Add("others", "register.none")
	case t.Others == OthersNo && len(people) > 0:
		wrong.Add("others", "register.not_empty", "Count", len(people))
	case slices.ContainsFunc(people, func(f Filmed) bool { return !f.Complete() }):
		wrong.Add("others", "register.incomplete")
	}
	if t.ConsentLostAt == nil || t.Video == nil {
		return wrong, nil
	}
	// A file that was on its way when the consent was withdrawn shows that person.
	began := t.Video.ReceivedAt
	var u Upload
	if err := tx.Where("id = ?", t.Video.UploadID).Limit(1).Find(&u).Error; err != nil {
		return nil, err
	}
	if u.ID != "" {
		began = u.CreatedAt
	}
	if t.lostConsentSince(began) {
		wrong.Add("video", "register.other_video")
	}
	return wrong, nil
}

// lostConsentSince tells whether somebody took the consent back after a file
// began to arrive: it shows that person.
func (t *Testimony) lostConsentSince(began time.Time) bool {
	return t.ConsentLostAt != nil && !began.After(*t.ConsentLostAt)
}

// DroppedPapers lists the signed releases that are not wanted any more since
// before a moment.
func (s *Store) DroppedPapers(ctx context.Context, before time.Time) ([]Paper, error) {
	var papers []Paper
	if err := s.db.Reader(ctx).Where("dropped_at < ?", before.UTC()).Order("name").Find(&papers).Error; err != nil {
		return nil, fmt.Errorf("list the signed releases that were dropped: %w", err)
	}
	return papers, nil
}

// ForgetPaper notes that the file of a dropped release is deleted.
func (s *Store) ForgetPaper(ctx context.Context, name string) error {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Where("name = ? AND dropped_at IS NOT NULL", name).Delete(&Paper{}).Error
	})
	if err != nil {
		return fmt.Errorf("forget a signed release: %w", err)
	}
	return nil
}

// HasPaper tells whether a file of the vault is a signed release that the
// register names.
func (s *Store) HasPaper(ctx context.Context, name string) (bool, error) {
	err := s.db.Reader(ctx).Where("name = ?", name).Take(&Paper{}).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for a signed release: %w", err)
	}
	return true, nil
}
