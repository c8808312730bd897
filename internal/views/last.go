package views

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// Last returns what the newest run that came to its end brought, and its id,
// 0 if there was none.
func (s *Sync) Last(ctx context.Context) (id int64, r Report, err error) {
	var last run
	err = s.db.Reader(ctx).Where("finished_at IS NOT NULL").Order("id DESC").Take(&last).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return 0, Report{}, nil
	}
	if err != nil {
		return 0, Report{}, fmt.Errorf("read the newest run of counts: %w", err)
	}
	return last.ID, Report{Asked: last.Asked, Answered: last.Answered, Calls: last.Calls, Failed: last.Failed, Trouble: last.Trouble}, nil
}
