package video_test

import (
	"path/filepath"
	"testing"
	"time"
)

// TestAClipIsAVideoLikeAnyOther: with picture and sound, as long as it was asked
// to be.
func TestAClipIsAVideoLikeAnyOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clip.mp4")
	if err := inspector(t).Clip(t.Context(), path, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	facts := inspect(t, path)
	if d := facts.Duration - 5*time.Second; d.Abs() > 200*time.Millisecond || !facts.HasSound || facts.Width != 1280 || facts.VideoCodec != "h264" {
		t.Errorf("the clip is %+v", facts)
	}
}
