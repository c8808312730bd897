package video_test

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/video"
)

func TestInspectUsable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		clip string
		want video.Facts
		secs float64
		warn []string
	}{
		{"mp4", video.Facts{Container: "mp4", VideoCodec: "h264", AudioCodec: "aac", Width: 320, Height: 180, FrameRate: 25}, 4, nil},
		{"faststart", video.Facts{Container: "mp4", VideoCodec: "h264", AudioCodec: "aac", Width: 320, Height: 180, FrameRate: 25}, 4, nil},
		{"fragments", video.Facts{Container: "mp4", VideoCodec: "h264", AudioCodec: "aac", Width: 320, Height: 180, FrameRate: 25}, 4, nil},
		{"phone", video.Facts{Container: "mov", VideoCodec: "h264", AudioCodec: "aac", Width: 180, Height: 320, Rotation: 90, FrameRate: 25}, 2, []string{"video.warning.portrait"}},
		{"phone270", video.Facts{Container: "mov", VideoCodec: "h264", AudioCodec: "aac", Width: 180, Height: 320, Rotation: 270, FrameRate: 25}, 2, []string{"video.warning.portrait"}},
		{"hevc", video.Facts{Container: "mov", VideoCodec: "hevc", AudioCodec: "aac", Width: 320, Height: 180, FrameRate: 25}, 2, nil},
		{"hdr", video.Facts{Container: "mov", VideoCodec: "hevc", AudioCodec: "aac", Width: 320, Height: 180, FrameRate: 25, HDR: true}, 2, nil},
		{"vp8", video.Facts{Container: "webm", VideoCodec: "vp8", AudioCodec: "opus", Width: 320, Height: 180, FrameRate: 25}, 2, nil},
		{"webm", video.Facts{Container: "webm", VideoCodec: "vp9", AudioCodec: "opus", Width: 320, Height: 180, FrameRate: 25}, 4, nil},
		{"browser", video.Facts{Container: "webm", VideoCodec: "vp9", AudioCodec: "opus", Width: 320, Height: 180, FrameRate: 25}, 4, nil},
		{"browser-h264", video.Facts{Container: "matroska", VideoCodec: "h264", AudioCodec: "opus", Width: 320, Height: 180, FrameRate: 25}, 2, nil},
		{"av1", video.Facts{Container: "mp4", VideoCodec: "av1", AudioCodec: "aac", Width: 320, Height: 180, FrameRate: 25}, 2, nil},
		{"silent", video.Facts{Container: "mp4", VideoCodec: "h264", Width: 320, Height: 180, FrameRate: 25}, 2, []string{"video.warning.no_sound"}},
		{"mute", video.Facts{Container: "mp4", VideoCodec: "h264", AudioCodec: "aac", Width: 320, Height: 180, FrameRate: 25}, 2, []string{"video.warning.silent"}},
		{"sixty", video.Facts{Container: "mp4", VideoCodec: "h264", AudioCodec: "aac", Width: 320, Height: 180, FrameRate: 60}, 2, nil},
		{"large", video.Facts{Container: "mp4", VideoCodec: "h264", AudioCodec: "aac", Width: 1920, Height: 1080, FrameRate: 25}, 1, nil},
	} {
		t.Run(c.clip, func(t *testing.T) {
			t.Parallel()
			got := inspect(t, clips[c.clip])
			content := read(t, clips[c.clip])
			sum := sha256.Sum256(content)
			c.want.SHA256 = hex.EncodeToString(sum[:])
			c.want.Bytes = int64(len(content))
			c.want.HasSound = c.want.AudioCodec != ""
			var warnings []string
			for _, w := range got.Warnings {
				if w.Key != "video.warning.small" {
					warnings = append(warnings, w.Key)
				}
			}
			if d := cmp.Diff(c.want, got, cmpopts.IgnoreFields(video.Facts{}, "Duration", "PictureDuration", "Warnings"),
				cmpopts.EquateApprox(0.01, 0)); d != "" {
				t.Errorf("facts (-want +got):\n%s", d)
			}
			if d := cmp.Diff(c.warn, warnings); d != "" {
				t.Errorf("warnings (-want +got):\n%s", d)
			}
			if math.Abs(got.Duration.Seconds()-c.secs) > 0.1 {
				t.Errorf("duration %v, want about %v s", got.Duration, c.secs)
			}
			if math.Abs(got.PictureDuration.Seconds()-c.secs) > 0.06 {
				t.Errorf("duration of the picture %v, want about %v s", got.PictureDuration, c.secs)
			}
		})
	}
}

