package publishing_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/youtube"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
	"github.com/voci-in-comune/voci/migrations"
)

// purse is a ledger with a clock that tests set.
type purse struct {
	t    *testing.T
	path string
	now  time.Time
	db   *store.Store
	*publishing.Ledger
}

func limits() publishing.Limits {
	return publishing.Limits{Uploads: 3, Statistics: 100, Units: 1000, Kept: 200}
}

func newPurse(t *testing.T, now time.Time) *purse {
	t.Helper()
	p := &purse{t: t, path: filepath.Join(t.TempDir(), "voci.db"), now: now}
	p.open()
	t.Cleanup(p.shut)
	return p
}

func (p *purse) open() {
	p.t.Helper()
	var err error
	if p.db, err = store.Open(p.t.Context(), p.path); err != nil {
		p.t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	if err := p.db.Migrate(p.t.Context(), migrations.FS, quiet); err != nil {
		p.t.Fatal(err)
	}
	p.Ledger = publishing.NewLedger(p.db, limits(), func() time.Time { return p.now }, quiet)
}

func (p *purse) shut() {
	if err := p.db.Close(); err != nil {
		p.t.Error(err)
	}
}

// kill is a process that ends with its calls under way.
func (p *purse) kill() {
	p.t.Helper()
	p.shut()
	p.open()
}

func (p *purse) reserve(b youtube.Bucket, cost int) func(sent bool) {
	p.t.Helper()
	settle, err := p.Reserve(p.t.Context(), b, cost)
	if err != nil {
		p.t.Fatal(err)
	}
	return settle
}

func (p *purse) left(b youtube.Bucket) int {
	p.t.Helper()
	all, err := p.Remaining(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	for _, r := range all {
		if r.Bucket == b {
			if r.Spent+r.Left != r.Limit {
				p.t.Errorf("%+v", r)
			}
			return r.Left
		}
	}
	p.t.Fatalf("no bucket %s", b)
	return 0
}

func (p *purse) wantLeft(b youtube.Bucket, want int) {
	p.t.Helper()
	if got := p.left(b); got != want {
		p.t.Errorf("at %s %d of %s are left, want %d", p.now, got, b, want)
	}
}

// wantEmpty checks that a refusal says until when.
func wantEmpty(t *testing.T, err error, b youtube.Bucket, until time.Time) {
	t.Helper()
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Unavailable || !e.Until.Equal(until) || e.Message.Key != "publishing.quota."+string(b) {
		t.Errorf("%v (%+v), want unavailable until %s", err, e, until)
	}
}

func (p *purse) underWay() int {
	p.t.Helper()
	var n int64
	if err := p.db.Reader(p.t.Context()).Table("quota_reservations").Count(&n).Error; err != nil {
		p.t.Fatal(err)
	}
	return int(n)
}

func utc(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestLedgerReservesAndSettles(t *testing.T) {
	p := newPurse(t, utc("2026-11-25 10:00"))
	sent, unsent := p.reserve(youtube.BucketUnits, 400), p.reserve(youtube.BucketUnits, 450)
	p.wantLeft(youtube.BucketUnits, 150)
	_, err := p.Reserve(t.Context(), youtube.BucketUnits, 151)
	wantEmpty(t, err, youtube.BucketUnits, utc("2026-11-26 08:00"))
	p.wantLeft(youtube.BucketUploads, 3)
	sent(true)
	p.wantLeft(youtube.BucketUnits, 150)
	unsent(false)
	p.wantLeft(youtube.BucketUnits, 600)
	if n := p.underWay(); n != 0 {
		t.Errorf("%d reservations are left", n)
	}
	// Counts for statistics are taken many at once, by Spend, and not again call by
	// call.
	if err := p.Spend(t.Context(), "statistics", 100); err != nil {
		t.Fatal(err)
	}
	p.reserve(youtube.BucketStatistics, 1)(true)
	p.wantLeft(youtube.BucketStatistics, 0)
	wantEmpty(t, p.Spend(t.Context(), "statistics", 1), youtube.BucketStatistics, utc("2026-11-26 08:00"))
}

// The caller may be stopped meanwhile: what was sent counts all the same.
func TestLedgerSettlesAfterItsCallerIsStopped(t *testing.T) {
	p := newPurse(t, utc("2026-11-25 10:00"))
	ctx, stop := context.WithCancel(t.Context())
	settle, err := p.Reserve(ctx, youtube.BucketUnits, 50)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	settle(true)
	p.wantLeft(youtube.BucketUnits, 950)
	if n := p.underWay(); n != 0 {
		t.Errorf("%d reservations are left", n)
	}
}

// What is kept is left by all but looks, reads and removals.
func TestLedgerKeeps(t *testing.T) {
	p := newPurse(t, utc("2026-11-25 10:00"))
	room := func(b youtube.Bucket, units int, share publishing.Share) error {
		return p.Room(t.Context(), b, units, share)
	}
	p.reserve(youtube.BucketUnits, 750)(true)
	for _, c := range []struct {
		bucket youtube.Bucket
		units  int
		share  publishing.Share
		fits   bool
	}{
		{youtube.BucketUnits, 50, publishing.Spare, true},
		{youtube.BucketUnits, 51, publishing.Spare, false},
		{youtube.BucketUnits, 250, publishing.All, true},
		{youtube.BucketUnits, 251, publishing.All, false},
		{youtube.BucketUploads, 3, publishing.Spare, true},
		{youtube.BucketUploads, 4, publishing.Spare, false},
	} {
		err := room(c.bucket, c.units, c.share)
		if c.fits && err != nil {
			t.Errorf("%d of %s: %v", c.units, c.bucket, err)
		}
		if !c.fits {
			wantEmpty(t, err, c.bucket, utc("2026-11-26 08:00"))
		}
	}
	p.wantLeft(youtube.BucketUnits, 250) // asking takes nothing
	open := p.reserve(youtube.BucketUnits, 50)
	if err := room(youtube.BucketUnits, 1, publishing.Spare); err == nil {
		t.Error("what is under way counts")
	}
	open(false)
	if err := p.Exhaust(t.Context(), youtube.BucketUnits); err != nil {
		t.Fatal(err)
	}
	wantEmpty(t, room(youtube.BucketUnits, 1, publishing.All), youtube.BucketUnits, utc("2026-11-26 08:00"))
	p.wantLeft(youtube.BucketUploads, 3)
	all, err := p.Remaining(t.Context())
	if err != nil || all[1].Bucket != youtube.BucketUnits || all[1].Kept != 200 || all[0].Kept != 0 {
		t.Errorf("%+v %v", all, err)
	}
}

// The day is that of the Pacific coast: it begins at 09:00 in Italy, at 08:00 in
// the weeks in which only one of the two has summer time, and has 23 or 25 hours
// when the clocks change there.
func TestLedgerDays(t *testing.T) {
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, from, until string // UTC
		inRome            string // of until
		hours             int
	}{
		{"winter", "2026-01-15 08:00", "2026-01-16 08:00", "09:00", 24},
		{"the day that the clocks go forward there", "2026-03-08 08:00", "2026-03-09 07:00", "08:00", 23},
		{"summer time there only", "2026-03-20 07:00", "2026-03-21 07:00", "08:00", 24},
		{"the day that they go forward in Italy", "2026-03-29 07:00", "2026-03-30 07:00", "09:00", 24},
		{"summer", "2026-07-15 07:00", "2026-07-16 07:00", "09:00", 24},
		{"the day that they go back in Italy", "2026-10-25 07:00", "2026-10-26 07:00", "08:00", 24},
		{"summer time there only, in autumn", "2026-10-28 07:00", "2026-10-29 07:00", "08:00", 24},
		{"the day that they go back there", "2026-11-01 07:00", "2026-11-02 08:00", "09:00", 25},
	} {
		t.Run(c.name, func(t *testing.T) {
			from, until := utc(c.from), utc(c.until)
			if got := until.In(rome).Format("15:04"); got != c.inRome || until.Sub(from) != time.Duration(c.hours)*time.Hour {
				t.Fatalf("the table is wrong: %s, %s", got, until.Sub(from))
			}
			p := newPurse(t, from.Add(-time.Second))
			p.reserve(youtube.BucketUnits, 1000)(true)
			_, err := p.Reserve(t.Context(), youtube.BucketUnits, 1)
			wantEmpty(t, err, youtube.BucketUnits, from)

			p.now = from
			p.wantLeft(youtube.BucketUnits, 1000)
			p.reserve(youtube.BucketUnits, 1000)(true)
			p.now = until.Add(-time.Second)
			_, err = p.Reserve(t.Context(), youtube.BucketUnits, 1)
			wantEmpty(t, err, youtube.BucketUnits, until)
			wantEmpty(t, p.Room(t.Context(), youtube.BucketUnits, 1, publishing.All), youtube.BucketUnits, until)

			p.now = until
			p.wantLeft(youtube.BucketUnits, 1000)
		})
	}
}

// A call that is answered after midnight was paid before it.
func TestLedgerSettlesUnderItsDay(t *testing.T) {
	p := newPurse(t, utc("2026-11-26 07:59"))
	sent, unsent := p.reserve(youtube.BucketUnits, 400), p.reserve(youtube.BucketUnits, 100)
	p.now = utc("2026-11-26 08:01")
	p.wantLeft(youtube.BucketUnits, 1000)
	sent(true)
	unsent(false)
	p.wantLeft(youtube.BucketUnits, 1000)
	p.now = utc("2026-11-26 07:59")
	p.wantLeft(youtube.BucketUnits, 600)
}

// A process that is killed with calls under way counts them as spent, to the end
// of their day.
func TestLedgerSurvivesAKill(t *testing.T) {
	p := newPurse(t, utc("2026-11-25 10:00"))
	p.reserve(youtube.BucketUnits, 400)(true)
	p.reserve(youtube.BucketUnits, 450)
	p.reserve(youtube.BucketUploads, 1)
	p.kill()
	p.wantLeft(youtube.BucketUnits, 150)
	p.wantLeft(youtube.BucketUploads, 2)
	_, err := p.Reserve(t.Context(), youtube.BucketUnits, 151)
	wantEmpty(t, err, youtube.BucketUnits, utc("2026-11-26 08:00"))

	p.now = utc("2026-11-26 08:00")
	p.wantLeft(youtube.BucketUnits, 1000)
	p.reserve(youtube.BucketUnits, 1)(true)
	if n := p.underWay(); n != 2 {
		t.Errorf("%d reservations of yesterday, want 2", n)
	}
	p.now = utc("2026-11-28 08:00")
	p.reserve(youtube.BucketUnits, 1)(true)
	if n := p.underWay(); n != 0 {
		t.Errorf("%d reservations of days long over", n)
	}
}

// A clock that is wrong for a while, by a day in either direction, neither gives
// a day back nor takes one.
func TestLedgerOfAClockThatJumps(t *testing.T) {
	for _, jump := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		p := newPurse(t, utc("2026-11-25 10:00"))
		p.reserve(youtube.BucketUnits, 700)(true)
		open := p.reserve(youtube.BucketUnits, 100)
		p.reserve(youtube.BucketUnits, 50) // its process is killed
		p.now = p.now.Add(jump)
		p.wantLeft(youtube.BucketUnits, 1000)
		p.reserve(youtube.BucketUnits, 900)(true)
		open(true)
		p.kill()
		p.wantLeft(youtube.BucketUnits, 100)
		p.now = p.now.Add(-jump)
		p.wantLeft(youtube.BucketUnits, 150)
		_, err := p.Reserve(t.Context(), youtube.BucketUnits, 151)
		wantEmpty(t, err, youtube.BucketUnits, utc("2026-11-26 08:00"))
	}
}

// However many ask at the same time, no more is handed out than there is.
func TestLedgerAskedAtOnce(t *testing.T) {
	p := newPurse(t, utc("2026-11-25 10:00"))
	var paid, refused atomic.Int64
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 10 {
				settle, err := p.Reserve(t.Context(), youtube.BucketUnits, 25)
				if err != nil {
					wantEmpty(t, err, youtube.BucketUnits, utc("2026-11-26 08:00"))
					refused.Add(1)
					continue
				}
				sent := (worker+i)%4 != 0
				if sent {
					paid.Add(25)
				}
				settle(sent)
			}
		})
	}
	all.Wait()
	if paid.Load() > 1000 || refused.Load() == 0 {
		t.Errorf("%d of 1000 were handed out, %d were refused", paid.Load(), refused.Load())
	}
	p.wantLeft(youtube.BucketUnits, 1000-int(paid.Load()))

	// Two that need all that is left: one gets it.
	p = newPurse(t, utc("2026-11-25 10:00"))
	var got atomic.Int64
	for range 2 {
		all.Go(func() {
			if settle, err := p.Reserve(t.Context(), youtube.BucketUnits, 1000); err == nil {
				got.Add(1)
				settle(true)
			}
		})
	}
	all.Wait()
	if got.Load() != 1 {
		t.Errorf("%d got the whole bucket", got.Load())
	}
}

