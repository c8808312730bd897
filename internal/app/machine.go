package app

import (
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
)

// machine adds the addresses that other programs watch the portal by.
func (a *App) machine(e *echo.Echo) {
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", a.ready)
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewDBStatsCollector(a.DB.ReadSQL(), "readers"),
		a.gauge("voci_testimonies_in_review", "Testimonies that wait for a moderator.", `SELECT count(*) FROM testimonies WHERE state = 'in_review'`),
		a.gauge("voci_publications_open", "Publications that are not out yet.", `SELECT count(*) FROM publications WHERE state NOT IN ('public', 'removed')`),
		a.gauge("voci_publications_blocked", "Publications that need a person.", `SELECT count(*) FROM publications WHERE state = 'blocked'`),
		a.gauge("voci_views_synced_seconds", "When view counts were last synced without trouble, in seconds since 1970.",
			`SELECT coalesce(unixepoch(max(finished_at)), 0) FROM sync_runs WHERE failed = 0`),
	)
	e.GET("/metrics", a.metrics(echo.WrapHandler(promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))))
}

// ready tells the truth: the database answers and the disk has room.
func (a *App) ready(c echo.Context) error {
	if err := a.DB.ReadSQL().PingContext(c.Request().Context()); err != nil {
		return fault.Wrap(err, fault.Unavailable, "error.what.503")
	}
	return c.String(http.StatusOK, "ok\n")
}

// gauge is a number that the database knows.
func (a *App) gauge(name, help, query string) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
		var n float64
		if err := a.DB.ReadSQL().QueryRow(query).Scan(&n); err != nil {
			a.Log.Error("a metric cannot be read", "metric", name, "error", err)
			return -1
		}
		return n
	})
}

// metrics lets this machine in, and whoever has the token.
func (a *App) metrics(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		token, bearer := strings.CutPrefix(r.Header.Get(echo.HeaderAuthorization), "Bearer ")
		if bearer && a.Settings.MetricsKey != "" && subtle.ConstantTimeCompare([]byte(token), []byte(a.Settings.MetricsKey)) == 1 {
			return next(c)
		}
		if page.FromHere(r) {
			return next(c)
		}
		return fault.New(fault.NotFound, "error.what.404")
	}
}
