package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/jobs"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/register"
	"github.com/voci-in-comune/voci/internal/upload"
)

const (
	// supersededLife is how long a file is kept after another took its place.
	supersededLife = 7 * 24 * time.Hour
	// unnamedLife is how long a signed release is kept whose form was never sent
	// again.
	unnamedLife = 24 * time.Hour
)

// Nightly checks the totals and forgets what is over.
func (a *App) Nightly(ctx context.Context) error {
	purged, err := publishing.Purge(ctx, a.DB, time.Now(), a.Views.ForgetChannel)
	if err != nil {
		return err
	}
	if purged > 0 {
		a.Log.WarnContext(ctx, "what YouTube told was deleted, as its terms ask", "channels", purged)
		a.shown()
	}
	differences, err := a.Views.Rebuild(ctx)
	if err != nil {
		return err
	}
	if differences > 0 {
		a.Log.WarnContext(ctx, "the daily totals were mended", "differences", differences)
		a.shown()
	}
	if err := a.Views.Thin(ctx); err != nil {
		return err
	}
	if err := a.checkChannel(ctx); err != nil {
		return err
	}
	if err := a.compare(ctx, "night"); err != nil {
		return err
	}
	if err := a.Sessions.Sweep(ctx); err != nil {
		return fmt.Errorf("forget the sessions that are over: %w", err)
	}
	if err := a.Tryouts.Sweep(ctx); err != nil {
		return err
	}
	if err := a.Cutter.Sweep(ctx); err != nil {
		return err
	}
	files, err := a.forgetFiles(ctx)
	if err != nil {
		return err
	}
	papers, err := a.forgetPapers(ctx)
	if err != nil {
		return err
	}
	gone, err := a.Uploads.Expire(ctx, time.Now().Add(-upload.Life), func(string) bool { return false })
	if err != nil {
		return err
	}
	a.Log.InfoContext(ctx, "night's work done", "uploads_forgotten", gone, "files_forgotten", files, "releases_forgotten", papers)
	return nil
}

// checkChannel asks whether the authorization still holds, as the terms of the
// API want at least every 30 days of who keeps statistics.
// https://developers.google.com/youtube/terms/developer-policies (III.E.4)
func (a *App) checkChannel(ctx context.Context) error {
	if a.Channels == nil {
		return nil
	}
	if err := a.Channels.Check(ctx); err != nil {
		a.Log.WarnContext(ctx, "the channel does not answer as it should", "error", err)
		return ctx.Err()
	}
	if err := a.Publisher.VerifyHands(ctx); err != nil {
		a.Log.WarnContext(ctx, "links pasted by hand could not be checked", "error", err)
	}
	return ctx.Err()
}

// compare has portal and channel compared by a job of its own, which waits for
// the next day's quota where it must and goes on from there.
func (a *App) compare(ctx context.Context, who string) error {
	if a.Channels == nil {
		return nil
	}
	err := a.DB.Write(ctx, func(tx *gorm.DB) error { return a.Queue.Add(tx, jobs.Reconcile{For: who}) })
	if err != nil {
		return fmt.Errorf("have portal and channel compared: %w", err)
	}
	return nil
}

// forgetFiles deletes the files that others took the place of long enough ago.
// The database forgets them last, so that a crash leaves the rest for the next
// night.
func (a *App) forgetFiles(ctx context.Context) (n int, err error) {
	videos, err := a.Testimonies.Superseded(ctx, time.Now().Add(-supersededLife))
	if err != nil {
		return 0, err
	}
	for _, v := range videos {
		if err := a.Uploads.Discard(ctx, v.UploadID); err != nil {
			return n, err
		}
		for dir, names := range map[string][]string{a.Settings.Renditions(): {v.Poster, v.Rendition, v.Uncut}, a.Settings.Vault(): {v.Cut}} {
			if err := forgetNamed(dir, names); err != nil {
				return n, err
			}
		}
		if err := a.Testimonies.ForgetFiles(ctx, v); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// forgetPapers deletes the signed releases that were dropped long enough ago, and
// those that no entry of a register came to name. The database forgets them last,
// as in forgetFiles.
func (a *App) forgetPapers(ctx context.Context) (n int, err error) {
	papers := register.NewPapers(a.Settings.Vault())
	dropped, err := a.Testimonies.DroppedPapers(ctx, time.Now().Add(-supersededLife))
	if err != nil {
		return 0, err
	}
	for _, p := range dropped {
		if err := papers.Remove(p.Name); err != nil {
			return n, err
		}
		if err := a.Testimonies.ForgetPaper(ctx, p.Name); err != nil {
			return n, err
		}
		n++
	}
	swept, err := papers.Sweep(ctx, time.Now().Add(-unnamedLife), a.Testimonies.HasPaper)
	return n + swept, err
}

// forgetNamed deletes replaced files of a folder; those without a name, or not
// there, are no matter.
func forgetNamed(dir string, names []string) error {
	for _, name := range names {
		if name == "" {
			continue
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete a file that was replaced: %w", err)
		}
	}
	return nil
}
