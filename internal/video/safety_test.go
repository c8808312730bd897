package video_test

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
)

// trap is a named pipe: whoever opens it to read is caught.
type trap struct {
	path   string
	caught chan struct{}
}

func newTrap(t *testing.T, path string) *trap {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	tr := &trap{path: path, caught: make(chan struct{})}
	go func() {
		// Opening to write waits until somebody opens to read.
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			f.Close()
		}
		close(tr.caught)
	}()
	t.Cleanup(func() { // let the goroutine go
		if f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil {
			<-tr.caught
			f.Close()
		}
	})
	return tr
}

func (tr *trap) sprung(wait time.Duration) bool {
	select {
	case <-tr.caught:
		return true
	case <-time.After(wait):
		return false
	}
}

// A playlist must never be followed, however it is dressed up: plainly, behind
// the first bytes of an MP4, and behind those of Matroska.
func TestPlaylistIsNeverFollowed(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer srv.Close()
	local := newTrap(t, filepath.Join(t.TempDir(), "secret.ts"))
	list := func(uri string) string {
		return "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n" + uri + "\n#EXT-X-ENDLIST\n"
	}
	for _, uri := range []string{srv.URL + "/a.ts", "file://" + local.path, local.path} {
		for name, before := range map[string]string{
			"plain":    "",
			"mp4":      "\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isomiso2\x00\x00\x00\x08moov",
			"matroska": "\x1a\x45\xdf\xa3\x84\x42\x86\x81\x01",
		} {
			_, err := inspector(t).Inspect(t.Context(), write(t, "video.mp4", []byte(before+list(uri))))
			if fault.Of(err) != fault.Invalid {
				t.Errorf("%s with %s: got %v, want a refusal", name, uri, err)
			}
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests reached the server that the playlist names", n)
	}
	if local.sprung(100 * time.Millisecond) {
		t.Error("the file that the playlist names was opened")
	}

	// The same playlists without our precautions: the traps do work.
	for _, uri := range []string{srv.URL + "/a.ts", local.path} {
		cmd := exec.CommandContext(t.Context(), tools(t).FFprobe, "-v", "quiet", "-f", "hls", "-allowed_extensions", "ALL",
			"-protocol_whitelist", "file,http,tcp", "-i", write(t, "video.m3u8", []byte(list(uri))))
		_ = cmd.Run() // it finds no video there, and fails
	}
	if asked.Load() == 0 || !local.sprung(10*time.Second) {
		t.Error("ffprobe without precautions does not follow the playlist either: this test proves nothing")
	}
}

// A QuickTime file can say that its media are in another file. That file is not
// opened.
func TestExternalReferenceIsNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := newTrap(t, filepath.Join(t.TempDir(), "other.mov"))
	path := write(t, "v.mov", withAlias(t, read(t, clips["phone"]), elsewhere.path))
	facts, err := inspector(t).Inspect(t.Context(), path)
	if err != nil && fault.Of(err) != fault.Invalid {
		t.Errorf("got %v, want facts or a refusal", err)
	}
	if err == nil {
		if err := inspector(t).Rendition(t.Context(), path, facts, filepath.Join(t.TempDir(), "r.mp4"), nil); err != nil && fault.Of(err) != fault.Invalid {
			t.Errorf("rendition: got %v, want none or a refusal", err)
		}
	}
	if elsewhere.sprung(100 * time.Millisecond) {
		t.Fatal("the file that the video refers to was opened")
	}

	cmd := exec.CommandContext(t.Context(), tools(t).FFprobe, "-v", "quiet", "-f", "mov", "-enable_drefs", "1", "-use_absolute_path", "1", "-i", path)
	_ = cmd.Run()
	if !elsewhere.sprung(10 * time.Second) {
		t.Error("ffprobe without precautions does not follow the reference either: this test proves nothing")
	}
}

