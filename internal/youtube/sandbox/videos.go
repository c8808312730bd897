package sandbox

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"
)

// tagged gives a resource its etag.
func tagged(o obj) obj {
	b, err := json.Marshal(o)
	if err != nil { // strings, numbers and times always encode
		return o
	}
	h := fnv.New64a()
	_, _ = h.Write(b) // never fails
	o["etag"] = strconv.FormatUint(h.Sum64(), 36)
	return o
}

// publishedAt is when the video came out, or else when it came in.
func (v *video) publishedAt() time.Time {
	if v.PublicFrom.IsZero() {
		return v.Uploaded.Truncate(time.Second)
	}
	return v.PublicFrom.Truncate(time.Second)
}

// duration is contentDetails.duration, empty while YouTube does not know it.
func (v *video) duration(now time.Time) string {
	if v.Millis == 0 || v.uploadStatus(now) != "processed" {
		return ""
	}
	return iso8601(v.Millis)
}

// resource is a video as its owner sees it, with the parts asked for.
// https://developers.google.com/youtube/v3/docs/videos#resource
func (s *Sandbox) resource(v *video, parts []string, now time.Time) obj {
	v.settle(now, s.growth)
	o := obj{"kind": "youtube#video", "id": v.ID}
	for _, part := range parts {
		switch part {
		case "snippet":
			o[part] = v.snippetPart()
		case "status":
			o[part] = v.statusPart(now)
		case "statistics":
			o[part] = s.statisticsPart(v, now, nil)
		case "processingDetails":
			o[part] = v.processingPart(now)
		case "contentDetails":
			o[part] = v.contentPart(now, s.hasCaptions(v.ID))
		case "fileDetails":
			o[part] = v.filePart()
		case "recordingDetails":
			o[part] = v.Recording
		case "localizations":
			if len(v.Localizations) > 0 {
				o[part] = v.Localizations
			}
		case "player":
			o[part] = obj{"embedHtml": fmt.Sprintf(`<iframe width="480" height="270" src="//www.youtube.com/embed/%s" allowfullscreen></iframe>`, v.ID)}
		case "suggestions":
			o[part] = v.suggestionsPart()
		case "liveStreamingDetails", "paidProductPlacementDetails", "topicDetails":
			o[part] = obj{}
		}
	}
	return tagged(o)
}

func (v *video) snippetPart() obj {
	o := obj{
		"publishedAt": v.publishedAt().Format(time.RFC3339), "channelId": channelID, "channelTitle": channelTitle,
		"title": v.Snippet.Title, "description": v.Snippet.Description, "categoryId": v.Snippet.CategoryID,
		"liveBroadcastContent": "none", "thumbnails": thumbnails("https://i.ytimg.com/vi/" + v.ID),
		"localized": obj{"title": v.Snippet.Title, "description": v.Snippet.Description},
	}
	if len(v.Snippet.Tags) > 0 {
		o["tags"] = v.Snippet.Tags
	}
	if v.Snippet.DefaultLanguage != "" {
		o["defaultLanguage"] = v.Snippet.DefaultLanguage
	}
	if v.Snippet.DefaultAudioLanguage != "" {
		o["defaultAudioLanguage"] = v.Snippet.DefaultAudioLanguage
	}
	return o
}

func thumbnails(base string) obj {
	return obj{
		"default": obj{"url": base + "/default.jpg", "width": 120, "height": 90},
		"medium":  obj{"url": base + "/mqdefault.jpg", "width": 320, "height": 180},
		"high":    obj{"url": base + "/hqdefault.jpg", "width": 480, "height": 360},
	}
}

