package sandbox

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// views is how often a video was seen by a time. It depends on nothing but the
// video and the time, so that a restart changes nothing: each video has its own
// popularity, between a quarter and seven quarters of growth, and days with
// their busy and quiet hours.
func (v *video) views(now time.Time, growth float64) int64 {
	n := v.Views
	from := later(v.PublicFrom, v.Ready)
	if !v.PublicFrom.IsZero() && now.After(from) && growth > 0 && v.Failure == "" && v.Rejection == "" {
		n += int64(growth * v.popularity() * (v.hours(now) - v.hours(from)))
	}
	return max(n, 0)
}

func (v *video) popularity() float64 { return 0.25 + 1.5*v.chance("popularity") }

// chance is a number in [0, 1) that belongs to the video.
func (v *video) chance(of string) float64 {
	h := sha256.Sum256([]byte(of + v.ID)) // spreads even ids that are alike
	return float64(binary.BigEndian.Uint64(h[:8])>>11) / (1 << 53)
}

// hours counts hours, busy ones as more than quiet ones. It never goes back.
func (v *video) hours(t time.Time) float64 {
	const swing, turn = 0.6, 2 * math.Pi / 24
	h := float64(t.UnixMilli()) / float64(time.Hour.Milliseconds())
	return h - swing/turn*math.Cos(turn*h+2*math.Pi*v.chance("busy hours"))
}

// takeViews takes views back from videos, as YouTube's audits do.
func (s *Sandbox) takeViews(ids []string, less int64) error {
	now := s.now()
	for _, v := range s.videos {
		if len(ids) > 0 && !slices.Contains(ids, v.ID) {
			continue
		}
		v.settle(now, s.growth)
		have := v.views(now, s.growth)
		if less == 0 {
			v.Views -= (have + 9) / 10
		} else {
			v.Views -= min(less, have)
		}
		if err := s.saveVideo(v); err != nil {
			return err
		}
	}
	return nil
}

// counts are a video's statistics, as decimal strings: JSON has no 64-bit
// integers. A key that is hidden is absent.
func (s *Sandbox) counts(v *video, now time.Time, hidden []string) obj {
	views := v.views(now, s.growth)
	all := obj{
		"viewCount":    strconv.FormatInt(views, 10),
		"likeCount":    strconv.FormatInt(int64(float64(views)*(0.02+0.06*v.chance("likes"))), 10),
		"commentCount": strconv.FormatInt(int64(float64(views)*(0.002+0.01*v.chance("comments"))), 10),
	}
	for _, key := range hidden {
		delete(all, key)
	}
	return all
}

// hiddenKeys are the statistics that the next answer leaves out.
func (s *Sandbox) hiddenKeys(method string) []string {
	f, hit := s.faults.take(HideStatistics, method)
	if hit && len(f.Keys) == 0 {
		return []string{"likeCount"}
	}
	return f.Keys
}

// asked are the ids of a request that may name up to 50, less those that vanish.
func (s *Sandbox) asked(c *call) ([]string, error) {
	ids := c.list("id")
	if len(ids) == 0 {
		return nil, noFilter("id")
	}
	if len(ids) > 50 {
		return nil, &apiError{
			Code: http.StatusBadRequest, Domain: "youtube.parameter", Reason: "invalidFilters",
			Message:  fmt.Sprintf("The request specifies an invalid filter parameter: %d ids, and 50 is the most.", len(ids)),
			Location: "parameters.id", LocationType: "other",
		}
	}
	gone := s.vanished(c.m.name)
	var kept []string
	for _, id := range ids {
		if !gone(id) && !slices.Contains(kept, id) {
			kept = append(kept, id)
		}
	}
	return kept, nil
}

// vanished tells which ids the next answer leaves out.
func (s *Sandbox) vanished(method string) func(id string) bool {
	f, hit := s.faults.take(Vanish, method)
	return func(id string) bool { return hit && (len(f.IDs) == 0 || slices.Contains(f.IDs, id)) }
}

// batchGetStats: https://developers.google.com/youtube/v3/docs/videos/batchGetStats
func (s *Sandbox) batchGetStats(c *call) error {
	if f, hit := s.faults.take(FailStatistics, c.m.name); hit {
		switch f.Status {
		case http.StatusForbidden:
			return &apiError{Code: f.Status, Domain: "youtube.common", Reason: "forbidden", Message: "Access forbidden. The request may not be properly authorized."}
		case http.StatusNotFound:
			return &apiError{Code: f.Status, Domain: "global", Reason: "notFound", Message: "Method not found."}
		case 0:
			return backendError(http.StatusInternalServerError)
		}
		return backendError(f.Status)
	}
	parts, err := c.parts("contentDetails", "id", "snippet", "statistics")
	if err != nil {
		return err
	}
	ids, err := s.asked(c)
	if err != nil {
		return err
	}
	hidden := s.hiddenKeys(c.m.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	items := []obj{}
	for _, id := range ids {
		v := s.videos[id]
		if v == nil {
			continue
		}
		v.settle(now, s.growth)
		item := obj{"kind": "youtube#videoStat", "id": id}
		for _, part := range parts {
			switch part {
			case "statistics":
				item[part] = s.counts(v, now, hidden)
			case "snippet":
				item[part] = obj{"publishTime": v.publishedAt().Format(time.RFC3339)}
			case "contentDetails":
				if d := v.duration(now); d != "" {
					item[part] = obj{"duration": d}
				}
			}
		}
		items = append(items, tagged(item))
	}
	return c.answer(http.StatusOK, tagged(obj{"kind": "youtube#batchGetStatsResponse", "items": items}))
}
