package upload

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// badLine is a proxy before a server, whose line a test can break.
type badLine struct {
	*toxiproxy.Proxy
	endpoint string
	client   *http.Client
}

func newBadLine(tb testing.TB, endpoint string) *badLine {
	tb.Helper()
	upstream := strings.TrimSuffix(strings.TrimPrefix(endpoint, "http://"), base)
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	p := toxiproxy.NewProxy(server, tb.Name(), "127.0.0.1:0", upstream)
	if err := p.Start(); err != nil {
		tb.Fatal(err)
	}
	transport := &http.Transport{}
	tb.Cleanup(func() {
		transport.CloseIdleConnections()
		p.Stop()
	})
	return &badLine{p, "http://" + p.Listen + base, &http.Client{Transport: transport}}
}

// toxic makes the line ill in the direction of the server.
func (l *badLine) toxic(tb testing.TB, kind string, attributes map[string]int64) {
	tb.Helper()
	data, err := json.Marshal(map[string]any{"type": kind, "stream": stream.Upstream.String(), "attributes": attributes})
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := l.Toxics.AddToxicJson(bytes.NewReader(data)); err != nil {
		tb.Fatal(err)
	}
}

// cutAt reads data and breaks the line when at bytes were read.
type cutAt struct {
	data []byte
	at   int
	cut  func()
	n    int
}

func (c *cutAt) Read(p []byte) (int, error) {
	if c.n == c.at && c.cut != nil {
		c.cut()
		c.cut = nil
	}
	end := len(c.data)
	if c.n < c.at {
		end = c.at
	}
	n := copy(p, c.data[c.n:end])
	c.n += n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// The line is cut at 20 places in three ways; the browser asks where it was
// and goes on, and the file is the one that was chosen.
func TestUploadSurvivesABrokenLine(t *testing.T) {
	const size = 600_000
	data := random(size)
	d := newDesk(t, nil)
	places := rand.New(rand.NewPCG(7, 3))
	for _, way := range []string{"close", "reset", "stall"} {
		t.Run(way, func(t *testing.T) {
			for range 20 {
				at := 1 + places.IntN(size-1)
				t.Run(fmt.Sprint(at), func(t *testing.T) {
					line := newBadLine(t, d.endpoint)
					ctx, hangUp := context.WithCancel(t.Context())
					defer hangUp()
					address := d.create(size)
					sent := make(chan error, 1)
					go func() {
						body := &cutAt{data: data, at: at, cut: func() {
							switch way {
							case "close":
								line.Stop()
							case "reset":
								line.toxic(t, "reset_peer", map[string]int64{"timeout": 0})
							case "stall":
								line.toxic(t, "timeout", map[string]int64{"timeout": 0})
							}
						}}
						req, err := http.NewRequestWithContext(ctx, http.MethodPatch, line.endpoint+idIn(address), body)
						if err != nil {
							sent <- err
							return
						}
						req.ContentLength = size
						req.Header.Set("Tus-Resumable", "1.0.0")
						req.Header.Set("Upload-Offset", "0")
						req.Header.Set("Content-Type", "application/offset+octet-stream")
						res, err := line.client.Do(req)
						if err == nil {
							err = res.Body.Close()
						}
						sent <- err
					}()
					if way == "stall" {
						// The line neither moves nor ends; what arrived is
						// being held by a request that waits for more.
						eventually(t, "the line has stalled", func() bool { return line.sick() })
					} else if err := <-sent; err != nil {
						t.Logf("the browser saw: %v", err)
					}
					// The browser comes back on a good line.
					start := time.Now()
					for try := 1; ; try++ {
						n := d.head(address).offset(t)
						if n == size && try > 1 {
							break // refused, all the same the last try had brought everything
						}
						if n >= size {
							t.Fatalf("the offset is %d after a cut at %d", n, at)
						}
						res := d.patch(address, n, bytes.NewReader(data[n:]), size-n)
						if res.status == http.StatusNoContent {
							break
						}
						// What was under way in the proxy may have come in
						// between; a browser asks again after these two.
						if res.status != http.StatusConflict && res.status != http.StatusLocked || try == 5 {
							t.Fatalf("going on from %d: %d %s %v", n, res.status, res.body, res.err)
						}
					}
					if took := time.Since(start); took > 5*time.Second {
						t.Errorf("the hung request kept the upload for %v", took)
					}
					d.wantVault(address, data)
				})
			}
		})
	}
}

// sick reports whether the line was made ill.
func (l *badLine) sick() bool { return len(l.Toxics.GetToxicArray()) > 0 }

// dial begins a PATCH by hand, sends some of it, and keeps the line open.
func dial(t *testing.T, d *desk, address string, declared int, some []byte) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(d.srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "PATCH %s%s HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"+
		"Content-Type: application/offset+octet-stream\r\nContent-Length: %d\r\n\r\n%s", base, idIn(address), declared, some)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the bytes have come", func() bool {
		n, _, err := d.Progress(idIn(address))
		return err == nil && n == int64(len(some))
	})
	return conn
}

