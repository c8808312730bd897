package store_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/migrations"
)

func open(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "a folder with spaces", "voci.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context(), migrations.FS, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMigrateTwiceChangesNothing(t *testing.T) {
	s := open(t)
	if err := s.Migrate(t.Context(), migrations.FS, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	var themes int64
	if err := s.Reader(t.Context()).Table("themes").Count(&themes).Error; err != nil {
		t.Fatal(err)
	}
	if themes != 6 {
		t.Errorf("themes: got %d, want the six of 2020", themes)
	}
}

func TestPromisesSurviveAPowerCut(t *testing.T) {
	s := open(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		if err := s.SQL().QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s of the writer: got %s, want %s", pragma, got, want)
		}
	}
}

func TestReadersCannotWrite(t *testing.T) {
	s := open(t)
	err := s.Reader(t.Context()).Exec(`DELETE FROM themes`).Error
	if err == nil {
		t.Fatal("a reader deleted the themes")
	}
}

func TestWritersWaitForEachOther(t *testing.T) {
	s := open(t)
	const writers = 20
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			err := s.Write(context.Background(), func(tx *gorm.DB) error {
				return tx.Exec(`INSERT INTO quota_ledger (day, bucket, spent) VALUES ('2026-01-01', 'units', 1)
					ON CONFLICT DO UPDATE SET spent = spent + 1`).Error
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var spent int
	if err := s.Reader(t.Context()).Raw(`SELECT spent FROM quota_ledger`).Scan(&spent).Error; err != nil {
		t.Fatal(err)
	}
	if spent != writers {
		t.Errorf("spent: got %d, want %d", spent, writers)
	}
}

func TestAnErrorUndoesTheWholeTransaction(t *testing.T) {
	s := open(t)
	refuse := errors.New("no")
	err := s.Write(t.Context(), func(tx *gorm.DB) error {
		if err := tx.Exec(`DELETE FROM themes`).Error; err != nil {
			return err
		}
		return refuse
	})
	if !errors.Is(err, refuse) {
		t.Fatalf("got %v, want what the transaction returned", err)
	}
	var themes int64
	if err := s.Reader(t.Context()).Table("themes").Count(&themes).Error; err != nil {
		t.Fatal(err)
	}
	if themes != 6 {
		t.Errorf("themes after the rollback: got %d, want 6", themes)
	}
}

func TestTheAuditTrailCannotBeChanged(t *testing.T) {
	s := open(t)
	err := s.Write(t.Context(), func(tx *gorm.DB) error {
		return tx.Exec(`INSERT INTO audit (at, actor, action, subject, subject_id) VALUES ('2026-01-01', 'x', 'y', 'z', '1')`).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{`UPDATE audit SET actor = 'somebody else'`, `DELETE FROM audit`} {
		if err := s.Write(t.Context(), func(tx *gorm.DB) error { return tx.Exec(sql).Error }); err == nil {
			t.Errorf("%s went through", sql)
		}
	}
}
