// Package startup measures how soon the portal answers.
package startup

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/journey/portal"
)

// bareAddress, where it is set, makes this test program the bare server that the
// portal is compared with.
const bareAddress = "VOCI_TEST_BARE"

func TestMain(m *testing.M) {
	if address := os.Getenv(bareAddress); address != "" {
		fmt.Fprintln(os.Stderr, serveBare(address, os.Getenv("VOCI_DATA")))
		os.Exit(1)
	}
	code := m.Run()
	portal.Clean()
	os.Exit(code)
}

// serveBare is Echo with one route, that opens the same database.
func serveBare(address, data string) error {
	db, err := gorm.Open(sqlite.Open(filepath.Join(data, "voci.db")), &gorm.Config{})
	if err != nil {
		return err
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.GET("/", func(c echo.Context) error {
		var n int
		if err := db.WithContext(c.Request().Context()).Raw(`SELECT count(*) FROM municipalities`).Scan(&n).Error; err != nil {
			return err
		}
		return c.String(http.StatusOK, fmt.Sprint(n))
	})
	return e.Start(address)
}

// BenchmarkStart measures from exec to the first 200 of the home page on a
// migrated database, by turns with the bare server: "ratio" is the portal's time
// by the other's (at most 3).
func BenchmarkStart(b *testing.B) {
	p := portal.Start(b)
	p.Stop()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	var ours, bares []time.Duration
	for b.Loop() {
		ours = append(ours, first200(b, p.Program(), []string{"serve"}, p.Env(), p.Base))
		address := free(b)
		bares = append(bares, first200(b, self, nil, append(p.Env(), bareAddress+"="+address), "http://"+address))
	}
	slices.Sort(ours)
	slices.Sort(bares)
	mine, bare := ours[len(ours)/2], bares[len(bares)/2]
	b.ReportMetric(mine.Seconds()/bare.Seconds(), "ratio")
	b.ReportMetric(mine.Seconds()*1000, "ms/portal")
	b.ReportMetric(bare.Seconds()*1000, "ms/bare")
}

func free(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// first200 starts a program and returns how long it took to answer.
func first200(b *testing.B, program string, args, env []string, base string) time.Duration {
	b.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = env
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait() // the bare server knows no other end
	}()
	for {
		r, err := http.Get(base + "/")
		if err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return time.Since(start)
			}
		}
		if time.Since(start) > time.Minute {
			b.Fatalf("%s does not answer", program)
		}
		time.Sleep(time.Millisecond)
	}
}
