package upload

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkReceive sends one large file over loopback to tusd and to us, each
// in a process of its own, and reports megabytes a second, our share of tusd's
// speed, and how much the resident memory grew. tusd answers when the bytes
// are in the page cache, we when they are on the disk.
//
// VOCI_BENCH_BYTES sets the size (1 GiB). VOCI_BENCH_TUSD names a tusd binary;
// without it tusd is built from the module's version if its dependencies are
// in the module cache, and else composed as its own command does.
func BenchmarkReceive(b *testing.B) {
	size := int64(1 << 30)
	if s := os.Getenv("VOCI_BENCH_BYTES"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n <= 0 {
			b.Fatalf("VOCI_BENCH_BYTES is %q", s)
		}
		size = n
	}
	binary := tusdBinary(b)
	tusd := func(dir string) *exec.Cmd {
		if binary == "" {
			return testServer(b, "tusd", dir)
		}
		return exec.CommandContext(b.Context(), binary, "-host=127.0.0.1", "-port=0", "-base-path="+base, "-upload-dir="+dir)
	}
	ours := func(dir string) *exec.Cmd { return testServer(b, "ours", dir) }

	b.Run("tusd", func(b *testing.B) {
		theirs := newRunner(b, tusd)
		for b.Loop() {
			theirs.round(b, size)
		}
		theirs.report(b, size)
	})
	b.Run("ours", func(b *testing.B) {
		// tusd has a turn after each of ours, so that the ratio is one of the
		// same minutes on the same machine; the median leaves out the rounds in
		// which somebody else needed the disk.
		we, theirs := newRunner(b, ours), newRunner(b, tusd)
		for b.Loop() {
			we.round(b, size)
			theirs.round(b, size)
		}
		we.report(b, size)
		b.ReportMetric(theirs.median().Seconds()/we.median().Seconds(), "ratio")
	})
}

// runner is a server being measured.
type runner struct {
	dir, endpoint string
	pid           int
	before        int64 // kilobytes resident once warm
	rounds        []time.Duration
}

func newRunner(b *testing.B, command func(dir string) *exec.Cmd) *runner {
	b.Helper()
	r := &runner{dir: b.TempDir()}
	cmd := command(r.dir)
	r.endpoint, _ = startServer(b, cmd)
	r.pid = cmd.Process.Pid
	send(b, r.endpoint, 8<<20) // warm: connection, buffers, pools
	r.before = status(b, r.pid, "VmRSS")
	return r
}

// round sends one file and measures from the first byte to the answer.
func (r *runner) round(b *testing.B, size int64) {
	b.Helper()
	unix.Sync() // nobody pays for what another left unwritten
	start := time.Now()
	send(b, r.endpoint, size)
	r.rounds = append(r.rounds, time.Since(start))
	empty(b, r.dir)
}

func (r *runner) median() time.Duration {
	slices.Sort(r.rounds)
	return r.rounds[len(r.rounds)/2]
}

// report gives the median round in place of the loop's own time, and by how
// much the resident memory grew at its highest.
func (r *runner) report(b *testing.B, size int64) {
	b.Helper()
	m := r.median()
	b.ReportMetric(float64(m.Nanoseconds()), "ns/op")
	b.ReportMetric(float64(size)/1e6/m.Seconds(), "MB/s")
	b.ReportMetric(float64(status(b, r.pid, "VmHWM")-r.before)/1024, "MiB-grown")
}

// send makes an upload of size bytes in one PATCH and waits for the answer.
func send(tb testing.TB, endpoint string, size int64) {
	tb.Helper()
	c := client{tb: tb, endpoint: endpoint}
	address := c.create(size)
	res := c.patch(address, 0, io.LimitReader(&repeat{block: random(1 << 20)}, size), size)
	if res.status != http.StatusNoContent {
		tb.Fatalf("PATCH of %d bytes: %d %s", size, res.status, res.body)
	}
}

// repeat reads the same block for ever.
type repeat struct {
	block []byte
	at    int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := copy(p, r.block[r.at:])
	r.at = (r.at + n) % len(r.block)
	return n, nil
}

// empty deletes the files below dir.
func empty(tb testing.TB, dir string) {
	tb.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		return os.Remove(path)
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// status reads a number of kilobytes from /proc/<pid>/status (proc(5)).
func status(tb testing.TB, pid int, field string) int64 {
	tb.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		tb.Skipf("the memory of a process cannot be read here: %v", err)
	}
	for line := range bytes.Lines(data) {
		if rest, ok := strings.CutPrefix(string(line), field+":"); ok {
			n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				tb.Fatal(err)
			}
			return n
		}
	}
	tb.Fatalf("%s is not in /proc/%d/status", field, pid)
	return 0
}

// tusdBinary finds or builds tusd, without the network; "" if it cannot.
func tusdBinary(b *testing.B) string {
	b.Helper()
	if path := os.Getenv("VOCI_BENCH_TUSD"); path != "" {
		return path
	}
	version, err := exec.CommandContext(b.Context(), "go", "list", "-m", "-f", "{{.Version}}", "github.com/tus/tusd/v2").Output()
	if err != nil {
		b.Fatalf("ask for the version of tusd: %v", err)
	}
	dir := b.TempDir()
	cmd := exec.CommandContext(b.Context(), "go", "install", "github.com/tus/tusd/v2/cmd/tusd@"+strings.TrimSpace(string(version)))
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOPROXY=off", "GOBIN="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Logf("tusd's own command cannot be built from the module cache, its handler is composed here instead: %v\n%s", err, firstLine(out))
		return ""
	}
	return filepath.Join(dir, "tusd")
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

// testServer is a command that runs this test binary as a server.
func testServer(tb testing.TB, kind, dir string) *exec.Cmd {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), self)
	cmd.Env = append(os.Environ(), "VOCI_TEST_SERVER="+kind, "VOCI_TEST_DIR="+dir)
	return cmd
}

var addressPrinted = regexp.MustCompile(`http://(127\.0\.0\.1:\d+\S*)`)

// startServer runs a command that prints its address. kill is SIGKILL, and
// happens after the test if not before.
func startServer(tb testing.TB, cmd *exec.Cmd) (endpoint string, kill func()) {
	tb.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	_ = w.Close()
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // says that it was killed
		_ = r.Close()
	})
	tb.Cleanup(kill)
	lines := bufio.NewScanner(r)
	var printed []string
	for lines.Scan() {
		printed = append(printed, lines.Text())
		if m := addressPrinted.FindString(lines.Text()); m != "" {
			go func() { _, _ = io.Copy(io.Discard, r) }() // so that it never waits for us to read
			return m, kill
		}
	}
	tb.Fatalf("the server did not start: %s", strings.Join(printed, "\n"))
	return "", nil
}
