package video

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
)

// probeTimeout is generous: reading a file's index takes well under a second.
const probeTimeout = 2 * time.Minute

// pictureCodecs are the accepted codecs of pictures. YouTube takes them all
// (https://support.google.com/youtube/troubleshooter/2888402).
var pictureCodecs = map[string]bool{"h264": true, "hevc": true, "vp8": true, "vp9": true, "av1": true}

// soundCodecs are the accepted codecs of sound, as phones, cameras and browsers
// record it.
var soundCodecs = map[string]bool{
	"aac": true, "mp3": true, "opus": true, "vorbis": true, "flac": true, "alac": true,
	"ac3": true, "eac3": true, "amr_nb": true, "amr_wb": true,
	"pcm_s16le": true, "pcm_s16be": true, "pcm_s24le": true, "pcm_s24be": true,
	"pcm_s32le": true, "pcm_f32le": true,
}

// decoders are all that ffmpeg may use on a stranger's file: the decoders of
// the accepted codecs, by ffmpeg's names. A decoder nobody needs is a way in.
const decoders = "h264,hevc,vp8,libvpx,vp9,libvpx-vp9,libdav1d,libaom-av1,av1," +
	"aac,mp3float,mp3,opus,libopus,vorbis,libvorbis,flac,alac,ac3,eac3,amrnb,amrwb," +
	"pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_f32le"

// companions are the decoders of what may lie beside picture and sound: covers
// and subtitles. ffprobe opens a decoder for each track and gives up at the
// first that is not allowed; ffmpeg, which opens only what we use, needs none.
const companions = ",mjpeg,png,bmp,mov_text,subrip,srt,ass,ssa,webvtt,text"

// codecNames are what people call the codecs that we do not read.
var codecNames = map[string]string{
	"prores": "ProRes", "dca": "DTS", "mp2": "MP2", "mpeg4": "MPEG-4 / DivX", "mjpeg": "Motion JPEG", "mpeg2video": "MPEG-2",
	"h263": "H.263", "dnxhd": "DNxHD", "vvc": "H.266", "theora": "Theora", "cinepak": "Cinepak",
}

// input is how every run names the file: forced demuxer, no protocol but files,
// no external references (dref) of QuickTime, known decoders, no giant picture.
// The last two settings of QuickTime are ffmpeg's defaults; they are stated
// because safety hangs on them.
func input(path string, c container, allowed string) ([]string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("finding the file: %w", err)
	}
	args := []string{
		"-f", c.demuxer, "-protocol_whitelist", "file,pipe", "-max_streams", "64",
		"-codec_whitelist", allowed, "-max_pixels", strconv.Itoa(maxPixels),
	}
	if c.demuxer == "mov" {
		args = append(args, "-enable_drefs", "0", "-use_absolute_path", "0")
	}
	return append(args, "-i", "file:"+abs), nil
}

// seconds is a number that ffprobe writes in quotes; it is 0 where it says none.
type seconds float64

// UnmarshalJSON implements json.Unmarshaler.
func (s *seconds) UnmarshalJSON(b []byte) error {
	*s = 0
	if v, ok := parseSeconds(strings.Trim(string(b), `"`)); ok {
		*s = seconds(v)
	}
	return nil
}

func parseSeconds(s string) (float64, bool) {
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}

type stream struct {
	Index         int     `json:"index"`
	Type          string  `json:"codec_type"`
	Codec         string  `json:"codec_name"`
	Width         int     `json:"width"`
	Height        int     `json:"height"`
	PixelAspect   string  `json:"sample_aspect_ratio"`
	ColorTransfer string  `json:"color_transfer"`
	Duration      seconds `json:"duration"`
	Disposition   struct {
		Cover int `json:"attached_pic"`
	} `json:"disposition"`
	SideData []struct {
		Rotation float64 `json:"rotation"` // counterclockwise
	} `json:"side_data_list"`
}

// rotation is the clockwise quarter turn in degrees that players apply.
func (s *stream) rotation() int {
	for _, d := range s.SideData {
		if d.Rotation != 0 {
			quarters := int(math.Round(-d.Rotation/90)) % 4
			return (quarters + 4) % 4 * 90
		}
	}
	return 0
}

