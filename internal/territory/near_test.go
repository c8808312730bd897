package territory

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNeighbours(t *testing.T) {
	for _, c := range []struct {
		setting Setting
		of      string
		want    []string
	}{
		{Founding, "balme", []string{"ala-di-stura", "usseglio", "groscavallo"}},
		{Founding, "torino", []string{"grugliasco", "collegno", "san-mauro-torinese"}},
		// One that merged, and what it became, are no neighbours of each other.
		{Current, "val-di-chy", nil},
		{Founding, "alice-superiore", nil},
	} {
		r, err := Load(c.setting)
		if err != nil {
			t.Fatal(err)
		}
		m, err := r.BySlug(c.of)
		if err != nil {
			t.Fatal(err)
		}
		near := r.Near(m, 3)
		var got []string
		for _, o := range near {
			got = append(got, o.Slug)
			if o.IstatCode == m.IstatCode || became(o, m) || became(m, o) || !r.Counts(o) {
				t.Errorf("%s is a neighbour of %s", o.Name, m.Name)
			}
		}
		if c.want == nil {
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("around %s (%s):\n%s", m.Name, c.setting, diff)
		}
	}
	r, _ := Load(Founding)
	m, _ := r.BySlug("balme")
	if n := len(r.Near(m, 10_000)); n != r.Size()-1 {
		t.Errorf("%d municipalities are around, want all but itself", n)
	}
}
