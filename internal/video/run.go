package video

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
)

// stderrKept is how much of a tool's complaints is kept: a malformed file can
// make ffmpeg write one line for each frame.
const stderrKept = 16 << 10

// task is one run of a tool.
type task struct {
	tool     string
	args     []string
	timeout  time.Duration // on top of the context's own deadline
	maxWrite int64         // largest file it may write, in bytes; 0: none
	stdin    io.Reader     // may be nil
	stdout   io.Writer     // may be nil; an error of its Write ends the tool

	// For programs that are not ffmpeg.
	memory int64    // instead of the limit of ffmpeg's; 0: that one
	env    []string // instead of what ffmpeg gets to see
	dir    string   // where it runs; empty: where the portal does
}

// errTooSlow means that a tool was ended by its own limit of time.
var errTooSlow = errors.New("it took too long")

// run runs a tool confined and waits for it. It returns what the tool said on
// its standard error, at most the last stderrKept bytes.
func (t *Inspector) run(ctx context.Context, k task) (string, error) {
	name := filepath.Base(k.tool)
	if k.tool == "" || t.tools.Prlimit == "" || t.tools.Nice == "" {
		return "", errors.New("running ffmpeg: the tools were not found; see Find")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, k.timeout, errTooSlow)
	defer cancel()

	args := []string{
		"--as=" + strconv.FormatInt(cmp.Or(k.memory, t.limits.MaxMemory), 10),
		"--fsize=" + strconv.FormatInt(k.maxWrite, 10),
		"--core=0", "--nofile=256",
		"--", t.tools.Nice, "-n", "10", k.tool,
	}
	cmd := exec.CommandContext(ctx, t.tools.Prlimit, append(args, k.args...)...) //nolint:gosec // the tools come from Find, the arguments from this package
	cmd.Env, cmd.Dir = k.env, k.dir
	if k.env == nil {
		cmd.Env = environment()
	}
	cmd.Stdin = k.stdin
	tail := &tailBuffer{max: stderrKept}
	cmd.Stderr = tail
	sink := &sink{w: k.stdout, stop: cancel}
	if k.stdout != nil {
		cmd.Stdout = sink
	}
	// A group of its own, so that cancelling ends whatever the tool started.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second

	done := make(chan error, 1)
	go func() {
		// The parent-death signal is tied to the thread that forks, so the
		// thread must live as long as the tool: https://go.dev/issue/27505.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		done <- cmd.Run()
	}()
	err := <-done
	switch {
	case sink.err != nil:
		return tail.String(), sink.err
	case err == nil:
		return tail.String(), nil
	case errors.Is(context.Cause(ctx), errTooSlow):
		// Trying again would take the machine from everybody else as long again.
		return tail.String(), fault.Wrap(fmt.Errorf("running %s: %w", name, errTooSlow), fault.Invalid, "video.too_slow")
	case ctx.Err() != nil:
		return tail.String(), fmt.Errorf("running %s: %w", name, ctx.Err())
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return tail.String(), &toolError{name: name, exit: exit, stderr: tail.String()}
	}
	return tail.String(), fmt.Errorf("running %s: %w", name, err)
}

// output runs a tool that writes no file and returns its standard output, at
// most limit bytes of it.
func (t *Inspector) output(ctx context.Context, tool string, timeout time.Duration, limit int, args ...string) ([]byte, error) {
	out := &limitedBuffer{max: limit}
	_, err := t.run(ctx, task{tool: tool, args: args, timeout: timeout, stdout: out})
	return out.Bytes(), err
}

// environment is all that the tools get to see of ours: where programs and
// libraries are. Proxies, FFREPORT and secrets stay outside.
func environment() []string {
	// Fewer malloc arenas keep the address space close to what is used.
	return inherit([]string{"LC_ALL=C", "AV_LOG_FORCE_NOCOLOR=1", "MALLOC_ARENA_MAX=2"}, "PATH", "LD_LIBRARY_PATH")
}

