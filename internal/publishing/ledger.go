package publishing

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// Limits are the daily sizes of the project's buckets.
type Limits struct{ Uploads, Statistics, Units int }

func (l Limits) of(b youtube.Bucket) int {
	switch b {
	case youtube.BucketUploads:
		return l.Uploads
	case youtube.BucketStatistics:
		return l.Statistics
	default:
		return l.Units
	}
}

// Ledger counts what was spent of each bucket in the Pacific day, since YouTube
// tells nobody what is left.
type Ledger struct {
	db     *store.Store
	limits Limits
	now    func() time.Time
	log    *slog.Logger
}

// NewLedger makes a ledger over the project's limits.
func NewLedger(db *store.Store, limits Limits, clock func() time.Time, log *slog.Logger) *Ledger {
	return &Ledger{db: db, limits: limits, now: clock, log: log}
}

// Remaining is what is left of a bucket today.
type Remaining struct {
	Bucket             youtube.Bucket
	Spent, Limit, Left int
}

// Remaining returns what is left of each bucket today.
func (l *Ledger) Remaining(ctx context.Context) ([]Remaining, error) {
	var rows []struct {
		Bucket youtube.Bucket
		Spent  int
	}
	err := l.db.Reader(ctx).Table("quota_ledger").Where("day = ?", youtube.QuotaDay(l.now())).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read the quota ledger: %w", err)
	}
	spent := map[youtube.Bucket]int{}
	for _, r := range rows {
		spent[r.Bucket] = r.Spent
	}
	var all []Remaining
	for _, b := range []youtube.Bucket{youtube.BucketUploads, youtube.BucketUnits, youtube.BucketStatistics} {
		limit := l.limits.of(b)
		all = append(all, Remaining{Bucket: b, Spent: spent[b], Limit: limit, Left: max(0, limit-spent[b])})
	}
	return all, nil
}

// Spend takes units out of a bucket before they are used, or returns
// fault.Unavailable with Until if there are not enough.
func (l *Ledger) Spend(ctx context.Context, bucket string, units int) error {
	b := youtube.Bucket(bucket)
	err := l.db.Write(ctx, func(tx *gorm.DB) error {
		spent, err := spent(tx, youtube.QuotaDay(l.now()), b)
		if err != nil {
			return err
		}
		if spent+units > l.limits.of(b) {
			return l.empty(b)
		}
		return l.add(tx, b, units)
	})
	if err != nil {
		return fmt.Errorf("spend %d of the quota of %s: %w", units, bucket, err)
	}
	return nil
}

// Room returns fault.Unavailable with Until if a bucket has not units left. It
// takes nothing: what is really sent is told to Note.
func (l *Ledger) Room(ctx context.Context, b youtube.Bucket, units int) error {
	spent, err := spent(l.db.Reader(ctx), youtube.QuotaDay(l.now()), b)
	if err != nil {
		return err
	}
	if spent+units > l.limits.of(b) {
		return l.empty(b)
	}
	return nil
}

// Note counts a request that is being sent. Calls for statistics are not noted
// here: who makes them has taken them by Spend, many at once. A ledger that
// cannot be written must not stop what is under way.
func (l *Ledger) Note(ctx context.Context, b youtube.Bucket, cost int) {
	if b == youtube.BucketStatistics {
		return
	}
	err := l.db.Write(context.WithoutCancel(ctx), func(tx *gorm.DB) error { return l.add(tx, b, cost) })
	if err != nil {
		l.log.ErrorContext(ctx, "the quota ledger cannot be written", "bucket", b, "cost", cost, "error", err)
	}
}

// Exhaust notes that YouTube says a bucket is empty, whatever we counted.
func (l *Ledger) Exhaust(ctx context.Context, b youtube.Bucket) error {
	err := l.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`INSERT INTO quota_ledger (day, bucket, spent) VALUES (?, ?, ?)
			ON CONFLICT (day, bucket) DO UPDATE SET spent = max(spent, excluded.spent)`,
			youtube.QuotaDay(l.now()), b, l.limits.of(b)).Error
	})
	if err != nil {
		return fmt.Errorf("note that the quota of %s is used up: %w", b, err)
	}
	return nil
}

func (l *Ledger) add(tx *gorm.DB, b youtube.Bucket, units int) error {
	return tx.Exec(`INSERT INTO quota_ledger (day, bucket, spent) VALUES (?, ?, ?)
		ON CONFLICT (day, bucket) DO UPDATE SET spent = spent + excluded.spent`,
		youtube.QuotaDay(l.now()), b, units).Error
}

func (l *Ledger) empty(b youtube.Bucket) error {
	until := youtube.NextReset(l.now())
	e := fault.New(fault.Unavailable, "publishing.quota."+string(b), "Until", until)
	e.Until = until
	return e
}

func spent(db *gorm.DB, day string, b youtube.Bucket) (int, error) {
	var n int
	err := db.Raw(`SELECT coalesce((SELECT spent FROM quota_ledger WHERE day = ? AND bucket = ?), 0)`, day, b).Scan(&n).Error
	if err != nil {
		return 0, fmt.Errorf("read the quota ledger: %w", err)
	}
	return n, nil
}
