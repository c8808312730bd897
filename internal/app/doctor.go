package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/secret"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/upload"
	"github.com/voci-in-comune/voci/internal/video"
	"github.com/voci-in-comune/voci/migrations"
)

// Doctor checks what the portal needs and writes a line for each check: what was
// found, or what is wrong with the remedy. It changes nothing, but for what the
// portal itself notes of its channel, and makes no folder of data. Its error
// says that something is wrong.
func Doctor(ctx context.Context, s config.Settings, log *slog.Logger, console io.Writer) (err error) {
	d := &doctor{settings: s, log: log, console: console}
	defer func() {
		if d.db != nil {
			err = errors.Join(err, d.db.Close())
		}
	}()
	d.check(ctx, "ffmpeg", d.tools)
	if s.TranscribeCommand != "" {
		d.check(ctx, "speech to text", d.listener)
	}
	d.check(ctx, "full-text search", d.search)
	d.check(ctx, "data folder", d.folder)
	d.check(ctx, "database", d.database)
	d.check(ctx, "secret key", d.key)
	d.check(ctx, "mail", d.mail)
	d.check(ctx, "channel", d.channel)
	d.check(ctx, "clock", d.clock)
	d.check(ctx, "base address", d.address)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if d.wrong > 0 {
		return fmt.Errorf("%d of %d checks found something wrong", d.wrong, d.done)
	}
	return nil
}

// doctor is one visit.
type doctor struct {
	settings    config.Settings
	log         *slog.Logger
	console     io.Writer
	done, wrong int

	fresh bool         // there is no database yet
	db    *store.Store // nil: there is none, or it cannot be used
	box   *secret.Box  // nil: there is no key
}

// check runs one check. found is what to say when all is well; the error says
// what is wrong and what to do.
func (d *doctor) check(ctx context.Context, name string, do func(context.Context) (found string, err error)) {
	d.done++
	found, err := do(ctx)
	if err != nil {
		d.wrong++
		_, _ = fmt.Fprintf(d.console, "✗ %s: %s\n", name, Explain(err))
		return
	}
	_, _ = fmt.Fprintf(d.console, "✓ %s: %s\n", name, found)
}

func (d *doctor) tools(ctx context.Context) (string, error) {
	tools, err := video.Find()
	if err != nil {
		return "", err
	}
	if err := tools.Check(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s and what it needs can do all that is asked of them", tools.FFmpeg), nil
}

// listener has the program write down a second of silence.
func (d *doctor) listener(ctx context.Context) (string, error) {
	tools, err := video.Find()
	if err != nil {
		return "", err
	}
	l, err := video.FindListener(d.settings.TranscribeCommand, d.settings.TranscribeMemory)
	if err != nil {
		return "", fmt.Errorf("VOCI_TRANSCRIBE_COMMAND: %w. Install it, or write its whole path", err)
	}
	if err := video.New(tools, video.Limits{}).Try(ctx, l); err != nil {
		return "", errors.New("VOCI_TRANSCRIBE_COMMAND: tried on a second of silence: " + Explain(err) +
			" It must read the WAV file $VOCI_AUDIO, write WebVTT to its standard output and end with 0, within VOCI_TRANSCRIBE_MEMORY: see docs/transcription.md")
	}
	return l.Program + " wrote down a second of silence", nil
}

func (d *doctor) search(ctx context.Context) (found string, err error) {
	dir, err := os.MkdirTemp("", "voci-doctor-")
	if err != nil {
		return "", fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	db, err := store.Open(ctx, filepath.Join(dir, "try.db"))
	if err != nil {
		return "", err
	}
	return "SQLite has it", db.Close()
}

func (d *doctor) folder(context.Context) (string, error) {
	s := d.settings
	where, note := s.Data, ""
	if _, err := os.Stat(where); errors.Is(err, fs.ErrNotExist) {
		where, note = existing(where), ", to be made at the first start"
	}
	f, err := os.CreateTemp(where, ".voci-doctor-*")
	if err != nil {
		return "", fmt.Errorf("%w: let the portal's user write there, or set VOCI_DATA to another folder", err)
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return "", err
	}
	if err := restoreUnfinished(s); err != nil {
		return "", err
	}
	free, err := upload.Free(where)
	if err != nil {
		return "", err
	}
	if free < s.MinFreeBytes {
		return "", fmt.Errorf("%s free in %s, and VOCI_MIN_FREE_BYTES keeps %s free: no video is accepted until there is more room", amount(free), where, amount(s.MinFreeBytes))
	}
	return fmt.Sprintf("%s%s; %s free, of which %s are kept free", s.Data, note, amount(free), amount(s.MinFreeBytes)), nil
}

// existing is the nearest folder above path that is there.
func existing(path string) string {
	for {
		up := filepath.Dir(path)
		if _, err := os.Stat(up); err == nil || up == path {
			return up
		}
		path = up
	}
}

// amount is a number of bytes for people.
func amount(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d bytes", n)
}

func (d *doctor) database(ctx context.Context) (string, error) {
	file := d.settings.Database()
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		d.fresh = true
		return "none yet, to be made at the first start", nil
	}
	db, err := store.Open(ctx, file)
	if err != nil {
		return "", err
	}
	if err := usable(ctx, db); err != nil {
		return "", errors.Join(err, db.Close())
	}
	d.db = db
	return "whole and up to date", nil
}

func usable(ctx context.Context, db *store.Store) error {
	if err := db.Check(ctx); err != nil {
		return fmt.Errorf("%w: restore a back-up", err)
	}
	current, newest, err := db.Versions(ctx, migrations.FS)
	switch {
	case err != nil:
		return err
	case current < newest:
		return fmt.Errorf("it is at version %d and this program at %d: back up, then run `voci migrate`", current, newest)
	case current > newest:
		return fmt.Errorf("it is at version %d and this program at %d: run the newer program", current, newest)
	}
	return nil
}

// withDatabase is for checks that need the database: without one yet there is
// nothing to check, and one that cannot be used must be mended first.
func (d *doctor) withDatabase(ctx context.Context, none string, do func(context.Context) (string, error)) (string, error) {
	switch {
	case d.fresh:
		return none, nil
	case d.db == nil:
		return "", errors.New("not looked at: the database must be mended first")
	}
	return do(ctx)
}

func (d *doctor) key(ctx context.Context) (string, error) {
	return d.withDatabase(ctx, "nothing is sealed with it yet", d.opens)
}

func (d *doctor) opens(ctx context.Context) (string, error) {
	s := d.settings
	if !HasKey(s) {
		return "", fmt.Errorf("there is none beside the database: put the portal's own back into %s", filepath.Join(s.Data, keptKey))
	}
	key, err := s.Key()
	if err != nil {
		return "", fmt.Errorf("VOCI_SECRET_KEY: %w", err)
	}
	if d.box, err = secret.NewBox(key); err != nil {
		return "", err
	}
	registry, err := territory.Load(s.Territory)
	if err != nil {
		return "", err
	}
	n, err := account.NewStore(d.db, d.box, registry, time.Now).CheckSealed(ctx)
	if err != nil {
		return "", fmt.Errorf("%w Set VOCI_SECRET_KEY to the one that the portal had", err)
	}
	if n == 0 {
		return "there, with no personal link to try it on", nil
	}
	return fmt.Sprintf("opens all %d personal links", n), nil
}
