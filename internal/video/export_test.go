package video

import (
	"context"
	"time"
)

// Said runs ffmpeg as the package does and returns what it wrote to its
// standard error.
func Said(t *Inspector, ctx context.Context, maxWrite int64) string {
	said, _ := t.run(ctx, task{tool: t.tools.FFmpeg, timeout: time.Minute, maxWrite: maxWrite})
	return said
}
