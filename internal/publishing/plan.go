package publishing

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// StepKind is one of the things that the channel should have of a testimony
// beside the video itself.
type StepKind string

// The kinds, in the order in which they are worked on. Upload, processing and
// the check of the privacy come before them and are the publication's own
// states.
const (
	StepPrivacy       StepKind = "privacy"       // who may see it, and from when
	StepWords         StepKind = "words"         // title, description, tags, language
	StepThumbnail     StepKind = "thumbnail"     // our poster
	StepPlaylist      StepKind = "playlist"      // of a theme or a zone: Key
	StepLocalizations StepKind = "localizations" // title and description in other languages
	StepCaptions      StepKind = "captions"      // of a language: Key
)

// StepState is where a step is.
type StepState string

// The states of a step.
const (
	StepWaiting StepState = "waiting" // Wanted and Had differ: its turn comes
	StepDone    StepState = "done"
	StepBlocked StepState = "blocked" // Reason says what a person must do
)

// Step is one thing that the channel should have, and what it has of it. Both
// are fingerprints, empty for nothing, so that a change of the testimony, a
// withdrawal and a difference found on the channel are all the same work: to
// make had what is wanted.
type Step struct {
	ID            int64
	PublicationID int64
	Kind          StepKind
	Key           string
	State         StepState
	Wanted        string
	Had           string
	RemoteID      string             // of the entry in a playlist, of the captions
	Reason        testimony.Sentence `gorm:"type:text"`
	Tries         int
	FailingSince  *time.Time
	NextAt        *time.Time // not before
	Since         time.Time  // in this state
}

// TableName implements gorm's Tabler.
func (Step) TableName() string { return "publication_steps" }

// Cost is about how many units the step takes from the day's allowance; an edit
// reads what it changes, and what may be there already is asked for first.
func (s Step) Cost() int {
	switch {
	case s.State == StepDone:
		return 0
	case s.Kind == StepThumbnail:
		return youtube.CostWrite
	case s.Kind == StepCaptions && s.Wanted == "":
		return 2 * youtube.CostWrite // the list and the removal
	case s.Kind == StepCaptions && s.Had != "":
		return youtube.CostWrite + youtube.CostCaptionUpdate
	case s.Kind == StepCaptions:
		return youtube.CostWrite + youtube.CostCaptionInsert
	default:
		return youtube.CostRead + youtube.CostWrite
	}
}

// WithUpload tells whether what it is about goes with the file, so that the step
// costs nothing while the file is still to be sent.
func (s Step) WithUpload() bool {
	return s.Kind == StepPrivacy || s.Kind == StepWords || s.Kind == StepLocalizations
}

// Explain says why the step waits or is blocked, nil if it is just its turn.
func (s Step) Explain() *fault.Message {
	if s.Reason.Key == "" {
		if s.NextAt == nil || s.State != StepWaiting {
			return nil
		}
		m := fault.Msg("publishing.step.next", "Until", *s.NextAt)
		return &m
	}
	return &s.Reason.Message
}

// stepName tells the steps of one publication apart.
type stepName struct {
	Kind StepKind
	Key  string
}

// entry is the fingerprint of being in a playlist.
const entry = "in"

