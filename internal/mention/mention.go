// Package mention finds names in what people wrote, whatever their accents,
// apostrophes and capitals. It knows nothing of what the names are of.
package mention

import (
	"slices"
	"strings"

	"github.com/gosimple/slug"
)

// Fold is a text as words of small letters without accents, with hyphens between
// them. What an apostrophe parts are two words.
func Fold(text string) string {
	return slug.MakeLang(strings.NewReplacer("'", " ", "’", " ", "_", " ").Replace(text), "it")
}

// saints are how people shorten the beginning of a name: S. Mauro, SS. Martiri.
var saints = map[string]bool{"san": true, "santo": true, "santa": true, "sant": true}

// span is where in a text a name was found.
type span struct{ name, from, to int }

// Names are names to be found in several texts: each is folded once.
type Names struct{ forms [][]string }

// New makes Names of names as they are written in full.
func New(names []string) Names {
	n := Names{forms: make([][]string, len(names))}
	for i, name := range names {
		n.forms[i] = forms(Fold(name))
	}
	return n
}

// In returns the places among the names of those that a text mentions, by whole
// words, in their order. One that is only part of a longer one, as Pinasca is of
// Inverso Pinasca, is not mentioned by it.
func (n Names) In(text string) []int {
	written := "-" + Fold(text) + "-"
	var found []span
	for i, forms := range n.forms {
		for _, form := range forms {
			found = append(found, spans(written, form, i)...)
		}
	}
	var mentioned []int
	for _, s := range found {
		longer := func(o span) bool { return o.from <= s.from && o.to >= s.to && o.to-o.from > s.to-s.from }
		if !slices.Contains(mentioned, s.name) && !slices.ContainsFunc(found, longer) {
			mentioned = append(mentioned, s.name)
		}
	}
	slices.Sort(mentioned)
	return mentioned
}

// spans are all places where a form of a name stands in a folded text.
func spans(written, form string, name int) []span {
	var found []span
	for from := 0; form != ""; {
		i := strings.Index(written[from:], "-"+form+"-")
		if i < 0 {
			break
		}
		found = append(found, span{name, from + i, from + i + len(form)})
		from += i + 1
	}
	return found
}

// forms are the ways to write a folded name: as it is, and with its saints
// shortened.
func forms(name string) []string {
	words := strings.Split(name, "-")
	short := slices.Clone(words)
	for i, w := range words[:len(words)-1] {
		if saints[w] {
			short[i] = "s"
		}
	}
	if slices.Equal(short, words) {
		return []string{name}
	}
	return []string{name, strings.Join(short, "-")}
}
