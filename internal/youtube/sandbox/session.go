package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	chunkUnit = 262144 // every chunk but the last is a multiple of this, in bytes
	// YouTube says only that sessions are finite. Others on Google's upload
	// server end within a day or a week of silence; this is the shorter.
	sessionLife = 24 * time.Hour
)

// session is an upload in progress, or one whose final answer is remembered.
type session struct {
	ID       string          `json:"id"`
	VideoID  string          `json:"videoId"` // chosen beforehand, so that finishing twice makes one video
	Parts    []string        `json:"parts"`
	Metadata metadata        `json:"metadata"`
	Notify   bool            `json:"notify"`
	FileName string          `json:"fileName"`
	Total    int64           `json:"total"` // bytes, -1 while unknown
	Opened   time.Time       `json:"opened"`
	Used     time.Time       `json:"used"`
	Answer   json.RawMessage `json:"answer,omitempty"` // the final one

	size    atomic.Int64 // bytes stored; written by whoever has the turn
	gate    sync.Mutex
	current *turn
}

// turn is one request's time with a session. The newest request wins: a client
// that asks again has given up what it sent before, and bytes of a connection
// that lingers must not be stored after the client was told an offset.
type turn struct {
	kick func()
	done chan struct{}
}

// enter waits for the session, sending away whoever has it.
func (u *session) enter(c *call) (ctx context.Context, leave func()) {
	ctx, cancel := context.WithCancel(c.r.Context())
	me := &turn{done: make(chan struct{})}
	me.kick = func() {
		cancel()
		// Where the connection cannot be interrupted, it ends by itself.
		_ = http.NewResponseController(c.w).SetReadDeadline(time.Unix(1, 0))
	}
	u.gate.Lock()
	before := u.current
	u.current = me
	if before != nil {
		before.kick()
	}
	u.gate.Unlock()
	if before != nil {
		<-before.done
	}
	return ctx, func() {
		u.gate.Lock()
		me.kick = func() {} // the connection may by now serve another request
		if u.current == me {
			u.current = nil
		}
		u.gate.Unlock()
		cancel()
		close(me.done)
	}
}

// contentRange is what a request on a session says that it carries.
type contentRange struct {
	status      bool // a question, no bytes
	first, last int64
	total       int64 // -1 if unknown
}

func readRange(r *http.Request, known int64) (contentRange, error) {
	header := r.Header.Get("Content-Range")
	if header == "" { // the whole file
		total := known
		if total < 0 {
			total = r.ContentLength
		}
		if total < 0 || (r.ContentLength >= 0 && r.ContentLength != total) {
			return contentRange{}, badHeader("Content-Range")
		}
		return contentRange{last: total - 1, total: total}, nil
	}
	spec, ok := strings.CutPrefix(header, "bytes ")
	span, size, ok2 := strings.Cut(spec, "/")
	if !ok || !ok2 {
		return contentRange{}, badHeader("Content-Range")
	}
	cr := contentRange{total: -1}
	var err error
	if size != "*" {
		if cr.total, err = strconv.ParseInt(size, 10, 64); err != nil || cr.total < 0 {
			return contentRange{}, badHeader("Content-Range")
		}
	}
	if span == "*" {
		if r.ContentLength > 0 {
			return contentRange{}, badHeader("Content-Range")
		}
		cr.status = true
		return cr, nil
	}
	a, b, _ := strings.Cut(span, "-")
	cr.first, err = strconv.ParseInt(a, 10, 64)
	if err == nil {
		cr.last, err = strconv.ParseInt(b, 10, 64)
	}
	n := cr.last - cr.first + 1
	if err != nil || cr.first < 0 || n < 1 || (cr.total >= 0 && cr.last >= cr.total) || (r.ContentLength >= 0 && r.ContentLength != n) {
		return contentRange{}, badHeader("Content-Range")
	}
	if last := cr.total >= 0 && cr.last == cr.total-1; !last && n%chunkUnit != 0 {
		return contentRange{}, &apiError{
			Code: http.StatusBadRequest, Domain: "global", Reason: "badRequest",
			Message: fmt.Sprintf("Invalid request. The number of bytes uploaded is required to be equal or greater than %d, except for the final request (it's recommended to be the exact multiple of %d). The received request contained %d bytes, which does not meet this requirement.",
				chunkUnit, chunkUnit, n),
		}
	}
	return cr, nil
}

