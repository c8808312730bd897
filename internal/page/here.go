package page

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/labstack/echo/v4"
)

// clientBehind tells the address that a request comes from, for the log and, as
// echo.Context.RealIP, for whatever counts what somebody does. X-Forwarded-For
// is read from its end: what a believed proxy says of who asked it, if that is one
// of them what it says in its turn, and so on. Nobody else is believed, also not
// on a network of our own: they could be a new sender each time.
func clientBehind(proxies []netip.Prefix) echo.IPExtractor {
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, one := range proxies {
		trust = append(trust, echo.TrustIPRange(&net.IPNet{IP: one.Addr().AsSlice(), Mask: net.CIDRMask(one.Bits(), one.Addr().BitLen())}))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}

// proxied are the headers by which proxies tell for whom they ask.
var proxied = []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"}

// FromHere tells whether the request comes from this machine without a proxy,
// and from a page of this machine: a name that leads here may be anybody's.
func FromHere(r *http.Request) bool {
	for _, name := range proxied {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && loopback(client) && loopback((&url.URL{Host: r.Host}).Hostname())
}

func loopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }
