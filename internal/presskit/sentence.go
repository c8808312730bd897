package presskit

import (
	"crypto/sha256"
	"encoding/hex"
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/voci-in-comune/voci/internal/testimony"
)

const (
	shortestSentence = 15  // characters: less says nothing
	longestSentence  = 240 // characters: more is not read on a card
	mostSentences    = 80
)

// Source is where a sentence was said.
type Source string

// The sources.
const (
	FromTitle       Source = "title"
	FromDescription Source = "description"
	FromCaptions    Source = "captions" // said in the video: a quotation
)

// Sentence is one that a card may show: words of the testimony, never others.
type Sentence struct {
	ID     string // stays the same as long as the words do
	Text   string
	Source Source
}

// Sentences are what a card of a testimony may say, the title first. vtt are its
// captions in its own language, empty without.
func Sentences(t *testimony.Testimony, vtt string) []Sentence {
	all := []Sentence{sentence(t.Title, FromTitle)}
	add := func(text string, from Source) {
		for _, s := range split(text) {
			one := sentence(s, from)
			if len(all) < mostSentences && !slices.ContainsFunc(all, func(o Sentence) bool { return o.ID == one.ID }) {
				all = append(all, one)
			}
		}
	}
	add(t.Description, FromDescription)
	add(wordsOf(vtt), FromCaptions)
	return all
}

// Choose returns the sentence with an id; the first if there is none.
func Choose(all []Sentence, id string) Sentence {
	for _, s := range all {
		if s.ID == id {
			return s
		}
	}
	return all[0]
}

func sentence(text string, from Source) Sentence {
	sum := sha256.Sum256([]byte(text))
	return Sentence{ID: hex.EncodeToString(sum[:4]), Text: text, Source: from}
}

// split cuts a text after its full stops, question and exclamation marks, and at
// its line ends, and leaves out what is too short or too long.
func split(text string) []string {
	var found []string
	keep := func(s string) {
		s = strings.Join(strings.Fields(s), " ")
		if n := utf8.RuneCountInString(s); n >= shortestSentence && n <= longestSentence {
			found = append(found, s)
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		runes, from := []rune(line), 0
		for i, r := range runes {
			ends := strings.ContainsRune(".!?…", r) && i+1 < len(runes) && unicode.IsSpace(runes[i+1]) && begins(runes[i+1:]) && !initial(runes[:i])
			if ends {
				keep(string(runes[from : i+1]))
				from = i + 1
			}
		}
		keep(string(runes[from:]))
	}
	return found
}

// initial tells whether a text ends with a letter on its own, as in "S. Giorgio".
func initial(before []rune) bool {
	n := len(before)
	return n > 0 && unicode.IsLetter(before[n-1]) && (n == 1 || !unicode.IsLetter(before[n-2]) && !unicode.IsDigit(before[n-2]))
}

// begins tells whether a sentence may begin here.
func begins(rest []rune) bool {
	for _, r := range rest {
		if unicode.IsSpace(r) || strings.ContainsRune("«“\"'(", r) {
			continue
		}
		return !unicode.IsLower(r)
	}
	return true
}

var (
	markup = regexp.MustCompile(`<[^>]*>`)
	blank  = regexp.MustCompile(`\n[ \t]*\n`)
)

// wordsOf is the running text of captions.
func wordsOf(vtt string) string {
	var words []string
	for _, block := range blank.Split(strings.ReplaceAll(vtt, "\r\n", "\n"), -1) {
		_, after, ok := strings.Cut(block, "-->")
		if !ok {
			continue // the header, notes, styles
		}
		if _, said, ok := strings.Cut(after, "\n"); ok {
			words = append(words, html.UnescapeString(markup.ReplaceAllString(strings.ReplaceAll(said, "\n", " "), "")))
		}
	}
	return strings.Join(words, " ")
}
