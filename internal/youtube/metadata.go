package youtube

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	yt "google.golang.org/api/youtube/v3"
)

// What YouTube accepts. https://developers.google.com/youtube/v3/docs/videos
const (
	MaxTitle       = 100       // characters; none of them < or >
	MaxDescription = 5000      // bytes of UTF-8, not characters; none of them < or >
	MaxTags        = 500       // as TagsLength counts
	MaxFileSize    = 256 << 30 // bytes
	MaxIDs         = 50        // ids in one call
)

// Privacy is who may see a video.
type Privacy string

// The privacies.
const (
	Public   Privacy = "public"
	Unlisted Privacy = "unlisted"
	Private  Privacy = "private"
)

// Metadata is what we say about a video. It is always declared embeddable and
// not made for children.
type Metadata struct {
	Title       string
	Description string
	Tags        []string
	CategoryID  string    // of videoCategories.list, such as "29"; empty leaves it to the channel, or as it is
	Language    string    // BCP 47, of title and description; empty for none, or as it is
	RecordedOn  time.Time // only the day counts, in the zone that it carries; zero for none, or as it is
	Privacy     Privacy
	PublishAt   time.Time // with Private: public from then on; zero for no such time, or as it is
	// Localizations are title and description in other languages, by BCP 47. An
	// update leaves them as they are: see Client.SetLocalizations.
	Localizations map[string]Localized
}

// Localized is what is said about a video in another language.
type Localized struct{ Title, Description string }

func localizations(all map[string]Localized) map[string]yt.VideoLocalization {
	out := make(map[string]yt.VideoLocalization, len(all))
	for lang, l := range all {
		out[lang] = yt.VideoLocalization{Title: l.Title, Description: l.Description}
	}
	return out
}

// Validate refuses what YouTube would refuse, before a byte is sent. The error
// is an *Error of ClassMetadata whose Field says what to change.
func (m Metadata) Validate() error {
	if err := validWords(Localized{m.Title, m.Description}, "snippet"); err != nil {
		return err
	}
	switch {
	case m.Privacy != Public && m.Privacy != Unlisted && m.Privacy != Private:
		return refuse("forbiddenPrivacySetting", "status.privacyStatus", "the privacy is public, unlisted or private")
	case !m.PublishAt.IsZero() && m.Privacy != Private:
		return refuse("invalidPublishAt", "status.publishAt", "only a private video can have a time from which it is public")
	case len(m.Localizations) > 0 && m.Language == "":
		return noLanguage()
	}
	if err := validLocalizations(m.Localizations); err != nil {
		return err
	}
	if n := TagsLength(m.Tags); n > MaxTags {
		return refuse("invalidTags", "snippet.tags", fmt.Sprintf("the tags count %d of at most %d characters", n, MaxTags))
	}
	for _, tag := range m.Tags {
		if tag == "" || cleanTag(tag) != tag {
			return refuse("invalidTags", "snippet.tags", "a tag is empty, or has <, >, a comma, a quote, a control character or needless spaces")
		}
	}
	return nil
}

// validWords refuses a title and a description that YouTube refuses.
func validWords(l Localized, where string) error {
	n := utf8.RuneCountInString(l.Title)
	switch {
	case strings.TrimSpace(l.Title) == "" || n > MaxTitle || !plain(l.Title, ""):
		return refuse("invalidTitle", where+".title",
			fmt.Sprintf("a title has 1 to %d characters without <, > and control characters; this one has %d", MaxTitle, n))
	case len(l.Description) > MaxDescription || !plain(l.Description, "\n\r\t"):
		return refuse("invalidDescription", where+".description",
			fmt.Sprintf("a description has at most %d bytes without <, > and control characters; this one has %d", MaxDescription, len(l.Description)))
	}
	return nil
}

