package survival

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"path"
	"strconv"
	"sync"
	"time"
)

// sending is a browser that sends a film by tus 1.0, as the page's script does:
// after every trouble it waits for the portal, asks for the offset, and goes on
// from there.
type sending struct {
	p        *person
	id       int64 // testimony
	film     film
	endpoint string        // where uploads are made
	pause    int64         // the line stops before this byte, once; -1: never
	paused   chan struct{} // closed when it does
	resume   chan struct{} // closed to let it go on
	gone     chan struct{} // closed when the portal was killed
	asked    chan struct{} // closed when the upload was asked for
	once     sync.Once     // closes asked

	mu           sync.Mutex
	addresses    []string // of uploads that the browser was told of
	acknowledged int64    // bytes that the portal has said it has
	arrived      int64    // bytes that were on its disk when it was last killed
	creations    int
	handed       int64 // bytes that left, counting those that left twice
	finished     chan error
	troubles     []error // why it had to begin again
}

// send begins to send a film for a testimony.
func (p *person) send(ctx context.Context, id int64, f film, endpoint string, pause int64) *sending {
	s := &sending{
		p: p, id: id, film: f, endpoint: endpoint, pause: pause, finished: make(chan error, 1),
		paused: make(chan struct{}), resume: make(chan struct{}), gone: make(chan struct{}), asked: make(chan struct{}),
	}
	go func() { s.finished <- s.run(ctx) }()
	return s
}

// wait waits until all is sent.
func (s *sending) wait(ctx context.Context) error {
	select {
	case err := <-s.finished:
		return err
	case <-time.After(patience):
		return errors.New("the file was never sent")
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *sending) run(ctx context.Context) error {
	f, err := os.Open(s.film.path)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		err := s.attempt(ctx, f)
		var no *refused
		if err == nil || errors.As(err, &no) || ctx.Err() != nil {
			return err
		}
		if !errors.Is(err, errUnfinished) {
			s.mu.Lock()
			s.troubles = append(s.troubles, err)
			s.mu.Unlock()
		}
		if err := s.p.awaitPortal(ctx); err != nil {
			return err
		}
	}
}

// attempt goes on as far as it can.
func (s *sending) attempt(ctx context.Context, f io.ReaderAt) error {
	address := s.address()
	if address == "" {
		return s.create(ctx)
	}
	r, err := s.tus(ctx, http.MethodHead, address, nil, 0)
	if err != nil {
		return err
	}
	offset, err := s.offset(r, http.StatusOK)
	if err != nil || offset == s.film.size {
		return err
	}
	s.mu.Lock()
	behind := offset < s.acknowledged || offset < s.arrived
	s.mu.Unlock()
	if behind {
		return &refused{fmt.Sprintf("the portal is at %d: it asks again for bytes that it had (acknowledged %d, on the disk %d)", offset, s.acknowledged, s.arrived)}
	}
	r, err = s.tus(ctx, http.MethodPatch, address, f, offset)
	if err != nil {
		return err
	}
	_, err = s.offset(r, http.StatusNoContent)
	return errors.Join(err, errUnfinished) // HEAD says whether it is
}

// errUnfinished has the browser look again.
var errUnfinished = errors.New("not known to be finished")

// errPortalGone is what the browser notices when the portal is killed.
var errPortalGone = errors.New("the portal is gone")

func (s *sending) create(ctx context.Context) error {
	s.mu.Lock()
	s.creations++
	s.mu.Unlock()
	b64 := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { s.once.Do(func() { close(s.asked) }) },
	})
	r, err := s.p.do(ctx, http.MethodPost, s.endpoint, http.Header{
		"Tus-Resumable": {"1.0.0"}, "Upload-Length": {strconv.FormatInt(s.film.size, 10)},
		"Upload-Metadata": {fmt.Sprintf("testimony %s,filename %s,filetype %s", b64(strconv.FormatInt(s.id, 10)), b64("video del sindaco.mp4"), b64("video/mp4"))},
	}, nil)
	if err != nil {
		return err
	}
	if r.StatusCode != http.StatusCreated {
		return r.refusal()
	}
	where, err := r.Location()
	if err != nil {
		return &refused{err.Error()}
	}
	s.mu.Lock()
	s.addresses = append(s.addresses, s.endpoint+path.Base(where.Path))
	s.mu.Unlock()
	return errUnfinished
}

func (s *sending) tus(ctx context.Context, method, address string, f io.ReaderAt, offset int64) (reply, error) {
	header := http.Header{"Tus-Resumable": {"1.0.0"}}
	if method == http.MethodHead {
		return s.p.do(ctx, method, address, header, nil)
	}
	header.Set("Content-Type", "application/offset+octet-stream")
	header.Set("Upload-Offset", strconv.FormatInt(offset, 10))
	rest := s.film.size - offset
	req, err := http.NewRequestWithContext(ctx, method, address, &line{s: s, r: io.NewSectionReader(f, offset, rest), at: offset})
	if err != nil {
		return reply{}, err
	}
	req.ContentLength, req.Header = rest, header
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	r, err := s.p.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	return reply{r, text}, err
}

// offset is what the portal says that it has. A refusal to be tried again is no
// answer.
func (s *sending) offset(r reply, want int) (int64, error) {
	if r.StatusCode == http.StatusLocked || r.StatusCode == http.StatusServiceUnavailable {
		return 0, fmt.Errorf("the portal is busy: %s", r.Status)
	}
	if r.StatusCode != want {
		return 0, r.refusal()
	}
	n, err := strconv.ParseInt(r.Header.Get("Upload-Offset"), 10, 64)
	if err != nil {
		return 0, &refused{err.Error()}
	}
	s.mu.Lock()
	s.acknowledged = max(s.acknowledged, n)
	s.mu.Unlock()
	return n, nil
}

// goOn lets a line that stopped go on.
func (s *sending) goOn() { close(s.resume) }

// address is where the upload goes on, empty before the portal has said.
func (s *sending) address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.addresses) == 0 {
		return ""
	}
	return s.addresses[len(s.addresses)-1]
}

// uploadID is the upload's name, empty before the portal has told it.
func (s *sending) uploadID() string {
	if a := s.address(); a != "" {
		return path.Base(a)
	}
	return ""
}

// sent is how much was acknowledged, and how much left the browser.
func (s *sending) sent() (acknowledged, handed int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acknowledged, s.handed
}

// line is the body of a PATCH.
type line struct {
	s  *sending
	r  io.Reader
	at int64
}

// Read implements io.Reader: where the test wants, the line stops until it is
// told to go on or the portal is gone.
func (l *line) Read(b []byte) (int, error) {
	if stop, now := l.s.stopAt(l.at); now {
		select {
		case <-l.s.resume:
		case <-l.s.gone:
			return 0, errPortalGone
		}
	} else if stop > l.at {
		b = b[:min(int64(len(b)), stop-l.at)]
	}
	n, err := l.r.Read(b)
	l.at += int64(n)
	l.s.mu.Lock()
	l.s.handed += int64(n)
	l.s.mu.Unlock()
	return n, err
}

// stopAt is where the line is to stop, and whether that is here and now.
func (s *sending) stopAt(at int64) (stop int64, now bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stop = s.pause
	if at != stop {
		return stop, false
	}
	s.pause = -1
	close(s.paused)
	return stop, true
}
