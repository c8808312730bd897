package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/voci-in-comune/voci/internal/archive"
	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/migrations"
)

// unpacking is the folder, inside the folder of data, that a back-up is
// unpacked into. While it is there and the database is not, a restore is
// unfinished.
const unpacking = "restoring"

// HasKey tells whether the portal's secret key is set, or kept in the folder of
// data: no back-up holds it.
func HasKey(s config.Settings) bool {
	_, err := os.Stat(filepath.Join(s.Data, keptKey))
	return s.SecretKey != "" || err == nil
}

// Restore makes an empty folder of data anew from a back-up. Nothing of it is
// in use before all of it is unpacked, compared with the back-up's own list and
// on the disk: the database is put in place last, and without it there is no
// portal. A restore that was interrupted is begun anew by the next one.
//
// It unpacks inside the folder and not beside it, since the folder may be a disk
// of its own, or all that the portal's user may write to.
func Restore(ctx context.Context, s config.Settings, file string) (err error) {
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("open the back-up: %w", err)
	}
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return fmt.Errorf("make the folder of data: %w", err)
	}
	for _, part := range []string{string(OnlyWeb), string(OnlyJobs), sandboxPart} {
		release, err := lock(s.Lock(part))
		if errors.Is(err, errRunning) {
			return fmt.Errorf("%w (%s): stop it first, or restore into another folder", err, s.Data)
		}
		if err != nil {
			return err
		}
		defer release()
	}
	if err := errors.Join(clearUnfinished(s), mustBeEmpty(s)); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, clearUnfinished(s)) // the folder is as it was found
		}
	}()
	dir := filepath.Join(s.Data, unpacking)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder to unpack into: %w", err)
	}
	if err := archive.SyncDir(s.Data); err != nil {
		return err
	}
	if err := archive.Unpack(ctx, file, dir, belongs); err != nil {
		return err
	}
	if err := prepare(ctx, s, filepath.Join(dir, keptDatabase)); err != nil {
		return err
	}
	return putInPlace(s.Data)
}

// belongs tells whether a back-up may hold a file called name.
func belongs(name string) bool {
	if name == keptDatabase {
		return true
	}
	top, rest, below := strings.Cut(name, "/")
	if !below || strings.HasPrefix(rest, ".") {
		return false
	}
	switch top {
	case keptVault, keptRenditions, keptUploads:
		return !strings.Contains(rest, "/")
	case keptSandbox:
		return strings.Count(rest, "/") <= 1
	}
	return false
}

// mustBeEmpty refuses a folder that holds anything but what does no harm: the
// portal's key, which may be put there first, and what no portal made.
func mustBeEmpty(s config.Settings) error {
	entries, err := os.ReadDir(s.Data)
	if err != nil {
		return fmt.Errorf("look into the folder of data: %w", err)
	}
	for _, e := range entries {
		if name := e.Name(); name != keptKey && name != "lost+found" && !strings.HasSuffix(name, ".lock") {
			return fmt.Errorf("%s is not empty (it holds %s): restore into an empty folder, or move the old one away first", s.Data, name)
		}
	}
	return nil
}

// clearUnfinished takes away what a restore that did not come to its end left.
func clearUnfinished(s config.Settings) error {
	if restoreUnfinished(s) == nil {
		return nil
	}
	// Its mark last: without it, what is left would be a stranger's.
	for _, name := range []string{keptVault, keptRenditions, keptUploads, keptSandbox, unpacking} {
		if err := os.RemoveAll(filepath.Join(s.Data, name)); err != nil {
			return fmt.Errorf("clear away an unfinished restore: %w", err)
		}
	}
	return nil
}

// restoreUnfinished refuses to start on a folder of data that a restore did not
// come to its end in.
func restoreUnfinished(s config.Settings) error {
	if _, err := os.Stat(filepath.Join(s.Data, unpacking)); err != nil {
		return nil
	}
	if _, err := os.Stat(s.Database()); err == nil {
		return nil // all is in place but the empty folder
	}
	return fmt.Errorf("a restore into %s has not come to its end: run `voci restore` again", s.Data)
}

// prepare makes sure that a restored database is whole and not newer than this
// program, brings it up to date, and has the portal look at the channel for
// what may have been published since the back-up was made.
func prepare(ctx context.Context, s config.Settings, file string) (err error) {
	if _, err := os.Stat(file); err != nil {
		return errors.New("the archive holds no database")
	}
	db, err := store.Open(ctx, file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Check(ctx); err != nil {
		return err
	}
	current, newest, err := db.Versions(ctx, migrations.FS)
	if err != nil {
		return err
	}
	if current > newest {
		return errors.New("the back-up was made by a newer voci: restore it with that one")
	}
	registry, err := territory.Load(s.Territory)
	if err != nil {
		return err
	}
	if err := Migrate(ctx, db, registry, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	return publishing.Restored(ctx, db, time.Now().Add(publishing.Settling(s.PollEvery)))
}

// putInPlace moves what was unpacked to where it belongs, the database last.
func putInPlace(data string) error {
	for _, name := range []string{keptSandbox, keptUploads, keptVault, keptRenditions, keptDatabase} {
		if name == keptDatabase {
			if err := archive.SyncDir(data); err != nil {
				return err
			}
		}
		err := os.Rename(filepath.Join(data, unpacking, name), filepath.Join(data, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("put %s in its place: %w", name, err)
		}
	}
	if err := archive.SyncDir(data); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(data, unpacking))
}
