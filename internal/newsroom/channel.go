package newsroom

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
	"golang.org/x/oauth2"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/publishing"
)

// channelPage is the channel: whose it is, whether it works, what is left of
// the day's quota, what is on its way.
type channelPage struct {
	channelState
	Remaining []publishing.Remaining
	Queue     []queued
	Consent   bool // an administrator may connect
}

const (
	consentState    = "consent_state"
	consentVerifier = "consent_verifier"
)

func (n *Newsroom) channel(c echo.Context) error {
	if _, err := administrator(c); err != nil {
		return err
	}
	var view channelPage
	var err error
	if view.channelState, err = n.channelState(c); err != nil {
		return err
	}
	if n.Ledger != nil {
		if view.Remaining, err = n.Ledger.Remaining(c.Request().Context()); err != nil {
			return err
		}
	}
	if view.Queue, err = n.queue(c); err != nil {
		return err
	}
	view.Consent = n.OAuth != nil
	return n.render(c, http.StatusOK, "channel", "/redazione/youtube", "newsroom.channel.title", view)
}

// connect leads to Google's consent page. State and verifier stay in the
// session, so that only this browser can come back with the answer.
func (n *Newsroom) connect(c echo.Context) error {
	if _, err := administrator(c); err != nil {
		return err
	}
	if n.OAuth == nil {
		return fault.New(fault.Conflict, "newsroom.channel.off")
	}
	ctx := c.Request().Context()
	state, verifier := rand.Text(), oauth2.GenerateVerifier()
	n.Sessions.Put(ctx, consentState, state)
	n.Sessions.Put(ctx, consentVerifier, verifier)
	return c.Redirect(http.StatusSeeOther, n.OAuth.ConsentURL(state, verifier))
}

// connected is where the consent page leads back to.
func (n *Newsroom) connected(c echo.Context) error {
	p, err := administrator(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	state, verifier := n.Sessions.Pop(ctx, consentState), n.Sessions.Pop(ctx, consentVerifier)
	if n.OAuth == nil || state == "" || subtle.ConstantTimeCompare([]byte(state), []byte(c.QueryParam("state"))) != 1 {
		return fault.New(fault.Forbidden, "newsroom.channel.state")
	}
	if c.QueryParam("error") != "" {
		n.Sessions.SetFlash(ctx, "newsroom.channel.denied")
		return c.Redirect(http.StatusSeeOther, "/redazione/youtube")
	}
	token, err := n.OAuth.Exchange(ctx, c.QueryParam("code"), verifier)
	if err != nil {
		return fault.Wrap(err, fault.Conflict, "newsroom.channel.exchange")
	}
	if err := n.Channels.Connect(ctx, p.Actor(), token); err != nil {
		return err
	}
	n.Sessions.SetFlash(ctx, "newsroom.channel.connected")
	return c.Redirect(http.StatusSeeOther, "/redazione/youtube")
}

// checkChannel asks YouTube now whether the token works.
func (n *Newsroom) checkChannel(c echo.Context) error {
	if _, err := administrator(c); err != nil {
		return err
	}
	flash := "newsroom.channel.works"
	if err := n.Channels.Check(c.Request().Context()); err != nil {
		n.Log.WarnContext(c.Request().Context(), "the channel does not answer", "error", err)
		flash = "newsroom.channel.fails"
	}
	n.Sessions.SetFlash(c.Request().Context(), flash)
	return c.Redirect(http.StatusSeeOther, "/redazione/youtube")
}

// disconnect revokes what Google gave us and forgets it.
func (n *Newsroom) disconnect(c echo.Context) error {
	p, err := administrator(c)
	if err != nil {
		return err
	}
	if err := n.Channels.Disconnect(c.Request().Context(), p.Actor()); err != nil {
		return err
	}
	n.Sessions.SetFlash(c.Request().Context(), "newsroom.channel.disconnected")
	return c.Redirect(http.StatusSeeOther, "/redazione/youtube")
}

// retry tries a publication again that waits for a person.
func (n *Newsroom) retry(c echo.Context) error {
	p, err := administrator(c)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return fault.New(fault.NotFound, "testimony.unknown")
	}
	if err := n.Publisher.Retry(c.Request().Context(), p.Actor(), id); err != nil {
		return err
	}
	n.Sessions.SetFlash(c.Request().Context(), "newsroom.channel.retried")
	return c.Redirect(http.StatusSeeOther, "/redazione/youtube")
}