func (v *video) statusPart(now time.Time) obj {
	yes := func(b *bool, otherwise bool) bool {
		if b == nil {
			return otherwise
		}
		return *b
	}
	o := obj{
		"uploadStatus": v.uploadStatus(now), "privacyStatus": v.Status.PrivacyStatus, "license": v.Status.License,
		"embeddable": yes(v.Status.Embeddable, true), "publicStatsViewable": yes(v.Status.PublicStatsViewable, true),
		"madeForKids":            yes(v.Status.SelfDeclaredMadeForKids, false),
		"containsSyntheticMedia": yes(v.Status.ContainsSyntheticMedia, false),
	}
	if v.Status.SelfDeclaredMadeForKids != nil {
		o["selfDeclaredMadeForKids"] = *v.Status.SelfDeclaredMadeForKids
	}
	if v.Status.PublishAt != "" {
		o["publishAt"] = v.Status.PublishAt
	}
	switch v.uploadStatus(now) {
	case "failed":
		o["failureReason"] = v.Failure
	case "rejected":
		o["rejectionReason"] = v.Rejection
	}
	return o
}

// statisticsPart adds to the counts the one that is always zero.
func (s *Sandbox) statisticsPart(v *video, now time.Time, hidden []string) obj {
	o := s.counts(v, now, hidden)
	o["favoriteCount"] = "0"
	return o
}

func (v *video) processingPart(now time.Time) obj {
	o := obj{
		"processingStatus": "processing", "fileDetailsAvailability": "available",
		"processingIssuesAvailability": "inProgress", "tagSuggestionsAvailability": "inProgress",
		"editorSuggestionsAvailability": "inProgress", "thumbnailsAvailability": "inProgress",
	}
	switch v.uploadStatus(now) {
	case "uploaded":
		const parts = 100
		whole, left := v.Ready.Sub(v.Uploaded), max(v.Ready.Sub(now), 0)
		done := int64(parts)
		if whole > 0 {
			done = int64(parts * (whole - left) / whole)
		}
		o["processingProgress"] = obj{
			"partsTotal": strconv.Itoa(parts), "partsProcessed": strconv.FormatInt(done, 10),
			"timeLeftMs": strconv.FormatInt(left.Milliseconds(), 10),
		}
		return o
	case "failed":
		o["processingStatus"], o["processingFailureReason"] = "failed", "transcodeFailed"
	case "rejected":
		o["processingStatus"] = "terminated"
	default:
		o["processingStatus"] = "succeeded"
	}
	for _, key := range []string{
		"processingIssuesAvailability", "tagSuggestionsAvailability", "editorSuggestionsAvailability", "thumbnailsAvailability",
	} {
		o[key] = "available"
	}
	return o
}

func (v *video) contentPart(now time.Time, captions bool) obj {
	o := obj{
		"dimension": "2d", "definition": "hd", "caption": strconv.FormatBool(captions), "licensedContent": false,
		"projection": "rectangular", "contentRating": obj{}, "hasCustomThumbnail": v.Thumbnail != "",
	}
	if d := v.duration(now); d != "" {
		o["duration"] = d
	}
	return o
}

func (v *video) filePart() obj {
	o := obj{"fileName": v.FileName, "fileSize": strconv.FormatInt(v.Size, 10), "fileType": "other"}
	if v.Type != "" {
		o["fileType"], o["container"] = "video", v.Type
	}
	if v.Millis > 0 {
		o["durationMs"] = strconv.FormatInt(v.Millis, 10)
	}
	return o
}

func (v *video) suggestionsPart() obj {
	if v.Failure == "invalidFile" || v.Failure == "emptyFile" {
		return obj{"processingErrors": []string{"notAVideoFile"}}
	}
	return obj{}
}

