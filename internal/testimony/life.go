package testimony

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
)

// move changes t's state inside tx and writes the change to the trail.
func (s *Store) move(tx *gorm.DB, actor string, t *Testimony, next State, reason string) error {
	if !t.State.CanBecome(next) {
		return fault.New(fault.Conflict, "testimony.state", "From", string(t.State), "To", string(next))
	}
	detail := map[string]any{"from": t.State, "to": next}
	if reason != "" {
		detail["reason"] = reason
	}
	t.State, t.Reason, t.Doubt = next, reason, Sentence{}
	return audit.Write(tx, s.now(), actor, "testimony."+string(next), "testimony", t.ID, detail)
}

func (s *Store) moment() *time.Time {
	now := s.now()
	return &now
}

// Submit asks for review. A form that is not complete is refused with
// fault.Invalid and stays a draft; a file that is not ready yet does not
// refuse, nor does whoever speaks and has not approved yet: the testimony goes to
// review by itself when they are.
func (s *Store) Submit(ctx context.Context, actor, municipality string, id int64) (*Testimony, error) {
	return s.change(ctx, municipality, id, func(tx *gorm.DB, t *Testimony) error {
		if t.State == InReview {
			return nil // pressed twice
		}
		if !t.State.Editable() {
			return fault.New(fault.Conflict, "testimony.not_editable")
		}
		missing, err := s.missing(tx, t)
		if err != nil {
			return err
		}
		arriving, err := arriving(tx, t.ID)
		switch usable := t.Full != nil && t.Full.State != VideoUnusable; {
		case err != nil:
			return err
		case arriving && usable:
			// Which of the two is meant? The second would come too late.
			missing.Add("video", "testimony.video.arriving")
		case arriving:
		case t.Video == nil:
			missing.Add("video", "testimony.video.empty")
		case t.Full != nil && !usable:
			missing.Add("video", t.Full.Reason.Key, pairs(t.Full.Reason.Args)...)
		}
		if err := missing.Err(); err != nil {
			return err
		}
		t.SubmittedAt = s.moment()
		if t.AwaitsFile() || t.AwaitsApproval() {
			return audit.Write(tx, s.now(), actor, "testimony.submit", "testimony", t.ID, nil)
		}
		return s.move(tx, actor, t, InReview, "")
	})
}

// Recall makes a testimony that waits for its review a draft again, for its town
// hall to correct it. It returns fault.Conflict once staff have decided.
func (s *Store) Recall(ctx context.Context, actor, municipality string, id int64) (*Testimony, error) {
	return s.change(ctx, municipality, id, func(tx *gorm.DB, t *Testimony) error {
		if t.State == Draft {
			return nil // pressed twice
		}
		if err := s.move(tx, actor, t, Draft, ""); err != nil {
			return err
		}
		t.SubmittedAt = nil
		return nil
	})
}

func pairs(args map[string]any) []any {
	out := make([]any, 0, 2*len(args))
	for k, v := range args {
		out = append(out, k, v)
	}
	return out
}

// seen refuses when somebody else changed the testimony since the caller
// looked at it.
func seen(t *Testimony, version int) error {
	if t.Version != version {
		return fault.New(fault.Conflict, "testimony.changed_meanwhile")
	}
	return nil
}

// Approve lets a testimony go to the channel. version is the one the moderator
// saw: fault.Conflict if it changed since.
func (s *Store) Approve(ctx context.Context, actor string, id int64, version int) (*Testimony, error) {
	return s.ApproveFor(ctx, actor, id, version, nil)
}

// ApproveFor is Approve of a testimony that comes out at a time, not before.
func (s *Store) ApproveFor(ctx context.Context, actor string, id int64, version int, at *time.Time) (*Testimony, error) {
	return s.change(ctx, Anywhere, id, func(tx *gorm.DB, t *Testimony) error {
		if err := seen(t, version); err != nil {
			return err
		}
		if err := s.move(tx, actor, t, Approved, ""); err != nil {
			return err
		}
		if err := s.schedule(t, at); err != nil {
			return err
		}
		t.ApprovedAt = s.moment()
		return s.hooks.Approved(tx, t)
	})
}

