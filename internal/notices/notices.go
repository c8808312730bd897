// Package notices writes to the people of town halls what becomes of their
// testimonies, as far as each of them wants to know.
//
// It reads the audit trail: every change is written there by its own
// transaction, so that nothing that happened can be missed. How far the trail
// was read is kept by the transaction that keeps the messages: each change is
// told once, whatever fails and whenever the portal dies. What happens within a
// minute is told as one.
package notices

import (
	"context"
	"log/slog"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/mail"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// Wants is which notices a person wants.
type Wants string

// What can be wanted. The names are in the database.
const (
	All       Wants = "all"
	Important Wants = "important" // what asks for something, or ends the matter
	None      Wants = "none"
)

// kind is what a notice is of. Its sentences are kit.mail.<kind>.subject, .text,
// .action and .short.
type kind string

const (
	received  kind = "received"  // the file is good; the town hall has not asked for review
	unusable  kind = "unusable"  // the file is not, with what to do
	inReview  kind = "in_review" // staff look at it
	changes   kind = "changes_requested"
	approved  kind = "approved"
	blocked   kind = "blocked" // on its way to the channel; staff mend it
	published kind = "published"
	private   kind = "private" // on the channel, for nobody to see
	rejected  kind = "rejected"
	withdrawn kind = "withdrawn"
)

// important tells whether somebody must do something, or it is over.
func (k kind) important() bool { return k != inReview && k != approved && k != blocked }

// actions are the acts of the trail that are told.
var actions = map[string]kind{
	"video.ready":                 received,
	"video.unusable":              unusable,
	"testimony.in_review":         inReview,
	"testimony.changes_requested": changes,
	"testimony.approved":          approved,
	"publication.blocked":         blocked,
	"testimony.published":         published,
	"testimony.rejected":          rejected,
	"testimony.withdrawn":         withdrawn,
}

// kindOf is what an act means to the town hall, now that the testimony is as it
// is. It is empty for what is over or was never its business.
func kindOf(action string, t *testimony.Testimony) kind {
	k := actions[action]
	switch {
	case k == received && !t.State.Editable(), // it went on by itself
		k == inReview && t.State == testimony.Draft, // taken back
		k == unusable && (t.Full == nil || t.Full.State != testimony.VideoUnusable),
		k == blocked && t.State != testimony.Approved,
		k == published && t.State != testimony.Published:
		return ""
	case k == published && t.Visibility == testimony.Private:
		return private
	}
	return k
}

// Rooms are what notices are built on.
type Rooms struct {
	DB          *store.Store
	Testimonies *testimony.Store
	Registry    *territory.Registry
	Outbox      *mail.Outbox
	// Say puts a message into a language; Address is the full address of a page
	// in it.
	Say     func(lang string, m fault.Message) string
	Address func(lang, path string) string
	// Expected says of a testimony that was approved when it comes out; nil if
	// nobody knows.
	Expected func(ctx context.Context, testimonyID int64) (*fault.Message, error)
	Clock    func() time.Time
	Log      *slog.Logger
}

// Desk is where notices are written.
type Desk struct{ Rooms }

// New makes the desk.
func New(r Rooms) *Desk { return &Desk{r} }

func (d *Desk) now() time.Time { return d.Clock().UTC() }
