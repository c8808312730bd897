// Package tryout is the rehearsal of a town hall: ten seconds that are really
// recorded and really sent, to know beforehand whether one is seen and heard
// well, and how long a video takes on this line.
//
// What is filmed is no testimony. It never reaches the vault, nobody but its
// sender learns anything of it, and the film is deleted as soon as it was looked
// at; one that a crash left behind goes at the next start, at the next try-out or
// in the next night. What was measured is kept for its sender, the last time
// only, and for a month at most. For the same reason the trail of acts, which
// staff read and which never forgets, says nothing of it.
//
// The room knows nothing of HTTP, pages or accounts: a person is the link that
// let them in.
package tryout

import (
	"time"

	"github.com/voci-in-comune/voci/internal/video"
)

// The limits of a film: ten seconds as the best phones record them (4K with 60
// frames takes 400 MB a minute; the page says to choose less), and time enough
// to say something.
const (
	MaxBytes  = 40 << 20
	MaxLength = 30 * time.Second
	MinLength = 3 * time.Second
)

// Result is what was measured in a person's last try-out.
type Result struct {
	ID            int64
	LinkID        int64
	At            time.Time
	Width, Height int // as shown
	FrameRate     float64

	LightMean, LightCentre, LightHigh int // 0 to 255, see video.Light

	HasSound bool
	Loudness float64 // LUFS; this and what follows see video.Sound
	Peak     float64 // dBTP
	Clipped  float64
	Floor    float64 // dB of full scale
	Low      float64

	Bytes      int64
	ReceivedMS int64 // how long the bytes took to arrive, by the portal's clock
	SentMS     int64 // how long the sender waited until they had; 0 if it did not say
}

// TableName names the table of try-outs.
func (Result) TableName() string { return "tryouts" }

// measured fills in what was seen and heard.
func (r *Result) measured(f video.Facts, i video.Impression) {
	r.Width, r.Height, r.FrameRate = f.Width, f.Height, f.FrameRate
	r.LightMean, r.LightCentre, r.LightHigh = i.Light.Mean, i.Light.Centre, i.Light.High
	r.Loudness, r.Peak, r.Floor = video.Nothing, video.Nothing, video.Nothing
	if s := i.Sound; s != nil {
		r.HasSound = true
		r.Loudness, r.Peak, r.Clipped, r.Floor, r.Low = s.Loudness, s.Peak, s.Clipped, s.Floor, s.Low
	}
}

// Verdict is what a measure means: Good, or what is wrong. It is the end of the
// keys of its sentences.
type Verdict string

// The verdicts.
const (
	Good Verdict = "good"

	Dark    Verdict = "dark"    // of the light
	Backlit Verdict = "backlit" // of the light: a bright background makes the face dark

	Silent  Verdict = "silent"  // of the sound
	Quiet   Verdict = "quiet"   // of the sound
	Clipped Verdict = "clipped" // of the sound: too loud for the microphone
	Rumble  Verdict = "rumble"  // of the sound: wind, or the hum of the mains
	Noisy   Verdict = "noisy"   // of the sound

	Portrait Verdict = "portrait" // of the picture
	Small    Verdict = "small"    // of the picture
	Choppy   Verdict = "choppy"   // of the picture: too few frames a second

	Fair   Verdict = "fair"   // of the line
	Slow   Verdict = "slow"   // of the line
	Unsure Verdict = "unsure" // of the line: too little came to measure it
)

const (
	// midGrey is how pictures show a grey that reflects 18 % of the light, which
	// exposure meters aim at: 0.18 in the curve of sRGB (IEC 61966-2-1), of 255.
	// Well lit faces lie around it, dark skin up to a stop and a half below.
	midGrey = 118
	// darkFace is two stops below midGrey (0.045 of the light). Nobody's face
	// looks like this in good light.
	darkFace = 60
	// bright is where screens show a window or a sky: two thirds of all the light.
	bright = 210

	// quiet is 12 LU below the target of EBU R 128, -23 LUFS. Players do not raise
	// a quiet video, and who turns it up by as much also hears every noise.
	quiet = -23 - 12
	// silent is the peak below which nobody hears anything, in dBTP.
	silent = -60
	// tooLoud: EBU R 128 allows a true peak of -1 dBTP. A single word that touches
	// it does no harm, so a thousandth of all samples (some twentieths of a
	// second of speech) must lie beyond it as well.
	tooLoud      = -1.0
	tooManyLoud  = 0.001
	rumblingLow  = 0.5 // more than half of the energy below 100 Hz: no voice has that
	heardRumble  = -50 // dB; a rumble below it is lost in the voice
	speechOver   = 15  // dB that speech must stand out of the noise by, as ASHA recommends for classrooms
	heardNoise   = -50 // dB of full scale; what is quieter disturbs nobody
	leastSide    = 480 // lines; less looks blurred on a television
	choppyFrames = 15  // a second: with fewer, lips cannot be read and movements jump
)

