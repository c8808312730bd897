// Package jobs runs the work that outlives a request, on River. A job is put in
// the queue by the transaction that makes it necessary, is idempotent, waits
// where it must, and carries on after a kill.
package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/store"
)

// The queues. Files are looked at one at a time, since ffmpeg takes all the
// processor; one video at a time goes to the channel, since the line is one.
const (
	queueVideo   = "video"
	queueChannel = "channel"
	queueFollow  = "follow" // what must not wait behind a long upload
	queueCut     = "cut"    // what may wait while files are looked at
	queueHear    = "hear"   // takes as long as it takes, and nobody waits for it
)

// maxAttempts is high because giving up is never the remedy here: a job that
// cannot go on says so in its domain and ends, all else is tried again.
const maxAttempts = 10_000

// tellEvery is how often what happened is looked for, to tell town halls.
const tellEvery = 30 * time.Second

// CheckVideo looks at a received file.
type CheckVideo struct {
	VideoID int64 `json:"video_id"`
}

// Kind implements river.JobArgs.
func (CheckVideo) Kind() string { return "check_video" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (CheckVideo) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueVideo} }

// Transcribe has a program write down what is said in a file.
type Transcribe struct {
	VideoID int64 `json:"video_id"`
}

// Kind implements river.JobArgs.
func (Transcribe) Kind() string { return "transcribe" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (Transcribe) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueHear} }

// Publish takes one publication a step further: to the channel or, in the lane
// that follows, through its processing and off the channel.
type Publish struct {
	PublicationID int64 `json:"publication_id"`
	Follow        bool  `json:"follow,omitempty"`
}

// Kind implements river.JobArgs.
func (Publish) Kind() string { return "publish" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (p Publish) InsertOpts() river.InsertOpts {
	if p.Follow {
		return river.InsertOpts{Queue: queueFollow}
	}
	return river.InsertOpts{Queue: queueChannel}
}

// Tend works on the plans of what is on the channel.
type Tend struct{}

// Kind implements river.JobArgs.
func (Tend) Kind() string { return "tend" }

// InsertOpts implements river.JobArgsWithInsertOpts. There may be several: one
// that is put in the queue while another runs must not be lost.
func (Tend) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueFollow} }

// Rehearse takes a clip to the channel and off it again.
type Rehearse struct {
	RehearsalID int64 `json:"rehearsal_id"`
}

// Kind implements river.JobArgs.
func (Rehearse) Kind() string { return "rehearse" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (Rehearse) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueFollow} }

// Cut makes a cut of a video, or deletes one.
type Cut struct {
	CutID int64 `json:"cut_id"`
}

// Kind implements river.JobArgs.
func (Cut) Kind() string { return "cut" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (Cut) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueCut} }

// Tell writes to town halls what happened to their testimonies.
type Tell struct{}

// Kind implements river.JobArgs.
func (Tell) Kind() string { return "tell" }

// InsertOpts implements river.JobArgsWithInsertOpts: one at a time is enough.
func (Tell) InsertOpts() river.InsertOpts { return once }

// SyncViews brings the view counts back. For tells apart what the timetable
// asks, one of which in the queue is enough, from what an operator asks now.
type SyncViews struct {
	For string `json:"for" river:"unique"`
}

// Kind implements river.JobArgs.
func (SyncViews) Kind() string { return "sync_views" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (SyncViews) InsertOpts() river.InsertOpts { return once }

// Nightly checks the totals, thins the history, forgets what is over.
type Nightly struct{}

// Kind implements river.JobArgs.
func (Nightly) Kind() string { return "nightly" }

// InsertOpts implements river.JobArgsWithInsertOpts: one at a time is enough.
func (Nightly) InsertOpts() river.InsertOpts { return once }

// Reconcile compares portal and channel. For tells apart what the night asks and
// what a person asks now.
type Reconcile struct {
	For string `json:"for" river:"unique"`
}

// Kind implements river.JobArgs.
func (Reconcile) Kind() string { return "reconcile" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (Reconcile) InsertOpts() river.InsertOpts { return once }

// SendMail sends a kept message.
type SendMail struct {
	MessageID int64 `json:"message_id"`
}

// Kind implements river.JobArgs.
func (SendMail) Kind() string { return "send_mail" }

var once = river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
}}}

