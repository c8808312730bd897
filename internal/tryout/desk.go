package tryout

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/video"
)

const (
	// suffix is that of films in the folder.
	suffix = ".film"
	// filmLife is how old a film may get that a crash left behind. One that is
	// being received is written to all the time.
	filmLife = time.Hour
	// resultLife is how long what was measured is worth knowing.
	resultLife = 30 * 24 * time.Hour
	// late is how long after a try-out its sender may still say how long sending
	// took.
	late = 10 * time.Minute
)

// Desk receives try-outs.
type Desk struct {
	db        *store.Store
	dir       string
	inspector func() (*video.Inspector, error)
	turn      chan struct{} // whose holder looks at a film
	now       func() time.Time
	log       *slog.Logger
}

// New makes a Desk that keeps films in dir while they are looked at.
func New(db *store.Store, dir string, inspector func() (*video.Inspector, error), clock func() time.Time, log *slog.Logger) *Desk {
	return &Desk{
		db: db, dir: dir, inspector: inspector, turn: make(chan struct{}, 1),
		now: func() time.Time { return clock().UTC() }, log: log,
	}
}

// Receive takes a film in from somebody's line, looks at it, deletes it and keeps
// what it saw in place of what it saw before. What cannot be used is
// fault.Invalid or fault.TooLarge, with the remedy.
func (d *Desk) Receive(ctx context.Context, link int64, body io.Reader) (*Result, error) {
	if err := d.clear(filmLife); err != nil {
		d.log.WarnContext(ctx, "films of try-outs could not be cleared away", "error", err)
	}
	path := filepath.Join(d.dir, rand.Text()+suffix)
	defer os.Remove(path) // what stays after all is cleared away later
	line, err := spool(path, body)
	if err != nil {
		return nil, err
	}
	// The film is here: if its sender is not any more, the answer is for later.
	ctx = context.WithoutCancel(ctx)
	r := &Result{LinkID: link, Bytes: line.Bytes, ReceivedMS: line.Took.Milliseconds()}
	if err := d.look(ctx, path, r); err != nil {
		return nil, err
	}
	if err := d.keep(ctx, r); err != nil {
		return nil, err
	}
	d.log.InfoContext(ctx, "try-out seen", "tryout", r.ID, "light", r.Light(), "sound", r.Sound(), "picture", r.Picture(), "bytes", r.Bytes, "took_ms", r.ReceivedMS)
	return r, nil
}

// spool writes a film to a new file, and notes how long it took to come.
func spool(path string, body io.Reader) (l Line, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return l, onDisk(err)
	}
	start := time.Now() // not the given clock: it may be set while a film arrives
	n, err := io.Copy(f, io.LimitReader(body, MaxBytes+1))
	l = Line{Bytes: n, Took: time.Since(start)}
	if closed := f.Close(); err == nil && closed != nil {
		return l, onDisk(closed)
	}
	_, ours := errors.AsType[*fs.PathError](err) // of the file, not of the line
	switch {
	case ours:
		return l, onDisk(err)
	case err != nil:
		return l, fault.Wrap(err, fault.Invalid, "tryout.cut")
	case n > MaxBytes:
		return l, TooLarge()
	case n == 0:
		return l, fault.New(fault.Invalid, "tryout.empty")
	}
	return l, nil
}

// TooLarge refuses a film over the limit.
func TooLarge() error {
	return fault.New(fault.TooLarge, "tryout.too_large", "Max", MaxBytes>>20)
}

func onDisk(err error) error {
	err = fmt.Errorf("write the film of a try-out: %w", err)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.Wrap(err, fault.Full, "tryout.disk_full")
	}
	return err
}

// look measures a film. One at a time: ffmpeg takes all the processor, and what
// waits here takes seconds.
func (d *Desk) look(ctx context.Context, path string, r *Result) error {
	inspector, err := d.inspector()
	if err != nil {
		return err
	}
	d.turn <- struct{}{}
	defer func() { <-d.turn }()
	facts, err := inspector.Inspect(ctx, path)
	if err != nil {
		return fmt.Errorf("look at a try-out: %w", err)
	}
	switch {
	case facts.Duration > MaxLength:
		return fault.New(fault.Invalid, "tryout.long", "Max", int(MaxLength.Seconds()))
	case facts.Duration < MinLength:
		return fault.New(fault.Invalid, "tryout.short", "Min", int(MinLength.Seconds()))
	}
	seen, err := inspector.Impression(ctx, path)
	if err != nil {
		return fmt.Errorf("look at a try-out: %w", err)
	}
	r.measured(facts, seen)
	return nil
}

// keep puts a result in the place of the one before.
func (d *Desk) keep(ctx context.Context, r *Result) error {
	r.At = d.now()
	err := d.db.Write(ctx, func(tx *gorm.DB) error {
		if err := tx.Where("link_id = ?", r.LinkID).Delete(&Result{}).Error; err != nil {
			return err
		}
		return tx.Create(r).Error
	})
	if err != nil {
		return fmt.Errorf("keep the result of a try-out: %w", err)
	}
	return nil
}

// Timed notes how long a person waited, by their own clock, until the film of
// their try-out had been sent. What comes late, or for another try-out than the
// last, tells nothing and is dropped.
func (d *Desk) Timed(ctx context.Context, link, id int64, took time.Duration) error {
	err := d.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&Result{}).Where("id = ? AND link_id = ? AND sent_ms = 0 AND at > ?", id, link, d.now().Add(-late)).
			Update("sent_ms", max(took.Milliseconds(), 0)).Error
	})
	if err != nil {
		return fmt.Errorf("keep how long a try-out took: %w", err)
	}
	return nil
}

// Last is what was measured in a person's last try-out, nil if there was none or
// none that still says something.
func (d *Desk) Last(ctx context.Context, link int64) (*Result, error) {
	var r Result
	err := d.db.Reader(ctx).Where("link_id = ? AND at > ?", link, d.now().Add(-resultLife)).Take(&r).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the last try-out: %w", err)
	}
	return &r, nil
}

// Recover clears away what a crash left behind. It is called at the start,
// before the first film can come.
func (d *Desk) Recover() error { return d.clear(0) }

// Sweep forgets what is over.
func (d *Desk) Sweep(ctx context.Context) error {
	if err := d.clear(filmLife); err != nil {
		return err
	}
	err := d.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Delete(&Result{}, "at <= ?", d.now().Add(-resultLife)).Error
	})
	if err != nil {
		return fmt.Errorf("forget old try-outs: %w", err)
	}
	return nil
}

// clear deletes the films that nothing was written to for so long.
func (d *Desk) clear(age time.Duration) error {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return fmt.Errorf("list the films of try-outs: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // its try-out is over
		}
		if err == nil && (age == 0 || d.now().Sub(info.ModTime()) > age) {
			err = os.Remove(filepath.Join(d.dir, e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("delete the film of a try-out: %w", err))
		}
	}
	return errors.Join(errs...)
}
