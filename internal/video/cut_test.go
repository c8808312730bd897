package video_test

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/video"
)

func TestACutHasItsShapeAndAllThatIsSaid(t *testing.T) {
	for _, c := range []struct {
		clip  string
		shape video.Shape
		crop  bool
		sound bool
	}{
		{"mp4", video.Square, false, true},
		{"mp4", video.Vertical, false, true},
		{"mp4", video.Vertical, true, true},
		{"phone", video.Square, true, true}, // upright
		{"phone", video.Vertical, false, true},
		{"odd", video.Square, false, true},
		{"silent", video.Square, false, false},
	} {
		name := c.clip + " " + strconv.Itoa(c.shape.Height) + " " + strconv.FormatBool(c.crop)
		t.Run(name, func(t *testing.T) {
			from := rendition(t, c.clip)
			out := filepath.Join(t.TempDir(), "cut.mp4")
			if err := inspector(t).Cut(t.Context(), from, c.shape, c.crop, out); err != nil {
				t.Fatal(err)
			}
			before, after := probe(t, from), probe(t, out)
			picture := after.Streams[0]
			if picture.Type != "video" || picture.Codec != "h264" || picture.Width != c.shape.Width || picture.Height != c.shape.Height || picture.Pixels != "yuv420p" {
				t.Errorf("it is %+v", picture)
			}
			if picture.NotSquare != "1:1" && picture.NotSquare != "" {
				t.Errorf("its pixels are %s", picture.NotSquare)
			}
			if was, is := length(t, before), length(t, after); math.Abs(was-is) > 0.2 {
				t.Errorf("it lasts %g s, the video %g s", is, was)
			}
			if got := len(after.Streams) == 2 && after.Streams[1].Codec == "aac"; got != c.sound {
				t.Errorf("with sound: %t, want %t", got, c.sound)
			}
		})
	}
}

func length(t *testing.T, m made) float64 {
	t.Helper()
	s, err := strconv.ParseFloat(m.Streams[0].Duration, 64)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestACutOfWhatIsNoVideoIsRefusedAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.mp4")
	if err := os.WriteFile(broken, []byte("not a video at all, whatever it is called"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "cut.mp4")
	if err := inspector(t).Cut(t.Context(), broken, video.Square, false, out); fault.Of(err) != fault.Invalid {
		t.Errorf("got %v, want a refusal", err)
	}
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("something is left: %v", err)
	}
}
