package site

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/card"
	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/views"
)

// testimonyPage is one testimony.
type testimonyPage struct {
	*testimony.Testimony
	Municipality     territory.Municipality
	MunicipalityHref string
	Zone             territory.Zone
	ZoneHref         string
	Crumbs           []page.Crumb
	Chips            []page.Chip
	Paragraphs       []string     // of the description
	Translation      *translation // in the reader's language, if the town hall wrote one
	Player           player
	Transcript       string // address of what is said, to read; empty without captions
	Views            *int64 // nil: nobody has told yet
	ViewsSource      fault.Message
	Data             *videoObject // for search engines; nil if they should not look
	Others           []page.Card
}

// translation is what a town hall wrote of its testimony in another language.
type translation struct {
	Title      string
	Paragraphs []string
}

// player is how the video is shown: by YouTube after a click, by the portal, or
// not at all.
type player struct {
	Poster   string
	Video    string // address of the portal's own rendition
	Embed    string // address of YouTube's player
	Watch    string // address of the video's page at YouTube
	Duration time.Duration
	Upright  bool // higher than wide, as telephones record
	Away     bool // it should be at YouTube and cannot be seen there
	Trial    bool // it is on the sandbox channel only, where nothing can be watched
	Tracks   []track
}

// track are captions of the portal's own player.
type track struct {
	Language string // ISO 639
	Label    string
	Address  string
	Default  bool
}

// tracks are the captions of a testimony; those of the reader's language are
// shown from the beginning if the testimony is in another.
func (s *Site) tracks(lang string, t *testimony.Testimony, all []testimony.Caption) (tracks []track) {
	for _, c := range all {
		tracks = append(tracks, track{
			Language: c.Language, Label: s.Pages.T(lang, "site.language."+c.Language), Address: captionsAddress(t, c.Language, "vtt"),
			Default: c.Language == lang && t.Language != lang,
		})
	}
	return tracks
}

// testimony shows one testimony. Its address begins with its id; what follows
// is for people, and is put right. That of an unlisted one only if it once was
// the right one: who was given none may not find it.
func (s *Site) testimony(c echo.Context) error {
	ctx := c.Request().Context()
	t, err := s.named(c)
	if err != nil {
		return err
	}
	if c.Request().URL.Path != card.Address(t) {
		_, slug, _ := strings.Cut(c.Param("id"), "-")
		if t.Visibility != testimony.Public && !t.WasAt(slug) {
			return fault.New(fault.NotFound, "testimony.unknown")
		}
		return moved(c, card.Address(t))
	}
	publications, err := s.Publisher.Of(ctx, []int64{t.ID})
	if err != nil {
		return err
	}
	counts, err := s.Views.Latest(ctx, []int64{t.ID})
	if err != nil {
		return err
	}
	m, err := s.Registry.Shown(t.MunicipalityCode)
	if err != nil {
		return err
	}
	zone, err := s.Registry.Zone(m.ZoneSlug)
	if err != nil {
		return err
	}
	lang := page.Lang(ctx)
	view := testimonyPage{
		Testimony: t, Municipality: m, MunicipalityHref: "/comuni/" + m.Slug, Zone: zone, ZoneHref: "/testimonianze?zona=" + zone.Slug,
		Crumbs: []page.Crumb{
			{Label: s.Pages.T(lang, "nav.testimonies"), Href: "/testimonianze"}, {Label: m.Name, Href: "/comuni/" + m.Slug},
		},
		Chips: card.Chips(lang, t.Themes, true), Paragraphs: paragraphs(t.Description),
		Player: s.player(t, publications[t.ID]), ViewsSource: fault.Msg("dashboard.source.never"),
	}
	if n := counts[t.ID]; n.Views != nil {
		view.Views, view.ViewsSource = n.Views, fault.Msg("dashboard.source.youtube", "When", n.At)
	}
	frame := page.Frame{
		Title: t.Title + " · " + m.Name, Description: summary(t.Description), Section: "/testimonianze",
		Canonical: card.Address(t), Image: view.Player.Poster, Page: &view,
	}
	if t.Visibility != testimony.Public {
		frame.Robots = "noindex"
	} else {
		view.Data = s.videoObject(lang, &view, counts[t.ID])
	}
	captions, err := s.Testimonies.Captions(ctx, t.ID)
	if err != nil {
		return err
	}
	if len(captions) > 0 {
		view.Transcript = transcriptAddress(t)
	}
	if view.Player.Video != "" {
		view.Player.Tracks = s.tracks(lang, t, captions)
	}
	if said := t.Translations[lang]; said.Title != "" && lang != t.Language {
		view.Translation = &translation{Title: said.Title, Paragraphs: paragraphs(said.Description)}
	}
	if view.Others, err = s.others(c, t, m); err != nil {
		return err
	}
	return s.render(c, "testimony", frame)
}

