package journey

import (
	"fmt"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/voci-in-comune/voci/internal/journey/portal"
)

// line stands between browsers and a portal. The browser's own throttle will not
// do: what it has taken in it still hands over when it is cut, or when the tab
// is closed.
type line struct {
	t        *testing.T
	base     string // address of the portal, as browsers see it
	upstream string
	server   *toxiproxy.ApiServer
	proxy    *toxiproxy.Proxy
}

// start starts a portal at the other end of a line.
func start(t *testing.T) (*portal.Portal, *line) {
	t.Helper()
	l := &line{t: t, base: "http://127.0.0.1:0", server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())}
	l.lay(0)
	l.base = "http://" + l.proxy.Listen
	t.Cleanup(func() { l.cut() })
	p := portal.Start(t, "VOCI_BASE_URL="+l.base)
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
	if perSecond > 0 {
		order := fmt.Sprintf(`{"type": "bandwidth", "stream": "upstream", "attributes": {"rate": %d}}`, perSecond>>10)
		if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(order)); err != nil {
			l.t.Fatalf("the line: %v", err)
		}
	}
	if err := l.proxy.Start(); err != nil {
		l.t.Fatalf("the line: %v", err)
	}
}
