package testimony

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/store"
)

// Hooks let other rooms take part in a change, inside its transaction, without
// this one knowing them.
type Hooks struct {
	VideoReceived func(tx *gorm.DB, v *Video) error     // look at the file
	Approved      func(tx *gorm.DB, t *Testimony) error // take it to the channel; again when the full file has come
	Withdrawn     func(tx *gorm.DB, t *Testimony) error // take it off the channel
	Returned      func(tx *gorm.DB, t *Testimony) error // leave it alone: it is back with its town hall, or before staff
	// Amended calls write, which changes what is said, and has the channel follow.
	Amended func(tx *gorm.DB, t *Testimony, write func() error) error
	// Shown runs after a commit that changed what citizens see.
	Shown func()
}

// Store keeps testimonies, their files and their themes.
type Store struct {
	db    *store.Store
	hooks Hooks
	now   func() time.Time
}

// NewStore makes the store. All hooks must be there.
func NewStore(db *store.Store, hooks Hooks, clock func() time.Time) *Store {
	return &Store{db: db, hooks: hooks, now: func() time.Time { return clock().UTC() }}
}

// Anywhere is the scope of staff, who act for every municipality.
const Anywhere = ""

// Themes returns all themes in their order.
func (s *Store) Themes(ctx context.Context) ([]Theme, error) { return Themes(ctx, s.db) }

// Themes returns all themes of a database in their order.
func Themes(ctx context.Context, db *store.Store) ([]Theme, error) {
	// Nearly every page asks this. GORM would cost three times the query itself, a
	// context that can end once more: the driver then hands each row from one
	// goroutine to another.
	rows, err := db.ReadSQL().QueryContext(context.WithoutCancel(ctx), `SELECT id, slug, position, name_it, name_en, name_fr, colour, icon, youtube_tags
		FROM themes ORDER BY position, id`)
	if err != nil {
		return nil, fmt.Errorf("read the themes: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what went wrong
	var themes []Theme
	for rows.Next() {
		var t Theme
		if err := rows.Scan(&t.ID, &t.Slug, &t.Position, &t.NameIT, &t.NameEN, &t.NameFR, &t.Colour, &t.Icon, &t.YoutubeTags); err != nil {
			return nil, fmt.Errorf("read the themes: %w", err)
		}
		themes = append(themes, t)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the themes: %w", err)
	}
	return themes, nil
}

// whole adds everything that belongs to a testimony to a query.
func whole(db *gorm.DB) *gorm.DB {
	return db.
		Preload("Themes", func(db *gorm.DB) *gorm.DB { return db.Order("position") }).
		Preload("Releases", func(db *gorm.DB) *gorm.DB { return db.Order("id") }).
		Preload("Videos", "state <> ?", VideoReplaced)
}

// withApproval adds the request to approve that is in force.
func withApproval(db *gorm.DB) *gorm.DB { return db.Preload("Approval", "state IN ?", inForce) }

func get(db *gorm.DB, municipality string, id int64) (*Testimony, error) {
	q := withApproval(whole(db)).Where("id = ?", id)
	if municipality != Anywhere {
		q = q.Where("municipality_code = ?", municipality)
	}
	var t Testimony
	err := q.Take(&t).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, fault.New(fault.NotFound, "testimony.unknown")
	}
	if err != nil {
		return nil, fmt.Errorf("read testimony %d: %w", id, err)
	}
	return &t, nil
}

// Get returns a testimony of a municipality (or of Anywhere) with its themes,
// consents and current file. It returns fault.NotFound if there is none, also
// when it is somebody else's.
func (s *Store) Get(ctx context.Context, municipality string, id int64) (*Testimony, error) {
	return get(s.db.Reader(ctx), municipality, id)
}

// GetIn is Get of Anywhere inside a transaction.
func (s *Store) GetIn(tx *gorm.DB, id int64) (*Testimony, error) { return get(tx, Anywhere, id) }

// FindIn is Get inside a transaction.
func (s *Store) FindIn(tx *gorm.DB, municipality string, id int64) (*Testimony, error) {
	return get(tx, municipality, id)
}

// ForCitizen returns a testimony that a citizen with its address may see.
// It returns fault.NotFound, or fault.Gone for one that was withdrawn.
func (s *Store) ForCitizen(ctx context.Context, id int64) (*Testimony, error) {
	t, err := get(s.db.Reader(ctx), Anywhere, id)
	if err != nil {
		return nil, err
	}
	if t.State == Withdrawn && t.PublishedAt != nil && t.Visibility != Private {
		return nil, fault.New(fault.Gone, "testimony.withdrawn")
	}
	if !t.OpenToCitizens() {
		return nil, fault.New(fault.NotFound, "testimony.unknown")
	}
	return t, nil
}

// OfMunicipality lists a town hall's testimonies, newest first, one page of
// size starting after the first skip, and how many there are.
func (s *Store) OfMunicipality(ctx context.Context, municipality string, skip, size int) ([]Testimony, int64, error) {
	db := withApproval(s.db.Reader(ctx)).Where("municipality_code = ?", municipality)
	return list(db, "id DESC", skip, size)
}

// WithTownHall lists the testimonies that a town hall may still change, those sent
// back first, then the newest: the first n, with their files.
func (s *Store) WithTownHall(ctx context.Context, municipality string, n int) ([]Testimony, error) {
	var found []Testimony
	err := withApproval(whole(s.db.Reader(ctx))).
		Where("municipality_code = ? AND state IN ?", municipality, []State{Draft, ChangesRequested}).
		Order("state = 'changes_requested' DESC, id DESC").Limit(n).Find(&found).Error
	if err != nil {
		return nil, fmt.Errorf("list what a town hall may still change: %w", err)
	}
	return found, nil
}

// InReviewQueue lists what waits for a moderator, the longest wait first.
func (s *Store) InReviewQueue(ctx context.Context, skip, size int) ([]Testimony, int64, error) {
	return list(s.db.Reader(ctx).Where("state = ?", InReview), "submitted_at, id", skip, size)
}

// InState lists the testimonies in one of states, last changed first.
func (s *Store) InState(ctx context.Context, skip, size int, states ...State) ([]Testimony, int64, error) {
	return list(s.db.Reader(ctx).Where("state IN ?", states), "updated_at DESC, id DESC", skip, size)
}

// ByIDs returns testimonies by their ids; those that do not exist are not in it.
func (s *Store) ByIDs(ctx context.Context, ids []int64) (map[int64]Testimony, error) {
	var found []Testimony
	if err := whole(s.db.Reader(ctx)).Where("id IN ?", ids).Find(&found).Error; err != nil {
		return nil, fmt.Errorf("read %d testimonies: %w", len(ids), err)
	}
	by := make(map[int64]Testimony, len(found))
	for _, t := range found {
		by[t.ID] = t
	}
	return by, nil
}

// CountByMunicipality counts the testimonies of each town hall, by ISTAT code.
func (s *Store) CountByMunicipality(ctx context.Context) (map[string]int64, error) {
	var rows []struct {
		MunicipalityCode string
		N                int64
	}
	err := s.db.Reader(ctx).Model(&Testimony{}).Select("municipality_code, count(*) AS n").Group("municipality_code").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("count testimonies by municipality: %w", err)
	}
	counts := make(map[string]int64, len(rows))
	for _, r := range rows {
		counts[r.MunicipalityCode] = r.N
	}
	return counts, nil
}

