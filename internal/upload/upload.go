// Package upload receives a video into the vault.
//
// A browser sends a file over tus 1.0 (https://tus.io/protocols/resumable-upload),
// spoken by tusd's handler over a store of our own, or in one go as a form
// without JavaScript. What the room promises is that a byte which was
// acknowledged is on the disk: every answer that names an offset comes after
// an fsync, and a whole file is renamed into the vault, with both folders
// synced, before anybody is told. A crash at any instruction leaves a state
// that the next request, or Recover, carries on from.
//
// An upload is two files in Options.Dir, <id> with the bytes and <id>.info
// with what is known about it; the upload exists when its .info exists. The
// whole file becomes <Vault>/<id>.bin, and the .info stays behind as a receipt
// so that a browser which lost the last answer is told that all is well.
//
// The room knows nothing of testimonies, accounts or pages: whoever builds it
// passes functions that admit, recognise and take over.
package upload

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/voci-in-comune/voci/internal/fault"
	discard "golang.org/x/exp/slog"
)

// Offer is what somebody says of a file before sending it.
type Offer struct {
	UploadID    string // ours, 32 hexadecimal digits
	TestimonyID int64
	Filename    string // cleaned by CleanName, for showing only
	ContentType string // as claimed by the browser; nothing may depend on it
	Size        int64  // bytes; -1 when the sender does not know yet
	Version
}

// Version is what a sender says that a file is to another: empty for the file as
// it is.
type Version struct {
	Small bool  // made of a larger file, to be there sooner
	Whole int64 // bytes of that file
}

// Received is a file that is whole and safely in the vault.
type Received struct {
	UploadID    string
	TestimonyID int64
	Path        string // relative to the vault
	Bytes       int64
	Filename    string // cleaned by CleanName, for showing only
	ContentType string // as claimed by the browser
	Version
}

// Options is what a Receiver needs. Dir, Vault, BasePath, MaxBytes, Admit,
// Owns and Received must be given.
type Options struct {
	Dir      string // uploads in progress, on the same file system as Vault
	Vault    string // finished originals, named by us
	BasePath string // where ServeHTTP is mounted, such as "/caricamenti/"
	MaxBytes int64  // of one file
	MinFree  int64  // bytes that must stay free on the disk

	// Admit says whether the person in ctx may start this upload, with fault
	// errors. It comes last of the checks: after nil the upload is made.
	Admit func(ctx context.Context, o Offer) error
	// Owns says whether the person in ctx may see, continue or delete an
	// upload; fault.NotFound if not.
	Owns func(ctx context.Context, uploadID string) error
	// Received takes over a file. It may be called again for the same upload,
	// after a crash, and must then do nothing and return nil.
	Received func(ctx context.Context, r Received) error
	// Refused writes err as plain text in the person's language. The status
	// is settled by the protocol: the one that Refused writes is replaced.
	// By default the text is the key of the message.
	Refused func(w http.ResponseWriter, r *http.Request, err error)

	// NetworkTimeout is the silence after which a line counts as dead and
	// what came is kept; 60 s, as in tusd, if zero.
	NetworkTimeout time.Duration
	Log            *slog.Logger
}

// Receiver receives videos. It is an http.Handler that speaks tus.
type Receiver struct {
	opt   Options
	tus   http.Handler
	locks *locker
	free  func(dir string) (int64, error) // bytes free on the disk of dir
	sync  func(*os.File) error            // returns when the bytes of a file are on the disk
	clock func() time.Time

	mu      sync.Mutex
	closing bool
	reading map[*visit]bool // tus requests that Close can end
	wait    sync.WaitGroup
}

// New makes a Receiver and its two folders.
func New(o Options) (*Receiver, error) {
	switch {
	case o.Dir == "" || o.Vault == "":
		return nil, errors.New("upload: the folders Dir and Vault must be named")
	case !strings.HasPrefix(o.BasePath, "/") || !strings.HasSuffix(o.BasePath, "/"):
		return nil, fmt.Errorf("upload: BasePath %q must begin and end with a slash", o.BasePath)
	case o.MaxBytes <= 0:
		return nil, errors.New("upload: MaxBytes must be more than zero")
	case o.Admit == nil || o.Owns == nil || o.Received == nil:
		return nil, errors.New("upload: Admit, Owns and Received must be given")
	}
	if o.Refused == nil {
		o.Refused = plainKey
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Receiver{
		opt:     o,
		locks:   newLocker(),
		free:    freeBytes,
		sync:    datasync,
		clock:   time.Now,
		reading: make(map[*visit]bool),
	}
	for _, dir := range []string{o.Dir, o.Vault} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make the folder for uploads: %w", err)
		}
	}
	if err := sameDisk(o.Dir, o.Vault); err != nil {
		return nil, err
	}

	composer := handler.NewStoreComposer()
	store := store{r}
	composer.UseCore(store)
	composer.UseTerminater(store)
	composer.UseLengthDeferrer(store)
	composer.UseLocker(r.locks)
	tus, err := handler.NewHandler(handler.Config{
		StoreComposer:           composer,
		MaxSize:                 o.MaxBytes,
		BasePath:                o.BasePath,
		DisableDownload:         true,
		DisableConcatenation:    true,
		Cors:                    &handler.CorsConfig{Disable: true},
		NetworkTimeout:          o.NetworkTimeout,
		PreUploadCreateCallback: r.admitNew,
		// tusd logs addresses and errors of its own; ours are logged here.
		Logger: discard.New(noLog{}),
	})
	if err != nil {
		return nil, fmt.Errorf("make the tus handler: %w", err)
	}
	r.tus = tus
	return r, nil
}

