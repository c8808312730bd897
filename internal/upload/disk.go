package upload

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/voci-in-comune/voci/internal/fault"
	"golang.org/x/sys/unix"
)

const (
	// bufferBytes is read from the line at a time. Larger than io.Copy's
	// 32 KiB so that a fast line costs fewer system calls and deadlines.
	bufferBytes = 256 << 10
	// stepBytes is how much is written before the kernel is told to start
	// bringing it to the disk, so that the sync at the end finds little to do,
	// and before the free room is looked at again.
	stepBytes = 8 << 20
)

// buffers lends the memory of running uploads.
var buffers = sync.Pool{New: func() any { return new([bufferBytes]byte) }}

// write copies src into f from offset on, at most limit bytes, and returns
// when what it counts is on the disk. More than limit is refused as too large,
// a full disk as full; what fitted is kept in both cases.
func (r *Receiver) write(f *os.File, offset, limit int64, src io.Reader) (n int64, err error) {
	if err := r.room(0); err != nil {
		return 0, err
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return 0, fmt.Errorf("find the end of an upload: %w", err)
	}
	n, err = r.fill(f, offset, limit, src)
	if n == 0 {
		return 0, err
	}
	if serr := r.sync(f); serr != nil {
		// After a failed fsync the pages may count as clean without being on
		// the disk (https://lwn.net/Articles/752063/): they must come again.
		terr := f.Truncate(offset)
		return 0, onDisk("sync an upload", errors.Join(serr, terr))
	}
	return n, err
}

// fill is write without the sync.
func (r *Receiver) fill(f *os.File, offset, limit int64, src io.Reader) (n int64, err error) {
	buf := buffers.Get().(*[bufferBytes]byte) //nolint:forcetypeassert // only these are put there
	defer buffers.Put(buf)
	started := int64(0) // bytes on their way to the disk
	for {
		m, rerr := src.Read(buf[:])
		over := int64(m) > limit-n
		if over {
			m = int(limit - n)
		}
		w, werr := f.Write(buf[:m])
		n += int64(w)
		switch {
		case werr != nil:
			return n, onDisk("write an upload", werr)
		case over:
			return n, r.tooLarge()
		case errors.Is(rerr, io.EOF):
			return n, nil
		case rerr != nil:
			return n, fmt.Errorf("read an upload: %w", rerr)
		}
		if n-started >= stepBytes {
			startWriteback(f, offset+started, n-started)
			started = n
			if err := r.room(0); err != nil {
				return n, err
			}
		}
	}
}

// onDisk says what was being done; a disk without room is a refusal with its
// own sentence.
func onDisk(doing string, err error) error {
	err = fmt.Errorf("%s: %w", doing, err)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.Wrap(err, fault.Full, "upload.disk_full")
	}
	return err
}

// freeBytes is what an ordinary user may still write on the disk of dir.
func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("statfs: %w", err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // the types differ between systems
}

// syncDir makes names that were added to or taken from a folder survive a
// power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open a folder to sync it: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return onDisk("sync a folder", err)
	}
	return nil
}
