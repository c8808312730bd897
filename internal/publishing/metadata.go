package publishing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
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

// metadata is what is said on the channel about a testimony.
func (p *Publisher) metadata(t *testimony.Testimony, wanted youtube.Privacy) (youtube.Metadata, error) {
	m, err := p.Registry.Shown(t.MunicipalityCode)
	if err != nil {
		return youtube.Metadata{}, err
	}
	z, err := p.Registry.Zone(m.ZoneSlug)
	if err != nil {
		return youtube.Metadata{}, err
	}
	meta := youtube.Metadata{
		Title: t.Title, Description: t.Description, Tags: Tags(t, m, z), CategoryID: category, Language: t.Language, Privacy: wanted,
	}
	// Who speaks and where it comes from, if there is room after what the town
	// hall wrote.
	signed := fmt.Sprintf("%s\n\n%s, %s · %s\n%s/testimonianze/%d-%s", t.Description, t.SpeakerName, t.SpeakerRole, m.Name, p.BaseURL, t.ID, t.Slug())
	if len(signed) <= youtube.MaxDescription {
		meta.Description = signed
	}
	if t.RecordedOn != "" {
		if meta.RecordedOn, err = time.Parse(time.DateOnly, t.RecordedOn); err != nil {
			return meta, fmt.Errorf("day of recording of testimony %d: %w", t.ID, err)
		}
	}
	return meta, nil
}

// hashOf tells two metadata apart.
func hashOf(m youtube.Metadata) (string, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("hash the metadata: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
