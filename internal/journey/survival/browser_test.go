package survival

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// slow is a line from the town hall, in bytes a second.
const slow = 12 << 20

// The portal is killed at each step of an upload from a browser. Each is held
// open until it is seen on the disk and in the database, so that it is hit.
func TestBrowserSideIsKilledAtEachStep(t *testing.T) {
	t.Parallel()
	c := newChannel(t, listen(t), "")
	w := newWorld(t, c, "")
	ctx := t.Context()

	rows := func(query string, id int64) (n int) {
		t.Helper()
		w.must(w.db.one(ctx, query, []any{id}, &n))
		return n
	}
	const uploads, videos = `SELECT count(*) FROM uploads WHERE testimony_id = ?`, `SELECT count(*) FROM videos WHERE testimony_id = ?`
	on := func(l *wire) string { return l.address + "/caricamenti/" }
	var all []int64
	start := func(name string, f film) int64 {
		t.Log(name)
		id := w.draft(name, f)
		all = append(all, id)
		return id
	}
	finish := func(s *sending, creations int) {
		t.Helper()
		w.must(s.wait(ctx))
		if s.creations != creations {
			t.Errorf("the browser began %d uploads, want %d: %v", s.creations, creations, s.troubles)
		}
		w.must(w.hall.askReview(ctx, s.id))
	}

	{ // the upload is not in the database yet
		f := newFilm(t, small)
		id := start("creation, before the commit", f)
		release, err := w.db.hold(ctx)
		w.must(err)
		s := w.hall.send(ctx, id, f, w.uploads(), -1)
		w.came("the upload is asked for", s.asked)
		if n := rows(uploads, id); n != 0 {
			t.Fatalf("the window is closed: %d uploads", n)
		}
		w.Kill()
		w.must(release())
		t.Log("killed: no upload in the database, no answer")
		w.Run()
		finish(s, 2)
	}
	{ // it is there, and the browser does not know its address
		f := newFilm(t, small)
		id := start("creation, after the commit", f)
		l := newWire(t, w.Base)
		l.mute(t)
		s := w.hall.send(ctx, id, f, on(l), -1)
		w.until("the upload lies in the folder", func() (bool, error) {
			var name string
			err := w.db.one(ctx, `SELECT coalesce(max(id), '') FROM uploads WHERE testimony_id = ?`, []any{id}, &name)
			_, missing := os.Stat(filepath.Join(w.Data, "uploads", name+".info"))
			return name != "" && missing == nil, err
		})
		if s.address() != "" {
			t.Fatal("the window is closed: the browser knows the address")
		}
		w.dead("the upload is made, the answer is not heard")
		l.heal(t)
		w.Run()
		finish(s, 2)
	}
	{ // bytes flow; twice
		f := newFilm(t, small)
		id := start("in the middle of a PATCH", f)
		l := newWire(t, w.Base)
		l.thin(t, slow/4)
		s := w.hall.send(ctx, id, f, on(l), -1)
		for _, at := range []int64{f.size / 4, f.size / 2} {
			w.until("a part has arrived", func() (bool, error) { n, _ := w.onDisk(s.uploadID()); return n >= at, nil })
			if n, vault := w.onDisk(s.uploadID()); n >= f.size || vault {
				t.Fatalf("the window is closed: %d bytes have arrived", n)
			}
			w.killSending(s, "bytes flow")
		}
		finish(s, 1)
	}
	{ // one byte is missing
		f := newFilm(t, small)
		id := start("at the last byte", f)
		s := w.hall.send(ctx, id, f, w.uploads(), f.size-1)
		w.came("the line stops", s.paused)
		w.until("all but what the browser's own buffer holds has arrived", func() (bool, error) {
			n, _ := w.onDisk(s.uploadID())
			return n >= f.size-1-4096, nil // net/http writes bodies through 4 KiB
		})
		if n, vault := w.onDisk(s.uploadID()); n >= f.size || vault {
			t.Fatalf("the window is closed: %d bytes have arrived", n)
		}
		w.killSending(s, "the last byte is missing")
		finish(s, 1)
	}
	{ // the file is moved and nobody has been told
		f := newFilm(t, small)
		id := start("in the vault, before the commit", f)
		s := w.hall.send(ctx, id, f, w.uploads(), f.size/2)
		w.came("the line stops", s.paused)
		release, err := w.db.hold(ctx)
		w.must(err)
		s.goOn()
		w.until("the file is in the vault", func() (bool, error) { _, vault := w.onDisk(s.uploadID()); return vault, nil })
		if n := rows(videos, id); n != 0 {
			t.Fatalf("the window is closed: %d files in the database", n)
		}
		w.Kill()
		w.must(release())
		t.Log("killed: the file is in the vault, the database does not know it")
		w.Run()
		finish(s, 1)
		if _, handed := s.sent(); handed != f.size {
			t.Errorf("%d bytes were sent for a file of %d that had arrived whole", handed, f.size)
		}
	}
	{ // it is known, and the browser has not heard that all is there
		f := newFilm(t, small)
		id := start("taken over, before the answer", f)
		l := newWire(t, w.Base)
		s := w.hall.send(ctx, id, f, on(l), f.size-1)
		w.came("the line stops", s.paused)
		l.mute(t)
		s.goOn()
		w.until("the file is in the database", func() (bool, error) { return rows(videos, id) == 1, nil })
		if acknowledged, _ := s.sent(); acknowledged == f.size {
			t.Fatal("the window is closed: the browser has the answer")
		}
		w.Kill()
		l.heal(t)
		t.Log("killed: the file is in the database, the browser has no answer")
		w.Run()
		finish(s, 1)
		if _, handed := s.sent(); handed != f.size {
			t.Errorf("%d bytes were sent for a file of %d that had arrived whole", handed, f.size)
		}
	}
	{ // ffmpeg is at work
		f := longFilm(t)
		id := start("looked at", f)
		s := w.hall.send(ctx, id, f, w.uploads(), -1)
		finish(s, 1) // asked for before the file was seen
		w.until("ffmpeg writes", func() (bool, error) { return w.renders(id), nil })
		if p := w.publication(id); p.Testimony != "draft" {
			t.Fatalf("the window is closed: the testimony is %s", p.Testimony)
		}
		w.kill("ffmpeg is making the rendition, review was asked for")
	}
	for _, id := range all {
		w.untilTestimony(id, "in_review")
	}
	w.kill("all testimonies are before the moderator")
	for i, id := range all {
		if state := w.publication(id).Testimony; state != "in_review" {
			t.Fatalf("testimony %d is %s after a kill", id, state)
		}
		w.must(w.staff.approve(ctx, id))
		if i%3 == 0 {
			w.Kill()
			p := w.publication(id)
			if p.Testimony == "draft" || p.Testimony == "in_review" || p.State == "" {
				t.Errorf("an approval that was answered is lost: %+v", p)
			}
			t.Logf("killed: just approved, the testimony is %s, the publication %s", p.Testimony, p.State)
			w.Run()
		}
	}
	w.wantOne(all...)
	w.db.wantSound(t)
}