func list(db *gorm.DB, order string, skip, size int) ([]Testimony, int64, error) {
	var n int64
	if err := db.Session(&gorm.Session{}).Model(&Testimony{}).Count(&n).Error; err != nil {
		return nil, 0, fmt.Errorf("count testimonies: %w", err)
	}
	var found []Testimony
	if err := whole(db.Session(&gorm.Session{})).Order(order).Offset(skip).Limit(size).Find(&found).Error; err != nil {
		return nil, 0, fmt.Errorf("list testimonies: %w", err)
	}
	return found, n, nil
}

// Create starts a draft for a municipality from what was typed, whatever it
// is: what cannot be accepted is kept as typed and named by Wrong.
func (s *Store) Create(ctx context.Context, actor, municipality string, f Form, sample bool) (*Testimony, error) {
	t := &Testimony{
		MunicipalityCode: municipality, State: Draft, Language: "it", Visibility: Public, Sample: sample,
		Version: 1, WordedVersion: 1, WordedBy: actor, CreatedAt: s.now(), UpdatedAt: s.now(),
	}
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		if err := s.fill(tx, t, actor, f); err != nil {
			return err
		}
		if err := tx.Omit(clause.Associations).Create(t).Error; err != nil {
			return err
		}
		if err := s.keepParts(tx, t, actor, f); err != nil {
			return err
		}
		return audit.Write(tx, s.now(), actor, "testimony.create", "testimony", t.ID, nil)
	})
	if err != nil {
		return nil, fmt.Errorf("create a testimony: %w", err)
	}
	return t, nil
}

