package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/voci-in-comune/voci/internal/app"
	"github.com/voci-in-comune/voci/internal/config"
)

type backupCmd struct {
	File string `arg:"" help:"Where to write it, such as voci-2026-11-24.tar; compressed if it ends in .zst."`
}

// Run writes the back-up.
func (c *backupCmd) Run(ctx context.Context, s *config.Settings) error {
	made, err := app.Backup(ctx, *s, c.File)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d files, %d bytes before compression\n", c.File, made.Files, made.Bytes)
	if len(made.Missing) > 0 {
		return fmt.Errorf("the back-up is written, but the database names files that are not there: %s", strings.Join(made.Missing, ", "))
	}
	return nil
}
