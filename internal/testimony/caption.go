package testimony

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
)

// Source is who wrote captions.
type Source string

// The sources. Their names are in the database.
const (
	ByPerson  Source = "person"
	ByMachine Source = "machine" // a draft: nobody has read it yet
)

// Caption is the text of what is said, in a language, as WebVTT.
type Caption struct {
	ID          int64
	TestimonyID int64
	Language    string
	Filename    string // as it came; empty if it was written here
	VTT         string `gorm:"column:vtt"`
	SHA256      string `gorm:"column:sha256"` // of VTT
	Source      Source `gorm:"default:person"`
	ReadBy      string // of a machine's: who read them before they came out
	ReadAt      *time.Time
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

// TakeCaptionFile keeps a file of captions: e says its Language, Text and
// Filename, and c, unless the file has errors, its VTT and SHA256. It comes out at
// once where nothing is there; otherwise, or with errors, it becomes a draft,
// for a person to look at, and out is false. It never takes the place of a draft
// that a person is writing: then it is fault.Invalid on "caption_language".
func (s *Store) TakeCaptionFile(ctx context.Context, actor, municipality string, id int64, e DraftEdit, c *Caption) (out bool, err error) {
	if !KnownLanguage(e.Language) {
		return false, fault.Fields{{Name: "caption_language", Message: fault.Msg("testimony.language.unknown")}}.Err()
	}
	err = s.caption(ctx, municipality, id, true, func(tx *gorm.DB, _ *Testimony) error {
		now, err := captionText(tx, id, e.Language)
		switch {
		case err != nil:
			return err
		case now.Draft != nil && now.Draft.Text == e.Text, now.Out != nil && c != nil && now.Draft == nil && now.Out.SHA256 == c.SHA256:
			out = now.Draft == nil
			return nil // sent twice
		case now.Draft != nil && now.Draft.ChangedBy != audit.Portal:
			return fault.Fields{{Name: "caption_language", Message: fault.Msg("captions.draft_there")}}.Err()
		case c != nil && now.Out == nil:
			out = true
			c.Language, c.Filename = e.Language, e.Filename
			return s.putCaption(tx, actor, id, *c)
		}
		if err := tx.Where("testimony_id = ? AND language = ?", id, e.Language).Delete(&CaptionDraft{}).Error; err != nil {
			return err
		}
		e.Base = CaptionText{}.Base()
		if now.Out != nil {
			e.Base = CaptionText{Text: now.Out.VTT}.Base()
		}
		_, err = s.editDraft(tx, actor, id, e)
		return err
	})
	return out, err
}

// putCaption keeps captions of a language, in the place of those before, inside
// tx. A draft of that language is over.
func (s *Store) putCaption(tx *gorm.DB, actor string, id int64, c Caption) error {
	for _, before := range []any{&Caption{}, &CaptionDraft{}} {
		if err := tx.Where("testimony_id = ? AND language = ?", id, c.Language).Delete(before).Error; err != nil {
			return err
		}
	}
	detail := map[string]any{"language": c.Language, "filename": c.Filename}
	if c.Source == ByMachine {
		c.ReadBy, c.ReadAt = actor, s.moment()
		detail["machine"], detail["read"] = true, true
	}
	c.TestimonyID, c.CreatedAt, c.CreatedBy = id, s.now(), actor
	if err := tx.Create(&c).Error; err != nil {
		return err
	}
	return audit.Write(tx, s.now(), actor, "testimony.caption", "testimony", id, detail)
}

// DeleteCaption takes the captions of a language away.
func (s *Store) DeleteCaption(ctx context.Context, actor, municipality string, id int64, language string) error {
	return s.caption(ctx, municipality, id, true, func(tx *gorm.DB, _ *Testimony) error {
		gone := tx.Where("testimony_id = ? AND language = ?", id, language).Delete(&Caption{})
		if gone.Error != nil || gone.RowsAffected == 0 {
			return gone.Error
		}
		return audit.Write(tx, s.now(), actor, "testimony.caption_delete", "testimony", id, map[string]any{"language": language})
	})
}

// caption changes the captions of a testimony that is not closed, whatever its
// state. out tells whether others than who writes see the change.
func (s *Store) caption(ctx context.Context, municipality string, id int64, out bool, do func(tx *gorm.DB, t *Testimony) error) error {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		t, err := get(tx, municipality, id)
		if err != nil {
			return err
		}
		if !t.State.Captionable() {
			return fault.New(fault.Conflict, "testimony.not_editable")
		}
		if err := do(tx, t); err != nil {
			return err
		}
		if !out || !t.State.Amendable() {
			return nil // its publication will look when it is planned
		}
		return s.hooks.Amended(tx, t, func() error { return nil })
	})
	if err != nil {
		return fmt.Errorf("change the captions of testimony %d: %w", id, err)
	}
	if out {
		s.hooks.Shown()
	}
	return nil
}

// Captionable tells whether captions may be written: at any time before a
// testimony is closed.
func (s State) Captionable() bool { return s != Rejected && s != Withdrawn }
