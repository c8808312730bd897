// Package testimony is the heart of the portal: what a mayor says, its themes,
// its consents, its file, and the life it goes through. It knows nothing of
// pages, of YouTube or of how a file arrives.
package testimony

import (
	"slices"
	"strings"
	"time"

	"github.com/gosimple/slug"
)

// State is where a testimony is in its life.
type State string

// The states. Their names are in the database.
const (
	Draft            State = "draft"
	InReview         State = "in_review"
	ChangesRequested State = "changes_requested" // back with the editor, with a reason
	Approved         State = "approved"          // on its way to the channel
	Published        State = "published"
	Rejected         State = "rejected"
	Withdrawn        State = "withdrawn"
)

// moves are the allowed changes of state; there is no other.
var moves = map[State][]State{
	Draft:            {InReview, Withdrawn},
	InReview:         {Draft, Approved, ChangesRequested, Rejected, Withdrawn},
	ChangesRequested: {InReview, Withdrawn},
	Approved:         {Published, InReview, ChangesRequested, Withdrawn},
	Published:        {Withdrawn},
	Rejected:         {},
	Withdrawn:        {},
}

// CanBecome tells whether a testimony may go from s to next.
func (s State) CanBecome(next State) bool {
	for _, n := range moves[s] {
		if n == next {
			return true
		}
	}
	return false
}

// Editable tells whether the town hall may change form and file.
func (s State) Editable() bool { return s == Draft || s == ChangesRequested }

// Visibility is who may see a testimony once it is out, as on YouTube.
type Visibility string

// The visibilities, by YouTube's names.
const (
	Public   Visibility = "public"
	Unlisted Visibility = "unlisted" // with the address only
	Private  Visibility = "private"
)

// Testimony is what a mayor says. Values of the form that could not be accepted
// are not in its fields but in Unfinished, as they were typed.
type Testimony struct {
	ID               int64
	MunicipalityCode string // ISTAT
	State            State
	Reason           string // why it was sent back, rejected or withdrawn
	Title            string
	Description      string
	Language         string // ISO 639 code, see Languages
	SpeakerName      string
	SpeakerRole      string
	RecordedOn       string // day, YYYY-MM-DD, or empty
	Tags             Tags   `gorm:"type:text"`
	Visibility       Visibility
	Sample           bool         // made by `voci demo`, says so wherever it is shown
	Translations     Translations `gorm:"type:text"`
	PublishAt        *time.Time   // not before, chosen by staff
	AmendedAt        *time.Time   // last change after its approval
	Origin           Origin       `gorm:"default:portal"`
	ProofEmail       string       // who is sent the proof of a withdrawal
	FormerSlugs      Tags         `gorm:"type:text"` // that its address had before, see WasAt
	Others           Others       // does anybody else appear in the video?
	ConsentLostAt    *time.Time   // when a person who is filmed last took the consent back
	Unfinished       Unfinished   `gorm:"type:text"`
	Doubt            Sentence     `gorm:"type:text"` // what a moderator must know before deciding
	Version          int          // grows with every change, so that two people never overwrite each other
	WordedVersion    int          // the version since which its form says what it does
	WordedBy         string       // actor of the trail who said it
	CreatedAt        time.Time
	UpdatedAt        time.Time
	SubmittedAt      *time.Time // when review was asked for
	ApprovedAt       *time.Time
	PublishedAt      *time.Time
	ClosedAt         *time.Time // when it was rejected or withdrawn

	Themes   []Theme   `gorm:"many2many:testimony_themes"`
	Releases []Release // the consents given
	Videos   []Video   // the current files, at most one of each kind
	Full     *Video    `gorm:"-"` // the file as it was filmed, nil if none was received
	Small    *Video    `gorm:"-"` // a small version that came before it, nil without one
	Video    *Video    `gorm:"-"` // the one of the two that is watched and told of
	Approval *Approval // asked of whoever speaks; nil if it was not, or taken back; only of Get and OfMunicipality
}

// Translation is what the town hall says of its testimony in another language.
type Translation struct {
	Title       string `json:"title"`
	Description string `json:"description"`
}

// Translations are by ISO 639 code.
type Translations map[string]Translation

// Origin is where a testimony comes from. The empty one is FromPortal.
type Origin string

// The origins. Their names are in the database.
const (
	FromPortal  Origin = "portal"
	FromChannel Origin = "channel" // its video was on the channel before the portal was; there is no file here
)

// Slug is the readable end of the testimony's address.
func (t *Testimony) Slug() string {
	s := plain(t.Title)
	if s == "" {
		return "testimonianza"
	}
	return s
}

