package app

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/jobs"
	"github.com/voci-in-comune/voci/internal/views"
)

// Sync brings the view counts back now, and returns what it brought. Beside a
// portal it is the portal that does it, since only one process may ask at a
// time; should that stop meanwhile, this one does.
func Sync(ctx context.Context, s config.Settings, log *slog.Logger) (report views.Report, err error) {
	if s.YouTube == config.YouTubeOff {
		return report, errors.New("VOCI_YOUTUBE is off: there is no channel whose views could be brought back")
	}
	for {
		err = beside(ctx, s, log, func(ctx context.Context, a *App, alone bool) (err error) {
			report, err = a.syncNow(ctx, alone)
			return err
		})
		if !errors.Is(err, errPortalGone) {
			return report, err
		}
	}
}

// syncNow brings the view counts back, or has the portal beside do it.
func (a *App) syncNow(ctx context.Context, alone bool) (views.Report, error) {
	if alone {
		return a.SyncViews(ctx)
	}
	before, _, err := a.Views.Last(ctx)
	if err != nil {
		return views.Report{}, err
	}
	job := jobs.SyncViews{For: "command " + rand.Text()}
	if err := a.DB.Write(ctx, func(tx *gorm.DB) error { return a.Queue.Add(tx, job) }); err != nil {
		return views.Report{}, err
	}
	err = a.await(ctx, false, func() (bool, error) { return a.Queue.Tried(ctx, job) })
	if err != nil {
		return views.Report{}, err
	}
	last, report, err := a.Views.Last(ctx)
	if err == nil && last == before {
		err = errors.New("the portal could not begin to bring the view counts back: its log says why")
	}
	return report, err
}
