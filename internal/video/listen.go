package video

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-shellwords"

	"github.com/voci-in-comune/voci/internal/fault"
)

// Listener is a program that reads speech and writes it down: any that takes a
// WAV file (16 kHz, one channel) and writes WebVTT. See docs/transcription.md.
type Listener struct {
	Program   string        // absolute path
	Args      []string      // as the setting has them
	MaxMemory int64         // address space, in bytes
	Patience  time.Duration // zero: what is more than enough for the length of the video
}

// FindListener looks for the program of a command, which is words as a shell
// parts them, without one: no variables, no pipes.
func FindListener(command string, maxMemory int64) (Listener, error) {
	words, err := ParseCommand(command)
	if err != nil {
		return Listener{}, err
	}
	path, err := exec.LookPath(words[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return Listener{}, fmt.Errorf("find the program that writes down speech: %w", err)
	}
	return Listener{Program: path, Args: words[1:], MaxMemory: maxMemory}, nil
}

// ParseCommand parts a command into its words.
func ParseCommand(command string) ([]string, error) {
	parser := shellwords.NewParser()
	words, err := parser.Parse(command)
	switch {
	case err != nil:
		return nil, fmt.Errorf("part the command into words: %w", err)
	case parser.Position >= 0:
		return nil, fmt.Errorf("there is a sign for a shell after %q: write sh -c '…' if you want one", strings.TrimSpace(string([]rune(command)[:parser.Position])))
	case len(words) == 0:
		return nil, errors.New("the command has no words")
	}
	return words, nil
}

// What listening may take and write.
const (
	hearHertz     = 16_000 // what speech-to-text programs ask for
	listenLeast   = 10 * time.Minute
	listenTimes   = 10      // times the length of the video, on top
	listenWrites  = 1 << 30 // bytes of one file of its own
	extractFactor = 2       // bytes of a sample
)

// Why a listener failed, for people. What it said itself is in the error's text.
const (
	listenSlow    = "captions.machine.slow"
	listenStopped = "captions.machine.stopped"
	listenOutput  = "captions.machine.output"
)

// Hear has a listener write down what is said in an MP4 of ours, in a language.
// Cues without words are none; nil is silence. It works in a folder of its own
// below scratch, which is gone afterwards.
// Its errors are those of the machine; where people can be told more it wraps a
// *fault.Error of kind fault.Invalid.
func (t *Inspector) Hear(ctx context.Context, l Listener, path, language string, length time.Duration, scratch string) (heard Cues, err error) {
	dir, err := os.MkdirTemp(scratch, "listen-*")
	if err != nil {
		return nil, fmt.Errorf("make a folder for listening: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	sound := filepath.Join(dir, "sound.wav")
	if err := t.extract(ctx, path, sound, length); err != nil {
		return nil, fmt.Errorf("take the sound out of a video: %w", err)
	}
	return t.listen(ctx, l, sound, language, length, dir)
}

// extract writes the sound of an MP4 of ours.
func (t *Inspector) extract(ctx context.Context, path, out string, length time.Duration) error {
	in, err := input(path, container{name: "mp4", demuxer: "mov"}, decoders)
	if err != nil {
		return err
	}
	args := append([]string{"-nostdin", "-hide_banner", "-nostats", "-v", "error", "-y"}, in...)
	args = append(args, "-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1",
		"-ac", "1", "-ar", strconv.Itoa(hearHertz), "-c:a", "pcm_s16le", "-f", "wav", "file:"+out)
	_, err = t.run(ctx, task{
		tool: t.tools.FFmpeg, args: args, timeout: listenLeast,
		maxWrite: 1<<20 + int64((length+time.Minute).Seconds())*hearHertz*extractFactor,
	})
	return err
}

func (t *Inspector) listen(ctx context.Context, l Listener, sound, language string, length time.Duration, dir string) (Cues, error) {
	f, err := os.Open(sound)
	if err != nil {
		return nil, fmt.Errorf("open the sound of a video: %w", err)
	}
	defer func() { _ = f.Close() }() // it is only read
	out := &limitedBuffer{max: MaxCaptions}
	_, err = t.run(ctx, task{
		tool: l.Program, args: l.Args, timeout: cmp.Or(l.Patience, listenLeast+listenTimes*length), maxWrite: listenWrites, memory: l.MaxMemory,
		stdin: f, stdout: out, dir: dir,
		env: inherit([]string{"LC_ALL=C.UTF-8", "TMPDIR=" + dir, "VOCI_AUDIO=" + sound, "VOCI_LANGUAGE=" + language}, "PATH", "LD_LIBRARY_PATH", "HOME"),
	})
	said := func(err error, key string) error { return fault.Wrap(err, fault.Invalid, key) }
	exit, stopped := errors.AsType[*toolError](err)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, errTooSlow):
		return nil, said(err, listenSlow)
	case stopped:
		return nil, said(exit, listenStopped)
	case fault.Of(err) == fault.Invalid: // it wrote without end
		return nil, said(err, listenOutput)
	case err != nil:
		return nil, err
	}
	text := bytes.TrimSpace(out.Bytes())
	if len(text) == 0 || string(text) == vttHeader {
		return nil, nil
	}
	cues, err := ReadCues(bytes.NewReader(text))
	if err != nil {
		return nil, said(err, listenOutput)
	}
	return cues.spoken(), nil
}

// spoken are the cues that say something.
func (cs Cues) spoken() (said Cues) {
	for _, c := range cs {
		if c.words != "" {
			said = append(said, c)
		}
	}
	return said
}

// Try has a listener write down a second of silence: it must come to its end and
// write nothing but captions.
func (t *Inspector) Try(ctx context.Context, l Listener) (err error) {
	dir, err := os.MkdirTemp("", "listen-*")
	if err != nil {
		return fmt.Errorf("make a folder for listening: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	sound := filepath.Join(dir, "sound.wav")
	_, err = t.run(ctx, task{tool: t.tools.FFmpeg, timeout: time.Minute, maxWrite: 1 << 20, args: []string{
		"-nostdin", "-hide_banner", "-nostats", "-v", "error", "-y",
		"-f", "lavfi", "-i", "anullsrc=channel_layout=mono:sample_rate=" + strconv.Itoa(hearHertz), "-t", "1", "-c:a", "pcm_s16le", "-f", "wav", "file:" + sound,
	}})
	if err != nil {
		return fmt.Errorf("make a second of silence: %w", err)
	}
	_, err = t.listen(ctx, l, sound, "it", time.Second, dir)
	return err
}
