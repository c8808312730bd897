package upload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/voci-in-comune/voci/internal/fault"
)

// store keeps uploads for tusd. Its files look like those of tusd's own file
// store, which it replaces because that one never syncs, overwrites .info in
// place (a crash then loses the upload) and keeps absolute paths in it (a
// restored back-up in another folder would not find them).
type store struct{ r *Receiver }

var (
	_ handler.DataStore               = store{}
	_ handler.TerminaterDataStore     = store{}
	_ handler.LengthDeferrerDataStore = store{}
)

// keyReceived in handler.FileInfo.Storage holds the time at which the file was
// taken over; it makes the .info a receipt.
const keyReceived = "Received"

// tusUpload is one upload in tusd's hands, or in ours under its lock.
type tusUpload struct {
	r    *Receiver
	info handler.FileInfo
}

// NewUpload implements handler.DataStore: when it returns, a power cut does
// not lose the address that the browser is about to get.
func (s store) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	info.Storage = map[string]string{"Type": "voci"}
	u := &tusUpload{r: s.r, info: info}
	if err := u.create(); err != nil {
		return nil, refuse(ctx, err)
	}
	s.r.opt.Log.InfoContext(ctx, "upload created", "upload", info.ID,
		"testimony", info.MetaData[metaTestimony], "size", size(info))
	return u, nil
}

func (u *tusUpload) create() (err error) {
	path := u.r.dataPath(u.info.ID)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return onDisk("create an upload", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(path) // it was never announced; Expire finds what stays
		}
	}()
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return onDisk("sync a new upload", err)
	}
	return u.save()
}

// save writes the .info anew, whole or not at all.
func (u *tusUpload) save() error {
	data, err := json.Marshal(u.info)
	if err != nil {
		return fmt.Errorf("encode an upload's info: %w", err)
	}
	temp := u.r.dataPath(u.info.ID) + tempSuffix
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return onDisk("write an upload's info", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, u.r.infoPath(u.info.ID))
	}
	if err != nil {
		_ = os.Remove(temp) // the refusal matters more
		return onDisk("write an upload's info", err)
	}
	return syncDir(u.r.opt.Dir)
}

// GetUpload implements handler.DataStore. tusd calls it under the lock of the
// upload, before it answers a HEAD, a PATCH or a DELETE.
func (s store) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	u, err := s.r.load(id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, handler.ErrNotFound
	}
	if err != nil {
		return nil, refuse(ctx, err)
	}
	switch {
	case u.received():
	case u.whole():
		// The last byte came but taking over did not happen: do it now, for
		// tus clients send nothing more once they know that all is there.
		if err := s.r.settle(ctx, u); err != nil {
			return nil, refuse(ctx, err)
		}
	case u.info.Offset > 0:
		// The offset is about to be promised, and the process that wrote the
		// last bytes may have been killed before it synced them.
		if err := u.syncData(); err != nil {
			return nil, refuse(ctx, err)
		}
	}
	return u, nil
}

// load reads an upload from the disk; fs.ErrNotExist if it is not there.
func (r *Receiver) load(id string) (*tusUpload, error) {
	data, err := os.ReadFile(r.infoPath(id))
	if err != nil {
		return nil, fmt.Errorf("read an upload's info: %w", err)
	}
	u := &tusUpload{r: r}
	if err := json.Unmarshal(data, &u.info); err != nil {
		return nil, fmt.Errorf("read the info of upload %s: %w", id, err)
	}
	if u.info.ID != id {
		return nil, fmt.Errorf("the info of upload %s belongs to another", id)
	}
	if u.received() {
		u.info.Offset = u.info.Size
		return u, nil
	}
	st, err := os.Stat(r.dataPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		st, err = os.Stat(r.vaultPath(id)) // it was moved, not yet taken over
	}
	if err != nil {
		return nil, fmt.Errorf("find the bytes of upload %s: %w", id, err)
	}
	u.info.Offset = st.Size()
	return u, nil
}

func (u *tusUpload) received() bool { return u.info.Storage[keyReceived] != "" }

func (u *tusUpload) whole() bool {
	return !u.info.SizeIsDeferred && u.info.Offset == u.info.Size
}

