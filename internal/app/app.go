// Package app puts the portal together: every room is built here, once, from
// top to bottom, started, and stopped gracefully. Nothing imports it but cmd.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/insight"
	"github.com/voci-in-comune/voci/internal/jobs"
	"github.com/voci-in-comune/voci/internal/mail"
	"github.com/voci-in-comune/voci/internal/notices"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/presskit"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/secret"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/transcription"
	"github.com/voci-in-comune/voci/internal/tryout"
	"github.com/voci-in-comune/voci/internal/upload"
	"github.com/voci-in-comune/voci/internal/video"
	"github.com/voci-in-comune/voci/internal/video/screening"
	"github.com/voci-in-comune/voci/internal/views"
	"github.com/voci-in-comune/voci/internal/youtube"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
	"github.com/voci-in-comune/voci/migrations"
)

// App is the portal's rooms, without the doors: commands use them beside a
// running portal, and Serve opens the doors.
type App struct {
	Settings    config.Settings
	Log         *slog.Logger
	DB          *store.Store
	Registry    *territory.Registry
	Accounts    *account.Store
	Sessions    *account.Sessions
	Testimonies *testimony.Store
	Uploads     *upload.Receiver
	Tryouts     *tryout.Desk
	Outbox      *mail.Outbox
	Notices     *notices.Desk
	Cutter      *presskit.Cutter
	Queue       *jobs.Queue
	Insight     *insight.Insight
	Views       *views.Sync
	Ledger      *publishing.Ledger
	Channels    *publishing.Channels // nil with VOCI_YOUTUBE=off
	Publisher   *publishing.Publisher
	OAuth       *youtube.OAuth      // nil with VOCI_YOUTUBE=off
	Transcripts *transcription.Desk // nil without VOCI_TRANSCRIBE_COMMAND

	shown func()                     // drops cached pages; set by Serve
	say   func(fault.Message) string // puts a message into Italian; set by Serve

	pages   *page.Pages // set by Serve
	collect int         // how the garbage is collected once the start is over; set by Serve

	clip func(ctx context.Context, path string, length time.Duration) error // makes a film; set by openWork

	// refuse answers an upload in the reader's language; set by Serve.
	refuse func(http.ResponseWriter, *http.Request, error)

	sandbox         *sandbox.Sandbox // nil unless Serve starts one
	sandboxListener net.Listener
	leaveSandbox    func() // gives the sandbox's lock back
}

// Migrate brings a database to the form that this program needs.
func Migrate(ctx context.Context, db *store.Store, registry *territory.Registry, log *slog.Logger) error {
	if err := db.Migrate(ctx, migrations.FS, log); err != nil {
		return err
	}
	if err := jobs.Migrate(ctx, db); err != nil {
		return err
	}
	return registry.Sync(ctx, db)
}