// listVideos knows the filter id only; a video that is not there is just absent.
func (s *Sandbox) listVideos(c *call) error {
	parts, err := c.parts(videoParts()...)
	if err != nil {
		return err
	}
	if c.q.Has("chart") || c.q.Has("myRating") {
		return &apiError{Code: http.StatusNotImplemented, Domain: "global", Reason: "notImplemented", Message: "This sandbox lists videos by id only."}
	}
	ids, err := s.asked(c)
	if err != nil {
		return err
	}
	var hidden []string
	if slices.Contains(parts, "statistics") {
		hidden = s.hiddenKeys(c.m.name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	items := []obj{}
	for _, id := range ids {
		if v := s.videos[id]; v != nil {
			item := s.resource(v, parts, now)
			if slices.Contains(parts, "statistics") {
				item["statistics"] = s.statisticsPart(v, now, hidden)
			}
			items = append(items, item)
		}
	}
	return c.answer(http.StatusOK, tagged(obj{
		"kind": "youtube#videoListResponse", "items": items,
		"pageInfo": obj{"totalResults": len(items), "resultsPerPage": len(items)},
	}))
}

func videoNotFound(location string) *apiError {
	return notFound("youtube.video", "videoNotFound", location, "video")
}

// updateVideo overwrites every part named, also with nothing:
// https://developers.google.com/youtube/v3/docs/videos/update
func (s *Sandbox) updateVideo(c *call) error {
	parts, err := c.parts(videoParts()...)
	if err != nil {
		return err
	}
	var m metadata
	keys, err := c.read(&m)
	if err != nil {
		return err
	}
	if err := named(keys, parts, videoParts()); err != nil {
		return err
	}
	if m.ID == "" {
		return missingParameter("resource.id")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	v := s.videos[m.ID]
	if v == nil {
		return videoNotFound("body.id")
	}
	v.settle(now, s.growth)
	if slices.Contains(parts, "snippet") {
		if m.Snippet == nil {
			m.Snippet = &snippet{}
		}
		if m.Snippet.CategoryID == "" && m.Snippet.Title != "" {
			return invalidCategory()
		}
	}
	if err := m.check(v.Snippet.DefaultLanguage); err != nil {
		return err
	}
	// Not documented, but a video must not end up with other languages and none of
	// its own.
	if slices.Contains(parts, "snippet") && m.Snippet.DefaultLanguage == "" && !slices.Contains(parts, "localizations") && len(v.Localizations) > 0 {
		return noDefaultLanguage()
	}
	if m.Status != nil && m.Status.PublishAt != "" && v.Published {
		return invalidPublishAt()
	}
	changed := *v
	changed.overwrite(m, parts, now, s.growth)
	if err := s.saveVideo(&changed); err != nil {
		return err
	}
	*v = changed
	return c.answer(http.StatusOK, s.resource(v, parts, now))
}

func (v *video) overwrite(m metadata, parts []string, now time.Time, growth float64) {
	for _, part := range parts {
		switch part {
		case "snippet":
			audio := v.Snippet.DefaultAudioLanguage // not among what an update may set
			v.Snippet = *m.Snippet
			v.Snippet.DefaultAudioLanguage = audio
		case "status":
			wanted := status{}
			if m.Status != nil {
				wanted = *m.Status
			}
			v.setStatus(wanted, now, growth)
		case "recordingDetails":
			v.Recording = recordingDetails{}
			if m.RecordingDetails != nil {
				v.Recording = *m.RecordingDetails
			}
		case "localizations":
			v.Localizations = m.Localizations
		}
	}
}

func (s *Sandbox) deleteVideo(c *call) error {
	id := c.q.Get("id")
	if id == "" {
		return missingParameter("id")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.videos[id]
	if v == nil {
		return videoNotFound("id")
	}
	if err := s.remove(v); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// remove takes a video away for good, with its captions and its thumbnail. Its
// places in playlists stay: see itemResource.
func (s *Sandbox) remove(v *video) error {
	// The description goes first: bytes without one are nobody's.
	if err := os.Remove(s.videoFile(v.ID) + ".json"); err != nil {
		return fmt.Errorf("delete a video: %w", err)
	}
	delete(s.videos, v.ID)
	os.Remove(s.videoFile(v.ID))
	os.Remove(s.thumbnailFile(v.ID))
	return s.dropCaptions(v.ID)
}
