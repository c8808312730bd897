package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/voci-in-comune/voci/internal/app"
	"github.com/voci-in-comune/voci/internal/config"
)

type demoCmd struct {
	Count *int `help:"How many; all of them if not said." placeholder:"N"`
}

// Run makes the samples and sees them through.
func (c *demoCmd) Run(ctx context.Context, s *config.Settings, log *slog.Logger) error {
	count := app.Samples()
	if c.Count != nil {
		if *c.Count < 1 || *c.Count > count {
			return fmt.Errorf("--count: there are from 1 to %d samples", count)
		}
		count = *c.Count
	}
	if err := app.Demo(ctx, *s, count, quiet(log), os.Stdout); err != nil {
		return err
	}
	fmt.Println("Done. With a portal running, they are at " + s.BaseURL)
	return nil
}