// sameDisk refuses folders between which a file cannot be renamed.
func sameDisk(dir, vault string) error {
	a, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at the folder for uploads: %w", err)
	}
	b, err := os.Stat(vault)
	if err != nil {
		return fmt.Errorf("look at the vault: %w", err)
	}
	x, ok := a.Sys().(*syscall.Stat_t)
	y, ok2 := b.Sys().(*syscall.Stat_t)
	if ok && ok2 && x.Dev != y.Dev {
		return fmt.Errorf("upload: %s and %s must be on the same file system", dir, vault)
	}
	return nil
}

// enter counts a request in, unless the Receiver is closing. The function that
// comes back counts it out.
func (r *Receiver) enter(ctx context.Context) (context.Context, func(), error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return nil, nil, fault.New(fault.Unavailable, "upload.restarting")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	v := &visit{end: cancel}
	r.wait.Add(1)
	return context.WithValue(ctx, visitKey{}, v), func() {
		r.mu.Lock()
		delete(r.reading, v)
		r.mu.Unlock()
		cancel(nil)
		r.wait.Done()
	}, nil
}

// visit is a request that is being served.
type visit struct{ end context.CancelCauseFunc }

type visitKey struct{}

// begin lets Close end the request of ctx, whose body is there by now. It says
// false if the Receiver is closing already.
func (r *Receiver) begin(ctx context.Context) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return false
	}
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		r.reading[v] = true
	}
	return true
}

// Close stops receiving: tus requests save what came and answer that the
// portal restarts, and nothing new begins. Forms sent in one go cannot be
// resumed, so they may come to their end. It returns when all are done or
// with ctx's error. Call it before, or beside, http.Server.Shutdown.
func (r *Receiver) Close(ctx context.Context) error {
	r.mu.Lock()
	r.closing = true
	for v := range r.reading {
		v.end(handler.ErrServerShutdown) // tusd ends the body and answers 503
	}
	r.mu.Unlock()
	done := make(chan struct{})
	go func() {
		r.wait.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for uploads to be saved: %w", context.Cause(ctx))
	}
}

// room refuses to take more bytes when the disk would be left with too little.
func (r *Receiver) room(more int64) error {
	free, err := r.free(r.opt.Dir)
	if err != nil {
		return fmt.Errorf("ask how much of the disk is free: %w", err)
	}
	if free-more < r.opt.MinFree {
		return fault.New(fault.Full, "upload.disk_full")
	}
	return nil
}

// tooLarge is the refusal of a file over the limit.
func (r *Receiver) tooLarge() *fault.Error {
	const mega, giga = 1 << 20, 1 << 30
	switch {
	case r.opt.MaxBytes >= giga && r.opt.MaxBytes%giga == 0:
		return fault.New(fault.TooLarge, "upload.too_large", "Max", r.opt.MaxBytes/giga, "Unit", "G")
	case r.opt.MaxBytes >= mega:
		return fault.New(fault.TooLarge, "upload.too_large", "Max", r.opt.MaxBytes/mega, "Unit", "M")
	default:
		return fault.New(fault.TooLarge, "upload.too_large", "Max", max(1, r.opt.MaxBytes>>10), "Unit", "k")
	}
}

func (r *Receiver) dataPath(id string) string  { return filepath.Join(r.opt.Dir, id) }
func (r *Receiver) infoPath(id string) string  { return filepath.Join(r.opt.Dir, id+infoSuffix) }
func (r *Receiver) vaultPath(id string) string { return filepath.Join(r.opt.Vault, id+vaultSuffix) }

// The names of files in the two folders.
const (
	infoSuffix  = ".info"
	tempSuffix  = ".info.new" // an .info being written
	partSuffix  = ".part"     // a form's file, not whole yet
	vaultSuffix = ".bin"
)

// newID makes the name of an upload: 128 random bits, as tusd does.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return hex.EncodeToString(b[:])
}

// validID reports whether id could be one of ours. What it lets through is
// safe as a file name.
func validID(id string) bool {
	if len(id) != 32 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
