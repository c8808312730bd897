package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/sample"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video"
	"github.com/voci-in-comune/voci/internal/youtube"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// Samples is how many sample testimonies there are.
func Samples() int { return len(sample.Texts()) }

// Demo makes the first count sample testimonies and sees them through: looked
// at, approved, on the sandbox channel, counted. Where no portal runs on the
// folder of data, this process works on the jobs meanwhile. A sample that is
// there already is not made again. What happens is told on console, a line at a
// time.
func Demo(ctx context.Context, s config.Settings, count int, log *slog.Logger, console io.Writer) error {
	if err := onlySandbox(s); err != nil {
		return err
	}
	tools, err := video.Find() // samples are drawn here, whoever looks at them
	if err != nil {
		return err
	}
	return beside(ctx, s, log, func(ctx context.Context, a *App, alone bool) (err error) {
		if err := a.noRealChannel(ctx); err != nil {
			return err
		}
		if alone {
			rest, err := a.workMeanwhile(ctx)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, rest()) }()
		}
		d := &demo{app: a, alone: alone, maker: sample.NewMaker(tools.FFmpeg, a.Registry, a.Testimonies, a.Uploads), console: console}
		if err := d.all(ctx, sample.Texts()[:count]); err != nil {
			return err
		}
		if a.Channels == nil {
			return nil
		}
		// The only numbers that samples have are those that the sandbox tells.
		_, err = a.syncNow(ctx, alone)
		return err
	})
}

// onlySandbox refuses settings with which samples could reach a real channel.
func onlySandbox(s config.Settings) error {
	if s.YouTube == config.YouTubeLive {
		return errors.New("VOCI_YOUTUBE is live: samples never go to a real channel; try them on another folder of data with VOCI_YOUTUBE=sandbox")
	}
	if s.YouTube != config.YouTubeSandbox || s.YouTubeEndpoint == "" {
		return nil
	}
	if !onThisMachine(s.YouTubeEndpoint) {
		return fmt.Errorf("VOCI_YOUTUBE_ENDPOINT is %s, which is not on this machine: samples never go to a real channel", s.YouTubeEndpoint)
	}
	return nil
}

// noRealChannel refuses a folder of data whose channel is not a sandbox's: the
// portal that runs there may have other settings than this command.
func (a *App) noRealChannel(ctx context.Context) error {
	channels := a.Channels
	if channels == nil {
		channels = publishing.NewChannels(a.DB, nil, nil, youtube.Settings{}, a.Ledger, publishing.ChannelHooks{}, time.Now)
	}
	current, err := channels.Current(ctx)
	switch {
	case fault.Of(err) == fault.NotFound && a.Channels == nil:
		return nil
	case fault.Of(err) == fault.NotFound:
		return fmt.Errorf("no channel is connected: connect the sandbox's at %s/redazione/youtube, then try again", a.Settings.BaseURL)
	case err != nil:
		return err
	case current.ID != sandbox.ChannelID:
		return fmt.Errorf("the channel %q is connected: samples never go to a real channel; try them on another folder of data", current.Title)
	}
	return nil
}

// workMeanwhile works on the jobs until rest is called.
func (a *App) workMeanwhile(ctx context.Context) (rest func() error, err error) {
	if err := a.openWork(); err != nil {
		return nil, err
	}
	until, stop := context.WithCancel(ctx)
	group, inside := errgroup.WithContext(until)
	group.Go(func() error { return a.Queue.Run(inside) })
	return func() error {
		stop()
		return group.Wait()
	}, nil
}

// demo sees samples through.
type demo struct {
	app     *App
	alone   bool
	maker   *sample.Maker
	console io.Writer
}

func (d *demo) all(ctx context.Context, texts []sample.Text) error {
	var waiting []int64
	for i, t := range texts {
		id, made, err := d.maker.Make(ctx, t)
		if err != nil {
			return fmt.Errorf("make the sample %q: %w", t.Title, err)
		}
		what := "was there already"
		if made {
			what = "made and sent"
		}
		d.tell("%2d/%d  %s: %s", i+1, len(texts), t.Title, what)
		waiting = append(waiting, id)
	}
	return d.app.await(ctx, d.alone, func() (bool, error) {
		var still []int64
		for _, id := range waiting {
			over, err := d.further(ctx, id)
			if err != nil {
				return false, err
			}
			if !over {
				still = append(still, id)
			}
		}
		waiting = still
		return len(waiting) == 0, nil
	})
}

// patience is how long a sample may be made to wait by the channel before that
// is an error, to be told at once.
const patience = 10 * time.Minute

// further takes a sample further, if it is its turn. over says that there is
// nothing more to wait for.
func (d *demo) further(ctx context.Context, id int64) (over bool, err error) {
	t, err := d.maker.Approve(ctx, id)
	if fault.Of(err) == fault.Conflict {
		return false, nil // it changed while it was looked at
	}
	if err != nil {
		return false, err
	}
	switch {
	case t.State == testimony.Published:
		d.tell("       published: %s/testimonianze/%d-%s", d.app.Settings.BaseURL, t.ID, t.Slug())
		return true, nil
	case t.State == testimony.ChangesRequested:
		d.tell("       sent back by staff: %s", t.Title)
		return true, nil
	case t.Video != nil && t.Video.State == testimony.VideoUnusable:
		return false, fmt.Errorf("the sample %q: %s", t.Title, Words(t.Video.Reason.Message))
	}
	publications, err := d.app.Publisher.Of(ctx, []int64{id})
	if err != nil {
		return false, err
	}
	p, ok := publications[id]
	held := p.Until != nil && time.Until(*p.Until) > patience
	if ok && (held || p.State == publishing.Blocked) {
		return false, fmt.Errorf("the sample %q is held up: %s", t.Title, Words(*p.Explain()))
	}
	return false, nil
}

func (d *demo) tell(form string, args ...any) { _, _ = fmt.Fprintf(d.console, form+"\n", args...) }
