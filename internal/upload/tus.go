package upload

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/voci-in-comune/voci/internal/fault"
	discard "golang.org/x/exp/slog"
)

// The metadata that a browser sends with a new upload; no other is kept.
const (
	metaTestimony = "testimony"
	metaFilename  = "filename"
	metaFiletype  = "filetype"
	metaVersion   = "version" // "small", or not there
	metaWhole     = "whole"   // with it: bytes of the file that it was made of
)

// retryAfter is what a client is told to wait when trying again will help.
const retryAfter = 5 * time.Second

// ServeHTTP speaks tus 1.0 at Options.BasePath: creation, with the first bytes
// or without, with a length known later or now, HEAD, PATCH and DELETE.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	x := &exchange{ResponseWriter: w, r: r, req: req}
	ctx, leave, err := r.enter(req.Context())
	if err != nil {
		x.answer(statusOf(err), err)
		return
	}
	defer leave()
	ctx = context.WithValue(ctx, exchangeKey{}, x)

	id, ok := r.idIn(req.URL.Path)
	switch {
	case !ok:
		err = notFound()
	case id != "" && req.Method != http.MethodOptions:
		err = r.mayTouch(ctx, id, req)
	}
	if err != nil {
		x.answer(statusOf(err), err)
		return
	}

	in := req.WithContext(ctx)
	address := *req.URL
	address.Path, address.RawPath = id, ""
	in.URL = &address
	r.tus.ServeHTTP(x, in)
	x.finish()

	// tusd sets deadlines on the connection and net/http does not undo the
	// one for writing before the next request.
	if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
		r.opt.Log.WarnContext(ctx, "upload: dead lines cannot be noticed on this connection", "error", err)
	}
}

// idIn finds the upload in a path: "" for the folder itself.
func (r *Receiver) idIn(path string) (id string, ok bool) {
	if path == strings.TrimSuffix(r.opt.BasePath, "/") {
		return "", true
	}
	id, ok = strings.CutPrefix(path, r.opt.BasePath)
	return id, ok && (id == "" || validID(id))
}

// mayTouch says whether the person may see, continue or delete the upload, and
// refuses a length declared late that is over the limit, which tusd would call
// a mistake in the header.
func (r *Receiver) mayTouch(ctx context.Context, id string, req *http.Request) error {
	if err := r.opt.Owns(ctx, id); err != nil {
		return err
	}
	if n, err := strconv.ParseInt(req.Header.Get("Upload-Length"), 10, 64); err == nil && n > r.opt.MaxBytes {
		return r.tooLarge()
	}
	return nil
}

// admitNew is tusd's question before it makes an upload. Headers are right by
// then, and a declared size within the limit.
func (r *Receiver) admitNew(h handler.HookEvent) (handler.HTTPResponse, handler.FileInfoChanges, error) {
	offer, err := r.offer(h.Context, h.Upload)
	if err != nil {
		return handler.HTTPResponse{}, handler.FileInfoChanges{}, refuse(h.Context, err)
	}
	if x := exchangeIn(h.Context); x != nil {
		x.created = offer.UploadID
	}
	kept := handler.MetaData{
		metaTestimony: strconv.FormatInt(offer.TestimonyID, 10),
		metaFilename:  offer.Filename,
		metaFiletype:  offer.ContentType,
	}
	if offer.Small {
		kept[metaVersion], kept[metaWhole] = versionSmall, strconv.FormatInt(offer.Whole, 10)
	}
	return handler.HTTPResponse{}, handler.FileInfoChanges{ID: offer.UploadID, MetaData: kept}, nil
}

// versionSmall is the one version that there is.
const versionSmall = "small"

// versionOf reads what a sender said of a version; what is no version of ours is
// none.
func versionOf(meta handler.MetaData) Version {
	whole, err := strconv.ParseInt(meta[metaWhole], 10, 64)
	if meta[metaVersion] != versionSmall || err != nil || whole <= 0 {
		return Version{}
	}
	return Version{Small: true, Whole: whole}
}

