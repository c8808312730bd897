package site

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/card"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video"
)

// transcriptPage is what is said in a testimony, to read instead of watching.
type transcriptPage struct {
	*testimony.Testimony
	Municipality territory.Municipality
	Crumbs       []page.Crumb
	Back         string // address of the testimony
	Spoken       string // ISO 639 code of the transcript
	Languages    []spokenLanguage
	Parts        []transcriptPart
	VTT, SRT     string // addresses of the captions as files
}

// spokenLanguage is a language that there is a transcript in.
type spokenLanguage struct {
	Language string // ISO 639
	Href     string
	Current  bool
}

// transcriptPart is a paragraph, with the moment of the video that it begins at.
type transcriptPart struct {
	At   time.Duration
	Href string
	Text string
}

// transcriptAddress is where the transcript of a testimony is: below its own
// address, which for an unlisted one must be known.
func transcriptAddress(t *testimony.Testimony) string { return card.Address(t) + "/trascrizione" }

// transcript shows what is said in a testimony, from its captions.
func (s *Site) transcript(c echo.Context) error {
	ctx := c.Request().Context()
	t, err := s.named(c)
	if err != nil {
		return err
	}
	if c.Request().URL.Path != transcriptAddress(t) {
		_, slug, _ := strings.Cut(c.Param("id"), "-")
		if t.Visibility != testimony.Public && !t.WasAt(slug) {
			return fault.New(fault.NotFound, "testimony.unknown")
		}
		return moved(c, transcriptAddress(t))
	}
	all, err := s.Testimonies.Captions(ctx, t.ID)
	if err != nil {
		return err
	}
	lang := page.Lang(ctx)
	spoken := c.QueryParam("lingua")
	if spoken == "" {
		spoken = spokenIn(all, lang, t.Language)
	}
	text, err := s.Testimonies.Caption(ctx, t.ID, spoken)
	if err != nil {
		return err
	}
	cues, err := video.ParseCues(text.VTT)
	if err != nil {
		return err
	}
	m, err := s.Registry.Shown(t.MunicipalityCode)
	if err != nil {
		return err
	}
	label := s.Pages.T(lang, "transcript.title")
	view := transcriptPage{
		Testimony: t, Municipality: m, Back: card.Address(t), Spoken: spoken, Parts: partsOf(t, cues),
		VTT: captionsAddress(t, spoken, "vtt"), SRT: captionsAddress(t, spoken, "srt"),
		Crumbs: []page.Crumb{{Label: s.Pages.T(lang, "nav.testimonies"), Href: "/testimonianze"}, {Label: t.Title, Href: card.Address(t)}, {Label: label}},
	}
	for _, each := range all {
		view.Languages = append(view.Languages, spokenLanguage{
			Language: each.Language, Href: transcriptAddress(t) + "?lingua=" + each.Language, Current: each.Language == spoken,
		})
	}
	frame := page.Frame{
		Title: label + ": " + t.Title + " · " + m.Name, Section: "/testimonianze",
		Canonical: transcriptAddress(t), Image: card.Poster(t), Page: &view,
	}
	if len(view.Parts) > 0 { // captions of nothing but blanks have none
		frame.Description = summary(view.Parts[0].Text)
	}
	if t.Visibility != testimony.Public {
		frame.Robots = "noindex"
	}
	return s.render(c, "transcript", frame)
}

// spokenIn is the language that somebody reads first: their own, or else that of
// the testimony, or else what there is.
func spokenIn(all []testimony.Caption, wanted ...string) string {
	for _, lang := range wanted {
		if slices.ContainsFunc(all, func(c testimony.Caption) bool { return c.Language == lang }) {
			return lang
		}
	}
	if len(all) > 0 {
		return all[0].Language
	}
	return ""
}

func partsOf(t *testimony.Testimony, cues video.Cues) (parts []transcriptPart) {
	for _, p := range cues.Paragraphs() {
		seconds := int64(p.Start / time.Second)
		parts = append(parts, transcriptPart{At: p.Start.Truncate(time.Second), Href: card.Address(t) + "#t=" + strconv.FormatInt(seconds, 10), Text: p.Text})
	}
	return parts
}
