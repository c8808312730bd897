// Package insight asks the questions of the dashboards: how many testimonies,
// how often watched, by theme, zone and municipality, over time. It reads the
// daily totals and the newest counts, never the history itself, so that an
// answer takes milliseconds however long the history is. Only published
// testimonies that are public count. It writes nothing and knows no page.
package insight

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // Europe/Rome also where the machine has no time zones

	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
)

// Insight answers questions. Make it with New.
type Insight struct {
	db       *store.Store
	registry *territory.Registry
	now      func() time.Time
	rome     *time.Location
}

// New makes the room. Municipalities and their number are those of registry.
func New(db *store.Store, registry *territory.Registry, clock func() time.Time) *Insight {
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		panic("insight: " + err.Error()) // not possible: time/tzdata is built in
	}
	return &Insight{db: db, registry: registry, now: clock, rome: rome}
}

// Where numbers come from.
const (
	YouTube = "YouTube"
	Portal  = "portal" // our own registry of testimonies, not from YouTube
)

// Source says where a number comes from and when it was true.
type Source struct {
	Name string
	At   *time.Time // nil if nothing was ever counted
}

// Figures are what is said of any group of testimonies. Gained may be negative:
// YouTube takes views back.
type Figures struct {
	Testimonies int64
	Views       int64
	Gained7     int64 // in the last 7 days, today included
	Gained30    int64
}

func (f *Figures) add(g Figures) {
	f.Testimonies += g.Testimonies
	f.Views += g.Views
	f.Gained7 += g.Gained7
	f.Gained30 += g.Gained30
}

// The dimensions of the totals.
const (
	dimensionAll          = "all"
	dimensionTheme        = "theme"
	dimensionZone         = "zone"
	dimensionMunicipality = "municipality"
)

//go:embed queries/figures.sql
var figuresSQL string

// figures reads the newest totals of a dimension, by key.
func (i *Insight) figures(ctx context.Context, dimension string) (map[string]Figures, error) {
	today := i.now().In(i.rome)
	by := map[string]Figures{}
	err := i.rows(ctx, figuresSQL, map[string]any{
		"dimension": dimension,
		"week_ago":  today.AddDate(0, 0, -7).Format(time.DateOnly),
		"month_ago": today.AddDate(0, 0, -30).Format(time.DateOnly),
	}, func(row *sql.Rows) error {
		var key string
		var f Figures
		err := row.Scan(&key, &f.Testimonies, &f.Views, &f.Gained7, &f.Gained30)
		by[key] = f
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the totals by %s: %w", dimension, err)
	}
	return by, nil
}

//go:embed queries/counted_at.sql
var countedAtSQL string

// source is where the counts come from, and when the newest of them came.
func (i *Insight) source(ctx context.Context) (Source, error) {
	s := Source{Name: YouTube}
	err := i.rows(ctx, countedAtSQL, nil, func(row *sql.Rows) error {
		var started time.Time
		var finished *time.Time
		err := row.Scan(&started, &finished)
		s.At = &started
		if finished != nil {
			s.At = finished
		}
		return err
	})
	if err != nil {
		return s, fmt.Errorf("read when views were counted: %w", err)
	}
	return s, nil
}

// rows runs a question and hands over its rows.
func (i *Insight) rows(ctx context.Context, question string, args map[string]any, each func(*sql.Rows) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	// The driver hands each row of a query that can be cancelled through a
	// goroutine of its own. These take milliseconds: they are let through.
	db := i.db.Reader(context.WithoutCancel(ctx))
	q := db.Raw(question)
	if args != nil {
		q = db.Raw(question, args)
	}
	found, err := q.Rows()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		if err := each(found); err != nil {
			return err
		}
	}
	return found.Err()
}
