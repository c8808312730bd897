package publishing

import (
	"strings"

	"github.com/voci-in-comune/voci/internal/mention"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// spoken are the words of a video, those that tell most first.
func spoken(v youtube.Video) []string {
	return []string{v.Title, strings.Join(v.Tags, " / "), v.Description}
}

const (
	// capital gives its name to the whole territory: beside another municipality it
	// is not the one that is meant.
	capital = "001272"
	// The names of what it is the capital of.
	metropolis = "Città metropolitana di Torino"
	province   = "Provincia di Torino"
)

// guide knows the names by which a video's words say what it is about.
type guide struct {
	places       []territory.Municipality
	placeNames   mention.Names // of places, then those of the whole territory
	themes       []testimony.Theme
	themeNames   mention.Names
	themeOfNames []int // the theme of each name
}

func (p *Publisher) guide(themes []testimony.Theme) guide {
	g := guide{places: p.Registry.Municipalities(), themes: themes}
	var names []string
	for _, m := range g.places {
		names = append(names, m.Name)
	}
	g.placeNames = mention.New(append(names, metropolis, province)) // longer than Torino, so they are not it
	names = nil
	for i, t := range themes {
		for _, name := range append([]string{t.NameIT}, t.YoutubeTags...) {
			names, g.themeOfNames = append(names, name), append(g.themeOfNames, i)
		}
	}
	g.themeNames = mention.New(names)
	return g
}

// placeOf is the municipality that the words of a video name: in its title, else
// its tags, else its description. Several named alike give none.
func (g guide) placeOf(v youtube.Video) *territory.Municipality {
	for _, text := range spoken(v) {
		var meant []*territory.Municipality
		var torino *territory.Municipality
		for _, i := range g.placeNames.In(text) {
			switch {
			case i >= len(g.places):
			case g.places[i].IstatCode == capital:
				torino = &g.places[i]
			default:
				meant = append(meant, &g.places[i])
			}
		}
		switch {
		case len(meant) == 1:
			return meant[0]
		case len(meant) > 1:
			return nil
		case torino != nil:
			return torino
		}
	}
	return nil
}

// themesOf are the themes that the words of a video name, as the portal does or
// in the tags that it gives, those of its tags first.
func (g guide) themesOf(v youtube.Video) []testimony.Theme {
	var found []testimony.Theme
	chosen := map[int]bool{}
	texts := spoken(v)
	texts[0], texts[1] = texts[1], texts[0]
	for _, text := range texts {
		for _, i := range g.themeNames.In(text) {
			of := g.themeOfNames[i]
			if len(found) < testimony.MaxThemes && !chosen[of] {
				chosen[of] = true
				found = append(found, g.themes[of])
			}
		}
	}
	return found
}
