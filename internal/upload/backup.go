package upload

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tus/tusd/v2/pkg/handler"
)

// Free tells how many bytes are free on the disk of a folder.
func Free(dir string) (int64, error) { return freeBytes(dir) }

// Kept is an upload as a back-up keeps it, for the folder of uploads.
type Kept struct {
	InfoName string
	Info     []byte
	DataName string
	Data     *os.File // at its beginning; to be closed by the caller
}

// Keep opens an upload for a back-up whose copy of the database, made before,
// says that it is still arriving. It may have come to its end since: then its
// bytes are taken from the vault and its receipt is left out, so that after a
// restore Recover has it taken over again. It returns fs.ErrNotExist if the
// upload was given up, or its files were never made.
func Keep(dir, vault, id string) (k Kept, err error) {
	if !validID(id) {
		return k, fmt.Errorf("keep upload %q: %w", id, fs.ErrNotExist)
	}
	// The .info first: bytes move to the vault after it was read, never back.
	text, err := os.ReadFile(filepath.Join(dir, id+infoSuffix))
	if err != nil {
		return k, fmt.Errorf("keep an upload: %w", err)
	}
	var info handler.FileInfo
	if err := json.Unmarshal(text, &info); err != nil {
		return k, fmt.Errorf("keep upload %s: %w", id, err)
	}
	delete(info.Storage, keyReceived)
	k = Kept{InfoName: id + infoSuffix, DataName: id}
	if k.Info, err = json.Marshal(info); err != nil {
		return k, fmt.Errorf("keep upload %s: %w", id, err)
	}
	k.Data, err = os.Open(filepath.Join(dir, id))
	if errors.Is(err, fs.ErrNotExist) {
		k.Data, err = os.Open(filepath.Join(vault, id+vaultSuffix))
	}
	if err != nil {
		return k, fmt.Errorf("keep upload %s: %w", id, err)
	}
	return k, nil
}
