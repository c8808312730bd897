package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/voci-in-comune/voci/internal/app"
	"github.com/voci-in-comune/voci/internal/config"
)

type doctorCmd struct{}

// Run prints a line for each check.
func (c *doctorCmd) Run(ctx context.Context, s *config.Settings, log *slog.Logger) error {
	return app.Doctor(ctx, *s, quiet(log), os.Stdout)
}