// The portal is killed at ten random moments of uploads from a browser: while
// one is made, while bytes flow, while the file is moved and looked at.
func TestBrowserSideIsKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newChannel(t, listen(t), ""), "")
	ctx, dice := t.Context(), chance(t)
	const films, kills = 4, 10
	f := make([]film, films)
	for i := range f {
		f[i] = newFilm(t, small)
	}
	// A tape of all uploads, one after the other: of each a little for its
	// making, its bytes, and what happens once they are there.
	const making, after = 0.1, 0.6
	moments := make([]float64, kills)
	for i := range moments {
		moments[i] = dice.Float64() * films * (making + 1 + after)
	}
	slices.Sort(moments)
	l := newWire(t, w.Base)
	l.thin(t, slow/2)
	var ids []int64
	for i := range f {
		id := w.draft(fmt.Sprintf("In un momento qualsiasi %d", i+1), f[i])
		ids = append(ids, id)
		s := w.hall.send(ctx, id, f[i], l.address+"/caricamenti/", -1)
		for len(moments) > 0 && moments[0] < float64(i+1)*(making+1+after) {
			at := moments[0] - float64(i)*(making+1+after)
			moments = moments[1:]
			w.killSending(s, w.passTo(s, at-making, dice))
		}
		w.must(s.wait(ctx))
		w.must(w.hall.askReview(ctx, id))
	}
	for _, id := range ids {
		w.untilTestimony(id, "in_review")
		w.must(w.staff.approve(ctx, id))
	}
	w.wantOne(ids...)
	w.db.wantSound(t)
}

// passTo waits until an upload has come to a place: before 0 it is made, up to 1
// it is a part of the bytes, then time after them. It says where that was.
func (w *world) passTo(s *sending, place float64, dice *rand.Rand) string {
	w.t.Helper()
	moment := func(d time.Duration) {
		select {
		case <-time.After(d):
		case <-w.t.Context().Done():
		}
	}
	switch {
	case place < 0:
		d := time.Duration(dice.Int64N(int64(20 * time.Millisecond)))
		moment(d)
		return fmt.Sprintf("%s after the upload was to be made", d)
	case place < 1:
		at := int64(place * float64(s.film.size))
		w.until("bytes have come", func() (bool, error) { n, _ := w.onDisk(s.uploadID()); return n >= at, nil })
		return fmt.Sprintf("byte %d of %d had come", at, s.film.size)
	default:
		w.until("all bytes have come", func() (bool, error) { n, _ := w.onDisk(s.uploadID()); return n == s.film.size, nil })
		d := time.Duration((place - 1) * float64(time.Second))
		moment(d)
		states, err := w.db.all(w.t.Context(), `SELECT state FROM videos WHERE testimony_id = ?`, s.id)
		w.must(err)
		return fmt.Sprintf("%s after the last byte, the file is %q", d.Round(time.Millisecond), states)
	}
}

// renders tells whether a rendition of a testimony's file is being written.
func (w *world) renders(id int64) bool {
	w.t.Helper()
	names, err := w.db.all(context.WithoutCancel(w.t.Context()), `SELECT id FROM videos WHERE testimony_id = ? AND state = 'checking'`, id)
	w.must(err)
	for _, name := range names {
		parts, err := filepath.Glob(filepath.Join(w.Data, "renditions", "."+name+".mp4.*.part"))
		w.must(err)
		for _, part := range parts {
			if st, err := os.Stat(part); err == nil && st.Size() > 0 {
				return true
			}
		}
	}
	return false
}
