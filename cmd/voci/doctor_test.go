package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDoctorFindsWhatIsWrongAndSaysTheRemedy(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	o.run("link", "--municipality", cirie)
	noTools := t.TempDir()
	for name, c := range map[string]struct {
		setting string
		check   string // the one that fails
		remedy  string
	}{
		"no ffmpeg":          {"PATH=" + noTools, "ffmpeg", "apt-get install ffmpeg"},
		"a full disk":        {"VOCI_MIN_FREE_BYTES=1000000000000000", "data folder", "VOCI_MIN_FREE_BYTES"},
		"another secret key": {"VOCI_SECRET_KEY=" + strings.Repeat("B", 43) + "=", "secret key", "VOCI_SECRET_KEY"},
		"no mail server":     {"VOCI_SMTP_URL=smtp://127.0.0.1:1", "mail", "VOCI_SMTP_URL"},
		"no channel":         {"VOCI_YOUTUBE_ENDPOINT=http://127.0.0.1:1", "channel", "/redazione/youtube"},
	} {
		sick := &operator{t, o.data, append([]string{}, o.env...)}
		sick.env = append(sick.env, c.setting)
		r := sick.try("doctor")
		if r.code != 1 || strings.Count(r.out, "✗") != 1 || !strings.Contains(r.trouble, "1 of 9") {
			t.Errorf("%s: exit %d, %q, want one thing wrong in\n%s", name, r.code, r.trouble, r.out)
		}
		for line := range strings.Lines(r.out) {
			if strings.HasPrefix(line, "✗") && (!strings.HasPrefix(line, "✗ "+c.check+": ") || !strings.Contains(line, c.remedy)) {
				t.Errorf("%s: got %q, want it about %s, with %q", name, line, c.check, c.remedy)
			}
		}
	}
	damage(t, filepath.Join(o.data, "voci.db"))
	if r := o.try("doctor"); r.code != 1 || !strings.Contains(r.out, "✗ database: ") {
		t.Errorf("a damaged database: exit %d\n%s", r.code, r.out)
	}
}

// damage writes over the middle of a file.
func damage(t *testing.T, file string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(strings.Repeat("damage", 4000)), 3*4096); err != nil {
		t.Fatal(err)
	}
}

func TestDoctorTriesTheProgramThatWritesDownSpeech(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	o.run("link", "--municipality", cirie)
	for command, want := range map[string]string{
		`sh -c 'cat "$VOCI_AUDIO" | wc -c >&2; echo WEBVTT'`: "✓ speech to text: /",
		"/nowhere/whisper":                  "✗ speech to text: VOCI_TRANSCRIBE_COMMAND: find the program",
		`sh -c 'echo no model >&2; exit 1'`: "no model",
		"echo Buongiorno":                   "It must read the WAV file",
	} {
		each := &operator{t, o.data, append(append([]string{}, o.env...), "VOCI_TRANSCRIBE_COMMAND="+command)}
		r := each.try("doctor")
		if (r.code == 0) != strings.HasPrefix(want, "✓") || !strings.Contains(r.out, want) {
			t.Errorf("%s: exit %d, want %q in\n%s", command, r.code, want, r.out)
		}
	}
}
