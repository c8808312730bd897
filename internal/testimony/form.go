package testimony

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/voci-in-comune/voci/internal/fault"
)

// Limits of the form. Those of title, description and tags are YouTube's
// (https://developers.google.com/youtube/v3/docs/videos), so that nothing that
// is accepted here is refused there.
const (
	MaxTitle       = 100  // characters
	MaxDescription = 5000 // bytes in UTF-8: an accented letter counts two
	MaxTags        = 500  // as CountTags counts
	MaxName        = 100  // characters of the speaker's name and of the role
	MaxThemes      = 3
)

// Languages are the ones a testimony may be in, by ISO 639 code: Italian,
// French, English, and the minority languages of the territory (law 482/1999)
// with Piedmontese.
func Languages() []string { return []string{"it", "fr", "oc", "frp", "pms", "en"} }

// KnownLanguage tells whether a code is one of Languages.
func KnownLanguage(code string) bool { return slices.Contains(Languages(), code) }

// Form is what an editor typed, as it came.
type Form struct {
	Title       string
	Description string
	Language    string
	SpeakerName string
	SpeakerRole string
	RecordedOn  string
	Themes      []string // slugs
	Tags        string   // separated by commas
	Visibility  string
	Release     []string // kinds of the consents ticked
	Others      string   // does anybody else appear? Empty: nothing was said of it

	Translations Translations

	Version int // of the draft that the form was made of; 0: it does not say
}

// OtherLanguages are the portal's languages that a testimony may be translated
// into: all but its own.
func OtherLanguages(own string) []string {
	return slices.DeleteFunc([]string{"it", "en", "fr"}, func(lang string) bool { return lang == own })
}

// translate takes the translations in, those that can be accepted. One without a
// title is no translation.
func (t *Testimony) translate(typed Translations) {
	t.Translations = Translations{}
	for _, lang := range OtherLanguages(t.Language) {
		one := typed[lang]
		keep := func(name, typed string, check func(string) fault.Fields) string {
			v := strings.TrimSpace(strings.Map(visible, normalLines(typed)))
			if len(check(v)) > 0 {
				t.Unfinished[name+"_"+lang] = clip(typed)
				return ""
			}
			return v
		}
		accepted := Translation{Title: keep("title", one.Title, checkTitle), Description: keep("description", one.Description, checkDescription)}
		if accepted.Title == "" && accepted.Description != "" {
			if _, refused := t.Unfinished["title_"+lang]; !refused {
				t.Unfinished["title_"+lang] = ""
			}
		}
		if accepted != (Translation{}) {
			t.Translations[lang] = accepted
		}
	}
}

// wrongTranslations says what of the translations could not be accepted.
func (t *Testimony) wrongTranslations() (wrong fault.Fields) {
	for _, lang := range OtherLanguages(t.Language) {
		for _, c := range []struct {
			name  string
			check func(string) fault.Fields
		}{{"title", checkTitle}, {"description", checkDescription}} {
			typed, ok := t.Unfinished[c.name+"_"+lang]
			if !ok {
				continue
			}
			found := c.check(strings.TrimSpace(normalLines(typed)))
			if len(found) == 0 {
				found.Add(c.name, "testimony.translation.title")
			}
			for _, f := range found {
				f.Name += "_" + lang
				wrong = append(wrong, f)
			}
		}
	}
	return wrong
}

