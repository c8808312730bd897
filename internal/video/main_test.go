package video_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/video"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

// clips are made once for all tests, by name.
var clips = map[string]string{}

// halves is red on the left and blue on the right, so that a turn shows.
const halves = "color=red:s=160x180:r=25[l];color=blue:s=160x180:r=25[r];[l][r]hstack"

// night begins with black, as a fade-in does.
const night = "color=black:s=320x180:r=25:d=3[n];testsrc2=s=320x180:r=25:d=9[d];[n][d]concat"

// flash is white from the fourth second on for a fifth of one, and beep is heard
// as long: where they are tells where a cut was made, and whether they are
// together.
const (
	flash = "color=black:s=320x180:r=25[n];color=white:s=320x180:r=25:d=0.2,setpts=PTS+4/TB[f];[n][f]overlay=eof_action=pass,format=yuv420p"
	beep  = "aevalsrc='if(between(t,4,4.2),0.5*sin(880*2*PI*t),0)':s=48000"
)

// grey is a grey of 0xb0 as ordinary screens show it, in high dynamic range.
const grey = "color=0xb0b0b0:s=320x180:r=25,format=yuv420p,setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709," +
	"zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt2020,zscale=t=arib-std-b67:m=bt2020nc:r=tv:npl=203,format=yuv420p10le"

func TestMain(m *testing.M) {
	if path := os.Getenv(encodeOnly); path != "" {
		os.Exit(encode(path)) // this is the process that TestToolsDieWithThePortal kills
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "voci-video-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	for _, s := range []videotest.Spec{
		{Name: "mp4", Seconds: 4},
		{Name: "faststart", Seconds: 4, Faststart: true},
		{Name: "fragments", Seconds: 4, Fragments: true},
		{Name: "phone", Container: "mov", Rotate: 90, Picture: halves},
		{Name: "phone270", Container: "mov", Rotate: 270, Picture: halves},
		{Name: "hevc", Container: "mov", Codec: "hevc"},
		{Name: "hdr", Container: "mov", Codec: "hevc", HDR: true, Picture: grey},
		{Name: "vp8", Container: "webm", Codec: "vp8"},
		{Name: "webm", Seconds: 4, Container: "webm", Codec: "vp9"},
		{Name: "browser", Seconds: 4, Container: "webm", Codec: "vp9", Live: true},
		{Name: "browser-h264", Container: "mkv", Live: true},
		{Name: "av1", Codec: "av1"},
		{Name: "silent", Silent: true},
		{Name: "mute", Mute: true},
		{Name: "sixty", Rate: 60},
		{Name: "large", Width: 1920, Height: 1080, Seconds: 1},
		{Name: "odd", Width: 322, Height: 242},
		{Name: "wide-pixels", Picture: "testsrc2=s=320x180:r=25,setsar=4/3"},
		{Name: "long", Seconds: 31 * 60, Rate: 1, Width: 64, Height: 36, Silent: true},
		{Name: "minutes", Seconds: 120, Rate: 1, Faststart: true, Silent: true},
		{Name: "browser-minutes", Seconds: 90, Rate: 2, Width: 64, Height: 36, Container: "webm", Codec: "vp8", Live: true},
		{Name: "sound", NoPicture: true},
		{Name: "night", Seconds: 12, Picture: night},
		{Name: "flash", Seconds: 6, Picture: flash, Voice: beep},
		{Name: "flash-webm", Seconds: 6, Container: "webm", Codec: "vp9", Live: true, Picture: flash, Voice: beep},
		{Name: "flash-rare", Seconds: 6, Container: "webm", Codec: "vp9", Live: true, Keys: 1000, Picture: flash, Voice: beep},
		{Name: "flash-vp8", Seconds: 6, Container: "webm", Codec: "vp8", Live: true, Keys: 1000, Picture: flash, Voice: beep},
		{Name: "flash-fragments", Seconds: 6, Fragments: true, Picture: flash, Voice: beep},
		{Name: "flash-hevc", Seconds: 6, Container: "mov", Codec: "hevc", Picture: flash, Voice: beep},
		{Name: "mpeg4", Codec: "mpeg4"},
		{Name: "dts", Container: "mkv", Sound: "dca"},
		{Name: "prores", Container: "mov", Codec: "prores"},
	} {
		path, err := videotest.Make(ctx, dir, s)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		clips[s.Name] = path
	}
	return m.Run()
}

func tools(t *testing.T) video.Tools {
	t.Helper()
	found, err := video.Find()
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func inspector(t *testing.T) *video.Inspector {
	t.Helper()
	return video.New(tools(t), video.Limits{})
}

func inspect(t *testing.T, path string) video.Facts {
	t.Helper()
	facts, err := inspector(t).Inspect(t.Context(), path)
	if err != nil {
		t.Fatalf("inspecting %s: %v", filepath.Base(path), err)
	}
	return facts
}

// write puts a file of these bytes where the test can find it.
func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// cut is a copy of a clip without its end.
func cut(t *testing.T, name string, part float64) string {
	t.Helper()
	whole := read(t, clips[name])
	return write(t, filepath.Base(clips[name]), whole[:int(float64(len(whole))*part)])
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// key is the message key of a refusal; it fails the test on any other error.
func key(t *testing.T, err error) string {
	t.Helper()
	if fault.Of(err) != fault.Invalid {
		t.Fatalf("got the error %v, want a refusal of kind Invalid", err)
	}
	return message(err).Key
}

func message(err error) fault.Message {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Message
	}
	return fault.Message{}
}
