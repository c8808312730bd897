package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/jobs"
	"github.com/voci-in-comune/voci/internal/store"
)

type portal struct {
	db   *store.Store
	seen chan int64
}

func open(t *testing.T) *portal {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "voci.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := jobs.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return &portal{db: db, seen: make(chan int64, 100)}
}

// run starts a queue whose checks do what do does, and returns how to stop it.
func (p *portal) run(t *testing.T, do func(context.Context, jobs.CheckVideo) error) (*jobs.Queue, func()) {
	t.Helper()
	q, err := jobs.New(p.db, jobs.Handlers{
		CheckVideo: func(ctx context.Context, j jobs.CheckVideo) error {
			p.seen <- j.VideoID
			return do(ctx, j)
		},
		Rehearse:  func(context.Context, jobs.Rehearse) error { return nil },
		Tend:      func(context.Context, jobs.Tend) error { return nil },
		Publish:   func(context.Context, jobs.Publish) error { return nil },
		SyncViews: func(context.Context, jobs.SyncViews) error { return nil },
		Reconcile: func(context.Context, jobs.Reconcile) error { return nil },
		Nightly:   func(context.Context, jobs.Nightly) error { return nil },
		SendMail:  func(context.Context, jobs.SendMail) error { return nil },
		Cut:       func(context.Context, jobs.Cut) error { return nil },
		Tell:      func(context.Context, jobs.Tell) error { return nil },
	}, time.Hour, time.Hour, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- q.Run(ctx) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return q, stop
}

func (p *portal) add(t *testing.T, q *jobs.Queue, id int64, then error) {
	t.Helper()
	err := p.db.Write(t.Context(), func(tx *gorm.DB) error {
		if err := q.Add(tx, jobs.CheckVideo{VideoID: id}); err != nil {
			return err
		}
		return then
	})
	if !errors.Is(err, then) {
		t.Fatal(err)
	}
}

func (p *portal) want(t *testing.T, id int64) {
	t.Helper()
	select {
	case got := <-p.seen:
		if got != id {
			t.Fatalf("worked on %d, want %d", got, id)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("nobody worked on %d", id)
	}
}

func TestAJobBelongsToItsTransaction(t *testing.T) {
	p := open(t)
	q, _ := p.run(t, func(context.Context, jobs.CheckVideo) error { return nil })
	p.add(t, q, 1, errors.New("rolled back"))
	p.add(t, q, 2, nil)
	p.want(t, 2)
}

func TestAJobThatWaitsOrFailsIsTriedAgain(t *testing.T) {
	p := open(t)
	times := 0
	q, _ := p.run(t, func(context.Context, jobs.CheckVideo) error {
		times++
		switch times {
		case 1:
			return &fault.Error{Kind: fault.Unavailable, Until: time.Now().Add(time.Millisecond)}
		case 2:
			return errors.New("the disk hiccuped")
		default:
			return nil
		}
	})
	p.add(t, q, 7, nil)
	p.want(t, 7)
	p.want(t, 7)
	p.want(t, 7)
}

func TestAJobInterruptedByTheStopGoesOnAtTheNextStart(t *testing.T) {
	p := open(t)
	q, stop := p.run(t, func(ctx context.Context, _ jobs.CheckVideo) error {
		<-ctx.Done()
		return ctx.Err()
	})
	p.add(t, q, 3, nil)
	p.want(t, 3)
	stop()
	p.run(t, func(context.Context, jobs.CheckVideo) error { return nil })
	p.want(t, 3)
}

func TestAJobOfAKilledProcessGoesOnAtTheNextStart(t *testing.T) {
	p := open(t)
	q, err := jobs.Inserter(p.db)
	if err != nil {
		t.Fatal(err)
	}
	p.add(t, q, 4, nil)
	// What a process killed with SIGKILL leaves: a job that claims to run.
	err = p.db.Write(t.Context(), func(tx *gorm.DB) error {
		return tx.Exec(`UPDATE river_job SET state = 'running', attempt = 1, attempted_at = strftime('%Y-%m-%d %H:%M:%f', 'now'), attempted_by = jsonb('["gone"]')`).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	attempts := make(chan int, 1)
	p.run(t, func(ctx context.Context, _ jobs.CheckVideo) error {
		var attempt int
		err := p.db.Reader(ctx).Raw(`SELECT attempt FROM river_job`).Scan(&attempt).Error
		attempts <- attempt
		return err
	})
	p.want(t, 4)
	if n := <-attempts; n != 1 {
		t.Errorf("it is attempt %d: the one that was cut off counts", n)
	}
}