func validLocalizations(all map[string]Localized) error {
	for _, lang := range slices.Sorted(maps.Keys(all)) {
		if _, err := language.Parse(lang); err != nil {
			return refuse("invalidVideoMetadata", "localizations."+lang, "this is no language of BCP 47")
		}
		if err := validWords(all[lang], "localizations."+lang); err != nil {
			return err
		}
	}
	return nil
}

func noLanguage() *Error {
	return refuse("defaultLanguageNotSet", "snippet.defaultLanguage", "with titles in other languages the video must have a language of its own")
}

func refuse(reason, location, message string) *Error {
	return &Error{Reason: reason, Domain: "local", Location: "body." + location, Message: message}
}

// plain tells whether text is UTF-8 without angle brackets and control
// characters other than those allowed.
func plain(text, allowed string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return r == '<' || r == '>' || (unicode.IsControl(r) && !strings.ContainsRune(allowed, r))
	})
}

// TagsLength counts tags the way YouTube does: the characters of each, two more
// for the quotes of one with a space, and the commas between them.
// https://developers.google.com/youtube/v3/docs/videos#snippet.tags[]
func TagsLength(tags []string) int {
	n := max(0, len(tags)-1)
	for _, t := range tags {
		n += tagLength(t)
	}
	return n
}

func tagLength(tag string) int {
	n := utf8.RuneCountInString(tag)
	if strings.Contains(tag, " ") {
		n += 2
	}
	return n
}

// FitTags makes one list of tags that counts at most limit. Groups come in the
// order of their importance, and so do the tags of a group: each tag that still
// fits is kept, one that does not is left out, and a shorter one after it may
// still find room. Tags are cleaned, and of those that differ only in upper and
// lower case the first stays.
func FitTags(groups [][]string, limit int) []string {
	var kept []string
	seen := make(map[string]bool)
	used := 0
	for _, group := range groups {
		for _, tag := range group {
			tag = cleanTag(tag)
			key := strings.ToLower(tag)
			if tag == "" || seen[key] {
				continue
			}
			cost := tagLength(tag)
			if len(kept) > 0 {
				cost++ // the comma before it
			}
			if used+cost > limit {
				continue
			}
			seen[key] = true
			used += cost
			kept = append(kept, tag)
		}
	}
	return kept
}

// cleanTag makes a tag that YouTube accepts: what it refuses or would take for a
// separator becomes a space, and spaces are made single.
func cleanTag(tag string) string {
	tag = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune(`<>,"`, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(tag, " "))
	return strings.Join(strings.Fields(strings.TrimLeft(strings.TrimSpace(tag), "#")), " ")
}

// resource is m as the body of videos.insert, with the parts that it sets.
func (m Metadata) resource() (video *yt.Video, parts []string) {
	video = &yt.Video{
		Snippet: &yt.VideoSnippet{
			Title:           m.Title,
			Description:     m.Description,
			Tags:            m.Tags,
			CategoryId:      m.CategoryID,
			DefaultLanguage: m.Language,
			ForceSendFields: []string{"Description"},
		},
		Status: &yt.VideoStatus{
			PrivacyStatus: string(m.Privacy), // left out it would mean public
			Embeddable:    true,
			// The library leaves out what is false, and then the channel's own setting
			// would decide.
			SelfDeclaredMadeForKids: false,
			ForceSendFields:         []string{"Embeddable", "SelfDeclaredMadeForKids"},
		},
	}
	parts = []string{"snippet", "status"}
	video.Status.PublishAt = publishTime(m.PublishAt)
	if len(m.Localizations) > 0 {
		video.Localizations = localizations(m.Localizations)
		parts = append(parts, PartLocalizations)
	}
	if !m.RecordedOn.IsZero() {
		video.RecordingDetails = &yt.VideoRecordingDetails{RecordingDate: recordingDate(m.RecordedOn)}
		parts = append(parts, "recordingDetails")
	}
	return video, parts
}

// recordingDate is the day of t as YouTube wants it. Turning Italian midnight
// into UTC would make it the day before.
func recordingDate(t time.Time) string {
	return t.Format(time.DateOnly) + "T00:00:00Z"
}
