// Package journey tests the built portal as the people do for whom it is made:
// in a browser, on a telephone and on a laptop, from the first link to the
// numbers on the dashboard.
package journey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"os"
	"testing"

	"github.com/rs/zerolog"

	"github.com/voci-in-comune/voci/internal/journey/portal"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

func TestMain(m *testing.M) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxiproxy's own words
	code := m.Run()
	portal.Clean()
	os.Exit(code)
}

// Two small places, by ISTAT code.
const (
	balme     = "001019"
	ribordone = "001212"
)

// The films that are sent.
const (
	seconds = 5
	weight  = 24 << 20 // bytes, so that there is time to interrupt them
)

// film makes a video in a folder of the test and returns its path. What makes it
// heavy is an empty box at its end, as editors leave them, so that looking at it
// takes no longer.
func film(t *testing.T, spec videotest.Spec) string {
	t.Helper()
	path, err := videotest.Make(t.Context(), t.TempDir(), spec)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	box := binary.BigEndian.AppendUint32(nil, weight) // ISO/IEC 14496-12, 8.1.2
	if _, err := f.Write(append(box, "free"...)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(f, rand.Reader, weight-8); err != nil {
		t.Fatal(err)
	}
	return path
}

// digest is the SHA-256 of a file, as the sandbox channel writes it.
func digest(t testing.TB, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
