package video_test

import (
	"math"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/voci-in-comune/voci/internal/video"
)

// film has ffmpeg make a film of a picture and a sound, as sources of its lavfi.
func film(t *testing.T, name, picture, sound string, more ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	args := []string{"-nostdin", "-v", "error", "-f", "lavfi", "-t", "4", "-i", picture}
	if sound != "" {
		args = append(args, "-f", "lavfi", "-t", "4", "-i", sound)
	}
	args = append(append(args, more...), path)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("making %s: %v: %s", name, err, out)
	}
	return path
}

func impression(t *testing.T, path string) video.Impression {
	t.Helper()
	got, err := inspector(t).Impression(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestImpressionOfLight(t *testing.T) {
	t.Parallel()
	const box = ",drawbox=x=iw/3:y=ih/8:w=iw/3:h=ih*13/24:color=0x303030:t=fill"
	h264 := []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"}
	for _, c := range []struct {
		name, picture string
		encoder       []string
		want          video.Light
	}{
		{"black.mp4", "color=black:s=320x180:r=10", h264, video.Light{Mean: 0, Centre: 0, High: 0}},
		{"white.mp4", "color=white:s=320x180:r=10", h264, video.Light{Mean: 255, Centre: 255, High: 255}},
		{"grey.mp4", "color=0x808080:s=320x180:r=10", h264, video.Light{Mean: 128, Centre: 128, High: 128}},
		// As some phones and all browsers that film in JPEG store it: the full range.
		{"full.mp4", "color=0x808080:s=320x180:r=10", []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuvj420p"}, video.Light{Mean: 128, Centre: 128, High: 128}},
		{"grey.webm", "color=0x808080:s=320x180:r=10", []string{"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"}, video.Light{Mean: 128, Centre: 128, High: 128}},
		{"window.mp4", "color=white:s=320x180:r=10,format=rgb24" + box, h264, video.Light{Mean: 217, Centre: 48, High: 255}},
		// What the camera shows before it has found its exposure does not count.
		{"dawn.mp4", "color=black:s=320x180:r=10:d=0.8[n];color=0x808080:s=320x180:r=10:d=4[d];[n][d]concat", h264, video.Light{Mean: 128, Centre: 128, High: 128}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := impression(t, film(t, c.name, c.picture, "", c.encoder...))
			if got.Sound != nil {
				t.Errorf("heard %+v where there is no sound", got.Sound)
			}
			for _, each := range []struct {
				what      string
				got, want int
			}{{"mean", got.Light.Mean, c.want.Mean}, {"centre", got.Light.Centre, c.want.Centre}, {"high", got.Light.High, c.want.High}} {
				if math.Abs(float64(each.got-each.want)) > 4 {
					t.Errorf("%s %d, want %d", each.what, each.got, each.want)
				}
			}
		})
	}
}

func TestImpressionOfUprightAndBrightPictures(t *testing.T) {
	t.Parallel()
	if got := impression(t, clips["phone"]).Light; got.Mean == 0 {
		t.Errorf("an upright picture: %+v", got)
	}
	// 0xb0 on ordinary screens, see grey.
	if got := impression(t, clips["hdr"]).Light.Mean; got < 0xb0-20 || got > 0xb0+20 {
		t.Errorf("a grey of %d in high dynamic range is seen as %d", 0xb0, got)
	}
}

// TestImpressionOfSound compares with levels that are known by how the sound was
// made: a sine of 997 Hz at a peak of -20 dBFS in one channel has -23 LUFS by
// EBU Tech 3341, shown in both channels here, which adds 3 dB.
func TestImpressionOfSound(t *testing.T) {
	t.Parallel()
	const any = math.MaxFloat64
	for _, c := range []struct {
		name, sound string
		want        video.Sound
	}{
		{"tone", "aevalsrc=0.1*sin(2*PI*997*t)|0.1*sin(2*PI*997*t):s=48000", video.Sound{Loudness: -20, Peak: -20, Clipped: 0, Floor: -23, Low: 0}},
		{"nothing", "anullsrc=r=48000:cl=stereo", video.Sound{Loudness: -70, Peak: video.Nothing, Clipped: 0, Floor: video.Nothing, Low: 0}},
		{"hum", "aevalsrc=0.1*sin(2*PI*50*t)|0.1*sin(2*PI*50*t):s=48000", video.Sound{Loudness: any, Peak: -20, Clipped: 0, Floor: -23, Low: 1}},
		{"shout", "aevalsrc=clip(4*sin(2*PI*997*t)\\,-1\\,1)|clip(4*sin(2*PI*997*t)\\,-1\\,1):s=48000", video.Sound{Loudness: any, Peak: 0, Clipped: 0.85, Floor: -1, Low: 0}},
		// Pauses of two tenths of a second in each second.
		{"speech", "aevalsrc=0.1*sin(2*PI*997*t)*gt(mod(t\\,1)\\,0.2)|0.1*sin(2*PI*997*t)*gt(mod(t\\,1)\\,0.2):s=48000", video.Sound{Loudness: any, Peak: -20, Clipped: 0, Floor: video.Nothing, Low: 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := impression(t, film(t, c.name+".mov", "color=black:s=64x36:r=5", c.sound, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "pcm_s16le")).Sound
			if got == nil {
				t.Fatal("no sound heard")
			}
			for _, each := range []struct {
				what            string
				got, want, near float64
			}{
				{"loudness", got.Loudness, c.want.Loudness, 0.5},
				{"peak", got.Peak, c.want.Peak, 0.6},
				{"clipped", got.Clipped, c.want.Clipped, 0.05},
				{"floor", got.Floor, c.want.Floor, 1.5},
				{"low", got.Low, c.want.Low, 0.12},
			} {
				if each.want != any && math.Abs(each.got-each.want) > each.near {
					t.Errorf("%s %v, want %v", each.what, each.got, each.want)
				}
			}
		})
	}
}

// TestImpressionOfWhatBrowsersRecord hears in Opus and AAC what was there before
// they took it apart.
func TestImpressionOfWhatBrowsersRecord(t *testing.T) {
	t.Parallel()
	for _, clip := range []string{"browser", "fragments"} {
		got := impression(t, clips[clip])
		// ffmpeg's source sine has an eighth of full scale, in one channel.
		if s := got.Sound; s == nil || math.Abs(s.Loudness+21.7) > 1.5 || math.Abs(s.Peak+18) > 2.5 {
			t.Errorf("%s: heard %+v", clip, s)
		}
	}
}
