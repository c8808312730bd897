// Package videotest makes small video files with ffmpeg, for the tests of every
// package that receives, looks at or sends one. Fixtures are made, not stored.
package videotest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Spec is the video wanted. The zero value is two seconds of 320 × 180 H.264
// and AAC at 25 frames a second in an MP4 with its index at the end.
type Spec struct {
	Name      string  // of the file, without extension; default "clip"
	Seconds   float64 // default 2
	Width     int     // as stored; default 320
	Height    int     // as stored; default 180
	Rate      float64 // frames a second; default 25
	Codec     string  // h264 (default), hevc, vp8, vp9, av1, or an encoder of ffmpeg
	Sound     string  // an encoder of ffmpeg; default AAC, or Opus in webm and mkv
	Container string  // mp4 (default), mov, webm, mkv
	Rotate    int     // clockwise degrees that players are to turn the picture, as phones note it
	Silent    bool    // no track of sound
	Mute      bool    // a track of sound in which nothing is heard
	NoPicture bool    // sound alone
	Faststart bool    // MP4 and MOV: the index first
	Fragments bool    // MP4 and MOV: in fragments, as some browsers record
	Live      bool    // WebM and MKV: written to a pipe, so it does not say how long it is, as browsers record
	Keys      int     // frames from one picture that stands by itself to the next; default 25
	HDR       bool    // with hevc: ten bits, BT.2020, HLG, as phones record
	Voice     string  // a source of ffmpeg's lavfi in place of the test tone, such as "sine=frequency=880"
	Picture   string  // a source of ffmpeg's lavfi in place of the test picture, such as "color=black:s=320x180:r=25"
}

func (s Spec) orDefaults() Spec {
	or := func(v *string, d string) {
		if *v == "" {
			*v = d
		}
	}
	or(&s.Name, "clip")
	or(&s.Codec, "h264")
	or(&s.Container, "mp4")
	or(&s.Sound, soundCodec(s.Container))
	if s.Seconds == 0 {
		s.Seconds = 2
	}
	if s.Width == 0 {
		s.Width = 320
	}
	if s.Height == 0 {
		s.Height = 180
	}
	if s.Keys == 0 {
		s.Keys = 25
	}
	if s.Rate == 0 {
		s.Rate = 25
	}
	or(&s.Picture, fmt.Sprintf("testsrc2=s=%dx%d:r=%g", s.Width, s.Height, s.Rate))
	return s
}

// Make makes the video in dir and returns its path.
func Make(ctx context.Context, dir string, spec Spec) (string, error) {
	s := spec.orDefaults()
	path := filepath.Join(dir, s.Name+"."+s.Container)
	first := path
	if s.Rotate != 0 {
		first = filepath.Join(dir, s.Name+".upright."+s.Container)
	}
	if err := makeUpright(ctx, s, first); err != nil {
		return "", fmt.Errorf("making %s: %w", s.Name, err)
	}
	if s.Rotate != 0 {
		defer os.Remove(first)
		if err := rotate(ctx, first, path, s); err != nil {
			return "", fmt.Errorf("turning %s: %w", s.Name, err)
		}
	}
	return path, nil
}

func makeUpright(ctx context.Context, s Spec, path string) error {
	length := strconv.FormatFloat(s.Seconds, 'f', 3, 64)
	var args []string
	if !s.NoPicture {
		args = append(args, "-f", "lavfi", "-t", length, "-i", s.Picture)
	}
	if !s.Silent {
		sound := "sine=frequency=440:sample_rate=48000"
		if s.Mute {
			sound = "anullsrc=r=48000:cl=mono"
		}
		if s.Voice != "" {
			sound = s.Voice
		}
		args = append(args, "-f", "lavfi", "-t", length, "-i", sound)
		args = append(args, "-c:a", s.Sound, "-strict", "experimental")
	}
	if !s.NoPicture {
		args = append(args, pictureCodec(s)...)
	}
	args = append(args, "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact")
	switch {
	case s.Live:
		// A pipe cannot be rewound to fill in the duration.
		out, err := os.Create(path)
		if err != nil {
			return err
		}
		defer out.Close()
		cmd := command(ctx, append(args, "-f", muxer(s.Container), "-live", "1", "pipe:1")...)
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		if _, err := out.ReadFrom(pipe); err != nil {
			return err
		}
		if err := cmd.Wait(); err != nil {
			return err
		}
		return out.Close()
	case s.Fragments:
		args = append(args, "-movflags", "+frag_keyframe+empty_moov+default_base_moof")
	case s.Faststart:
		args = append(args, "-movflags", "+faststart")
	}
	return run(ctx, append(args, "-f", muxer(s.Container), "-y", path)...)
}

// rotate notes in the file that players are to turn the picture. The option
// for it came with ffmpeg 6.0; before, a tag did it.
func rotate(ctx context.Context, from, to string, s Spec) error {
	counter := strconv.Itoa((360 - s.Rotate%360) % 360)
	rest := []string{"-i", from, "-c", "copy", "-fflags", "+bitexact"}
	if s.Faststart {
		rest = append(rest, "-movflags", "+faststart")
	}
	if run(ctx, append(append([]string{"-display_rotation:v:0", counter}, rest...), "-y", to)...) == nil {
		return nil
	}
	return run(ctx, append(rest, "-metadata:s:v:0", "rotate="+counter, "-y", to)...)
}

func pictureCodec(s Spec) []string {
	keys := strconv.Itoa(s.Keys)
	switch s.Codec {
	case "h264":
		return []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", keys}
	case "hevc":
		args := []string{"-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"}
		if s.HDR {
			const hlg = "colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"
			return append(args, "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none:"+hlg,
				"-color_primaries", "bt2020", "-color_trc", "arib-std-b67", "-colorspace", "bt2020nc")
		}
		return append(args, "-pix_fmt", "yuv420p", "-x265-params", "log-level=none")
	case "vp8":
		return []string{"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", keys}
	case "vp9":
		return []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", keys}
	case "av1":
		return []string{"-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p"}
	default:
		return []string{"-c:v", s.Codec}
	}
}

func soundCodec(container string) string {
	if container == "webm" || container == "mkv" {
		return "libopus"
	}
	return "aac"
}

func muxer(container string) string {
	if container == "mkv" {
		return "matroska"
	}
	return container
}

func command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ffmpeg", append([]string{"-nostdin", "-v", "error"}, args...)...) //nolint:gosec // tests alone
}

func run(ctx context.Context, args ...string) error {
	out, err := command(ctx, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ffmpeg: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
