package account

import (
	"context"
	"fmt"
	"time"
)

// Acting is somebody who may act for a town hall, by a link in force.
type Acting struct {
	ID         int64
	Name       string // empty: the town hall's own link, which the metropolitan city hands out
	CreatedAt  time.Time
	LastUsedAt *time.Time
	ExpiresAt  *time.Time
}

// ActingFor lists who may act for a municipality: the town hall's own link first,
// then by name.
func (s *Store) ActingFor(ctx context.Context, municipality string) ([]Acting, error) {
	var all []Acting
	err := s.db.Reader(ctx).Model(&Link{}).
		Where("municipality_code = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", municipality, s.now()).
		Order("name, id").Find(&all).Error
	if err != nil {
		return nil, fmt.Errorf("list who may act for %s: %w", municipality, err)
	}
	return all, nil
}
