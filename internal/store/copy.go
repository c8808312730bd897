package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// CopyTo writes the database, as it is at one moment, to a new file. Whoever
// reads and writes meanwhile goes on.
func (s *Store) CopyTo(ctx context.Context, file string) error {
	if err := s.write.WithContext(ctx).Exec(`VACUUM INTO ?`, file).Error; err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	return nil
}

// Check has SQLite look through the whole file for damage.
func (s *Store) Check(ctx context.Context) error {
	var said string
	if err := s.ReadSQL().QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&said); err != nil {
		return fmt.Errorf("check the database: %w", err)
	}
	if said != "ok" {
		return errors.New("SQLite finds the database damaged: " + said)
	}
	return nil
}

// Versions tells up to which of migrations the database is, and which one is
// the newest.
func (s *Store) Versions(ctx context.Context, migrations fs.FS) (current, newest int64, err error) {
	p, err := goose.NewProvider(goose.DialectSQLite3, s.SQL(), migrations)
	if err != nil {
		return 0, 0, fmt.Errorf("read the migrations: %w", err)
	}
	if current, newest, err = p.GetVersions(ctx); err != nil {
		return 0, 0, fmt.Errorf("ask for the version of the database: %w", err)
	}
	return current, newest, nil
}