// RequestChanges sends a testimony back to the town hall with a reason.
func (s *Store) RequestChanges(ctx context.Context, actor string, id int64, version int, reason string) (*Testimony, error) {
	return s.decide(ctx, actor, id, version, InReview, ChangesRequested, reason, nil)
}

// Reject closes a testimony for good, with a reason.
func (s *Store) Reject(ctx context.Context, actor string, id int64, version int, reason string) (*Testimony, error) {
	return s.decide(ctx, actor, id, version, InReview, Rejected, reason, nil)
}

// decide moves a testimony on from one state to another with a reason, and has
// then, unless it is nil, follow in the same transaction. One on its way to the
// channel is sent back by GiveBack, or by the channel's refusal, see SendBack.
func (s *Store) decide(
	ctx context.Context, actor string, id int64, version int, from, next State, reason string, then func(*gorm.DB, *Testimony) error,
) (*Testimony, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" {
		return nil, fault.Fields{{Name: "reason", Message: fault.Msg("testimony.reason.empty")}}.Err()
	}
	return s.change(ctx, Anywhere, id, func(tx *gorm.DB, t *Testimony) error {
		if err := seen(t, version); err != nil {
			return err
		}
		if t.State != from {
			return fault.New(fault.Conflict, "testimony.state", "From", string(t.State), "To", string(next))
		}
		if err := s.move(tx, actor, t, next, clip(reason)); err != nil {
			return err
		}
		t.SubmittedAt = nil
		if next == Rejected {
			t.ClosedAt = s.moment()
		}
		if then == nil {
			return nil
		}
		return then(tx, t)
	})
}

// Withdraw takes a testimony back, at any time, also off the channel. It returns
// fault.Invalid for a reason that is wanting or an address that is none.
func (s *Store) Withdraw(ctx context.Context, actor, municipality string, id int64, w Withdrawal) (*Testimony, error) {
	if err := w.check(municipality).Err(); err != nil {
		return nil, err
	}
	return s.change(ctx, municipality, id, func(tx *gorm.DB, t *Testimony) error {
		if t.State == Withdrawn {
			return nil // pressed twice
		}
		return s.takeBack(tx, actor, t, w)
	})
}

// takeBack withdraws t inside tx, off the channel too.
func (s *Store) takeBack(tx *gorm.DB, actor string, t *Testimony, w Withdrawal) error {
	if err := s.move(tx, actor, t, Withdrawn, clip(w.Reason)); err != nil {
		return err
	}
	t.ClosedAt, t.ProofEmail = s.moment(), w.Email
	// Before the hook, which may have nothing to wait for and send the proof.
	if err := tx.Model(&Testimony{}).Where("id = ?", t.ID).Updates(map[string]any{"closed_at": t.ClosedAt, "proof_email": t.ProofEmail}).Error; err != nil {
		return err
	}
	return s.hooks.Withdrawn(tx, t)
}

// MarkPublished notes inside tx that the channel shows the testimony as it was
// asked to. The caller runs the Shown hook once tx has committed.
func (s *Store) MarkPublished(tx *gorm.DB, id int64) error {
	t, err := get(tx, Anywhere, id)
	if err != nil {
		return err
	}
	if t.State == Published || t.State == Withdrawn {
		return nil
	}
	if err := s.move(tx, audit.Portal, t, Published, ""); err != nil {
		return err
	}
	t.PublishedAt = s.moment()
	if err := s.write(tx, t); err != nil {
		return fmt.Errorf("publish testimony %d: %w", id, err)
	}
	return nil
}

// SendBack gives an approved testimony back to its town hall inside tx, because
// the channel refuses something that it says; reason is for the town hall. One
// that is no longer approved is left alone.
func (s *Store) SendBack(tx *gorm.DB, id int64, reason string) error {
	t, err := get(tx, Anywhere, id)
	if err != nil {
		return err
	}
	if t.State != Approved {
		return nil
	}
	if err := s.move(tx, audit.Portal, t, ChangesRequested, reason); err != nil {
		return err
	}
	t.SubmittedAt = nil
	if err := s.write(tx, t); err != nil {
		return fmt.Errorf("send testimony %d back: %w", id, err)
	}
	return nil
}
