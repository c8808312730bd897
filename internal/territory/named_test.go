package territory_test

import (
	"testing"

	"github.com/voci-in-comune/voci/internal/territory"
)

func TestEveryNameIsFound(t *testing.T) {
	for _, setting := range []territory.Setting{territory.Founding, territory.Current} {
		r, err := territory.Load(setting)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range r.Municipalities() {
			if got, ok := r.Named(m.Name); !ok || got.IstatCode != m.IstatCode {
				t.Errorf("%s: %q, %v", m.Name, got.Name, ok)
			}
		}
	}
	r, err := territory.Load(territory.Current)
	if err != nil {
		t.Fatal(err)
	}
	if m, ok := r.Named(" ALBIANO D’IVREA "); !ok || m.Slug != "albiano-d-ivrea" {
		t.Errorf("typed on a telephone: %v, %v", m, ok)
	}
	for _, name := range []string{"", "Meugliano", "Milano"} { // Meugliano was merged into another
		if m, ok := r.Named(name); ok {
			t.Errorf("%q is %s", name, m.Name)
		}
	}
}
