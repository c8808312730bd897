package survival

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// wire is a line to a server, as thin and as bad as a test wants it.
type wire struct {
	*toxiproxy.Proxy
	address string // http://host:port
}

// newWire lays a line to an address.
func newWire(t *testing.T, to string) *wire {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	p := toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", strings.TrimPrefix(to, "http://"))
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return &wire{p, "http://" + p.Listen}
}

// thin lets through so many bytes a second on the way to the server.
func (w *wire) thin(t *testing.T, perSecond int64) {
	t.Helper()
	w.toxic(t, "bandwidth", stream.Upstream, map[string]int64{"rate": perSecond >> 10})
}

// mute lets no answer through any more. Nor does the browser see the line end
// after it, as it would with toxiproxy's timeout.
func (w *wire) mute(t *testing.T) {
	t.Helper()
	w.toxic(t, "latency", stream.Downstream, map[string]int64{"latency": 10 * patience.Milliseconds()})
}

// heal makes it a good line again. What was under way on it is lost.
func (w *wire) heal(t *testing.T) {
	t.Helper()
	w.Stop()
	w.Toxics.ResetToxics(t.Context())
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
}

func (w *wire) toxic(t *testing.T, kind string, way stream.Direction, attributes map[string]int64) {
	t.Helper()
	data, err := json.Marshal(map[string]any{"type": kind, "stream": way.String(), "attributes": attributes})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Toxics.AddToxicJson(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
}
