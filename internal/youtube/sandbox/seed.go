package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// SeedVideo is a video that the channel has had since before the portal: it
// came by no upload, and there are no bytes of it.
type SeedVideo struct {
	Title           string    `json:"title"`
	Description     string    `json:"description"`
	Tags            []string  `json:"tags"`
	CategoryID      string    `json:"categoryId"` // empty: People & Blogs
	DefaultLanguage string    `json:"defaultLanguage"`
	Privacy         string    `json:"privacy"` // empty: public
	PublishedAt     time.Time `json:"publishedAt"`
	Duration        float64   `json:"duration"` // seconds
	Views           int64     `json:"views"`    // by now
}

// Seed adds videos to the channel and returns their ids in the same order. Among
// the uploads each stands by the time when it came out.
func (s *Sandbox) Seed(videos ...SeedVideo) (ids []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for i, one := range videos {
		v, err := s.seeded(one, now)
		if err != nil {
			return ids, fmt.Errorf("seed video %d: %w", i+1, err)
		}
		if err := s.saveVideo(v); err != nil {
			return ids, err
		}
		s.videos[v.ID] = v
		ids = append(ids, v.ID)
	}
	return ids, nil
}

func (s *Sandbox) seeded(one SeedVideo, now time.Time) (*video, error) {
	at := one.PublishedAt.UTC()
	switch {
	case at.IsZero() || at.After(now):
		return nil, errors.New("publishedAt must be a time in the past")
	case one.Duration < 0 || one.Views < 0:
		return nil, errors.New("duration and views are not negative")
	}
	nothing := sha256.Sum256(nil)
	v := &video{
		ID: random(8), Seq: s.nextSeq(), FileName: "before.mp4", SHA256: hex.EncodeToString(nothing[:]), Type: "mp4",
		Millis: int64(one.Duration * 1000), Uploaded: at, Ready: at,
		Snippet: snippet{
			Title: one.Title, Description: one.Description, Tags: slices.Clone(one.Tags),
			CategoryID: or(one.CategoryID, defaultCategory), DefaultLanguage: one.DefaultLanguage,
		},
	}
	wanted := status{PrivacyStatus: or(one.Privacy, public)}
	if err := errors.Join(v.Snippet.check(), wanted.check()); err != nil {
		return nil, err
	}
	v.setStatus(wanted, at, s.growth)
	v.Views = one.Views
	v.Views -= v.views(now, s.growth) - one.Views // what grew since it came out is among them
	return v, nil
}

// serveSeed takes one video or an array of them and answers their ids.
func (s *Sandbox) serveSeed(w http.ResponseWriter, r *http.Request) {
	videos, err := readControl[SeedVideo](http.MaxBytesReader(w, r.Body, 64<<20))
	var ids []string
	if err == nil {
		ids, err = s.Seed(videos...)
	}
	if err != nil {
		writeControl(w, http.StatusBadRequest, obj{"error": err.Error()})
		return
	}
	writeControl(w, http.StatusOK, ids)
}