// inherit adds variables of ours to an environment.
func inherit(env []string, names ...string) []string {
	for _, name := range names {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// toolError is a tool that ran and did not succeed.
type toolError struct {
	name   string
	exit   *exec.ExitError
	stderr string
}

func (e *toolError) Error() string {
	last := strings.TrimSpace(e.stderr)
	if i := strings.LastIndexByte(last, '\n'); i >= 0 {
		last = last[i+1:]
	}
	return fmt.Sprintf("%s: %v: %s", e.name, e.exit, last)
}

func (e *toolError) Unwrap() error { return e.exit }

// ours are the complaints of ffmpeg and of the wrappers that are about this
// machine and not about the file.
var ours = []string{
	"No space left on device", "Disk quota exceeded", "Read-only file system",
	"Permission denied", "No such file or directory", "Too many open files",
	"Resource temporarily unavailable", "received signal",
	"Unknown encoder", "No such filter", "Unrecognized option", "Option not found",
	"Unknown input format", "error while loading shared libraries", "prlimit: ",
}

// verdict turns a tool's failure into a refusal of the file where the file is
// at fault, and leaves every other error as it is.
func verdict(err error) error {
	e, ok := errors.AsType[*toolError](err)
	if !ok {
		return err
	}
	if status, ok := e.exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		switch status.Signal() {
		case syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGABRT, syscall.SIGFPE, syscall.SIGILL, syscall.SIGXFSZ:
			// The decoder crashed on it, or it grew beyond all measure.
			return fault.Wrap(err, fault.Invalid, "video.damaged")
		default:
			return err // killed by somebody, or for want of memory
		}
	}
	switch e.exit.ExitCode() {
	case 126, 127: // not executable, not found, or lacking its libraries
		return err
	case 123, 255: // ffmpeg stopped because it got a signal (fftools, sigterm_handler)
		return err
	}
	for _, s := range ours {
		if strings.Contains(e.stderr, s) {
			return err
		}
	}
	if strings.Contains(e.stderr, "Cannot allocate memory") || strings.Contains(e.stderr, "malloc of size") {
		return fault.Wrap(err, fault.Invalid, "video.too_heavy")
	}
	return fault.Wrap(err, fault.Invalid, "video.damaged")
}

// sink passes a tool's output on and ends the tool when nobody wants more.
type sink struct {
	w    io.Writer
	stop func()
	err  error
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil && s.err == nil {
		s.err = err
		s.stop()
	}
	return n, err
}

// tailBuffer keeps the last max bytes written to it.
type tailBuffer struct {
	max int
	b   []byte
}

func (t *tailBuffer) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if extra := len(t.b) - t.max; extra > 0 {
		t.b = append(t.b[:0], t.b[extra:]...)
	}
	return len(p), nil
}

func (t *tailBuffer) String() string { return string(t.b) }

// limitedBuffer keeps all that is written to it, and refuses to grow beyond max.
type limitedBuffer struct {
	bytes.Buffer
	max int
}

func (l *limitedBuffer) Write(p []byte) (int, error) {
	if l.Len()+len(p) > l.max {
		return 0, fault.New(fault.Invalid, "video.damaged")
	}
	return l.Buffer.Write(p)
}

// lines calls fn with each line written to it, without the line's end.
type lines struct {
	fn      func(line string) error
	pending []byte
}

// maxLine is far longer than any line we ask of the tools.
const maxLine = 64 << 10

func (l *lines) Write(p []byte) (int, error) {
	l.pending = append(l.pending, p...)
	rest := l.pending
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		if err := l.fn(string(rest[:i])); err != nil {
			return 0, err
		}
		rest = rest[i+1:]
	}
	if len(rest) > maxLine {
		return 0, fault.New(fault.Invalid, "video.damaged")
	}
	l.pending = append(l.pending[:0], rest...)
	return len(p), nil
}
