package youtube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	yt "google.golang.org/api/youtube/v3"
)

// Upload is a file and what is said about it.
type Upload struct {
	Metadata
	File        io.ReaderAt
	Size        int64  // bytes; the file must not change while it is sent
	ContentType string // video/…; empty means application/octet-stream
	// Slug becomes the file's name at YouTube, by which FindUpload knows it again:
	// give each upload its own, such as "<id>.mp4".
	Slug string
}

func (u *Upload) check(s Session) error {
	switch {
	case u.File == nil || u.Size <= 0:
		return &Error{Reason: "emptyFile", Domain: "local", Message: "there is nothing to send"}
	case u.Size > MaxFileSize:
		return &Error{Reason: "fileTooLarge", Domain: "local", Message: "YouTube takes at most 256 GiB"}
	case strings.ContainsFunc(u.Slug, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return &Error{Reason: "invalidFilename", Domain: "local", Message: "the slug must be visible ASCII"}
	case s.URI != "" && s.Total != u.Size:
		return &Error{
			Reason: "sessionMismatch", Domain: "local",
			Message: fmt.Sprintf("the session is of %d bytes, the file has %d", s.Total, u.Size),
		}
	}
	return u.Validate()
}

// Upload sends a file and returns the video that YouTube made of it, which it
// has yet to process. At most one video comes of it, whatever fails, provided
// that one Upload runs at a time for a file and that keep commits.
//
// keep is given the session when it is opened, before the first byte is sent,
// and again before the request that carries the last byte. It must return nil
// only when the session would survive a power cut. After a crash the session
// last kept is handed in as session: it is then asked what it has, never begun
// anew. A zero session opens a new one, which costs one of the day's uploads.
//
// Offsets are only ever those that YouTube states. After an unknown outcome (a
// broken line, silence, a 5xx) the session is asked and the upload goes on; a
// session that has expired is replaced if its last byte was never sent, and is
// otherwise reported as ErrOutcomeUnknown. When patience is at its end the error
// is of ClassTemporary or ClassBurst, and the session is as good as before. The
// total time is bounded by ctx only.
//
// progress, if not nil, is told how many bytes YouTube says that it has; that may
// go down.
func (c *Client) Upload(ctx context.Context, up Upload, session Session,
	keep func(context.Context, Session) error, progress func(stored int64),
) (Video, error) {
	if err := up.check(session); err != nil {
		return Video{}, err
	}
	if keep == nil {
		return Video{}, errors.New("youtube: an upload needs somewhere to keep its session")
	}
	if up.ContentType == "" {
		up.ContentType = "application/octet-stream"
	}
	if progress == nil {
		progress = func(int64) {}
	}
	t := &transfer{c: c, up: up, session: session, keep: keep, progress: progress}
	if session.URI == "" {
		if err := t.open(ctx); err != nil {
			return Video{}, err
		}
	} else {
		if err := c.checkSessionAddress(session.URI); err != nil {
			return Video{}, err
		}
		t.ask = true
	}
	return t.run(ctx)
}

// transfer is one run of Upload.
type transfer struct {
	c        *Client
	up       Upload
	session  Session
	keep     func(context.Context, Session) error
	progress func(int64)

	ask      bool  // where the server stands is not known
	stored   int64 // what the server said last
	best     int64 // the most it ever said in this session
	failures int   // in a row, since best last rose
	refused  bool  // the last answer was 401
	restarts int
}

// run goes on until the video is there or an error is final.
func (t *transfer) run(ctx context.Context) (Video, error) {
	for {
		asked := t.ask
		var a *answer
		var err error
		if asked {
			a, err = t.sendQuestion(ctx)
		} else {
			if err := t.keepLastByte(ctx); err != nil {
				return Video{}, err
			}
			a, err = t.sendRange(ctx)
		}
		switch {
		case err != nil:
			if err := t.lost(ctx, err); err != nil {
				return Video{}, err
			}
		case a.incomplete():
			t.refused = false
			if err := t.advance(ctx, a, asked); err != nil {
				return Video{}, err
			}
		case a.status/100 == 2:
			if video, ok := t.done(a); ok {
				t.progress(t.up.Size)
				return video, nil
			}
			// Finished, but the answer was cut: the session repeats it when asked.
			if err := t.pause(ctx, errors.New("youtube: the final answer holds no video")); err != nil {
				return Video{}, err
			}
		case a.status == http.StatusNotFound || a.status == http.StatusGone:
			if err := t.gone(ctx, a); err != nil {
				return Video{}, err
			}
		case a.status == http.StatusUnauthorized && !t.refused:
			t.refused, t.ask = true, true // send has let the token expire
		default:
			t.refused = false
			if err := t.lost(ctx, t.refusal(a)); err != nil {
				return Video{}, err
			}
		}
	}
}

// open begins a session and has it kept.
func (t *transfer) open(ctx context.Context) error {
	const doing = "opening a session"
	if err := t.c.ahead(t.up.PublishAt); err != nil {
		return err
	}
	video, parts := t.up.resource()
	body, err := json.Marshal(video)
	if err != nil {
		return fmt.Errorf("youtube: %s: %w", doing, err)
	}
	query := url.Values{"uploadType": {"resumable"}, "part": {strings.Join(parts, ",")}, "notifySubscribers": {"false"}}
	address := t.c.settings.Endpoint + "/upload/youtube/v3/videos?" + query.Encode()
	refused := false
	for try := 1; ; try++ {
		header := http.Header{
			"Content-Type":            {"application/json; charset=UTF-8"},
			"X-Upload-Content-Length": {strconv.FormatInt(t.up.Size, 10)},
			"X-Upload-Content-Type":   {t.up.ContentType},
		}
		if t.up.Slug != "" {
			header.Set("Slug", t.up.Slug)
		}
		settle, err := t.c.reserve(ctx, BucketUploads, CostUpload)
		if err != nil {
			return fmt.Errorf("youtube: %s: %w", doing, err)
		}
		a, err := t.c.send(ctx, http.MethodPost, address, header, newFileRange(bytes.NewReader(body), 0, int64(len(body))))
		settle(!neverSent(err))
		if err == nil {
			switch {
			case a.status == http.StatusOK || a.status == http.StatusCreated:
				return t.opened(ctx, a)
			case a.status == http.StatusUnauthorized && !refused:
				refused = true
				continue
			}
			e := parseError(a.status, a.header, a.body, t.c.now())
			e.Bucket = BucketUploads
			err = e
		}
		if err := t.hold(ctx, doing, err, try, min(openPatience, t.c.patience)); err != nil {
			return err
		}
	}
}

func (t *transfer) opened(ctx context.Context, a *answer) error {
	uri := a.header.Get("Location")
	if err := t.c.checkSessionAddress(uri); err != nil {
		return err
	}
	session := Session{URI: uri, Total: t.up.Size, StartedAt: t.c.now().UTC()}
	if err := t.keep(ctx, session); err != nil {
		return fmt.Errorf("youtube: keeping the session: %w", err)
	}
	t.session = session
	t.ask, t.refused = false, false
	t.stored, t.best = 0, 0
	return nil
}

// checkSessionAddress refuses to send the file and our token to something that
// is no address, or over a line less safe than the one that we were told to use.
// Its errors do not repeat the address.
func (c *Client) checkSessionAddress(uri string) error {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || (u.Scheme != "https" && !strings.HasPrefix(c.settings.Endpoint, u.Scheme+"://")) {
		return &Error{Reason: "invalidSession", Domain: "local", Message: "the session has no usable address"}
	}
	return nil
}

// keepLastByte commits that the last byte may have left, before it does.
func (t *transfer) keepLastByte(ctx context.Context) error {
	if t.session.LastByteSent || t.stored+t.rangeLength() < t.up.Size {
		return nil
	}
	session := t.session
	session.LastByteSent = true
	if err := t.keep(ctx, session); err != nil {
		return fmt.Errorf("youtube: keeping the session: %w", err)
	}
	t.session = session
	return nil
}

func (t *transfer) rangeLength() int64 { return min(t.c.rangeSize, t.up.Size-t.stored) }

func (t *transfer) sendRange(ctx context.Context) (*answer, error) {
	n := t.rangeLength()
	return t.c.send(ctx, http.MethodPut, t.session.URI, http.Header{
		"Content-Type":  {t.up.ContentType},
		"Content-Range": {fmt.Sprintf("bytes %d-%d/%d", t.stored, t.stored+n-1, t.up.Size)},
	}, newFileRange(t.up.File, t.stored, n))
}

func (t *transfer) sendQuestion(ctx context.Context) (*answer, error) {
	return t.c.send(ctx, http.MethodPut, t.session.URI, http.Header{
		"Content-Range": {fmt.Sprintf("bytes */%d", t.up.Size)},
	}, nil)
}

// advance takes the server's word for how far it is.
func (t *transfer) advance(ctx context.Context, a *answer, asked bool) error {
	n, ok := a.stored(t.up.Size)
	if !ok {
		return t.pause(ctx, errors.New("youtube: the session states a range that makes no sense"))
	}
	if n != t.stored {
		t.progress(n)
	}
	t.stored, t.ask = n, false
	switch {
	case n == t.up.Size:
		// All is there and the video not yet: there is nothing to send, only to ask.
		return t.pause(ctx, errors.New("youtube: all bytes are stored but there is no video yet"))
	case n > t.best:
		t.best, t.failures = n, 0
	case !asked:
		return t.pause(ctx, errors.New("youtube: nothing of the range was stored"))
	}
	return nil
}

// done reads the video out of the final answer.
func (t *transfer) done(a *answer) (Video, bool) {
	var v yt.Video
	if json.Unmarshal(a.body, &v) != nil || v.Id == "" {
		return Video{}, false
	}
	return videoOf(&v), true
}

// gone decides what the end of a session means: a new one if nobody can have
// made a video of the old one, else a question for the caller.
func (t *transfer) gone(ctx context.Context, a *answer) error {
	e := t.refusal(a)
	if t.session.LastByteSent {
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, e)
	}
	if t.restarts++; t.restarts > restartLimit {
		return fmt.Errorf("%w, as were %d before it: %w", errSessionGone, restartLimit, e)
	}
	if t.stored > 0 {
		t.progress(0)
	}
	return t.open(ctx)
}