func TestInspectWarnsOfASmallPicture(t *testing.T) {
	t.Parallel()
	small := fault.Msg("video.warning.small", "Width", 320, "Height", 180)
	if d := cmp.Diff([]fault.Message{small}, inspect(t, clips["mp4"]).Warnings); d != "" {
		t.Errorf("warnings (-want +got):\n%s", d)
	}
	if got := inspect(t, clips["large"]).Warnings; len(got) > 0 {
		t.Errorf("a large picture with sound gets the warnings %v", got)
	}
}

func TestInspectRefusesOtherFiles(t *testing.T) {
	t.Parallel()
	ts := make([]byte, 188*4)
	for i := 0; i < len(ts); i += 188 {
		ts[i] = 'G'
	}
	for _, c := range []struct{ name, content, want string }{
		{"empty", "", "video.empty"},
		{"pdf", "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "video.pdf"},
		{"png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "video.image"},
		{"jpeg", "\xff\xd8\xff\xe1\x00\x10Exif", "video.image"},
		{"heic photo", "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "video.image"},
		{"webp", "RIFF\x10\x00\x00\x00WEBPVP8 ", "video.image"},
		{"svg", "<?xml version=\"1.0\"?>\n<svg xmlns=\"x\">", "video.image"},
		{"wav", "RIFF\x10\x00\x00\x00WAVEfmt ", "video.audio"},
		{"mp3", "ID3\x04\x00\x00\x00", "video.audio"},
		{"avi", "RIFF\x10\x00\x00\x00AVI LIST", "video.container"},
		{"mpeg-ts", string(ts), "video.container"},
		{"zip", "PK\x03\x04\x14\x00", "video.archive"},
		{"old word", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00", "video.archive"},
		{"hls", "#EXTM3U\n#EXT-X-VERSION:3\n", "video.playlist"},
		{"hls after a mark and blanks", "\ufeff \n#extm3u\n", "video.playlist"},
		{"dash", "<?xml version=\"1.0\"?><MPD xmlns=\"urn\">", "video.playlist"},
		{"concat", "ffconcat version 1.0\nfile /etc/hostname\n", "video.playlist"},
		{"page", "<!DOCTYPE html><title>x</title>", "video.web_page"},
		{"text", "Gentile segreteria, in allegato il video", "video.not_video"},
		{"zeros", strings.Repeat("\x00", 5000), "video.not_video"},
		{"one byte", "G", "video.not_video"},
		{"only ftyp", "\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isomiso2", "video.incomplete"},
		{"only EBML", "\x1a\x45\xdf\xa3\x84\x42\x86\x81\x01", "video.damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := inspector(t).Inspect(t.Context(), write(t, "video.mp4", []byte(c.content)))
			if got := key(t, err); got != c.want {
				t.Errorf("refused with %s (%v), want %s", got, err, c.want)
			}
		})
	}
}

// A refusal by the first bytes comes before any tool runs: with no tools at all
// it is the same.
func TestInspectRefusesWithoutTools(t *testing.T) {
	t.Parallel()
	in := video.New(video.Tools{}, video.Limits{})
	_, err := in.Inspect(t.Context(), write(t, "v.mp4", []byte("#EXTM3U\nhttp://127.0.0.1/x.ts\n")))
	if got := key(t, err); got != "video.playlist" {
		t.Errorf("refused with %s, want video.playlist", got)
	}
	// And without tools a good file is not said to be bad.
	if _, err := in.Inspect(t.Context(), clips["mp4"]); err == nil || fault.Of(err) == fault.Invalid {
		t.Errorf("without tools a good file gives %v, want a temporary error", err)
	}
}

func TestInspectFindsTruncation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, clip string
		part       float64
		want       string
		from, to   int // seconds
	}{
		{"index first", "faststart", 0.75, "video.truncated", 2, 3},
		{"index first, last tenth", "faststart", 0.9, "video.truncated", 3, 3},
		{"index first, near the start", "faststart", 0.2, "video.incomplete", 0, 0},
		{"index last", "mp4", 0.75, "video.incomplete", 0, 0},
		{"inside the index", "mp4", 0.995, "video.incomplete", 0, 0},
		{"fragments", "fragments", 0.8, "video.truncated", 2, 3},
		{"webm", "webm", 0.8, "video.truncated", 2, 3},
		{"webm without duration", "browser", 0.8, "video.truncated", 2, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := inspector(t).Inspect(t.Context(), cut(t, c.clip, c.part))
			if got := key(t, err); got != c.want {
				t.Fatalf("refused with %s (%v), want %s", got, err, c.want)
			}
			if c.want != "video.truncated" {
				return
			}
			sec, ok := message(err).Args["Seconds"].(int)
			if !ok || sec < c.from || sec > c.to {
				t.Errorf("breaks off after %v seconds, want %d to %d", message(err).Args["Seconds"], c.from, c.to)
			}
		})
	}
}

