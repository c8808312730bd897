package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/voci-in-comune/voci/internal/archive"
	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/upload"
)

// The names in a back-up are those in the folder of data.
const (
	keptDatabase   = "voci.db"
	keptVault      = "vault"
	keptRenditions = "renditions"
	keptUploads    = "uploads"
	keptSandbox    = "sandbox"
)

// keptKey is in the folder of data and never in a back-up: whoever finds one
// must not be able to read the channel's token in it.
const keptKey = "secret.key"

// BackedUp is what a back-up holds.
type BackedUp struct {
	Files   int
	Bytes   int64
	Missing []string // files that the database names and that are not there
}

// Backup writes all that the portal keeps, but not its secret key, into one
// file, beside a running portal.
//
// The database is copied first, at one moment, and then the files that the copy
// names. The portal works the other way round: a file is whole and in its place
// before the row that names it is committed, and stays there. So whatever the
// copy names can be found, however many videos arrive meanwhile; files copied
// first and the database after them would lack those of the time between. What
// else has moved on by then (uploads that grew or came to their end, the
// sandbox) is ahead of the copy, as it is after a power cut, and the portal
// goes on from it in the same way.
func Backup(ctx context.Context, s config.Settings, file string) (made BackedUp, err error) {
	if _, err := os.Stat(s.Database()); err != nil {
		return made, fmt.Errorf("nothing to back up: there is no portal in %s", s.Data)
	}
	w, err := archive.Create(file)
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, w.Abort()) }()
	b := &backup{ctx: ctx, data: s.Data, to: w, made: &made}
	if err := b.all(s, filepath.Dir(file)); err != nil {
		return made, err
	}
	made.Files, made.Bytes = w.Files(), w.Bytes()
	return made, w.Commit(ctx)
}

// backup is one back-up in the making.
type backup struct {
	ctx  context.Context // of the one call of Backup that this is
	data string
	to   *archive.Writer
	made *BackedUp
}

func (b *backup) all(s config.Settings, beside string) error {
	named, err := b.database(s.Database(), beside)
	if err != nil {
		return err
	}
	for _, name := range append(named.Originals, named.Papers...) {
		if err := b.file(path.Join(keptVault, name), true); err != nil {
			return err
		}
	}
	for _, name := range named.Renditions {
		if err := b.file(path.Join(keptRenditions, name), true); err != nil {
			return err
		}
	}
	for _, name := range named.Others {
		if err := b.file(path.Join(keptRenditions, name), false); err != nil {
			return err
		}
	}
	for _, id := range named.Uploads {
		if err := b.upload(s, id); err != nil {
			return err
		}
	}
	return b.sandbox()
}

// database copies the database, and returns the files that the copy names.
func (b *backup) database(from, beside string) (named testimony.Files, err error) {
	dir, err := os.MkdirTemp(beside, ".voci-backup-*")
	if err != nil {
		return named, fmt.Errorf("make room for a copy of the database: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	copied := filepath.Join(dir, keptDatabase)
	if err := copyDatabase(b.ctx, from, copied); err != nil {
		return named, err
	}
	db, err := store.Open(b.ctx, copied)
	if err != nil {
		return named, err
	}
	named, err = testimony.NewStore(db, testimony.Hooks{}, time.Now).Files(b.ctx)
	if err = errors.Join(err, db.Close()); err != nil {
		return named, err
	}
	return named, b.add(copied, keptDatabase)
}

func copyDatabase(ctx context.Context, from, to string) error {
	db, err := store.Open(ctx, from)
	if err != nil {
		return err
	}
	return errors.Join(db.CopyTo(ctx, to), db.Close())
}

// file adds a file of the folder of data. One that must be there and is not is
// noted, and does not keep the rest from being saved.
func (b *backup) file(name string, must bool) error {
	err := b.add(filepath.Join(b.data, filepath.FromSlash(name)), name)
	if errors.Is(err, fs.ErrNotExist) {
		if must {
			b.made.Missing = append(b.made.Missing, name)
		}
		return nil
	}
	return err
}

// add adds a file as long as it is now, also if it grows meanwhile.
func (b *backup) add(file, name string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("back up %s: %w", name, err)
	}
	defer func() { _ = f.Close() }()
	return b.addOpen(f, name)
}

func (b *backup) addOpen(f *os.File, name string) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("back up %s: %w", name, err)
	}
	return b.to.Add(b.ctx, name, f, info.Size(), info.ModTime())
}

// upload adds an upload that is still arriving.
func (b *backup) upload(s config.Settings, id string) error {
	k, err := upload.Keep(s.Uploads(), s.Vault(), id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // given up, or refused before it began
	}
	if err != nil {
		return err
	}
	defer func() { _ = k.Data.Close() }()
	if err := b.to.Add(b.ctx, path.Join(keptUploads, k.InfoName), bytes.NewReader(k.Info), int64(len(k.Info)), time.Now()); err != nil {
		return err
	}
	return b.addOpen(k.Data, path.Join(keptUploads, k.DataName))
}

// sandbox adds the sandbox's state, if there is one. Files are taken in the
// order of their names, by which sessions come before the videos that they turn
// into: a session that ends meanwhile is in the back-up unfinished, with its
// video, and the sandbox finishes it when it starts.
func (b *backup) sandbox() error {
	root := filepath.Join(b.data, keptSandbox)
	return filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // no sandbox, or a file that has moved on
		}
		if err != nil {
			return fmt.Errorf("back up the sandbox: %w", err)
		}
		if !d.Type().IsRegular() || strings.HasPrefix(d.Name(), ".") {
			return nil // a folder, or a file that is being written
		}
		name, err := filepath.Rel(b.data, file)
		if err != nil {
			return fmt.Errorf("back up the sandbox: %w", err)
		}
		return b.file(filepath.ToSlash(name), false)
	})
}
