package testimony

import (
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
)

// agreement is by how much a small version and the file it was made of may
// differ in length. Browsers record a small version while the file plays, and
// lose some tenths of a second at its ends.
const agreement = time.Second

// AfterFind tells the files apart once they are read.
func (t *Testimony) AfterFind(*gorm.DB) error {
	t.Full, t.Small = nil, nil
	for i := range t.Videos {
		t.put(&t.Videos[i])
	}
	t.watch()
	return nil
}

func (t *Testimony) put(v *Video) {
	if v.Kind == Small {
		t.Small = v
	} else {
		t.Full = v
	}
}

// of is the current file of a kind, nil if there is none.
func (t *Testimony) of(k Kind) *Video {
	if k == Small {
		return t.Small
	}
	return t.Full
}

// keep has v take the place of the file of its kind.
func (t *Testimony) keep(v *Video) {
	t.put(v)
	if t.Small != nil && t.Small.State == VideoReplaced {
		t.Small = nil
	}
	t.watch()
}

// watch settles which file is watched: the full one as soon as it is good, until
// then a small one that is. What is wrong with the full file comes first while its
// town hall can still send another without anybody waiting for it.
func (t *Testimony) watch() {
	full, small := t.Full, t.Small
	switch {
	case full != nil && full.State == VideoReady:
		t.Video = full
	case full != nil && full.State == VideoUnusable && t.State.Editable():
		t.Video = full
	case small != nil && small.State == VideoReady:
		t.Video = small
	case full != nil:
		t.Video = full
	default:
		t.Video = small
	}
}

// OnlySmall tells whether what can be watched is a small version.
func (t *Testimony) OnlySmall() bool {
	return t.Video != nil && t.Video.Kind == Small && t.Video.State == VideoReady
}

// AwaitsWhole tells whether staff have it, or approved it, by its small version,
// and the full file is still to come: nothing else of it may then be sent.
func (t *Testimony) AwaitsWhole() bool {
	return (t.State == InReview || t.State == Approved) && t.Small != nil && (t.Full == nil || t.Full.State != VideoReady)
}

// TakesFile tells whether a full file may arrive now.
func (t *Testimony) TakesFile() bool { return t.takes(Full) == nil }

// takes returns fault.Conflict unless a file of a kind may arrive now. A small
// version must be there before the full file, or it is of no use.
func (t *Testimony) takes(k Kind) error {
	switch {
	case t.State.Editable() && (k != Small || t.Full == nil):
		return nil
	case k == Small:
		return fault.New(fault.Conflict, "testimony.small_late")
	case t.AwaitsWhole():
		return nil
	}
	return fault.New(fault.Conflict, "testimony.not_editable")
}

// dropStranger forgets the small version of a file that is not the one which
// arrives, unless staff have it before them: then its length tells.
func (s *Store) dropStranger(tx *gorm.DB, t *Testimony, v Video) error {
	if v.Kind != Full || t.Small == nil || !t.State.Editable() || t.Small.WholeBytes == v.Bytes {
		return nil
	}
	return s.dropSmall(tx, t)
}

// dropSmall has nobody watch the small version any more. A cover that was chosen
// stays with the full file, whose own goes when the small version's files do.
func (s *Store) dropSmall(tx *gorm.DB, t *Testimony) error {
	small := t.Small
	values := map[string]any{"state": VideoReplaced}
	if t.Full != nil && t.Full.State == VideoReady && strings.HasPrefix(small.Poster, chosenCover) {
		values["poster"], t.Full.Poster = t.Full.Poster, small.Poster
		if err := tx.Model(&Video{}).Where("id = ?", t.Full.ID).Update("poster", small.Poster).Error; err != nil {
			return fmt.Errorf("keep the cover: %w", err)
		}
	}
	if err := tx.Model(&Video{}).Where("id = ?", small.ID).Updates(values).Error; err != nil {
		return fmt.Errorf("drop the small version: %w", err)
	}
	t.Small = nil
	t.watch()
	return nil
}

// chosenCover begins the names of covers that somebody chose, as opposed to
// those made of the video.
const chosenCover = "poster-"

// wholeSeen is what the full file means, now that it is good: it takes the place
// of its small version. If it is not what staff saw, they are told and look
// again; if it is and they approved it, it goes on its way. The version stays as
// it is where a moderator has nothing new to know: a decision on the small one
// holds for the full one.
func (s *Store) wholeSeen(tx *gorm.DB, t *Testimony) error {
	if t.Small == nil {
		return nil
	}
	small := max(t.Small.Source(), t.Small.Duration()) // of the film as it came: a trim may have left less
	full := max(t.Full.Source(), t.Full.Duration())
	differs := (full-small).Abs() > agreement || t.Full.Trim != t.Small.Trim
	if !differs {
		if err := s.carryApproval(tx, t); err != nil {
			return err
		}
	}
	if err := s.dropSmall(tx, t); err != nil {
		return err
	}
	switch {
	case t.State != InReview && t.State != Approved:
		return nil
	case !differs && t.State == Approved:
		return s.hooks.Approved(tx, t)
	case !differs:
		return nil
	}
	doubt := fault.Msg("testimony.whole_differs", "Full", length(full), "Small", length(small))
	if t.State == Approved {
		if err := s.hooks.Returned(tx, t); err != nil {
			return err
		}
		if err := s.move(tx, audit.Portal, t, InReview, ""); err != nil {
			return err
		}
		t.ApprovedAt = nil
	}
	t.Doubt = Sentence{doubt}
	if err := audit.Write(tx, s.now(), audit.Portal, "video.differs", "testimony", t.ID, map[string]any{
		"full_ms": full.Milliseconds(), "small_ms": small.Milliseconds(),
	}); err != nil {
		return err
	}
	return s.write(tx, t)
}

// length is a duration as it is read in every language, 2:05.
func length(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