// fingerprint tells two values apart.
func fingerprint(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("fingerprint: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// wordsOf is the fingerprint of what a video says of itself.
func wordsOf(m youtube.Metadata) (string, error) {
	m.Privacy, m.PublishAt, m.Localizations = "", time.Time{}, nil
	return fingerprint(m)
}

func localizationsOf(m youtube.Metadata) (string, error) {
	if len(m.Localizations) == 0 {
		return "", nil
	}
	return fingerprint(m.Localizations)
}

// privacyOf is the fingerprint of a privacy, with the time from which it gives
// way to public.
func privacyOf(p youtube.Privacy, publishAt time.Time) string {
	if publishAt.IsZero() {
		return string(p)
	}
	return string(p) + " " + publishAt.UTC().Format(time.RFC3339)
}

// asked is the privacy that the channel is asked for now: private with the time
// at which YouTube makes the video public, until that has passed.
func (p *Publication) asked(now time.Time) (youtube.Privacy, time.Time) {
	if p.PublishAt != nil && p.PublishAt.After(now) && p.WantedPrivacy == youtube.Public {
		return youtube.Private, *p.PublishAt
	}
	return p.WantedPrivacy, time.Time{}
}

// wanted is what the channel should have of a testimony.
func (p *Publisher) wanted(tx *gorm.DB, t *testimony.Testimony, pub *Publication) (map[stepName]string, error) {
	meta, err := p.metadata(t)
	if err != nil {
		return nil, err
	}
	all := map[stepName]string{{StepPrivacy, ""}: privacyOf(pub.asked(p.now()))}
	if all[stepName{StepWords, ""}], err = wordsOf(meta); err != nil {
		return nil, err
	}
	if all[stepName{StepLocalizations, ""}], err = localizationsOf(meta); err != nil {
		return nil, err
	}
	if t.Video != nil {
		all[stepName{StepThumbnail, ""}] = t.Video.Poster
	}
	if t.Visibility == testimony.Public { // elsewhere it would be a hole in the list
		for _, key := range p.lists(t) {
			all[stepName{StepPlaylist, key}] = entry
		}
	}
	var captions []struct{ Language, SHA256 string }
	if err := tx.Table("captions").Select("language, sha256").Where("testimony_id = ?", t.ID).Scan(&captions).Error; err != nil {
		return nil, fmt.Errorf("read the captions of testimony %d: %w", t.ID, err)
	}
	for _, c := range captions {
		all[stepName{StepCaptions, c.Language}] = c.SHA256
	}
	return all, nil
}

// lists are the keys of the playlists that a testimony belongs in.
func (p *Publisher) lists(t *testimony.Testimony) []string {
	var keys []string
	for _, theme := range t.Themes {
		keys = append(keys, themeList+strconv.FormatInt(theme.ID, 10))
	}
	if m, err := p.Registry.Shown(t.MunicipalityCode); err == nil {
		keys = append(keys, zoneList+m.ZoneSlug)
	}
	return keys
}

const (
	themeList = "theme/"
	zoneList  = "zone/"
)

// ListOf says of which theme (by id) or zone (by slug) a playlist step is.
func (s Step) ListOf() (themeID int64, zone string) {
	if slug, ok := strings.CutPrefix(s.Key, zoneList); ok {
		return 0, slug
	}
	themeID, _ = strconv.ParseInt(strings.TrimPrefix(s.Key, themeList), 10, 64)
	return themeID, ""
}

// Replan compares what the channel should have of a testimony that was changed
// inside tx with what it has, and has the differences worked on after the
// commit. A testimony without a publication has nothing to compare yet.
func (p *Publisher) Replan(tx *gorm.DB, t *testimony.Testimony) error {
	var pub Publication
	found := tx.Where("testimony_id = ?", t.ID).Limit(1).Find(&pub)
	if found.Error != nil {
		return fmt.Errorf("plan the changes of testimony %d: %w", t.ID, found.Error)
	}
	if found.RowsAffected == 0 || pub.State == Removing || pub.State == Removed {
		return nil
	}
	pub.WantedPrivacy, pub.PublishAt = youtube.Privacy(t.Visibility), t.PublishAt
	err := tx.Model(&Publication{}).Where("id = ?", pub.ID).
		Updates(map[string]any{"wanted_privacy": pub.WantedPrivacy, "publish_at": pub.PublishAt}).Error
	if err != nil {
		return fmt.Errorf("plan the changes of testimony %d: %w", t.ID, err)
	}
	if err := p.replan(tx, t, &pub); err != nil {
		return err
	}
	if pub.State == Waiting || pub.State == Processing { // it may have waited for a time that was changed
		if err := p.Enqueue(tx, pub.ID, laneOf(pub.State)); err != nil {
			return err
		}
	}
	return p.Wake(tx)
}

// replan writes down what the channel should have of a testimony.
func (p *Publisher) replan(tx *gorm.DB, t *testimony.Testimony, pub *Publication) error {
	want, err := p.wanted(tx, t, pub)
	if err != nil {
		return err
	}
	steps, err := stepsOf(tx, pub.ID)
	if err != nil {
		return err
	}
	for _, s := range steps {
		wanted := want[s.name()]
		delete(want, s.name())
		if wanted == s.Wanted {
			continue // also of a blocked one: the same again would not help
		}
		if err := p.changeStep(tx, s, map[string]any{"wanted": wanted, "tries": 0, "failing_since": nil, "next_at": nil}); err != nil {
			return err
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(want), stepName.compare) { // so that the same is done in the same order
		wanted := want[name]
		s := Step{PublicationID: pub.ID, Kind: name.Kind, Key: name.Key, Wanted: wanted, State: StepWaiting, Since: p.now()}
		if wanted == "" {
			s.State = StepDone
		}
		if err := tx.Create(&s).Error; err != nil {
			return fmt.Errorf("plan step %s of publication %d: %w", name, pub.ID, err)
		}
	}
	return nil
}

func (s Step) name() stepName { return stepName{s.Kind, s.Key} }

func (n stepName) compare(other stepName) int {
	return cmp.Or(cmp.Compare(n.Kind, other.Kind), cmp.Compare(n.Key, other.Key))
}

func (n stepName) String() string {
	if n.Key == "" {
		return string(n.Kind)
	}
	return string(n.Kind) + " " + n.Key
}

// stepsOf lists the steps of a publication in the order of work.
func stepsOf(db *gorm.DB, publicationID int64) ([]Step, error) {
	var steps []Step
	if err := db.Where("publication_id = ?", publicationID).Order(stepOrder + ", key").Find(&steps).Error; err != nil {
		return nil, fmt.Errorf("read the steps of publication %d: %w", publicationID, err)
	}
	return steps, nil
}

// stepOrder is the order of work: what others must not see first, what costs
// most last.
const stepOrder = `CASE kind WHEN 'privacy' THEN 0 WHEN 'words' THEN 1 WHEN 'thumbnail' THEN 2 WHEN 'playlist' THEN 3
	WHEN 'localizations' THEN 4 ELSE 5 END`

// Steps lists the steps of a publication in the order of work.
func (p *Publisher) Steps(ctx context.Context, publicationID int64) ([]Step, error) {
	return stepsOf(p.DB.Reader(ctx), publicationID)
}

// changeStep writes columns of a step, and the state that follows from what is
// wanted and had unless one is named.
func (p *Publisher) changeStep(tx *gorm.DB, s Step, values map[string]any) error {
	wanted, had := s.Wanted, s.Had
	if v, ok := values["wanted"].(string); ok {
		wanted = v
	}
	if v, ok := values["had"].(string); ok {
		had = v
	}
	if _, named := values["state"]; !named {
		values["state"], values["reason"] = StepWaiting, testimony.Sentence{}
		if wanted == had {
			values["state"] = StepDone
		}
	}
	if values["state"] != s.State {
		values["since"] = p.now()
	}
	if err := tx.Model(&Step{}).Where("id = ?", s.ID).Updates(values).Error; err != nil {
		return fmt.Errorf("change step %s of publication %d: %w", s.name(), s.PublicationID, err)
	}
	return nil
}

// has notes inside tx what a video was sent with.
func (p *Publisher) has(tx *gorm.DB, publicationID int64, had map[stepName]string) error {
	steps, err := stepsOf(tx, publicationID)
	if err != nil {
		return err
	}
	for _, s := range steps {
		if err := p.changeStep(tx, s, map[string]any{"had": had[s.name()], "remote_id": "", "tries": 0, "failing_since": nil, "next_at": nil}); err != nil {
			return err
		}
	}
	return nil
}

// RetrySteps has the blocked steps of a publication tried again.
func (p *Publisher) RetrySteps(ctx context.Context, publicationID int64) error {
	return p.DB.Write(ctx, func(tx *gorm.DB) error {
		steps, err := stepsOf(tx, publicationID)
		if err != nil {
			return err
		}
		blocked := 0
		for _, s := range steps {
			if s.State != StepBlocked {
				continue
			}
			blocked++
			if err := p.changeStep(tx, s, map[string]any{"tries": 0, "failing_since": nil, "next_at": nil}); err != nil {
				return err
			}
		}
		if blocked == 0 {
			return fault.New(fault.Conflict, "publishing.not_blocked")
		}
		return p.Wake(tx)
	})
}
