package site

import (
	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/page"
)

// textPage is a page to read: what the portal keeps, who runs it, who can use
// it.
type textPage struct {
	Title, Lead string
	Sections    []textSection
}

// textSection is a part of a textPage.
type textSection struct {
	ID         string
	Title      string
	Paragraphs []string
	Links      []textLink
	Contact    bool // says where to write
}

// textLink leads elsewhere, or to another page of the portal.
type textLink struct {
	Label string
	Href  string // without language, or whole
}

// link is one that a section names: the key's end, and the address.
type link struct{ name, href string }

// Addresses that the pages name. Google's are those that YouTube's developer
// policies (III.A.2) ask for.
const (
	ownerSite     = "https://www.cittametropolitana.torino.it/"
	ombudsmanSite = "https://www.agid.gov.it/it/agenzia/difensore-civico-il-digitale"
	garanteSite   = "https://www.garanteprivacy.it/"
	googlePrivacy = "http://www.google.com/policies/privacy"
	googleRevoke  = "https://security.google.com/settings/security/permissions"
	youtubeTerms  = "https://www.youtube.com/t/terms"
	licenceSite   = "https://creativecommons.org/licenses/by/4.0/"
	istatSite     = "https://www.istat.it/"
	euplSite      = "https://eupl.eu/"
)

func (s *Site) accessibility(c echo.Context) error {
	return s.text(c, "accessibility", []string{"made", "known", "report", "declaration"}, map[string][]link{
		"report": {{"owner", ownerSite}, {"ombudsman", ombudsmanSite}},
	})
}

func (s *Site) privacy(c echo.Context) error {
	return s.text(c, "privacy", []string{"reading", "watching", "api", "speakers", "staff", "rights"}, map[string][]link{
		"watching": {{"google_privacy", googlePrivacy}},
		"api":      {{"google_privacy", googlePrivacy}, {"google_permissions", googleRevoke}, {"youtube_terms", youtubeTerms}},
		"rights":   {{"owner", ownerSite}, {"garante", garanteSite}},
	})
}

func (s *Site) legal(c echo.Context) error {
	return s.text(c, "legal", []string{"owner", "licence", "youtube", "sources", "software"}, map[string][]link{
		"owner":    {{"owner", ownerSite}},
		"licence":  {{"cc", licenceSite}, {"data", "/dati/testimonianze.json"}},
		"youtube":  {{"youtube_terms", youtubeTerms}, {"google_privacy", googlePrivacy}, {"google_permissions", googleRevoke}},
		"sources":  {{"istat", istatSite}},
		"software": {{"eupl", euplSite}},
	})
}

// text shows the page whose sentences begin with name.
func (s *Site) text(c echo.Context, name string, sections []string, links map[string][]link) error {
	lang := page.Lang(c.Request().Context())
	say := func(key string) string { return s.Pages.T(lang, "site."+key) }
	view := textPage{Title: say(name + ".title"), Lead: say(name + ".lead")}
	for _, id := range sections {
		section := textSection{ID: id, Title: say(name + "." + id + ".title"), Paragraphs: paragraphs(say(name + "." + id + ".text"))}
		for _, l := range links[id] {
			section.Contact = section.Contact || l.href == youtubeTerms
			section.Links = append(section.Links, textLink{Label: say("link." + l.name), Href: l.href})
		}
		view.Sections = append(view.Sections, section)
	}
	return s.render(c, "text", page.Frame{Title: view.Title, Description: view.Lead, Page: view})
}
