package video

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

const (
	clipTimeout = 2 * time.Minute
	maxClip     = 64 << 20 // bytes; five seconds take a hundredth of it
)

// Clip writes a film of a length to out: a test picture that counts the seconds
// and a quiet tone, in H.264 and AAC, for trying the way to the channel.
func (t *Inspector) Clip(ctx context.Context, out string, length time.Duration) error {
	err := atomically(out, func(temp string) error {
		seconds := strconv.FormatFloat(length.Seconds(), 'f', 3, 64)
		_, err := t.run(ctx, task{tool: t.tools.FFmpeg, timeout: clipTimeout, maxWrite: maxClip, args: []string{
			"-nostdin", "-hide_banner", "-nostats", "-v", "error", "-y",
			"-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25:duration=" + seconds,
			"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=" + seconds,
			"-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-af", "volume=-20dB",
			"-t", seconds, "-movflags", "+faststart", "-f", "mp4", temp,
		}})
		return err
	})
	if err != nil {
		return fmt.Errorf("make a clip of %s: %w", length, err)
	}
	return nil
}
