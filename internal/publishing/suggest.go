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

// placeOf is the municipality that the words of a video name: in its title, else
// its tags, else its description. Several named alike give none.
func (p *Publisher) placeOf(v youtube.Video) *territory.Municipality {
	all := p.Registry.Municipalities()
	names := make([]string, 0, len(all)+2)
	for _, m := range all {
		names = append(names, m.Name)
	}
	names = append(names, metropolis, province) // longer than Torino, so they are not it
	for _, text := range spoken(v) {
		var meant []territory.Municipality
		var torino *territory.Municipality
		for _, i := range mention.Of(text, names) {
			switch {
			case i >= len(all):
			case all[i].IstatCode == capital:
				torino = &all[i]
			default:
				meant = append(meant, all[i])
			}
		}
		switch {
		case len(meant) == 1:
			return &meant[0]
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
func themesOf(v youtube.Video, themes []testimony.Theme) []testimony.Theme {
	var names []string
	var of []int // the theme of each name
	for i, t := range themes {
		for _, name := range append([]string{t.NameIT}, t.YoutubeTags...) {
			names, of = append(names, name), append(of, i)
		}
	}
	var found []testimony.Theme
	chosen := map[int]bool{}
	texts := spoken(v)
	texts[0], texts[1] = texts[1], texts[0]
	for _, text := range texts {
		for _, i := range mention.Of(text, names) {
			if len(found) < testimony.MaxThemes && !chosen[of[i]] {
				chosen[of[i]] = true
				found = append(found, themes[of[i]])
			}
		}
	}
	return found
}
