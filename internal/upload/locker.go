package upload

import (
	"context"
	"fmt"
	"sync"

	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
)

// locker is tusd's locker in memory with a better way to ask for a lock. tusd
// tells the holder by ending the body of its request, which does nothing, and
// races, while that body is still being made (handler/context.go, newContext).
// So a holder that has not begun to read is only marked, and finds the mark
// when it begins.
type locker struct {
	inner   *memorylocker.MemoryLocker
	mu      sync.Mutex
	holders map[string]*holder // by id of a held lock
}

// holder is whoever has a lock. The flags are its own, so that a request to
// let go that comes late does not hit the next one.
type holder struct {
	asked   bool // somebody waits for the lock
	reading bool // the body of its request is there, and can be ended
}

func newLocker() *locker {
	return &locker{inner: memorylocker.New(), holders: make(map[string]*holder)}
}

// NewLock implements handler.Locker.
func (l *locker) NewLock(id string) (handler.Lock, error) {
	inner, err := l.inner.NewLock(id)
	if err != nil {
		return nil, fmt.Errorf("make the lock of an upload: %w", err)
	}
	return lock{inner: inner, locker: l, id: id}, nil
}

// begin is called by the holder before it reads the body of its request. It
// says false if somebody waits for the lock already.
func (l *locker) begin(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.holders[id]
	if h == nil || h.asked {
		return false
	}
	h.reading = true
	return true
}

type lock struct {
	inner  handler.Lock
	locker *locker
	id     string
}

// Lock implements handler.Lock.
func (k lock) Lock(ctx context.Context, release func()) error {
	h := new(holder)
	err := k.inner.Lock(ctx, func() {
		k.locker.mu.Lock()
		h.asked = true
		reading := h.reading
		k.locker.mu.Unlock()
		if reading {
			release()
		}
	})
	if err != nil {
		return err //nolint:wrapcheck // tusd compares it
	}
	k.locker.mu.Lock()
	k.locker.holders[k.id] = h
	k.locker.mu.Unlock()
	return nil
}

// Unlock implements handler.Lock.
func (k lock) Unlock() error {
	k.locker.mu.Lock()
	delete(k.locker.holders, k.id)
	k.locker.mu.Unlock()
	return k.inner.Unlock() //nolint:wrapcheck // never fails
}

// with runs do under the lock of an upload, taking it from a request that
// holds it.
func (l *locker) with(ctx context.Context, id string, do func() error) error {
	k, err := l.NewLock(id)
	if err != nil {
		return err
	}
	if err := k.Lock(ctx, func() {}); err != nil {
		return fmt.Errorf("lock upload %s: %w", id, err)
	}
	defer func() { _ = k.Unlock() }() // never fails
	return do()
}
