package video_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/video"
)

// made is what ffprobe says of a rendition.
type made struct {
	Streams []struct {
		Type      string `json:"codec_type"`
		Codec     string `json:"codec_name"`
		Profile   string `json:"profile"`
		Pixels    string `json:"pix_fmt"`
		Width     int    `json:"width"`
		Height    int    `json:"height"`
		Rate      string `json:"avg_frame_rate"`
		Transfer  string `json:"color_transfer"`
		Channels  int    `json:"channels"`
		SideData  []any  `json:"side_data_list"`
		Duration  string `json:"duration"`
		NotSquare string `json:"sample_aspect_ratio"`
	} `json:"streams"`
	Format struct {
		Tags map[string]string `json:"tags"`
	} `json:"format"`
}

func probe(t *testing.T, path string) made {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), tools(t).FFprobe, "-v", "error", "-show_streams", "-show_format", "-of", "json", path).Output()
	if err != nil {
		t.Fatalf("probing %s: %v", path, err)
	}
	var m made
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func rendition(t *testing.T, clip string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "rendition.mp4")
	if err := inspector(t).Rendition(t.Context(), clips[clip], inspect(t, clips[clip]), out, nil); err != nil {
		t.Fatalf("rendition of %s: %v", clip, err)
	}
	return out
}

func TestRendition(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		clip          string
		width, height int
		rate          string
		secs          float64
		sound         bool
	}{
		{"mp4", 320, 180, "25/1", 4, true},
		{"phone", 180, 320, "25/1", 2, true},
		{"phone270", 180, 320, "25/1", 2, true},
		{"hevc", 320, 180, "25/1", 2, true},
		{"hdr", 320, 180, "25/1", 2, true},
		{"vp8", 320, 180, "25/1", 2, true},
		{"browser", 320, 180, "25/1", 4, true},
		{"av1", 320, 180, "25/1", 2, true},
		{"silent", 320, 180, "25/1", 2, false},
		{"sixty", 320, 180, "30/1", 2, true},
		{"large", 1280, 720, "25/1", 1, true},
		{"odd", 322, 242, "25/1", 2, true},
		{"wide-pixels", 426, 180, "25/1", 2, true},
	} {
		t.Run(c.clip, func(t *testing.T) {
			t.Parallel()
			path := rendition(t, c.clip)
			m := probe(t, path)
			want := 1
			if c.sound {
				want = 2
			}
			if len(m.Streams) != want {
				t.Fatalf("%d tracks, want %d", len(m.Streams), want)
			}
			v := m.Streams[0]
			got := fmt.Sprintf("%s %s %s %dx%d %s", v.Codec, v.Profile, v.Pixels, v.Width, v.Height, v.Rate)
			if d := cmp.Diff(fmt.Sprintf("h264 Main yuv420p %dx%d %s", c.width, c.height, c.rate), got); d != "" {
				t.Errorf("picture (-want +got):\n%s", d)
			}
			if len(v.SideData) > 0 {
				t.Errorf("the rendition is to be turned again: %v", v.SideData)
			}
			if v.NotSquare != "1:1" && v.NotSquare != "" {
				t.Errorf("pixels of %s, want square ones", v.NotSquare)
			}
			if sec, err := strconv.ParseFloat(v.Duration, 64); err != nil || math.Abs(sec-c.secs) > 0.1 {
				t.Errorf("duration %s, want about %v s", v.Duration, c.secs)
			}
			if c.sound && (m.Streams[1].Codec != "aac" || m.Streams[1].Channels != 2) {
				t.Errorf("sound is %s with %d channels, want AAC in stereo", m.Streams[1].Codec, m.Streams[1].Channels)
			}
			b := read(t, path)
			index, media := bytes.Index(b, []byte("moov")), bytes.Index(b, []byte("mdat"))
			if index < 0 || media < 0 || index > media {
				t.Errorf("index at %d, media at %d: playback cannot start before the end", index, media)
			}
		})
	}
}

// Turned by 90° clockwise, what was on the left is on top.
func TestRenditionIsUpright(t *testing.T) {
	t.Parallel()
	for clip, topIsRed := range map[string]bool{"phone": true, "phone270": false} {
		out := filepath.Join(t.TempDir(), "frame.jpg")
		cmd := exec.CommandContext(t.Context(), tools(t).FFmpeg, "-nostdin", "-v", "error", "-i", rendition(t, clip), "-frames:v", "1", out)
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg: %v: %s", err, b)
		}
		img := picture(t, out)
		top, bottom := img.At(90, 40), img.At(90, 280)
		if isRed(top) != topIsRed || isRed(bottom) == topIsRed {
			t.Errorf("%s: top %v, bottom %v; want red on top: %v", clip, top, bottom, topIsRed)
		}
	}
}

// High dynamic range is shown as it was meant, neither pale nor dark.
func TestHighDynamicRangeIsBroughtDown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made := rendition(t, "hdr")
	if v := probe(t, made).Streams[0]; v.Transfer != "bt709" {
		t.Errorf("the rendition's transfer is %s, want bt709", v.Transfer)
	}
	frame, poster := filepath.Join(dir, "frame.jpg"), filepath.Join(dir, "poster.jpg")
	cmd := exec.CommandContext(t.Context(), tools(t).FFmpeg, "-nostdin", "-v", "error", "-i", made, "-frames:v", "1", frame)
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, b)
	}
	if err := inspector(t).Poster(t.Context(), clips["hdr"], inspect(t, clips["hdr"]), poster); err != nil {
		t.Fatal(err)
	}
	for what, path := range map[string]string{"rendition": frame, "poster": poster} {
		if l := light(picture(t, path)); math.Abs(l-0xb0) > 14 {
			t.Errorf("%s: a grey of %d came out as %.0f", what, 0xb0, l)
		}
	}
}

