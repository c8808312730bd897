package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// caption is one track of captions; its text is a file of its own.
type caption struct {
	ID       string    `json:"id"`
	Video    string    `json:"video"`
	Language string    `json:"language"`
	Name     string    `json:"name"`
	Draft    bool      `json:"draft"`
	Failed   bool      `json:"failed"`         // the file was of no known format
	Auto     bool      `json:"auto,omitempty"` // made by YouTube from the sound
	SHA256   string    `json:"sha256,omitempty"`
	Updated  time.Time `json:"updated"`
}

type captionInput struct {
	ID      string `json:"id"`
	Snippet struct {
		VideoID  string `json:"videoId"`
		Language string `json:"language"`
		Name     string `json:"name"`
		IsDraft  *bool  `json:"isDraft"`
	} `json:"snippet"`
}

const maxCaptionName = 150 // characters

func captionParts() []string { return []string{"id", "snippet"} }

func captionError(code int, reason, message string) *apiError {
	return &apiError{Code: code, Domain: "youtube.caption", Reason: reason, Message: message, Location: "body", LocationType: "other"}
}

func captionNotFound(location string) *apiError {
	return notFound("youtube.caption", "captionNotFound", location, "caption track")
}

func (t *caption) resource(parts []string) obj {
	o := obj{"kind": "youtube#caption", "id": t.ID}
	if slices.Contains(parts, "snippet") {
		snippet := obj{
			"videoId": t.Video, "language": t.Language, "name": t.Name, "isDraft": t.Draft, "trackKind": "standard",
			"audioTrackType": "unknown", "isCC": false, "isLarge": false, "isEasyReader": false, "isAutoSynced": false,
			"lastUpdated": t.Updated.Format(time.RFC3339), "status": "serving",
		}
		if t.Auto {
			snippet["trackKind"] = "asr" // the document says ASR; answers say asr
		}
		if t.Failed {
			snippet["status"], snippet["failureReason"] = "failed", "unknownFormat"
		}
		o["snippet"] = snippet
	}
	return tagged(o)
}

func (s *Sandbox) hasCaptions(video string) bool {
	return slices.ContainsFunc(s.lists.Captions, func(t *caption) bool { return t.Video == video && !t.Draft && !t.Failed && !t.Auto })
}

func (s *Sandbox) findCaption(id string) *caption {
	i := slices.IndexFunc(s.lists.Captions, func(t *caption) bool { return t.ID == id })
	if i < 0 {
		return nil
	}
	return s.lists.Captions[i]
}

func (s *Sandbox) dropCaptions(video string) error {
	kept := slices.DeleteFunc(slices.Clone(s.lists.Captions), func(t *caption) bool { return t.Video == video })
	if len(kept) == len(s.lists.Captions) {
		return nil
	}
	for _, t := range s.lists.Captions {
		if t.Video == video {
			os.Remove(s.captionFile(t.ID))
		}
	}
	s.lists.Captions = kept
	return s.saveLists()
}

