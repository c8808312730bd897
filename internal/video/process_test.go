package video_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/video"
)

// children are the running programs whose command line names the file.
func children(t *testing.T, named string) []int {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, d := range dirs {
		line, err := os.ReadFile(d)
		if err != nil || !bytes.Contains(line, []byte(named)) {
			continue
		}
		if pid, err := strconv.Atoi(strings.Split(d, "/")[2]); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Somebody (the kernel, for want of memory) kills ffmpeg at work: that says
// nothing about the file, leaves nothing behind, and the next try succeeds.
func TestKilledFFmpegIsNoRefusal(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		in := video.New(tools(t), video.Limits{MaxDuration: time.Hour})
		facts, err := in.Inspect(t.Context(), clips["long"])
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "killed.mp4")
		killed := false
		err = in.Rendition(t.Context(), clips["long"], facts, out, func(time.Duration) {
			for _, pid := range children(t, filepath.Dir(out)) {
				killed = syscall.Kill(pid, signal) == nil || killed
			}
		})
		if !killed {
			t.Fatal("ffmpeg was not found at work")
		}
		if err == nil || fault.Of(err) == fault.Invalid {
			t.Errorf("%v: got %v, want a temporary error", signal, err)
		}
		noFiles(t, filepath.Dir(out))
	}
}

func TestCancelEndsFFmpeg(t *testing.T) {
	t.Parallel()
	in := video.New(tools(t), video.Limits{MaxDuration: time.Hour})
	facts, err := in.Inspect(t.Context(), clips["long"])
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := filepath.Join(t.TempDir(), "cancelled.mp4")
	seen := 0
	err = in.Rendition(ctx, clips["long"], facts, out, func(time.Duration) {
		seen += len(children(t, filepath.Dir(out)))
		cancel()
	})
	if !errors.Is(err, context.Canceled) || seen == 0 {
		t.Errorf("got %v after seeing %d processes, want the cancelling to end one", err, seen)
	}
	if left := children(t, filepath.Dir(out)); len(left) > 0 {
		t.Errorf("processes %v go on", left)
	}
	noFiles(t, filepath.Dir(out))
}

// encodeOnly names, for a process of its own, the clip to encode.
const encodeOnly = "VOCI_TEST_ENCODE_ONLY"

func encode(path string) int {
	found, err := video.Find()
	if err == nil {
		in := video.New(found, video.Limits{MaxDuration: time.Hour})
		out := filepath.Join(os.Getenv("VOCI_TEST_OUT"), "r.mp4")
		err = in.Rendition(context.Background(), path, video.Facts{Duration: 31 * time.Minute, FrameRate: 30}, out, nil)
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// A portal that is killed leaves no ffmpeg at work.
func TestToolsDieWithThePortal(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	portal := exec.CommandContext(t.Context(), self)
	portal.Env = append(os.Environ(), encodeOnly+"="+clips["long"], "VOCI_TEST_OUT="+dir)
	if err := portal.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "ffmpeg started", func() bool { return len(children(t, dir)) > 0 })
	// Stopped, it cannot come to an end by itself.
	pids := children(t, dir)
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, pid := range children(t, dir) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	if err := portal.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = portal.Wait() // it says that it was killed
	until(t, "ffmpeg ended", func() bool { return len(children(t, dir)) == 0 })
}

// until waits for a condition, for half a minute at most.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// The tools' own troubles are told apart from the file's by what they leave.
func TestTroublesOfTheMachine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, script string
		refused      string // empty: a temporary error
	}{
		{"full disk", "echo 'av_interleaved_write_frame(): No space left on device' >&2; exit 1", ""},
		{"broken installation", "echo 'error while loading shared libraries: libx264.so' >&2; exit 127", ""},
		{"killed", "kill -KILL $$", ""},
		{"crashed on the file", "kill -SEGV $$", "video.damaged"},
		{"grown beyond the limit", "exec head -c 1000000000 /dev/zero > \"$0.out\"", "video.damaged"},
		{"out of its memory", "echo 'Error while decoding: Cannot allocate memory' >&2; exit 1", "video.too_heavy"},
		{"bad data", "echo 'Invalid data found when processing input' >&2; exit 1", "video.damaged"},
		{"endless complaints", "yes complaint | head -c 30000000 >&2; echo 'Invalid data' >&2; exit 1", "video.damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			script := filepath.Join(t.TempDir(), "ffmpeg")
			if err := os.WriteFile(script, []byte("#!/bin/sh\n"+c.script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			facts := inspect(t, clips["mp4"])
			found := tools(t)
			found.FFmpeg = script
			err := video.New(found, video.Limits{}).Rendition(t.Context(), clips["mp4"], facts, filepath.Join(t.TempDir(), "r.mp4"), nil)
			if c.refused == "" {
				if err == nil || fault.Of(err) == fault.Invalid {
					t.Errorf("got %v, want a temporary error", err)
				}
				return
			}
			if got := key(t, err); got != c.refused {
				t.Errorf("refused with %s, want %s", got, c.refused)
			}
		})
	}
}

// The limits are real: a tool that wants more memory, or writes more, than it
// may is stopped, and it runs below normal priority.
func TestToolsAreConfined(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "ffmpeg")
	const body = "#!/bin/sh\n{ ulimit -v; ulimit -f; ulimit -c; nice; env | cut -d= -f1 | sort | tr '\\n' ' '; } >&2\nkill -KILL $$\n"
	if err := os.WriteFile(script, []byte(body), 0o700); err != nil {
		t.Fatal(err)
	}
	found := tools(t)
	found.FFmpeg = script
	in := video.New(found, video.Limits{MaxMemory: 1 << 30})
	said := video.Said(in, t.Context(), 1<<20)
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if len(lines) != 5 {
		t.Fatalf("the tool said %q", said)
	}
	want := []string{"1048576", "2048", "0", "10"} // KiB, blocks of 512 bytes, blocks, niceness
	if d := cmp.Diff(want, lines[:4]); d != "" {
		t.Errorf("memory, file size, core, niceness (-want +got):\n%s", d)
	}
	for _, name := range strings.Fields(lines[4]) {
		switch name {
		case "PATH", "LD_LIBRARY_PATH", "LC_ALL", "AV_LOG_FORCE_NOCOLOR", "MALLOC_ARENA_MAX", "PWD", "_", "OLDPWD", "SHLVL":
		default:
			t.Errorf("the tool sees %s of our environment", name)
		}
	}
}

func TestToolsSuffice(t *testing.T) {
	t.Parallel()
	if err := tools(t).Check(t.Context()); err != nil {
		t.Error(err)
	}
	lacking := tools(t)
	lacking.FFmpeg = "/bin/true"
	if err := lacking.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "libx264") {
		t.Errorf("a program without encoders passes: %v", err)
	}
}

func TestFindSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := video.Find()
	if err == nil || !strings.Contains(err.Error(), "apt-get install ffmpeg") || !strings.Contains(err.Error(), "apt-get install util-linux") {
		t.Errorf("without tools: %v", err)
	}
}
