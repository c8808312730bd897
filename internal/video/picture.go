package video

import (
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/png" // what people choose as a poster, besides JPEG
	"io"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
)

const (
	// MaxPicture bounds the file of a chosen poster, in bytes.
	MaxPicture = 20 << 20
	// mostPixels bounds what a picture unfolds to in memory: telephones take up to
	// 50 megapixels.
	mostPixels  = 64_000_000
	leastWidth  = 640 // what YouTube asks of thumbnails
	leastHeight = 360
)

// pictures are the formats of a chosen poster, by ffmpeg's names of demuxer and
// decoder.
var pictures = map[string]struct{ demuxer, decoder string }{
	"jpeg": {"jpeg_pipe", "mjpeg"},
	"png":  {"png_pipe", "png"},
}

// chosenFilter cuts a picture to the poster's shape around its middle, on white
// where it is transparent.
const chosenFilter = "[0:v]scale=%[1]d:%[2]d:force_original_aspect_ratio=increase,crop=%[1]d:%[2]d,setsar=1,format=rgba[p];" +
	"color=white:s=%[1]dx%[2]d[w];[w][p]overlay=shortest=1,scale=out_range=full:out_color_matrix=bt601,format=yuvj420p[poster]"

// PosterOf writes a JPEG of PosterWidth × PosterHeight to out from a picture that
// somebody chose, turned as its camera says. Nothing of the file itself is kept.
// What cannot be used is fault.Invalid on the field "poster".
func (t *Inspector) PosterOf(ctx context.Context, r io.Reader, out string) error {
	body, err := io.ReadAll(io.LimitReader(r, MaxPicture+1))
	if err != nil {
		return fmt.Errorf("read the picture: %w", err)
	}
	if len(body) > MaxPicture {
		return badPicture("video.picture.large", "Max", MaxPicture>>20)
	}
	size, format, err := image.DecodeConfig(bytes.NewReader(body)) // reads the header only
	how, known := pictures[format]
	switch {
	case err != nil || !known:
		return badPicture("video.picture.unknown")
	case size.Width > mostPixels/size.Height:
		return badPicture("video.picture.large", "Max", MaxPicture>>20)
	case min(size.Width, size.Height) < leastHeight || max(size.Width, size.Height) < leastWidth: // it may lie on its side
		return badPicture("video.picture.small", "Width", size.Width, "Height", size.Height)
	}
	var jpg bytes.Buffer
	_, err = t.run(ctx, task{
		tool: t.tools.FFmpeg, timeout: posterTimeout, stdin: bytes.NewReader(body), stdout: &jpg,
		args: []string{
			"-hide_banner", "-nostats", "-v", "error", "-xerror", "-err_detect", "explode", "-threads", "1",
			"-f", how.demuxer, "-protocol_whitelist", "pipe", "-codec_whitelist", how.decoder, "-max_pixels", strconv.Itoa(mostPixels), "-i", "pipe:0",
			"-filter_complex", fmt.Sprintf(chosenFilter, PosterWidth, PosterHeight), "-map", "[poster]",
			"-frames:v", "1", "-c:v", "mjpeg", "-q:v", "3", "-f", "image2pipe", "pipe:1",
		},
	})
	switch err := verdict(err); {
	case fault.Of(err) == fault.Invalid, err == nil && jpg.Len() == 0:
		return badPicture("video.picture.unknown")
	case err != nil:
		return fmt.Errorf("making a poster of a picture: %w", err)
	}
	return writePoster(out, jpg.Bytes())
}

// PosterAt writes a JPEG of PosterWidth × PosterHeight to out from the frame of a
// rendition at a moment. One that the video does not have is fault.Invalid on
// the field "moment".
func (t *Inspector) PosterAt(ctx context.Context, path string, at, length time.Duration, out string) error {
	if at < 0 || at > length {
		return fault.Fields{{Name: "moment", Message: fault.Msg("video.moment.beyond", "Length", clockOf(length))}}.Err()
	}
	p, err := t.again(ctx, path)
	if err != nil {
		return err
	}
	// The very last frame begins some time before the end.
	jpg, err := t.frame(ctx, path, p, max(0, min(at, length-time.Second)), time.Second, "")
	if err != nil {
		return fmt.Errorf("taking a poster frame at %v: %w", at, err)
	}
	return writePoster(out, jpg)
}

func writePoster(out string, jpg []byte) error {
	return atomically(out, func(temp string) error {
		if err := os.WriteFile(temp, jpg, 0o600); err != nil {
			return fmt.Errorf("writing the poster: %w", err)
		}
		return nil
	})
}

func badPicture(key string, pairs ...any) error {
	return fault.Fields{{Name: "poster", Message: fault.Msg(key, pairs...)}}.Err()
}

// momentForm are hours, minutes and seconds, the larger ones only if there are any.
var momentForm = regexp.MustCompile(`^\s*(?:(\d{1,2}):)??(?:(\d{1,3}):)?(\d{1,4})\s*$`)

// ParseMoment reads a moment of a video as people write it: 75, 1:15 or 1:01:15.
func ParseMoment(typed string) (time.Duration, bool) {
	m := momentForm.FindStringSubmatch(typed)
	if m == nil {
		return 0, false
	}
	var at time.Duration
	for _, digits := range m[1:] {
		n, _ := strconv.Atoi(digits) // at most four digits; none are zero
		at = at*60 + time.Duration(n)*time.Second
	}
	return at, true
}

// clockOf writes a moment as ParseMoment reads it.
func clockOf(d time.Duration) string {
	s := int(d / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
