// Package territory knows the municipalities of the metropolitan city of Turin
// and their homogeneous zones: names, residents, mergers, places on the hexagon
// map. It knows nothing of who speaks.
package territory

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"

	"github.com/gosimple/slug"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/store"
)

// The registry, of our own making. Codes, names and residents at the 2011
// census: ISTAT (CC BY 4.0), https://www.istat.it; zones: Città metropolitana
// di Torino. Latitude and longitude are in degrees (WGS 84), at the centre of
// the territory. Places on the map: odd rows are shifted right by half a
// hexagon.
//
//go:embed municipalities.csv zones.csv
var registry embed.FS

// Setting says which municipalities count.
type Setting string

// The two ways to count, see VOCI_TERRITORY.
const (
	Founding Setting = "founding" // the 316 that the campaign began with
	Current  Setting = "current"  // the 312 that exist since the mergers of 2019-01-01
)

// Zone is one of the 11 homogeneous zones (zone omogenee).
type Zone struct {
	Slug   string `gorm:"primaryKey"`
	Number int
	Name   string
}

// Municipality is a Comune, by its six-figure ISTAT code.
type Municipality struct {
	IstatCode     string `gorm:"primaryKey"`
	Name          string
	Slug          string
	ZoneSlug      string
	Residents     int // at the 2011 census
	Latitude      float64
	Longitude     float64
	HexCol        int
	HexRow        int
	EstablishedOn *string // day, YYYY-MM-DD; nil if it was there at the start
	DissolvedOn   *string // day, YYYY-MM-DD; nil if it exists
	MergedInto    *string // ISTAT code of the successor; nil if it exists
}

// Registry answers questions on the territory from memory. It never changes
// while the portal runs.
type Registry struct {
	setting Setting
	mark    uint32 // of what the files say
	zones   []Zone
	all     []Municipality // every one ever, by name
	counted []Municipality // those that count under the setting, by name
	byCode  map[string]int // ISTAT code → index in all
	bySlug  map[string]int
	zone    map[string]int
}

// Load reads the embedded registry.
func Load(setting Setting) (*Registry, error) {
	if setting != Founding && setting != Current {
		return nil, fmt.Errorf("territory %q: it is %q or %q", setting, Founding, Current)
	}
	r := &Registry{setting: setting, byCode: map[string]int{}, bySlug: map[string]int{}, zone: map[string]int{}}
	if err := r.readZones(); err != nil {
		return nil, fmt.Errorf("read the registry of zones: %w", err)
	}
	if err := r.readMunicipalities(); err != nil {
		return nil, fmt.Errorf("read the registry of municipalities: %w", err)
	}
	r.mark >>= 1 // SQLite keeps a number with a sign
	for i, m := range r.all {
		r.byCode[m.IstatCode], r.bySlug[m.Slug] = i, i
		if _, ok := r.zone[m.ZoneSlug]; !ok {
			return nil, fmt.Errorf("%s is in zone %q, which is not in the registry", m.Name, m.ZoneSlug)
		}
		if r.Counts(m) {
			r.counted = append(r.counted, m)
		}
	}
	return r, nil
}

func (r *Registry) rows(name string) ([][]string, error) {
	text, err := registry.ReadFile(name)
	if err != nil {
		return nil, err
	}
	r.mark = crc32.Update(r.mark, crc32.IEEETable, text)
	all, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return nil, err
	}
	return all[1:], nil // without the names of columns
}

func (r *Registry) readZones() error {
	lines, err := r.rows("zones.csv")
	if err != nil {
		return err
	}
	for i, l := range lines {
		n, err := strconv.Atoi(l[0])
		if err != nil {
			return fmt.Errorf("zone %s: %w", l[1], err)
		}
		r.zones = append(r.zones, Zone{Number: n, Slug: l[1], Name: l[2]})
		r.zone[l[1]] = i
	}
	return nil
}

func (r *Registry) readMunicipalities() error {
	lines, err := r.rows("municipalities.csv")
	if err != nil {
		return err
	}
	for _, l := range lines {
		m := Municipality{
			IstatCode: l[0], Name: l[1], Slug: l[2], ZoneSlug: l[3],
			EstablishedOn: optional(l[9]), DissolvedOn: optional(l[10]), MergedInto: optional(l[11]),
		}
		var errs [5]error
		m.Residents, errs[0] = strconv.Atoi(l[4])
		m.Latitude, errs[1] = strconv.ParseFloat(l[5], 64)
		m.Longitude, errs[2] = strconv.ParseFloat(l[6], 64)
		m.HexCol, errs[3] = atoiOrNone(l[7])
		m.HexRow, errs[4] = atoiOrNone(l[8])
		for _, err := range errs {
			if err != nil {
				return fmt.Errorf("%s: %w", m.Name, err)
			}
		}
		r.all = append(r.all, m)
	}
	slices.SortFunc(r.all, func(a, b Municipality) int { return cmp.Compare(a.Slug, b.Slug) })
	return nil
}

