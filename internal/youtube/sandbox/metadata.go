package sandbox

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The limits of a video's metadata: https://developers.google.com/youtube/v3/docs/videos
const (
	maxTitle       = 100  // characters
	maxDescription = 5000 // bytes
	maxTags        = 500  // characters, counted as tagsLength does
)

// metadata is what a client may set on a video. Pointers tell what was not sent.
type metadata struct {
	ID               string                  `json:"id,omitempty"`
	Snippet          *snippet                `json:"snippet,omitempty"`
	Status           *status                 `json:"status,omitempty"`
	RecordingDetails *recordingDetails       `json:"recordingDetails,omitempty"`
	Localizations    map[string]localization `json:"localizations,omitempty"`
}

type snippet struct {
	Title                string   `json:"title"`
	Description          string   `json:"description"`
	Tags                 []string `json:"tags,omitempty"`
	CategoryID           string   `json:"categoryId"`
	DefaultLanguage      string   `json:"defaultLanguage,omitempty"`
	DefaultAudioLanguage string   `json:"defaultAudioLanguage,omitempty"`
}

type status struct {
	PrivacyStatus           string `json:"privacyStatus,omitempty"`
	PublishAt               string `json:"publishAt,omitempty"`
	License                 string `json:"license,omitempty"`
	Embeddable              *bool  `json:"embeddable,omitempty"`
	PublicStatsViewable     *bool  `json:"publicStatsViewable,omitempty"`
	SelfDeclaredMadeForKids *bool  `json:"selfDeclaredMadeForKids,omitempty"`
	ContainsSyntheticMedia  *bool  `json:"containsSyntheticMedia,omitempty"`
}

type recordingDetails struct {
	RecordingDate string `json:"recordingDate,omitempty"`
}

type localization struct {
	Title       string `json:"title"`
	Description string `json:"description"`
}

const (
	public   = "public"
	unlisted = "unlisted"
	private  = "private"
)

// videoParts are the parts of a video, of which some hold what the owner wrote.
func videoParts() []string {
	return []string{
		"contentDetails", "fileDetails", "id", "liveStreamingDetails", "localizations",
		"paidProductPlacementDetails", "player", "processingDetails", "recordingDetails", "snippet",
		"statistics", "status", "suggestions", "topicDetails",
	}
}

// tagsLength counts tags as YouTube does: the commas between them count, and a
// tag with a space is counted with the quotation marks it would need.
func tagsLength(tags []string) int {
	n := max(len(tags)-1, 0)
	for _, t := range tags {
		n += utf8.RuneCountInString(t)
		if strings.Contains(t, " ") {
			n += 2
		}
	}
	return n
}

// named refuses a body that carries parts which the parameter part does not name.
func named(body map[string]json.RawMessage, parts, known []string) error {
	for key := range body {
		if key != "id" && slices.Contains(known, key) && !slices.Contains(parts, key) {
			return &apiError{
				Code: http.StatusBadRequest, Domain: "youtube.part", Reason: "unexpectedPart",
				Message: key, Location: "part", LocationType: "parameter",
			}
		}
	}
	return nil
}

// check refuses metadata that YouTube refuses. language is the default one the
// video already has, for an update that does not touch it.
func (m *metadata) check(language string) error {
	if m.Snippet != nil {
		if err := m.Snippet.check(); err != nil {
			return err
		}
		language = m.Snippet.DefaultLanguage
	}
	if m.Status != nil {
		if err := m.Status.check(); err != nil {
			return err
		}
	}
	if m.RecordingDetails != nil && m.RecordingDetails.RecordingDate != "" {
		if _, err := time.Parse(time.RFC3339, m.RecordingDetails.RecordingDate); err != nil {
			return invalid("invalidRecordingDetails", "body.recordingDetails.recordingDate",
				"The <code>recordingDetails</code> object in the API request's metadata specifies invalid recording details.")
		}
	}
	if len(m.Localizations) > 0 && language == "" {
		return noDefaultLanguage()
	}
	for name, l := range m.Localizations {
		where := "body.localizations." + name
		if !languageTag(name) {
			return invalid("invalidVideoMetadata", where, "The request metadata is invalid.")
		}
		if err := checkTitle(l.Title, where+".title"); err != nil {
			return err
		}
		if err := checkDescription(l.Description, where+".description"); err != nil {
			return err
		}
	}
	return nil
}

func (s *snippet) check() error {
	if err := checkTitle(s.Title, "body.snippet.title"); err != nil {
		return err
	}
	if err := checkDescription(s.Description, "body.snippet.description"); err != nil {
		return err
	}
	for _, t := range s.Tags {
		if strings.ContainsAny(t, "<>") {
			return invalidTags()
		}
	}
	if tagsLength(s.Tags) > maxTags {
		return invalidTags()
	}
	if s.CategoryID != "" && !assignable(s.CategoryID) {
		return invalidCategory()
	}
	for where, tag := range map[string]string{
		"body.snippet.defaultLanguage": s.DefaultLanguage, "body.snippet.defaultAudioLanguage": s.DefaultAudioLanguage,
	} {
		if tag != "" && !languageTag(tag) {
			return invalid("invalidVideoMetadata", where, "The request metadata is invalid.")
		}
	}
	return nil
}

func noDefaultLanguage() *apiError {
	return invalid("defaultLanguageNotSet", "body.snippet.defaultLanguage",
		"The API request is trying to add localized video details without specifying the default language of the video details.")
}

func invalidTags() *apiError {
	return invalid("invalidTags", "body.snippet.tags", "The request metadata specifies invalid video keywords.")
}

func invalidCategory() *apiError {
	return invalid("invalidCategoryId", "body.snippet.categoryId",
		"The <code>snippet.categoryId</code> property specifies an invalid category ID. Use the videoCategories.list method to retrieve supported categories.")
}

func checkTitle(title, where string) error {
	if n := utf8.RuneCountInString(title); strings.TrimSpace(title) == "" || n > maxTitle || strings.ContainsAny(title, "<>") {
		return invalid("invalidTitle", where, "The request metadata specifies an invalid or empty video title.")
	}
	return nil
}

func checkDescription(description, where string) error {
	control := strings.ContainsFunc(description, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
	})
	if len(description) > maxDescription || control || strings.ContainsAny(description, "<>") {
		return invalid("invalidDescription", where, "The request metadata specifies an invalid video description.")
	}
	return nil
}

// languageTag tells whether a tag has the form of BCP 47.
func languageTag(tag string) bool {
	ok, err := regexp.MatchString(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$`, tag)
	return ok && err == nil
}

func (s *status) check() error {
	for _, one := range []struct {
		where, value string
		allowed      []string
	}{
		{"privacy_status", s.PrivacyStatus, []string{"", public, unlisted, private}},
		{"license", s.License, []string{"", "youtube", "creativeCommon"}},
	} {
		if !slices.Contains(one.allowed, one.value) {
			return &apiError{
				Code: http.StatusBadRequest, Domain: "global", Reason: "badRequest",
				Message: "Invalid value at 'resource.status." + one.where + "', \"" + one.value + "\"",
			}
		}
	}
	if s.PublishAt == "" {
		return nil
	}
	if _, err := time.Parse(time.RFC3339, s.PublishAt); err != nil || s.PrivacyStatus != private {
		return invalidPublishAt()
	}
	return nil
}

func invalidPublishAt() *apiError {
	return invalid("invalidPublishAt", "body.status.publishAt", "The request metadata specifies an invalid scheduled publishing time.")
}
