package app

import (
	"context"
	"errors"
	"log/slog"

	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
)

// MigrateOnly brings the database of a folder of data up to date, making it if
// it is not there, and does nothing else.
func MigrateOnly(ctx context.Context, s config.Settings, log *slog.Logger) (err error) {
	if err := restoreUnfinished(s); err != nil {
		return err
	}
	registry, err := territory.Load(s.Territory)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, s.Database())
	if err != nil {
		return err
	}
	return errors.Join(Migrate(ctx, db, registry, log), db.Close())
}
