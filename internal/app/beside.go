package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
)

// errPortalGone means that the portal which a command left its work to has
// stopped.
var errPortalGone = errors.New("the portal that ran beside this command has stopped")

// beside opens the rooms for a command that needs the channel and the work on
// jobs, and calls do with them. Where a portal runs on the folder of data, do
// leaves the work to it. Where none does, or not that part of it, this process
// takes its place meanwhile, under the portal's own locks: it serves the
// sandbox, and alone is true: do may work on what the jobs would.
func beside(ctx context.Context, s config.Settings, log *slog.Logger, do func(ctx context.Context, a *App, alone bool) error) (err error) {
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return fmt.Errorf("make the folder of data: %w", err)
	}
	leaveJobs, alone, err := tryLock(s.Lock(string(OnlyJobs)))
	if err != nil {
		return err
	}
	defer leaveJobs()
	leaveWeb, noWeb, err := tryLock(s.Lock(string(OnlyWeb)))
	if err != nil {
		return err
	}
	defer leaveWeb()

	a := newApp(s, log)
	a.say = func(m fault.Message) string { return words(page.Italian, m) }
	defer func() { err = errors.Join(err, a.Close()) }()
	if noWeb {
		err = a.openSandbox(ctx)
	} else {
		err = a.findSandbox()
	}
	if err != nil {
		return err
	}
	if err := a.open(ctx); err != nil {
		return err
	}
	until, stop := context.WithCancel(ctx)
	group, inside := errgroup.WithContext(until)
	defer func() {
		stop()
		err = errors.Join(err, group.Wait())
	}()
	if err := a.serveSandbox(inside, group); err != nil {
		return err
	}
	return do(inside, a, alone)
}

// tryLock takes a lock if nobody has it.
func tryLock(file string) (release func(), got bool, err error) {
	release, err = lock(file)
	if err == nil {
		return release, true, nil
	}
	if errors.Is(err, errRunning) {
		err = nil
	}
	return func() {}, false, err
}

// held tells whether somebody has a lock, without making its file. To find out
// it takes the lock for an instant.
func held(file string) (bool, error) {
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	release, free, err := tryLock(file)
	release()
	return err == nil && !free, err
}

const (
	// besidePoll is how often a command looks how far the portal is.
	besidePoll = 200 * time.Millisecond
	// gonePoll is how often it looks whether the portal still runs. The look
	// holds the portal's lock for an instant, so it is rare.
	gonePoll = 5 * time.Second
)

// await calls done until it says so. Where the work is a portal's (not alone),
// it returns errPortalGone when that has stopped.
func (a *App) await(ctx context.Context, alone bool, done func() (bool, error)) error {
	tick, look := time.NewTicker(besidePoll), time.NewTicker(gonePoll)
	defer tick.Stop()
	defer look.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case <-look.C:
			if alone {
				continue
			}
			works, err := held(a.Settings.Lock(string(OnlyJobs)))
			if err != nil {
				return err
			}
			if !works {
				return errPortalGone
			}
		}
	}
}
