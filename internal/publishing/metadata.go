package publishing

import (
	"fmt"
	"strings"
	"time"

	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// category is Nonprofits & Activism, among the assignable ones of
// videoCategories.list for Italy.
// https://developers.google.com/youtube/v3/docs/videoCategories/list
const category = "29"

// Tags are the ones a video gets, the most important first: those of the
// themes, the municipality, the zone, the editor's own. What does not fit into
// YouTube's 500 characters is left out from the end, so the editor's last ones
// go first.
func Tags(t *testimony.Testimony, m territory.Municipality, z territory.Zone) []string {
	var themes []string
	for _, theme := range t.Themes {
		themes = append(themes, theme.YoutubeTags...)
	}
	return youtube.FitTags([][]string{themes, {m.Name}, {z.Name}, t.Tags}, youtube.MaxTags)
}

// metadata is what is said on the channel about a testimony; who may see it is
// the publication's.
func (p *Publisher) metadata(t *testimony.Testimony) (youtube.Metadata, error) {
	m, err := p.Registry.Shown(t.MunicipalityCode)
	if err != nil {
		return youtube.Metadata{}, err
	}
	z, err := p.Registry.Zone(m.ZoneSlug)
	if err != nil {
		return youtube.Metadata{}, err
	}
	meta := youtube.Metadata{
		Title: t.Title, Description: t.Description, Tags: Tags(t, m, z), CategoryID: category, Language: t.Language,
	}
	meta.Description = p.signed(t.Description, t, m, "")
	for lang, words := range t.Translations {
		if words.Title == "" {
			continue
		}
		if meta.Localizations == nil {
			meta.Localizations = map[string]youtube.Localized{}
		}
		description := words.Description
		if description == "" {
			description = t.Description
		}
		meta.Localizations[lang] = youtube.Localized{Title: words.Title, Description: p.signed(description, t, m, prefixOf(lang))}
	}
	if t.RecordedOn != "" {
		if meta.RecordedOn, err = time.Parse(time.DateOnly, t.RecordedOn); err != nil {
			return meta, fmt.Errorf("day of recording of testimony %d: %w", t.ID, err)
		}
	}
	return meta, nil
}

// signed adds to a description who speaks and where it comes from, if there is
// room after what the town hall wrote.
func (p *Publisher) signed(description string, t *testimony.Testimony, m territory.Municipality, prefix string) string {
	speaker := m.Name
	if who := strings.Trim(t.SpeakerName+", "+t.SpeakerRole, ", "); who != "" {
		speaker = who + " · " + m.Name
	}
	signed := fmt.Sprintf("%s\n\n%s\n%s%s/testimonianze/%d-%s", description, speaker, p.BaseURL, prefix, t.ID, t.Slug())
	signed = strings.TrimLeft(signed, "\n")
	if len(signed) > youtube.MaxDescription {
		return description
	}
	return signed
}

// prefixOf is the beginning of the portal's addresses in a language.
func prefixOf(lang string) string {
	if lang == "it" {
		return ""
	}
	return "/" + lang
}