// continueSession takes bytes, or says how many there are.
func (s *Sandbox) continueSession(c *call) error {
	u, err := s.findSession(c)
	if err != nil {
		return err
	}
	ctx, leave := u.enter(c)
	defer leave()
	cr, err := readRange(c.r, u.Total)
	if err != nil {
		return err
	}
	if cr.total >= 0 && u.Total >= 0 && u.Total != cr.total {
		return badHeader("Content-Range")
	}
	if err := s.touch(u, cr.total); err != nil {
		return err
	}
	if u.Answer != nil { // asked again after the end: the same answer
		c.write(http.StatusCreated, u.Answer)
		return nil
	}
	if cr.status {
		if err := s.count("session.status"); err != nil {
			return err
		}
		return s.conclude(c, u)
	}
	if cr.first != u.size.Load() {
		// A block that overlaps or skips is not stored; it is read so that the
		// client gets to see the answer.
		if _, err := io.Copy(io.Discard, c.r.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
		return s.conclude(c, u)
	}
	if err := s.receive(ctx, c, u, cr.last-cr.first+1); err != nil {
		return err
	}
	if u.size.Load() == u.Total {
		if _, hit := s.faults.take(LoseFinal, c.m.name); hit {
			if err := s.complete(u); err != nil {
				return err
			}
			panic(http.ErrAbortHandler)
		}
	}
	return s.conclude(c, u)
}

// conclude answers with the video if all is there, and else with the offset.
func (s *Sandbox) conclude(c *call, u *session) error {
	if u.size.Load() == u.Total {
		if err := s.complete(u); err != nil {
			return err
		}
		c.write(http.StatusCreated, u.Answer)
		return nil
	}
	h := c.w.Header()
	if n := u.size.Load(); n > 0 {
		h.Set("Range", fmt.Sprintf("bytes=0-%d", n-1))
	}
	h.Set("X-GUploader-UploadID", u.ID)
	h.Set("Content-Length", "0")
	if strings.EqualFold(c.r.Header.Get("X-GUploader-No-308"), "yes") {
		h.Set("X-Http-Status-Code-Override", "308") // for clients that cannot bear a 308
		c.w.WriteHeader(http.StatusOK)
		return nil
	}
	c.w.WriteHeader(http.StatusPermanentRedirect)
	return nil
}

// receive stores up to want bytes of the body. It does not come back when the
// connection breaks; what arrived stays.
func (s *Sandbox) receive(ctx context.Context, c *call, u *session, want int64) (err error) {
	f, err := os.OpenFile(s.partFile(u.ID), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("store a chunk: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Seek(u.size.Load(), io.SeekStart); err != nil {
		return fmt.Errorf("store a chunk: %w", err)
	}
	plan := s.faults.chunk(c.m.name, want)
	buffer := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buffer)
	var got int64
	for got < plan.read {
		if plan.stall && got >= plan.stallAfter {
			plan.stall = false
			wait(ctx, plan.stallFor)
		}
		if ctx.Err() != nil {
			panic(http.ErrAbortHandler) // a newer request took over
		}
		limit := plan.read
		if plan.stall {
			limit = min(limit, plan.stallAfter)
		}
		n, err := c.r.Body.Read((*buffer)[:min(bufferSize, limit-got)])
		if store := min(int64(n), plan.keep-got); store > 0 {
			written, werr := f.Write((*buffer)[:store])
			u.size.Add(int64(written))
			if werr != nil {
				return fmt.Errorf("store a chunk: %w", werr)
			}
		}
		got += int64(n)
		if err != nil && got < plan.read {
			panic(http.ErrAbortHandler) // the client cut it
		}
	}
	if plan.cut {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// findSession is the session that a request names, if it still lives.
func (s *Sandbox) findSession(c *call) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireSessions(s.now())
	u := s.sessions[c.q.Get("upload_id")]
	code := http.StatusNotFound
	if u != nil {
		f, hit := s.faults.take(ExpireSession, c.m.name)
		if !hit {
			return u, nil
		}
		if f.Status == http.StatusGone {
			code = http.StatusGone
		}
		s.forget(u)
	}
	return nil, &apiError{Code: code, Domain: "global", Reason: "notFound", Message: "Upload session not found or expired."}
}

// touch notes that a session is in use, and its total if it was just learned.
func (s *Sandbox) touch(u *session, total int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[u.ID] == nil {
		return &apiError{Code: http.StatusNotFound, Domain: "global", Reason: "notFound", Message: "Upload session not found or expired."}
	}
	now := s.now()
	learned := total >= 0 && u.Total != total
	if !learned && now.Sub(u.Used) < time.Minute {
		return nil // precise enough for an expiry of hours
	}
	if learned {
		u.Total = total
	}
	u.Used = now
	return s.save(filepath.Join("sessions", u.ID+".json"), u, true)
}

func (s *Sandbox) expireSessions(now time.Time) {
	for _, u := range s.sessions {
		if now.Sub(u.Used) >= sessionLife {
			s.forget(u)
		}
	}
}

// forget ends a session and throws away what it received.
func (s *Sandbox) forget(u *session) {
	delete(s.sessions, u.ID)
	os.Remove(s.partFile(u.ID))
	os.Remove(filepath.Join(s.dir, "sessions", u.ID+".json"))
}

// adopt takes a saved session back after a restart, and finishes what was
// received whole but not yet turned into a video.
func (s *Sandbox) adopt(u *session) error {
	s.sessions[u.ID] = u
	if u.Answer != nil {
		return nil
	}
	info, err := os.Stat(s.partFile(u.ID))
	if errors.Is(err, fs.ErrNotExist) { // nothing came, or it was moved already
		if info, err = os.Stat(s.videoFile(u.VideoID)); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("take back an upload session: %w", err)
	}
	u.size.Store(info.Size())
	if info.Size() == u.Total {
		return s.complete(u)
	}
	return nil
}

// complete turns what a session received into a video. It can be interrupted at
// any point and done again.
func (s *Sandbox) complete(u *session) error {
	if err := s.moveBytes(u); err != nil {
		return err
	}
	v, err := s.arrive(u)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.videos[u.VideoID]; known != nil {
		v = known
	} else {
		v.Seq = s.nextSeq()
		if err := s.saveVideo(v); err != nil {
			return err
		}
		s.videos[v.ID] = v
	}
	if v.SHA256 == "" {
		s.examineLater(v.ID)
	}
	if u.Answer, err = json.Marshal(s.resource(v, u.Parts, s.now())); err != nil {
		return fmt.Errorf("write the final answer: %w", err)
	}
	s.log.Info("video received", "video", v.ID, "bytes", v.Size)
	return s.save(filepath.Join("sessions", u.ID+".json"), u, true)
}

// moveBytes puts the received file in its place among the videos.
func (s *Sandbox) moveBytes(u *session) error {
	err := os.Rename(s.partFile(u.ID), s.videoFile(u.VideoID))
	if errors.Is(err, fs.ErrNotExist) && u.Total == 0 { // an empty file has no chunks
		err = os.WriteFile(s.videoFile(u.VideoID), nil, 0o600)
	}
	if errors.Is(err, fs.ErrNotExist) { // moved before an interruption
		_, err = os.Stat(s.videoFile(u.VideoID))
	}
	if err != nil {
		return fmt.Errorf("keep a video: %w", err)
	}
	return nil
}
