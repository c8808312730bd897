package testimony_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/testimony"
)

// publish makes a testimony that is out, some minutes after the ones before.
func (r *room) publish(t *testing.T, municipality string, change func(*testimony.Form)) int64 {
	t.Helper()
	f := whole()
	change(&f)
	made, err := r.Create(t.Context(), "tester", municipality, f, false)
	if err != nil {
		t.Fatal(err)
	}
	err = r.db.Write(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&testimony.Testimony{}).Where("id = ?", made.ID).
			Updates(map[string]any{"state": testimony.Published, "published_at": today.Add(time.Duration(made.ID) * time.Minute)}).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	return made.ID
}

func ids(list []testimony.Testimony) []int64 {
	found := []int64{}
	for _, t := range list {
		found = append(found, t.ID)
	}
	return found
}

const (
	ceres      = "001072"
	ivrea      = "001125"
	pecco      = "001182"
	valDiChy   = "001317" // which Pecco was merged into
	eporediese = "eporediese"
)

func TestShownNarrowsWhatCitizensSee(t *testing.T) {
	r := open(t)
	titled := func(title string) func(*testimony.Form) { return func(f *testimony.Form) { f.Title = title } }
	valley := r.publish(t, balme, titled("La valle che non si ferma"))
	solidarity := r.publish(t, ivrea, func(f *testimony.Form) {
		f.Title, f.Themes, f.Language = "È l'ora della Solidarietà", []string{"sostegno-psicologico"}, "fr"
	})
	merged := r.publish(t, pecco, titled("Il forno di Pecco"))
	third := r.publish(t, ceres, titled("Cento mani"))
	r.publish(t, balme, func(f *testimony.Form) { f.Visibility = "unlisted" })
	r.publish(t, balme, func(f *testimony.Form) { f.Visibility = "private" })
	r.create(t, whole()) // a draft

	for name, c := range map[string]struct {
		filter testimony.Filter
		want   []int64
	}{
		"all, newest first":          {testimony.Filter{}, []int64{third, merged, solidarity, valley}},
		"theme":                      {testimony.Filter{Theme: "sostegno-psicologico"}, []int64{solidarity}},
		"theme nobody has":           {testimony.Filter{Theme: "spazi-per-i-giovani"}, []int64{}},
		"municipality":               {testimony.Filter{Municipality: balme}, []int64{valley}},
		"merged into it":             {testimony.Filter{Municipality: valDiChy}, []int64{merged}},
		"zone":                       {testimony.Filter{Zone: eporediese}, []int64{merged, solidarity}},
		"language":                   {testimony.Filter{Language: "fr"}, []int64{solidarity}},
		"word without its accent":    {testimony.Filter{Query: "solidarieta"}, []int64{solidarity}},
		"word with another capital":  {testimony.Filter{Query: "SOLIDARIETÀ"}, []int64{solidarity}},
		"beginning of a word":        {testimony.Filter{Query: "vall"}, []int64{valley}},
		"not the middle of one":      {testimony.Filter{Query: "alle"}, []int64{}},
		"after an apostrophe":        {testimony.Filter{Query: "ora"}, []int64{solidarity}},
		"name of the municipality":   {testimony.Filter{Query: "ivrea"}, []int64{solidarity}},
		"all words are needed":       {testimony.Filter{Query: "cento pecco"}, []int64{}},
		"words in any order":         {testimony.Filter{Query: "mani cento"}, []int64{third}},
		"signs of the pattern":       {testimony.Filter{Query: "*[^a]?"}, []int64{}},
		"several filters at a time":  {testimony.Filter{Zone: eporediese, Language: "it", Query: "forno"}, []int64{merged}},
		"nothing but a quote":        {testimony.Filter{Query: "'"}, []int64{}},
		"injection stays a word":     {testimony.Filter{Theme: "x' OR '1'='1"}, []int64{}},
		"what is only in the middle": {testimony.Filter{Query: "erma"}, []int64{}},
	} {
		t.Run(name, func(t *testing.T) {
			list, n, err := r.Shown(t.Context(), c.filter, 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, ids(list)); diff != "" || int(n) != len(c.want) {
				t.Errorf("found %d: %s", n, diff)
			}
		})
	}
}

func TestShownComesInPagesWithThemes(t *testing.T) {
	r := open(t)
	var all []int64
	for range 5 {
		all = append(all, r.publish(t, balme, func(*testimony.Form) {}))
	}
	slices.Reverse(all)
	list, n, err := r.Shown(t.Context(), testimony.Filter{}, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all[2:4], ids(list)); diff != "" || n != 5 {
		t.Errorf("of %d: %s", n, diff)
	}
	if len(list[0].Themes) != 2 || list[0].Themes[0].Slug != "solidarieta" {
		t.Errorf("themes: %+v", list[0].Themes)
	}
	var groups [][]int64
	err = r.EachShown(t.Context(), 2, func(group []testimony.Testimony) error {
		groups = append(groups, ids(group))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]int64{all[:2], all[2:4], all[4:]}, groups); diff != "" {
		t.Error(diff)
	}
}

// TestShownReadsTheIndex keeps the first page fast however many there are.
func TestShownReadsTheIndex(t *testing.T) {
	r := open(t)
	var plan []struct{ Detail string }
	var asked string
	count := r.db.Reader(t.Context()).Callback().Query().After("gorm:query")
	if err := count.Register("test:asked", func(db *gorm.DB) {
		if db.Statement.Table == "testimonies" {
			asked = db.Explain(db.Statement.SQL.String(), db.Statement.Vars...)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Shown(t.Context(), testimony.Filter{}, 0, 6); err != nil {
		t.Fatal(err)
	}
	err := r.db.Reader(t.Context()).Raw("EXPLAIN QUERY PLAN " + asked).Scan(&plan).Error
	if err != nil {
		t.Fatal(err)
	}
	if len(plan) != 1 || plan[0].Detail != "SCAN testimonies USING INDEX testimonies_shown" {
		t.Errorf("%s: %+v", asked, plan)
	}
}
