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
type Limits struct {
	Uploads, Statistics, Units int
	Kept                       int // of the units: for reads, looks and removals
}

// Share is how much of a bucket a purpose may use.
type Share bool

// The shares.
const (
	All   Share = true  // reads, looks and removals
	Spare Share = false // all else leaves Limits.Kept
)

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
	Kept               int // of Left: for reads, looks and removals only
}

// Remaining returns what is left of each bucket today.
func (l *Ledger) Remaining(ctx context.Context) ([]Remaining, error) {
	var all []Remaining
	day := youtube.QuotaDay(l.now())
	for _, b := range []youtube.Bucket{youtube.BucketUploads, youtube.BucketUnits, youtube.BucketStatistics} {
		n, err := spent(l.db.Reader(ctx), day, b)
		if err != nil {
			return nil, err
		}
		r := Remaining{Bucket: b, Spent: n, Limit: l.limits.of(b)}
		r.Left = max(0, r.Limit-n)
		if b == youtube.BucketUnits {
			r.Kept = l.limits.Kept
		}
		all = append(all, r)
	}
	return all, nil
}

// Spend takes units out of a bucket before they are used, or returns
// fault.Unavailable with Until if there are not enough.
func (l *Ledger) Spend(ctx context.Context, bucket string, units int) error {
	b, now := youtube.Bucket(bucket), l.now()
	err := l.db.Write(ctx, func(tx *gorm.DB) error {
		if err := l.fits(tx, now, b, units, All); err != nil {
			return err
		}
		return l.add(tx, youtube.QuotaDay(now), b, units)
	})
	if err != nil {
		return fmt.Errorf("spend %d of the quota of %s: %w", units, bucket, err)
	}
	return nil
}

// Room returns fault.Unavailable with Until if a bucket has not units left for
// a purpose. It takes nothing: calls do, by Reserve.
func (l *Ledger) Room(ctx context.Context, b youtube.Bucket, units int, share Share) error {
	return l.fits(l.db.Reader(ctx), l.now(), b, units, share)
}

// fits returns fault.Unavailable if a bucket has not units left on the day of a
// time. It is asked with one time throughout, or midnight might fall in between.
func (l *Ledger) fits(db *gorm.DB, now time.Time, b youtube.Bucket, units int, share Share) error {
	spent, err := spent(db, youtube.QuotaDay(now), b)
	if err != nil {
		return err
	}
	if share == Spare && b == youtube.BucketUnits {
		units += l.limits.Kept
	}
	if spent+units <= l.limits.of(b) {
		return nil
	}
	until := youtube.NextReset(now)
	e := fault.New(fault.Unavailable, "publishing.quota."+string(b), "Until", until)
	e.Until = until
	return e
}

// Reserve takes the cost of a call out of a bucket before it is made, or returns
// fault.Unavailable with Until. What is reserved counts as spent until settle
// tells what became of the call, so that a kill in between costs too much rather
// than too little. Calls for statistics are not reserved here: who makes them
// has taken them by Spend, many at once.
func (l *Ledger) Reserve(ctx context.Context, b youtube.Bucket, cost int) (settle func(sent bool), err error) {
	if b == youtube.BucketStatistics {
		return func(bool) {}, nil
	}
	now := l.now()
	taken := reservation{Day: youtube.QuotaDay(now), Bucket: b, Units: cost, At: now.UTC()}
	err = l.db.Write(ctx, func(tx *gorm.DB) error {
		if err := l.fits(tx, now, b, cost, All); err != nil {
			return err
		}
		// What was left behind by a kill counts to the end of its day; a clock that is
		// wrong by a day must not take it away.
		if err := tx.Where("day < ?", youtube.QuotaDay(now.Add(-48*time.Hour))).Delete(&reservation{}).Error; err != nil {
			return err
		}
		return tx.Create(&taken).Error
	})
	if err != nil {
		return nil, fmt.Errorf("reserve %d of the quota of %s: %w", cost, b, err)
	}
	return func(sent bool) { l.settle(ctx, taken, sent) }, nil
}

// reservation is what a call under way takes out of a bucket.
type reservation struct {
	ID     int64
	Day    string
	Bucket youtube.Bucket
	Units  int
	At     time.Time
}

// TableName implements gorm's Tabler.
func (reservation) TableName() string { return "quota_reservations" }

// settle moves a reservation to what is spent of its day, or drops it. A ledger
// that cannot be written must not stop what is under way: the reservation stays.
func (l *Ledger) settle(ctx context.Context, r reservation, sent bool) {
	err := l.db.Write(context.WithoutCancel(ctx), func(tx *gorm.DB) error {
		if err := tx.Delete(&r).Error; err != nil || !sent {
			return err
		}
		return l.add(tx, r.Day, r.Bucket, r.Units)
	})
	if err != nil {
		l.log.ErrorContext(ctx, "the quota ledger cannot be written", "bucket", r.Bucket, "cost", r.Units, "error", err)
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

func (l *Ledger) add(tx *gorm.DB, day string, b youtube.Bucket, units int) error {
	return tx.Exec(`INSERT INTO quota_ledger (day, bucket, spent) VALUES (?, ?, ?)
		ON CONFLICT (day, bucket) DO UPDATE SET spent = spent + excluded.spent`, day, b, units).Error
}

func spent(db *gorm.DB, day string, b youtube.Bucket) (int, error) {
	var n int
	err := db.Raw(`SELECT coalesce((SELECT spent FROM quota_ledger WHERE day = ?1 AND bucket = ?2), 0) +
		coalesce((SELECT sum(units) FROM quota_reservations WHERE day = ?1 AND bucket = ?2), 0)`, day, b).Scan(&n).Error
	if err != nil {
		return 0, fmt.Errorf("read the quota ledger: %w", err)
	}
	return n, nil
}
