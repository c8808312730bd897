package studio

import (
	"context"
	"errors"
	"io/fs"
	"mime/multipart"
	"net/http"
	"path"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// arriving is an upload that has not come to its end.
type arriving struct {
	ID       string    `json:"id"`
	Filename string    `json:"filename"`
	Offset   int64     `json:"offset"`
	Size     int64     `json:"size"` // -1 of a recording whose end the portal does not know
	Percent  int64     `json:"percent"`
	Until    time.Time `json:"until"` // kept so long if nothing is added
}

// Recording tells whether nobody knows yet how much there will be: it is sent
// while it is recorded.
func (a *arriving) Recording() bool { return a.Size < 0 }

// birth is how long an upload may be known to the database before its files
// are there.
const birth = time.Minute

// arriving finds for each testimony the upload to go on with, and how far it
// came. One whose files are gone (given up, or too old) or that another file
// overtook is noted as such, so that nobody waits for it.
func (s *Studio) arriving(ctx context.Context, list []testimony.Testimony) (map[int64]*arriving, error) {
	var ids []int64
	received := make(map[int64]time.Time, len(list))
	for i := range list {
		if !list[i].TakesFile() {
			continue
		}
		ids = append(ids, list[i].ID)
		if v := list[i].Full; v != nil {
			received[list[i].ID] = v.ReceivedAt
		}
	}
	open, err := s.testimonies.OpenUploads(ctx, ids)
	if err != nil {
		return nil, err
	}
	coming := make(map[int64]*arriving, len(open))
	for id, uploads := range open {
		for _, u := range uploads {
			if u.CreatedAt.Before(received[id]) { // a whole file came after it
				if err := s.testimonies.DiscardUpload(ctx, u.ID); err != nil {
					return nil, err
				}
				continue
			}
			if coming[id] != nil {
				continue
			}
			if coming[id], err = s.offset(ctx, u); err != nil {
				return nil, err
			}
		}
	}
	return coming, nil
}

// offset is how far an upload came, nil if there is nothing of it.
func (s *Studio) offset(ctx context.Context, u testimony.Upload) (*arriving, error) {
	offset, size, err := s.uploads.Progress(u.ID)
	if errors.Is(err, fs.ErrNotExist) {
		if s.clock().Sub(u.CreatedAt) < birth {
			return nil, nil
		}
		return nil, s.testimonies.DiscardUpload(ctx, u.ID)
	}
	if err != nil {
		return nil, err
	}
	until, err := s.uploads.KeptUntil(u.ID)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	a := &arriving{ID: u.ID, Filename: u.Filename, Offset: offset, Size: size, Until: until}
	if size > 0 {
		a.Percent = offset * 100 / size
	}
	return a, nil
}

// receive passes a tus request on. An upload that was given up is noted as
// such.
func (s *Studio) receive(c echo.Context) error {
	s.uploads.ServeHTTP(c.Response(), c.Request())
	if c.Request().Method == http.MethodDelete && c.Response().Status == http.StatusNoContent {
		return s.testimonies.DiscardUpload(context.WithoutCancel(c.Request().Context()), path.Base(c.Request().URL.Path))
	}
	return nil
}

// cancel gives up the uploads of a testimony that have not come to their end.
// What was typed is saved, for its button is one of the form.
func (s *Studio) cancel(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	f, err := readForm(c, formOf(t), func(testimony.Form, *multipart.Part) error { return nil })
	if err != nil {
		return err
	}
	if t.State.Editable() { // else only its full file is still to come
		if _, err := s.testimonies.Save(ctx, p.Actor(), p.MunicipalityCode, t.ID, f); err != nil {
			return err
		}
	}
	open, err := s.testimonies.OpenUploads(ctx, []int64{t.ID})
	if err != nil {
		return err
	}
	for _, u := range open[t.ID] {
		if err := s.uploads.Discard(ctx, u.ID); err != nil {
			return err
		}
		if err := s.testimonies.DiscardUpload(ctx, u.ID); err != nil {
			return err
		}
	}
	s.sessions.SetFlash(ctx, "studio.upload_cancelled")
	return c.Redirect(http.StatusSeeOther, localized(c, address(t.ID)))
}

// state is what the page's script asks for, to show without a reload what
// becomes of the file. Of a small version it only tells how it stands.
type state struct {
	State     testimony.State      `json:"state"`
	Awaits    bool                 `json:"awaits"`
	Takes     bool                 `json:"takes"` // a full file may come
	Video     testimony.VideoState `json:"video"`
	VideoID   int64                `json:"video_id"`
	Filename  string               `json:"filename"`
	Bytes     int64                `json:"bytes"`
	Reason    string               `json:"reason"`
	Small     testimony.VideoState `json:"small"`
	Poster    string               `json:"poster"`
	Rendition string               `json:"rendition"`
	Arriving  *arriving            `json:"arriving"`
}

// progress answers with the state of a testimony and of its file.
func (s *Studio) progress(c echo.Context) error {
	_, t, err := s.mine(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	coming, err := s.arriving(ctx, []testimony.Testimony{*t})
	if err != nil {
		return err
	}
	answer := state{
		State: t.State, Awaits: t.AwaitsFile(), Takes: t.TakesFile(), Poster: posterOf(t), Rendition: renditionOf(t), Arriving: coming[t.ID],
	}
	if v := t.Full; v != nil {
		answer.Video, answer.VideoID, answer.Filename, answer.Bytes = v.State, v.ID, v.Filename, v.Bytes
		if v.Reason.Key != "" {
			answer.Reason = s.pages.Say(page.Lang(ctx), v.Reason.Message)
		}
	}
	if t.Small != nil {
		answer.Small = t.Small.State
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, answer)
}

// sendWhole takes the full file of a testimony whose small version staff have
// already, from a form without JavaScript.
func (s *Studio) sendWhole(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	var sent error
	came := false
	_, err = readForm(c, testimony.Form{}, func(_ testimony.Form, part *multipart.Part) error {
		came, sent = true, s.take(c, t.ID, part)
		return nil
	})
	if err != nil {
		return err
	}
	if !came {
		sent = fault.New(fault.Invalid, "testimony.video.empty")
	}
	if e, ok := errors.AsType[*fault.Error](sent); ok && e.Kind != fault.Unknown {
		if t, err = s.testimonies.Get(c.Request().Context(), p.MunicipalityCode, t.ID); err != nil {
			return err
		}
		if t.AwaitsWhole() { // the form is still there to say it in
			return s.showForm(c, p, t, fault.Fields{{Name: "video", Message: e.Message}}, page.Status(sent))
		}
	}
	if sent != nil {
		return sent
	}
	s.sessions.SetFlash(c.Request().Context(), "line.whole_came")
	return c.Redirect(http.StatusSeeOther, localized(c, address(t.ID)))
}
