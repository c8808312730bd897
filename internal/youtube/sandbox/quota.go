package sandbox

import (
	"fmt"
	"net/http"
	"time"

	// The day of the quota is the Pacific one, also where no zone files are installed.
	_ "time/tzdata"
)

// The quota buckets: https://developers.google.com/youtube/v3/determine_quota_cost
const (
	uploads    = "uploads"    // calls of videos.insert
	statistics = "statistics" // calls of videos.batchGetStats
	units      = "units"      // everything else
)

func defaultQuota() map[string]int {
	return map[string]int{uploads: 100, statistics: 10_000, units: 10_000}
}

// usage is what was asked and spent; its file is renamed into place but not
// synced, for it is written at every call.
type usage struct {
	Day   string         `json:"day"` // Pacific
	Spent map[string]int `json:"spent"`
	Calls map[string]int `json:"calls"` // since the sandbox was made
}

// count notes a call of a method.
func (s *Sandbox) count(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.usage.Calls[name]++
	return s.saveUsage()
}

// spend takes cost from a bucket, or refuses as YouTube does when it is empty.
func (s *Sandbox) spend(bucket string, cost int) error {
	if bucket == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turnDay()
	if s.usage.Spent[bucket]+cost > s.quota[bucket] {
		return exhausted(bucket)
	}
	s.usage.Spent[bucket] += cost
	return s.saveUsage()
}

// turnDay fills the buckets again at midnight Pacific.
func (s *Sandbox) turnDay() {
	if day := s.clock().In(s.pacific).Format(time.DateOnly); day != s.usage.Day {
		s.usage.Day = day
		s.usage.Spent = map[string]int{}
	}
}

// exhausted is the refusal of an empty bucket. The shared units answer 403, the
// uploads 429 with the name of the limit in the text. Nobody has published what
// the statistics' bucket answers; being as young as that of the uploads it is
// taken to do the same.
func exhausted(bucket string) *apiError {
	if bucket == units {
		const message = `The request cannot be completed because you have exceeded your <a href="/youtube/v3/getting-started#quota">quota</a>.`
		return &apiError{Code: http.StatusForbidden, Domain: "youtube.quota", Reason: "quotaExceeded", Message: message}
	}
	metric, name := "Video Uploads", "video_uploads"
	if bucket == statistics {
		metric, name = "Video Stats", "video_stats"
	}
	const consumer = "project_number:000000000000"
	return &apiError{
		Code: http.StatusTooManyRequests, Domain: "global", Reason: "rateLimitExceeded",
		Message: fmt.Sprintf("Quota exceeded for quota metric '%s' and limit '%s per day' of service 'youtube.googleapis.com' for consumer '%s'.",
			metric, metric, consumer),
		Details: []obj{{
			"@type":  "type.googleapis.com/google.rpc.ErrorInfo",
			"reason": "RATE_LIMIT_EXCEEDED", "domain": "googleapis.com",
			"metadata": obj{
				"service": "youtube.googleapis.com", "consumer": consumer, "quota_unit": "1/d/{project}",
				"quota_metric": "youtube.googleapis.com/" + name,
			},
		}},
	}
}
