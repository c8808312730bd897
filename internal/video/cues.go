package video

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/voci-in-comune/voci/internal/fault"
)

// What captions are read easily at: at most two lines of 42 characters, and 21
// characters a second, as the BBC and Netflix ask of theirs.
const (
	mostLines    = 2
	longestLine  = 42
	fastestWords = 21
)

const vttHeader = "WEBVTT"

// Cue is one caption: words that are shown from a moment to another.
type Cue struct {
	Start, End time.Duration
	words      string // as WebVTT wants them
}

// Cues are captions in the order of their file.
type Cues []Cue

// Text is what a cue says as people write it: with <i>, <b> and <u>, without
// other signs of WebVTT. Read again it gives the same cue.
func (c Cue) Text() string {
	text := html.UnescapeString(c.words)
	if strings.Contains(text, "-->") || wordsOf(strings.Split(text, "\n")) != c.words {
		return c.words // words that look like a sign
	}
	return text
}

// plain is what a cue says, without any sign.
func (c Cue) plain() string { return html.UnescapeString(cueTag.ReplaceAllString(c.words, "")) }

// say replaces what a cue says.
func (c *Cue) say(text string) { c.words = wordsOf(strings.Split(text, "\n")) }

// ProblemKind is what is the matter with a cue.
type ProblemKind string

// The problems. The first four are errors: players could not show the cue.
const (
	CueBackwards ProblemKind = "backwards" // it ends before it begins
	CueOrder     ProblemKind = "order"     // it begins before the one above
	CueOverlap   ProblemKind = "overlap"   // it begins before the one above ends
	CueBeyond    ProblemKind = "beyond"    // it outlasts the video
	CueSilent    ProblemKind = "silent"    // it says nothing
	CueInvented  ProblemKind = "invented"  // a machine heard what nobody said
	CueFast      ProblemKind = "fast"      // nobody can read it in that time
	CueLong      ProblemKind = "long"      // its lines are too long
	CueTall      ProblemKind = "tall"      // it has too many lines
)

// Problem is what is the matter with the cue at an index.
type Problem struct {
	Cue     int
	Kind    ProblemKind
	Error   bool // captions with it cannot be published
	Message fault.Message
}

// Problems lists what is the matter with captions of a video of a length (zero
// if that is not known), in the order of the cues.
func (cs Cues) Problems(length time.Duration) (all []Problem) {
	var before Cue
	for i, c := range cs {
		note := func(kind ProblemKind, pairs ...any) {
			isError := kind == CueBackwards || kind == CueOrder || kind == CueOverlap || kind == CueBeyond
			all = append(all, Problem{Cue: i, Kind: kind, Error: isError, Message: fault.Msg("captions.problem."+string(kind), pairs...)})
		}
		if c.words == "" {
			note(CueSilent)
			continue // it is left out
		}
		switch {
		case c.End <= c.Start:
			note(CueBackwards)
		case c.Start < before.Start:
			note(CueOrder)
		case c.Start < before.End:
			note(CueOverlap, "At", Clock(before.End))
		}
		if length > 0 && c.End > length+captionSlack {
			note(CueBeyond, "Length", Clock(length))
		}
		c.style(note)
		before = c
	}
	return all
}

// style notes what makes a cue hard to read.
func (c Cue) style(note func(ProblemKind, ...any)) {
	plain := c.plain()
	if invented(plain) {
		note(CueInvented)
	}
	if n := utf8.RuneCountInString(plain); c.End > c.Start && float64(n) > fastestWords*(c.End-c.Start).Seconds() {
		note(CueFast, "Speed", int(float64(n)/(c.End-c.Start).Seconds()+0.5), "Max", fastestWords)
	}
	lines := strings.Split(plain, "\n")
	if len(lines) > mostLines {
		note(CueTall, "Max", mostLines)
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > longestLine {
			note(CueLong, "Max", longestLine)
			break
		}
	}
}

// inventions are what programs that were trained on films hear in silence and
// music: thanks to whoever captioned them.
var inventions = regexp.MustCompile(`(?i)amara\.org|\bqtss\b|` +
	`^\W*(?:sottotitoli|revisione)(?: (?:e|di|creati|a cura|revisione|dalla|della|traduzione)\b)+|` +
	`^\W*sous-titr(?:es|age)(?: (?:réalisée?s?|créés?|par|de|fait|effectué|st|pour)\b|\s*:)|` +
	`^\W*(?:subtitles|captions|subtitled|captioned|transcribed|transcription|translated)(?: (?:created|made|provided|and))* by\b|` +
	`^\W*(?:grazie (?:per|a tutti per) (?:aver guardato|la visione|l['’]attenzione e iscri)|iscrivetevi al (?:nostro )?canale|` +
	`thanks for watching|thank you for watching|please subscribe|merci d['’]avoir regardé|abonnez-vous)`)

func invented(plain string) bool {
	return inventions.MatchString(strings.Join(strings.Fields(plain), " "))
}

// Captions are the cues as they are published, without those that say nothing.
// The first error among them is fault.Invalid on the field "captions".
func (cs Cues) Captions(length time.Duration) (Captions, error) {
	for _, p := range cs.Problems(length) {
		if p.Error {
			c := cs[p.Cue]
			at := c.Start
			if p.Kind == CueBeyond {
				at = c.End
			}
			return Captions{}, badCaptions("video.captions."+string(p.Kind), "Cue", p.Cue+1, "At", vttTime(at), "Length", vttTime(length))
		}
	}
	said := cs.spoken()
	if len(said) == 0 {
		return Captions{}, badCaptions("video.captions.empty")
	}
	text := said.write(func(c Cue) string { return c.words })
	sum := sha256.Sum256([]byte(text))
	return Captions{VTT: text, SHA256: hex.EncodeToString(sum[:]), Cues: len(said)}, nil
}

