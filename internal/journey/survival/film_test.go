package survival

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/voci-in-comune/voci/internal/video/videotest"
)

const (
	small = 3 << 20  // bytes: one range on its way to the channel
	large = 20 << 20 // two ranges, so that there is a time before the last byte can have left
)

// film is a video file that somebody chose.
type film struct {
	path string
	size int64
	sum  string // SHA-256
}

// scene is a second of video, made once.
var scene = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "voci-survival-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path, err := videotest.Make(context.Background(), dir, videotest.Spec{Seconds: 1, Width: 160, Height: 90})
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// newFilm makes a video of size bytes that is like no other: a second of
// picture and sound, then a box that players skip (ISO/IEC 14496-12, 8.1.2).
func newFilm(t *testing.T, size int) film {
	t.Helper()
	head, err := scene()
	if err != nil {
		t.Fatal(err)
	}
	data := bytes.NewBuffer(append(make([]byte, 0, size), head...))
	rest := size - len(head)
	_ = binary.Write(data, binary.BigEndian, uint32(rest)) // a buffer does not fail
	data.WriteString("free")
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], films.Add(1))
	noise := make([]byte, rest-8)
	_, _ = rand.NewChaCha8(seed).Read(noise) // never fails
	data.Write(noise)
	return keepFilm(t, data.Bytes())
}

// films counts the films made, so that each has bytes of its own.
var films atomic.Uint64

// longFilm makes a video that takes a while to look at.
func longFilm(t *testing.T) film {
	t.Helper()
	path, err := videotest.Make(t.Context(), t.TempDir(), videotest.Spec{Seconds: 12, Width: 640, Height: 360})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return keepFilm(t, data)
}

func keepFilm(t *testing.T, data []byte) film {
	t.Helper()
	path := filepath.Join(t.TempDir(), fmt.Sprintf("%d.mp4", len(data)))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return film{path: path, size: int64(len(data)), sum: sum(data)}
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}
