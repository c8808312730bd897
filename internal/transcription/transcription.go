// Package transcription has a program of the operator's choice write down what
// is said in a video. What it writes is a draft of captions: a person reads it
// before anybody else does. The package ties package video, which runs the
// program, to the testimony that the file belongs to; it does not know which
// program it is, nor what pages show of it.
package transcription

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video"
)

// State is how far the program is with a file.
type State string

// The states. Their names are in the database.
const (
	Waiting State = "waiting" // for its turn, for its end, or for another try
	Done    State = "done"    // the draft is there, or was not needed; Reason says if nothing was heard
	Failed  State = "failed"  // Tries times, for Reason; a person may ask again
)

// again is how long to wait after each failure: the program may be updated, or
// the machine busy. After the last the portal gives up, and says so.
var again = []time.Duration{time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour}

// Transcription is what became of a file.
type Transcription struct {
	VideoID   int64 `gorm:"primaryKey;autoIncrement:false"`
	State     State
	Reason    testimony.Sentence `gorm:"type:text"`
	Tries     int                // that failed
	ChangedAt time.Time
}

// Rooms are what the desk is built on.
type Rooms struct {
	DB          *store.Store
	Testimonies *testimony.Store
	Inspector   func() (*video.Inspector, error)
	Command     string        // of the program, see video.FindListener
	MaxMemory   int64         // that it may take, in bytes
	Patience    time.Duration // with it; zero: see video.Listener
	Renditions  string        // folder of what the portal plays: the sound comes from there
	Scratch     string        // folder for files that are gone afterwards
	Enqueue     func(tx *gorm.DB, videoID int64) error
	Clock       func() time.Time
	Log         *slog.Logger
}

// Desk is where it is written down.
type Desk struct{ Rooms }

// New makes a desk.
func New(r Rooms) *Desk { return &Desk{r} }

func (d *Desk) now() time.Time { return d.Clock().UTC() }

