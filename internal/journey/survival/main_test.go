// Package survival kills the built portal, as a power cut would, wherever that
// could cost a video, a second video, or a person's patience: at each window of
// an upload to the channel, at each step of one from a browser, at random
// moments of both, while a video is taken off and while views are counted. It
// then starts the portal again and finds exactly one video of each testimony,
// equal to the file that was chosen, and nothing asked of anybody twice.
//
// Everything happens from outside: people over HTTP, the channel over the wire,
// the database through connections of its own. Random moments follow from
// VOCI_SURVIVAL_SEED, which a failing test prints.
package survival

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/journey/portal"
)

// patience bounds every wait for something that happens elsewhere.
const patience = 60 * time.Second

func TestMain(m *testing.M) {
	code := m.Run()
	portal.Clean()
	os.Exit(code)
}

// chance is where a test's random moments come from, the same ones for the same
// VOCI_SURVIVAL_SEED.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if set := os.Getenv("VOCI_SURVIVAL_SEED"); set != "" {
		var err error
		if seed, err = strconv.ParseUint(set, 10, 64); err != nil {
			t.Fatalf("VOCI_SURVIVAL_SEED: %v", err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("to have the same moments again: VOCI_SURVIVAL_SEED=%d go test -run '^%s$'", seed, t.Name())
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

// until waits for a condition that may fail to be looked at. It looks often: a
// window may be open for milliseconds only.
func until(ctx context.Context, what string, ok func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		yes, err := ok()
		if err != nil {
			return fmt.Errorf("wait until %s: %w", what, err)
		}
		if yes {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}
