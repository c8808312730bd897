//go:build !linux

package upload

import "testing"

func smallDisk(t *testing.T, _ string) {
	t.Helper()
	t.Skip("a small disk in memory is made on Linux only")
}
