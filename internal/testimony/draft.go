package testimony

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
)

// CaptionDraft are captions of a language that somebody, or a machine, is
// writing. Their text may have errors, and nobody else sees it.
type CaptionDraft struct {
	ID          int64
	TestimonyID int64
	Language    string
	Text        string // WebVTT, as it was typed
	Filename    string // of the file that it came from, if from one
	Source      Source
	Page        string // mark of the open page that wrote it last
	ChangedAt   time.Time
	ChangedBy   string
}

// CaptionText is what a writer of captions begins from: the draft, or else what
// is out, or else nothing.
type CaptionText struct {
	Text  string
	Draft *CaptionDraft // nil without one
	Out   *Caption      // nil without any
}

// Base marks the text, so that nobody writes over what they have not seen.
func (c CaptionText) Base() string {
	sum := sha256.Sum256([]byte(c.Text))
	return hex.EncodeToString(sum[:8])
}

// Machine tells whether nobody has read the text yet.
func (c CaptionText) Machine() bool { return c.Draft != nil && c.Draft.Source == ByMachine }

// CaptionDrafts lists the drafts of a testimony, without their text, by
// language.
func (s *Store) CaptionDrafts(ctx context.Context, testimonyID int64) ([]CaptionDraft, error) {
	var all []CaptionDraft
	err := s.db.Reader(ctx).Omit("text").Where("testimony_id = ?", testimonyID).Order("language").Find(&all).Error
	if err != nil {
		return nil, fmt.Errorf("list the drafts of captions of testimony %d: %w", testimonyID, err)
	}
	return all, nil
}

// CaptionText returns what a writer of captions of a language begins from. It
// returns fault.NotFound for a language that is none of ours.
func (s *Store) CaptionText(ctx context.Context, testimonyID int64, language string) (CaptionText, error) {
	return captionText(s.db.Reader(ctx), testimonyID, language)
}

func captionText(db *gorm.DB, testimonyID int64, language string) (CaptionText, error) {
	if !KnownLanguage(language) {
		return CaptionText{}, fault.New(fault.NotFound, "testimony.caption.unknown")
	}
	var text CaptionText
	var drafts []CaptionDraft
	var out []Caption
	for _, found := range []any{&drafts, &out} {
		if err := db.Where("testimony_id = ? AND language = ?", testimonyID, language).Limit(1).Find(found).Error; err != nil {
			return text, fmt.Errorf("read the captions of testimony %d: %w", testimonyID, err)
		}
	}
	if len(out) > 0 {
		text.Out, text.Text = &out[0], out[0].VTT
	}
	if len(drafts) > 0 {
		text.Draft, text.Text = &drafts[0], drafts[0].Text
	}
	return text, nil
}

// DraftEdit is a new text of a draft.
type DraftEdit struct {
	Language string
	Text     string
	Filename string // of the file that it comes from, if from one
	Base     string // of the text that the writer began from
	Page     string // mark of the writer's open page: its own text it may replace unseen, as when an answer was lost
}

// SaveCaptionDraft keeps what was typed, whatever it is, and returns what there
// is now. It returns fault.Conflict if somebody else wrote meanwhile, or the
// testimony is closed.
func (s *Store) SaveCaptionDraft(ctx context.Context, actor, municipality string, id int64, e DraftEdit) (CaptionText, error) {
	var now CaptionText
	err := s.caption(ctx, municipality, id, false, func(tx *gorm.DB, _ *Testimony) (err error) {
		now, err = s.editDraft(tx, actor, id, e)
		return err
	})
	return now, err
}