// atoiOrNone reads a place on the map, -1 where there is none.
func atoiOrNone(s string) (int, error) {
	if s == "" {
		return -1, nil
	}
	return strconv.Atoi(s)
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Setting is the way municipalities are counted.
func (r *Registry) Setting() Setting { return r.setting }

// Counts tells whether m is one of the municipalities under the setting.
func (r *Registry) Counts(m Municipality) bool {
	if r.setting == Current {
		return m.DissolvedOn == nil
	}
	return m.EstablishedOn == nil
}

// Municipalities returns those that count, by name. The caller must not change
// the slice.
func (r *Registry) Municipalities() []Municipality { return r.counted }

// Search returns those that count, whose name has words that begin as the words
// of query do (accents and apostrophes aside) and that are in the zone with a
// slug, if one is given.
func (r *Registry) Search(query, zone string) []Municipality {
	words := strings.Split(fold(query), "-")
	var found []Municipality
	for _, m := range r.counted {
		if (zone == "" || m.ZoneSlug == zone) && hasWords(m.Slug, words) {
			found = append(found, m)
		}
	}
	return found
}

// fold is a name as words of small letters without accents, whichever
// apostrophe was typed: telephones make ' into ’.
func fold(name string) string {
	return slug.MakeLang(strings.NewReplacer("'", " ", "’", " ").Replace(name), "it")
}

func hasWords(slug string, words []string) bool {
	for _, w := range words {
		if !strings.HasPrefix(slug, w) && !strings.Contains(slug, "-"+w) {
			return false
		}
	}
	return true
}

// Size is how many municipalities count: the N of every "x of N".
func (r *Registry) Size() int { return len(r.counted) }

// Zones returns the 11 zones by number. The caller must not change the slice.
func (r *Registry) Zones() []Zone { return r.zones }

// Municipality returns the one with an ISTAT code, counted or not.
// It returns fault.NotFound if there is none.
func (r *Registry) Municipality(istatCode string) (Municipality, error) {
	i, ok := r.byCode[istatCode]
	if !ok {
		return Municipality{}, fault.New(fault.NotFound, "territory.unknown", "Code", istatCode)
	}
	return r.all[i], nil
}

// BySlug returns the municipality whose address ends in slug, counted or not.
// It returns fault.NotFound if there is none.
func (r *Registry) BySlug(slug string) (Municipality, error) {
	i, ok := r.bySlug[slug]
	if !ok {
		return Municipality{}, fault.New(fault.NotFound, "territory.unknown", "Code", slug)
	}
	return r.all[i], nil
}

// Shown returns the municipality under whose name a testimony of istatCode is
// shown: with the Current setting a dissolved one's successor.
func (r *Registry) Shown(istatCode string) (Municipality, error) {
	m, err := r.Municipality(istatCode)
	if err != nil || r.setting == Founding || m.MergedInto == nil {
		return m, err
	}
	return r.Municipality(*m.MergedInto)
}

// Zone returns the zone with a slug, or fault.NotFound.
func (r *Registry) Zone(slug string) (Zone, error) {
	i, ok := r.zone[slug]
	if !ok {
		return Zone{}, fault.New(fault.NotFound, "territory.unknown_zone", "Zone", slug)
	}
	return r.zones[i], nil
}

// Residents returns how many people live in the municipalities that count, by
// the 2011 census.
func (r *Registry) Residents() int {
	n := 0
	for _, m := range r.counted {
		n += m.Residents
	}
	return n
}

// Sync copies the registry into the database, so that queries can join it, unless
// it is there already: SQLite keeps a number for the program that uses the file,
// which here is the mark of the registry in it.
func (r *Registry) Sync(ctx context.Context, s *store.Store) error {
	var there uint32
	if err := s.SQL().QueryRowContext(ctx, `PRAGMA user_version`).Scan(&there); err != nil {
		return fmt.Errorf("ask for the registry in the database: %w", err)
	}
	if there == r.mark {
		return nil
	}
	err := s.Write(ctx, func(tx *gorm.DB) error {
		all := clause.OnConflict{UpdateAll: true}
		return errors.Join(
			tx.Clauses(all).Create(r.zones).Error,
			tx.Clauses(all).CreateInBatches(r.all, 100).Error,
			tx.Exec(fmt.Sprintf(`PRAGMA user_version = %d`, r.mark)).Error,
		)
	})
	if err != nil {
		return fmt.Errorf("copy the registry of municipalities into the database: %w", err)
	}
	return nil
}
