package publishing_test

import (
	"runtime"
	"testing"

	"github.com/voci-in-comune/voci/internal/youtube"
)

// BenchmarkQueuedAtOnce publishes 100 testimonies that were approved at once,
// with cover and playlists, and compares the calls with those that the plans
// predict: more of them fail it. "MiB" is by how much the memory
// in use grew while they were sent.
func BenchmarkQueuedAtOnce(b *testing.B) {
	const many = 100
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b)
		for range many {
			w.poster(w.approved().ID, "poster.jpg")
		}
		for id := int64(1); id <= many; id++ {
			w.replan(id)
		}
		before := heap()
		most := before
		b.StartTimer()
		w.runWatched(func() { most = max(most, heap()) })
		b.StopTimer()
		ranges := (len(w.file) + youtube.RangeUnit - 1) / youtube.RangeUnit
		predicted := map[string]int{
			"channels.list": many, "videos.insert": many, "session": many * ranges,
			"thumbnails.set": many, "playlists.list": 3, "playlists.insert": 3, // two themes and a zone
			"playlistItems.list": 3 * many, "playlistItems.insert": 3 * many,
		}
		// A token that is over is found out by a call that costs nothing and is made
		// again: the days pass for the channel, not for the client's own clock.
		stale := w.sandbox.State().Calls["token"]
		calls, expected := 0, 0
		for method, n := range predicted {
			got := w.sandbox.State().Calls[method]
			if method == "channels.list" {
				got-- // connecting
			}
			if got < n || got > n+stale {
				b.Errorf("%d calls of %s, the plans predict %d", got, method, n)
			}
			calls, expected = calls+got, expected+n
		}
		// Looks go by fifty; how many rounds they take is YouTube's matter.
		looks := w.sandbox.State().Calls["videos.list"]
		if rounds := 3; looks > rounds*(many/youtube.MaxIDs+1) {
			b.Errorf("%d looks at %d videos", looks, many)
		}
		if calls > expected+stale {
			b.Errorf("%d calls, the plans predict %d", calls, expected)
		}
		b.ReportMetric(float64(calls)/float64(expected), "calls/predicted")
		b.ReportMetric(float64(looks), "looks")
		b.ReportMetric(float64(most-before)/(1<<20), "MiB")
		b.StartTimer()
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
