package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for another process.
const patience = 3 * time.Minute

// program is the built voci.
var program string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "voci-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program = filepath.Join(dir, "voci")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-tags=sqlite_fts5", "-o", program, ".").CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "build voci: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// operator looks after one folder of data.
type operator struct {
	t    *testing.T
	data string
	env  []string
}

// newOperator makes an operator of a folder that is not there yet. env are
// settings over those that keep tests short.
func newOperator(t *testing.T, env ...string) *operator {
	t.Helper()
	o := &operator{t: t, data: filepath.Join(t.TempDir(), "data")}
	o.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(),
		"VOCI_DATA=" + o.data, "VOCI_POLL_EVERY=200ms", "VOCI_MIN_FREE_BYTES=0",
	}, env...)
	return o
}

// result is what a command said and how it ended.
type result struct {
	out, trouble string
	code         int
}

// try runs a command to its end.
func (o *operator) try(args ...string) result {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = o.env
	var out, trouble bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &trouble
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		o.t.Fatalf("voci %s: %v", strings.Join(args, " "), err)
	}
	return result{strings.TrimSpace(out.String()), strings.TrimSpace(trouble.String()), cmd.ProcessState.ExitCode()}
}

// run runs a command that must do what it is asked.
func (o *operator) run(args ...string) string {
	o.t.Helper()
	r := o.try(args...)
	if r.code != 0 {
		o.t.Fatalf("voci %s: exit %d\n%s\n%s", strings.Join(args, " "), r.code, r.out, r.trouble)
	}
	return r.out
}

// refused runs a command that must end with 1 and one plain sentence that says
// all of words.
func (o *operator) refused(args []string, words ...string) {
	o.t.Helper()
	r := o.try(args...)
	if r.code != 1 {
		o.t.Errorf("voci %s: exit %d, want 1\n%s\n%s", strings.Join(args, " "), r.code, r.out, r.trouble)
	}
	if strings.Count(r.trouble, "\n") > 0 || !strings.HasPrefix(r.trouble, "voci: ") {
		o.t.Errorf("voci %s: want one plain sentence, got\n%s", strings.Join(args, " "), r.trouble)
	}
	for _, w := range words {
		if !strings.Contains(r.trouble, w) {
			o.t.Errorf("voci %s: got %q, want it to say %q", strings.Join(args, " "), r.trouble, w)
		}
	}
}

// daemon is a command that goes on until it is stopped.
type daemon struct {
	t       *testing.T
	cmd     *exec.Cmd
	console *console
	ended   chan error
}

// console keeps what a process prints.
type console struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// start starts a command and waits until its console matches ready.
func (o *operator) start(ready *regexp.Regexp, args ...string) *daemon {
	o.t.Helper()
	d := &daemon{t: o.t, cmd: exec.Command(program, args...), console: &console{}, ended: make(chan error, 1)}
	d.cmd.Env = o.env
	said := &console{}
	d.cmd.Stdout, d.cmd.Stderr = d.console, said
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	go func() { d.ended <- d.cmd.Wait() }()
	o.t.Cleanup(func() {
		_ = d.cmd.Process.Kill() // it has ended, if the test went well
		if o.t.Failed() {
			o.t.Logf("voci %s printed:\n%s\nand logged:\n%s", strings.Join(args, " "), d.console, said)
		}
	})
	until(o.t, "voci "+strings.Join(args, " ")+" is ready", func() bool {
		select {
		case err := <-d.ended:
			o.t.Fatalf("voci %s ended: %v\n%s", strings.Join(args, " "), err, said)
		default:
		}
		return ready.MatchString(d.console.String())
	})
	return d
}

// interrupt is Ctrl-C, after which the command must end well.
func (d *daemon) interrupt() {
	d.t.Helper()
	d.signal(os.Interrupt)
	if err := d.wait(); err != nil {
		d.t.Errorf("after Ctrl-C it ended with %v, want exit 0", err)
	}
}

func (d *daemon) signal(s os.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		d.t.Fatal(err)
	}
}

func (d *daemon) wait() error {
	d.t.Helper()
	select {
	case err := <-d.ended:
		return err
	case <-time.After(patience):
		d.t.Fatal("it does not end")
		return nil
	}
}

// until waits for a condition in another process.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// freeAddress is an address on this machine that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// browser is a person's browser.
type browser struct {
	t    *testing.T
	base string
	http *http.Client
}

func newBrowser(t *testing.T, base string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, base, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// answer is a response, read whole.
type answer struct {
	code   int
	header http.Header
	body   string
}

func (b *browser) do(method, path, kind string, body io.Reader, header map[string]string) answer {
	b.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = b.base + path
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	res, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(text)}
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	return b.do(http.MethodGet, path, "", nil, nil)
}

// with is the browser in a subtest.
func (b *browser) with(t *testing.T) *browser { return &browser{t, b.base, b.http} }

// form sends an empty form.
func (b *browser) form(path string) answer {
	b.t.Helper()
	return b.do(http.MethodPost, path, "application/x-www-form-urlencoded", nil, nil)
}

// post sends an empty form, and must be led on.
func (b *browser) post(path string) answer {
	b.t.Helper()
	a := b.form(path)
	if a.code != http.StatusSeeOther {
		b.t.Fatalf("POST %s: %d\n%s", path, a.code, a.body)
	}
	return a
}