// refusal is the error in an answer, with nothing of the session's address.
func (t *transfer) refusal(a *answer) *Error {
	e := parseError(a.status, a.header, a.body, t.c.now())
	e.Message = strings.ReplaceAll(e.Message, t.session.URI, "[hidden]")
	return e
}

// lost is called after a request whose outcome is unknown or a refusal. It
// returns nil when the session should be asked, after a wait.
func (t *transfer) lost(ctx context.Context, err error) error {
	t.ask = true
	t.failures++
	return t.hold(ctx, "sending the file", err, t.failures, t.c.patience)
}

// pause is lost for what YouTube says that cannot be.
func (t *transfer) pause(ctx context.Context, err error) error {
	return t.lost(ctx, err)
}

// hold waits before the next try, or returns the error if there should be none.
func (t *transfer) hold(ctx context.Context, doing string, err error, try, patience int) error {
	err = t.c.failure(ctx, doing, BucketUploads, err)
	if ctx.Err() != nil {
		return err
	}
	if class := ClassOf(err); class != ClassTemporary && class != ClassBurst {
		return err
	}
	if try >= patience {
		return fmt.Errorf("%w (gave up after %d tries)", err, try)
	}
	d := backoff(try)
	if e, ok := errors.AsType[*Error](err); ok {
		if e.RetryAfter > longestObeying {
			return err // the caller can wait without holding a worker
		}
		d = max(d, e.RetryAfter)
	}
	if end := t.c.wait(ctx, d); end != nil {
		return fmt.Errorf("youtube: %s: %w", doing, end)
	}
	return nil
}

// backoff doubles from a second to a minute, and varies each wait by half, so
// that uploads that failed together do not return together.
func backoff(try int) time.Duration {
	d := longestWait
	if try < 7 {
		d = min(longestWait, firstWait<<(try-1))
	}
	return d/2 + rand.N(d/2+1) //nolint:gosec // chance, not secrecy
}
