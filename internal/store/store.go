// Package store opens the SQLite file that everything is kept in: one writer,
// many readers, migrations, transactions. It knows no table of the domain.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/voci-in-comune/voci/internal/fault"
)

// Readers is how many connections read at once. SQLite in WAL mode lets them
// go on beside the writer.
const Readers = 8

// Store is the database of one portal.
type Store struct {
	path  string
	write *gorm.DB
	read  *gorm.DB
}

// Open opens the SQLite file at path, making it if it is not there.
//
// The writer is a single connection whose transactions begin immediately, so
// that two of them never fail on each other, and whose commits reach the disk
// (synchronous=FULL): a promise made to a person survives a power cut.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the database: %w", err)
	}
	// What is in it is not for other users of the machine, whatever the folder
	// allows; its journal takes the rights of the file.
	if err := private(path); err != nil {
		return nil, err
	}
	write, err := open(path, url.Values{
		"_txlock":       {"immediate"},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
	}, 1)
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, write: write}
	if err := s.needFTS5(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.read, err = open(path, url.Values{"_query_only": {"true"}, "_cache_size": {"-16000"}}, Readers)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// private makes the file, if it is not there, readable by its owner only.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = errors.Join(f.Chmod(0o600), f.Close())
	}
	if err != nil {
		return fmt.Errorf("open the database %s: %w", filepath.Base(path), err)
	}
	return nil
}

func open(path string, pragmas url.Values, conns int) (*gorm.DB, error) {
	pragmas.Set("_foreign_keys", "on")
	pragmas.Set("_busy_timeout", "15000")
	pragmas.Set("_loc", "UTC")
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: pragmas.Encode()}).String()
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{
		Logger:                 logger.Discard,
		NowFunc:                func() time.Time { return time.Now().UTC() },
		SkipDefaultTransaction: true,
		TranslateError:         true,
	})
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", filepath.Base(path), err)
	}
	pool, err := db.DB()
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	return db, nil
}

// needFTS5 says in words that the program was built without the build tag that
// full-text search needs, instead of failing later in a migration.
func (s *Store) needFTS5(ctx context.Context) error {
	var on bool
	err := s.write.WithContext(ctx).Raw(`SELECT sqlite_compileoption_used('ENABLE_FTS5')`).Scan(&on).Error
	if err != nil {
		return fmt.Errorf("ask SQLite for FTS5: %w", err)
	}
	if !on {
		return errors.New("this program was built without full-text search: build it with `make build` (tag sqlite_fts5)")
	}
	return nil
}

// Path is the file that the database is in.
func (s *Store) Path() string { return s.path }

// Reader returns a handle that only reads.
func (s *Store) Reader(ctx context.Context) *gorm.DB { return s.read.WithContext(ctx) }

// SQL returns the writer's pool of one connection, for libraries that bring
// their own statements (the job queue, the sessions).
func (s *Store) SQL() *sql.DB {
	pool, err := s.write.DB()
	if err != nil {
		// gorm gives an error only for pools that are no *sql.DB; ours always is.
		panic(err)
	}
	return pool
}

// ReadSQL returns the readers' pool.
func (s *Store) ReadSQL() *sql.DB {
	pool, err := s.read.DB()
	if err != nil {
		panic(err) // as in SQL
	}
	return pool
}

// Write runs do in one transaction on the only write connection. What do
// returns decides: nil commits, an error rolls back and is returned.
// Inside do, use only tx: asking the store for another write would wait for
// itself forever.
func (s *Store) Write(ctx context.Context, do func(tx *gorm.DB) error) error {
	err := s.write.WithContext(ctx).Transaction(do)
	if isFull(err) {
		return fault.Wrap(err, fault.Full, "store.full")
	}
	return err
}

// Tx returns the SQL transaction that tx runs in, so that a job can be put in
// the queue by the same commit that makes it necessary.
func Tx(tx *gorm.DB) (*sql.Tx, error) {
	t, ok := tx.Statement.ConnPool.(*sql.Tx)
	if !ok {
		return nil, errors.New("not inside a transaction")
	}
	return t, nil
}

func isFull(err error) bool {
	e, ok := errors.AsType[sqlite3.Error](err)
	return ok && e.Code == sqlite3.ErrFull
}

// Migrate brings the database up to the newest of migrations.
func (s *Store) Migrate(ctx context.Context, migrations fs.FS, log *slog.Logger) error {
	p, err := goose.NewProvider(goose.DialectSQLite3, s.SQL(), migrations)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	done, err := p.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	for _, r := range done {
		log.InfoContext(ctx, "database migrated", "to", r.Source.Version, "took", r.Duration)
	}
	return nil
}

// Close closes all connections.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*gorm.DB{s.read, s.write} {
		if db == nil {
			continue
		}
		pool, err := db.DB()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, pool.Close())
	}
	return errors.Join(errs...)
}
