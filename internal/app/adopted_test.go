package app_test

import (
	"path/filepath"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/app"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// TestOneWithoutAFileHereIsKeptLikeTheOthers: back-ups do not miss a file that
// never was, and the nightly work does not clear it away.
func TestOneWithoutAFileHereIsKeptLikeTheOthers(t *testing.T) {
	s := settings(t)
	a := open(t, s)
	ctx := t.Context()
	if err := receive(ctx, a); err != nil {
		t.Fatal(err)
	}
	var id int64
	err := a.DB.Write(ctx, func(tx *gorm.DB) error {
		said, err := a.Testimonies.Adopt(tx, "test", testimony.Found{
			MunicipalityCode: balme, Themes: []string{"solidarieta"}, Origin: "youtube:dQw4w9WgXcQ", Title: "La neve del 2020",
			Visibility: testimony.Public, PublishedAt: time.Now().AddDate(-6, 0, 0), Duration: 90 * time.Second,
		})
		if err == nil {
			id = said.ID
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Nightly(ctx); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kept.tar")
	made, err := app.Backup(ctx, s, file)
	if err != nil || made.Missing != nil {
		t.Fatalf("%v, missing: %v", err, made.Missing)
	}
	elsewhere := settings(t)
	if err := app.Restore(ctx, elsewhere, file); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, elsewhere).Testimonies.Get(ctx, testimony.Anywhere, id)
	if err != nil {
		t.Fatal(err)
	}
	if got.State != testimony.Published || got.Video == nil || got.Video.Duration() != 90*time.Second {
		t.Errorf("after the restore: %+v %+v", got, got.Video)
	}
}
