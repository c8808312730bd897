package video

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/voci-in-comune/voci/internal/fault"
)

const (
	// scanTimeout is for reading 4 GiB from a slow disk.
	scanTimeout = 20 * time.Minute
	// maxPackets ends the reading of a file made of nothing but packets;
	// thirty minutes at 240 frames and 50 packets of sound a second are 522,000.
	maxPackets = 4 << 20
	// silence is the peak below which nobody hears anything, in dB of full scale.
	silence = -60.0
	// smallest short side that is not worth a warning.
	smallSide = 480
)

// Inspect looks at the file at path and returns what it is. A file that cannot
// be used gives a *fault.Error of kind Invalid that says why and what to do;
// any other error is worth a new try.
func (t *Inspector) Inspect(ctx context.Context, path string) (Facts, error) {
	f, size, err := open(path)
	if err != nil {
		return Facts{}, err
	}
	defer f.Close()
	if err := t.fits(size); err != nil {
		return Facts{}, err
	}
	p, err := t.recognise(ctx, f, path, size)
	if err != nil {
		return Facts{}, err
	}
	if p.duration > t.limits.MaxDuration.Seconds()+1 {
		return Facts{}, t.tooLong()
	}

	var sum string
	var read reading
	work, wctx := errgroup.WithContext(ctx)
	work.Go(func() (err error) {
		sum, err = digest(wctx, f, size)
		return err
	})
	work.Go(func() (err error) {
		read, err = t.readPackets(wctx, path, p)
		return err
	})
	if err := work.Wait(); err != nil {
		return Facts{}, err
	}
	if err := read.whole(p); err != nil {
		return Facts{}, err
	}

	facts := Facts{
		Container: p.container.name, VideoCodec: p.picture.Codec,
		Rotation: p.picture.rotation(), HDR: p.picture.hdr(),
		Duration: read.duration(), PictureDuration: read.picture.length(),
		FrameRate: read.picture.rate(),
		Bytes:     size, SHA256: sum,
	}
	facts.Width, facts.Height = p.picture.shown()
	if read.sound.packets > 0 {
		facts.HasSound, facts.AudioCodec = true, p.sound.Codec
	}
	return facts, t.warn(ctx, path, p, &facts)
}

// recognise does all that can be said before reading the whole file.
func (t *Inspector) recognise(ctx context.Context, f *os.File, path string, size int64) (probed, error) {
	c, err := sniff(f, size)
	if err != nil {
		return probed{}, err
	}
	l, err := walk(f, size, c)
	if err != nil {
		return probed{}, err
	}
	if !l.index {
		// Phones write the index last: without it nothing can be played.
		return probed{}, fault.New(fault.Invalid, "video.incomplete")
	}
	p, err := t.probe(ctx, path, c)
	p.layout = l
	if err != nil && l.cut && fault.Of(err) == fault.Invalid {
		return p, fault.Wrap(err, fault.Invalid, "video.incomplete")
	}
	return p, err
}

func open(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("opening the video: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("opening the video: %w", err)
	}
	return f, info.Size(), nil
}

// fits refuses a file over the limit, which is stated in the larger unit that
// needs no decimals.
func (t *Inspector) fits(size int64) error {
	switch limit := t.limits.MaxBytes; {
	case size <= limit:
		return nil
	case limit%(1<<30) == 0:
		return fault.New(fault.Invalid, "video.too_large", "Gigabytes", limit>>30)
	default:
		return fault.New(fault.Invalid, "video.too_large_mb", "Megabytes", max(limit>>20, 1))
	}
}

func (t *Inspector) tooLong() error {
	return fault.New(fault.Invalid, "video.too_long", "Minutes", int(math.Round(t.limits.MaxDuration.Minutes())))
}