func (r *Receiver) offer(ctx context.Context, info handler.FileInfo) (Offer, error) {
	testimony, err := strconv.ParseInt(info.MetaData[metaTestimony], 10, 64)
	if err != nil || testimony <= 0 {
		return Offer{}, &statusError{http.StatusBadRequest, fault.New(fault.Invalid, "upload.testimony_missing")}
	}
	if !info.SizeIsDeferred && info.Size == 0 {
		return Offer{}, fault.New(fault.Invalid, "upload.empty")
	}
	if err := r.room(max(0, size(info))); err != nil {
		return Offer{}, err
	}
	o := Offer{
		UploadID:    newID(),
		TestimonyID: testimony,
		Filename:    CleanName(info.MetaData[metaFilename]),
		ContentType: cleanType(info.MetaData[metaFiletype]),
		Size:        size(info),
		Version:     versionOf(info.MetaData),
	}
	if info.MetaData[metaVersion] != "" && !o.Small {
		// Taken for the file itself it would take the file's place.
		return Offer{}, &statusError{http.StatusBadRequest, fault.New(fault.Invalid, "upload.protocol")}
	}
	return o, r.opt.Admit(ctx, o)
}

// cleanType keeps what a browser says of the kind of a file, if it is one.
func cleanType(s string) string {
	kind, _, err := mime.ParseMediaType(s)
	if err != nil || len(kind) > 100 {
		return "application/octet-stream"
	}
	return kind
}

// exchange is a request on its way through tusd. It holds back tusd's answers
// of refusal, which are for programmers, and gives ours instead.
type exchange struct {
	http.ResponseWriter
	r       *Receiver
	req     *http.Request
	created string // id of the upload that this request made
	refusal error  // what our side said no with
	held    int    // status of the refusal that tusd wrote
	body    bytes.Buffer
}

type exchangeKey struct{}

func exchangeIn(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// refuse notes why our side says no, for the answer, and returns err for tusd.
func refuse(ctx context.Context, err error) error {
	if x := exchangeIn(ctx); x != nil && err != nil {
		x.refusal = err
	}
	return err
}

// Unwrap lets tusd set deadlines on the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// WriteHeader holds a refusal back and lets everything else through.
func (x *exchange) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		x.held = status
		return
	}
	// A relative address is right behind any proxy, where tusd's guess of
	// scheme and host may be wrong; RFC 9110 §10.2.2 allows it.
	if x.created != "" && x.Header().Get("Location") != "" {
		x.Header().Set("Location", x.r.opt.BasePath+x.created)
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write holds the text of a refusal back.
func (x *exchange) Write(b []byte) (int, error) {
	if x.held != 0 {
		return x.body.Write(b)
	}
	return x.ResponseWriter.Write(b) //nolint:wrapcheck // an io.Writer's own error
}

// finish gives the refusal that was held back, if there is one.
func (x *exchange) finish() {
	if x.held == 0 {
		return
	}
	if x.refusal != nil {
		x.answer(statusOf(x.refusal), x.refusal)
		return
	}
	code, _, _ := strings.Cut(x.body.String(), ":")
	x.answer(x.r.translate(code, x.held))
}

// answer writes a refusal with the status that the protocol asks for.
func (x *exchange) answer(status int, err error) {
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Err != nil {
		x.r.opt.Log.ErrorContext(x.req.Context(), "upload request failed", "method", x.req.Method, "status", status, "error", err)
	}
	if x.req.Method == http.MethodHead && status >= http.StatusInternalServerError {
		// To any other failure of a HEAD tus-js-client answers by starting
		// again from the first byte (lib/upload.ts, _resumeUpload); after 423
		// it waits and asks again.
		status, err = http.StatusLocked, fault.Wrap(err, fault.Unavailable, "upload.busy")
	}
	h := x.Header()
	h.Del("Content-Length")
	h.Del("Content-Type")
	h.Set("Tus-Resumable", "1.0.0")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if status == http.StatusLocked || status == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	}
	w := &settled{ResponseWriter: x.ResponseWriter, status: status}
	x.r.opt.Refused(w, x.req, err)
	w.WriteHeader(status)
}