// Open builds the rooms for a command, which only puts jobs in the queue of the
// portal that serves.
func Open(ctx context.Context, s config.Settings, log *slog.Logger) (*App, error) {
	a := newApp(s, log)
	if err := errors.Join(a.findSandbox(), a.open(ctx)); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func newApp(s config.Settings, log *slog.Logger) *App {
	return &App{Settings: s, Log: log, shown: func() {}, leaveSandbox: func() {}, say: func(m fault.Message) string { return words(page.Italian, m) }}
}

func (a *App) open(ctx context.Context) (err error) {
	if err := restoreUnfinished(a.Settings); err != nil {
		return err
	}
	for _, dir := range []string{a.Settings.Data, a.Settings.Vault(), a.Settings.Uploads(), a.Settings.Renditions(), a.Settings.Tryouts(), a.Settings.Cuts()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make the folder of data: %w", err)
		}
	}
	key, err := a.Settings.Key()
	if err != nil {
		return err
	}
	box, err := secret.NewBox(key)
	if err != nil {
		return err
	}
	if a.Registry, err = territory.Load(a.Settings.Territory); err != nil {
		return err
	}
	if a.DB, err = store.Open(ctx, a.Settings.Database()); err != nil {
		return err
	}
	if err := Migrate(ctx, a.DB, a.Registry, a.Log); err != nil {
		return err
	}
	a.Accounts = account.NewStore(a.DB, box, a.Registry, time.Now)
	a.Sessions = account.NewSessions(a.DB, a.Accounts, a.Settings.Secure())
	a.Testimonies = testimony.NewStore(a.DB, testimony.Hooks{
		VideoReceived: func(tx *gorm.DB, v *testimony.Video) error { return a.Queue.Add(tx, jobs.CheckVideo{VideoID: v.ID}) },
		Approved:      func(tx *gorm.DB, t *testimony.Testimony) error { return a.Publisher.Plan(tx, t) },
		Withdrawn:     a.withdrawn,
		Returned:      func(tx *gorm.DB, t *testimony.Testimony) error { return a.Publisher.Return(tx, t) },
		Amended:       a.amended,
		Shown:         func() { a.shown() },
	}, time.Now)
	a.Outbox, err = mail.NewOutbox(a.DB, a.Settings.SMTPURL, a.Settings.MailFrom, func(tx *gorm.DB, id int64) error {
		return a.Queue.Add(tx, jobs.SendMail{MessageID: id})
	}, time.Now)
	if err != nil {
		return err
	}
	a.openChannel(box)
	a.Tryouts = tryout.New(a.DB, a.Settings.Tryouts(), sync.OnceValues(a.inspector), time.Now, a.Log)
	a.openNotices()
	a.Cutter = presskit.NewCutter(a.DB, a.Testimonies, sync.OnceValues(a.inspector), a.Settings.Renditions(), a.Settings.Cuts(), func(tx *gorm.DB, id int64) error {
		return a.Queue.Add(tx, jobs.Cut{CutID: id})
	}, time.Now, a.Log)
	a.Insight = insight.New(a.DB, a.Registry, time.Now)
	if a.Queue, err = jobs.Inserter(a.DB); err != nil {
		return err
	}
	a.openTranscripts()
	return a.openUploads()
}

// openTranscripts builds the desk of machine captions, if there is a program
// for it.
func (a *App) openTranscripts() {
	s := a.Settings
	if s.TranscribeCommand == "" {
		return
	}
	a.Transcripts = transcription.New(transcription.Rooms{
		DB: a.DB, Testimonies: a.Testimonies, Inspector: a.inspector, Command: s.TranscribeCommand, MaxMemory: s.TranscribeMemory,
		Renditions: s.Renditions(), Scratch: s.Scratch(), Clock: time.Now, Log: a.Log,
		Enqueue: func(tx *gorm.DB, videoID int64) error { return a.Queue.Add(tx, jobs.Transcribe{VideoID: videoID}) },
	})
}

// look looks at a received file, and has what is said in it written down.
func (a *App) look(ctx context.Context, screen *screening.Screen, videoID int64) error {
	if err := screen.Check(ctx, videoID); err != nil || a.Transcripts == nil {
		return err
	}
	return a.Transcripts.Plan(ctx, videoID)
}

// transcribe is for what was put in the queue while there was a program for it.
func (a *App) transcribe(ctx context.Context, j jobs.Transcribe) error {
	if a.Transcripts == nil {
		return nil
	}
	return a.Transcripts.Work(ctx, j.VideoID)
}

// sweep makes the folder of what is gone when the work on it ends: the only
// process that works finds what a killed one left there.
func (a *App) sweep() error {
	scratch := a.Settings.Scratch()
	if err := os.RemoveAll(scratch); err != nil {
		return fmt.Errorf("sweep the scratch folder: %w", err)
	}
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return fmt.Errorf("make the scratch folder: %w", err)
	}
	return nil
}

