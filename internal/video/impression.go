package video

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
)

// Impression is how a short film looks and sounds, in numbers. What is good and
// what is not is for others to say.
type Impression struct {
	Light Light
	Sound *Sound // nil without a track of sound
}

// Light is how bright the upright picture is, from 0 (black) to 255 (white).
type Light struct {
	Mean   int // of the whole picture
	Centre int // the median of the upper middle, where somebody who speaks has the face
	High   int // a tenth of the picture is at least as bright
}

// Sound is how loud and how clean the sound is. Levels are in dB of full scale,
// never less than Nothing.
type Sound struct {
	Loudness float64 // of what is said, without the pauses: LUFS of ITU-R BS.1770, as EBU R 128 uses it
	Peak     float64 // true peak, dBTP
	Clipped  float64 // part of the samples that are within 1 dB of full scale, 0 to 1
	Floor    float64 // level of the quietest tenth: what is left when nobody speaks
	Low      float64 // part of the energy that lies below lowHertz, 0 to 1
}

const (
	// Nothing is the level of silence, in dB.
	Nothing = -120.0
	// impressionMost is how much of a film is looked at.
	impressionMost    = 30 * time.Second
	impressionTimeout = 2 * time.Minute

	lightSide  = 48 // pixels: details do not matter
	lightRate  = 4  // frames a second
	soundEvery = soundHertz / 20

	// lowHertz is where voices end. The long-term spectrum of speech falls off
	// below it (Byrne et al., J. Acoust. Soc. Am. 96, 1994), while wind and the hum
	// of the mains have most of their energy there.
	lowHertz = 100.0
)

// Impression looks at and listens to the first half minute of a film that
// Inspect found usable.
func (t *Inspector) Impression(ctx context.Context, path string) (Impression, error) {
	var i Impression
	p, err := t.again(ctx, path)
	if err != nil {
		return i, err
	}
	if i.Light, err = t.light(ctx, path, p); err != nil {
		return i, fmt.Errorf("looking at the light: %w", err)
	}
	if p.sound == nil {
		return i, nil
	}
	if i.Sound, err = t.sound(ctx, path, p); err != nil {
		return i, fmt.Errorf("listening to the sound: %w", err)
	}
	return i, nil
}

// light has ffmpeg shrink the picture to a few grey pixels, and counts them.
func (t *Inspector) light(ctx context.Context, path string, p probed) (Light, error) {
	in, err := input(path, p.container, decoders)
	if err != nil {
		return Light{}, err
	}
	const frame = lightSide * lightSide
	most := int(impressionMost.Seconds()+1) * lightRate * frame
	args := append([]string{"-nostdin", "-hide_banner", "-nostats", "-v", "error"}, in...)
	grey, err := t.output(ctx, t.tools.FFmpeg, impressionTimeout, most, append(args,
		"-t", clock(impressionMost), "-map", "0:"+strconv.Itoa(p.picture.Index),
		// In the first second cameras are still finding their exposure.
		"-vf", fmt.Sprintf("trim=start=1,fps=%d,%sscale=%d:%d:flags=area:out_range=full,format=gray", lightRate, toneMap(p.picture), lightSide, lightSide),
		"-f", "rawvideo", "pipe:1")...)
	if err := verdict(err); err != nil {
		return Light{}, err
	}
	if len(grey) < frame {
		return Light{}, fault.New(fault.Invalid, "video.damaged")
	}
	var all, centre shades
	for i, v := range grey[:len(grey)/frame*frame] {
		all.add(v)
		if x, y := i%lightSide, i/lightSide%lightSide; x >= lightSide/3 && x < lightSide*2/3 && y >= lightSide/8 && y < lightSide*2/3 {
			centre.add(v)
		}
	}
	return Light{Mean: all.mean(), Centre: centre.below(0.5), High: all.below(0.9)}, nil
}

// shades counts pixels by their brightness.
type shades struct {
	count [256]int
	n     int
}

func (s *shades) add(v byte) {
	s.count[v]++
	s.n++
}

func (s *shades) mean() int {
	sum := 0
	for v, n := range s.count {
		sum += v * n
	}
	return sum / max(s.n, 1)
}

// below is the brightness that a part of the pixels does not exceed.
func (s *shades) below(part float64) int {
	seen := 0
	for v, n := range s.count {
		if seen += n; float64(seen) >= part*float64(s.n) {
			return v
		}
	}
	return len(s.count) - 1
}

