package views

import (
	"fmt"

	"gorm.io/gorm"
)

// ForgetChannel deletes inside tx all that YouTube told of the videos of a
// channel. The totals are put right by the next Rebuild.
func (s *Sync) ForgetChannel(tx *gorm.DB, channelID string) error {
	for _, table := range []string{"view_counts", "daily_views", "latest_views"} {
		err := tx.Exec(`DELETE FROM `+table+` WHERE publication_id IN (SELECT id FROM publications WHERE channel_id = ?)`, channelID).Error
		if err != nil {
			return fmt.Errorf("forget the counts of channel %s: %w", channelID, err)
		}
	}
	// Where no count is left nobody has told anything: dashboards say so by this.
	err := tx.Exec(`UPDATE sync_runs SET answered = 0 WHERE NOT EXISTS (SELECT 1 FROM latest_views)`).Error
	if err != nil {
		return fmt.Errorf("forget the counts of channel %s: %w", channelID, err)
	}
	return nil
}
