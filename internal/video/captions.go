package video

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	utf16 "golang.org/x/text/encoding/unicode"

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
// "captions", with the line or the cue that is wrong: words are never dropped
// in silence.
func ReadCaptions(r io.Reader, length time.Duration) (Captions, error) {
	cues, err := ReadCues(r)
	if err != nil {
		return Captions{}, err
	}
	return cues.Captions(length)
}

// ReadCues reads a file of WebVTT or SubRip whose times may be wrong. What is no
// such file at all is fault.Invalid on the field "captions".
func ReadCues(r io.Reader) (Cues, error) {
	text, err := ReadText(r)
	if err != nil {
		return nil, err
	}
	return ParseCues(text)
}

// ReadText reads a file of text that may be captions. What is too large, empty
// or no text is fault.Invalid on the field "captions".
func ReadText(r io.Reader) (string, error) {
	file, err := io.ReadAll(io.LimitReader(r, MaxCaptions+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read the captions: %w", err)
	case len(file) > MaxCaptions:
		return "", badCaptions("video.captions.large", "Max", MaxCaptions>>20)
	case len(bytes.TrimSpace(file)) == 0:
		return "", badCaptions("video.captions.empty")
	}
	text, ok := decode(file)
	if !ok {
		return "", badCaptions("video.captions.unknown")
	}
	return text, nil
}

// ParseCues reads the text of WebVTT or SubRip. Its error is fault.Invalid on
// the field "captions".
func ParseCues(text string) (Cues, error) {
	if strings.TrimSpace(strings.TrimPrefix(text, vttHeader)) == "" {
		return nil, badCaptions("video.captions.empty")
	}
	if !strings.Contains(text, "-->") {
		return nil, badCaptions("video.captions.unknown")
	}
	return readCues(text)
}

func badCaptions(key string, pairs ...any) error {
	return fault.Fields{{Name: "captions", Message: fault.Msg(key, pairs...)}}.Err()
}

// decode gives the text of a file with one kind of line end: UTF-8, what
// Windows calls Unicode (UTF-16 with its mark), or else Windows-1252, which
// older programs write.
func decode(file []byte) (text string, ok bool) {
	var err error
	switch {
	case bytes.HasPrefix(file, []byte("\xff\xfe")), bytes.HasPrefix(file, []byte("\xfe\xff")):
		file, err = utf16.UTF16(utf16.LittleEndian, utf16.ExpectBOM).NewDecoder().Bytes(file)
	case !utf8.Valid(file):
		file, err = charmap.Windows1252.NewDecoder().Bytes(file)
	}
	text = strings.TrimPrefix(string(file), "\ufeff")
	if err != nil || strings.ContainsAny(text, "\x00\ufffd") {
		return "", false
	}
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), true
}

// cueTimes is the line above a cue's words: https://www.w3.org/TR/webvtt1/#webvtt-cue-timings
// and, with commas, SubRip's. What follows are positions.
var cueTimes = regexp.MustCompile(`^\s*(?:(\d{1,3}):)?([0-5]?\d):([0-5]\d)[.,](\d{1,3})\s*-->\s*(?:(\d{1,3}):)?([0-5]?\d):([0-5]\d)[.,](\d{1,3})(?:\s.*)?$`)

func timesOf(line string) (start, end time.Duration, ok bool) {
	m := cueTimes.FindStringSubmatch(line)
	if m == nil {
		return 0, 0, false
	}
	at := func(hours, minutes, seconds, thousandths string) time.Duration {
		n := func(digits string) time.Duration {
			v, _ := strconv.Atoi(digits) // at most three digits; none are zero
			return time.Duration(v)
		}
		return n(hours)*time.Hour + n(minutes)*time.Minute + n(seconds)*time.Second + n((thousandths + "00")[:3])*time.Millisecond
	}
	return at(m[1], m[2], m[3], m[4]), at(m[5], m[6], m[7], m[8]), true
}

// aside tells whether a block of WebVTT is about other things than words:
// https://www.w3.org/TR/webvtt1/#file-structure
func aside(block []string) bool {
	name, _, _ := strings.Cut(strings.ReplaceAll(block[0], "\t", " "), " ")
	return slices.Contains([]string{"NOTE", "STYLE", "REGION"}, name) && (len(block) == 1 || !strings.Contains(block[1], "-->"))
}

