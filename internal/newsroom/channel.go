package newsroom

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/oauth2"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// channelPage is the channel: whose it is, whether it works, what is left of
// the day's quota, what is on its way.
type channelPage struct {
	channelState
	ConnectedBy string         // the address of whoever did, empty if it was the portal itself
	Refusal     *fault.Message // why what was just tried did not happen
	Remaining   []publishing.Remaining
	Outlook     publishing.Outlook
	InTesting   bool // Google will end our access soon: the app is in testing
	Scopes      []string
	PurgeAt     *time.Time // when what YouTube told is deleted, as the terms ask
	Rehearsal   *rehearsal // the last one
	Rehearsing  bool
	Price       int       // of a rehearsal, in units
	Reset       time.Time // when the day's quota begins anew
	Queue       []queued
	Redirect    string // the address to be allowed at Google
}

const (
	channelAddress = "/redazione/youtube"
	returnAddress  = "/redazione/youtube/ritorno"
)

// What the session keeps while the administrator is on Google's page.
const (
	consentState    = "consent_state"
	consentVerifier = "consent_verifier"
	consentLang     = "consent_lang"
)

func (n *Newsroom) channel(c echo.Context) error {
	p, err := administrator(c)
	if err != nil {
		return err
	}
	return n.showChannel(c, p, http.StatusOK, nil)
}

// showChannel shows the channel, and above it why what was just tried did not
// happen.
func (n *Newsroom) showChannel(c echo.Context, p account.Person, status int, refusal *fault.Message) (err error) {
	ctx := c.Request().Context()
	view := channelPage{Refusal: refusal, Reset: youtube.NextReset(n.Clock()), Redirect: n.BaseURL + returnAddress}
	if view.channelState, err = n.channelState(ctx); err != nil {
		return err
	}
	if view.Channel != nil {
		view.ConnectedBy = byWhom(view.Channel.ConnectedBy)
	}
	if n.Channels != nil {
		if view.Remaining, err = n.Ledger.Remaining(ctx); err != nil {
			return err
		}
		if view.Outlook, err = n.Publisher.Outlook(ctx); err != nil {
			return err
		}
		if err := n.health(ctx, &view); err != nil {
			return err
		}
	}
	if view.Queue, err = n.queue(ctx); err != nil {
		return err
	}
	return n.renderForm(c, status, "channel", channelAddress, page.Frame{
		Title: n.Pages.T(page.Lang(ctx), "newsroom.channel.title"), Section: channelAddress, Page: view,
	})
}

// rehearsal is the last general rehearsal as a list of steps.
type rehearsal struct {
	publishing.Rehearsal
	Steps []page.Step
}

