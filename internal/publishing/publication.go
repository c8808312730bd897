// Package publishing takes an approved testimony to the channel and off it
// again: the channel and its token, what the day's quota allows, one
// Publication for each testimony with where it stands and why.
//
// What it promises is that at most one video comes of a publication, whatever
// fails and whenever the portal dies: the address of an upload session is
// committed before its first byte leaves, offsets are only ever YouTube's, and
// after an outcome that nobody knows the session, then the channel, is asked
// before anything is sent again. It knows nothing of pages and HTTP; YouTube's
// wire is package youtube's.
package publishing

import (
	"crypto/rand"
	"strings"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// State is where a publication is.
type State string

// The states. Their names are in the database.
const (
	Waiting    State = "waiting"    // nothing was sent; Reason and Until say why, if it is not just its turn
	Sending    State = "sending"    // a session is open
	Processing State = "processing" // YouTube has the file and makes a video of it
	Public     State = "public"     // on the channel, with the privacy that was asked for
	Blocked    State = "blocked"    // Reason says what a person must do
	Missing    State = "missing"    // it was on the channel and is not found there any more
	Removing   State = "removing"   // withdrawn, and still to be taken off the channel
	Removed    State = "removed"
)

// Origin is how a video came to the channel.
type Origin string

// The origins. Their names are in the database.
const (
	FromPortal  Origin = "portal"
	ByHand      Origin = "hand"    // uploaded in Studio by staff
	FromChannel Origin = "channel" // it was there before the portal
)

// Lane is who works on a publication: sending is one at a time, since the line
// is one; looks and removals must not wait behind it.
type Lane string

// The lanes.
const (
	LaneSend   Lane = "send"
	LaneFollow Lane = "follow"
)

func laneOf(s State) Lane {
	if s == Waiting || s == Sending {
		return LaneSend
	}
	return LaneFollow
}

// Publication is a testimony's life on the channel.
type Publication struct {
	ID          int64
	TestimonyID int64
	VideoID     int64 // the file that is sent
	State       State
	Reason      testimony.Sentence `gorm:"type:text"` // why it waits or is blocked
	Until       *time.Time         // until when it waits, if that is known
	Since       time.Time          // in this state
	Slug        string             // the file's name at YouTube, by which an upload is found again
	ChannelID   string
	YoutubeID   *string // nil until YouTube has told

	WantedPrivacy youtube.Privacy
	SeenPrivacy   youtube.Privacy

	SessionSealed  []byte // address of the upload session; nil without one
	SessionStarted *time.Time
	SessionTotal   int64
	LastByteSent   bool   // the video may exist
	StoredBytes    int64  // as YouTube said last
	SHA256         string `gorm:"column:sha256"`
	MetadataHash   string // of what was said about the video when the session was opened

	Polls       int
	NextPollAt  *time.Time
	UploadedAt  *time.Time
	ProcessedAt *time.Time
	SeenAt      *time.Time
	MissedAt    *time.Time // first time that it was not there

	ReconciledAt   *time.Time // last compared with the channel
	CaptionsSeenAt *time.Time

	Origin    Origin     `gorm:"default:portal"`
	Verified  bool       `gorm:"default:true"` // false: a link that no channel could be asked about
	PublishAt *time.Time // YouTube makes it public then
	HiddenAt  *time.Time // withdrawn: private since
	DeleteAt  *time.Time // withdrawn: deleted for good then
}

// scheduledKey is what a video says that waits for its time.
const scheduledKey = "publishing.scheduled"

// Explain says where the publication is, for people.
func (p Publication) Explain() *fault.Message {
	m := fault.Msg("publishing.state." + string(p.State))
	switch {
	case p.Reason.Key != "":
		m = p.Reason.Message
		if m.Key == scheduledKey && p.PublishAt != nil { // staff may have chosen another since
			m = fault.Msg(scheduledKey, "Until", *p.PublishAt)
		}
	case p.State == Removing && p.HiddenAt != nil && p.DeleteAt != nil:
		m = fault.Msg("publishing.hidden", "Until", *p.DeleteAt)
	case p.State == Sending && p.SessionTotal > 0:
		m = fault.Msg("publishing.sending_percent", "Percent", p.StoredBytes*100/p.SessionTotal)
	}
	return &m
}

// Playable tells whether citizens can watch the video at YouTube, as far as was
// seen: one that somebody made private there cannot be.
func (p Publication) Playable() bool {
	return p.State == Public && p.YoutubeID != nil && (p.SeenPrivacy != youtube.Private || p.WantedPrivacy == youtube.Private)
}

// Away tells whether the video should be at YouTube and cannot be watched there,
// as far as was seen: deleted, refused or made private.
func (p Publication) Away() bool {
	return p.YoutubeID != nil && p.WantedPrivacy != youtube.Private && in([]State{Public, Missing, Blocked}, p.State) && !p.Playable()
}

// waitsForFile is the reason of a publication whose testimony was approved by its
// small version.
const waitsForFile = "publishing.waits_for_file"

// AwaitsFile tells whether it waits for the full file: there is nothing yet that
// may go to the channel, or be taken there by hand.
func (p Publication) AwaitsFile() bool { return p.State == Waiting && p.Reason.Key == waitsForFile }

// Leaving tells whether it is on its way off the channel, or off it.
func (p *Publication) Leaving() bool { return p.State == Removing || p.State == Removed }

// inDoubt tells whether the video may be on the channel although there is no
// session to ask: it is looked for before anything is sent.
func (p *Publication) inDoubt() bool {
	return p.Reason.Key == outcomeUnknown || (p.LastByteSent && p.SessionSealed == nil && p.YoutubeID == nil)
}

// newSlug is a name that no other upload has.
func newSlug() string { return strings.ToLower(rand.Text()) + ".mp4" }

// session is the upload session as package youtube wants it back.
func (p *Publication) session(uri string) youtube.Session {
	s := youtube.Session{URI: uri, Total: p.SessionTotal, LastByteSent: p.LastByteSent}
	if p.SessionStarted != nil {
		s.StartedAt = *p.SessionStarted
	}
	return s
}
