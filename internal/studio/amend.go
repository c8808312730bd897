package studio

import (
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/wording"
)

// face is where a town hall changes what it says after its approval.
func (s *Studio) face() wording.Face {
	return wording.Face{
		Name: "studio", Section: "/comune", Path: "/comune/testimonianze", Own: "/comune/testimonianze", Open: s.mine,
		Crumbs: func(m territory.Municipality, t *testimony.Testimony) []page.Crumb {
			return []page.Crumb{{Label: m.Name, Href: "/comune"}, {Label: t.Title, Href: address(t.ID)}}
		},
	}
}
