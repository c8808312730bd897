package survival

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // the portal's own driver
)

// database is the portal's, seen by another process. Each look is a connection
// of its own: one that stayed open would keep the index of the write-ahead log
// alive over a kill, which a power cut does not.
type database struct{ path string }

// one reads one row.
func (d database) one(ctx context.Context, query string, args []any, into ...any) error {
	return d.look(func(db *sql.DB) error { return db.QueryRowContext(ctx, query, args...).Scan(into...) })
}

// all reads a column of text.
func (d database) all(ctx context.Context, query string, args ...any) ([]string, error) {
	var texts []string
	err := d.look(func(db *sql.DB) error {
		rows, err := db.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }() // rows.Err says it
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				return err
			}
			texts = append(texts, text)
		}
		return rows.Err()
	})
	return texts, err
}

func (d database) look(with func(db *sql.DB) error) error {
	db, err := sql.Open("sqlite3", "file:"+d.path+"?mode=ro&_query_only=true&_busy_timeout=15000")
	if err != nil {
		return fmt.Errorf("look into the database: %w", err)
	}
	db.SetMaxOpenConns(1)
	if err := errors.Join(with(db), db.Close()); err != nil {
		return fmt.Errorf("look into the database: %w", err)
	}
	return nil
}

// hold takes the turn to write: until it is given back the portal waits at its
// next commit, for longer than any test takes to kill it.
func (d database) hold(ctx context.Context) (release func() error, err error) {
	db, err := sql.Open("sqlite3", "file:"+d.path+"?_txlock=immediate&_busy_timeout=15000")
	if err != nil {
		return nil, fmt.Errorf("hold the database: %w", err)
	}
	tx, err := db.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hold the database: %w", err), db.Close())
	}
	return func() error { return errors.Join(tx.Rollback(), db.Close()) }, nil
}

// change writes.
func (d database) change(ctx context.Context, statements string) error {
	db, err := sql.Open("sqlite3", "file:"+d.path+"?_busy_timeout=15000")
	if err != nil {
		return fmt.Errorf("change the database: %w", err)
	}
	_, err = db.ExecContext(ctx, statements)
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("change the database: %w", err)
	}
	return nil
}

// wantSound checks that the file is whole and its rows belong together.
func (d database) wantSound(t *testing.T) {
	t.Helper()
	for _, pragma := range []string{"PRAGMA integrity_check", "SELECT 'row of ' || \"table\" FROM pragma_foreign_key_check UNION ALL SELECT 'ok'"} {
		said, err := d.all(t.Context(), pragma)
		if err != nil {
			t.Fatal(err)
		}
		if len(said) != 1 || said[0] != "ok" {
			t.Errorf("%s: %q", pragma, said)
		}
	}
}

// publication is what the portal has committed of a way to the channel.
type publication struct {
	Testimony string // state of the testimony
	State     string
	Slug      string
	YoutubeID string
	Reason    string    // JSON
	Until     time.Time // until when it waits
	InSession bool      // the address of an upload session is kept
	LastByte  bool      // the last byte may have left
}

// publicationOf reads the publication of a testimony; its State is empty before
// there is one.
func (d database) publicationOf(ctx context.Context, id int64) (p publication, err error) {
	var until sql.NullTime
	err = d.one(ctx, `SELECT t.state, coalesce(p.state, ''), coalesce(p.slug, ''), coalesce(p.youtube_id, ''), coalesce(p.reason, ''),
			p.until, p.session_sealed IS NOT NULL, coalesce(p.last_byte_sent, 0)
		FROM testimonies t LEFT JOIN publications p ON p.testimony_id = t.id WHERE t.id = ?`,
		[]any{id}, &p.Testimony, &p.State, &p.Slug, &p.YoutubeID, &p.Reason, &until, &p.InSession, &p.LastByte)
	p.Until = until.Time
	return p, err
}