// Handlers say what each kind of job does. An error of kind
// fault.Unavailable with Until lets the job wait until then; any other error
// has it tried again, later and later.
type Handlers struct {
	CheckVideo func(ctx context.Context, j CheckVideo) error
	Transcribe func(ctx context.Context, j Transcribe) error
	Publish    func(ctx context.Context, j Publish) error
	Tend       func(ctx context.Context, j Tend) error
	Rehearse   func(ctx context.Context, j Rehearse) error
	SyncViews  func(ctx context.Context, j SyncViews) error
	Nightly    func(ctx context.Context, j Nightly) error
	Reconcile  func(ctx context.Context, j Reconcile) error
	SendMail   func(ctx context.Context, j SendMail) error
	Cut        func(ctx context.Context, j Cut) error
	Tell       func(ctx context.Context, j Tell) error
}

type worker[T river.JobArgs] struct {
	river.WorkerDefaults[T]
	do  func(context.Context, T) error
	log *slog.Logger
}

// Timeout implements river.Worker: a large file on a thin line takes hours;
// what may hang has limits of its own.
func (w *worker[T]) Timeout(*river.Job[T]) time.Duration { return -1 }

// NextRetry implements river.Worker: later and later, at most an hour.
func (w *worker[T]) NextRetry(j *river.Job[T]) time.Time {
	wait := time.Hour
	if j.Attempt < 11 {
		wait = min(wait, time.Second<<j.Attempt)
	}
	return time.Now().Add(wait)
}

// Work implements river.Worker.
func (w *worker[T]) Work(ctx context.Context, j *river.Job[T]) error {
	err := w.do(ctx, j.Args)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		// The portal stops: the job goes on at the next start, as if nothing was.
		return river.JobSnooze(0)
	}
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind == fault.Unavailable && !e.Until.IsZero() {
		w.log.InfoContext(ctx, "job waits", "kind", j.Kind, "id", j.ID, "why", e.Message.Key, "until", e.Until)
		return river.JobSnooze(max(0, time.Until(e.Until)))
	}
	w.log.WarnContext(ctx, "job failed", "kind", j.Kind, "id", j.ID, "attempt", j.Attempt, "error", err)
	return err
}

// Queue holds the jobs of a portal.
type Queue struct {
	db     *store.Store
	client *river.Client[*sql.Tx]
}

