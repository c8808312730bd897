// Package newsroom is the staff's face of the portal: what needs doing today,
// town halls and their links, review, the channel, the dashboard.
package newsroom

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/dashboard"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/insight"
	"github.com/voci-in-comune/voci/internal/mail"
	"github.com/voci-in-comune/voci/internal/notices"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/pressdesk"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/register"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/wording"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// perPage is how many rows a list of the newsroom shows.
const perPage = 50

// Rooms are what the newsroom is built on.
type Rooms struct {
	Pages       *page.Pages
	Registry    *territory.Registry
	Accounts    *account.Store
	Sessions    *account.Sessions
	Testimonies *testimony.Store
	Publisher   *publishing.Publisher
	Channels    *publishing.Channels
	Ledger      *publishing.Ledger
	OAuth       *youtube.OAuth // nil with VOCI_YOUTUBE=off
	Insight     *insight.Insight
	Dashboard   *dashboard.Dashboard
	Outbox      *mail.Outbox
	Wording     *wording.Desk
	Register    *register.Desk
	Press       *pressdesk.Desk
	Notices     *notices.Desk
	Compare     func(ctx context.Context) error // has portal and channel compared soon
	BaseURL     string
	YouTube     string // sandbox, live or off, see config
	Renditions  string // folder of posters and renditions
	Vault       string // folder of the originals
	Clock       func() time.Time
	Log         *slog.Logger
}

// Newsroom answers for staff.
type Newsroom struct {
	Rooms
	zone *time.Location // where staff have their hours
}

// New makes the newsroom.
func New(r Rooms) *Newsroom {
	zone, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		zone = time.UTC // cannot be: package page brings the zones along
	}
	return &Newsroom{Rooms: r, zone: zone}
}

// staff returns who acts, if it is a member of staff.
func staff(c echo.Context) (account.Person, error) {
	p, ok := account.From(c.Request().Context())
	if !ok {
		return p, fault.New(fault.SignedOut, "account.staff_signed_out")
	}
	if !p.Staff() {
		return p, fault.New(fault.Forbidden, "account.not_staff")
	}
	return p, nil
}

// administrator returns who acts, if it is an administrator.
func administrator(c echo.Context) (account.Person, error) {
	p, err := staff(c)
	if err != nil {
		return p, err
	}
	if p.Role != account.Administrator {
		return p, fault.New(fault.Forbidden, "account.not_administrator")
	}
	return p, nil
}

// render shows a page of the newsroom.
func (n *Newsroom) render(c echo.Context, status int, name, section, titleKey string, view any) error {
	return n.show(c, status, name, page.Frame{
		Title: n.Pages.T(page.Lang(c.Request().Context()), titleKey), Section: section, Page: view,
	})
}

// renderForm shows a page that also answers to forms: whatever address was
// posted to, the page's own is at.
func (n *Newsroom) renderForm(c echo.Context, status int, name, at string, frame page.Frame) error {
	frame.Canonical = at
	return n.show(c, status, name, frame)
}

// show shows a page of the newsroom, below what stops everything.
func (n *Newsroom) show(c echo.Context, status int, name string, frame page.Frame) (err error) {
	frame.Robots = "noindex"
	if frame.Banner, err = n.banner(c, frame.Canonical == channelAddress); err != nil {
		return err
	}
	return n.Pages.Render(c, status, "newsroom/"+name, frame)
}

// banner says that the channel cannot be used and what helps, nil while it can.
// Administrators are led to where they can mend it, unless they are there.
func (n *Newsroom) banner(c echo.Context, there bool) (*page.Banner, error) {
	state, err := n.channelState(c.Request().Context())
	if err != nil || state.Trouble == nil {
		return nil, err
	}
	b := page.Banner{Message: *state.Trouble, Action: fault.Msg("newsroom.today.channel")}
	switch p, _ := account.From(c.Request().Context()); {
	case p.Role != account.Administrator:
		do := fault.Msg("newsroom.today.ask_administrator")
		b.Do = &do
	case !there:
		b.Href = channelAddress
	}
	return &b, nil
}

// done says on the next page what has just been done, and leads there.
func (n *Newsroom) done(c echo.Context, key, path string) error {
	ctx := c.Request().Context()
	n.Sessions.SetFlash(ctx, key)
	return c.Redirect(http.StatusSeeOther, page.Localize(page.Lang(ctx), path))
}

// testimonyOf returns the testimony that the address names.
func (n *Newsroom) testimonyOf(c echo.Context) (account.Person, *testimony.Testimony, error) {
	p, err := staff(c)
	if err != nil {
		return p, nil, err
	}
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return p, nil, fault.New(fault.NotFound, "testimony.unknown")
	}
	t, err := n.Testimonies.Get(c.Request().Context(), testimony.Anywhere, id)
	return p, t, err
}

func (n *Newsroom) poster(c echo.Context) error {
	_, t, err := n.testimonyOf(c)
	if err != nil {
		return err
	}
	if t.Video == nil || t.Video.Poster == "" {
		return fault.New(fault.NotFound, "video.unknown")
	}
	return n.file(c, t.Video.Poster, "image/jpeg")
}

func (n *Newsroom) rendition(c echo.Context) error {
	_, t, err := n.testimonyOf(c)
	if err != nil {
		return err
	}
	if t.Video == nil || t.Video.Rendition == "" {
		return fault.New(fault.NotFound, "video.unknown")
	}
	return n.file(c, t.Video.Rendition, "video/mp4")
}

func (n *Newsroom) file(c echo.Context, name, mime string) error {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, mime)
	h.Set("Cache-Control", "private, max-age=3600")
	http.ServeFile(c.Response(), c.Request(), filepath.Join(n.Renditions, name))
	return nil
}
