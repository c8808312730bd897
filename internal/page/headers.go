package page

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/fault"
)

// noFrames keeps pages out of the frames of other sites, where a click may be
// meant for something else.
const noFrames = "frame-ancestors 'none'"

// AllowFrames lets other sites show this answer in a frame: only for pages that
// do nothing on behalf of who looks at them.
func (p *Pages) AllowFrames(c echo.Context) {
	all := p.policy.Get("Content-Security-Policy")
	c.Response().Header().Set("Content-Security-Policy", strings.Replace(all, noFrames, "frame-ancestors *", 1))
}

// policy are the headers of every answer. Nothing inline, nothing from
// elsewhere but YouTube's player without cookies, and that only after a click.
// An answer to a form may lead elsewhere only where formActions say: browsers
// hold redirects to form-action too (CSP Level 3, 6.4.1).
func policy(base *url.URL, formActions []string) http.Header {
	csp := []string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self'",
		"font-src 'self'",
		"media-src 'self' blob:", // a film that is on this device, before it leaves it
		"connect-src 'self'",
		"manifest-src 'self'",
		"frame-src https://www.youtube-nocookie.com",
		"form-action " + strings.Join(append([]string{"'self'"}, formActions...), " "),
		"base-uri 'none'",
		noFrames,
	}
	h := http.Header{}
	h.Set("Content-Security-Policy", strings.Join(csp, "; "))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	h.Set("Permissions-Policy", "camera=(self), microphone=(self), fullscreen=(self \"https://www.youtube-nocookie.com\"), "+
		"autoplay=(self \"https://www.youtube-nocookie.com\"), geolocation=(), payment=(), usb=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if base.Scheme == "https" {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	return h
}

// SameOrigin is the middleware that refuses posts from other sites.
func (p *Pages) SameOrigin() (echo.MiddlewareFunc, error) {
	protection := http.NewCrossOriginProtection()
	if p.base.Host != "" {
		// A proxy in front may not pass our own name on.
		if err := protection.AddTrustedOrigin(p.base.Scheme + "://" + p.base.Host); err != nil {
			return nil, err
		}
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := protection.Check(c.Request()); err != nil {
				return fault.Wrap(err, fault.Forbidden, "error.other_site")
			}
			return next(c)
		}
	}, nil
}
