package territory

import (
	"cmp"
	"math"
	"slices"
)

// Near returns the n municipalities that count and are nearest to m, by the
// distance of their centres, the nearest first. m is not among them, nor what it
// became or was made of.
func (r *Registry) Near(m Municipality, n int) []Municipality {
	type far struct {
		Municipality
		by float64
	}
	all := make([]far, 0, len(r.counted))
	// Over so small a territory a degree of longitude is as long everywhere.
	narrow := math.Cos(m.Latitude * math.Pi / 180)
	for _, o := range r.counted {
		if o.IstatCode == m.IstatCode || became(o, m) || became(m, o) {
			continue
		}
		all = append(all, far{o, math.Hypot(o.Latitude-m.Latitude, (o.Longitude-m.Longitude)*narrow)})
	}
	slices.SortFunc(all, func(a, b far) int { return cmp.Or(cmp.Compare(a.by, b.by), cmp.Compare(a.Slug, b.Slug)) })
	near := make([]Municipality, 0, n)
	for _, o := range all[:min(n, len(all))] {
		near = append(near, o.Municipality)
	}
	return near
}

// became tells whether a merged into b.
func became(a, b Municipality) bool { return a.MergedInto != nil && *a.MergedInto == b.IstatCode }