// sound has ffmpeg measure the loudness, and counts in the samples themselves
// what no filter of it tells.
func (t *Inspector) sound(ctx context.Context, path string, p probed) (*Sound, error) {
	in, err := input(path, p.container, decoders)
	if err != nil {
		return nil, err
	}
	ear := newListener()
	args := append([]string{"-nostdin", "-hide_banner", "-nostats", "-v", "info"}, in...)
	said, err := t.run(ctx, task{
		tool: t.tools.FFmpeg, timeout: impressionTimeout, stdout: ear,
		args: append(args, "-t", clock(impressionMost), "-map", "0:"+strconv.Itoa(p.sound.Index),
			// Without the limit two channels that say the same add up beyond full scale.
			"-af", "ebur128=peak=true:framelog=verbose", "-rematrix_maxval", "1", "-ac", "1", "-ar", strconv.Itoa(soundHertz), "-f", "f32le", "pipe:1"),
	})
	if err := verdict(err); err != nil {
		return nil, err
	}
	_, summary, found := strings.Cut(said, "Summary:")
	if !found || ear.samples == 0 {
		return nil, fault.New(fault.Invalid, "video.damaged")
	}
	s := ear.heard()
	s.Loudness, s.Peak = level(summary, "I:"), level(summary, "Peak:")
	return &s, nil
}

// level reads a line such as "    I:         -23.0 LUFS" of ebur128's summary.
func level(summary, name string) float64 {
	_, after, found := strings.Cut(summary, " "+name)
	fields := strings.Fields(after)
	if !found || len(fields) == 0 {
		return Nothing
	}
	v, err := strconv.ParseFloat(fields[0], 64) // also "-inf"
	if err != nil || math.IsNaN(v) {
		return Nothing
	}
	return max(v, Nothing)
}

// listener hears single-channel samples of 32-bit floating point.
type listener struct {
	rest    []byte // of a sample that came in two parts
	low     [2]lowPass
	samples int
	loud    int // samples within 1 dB of full scale
	energy  float64
	deep    float64 // energy below lowHertz
	window  float64 // energy of the window under way
	levels  shades  // of windows, a dB each below full scale
}

func newListener() *listener {
	return &listener{low: [2]lowPass{newLowPass(lowHertz), newLowPass(lowHertz)}}
}

// Write implements io.Writer.
func (l *listener) Write(p []byte) (int, error) {
	taken := len(p)
	if len(l.rest) > 0 {
		p = append(l.rest, p...)
	}
	for ; len(p) >= 4; p = p[4:] {
		l.hear(float64(math.Float32frombits(binary.LittleEndian.Uint32(p))))
	}
	l.rest = append([]byte(nil), p...)
	return taken, nil
}

// nearFull is 1 dB below full scale.
var nearFull = math.Pow(10, -1.0/20)

func (l *listener) hear(v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		v = 0 // of a damaged stretch
	}
	deep := l.low[1].next(l.low[0].next(v))
	l.energy += v * v
	l.deep += deep * deep
	l.window += v * v
	if math.Abs(v) >= nearFull {
		l.loud++
	}
	if l.samples++; l.samples%soundEvery == 0 {
		l.levels.add(byte(min(-decibels(l.window/soundEvery), -Nothing)))
		l.window = 0
	}
}

func (l *listener) heard() Sound {
	s := Sound{Clipped: float64(l.loud) / float64(l.samples), Floor: Nothing}
	if l.energy > 0 {
		s.Low = min(l.deep/l.energy, 1)
	}
	if l.levels.n > 0 {
		s.Floor = -float64(l.levels.below(0.9)) // counted downwards: nine tenths are louder
	}
	return s
}

// decibels is the level of a mean energy, at most 0.
func decibels(energy float64) float64 {
	if energy <= 0 {
		return Nothing
	}
	return max(Nothing, min(10*math.Log10(energy), 0))
}

// lowPass is a Butterworth filter of second order (R. Bristow-Johnson, Audio EQ
// Cookbook); two of them in a row fall by 24 dB an octave.
type lowPass struct {
	b0, b1, b2, a1, a2 float64
	x1, x2, y1, y2     float64
}

func newLowPass(hertz float64) lowPass {
	w := 2 * math.Pi * hertz / soundHertz
	alpha := math.Sin(w) / math.Sqrt2
	a0 := 1 + alpha
	b := (1 - math.Cos(w)) / a0
	return lowPass{b0: b / 2, b1: b, b2: b / 2, a1: -2 * math.Cos(w) / a0, a2: (1 - alpha) / a0}
}

func (f *lowPass) next(x float64) float64 {
	y := f.b0*x + f.b1*f.x1 + f.b2*f.x2 - f.a1*f.y1 - f.a2*f.y2
	f.x2, f.x1, f.y2, f.y1 = f.x1, x, f.y1, y
	return y
}
