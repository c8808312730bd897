package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // formats of custom thumbnails
	_ "image/png"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

const (
	maxThumbnail      = 50 << 20  // bytes, since 2026-09-14
	minThumbnailWidth = 640       // pixels
	maxCaption        = 100 << 20 // bytes, of captions.insert in the discovery document
)

// media is a small file that came with a request, spooled to the disk.
type media struct {
	meta json.RawMessage // the JSON of a multipart request
	file string          // where the bytes wait; empty if there were none
	size int64
	sum  string // SHA-256 of the file
}

// spool takes the file of a request with uploadType media (the body is the file)
// or multipart (RFC 2387: first JSON, then the file).
func (s *Sandbox) spool(c *call, limit int64) (m media, err error) {
	body := http.MaxBytesReader(c.w, c.r.Body, limit+1<<20)
	switch kind := c.q.Get("uploadType"); kind {
	case "media":
		return s.spoolFile(m, body, limit)
	case "multipart":
		_, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
		if err != nil || params["boundary"] == "" {
			return m, badHeader("Content-Type")
		}
		parts := multipart.NewReader(body, params["boundary"])
		first, err := parts.NextPart()
		if err == nil {
			m.meta, err = io.ReadAll(io.LimitReader(first, 1<<20))
		}
		var second *multipart.Part
		if err == nil {
			second, err = parts.NextPart()
		}
		if err != nil {
			return m, &apiError{Code: http.StatusBadRequest, Domain: "global", Reason: "badContent", Message: "Multipart body cannot be read."}
		}
		return s.spoolFile(m, second, limit)
	default:
		return m, invalidParameter("uploadType", fmt.Sprintf("This sandbox takes media or multipart here; uploadType was %q.", kind))
	}
}

func (s *Sandbox) spoolFile(m media, from io.Reader, limit int64) (media, error) {
	f, err := os.CreateTemp(filepath.Join(s.dir, "captions"), ".new-*")
	if err != nil {
		return m, fmt.Errorf("spool a file: %w", err)
	}
	m.file = f.Name()
	h := sha256.New()
	m.size, err = io.Copy(io.MultiWriter(f, h), io.LimitReader(from, limit+1))
	m.sum = hex.EncodeToString(h.Sum(nil))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(m.file)
		return m, fmt.Errorf("spool a file: %w", err)
	}
	if m.size > limit {
		os.Remove(m.file)
		return m, &apiError{Code: http.StatusRequestEntityTooLarge, Domain: "global", Reason: "uploadTooLarge", Message: "Upload too large."}
	}
	return m, nil
}

// setThumbnail: https://developers.google.com/youtube/v3/docs/thumbnails/set
func (s *Sandbox) setThumbnail(c *call) error {
	if _, hit := s.faults.take(ThumbnailLimit, c.m.name); hit {
		return &apiError{
			Code: http.StatusTooManyRequests, Domain: "youtube.thumbnail", Reason: "uploadRateLimitExceeded",
			Message: "The channel has uploaded too many thumbnails recently. Please try the request again later.",
		}
	}
	id := c.q.Get("videoId")
	if id == "" {
		return missingParameter("videoId")
	}
	m, err := s.spool(c, maxThumbnail)
	if err != nil {
		return err
	}
	defer os.Remove(m.file) // gone if it was kept
	if m.size == 0 {
		return &apiError{Code: http.StatusBadRequest, Domain: "youtube.thumbnail", Reason: "mediaBodyRequired", Message: "The request does not include the image content."}
	}
	format, ok := thumbnailFormat(m.file)
	if !ok {
		return &apiError{
			Code: http.StatusBadRequest, Domain: "youtube.thumbnail", Reason: "invalidImage",
			Message: "The provided image content is invalid.", Location: "body", LocationType: "other",
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.videos[id]
	if v == nil {
		return notFound("youtube.thumbnail", "videoNotFound", "videoId", "video")
	}
	if err := os.Rename(m.file, s.thumbnailFile(id)); err != nil {
		return fmt.Errorf("keep a thumbnail: %w", err)
	}
	v.Thumbnail, v.ThumbnailSHA256 = format, m.sum
	if err := s.saveVideo(v); err != nil {
		return err
	}
	url := s.address(c.r) + "/sandbox/thumbnails/" + id
	return c.answer(http.StatusOK, tagged(obj{
		"kind": "youtube#thumbnailSetResponse",
		"items": []obj{{
			"default": obj{"url": url, "width": 120, "height": 90},
			"medium":  obj{"url": url, "width": 320, "height": 180},
			"high":    obj{"url": url, "width": 480, "height": 360},
		}},
	}))
}

// thumbnailFormat is the media type of an image that YouTube takes.
func thumbnailFormat(path string) (string, bool) {
	f, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer f.Close()
	config, format, err := image.DecodeConfig(f)
	return "image/" + format, err == nil && config.Width >= minThumbnailWidth
}

func (s *Sandbox) serveThumbnail(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	format := ""
	v := s.videos[r.PathValue("id")]
	if v != nil {
		format = v.Thumbnail
	}
	s.mu.Unlock()
	if format == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", format)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeFile(w, r, s.thumbnailFile(v.ID))
}

// looksLikeCaptions tells whether a file begins as SubRip or WebVTT do.
func looksLikeCaptions(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 4096))
	return err == nil && (strings.HasPrefix(strings.TrimPrefix(string(head), "\ufeff"), "WEBVTT") || strings.Contains(string(head), " --> "))
}
