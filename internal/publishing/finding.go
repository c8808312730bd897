package publishing

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
)

// FindingKind is a way in which portal and channel can differ.
type FindingKind string

// The kinds, the most urgent first. Their names are in the database; those of
// what a plan has are the plan's.
const (
	FindMissing       FindingKind = "missing"  // two misses, a day apart
	FindPrivacy       FindingKind = "privacy"  // other than asked for
	FindRejected      FindingKind = "rejected" // also claimed: the reason says
	FindFailed        FindingKind = "failed"
	FindStuck         FindingKind = "stuck"    // processed for more than a day
	FindDuration      FindingKind = "duration" // other than the original's
	FindWords         FindingKind = "words"    // title, description, tags or language
	FindLocalizations FindingKind = "localizations"
	FindPlaylist      FindingKind = "playlist" // of the theme or zone Key: not in it, or in it
	FindCaptions      FindingKind = "captions" // of the language Key: not there
)

// Remedy is what a person can do about a finding.
type Remedy string

// The remedies. Their names are in the database.
const (
	Restore  Remedy = "restore"  // make the channel have ours
	Adopt    Remedy = "adopt"    // take the channel's
	Resend   Remedy = "resend"   // send the original again
	Withdraw Remedy = "withdraw" // take the testimony back
	Ignore   Remedy = "ignore"   // let it be until it changes again

	kept Remedy = "kept" // let be by the portal: it was so before the portal was
)

// Finding is a difference between portal and channel.
type Finding struct {
	ID            int64
	PublicationID int64
	Kind          FindingKind
	Key           string
	Detail        Detail `gorm:"type:text"`
	FoundAt       time.Time
	SeenAt        time.Time
	SettledAt     *time.Time
	SettledBy     string
	Remedy        Remedy // empty of one that settled itself
	Mark          string // of what the channel had
}

// Detail is what differs.
type Detail struct {
	Values []Difference   `json:"values,omitempty"`
	Reason *fault.Message `json:"reason,omitempty"` // in YouTube's words, as a sentence of ours
}

// Difference is one value that is not the same on both sides.
type Difference struct {
	Field  string `json:"field"` // title, description, tags, language, privacy, publish_at, seconds, in; title_fr and so on
	Ours   string `json:"ours"`
	Theirs string `json:"theirs"`
}

// Value stores the detail.
func (d Detail) Value() (driver.Value, error) {
	b, err := json.Marshal(d)
	return string(b), err
}

// Scan reads the detail.
func (d *Detail) Scan(src any) error {
	*d = Detail{}
	switch v := src.(type) {
	case string:
		return json.Unmarshal([]byte(v), d)
	case []byte:
		return json.Unmarshal(v, d)
	}
	return fmt.Errorf("the detail of a finding is %T", src)
}

// theirs is what the channel has of a field, and whether it differs at all.
func (d Detail) theirs(field string) (string, bool) {
	for _, v := range d.Values {
		if v.Field == field {
			return v.Theirs, true
		}
	}
	return "", false
}

// ListOf says of which theme (by id) or zone (by slug) a finding about a
// playlist is.
func (f Finding) ListOf() (themeID int64, zone string) { return Step{Key: f.Key}.ListOf() }

// markOf tells apart what the channel can have instead of ours.
func markOf(d Detail) (string, error) {
	theirs := make([]string, 0, 2*len(d.Values)+1)
	for _, v := range d.Values {
		theirs = append(theirs, v.Field, v.Theirs)
	}
	if d.Reason != nil {
		theirs = append(theirs, d.Reason.Key)
	}
	return fingerprint(theirs)
}

// remedies lists what can be done about a finding, the suggested one first.
func (f Finding) remedies(pub *Publication, original bool) []Remedy {
	var list []Remedy
	send := func() {
		if original && pub.Origin != FromChannel {
			list = append(list, Resend)
		}
	}
	switch f.Kind {
	case FindPrivacy, FindWords, FindLocalizations:
		list = append(list, Restore, Adopt)
	case FindPlaylist, FindCaptions:
		list = append(list, Restore)
	case FindMissing, FindFailed, FindStuck:
		send()
	case FindDuration:
		send()
		if len(list) == 0 {
			list = append(list, Ignore)
		}
	case FindRejected:
		if f.Detail.Reason != nil && strings.HasSuffix(f.Detail.Reason.Key, ".claim") {
			list = append(list, Ignore) // a dispute in Studio may end it
		}
	}
	list = append(list, Withdraw)
	if !slices.Contains(list, Ignore) {
		list = append(list, Ignore)
	}
	return list
}

// Reported is a finding with what it is about and what can be done.
type Reported struct {
	Finding
	Publication Publication
	Remedies    []Remedy // the suggested one first
}

const (
	mostFindings = 200 // shown at once; the most urgent ones
	mostSettled  = 50
)

// findingOrder is what needs a person first.
const findingOrder = `CASE kind WHEN 'missing' THEN 0 WHEN 'privacy' THEN 1 WHEN 'rejected' THEN 2 WHEN 'failed' THEN 3
	WHEN 'stuck' THEN 4 WHEN 'duration' THEN 5 WHEN 'words' THEN 6 ELSE 7 END, found_at, id`

// Findings lists the open differences, the most urgent first, and how many there
// are.
func (p *Publisher) Findings(ctx context.Context) ([]Reported, int64, error) {
	n, err := p.OpenFindings(ctx)
	if err != nil {
		return nil, 0, err
	}
	var open []Finding
	if err := p.differing(ctx).Order(findingOrder).Limit(mostFindings).Find(&open).Error; err != nil {
		return nil, 0, fmt.Errorf("list the findings: %w", err)
	}
	list, err := p.reported(ctx, open)
	return list, n, err
}

