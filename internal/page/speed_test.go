package page_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/page"
)

// BenchmarkCachedPage asks over loopback, by turns, for a page of 300 cards that
// the cache holds and for the same bytes from a bare Go handler: "ratio" is the
// portal's requests in a second as a share of the bare handler's (at least 0.5).
func BenchmarkCachedPage(b *testing.B) {
	const text = `{{define "content"}}<h1>Prova</h1>{{template "cards" .Page}}{{end}}`
	pages := newPages(b, func(o *page.Options) { o.FS = testPage("site/measured", text) })
	cache := pages.NewCache(64 << 20)
	e, err := pages.NewEcho()
	if err != nil {
		b.Fatal(err)
	}
	cards := make([]page.Card, 300)
	for i := range cards {
		cards[i] = page.Card{Href: "/testimonianze/1-balme", Municipality: "Balme", Residents: 110, Zone: "Ciriacese e Valli di Lanzo", Title: "La legna per chi è solo", Lang: "it"}
	}
	e.GET("/misura", cache.Wrap(func(c echo.Context) error {
		return pages.Render(c, http.StatusOK, "site/measured", page.Frame{Title: "Misura", Page: cards})
	}))
	portal := httptest.NewServer(pages.Front(cache, e))
	defer portal.Close()
	body := fetch(b, portal.URL+"/misura")
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(body)
	}))
	defer bare.Close()

	const round = 200
	var ours, others []time.Duration
	for b.Loop() {
		ours = append(ours, timed(b, portal.URL+"/misura", round))
		others = append(others, timed(b, bare.URL, round))
	}
	slices.Sort(ours)
	slices.Sort(others)
	mine, theirs := ours[len(ours)/2], others[len(others)/2]
	b.ReportMetric(theirs.Seconds()/mine.Seconds(), "ratio")
	b.ReportMetric(round/mine.Seconds(), "pages/s")
	b.ReportMetric(float64(len(body))/1000, "kB/page")
}

func timed(b *testing.B, url string, n int) time.Duration {
	b.Helper()
	start := time.Now()
	for range n {
		fetch(b, url)
	}
	return time.Since(start)
}

// get reads a page as it is, without compression: the bare handler has none.
func fetch(b *testing.B, url string) []byte {
	b.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity")
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK || !strings.Contains(r.Header.Get("Content-Type"), "html") {
		b.Fatalf("%s: %s %v", url, r.Status, err)
	}
	return body
}