func (s *Store) editDraft(tx *gorm.DB, actor string, id int64, e DraftEdit) (CaptionText, error) {
	now, err := captionText(tx, id, e.Language)
	if err != nil {
		return now, err
	}
	own := now.Draft != nil && e.Page != "" && now.Draft.Page == e.Page
	switch {
	case now.Text == e.Text:
		return now, nil // also sent twice
	case now.Base() != e.Base && !own:
		return now, fault.New(fault.Conflict, "captions.changed_meanwhile")
	}
	d := CaptionDraft{TestimonyID: id, Language: e.Language, Source: ByPerson}
	goesOn := now.Draft != nil && now.Draft.ChangedBy == actor
	if now.Draft != nil {
		d = *now.Draft // what a machine wrote stays marked as such until somebody confirms to have read it
	}
	d.Text, d.Page, d.ChangedAt, d.ChangedBy = e.Text, e.Page, s.now(), actor
	if e.Filename != "" {
		d.Filename = e.Filename
	}
	if err := tx.Save(&d).Error; err != nil {
		return now, err
	}
	now.Draft, now.Text = &d, d.Text
	if goesOn {
		return now, nil // one act in the trail, not one for each word
	}
	return now, audit.Write(tx, s.now(), actor, "testimony.caption_draft", "testimony", id, map[string]any{"language": e.Language})
}

// PublishCaption puts captions that were checked in the place of their draft,
// whose text e is: c says VTT and SHA256. read tells that the writer confirms to
// have read the text, without which a machine's is fault.Invalid on the field
// "read". It returns fault.Conflict as SaveCaptionDraft does.
func (s *Store) PublishCaption(ctx context.Context, actor, municipality string, id int64, e DraftEdit, c Caption, read bool) error {
	return s.caption(ctx, municipality, id, true, func(tx *gorm.DB, _ *Testimony) error {
		now, err := s.editDraft(tx, actor, id, e)
		if err != nil {
			return err
		}
		c.Language, c.Source = e.Language, ByPerson
		switch {
		case now.Draft != nil:
			c.Source, c.Filename = now.Draft.Source, now.Draft.Filename
		case now.Out != nil && now.Out.SHA256 == c.SHA256:
			return nil // they are out already
		}
		if c.Source == ByMachine && !read {
			return fault.Fields{{Name: "read", Message: fault.Msg("captions.unread")}}.Err()
		}
		return s.putCaption(tx, actor, id, c)
	})
}

// DropCaptionDraft forgets a draft; what is out stays.
func (s *Store) DropCaptionDraft(ctx context.Context, actor, municipality string, id int64, language string) error {
	return s.caption(ctx, municipality, id, false, func(tx *gorm.DB, _ *Testimony) error {
		gone := tx.Where("testimony_id = ? AND language = ?", id, language).Delete(&CaptionDraft{})
		if gone.Error != nil || gone.RowsAffected == 0 {
			return gone.Error
		}
		return audit.Write(tx, s.now(), actor, "testimony.caption_draft_delete", "testimony", id, map[string]any{"language": language})
	})
}

// TakeMachineCaption keeps what a machine heard in a file as a draft, to be read
// by a person. It leaves alone what persons wrote, and a testimony that is
// closed or has another file by now: then taken is false.
func (s *Store) TakeMachineCaption(ctx context.Context, v *Video, language, text string) (taken bool, err error) {
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		t, err := get(tx, Anywhere, v.TestimonyID)
		if fault.Of(err) == fault.NotFound {
			return nil // deleted
		}
		if err != nil {
			return err
		}
		now, err := captionText(tx, t.ID, language)
		if err != nil {
			return err
		}
		unread := now.Draft == nil || now.Draft.ChangedBy == audit.Portal
		if !t.State.Captionable() || t.Video == nil || t.Video.ID != v.ID || now.Out != nil || !unread {
			return nil
		}
		taken = true
		d := CaptionDraft{TestimonyID: t.ID, Language: language, Text: text, Source: ByMachine, ChangedAt: s.now(), ChangedBy: audit.Portal}
		err = tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "testimony_id"}, {Name: "language"}}, UpdateAll: true}).Create(&d).Error
		if err != nil {
			return err
		}
		return audit.Write(tx, s.now(), audit.Portal, "testimony.caption_machine", "testimony", t.ID, map[string]any{"language": language, "video": v.ID})
	})
	if err != nil {
		return false, fmt.Errorf("keep what a machine heard in video %d: %w", v.ID, err)
	}
	return taken, nil
}
