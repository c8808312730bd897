package presskit

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"time"
)

// Item is a file of a bundle: content, or a path of one that is too large to be
// in memory.
type Item struct {
	Name    string
	Content []byte
	Path    string
}

// Bundle writes items into one ZIP. Pictures and videos are put in as they are:
// they do not get smaller.
func Bundle(w io.Writer, made time.Time, items []Item) error {
	z := zip.NewWriter(w)
	for _, item := range items {
		if err := pack(z, made, item); err != nil {
			return fmt.Errorf("pack %s: %w", item.Name, err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("pack a press kit: %w", err)
	}
	return nil
}

func pack(z *zip.Writer, made time.Time, item Item) error {
	out, err := z.CreateHeader(&zip.FileHeader{Name: item.Name, Method: zip.Store, Modified: made})
	if err != nil {
		return err
	}
	if item.Path == "" {
		_, err = out.Write(item.Content)
		return err
	}
	f, err := os.Open(item.Path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it is only read
	_, err = io.Copy(out, f)
	return err
}
