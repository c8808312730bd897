package publishing

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// Restored prepares a database that comes from a back-up: what was about to be
// sent, or was being sent, may be on the channel by now. Each such publication
// is looked for there before anything is sent again, not before the time
// settled.
func Restored(ctx context.Context, db *store.Store, settled time.Time) error {
	err := db.Write(ctx, func(tx *gorm.DB) error {
		var open []struct {
			Publication
			Bytes int64
		}
		err := tx.Table("publications").Joins("JOIN videos v ON v.id = publications.video_id").Select("publications.*, v.bytes").
			Where("publications.state IN ? AND youtube_id IS NULL", []State{Waiting, Sending, Blocked}).Scan(&open).Error
		if err != nil {
			return err
		}
		for _, pub := range open {
			if pub.Reason.Key == "publishing.off" {
				continue // without a channel nothing is sent
			}
			err := tx.Model(&Publication{}).Where("id = ?", pub.ID).Updates(doubt(pub.Publication, pub.Bytes, settled)).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("prepare the publications of a back-up: %w", err)
	}
	return nil
}

// doubt is what has a publication, whose file has so many bytes, looked for
// before it is sent.
func doubt(pub Publication, bytes int64, settled time.Time) map[string]any {
	if pub.SessionSealed != nil {
		// The session is asked first, as after any kill; should it be gone, the
		// video may exist.
		return map[string]any{"last_byte_sent": true}
	}
	// The mark is not in the reason alone, which any other wait would take the
	// place of.
	values := map[string]any{"last_byte_sent": true, "session_total": bytes, "session_started": pub.Since, "next_poll_at": settled.UTC()}
	if pub.State != Blocked { // a person knows why; if it is tried again, it is looked for
		values["reason"], values["until"] = testimony.Sentence{Message: fault.Msg(outcomeUnknown)}, settled.UTC()
	}
	return values
}

// Settling is how long after an upload its video is sure to be listed.
func Settling(pollEvery time.Duration) time.Duration { return settling * pollEvery }
