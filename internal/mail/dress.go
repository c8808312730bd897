package mail

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"regexp"
	"strings"
)

//go:embed dress.html
var dressing string

// dressed is what a message looks like where HTML is shown: one column, buttons
// that survive Outlook, dark where the reader has it so, and nothing fetched
// from anywhere.
var dressed = template.Must(template.New("dress").Parse(dressing))

// footerMark parts a message from what stands below every such message, as
// mail programs know it (RFC 3676, 4.3).
const footerMark = "\n-- \n"

// dress makes a message's HTML of its text, so that both say the same: its
// paragraphs, what is quoted with "> ", and Link as a button that says Action.
func dress(m Message) (string, error) {
	if m.Lang == "" {
		m.Lang = "it"
	}
	body, footer, _ := strings.Cut(m.Text, footerMark)
	var html bytes.Buffer
	err := dressed.Execute(&html, struct {
		Lang, Subject, Action, Link string
		Body, Footer                []block
	}{m.Lang, m.Subject, m.Action, m.Link, m.blocks(body), m.blocks(footer)})
	if err != nil {
		return "", fmt.Errorf("dress a message: %w", err)
	}
	return html.String(), nil
}

// block is a paragraph of a message.
type block struct {
	Button bool // the message's one action
	Quote  bool
	Lines  [][]piece
}

// piece is a part of a line: words, or an address.
type piece struct{ Text, Href string }

func (m Message) blocks(text string) []block {
	var all []block
	for part := range strings.SplitSeq(text, "\n\n") {
		part = strings.TrimSpace(part)
		switch {
		case part == "":
		case part == m.Link && m.Action != "":
			all = append(all, block{Button: true})
		default:
			all = append(all, paragraph(part))
		}
	}
	return all
}

func paragraph(text string) block {
	b := block{Quote: strings.HasPrefix(text, ">")}
	for line := range strings.SplitSeq(text, "\n") {
		if b.Quote {
			line = strings.TrimPrefix(strings.TrimPrefix(line, ">"), " ")
		}
		b.Lines = append(b.Lines, pieces(line))
	}
	return b
}

var address = regexp.MustCompile(`https?://[^\s<>"]*[^\s<>".,;:!?)»]`)

func pieces(line string) []piece {
	var all []piece
	from := 0
	for _, at := range address.FindAllStringIndex(line, -1) {
		if at[0] > from {
			all = append(all, piece{Text: line[from:at[0]]})
		}
		all = append(all, piece{Text: line[at[0]:at[1]], Href: line[at[0]:at[1]]})
		from = at[1]
	}
	return append(all, piece{Text: line[from:]})
}

// Quote is a text of several lines as messages quote it.
func Quote(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight("> "+strings.TrimSpace(line), " ")
	}
	return strings.Join(lines, "\n")
}
