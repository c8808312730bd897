// Package card makes the cards that show published testimonies in lists, and
// knows their public addresses: citizens and town halls see the same.
package card

import (
	"context"
	"strconv"
	"strings"

	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/views"
)

// The ends of the addresses of posters and renditions.
const (
	PosterEnd    = ".jpg"
	RenditionEnd = ".mp4"
)

// Maker makes cards.
type Maker struct {
	registry *territory.Registry
	views    *views.Sync
}

// NewMaker makes a maker of cards.
func NewMaker(registry *territory.Registry, counts *views.Sync) *Maker {
	return &Maker{registry, counts}
}

// Address is where a testimony is, without language.
func Address(t *testimony.Testimony) string {
	return "/testimonianze/" + strconv.FormatInt(t.ID, 10) + "-" + t.Slug()
}

// Poster is the address of a file's picture. As Rendition's it names the file by
// its upload, so that a new one has a new address, and so that nobody finds those
// of an unlisted testimony by counting.
func Poster(t *testimony.Testimony) string {
	if t.Video == nil || t.Video.Poster == "" {
		return ""
	}
	address := fileAddress(t, PosterEnd)
	if chosen, ok := strings.CutPrefix(t.Video.Poster, "poster-"); ok { // it took the place of the one made of the video
		address += "?v=" + strings.TrimSuffix(chosen, PosterEnd)
	}
	return address
}

// Rendition is the address of what the portal plays; see Poster.
func Rendition(t *testimony.Testimony) string {
	if t.Video == nil || t.Video.Rendition == "" {
		return ""
	}
	return fileAddress(t, RenditionEnd)
}

func fileAddress(t *testimony.Testimony, end string) string {
	return "/testimonianze/" + strconv.FormatInt(t.ID, 10) + "/" + t.Video.UploadID + end
}

// Chips are the themes of a testimony, or of the portal; each leads to its list if
// linked.
func Chips(lang string, themes []testimony.Theme, linked bool) []page.Chip {
	list := make([]page.Chip, len(themes))
	for i, th := range themes {
		list[i] = page.Chip{Name: th.Name(lang), Icon: th.Icon, Hue: th.Colour}
		if linked {
			list[i].Href = "/testimonianze?tema=" + th.Slug
		}
	}
	return list
}

// Of shows testimonies as a list does, with one more query however many they
// are. heading is the level of their headings; the first eager ones are in sight
// at once.
func (m *Maker) Of(ctx context.Context, list []testimony.Testimony, heading, eager int) ([]page.Card, error) {
	ids := make([]int64, len(list))
	for i, t := range list {
		ids[i] = t.ID
	}
	counts, err := m.views.Latest(ctx, ids)
	if err != nil {
		return nil, err
	}
	lang := page.Lang(ctx)
	cards := make([]page.Card, len(list))
	for i := range list {
		t := &list[i]
		place, err := m.registry.Shown(t.MunicipalityCode)
		if err != nil {
			return nil, err
		}
		zone, err := m.registry.Zone(place.ZoneSlug)
		if err != nil {
			return nil, err
		}
		cards[i] = page.Card{
			Href: Address(t), Poster: Poster(t), Municipality: place.Name, Residents: place.Residents, Zone: zone.Name,
			Speaker: t.SpeakerName, Role: t.SpeakerRole, Title: t.Title, Lang: t.Language, Themes: Chips(lang, t.Themes, false),
			Sample: t.Sample, Heading: heading, Eager: i < eager,
		}
		if t.Video != nil {
			cards[i].Duration = t.Video.Duration()
		}
		if n, ok := counts[t.ID]; ok && n.Views != nil {
			cards[i].Views, cards[i].ViewsAt = n.Views, n.At
		}
	}
	return cards, nil
}
