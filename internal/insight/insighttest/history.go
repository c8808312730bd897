// Package insighttest makes portals with a long history, to measure questions
// on. What it makes is kept in the folder for temporary files, so that only the
// first measurement pays for it.
package insighttest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver, without what store asks of it

	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/views"
	"github.com/voci-in-comune/voci/migrations"
)

// Days is how long the history of each testimony is, and LastDay its end.
const (
	Days    = 500
	LastDay = "2026-10-31"
)

// maxBytes bounds what a history may take on the disk: ten million rows are
// half of it.
const maxBytes = 3 << 29

//go:embed history.sql
var historySQL string

// History returns the path of a database with the given number of daily rows,
// Days of them for each testimony. It makes it if it is not there.
func History(ctx context.Context, rows int) (path string, err error) {
	testimonies := rows / Days
	if testimonies < 1 {
		return "", fmt.Errorf("make a history: %d rows are less than the %d of one testimony", rows, Days)
	}
	mark, err := fingerprint(testimonies)
	if err != nil {
		return "", err
	}
	path = filepath.Join(os.TempDir(), "voci-history-"+mark+".db")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := forget(); err != nil {
		return "", err
	}
	draft := path + ".new"
	if err := build(ctx, draft, testimonies); err != nil {
		return "", errors.Join(fmt.Errorf("make a history: %w", err), os.Remove(draft))
	}
	info, err := os.Stat(draft)
	if err != nil {
		return "", fmt.Errorf("make a history: %w", err)
	}
	if info.Size() > maxBytes {
		return "", errors.Join(fmt.Errorf("the history takes %d bytes, more than %d", info.Size(), maxBytes), os.Remove(draft))
	}
	return path, os.Rename(draft, path)
}

// fingerprint changes when what is made would.
func fingerprint(testimonies int) (string, error) {
	h := sha256.New()
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		return "", fmt.Errorf("read the migrations: %w", err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			return "", fmt.Errorf("read the migrations: %w", err)
		}
		h.Write(b)
	}
	_, _ = fmt.Fprint(h, historySQL, testimonies, Days, LastDay) // a hash takes everything
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// forget removes what earlier measurements left.
func forget() error {
	old, err := filepath.Glob(filepath.Join(os.TempDir(), "voci-history-*.db*"))
	if err != nil {
		return fmt.Errorf("look for old histories: %w", err)
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("remove an old history: %w", err)
		}
	}
	return nil
}

func build(ctx context.Context, path string, testimonies int) error {
	quiet := slog.New(slog.DiscardHandler)
	err := open(ctx, path, func(db *store.Store) error {
		if err := db.Migrate(ctx, migrations.FS, quiet); err != nil {
			return err
		}
		registry, err := territory.Load(territory.Founding)
		if err != nil {
			return err
		}
		return registry.Sync(ctx, db)
	})
	if err != nil {
		return err
	}
	if err := fill(ctx, path, testimonies); err != nil {
		return err
	}
	return open(ctx, path, func(db *store.Store) error {
		none := func(context.Context) (views.Statistics, error) { return nil, errors.New("nobody is asked") }
		made, err := views.New(db, none, nil, time.Now, func() {}, quiet).Rebuild(ctx)
		if err == nil && made < Days {
			err = fmt.Errorf("only %d totals were made", made)
		}
		return err
	})
}

func open(ctx context.Context, path string, do func(*store.Store) error) error {
	db, err := store.Open(ctx, path)
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}

// fill writes the history on a connection that promises nothing: what a power
// cut leaves is thrown away.
func fill(ctx context.Context, path string, testimonies int) error {
	db, err := sql.Open("sqlite3", "file:"+path+"?_foreign_keys=off&_journal_mode=OFF&_synchronous=OFF&_cache_size=-200000")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	for _, statement := range strings.Split(historySQL, ";\n") {
		args := []any{}
		if strings.Contains(statement, "@") {
			args = append(args, sql.Named("testimonies", testimonies), sql.Named("days", Days), sql.Named("today", LastDay))
		}
		if _, err := db.ExecContext(ctx, statement, args...); err != nil {
			return fmt.Errorf("%.60s…: %w", strings.TrimSpace(statement), err)
		}
	}
	return nil
}
