// Package views brings back how often testimonies are watched, and keeps it:
// what YouTube said and when, a curve of days for each testimony, and the totals
// of each day that dashboards read. It knows nothing of pages, and asks YouTube
// for nothing but counts.
//
// What the totals of a day mean: views is the sum of the last known views of
// the testimonies concerned on that day, so that one of which YouTube said
// nothing today still counts with what it had; gained is what the counts of that
// day changed; testimonies is how many there were. Only published testimonies
// that are public count, with the themes and the place that they have now, also
// for days gone by. One that was on the channel before the portal counts from the
// day it was adopted on; what it had been watched by then is brought, not gained.
// Counts may go down, and nothing clamps them.
package views

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// Statistics is what the room needs of a channel: the counts of at most
// youtube.MaxIDs videos. A video missing from the answer is one of which nothing
// is known.
type Statistics interface {
	Statistics(ctx context.Context, ids []string) (map[string]youtube.Counts, error)
}

// Ledger is the day's allowances. Spend takes units out of a bucket before they
// are used, or returns fault.Unavailable with Until if there are not enough.
type Ledger interface {
	Spend(ctx context.Context, bucket string, units int) error
}

// Sync keeps the view counts. Make it with New.
type Sync struct {
	db      *store.Store
	stats   func(ctx context.Context) (Statistics, error)
	ledger  Ledger
	now     func() time.Time
	changed func()
	log     *slog.Logger
	turn    chan struct{} // holds one: runs and rebuilds take turns
	thinned atomic.Int64  // history before this moment is thin already; 0: unknown
}

// New makes the room. stats opens the connected channel, ledger is asked before
// each group of calls, changed runs after a commit that changed what citizens
// see.
func New(db *store.Store, stats func(ctx context.Context) (Statistics, error), ledger Ledger, clock func() time.Time, changed func(), log *slog.Logger) *Sync {
	return &Sync{db: db, stats: stats, ledger: ledger, now: clock, changed: changed, log: log, turn: make(chan struct{}, 1)}
}

// Latest is the newest count of a testimony. Nil is what YouTube did not say.
type Latest struct {
	Views, Likes, Comments *int64
	At                     time.Time
}

// Latest returns the newest counts of testimonies by their ids; those never
// counted are not in it.
func (s *Sync) Latest(ctx context.Context, testimonyIDs []int64) (map[int64]Latest, error) {
	var rows []struct {
		TestimonyID, TakenAt   int64
		Views, Likes, Comments *int64
	}
	err := s.db.Reader(ctx).Raw(`
		SELECT p.testimony_id, l.taken_at, l.views, l.likes, l.comments
		FROM publications p JOIN latest_views l ON l.publication_id = p.id
		WHERE p.testimony_id IN ?`, testimonyIDs).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read the newest counts of %d testimonies: %w", len(testimonyIDs), err)
	}
	latest := make(map[int64]Latest, len(rows))
	for _, r := range rows {
		latest[r.TestimonyID] = Latest{Views: r.Views, Likes: r.Likes, Comments: r.Comments, At: time.Unix(r.TakenAt, 0).UTC()}
	}
	return latest, nil
}