// shown is the size of the picture as people see it.
func (s *stream) shown() (width, height int) {
	width, height = s.Width, s.Height
	a, b, ok := strings.Cut(s.PixelAspect, ":")
	num, err1 := strconv.Atoi(a)
	den, err2 := strconv.Atoi(b)
	// Beyond these the aspect is an accident, not a camera's.
	if ok && err1 == nil && err2 == nil && num > 0 && den > 0 && num <= 4*den && den <= 4*num {
		width = int(math.Round(float64(width) * float64(num) / float64(den)))
	}
	if s.rotation()%180 != 0 {
		width, height = height, width
	}
	return width, height
}

// hdr tells whether the picture uses the transfer functions PQ or HLG of
// ITU-R BT.2100.
func (s *stream) hdr() bool {
	return s.ColorTransfer == "smpte2084" || s.ColorTransfer == "arib-std-b67"
}

// probed is what a container says about itself.
type probed struct {
	container container
	layout    layout
	duration  float64 // seconds, 0 where the container says none
	picture   stream
	sound     *stream // nil without sound
}

// probe asks ffprobe what is in the file and refuses what we cannot read.
func (t *Inspector) probe(ctx context.Context, path string, c container) (probed, error) {
	p := probed{container: c}
	in, err := input(path, c, decoders+companions)
	if err != nil {
		return p, err
	}
	args := append([]string{"-v", "error", "-show_streams", "-show_format", "-of", "json"}, in...)
	out, err := t.output(ctx, t.tools.FFprobe, probeTimeout, 4<<20, args...)
	if err != nil {
		return p, notAllowed(verdict(err))
	}
	var said struct {
		Streams []stream `json:"streams"`
		Format  struct {
			Duration seconds `json:"duration"`
		} `json:"format"`
	}
	if err := json.Unmarshal(out, &said); err != nil {
		return p, fault.Wrap(fmt.Errorf("reading ffprobe's answer: %w", err), fault.Invalid, "video.damaged")
	}
	p.duration = float64(said.Format.Duration)
	return p, p.choose(said.Streams)
}

// choose takes the first track of pictures and the first readable one of sound.
func (p *probed) choose(streams []stream) error {
	var picture, sound, unreadable *stream
	for i := range streams {
		s := &streams[i]
		switch {
		case s.Type == "video" && s.Disposition.Cover == 0 && picture == nil:
			picture = s
		case s.Type == "audio" && soundCodecs[s.Codec] && sound == nil:
			sound = s
		case s.Type == "audio" && unreadable == nil:
			unreadable = s
		}
	}
	switch {
	case picture == nil && (sound != nil || unreadable != nil):
		return fault.New(fault.Invalid, "video.no_video_track")
	case picture == nil:
		return fault.New(fault.Invalid, "video.not_video")
	case !pictureCodecs[picture.Codec]:
		return fault.New(fault.Invalid, "video.codec", "Codec", codecName(picture.Codec))
	case picture.Width <= 0 || picture.Height <= 0:
		return fault.New(fault.Invalid, "video.damaged")
	case picture.Width*picture.Height > maxPixels:
		return fault.New(fault.Invalid, "video.too_wide", "Width", picture.Width, "Height", picture.Height)
	case sound == nil && unreadable != nil:
		return fault.New(fault.Invalid, "video.audio_codec", "Codec", codecName(unreadable.Codec))
	}
	p.picture, p.sound = *picture, sound
	return nil
}

// soundDecoders are the beginnings of the names of decoders of sound that we do
// not allow.
var soundDecoders = []string{"adpcm", "pcm", "dca", "truehd", "mlp", "wma", "mp1", "mp2", "qdm", "qcelp", "mace", "atrac", "ra_", "speex", "gsm", "ilbc"}

// notAllowed finds the decoder that ffprobe was not allowed to use, in words
// that ffmpeg has not changed in ten years, and names it.
func notAllowed(err error) error {
	e, ok := errors.AsType[*toolError](err)
	if !ok {
		return err
	}
	before, _, found := strings.Cut(e.stderr, ") not on whitelist")
	i := strings.LastIndex(before, "Codec (")
	if !found || i < 0 {
		return err
	}
	codec := before[i+len("Codec ("):]
	for _, s := range soundDecoders {
		if strings.HasPrefix(codec, s) {
			return fault.Wrap(err, fault.Invalid, "video.audio_codec", "Codec", codecName(codec))
		}
	}
	return fault.Wrap(err, fault.Invalid, "video.codec", "Codec", codecName(codec))
}

func codecName(codec string) string {
	if name, ok := codecNames[codec]; ok {
		return name
	}
	if codec == "" || codec == "none" || codec == "unknown" {
		return "?"
	}
	return strings.ToUpper(codec)
}
