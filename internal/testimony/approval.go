package testimony

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
)

const (
	// ApprovalLife is how long a request to approve can be answered.
	ApprovalLife = 30 * 24 * time.Hour
	// approvalToken is 128 bits: too many to guess.
	approvalToken = 16
	// maxObjection bounds what somebody writes who does not approve, in bytes.
	maxObjection = 10_000
	// Requests for one testimony in a while: more would only fill somebody's
	// mailbox.
	mostRequests  = 5
	requestsWhile = time.Hour
)

// ApprovalState is where a request to approve stands.
type ApprovalState string

// The states. Their names are in the database.
const (
	ApprovalAsked     ApprovalState = "asked"
	ApprovalGiven     ApprovalState = "given"
	ApprovalRefused   ApprovalState = "refused"    // Objection says why
	ApprovalTakenBack ApprovalState = "taken_back" // by the town hall
	ApprovalReplaced  ApprovalState = "replaced"   // by a newer request
)

// inForce are the states of the one request that counts.
var inForce = []ApprovalState{ApprovalAsked, ApprovalGiven, ApprovalRefused}

// Approval is a request to whoever speaks in a testimony to approve it, and the
// answer. It is about the words, the consents and the video of the moment in
// which it was made: when they change it holds no more, see Holds.
type Approval struct {
	ID          int64
	TestimonyID int64
	State       ApprovalState
	TokenHash   []byte
	Name        string // of whoever speaks
	Email       string
	Said        string // fingerprint of what it is about
	AskedAt     time.Time
	AskedBy     string // actor of the trail
	ExpiresAt   time.Time
	AnsweredAt  *time.Time
	Objection   string
}

// Expired tells whether nobody answered in time.
func (a *Approval) Expired(now time.Time) bool {
	return a.State == ApprovalAsked && !a.ExpiresAt.After(now)
}

// Holds tells whether the request is still about what the testimony says and
// shows now.
func (a *Approval) Holds(t *Testimony) bool { return a.Said == t.fingerprint() }

// AwaitsApproval tells whether whoever speaks was asked to approve and has not, or
// not what it is now. It goes to review only when they have, or when the town
// hall takes its request back.
func (t *Testimony) AwaitsApproval() bool {
	return t.State.Editable() && t.Approval != nil && (t.Approval.State != ApprovalGiven || !t.Approval.Holds(t))
}

// fingerprint stands for all that is approved: the words, the consents and the
// video.
func (t *Testimony) fingerprint() string { return t.fingerprintWith(t.Video) }

