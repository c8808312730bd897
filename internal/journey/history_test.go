package journey

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/journey/portal"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/views"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

//go:embed history.sql
var historySQL string

// giveHistory gives the published testimonies of a portal views, and two months
// in which they came, which nobody can wait for. The portal is stopped
// meanwhile.
func giveHistory(t *testing.T, p *portal.Portal) {
	t.Helper()
	for i, v := range p.Channel().Videos {
		given := int64(412 + i*i*977) // fewer than none taken are given
		p.Fail(sandbox.Fault{Name: sandbox.ViewsDown, IDs: []string{v.ID}, Views: -given})
	}
	p.Command("sync")
	p.Stop()
	file := filepath.Join(p.Data, "voci.db")
	db, err := sql.Open("sqlite3", "file:"+file+"?_foreign_keys=on&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	for _, statement := range strings.Split(historySQL, ";\n") {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	opened, err := store.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	nobody := func(context.Context) (views.Statistics, error) { return nil, errors.New("nobody is asked") }
	_, err = views.New(opened, nobody, nil, time.Now, func() {}, slog.New(slog.DiscardHandler)).Rebuild(t.Context())
	if err := errors.Join(err, opened.Close()); err != nil {
		t.Fatal(err)
	}
	p.Run()
}