// apply puts what of the form can be accepted into t and the rest, as typed,
// into t.Unfinished. What is merely missing is no fault of a draft.
func (t *Testimony) apply(f Form, themes []Theme, now time.Time) {
	t.Unfinished = Unfinished{}
	text := func(name, typed string, into *string, check func(string) fault.Fields) {
		v := strings.TrimSpace(strings.Map(visible, typed))
		if len(check(v)) > 0 {
			t.Unfinished[name] = clip(typed)
			return
		}
		*into = v
	}
	text("title", f.Title, &t.Title, checkTitle)
	text("description", normalLines(f.Description), &t.Description, checkDescription)
	text("speaker_name", f.SpeakerName, &t.SpeakerName, checkLine("speaker_name"))
	text("speaker_role", f.SpeakerRole, &t.SpeakerRole, checkLine("speaker_role"))
	text("recorded_on", f.RecordedOn, &t.RecordedOn, checkDay(now))
	text("language", f.Language, &t.Language, checkOneOf("language", Languages()...))
	visibility := string(t.Visibility)
	text("visibility", f.Visibility, &visibility, checkOneOf("visibility", string(Public), string(Unlisted), string(Private)))
	t.Visibility = Visibility(visibility)
	if f.Others != "" {
		others := string(t.Others)
		text("others", f.Others, &others, checkOthers)
		t.Others = Others(others)
	}

	t.translate(f.Translations)

	if tags := ParseTags(f.Tags); len(checkTags(tags)) > 0 {
		t.Unfinished["tags"] = clip(f.Tags)
	} else {
		t.Tags = tags
	}
	t.Themes = nil
	for _, theme := range themes {
		if slices.Contains(f.Themes, theme.Slug) {
			t.Themes = append(t.Themes, theme)
		}
	}
	if len(t.Themes) > MaxThemes {
		var slugs []string
		for _, theme := range t.Themes {
			slugs = append(slugs, theme.Slug)
		}
		t.Unfinished["themes"] = strings.Join(slugs, ",")
		t.Themes = t.Themes[:MaxThemes]
	}
}

// visible drops what nobody sees and what turns the direction of a text around:
// a title must be what it looks like. Joiners, as emoji have them, stay.
func visible(r rune) rune {
	switch {
	case r == '\u200b', r == '\u2060', r == '\ufeff', r == '\u00ad', // spaces of no width, soft hyphen
		r == '\u200e', r == '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069': // directions
		return -1
	}
	return r
}

// maxKept bounds what is kept of a value that cannot be accepted.
const maxKept = 100_000

func clip(s string) string {
	if len(s) <= maxKept {
		return s
	}
	return strings.ToValidUTF8(s[:maxKept], "")
}

// normalLines gives the text one kind of line end: browsers send CRLF.
func normalLines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// Wrong says what of the draft could not be accepted as typed.
func (t *Testimony) Wrong(now time.Time) fault.Fields {
	var wrong fault.Fields
	for _, c := range []struct {
		name  string
		check func(string) fault.Fields
	}{
		{"title", checkTitle},
		{"description", checkDescription},
		{"language", checkOneOf("language", Languages()...)},
		{"speaker_name", checkLine("speaker_name")},
		{"speaker_role", checkLine("speaker_role")},
		{"recorded_on", checkDay(now)},
		{"tags", func(s string) fault.Fields { return checkTags(ParseTags(s)) }},
		{"visibility", checkOneOf("visibility", string(Public), string(Unlisted), string(Private))},
		{"others", checkOthers},
	} {
		if typed, ok := t.Unfinished[c.name]; ok {
			wrong = append(wrong, c.check(strings.TrimSpace(typed))...)
		}
	}
	if _, ok := t.Unfinished["themes"]; ok {
		wrong.Add("themes", "testimony.themes.many", "Max", MaxThemes)
	}
	return append(wrong, t.wrongTranslations()...)
}

// Missing says what is needed before review can be asked for, besides the file
// and the register.
func (t *Testimony) Missing(now time.Time) fault.Fields {
	wrong := t.unsaid(now)
	if t.Origin == FromChannel {
		return wrong // consents were given before there was a portal to keep them
	}
	if t.Others == OthersOpen {
		wrong.Add("others", "register.others.empty")
	}
	for _, c := range Consents() {
		if !slices.ContainsFunc(t.Releases, func(r Release) bool { return r.Kind == c.Kind && r.Version == c.Version }) {
			wrong.Add("release", "testimony.release.empty")
			break
		}
	}
	return wrong
}

// unsaid says what is wrong or missing of what is said, consents apart.
func (t *Testimony) unsaid(now time.Time) fault.Fields {
	wrong := t.Wrong(now)
	need := func(ok bool, name string) {
		_, typed := t.Unfinished[name]
		if !ok && !typed {
			wrong.Add(name, "testimony."+name+".empty")
		}
	}
	need(t.Title != "", "title")
	need(t.Description != "" || t.Origin == FromChannel, "description")
	if t.Origin != FromChannel {
		need(t.SpeakerName != "", "speaker_name")
		need(t.SpeakerRole != "", "speaker_role")
	}
	need(len(t.Themes) > 0, "themes")
	return wrong
}

