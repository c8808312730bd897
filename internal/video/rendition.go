package video

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
)

// What the rendition is: something that every browser and phone of the last ten
// years plays, on a weak line.
const (
	longSide   = 1280
	shortSide  = 720
	maxRate    = 3_000_000 // bits of picture a second, at most
	soundRate  = 128_000   // bits of sound a second
	soundHertz = 48_000
)

// rates are the frame rates of renditions. A constant one of these plays
// smoothly everywhere, while phones and browsers record at varying rates.
var rates = []struct {
	perSecond float64
	option    string
}{
	{5, "5"},
	{10, "10"},
	{15, "15"},
	{24000.0 / 1001, "24000/1001"},
	{24, "24"},
	{25, "25"},
	{30000.0 / 1001, "30000/1001"},
	{30, "30"},
}

// renditionRate is the rate that the source all but has, or else the lowest that
// loses no frame, at most 30. A measured average is off by a little.
func renditionRate(source float64) string {
	near, off := "", 0.01
	for _, r := range rates {
		if d := math.Abs(source/r.perSecond - 1); d < off {
			near, off = r.option, d
		}
	}
	if near != "" {
		return near
	}
	for _, r := range rates {
		if source > 0 && source < r.perSecond {
			return r.option
		}
	}
	return rates[len(rates)-1].option
}

// Rendition writes an MP4 for playback by the portal to out: H.264 main
// profile and AAC, at most 720 lines (1280 for an upright video), at most 30
// frames a second, turned upright, without the original's metadata (phones write
// where they are), with its index first so that playback starts at once. It
// calls progress, if not nil, with how much of the video is done. The file
// appears whole or not at all.
func (t *Inspector) Rendition(ctx context.Context, path string, facts Facts, out string, progress func(done time.Duration)) error {
	p, err := t.again(ctx, path)
	if err != nil {
		return err
	}
	duration := facts.Duration
	if duration <= 0 {
		duration = t.limits.MaxDuration
	}
	return atomically(out, func(temp string) error {
		if err := t.encode(ctx, path, p, facts, duration, temp, progress); err != nil {
			return fmt.Errorf("making the rendition: %w", err)
		}
		return t.complete(ctx, temp, facts)
	})
}

func (t *Inspector) encode(ctx context.Context, path string, p probed, facts Facts, duration time.Duration, temp string, progress func(time.Duration)) error {
	in, err := input(path, p.container, decoders)
	if err != nil {
		return err
	}
	limit := duration + time.Second
	threads := strconv.Itoa(t.threads)
	args := []string{
		"-nostdin", "-hide_banner", "-nostats", "-v", "error", "-y",
		"-progress", "pipe:1", "-threads", threads,
	}
	args = append(args, in...)
	args = append(args,
		"-map", "0:"+strconv.Itoa(p.picture.Index), "-vf", renditionFilter(p.picture, facts.FrameRate),
		"-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main", "-pix_fmt", "yuv420p",
		"-crf", "23", "-maxrate", strconv.Itoa(maxRate), "-bufsize", strconv.Itoa(2*maxRate),
		"-force_key_frames", "expr:gte(t,n_forced*2)", "-threads", threads)
	if p.sound != nil {
		args = append(args,
			"-map", "0:"+strconv.Itoa(p.sound.Index),
			// Browsers leave gaps in the sound; filled, it stays with the lips.
			"-af", "aresample=async=1:first_pts=0",
			"-c:a", "aac", "-b:a", strconv.Itoa(soundRate), "-ac", "2", "-ar", strconv.Itoa(soundHertz))
	}
	args = append(args,
		"-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1",
		"-t", clock(limit), "-movflags", "+faststart", "-f", "mp4", "file:"+temp)

	_, err = t.run(ctx, task{
		tool: t.tools.FFmpeg, args: args,
		// Enough for 4K on a small machine that does other things as well.
		timeout:  20*time.Minute + 4*duration,
		maxWrite: 16<<20 + int64(1.5*limit.Seconds()*(maxRate+soundRate)/8),
		stdout:   &lines{fn: func(line string) error { report(line, duration, progress); return nil }},
	})
	return verdict(err)
}

// report reads a line of ffmpeg's -progress, "out_time_us=1720000".
func report(line string, duration time.Duration, progress func(time.Duration)) {
	value, ok := strings.CutPrefix(strings.TrimSpace(line), "out_time_us=")
	if !ok || progress == nil {
		return
	}
	us, err := strconv.ParseInt(value, 10, 64)
	if err != nil || us < 0 {
		return // "N/A" before the first frame
	}
	progress(min(time.Duration(us)*time.Microsecond, duration))
}

func renditionFilter(s stream, rate float64) string {
	w, h := s.shown()
	boxW, boxH := longSide, shortSide
	if h > w {
		boxW, boxH = shortSide, longSide
	}
	fw, fh := fit(w, h, boxW, boxH, false)
	return fmt.Sprintf("fps=%s,scale=%d:%d:out_range=tv,setsar=1,%sformat=yuv420p",
		renditionRate(rate), fw, fh, toneMap(s))
}

// complete probes what was made. Where the original cannot be decoded ffmpeg
// goes on without a word of failure, and the picture ends too early.
func (t *Inspector) complete(ctx context.Context, temp string, facts Facts) error {
	made, err := t.probe(ctx, temp, container{name: "mp4", demuxer: "mov"})
	if err != nil {
		// An empty file with a header: not one frame could be decoded.
		return err
	}
	got := float64(made.picture.Duration)
	if want := facts.PictureDuration.Seconds(); want-got > max(1, want/20) {
		return fault.New(fault.Invalid, "video.damaged_at", "Time", fmt.Sprintf("%d:%02d", int(math.Floor(got))/60, int(got)%60))
	}
	return nil
}