// syncData brings the bytes that are in the file to the disk.
func (u *tusUpload) syncData() error {
	f, err := os.OpenFile(u.r.dataPath(u.info.ID), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open an upload: %w", err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	if err := u.r.sync(f); err != nil {
		return fmt.Errorf("sync an upload: %w", err)
	}
	return nil
}

// GetInfo implements handler.Upload.
func (u *tusUpload) GetInfo(context.Context) (handler.FileInfo, error) { return u.info, nil }

// GetReader implements handler.Upload. Nothing is served from here.
func (u *tusUpload) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, handler.ErrNotImplemented
}

// WriteChunk implements handler.Upload. The bytes it counts are on the disk.
// src ends, without an error, when the line breaks, goes silent, or another
// request asks for the lock: what came until then is kept.
func (u *tusUpload) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	// From here on src can be ended, by whoever wants the lock and by Close.
	if !u.r.locks.begin(u.info.ID) {
		return 0, handler.ErrUploadInterrupted
	}
	if !u.r.begin(ctx) {
		return 0, handler.ErrServerShutdown
	}
	// A deferred length is not checked by tusd against Content-Length, so the
	// limit is kept here.
	limit := u.r.opt.MaxBytes - offset
	if !u.info.SizeIsDeferred {
		limit = u.info.Size - offset
	}
	f, err := os.OpenFile(u.r.dataPath(u.info.ID), os.O_WRONLY, 0)
	if err != nil {
		return 0, refuse(ctx, onDisk("open an upload", err))
	}
	start := u.r.clock()
	n, err := u.r.write(f, offset, limit, src)
	if cerr := f.Close(); err == nil && cerr != nil {
		err = onDisk("close an upload", cerr)
	}
	u.info.Offset = offset + n
	u.r.opt.Log.InfoContext(ctx, "upload grew", "upload", u.info.ID,
		"bytes", n, "offset", u.info.Offset, "size", size(u.info), "took", u.r.clock().Sub(start))
	if err != nil {
		return n, refuse(ctx, err)
	}
	return n, nil
}

// FinishUpload implements handler.Upload; tusd calls it when the last byte is
// there, before it answers.
func (u *tusUpload) FinishUpload(ctx context.Context) error {
	if err := u.r.settle(ctx, u); err != nil {
		return refuse(ctx, err)
	}
	return nil
}

// AsTerminatableUpload implements handler.TerminaterDataStore.
func (s store) AsTerminatableUpload(u handler.Upload) handler.TerminatableUpload {
	return u.(*tusUpload) //nolint:forcetypeassert // tusd gives back what it got from us
}

// Terminate implements handler.TerminatableUpload. A file that was taken over
// is not the browser's any more.
func (u *tusUpload) Terminate(ctx context.Context) error {
	if u.received() {
		return refuse(ctx, fault.New(fault.Conflict, "upload.finished"))
	}
	if err := u.r.remove(u.info.ID); err != nil {
		return refuse(ctx, err)
	}
	u.r.opt.Log.InfoContext(ctx, "upload given up", "upload", u.info.ID)
	return nil
}

// AsLengthDeclarableUpload implements handler.LengthDeferrerDataStore.
func (s store) AsLengthDeclarableUpload(u handler.Upload) handler.LengthDeclarableUpload {
	return u.(*tusUpload) //nolint:forcetypeassert // tusd gives back what it got from us
}

// DeclareLength implements handler.LengthDeclarableUpload.
func (u *tusUpload) DeclareLength(ctx context.Context, length int64) error {
	if length <= 0 {
		return refuse(ctx, fault.New(fault.Invalid, "upload.empty"))
	}
	u.info.Size = length
	u.info.SizeIsDeferred = false
	if err := u.save(); err != nil {
		return refuse(ctx, err)
	}
	return nil
}

