package main

import (
	"context"
	"fmt"

	"github.com/voci-in-comune/voci/internal/app"
	"github.com/voci-in-comune/voci/internal/config"
)

type restoreCmd struct {
	File string `arg:"" help:"The back-up."`
}

// Run makes the folder of data anew.
func (c *restoreCmd) Run(ctx context.Context, s *config.Settings) error {
	if err := app.Restore(ctx, *s, c.File); err != nil {
		return err
	}
	fmt.Println(s.Data + ": restored")
	if !app.HasKey(*s) {
		fmt.Println("The secret key is not in a back-up: put the portal's own secret.key there, or set VOCI_SECRET_KEY to it, before the start.")
	}
	return nil
}
