package video

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// abandoned is the age at which a temporary file belongs to nobody: ffmpeg
// writes to a living one all the time.
const abandoned = time.Hour

// atomically has write make a temporary file beside out, and puts it in out's
// place when it is complete and on the disk: readers see the old file or the
// whole new one, after a power cut as well.
func atomically(out string, write func(temp string) error) (err error) {
	dir := filepath.Dir(out)
	sweep(dir, filepath.Base(out))
	f, err := os.CreateTemp(dir, "."+filepath.Base(out)+".*.part")
	if err != nil {
		return fmt.Errorf("making a temporary file: %w", err)
	}
	temp := f.Name()
	defer func() {
		f.Close()
		if err != nil {
			os.Remove(temp)
		}
	}()
	if err := write(temp); err != nil {
		return err
	}
	// The tool wrote to the same file (it truncates, it does not replace), so
	// this descriptor speaks for it.
	if err := f.Sync(); err != nil {
		return fmt.Errorf("flushing %s to the disk: %w", filepath.Base(out), err)
	}
	if err := os.Rename(temp, out); err != nil {
		return fmt.Errorf("putting %s in place: %w", filepath.Base(out), err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("flushing the folder of %s: %w", filepath.Base(out), err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("flushing the folder of %s: %w", filepath.Base(out), err)
	}
	return nil
}

// sweep removes the temporary files for out that a killed process left behind.
// What it cannot remove only takes room, so its failures are of no account.
func sweep(dir, out string) {
	left, err := filepath.Glob(filepath.Join(dir, "."+out+".*.part"))
	if err != nil {
		return
	}
	for _, path := range left {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > abandoned {
			os.Remove(path)
		}
	}
}
