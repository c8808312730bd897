package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/voci-in-comune/voci/internal/fault"
)

// Stream receives a file sent in one go, from a form without JavaScript, with
// the limits and refusals of tus and in constant memory. When it returns
// without an error the file is in the vault and was taken over. After an error
// nothing of it is left, unless the file was whole and only taking over failed:
// then Recover tries again.
func (r *Receiver) Stream(ctx context.Context, testimonyID int64, filename, contentType string, body io.Reader) (Received, error) {
	ctx, leave, err := r.enter(ctx)
	if err != nil {
		return Received{}, err
	}
	defer leave()
	o := Offer{
		UploadID:    newID(),
		TestimonyID: testimonyID,
		Filename:    CleanName(filename),
		ContentType: cleanType(contentType),
		Size:        -1,
	}
	if err := r.room(0); err != nil {
		return Received{}, err
	}
	if err := r.opt.Admit(ctx, o); err != nil {
		return Received{}, err
	}
	part := r.dataPath(o.UploadID) + partSuffix
	n, err := r.spool(part, body)
	if err != nil {
		_ = os.Remove(part) // the refusal matters more; Expire finds what stays
		return Received{}, err
	}
	u := &tusUpload{r: r, info: handler.FileInfo{
		ID:      o.UploadID,
		Size:    n,
		Offset:  n,
		Storage: map[string]string{"Type": "voci"},
		MetaData: handler.MetaData{
			metaTestimony: strconv.FormatInt(testimonyID, 10),
			metaFilename:  o.Filename,
			metaFiletype:  o.ContentType,
		},
	}}
	err = r.locks.with(ctx, o.UploadID, func() error {
		if err := os.Rename(part, r.dataPath(o.UploadID)); err != nil {
			return fmt.Errorf("name a whole file: %w", err)
		}
		if err := u.save(); err != nil {
			_ = os.Remove(r.dataPath(o.UploadID)) // without .info it does not exist
			return err
		}
		return r.settle(ctx, u)
	})
	if err != nil {
		return Received{}, err
	}
	return u.describe()
}

// spool writes body to a new file, whole and synced.
func (r *Receiver) spool(path string, body io.Reader) (n int64, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, onDisk("create a file for a form", err)
	}
	n, err = r.write(f, 0, r.opt.MaxBytes, body)
	if cerr := f.Close(); err == nil && cerr != nil {
		err = onDisk("close a file of a form", cerr)
	}
	var tooMany *http.MaxBytesError
	switch {
	case errors.As(err, &tooMany):
		return 0, r.tooLarge()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return 0, fault.Wrap(err, fault.Invalid, "upload.cut")
	case err != nil:
		return 0, err
	case n == 0:
		return 0, fault.New(fault.Invalid, "upload.empty")
	}
	return n, nil
}
