package upload

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
)

// locker is tusd's locker in memory that also remembers which holders were
// asked to let go. tusd tells the holder by ending the body of its request,
// which does nothing if the request has not begun to read: such a holder looks
// here before it does.
type locker struct {
	inner   *memorylocker.MemoryLocker
	mu      sync.Mutex
	holders map[string]*atomic.Bool // by id of a held lock: was it asked for
}

func newLocker() *locker {
	return &locker{inner: memorylocker.New(), holders: make(map[string]*atomic.Bool)}
}

// NewLock implements handler.Locker.
func (l *locker) NewLock(id string) (handler.Lock, error) {
	inner, err := l.inner.NewLock(id)
	if err != nil {
		return nil, fmt.Errorf("make the lock of an upload: %w", err)
	}
	return lock{inner: inner, locker: l, id: id}, nil
}

// wanted reports whether somebody waits for the lock of id.
func (l *locker) wanted(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	asked := l.holders[id]
	return asked != nil && asked.Load()
}

type lock struct {
	inner  handler.Lock
	locker *locker
	id     string
}

// Lock implements handler.Lock.
func (k lock) Lock(ctx context.Context, release func()) error {
	// The flag is this holder's own: a request to release that comes late
	// must not hit the next one.
	asked := new(atomic.Bool)
	err := k.inner.Lock(ctx, func() {
		asked.Store(true)
		release()
	})
	if err != nil {
		return err //nolint:wrapcheck // tusd compares it
	}
	k.locker.mu.Lock()
	k.locker.holders[k.id] = asked
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
