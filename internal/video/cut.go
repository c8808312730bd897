package video

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Shape is the form of a cut for social networks.
type Shape struct{ Width, Height int } // pixels

// The shapes, as the networks ask for them.
var (
	Square   = Shape{1080, 1080}
	Vertical = Shape{1080, 1920}
)

// Cut writes a video in another shape to out, an MP4 of the same kind as a
// rendition. The whole picture stays to be seen, before itself out of focus;
// with crop its middle fills the shape, and what is beside it is lost. path is
// one of our own renditions. The file appears whole or not at all.
func (t *Inspector) Cut(ctx context.Context, path string, shape Shape, crop bool, out string) error {
	p, err := t.again(ctx, path)
	if err != nil {
		return err
	}
	length := toDuration(float64(p.picture.Duration))
	if length <= 0 {
		length = t.limits.MaxDuration
	}
	in, err := input(path, p.container, decoders)
	if err != nil {
		return err
	}
	return atomically(out, func(temp string) error {
		threads, limit := strconv.Itoa(t.threads), length+time.Second
		args := append([]string{"-nostdin", "-hide_banner", "-nostats", "-v", "error", "-y", "-threads", threads}, in...)
		args = append(args,
			"-filter_complex", cutFilter(p.picture, shape, crop), "-map", "[cut]",
			"-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main", "-pix_fmt", "yuv420p",
			"-crf", "23", "-maxrate", strconv.Itoa(maxRate), "-bufsize", strconv.Itoa(2*maxRate), "-threads", threads)
		if p.sound != nil {
			args = append(args, "-map", "0:"+strconv.Itoa(p.sound.Index), "-c:a", "aac", "-b:a", strconv.Itoa(soundRate))
		}
		args = append(args, "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1",
			"-t", clock(limit), "-movflags", "+faststart", "-f", "mp4", "file:"+temp)
		_, err := t.run(ctx, task{
			tool: t.tools.FFmpeg, args: args,
			timeout:  20*time.Minute + 8*length, // it decodes once and encodes more than a rendition
			maxWrite: 16<<20 + int64(1.5*limit.Seconds()*(maxRate+soundRate)/8),
		})
		if err := verdict(err); err != nil {
			return fmt.Errorf("making a cut: %w", err)
		}
		return t.complete(ctx, temp, Facts{PictureDuration: toDuration(float64(p.picture.Duration))})
	})
}

// cutFilter blurs a picture an eighth as large: it looks the same and costs a
// fiftieth.
func cutFilter(s stream, shape Shape, crop bool) string {
	w, h := shape.Width, shape.Height
	if crop {
		return fmt.Sprintf("[0:%d]scale=%d:%d:force_original_aspect_ratio=increase,crop=%d:%d,setsar=1,format=yuv420p[cut]", s.Index, w, h, w, h)
	}
	sw, sh := w/8, h/8
	return fmt.Sprintf("[0:%d]split[a][b];"+
		"[a]scale=%d:%d:force_original_aspect_ratio=increase,crop=%d:%d,gblur=sigma=6,eq=brightness=-0.12,scale=%d:%d[back];"+
		"[b]scale=%d:%d:force_original_aspect_ratio=decrease:force_divisible_by=2[front];"+
		"[back][front]overlay=(W-w)/2:(H-h)/2,setsar=1,format=yuv420p[cut]", s.Index, sw, sh, sw, sh, w, h, w, h)
}