// differing are the findings about what is on the channel.
func (p *Publisher) differing(ctx context.Context) *gorm.DB {
	return p.DB.Reader(ctx).Where("settled_at IS NULL AND publication_id IN (SELECT id FROM publications WHERE state IN ?)",
		[]State{Public, Processing, Blocked, Missing})
}

// OpenFindings counts the open differences.
func (p *Publisher) OpenFindings(ctx context.Context) (n int64, err error) {
	if err := p.differing(ctx).Model(&Finding{}).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("count the findings: %w", err)
	}
	return n, nil
}

// Settled lists the differences that are settled, the latest first.
func (p *Publisher) Settled(ctx context.Context) ([]Reported, error) {
	var over []Finding
	err := p.DB.Reader(ctx).Where("settled_at IS NOT NULL AND remedy <> ?", kept).Order("settled_at DESC, id DESC").Limit(mostSettled).Find(&over).Error
	if err != nil {
		return nil, fmt.Errorf("list the settled findings: %w", err)
	}
	return p.reported(ctx, over)
}

func (p *Publisher) reported(ctx context.Context, findings []Finding) ([]Reported, error) {
	ids := make([]int64, len(findings))
	for i, f := range findings {
		ids[i] = f.PublicationID
	}
	var pubs []struct {
		Publication
		Original string
	}
	err := p.DB.Reader(ctx).Table("publications").Joins("JOIN videos v ON v.id = publications.video_id").
		Select("publications.*, v.original").Where("publications.id IN ?", ids).Scan(&pubs).Error
	if err != nil {
		return nil, fmt.Errorf("read the publications of %d findings: %w", len(ids), err)
	}
	list := make([]Reported, 0, len(findings))
	for _, f := range findings {
		for _, pub := range pubs {
			if pub.ID == f.PublicationID {
				list = append(list, Reported{Finding: f, Publication: pub.Publication, Remedies: f.remedies(&pub.Publication, pub.Original != "")})
			}
		}
	}
	return list, nil
}

// finding reads an open finding with its publication.
func (p *Publisher) finding(ctx context.Context, id int64) (*Reported, error) {
	var f Finding
	err := p.DB.Reader(ctx).Take(&f, id).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, fault.New(fault.NotFound, "publishing.finding.unknown")
	}
	if err != nil {
		return nil, fmt.Errorf("read finding %d: %w", id, err)
	}
	if f.SettledAt != nil {
		return nil, fault.New(fault.Conflict, "publishing.finding.settled")
	}
	list, err := p.reported(ctx, []Finding{f})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("finding %d is about no publication", id)
	}
	return &list[0], nil
}

// report brings the open findings of a publication, of some kinds, in line with
// what was seen inside tx: new ones are noted, those that are no longer true
// settle themselves, and what somebody let be stays so while it is the same. It
// returns how many are new.
func (p *Publisher) report(tx *gorm.DB, pub *Publication, kinds []FindingKind, seen []Finding) (fresh int, err error) {
	var before []Finding
	// Of each difference the latest row tells: open, or how it was settled. What the
	// portal let be holds as long as there is any difference.
	err = tx.Where(`publication_id = ? AND kind IN ? AND (id IN (SELECT max(id) FROM findings WHERE publication_id = ? GROUP BY kind, key)
		OR remedy = ? AND mark <> '')`, pub.ID, kinds, pub.ID, kept).Order("id").Find(&before).Error
	if err != nil {
		return 0, fmt.Errorf("read the findings of publication %d: %w", pub.ID, err)
	}
	isNew := slices.Clone(seen)
	for _, old := range before {
		i := slices.IndexFunc(seen, func(f Finding) bool { return f.Kind == old.Kind && f.Key == old.Key })
		same := i >= 0 && seen[i].Mark == old.Mark
		var values map[string]any
		switch letBe := slices.ContainsFunc(before, func(k Finding) bool {
			return i >= 0 && k.Remedy == kept && k.Kind == old.Kind && k.Key == old.Key && k.Mark == seen[i].Mark
		}); {
		case old.SettledAt == nil && (i < 0 || letBe):
			values = map[string]any{"settled_at": p.now(), "settled_by": audit.Portal}
		case old.SettledAt == nil:
			values = map[string]any{"seen_at": p.now(), "detail": seen[i].Detail, "mark": seen[i].Mark}
		case i < 0:
			values = map[string]any{"mark": ""} // what was let be is over: the same again is new
		case !same || !slices.Contains([]Remedy{Ignore, Adopt, kept}, old.Remedy):
			continue // another difference than the one that was settled
		default:
			values = map[string]any{"seen_at": p.now()}
		}
		isNew = slices.DeleteFunc(isNew, func(f Finding) bool { return f.Kind == old.Kind && f.Key == old.Key })
		if err := tx.Model(&Finding{}).Where("id = ?", old.ID).Updates(values).Error; err != nil {
			return 0, fmt.Errorf("renew finding %d: %w", old.ID, err)
		}
	}
	return p.noteFindings(tx, pub, isNew)
}

// noteFindings writes down what was not known, and returns how many of it need a
// person.
func (p *Publisher) noteFindings(tx *gorm.DB, pub *Publication, list []Finding) (open int, err error) {
	now := p.now()
	for _, f := range list {
		f.PublicationID, f.FoundAt, f.SeenAt = pub.ID, now, now
		if f.Remedy == kept {
			f.SettledAt, f.SettledBy = &now, audit.Portal
		} else {
			open++
		}
		if err := tx.Create(&f).Error; err != nil {
			return 0, fmt.Errorf("note a finding of publication %d: %w", pub.ID, err)
		}
	}
	return open, nil
}
