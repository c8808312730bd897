package upload

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// nameRunes is the length to which CleanName shortens; it fits a line on a
// phone twice and any file system when somebody downloads the file again.
const nameRunes = 100

// CleanName makes the sender's name of a file safe to show: its last part
// only, in one Unicode form, without characters that control a terminal or
// turn the direction of writing, at most 100 characters with its extension
// kept. It is never used as a name on the disk.
func CleanName(name string) string {
	name = strings.ToValidUTF8(name, "")
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = norm.NFC.String(name)
	name = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case !unicode.IsGraphic(c), unicode.Is(unicode.Cf, c):
			return -1 // control characters, private use, marks of direction
		default:
			return c
		}
	}, name)
	name = strings.Join(strings.Fields(name), " ")
	name = strings.Trim(name, ". ")
	if name == "" {
		return "video"
	}
	if utf8.RuneCountInString(name) > nameRunes {
		ext := path.Ext(name)
		if n := utf8.RuneCountInString(ext); n > 10 {
			ext = ""
		}
		stem := []rune(strings.TrimSuffix(name, ext))
		keep := nameRunes - 1 - utf8.RuneCountInString(ext)
		name = strings.TrimRight(string(stem[:keep]), ". ") + "…" + ext
	}
	return name
}