// Light judges how one is seen.
func (r *Result) Light() Verdict {
	switch {
	case r.LightCentre < (darkFace+midGrey)/2 && r.LightHigh >= bright:
		return Backlit
	case r.LightCentre < darkFace && r.LightMean < darkFace:
		return Dark
	}
	return Good
}

// Sound judges how one is heard.
func (r *Result) Sound() Verdict {
	switch {
	case !r.HasSound || r.Peak < silent:
		return Silent
	case r.Loudness < quiet:
		return Quiet
	case r.Peak > tooLoud && r.Clipped > tooManyLoud:
		return Clipped
	case r.Low > rumblingLow && r.Loudness > heardRumble:
		return Rumble
	case r.Floor > heardNoise && r.Loudness-r.Floor < speechOver:
		return Noisy
	}
	return Good
}

// Picture judges what the camera gives.
func (r *Result) Picture() Verdict {
	switch {
	case r.Height > r.Width:
		return Portrait
	case min(r.Width, r.Height) < leastSide:
		return Small
	case r.FrameRate < choppyFrames:
		return Choppy
	}
	return Good
}

// Line is how fast the film came.
type Line struct {
	Bytes int64
	Took  time.Duration
}

// Line is the slower of what the two clocks say. Both err upwards only: a proxy
// may have gathered the film before it handed it to the portal, and a device may
// not count what it keeps in store for sending.
func (r *Result) Line() Line {
	return Line{Bytes: r.Bytes, Took: time.Duration(max(r.ReceivedMS, r.SentMS, 1)) * time.Millisecond}
}

// sure is how long a film must have taken to tell a speed: TCP begins slowly
// (RFC 5681), and in a shorter time little but that is measured.
const sure = 2 * time.Second

// Sure tells whether Speed is the line's speed, or the least that it has.
func (l Line) Sure() bool { return l.Took >= sure }

// Speed is in bytes a second.
func (l Line) Speed() float64 { return float64(l.Bytes) / l.Took.Seconds() }

// Takes is how long so many bytes take on this line; if not Sure, at most.
func (l Line) Takes(bytes int64) time.Duration {
	return time.Duration(float64(bytes) / l.Speed() * float64(time.Second))
}

// ExampleLength is the length of the videos that Kinds speaks of: what the portal
// suggests to those who speak.
const ExampleLength = 3 * time.Minute

// Kind is a way to make a video of ExampleLength.
type Kind struct {
	Name  string // end of the key of its sentence
	Bytes int64
}

// Kinds are the usual ways, the smallest file first: what browsers record by
// themselves (2.5 Mbit/s of picture, 128 kbit/s of sound: W3C MediaStream
// Recording leaves it to them, Chromium and Firefox do so), and what telephones
// record in the format that everything plays (130 and 350 MB a minute, as the
// settings of iPhones say).
var Kinds = []Kind{
	{Name: "recorded", Bytes: 59_000_000},
	{Name: "phone", Bytes: 390_000_000},
	{Name: "phone4k", Bytes: 1_050_000_000},
}

// Line verdicts: a video that takes no longer to send than to watch is no
// trouble; one that takes five times as long is.
const fair = 5

// Judge says what the line is good for. A film that came in a moment says so of
// a good line only; otherwise it was too small to tell.
func (l Line) Judge() Verdict {
	switch took := l.Takes(Kinds[0].Bytes); {
	case took <= ExampleLength:
		return Good
	case !l.Sure():
		return Unsure
	case took <= fair*ExampleLength:
		return Fair
	}
	return Slow
}