// readCues reads blocks of lines with empty ones between them: a name or number
// that may be missing, the times, the words.
func readCues(text string) (cues Cues, err error) {
	lines := strings.Split(text, "\n")
	header := strings.HasPrefix(lines[0], "WEBVTT")
	for at := 0; at < len(lines); {
		if strings.TrimSpace(lines[at]) == "" {
			at++
			continue
		}
		block := lines[at:]
		if end := slices.IndexFunc(block, func(l string) bool { return strings.TrimSpace(l) == "" }); end >= 0 {
			block = block[:end]
		}
		first := at
		at += len(block)
		switch {
		case header && first == 0:
			block = block[1:]
			if times := slices.IndexFunc(block, func(l string) bool { return strings.Contains(l, "-->") }); times < 0 {
				continue // only what the header says of itself
			} else if times > 0 {
				block = block[times-1:]
			}
			first = at - len(block)
		case header && aside(block):
			continue
		}
		found, wrong := readBlock(block)
		if wrong >= 0 {
			return nil, badCaptions("video.captions.times", "Line", first+wrong+1)
		}
		cues = append(cues, found...)
	}
	return cues, nil
}

// readBlock reads a cue, or several of a file that forgot the empty lines
// between them. wrong is the line without times that should have some, or -1.
func readBlock(block []string) (cues Cues, wrong int) {
	var said [][]string // the lines of each cue
	times := 0
	if !strings.Contains(block[0], "-->") && len(block) > 1 {
		times = 1 // below a name or number
	}
	for i, line := range block[times:] {
		start, end, ok := timesOf(line)
		switch {
		case ok && i > 0:
			last := &said[len(said)-1]
			if n := len(*last); n > 0 && strings.Trim((*last)[n-1], "0123456789 \t") == "" {
				*last = (*last)[:n-1] // the number of this one
			}
			fallthrough
		case ok:
			cues, said = append(cues, Cue{Start: start, End: end}), append(said, nil)
		case i == 0:
			return nil, times
		default:
			said[len(said)-1] = append(said[len(said)-1], line)
		}
	}
	for i, lines := range said {
		cues[i].words = wordsOf(lines)
	}
	return cues, -1
}

// cueTag is what may be a tag in a cue's words: italic, bold and underlined
// stay, a speaker's name becomes words, the other tags of WebVTT and SubRip
// (classes, languages, ruby, fonts, times, positions) go. Anything else is not a
// tag but words.
var cueTag = regexp.MustCompile(`(?i)<(/?)([biu])(?:[.\s][^<>]*)?>|<v(?:\.[^<>\s]*)?\s+([^<>]*)>|</?(?:[cv]|lang|ruby|rt|font)(?:[.\s][^<>]*)?>|<[\d:.]{5,}>|\{\\an?\d+\}`)

var vttEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// wordsOf are the words of a cue, as WebVTT wants them.
func wordsOf(lines []string) string {
	raw := strings.Join(lines, "\n")
	var b strings.Builder
	var open []string
	said := func(s string) {
		b.WriteString(vttEscape.Replace(strings.Map(printable, html.UnescapeString(s))))
	}
	part := func(from, to int) string {
		if from < 0 {
			return ""
		}
		return raw[from:to]
	}
	from := 0
	for _, m := range cueTag.FindAllStringSubmatchIndex(raw, -1) {
		said(raw[from:m[0]])
		from = m[1]
		name := strings.ToLower(part(m[4], m[5]))
		switch closing := part(m[2], m[3]) != ""; {
		case m[6] >= 0:
			said(strings.TrimSpace(part(m[6], m[7])) + ": ")
		case name == "":
		case !closing:
			open = append(open, name)
			b.WriteString("<" + name + ">")
		case len(open) > 0 && open[len(open)-1] == name:
			open = open[:len(open)-1]
			b.WriteString("</" + name + ">")
		}
	}
	said(raw[from:])
	for _, name := range slices.Backward(open) {
		b.WriteString("</" + name + ">")
	}
	var words []string
	for line := range strings.Lines(b.String()) {
		if line = strings.TrimSpace(line); line != "" {
			words = append(words, line)
		}
	}
	if strings.TrimSpace(cueTag.ReplaceAllString(strings.Join(words, ""), "")) == "" {
		return "" // nothing but tags
	}
	return strings.Join(words, "\n")
}

func printable(r rune) rune {
	if unicode.IsControl(r) && r != '\n' {
		return ' '
	}
	return r
}

// vttTime is a time as WebVTT writes it. https://www.w3.org/TR/webvtt1/#webvtt-timestamp
func vttTime(d time.Duration) string {
	ms := d.Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}
