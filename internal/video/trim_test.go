package video_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/video"
)

// found are the times at which the picture turns white and the beep is heard.
func found(t *testing.T, path string) (white, beeps float64) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), tools(t).FFmpeg, "-nostdin", "-hide_banner", "-i", path,
		"-vf", "blackdetect=d=0.04:pix_th=0.2", "-af", "silencedetect=n=-30dB:d=0.05", "-f", "null", "-").CombinedOutput()
	if err != nil {
		t.Fatalf("looking for the flash: %v: %s", err, out)
	}
	first := func(pattern string) float64 {
		m := regexp.MustCompile(pattern).FindSubmatch(out)
		if m == nil {
			t.Fatalf("no %s in %s", pattern, out)
		}
		v, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	return first(`black_end:([\d.]+)`), first(`silence_end: ([\d.]+)`)
}

// frame is the length of one, in the films of these tests.
const frame = 40 * time.Millisecond

func TestTrim(t *testing.T) {
	for _, c := range []struct {
		clip      string
		from, to  float64
		container string // of the cut
		codec     string
	}{
		// The beginning stays, or a picture that stands by itself is there: copied.
		{"flash", 0, 5, "mp4", "h264"},
		{"flash", 2, 5.2, "mp4", "h264"},
		{"flash-fragments", 2, 0, "mp4", "h264"},
		{"flash-webm", 0, 4.6, "webm", "vp9"},
		{"flash-webm", 3, 5.4, "webm", "vp9"},
		{"flash-rare", 0, 5, "webm", "vp9"},
		// There is none: encoded anew.
		{"flash", 2.48, 5.2, "mp4", "h264"},
		{"flash-fragments", 0.52, 0, "mp4", "h264"},
		{"flash-webm", 1.44, 5, "mp4", "h264"},
		{"flash-rare", 3.4, 5.48, "mp4", "h264"},
		{"flash-vp8", 1.2, 0, "mp4", "h264"},
		{"flash-hevc", 1.52, 5, "mp4", "h264"},
	} {
		t.Run(c.clip+"/"+strconv.FormatFloat(c.from, 'f', -1, 64), func(t *testing.T) {
			t.Parallel()
			at := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
			facts := inspect(t, clips[c.clip])
			out := filepath.Join(t.TempDir(), "cut")
			if err := inspector(t).Trim(t.Context(), clips[c.clip], facts, at(c.from), at(c.to), out); err != nil {
				t.Fatal(err)
			}
			got := inspect(t, out)
			if got.Container != c.container || got.VideoCodec != c.codec {
				t.Errorf("it is %s with %s, want %s with %s", got.Container, got.VideoCodec, c.container, c.codec)
			}
			end := facts.Duration
			if c.to > 0 {
				end = at(c.to)
			}
			if d := got.PictureDuration - (end - at(c.from)); d.Abs() > 2*frame {
				t.Errorf("the picture plays %s, want %s", got.PictureDuration, end-at(c.from))
			}
			white, beeps := found(t, out)
			want := 4 - c.from
			if d := at(white - want); d.Abs() > 2*frame {
				t.Errorf("the flash comes at %.3f s, want %.3f", white, want)
			}
			if d := at(beeps - white); d.Abs() > 2*frame {
				t.Errorf("the beep comes at %.3f s, the flash at %.3f", beeps, white)
			}
		})
	}
}

func TestTrimKeepsWhatTheOriginalIs(t *testing.T) {
	t.Parallel()
	before := read(t, clips["phone"])
	facts := inspect(t, clips["phone"])
	for _, from := range []time.Duration{time.Second, 600 * time.Millisecond} {
		out := filepath.Join(t.TempDir(), "cut")
		if err := inspector(t).Trim(t.Context(), clips["phone"], facts, from, 0, out); err != nil {
			t.Fatal(err)
		}
		got := inspect(t, out)
		if got.Width != facts.Width || got.Height != facts.Height || !got.HasSound {
			t.Errorf("from %s it is %d × %d, sound %t, want %d × %d with sound", from, got.Width, got.Height, got.HasSound, facts.Width, facts.Height)
		}
	}
	if string(read(t, clips["phone"])) != string(before) {
		t.Error("the original was changed")
	}
}

func TestTrimLeavesNothingHalfDone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := filepath.Join(dir, "cut")
	facts := inspect(t, clips["flash"])
	small := video.New(tools(t), video.Limits{MaxBytes: 8 << 10})
	if err := small.Trim(t.Context(), clips["flash"], facts, 1500*time.Millisecond, 0, out); err == nil {
		t.Fatal("it was written beyond the limit")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
