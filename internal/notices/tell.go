package notices

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
)

const (
	// quiet is how long nothing more must happen to a testimony before what
	// happened is told: of several changes in a row only the last counts.
	quiet = time.Minute
	// most is how much of the trail is read at once.
	most = 500
	// ahead is how far in the future an act may seem to be before its time is
	// not believed: a clock that was put right must not hold notices up.
	ahead = 10 * time.Second
)

// position is how far the trail was read.
type position struct {
	One     int `gorm:"primaryKey"`
	AuditID int64
}

// TableName names the table of the position.
func (position) TableName() string { return "notices" }

// errElsewhere means that another process told of it meanwhile.
var errElsewhere = errors.New("told elsewhere")

// Tell writes to town halls what happened since it was last called, but for the
// last minute. It may be called at any time, by several at once.
func (d *Desk) Tell(ctx context.Context) error {
	for {
		read, err := d.tellSome(ctx)
		if errors.Is(err, errElsewhere) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("tell town halls: %w", err)
		}
		if read < most {
			return nil
		}
	}
}

// tellSome tells of the next part of the trail, and returns how long it was.
func (d *Desk) tellSome(ctx context.Context) (read int, err error) {
	var at position
	if err := d.DB.Reader(ctx).Take(&at).Error; err != nil {
		return 0, fmt.Errorf("read how far the trail was told: %w", err)
	}
	var trail []audit.Entry
	err = d.DB.Reader(ctx).Select("id", "at", "action", "subject", "subject_id").Where("id > ?", at.AuditID).Order("id").Limit(most).Find(&trail).Error
	if err != nil {
		return 0, fmt.Errorf("read the trail: %w", err)
	}
	settled := trail[:d.settled(trail)]
	if len(settled) == 0 {
		return 0, nil
	}
	news, err := d.news(ctx, settled, trail[len(settled):])
	if err != nil {
		return 0, err
	}
	told := 0
	err = d.DB.Write(ctx, func(tx *gorm.DB) error {
		moved := tx.Model(&position{}).Where("audit_id = ?", at.AuditID).Update("audit_id", settled[len(settled)-1].ID)
		if moved.Error != nil {
			return moved.Error
		}
		if moved.RowsAffected == 0 {
			return errElsewhere
		}
		told, err = d.post(tx, news)
		return err
	})
	if err != nil {
		return 0, err
	}
	if told > 0 {
		d.Log.InfoContext(ctx, "town halls told", "messages", told, "testimonies", len(news))
	}
	return len(settled), nil
}

// settled is how much of the trail is old enough to be told.
func (d *Desk) settled(trail []audit.Entry) int {
	now := d.now()
	for i, e := range trail {
		if age := now.Sub(e.At); age < quiet && age > -ahead {
			return i
		}
	}
	return len(trail)
}

// item is what is told of one testimony.
type item struct {
	kind      kind
	testimony *testimony.Testimony
	expected  *fault.Message // when it comes out
}

// news are the last that happened to each testimony, the oldest first. What is
// followed by more in less than a minute waits for that.
func (d *Desk) news(ctx context.Context, settled, fresh []audit.Entry) ([]item, error) {
	last := map[int64]audit.Entry{}
	acts, err := d.about(ctx, settled)
	if err != nil {
		return nil, err
	}
	var order []int64
	known := map[int64]*testimony.Testimony{}
	kinds := map[int64]kind{}
	for _, a := range acts {
		t := known[a.testimony]
		if t == nil {
			t, err = d.Testimonies.Get(ctx, testimony.Anywhere, a.testimony)
			if fault.Of(err) == fault.NotFound {
				continue // its draft is gone
			}
			if err != nil {
				return nil, err
			}
			known[a.testimony] = t
		}
		k := kindOf(a.Action, t)
		if k == "" || t.Sample {
			continue
		}
		order = append(slices.DeleteFunc(order, func(id int64) bool { return id == t.ID }), t.ID)
		last[t.ID], kinds[t.ID] = a.Entry, k
	}
	more, err := d.about(ctx, fresh)
	if err != nil {
		return nil, err
	}
	for _, a := range more {
		if e, ok := last[a.testimony]; ok && a.At.Sub(e.At) < quiet && kindOf(a.Action, known[a.testimony]) != "" {
			delete(last, a.testimony)
		}
	}
	var all []item
	for _, id := range order {
		if _, ok := last[id]; !ok {
			continue
		}
		one := item{kind: kinds[id], testimony: known[id]}
		if one.kind == approved {
			if one.expected, err = d.Expected(ctx, id); err != nil {
				return nil, err
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// act is an entry of the trail that is about a testimony.
type act struct {
	audit.Entry
	testimony int64
}

// about are the acts that are told of, each with its testimony.
func (d *Desk) about(ctx context.Context, trail []audit.Entry) ([]act, error) {
	var acts []act
	var publications []int64
	for _, e := range trail {
		if actions[e.Action] == "" {
			continue
		}
		id, err := strconv.ParseInt(e.SubjectID, 10, 64)
		if err != nil {
			continue // not ours
		}
		acts = append(acts, act{Entry: e, testimony: id})
		if e.Subject == "publication" {
			publications = append(publications, id)
		}
	}
	if len(publications) == 0 {
		return acts, nil
	}
	var rows []struct{ ID, TestimonyID int64 }
	if err := d.DB.Reader(ctx).Table("publications").Where("id IN ?", publications).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read whose publications they are: %w", err)
	}
	of := make(map[int64]int64, len(rows))
	for _, r := range rows {
		of[r.ID] = r.TestimonyID
	}
	for i, a := range acts {
		if a.Subject == "publication" {
			acts[i].testimony = of[a.testimony]
		}
	}
	return acts, nil
}