// settled is a response whose status is decided.
type settled struct {
	http.ResponseWriter
	status int
	wrote  bool
}

// WriteHeader writes the decided status, once.
func (s *settled) WriteHeader(int) {
	if !s.wrote {
		s.wrote = true
		s.ResponseWriter.WriteHeader(s.status)
	}
}

// Write writes the text after the decided status.
func (s *settled) Write(b []byte) (int, error) {
	s.WriteHeader(s.status)
	return s.ResponseWriter.Write(b) //nolint:wrapcheck // an io.Writer's own error
}

// Unwrap gives the connection's controls.
func (s *settled) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// plainKey is the refusal for people who have no pages.
func plainKey(w http.ResponseWriter, _ *http.Request, err error) {
	key := "upload.unavailable"
	if e, ok := errors.AsType[*fault.Error](err); ok {
		key = e.Message.Key
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, key+"\n") // the reader is gone if it fails
}

// statusError is a refusal whose status differs from its kind's.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// statusOf is the status of a refusal, as package fault lists them.
func statusOf(err error) int {
	if e, ok := errors.AsType[*statusError](err); ok {
		return e.status
	}
	switch fault.Of(err) {
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.SignedOut:
		return http.StatusUnauthorized
	case fault.Conflict:
		return http.StatusConflict
	case fault.Gone:
		return http.StatusGone
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Unsupported:
		return http.StatusUnsupportedMediaType
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.Full:
		return http.StatusInsufficientStorage
	default:
		return http.StatusInternalServerError
	}
}

func notFound() *fault.Error { return fault.New(fault.NotFound, "upload.not_found") }

// translate says in our words what tusd refused in its own.
func (r *Receiver) translate(code string, status int) (int, error) {
	switch code {
	case handler.ErrNotFound.ErrorCode:
		return status, notFound()
	case handler.ErrMaxSizeExceeded.ErrorCode:
		return status, r.tooLarge()
	case handler.ErrSizeExceeded.ErrorCode:
		return status, fault.New(fault.TooLarge, "upload.overrun")
	case handler.ErrMismatchOffset.ErrorCode:
		return status, fault.New(fault.Conflict, "upload.offset")
	case handler.ErrFileLocked.ErrorCode, handler.ErrLockTimeout.ErrorCode:
		return http.StatusLocked, fault.New(fault.Unavailable, "upload.busy")
	case handler.ErrUploadInterrupted.ErrorCode:
		// Not 400, as tusd says, which makes tus-js-client give up: the other
		// request may be the browser's own earlier one, held up on its way.
		return http.StatusLocked, fault.New(fault.Unavailable, "upload.elsewhere")
	case handler.ErrServerShutdown.ErrorCode:
		return status, fault.New(fault.Unavailable, "upload.restarting")
	case handler.ErrUnexpectedEOF.ErrorCode, handler.ErrReadTimeout.ErrorCode, handler.ErrConnectionReset.ErrorCode:
		// What came is kept; whoever still hears this should go on.
		return http.StatusServiceUnavailable, fault.New(fault.Unavailable, "upload.interrupted")
	case "":
		if status == http.StatusNotFound {
			return status, notFound() // the answer to HEAD has no text
		}
		fallthrough
	default:
		if status < http.StatusInternalServerError || status == http.StatusNotImplemented {
			return status, fault.New(fault.Invalid, "upload.protocol")
		}
		return status, fault.New(fault.Unavailable, "upload.unavailable")
	}
}

// noLog drops what tusd would log.
type noLog struct{}

func (noLog) Enabled(context.Context, discard.Level) bool  { return false }
func (noLog) Handle(context.Context, discard.Record) error { return nil }
func (n noLog) WithAttrs([]discard.Attr) discard.Handler   { return n }
func (n noLog) WithGroup(string) discard.Handler           { return n }
