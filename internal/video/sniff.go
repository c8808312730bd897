package video

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/voci-in-comune/voci/internal/fault"
)

// container is a kind of file that we read, by the demuxer that reads it.
type container struct {
	name    string // as in Facts
	demuxer string // of ffmpeg
}

// sniffed is how much of a file's beginning is looked at.
const sniffed = 4 << 10

// stillBrands are the ISO base media files that hold photographs and not
// videos (https://mp4ra.org/registered-types/brands).
var stillBrands = map[string]bool{
	"heic": true, "heix": true, "heim": true, "heis": true, "mif1": true,
	"avif": true, "crx ": true, "jp2 ": true, "jpx ": true,
}

// strangers are the files people send instead of a video, by what they begin
// with, and what they are told.
var strangers = []struct {
	offset int
	magic  string
	key    string
	name   string // of the format, where the sentence names it
}{
	{0, "\x89PNG\r\n\x1a\n", "video.image", ""},
	{0, "\xff\xd8\xff", "video.image", ""},
	{0, "GIF8", "video.image", ""},
	{0, "BM", "video.image", ""},
	{0, "II*\x00", "video.image", ""},
	{0, "MM\x00*", "video.image", ""},
	{8, "WEBP", "video.image", ""},
	{8, "WAVE", "video.audio", ""},
	{0, "ID3", "video.audio", ""},
	{0, "fLaC", "video.audio", ""},
	{0, "\xff\xfb", "video.audio", ""},
	{0, "\xff\xf1", "video.audio", ""},
	{0, "#!AMR", "video.audio", ""},
	{8, "AVI ", "video.container", "AVI"},
	{0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video.container", "WMV"},
	{0, "FLV", "video.container", "FLV"},
	{0, "OggS", "video.container", "Ogg"},
	{0, "\x00\x00\x01\xba", "video.container", "MPEG"},
	{0, "\x00\x00\x01\xb3", "video.container", "MPEG"},
	{4, "moov", "video.container", "QuickTime"},
	{4, "mdat", "video.container", "QuickTime"},
	{4, "wide", "video.container", "QuickTime"},
	{0, "PK\x03\x04", "video.archive", ""},
	{0, "PK\x05\x06", "video.archive", ""},
	{0, "Rar!", "video.archive", ""},
	{0, "7z\xbc\xaf\x27\x1c", "video.archive", ""},
	{0, "\x1f\x8b", "video.archive", ""},
	{0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "video.archive", ""},
}

// texts are the same for files of text, compared after blanks, in lower case.
var texts = []struct{ prefix, key string }{
	{"#extm3u", "video.playlist"},
	{"ffconcat", "video.playlist"},
	{"[playlist]", "video.playlist"},
	{"<smil", "video.playlist"},
	{"<mpd", "video.playlist"},
	{"<asx", "video.playlist"},
	{"<svg", "video.image"},
	{"<!doctype html", "video.web_page"},
	{"<html", "video.web_page"},
	{"%pdf-", "video.pdf"},
}

// sniff recognises the container by the first bytes, and refuses the rest with
// a sentence about what the file is.
func sniff(r io.ReaderAt, size int64) (container, error) {
	if size == 0 {
		return container{}, fault.New(fault.Invalid, "video.empty")
	}
	head := make([]byte, min(sniffed, size))
	if _, err := r.ReadAt(head, 0); err != nil {
		return container{}, fmt.Errorf("reading the file's beginning: %w", err)
	}
	at := func(offset int, magic string) bool {
		return len(head) >= offset+len(magic) && string(head[offset:offset+len(magic)]) == magic
	}
	if at(4, "ftyp") && len(head) >= 12 {
		switch brand := string(head[8:12]); {
		case stillBrands[brand]:
			return container{}, fault.New(fault.Invalid, "video.image")
		case brand == "qt  ":
			return container{name: "mov", demuxer: "mov"}, nil
		default:
			return container{name: "mp4", demuxer: "mov"}, nil
		}
	}
	if at(0, "\x1a\x45\xdf\xa3") { // EBML, https://www.rfc-editor.org/rfc/rfc8794
		if bytes.Contains(head[:min(64, len(head))], []byte("webm")) {
			return container{name: "webm", demuxer: "matroska"}, nil
		}
		return container{name: "matroska", demuxer: "matroska"}, nil
	}
	for _, s := range strangers {
		if at(s.offset, s.magic) {
			return container{}, fault.New(fault.Invalid, s.key, "Name", s.name)
		}
	}
	if at(0, "G") && at(188, "G") && at(376, "G") { // packets of 188 bytes, each with its sync byte
		return container{}, fault.New(fault.Invalid, "video.container", "Name", "MPEG-TS")
	}
	text := strings.ToLower(string(head))
	text = strings.TrimLeft(strings.TrimPrefix(text, "\ufeff"), " \t\r\n\x00")
	if strings.HasPrefix(text, "<?xml") {
		if _, rest, ok := strings.Cut(text, "?>"); ok {
			text = strings.TrimLeft(rest, " \t\r\n")
		}
	}
	for _, s := range texts {
		if strings.HasPrefix(text, s.prefix) {
			return container{}, fault.New(fault.Invalid, s.key)
		}
	}
	return container{}, fault.New(fault.Invalid, "video.not_video")
}