// digest reads the file once more than the tools do; what they read together
// comes from the page cache.
func digest(ctx context.Context, r io.ReaderAt, size int64) (string, error) {
	h := sha256.New()
	buf := make([]byte, 1<<20)
	for pos := int64(0); pos < size; {
		if err := ctx.Err(); err != nil {
			return "", fmt.Errorf("computing the SHA-256: %w", err)
		}
		n, err := r.ReadAt(buf[:min(int64(len(buf)), size-pos)], pos)
		if err != nil {
			return "", fmt.Errorf("computing the SHA-256: %w", err)
		}
		h.Write(buf[:n])
		pos += int64(n)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// span is the time that the packets of one track cover, in seconds.
type span struct {
	packets     int
	first, last float64 // timestamps
	end         float64
}

func (s *span) add(pts, duration float64) {
	if s.packets == 0 {
		s.first, s.last, s.end = pts, pts, pts
	}
	s.packets++
	s.first, s.last = min(s.first, pts), max(s.last, pts)
	s.end = max(s.end, pts+max(duration, 0))
}

// close gives the last packet the average length where it has none of its own,
// as in WebM without default durations.
func (s *span) close() {
	if s.packets > 1 && s.end <= s.last {
		s.end = s.last + (s.last-s.first)/float64(s.packets-1)
	}
}

func (s *span) rate() float64 {
	if s.packets < 2 || s.last <= s.first {
		return 0
	}
	return float64(s.packets-1) / (s.last - s.first)
}

func (s *span) length() time.Duration { return toDuration(s.end - max(s.first, 0)) }

func toDuration(sec float64) time.Duration {
	return time.Duration(max(sec, 0) * float64(time.Second)).Round(time.Millisecond)
}

// reading is what the packets say.
type reading struct{ picture, sound span }

func (r *reading) end() float64 { return max(r.picture.end, r.sound.end) }

func (r *reading) duration() time.Duration {
	start := r.picture.first
	if r.sound.packets > 0 {
		start = min(start, r.sound.first)
	}
	return toDuration(r.end() - max(start, 0))
}

// readPackets has ffprobe read every packet of the two tracks. It decodes
// nothing, so it is as fast as the disk.
func (t *Inspector) readPackets(ctx context.Context, path string, p probed) (reading, error) {
	var r reading
	in, err := input(path, p.container, decoders+companions)
	if err != nil {
		return r, err
	}
	limit := t.limits.MaxDuration.Seconds() + 1
	count := 0
	each := &lines{fn: func(line string) error {
		if count++; count > maxPackets {
			return fault.New(fault.Invalid, "video.damaged")
		}
		index, pts, duration, ok := parsePacket(line)
		if !ok {
			return nil
		}
		switch {
		case index == p.picture.Index:
			r.picture.add(pts, duration)
		case p.sound != nil && index == p.sound.Index:
			r.sound.add(pts, duration)
		}
		if r.end()-max(r.picture.first, 0) > limit && r.picture.packets > 0 {
			return t.tooLong()
		}
		return nil
	}}
	_, err = t.run(ctx, task{
		tool: t.tools.FFprobe, timeout: scanTimeout, stdout: each,
		args: append([]string{
			"-v", "error", "-of", "compact=p=0",
			"-show_entries", "packet=stream_index,pts_time,dts_time,duration_time,flags",
		}, in...),
	})
	r.picture.close()
	r.sound.close()
	if err != nil {
		if err = verdict(err); fault.Of(err) == fault.Invalid && p.layout.cut {
			return r, truncated(r.picture.end)
		}
		return r, err
	}
	return r, nil
}

// parsePacket reads a line such as
// "stream_index=0|pts_time=1.72|dts_time=1.72|duration_time=0.04|flags=K_".
// Packets that players discard (flag D: before the start of an edit) do not count.
func parsePacket(line string) (index int, pts, duration float64, ok bool) {
	index = -1
	var havePTS, haveDTS, discard bool
	var dts float64
	for field := range strings.SplitSeq(line, "|") {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "stream_index":
			if n, err := strconv.Atoi(value); err == nil {
				index = n
			}
		case "pts_time":
			pts, havePTS = parseSeconds(value)
		case "dts_time":
			dts, haveDTS = parseSeconds(value)
		case "duration_time":
			if d, ok := parseSeconds(value); ok {
				duration = d
			}
		case "flags":
			discard = strings.Contains(value, "D")
		}
	}
	if !havePTS {
		pts = dts
	}
	return index, pts, duration, index >= 0 && (havePTS || haveDTS) && !discard
}

// whole refuses a file that ends before its time. A file whose outer boxes are
// cut may miss nothing but its tail of bookkeeping; one whose boxes are whole is
// believed unless it says to be much longer than what it holds.
func (r *reading) whole(p probed) error {
	if r.picture.packets == 0 {
		if p.layout.cut {
			return fault.New(fault.Invalid, "video.incomplete")
		}
		return fault.New(fault.Invalid, "video.damaged")
	}
	missing := p.duration - r.end()
	short := missing > max(3, p.duration/10)
	if p.layout.cut {
		const tolerance = 0.25 // seconds
		short = p.duration == 0 || p.layout.fragments || missing > tolerance ||
			float64(p.picture.Duration)-r.picture.end > tolerance ||
			(p.sound != nil && float64(p.sound.Duration)-r.sound.end > tolerance)
	}
	if !short {
		return nil
	}
	end := r.picture.end
	if r.sound.packets > 0 {
		end = min(end, r.sound.end)
	}
	return truncated(end)
}

// truncated says when the file breaks off, in the form that reads best.
func truncated(end float64) error {
	sec := int(end)
	switch {
	case sec < 2:
		return fault.New(fault.Invalid, "video.incomplete")
	case sec < 60:
		return fault.New(fault.Invalid, "video.truncated", "Seconds", sec)
	default:
		return fault.New(fault.Invalid, "video.truncated_at", "Time", fmt.Sprintf("%d:%02d", sec/60, sec%60))
	}
}

// warn adds what the sender may want to know.
func (t *Inspector) warn(ctx context.Context, path string, p probed, facts *Facts) error {
	add := func(key string, pairs ...any) { facts.Warnings = append(facts.Warnings, fault.Msg(key, pairs...)) }
	if facts.Height > facts.Width {
		add("video.warning.portrait")
	}
	if short := min(facts.Width, facts.Height); short < smallSide {
		add("video.warning.small", "Width", facts.Width, "Height", facts.Height)
	}
	if !facts.HasSound {
		add("video.warning.no_sound")
		return nil
	}
	peak, err := t.peak(ctx, path, p)
	if err != nil {
		return err
	}
	if peak < silence {
		add("video.warning.silent")
	}
	return nil
}

// peak decodes the sound and returns its loudest sample in dB of full scale;
// sound that cannot be decoded is as silent as silence.
func (t *Inspector) peak(ctx context.Context, path string, p probed) (float64, error) {
	in, err := input(path, p.container, decoders)
	if err != nil {
		return 0, err
	}
	args := append([]string{"-nostdin", "-hide_banner", "-nostats", "-v", "info"}, in...)
	said, err := t.run(ctx, task{
		tool: t.tools.FFmpeg, timeout: scanTimeout,
		args: append(args, "-map", "0:"+strconv.Itoa(p.sound.Index), "-af", "volumedetect", "-f", "null", "-"),
	})
	if err = verdict(err); err != nil && fault.Of(err) != fault.Invalid {
		return 0, fmt.Errorf("listening to the sound: %w", err)
	}
	_, after, found := strings.Cut(said, "max_volume: ")
	if !found {
		return math.Inf(-1), nil
	}
	value, _, _ := strings.Cut(after, " dB")
	peak, ok := parseSeconds(strings.TrimSpace(value))
	if !ok {
		return math.Inf(-1), nil
	}
	return peak, nil
}
