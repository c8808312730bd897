package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/voci-in-comune/voci/internal/app"
	"github.com/voci-in-comune/voci/internal/config"
)

type serveCmd struct {
	Only app.Part `help:"Do only a part of it: web or jobs; two processes on one machine then make a portal." enum:"web,jobs," default:"" placeholder:"PART"`
}

// Run serves the portal until it is told to stop.
func (c *serveCmd) Run(ctx context.Context, s *config.Settings, log *slog.Logger) error {
	return app.Serve(ctx, *s, c.Only, log, os.Stdout)
}
