package site

import (
	"context"
	"strconv"
	"strings"

	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// address is where a testimony is, without language.
func address(t *testimony.Testimony) string {
	return "/testimonianze/" + strconv.FormatInt(t.ID, 10) + "-" + t.Slug()
}

// poster and rendition are the addresses of a file's picture and video. They
// name the file by its upload, so that a new one has new addresses, and so that
// nobody finds those of an unlisted testimony by counting.
func poster(t *testimony.Testimony) string {
	if t.Video == nil || t.Video.Poster == "" {
		return ""
	}
	address := fileAddress(t, posterEnd)
	if chosen, ok := strings.CutPrefix(t.Video.Poster, "poster-"); ok { // it took the place of the one made of the video
		address += "?v=" + strings.TrimSuffix(chosen, posterEnd)
	}
	return address
}

func rendition(t *testimony.Testimony) string {
	if t.Video == nil || t.Video.Rendition == "" {
		return ""
	}
	return fileAddress(t, renditionEnd)
}

func fileAddress(t *testimony.Testimony, end string) string {
	return "/testimonianze/" + strconv.FormatInt(t.ID, 10) + "/" + t.Video.UploadID + end
}

// chips are the themes of a testimony, or of the portal; each leads to its list
// if linked.
func chips(lang string, themes []testimony.Theme, linked bool) []page.Chip {
	list := make([]page.Chip, len(themes))
	for i, th := range themes {
		list[i] = page.Chip{Name: th.Name(lang), Icon: th.Icon, Hue: th.Colour}
		if linked {
			list[i].Href = "/testimonianze?tema=" + th.Slug
		}
	}
	return list
}

// cards shows testimonies as a list does, with one more query however many they
// are. heading is the level of their headings; the first eager ones are in sight
// at once.
func (s *Site) cards(ctx context.Context, list []testimony.Testimony, heading, eager int) ([]page.Card, error) {
	ids := make([]int64, len(list))
	for i, t := range list {
		ids[i] = t.ID
	}
	counts, err := s.Views.Latest(ctx, ids)
	if err != nil {
		return nil, err
	}
	lang := page.Lang(ctx)
	cards := make([]page.Card, len(list))
	for i := range list {
		t := &list[i]
		m, err := s.Registry.Shown(t.MunicipalityCode)
		if err != nil {
			return nil, err
		}
		zone, err := s.Registry.Zone(m.ZoneSlug)
		if err != nil {
			return nil, err
		}
		cards[i] = page.Card{
			Href: address(t), Poster: poster(t), Municipality: m.Name, Residents: m.Residents, Zone: zone.Name,
			Speaker: t.SpeakerName, Role: t.SpeakerRole, Title: t.Title, Lang: t.Language, Themes: chips(lang, t.Themes, false),
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