// Of is what became of a file, nil if nobody asked.
func (d *Desk) Of(ctx context.Context, videoID int64) (*Transcription, error) {
	var found []Transcription
	if err := d.DB.Reader(ctx).Where("video_id = ?", videoID).Limit(1).Find(&found).Error; err != nil {
		return nil, fmt.Errorf("read the transcription of video %d: %w", videoID, err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	return &found[0], nil
}

// Plan puts a file that was seen to be usable in the queue, once: called again
// it changes nothing. One without sound is left alone.
func (d *Desk) Plan(ctx context.Context, videoID int64) error {
	v, err := d.Testimonies.GetVideo(ctx, videoID)
	if fault.Of(err) == fault.NotFound {
		return nil // deleted
	}
	if err != nil {
		return err
	}
	if !hearable(v) {
		return nil
	}
	err = d.DB.Write(ctx, func(tx *gorm.DB) error {
		made := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&Transcription{VideoID: v.ID, State: Waiting, ChangedAt: d.now()})
		if made.Error != nil || made.RowsAffected == 0 {
			return made.Error
		}
		return d.Enqueue(tx, v.ID)
	})
	if err != nil {
		return fmt.Errorf("plan the transcription of video %d: %w", v.ID, err)
	}
	return nil
}

func hearable(v *testimony.Video) bool {
	return v.State == testimony.VideoReady && v.HasSound && v.Rendition != ""
}

// CanAsk tells whether a person may ask for the file of a testimony: it has
// sound, nobody wrote its captions, and the program is not at it.
func (d *Desk) CanAsk(t *testimony.Testimony, text testimony.CaptionText, now *Transcription) bool {
	return t.State.Captionable() && t.Video != nil && hearable(t.Video) && text.Out == nil && text.Draft == nil && (now == nil || now.State != Waiting)
}

// Ask puts the file of a testimony in the queue, also again. It returns
// fault.Conflict where CanAsk says no.
func (d *Desk) Ask(ctx context.Context, actor string, t *testimony.Testimony) error {
	text, err := d.Testimonies.CaptionText(ctx, t.ID, t.Language)
	if err != nil {
		return err
	}
	if t.Video == nil {
		return fault.New(fault.Conflict, "testimony.video.empty")
	}
	now, err := d.Of(ctx, t.Video.ID)
	if err != nil {
		return err
	}
	if !d.CanAsk(t, text, now) {
		return fault.New(fault.Conflict, "captions.machine.not_now")
	}
	err = d.DB.Write(ctx, func(tx *gorm.DB) error {
		row := Transcription{VideoID: t.Video.ID, State: Waiting, ChangedAt: d.now()}
		if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error; err != nil {
			return err
		}
		if err := audit.Write(tx, d.now(), actor, "testimony.caption_ask", "testimony", t.ID, nil); err != nil {
			return err
		}
		return d.Enqueue(tx, t.Video.ID)
	})
	if err != nil {
		return fmt.Errorf("ask for the transcription of video %d: %w", t.Video.ID, err)
	}
	return nil
}

// Work has one file written down. It may be called again at any time: what is
// done is left alone, what was cut off is begun anew. After a failure its error
// says until when to wait, and after some of them the portal gives up.
func (d *Desk) Work(ctx context.Context, videoID int64) error {
	now, err := d.Of(ctx, videoID)
	if err != nil || now == nil || now.State != Waiting {
		return err
	}
	v, err := d.Testimonies.GetVideo(ctx, videoID)
	if fault.Of(err) == fault.NotFound {
		return nil // deleted
	}
	if err != nil {
		return err
	}
	heard, err := d.hear(ctx, v)
	switch {
	case ctx.Err() != nil:
		return ctx.Err() // the portal stops: no failure of the program
	case err != nil:
		return d.failed(ctx, now, err)
	}
	now.State, now.Reason = Done, testimony.Sentence{}
	if !heard {
		now.Reason.Message = fault.Msg("captions.machine.silence")
	}
	d.Log.InfoContext(ctx, "video transcribed", "video", v.ID, "testimony", v.TestimonyID, "heard", heard)
	return d.keep(ctx, now)
}

// hear writes the draft, and tells whether anything was heard. What persons
// wrote meanwhile makes it unnecessary.
func (d *Desk) hear(ctx context.Context, v *testimony.Video) (heard bool, err error) {
	t, err := d.Testimonies.Get(ctx, testimony.Anywhere, v.TestimonyID)
	if err != nil {
		return false, err
	}
	text, err := d.Testimonies.CaptionText(ctx, t.ID, t.Language)
	if err != nil {
		return false, err
	}
	written := text.Out != nil || text.Draft != nil && text.Draft.ChangedBy != audit.Portal
	if written || !t.State.Captionable() || t.Video == nil || t.Video.ID != v.ID || !hearable(v) {
		return true, nil
	}
	inspector, err := d.Inspector()
	if err != nil {
		return false, err
	}
	listener, err := video.FindListener(d.Command, d.MaxMemory)
	if err != nil {
		return false, fault.Wrap(err, fault.Invalid, "captions.machine.missing")
	}
	listener.Patience = d.Patience
	cues, err := inspector.Hear(ctx, listener, filepath.Join(d.Renditions, v.Rendition), t.Language, v.Duration(), d.Scratch)
	if err != nil || len(cues) == 0 {
		return false, err
	}
	_, err = d.Testimonies.TakeMachineCaption(ctx, v, t.Language, cues.Untangled().Draft())
	return true, err
}

// failed notes a failure, and says when to try again.
func (d *Desk) failed(ctx context.Context, now *Transcription, why error) error {
	d.Log.WarnContext(ctx, "transcription failed", "video", now.VideoID, "try", now.Tries+1, "error", why)
	now.Reason.Message = fault.Msg("captions.machine.machine")
	if e, ok := errors.AsType[*fault.Error](why); ok {
		now.Reason.Message = e.Message
	}
	now.Tries++
	if now.Tries > len(again) {
		now.State = Failed
		return d.keep(ctx, now)
	}
	if err := d.keep(ctx, now); err != nil {
		return err
	}
	wait := fault.Wrap(why, fault.Unavailable, now.Reason.Key)
	wait.Until = d.now().Add(again[now.Tries-1])
	return wait
}

func (d *Desk) keep(ctx context.Context, now *Transcription) error {
	now.ChangedAt = d.now()
	if err := d.DB.Write(ctx, func(tx *gorm.DB) error { return tx.Save(now).Error }); err != nil {
		return fmt.Errorf("keep the transcription of video %d: %w", now.VideoID, err)
	}
	return nil
}
