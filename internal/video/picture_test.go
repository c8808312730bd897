package video_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"path/filepath"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/video"
)

// drawn is a picture whose left third is red, on white or on nothing.
func drawn(t *testing.T, w, h int, ground color.Color, encode func(*bytes.Buffer, image.Image) error) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for x := range w {
		for y := range h {
			if x < w/3 {
				m.Set(x, y, color.RGBA{200, 10, 10, 255})
			} else {
				m.Set(x, y, ground)
			}
		}
	}
	var b bytes.Buffer
	if err := encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(b *bytes.Buffer, m image.Image) error { return jpeg.Encode(b, m, nil) }
func asPNG(b *bytes.Buffer, m image.Image) error  { return png.Encode(b, m) }

// turned is a JPEG with the note of a camera held upright: orientation 6 of
// EXIF, to be turned clockwise by a quarter.
func turned(jpg []byte) []byte {
	exif := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00")
	segment := append([]byte{0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(len(exif)+2))...)
	return append(append(append([]byte{}, jpg[:2]...), append(segment, exif...)...), jpg[2:]...)
}

func TestAPosterIsMadeOfAChosenPicture(t *testing.T) {
	white := color.RGBA{255, 255, 255, 255}
	for name, test := range map[string]struct {
		body  []byte
		reds  []image.Point
		light []image.Point
	}{
		"jpeg":                {drawn(t, 1600, 900, white, asJPEG), []image.Point{{20, 360}}, []image.Point{{1200, 360}}},
		"upright png":         {drawn(t, 800, 1400, white, asPNG), []image.Point{{20, 20}, {20, 700}}, []image.Point{{1200, 360}}},
		"png on nothing":      {drawn(t, 1280, 720, color.Transparent, asPNG), []image.Point{{20, 360}}, []image.Point{{1200, 360}}},
		"camera held upright": {turned(drawn(t, 720, 1280, white, asJPEG)), []image.Point{{20, 20}, {1200, 20}}, []image.Point{{20, 700}, {1200, 700}}},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "poster.jpg")
			if err := inspector(t).PosterOf(t.Context(), bytes.NewReader(test.body), out); err != nil {
				t.Fatal(err)
			}
			made := picture(t, out)
			if size := made.Bounds().Size(); size != image.Pt(video.PosterWidth, video.PosterHeight) {
				t.Errorf("it is %v", size)
			}
			for _, p := range test.reds {
				if !isRed(made.At(p.X, p.Y)) {
					t.Errorf("%v is %v, not red", p, made.At(p.X, p.Y))
				}
			}
			for _, p := range test.light {
				if r, g, b, _ := made.At(p.X, p.Y).RGBA(); min(r, g, b) < 0xe000 {
					t.Errorf("%v is %v, not white", p, made.At(p.X, p.Y))
				}
			}
			if bytes.Contains(read(t, out), []byte("Exif")) {
				t.Error("something of the file itself was kept")
			}
		})
	}
}

func TestAPictureThatIsNoneIsRefused(t *testing.T) {
	white := color.RGBA{255, 255, 255, 255}
	whole := drawn(t, 1600, 900, white, asJPEG)
	wholePNG := drawn(t, 1600, 900, white, asPNG)
	for name, test := range map[string]struct {
		body []byte
		key  string
	}{
		"too small":            {drawn(t, 320, 180, white, asJPEG), "video.picture.small"},
		"a video":              {[]byte("\x00\x00\x00\x14ftypisom"), "video.picture.unknown"},
		"a picture of vectors": {[]byte(`<svg xmlns="http://www.w3.org/2000/svg" width="1280" height="720"/>`), "video.picture.unknown"},
		"cut off":              {whole[:len(whole)/2], "video.picture.unknown"},
		"a png cut off":        {wholePNG[:len(wholePNG)/2], "video.picture.unknown"},
		"nothing":              {nil, "video.picture.unknown"},
		"a bomb of png":        {bomb(), "video.picture.large"},
		"a large file":         {append(whole, make([]byte, video.MaxPicture)...), "video.picture.large"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			err := inspector(t).PosterOf(t.Context(), bytes.NewReader(test.body), filepath.Join(dir, "poster.jpg"))
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || len(e.Fields) != 1 || e.Fields[0].Name != "poster" || e.Fields[0].Message.Key != test.key {
				t.Errorf("err = %v", err)
			}
			noFiles(t, dir)
		})
	}
}

func TestAPosterIsTakenAtAMoment(t *testing.T) {
	clip := clips["night"]
	length := inspect(t, clip).Duration
	first, last := filepath.Join(t.TempDir(), "first.jpg"), filepath.Join(t.TempDir(), "last.jpg")
	for path, at := range map[string]time.Duration{first: 0, last: length} {
		if err := inspector(t).PosterAt(t.Context(), clip, at, length, path); err != nil {
			t.Fatalf("at %v: %v", at, err)
		}
		if size := picture(t, path).Bounds().Size(); size != image.Pt(video.PosterWidth, video.PosterHeight) {
			t.Errorf("at %v: %v", at, size)
		}
	}
	if bytes.Equal(read(t, first), read(t, last)) {
		t.Error("both moments give one picture")
	}
	err := inspector(t).PosterAt(t.Context(), clip, length+time.Second, length, first)
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Fields[0].Name != "moment" {
		t.Errorf("beyond the end: %v", err)
	}
}

func TestMomentsAsPeopleWriteThem(t *testing.T) {
	for typed, want := range map[string]time.Duration{
		"0": 0, "75": 75 * time.Second, "1:15": 75 * time.Second, " 1:01:15 ": 3675 * time.Second, "00:00:07": 7 * time.Second,
	} {
		if got, ok := video.ParseMoment(typed); !ok || got != want {
			t.Errorf("%q: %v, %v", typed, got, ok)
		}
	}
	for _, typed := range []string{"", "uno", "-1", "1:", ":5", "1.5", "1:2:3:4", "99999"} {
		if got, ok := video.ParseMoment(typed); ok {
			t.Errorf("%q: %v", typed, got)
		}
	}
}

// bomb is the beginning of a PNG that says it is 60,000 × 60,000.
func bomb() []byte {
	var b bytes.Buffer
	_ = png.Encode(&b, image.NewGray(image.Rect(0, 0, 2, 2)))
	out := b.Bytes()
	copy(out[16:], []byte{0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60})
	crc := crc32PNG(out[12:29])
	copy(out[29:], crc)
	return out
}

func crc32PNG(b []byte) []byte {
	return binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b))
}
