package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Tried tells whether somebody has worked on a sync that was put in the queue,
// successfully or not: one that is tried again later counts as tried.
func (q *Queue) Tried(ctx context.Context, job SyncViews) (tried bool, err error) {
	// A job that was told to wait has its attempt taken back, but counts the wait.
	err = q.db.ReadSQL().QueryRowContext(ctx, `
		SELECT finalized_at IS NOT NULL
			OR (state <> 'running' AND (attempt > 0 OR coalesce(json_extract(metadata, '$.snoozes'), 0) > 0))
		FROM river_job WHERE kind = ? AND json_extract(args, '$.for') = ?
		ORDER BY id DESC LIMIT 1`, job.Kind(), job.For).Scan(&tried)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil // swept away, long after it ended
	}
	if err != nil {
		return false, fmt.Errorf("look how far a job is: %w", err)
	}
	return tried, nil
}