// Phones write into the file where they are; citizens need not know.
func TestRenditionDropsWhereItWasFilmed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	located := filepath.Join(dir, "located.mov")
	cmd := exec.CommandContext(t.Context(), tools(t).FFmpeg, "-nostdin", "-v", "error", "-i", clips["mp4"], "-c", "copy",
		"-metadata", "location=+45.0703+007.6869/", "-metadata", "artist=Nome Cognome", located)
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, b)
	}
	if !bytes.Contains(read(t, located), []byte("+45.0703")) {
		t.Fatal("the clip has no location to drop")
	}
	out := filepath.Join(dir, "r.mp4")
	if err := inspector(t).Rendition(t.Context(), located, inspect(t, located), out, nil); err != nil {
		t.Fatal(err)
	}
	if b := read(t, out); bytes.Contains(b, []byte("45.0703")) || bytes.Contains(b, []byte("Cognome")) {
		t.Error("the rendition carries the original's metadata")
	}
}

func TestRenditionTellsItsProgress(t *testing.T) {
	t.Parallel()
	var told []time.Duration
	facts := inspect(t, clips["large"])
	err := inspector(t).Rendition(t.Context(), clips["large"], facts, filepath.Join(t.TempDir(), "r.mp4"),
		func(done time.Duration) { told = append(told, done) })
	if err != nil {
		t.Fatal(err)
	}
	if len(told) == 0 || told[len(told)-1] < facts.Duration*9/10 || told[len(told)-1] > facts.Duration {
		t.Errorf("progress %v, want it to end near %v", told, facts.Duration)
	}
}

// Where the media are zeros, as after an interrupted download that had reserved
// the room, the container looks whole; decoding shows the truth.
func TestZeroedMediaIsFound(t *testing.T) {
	t.Parallel()
	b := read(t, clips["faststart"])
	clear(b[len(b)/2:])
	path := write(t, "zeroed.mp4", b)
	out := filepath.Join(t.TempDir(), "r.mp4")
	err := inspector(t).Rendition(t.Context(), path, inspect(t, path), out, nil)
	if got := key(t, err); got != "video.damaged_at" {
		t.Errorf("refused with %s, want video.damaged_at", got)
	}
	noFiles(t, filepath.Dir(out))
}

func picture(t *testing.T, path string) image.Image {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(read(t, path)))
	if err != nil {
		t.Fatalf("decoding %s: %v", path, err)
	}
	return img
}

func isRed(c color.Color) bool {
	r, _, b, _ := c.RGBA()
	return r > 0x9000 && b < 0x5000
}

func noFiles(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		t.Errorf("%s was left behind", f.Name())
	}
}

func light(img image.Image) float64 {
	var sum float64
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y += 8 {
		for x := b.Min.X; x < b.Max.X; x += 8 {
			sum += float64(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
		}
	}
	return sum / float64(((b.Dx()+7)/8)*((b.Dy()+7)/8))
}

func TestPoster(t *testing.T) {
	t.Parallel()
	for _, clip := range []string{"mp4", "phone", "hevc", "hdr", "vp8", "browser", "browser-h264", "av1", "silent", "large", "odd", "fragments", "night", "long"} {
		t.Run(clip, func(t *testing.T) {
			t.Parallel()
			in := video.New(tools(t), video.Limits{MaxDuration: time.Hour})
			facts, err := in.Inspect(t.Context(), clips[clip])
			if err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "poster.jpg")
			if err := in.Poster(t.Context(), clips[clip], facts, out); err != nil {
				t.Fatal(err)
			}
			img := picture(t, out)
			if got := img.Bounds().Size(); got != image.Pt(1280, 720) {
				t.Errorf("size %v, want 1280×720", got)
			}
			if l := light(img); l < 30 {
				t.Errorf("mean brightness %.0f of 255: the poster is black", l)
			}
		})
	}
}

// An upright video stands in the middle, whole, on something darker than itself.
func TestPosterOfUprightVideo(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "poster.jpg")
	if err := inspector(t).Poster(t.Context(), clips["phone"], inspect(t, clips["phone"]), out); err != nil {
		t.Fatal(err)
	}
	img := picture(t, out)
	if top, bottom := img.At(640, 20), img.At(640, 700); !isRed(top) || isRed(bottom) {
		t.Errorf("in the middle: top %v, bottom %v; want red above blue", top, bottom)
	}
	if r, _, _, _ := img.At(100, 100).RGBA(); r > 0xe000 {
		t.Errorf("at the side: %v; want a darker background", img.At(100, 100))
	}
}

func TestPosterReplacesTheOldOneWhole(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "poster.jpg")
	if err := os.WriteFile(out, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	facts := inspect(t, clips["mp4"])
	missing := filepath.Join(t.TempDir(), "gone.mp4")
	if err := inspector(t).Poster(t.Context(), missing, facts, out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("poster of a file that is not there: %v", err)
	}
	if got := string(read(t, out)); got != "old" {
		t.Errorf("a failure changed the old poster to %q", got)
	}
	if err := inspector(t).Poster(t.Context(), clips["mp4"], facts, out); err != nil {
		t.Fatal(err)
	}
	picture(t, out)
	if entries, err := os.ReadDir(filepath.Dir(out)); err != nil || len(entries) != 1 {
		t.Errorf("%d files beside the poster (%v), want it alone", len(entries), err)
	}
}