// Migrate brings River's own tables up to date.
func Migrate(ctx context.Context, db *store.Store) error {
	m, err := rivermigrate.New(riversqlite.New(db.SQL()), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("prepare the tables of jobs: %w", err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the tables of jobs: %w", err)
	}
	return nil
}

// Inserter makes a queue that only takes jobs in: for commands that run beside
// a portal, and for a process that leaves the work to another.
func Inserter(db *store.Store) (*Queue, error) {
	c, err := river.NewClient(riversqlite.New(db.SQL()), &river.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("open the queue of jobs: %w", err)
	}
	return &Queue{db: db, client: c}, nil
}

// New makes a queue that takes jobs in and works on them. View counts are
// synced every syncEvery, plans are looked through every pollEvery.
func New(db *store.Store, h Handlers, syncEvery, pollEvery time.Duration, log *slog.Logger) (*Queue, error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker[CheckVideo]{do: h.CheckVideo, log: log})
	river.AddWorker(workers, &worker[Transcribe]{do: h.Transcribe, log: log})
	river.AddWorker(workers, &worker[Publish]{do: h.Publish, log: log})
	river.AddWorker(workers, &worker[Tend]{do: h.Tend, log: log})
	river.AddWorker(workers, &worker[Rehearse]{do: h.Rehearse, log: log})
	river.AddWorker(workers, &worker[SyncViews]{do: h.SyncViews, log: log})
	river.AddWorker(workers, &worker[Nightly]{do: h.Nightly, log: log})
	river.AddWorker(workers, &worker[Reconcile]{do: h.Reconcile, log: log})
	river.AddWorker(workers, &worker[SendMail]{do: h.SendMail, log: log})
	river.AddWorker(workers, &worker[Cut]{do: h.Cut, log: log})
	river.AddWorker(workers, &worker[Tell]{do: h.Tell, log: log})
	c, err := river.NewClient(riversqlite.New(db.SQL()), &river.Config{
		Logger:      slog.New(levelled{log.Handler()}),
		MaxAttempts: maxAttempts,
		JobTimeout:  -1,
		// One process works, under a lock: what it finds running was left by one
		// that died, and is freed at the start. Rescuing by time must never
		// start a second run of a long upload.
		RescueStuckJobsAfter: 100 * 24 * time.Hour,
		Workers:              workers,
		Queues: map[string]river.QueueConfig{
			river.QueueDefault: {MaxWorkers: 4},
			queueVideo:         {MaxWorkers: 1},
			queueChannel:       {MaxWorkers: 1},
			queueFollow:        {MaxWorkers: 1},
			queueCut:           {MaxWorkers: 1},
			queueHear:          {MaxWorkers: 1},
		},
		PeriodicJobs: []*river.PeriodicJob{
			river.NewPeriodicJob(river.PeriodicInterval(syncEvery),
				func() (river.JobArgs, *river.InsertOpts) { return SyncViews{}, nil }, &river.PeriodicJobOpts{ID: "sync_views", RunOnStart: true}),
			river.NewPeriodicJob(river.PeriodicInterval(pollEvery),
				func() (river.JobArgs, *river.InsertOpts) { return Tend{}, nil }, &river.PeriodicJobOpts{ID: "tend"}),
			river.NewPeriodicJob(river.PeriodicInterval(tellEvery),
				func() (river.JobArgs, *river.InsertOpts) { return Tell{}, nil }, &river.PeriodicJobOpts{ID: "tell", RunOnStart: true}),
			river.NewPeriodicJob(nightly{},
				func() (river.JobArgs, *river.InsertOpts) { return Nightly{}, nil }, &river.PeriodicJobOpts{ID: "nightly"}),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("open the queue of jobs: %w", err)
	}
	return &Queue{db: db, client: c}, nil
}

// nightly is 03:30 in UTC, when town halls sleep.
type nightly struct{}

// Next implements river.PeriodicSchedule.
func (nightly) Next(now time.Time) time.Time {
	next := time.Date(now.Year(), now.Month(), now.Day(), 3, 30, 0, 0, time.UTC)
	if !next.After(now) {
		next = next.AddDate(0, 0, 1)
	}
	return next
}

// levelled keeps River's own notes out of the log, but not its warnings.
type levelled struct{ slog.Handler }

// Enabled implements slog.Handler.
func (l levelled) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && l.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler: what River could not do because it was told
// to stop is no news.
func (l levelled) Handle(ctx context.Context, r slog.Record) error {
	stopped := false
	r.Attrs(func(a slog.Attr) bool {
		stopped = a.Value.String() == context.Canceled.Error()
		return !stopped
	})
	if stopped {
		return nil
	}
	return l.Handler.Handle(ctx, r)
}

// Add puts a job in the queue by the commit of tx.
func (q *Queue) Add(tx *gorm.DB, job river.JobArgs) error {
	t, err := store.Tx(tx)
	if err != nil {
		return fmt.Errorf("queue %s: %w", job.Kind(), err)
	}
	if _, err := q.client.InsertTx(tx.Statement.Context, t, job, nil); err != nil {
		return fmt.Errorf("queue %s: %w", job.Kind(), err)
	}
	return nil
}

// Run works on jobs until ctx is done, then lets running ones come to rest:
// they are told by their own context, and go on at the next start. The caller
// makes sure that only one process runs.
func (q *Queue) Run(ctx context.Context) error {
	err := q.db.Write(ctx, func(tx *gorm.DB) error {
		// What was cut off was no attempt: nobody knows how it would have ended.
		return tx.Exec(`UPDATE river_job SET state = 'available', attempt = max(attempt - 1, 0),
			scheduled_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE state = 'running'`).Error
	})
	if err != nil {
		return fmt.Errorf("free the jobs of the last run: %w", err)
	}
	// Not ctx itself: River would cancel the jobs' bookkeeping with the jobs.
	if err := q.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the jobs: %w", err)
	}
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	if err := q.client.StopAndCancel(stop); err != nil {
		return fmt.Errorf("stop the jobs: %w", err)
	}
	return nil
}
