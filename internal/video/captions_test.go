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
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/video"
)

func TestCaptionsBecomeCleanWebVTT(t *testing.T) {
	want := "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nPerché no?\nL’unità &amp; la pace\n\n00:00:03.000 --> 00:00:04.000\nGrazie.\n"
	for name, text := range map[string]string{
		"webvtt":       "WEBVTT - titolo\n\nSTYLE\n::cue { color: red }\n\nuno\n00:01.000 --> 00:02.500 align:start\n<c.red>Perché</c> no?\nL’unità &amp; la pace\n\n00:03.000 --> 00:04.000\nGrazie.\n",
		"srt":          "1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>Perché</i> no?\r\nL’unità & la pace\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\nGrazie.\r\n",
		"with a BOM":   "\xef\xbb\xbf1\n00:00:01,000 --> 00:00:02,500\nPerché no?\nL’unità & la pace\n\n2\n00:00:03,000 --> 00:00:04,000\nGrazie.\n",
		"Windows-1252": "1\n00:00:01,000 --> 00:00:02,500\nPerch\xe9 no?\nL\x92unit\xe0 & la pace\n\n2\n00:00:03,000 --> 00:00:04,000\nGrazie.\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := video.ReadCaptions(strings.NewReader(text), 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.VTT); diff != "" || got.Cues != 2 || len(got.SHA256) != 64 {
				t.Errorf("%d cues: %s", got.Cues, diff)
			}
			again, err := video.ReadCaptions(strings.NewReader(got.VTT), 10*time.Second)
			if err != nil || again.SHA256 != got.SHA256 {
				t.Errorf("read again: %v, %q", err, again.VTT)
			}
		})
	}
}

func TestBadCaptionsSayWhereAndWhy(t *testing.T) {
	for key, text := range map[string]string{
		"video.captions.empty":     " \n",
		"video.captions.unknown":   "Cara sindaca, ecco i sottotitoli.",
		"video.captions.backwards": "WEBVTT\n\n00:05.000 --> 00:04.000\nCiao.\n",
		"video.captions.order":     "WEBVTT\n\n00:05.000 --> 00:06.000\nCiao.\n\n00:01.000 --> 00:02.000\nPrima.\n",
		"video.captions.beyond":    "WEBVTT\n\n00:05.000 --> 01:06.000\nCiao.\n",
		"video.captions.large":     "WEBVTT\n\n" + strings.Repeat("a", video.MaxCaptions),
	} {
		_, err := video.ReadCaptions(strings.NewReader(text), 10*time.Second)
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Kind != fault.Invalid || e.Fields[0].Name != "captions" || e.Fields[0].Message.Key != key {
			t.Errorf("%q: %v, want %s", text[:min(30, len(text))], err, key)
		}
	}
}

func TestAPosterIsMadeOfAnyPicture(t *testing.T) {
	draw := func(w, h int, encode func(*bytes.Buffer, image.Image) error) []byte {
		t.Helper()
		m := image.NewRGBA(image.Rect(0, 0, w, h))
		for x := range w {
			m.Set(x, h/2, color.RGBA{200, 10, 10, 255})
		}
		var b bytes.Buffer
		if err := encode(&b, m); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	asJPEG := func(b *bytes.Buffer, m image.Image) error { return jpeg.Encode(b, m, nil) }
	asPNG := func(b *bytes.Buffer, m image.Image) error { return png.Encode(b, m) }
	for name, test := range map[string]struct {
		body []byte
		key  string
	}{
		"jpeg":          {draw(1600, 900, asJPEG), ""},
		"upright png":   {draw(800, 1400, asPNG), ""},
		"too small":     {draw(320, 180, asJPEG), "video.picture.small"},
		"a video":       {[]byte("\x00\x00\x00\x14ftypisom"), "video.picture.unknown"},
		"cut off":       {draw(1600, 900, asJPEG)[:3000], "video.picture.unknown"},
		"nothing":       {nil, "video.picture.unknown"},
		"a bomb of png": {bomb(), "video.picture.large"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "poster.jpg")
			err := video.MakePoster(bytes.NewReader(test.body), out)
			if test.key != "" {
				e, ok := errors.AsType[*fault.Error](err)
				if !ok || e.Fields[0].Message.Key != test.key {
					t.Errorf("err = %v", err)
				}
				if _, err := os.Stat(out); err == nil {
					t.Error("a file was written")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(out)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			size, kind, err := image.DecodeConfig(f)
			if err != nil || kind != "jpeg" || size.Width != video.PosterWidth || size.Height != video.PosterHeight {
				t.Errorf("%s of %d × %d: %v", kind, size.Width, size.Height, err)
			}
		})
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
