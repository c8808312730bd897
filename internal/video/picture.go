package video

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	_ "image/png" // what people choose as a poster, besides JPEG
	"io"
	"os"

	"golang.org/x/image/draw"

	"github.com/voci-in-comune/voci/internal/fault"
)

const (
	// MaxPicture bounds the file of a poster, in bytes.
	MaxPicture = 20 << 20
	// mostPixels bounds what a picture unfolds to in memory: 100 megapixels.
	mostPixels    = 100_000_000
	leastWidth    = 640 // what YouTube asks of thumbnails
	leastHeight   = 360
	posterQuality = 88
)

// MakePoster writes a JPEG of PosterWidth × PosterHeight to out from a picture
// that somebody chose, cut to that shape around its middle. Nothing of the file
// itself is kept. What cannot be used is fault.Invalid on the field "poster".
func MakePoster(r io.Reader, out string) error {
	body, err := io.ReadAll(io.LimitReader(r, MaxPicture+1))
	if err != nil {
		return fmt.Errorf("read the picture: %w", err)
	}
	if len(body) > MaxPicture {
		return badPicture("video.picture.large", "Max", MaxPicture>>20)
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(body))
	switch {
	case err != nil:
		return badPicture("video.picture.unknown")
	case size.Width*size.Height > mostPixels:
		return badPicture("video.picture.large", "Max", MaxPicture>>20)
	case size.Width < leastWidth || size.Height < leastHeight:
		return badPicture("video.picture.small", "Width", size.Width, "Height", size.Height)
	}
	picture, _, err := image.Decode(bytes.NewReader(body))
	if err != nil {
		return badPicture("video.picture.unknown")
	}
	poster := image.NewRGBA(image.Rect(0, 0, PosterWidth, PosterHeight))
	draw.Draw(poster, poster.Bounds(), image.White, image.Point{}, draw.Src) // under what is transparent
	draw.CatmullRom.Scale(poster, poster.Bounds(), picture, middle(picture.Bounds()), draw.Over, nil)
	return atomically(out, func(temp string) error {
		f, err := os.OpenFile(temp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		if err := jpeg.Encode(f, poster, &jpeg.Options{Quality: posterQuality}); err != nil {
			_ = f.Close()
			return err
		}
		return f.Close()
	})
}

func badPicture(key string, pairs ...any) error {
	return fault.Fields{{Name: "poster", Message: fault.Msg(key, pairs...)}}.Err()
}

// middle is the largest part of b of the poster's shape.
func middle(b image.Rectangle) image.Rectangle {
	w, h := b.Dx(), b.Dy()
	if w*PosterHeight > h*PosterWidth {
		wide := h * PosterWidth / PosterHeight
		b.Min.X += (w - wide) / 2
		b.Max.X = b.Min.X + wide
		return b
	}
	high := w * PosterHeight / PosterWidth
	b.Min.Y += (h - high) / 2
	b.Max.Y = b.Min.Y + high
	return b
}