// Draft is WebVTT that people can edit and that may have errors.
func (cs Cues) Draft() string { return cs.write(Cue.Text) }

func (cs Cues) write(words func(Cue) string) string {
	var b strings.Builder
	b.WriteString(vttHeader + "\n")
	for _, c := range cs {
		fmt.Fprintf(&b, "\n%s --> %s\n", vttTime(c.Start), vttTime(c.End))
		if c.words != "" {
			b.WriteString(words(c) + "\n")
		}
	}
	return b.String()
}

// SubRip is the captions as SubRip, which older programs read.
func (cs Cues) SubRip() string {
	var b strings.Builder
	for i, c := range cs {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%d\n%s --> %s\n%s\n", i+1, srtTime(c.Start), srtTime(c.End), c.Text())
	}
	return b.String()
}

// Rewrapped has the lines of all cues of more than two lines, or of too long
// ones, broken anew, at the place that makes them most alike. What does not fit
// two lines keeps its words: it must be split by somebody who knows where.
func (cs Cues) Rewrapped() Cues {
	made := make(Cues, len(cs))
	for i, c := range cs {
		made[i] = c
		wants := false
		c.style(func(kind ProblemKind, _ ...any) { wants = wants || kind == CueLong || kind == CueTall })
		if wants {
			made[i].say(rewrap(c.Text()))
		}
	}
	return made
}

// rewrap breaks a text into as few lines as it needs.
func rewrap(text string) string {
	words := strings.Fields(text)
	width := func(words []string) int {
		return utf8.RuneCountInString(cueTag.ReplaceAllString(strings.Join(words, " "), ""))
	}
	if width(words) <= longestLine {
		return strings.Join(words, " ")
	}
	best, at := 0, 0
	for i := 1; i < len(words); i++ {
		if w := max(width(words[:i]), width(words[i:])); at == 0 || w < best {
			best, at = w, i
		}
	}
	if at == 0 {
		return text // one word
	}
	return strings.Join(words[:at], " ") + "\n" + strings.Join(words[at:], " ")
}

// Untangled has each cue that is still shown when the next begins end there.
func (cs Cues) Untangled() Cues {
	made := append(Cues(nil), cs...)
	for i := 0; i+1 < len(made); i++ {
		if next := made[i+1].Start; made[i].End > next && made[i].Start < next {
			made[i].End = next
		}
	}
	return made
}

// Cleaned is without what a machine invented.
func (cs Cues) Cleaned() Cues {
	var left Cues
	for _, c := range cs {
		if !invented(c.plain()) {
			left = append(left, c)
		}
	}
	return left
}

// Has tells whether one of the cues has a problem.
func Has(problems []Problem, kind ProblemKind) bool {
	for _, p := range problems {
		if p.Kind == kind {
			return true
		}
	}
	return false
}

// Clock is a moment of a video as people write it, to the tenth of a second
// where that matters: 1:02.5.
func Clock(d time.Duration) string {
	tenths := d.Round(100*time.Millisecond).Milliseconds() / 100
	text := fmt.Sprintf("%d:%02d", tenths/600, tenths/10%60)
	if tenths%10 != 0 {
		text += fmt.Sprintf(".%d", tenths%10)
	}
	return text
}

// CaptionFile turns the text of captions into a file of a format: vtt or srt. It
// returns fault.NotFound for no text, or another format, and fault.Conflict for a
// draft that cannot be read.
func CaptionFile(text, format string) (body []byte, kind string, err error) {
	switch {
	case text != "" && format == "vtt":
		return []byte(text), "text/vtt; charset=utf-8", nil
	case text == "" || format != "srt":
		return nil, "", fault.New(fault.NotFound, "testimony.caption.unknown")
	}
	cues, err := ParseCues(text)
	if err != nil {
		return nil, "", fault.Wrap(err, fault.Conflict, "captions.broken")
	}
	return []byte(cues.SubRip()), "application/x-subrip; charset=utf-8", nil
}

func srtTime(d time.Duration) string { return strings.Replace(vttTime(d), ".", ",", 1) }

const (
	// pause is the silence after which somebody who tells begins a new thought.
	pause = 2 * time.Second
	// wholeParagraph is the length, in characters, after which a paragraph ends with
	// its sentence.
	wholeParagraph = 350
)

// Paragraph is a part of what is said, without signs, from a moment on.
type Paragraph struct {
	Start time.Duration
	Text  string
}

// Paragraphs joins the cues to a text for reading.
func (cs Cues) Paragraphs() (all []Paragraph) {
	var end time.Duration
	for _, c := range cs {
		said := strings.Join(strings.Fields(c.plain()), " ")
		if said == "" {
			continue
		}
		switch last := len(all) - 1; {
		case last < 0, c.Start-end >= pause, len(all[last].Text) >= wholeParagraph && ends(all[last].Text):
			all = append(all, Paragraph{Start: c.Start, Text: said})
		default:
			all[last].Text += " " + said
		}
		end = c.End
	}
	return all
}

// ends tells whether a text ends with a sentence.
func ends(text string) bool {
	return strings.ContainsAny(text[max(0, len(text)-4):], ".!?…")
}
