package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// zstdMagic begins every Zstandard frame (RFC 8878, section 3.1.1).
var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// decoderMemory bounds what a compressed archive can make us hold, in bytes.
const decoderMemory = 256 << 20

// Unpack writes the files of an archive into the folder dir, which must be
// there and empty, and brings them to the disk. Whatever the archive says,
// nothing but regular files below dir is made, and only under names that admit
// lets in. It fails if the archive is not whole or not as it was written; what
// was unpacked until then stays.
func Unpack(ctx context.Context, file, dir string, admit func(name string) bool) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("open the archive: %w", err)
	}
	defer func() { _ = f.Close() }()
	buffered := bufio.NewReaderSize(f, 1<<20)
	var from io.Reader = buffered
	if head, err := buffered.Peek(len(zstdMagic)); err == nil && bytes.Equal(head, zstdMagic) {
		unzip, err := zstd.NewReader(buffered, zstd.WithDecoderMaxMemory(decoderMemory))
		if err != nil {
			return fmt.Errorf("open the archive: %w", err)
		}
		defer unzip.Close()
		from = unzip
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the folder to unpack into: %w", err)
	}
	defer func() { _ = root.Close() }()
	return (&reader{root: root, tar: tar.NewReader(from), admit: admit, sums: map[string]string{}}).all(ctx)
}

// reader unpacks one archive.
type reader struct {
	root  *os.Root
	tar   *tar.Reader
	admit func(string) bool
	sums  map[string]string
}

func (r *reader) all(ctx context.Context) error {
	var list *manifest
	for {
		h, err := r.tar.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the archive: %w", err)
		}
		switch {
		case list != nil:
			return fmt.Errorf("the archive goes on after its list of files, with %q", h.Name)
		case h.Typeflag != tar.TypeReg:
			return fmt.Errorf("the archive holds %q, which is no regular file", h.Name)
		case h.Name == manifestName:
			list = &manifest{}
			if err := json.NewDecoder(io.LimitReader(r.tar, manifestMax)).Decode(list); err != nil {
				return fmt.Errorf("read the archive's list of files: %w", err)
			}
		default:
			if err := r.one(ctx, h); err != nil {
				return err
			}
		}
	}
	if list == nil {
		return errors.New("the archive has no end: it was cut short, or is no back-up of this program")
	}
	if err := r.compare(list); err != nil {
		return err
	}
	return r.syncFolders()
}

// one unpacks a file.
func (r *reader) one(ctx context.Context, h *tar.Header) error {
	if h.Name != path.Clean(h.Name) || !filepath.IsLocal(h.Name) || !r.admit(h.Name) {
		return fmt.Errorf("the archive holds %q, which no back-up does", h.Name)
	}
	if err := r.root.MkdirAll(path.Dir(h.Name), 0o700); err != nil {
		return fmt.Errorf("unpack %s: %w", h.Name, err)
	}
	f, err := r.root.OpenFile(h.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("unpack %s: %w", h.Name, err)
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, sum), &interruptible{ctx, r.tar})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("unpack %s: %w", h.Name, err)
	}
	r.sums[h.Name] = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// compare finds the first difference between what was unpacked and the list.
func (r *reader) compare(list *manifest) error {
	if list.Format != format {
		return fmt.Errorf("the archive has format %d, and this program reads %d: use the program that it was made with", list.Format, format)
	}
	for name, sum := range list.SHA256 {
		switch r.sums[name] {
		case sum:
		case "":
			return fmt.Errorf("the archive lacks %s", name)
		default:
			return fmt.Errorf("%s in the archive is not as it was written", name)
		}
	}
	for name := range r.sums {
		if list.SHA256[name] == "" {
			return fmt.Errorf("the archive holds %s, which is not in its list of files", name)
		}
	}
	return nil
}

func (r *reader) syncFolders() error {
	return fs.WalkDir(r.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		folder, err := r.root.Open(name)
		if err != nil {
			return fmt.Errorf("sync a folder: %w", err)
		}
		if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
			return fmt.Errorf("sync a folder: %w", err)
		}
		return nil
	})
}

// interruptible ends reading with ctx.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i *interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}
