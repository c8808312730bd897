// Package portal starts the built portal for tests that use it from outside, as
// people, operators and power cuts do: a process of its own, on a folder of its
// own, with its sandbox channel beside it.
package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// patience bounds every wait for something that happens in another process.
const patience = 60 * time.Second

// build compiles the program once for all tests of a process.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "voci-test-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "voci")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-tags=sqlite_fts5", "-o", file, "github.com/voci-in-comune/voci/cmd/voci").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the portal: %w\n%s", err, out)
	}
	return file, nil
})

// Clean removes the built program; call it at the end of TestMain.
func Clean() {
	if file, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(file))
	}
}

// Portal is a portal that runs, or ran, on its folder of data.
type Portal struct {
	Base   string // address, such as http://127.0.0.1:43211
	Data   string // folder
	SignIn string // address on the console that lets the first administrator in

	t       testing.TB
	program string
	env     []string
	process *exec.Cmd
	console *console
	ended   chan error
}

// Start starts a new portal. env are settings such as VOCI_POLL_EVERY=200ms,
// over those that make tests short. It is stopped at the end of the test.
func Start(t testing.TB, env ...string) *Portal {
	t.Helper()
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	// The address must be the same after a restart, as a browser expects.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	p := &Portal{Base: "http://" + address, Data: t.TempDir(), t: t, program: program}
	p.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(),
		"VOCI_DATA=" + p.Data, "VOCI_LISTEN=" + address, "VOCI_BASE_URL=" + p.Base, "VOCI_POLL_EVERY=200ms", "VOCI_WITHDRAWAL_GRACE=0s", "VOCI_MIN_FREE_BYTES=0",
	}, env...)
	p.Run()
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("the portal said:\n%s", p.console.tail())
		}
	})
	return p
}

var signIn = regexp.MustCompile(`http://\S+/entra/\S+`)

// Run starts the program and waits until it answers.
func (p *Portal) Run() {
	p.t.Helper()
	p.process = exec.Command(p.program, "serve")
	p.process.Env = p.env
	if p.console == nil {
		p.console = &console{}
	}
	p.process.Stdout, p.process.Stderr = p.console, p.console
	p.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	from := p.console.len()
	if err := p.process.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan error, 1)
	p.ended = ended
	process := p.process
	go func() { ended <- process.Wait() }()
	deadline := time.Now().Add(patience)
	for {
		if found := signIn.FindString(p.console.since(from)); found != "" && p.answers() {
			p.SignIn = found
			return
		}
		select {
		case err := <-ended:
			p.process = nil
			p.t.Fatalf("the portal ended: %v\n%s", err, p.console.tail())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("the portal does not answer\n%s", p.console.tail())
		}
	}
}

func (p *Portal) answers() bool {
	r, err := http.Get(p.Base + "/healthz")
	if err != nil {
		return false
	}
	_ = r.Body.Close()
	return r.StatusCode == http.StatusOK
}

// Kill ends the program as a power cut would, and waits until it is gone.
func (p *Portal) Kill() { _ = p.end(syscall.SIGKILL) } // it always ends badly

// Stop ends it as Ctrl-C does. A portal that does not stop by itself fails the
// test.
func (p *Portal) Stop() {
	p.t.Helper()
	if err := p.end(syscall.SIGINT); err != nil {
		p.t.Errorf("the portal did not stop well: %v\n%s", err, p.console.tail())
	}
}

func (p *Portal) end(signal syscall.Signal) error {
	if p.process == nil {
		return nil
	}
	_ = p.process.Process.Signal(signal) // it may have ended
	defer func() { p.process = nil }()
	select {
	case err := <-p.ended:
		return err
	case <-time.After(patience):
		_ = p.process.Process.Kill()
		return fmt.Errorf("it had to be killed: %w", <-p.ended)
	}
}

// Command runs the program beside the portal and returns what it prints.
func (p *Portal) Command(args ...string) string {
	p.t.Helper()
	out, trouble, err := p.Try(args...)
	if err != nil {
		p.t.Fatalf("voci %s: %v\n%s", strings.Join(args, " "), err, trouble)
	}
	return out
}

// Try is Command for what may fail, and for other goroutines than the test's.
func (p *Portal) Try(args ...string) (out, trouble string, err error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.program, args...)
	cmd.Env = p.env
	var said, complained bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &complained
	err = cmd.Run()
	return strings.TrimSpace(said.String()), complained.String(), err
}

// Channel tells what the sandbox channel holds.
func (p *Portal) Channel() sandbox.State {
	p.t.Helper()
	var s sandbox.State
	p.control(http.MethodGet, "/sandbox/state", nil, &s)
	return s
}

// Fail switches faults of the sandbox channel on.
func (p *Portal) Fail(faults ...sandbox.Fault) {
	p.t.Helper()
	body, err := json.Marshal(faults)
	if err != nil {
		p.t.Fatal(err)
	}
	p.control(http.MethodPost, "/sandbox/faults", body, nil)
}

// Seed gives the sandbox channel videos that it had before the portal, and
// returns their ids.
func (p *Portal) Seed(videos ...sandbox.SeedVideo) (ids []string) {
	p.t.Helper()
	body, err := json.Marshal(videos)
	if err != nil {
		p.t.Fatal(err)
	}
	p.control(http.MethodPost, "/sandbox/seed", body, &ids)
	return ids
}

// Google is where the sandbox channel answers in Google's place, such as
// http://127.0.0.1:43213.
func (p *Portal) Google() string {
	p.t.Helper()
	address, err := os.ReadFile(filepath.Join(p.Data, "sandbox", "address"))
	if err != nil {
		p.t.Fatal(err)
	}
	return "http://" + strings.TrimSpace(string(address))
}

func (p *Portal) control(method, path string, body []byte, into any) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.Google()+path, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		p.t.Fatalf("%s %s: %s %v\n%s", method, path, r.Status, err, text)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(text, into); err != nil {
		p.t.Fatal(err)
	}
}

// Until waits for a condition in the other process.
func (p *Portal) Until(what string, ok func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("never happened: %s\n%s", what, p.console.tail())
		}
	}
}

// console keeps what the program prints.
type console struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(b)
}

func (c *console) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Len()
}

func (c *console) since(n int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()[n:]
}

func (c *console) tail() string {
	text := c.since(0)
	return text[max(0, len(text)-8000):]
}

// Console returns everything that the program has printed.
func (p *Portal) Console() string { return p.console.since(0) }

// Program is the file of the built program, Env the settings that it is started
// with: for tests that start it themselves.
func (p *Portal) Program() string { return p.program }

// Env see Program.
func (p *Portal) Env() []string { return slices.Clone(p.env) }