// describe is what the .info says to those who take over.
func (u *tusUpload) describe() (Received, error) {
	testimony, err := strconv.ParseInt(u.info.MetaData[metaTestimony], 10, 64)
	if err != nil {
		return Received{}, fmt.Errorf("whose is upload %s: %w", u.info.ID, err)
	}
	return Received{
		UploadID:    u.info.ID,
		TestimonyID: testimony,
		Path:        u.info.ID + vaultSuffix,
		Bytes:       u.info.Size,
		Filename:    u.info.MetaData[metaFilename],
		ContentType: u.info.MetaData[metaFiletype],
		Version:     versionOf(u.info.MetaData),
	}, nil
}

// settleTime is how long taking over may last once the file is whole.
const settleTime = time.Minute

// settle moves a whole file to the vault and has it taken over, once. It is
// called under the lock of the upload and carries on from wherever an earlier
// attempt stopped.
func (r *Receiver) settle(ctx context.Context, u *tusUpload) error {
	if u.received() {
		return nil
	}
	if u.info.Size == 0 {
		return r.giveUp(u.info.ID, fault.New(fault.Invalid, "upload.empty"))
	}
	rec, err := u.describe()
	if err != nil {
		return err
	}
	if err := r.moveToVault(rec.UploadID); err != nil {
		return err
	}
	// The line may be gone by now; the file is here all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	if err := r.opt.Received(ctx, rec); err != nil {
		switch fault.Of(err) {
		case fault.Conflict, fault.NotFound, fault.Gone, fault.Forbidden, fault.Invalid:
			return r.giveUp(rec.UploadID, err)
		case fault.Unknown:
		default:
			return err
		}
		return fault.Wrap(err, fault.Unavailable, "upload.unavailable")
	}
	u.info.Storage = map[string]string{"Type": "voci", keyReceived: r.clock().UTC().Format(time.RFC3339)}
	if err := u.save(); err != nil {
		// It was taken over, which is what counts: without the receipt it
		// will be offered again, and nothing will come of it.
		r.opt.Log.WarnContext(ctx, "upload received, receipt not written", "upload", rec.UploadID, "error", err)
	}
	r.opt.Log.InfoContext(ctx, "upload received", "upload", rec.UploadID, "testimony", rec.TestimonyID, "bytes", rec.Bytes)
	return nil
}

// giveUp deletes a whole file that is refused for good, such as one that came
// after its testimony was withdrawn: nobody may be left with it, and offering it
// again at each start would change nothing. It returns why.
func (r *Receiver) giveUp(id string, why error) error {
	if err := os.Remove(r.vaultPath(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(why, fmt.Errorf("delete a refused file: %w", err))
	}
	if err := errors.Join(syncDir(r.opt.Vault), r.remove(id)); err != nil {
		return errors.Join(why, err)
	}
	r.opt.Log.Info("upload refused", "upload", id, "why", why.Error())
	return why
}

// moveToVault renames the bytes of a whole upload, if that was not done yet,
// and makes the move survive a power cut.
func (r *Receiver) moveToVault(id string) error {
	f, err := os.OpenFile(r.dataPath(id), os.O_RDWR, 0)
	switch {
	case err == nil:
		if err := errors.Join(r.sync(f), f.Close()); err != nil {
			return fmt.Errorf("sync a whole upload: %w", err)
		}
		if err := os.Rename(r.dataPath(id), r.vaultPath(id)); err != nil {
			return onDisk("move an upload to the vault", err)
		}
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(r.vaultPath(id)); err != nil {
			return fmt.Errorf("find a whole upload in the vault: %w", err)
		}
	default:
		return fmt.Errorf("open a whole upload: %w", err)
	}
	// The new name first: a cut between the two leaves the file with one name
	// or with both, never with none.
	if err := syncDir(r.opt.Vault); err != nil {
		return err
	}
	return syncDir(r.opt.Dir)
}

// remove deletes the files of an upload that is still in progress.
func (r *Receiver) remove(id string) error {
	// The .info first: without it the upload does not exist.
	for _, path := range []string{r.infoPath(id), r.dataPath(id)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete an upload: %w", err)
		}
	}
	return syncDir(r.opt.Dir)
}

// size is the declared size for people and logs, -1 if not known yet.
func size(info handler.FileInfo) int64 {
	if info.SizeIsDeferred {
		return -1
	}
	return info.Size
}