// After a day of all sorts of calls, good and bad, the ledger and YouTube agree.
func TestLedgerAgreesWithTheChannel(t *testing.T) {
	w := newWorld(t)
	client, channel, err := w.channels.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	meta := youtube.Metadata{Title: "Una voce", Language: "it", CategoryID: "22", Privacy: youtube.Private}
	video, err := client.Upload(ctx, youtube.Upload{Metadata: meta, File: bytes.NewReader(w.file), Size: size, Slug: "a.mp4"},
		youtube.Session{}, func(context.Context, youtube.Session) error { return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	const vtt = "WEBVTT\n\n00:00.000 --> 00:01.000\nBuongiorno\n"
	list, err := client.CreatePlaylist(ctx, youtube.Playlist{Title: "Temi", Privacy: youtube.Public})
	if err != nil {
		t.Fatal(err)
	}
	entry, err := client.AddToPlaylist(ctx, list.ID, video.ID)
	if err != nil {
		t.Fatal(err)
	}
	caption, err := client.AddCaption(ctx, video.ID, "it", "", strings.NewReader(vtt))
	if err != nil {
		t.Fatal(err)
	}
	w.fail(
		sandbox.Fault{Name: sandbox.Refuse, Method: "videos.update", Status: 400, Reason: "invalidTags"},
		sandbox.Fault{Name: sandbox.UploadLimit})
	for name, do := range map[string]func() error{
		"refused": func() error { _, err := client.UpdateMetadata(ctx, video.ID, meta); return err },
		"no upload": func() error {
			_, err := client.Upload(ctx, youtube.Upload{Metadata: meta, File: bytes.NewReader(w.file), Size: size, Slug: "b.mp4"},
				youtube.Session{}, func(context.Context, youtube.Session) error { return nil }, nil)
			return err
		},
		"no picture":   func() error { return client.SetThumbnail(ctx, video.ID, strings.NewReader("%PDF"), "image/png") },
		"there is one": func() error { _, err := client.AddCaption(ctx, video.ID, "it", "", strings.NewReader(vtt)); return err },
		"not there":    func() error { return client.RemoveFromPlaylist(ctx, "UEnothing") },
	} {
		if do() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, do := range []func() error{
		func() error { _, err := client.SetPrivacy(ctx, video.ID, youtube.Public, time.Time{}); return err },
		func() error {
			_, err := client.SetLocalizations(ctx, video.ID, map[string]youtube.Localized{"en": {Title: "A voice"}})
			return err
		},
		func() error {
			_, err := client.ReplaceCaption(ctx, caption.ID, strings.NewReader(vtt+"\n"))
			return err
		},
		func() error { _, err := client.Captions(ctx, video.ID); return err },
		func() error { _, err := client.Playlists(ctx); return err },
		func() error { _, err := client.FindInPlaylist(ctx, list.ID, video.ID); return err },
		func() error { _, _, err := client.Uploads(ctx, channel.UploadsPlaylist, ""); return err },
		func() error { return client.UpdatePlaylist(ctx, youtube.Playlist{ID: list.ID, Title: "Altri temi"}) },
		func() error { return client.RemoveFromPlaylist(ctx, entry.ID) },
		func() error { return client.DeleteCaption(ctx, caption.ID) },
		func() error { return client.Delete(ctx, video.ID) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	remaining, err := w.ledger.Remaining(ctx)
	if err != nil {
		t.Fatal(err)
	}
	state := w.sandbox.State()
	for _, r := range remaining {
		if r.Spent != state.Spent[string(r.Bucket)] {
			t.Errorf("%s: the ledger says %d, the channel %d", r.Bucket, r.Spent, state.Spent[string(r.Bucket)])
		}
	}
	if state.Spent["uploads"] != 2 || state.Spent["units"] < 1500 {
		t.Errorf("spent: %v", state.Spent)
	}
	var open int64
	if err := w.db.Reader(ctx).Table("quota_reservations").Count(&open).Error; err != nil || open != 0 {
		t.Errorf("%d reservations are left: %v", open, err)
	}
}

// A day that the ledger does not know of, as after a restored back-up, ends when
// YouTube says so.
func TestLedgerBelievesTheChannel(t *testing.T) {
	p := newPurse(t, utc("2026-11-25 10:00"))
	p.reserve(youtube.BucketUploads, 1)(true)
	if err := p.Exhaust(t.Context(), youtube.BucketUploads); err != nil {
		t.Fatal(err)
	}
	p.wantLeft(youtube.BucketUploads, 0)
	p.wantLeft(youtube.BucketUnits, 1000)
	p.now = utc("2026-11-26 08:00")
	p.wantLeft(youtube.BucketUploads, 3)
}
