package video

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/asticode/go-astisub"
	"golang.org/x/text/encoding/charmap"

	"github.com/voci-in-comune/voci/internal/fault"
)

const (
	// MaxCaptions bounds a file of captions, in bytes: half an hour of speech has
	// some 30 kB.
	MaxCaptions = 1 << 20
	// captionSlack is by how much the last words may outlast the video.
	captionSlack = 2 * time.Second
)

// Captions are the words of a video, as WebVTT without styles and positions.
type Captions struct {
	VTT    string
	SHA256 string // of VTT
	Cues   int
}

// ReadCaptions reads a file of WebVTT or SubRip for a video of a length (zero if
// that is not known). What cannot be used is fault.Invalid on the field
// "captions", with the cue that is wrong.
func ReadCaptions(r io.Reader, length time.Duration) (Captions, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxCaptions+1))
	switch {
	case err != nil:
		return Captions{}, fmt.Errorf("read the captions: %w", err)
	case len(text) > MaxCaptions:
		return Captions{}, badCaptions("video.captions.large", "Max", MaxCaptions>>20)
	case len(bytes.TrimSpace(text)) == 0:
		return Captions{}, badCaptions("video.captions.empty")
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(text) {
		// What older programs for Windows write.
		if text, err = charmap.Windows1252.NewDecoder().Bytes(text); err != nil {
			return Captions{}, badCaptions("video.captions.unknown")
		}
	}
	if bytes.ContainsRune(text, 0) {
		return Captions{}, badCaptions("video.captions.unknown")
	}
	read := astisub.ReadFromSRT
	if bytes.HasPrefix(text, []byte("WEBVTT")) {
		read = astisub.ReadFromWebVTT
	}
	all, err := read(bytes.NewReader(text))
	if err != nil || len(all.Items) == 0 {
		return Captions{}, badCaptions("video.captions.unknown")
	}
	return writeCaptions(all, length)
}

func badCaptions(key string, pairs ...any) error {
	return fault.Fields{{Name: "captions", Message: fault.Msg(key, pairs...)}}.Err()
}

func writeCaptions(all *astisub.Subtitles, length time.Duration) (Captions, error) {
	var b strings.Builder
	b.WriteString("WEBVTT\n")
	cues, last := 0, time.Duration(0)
	for i, item := range all.Items {
		words := wordsOf(item)
		if words == "" {
			continue
		}
		switch {
		case item.EndAt <= item.StartAt:
			return Captions{}, badCaptions("video.captions.backwards", "Cue", i+1, "At", vttTime(item.StartAt))
		case item.StartAt < last:
			return Captions{}, badCaptions("video.captions.order", "Cue", i+1, "At", vttTime(item.StartAt))
		case length > 0 && item.EndAt > length+captionSlack:
			return Captions{}, badCaptions("video.captions.beyond", "Cue", i+1, "At", vttTime(item.EndAt), "Length", vttTime(length))
		}
		last = item.StartAt
		fmt.Fprintf(&b, "\n%s --> %s\n%s\n", vttTime(item.StartAt), vttTime(item.EndAt), words)
		cues++
	}
	if cues == 0 {
		return Captions{}, badCaptions("video.captions.empty")
	}
	sum := sha256.Sum256([]byte(b.String()))
	return Captions{VTT: b.String(), SHA256: hex.EncodeToString(sum[:]), Cues: cues}, nil
}

// wordsOf is the text of a cue, as WebVTT wants it.
func wordsOf(item *astisub.Item) string {
	var lines []string
	for _, line := range item.Lines {
		text := strings.TrimSpace(line.String())
		if text != "" {
			lines = append(lines, strings.ReplaceAll(html.EscapeString(html.UnescapeString(text)), "--&gt;", "&#45;&#45;&gt;"))
		}
	}
	return strings.Join(lines, "\n")
}

// vttTime is a time as WebVTT writes it. https://www.w3.org/TR/webvtt1/#webvtt-timestamp
func vttTime(d time.Duration) string {
	ms := d.Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}
