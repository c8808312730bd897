package page

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

type idKey struct{}

// RequestID is the id of the request's line in the log.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(idKey{}).(string)
	return id
}

// NewEcho is a router with what every face needs: errors as pages, posts from
// our own pages only. Its routes have no language and are for GET: Front takes
// the language off the address and turns HEAD into GET.
func (p *Pages) NewEcho() (*echo.Echo, error) {
	sameOrigin, err := p.SameOrigin()
	if err != nil {
		return nil, fmt.Errorf("base address: %w", err)
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = p.Error
	e.IPExtractor = p.client
	e.Pre(sameOrigin)
	return e, nil
}

// Front is what stands before everything: one line in the log for each request,
// headers, recovery, static files, pages from the cache, languages. next is the router, or
// what wraps it.
func (p *Pages) Front(cache *Cache, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		seen := &observer{ResponseWriter: w}
		h := w.Header()
		for name, values := range p.policy {
			h[name] = values
		}
		from := "static"
		switch {
		case strings.HasPrefix(r.URL.Path, staticPrefix):
			if !p.assets.serve(seen, r) {
				p.Refuse(seen, r, errNoAsset)
			}
		case cache != nil && cache.serve(seen, r):
			from = "cache"
		default:
			from = "page"
			id := rand.Text()[:12]
			h["X-Request-Id"] = []string{id}
			r = r.WithContext(context.WithValue(r.Context(), idKey{}, id))
			p.guarded(seen, r, next)
		}
		if !p.opt.Log.Enabled(r.Context(), slog.LevelInfo) {
			return
		}
		p.opt.Log.LogAttrs(r.Context(), slog.LevelInfo, "request",
			slog.String("method", r.Method), slog.String("path", maskedPath(r.URL.Path)),
			slog.Int("status", seen.status), slog.Int64("bytes", seen.written),
			slog.Duration("took", time.Since(start)), slog.String("from", from),
			slog.String("client", shortAddress(p.client(r))), slog.String("id", RequestID(r.Context())))
	})
}

// guarded turns a panic into a 500 with its stack in the log.
func (p *Pages) guarded(w *observer, r *http.Request, next http.Handler) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) { // asked for, see net/http
			panic(v)
		}
		p.opt.Log.Error("panic", "id", RequestID(r.Context()), "panic", v, "stack", string(debug.Stack()))
		if w.status != 0 {
			panic(http.ErrAbortHandler) // half an answer is out: cut it, so that nobody takes it for whole
		}
		p.Refuse(w, r, fmt.Errorf("panic: %v", v))
	}()
	next.ServeHTTP(w, stripLang(r))
}

// observer notes what was answered.
type observer struct {
	http.ResponseWriter
	status  int
	written int64
}

// Unwrap is for http.ResponseController.
func (o *observer) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (o *observer) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols { // 1xx come before the answer
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (o *observer) Write(b []byte) (int, error) {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	n, err := o.ResponseWriter.Write(b)
	o.written += int64(n)
	return n, err
}

// ReadFrom lets files go from disk to network without passing through us.
func (o *observer) ReadFrom(r io.Reader) (int64, error) {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	n, err := io.Copy(o.ResponseWriter, r)
	o.written += n
	return n, err
}

// secretPaths are those of which what follows is a secret.
var secretPaths = []string{"/entra/", "/approva/", "/continua/"}

// maskedPath is a path as the log may show it.
func maskedPath(path string) string {
	small := strings.ToLower(path) // also mistyped
	for _, secret := range secretPaths {
		if at := strings.Index(small, secret); at >= 0 && at+len(secret) <= len(path) {
			return path[:at] + secret + "…"
		}
	}
	return path
}

// shortAddress is an address without what tells a person: the last byte of IPv4,
// all but the first 48 bits of IPv6.
func shortAddress(client string) string {
	addr, err := netip.ParseAddr(client)
	if err != nil {
		return ""
	}
	addr = addr.Unmap().WithZone("")
	bits := 24
	if addr.Is6() {
		bits = 48
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return ""
	}
	return prefix.Addr().String()
}
