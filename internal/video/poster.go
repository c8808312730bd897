package video

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"strconv"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
)

// The poster's size is the one YouTube asks of thumbnails
// (https://support.google.com/youtube/answer/72431).
const (
	PosterWidth  = 1280
	PosterHeight = 720
)

const (
	posterTimeout = 2 * time.Minute
	posterMax     = 8 << 20 // bytes
	// posterWindow is how much of the video is looked at for each candidate.
	posterWindow = 4 * time.Second
)

// Poster writes a JPEG of PosterWidth × PosterHeight to out: a typical frame
// that is not black, on a blurred copy of itself where the video is not 16:9.
// The file appears whole or not at all.
func (t *Inspector) Poster(ctx context.Context, path string, facts Facts, out string) error {
	p, err := t.again(ctx, path)
	if err != nil {
		return err
	}
	var best []byte
	bestLight := -1.0
	for _, at := range moments(facts.PictureDuration) {
		candidate, err := t.frame(ctx, path, p, at, posterWindow, typical)
		if fault.Of(err) == fault.Invalid {
			continue // a damaged stretch; there may be a good one
		}
		if err != nil {
			return fmt.Errorf("taking a poster frame: %w", err)
		}
		light, err := brightness(candidate)
		if err != nil {
			continue // no frame came out at this moment
		}
		if light > bestLight {
			best, bestLight = candidate, light
		}
		if light >= visible {
			break
		}
	}
	if best == nil {
		return fault.New(fault.Invalid, "video.damaged")
	}
	return writePoster(out, best)
}

// again recognises and probes a file that was inspected before.
func (t *Inspector) again(ctx context.Context, path string) (probed, error) {
	f, size, err := open(path)
	if err != nil {
		return probed{}, err
	}
	defer f.Close()
	return t.recognise(ctx, f, path, size)
}

// moments are where to look for a poster, best first: not at the very start,
// where videos fade in or the speaker is still sitting down.
func moments(d time.Duration) []time.Duration {
	if d <= 2*posterWindow {
		return []time.Duration{d / 4, 0, d / 2, d * 3 / 4}
	}
	return []time.Duration{d / 5, d / 2, d * 4 / 5, 0}
}

// typical has ffmpeg choose the most typical frame of posterWindow.
var typical = fmt.Sprintf("fps=8,thumbnail=n=%d,", int(posterWindow.Seconds())*8)

// frame has ffmpeg choose a frame of the window that starts at at, the first
// without a filter that chooses, and returns it as a JPEG.
func (t *Inspector) frame(ctx context.Context, path string, p probed, at, window time.Duration, choose string) ([]byte, error) {
	in, err := input(path, p.container, decoders)
	if err != nil {
		return nil, err
	}
	args := []string{
		"-nostdin", "-hide_banner", "-nostats", "-v", "error", "-threads", strconv.Itoa(t.threads),
		"-ss", clock(at), "-t", clock(window),
	}
	args = append(args, in...)
	args = append(args,
		"-filter_complex", posterFilter(p.picture, choose), "-map", "[poster]",
		"-frames:v", "1", "-c:v", "mjpeg", "-q:v", "3", "-f", "image2pipe", "pipe:1")
	jpg, err := t.output(ctx, t.tools.FFmpeg, posterTimeout, posterMax, args...)
	return jpg, verdict(err)
}

// posterFilter scales before it chooses, so that the frames it keeps in memory
// are small whatever the video is.
func posterFilter(s stream, choose string) string {
	w, h := s.shown()
	fw, fh := fit(w, h, PosterWidth, PosterHeight, true)
	if fw*fh*100 >= PosterWidth*PosterHeight*98 {
		fw, fh = PosterWidth, PosterHeight // a hair's breadth off 16:9: nobody sees it
	}
	chain := fmt.Sprintf("[0:%d]scale=%d:%d,setsar=1,%s%sformat=yuv420p", s.Index, fw, fh, choose, toneMap(s))
	// JPEG knows one matrix, that of BT.601, in full range (ITU-T T.871).
	full := "scale=out_range=full:out_color_matrix=bt601,format=yuvj420p[poster]"
	if fw == PosterWidth && fh == PosterHeight {
		return chain + "," + full
	}
	return fmt.Sprintf("%[1]s,split[a][b];"+
		"[a]scale=%[2]d:%[3]d:force_original_aspect_ratio=increase,crop=%[2]d:%[3]d,gblur=sigma=40,eq=brightness=-0.12[back];"+
		"[back][b]overlay=(W-w)/2:(H-h)/2,%[4]s", chain, PosterWidth, PosterHeight, full)
}

// toneMap brings high dynamic range to what ordinary screens show; it is empty
// for ordinary pictures. The reference white of HDR is 203 cd/m² (ITU-R
// BT.2408); of ffmpeg's curves, mobius leaves all below it as it was filmed.
func toneMap(s stream) string {
	if !s.hdr() {
		return ""
	}
	// The input's characteristics are said again: some phones leave a part out.
	return fmt.Sprintf("zscale=tin=%s:min=bt2020nc:pin=bt2020:t=linear:npl=203,format=gbrpf32le,"+
		"zscale=p=bt709,tonemap=mobius:desat=0,zscale=t=bt709:m=bt709:r=tv,", s.ColorTransfer)
}

// fit is the largest even size within a box with the proportions of w × h;
// without grow it is never larger than w × h.
func fit(w, h, boxW, boxH int, grow bool) (int, int) {
	scale := min(float64(boxW)/float64(w), float64(boxH)/float64(h))
	if !grow {
		scale = min(scale, 1)
	}
	even := func(v, limit int) int {
		if !grow {
			limit = min(limit, v)
		}
		n := int(math.Round(float64(v)*scale/2)) * 2
		return max(2, min(n, limit&^1))
	}
	return even(w, boxW), even(h, boxH)
}

// clock writes a time as ffmpeg's options read it.
func clock(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', 3, 64)
}

// visible is the brightness above which a frame is worth showing.
const visible = 24.0

// brightness says how much there is to see in a picture: the mean of its luma
// (0 to 255) plus how much it varies, so that a face in the dark counts.
func brightness(jpg []byte) (float64, error) {
	img, err := jpeg.Decode(bytes.NewReader(jpg))
	if err != nil {
		return 0, fmt.Errorf("reading the poster frame: %w", err)
	}
	ycc, ok := img.(*image.YCbCr)
	if !ok {
		return 0, fmt.Errorf("reading the poster frame: a JPEG of %T", img)
	}
	var n, sum, squares float64
	for i := 0; i < len(ycc.Y); i += 7 {
		v := float64(ycc.Y[i])
		n++
		sum += v
		squares += v * v
	}
	mean := sum / n
	return mean + math.Sqrt(max(squares/n-mean*mean, 0)), nil
}
