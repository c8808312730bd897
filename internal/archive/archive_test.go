package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/archive"
)

func anything(string) bool { return true }

// write makes an archive of files at path.
func write(t *testing.T, path string, files map[string]string) {
	t.Helper()
	w, err := archive.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := w.Add(t.Context(), name, strings.NewReader(text), int64(len(text)), time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Commit(t.Context()), w.Abort()); err != nil {
		t.Fatal(err)
	}
}

// read reads a folder.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		found[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestWhatIsWrittenIsUnpacked(t *testing.T) {
	files := map[string]string{
		"voci.db": strings.Repeat("pages ", 100_000), "vault/a.bin": "\x00\xff", "vault/empty": "", "sandbox/videos/-x_Y": "video",
		"uploads/" + strings.Repeat("long", 60): "a name of more than 100 bytes",
	}
	for _, name := range []string{"voci.tar", "voci.tar.zst", "voci-2026-11-24"} {
		path := filepath.Join(t.TempDir(), name)
		write(t, path, files)
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s can be read by others: %v, %v", name, info.Mode(), err)
		}
		if small := info.Size() < 100_000; small != strings.HasSuffix(name, ".zst") {
			t.Errorf("%s takes %d bytes", name, info.Size())
		}
		dir := t.TempDir()
		if err := archive.Unpack(t.Context(), path, dir, anything); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(files, read(t, dir)); diff != "" {
			t.Errorf("%s (-written +unpacked):\n%s", name, diff)
		}
		if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
			t.Errorf("%s left %v behind, %v", name, left, err)
		}
	}
}

func TestNothingIsWrittenOverOrLeftBehind(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "voci.tar")
	write(t, path, map[string]string{"a": "first"})
	if _, err := archive.Create(path); err == nil {
		t.Error("an archive was begun where one is")
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for name, c := range map[string]struct {
		ctx  context.Context
		size int64
		want error
	}{
		"a file that is shorter than was said": {t.Context(), 10, io.EOF},
		"a stop":                               {stopped, 4, context.Canceled},
	} {
		w, err := archive.Create(filepath.Join(dir, "second.tar"))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Add(c.ctx, "a", strings.NewReader("text"), c.size, time.Now()); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if err := w.Abort(); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("%s left %v behind, %v", name, left, err)
		}
	}
}

func TestAnArchiveThatIsNotWholeIsRefused(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "voci.tar")
	write(t, whole, map[string]string{"a": strings.Repeat("a", 5000), "b": "b"})
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(bytes.Clone(text), []byte("aaaa"), []byte("aaab"), 1)
	cases := map[string][]byte{"changed": changed, "empty": nil, "no archive": []byte("voci"), "zeros": make([]byte, 4096)}
	for n := 512; n < len(text)-2*512; n += 512 { // without the two empty blocks of its end it is still whole
		cases[fmt.Sprintf("cut after %d bytes", n)] = text[:n]
	}
	for name, text := range cases {
		path := filepath.Join(t.TempDir(), "bad")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := archive.Unpack(t.Context(), path, t.TempDir(), anything); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
}

func TestAHostileArchiveMakesNothingOutside(t *testing.T) {
	for name, headers := range map[string][]tar.Header{
		"a path upwards":         {{Name: "../evil", Typeflag: tar.TypeReg}},
		"a path down and up":     {{Name: "vault/../../evil", Typeflag: tar.TypeReg}},
		"a path from the root":   {{Name: "/tmp/evil", Typeflag: tar.TypeReg}},
		"an unclean path":        {{Name: "vault//evil", Typeflag: tar.TypeReg}},
		"no name":                {{Name: "", Typeflag: tar.TypeReg}},
		"a symbolic link":        {{Name: "vault", Typeflag: tar.TypeSymlink, Linkname: "/tmp"}, {Name: "vault/evil", Typeflag: tar.TypeReg}},
		"a hard link":            {{Name: "vault/evil", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}},
		"a device":               {{Name: "vault/evil", Typeflag: tar.TypeChar}},
		"a pipe":                 {{Name: "vault/evil", Typeflag: tar.TypeFifo}},
		"a folder":               {{Name: "vault/evil/", Typeflag: tar.TypeDir}},
		"a file twice":           {{Name: "vault/a", Typeflag: tar.TypeReg}, {Name: "vault/a", Typeflag: tar.TypeReg}},
		"a file over a folder":   {{Name: "vault/a/b", Typeflag: tar.TypeReg}, {Name: "vault/a", Typeflag: tar.TypeReg}},
		"a name not admitted":    {{Name: "etc/passwd", Typeflag: tar.TypeReg}},
		"no list of its files":   {{Name: "vault/a", Typeflag: tar.TypeReg}},
		"a list that is no list": {{Name: "manifest.json", Typeflag: tar.TypeReg}},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			w := tar.NewWriter(&b)
			for _, h := range headers {
				if err := w.WriteHeader(&h); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			around := t.TempDir()
			dir, file := filepath.Join(around, "data"), filepath.Join(around, "bad.tar")
			if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(file, b.Bytes(), 0o600)); err != nil {
				t.Fatal(err)
			}
			err := archive.Unpack(t.Context(), file, dir, func(name string) bool { return strings.HasPrefix(name, "vault/") })
			if err == nil {
				t.Error("it was taken")
			}
			if strings.Contains(fmt.Sprint(err), "is no back-up") && name != "no list of its files" && name != "no name" {
				t.Errorf("refused for another reason: %v", err)
			}
			if left, err := os.ReadDir(around); err != nil || len(left) != 2 {
				t.Errorf("something was made outside: %v, %v", left, err)
			}
		})
	}
}