func answer(t *testing.T, conn net.Conn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A second request makes the hung one save and let go.
func TestHungRequestLetsGo(t *testing.T) {
	data := random(50_000)
	for name, come := range map[string]func(d *desk, address string){
		"HEAD":  func(d *desk, address string) { d.head(address) },
		"PATCH": func(d *desk, address string) { d.patch(address, 10_000, bytes.NewReader(data[10_000:20_000]), 10_000) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			address := d.create(int64(len(data)))
			conn := dial(t, d, address, len(data), data[:10_000])
			come(d, address)
			if got := answer(t, conn); !strings.Contains(got, " 423 ") || !strings.Contains(got, "upload.elsewhere") {
				t.Errorf("the hung request was told %q", got)
			}
			n := d.head(address).offset(t)
			if res := d.patch(address, n, bytes.NewReader(data[n:]), int64(len(data))-n); res.status != http.StatusNoContent {
				t.Fatalf("%d %s", res.status, res.body)
			}
			d.wantVault(address, data)
		})
	}
}

// A holder that cannot let go in time costs the others a pause, not the file.
func TestBusyUploadAnswersLocked(t *testing.T) {
	d := newDesk(t, nil)
	address := d.create(10)
	k, err := d.locks.NewLock(idIn(address))
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Lock(t.Context(), func() {}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error, 1)
	go func() { got <- d.locks.with(ctx, idIn(address), func() error { return nil }) }()
	eventually(t, "the holder is asked", func() bool {
		d.locks.mu.Lock()
		defer d.locks.mu.Unlock()
		return d.locks.holders[idIn(address)].asked
	})
	// The holder had not begun to read: it must not begin now.
	u, err := d.load(idIn(address))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := u.WriteChunk(t.Context(), 0, strings.NewReader("too late")); n != 0 || err == nil {
		t.Errorf("a holder that was asked wrote %d bytes, %v", n, err)
	}
	cancel()
	if err := <-got; err == nil {
		t.Error("the lock was given to two")
	}
	if err := k.Unlock(); err != nil {
		t.Fatal(err)
	}
	err = d.locks.with(t.Context(), idIn(address), func() error {
		if !d.locks.begin(idIn(address)) {
			t.Error("the next holder is asked for what the last one was")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	status, err := d.translate("ERR_LOCK_TIMEOUT", http.StatusInternalServerError)
	if status != http.StatusLocked || err == nil {
		t.Errorf("a lock that is not got in time answers %d", status)
	}
}

// What came over a line that died without a word is kept.
func TestSilentLineIsGivenUp(t *testing.T) {
	data := random(50_000)
	d := newDesk(t, func(o *Options) { o.NetworkTimeout = 200 * time.Millisecond })
	address := d.create(int64(len(data)))
	conn := dial(t, d, address, len(data), data[:10_000])
	if got := answer(t, conn); !strings.Contains(got, "upload.interrupted") {
		t.Errorf("the silent line was told %q", got)
	}
	if n := d.head(address).offset(t); n != 10_000 {
		t.Errorf("the offset is %d", n)
	}
	if res := d.patch(address, 10_000, bytes.NewReader(data[10_000:]), 40_000); res.status != http.StatusNoContent {
		t.Fatalf("%d %s", res.status, res.body)
	}
	d.wantVault(address, data)
}

func TestCloseSavesWhatCame(t *testing.T) {
	data := random(50_000)
	d := newDesk(t, nil)
	address := d.create(int64(len(data)))
	conn := dial(t, d, address, len(data), data[:10_000])
	if err := d.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := answer(t, conn); !strings.Contains(got, " 503 ") || !strings.Contains(got, "upload.restarting") {
		t.Errorf("the running request was told %q", got)
	}
	wantRefusal(t, d.patch(address, 10_000, bytes.NewReader(data[10_000:]), 40_000), 503, "upload.restarting")
	if res := d.head(address); res.status != http.StatusLocked {
		t.Errorf("HEAD while closing: %d, want 423", res.status)
	}
	if _, err := d.Stream(t.Context(), 7, "v.mp4", "video/mp4", bytes.NewReader(data)); err == nil {
		t.Error("a form was received while closing")
	}
	restarted := d.again(t)
	address = restarted.endpoint + idIn(address)
	if n := restarted.head(address).offset(t); n != 10_000 {
		t.Errorf("after the start the offset is %d", n)
	}
	if res := restarted.patch(address, 10_000, bytes.NewReader(data[10_000:]), 40_000); res.status != http.StatusNoContent {
		t.Fatalf("%d %s", res.status, res.body)
	}
	restarted.wantVault(address, data)
}

// A form cannot be resumed, so closing waits for it, but not for ever.
func TestCloseWaitsForForms(t *testing.T) {
	d := newDesk(t, nil)
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := d.Stream(context.WithoutCancel(t.Context()), 7, "v.mp4", "video/mp4", r)
		done <- err
	}()
	if _, err := w.Write([]byte("first half,")); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Close(short); err == nil {
		t.Error("Close did not wait")
	}
	if _, err := w.Write([]byte(" second half")); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := d.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := d.taken(); len(got) != 1 || got[0].Bytes != int64(len("first half, second half")) {
		t.Errorf("taken over: %+v", got)
	}
}

// The process is killed at moments of its own choosing while a video arrives,
// and started again each time.
func TestUploadSurvivesKill(t *testing.T) {
	const size = 24 << 20
	data := random(size)
	dir := t.TempDir()
	places := rand.New(rand.NewPCG(11, 5))

	start := func() (client, func()) {
		endpoint, kill := startServer(t, testServer(t, "ours", dir))
		return client{tb: t, endpoint: endpoint, http: &http.Client{Transport: &http.Transport{}}}, kill
	}
	c, kill := start()
	id := idIn(c.create(size))
	var at int64
	for range 10 {
		left := size - at
		cut := int(at) + 1 + places.IntN(int(min(left, 4<<20)))
		res := c.patch(c.endpoint+id, at, &cutAt{data: data[at:], at: cut - int(at), cut: kill}, left)
		if res.err == nil {
			t.Fatalf("the server outlived its end: %d", res.status)
		}
		c, kill = start()
		now := c.head(c.endpoint + id).offset(t)
		if now < at || now > int64(cut)+1<<20 {
			t.Fatalf("the offset was %d, the server was killed after %d, and now it is %d", at, cut, now)
		}
		at = now
	}
	// The last byte, then an end before anybody can have heard of it.
	go kill()
	c.patch(c.endpoint+id, at, bytes.NewReader(data[at:]), size-at)
	kill()
	for try := 0; ; try++ {
		c, kill = start()
		if at = c.head(c.endpoint + id).offset(t); at == size {
			break
		}
		if res := c.patch(c.endpoint+id, at, bytes.NewReader(data[at:]), size-at); res.status != http.StatusNoContent || try > 1 {
			t.Fatalf("%d %s %v", res.status, res.body, res.err)
		}
		kill()
	}
	got, err := os.ReadFile(filepath.Join(dir, "vault", id+vaultSuffix))
	if err != nil {
		t.Fatal(err)
	}
	if sum(got) != sum(data) {
		t.Errorf("the vault has %d other bytes", len(got))
	}
	if _, err := os.Stat(filepath.Join(dir, id+".received")); err != nil {
		t.Errorf("nobody took it over: %v", err)
	}
}
