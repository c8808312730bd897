package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
)

// maxVideo is the largest file of videos.insert, in bytes (256 GiB).
const maxVideo = 274877906944

// insertVideo opens a resumable session:
// https://developers.google.com/youtube/v3/guides/using_resumable_upload_protocol
func (s *Sandbox) insertVideo(c *call) error {
	if _, hit := s.faults.take(UploadLimit, c.m.name); hit {
		return &apiError{
			Code: http.StatusBadRequest, Domain: "youtube.video", Reason: "uploadLimitExceeded",
			Message: "The user has exceeded the number of videos they may upload.",
		}
	}
	if kind := c.q.Get("uploadType"); kind != "resumable" {
		return invalidParameter("uploadType", fmt.Sprintf("This sandbox takes resumable uploads only, for no other kind can be resumed; uploadType was %q.", kind))
	}
	parts, err := c.parts(videoParts()...)
	if err != nil {
		return err
	}
	notify := true
	if v := c.q.Get("notifySubscribers"); v != "" {
		if notify, err = strconv.ParseBool(v); err != nil {
			return invalidParameter("notifySubscribers", fmt.Sprintf("Invalid boolean value: '%s'.", v))
		}
	}
	u := &session{Parts: parts, Notify: notify, Total: -1}
	if err := u.readHeaders(c.r.Header); err != nil {
		return err
	}
	var keys map[string]json.RawMessage
	if c.r.ContentLength != 0 {
		if keys, err = c.read(&u.Metadata); err != nil {
			return err
		}
	}
	if err := named(keys, parts, videoParts()); err != nil {
		return err
	}
	now := s.now()
	if err := u.Metadata.check(""); err != nil {
		return err
	}
	u.ID, u.VideoID, u.Opened, u.Used = random(24), random(8), now, now

	s.mu.Lock()
	s.expireSessions(now)
	err = s.save(filepath.Join("sessions", u.ID+".json"), u, true)
	if err == nil {
		s.sessions[u.ID] = u
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	s.log.Info("upload session opened", "video", u.VideoID, "total", u.Total)
	if _, hit := s.faults.take(LoseInitial, c.m.name); hit {
		panic(http.ErrAbortHandler)
	}
	q := url.Values{"uploadType": {"resumable"}, "part": {strings.Join(parts, ",")}, "upload_id": {u.ID}}
	h := c.w.Header()
	h.Set("Location", s.address(c.r)+"/upload/youtube/v3/videos?"+q.Encode())
	h.Set("X-GUploader-UploadID", u.ID)
	h.Set("Content-Length", "0")
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// readHeaders takes what the initiating request says about the file.
func (u *session) readHeaders(h http.Header) error {
	kind, _, _ := strings.Cut(h.Get("X-Upload-Content-Type"), ";")
	if kind != "" && kind != "application/octet-stream" && !strings.HasPrefix(kind, "video/") {
		return &apiError{
			Code: http.StatusBadRequest, Domain: "global", Reason: "badContent",
			Message: "Media type '" + kind + "' is not supported. Valid media types: [video/*, application/octet-stream]",
		}
	}
	if v := h.Get("X-Upload-Content-Length"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 {
			return badHeader("X-Upload-Content-Length")
		}
		if n > maxVideo {
			return &apiError{Code: http.StatusRequestEntityTooLarge, Domain: "global", Reason: "uploadTooLarge", Message: "Upload too large."}
		}
		u.Total = n
	}
	slug := h.Get("Slug")
	name, err := url.PathUnescape(slug) // RFC 5023 §9.7
	if err != nil {
		name = slug
	}
	if len(name) > 1024 || strings.ContainsFunc(name, unicode.IsControl) || (slug != "" && strings.TrimSpace(name) == "") {
		return invalid("invalidFilename", "Slug", "The video filename specified in the Slug header is invalid.")
	}
	u.FileName = name
	return nil
}

func badHeader(name string) *apiError {
	return &apiError{
		Code: http.StatusBadRequest, Domain: "global", Reason: "badRequest",
		Message: "Failed to parse " + name + " header.", Location: name, LocationType: "header",
	}
}
