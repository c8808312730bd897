package upload

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

// Progress says how many bytes of an upload are in its file and how many there
// will be, -1 if that is not known yet. fs.ErrNotExist is in the chain when the
// upload is not there, or not any more.
func (r *Receiver) Progress(uploadID string) (offset, total int64, err error) {
	if !validID(uploadID) {
		return 0, 0, fmt.Errorf("read upload %q: %w", uploadID, fs.ErrNotExist)
	}
	u, err := r.load(uploadID)
	if err != nil {
		return 0, 0, err
	}
	return u.info.Offset, size(u.info), nil
}

// Life is how long an upload is kept that nothing is added to.
const Life = 14 * 24 * time.Hour

// KeptUntil is when an upload in progress is forgotten if nothing is added to it.
// fs.ErrNotExist is in the chain when it is not there, or not any more.
func (r *Receiver) KeptUntil(uploadID string) (time.Time, error) {
	if !validID(uploadID) {
		return time.Time{}, fmt.Errorf("read upload %q: %w", uploadID, fs.ErrNotExist)
	}
	info, err := os.Stat(r.infoPath(uploadID))
	if err != nil {
		return time.Time{}, fmt.Errorf("look at an upload: %w", err)
	}
	used := info.ModTime()
	data, err := os.Stat(r.dataPath(uploadID))
	switch {
	case err == nil && data.ModTime().After(used):
		used = data.ModTime()
	case err != nil && !errors.Is(err, fs.ErrNotExist): // whole: it is in the vault
		return time.Time{}, fmt.Errorf("look at an upload: %w", err)
	}
	return used.Add(Life), nil
}

// Recover is called at the start, before the first request: a file whose last
// byte arrived but which was not taken over is now. Files that belong to no
// upload are reported, and left for Expire. An upload that fails does not stop
// the others; the errors come back together.
func (r *Receiver) Recover(ctx context.Context) error {
	names, err := r.list()
	if err != nil {
		return err
	}
	var errs []error
	for id, files := range names {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, fmt.Errorf("recover uploads: %w", err))...)
		}
		if !files.info {
			r.opt.Log.WarnContext(ctx, "file of no upload in the folder of uploads", "upload", id)
			continue
		}
		err := r.locks.with(ctx, id, func() error {
			u, err := r.load(id)
			if errors.Is(err, fs.ErrNotExist) {
				r.opt.Log.WarnContext(ctx, "upload without its bytes", "upload", id)
				return nil
			}
			if err != nil || u.received() || !u.whole() {
				return err
			}
			return r.settle(ctx, u)
		})
		if err != nil {
			r.opt.Log.ErrorContext(ctx, "upload not recovered", "upload", id, "error", err)
			errs = append(errs, fmt.Errorf("recover upload %s: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

// Discard forgets an upload and deletes its bytes, wherever they are: in
// progress or in the vault. A request that is sending it is ended. It is no
// error if nothing is there.
func (r *Receiver) Discard(ctx context.Context, uploadID string) error {
	if !validID(uploadID) {
		return fmt.Errorf("discard upload %q: %w", uploadID, fs.ErrInvalid)
	}
	return r.locks.with(ctx, uploadID, func() error {
		// The original first: if this stops half-way, the .info is still
		// there to find the rest by.
		if err := os.Remove(r.vaultPath(uploadID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete an original: %w", err)
		}
		if err := syncDir(r.opt.Vault); err != nil {
			return err
		}
		if err := r.remove(uploadID); err != nil {
			return err
		}
		r.opt.Log.InfoContext(ctx, "upload discarded", "upload", uploadID)
		return nil
	})
}

// Expire deletes uploads in progress that nothing was added to since
// olderThan, except those that keep wants, receipts as old as that, and files
// of no upload; n counts the uploads given up. Files in the vault are never
// touched: a whole one that was not taken over yet is offered again instead.
func (r *Receiver) Expire(ctx context.Context, olderThan time.Time, keep func(id string) bool) (n int, err error) {
	names, err := r.list()
	if err != nil {
		return 0, err
	}
	var errs []error
	for id, files := range names {
		if err := ctx.Err(); err != nil {
			return n, errors.Join(append(errs, fmt.Errorf("expire uploads: %w", err))...)
		}
		if !files.used.Before(olderThan) || keep != nil && keep(id) {
			continue
		}
		gone := false
		err := r.locks.with(ctx, id, func() (err error) {
			gone, err = r.expire(ctx, id, olderThan)
			return err
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("expire upload %s: %w", id, err))
		}
		if gone {
			n++
		}
	}
	return n, errors.Join(errs...)
}

// expire deletes one old upload, under its lock, and says whether it was one
// that somebody had begun and not finished.
func (r *Receiver) expire(ctx context.Context, id string, olderThan time.Time) (gone bool, err error) {
	// It may have been used while the lock was waited for.
	for _, path := range []string{r.dataPath(id), r.infoPath(id)} {
		if st, err := os.Stat(path); err == nil && !st.ModTime().Before(olderThan) {
			return false, nil
		}
	}
	u, err := r.load(id)
	unfinished := err == nil && !u.received()
	if unfinished && u.whole() {
		return false, r.settle(ctx, u)
	}
	for _, suffix := range []string{partSuffix, tempSuffix} {
		if err := os.Remove(r.dataPath(id) + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("delete what was left of an upload: %w", err)
		}
	}
	if err := r.remove(id); err != nil {
		return false, err
	}
	if unfinished {
		r.opt.Log.InfoContext(ctx, "upload expired", "upload", id, "offset", u.info.Offset)
	}
	return unfinished, nil
}

// leftFiles is what the folder of uploads holds under one id.
type leftFiles struct {
	info bool
	used time.Time // when the youngest of them was written
}

// list reads the folder of uploads. Files that are not ours are not in it.
func (r *Receiver) list() (map[string]leftFiles, error) {
	entries, err := os.ReadDir(r.opt.Dir)
	if err != nil {
		return nil, fmt.Errorf("list uploads: %w", err)
	}
	found := make(map[string]leftFiles)
	for _, e := range entries {
		id, suffix, _ := strings.Cut(e.Name(), ".")
		if !validID(id) {
			continue
		}
		st, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was finished meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("look at an upload: %w", err)
		}
		f := found[id]
		f.info = f.info || "."+suffix == infoSuffix
		if st.ModTime().After(f.used) {
			f.used = st.ModTime()
		}
		found[id] = f
	}
	return found, nil
}
