package youtube

import (
	"sync"
	"time"
	_ "time/tzdata" // the quota day follows the Pacific coast, wherever we run
)

// Bucket is one of the daily allowances of a Google project, each counted and
// exhausted on its own.
// https://developers.google.com/youtube/data/determine_quota_cost
type Bucket string

// The buckets that we draw from, with their usual sizes. A project may have
// been given others: they are settings, not constants.
const (
	BucketUploads    Bucket = "uploads"    // videos.insert: 100 calls
	BucketStatistics Bucket = "statistics" // videos.batchGetStats: 10,000 calls
	BucketUnits      Bucket = "units"      // everything else: 10,000 units
)

// What calls cost in their bucket.
// https://developers.google.com/youtube/data/determine_quota_cost
const (
	CostUpload     = 1
	CostStatistics = 1
	CostRead       = 1 // each page of a list
	CostWrite      = 50
)

var pacific = sync.OnceValue(func() *time.Location {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		panic("youtube: " + err.Error()) // not possible: time/tzdata is built in
	}
	return zone
})

// QuotaDay is the day on which a request made at t is counted, as YYYY-MM-DD.
// It is the calendar day on the Pacific coast.
func QuotaDay(t time.Time) string { return t.In(pacific()).Format(time.DateOnly) }

// NextReset is the first moment of the quota day after that of t: midnight on
// the Pacific coast, in Italy 09:00, or 08:00 in the weeks in which only one of
// the two has summer time.
func NextReset(t time.Time) time.Time {
	y, m, d := t.In(pacific()).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, pacific())
}
