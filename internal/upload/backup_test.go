package upload_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/upload"
)

const (
	keptID   = "00112233445566778899aabbccddeeff"
	keptInfo = `{"ID":"00112233445566778899aabbccddeeff","Size":5,"MetaData":{"testimony":"7","filename":"a.mp4"},"Storage":{"Type":"voci"}}`
	receipt  = `{"ID":"00112233445566778899aabbccddeeff","Size":5,"MetaData":{"testimony":"7","filename":"a.mp4"},"Storage":{"Type":"voci","Received":"2026-11-24T10:00:00Z"}}`
)

// TestAnUploadIsKeptWhereverItIsByNow puts the two files of an upload in every
// place that they are in during its life, keeps it, and starts a portal on what
// was kept: the upload must go on, or be taken over if it is whole.
func TestAnUploadIsKeptWhereverItIsByNow(t *testing.T) {
	for name, c := range map[string]struct {
		info, data, vault string // what is in the three places; empty: nothing
		whole             bool
	}{
		"arriving":                  {info: keptInfo, data: "vid"},
		"whole, not moved":          {info: keptInfo, data: "video", whole: true},
		"moved, not taken over":     {info: keptInfo, vault: "video", whole: true},
		"taken over since the copy": {info: receipt, vault: "video", whole: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir, vault := t.TempDir(), t.TempDir()
			for path, text := range map[string]string{
				filepath.Join(dir, keptID+".info"): c.info, filepath.Join(dir, keptID): c.data, filepath.Join(vault, keptID+".bin"): c.vault,
			} {
				if text != "" {
					put(t, path, []byte(text))
				}
			}
			kept, err := upload.Keep(dir, vault, keptID)
			if err != nil {
				t.Fatal(err)
			}
			defer kept.Data.Close()
			data, err := io.ReadAll(kept.Data)
			if err != nil {
				t.Fatal(err)
			}

			restored := upload.Options{Dir: t.TempDir(), Vault: t.TempDir(), BasePath: "/caricamenti/", MaxBytes: 10}
			put(t, filepath.Join(restored.Dir, kept.InfoName), kept.Info)
			put(t, filepath.Join(restored.Dir, kept.DataName), data)
			var took []upload.Received
			restored.Admit = func(context.Context, upload.Offer) error { return nil }
			restored.Owns = func(context.Context, string) error { return nil }
			restored.Received = func(_ context.Context, r upload.Received) error {
				took = append(took, r)
				return nil
			}
			r, err := upload.New(restored)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !c.whole {
				if offset, total, err := r.Progress(keptID); offset != 3 || total != 5 || err != nil || took != nil {
					t.Errorf("it is at %d of %d, %v, and %v was taken over; want 3 of 5, nothing", offset, total, err, took)
				}
				return
			}
			want := []upload.Received{{UploadID: keptID, TestimonyID: 7, Path: keptID + ".bin", Bytes: 5, Filename: "a.mp4"}}
			if diff := cmp.Diff(want, took); diff != "" {
				t.Errorf("taken over (-want +got):\n%s", diff)
			}
			if got, err := os.ReadFile(filepath.Join(restored.Vault, keptID+".bin")); string(got) != "video" {
				t.Errorf("the vault holds %q, %v", got, err)
			}
		})
	}
	if _, err := upload.Keep(t.TempDir(), t.TempDir(), keptID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("one that was given up: got %v", err)
	}
	if _, err := upload.Keep(t.TempDir(), t.TempDir(), "../voci"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a name that is no upload's: got %v", err)
	}
}

func put(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