// WasAt tells whether the address once had this end: whoever was given it then
// may still come by it.
func (t *Testimony) WasAt(slug string) bool { return slices.Contains(t.FormerSlugs, slug) }

// plain is a text as words of small letters without accents, with hyphens
// between them. What an apostrophe parts are two words.
func plain(text string) string {
	return slug.MakeLang(strings.NewReplacer("'", " ", "’", " ").Replace(text), "it")
}

// OpenToCitizens tells whether a citizen who has the address may see it.
func (t *Testimony) OpenToCitizens() bool {
	return t.State == Published && t.Visibility != Private
}

// AwaitsFile tells whether review was asked for before the file was ready: it
// goes to review by itself when the file is.
func (t *Testimony) AwaitsFile() bool {
	return t.State.Editable() && t.SubmittedAt != nil && (t.Video == nil || t.Video.State != VideoReady)
}

// Theme is what a testimony is about. Staff edit them.
type Theme struct {
	ID          int64
	Slug        string
	Position    int
	NameIT      string `gorm:"column:name_it"`
	NameEN      string `gorm:"column:name_en"`
	NameFR      string `gorm:"column:name_fr"`
	Colour      string // #rrggbb, always with icon and word
	Icon        string
	YoutubeTags Tags `gorm:"column:youtube_tags;type:text"`
}

// Name is the theme's name in a language of the portal.
func (t Theme) Name(lang string) string {
	switch lang {
	case "en":
		return t.NameEN
	case "fr":
		return t.NameFR
	default:
		return t.NameIT
	}
}

// VideoState is the file's own state, apart from the testimony's.
type VideoState string

// The states of a received file. While bytes still arrive there is only an
// Upload.
const (
	VideoChecking VideoState = "checking"
	VideoReady    VideoState = "ready"
	VideoUnusable VideoState = "unusable" // Reason says why and what to do
	VideoReplaced VideoState = "replaced" // another file took its place
)

// Kind is what a file is to its testimony.
type Kind string

// The kinds. Their names are in the database.
const (
	Full  Kind = "full"
	Small Kind = "small" // made of the full one on the device, to be there sooner
)

// Video is a received file: as it came, and as it was seen to be.
type Video struct {
	ID          int64
	TestimonyID int64
	Kind        Kind   `gorm:"default:full"`
	WholeBytes  int64  // of a small one: the size of the file it was made of
	UploadID    string // the upload that it came by
	State       VideoState
	Reason      Sentence `gorm:"type:text"` // why it is unusable
	Original    string   // path in the vault
	Filename    string   // as the sender called it, for people only
	Bytes       int64
	SHA256      string `gorm:"column:sha256"`
	Container   string
	VideoCodec  string
	AudioCodec  string
	Width       int // pixels, as shown
	Height      int
	Rotation    int   // degrees clockwise that the original is shown turned by
	DurationMS  int64 `gorm:"column:duration_ms"` // of what is shown
	HasSound    bool
	Poster      string // path in the renditions' folder, empty until made
	Rendition   string
	Trim        Trim   `gorm:"embedded"`
	SourceMS    int64  `gorm:"column:source_ms"` // how long the original plays
	Cut         string // what the trim left of the original, in the vault; empty without one
	CutBytes    int64
	CutSHA256   string `gorm:"column:cut_sha256"`
	Uncut       string // rendition of the whole original, while a trim is chosen
	ReceivedAt  time.Time
	CheckedAt   *time.Time
}

// Duration is how long the video plays.
func (v *Video) Duration() time.Duration { return time.Duration(v.DurationMS) * time.Millisecond }

// Source is how long the original plays, 0 until it was looked at.
func (v *Video) Source() time.Duration { return time.Duration(v.SourceMS) * time.Millisecond }

// Outgoing is the file that leaves the portal, by its path in the vault: the
// original, or what a trim left of it.
func (v *Video) Outgoing() (path string, bytes int64, sha256 string) {
	if v.Cut != "" {
		return v.Cut, v.CutBytes, v.CutSHA256
	}
	return v.Original, v.Bytes, v.SHA256
}

// Upload is a tus upload of a testimony, begun and maybe not finished.
type Upload struct {
	ID          string
	TestimonyID int64
	Kind        Kind  `gorm:"default:full"`
	WholeBytes  int64 // of a small one: the size of the file it was made of
	Filename    string
	Size        int64 // bytes, as announced; 0 of a recording that is sent while it is made
	Trim        Trim  `gorm:"embedded"`
	CreatedAt   time.Time
	ReceivedAt  *time.Time
	DiscardedAt *time.Time
}