func checkTitle(s string) (wrong fault.Fields) {
	switch {
	case utf8.RuneCountInString(s) > MaxTitle:
		wrong.Add("title", "testimony.title.long", "Max", MaxTitle, "Count", utf8.RuneCountInString(s))
	case strings.ContainsAny(s, "<>"):
		wrong.Add("title", "testimony.title.angle")
	case strings.ContainsFunc(s, unicode.IsControl) || !utf8.ValidString(s):
		wrong.Add("title", "testimony.title.control")
	}
	return wrong
}

func checkDescription(s string) (wrong fault.Fields) {
	switch {
	case len(s) > MaxDescription:
		wrong.Add("description", "testimony.description.long", "Max", MaxDescription, "Over", len(s)-MaxDescription)
	case strings.ContainsAny(s, "<>"):
		wrong.Add("description", "testimony.description.angle")
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) || !utf8.ValidString(s):
		wrong.Add("description", "testimony.description.control")
	}
	return wrong
}

func checkLine(name string) func(string) fault.Fields {
	return func(s string) (wrong fault.Fields) {
		switch {
		case utf8.RuneCountInString(s) > MaxName:
			wrong.Add(name, "testimony."+name+".long", "Max", MaxName)
		case strings.ContainsAny(s, "<>") || strings.ContainsFunc(s, unicode.IsControl) || !utf8.ValidString(s):
			wrong.Add(name, "testimony."+name+".control")
		}
		return wrong
	}
}

func checkDay(now time.Time) func(string) fault.Fields {
	return func(s string) (wrong fault.Fields) {
		if s == "" {
			return nil
		}
		day, err := time.Parse(time.DateOnly, s)
		switch {
		case err != nil:
			wrong.Add("recorded_on", "testimony.recorded_on.form")
		case day.After(now.Add(24 * time.Hour)):
			wrong.Add("recorded_on", "testimony.recorded_on.future")
		case day.Year() < 1990:
			wrong.Add("recorded_on", "testimony.recorded_on.old")
		}
		return wrong
	}
}

func checkOthers(s string) (wrong fault.Fields) {
	if s != string(OthersOpen) && s != string(OthersNo) && s != string(OthersYes) {
		wrong.Add("others", "register.others.unknown")
	}
	return wrong
}

func checkOneOf(name string, allowed ...string) func(string) fault.Fields {
	return func(s string) (wrong fault.Fields) {
		if !slices.Contains(allowed, s) {
			wrong.Add(name, "testimony."+name+".unknown")
		}
		return wrong
	}
}

// ParseTags reads a list separated by commas or line ends: trimmed, without a
// leading #, empty ones and repetitions.
func ParseTags(s string) Tags {
	tags := Tags{}
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == ';' || r == '\n' || r == '\r' }) {
		tag := strings.Join(strings.Fields(strings.TrimLeft(strings.TrimSpace(part), "#")), " ")
		if tag == "" || slices.ContainsFunc(tags, func(t string) bool { return strings.EqualFold(t, tag) }) {
			continue
		}
		tags = append(tags, tag)
	}
	return tags
}

// CountTags counts the way YouTube does: the characters of each tag, two more
// for the quotes of one with a space, and the commas between them.
// https://developers.google.com/youtube/v3/docs/videos#snippet.tags[]
func CountTags(tags []string) int {
	n := max(0, len(tags)-1)
	for _, t := range tags {
		n += utf8.RuneCountInString(t)
		if strings.Contains(t, " ") {
			n += 2
		}
	}
	return n
}

func checkTags(tags Tags) (wrong fault.Fields) {
	if n := CountTags(tags); n > MaxTags {
		wrong.Add("tags", "testimony.tags.long", "Max", MaxTags, "Count", n)
		return wrong
	}
	for _, t := range tags {
		if strings.ContainsAny(t, "<>\"") || strings.ContainsFunc(t, unicode.IsControl) || !utf8.ValidString(t) {
			wrong.Add("tags", "testimony.tags.angle", "Tag", t)
			return wrong
		}
	}
	return nil
}