// fingerprintWith is the fingerprint with one of its videos, nil without one.
func (t *Testimony) fingerprintWith(v *Video) string {
	consents := make([]string, 0, len(t.Releases))
	for _, r := range t.Releases {
		consents = append(consents, r.Kind+" "+r.Version)
	}
	slices.Sort(consents)
	said := t.said()
	said["consents"], said["others"] = consents, t.Others
	if v != nil {
		said["video"], said["trim"] = v.ID, v.Trim
	}
	b, err := json.Marshal(said) // maps in the order of their keys
	if err != nil {
		panic(err) // texts and numbers only
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func hashToken(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

// Asked is who is asked to approve, as typed.
type Asked struct {
	Name     string
	Email    string
	Language string // that they are written to in, one of the portal's
}

func (a *Asked) check() (wrong fault.Fields) {
	a.Name, a.Email = strings.Join(strings.Fields(a.Name), " "), strings.TrimSpace(a.Email)
	switch {
	case a.Name == "":
		wrong.Add("name", "approval.name.empty")
	case len(checkLine("name")(a.Name)) > 0 || strings.ContainsAny(a.Name, "()"):
		wrong.Add("name", "approval.name.wrong", "Max", MaxName)
	}
	if p, err := mail.ParseAddress(a.Email); err != nil || p.Address != a.Email {
		wrong.Add("email", "mail.recipient")
	}
	if !slices.Contains([]string{"it", "en", "fr"}, a.Language) {
		wrong.Add("language", "approval.language.unknown")
	}
	return wrong
}

// AskApproval asks whoever speaks to approve a draft as it is now. send takes the
// token of the link to them, inside the transaction; it is not kept. A request
// made before is worth nothing any more.
// It returns fault.Invalid for what is missing of the testimony or wrong with the
// address; fault.Conflict for a testimony that cannot be approved now.
func (s *Store) AskApproval(
	ctx context.Context, actor, municipality string, id int64, who Asked, send func(tx *gorm.DB, t *Testimony, token string) error,
) (*Testimony, error) {
	return s.change(ctx, municipality, id, func(tx *gorm.DB, t *Testimony) error {
		if !t.State.Editable() {
			return fault.New(fault.Conflict, "approval.not_editable")
		}
		missing, err := s.unready(tx, t)
		if err != nil {
			return err
		}
		if err := append(who.check(), missing...).Err(); err != nil {
			return err
		}
		if err := s.unhurried(tx, t.ID); err != nil {
			return err
		}
		var b [approvalToken]byte
		_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
		token := base64.RawURLEncoding.EncodeToString(b[:])
		if err := s.endApproval(tx, t, ApprovalReplaced); err != nil {
			return err
		}
		t.Approval = &Approval{
			TestimonyID: t.ID, State: ApprovalAsked, TokenHash: hashToken(token), Name: who.Name, Email: who.Email, Said: t.fingerprint(),
			AskedAt: s.now(), AskedBy: actor, ExpiresAt: s.now().Add(ApprovalLife),
		}
		if err := tx.Create(t.Approval).Error; err != nil {
			return err
		}
		if err := s.noteApproval(tx, actor, "ask", t, nil); err != nil {
			return err
		}
		return send(tx, t, token)
	})
}

// Unready says what is missing before whoever speaks can be asked to approve: of
// what is said, and of the video.
func (s *Store) Unready(ctx context.Context, t *Testimony) (fault.Fields, error) {
	return s.unready(s.db.Reader(ctx), t)
}

func (s *Store) unready(db *gorm.DB, t *Testimony) (fault.Fields, error) {
	missing, err := s.missing(db, t)
	if err != nil {
		return nil, err
	}
	coming, err := arriving(db, t.ID)
	switch {
	case err != nil:
		return nil, err
	case coming && !t.OnlySmall():
		missing.Add("video", "approval.video.arriving")
	case t.Video == nil:
		missing.Add("video", "testimony.video.empty")
	case t.Video.State == VideoUnusable:
		missing.Add("video", t.Video.Reason.Key, pairs(t.Video.Reason.Args)...)
	case t.Video.State != VideoReady:
		missing.Add("video", "approval.video.checking")
	}
	return missing, nil
}

// unhurried refuses to ask too often.
func (s *Store) unhurried(tx *gorm.DB, id int64) error {
	var n int64
	err := tx.Model(&Approval{}).Where("testimony_id = ? AND asked_at > ?", id, s.now().Add(-requestsWhile)).Count(&n).Error
	if err == nil && n >= mostRequests {
		return fault.New(fault.Conflict, "approval.too_often", "Count", n)
	}
	return err
}

// endApproval ends the request in force, if there is one.
func (s *Store) endApproval(tx *gorm.DB, t *Testimony, state ApprovalState) error {
	if t.Approval == nil {
		return nil
	}
	err := tx.Model(&Approval{}).Where("id = ?", t.Approval.ID).Update("state", state).Error
	t.Approval = nil
	return err
}

// noteApproval writes to the trail of the testimony; addresses are not in it.
func (s *Store) noteApproval(tx *gorm.DB, actor, action string, t *Testimony, more map[string]any) error {
	detail := map[string]any{"approval": t.Approval.ID, "name": t.Approval.Name}
	for k, v := range more {
		detail[k] = v
	}
	return audit.Write(tx, s.now(), actor, "testimony.approval_"+action, "testimony", t.ID, detail)
}

// TakeBackApproval takes a request back: the testimony needs no approval any
// more. If review was asked for meanwhile, that is to be asked for again.
func (s *Store) TakeBackApproval(ctx context.Context, actor, municipality string, id int64) (*Testimony, error) {
	return s.change(ctx, municipality, id, func(tx *gorm.DB, t *Testimony) error {
		if t.Approval == nil {
			return nil // pressed twice
		}
		if !t.State.Editable() {
			return fault.New(fault.Conflict, "approval.not_editable")
		}
		if err := s.noteApproval(tx, actor, "take_back", t, nil); err != nil {
			return err
		}
		if !t.AwaitsFile() {
			t.SubmittedAt = nil
		}
		return s.endApproval(tx, t, ApprovalTakenBack)
	})
}

// ToApprove returns the testimony that a token asks to approve, without changing
// anything: pages that mail scanners open must not. It returns fault.NotFound
// for a token that never was and fault.Gone, with the reason, for a request that
// cannot be answered any more.
func (s *Store) ToApprove(ctx context.Context, token string) (*Testimony, error) {
	return s.toApprove(s.db.Reader(ctx), token)
}

func (s *Store) toApprove(db *gorm.DB, token string) (*Testimony, error) {
	var a Approval
	err := db.Where("token_hash = ?", hashToken(token)).Take(&a).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, fault.New(fault.NotFound, "approval.unknown")
	}
	if err != nil {
		return nil, fmt.Errorf("look up a request to approve: %w", err)
	}
	t, err := get(db, Anywhere, a.TestimonyID)
	if err != nil {
		return nil, err
	}
	gone := func(key string) error { return fault.New(fault.Gone, key, "Title", t.Title) }
	// What was approved has gone its way; in review, a full file may still be another.
	answered := a.State == ApprovalGiven && !t.State.Editable() && t.State != InReview
	switch {
	case t.State == Withdrawn:
		return nil, gone("approval.withdrawn")
	case a.State == ApprovalReplaced:
		return nil, gone("approval.replaced")
	case a.State == ApprovalTakenBack:
		return nil, gone("approval.taken_back")
	case !a.ExpiresAt.After(s.now()):
		return nil, gone("approval.expired")
	case !answered && !a.Holds(t):
		return nil, gone("approval.changed")
	}
	return t, nil
}

// carryApproval has an approval of the small version hold for the full file that
// it was made of, unless less or more of that is shown.
func (s *Store) carryApproval(tx *gorm.DB, t *Testimony) error {
	a := t.Approval
	if a == nil || a.Said != t.fingerprintWith(t.Small) || t.Full.Trim != t.Small.Trim {
		return nil
	}
	a.Said = t.fingerprintWith(t.Full)
	if err := tx.Model(&Approval{}).Where("id = ?", a.ID).Update("said", a.Said).Error; err != nil {
		return fmt.Errorf("carry the approval to the full file: %w", err)
	}
	return nil
}

// approver names whoever answers in the trail.
func approver(t *Testimony) string {
	return fmt.Sprintf("municipality %s, approval %d (%s)", t.MunicipalityCode, t.Approval.ID, t.Approval.Name)
}

// GiveApproval approves what a token asks for. If review was asked for, the
// testimony goes to review. Pressed twice it changes nothing.
func (s *Store) GiveApproval(ctx context.Context, token string) (*Testimony, error) {
	return s.answer(ctx, token, func(tx *gorm.DB, t *Testimony) error {
		if t.Approval.State == ApprovalGiven {
			return nil
		}
		if err := s.keepAnswer(tx, t, ApprovalGiven, ""); err != nil {
			return err
		}
		if err := s.noteApproval(tx, approver(t), "give", t, nil); err != nil {
			return err
		}
		missing, err := s.missing(tx, t)
		if err != nil || missing.Err() != nil || t.SubmittedAt == nil || t.AwaitsFile() {
			return err
		}
		return s.move(tx, approver(t), t, InReview, "")
	})
}

// RefuseApproval keeps what is wrong, in the words of whoever was asked; the town
// hall reads them. It returns fault.Invalid without words, and fault.Conflict once
// the testimony has gone to review.
func (s *Store) RefuseApproval(ctx context.Context, token, objection string) (*Testimony, error) {
	objection = strings.TrimSpace(strings.Map(visible, normalLines(objection)))
	switch {
	case objection == "":
		return nil, fault.Fields{{Name: "objection", Message: fault.Msg("approval.objection.empty")}}.Err()
	case len(objection) > maxObjection:
		return nil, fault.Fields{{Name: "objection", Message: fault.Msg("approval.objection.long")}}.Err()
	}
	return s.answer(ctx, token, func(tx *gorm.DB, t *Testimony) error {
		if !t.State.Editable() {
			return fault.New(fault.Conflict, "approval.gone_on")
		}
		if t.Approval.State == ApprovalRefused && t.Approval.Objection == objection {
			return nil // pressed twice
		}
		if err := s.keepAnswer(tx, t, ApprovalRefused, objection); err != nil {
			return err
		}
		return s.noteApproval(tx, approver(t), "refuse", t, map[string]any{"reason": objection})
	})
}

// answer changes the testimony that a token asks to approve.
func (s *Store) answer(ctx context.Context, token string, do func(*gorm.DB, *Testimony) error) (*Testimony, error) {
	asked, err := s.ToApprove(ctx, token)
	if err != nil {
		return nil, err
	}
	return s.change(ctx, Anywhere, asked.ID, func(tx *gorm.DB, t *Testimony) error {
		now, err := s.toApprove(tx, token) // it may have changed since
		if err != nil {
			return err
		}
		t.Approval = now.Approval
		return do(tx, t)
	})
}

func (s *Store) keepAnswer(tx *gorm.DB, t *Testimony, state ApprovalState, objection string) error {
	t.Approval.State, t.Approval.Objection, t.Approval.AnsweredAt = state, objection, s.moment()
	return tx.Model(&Approval{}).Where("id = ?", t.Approval.ID).
		Updates(map[string]any{"state": state, "objection": objection, "answered_at": t.Approval.AnsweredAt}).Error
}
