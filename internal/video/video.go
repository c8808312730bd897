// Package video looks at a file received from a stranger and says what it is,
// takes a poster frame from it, and makes the rendition that the portal plays.
//
// A file is hostile until probed. What protects the machine:
//
//   - the container is recognised by the file's first bytes; anything but
//     ISO base media (MP4, MOV) and Matroska (MKV, WebM) is refused before any
//     tool sees it, so a playlist is never opened as a playlist;
//   - ffprobe and ffmpeg run with that demuxer forced, with the protocols file
//     and pipe only, with the decoders of the accepted codecs only, and with
//     the external references of QuickTime (dref) off;
//   - they run in a process group of their own, below normal priority, with
//     limits on time, memory and the size of what they write, and they die with
//     the portal.
//
// Errors are of two sorts. A file that cannot be used is a *fault.Error of kind
// fault.Invalid, whose message says the remedy; asking again will not help: also
// one that takes a tool longer than any reasonable video does. Anything else (a
// tool that is missing or was killed, a full disk) is a plain error: the file may be good and the work is worth retrying.
//
// The package needs Linux (prlimit of util-linux, parent-death signals). It
// never knows about the database, HTTP, or who sent the file.
package video

import (
	"runtime"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
)

// Limits are what a file may at most be, and what looking at it may take. A
// zero field stands for its default.
type Limits struct {
	MaxDuration time.Duration // default 30 minutes
	MaxBytes    int64         // default 4 GiB
	MaxMemory   int64         // address space of one tool, in bytes; default 4 GiB
}

// maxPixels is the largest picture decoded: 8K, as the newest phones record.
const maxPixels = 8192 * 4320

func (l Limits) orDefaults() Limits {
	if l.MaxDuration <= 0 {
		l.MaxDuration = 30 * time.Minute
	}
	if l.MaxBytes <= 0 {
		l.MaxBytes = 4 << 30
	}
	if l.MaxMemory <= 0 {
		l.MaxMemory = 4 << 30
	}
	return l
}

// Inspector looks at files with the tools and within the limits it was given.
// It may be used by several goroutines at once.
type Inspector struct {
	tools   Tools
	limits  Limits
	threads int // of one tool; more only make it take more memory
}

// New makes an Inspector.
func New(tools Tools, limits Limits) *Inspector {
	return &Inspector{tools: tools, limits: limits.orDefaults(), threads: min(runtime.NumCPU(), 4)}
}

// Limits returns the limits in force, for the page that states them.
func (t *Inspector) Limits() Limits { return t.limits }

// Facts is what a usable file turned out to be.
type Facts struct {
	Container  string // mp4, mov, webm or matroska
	VideoCodec string // h264, hevc, vp8, vp9 or av1
	AudioCodec string // empty without sound

	// Width and Height are as shown: after rotation, with square pixels.
	Width, Height int
	Rotation      int // clockwise degrees that players turn the picture: 0, 90, 180 or 270

	Duration        time.Duration // of the longer of picture and sound, by the packets' timestamps
	PictureDuration time.Duration // of the picture alone
	FrameRate       float64       // frames a second, on average

	Bytes    int64
	SHA256   string // hex
	HasSound bool   // there is a track of sound; Warnings says if it is silent
	HDR      bool   // high dynamic range, as recent phones record

	Warnings []fault.Message // what the sender may want to know, though the file is usable
}
