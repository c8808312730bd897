package journey

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/voci-in-comune/voci/internal/journey/portal"
)

// line stands between browsers and a portal. The browser's own throttle will not
// do: what it has taken in it still hands over when it is cut, or when the tab
// is closed.
type line struct {
	t        testing.TB
	base     string // address of the portal, as browsers see it
	upstream string
	delay    time.Duration // there and back
	server   *toxiproxy.ApiServer
	proxy    *toxiproxy.Proxy
}

// start starts a portal at the other end of a line. env are settings of it.
func start(t testing.TB, env ...string) (*portal.Portal, *line) {
	t.Helper()
	l := &line{t: t, base: "http://127.0.0.1:0", server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())}
	l.lay(0)
	l.base = "http://" + l.proxy.Listen
	t.Cleanup(func() { l.cut() })
	p := portal.Start(t, append([]string{"VOCI_BASE_URL=" + l.base}, env...)...)
	l.upstream = strings.TrimPrefix(p.Base, "http://")
	l.lay(0)
	return p, l
}

// cut ends all that is under way, and lets nothing through.
func (l *line) cut() { l.proxy.Stop() }

// lay lays the line anew, one that lets so many bytes a second through to the
// portal; 0 any number.
func (l *line) lay(perSecond int64) {
	l.t.Helper()
	if l.proxy != nil {
		l.cut()
	}
	// A proxy of its own: toxiproxy takes seconds to make a used one well again.
	l.proxy = toxiproxy.NewProxy(l.server, "line", strings.TrimPrefix(l.base, "http://"), l.upstream)
	l.dress(perSecond)
	if err := l.proxy.Start(); err != nil {
		l.t.Fatalf("the line: %v", err)
	}
}

// dress makes a line that is not laid yet as slow as it is to be.
func (l *line) dress(perSecond int64) {
	l.t.Helper()
	if perSecond > 0 {
		l.toxic("bandwidth", "upstream", "rate", perSecond/1000) // toxiproxy counts bytes a millisecond
	}
	// First the rate, then the delay: the other way round toxiproxy would take in
	// whole files.
	if l.delay > 0 {
		l.toxic("latency", "upstream", "latency", l.delay.Milliseconds()/2)
		l.toxic("latency", "downstream", "latency", l.delay.Milliseconds()/2)
	}
}

// plain sends so many bytes over a line like this one, by itself and without a
// cut, and tells how long they took.
func (l *line) plain(perSecond, bytes int64) <-chan time.Duration {
	l.t.Helper()
	sink, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = sink.Close() })
	twin := &line{t: l.t, delay: l.delay, server: l.server, proxy: toxiproxy.NewProxy(l.server, "plain line", "127.0.0.1:0", sink.Addr().String())}
	twin.dress(perSecond)
	if err := twin.proxy.Start(); err != nil {
		l.t.Fatalf("the plain line: %v", err)
	}
	l.t.Cleanup(twin.cut)
	took := make(chan time.Duration, 1)
	begun := time.Now()
	go func() {
		if c, err := net.Dial("tcp", twin.proxy.Listen); err == nil {
			_, _ = io.CopyN(c, rand.Reader, bytes) // what is missing is missed at the other end
			_ = c.Close()
		}
	}()
	go func() {
		c, err := sink.Accept()
		if err != nil {
			return
		}
		if n, _ := io.Copy(io.Discard, c); n == bytes {
			took <- time.Since(begun)
		}
	}()
	return took
}

// resets breaks all that is under way as a network does that was changed: with a
// reset, after which nothing more is heard.
func (l *line) resets() { l.toxic("reset_peer", "upstream", "timeout", 0) }

// stalls lets nothing through any more, and does not say so.
func (l *line) stalls() {
	for _, way := range []string{"upstream", "downstream"} {
		l.toxic("latency", way, "latency", time.Hour.Milliseconds())
	}
}

func (l *line) toxic(kind, way, attribute string, value int64) {
	l.t.Helper()
	order := fmt.Sprintf(`{"name": "%s %s %d", "type": %q, "stream": %q, "attributes": {%q: %d}}`, kind, way, value, kind, way, attribute, value)
	if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(order)); err != nil {
		l.t.Fatalf("the line: %v", err)
	}
}
