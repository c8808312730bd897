package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/voci-in-comune/voci/internal/app"
	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/views"
)

type syncCmd struct{}

// Run brings the view counts back and prints what that brought.
func (c *syncCmd) Run(ctx context.Context, s *config.Settings, log *slog.Logger) error {
	report, err := app.Sync(ctx, *s, quiet(log))
	if err != nil && report == (views.Report{}) {
		return err
	}
	fmt.Printf("testimonies asked for: %d, answered: %d; calls: %d, failed: %d\n", report.Asked, report.Answered, report.Calls, report.Failed)
	if report.Trouble != "" {
		return errors.New(app.Words(fault.Msg(report.Trouble)))
	}
	return err
}
