package journey

import (
	"path/filepath"
	"testing"

	"github.com/voci-in-comune/voci/internal/journey/browser"
	"github.com/voci-in-comune/voci/internal/journey/portal"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

// story is one testimony's way through the portal, and those who take it.
type story struct {
	t      *testing.T
	portal *portal.Portal
	line   *line // from everybody to the portal
	size   browser.Size

	admin, moderator, citizen *browser.Person
	townHall                  *browser.Person
	desk                      *browser.Tab // the administrator's
	review                    *browser.Tab // the moderator's
	hall                      *browser.Tab // the town hall's

	film string // file on the town hall's device
	link string // the town hall's personal link

	title, description, reason string
}

// TestJourney takes a video from a town hall to the channel and its views to
// the dashboards, as the people would: on a telephone, held upright, with the
// review asked for while the video is still on its way, and on a laptop.
func TestJourney(t *testing.T) {
	chromium := browser.Start(t)
	t.Run("phone", func(t *testing.T) {
		s := begin(t, chromium, browser.Phone, film(t, videotest.Spec{Name: "IMG 0042", Container: "mov", Rotate: 90, Seconds: seconds}))
		s.staffGivesLink()
		s.townHallEnters()
		s.townHallIsPutRight()
		s.videoSetsOut()
		s.townHallAsksForReview(askedEarly)
		s.videoSurvives("Ora tocca alla redazione")
		s.happensAfterwards()
	})
	t.Run("laptop", func(t *testing.T) {
		s := begin(t, chromium, browser.Laptop, film(t, videotest.Spec{Name: "intervista", Seconds: seconds}))
		s.staffGivesLink()
		s.townHallEnters()
		s.townHallIsPutRight()
		s.videoSetsOut()
		s.videoSurvives("Il video è arrivato e funziona")
		s.townHallAsksForReview(asked)
		s.happensAfterwards()
	})
}

// begin starts a portal for the story.
func begin(t *testing.T, chromium *browser.Browser, size browser.Size, file string) *story {
	t.Helper()
	p, l := start(t)
	s := &story{
		t: t, portal: p, line: l, size: size, film: file,
		title:       "La spesa sale fino all’ultima borgata",
		description: "I volontari portano la spesa a chi vive più in alto. È un servizio per tutti.",
		reason:      "Nella descrizione manca il numero da chiamare: aggiungilo.",
	}
	for _, each := range []**browser.Person{&s.admin, &s.moderator, &s.citizen, &s.townHall} {
		*each = chromium.Person(t, l.base, size)
	}
	return s
}

// happensAfterwards is what follows once the video is there and review was
// asked for.
func (s *story) happensAfterwards() {
	s.t.Helper()
	s.moderatorSendsBack()
	s.townHallMends()
	s.moderatorApproves()
	s.videoReachesTheChannel()
	s.viewsComeBack()
	s.staffReadsTheDashboard()
	s.citizenWatches()
	s.staffChangesTheChannel()
}

func (s *story) filename() string { return filepath.Base(s.film) }