// withAlias makes the first data reference of a QuickTime file whose index is
// last an alias to another file, by its absolute path (QuickTime File Format,
// "Data reference atoms"; Inside Macintosh, "Alias record").
func withAlias(t *testing.T, b []byte, target string) []byte {
	t.Helper()
	var record bytes.Buffer
	record.Write(make([]byte, 150)) // volume, file and levels: unused with an absolute path
	name := []byte(target)
	_ = binary.Write(&record, binary.BigEndian, []uint16{2, uint16(len(name))}) // 2: absolute path
	record.Write(name)
	if len(name)%2 == 1 {
		record.WriteByte(0)
	}
	_ = binary.Write(&record, binary.BigEndian, []uint16{0xffff, 0}) // the end
	entry := binary.BigEndian.AppendUint32(nil, uint32(12+record.Len()))
	entry = append(entry, "alis\x00\x00\x00\x00"...)
	entry = append(entry, record.Bytes()...)

	// Go down to the picture's data references, noting the boxes passed.
	var passed []int
	pos, end := 0, len(b)
	for _, kind := range []string{"moov", "trak", "mdia", "minf", "dinf", "dref"} {
		found := false
		for pos+8 <= end {
			size := int(binary.BigEndian.Uint32(b[pos:]))
			if string(b[pos+4:pos+8]) == kind {
				found = true
				passed = append(passed, pos)
				pos, end = pos+8, pos+size
				break
			}
			if size < 8 {
				break
			}
			pos += size
		}
		if !found {
			t.Fatalf("the clip has no %s", kind)
		}
	}
	at := pos + 8 // after version and count
	old := int(binary.BigEndian.Uint32(b[at:]))
	out := append(append(append([]byte(nil), b[:at]...), entry...), b[at+old:]...)
	for _, p := range passed {
		binary.BigEndian.PutUint32(out[p:], binary.BigEndian.Uint32(out[p:])+uint32(len(entry)-old))
	}
	return out
}

// Files with bytes changed in index and media end in facts or a refusal, in
// good time, and never in another error.
func TestMalformedFilesDoNoHarm(t *testing.T) {
	t.Parallel()
	in := inspector(t)
	usable := 0
	for _, clip := range []string{"faststart", "fragments", "webm", "browser"} {
		whole := read(t, clips[clip])
		for seed := range 5 {
			b := append([]byte(nil), whole...)
			// A small generator of its own keeps every run the same.
			x := uint32(seed)*2654435761 + 1
			for range 4 << (2 * seed) {
				x = x*1664525 + 1013904223
				b[64+int(x>>8)%(len(b)-64)] ^= byte(x >> 24)
			}
			path := write(t, filepath.Base(clips[clip]), b)
			facts, err := in.Inspect(t.Context(), path)
			if err != nil {
				if fault.Of(err) != fault.Invalid {
					t.Errorf("%s, seed %d: %v", clip, seed, err)
				}
				continue
			}
			usable++
			dir := t.TempDir()
			if err := in.Poster(t.Context(), path, facts, filepath.Join(dir, "p.jpg")); err != nil && fault.Of(err) != fault.Invalid {
				t.Errorf("%s, seed %d: poster: %v", clip, seed, err)
			}
			if err := in.Rendition(t.Context(), path, facts, filepath.Join(dir, "r.mp4"), nil); err != nil && fault.Of(err) != fault.Invalid {
				t.Errorf("%s, seed %d: rendition: %v", clip, seed, err)
			}
		}
	}
	if usable == 0 {
		t.Error("every changed file was refused: the decoders were never tried")
	}
}

// A file of nothing but tiny boxes is no burden.
func TestManyBoxesAreNoBurden(t *testing.T) {
	t.Parallel()
	b := []byte("\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isomiso2")
	b = append(b, bytes.Repeat([]byte("\x00\x00\x00\x08free"), 1<<20)...)
	_, err := inspector(t).Inspect(t.Context(), write(t, "boxes.mp4", b))
	if got := key(t, err); got != "video.incomplete" {
		t.Errorf("refused with %s, want video.incomplete", got)
	}
}
