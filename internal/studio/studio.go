// Package studio is the town halls' face of the portal: getting in, the town
// hall's page, the form of a testimony, sending its video.
package studio

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/card"
	"github.com/voci-in-comune/voci/internal/dashboard"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/mail"
	"github.com/voci-in-comune/voci/internal/notices"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/pressdesk"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/register"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/tryout"
	"github.com/voci-in-comune/voci/internal/upload"
	"github.com/voci-in-comune/voci/internal/views"
	"github.com/voci-in-comune/voci/internal/wording"
)

// perPage is how many testimonies a page of the town hall lists.
const perPage = 20

// Studio answers for town halls.
type Studio struct {
	pages       *page.Pages
	registry    *territory.Registry
	accounts    *account.Store
	sessions    *account.Sessions
	testimonies *testimony.Store
	uploads     *upload.Receiver
	tryouts     *tryout.Desk
	publisher   *publishing.Publisher
	channels    *publishing.Channels
	views       *views.Sync
	signIn      SignIn
	wording     *wording.Desk
	register    *register.Desk
	dashboard   *dashboard.Dashboard
	cards       *card.Maker
	press       *pressdesk.Desk
	notes       *notices.Desk
	outbox      *mail.Outbox
	baseURL     string
	renditions  string // folder of posters and renditions
	maxDuration time.Duration
	maxBytes    int64
	clock       func() time.Time
	log         *slog.Logger
}

// SignIn mails a sign-in link to a member of staff, if email is one's. It
// returns fault.Invalid for what is no address.
type SignIn func(ctx context.Context, lang, email string) error

// Rooms are what the studio is built on.
type Rooms struct {
	Pages       *page.Pages
	Registry    *territory.Registry
	Accounts    *account.Store
	Sessions    *account.Sessions
	Testimonies *testimony.Store
	Uploads     *upload.Receiver
	Tryouts     *tryout.Desk
	Publisher   *publishing.Publisher
	Channels    *publishing.Channels // nil without YouTube
	Views       *views.Sync
	SignIn      SignIn
	Wording     *wording.Desk
	Register    *register.Desk
	Dashboard   *dashboard.Dashboard
	Press       *pressdesk.Desk
	Notices     *notices.Desk
	Outbox      *mail.Outbox
	BaseURL     string
	Renditions  string
	MaxDuration time.Duration
	MaxBytes    int64
	Clock       func() time.Time
	Log         *slog.Logger
}

// New makes the studio.
func New(r Rooms) *Studio {
	return &Studio{
		pages: r.Pages, registry: r.Registry, accounts: r.Accounts, sessions: r.Sessions, testimonies: r.Testimonies,
		uploads: r.Uploads, publisher: r.Publisher, channels: r.Channels, views: r.Views, signIn: r.SignIn, wording: r.Wording, register: r.Register, dashboard: r.Dashboard,
		cards: card.NewMaker(r.Registry, r.Views), renditions: r.Renditions,
		tryouts: r.Tryouts, press: r.Press, notes: r.Notices,
		outbox: r.Outbox, baseURL: r.BaseURL,
		maxDuration: r.MaxDuration, maxBytes: r.MaxBytes, clock: r.Clock, log: r.Log,
	}
}

// editor returns who acts, if it is a town hall. Whoever came in by a code from
// another device is refused: they reach one testimony only, by mine.
func editor(c echo.Context) (account.Person, error) {
	p, err := anyEditor(c)
	if err == nil && p.TestimonyID != 0 {
		return p, fault.New(fault.Forbidden, "people.only_one")
	}
	return p, err
}

func anyEditor(c echo.Context) (account.Person, error) {
	p, ok := account.From(c.Request().Context())
	if !ok {
		return p, fault.New(fault.SignedOut, "account.signed_out")
	}
	if p.Role != account.Editor {
		return p, fault.New(fault.Forbidden, "account.not_editor")
	}
	return p, nil
}

// mine returns the town hall's testimony that the address names.
func (s *Studio) mine(c echo.Context) (account.Person, *testimony.Testimony, error) {
	p, err := anyEditor(c)
	if err != nil {
		return p, nil, err
	}
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return p, nil, fault.New(fault.NotFound, "testimony.unknown")
	}
	if !p.Reaches(id) {
		return p, nil, fault.New(fault.Forbidden, "people.only_one")
	}
	t, err := s.testimonies.Get(c.Request().Context(), p.MunicipalityCode, id)
	return p, t, err
}

func address(id int64) string { return "/comune/testimonianze/" + strconv.FormatInt(id, 10) }

// poster answers with the poster of the town hall's own testimony.
func (s *Studio) poster(c echo.Context) error {
	_, t, err := s.mine(c)
	if err != nil {
		return err
	}
	return s.posterFile(c, t)
}

func (s *Studio) posterFile(c echo.Context, t *testimony.Testimony) error {
	if t.Video == nil || t.Video.Poster == "" {
		return fault.New(fault.NotFound, "video.unknown")
	}
	c.Response().Header().Set(echo.HeaderContentType, "image/jpeg")
	return s.file(c, t.Video.Poster)
}

// rendition answers with what the portal plays, in ranges.
func (s *Studio) rendition(c echo.Context) error {
	_, t, err := s.mine(c)
	if err != nil {
		return err
	}
	return s.renditionFile(c, t)
}

func (s *Studio) renditionFile(c echo.Context, t *testimony.Testimony) error {
	if t.Video == nil || t.Video.Rendition == "" {
		return fault.New(fault.NotFound, "video.unknown")
	}
	name := t.Video.Rendition
	if c.QueryParam("intero") != "" && t.Video.Uncut != "" {
		name = t.Video.Uncut
	}
	c.Response().Header().Set(echo.HeaderContentType, "video/mp4")
	return s.file(c, name)
}

func (s *Studio) file(c echo.Context, name string) error {
	c.Response().Header().Set("Cache-Control", "private, max-age=3600")
	http.ServeFile(c.Response(), c.Request(), filepath.Join(s.renditions, name))
	return nil
}