func (s *Sandbox) listCaptions(c *call) error {
	parts, err := c.parts(captionParts()...)
	if err != nil {
		return err
	}
	id := c.q.Get("videoId")
	if id == "" {
		return missingParameter("videoId")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.videos[id] == nil {
		return notFound("youtube.caption", "videoNotFound", "videoId", "video")
	}
	items := []obj{}
	for _, t := range s.lists.Captions {
		if t.Video == id {
			items = append(items, t.resource(parts))
		}
	}
	return c.answer(http.StatusOK, tagged(obj{"kind": "youtube#captionListResponse", "items": items}))
}

func (s *Sandbox) insertCaption(c *call) error {
	parts, err := c.parts(captionParts()...)
	if err != nil {
		return err
	}
	m, err := s.spool(c, maxCaption)
	if err != nil {
		return err
	}
	defer os.Remove(m.file) // gone if it was kept
	var in captionInput
	if len(m.meta) > 0 {
		if _, err := decode(m.meta, &in); err != nil {
			return err
		}
	}
	switch sn := in.Snippet; {
	case m.size == 0:
		return captionError(http.StatusBadRequest, "contentRequired", "The request does not contain the caption track contents.")
	case sn.VideoID == "" || !languageTag(sn.Language):
		return captionError(http.StatusBadRequest, "invalidMetadata", "The request contains invalid metadata values, which prevent the track from being created.")
	case utf8.RuneCountInString(sn.Name) > maxCaptionName:
		return captionError(http.StatusBadRequest, "nameTooLong", "The track name specified in the request is too long. The maximum name length is 150 characters.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.videos[in.Snippet.VideoID] == nil {
		return notFound("youtube.caption", "videoNotFound", "body.snippet.videoId", "video")
	}
	for _, t := range s.lists.Captions {
		if !t.Auto && t.Video == in.Snippet.VideoID && strings.EqualFold(t.Language, in.Snippet.Language) && t.Name == in.Snippet.Name {
			return captionError(http.StatusConflict, "captionExists", "The specified video already has a caption track with the given language and name.")
		}
	}
	t := &caption{
		ID: "AU" + random(24), Video: in.Snippet.VideoID, Language: in.Snippet.Language, Name: in.Snippet.Name,
		Draft: in.Snippet.IsDraft != nil && *in.Snippet.IsDraft, Updated: s.now(), Failed: !looksLikeCaptions(m.file), SHA256: m.sum,
	}
	if err := os.Rename(m.file, s.captionFile(t.ID)); err != nil {
		return fmt.Errorf("keep captions: %w", err)
	}
	s.lists.Captions = append(s.lists.Captions, t)
	if err := s.saveLists(); err != nil {
		return err
	}
	return c.answer(http.StatusOK, t.resource(parts))
}

// updateCaption changes the draft status, the text or both.
func (s *Sandbox) updateCaption(c *call) error {
	parts, err := c.parts(captionParts()...)
	if err != nil {
		return err
	}
	var m media
	var in captionInput
	if c.q.Has("uploadType") {
		if m, err = s.spool(c, maxCaption); err != nil {
			return err
		}
		defer os.Remove(m.file) // gone if it was kept
	} else {
		var raw json.RawMessage
		if _, err := c.read(&raw); err != nil {
			return err
		}
		m.meta = raw
	}
	if len(m.meta) > 0 {
		if _, err := decode(m.meta, &in); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.findCaption(in.ID)
	switch {
	case t == nil:
		return captionNotFound("body.id")
	case m.size == 0 && in.Snippet.IsDraft == nil:
		return captionError(http.StatusBadRequest, "contentRequired", "The request did not upload an updated caption file.")
	}
	if in.Snippet.IsDraft != nil {
		t.Draft = *in.Snippet.IsDraft
	}
	if m.size > 0 {
		t.Failed, t.SHA256 = !looksLikeCaptions(m.file), m.sum
		if err := os.Rename(m.file, s.captionFile(t.ID)); err != nil {
			return fmt.Errorf("keep captions: %w", err)
		}
	}
	t.Updated = s.now()
	if err := s.saveLists(); err != nil {
		return err
	}
	return c.answer(http.StatusOK, t.resource(parts))
}

func (s *Sandbox) deleteCaption(c *call) error {
	id := c.q.Get("id")
	if id == "" {
		return missingParameter("id")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.findCaption(id) == nil {
		return captionNotFound("id")
	}
	s.lists.Captions = slices.DeleteFunc(s.lists.Captions, func(t *caption) bool { return t.ID == id })
	if err := s.saveLists(); err != nil {
		return err
	}
	os.Remove(s.captionFile(id))
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Sandbox) downloadCaption(c *call) error {
	s.mu.Lock()
	t := s.findCaption(c.r.PathValue("id"))
	s.mu.Unlock()
	if t == nil {
		return captionNotFound("id")
	}
	c.w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeFile(c.w, c.r, s.captionFile(t.ID))
	return nil
}