// Save keeps what was typed into a draft, whatever it is, as Create does.
// It returns fault.NotFound; fault.Conflict if it can no longer be edited, or if
// the form says which version it was made of and somebody has said something else
// since, see Reworded. A form that comes twice changes nothing the second time.
func (s *Store) Save(ctx context.Context, actor, municipality string, id int64, f Form) (*Testimony, error) {
	return s.change(ctx, municipality, id, func(tx *gorm.DB, t *Testimony) error {
		if !t.State.Editable() {
			return fault.New(fault.Conflict, "testimony.not_editable")
		}
		before := t.words()
		if err := s.fill(tx, t, actor, f); err != nil {
			return err
		}
		if err := s.keepParts(tx, t, actor, f); err != nil || t.words() == before {
			return err
		}
		if f.Version != 0 && t.WordedVersion > f.Version {
			return fault.New(fault.Conflict, rewordedKey)
		}
		t.wordedBy(actor)
		return nil
	})
}

// rewordedKey is the sentence for programs; who has a page is shown their form.
const rewordedKey = "testimony.changed_meanwhile"

// Reworded tells whether a form was refused because somebody else changed what is
// said after it was shown.
func Reworded(err error) bool {
	e, ok := errors.AsType[*fault.Error](err)
	return ok && e.Message.Key == rewordedKey
}

// words stands for all that the form holds.
func (t *Testimony) words() string {
	return t.fingerprint() + fmt.Sprint(t.Unfinished) // maps are printed in the order of their keys
}

// wordedBy notes who said what is said from the next version on.
func (t *Testimony) wordedBy(actor string) { t.WordedVersion, t.WordedBy = t.Version+1, actor }

func (s *Store) fill(tx *gorm.DB, t *Testimony, _ string, f Form) error {
	var themes []Theme
	if err := tx.Order("position, id").Find(&themes).Error; err != nil {
		return fmt.Errorf("read the themes: %w", err)
	}
	t.apply(f, themes, s.now())
	return nil
}

// keepParts writes the rows that hang on a draft: themes and consents. A
// consent once given keeps its time; one unticked before review is taken back.
func (s *Store) keepParts(tx *gorm.DB, t *Testimony, actor string, f Form) error {
	if err := tx.Model(t).Omit("Themes.*").Association("Themes").Replace(t.Themes); err != nil {
		return fmt.Errorf("keep the themes: %w", err)
	}
	given := map[string]Release{}
	for _, r := range t.Releases {
		given[r.Kind+" "+r.Version] = r
	}
	t.Releases = nil
	for _, c := range Consents() {
		key := c.Kind + " " + c.Version
		r, had := given[key]
		wants := contains(f.Release, c.Kind)
		switch {
		case wants && !had:
			r = Release{TestimonyID: t.ID, Kind: c.Kind, Version: c.Version, Wording: c.Wording, AcceptedAt: s.now(), AcceptedBy: actor}
			if err := tx.Create(&r).Error; err != nil {
				return fmt.Errorf("keep the consent %s: %w", c.Kind, err)
			}
		case !wants && had:
			if err := tx.Delete(&Release{}, r.ID).Error; err != nil {
				return fmt.Errorf("take back the consent %s: %w", c.Kind, err)
			}
		}
		if wants {
			t.Releases = append(t.Releases, r)
		}
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// change reads a testimony, lets do change it, and writes it back with a higher
// version, all in one transaction.
func (s *Store) change(ctx context.Context, municipality string, id int64, do func(tx *gorm.DB, t *Testimony) error) (*Testimony, error) {
	var changed *Testimony
	shown := false
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		t, err := get(tx, municipality, id)
		if err != nil {
			return err
		}
		before := t.OpenToCitizens()
		if err := do(tx, t); err != nil {
			return err
		}
		shown = before || t.OpenToCitizens()
		changed = t
		return s.write(tx, t)
	})
	if err != nil {
		return nil, fmt.Errorf("change testimony %d: %w", id, err)
	}
	if shown {
		s.hooks.Shown()
	}
	return changed, nil
}

func (s *Store) write(tx *gorm.DB, t *Testimony) error {
	t.Version++
	t.UpdatedAt = s.now()
	return tx.Omit(clause.Associations).Save(t).Error
}
