package testimony

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
)

// Caption is the text of what is said, in a language, as WebVTT.
type Caption struct {
	ID          int64
	TestimonyID int64
	Language    string
	Filename    string // as it came
	VTT         string `gorm:"column:vtt"`
	SHA256      string `gorm:"column:sha256"` // of VTT
	CreatedAt   time.Time
	CreatedBy   string
}

// Captions lists a testimony's captions, without their text, by language.
func (s *Store) Captions(ctx context.Context, testimonyID int64) ([]Caption, error) {
	var all []Caption
	err := s.db.Reader(ctx).Omit("vtt").Where("testimony_id = ?", testimonyID).Order("language").Find(&all).Error
	if err != nil {
		return nil, fmt.Errorf("list the captions of testimony %d: %w", testimonyID, err)
	}
	return all, nil
}

// Caption returns the captions of a testimony in a language, or fault.NotFound.
func (s *Store) Caption(ctx context.Context, testimonyID int64, language string) (*Caption, error) {
	var c Caption
	found := s.db.Reader(ctx).Where("testimony_id = ? AND language = ?", testimonyID, language).Limit(1).Find(&c)
	if found.Error != nil {
		return nil, fmt.Errorf("read the captions of testimony %d: %w", testimonyID, found.Error)
	}
	if found.RowsAffected == 0 {
		return nil, fault.New(fault.NotFound, "testimony.caption.unknown")
	}
	return &c, nil
}

// PutCaption keeps captions of a language, in the place of those before. c says
// Language, Filename, VTT and SHA256.
func (s *Store) PutCaption(ctx context.Context, actor, municipality string, id int64, c Caption) error {
	if !slices.Contains(Languages(), c.Language) {
		return fault.Fields{{Name: "caption_language", Message: fault.Msg("testimony.language.unknown")}}.Err()
	}
	return s.caption(ctx, municipality, id, func(tx *gorm.DB) error {
		if err := tx.Where("testimony_id = ? AND language = ?", id, c.Language).Delete(&Caption{}).Error; err != nil {
			return err
		}
		c.TestimonyID, c.CreatedAt, c.CreatedBy = id, s.now(), actor
		if err := tx.Create(&c).Error; err != nil {
			return err
		}
		return audit.Write(tx, s.now(), actor, "testimony.caption", "testimony", id, map[string]any{"language": c.Language, "filename": c.Filename})
	})
}

// DeleteCaption takes the captions of a language away.
func (s *Store) DeleteCaption(ctx context.Context, actor, municipality string, id int64, language string) error {
	return s.caption(ctx, municipality, id, func(tx *gorm.DB) error {
		gone := tx.Where("testimony_id = ? AND language = ?", id, language).Delete(&Caption{})
		if gone.Error != nil || gone.RowsAffected == 0 {
			return gone.Error
		}
		return audit.Write(tx, s.now(), actor, "testimony.caption_delete", "testimony", id, map[string]any{"language": language})
	})
}

// caption changes the captions of a testimony that is not closed, whatever its
// state.
func (s *Store) caption(ctx context.Context, municipality string, id int64, do func(tx *gorm.DB) error) error {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		t, err := get(tx, municipality, id)
		if err != nil {
			return err
		}
		if t.State == Rejected || t.State == Withdrawn {
			return fault.New(fault.Conflict, "testimony.not_editable")
		}
		if err := do(tx); err != nil {
			return err
		}
		if !t.State.Amendable() {
			return nil // its publication will look when it is planned
		}
		return s.hooks.Amended(tx, t, func() error { return nil })
	})
	if err != nil {
		return fmt.Errorf("change the captions of testimony %d: %w", id, err)
	}
	s.hooks.Shown()
	return nil
}