// openChannel builds what stands between testimonies and YouTube.
func (a *App) openChannel(box *secret.Box) {
	s := a.Settings
	a.Ledger = publishing.NewLedger(a.DB, publishing.Limits{Uploads: s.UploadsPerDay, Statistics: s.StatisticsPerDay, Units: s.UnitsPerDay, Kept: s.UnitsKept}, time.Now, a.Log)
	enqueue := func(tx *gorm.DB, id int64, lane publishing.Lane) error {
		return a.Queue.Add(tx, jobs.Publish{PublicationID: id, Follow: lane == publishing.LaneFollow})
	}
	if s.YouTube != config.YouTubeOff {
		youtubeSettings := youtube.Settings{
			Endpoint: s.YouTubeEndpoint, AuthURL: s.GoogleAuthURL, TokenURL: s.GoogleTokenURL, RevokeURL: s.GoogleRevokeURL,
			ClientID: s.GoogleClientID, ClientSecret: s.GoogleClientSecret, RedirectURL: s.BaseURL + "/redazione/youtube/ritorno",
		}
		a.OAuth = youtube.NewOAuth(youtubeSettings, nil)
		a.Channels = publishing.NewChannels(a.DB, box, a.OAuth, youtubeSettings, a.Ledger,
			publishing.ChannelHooks{Resume: func(tx *gorm.DB) error { return a.resume(tx, enqueue) }, Troubled: a.troubled}, time.Now)
	}
	a.Views = views.New(a.DB, a.statistics, a.Ledger, time.Now, func() { a.shown() }, a.Log)
	a.Publisher = publishing.New(publishing.Rooms{
		DB: a.DB, Testimonies: a.Testimonies, Registry: a.Registry, Channels: a.Channels, Ledger: a.Ledger,
		Vault: s.Vault(), Renditions: s.Renditions(), BaseURL: s.BaseURL, Sandbox: s.YouTube == config.YouTubeSandbox,
		Enqueue: enqueue, Wake: func(tx *gorm.DB) error { return a.Queue.Add(tx, jobs.Tend{}) },
		Rehearsing: func(tx *gorm.DB, id int64) error { return a.Queue.Add(tx, jobs.Rehearse{RehearsalID: id}) },
		Clip:       func(ctx context.Context, path string, length time.Duration) error { return a.clip(ctx, path, length) }, Published: a.published, Gone: a.gone,
		Adopted: a.Views.Include,
		Say:     func(m fault.Message) string { return a.say(m) }, Shown: func() { a.shown() },
		PollEvery: s.PollEvery, Grace: s.WithdrawalGrace, Clock: time.Now, Log: a.Log,
	})
}

// statistics opens the connected channel for the view counts.
func (a *App) statistics(ctx context.Context) (views.Statistics, error) {
	client, _, err := a.Channels.Client(ctx)
	return client, err
}

// published marks a testimony as out, and keeps the totals true to it.
func (a *App) published(tx *gorm.DB, testimonyID int64) error {
	return a.Views.Recount(tx, testimonyID, func() error { return a.Testimonies.MarkPublished(tx, testimonyID) })
}

// withdrawn takes a testimony out of the totals, deletes its cuts, and takes it off
// the channel. It runs before the testimony's own row is written.
func (a *App) withdrawn(tx *gorm.DB, t *testimony.Testimony) error {
	if err := a.Views.Forget(tx, t.ID); err != nil {
		return err
	}
	if err := a.Cutter.Withdraw(tx, t.ID); err != nil {
		return err
	}
	return a.Publisher.Remove(tx, t)
}

// amended has the totals and the channel follow a change of what is said.
func (a *App) amended(tx *gorm.DB, t *testimony.Testimony, write func() error) error {
	if err := a.Views.Recount(tx, t.ID, write); err != nil {
		return err
	}
	return a.Publisher.Replan(tx, t)
}

// openUploads builds the reception: who may send, and what becomes of a file.
func (a *App) openUploads() (err error) {
	a.Uploads, err = upload.New(upload.Options{
		Dir: a.Settings.Uploads(), Vault: a.Settings.Vault(), BasePath: "/caricamenti/",
		MaxBytes: a.Settings.MaxUploadBytes, MinFree: a.Settings.MinFreeBytes,
		Admit: func(ctx context.Context, o upload.Offer) error {
			p, err := sender(ctx)
			if err != nil {
				return err
			}
			if !p.Reaches(o.TestimonyID) {
				return fault.New(fault.Forbidden, "people.only_one")
			}
			return a.Testimonies.BeginUpload(ctx, p.MunicipalityCode, testimony.Upload{
				ID: o.UploadID, TestimonyID: o.TestimonyID, Filename: o.Filename, Size: max(o.Size, 0), Kind: kindOf(o.Version), WholeBytes: o.Whole,
			})
		},
		Owns: func(ctx context.Context, id string) error {
			p, err := sender(ctx)
			if err != nil {
				return err
			}
			u, err := a.Testimonies.FindUpload(ctx, p.MunicipalityCode, id)
			if err == nil && !p.Reaches(u.TestimonyID) {
				return fault.New(fault.Forbidden, "people.only_one")
			}
			return err
		},
		Received: func(ctx context.Context, r upload.Received) error {
			return a.Testimonies.ReceiveVideo(ctx, testimony.Video{
				TestimonyID: r.TestimonyID, UploadID: r.UploadID, Original: r.Path, Filename: r.Filename, Bytes: r.Bytes,
				Kind: kindOf(r.Version), WholeBytes: r.Whole,
			})
		},
		Refused: func(w http.ResponseWriter, r *http.Request, err error) { a.refuse(w, r, err) },
		Log:     a.Log,
	})
	return err
}

