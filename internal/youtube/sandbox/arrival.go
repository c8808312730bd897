package sandbox

import (
	"fmt"
	"os"
	"time"
)

// arrive makes the video of a session whose bytes are all there, and decides
// how its processing will end.
func (s *Sandbox) arrive(u *session) (*video, error) {
	now := s.now()
	v := &video{
		ID: u.VideoID, FileName: u.FileName, Size: u.Total, Notify: u.Notify,
		Snippet: snippet{Title: "unknown"}, Localizations: u.Metadata.Localizations,
		Uploaded: now, Ready: now.Add(max(s.processing, 0)),
	}
	if u.Metadata.Snippet != nil {
		v.Snippet = *u.Metadata.Snippet
	}
	if v.Snippet.CategoryID == "" {
		v.Snippet.CategoryID = defaultCategory
	}
	if u.Metadata.RecordingDetails != nil {
		v.Recording = *u.Metadata.RecordingDetails
	}
	wanted := status{}
	if u.Metadata.Status != nil {
		wanted = *u.Metadata.Status
	}
	v.setStatus(wanted, now, s.growth)

	f, err := os.Open(s.videoFile(v.ID))
	if err != nil {
		return nil, fmt.Errorf("look at a video: %w", err)
	}
	defer f.Close()
	switch v.Type = sniff(f); {
	case v.Size == 0:
		v.Failure = "emptyFile"
	case v.Type == "":
		v.Failure = "invalidFile"
	default:
		v.Millis = movieMillis(f, v.Size)
	}
	if v.Size <= hashAtOnce {
		if v.SHA256, err = s.digest(v.ID); err != nil {
			return nil, err
		}
	}
	s.misfortune(v, now)
	return v, nil
}

// misfortune applies the faults that wait for a video.
func (s *Sandbox) misfortune(v *video, now time.Time) {
	if f, hit := s.faults.take(SlowProcessing, "session"); hit {
		v.Ready = v.Ready.Add(f.delay())
	}
	if f, hit := s.faults.take(FailProcessing, "session"); hit {
		v.Failure = or(f.Reason, "conversion")
	}
	if f, hit := s.faults.take(RejectVideo, "session"); hit {
		v.Rejection = or(f.Reason, "termsOfUse")
	}
	if _, hit := s.faults.take(ForcePrivate, "session"); hit {
		v.Status.PublishAt = ""
		v.setPrivacy(private, now, s.growth)
		v.Published = false
	}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// setStatus puts a whole part status in place, with YouTube's defaults for what
// it leaves out.
func (v *video) setStatus(wanted status, now time.Time, growth float64) {
	privacy := or(wanted.PrivacyStatus, public) // the documented default
	wanted.PrivacyStatus = v.Status.PrivacyStatus
	wanted.License = or(wanted.License, "youtube")
	v.Status = wanted
	v.setPrivacy(privacy, now, growth)
	v.settle(now, growth)
}
