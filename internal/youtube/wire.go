package youtube

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// maxAnswer bounds what is read of an answer that should be one video or one
// error; maxList bounds a page of fifty.
const (
	maxAnswer = 1 << 20
	maxList   = 16 << 20
)

// answer is what YouTube said to one request of an upload.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// incomplete tells whether more bytes are wanted. A server that may not answer
// 308 says it in a header of a 200.
func (a *answer) incomplete() bool {
	return a.status == http.StatusPermanentRedirect ||
		a.status/100 == 2 && strings.HasPrefix(a.header.Get("X-Http-Status-Code-Override"), "308")
}

// stored is how many bytes the server has, by its Range header: "bytes=0-N"
// means N+1, none means nothing. ok is false if it makes no sense.
func (a *answer) stored(total int64) (n int64, ok bool) {
	v := strings.TrimSpace(a.header.Get("Range"))
	if v == "" {
		return 0, true
	}
	v = strings.TrimLeft(strings.TrimPrefix(v, "bytes"), "= ")
	first, last, found := strings.Cut(v, "-")
	if !found || first != "0" {
		return 0, false
	}
	end, err := strconv.ParseInt(last, 10, 64)
	if err != nil || end < 0 || end >= total {
		return 0, false
	}
	return end + 1, true
}

// send makes one request of an upload and reads its answer. There is no limit
// to how long it may take, only to how long nothing may move.
func (c *Client) send(ctx context.Context, method, uri string, header http.Header, body *fileRange) (*answer, error) {
	token, err := c.tokens.Token()
	if err != nil {
		return nil, &unsent{err}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(c.answer, func() { cancel(errStalled) })
	defer timer.Stop()

	req, err := http.NewRequestWithContext(ctx, method, uri, http.NoBody)
	if err != nil {
		return nil, err
	}
	if header != nil {
		req.Header = header
	}
	if body != nil {
		body.moved = func() { timer.Reset(c.stall) }
		body.finished = func() { timer.Reset(c.answer) }
		req.Body, req.ContentLength = body, body.left
		defer body.over.Store(true)
		timer.Reset(c.stall)
	}
	req.Header.Set("User-Agent", userAgent)
	token.SetAuthHeader(req)

	resp, err := c.uploads.Do(req)
	if err == nil {
		defer resp.Body.Close()
		timer.Reset(c.answer)
		a := &answer{status: resp.StatusCode, header: resp.Header}
		if a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err == nil {
			if a.status == http.StatusUnauthorized {
				if e, ok := c.tokens.(expirer); ok {
					e.Expire(token.AccessToken)
				}
			}
			return a, nil
		}
	}
	if body != nil {
		if cause := body.failed.Load(); cause != nil {
			return nil, &fileError{*cause}
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if dialing(err) {
		err = &unsent{err}
	}
	return nil, err
}

// fileRange is a part of the file as the body of a request. It tells when bytes
// move, and tells a file that cannot be read from a line that is broken.
type fileRange struct {
	r        io.Reader
	left     int64
	moved    func()
	finished func()
	failed   atomic.Pointer[error]
	over     atomic.Bool // the request has ended; its sender may not know yet
}

func newFileRange(f io.ReaderAt, offset, n int64) *fileRange {
	return &fileRange{r: io.NewSectionReader(f, offset, n), left: n}
}

// Read implements io.Reader.
func (f *fileRange) Read(p []byte) (int, error) {
	if f.over.Load() {
		return 0, io.ErrClosedPipe
	}
	n, err := f.r.Read(p)
	f.left -= int64(n)
	switch {
	case err == io.EOF && f.left > 0:
		err = io.ErrUnexpectedEOF // the file is shorter than it was
		f.failed.Store(&err)
	case err != nil && err != io.EOF:
		f.failed.Store(&err)
	case f.left == 0:
		f.finished()
	default:
		f.moved()
	}
	return n, err
}

// Close implements io.Closer. The file stays the caller's.
func (f *fileRange) Close() error { return nil }