func TestTruncationAfterAMinuteIsATimeOnTheClock(t *testing.T) {
	t.Parallel()
	_, err := inspector(t).Inspect(t.Context(), cut(t, "minutes", 0.8))
	if got := key(t, err); got != "video.truncated_at" {
		t.Fatalf("refused with %s (%v), want video.truncated_at", got, err)
	}
	if at, _ := message(err).Args["Time"].(string); !regexp.MustCompile(`^1:[0-5][0-9]$`).MatchString(at) {
		t.Errorf("breaks off at %q, want a time after one minute", at)
	}
}

func TestInspectKeepsLimits(t *testing.T) {
	t.Parallel()
	size := int64(len(read(t, clips["mp4"])))
	for _, c := range []struct {
		name, clip string
		limits     video.Limits
		want       fault.Message
	}{
		{"longer than the default", "long", video.Limits{}, fault.Msg("video.too_long", "Minutes", 30)},
		{"longer, found by its packets", "browser-minutes", video.Limits{MaxDuration: time.Minute}, fault.Msg("video.too_long", "Minutes", 1)},
		{"larger, in gigabytes", "sparse", video.Limits{}, fault.Msg("video.too_large", "Gigabytes", int64(4))},
		{"larger, in megabytes", "mp4", video.Limits{MaxBytes: size - 1}, fault.Msg("video.too_large_mb", "Megabytes", int64(1))},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := clips[c.clip]
			if c.clip == "sparse" {
				path = write(t, "sparse.mp4", nil)
				if err := os.Truncate(path, 4<<30+1); err != nil {
					t.Fatal(err)
				}
			}
			_, err := video.New(tools(t), c.limits).Inspect(t.Context(), path)
			key(t, err)
			if d := cmp.Diff(c.want, message(err)); d != "" {
				t.Errorf("refusal (-want +got):\n%s", d)
			}
		})
	}
	if _, err := video.New(tools(t), video.Limits{MaxBytes: size}).Inspect(t.Context(), clips["mp4"]); err != nil {
		t.Errorf("a file exactly at the limit is refused: %v", err)
	}
	if _, err := video.New(tools(t), video.Limits{MaxDuration: 31 * time.Minute}).Inspect(t.Context(), clips["long"]); err != nil {
		t.Errorf("a video exactly at the limit is refused: %v", err)
	}
}

func TestInspectRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		clip string
		want fault.Message
	}{
		{"sound", fault.Msg("video.no_video_track")},
		{"mpeg4", fault.Msg("video.codec", "Codec", "MPEG-4 / DivX")},
		{"prores", fault.Msg("video.codec", "Codec", "ProRes")},
		{"dts", fault.Msg("video.audio_codec", "Codec", "DTS")},
	} {
		_, err := inspector(t).Inspect(t.Context(), clips[c.clip])
		key(t, err)
		if d := cmp.Diff(c.want, message(err)); d != "" {
			t.Errorf("%s: refusal (-want +got):\n%s", c.clip, d)
		}
	}
}

// Covers, subtitles and chapters are in many files from editing programs; they
// are neither the picture nor a reason to refuse.
func TestInspectPassesOverCompanions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := filepath.Join(dir, "v.mp4")
	subtitles := write(t, "s.srt", []byte("1\n00:00:00,000 --> 00:00:01,000\nBuongiorno\n"))
	cmd := exec.CommandContext(t.Context(), tools(t).FFmpeg, "-nostdin", "-v", "error",
		"-i", clips["mp4"], "-i", subtitles, "-f", "lavfi", "-i", "color=red:s=64x64:d=0.04",
		"-map", "2:v", "-map", "0:v", "-map", "0:a", "-map", "1:s",
		"-c", "copy", "-c:v:0", "mjpeg", "-pix_fmt:v:0", "yuvj420p", "-disposition:v:0", "attached_pic", "-c:s", "mov_text", out)
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, b)
	}
	facts := inspect(t, out)
	if facts.VideoCodec != "h264" || facts.Width != 320 || facts.AudioCodec != "aac" {
		t.Errorf("got %+v, want the picture and sound of the clip", facts)
	}
	if err := inspector(t).Rendition(t.Context(), out, facts, filepath.Join(dir, "r.mp4"), nil); err != nil {
		t.Errorf("rendition: %v", err)
	}
}
