package register

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/voci-in-comune/voci/internal/archive"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// MaxPaper is how large a signed release may be, in bytes: a page that a phone
// scanned has one or two million.
const MaxPaper = 10 << 20

// Papers are the signed releases: PDFs in the vault, under names of ours. A file
// is whole and on the disk before a row names it; one that no row comes to name
// is swept away later.
type Papers struct{ dir string }

// NewPapers keeps signed releases in a folder.
func NewPapers(dir string) *Papers { return &Papers{dir} }

// ours is what the names look like: nothing else is touched.
var ours = regexp.MustCompile(`^release-[1-9][0-9]*-[a-z2-7]{26}\.pdf$`)

func prefix(testimonyID int64) string { return "release-" + strconv.FormatInt(testimonyID, 10) + "-" }

// Keep takes a PDF in. It returns fault.TooLarge, fault.Unsupported for what is
// no PDF, fault.Invalid for one that is cut short or empty, fault.Full.
func (p *Papers) Keep(testimonyID int64, from io.Reader) (*testimony.Paper, error) {
	var content bytes.Buffer // a few million bytes: a signed page
	if _, err := io.Copy(&content, io.LimitReader(from, MaxPaper+1)); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "register.paper.cut")
	}
	if err := check(content.Bytes()); err != nil {
		return nil, err
	}
	name := prefix(testimonyID) + strings.ToLower(rand.Text()) + ".pdf"
	if err := p.write(name, content.Bytes()); err != nil {
		return nil, err
	}
	return describe(name, content.Bytes()), nil
}

func describe(name string, content []byte) *testimony.Paper {
	sum := sha256.Sum256(content)
	return &testimony.Paper{Name: name, Bytes: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
}

// tail is where the mark of the end is looked for, in bytes from the end: some
// programs write padding after it.
const tail = 2048

// check tells a PDF by what it holds, whatever it is called (ISO 32000-1, 7.5.2
// and 7.5.5: its head and its end).
func check(content []byte) error {
	switch {
	case len(content) == 0:
		return fault.New(fault.Invalid, "register.paper.empty")
	case len(content) > MaxPaper:
		return fault.New(fault.TooLarge, "register.paper.large", "Max", MaxPaper>>20)
	case !bytes.HasPrefix(content, []byte("%PDF-")):
		return fault.New(fault.Unsupported, "register.paper.other")
	case !bytes.Contains(content[max(0, len(content)-tail):], []byte("%%EOF")):
		return fault.New(fault.Invalid, "register.paper.cut")
	}
	return nil
}

// write writes a file, and its name, to the disk.
func (p *Papers) write(name string, content []byte) error {
	path := filepath.Join(p.dir, name)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return full(err)
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path) // what matters is why; Sweep finds what stays
		return full(err)
	}
	return full(archive.SyncDir(p.dir))
}

// full says what was being done; a disk without room is a refusal with its own
// sentence.
func full(err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("keep a signed release: %w", err)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.Wrap(err, fault.Full, "upload.disk_full")
	}
	return err
}

// Kept finds a PDF again that came with a form which had something else wrong:
// nobody sends it twice. It must be of the same testimony.
func (p *Papers) Kept(testimonyID int64, name string) (*testimony.Paper, error) {
	if !ours.MatchString(name) || !strings.HasPrefix(name, prefix(testimonyID)) {
		return nil, fault.New(fault.Invalid, "register.paper.gone")
	}
	content, err := os.ReadFile(filepath.Join(p.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Invalid, "register.paper.gone")
	}
	if err != nil {
		return nil, fmt.Errorf("find a signed release again: %w", err)
	}
	return describe(name, content), nil
}

// Open opens a PDF, or returns fault.NotFound.
func (p *Papers) Open(name string) (*os.File, error) {
	if !ours.MatchString(name) {
		return nil, fmt.Errorf("open the signed release %q: %w", name, fs.ErrInvalid)
	}
	f, err := os.Open(filepath.Join(p.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.NotFound, "register.paper.missing")
	}
	if err != nil {
		return nil, fmt.Errorf("open a signed release: %w", err)
	}
	return f, nil
}

// Remove deletes a PDF. It is no error if it is not there.
func (p *Papers) Remove(name string) error {
	if !ours.MatchString(name) {
		return fmt.Errorf("delete the signed release %q: %w", name, fs.ErrInvalid)
	}
	if err := os.Remove(filepath.Join(p.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete a signed release: %w", err)
	}
	return archive.SyncDir(p.dir)
}

// Sweep deletes the PDFs from before a moment that nobody names, and says how
// many: their forms were never sent again.
func (p *Papers) Sweep(ctx context.Context, before time.Time, named func(ctx context.Context, name string) (bool, error)) (n int, err error) {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return 0, fmt.Errorf("look for signed releases that nobody names: %w", err)
	}
	for _, e := range entries {
		if !ours.MatchString(e.Name()) {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.ModTime().Before(before) {
			continue
		}
		if err != nil {
			return n, fmt.Errorf("look at a signed release: %w", err)
		}
		known, err := named(ctx, e.Name())
		if err != nil {
			return n, err
		}
		if known {
			continue
		}
		if err := p.Remove(e.Name()); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
