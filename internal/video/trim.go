package video

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	// nearFrames is how far, in frames, a picture that stands by itself may be
	// from where a cut is wanted for the cut to be made there.
	nearFrames = 2
	// cutQuality is that of what must be encoded anew, as x264 counts: hardly to
	// be told from the original, for YouTube encodes it once more.
	cutQuality = 18
)

// Trim writes what lies between from and to of a file, 0 being its end, to out,
// in the kind of container that the file has, as it was received, if a picture
// that stands by itself (a keyframe) lies within two frames of from; else in MP4,
// encoded anew, for there is no other way to begin between two such pictures
// that YouTube takes: it asks for files without edit lists
// (https://support.google.com/youtube/answer/1722171). Sound stays with the
// picture in both. The file appears whole or not at all.
func (t *Inspector) Trim(ctx context.Context, path string, facts Facts, from, to time.Duration, out string) error {
	p, err := t.again(ctx, path)
	if err != nil {
		return err
	}
	at, near, err := t.keyframe(ctx, path, p, from, facts.FrameRate)
	if err != nil {
		return fmt.Errorf("looking for where to cut: %w", err)
	}
	end := facts.Duration
	if to > 0 {
		end = min(end, to)
	}
	return atomically(out, func(temp string) error {
		var err error
		if near {
			err = t.cutCopy(ctx, path, p, at, end-at, temp)
		} else {
			err = t.cutAnew(ctx, path, p, from, end-from, temp)
		}
		if err != nil {
			return fmt.Errorf("cutting: %w", err)
		}
		return nil
	})
}

// errPast ends the reading of packets once all that matters was read.
var errPast = errors.New("beyond the cut")

// keyframe returns where the keyframe nearest to from is, from the file's
// beginning, and whether it is near enough. It decodes nothing.
func (t *Inspector) keyframe(ctx context.Context, path string, p probed, from time.Duration, rate float64) (at time.Duration, near bool, err error) {
	if from <= 0 {
		return 0, true, nil
	}
	in, err := input(path, p.container, decoders+companions)
	if err != nil {
		return 0, false, err
	}
	want, first, best := from.Seconds(), math.NaN(), math.Inf(1)
	each := &lines{fn: func(line string) error {
		_, pts, _, ok := parsePacket("stream_index=0|" + line)
		if !ok {
			return nil
		}
		if math.IsNaN(first) {
			first = pts
		}
		pts -= first
		if strings.Contains(line, "flags=K") && math.Abs(pts-want) < math.Abs(best-want) {
			best = pts
		}
		if pts > want+1 {
			return errPast
		}
		return nil
	}}
	_, err = t.run(ctx, task{
		tool: t.tools.FFprobe, timeout: scanTimeout, stdout: each,
		args: append([]string{
			"-v", "error", "-of", "compact=p=0", "-select_streams", strconv.Itoa(p.picture.Index),
			"-show_entries", "packet=pts_time,dts_time,flags",
		}, in...),
	})
	if err != nil && !errors.Is(err, errPast) {
		return 0, false, verdict(err)
	}
	if rate <= 0 {
		rate = 25
	}
	at = time.Duration(best * float64(time.Second))
	return at, math.Abs(best-want) <= nearFrames/rate, nil
}

// muxers are those of ffmpeg for the containers that we read.
var muxers = map[string]string{"mp4": "mp4", "mov": "mov", "webm": "webm", "matroska": "matroska"}

// cutCopy copies the packets from a keyframe on.
func (t *Inspector) cutCopy(ctx context.Context, path string, p probed, at, length time.Duration, temp string) error {
	in, err := input(path, p.container, decoders)
	if err != nil {
		return err
	}
	args := append([]string{"-nostdin", "-hide_banner", "-nostats", "-v", "error", "-y"}, in...)
	if at > 0 {
		// All packets are read and those before dropped: what browsers record has no
		// index to find the place by. A hair before, for times are rounded
		// differently on their way here; copying begins at a keyframe anyway.
		args = append(args, "-ss", clock(at-2*time.Millisecond))
	}
	args = append(args, "-map", "0:"+strconv.Itoa(p.picture.Index))
	if p.sound != nil {
		args = append(args, "-map", "0:"+strconv.Itoa(p.sound.Index))
	}
	args = append(args, "-c", "copy", "-avoid_negative_ts", "make_zero")
	if p.container.demuxer == "mov" {
		args = append(args, "-movflags", "+faststart")
		if p.picture.Codec == "hevc" {
			args = append(args, "-tag:v", "hvc1") // the one that Apple's players know
		}
	}
	return t.writeCut(ctx, args, muxers[p.container.name], length, temp)
}

// cutAnew decodes from the keyframe before and encodes what is wanted. The
// pictures keep their times, which browsers do not space evenly.
func (t *Inspector) cutAnew(ctx context.Context, path string, p probed, from, length time.Duration, temp string) error {
	in, err := input(path, p.container, decoders)
	if err != nil {
		return err
	}
	threads := strconv.Itoa(t.threads)
	args := []string{"-nostdin", "-hide_banner", "-nostats", "-v", "error", "-y", "-threads", threads, "-ss", clock(from)}
	args = append(args, in...)
	args = append(args,
		"-map", "0:"+strconv.Itoa(p.picture.Index), "-vf", toneMap(p.picture)+"scale=trunc(iw/2)*2:trunc(ih/2)*2:out_range=tv,format=yuv420p",
		"-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-crf", strconv.Itoa(cutQuality), "-threads", threads)
	if p.sound != nil {
		args = append(args,
			"-map", "0:"+strconv.Itoa(p.sound.Index),
			// Browsers leave gaps in the sound; filled, it stays with the lips.
			"-af", "aresample=async=1:first_pts=0",
			"-c:a", "aac", "-b:a", "192k", "-ar", strconv.Itoa(soundHertz))
	}
	return t.writeCut(ctx, append(args, "-movflags", "+faststart"), "mp4", length, temp)
}

func (t *Inspector) writeCut(ctx context.Context, args []string, muxer string, length time.Duration, temp string) error {
	args = append(args,
		"-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1",
		"-t", clock(length), "-f", muxer, "file:"+temp)
	_, err := t.run(ctx, task{
		tool: t.tools.FFmpeg, args: args,
		timeout:  20*time.Minute + 8*length,
		maxWrite: t.limits.MaxBytes,
	})
	return verdict(err)
}
