package journey

import (
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/journey/portal"
)

// chooses has somebody in a browser choose a file, on a page that is ready.
func chooses(b *testing.B, p *portal.Portal, l *line, file string, before func(tab *browser.Tab)) *browser.Tab {
	b.Helper()
	tab := browser.Start(b).Person(b, l.base, browser.Phone).Tab()
	enter(tab, p.Command("link", "--municipality", balme), "/comune")
	id := send(tab, "Una prova di linea", "")
	tab.Open("/comune/testimonianze/" + id)
	tab.Until(`document.getElementById("testimony-form").dataset.ready === "yes"`)
	before(tab)
	tab.ChooseFile("File del video", file)
	return tab
}

// BenchmarkWeakLine sends 20 MB from Chromium over 400 kbit/s with 400 ms there
// and back, on a line that is cut every 20 s. "ratio" is the time that it took by
// the one that as many bytes take at the same time, by themselves, on a line like
// it that is never cut (at most 1.15); "nominal" is by what 400 kbit/s would give,
// which a machine with much else to do does not.
//
// VOCI_BENCH_LINE_BYTES sets another size.
func BenchmarkWeakLine(b *testing.B) {
	const rate, delay, every = 50_000, 400 * time.Millisecond, 20 * time.Second
	size := int64(20_000_000)
	if set := os.Getenv("VOCI_BENCH_LINE_BYTES"); set != "" {
		var err error
		if size, err = strconv.ParseInt(set, 10, 64); err != nil {
			b.Fatalf("VOCI_BENCH_LINE_BYTES: %v", err)
		}
	}
	for b.Loop() {
		b.StopTimer()
		p, l := start(b, "VOCI_MAX_UPLOAD_BYTES="+strconv.FormatInt(size+1, 10))
		path := filepath.Join(b.TempDir(), "linea.mp4")
		f, err := os.Create(path)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.CopyN(f, rand.Reader, size); err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
		tab := chooses(b, p, l, path, func(tab *browser.Tab) {
			tab.Forgive("net::ERR_")
			tab.Forgive("status of 409")
			l.delay = delay
			l.lay(rate)
		})
		ideal := time.Duration(float64(size) / rate * float64(time.Second))
		begun := time.Now()
		plain := l.plain(rate, size)
		b.StartTimer()
		cut := time.NewTicker(every)
		cuts := 0
		for inVault(b, p) == "" {
			select {
			case <-cut.C:
				l.lay(rate)
				cuts++
			case <-time.After(50 * time.Millisecond):
			}
			if time.Since(begun) > 2*ideal+time.Minute {
				b.Fatalf("%d bytes of %d have arrived after %s", uploaded(b, p), size, time.Since(begun))
			}
		}
		took := time.Since(begun)
		b.StopTimer()
		cut.Stop()
		l.delay = 0
		l.lay(0)
		tab.Sees("Questo file non va bene") // noise is no video
		if digest(b, inVault(b, p)) != digest(b, path) {
			b.Error("other bytes arrived than were sent")
		}
		var alone time.Duration
		select {
		case alone = <-plain:
		case <-time.After(ideal + time.Minute):
			b.Fatal("the line that is never cut does not come to its end")
		}
		ratio := took.Seconds() / alone.Seconds()
		b.ReportMetric(ratio, "ratio")
		b.ReportMetric(took.Seconds()/ideal.Seconds(), "nominal")
		b.ReportMetric(float64(cuts), "cuts")
		if ratio > 1.15 {
			b.Errorf("it took %.3f times what the bytes alone took", ratio)
		}
		b.StartTimer()
	}
}

// BenchmarkHeapWhileSending sends 2 GB from Chromium and reports the most that
// the scripts of the page held meanwhile, in MB (at most 60).
func BenchmarkHeapWhileSending(b *testing.B) {
	const size, most = 2_000_000_000, 60_000_000
	for b.Loop() {
		b.StopTimer()
		p, l := start(b)
		path := filepath.Join(b.TempDir(), "enorme.mp4")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			b.Fatal(err)
		}
		if err := os.Truncate(path, size); err != nil {
			b.Fatal(err)
		}
		tab := chooses(b, p, l, path, func(*browser.Tab) {})
		b.StartTimer()
		var heap int64
		samples := 0
		for deadline := time.Now().Add(10 * time.Minute); inVault(b, p) == ""; samples++ {
			heap = max(heap, tab.Heap())
			time.Sleep(100 * time.Millisecond)
			if time.Now().After(deadline) {
				b.Fatalf("%d bytes have arrived", uploaded(b, p))
			}
		}
		b.StopTimer()
		b.ReportMetric(float64(heap)/1e6, "MB-heap")
		b.ReportMetric(float64(samples), "samples")
		if heap > most {
			b.Errorf("the scripts held %d bytes", heap)
		}
		b.StartTimer()
	}
}
