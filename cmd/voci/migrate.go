package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/voci-in-comune/voci/internal/app"
	"github.com/voci-in-comune/voci/internal/config"
)

type migrateCmd struct{}

// Run brings the database up to date.
func (c *migrateCmd) Run(ctx context.Context, s *config.Settings, log *slog.Logger) error {
	if err := app.MigrateOnly(ctx, *s, log); err != nil {
		return err
	}
	fmt.Println("The database is up to date.")
	return nil
}
