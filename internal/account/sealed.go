package account

import (
	"context"
	"fmt"
)

// CheckSealed tries whether the town halls' own links that are kept open with the
// portal's key; n is how many there are. Those of persons are not kept.
func (s *Store) CheckSealed(ctx context.Context) (n int, err error) {
	var links []Link
	err = s.db.Reader(ctx).Where("municipality_code IS NOT NULL AND revoked_at IS NULL AND name = ''").Find(&links).Error
	if err != nil {
		return 0, fmt.Errorf("read the personal links: %w", err)
	}
	for _, l := range links {
		if _, err := s.box.Open(l.TokenSealed, purpose(*l.MunicipalityCode)); err != nil {
			return len(links), err
		}
	}
	return len(links), nil
}
