package studio

import (
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/register"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/wording"
)

// registerFace is where a town hall keeps who is filmed.
func (s *Studio) registerFace() register.Face {
	own := s.face()
	return register.Face{
		Name: own.Name, Section: own.Section, Path: own.Path, Keeps: true, Open: s.mine, Own: address, Crumbs: own.Crumbs,
	}
}

// face is where a town hall changes what it says after its approval.
func (s *Studio) face() wording.Face {
	return wording.Face{
		Name: "studio", Section: "/comune", Path: "/comune/testimonianze", Own: "/comune/testimonianze", Open: s.mine,
		Crumbs: func(m territory.Municipality, t *testimony.Testimony) []page.Crumb {
			return []page.Crumb{{Label: m.Name, Href: "/comune"}, {Label: t.Title, Href: address(t.ID)}}
		},
	}
}
