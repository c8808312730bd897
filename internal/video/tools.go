package video

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Tools are the programs that do the work, as absolute paths.
type Tools struct {
	FFmpeg  string
	FFprobe string
	Prlimit string // sets the limits of memory and file size (util-linux)
	Nice    string // sets the priority (coreutils)
}

// Find looks for the tools in the PATH. Its error says what to install.
func Find() (Tools, error) {
	var t Tools
	var errs []error
	for _, tool := range []struct {
		path           *string
		name, package_ string
	}{
		{&t.FFmpeg, "ffmpeg", "ffmpeg"},
		{&t.FFprobe, "ffprobe", "ffmpeg"},
		{&t.Prlimit, "prlimit", "util-linux"},
		{&t.Nice, "nice", "coreutils"},
	} {
		path, err := exec.LookPath(tool.name)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s not found: install it with: apt-get install %s", tool.name, tool.package_))
			continue
		}
		*tool.path = path
	}
	return t, errors.Join(errs...)
}

// needs is what this package asks of ffmpeg, by the option that lists it.
var needs = map[string][]string{
	"-decoders": {"h264", "hevc", "vp8", "vp9", "aac", "opus"},
	"-encoders": {"libx264", "aac", "mjpeg"},
	"-filters":  {"thumbnail", "gblur", "zscale", "tonemap", "volumedetect", "aresample", "ebur128"},
}

// Check runs the tools once and says what this build of ffmpeg lacks.
func (t Tools) Check(ctx context.Context) error {
	in := New(t, Limits{})
	if _, err := in.output(ctx, t.FFprobe, 30*time.Second, 1<<20, "-v", "error", "-version"); err != nil {
		return fmt.Errorf("trying ffprobe: %w", err)
	}
	var missing []string
	for option, names := range needs {
		out, err := in.output(ctx, t.FFmpeg, 30*time.Second, 1<<20, "-v", "error", option)
		if err != nil {
			return fmt.Errorf("asking ffmpeg for its %s: %w", strings.TrimPrefix(option, "-"), err)
		}
		has := make(map[string]bool)
		for line := range strings.Lines(string(out)) {
			// " V....D h264   H.264 / AVC …": flags, then the name.
			if f := strings.Fields(line); len(f) >= 2 {
				has[f[1]] = true
			}
		}
		for _, name := range names {
			if !has[name] {
				missing = append(missing, strings.TrimSuffix(strings.TrimPrefix(option, "-"), "s")+" "+name)
			}
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("this ffmpeg lacks %s: install Debian's package ffmpeg", strings.Join(missing, ", "))
	}
	return nil
}
