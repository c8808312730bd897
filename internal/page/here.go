package page

import (
	"net"
	"net/http"
	"net/url"
)

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
