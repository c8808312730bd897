package publishing

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/store"
)

// Purge forgets what YouTube told of the channels that we may no longer keep it
// of; forget, called inside the transaction of each, does so with the counts. What
// town halls wrote stays, and so do the ids of channel and videos: without them a
// withdrawal could not be honoured. It returns of how many channels it did, and
// works also where YouTube is off by now.
func Purge(ctx context.Context, db *store.Store, now time.Time, forget func(tx *gorm.DB, channelID string) error) (n int, err error) {
	var all []Channel
	if err := db.Reader(ctx).Where("purged_at IS NULL AND (disconnected_at IS NOT NULL OR trouble <> '')").Order("id").Find(&all).Error; err != nil {
		return 0, fmt.Errorf("read the channels: %w", err)
	}
	for _, ch := range all {
		if at := ch.PurgeAt(); at.IsZero() || at.After(now) {
			continue
		}
		err := db.Write(ctx, func(tx *gorm.DB) error {
			if err := forget(tx, ch.ID); err != nil {
				return err
			}
			return purge(tx, ch.ID, now)
		})
		if err != nil {
			return n, fmt.Errorf("forget what YouTube told of channel %s: %w", ch.ID, err)
		}
		n++
	}
	return n, nil
}

func purge(tx *gorm.DB, channelID string, now time.Time) error {
	for _, sql := range []string{
		`UPDATE publications SET seen_privacy = '', seen_at = NULL, reconciled_at = NULL, captions_seen_at = NULL WHERE channel_id = ?`,
		// What somebody let be stays so: of it there is only a fingerprint.
		`UPDATE findings SET detail = '{}' WHERE publication_id IN (SELECT id FROM publications WHERE channel_id = ?)`,
		`UPDATE channels SET title = '', long_uploads = '' WHERE id = ?`,
	} {
		if err := tx.Exec(sql, channelID).Error; err != nil {
			return err
		}
	}
	if err := tx.Model(&Channel{}).Where("id = ?", channelID).Update("purged_at", now.UTC()).Error; err != nil {
		return err
	}
	return audit.Write(tx, now, audit.Portal, "channel.purge", "channel", channelID, nil)
}
