package testimony

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
)

// shortest is the least that a trim may leave.
const shortest = time.Second

// Trim is what is shown of a file, in milliseconds from its beginning. The zero
// Trim is all of it.
type Trim struct {
	FromMS int64 `gorm:"column:trim_from_ms"`
	ToMS   int64 `gorm:"column:trim_to_ms"` // 0: up to the end
}

// From is where what is shown begins.
func (t Trim) From() time.Duration { return time.Duration(t.FromMS) * time.Millisecond }

// To is where it ends; 0 is the end of the file.
func (t Trim) To() time.Duration { return time.Duration(t.ToMS) * time.Millisecond }

// Whole tells whether nothing is taken away.
func (t Trim) Whole() bool { return t == Trim{} }

// Within is the trim as it applies to a file that plays as long as d: an end
// that the file does not reach is the file's own, and a trim that would leave
// less than a second of it is none.
func (t Trim) Within(d time.Duration) Trim {
	end := d
	if t.ToMS > 0 && t.To() < d {
		end = t.To()
	} else {
		t.ToMS = 0
	}
	if end-t.From() < shortest {
		return Trim{}
	}
	return t
}

// ParseTrim reads seconds as people write them: 12, 12.5, 12,5 or 1:05. An
// empty beginning is that of the file, and so is an empty end. It returns
// fault.Invalid with the fields from and to.
func ParseTrim(from, to string) (Trim, error) {
	var wrong fault.Fields
	a, ok := parseMoment(from)
	if !ok {
		wrong.Add("from", "testimony.trim.number")
	}
	b, ok := parseMoment(to)
	if !ok {
		wrong.Add("to", "testimony.trim.number")
	}
	if len(wrong) == 0 && b > 0 && b-a < shortest {
		wrong.Add("to", "testimony.trim.short")
	}
	return Trim{FromMS: a.Milliseconds(), ToMS: b.Milliseconds()}, wrong.Err()
}

// longest is more than any file plays.
const longest = 24 * time.Hour

func parseMoment(text string) (time.Duration, bool) {
	text = strings.ReplaceAll(strings.TrimSpace(text), ",", ".")
	if text == "" {
		return 0, true
	}
	minutes := 0.0
	if before, after, ok := strings.Cut(text, ":"); ok {
		n, err := strconv.ParseUint(before, 10, 16)
		if err != nil {
			return 0, false
		}
		minutes, text = float64(n), after
	}
	s, err := strconv.ParseFloat(text, 64)
	s += 60 * minutes
	if err != nil || math.IsNaN(s) || s < 0 || s > longest.Seconds() {
		return 0, false
	}
	return time.Duration(math.Round(s*1000)) * time.Millisecond, true
}

// TrimVideo keeps what is to be shown of a testimony's file and has it made. An
// upload is named when the file may still be arriving: then the trim waits for
// it. It returns fault.NotFound, fault.Invalid for a trim that does not fit the
// file, or fault.Conflict when it can no longer be changed.
func (s *Store) TrimVideo(ctx context.Context, actor, municipality string, id int64, upload string, trim Trim) (*Testimony, error) {
	return s.change(ctx, municipality, id, func(tx *gorm.DB, t *Testimony) error {
		if !t.State.Editable() {
			return fault.New(fault.Conflict, "testimony.not_editable")
		}
		waits, err := s.trimUpload(tx, t, upload, trim)
		if err != nil {
			return err
		}
		detail := map[string]any{"from_ms": trim.FromMS, "to_ms": trim.ToMS}
		if waits {
			return audit.Write(tx, s.now(), actor, "video.trim", "testimony", t.ID, detail)
		}
		v := t.Video
		switch {
		case v == nil:
			return fault.New(fault.NotFound, "video.unknown")
		case v.State == VideoUnusable:
			return fault.New(fault.Conflict, "testimony.trim.unusable")
		case v.Trim == trim:
			return nil // pressed twice
		}
		if err := trim.fits(v.Source()); err != nil {
			return err
		}
		v.Trim, v.State, v.CheckedAt = trim, VideoChecking, nil
		if err := tx.Save(v).Error; err != nil {
			return err
		}
		if err := audit.Write(tx, s.now(), actor, "video.trim", "testimony", t.ID, detail); err != nil {
			return err
		}
		return s.hooks.VideoReceived(tx, v)
	})
}

// trimUpload keeps the trim with a file of t that is still arriving, and says
// whether there is such a one.
func (s *Store) trimUpload(tx *gorm.DB, t *Testimony, upload string, trim Trim) (bool, error) {
	if upload == "" || t.Video != nil && t.Video.UploadID == upload {
		return false, nil
	}
	var u Upload
	err := tx.Where("id = ? AND testimony_id = ? AND discarded_at IS NULL AND received_at IS NULL", upload, t.ID).Take(&u).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return false, fault.New(fault.NotFound, "upload.unknown")
	}
	if err != nil {
		return false, err
	}
	return true, tx.Model(&u).Select("trim_from_ms", "trim_to_ms").Updates(Upload{Trim: trim}).Error
}

// fits refuses a trim that leaves less than a second of a file whose length is
// known.
func (t Trim) fits(source time.Duration) error {
	if source <= 0 || t.Whole() {
		return nil
	}
	if t.From() > source-shortest {
		return fault.Fields{{Name: "from", Message: fault.Msg("testimony.trim.beyond", "Seconds", int64(source/time.Second))}}.Err()
	}
	if end := min(source, t.To()); t.ToMS > 0 && end-t.From() < shortest {
		return fault.Fields{{Name: "to", Message: fault.Msg("testimony.trim.short")}}.Err()
	}
	return nil
}
