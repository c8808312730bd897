package publishing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// queueLength bounds the list of publications that are under way.
const queueLength = 200

// Of returns the publications of testimonies by their ids; those that were
// never approved have none.
func (p *Publisher) Of(ctx context.Context, testimonyIDs []int64) (map[int64]Publication, error) {
	var rows []Publication
	if err := p.DB.Reader(ctx).Where("testimony_id IN ?", testimonyIDs).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read the publications of %d testimonies: %w", len(testimonyIDs), err)
	}
	by := make(map[int64]Publication, len(rows))
	for _, r := range rows {
		by[r.TestimonyID] = r
	}
	return by, nil
}

// Queue lists the publications that are not out, those that need a person
// first, then the longest wait.
func (p *Publisher) Queue(ctx context.Context) ([]Publication, error) {
	var rows []Publication
	err := p.DB.Reader(ctx).Where("state NOT IN ?", []State{Public, Removed}).
		Order("state <> 'blocked', since, id").Limit(queueLength).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list the publications under way: %w", err)
	}
	return rows, nil
}

// Get returns a publication, or fault.NotFound.
func (p *Publisher) Get(ctx context.Context, id int64) (*Publication, error) {
	return get(p.DB.Reader(ctx), id)
}

// History lists what happened to a publication and its testimony, the oldest
// first.
func (p *Publisher) History(ctx context.Context, pub *Publication) ([]audit.Entry, error) {
	said, err := audit.Of(p.DB.Reader(ctx), "testimony", pub.TestimonyID)
	if err != nil {
		return nil, err
	}
	sent, err := audit.Of(p.DB.Reader(ctx), "publication", pub.ID)
	if err != nil {
		return nil, err
	}
	all := append(said, sent...)
	slices.SortStableFunc(all, func(a, b audit.Entry) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

func get(db *gorm.DB, id int64) (*Publication, error) {
	var pub Publication
	err := db.Take(&pub, id).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, fault.New(fault.NotFound, "publishing.unknown")
	}
	if err != nil {
		return nil, fmt.Errorf("read publication %d: %w", id, err)
	}
	return &pub, nil
}

// update is change in a transaction of its own.
func (p *Publisher) update(ctx context.Context, id int64, from []State, next State, why testimony.Sentence, more map[string]any) (ok bool, err error) {
	err = p.DB.Write(ctx, func(tx *gorm.DB) error {
		ok, err = p.change(tx, id, from, next, why, more)
		return err
	})
	return ok, err
}

// change moves a publication to a state, if it is in one of from (nil: any),
// with why and other columns. ok is false if it is in none of them: somebody
// withdrew it meanwhile. A new state is written to the trail.
func (p *Publisher) change(tx *gorm.DB, id int64, from []State, next State, why testimony.Sentence, more map[string]any) (ok bool, err error) {
	pub, err := get(tx, id)
	if err != nil {
		return false, err
	}
	if from != nil && !in(from, pub.State) {
		return false, nil
	}
	values := map[string]any{"state": next, "reason": why}
	if next != pub.State {
		values["since"], values["until"] = p.now(), nil
	}
	maps.Copy(values, more)
	if err := tx.Model(&Publication{}).Where("id = ?", id).Updates(values).Error; err != nil {
		return false, fmt.Errorf("change publication %d: %w", id, err)
	}
	if next == pub.State {
		return true, nil
	}
	return true, p.note(tx, audit.Portal, id, next, why)
}

func in(states []State, s State) bool {
	for _, one := range states {
		if one == s {
			return true
		}
	}
	return false
}

func (p *Publisher) note(tx *gorm.DB, actor string, id int64, state State, why testimony.Sentence) error {
	detail := map[string]any{}
	if why.Key != "" {
		detail["reason"], detail["why"] = why.Key, why.Message
	}
	return audit.Write(tx, p.now(), actor, "publication."+string(state), "publication", id, detail)
}
