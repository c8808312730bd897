package dashboard_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/dashboard"
	"github.com/voci-in-comune/voci/internal/territory"
)

// TestWhatWasForgottenIsNoZero: after the counts of a channel were deleted, as
// its terms ask, the board says that nothing is known.
func TestWhatWasForgottenIsNoZero(t *testing.T) {
	w := open(t, territory.Founding)
	w.published(1, "001019", 1)
	w.exec(`UPDATE publications SET channel_id = 'UC1'`)
	w.counted(map[int64]int64{1: 1234})
	board := func() dashboard.Board {
		t.Helper()
		b, err := w.board.Board(t.Context(), dashboard.Ask{Lang: "it", Path: "/numeri"})
		w.must(err)
		return b
	}
	if b := board(); b.Fresh.At == nil || b.Figures[1].Number != "1.234" || len(b.Curves.Themes.Days) == 0 {
		t.Fatalf("before: %+v", b)
	}
	forget := func(channel string) {
		t.Helper()
		w.must(w.db.Write(t.Context(), func(tx *gorm.DB) error { return w.sync.ForgetChannel(tx, channel) }))
		_, err := w.sync.Rebuild(t.Context())
		w.must(err)
	}
	forget("another")
	if b := board(); b.Fresh.At == nil || b.Figures[1].Number != "1.234" {
		t.Errorf("what is another's was forgotten: %+v", b.Figures)
	}
	forget("UC1")
	b := board()
	if b.Fresh.At != nil || b.Figures[1].Number != "–" || b.Figures[0].Number != "1" {
		t.Errorf("figures: %+v, told at %v", b.Figures, b.Fresh.At)
	}
	if len(b.Curves.Themes.Days) > 0 || b.Themes[0].Spark.Path != "" || len(b.Watched) > 0 {
		t.Errorf("curves: %+v, watched: %+v", b.Curves, b.Watched)
	}
	// Counted again, it begins anew.
	w.counted(map[int64]int64{1: 1300})
	if b := board(); b.Figures[1].Number != "1.300" {
		t.Errorf("figures: %+v", b.Figures)
	}
}