// named returns the testimony that the address names, if citizens may see it.
func (s *Site) named(c echo.Context) (*testimony.Testimony, error) {
	digits, _, _ := strings.Cut(c.Param("id"), "-")
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return nil, fault.New(fault.NotFound, "testimony.unknown")
	}
	return s.Testimonies.ForCitizen(c.Request().Context(), id)
}

// player chooses how the video is shown. YouTube shows it only where it is
// really there, as it was asked for.
func (s *Site) player(t *testimony.Testimony, pub publishing.Publication) player {
	p := player{Poster: card.Poster(t)}
	if t.Video != nil {
		p.Duration, p.Upright = t.Video.Duration(), t.Video.Height > t.Video.Width
	}
	p.Away = s.YouTube != "off" && pub.Away()
	p.Video = card.Rendition(t)
	only := p.Video == "" && pub.Playable() // the channel alone has it
	switch {
	case s.YouTube == config.YouTubeSandbox:
		p.Trial = only
	case only, s.live() && pub.Playable():
		p.Video = ""
		id := url.PathEscape(*pub.YoutubeID)
		p.Embed = "https://www.youtube-nocookie.com/embed/" + id
		p.Watch = "https://www.youtube.com/watch?v=" + url.QueryEscape(*pub.YoutubeID)
	}
	return p
}

// others are a few more voices of the same zone.
func (s *Site) others(c echo.Context, t *testimony.Testimony, m territory.Municipality) ([]page.Card, error) {
	const few = 3
	ctx := c.Request().Context()
	list, _, err := s.Testimonies.Shown(ctx, testimony.Filter{Zone: m.ZoneSlug}, 0, few+1)
	if err != nil {
		return nil, err
	}
	var rest []testimony.Testimony
	for _, other := range list {
		if other.ID != t.ID && len(rest) < few {
			rest = append(rest, other)
		}
	}
	return s.cards.Of(ctx, rest, 3, 0)
}

// paragraphs are the parts of a text between empty lines.
func paragraphs(text string) []string {
	var list []string
	for p := range strings.SplitSeq(text, "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			list = append(list, p)
		}
	}
	return list
}

// longestSummary is what search engines and sharing show of a description, in
// characters.
const longestSummary = 200

// summary is a description in one line, cut after a word.
func summary(text string) string {
	line := []rune(strings.Join(strings.Fields(text), " "))
	if len(line) <= longestSummary {
		return string(line)
	}
	cut := string(line[:longestSummary])
	if i := strings.LastIndexByte(cut, ' '); i > 0 {
		cut = cut[:i]
	}
	return cut + "…"
}

// videoObject is a testimony as schema.org describes videos
// (https://schema.org/VideoObject).
type videoObject struct {
	Context      string       `json:"@context"`
	Type         string       `json:"@type"`
	Name         string       `json:"name"`
	Description  string       `json:"description"`
	URL          string       `json:"url"`
	ThumbnailURL []string     `json:"thumbnailUrl,omitempty"`
	UploadDate   string       `json:"uploadDate,omitempty"`
	Duration     string       `json:"duration,omitempty"`
	ContentURL   string       `json:"contentUrl,omitempty"`
	EmbedURL     string       `json:"embedUrl,omitempty"`
	InLanguage   string       `json:"inLanguage"`
	Keywords     []string     `json:"keywords,omitempty"`
	Author       *thing       `json:"author,omitempty"`
	Location     *thing       `json:"contentLocation,omitempty"`
	Interaction  *interaction `json:"interactionStatistic,omitempty"`
}

type thing struct {
	Type string `json:"@type"`
	Name string `json:"name"`
}

type interaction struct {
	Type      string `json:"@type"`
	Kind      string `json:"interactionType"`
	Count     int64  `json:"userInteractionCount"`
	CountedAt string `json:"endTime"`
}

func (s *Site) videoObject(lang string, view *testimonyPage, count views.Latest) *videoObject {
	t := view.Testimony
	v := &videoObject{
		Context: "https://schema.org", Type: "VideoObject", Name: t.Title, Description: t.Description,
		URL: s.BaseURL + page.Localize(lang, card.Address(t)), InLanguage: t.Language, Keywords: t.Tags,
		EmbedURL: view.Player.Embed, Location: &thing{"City", view.Municipality.Name},
	}
	if t.SpeakerName != "" {
		v.Author = &thing{"Person", t.SpeakerName}
	}
	if v.Description == "" {
		v.Description = t.Title
	}
	if view.Player.Poster != "" {
		v.ThumbnailURL = []string{s.BaseURL + view.Player.Poster}
	}
	if view.Player.Video != "" {
		v.ContentURL = s.BaseURL + view.Player.Video
	}
	if t.PublishedAt != nil {
		v.UploadDate = t.PublishedAt.UTC().Format(time.RFC3339)
	}
	if view.Player.Duration > 0 {
		v.Duration = "PT" + strings.ToUpper(view.Player.Duration.Round(time.Second).String())
	}
	if count.Views != nil {
		v.Interaction = &interaction{"InteractionCounter", "https://schema.org/WatchAction", *count.Views, count.At.UTC().Format(time.RFC3339)}
	}
	return v
}
