package testimony

import (
	"context"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
)

// longestSchedule is how far ahead a testimony may be put off.
const longestSchedule = 366 * 24 * time.Hour

// Amendable tells whether what is said of a testimony may still be changed after
// its approval: the channel follows.
func (s State) Amendable() bool { return s == Approved || s == Published }

// Amend changes what is said of an approved or published testimony: everything
// of the form but the consents, which stay as they were given, and the file.
// version is the one that was seen.
// It returns fault.Invalid with the fields that are wrong, and then changes
// nothing; fault.Conflict if it changed meanwhile or cannot be amended.
func (s *Store) Amend(ctx context.Context, actor, municipality string, id int64, version int, f Form) (*Testimony, error) {
	return s.amend(ctx, municipality, id, version, func(tx *gorm.DB, t *Testimony) error {
		before, slug := t.said(), t.Slug()
		var themes []Theme
		if err := tx.Order("position, id").Find(&themes).Error; err != nil {
			return fmt.Errorf("read the themes: %w", err)
		}
		t.apply(f, themes, s.now())
		wrong := t.unsaid(s.now())
		if t.Visibility != Public && t.PublishAt != nil && t.PublishAt.After(s.now()) {
			wrong.Add("visibility", "testimony.visibility.scheduled", "At", *t.PublishAt) // or it would come out before its time
		}
		if err := wrong.Err(); err != nil {
			return err
		}
		if t.Slug() != slug && !t.WasAt(slug) {
			t.FormerSlugs = append(t.FormerSlugs, slug)
		}
		t.AmendedAt = s.moment()
		t.wordedBy(actor)
		return audit.Write(tx, s.now(), actor, "testimony.amend", "testimony", t.ID, differences(before, t.said()))
	})
}

// amend changes an approved or published testimony by do, has the channel
// follow, all in one transaction.
func (s *Store) amend(ctx context.Context, municipality string, id int64, version int, do func(tx *gorm.DB, t *Testimony) error) (*Testimony, error) {
	var changed *Testimony
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		t, err := get(tx, municipality, id)
		if err != nil {
			return err
		}
		if !t.State.Amendable() {
			return fault.New(fault.Conflict, "testimony.not_amendable")
		}
		if err := seen(t, version); err != nil {
			return err
		}
		if err := do(tx, t); err != nil {
			return err
		}
		changed = t
		return s.hooks.Amended(tx, t, func() error {
			if err := tx.Model(t).Omit("Themes.*").Association("Themes").Replace(t.Themes); err != nil {
				return fmt.Errorf("keep the themes: %w", err)
			}
			return s.write(tx, t)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("amend testimony %d: %w", id, err)
	}
	s.hooks.Shown()
	return changed, nil
}

// said is what Amend may change, for the trail.
func (t *Testimony) said() map[string]any {
	var themes []string
	for _, theme := range t.Themes {
		themes = append(themes, theme.Slug)
	}
	return map[string]any{
		"title": t.Title, "description": t.Description, "language": t.Language, "speaker_name": t.SpeakerName, "speaker_role": t.SpeakerRole,
		"recorded_on": t.RecordedOn, "tags": strings.Join(t.Tags, ", "), "visibility": string(t.Visibility), "themes": strings.Join(themes, ", "),
		"translations": fmt.Sprint(t.Translations),
	}
}

// differences are the values that are not the same, before and after.
func differences(before, after map[string]any) map[string]any {
	changed := map[string]any{}
	for name, v := range before {
		if after[name] != v {
			changed[name] = []any{v, after[name]}
		}
	}
	return changed
}

// SetSchedule has an approved testimony come out at a time and not before, or
// without delay if at is nil.
func (s *Store) SetSchedule(ctx context.Context, actor string, id int64, version int, at *time.Time) (*Testimony, error) {
	return s.amend(ctx, Anywhere, id, version, func(tx *gorm.DB, t *Testimony) error {
		if t.State == Published {
			return fault.New(fault.Conflict, "testimony.out_already")
		}
		if err := s.schedule(t, at); err != nil {
			return err
		}
		return audit.Write(tx, s.now(), actor, "testimony.schedule", "testimony", t.ID, map[string]any{"at": t.PublishAt})
	})
}

func (s *Store) schedule(t *Testimony, at *time.Time) error {
	if at == nil {
		t.PublishAt = nil
		return nil
	}
	wrong := func(key string) error { return fault.Fields{{Name: "publish_at", Message: fault.Msg(key)}}.Err() }
	switch now := s.now(); {
	case !at.After(now):
		return wrong("testimony.publish_at.past")
	case at.After(now.Add(longestSchedule)):
		return wrong("testimony.publish_at.far")
	case t.Visibility != Public:
		return wrong("testimony.publish_at.hidden")
	}
	moment := at.UTC()
	t.PublishAt = &moment
	return nil
}

// SetPoster gives the file of an approved or published testimony another poster,
// by its name among the renditions, and returns the name of the one before.
func (s *Store) SetPoster(ctx context.Context, actor, municipality string, id int64, version int, name string) (before string, err error) {
	_, err = s.amend(ctx, municipality, id, version, func(tx *gorm.DB, t *Testimony) error {
		if t.Video == nil {
			return fault.New(fault.Conflict, "testimony.video.empty")
		}
		before, t.Video.Poster = t.Video.Poster, name
		if err := tx.Model(&Video{}).Where("id = ?", t.Video.ID).Update("poster", name).Error; err != nil {
			return fmt.Errorf("keep the poster: %w", err)
		}
		t.AmendedAt = s.moment()
		return audit.Write(tx, s.now(), actor, "testimony.poster", "testimony", t.ID, map[string]any{"poster": []string{before, name}})
	})
	return before, err
}

// GiveBack sends an approved testimony back to its town hall with a reason, when
// the channel cannot use its file.
func (s *Store) GiveBack(ctx context.Context, actor string, id int64, version int, reason string) (*Testimony, error) {
	return s.decide(ctx, actor, id, version, Approved, ChangesRequested, reason, s.hooks.Returned)
}

// Trail lists what happened to a testimony, the oldest first.
func (s *Store) Trail(ctx context.Context, id int64) ([]audit.Entry, error) {
	return audit.Of(s.db.Reader(ctx), "testimony", id)
}

// Withdrawal is why a testimony is taken back, and who is sent the proof of it.
type Withdrawal struct {
	Reason string // staff must give one: it is not their testimony
	Email  string // empty: nobody
}

// check tidies what was typed, and says what is wrong with it.
func (w *Withdrawal) check(municipality string) (wrong fault.Fields) {
	w.Reason, w.Email = strings.TrimSpace(w.Reason), strings.TrimSpace(w.Email)
	if municipality == Anywhere && w.Reason == "" {
		wrong.Add("reason", "testimony.reason.empty")
	}
	if w.Email != "" {
		if a, err := mail.ParseAddress(w.Email); err != nil || a.Address != w.Email {
			wrong.Add("email", "mail.recipient")
		}
	}
	return wrong
}
