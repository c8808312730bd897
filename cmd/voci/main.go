// Command voci is the portal: one binary that serves, works, and is looked
// after from the command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // Europe/Rome and America/Los_Angeles, wherever it runs

	"github.com/alecthomas/kong"

	"github.com/voci-in-comune/voci/internal/app"
	"github.com/voci-in-comune/voci/internal/config"
)

type commands struct {
	config.Settings `group:"Settings of every command:"`

	Serve   serveCmd   `cmd:"" default:"1" help:"Serve the portal and work on its jobs."`
	Migrate migrateCmd `cmd:"" help:"Bring the database up to date, and stop."`
	Link    linkCmd    `cmd:"" help:"Print a town hall's personal link, or a sign-in link for staff."`
	Sync    syncCmd    `cmd:"" help:"Bring the view counts back now."`
	Demo    demoCmd    `cmd:"" help:"Make sample testimonies, marked as samples."`
	Sandbox sandboxCmd `cmd:"" help:"Serve only the sandbox: a YouTube that runs on this machine."`
	Doctor  doctorCmd  `cmd:"" help:"Check what the portal needs, and say the remedy."`
	Backup  backupCmd  `cmd:"" help:"Write everything but the secret key into one file, beside a running portal."`
	Restore restoreCmd `cmd:"" help:"Make an empty folder of data anew from a back-up."`
}

func main() {
	// The first Ctrl-C stops gracefully, the second at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop()
	}()
	err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "voci:", sentence(ctx, err))
		os.Exit(1)
	}
}

// run carries out the command that args name.
func run(ctx context.Context, args []string) error {
	var c commands
	parser, err := kong.New(&c,
		kong.Name("voci"),
		kong.Description("Voci in Comune: the municipalities of the metropolitan city of Turin speak on video."),
		kong.Configuration(config.File),
	)
	if err != nil {
		return fmt.Errorf("read the command line: %w", err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return misread(parser, err)
	}
	if err := c.Complete(); err != nil {
		return err
	}
	var log slog.Handler = slog.NewTextHandler(os.Stderr, nil)
	if c.Env == config.Production {
		log = slog.NewJSONHandler(os.Stderr, nil)
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return parsed.Run(&c.Settings, slog.New(log))
}

// misread names the variable of a setting that cannot be read, too: most are
// set by it, and the parser knows the flag only.
func misread(parser *kong.Kong, err error) error {
	for _, f := range parser.Model.Flags {
		if name := "--" + f.Name; len(f.Envs) > 0 && (strings.HasPrefix(err.Error(), name+" ") || strings.HasPrefix(err.Error(), name+":") || strings.HasPrefix(err.Error(), name+"=")) {
			return fmt.Errorf("%s: %w", f.Envs[0], err)
		}
	}
	if _, unread := errors.AsType[*fs.PathError](err); unread {
		return fmt.Errorf("VOCI_CONFIG: %w", err)
	}
	return fmt.Errorf("%w; `voci --help` tells more", err)
}

// sentence says what went wrong.
func sentence(ctx context.Context, err error) string {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return "stopped before it was done"
	}
	return app.Explain(err)
}

// quiet is a log for commands that answer on the console: only what goes wrong
// is worth a line beside it.
func quiet(log *slog.Logger) *slog.Logger { return slog.New(warnings{log.Handler()}) }

type warnings struct{ slog.Handler }

// Enabled implements slog.Handler.
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