// kindOf is what a version of a file is to its testimony.
func kindOf(v upload.Version) testimony.Kind {
	if v.Small {
		return testimony.Small
	}
	return testimony.Full
}

// sender returns the town hall that sends.
func sender(ctx context.Context) (account.Person, error) {
	p, ok := account.From(ctx)
	if !ok {
		return p, fault.New(fault.SignedOut, "account.signed_out")
	}
	if p.Role != account.Editor {
		return p, fault.New(fault.Forbidden, "account.not_editor")
	}
	return p, nil
}

// inspector looks for the tools that look at videos.
func (a *App) inspector() (*video.Inspector, error) {
	tools, err := video.Find()
	if err != nil {
		return nil, err
	}
	return video.New(tools, video.Limits{MaxDuration: a.Settings.MaxDuration, MaxBytes: a.Settings.MaxUploadBytes}), nil
}

// openWork makes the queue that also works on its jobs.
func (a *App) openWork() (err error) {
	inspector, err := a.inspector()
	if err != nil {
		return err
	}
	if err := a.sweep(); err != nil {
		return err
	}
	a.clip = inspector.Clip
	screen := screening.New(inspector, a.Testimonies, a.Settings.Vault(), a.Settings.Renditions(), a.Log)
	a.Queue, err = jobs.New(a.DB, jobs.Handlers{
		CheckVideo: func(ctx context.Context, j jobs.CheckVideo) error { return a.look(ctx, screen, j.VideoID) },
		Transcribe: a.transcribe,
		Publish: func(ctx context.Context, j jobs.Publish) error {
			lane := publishing.LaneSend
			if j.Follow {
				lane = publishing.LaneFollow
			}
			return a.Publisher.Publish(ctx, j.PublicationID, lane)
		},
		Tend: func(ctx context.Context, _ jobs.Tend) error {
			_, err := a.Publisher.Tend(ctx) // the timetable calls again
			return errors.Join(err, a.Publisher.VerifyHands(ctx))
		},
		Rehearse: func(ctx context.Context, j jobs.Rehearse) error { return a.Publisher.Rehearse(ctx, j.RehearsalID) },
		SyncViews: func(ctx context.Context, _ jobs.SyncViews) error {
			_, err := a.SyncViews(ctx)
			return err
		},
		Nightly: func(ctx context.Context, _ jobs.Nightly) error { return a.Nightly(ctx) },
		Reconcile: func(ctx context.Context, _ jobs.Reconcile) error {
			_, err := a.Publisher.Reconcile(ctx)
			return err
		},
		SendMail: func(ctx context.Context, j jobs.SendMail) error { return a.Outbox.Send(ctx, j.MessageID) },
		Cut:      func(ctx context.Context, j jobs.Cut) error { return a.Cutter.Work(ctx, j.CutID) },
		Tell:     func(ctx context.Context, _ jobs.Tell) error { return a.Notices.Tell(ctx) },
	}, a.Settings.SyncEvery, a.Settings.PollEvery, a.Log)
	return err
}

// SyncViews brings the view counts back once.
func (a *App) SyncViews(ctx context.Context) (views.Report, error) {
	if a.Channels == nil {
		return views.Report{}, nil
	}
	report, err := a.Views.Run(ctx)
	switch k := fault.Of(err); {
	case k == fault.NotFound, k == fault.Conflict:
		// No channel, or one in trouble: said in the report and on the newsroom's
		// pages; the timetable asks again.
		a.Log.WarnContext(ctx, "views not synced", "why", report.Trouble)
		return report, nil
	case youtube.ClassOf(err) == youtube.ClassDisconnected:
		return report, errors.Join(err, a.Channels.Fail(ctx, err))
	}
	return report, err
}

// Close closes what was opened.
func (a *App) Close() error {
	var errs []error
	if a.sandboxListener != nil {
		if err := a.sandboxListener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	a.leaveSandbox()
	if a.DB != nil {
		errs = append(errs, a.DB.Close())
	}
	return errors.Join(errs...)
}
