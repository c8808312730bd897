package page_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/web"
)

// TestWhoAsks: one address for handlers and for the log, and only believed
// proxies say another than their own.
func TestWhoAsks(t *testing.T) {
	var log strings.Builder
	p, err := page.New(page.Options{
		FS: web.Files, Static: built(t), BaseURL: "https://voci.example.it", Log: slog.New(slog.NewTextHandler(&log, nil)),
		Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("172.17.0.1/32")},
	})
	if err != nil {
		t.Fatal(err)
	}
	e, err := p.NewEcho()
	if err != nil {
		t.Fatal(err)
	}
	e.GET("/who", func(c echo.Context) error { return c.String(http.StatusOK, c.RealIP()) })
	front := p.Front(nil, e)
	for name, c := range map[string]struct {
		from, says string
		want, log  string
	}{
		"nobody in between":                      {"192.0.2.7:5000", "", "192.0.2.7", "192.0.2.0"},
		"a proxy here":                           {"127.0.0.1:5000", "192.0.2.7", "192.0.2.7", "192.0.2.0"},
		"a proxy here, of IPv6":                  {"[::1]:5000", "2001:db8:1:2::3", "2001:db8:1:2::3", "2001:db8:1::"},
		"a proxy here, and what its client said": {"127.0.0.1:5000", "198.51.100.9, 192.0.2.7", "192.0.2.7", "192.0.2.0"},
		"a proxy here, and nonsense":             {"127.0.0.1:5000", "nonsense, 192.0.2.7", "192.0.2.7", "192.0.2.0"},
		"two believed proxies":                   {"127.0.0.1:5000", "192.0.2.7, 172.17.0.1", "192.0.2.7", "192.0.2.0"},
		"somebody on a private network":          {"10.0.0.9:5000", "192.0.2.7", "10.0.0.9", "10.0.0.0"},
		"somebody on a believed one's network":   {"172.17.0.2:5000", "192.0.2.7", "172.17.0.2", "172.17.0.0"},
		"a stranger":                             {"192.0.2.7:5000", "127.0.0.1", "192.0.2.7", "192.0.2.0"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/who", nil)
		r.RemoteAddr = c.from
		if c.says != "" {
			r.Header.Set("X-Forwarded-For", c.says)
		}
		log.Reset()
		w := httptest.NewRecorder()
		front.ServeHTTP(w, r)
		if got := w.Body.String(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if !strings.Contains(log.String(), " client="+c.log+" ") {
			t.Errorf("%s: the log says %s", name, log.String())
		}
	}
}
