package insight

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// MostWatched are the testimonies with the most views.
type MostWatched struct {
	Cards  []Card
	Source Source
}

// Card is a testimony in a few words.
type Card struct {
	ID           int64
	Title        string
	Slug         string // the readable end of its address
	Language     string
	SpeakerName  string
	SpeakerRole  string
	Sample       bool
	Municipality territory.Municipality // the one that it is shown as
	Views        int64
	At           time.Time // when YouTube said so
}

//go:embed queries/most_watched.sql
var mostWatchedSQL string

// MostWatched returns the n testimonies with the most views.
func (i *Insight) MostWatched(ctx context.Context, n int) (MostWatched, error) {
	var w MostWatched
	err := i.rows(ctx, mostWatchedSQL, map[string]any{"n": n}, func(row *sql.Rows) error {
		var c Card
		var code string
		var taken int64
		err := row.Scan(&c.ID, &c.Title, &c.Language, &c.SpeakerName, &c.SpeakerRole, &c.Sample, &code, &c.Views, &taken)
		if err != nil {
			return err
		}
		c.Slug = (&testimony.Testimony{Title: c.Title}).Slug()
		c.At = time.Unix(taken, 0).UTC()
		if c.Municipality, err = i.registry.Shown(code); err != nil {
			return err
		}
		w.Cards = append(w.Cards, c)
		return nil
	})
	if err != nil {
		return w, fmt.Errorf("read the most watched: %w", err)
	}
	w.Source, err = i.source(ctx)
	return w, err
}

// Freshness is how old the counts are, and why if they are older than they
// should be.
type Freshness struct {
	SyncedAt    *time.Time     // the end of the last run without trouble; nil if there was none
	FailedSince *time.Time     // the first run with trouble since then; nil if all is well
	Trouble     *fault.Message // what the last one met, with FailedSince
}

//go:embed queries/freshness.sql
var freshnessSQL string

// Freshness returns how old the counts are.
func (i *Insight) Freshness(ctx context.Context) (Freshness, error) {
	var f Freshness
	err := i.rows(ctx, freshnessSQL, nil, func(row *sql.Rows) error {
		var what, trouble string
		var started time.Time
		var finished *time.Time
		if err := row.Scan(&what, &started, &finished, &trouble); err != nil {
			return err
		}
		switch what {
		case "good":
			f.SyncedAt = finished
		case "first":
			f.FailedSince = &started
		case "last":
			m := fault.Msg(trouble)
			f.Trouble = &m
		}
		return nil
	})
	if err != nil {
		return f, fmt.Errorf("read how fresh the counts are: %w", err)
	}
	return f, nil
}
