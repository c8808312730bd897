package app

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// errRunning means that another process serves the same folder of data.
var errRunning = errors.New("a portal already runs on this folder of data")

// lock takes the portal's lock: one process at a time serves a folder of data
// and works on its jobs. The kernel frees it with the process, however it ends.
func lock(file string) (release func(), err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the portal's lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errRunning
		}
		return nil, fmt.Errorf("take the portal's lock: %w", err)
	}
	return func() { _ = f.Close() }, nil
}
