// Package archive writes and reads the one file that a back-up is: a tar,
// plain or compressed with Zstandard, whose last entry lists the SHA-256 of
// all others. By it a back-up that was cut short or changed is told from a whole
// one. The room knows nothing of what the files are.
package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

const (
	manifestName = "manifest.json"
	// manifestMax bounds what is read of a list of files, in bytes: a million
	// files take a tenth of it.
	manifestMax = 1 << 30
	format      = 1
)

// manifest is the last entry of an archive.
type manifest struct {
	Format int               `json:"format"`
	MadeAt time.Time         `json:"made_at"`
	SHA256 map[string]string `json:"sha256"` // by name
}

// Writer writes an archive. Nothing is seen under its name before Commit.
type Writer struct {
	path  string
	file  *os.File
	zip   *zstd.Encoder // nil: not compressed
	tar   *tar.Writer
	sums  map[string]string
	bytes int64
}

// Create begins an archive that will be at path, where nothing may be yet. It
// is compressed if path ends in .zst.
func Create(path string) (*Writer, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%s is already there, and is not written over", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part") // readable by its owner only
	if err != nil {
		return nil, fmt.Errorf("begin the archive: %w", err)
	}
	w := &Writer{path: path, file: f, sums: map[string]string{}}
	var to io.Writer = f
	if strings.HasSuffix(path, ".zst") {
		if w.zip, err = zstd.NewWriter(f); err != nil {
			return nil, errors.Join(fmt.Errorf("begin the archive: %w", err), w.Abort())
		}
		to = w.zip
	}
	w.tar = tar.NewWriter(to)
	return w, nil
}

// Add adds the first size bytes of r as a file called name.
func (w *Writer) Add(ctx context.Context, name string, r io.Reader, size int64, changed time.Time) error {
	if _, twice := w.sums[name]; twice {
		return fmt.Errorf("add %s to the archive: it is there already", name)
	}
	err := w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: changed.UTC().Truncate(time.Second)})
	if err != nil {
		return fmt.Errorf("add %s to the archive: %w", name, err)
	}
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(w.tar, sum), &interruptible{ctx, r}, size); err != nil {
		return fmt.Errorf("add %s to the archive: %w", name, err)
	}
	w.sums[name] = hex.EncodeToString(sum.Sum(nil))
	w.bytes += size
	return nil
}

// Files is how many files were added.
func (w *Writer) Files() int { return len(w.sums) }

// Bytes is how long the files that were added are together.
func (w *Writer) Bytes() int64 { return w.bytes }

// Commit ends the archive and gives it its name, when all of it is on the disk.
func (w *Writer) Commit(ctx context.Context) error {
	list, err := json.Marshal(manifest{Format: format, MadeAt: time.Now().UTC(), SHA256: w.sums})
	if err != nil {
		return fmt.Errorf("list the files of the archive: %w", err)
	}
	if err := w.Add(ctx, manifestName, bytes.NewReader(list), int64(len(list)), time.Now()); err != nil {
		return err
	}
	if err := w.tar.Close(); err != nil {
		return fmt.Errorf("end the archive: %w", err)
	}
	if w.zip != nil {
		if err := w.zip.Close(); err != nil {
			return fmt.Errorf("end the archive: %w", err)
		}
	}
	if err := errors.Join(w.file.Sync(), w.file.Close()); err != nil {
		return fmt.Errorf("bring the archive to the disk: %w", err)
	}
	if err := os.Rename(w.file.Name(), w.path); err != nil {
		return fmt.Errorf("name the archive: %w", err)
	}
	return SyncDir(filepath.Dir(w.path))
}

// Abort throws away what was written. After Commit it does nothing.
func (w *Writer) Abort() error {
	_ = w.file.Close() // what it holds is thrown away
	if err := os.Remove(w.file.Name()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove an unfinished archive: %w", err)
	}
	return nil
}

// SyncDir makes names that were added to a folder survive a power cut.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync a folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync a folder: %w", err)
	}
	return nil
}
