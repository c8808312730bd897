package territory_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/migrations"
)

func load(t *testing.T, s territory.Setting) *territory.Registry {
	t.Helper()
	r, err := territory.Load(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheRegistryAddsUpToThePublishedFigures(t *testing.T) {
	founding, current := load(t, territory.Founding), load(t, territory.Current)
	if got := founding.Size(); got != 316 {
		t.Errorf("founding municipalities: got %d, want 316", got)
	}
	if got := current.Size(); got != 312 {
		t.Errorf("current municipalities: got %d, want 312", got)
	}
	if got := founding.Residents(); got != 2_247_780 {
		t.Errorf("residents: got %d, want the 2,247,780 of the 2011 census", got)
	}
	perZone := map[int]int{}
	for _, m := range founding.Municipalities() {
		z, err := founding.Zone(m.ZoneSlug)
		if err != nil {
			t.Fatal(err)
		}
		perZone[z.Number]++
	}
	want := map[int]int{1: 1, 2: 11, 3: 18, 4: 8, 5: 45, 6: 43, 7: 40, 8: 46, 9: 58, 10: 24, 11: 22}
	if d := cmp.Diff(want, perZone); d != "" {
		t.Errorf("municipalities by zone (-want +got):\n%s", d)
	}
}

func TestEveryPlaceOnTheMapIsUsedOnce(t *testing.T) {
	for _, setting := range []territory.Setting{territory.Founding, territory.Current} {
		taken, slugs := map[[2]int]string{}, map[string]string{}
		for _, m := range load(t, setting).Municipalities() {
			place := [2]int{m.HexCol, m.HexRow}
			if m.HexCol < 0 || m.HexRow < 0 {
				t.Errorf("%s: %s has no place", setting, m.Name)
			}
			if other, ok := taken[place]; ok {
				t.Errorf("%s: %s and %s are both at %v", setting, m.Name, other, place)
			}
			if other, ok := slugs[m.Slug]; ok {
				t.Errorf("%s: %s and %s share the address %s", setting, m.Name, other, m.Slug)
			}
			taken[place], slugs[m.Slug] = m.Name, m.Name
		}
	}
}

func TestADissolvedMunicipalityIsShownUnderItsSuccessorOnlyToday(t *testing.T) {
	for setting, want := range map[territory.Setting]string{territory.Founding: "Alice Superiore", territory.Current: "Val di Chy"} {
		r := load(t, setting)
		alice, err := r.BySlug("alice-superiore")
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Shown(alice.IstatCode)
		if err != nil || got.Name != want {
			t.Errorf("%s: got %s, %v; want %s", setting, got.Name, err, want)
		}
	}
}

func TestUnknownMunicipalitiesAreNotFound(t *testing.T) {
	r := load(t, territory.Founding)
	if _, err := r.Municipality("999999"); fault.Of(err) != fault.NotFound {
		t.Errorf("got %v, want not found", err)
	}
	if _, err := r.BySlug("atlantide"); fault.Of(err) != fault.NotFound {
		t.Errorf("got %v, want not found", err)
	}
	if _, err := territory.Load("sabaudo"); err == nil {
		t.Error("an unknown setting was taken")
	}
}

func TestSyncCopiesTheRegistryAndMayRunAgain(t *testing.T) {
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "voci.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.Migrate(t.Context(), migrations.FS, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := load(t, territory.Founding).Sync(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	// What another registry wrote is replaced, when the mark tells of it.
	err = s.Write(t.Context(), func(tx *gorm.DB) error {
		return errors.Join(tx.Exec(`UPDATE municipalities SET zone_slug = 'pinerolese' WHERE slug = 'balme'`).Error, tx.Exec(`PRAGMA user_version = 7`).Error)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := load(t, territory.Founding).Sync(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	var n int64
	if err := s.Reader(t.Context()).Model(&territory.Municipality{}).Count(&n).Error; err != nil {
		t.Fatal(err)
	}
	if n != 318 {
		t.Errorf("rows: got %d, want the 316 and the two formed in 2019", n)
	}
	var balme territory.Municipality
	if err := s.Reader(t.Context()).First(&balme, "slug = ?", "balme").Error; err != nil {
		t.Fatal(err)
	}
	if balme.IstatCode == "" || balme.ZoneSlug != "ciriacese-valli-lanzo" || balme.DissolvedOn != nil {
		t.Errorf("Balme came back as %+v", balme)
	}
}

func TestSearchFindsAsPeopleType(t *testing.T) {
	r := load(t, territory.Founding)
	for query, want := range map[string]string{"BALME": "Balme", "albiano d'iv": "Albiano d'Ivrea", "ivrea alb": "Albiano d'Ivrea", "aglie": "Agliè"} {
		found := r.Search(query, "")
		if len(found) != 1 || found[0].Name != want {
			t.Errorf("%q found %v, want %s", query, found, want)
		}
	}
	if got := len(r.Search("", "eporediese")); got != 58 {
		t.Errorf("all of a zone: got %d, want 58", got)
	}
	if got := r.Search("atlantide", ""); got != nil {
		t.Errorf("got %v", got)
	}
}