// health adds how the connection is: what Google granted and for how long, the
// last rehearsal, and what the terms ask of us if it is over.
func (n *Newsroom) health(ctx context.Context, view *channelPage) error {
	last, err := n.Channels.Last(ctx)
	if fault.Of(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if at := last.PurgeAt(); !at.IsZero() {
		view.PurgeAt = &at
	}
	if view.Channel == nil {
		return nil
	}
	view.InTesting, view.Price = view.Channel.InTesting(), publishing.RehearsalCost
	for _, scope := range strings.Fields(view.Channel.Scopes) {
		view.Scopes = append(view.Scopes, scope[strings.LastIndexByte(scope, '/')+1:])
	}
	r, err := n.Publisher.LastRehearsal(ctx)
	if err != nil || r == nil {
		return err
	}
	view.Rehearsal, view.Rehearsing = &rehearsal{Rehearsal: *r, Steps: rehearsalSteps(r)}, r.FinishedAt == nil
	return nil
}

// rehearsalSteps are the stages of a rehearsal, the one where it went wrong
// marked.
func rehearsalSteps(r *publishing.Rehearsal) []page.Step {
	var steps []page.Step
	current := false
	for _, stage := range []publishing.RehearsalStage{publishing.RehearsalBegun, publishing.RehearsalSending, publishing.RehearsalReading, publishing.RehearsalDeleting} {
		s := page.Step{Label: fault.Msg("newsroom.rehearsal." + string(stage)), State: page.StepAhead}
		switch {
		case r.At(stage):
			s.State = page.StepDone
		case !current && r.FinishedAt == nil:
			s.State, current = page.StepCurrent, true
		}
		steps = append(steps, s)
	}
	return steps
}

// rehearse begins a general rehearsal.
func (n *Newsroom) rehearse(c echo.Context) error {
	p, err := administrator(c)
	if err != nil {
		return err
	}
	if n.Channels == nil {
		return fault.New(fault.Conflict, "newsroom.channel.off")
	}
	if err := n.Publisher.BeginRehearsal(c.Request().Context(), p.Actor()); err != nil {
		return n.refuseChannel(c, p, err)
	}
	return n.done(c, "newsroom.rehearsal.started", channelAddress)
}

// byWhom is the address, or the name, of a person in the audit trail; empty if it
// was the portal itself, or a town hall with its own link.
func byWhom(actor string) string { return account.NameIn(actor) }

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
	n.Sessions.Put(ctx, consentLang, page.Lang(ctx)) // the address of the return has none
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
	if lang := n.Sessions.Pop(ctx, consentLang); lang != "" {
		ctx = page.WithLang(ctx, lang)
		c.SetRequest(c.Request().WithContext(ctx))
	}
	refuse := func(status int, key string) error {
		m := fault.Msg(key)
		return n.showChannel(c, p, status, &m)
	}
	if n.OAuth == nil || state == "" || subtle.ConstantTimeCompare([]byte(state), []byte(c.QueryParam("state"))) != 1 {
		return refuse(http.StatusForbidden, "newsroom.channel.state")
	}
	if c.QueryParam("error") != "" {
		n.Log.InfoContext(ctx, "no consent was given at Google", "error", c.QueryParam("error"))
		return refuse(http.StatusForbidden, "newsroom.channel.denied")
	}
	token, err := n.OAuth.Exchange(ctx, c.QueryParam("code"), verifier)
	if errors.Is(err, youtube.ErrNoRefreshToken) || errors.Is(err, youtube.ErrMissingScope) {
		return refuse(http.StatusConflict, "newsroom.channel.permission")
	}
	if err != nil {
		n.Log.WarnContext(ctx, "Google did not give a token", "error", err)
		return refuse(http.StatusConflict, "newsroom.channel.exchange")
	}
	if err := n.Channels.Connect(ctx, p.Actor(), token); err != nil {
		return n.refuseChannel(c, p, err)
	}
	return n.done(c, "newsroom.channel.connected", channelAddress)
}

// refuseChannel shows on the channel's page what a fault has to say.
func (n *Newsroom) refuseChannel(c echo.Context, p account.Person, err error) error {
	refused, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	n.Log.WarnContext(c.Request().Context(), "the channel", "error", err)
	return n.showChannel(c, p, page.Status(err), &refused.Message)
}

// checkChannel asks YouTube now whether the token works. If it does not, why is
// kept with the channel and stands on its page.
func (n *Newsroom) checkChannel(c echo.Context) error {
	p, err := administrator(c)
	if err != nil {
		return err
	}
	if n.Channels == nil {
		return fault.New(fault.Conflict, "newsroom.channel.off")
	}
	ctx := c.Request().Context()
	err = n.Channels.Check(ctx)
	if err == nil {
		return n.done(c, "newsroom.channel.works", channelAddress)
	}
	n.Log.WarnContext(ctx, "the channel does not answer", "error", err)
	state, failed := n.channelState(ctx)
	if failed != nil {
		return failed
	}
	if state.Trouble != nil {
		return n.showChannel(c, p, http.StatusConflict, nil)
	}
	m := fault.Msg("newsroom.channel.fails")
	return n.showChannel(c, p, http.StatusServiceUnavailable, &m)
}

// disconnect revokes what Google gave us and forgets it.
func (n *Newsroom) disconnect(c echo.Context) error {
	p, err := administrator(c)
	if err != nil {
		return err
	}
	if n.Channels == nil {
		return fault.New(fault.Conflict, "newsroom.channel.off")
	}
	if err := n.Channels.Disconnect(c.Request().Context(), p.Actor()); err != nil {
		return n.refuseChannel(c, p, err)
	}
	return n.done(c, "newsroom.channel.disconnected", channelAddress)
}

// retry tries a publication again that waits for a person, or what waits for one
// in its plan.
func (n *Newsroom) retry(c echo.Context) error {
	p, pub, _, err := n.publicationOf(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if pub.State == publishing.Blocked {
		err = n.Publisher.Retry(ctx, p.Actor(), pub.ID)
	} else {
		err = n.Publisher.RetrySteps(ctx, pub.ID)
	}
	if err != nil {
		return n.refusePublication(c, pub.ID, err, publicationPage{})
	}
	return n.done(c, "newsroom.channel.retried", publicationAddress(pub.ID))
}
