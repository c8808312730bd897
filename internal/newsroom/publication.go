package newsroom

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/wording"
)

// publicationPage is one publication: its plan step by step, what it costs, what
// can be done, what happened.
type publicationPage struct {
	queueItem
	Publication *publishing.Publication
	Crumbs      []page.Crumb
	Explain     *fault.Message
	Expected    *fault.Message // when it goes on; nil where Explain says so
	Scheduled   *time.Time     // when people will see it
	Plan        planPart
	Watch       string // address on YouTube
	History     []act

	Retryable    bool
	Handable     bool
	Returnable   bool
	Schedulable  bool
	WithdrawHref string // where it can be taken back; empty if it cannot
	ScheduledFor string // as the field of the form writes it

	Refusal  *fault.Message
	Schedule *page.Form // as typed
	Return   *page.Form
}

func publicationAddress(id int64) string {
	return "/redazione/youtube/pubblicazioni/" + strconv.FormatInt(id, 10)
}

// publicationOf returns the publication that the address names, with its
// testimony.
func (n *Newsroom) publicationOf(c echo.Context) (account.Person, *publishing.Publication, *testimony.Testimony, error) {
	p, err := staff(c)
	if err != nil {
		return p, nil, nil, err
	}
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return p, nil, nil, fault.New(fault.NotFound, "publishing.unknown")
	}
	ctx := c.Request().Context()
	pub, err := n.Publisher.Get(ctx, id)
	if err != nil {
		return p, nil, nil, err
	}
	t, err := n.Testimonies.Get(ctx, testimony.Anywhere, pub.TestimonyID)
	return p, pub, t, err
}

func (n *Newsroom) publication(c echo.Context) error {
	_, pub, t, err := n.publicationOf(c)
	if err != nil {
		return err
	}
	return n.showPublication(c, http.StatusOK, pub, t, publicationPage{})
}

// showPublication shows a publication; with holds what was just sent and
// refused.
func (n *Newsroom) showPublication(c echo.Context, status int, pub *publishing.Publication, t *testimony.Testimony, with publicationPage) (err error) {
	ctx := c.Request().Context()
	lang := page.Lang(ctx)
	items, err := n.items([]testimony.Testimony{*t})
	if err != nil {
		return err
	}
	view := with
	view.queueItem, view.Publication, view.Explain = items[0], pub, pub.Explain()
	if view.Plan, err = n.plan(ctx, pub, t); err != nil {
		return err
	}
	expected, err := n.Publisher.Expect(ctx)
	if err != nil {
		return err
	}
	if e, ok := expected[pub.ID]; ok && n.Channels != nil {
		view.Expected = e.Explain()
	}
	view.Retryable = pub.State == publishing.Blocked || view.Plan.Blocked
	view.Handable = pub.Handable()
	view.Returnable = t.State == testimony.Approved && (pub.Handable() || pub.AwaitsFile())
	view.Schedulable = t.State == testimony.Approved && t.Visibility == testimony.Public
	if withdrawable(t) {
		view.WithdrawHref = withdrawAddress(t.ID)
	}
	if t.PublishAt != nil && t.State == testimony.Approved {
		view.Scheduled = t.PublishAt
		view.ScheduledFor = t.PublishAt.In(n.zone).Format(fieldTime)
	}
	if view.Schedule == nil {
		view.Schedule = page.NewForm(url.Values{"publish_at": {view.ScheduledFor}}, nil)
	}
	if pub.YoutubeID != nil && n.YouTube != "sandbox" {
		view.Watch = "https://www.youtube.com/watch?v=" + url.QueryEscape(*pub.YoutubeID)
	}
	if view.History, err = n.history(ctx, pub); err != nil {
		return err
	}
	title := n.Pages.T(lang, "newsroom.publication.title")
	view.Crumbs = append(n.above(c), page.Crumb{Label: view.Municipality.Name})
	return n.renderForm(c, status, "publication", publicationAddress(pub.ID), page.Frame{
		Title: view.Municipality.Name + ": " + title, Section: channelAddress, Page: view,
	})
}

// above is the page that a publication's hangs on: the channel's, which only
// administrators may open, or that of today.
func (n *Newsroom) above(c echo.Context) []page.Crumb {
	ctx := c.Request().Context()
	if p, _ := account.From(ctx); p.Role != account.Administrator {
		return []page.Crumb{{Label: n.Pages.T(page.Lang(ctx), "newsroom.today.title"), Href: "/redazione"}}
	}
	return []page.Crumb{{Label: n.Pages.T(page.Lang(ctx), "newsroom.channel.title"), Href: channelAddress}}
}

// fieldTime is how a field of type datetime-local writes a time.
const fieldTime = "2006-01-02T15:04"

// refusePublication shows what was just sent and refused on the publication as
// it is now; other errors are passed on.
func (n *Newsroom) refusePublication(c echo.Context, id int64, err error, with publicationPage) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || (e.Kind != fault.Invalid && e.Kind != fault.Conflict) {
		return err
	}
	ctx := c.Request().Context()
	pub, getErr := n.Publisher.Get(ctx, id)
	if getErr != nil {
		return getErr
	}
	t, getErr := n.Testimonies.Get(ctx, testimony.Anywhere, pub.TestimonyID)
	if getErr != nil {
		return getErr
	}
	status := http.StatusUnprocessableEntity
	if e.Kind == fault.Conflict {
		status, with.Refusal = http.StatusConflict, &e.Message
	}
	return n.showPublication(c, status, pub, t, with)
}

// schedule has a testimony come out on a day and at a time, or without delay.
func (n *Newsroom) schedule(c echo.Context) error {
	p, pub, t, err := n.publicationOf(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	at, err := n.timeOf(values.Get("publish_at"))
	if err == nil {
		_, err = n.Testimonies.SetSchedule(c.Request().Context(), p.Actor(), t.ID, wording.Version(values, t), at)
	}
	if err != nil {
		return n.refusePublication(c, pub.ID, err, publicationPage{Schedule: page.NewForm(values, err)})
	}
	return n.done(c, "newsroom.publication.scheduled", publicationAddress(pub.ID))
}

// noTime is what somebody gets whose day and time cannot be read.
var noTime = fault.Fields{{Name: "publish_at", Message: fault.Msg("newsroom.publication.time")}}.Err()

// timeOf reads a field of type datetime-local as a time in Rome, nil if it is
// empty.
func (n *Newsroom) timeOf(typed string) (*time.Time, error) {
	typed = strings.TrimSpace(typed)
	if typed == "" {
		return nil, nil
	}
	for _, form := range []string{fieldTime, fieldTime + ":05"} { // some browsers add seconds
		if at, err := time.ParseInLocation(form, typed, n.zone); err == nil {
			return &at, nil
		}
	}
	return nil, noTime
}

// giveBack sends an approved testimony back to its town hall.
func (n *Newsroom) giveBack(c echo.Context) error {
	p, pub, t, err := n.publicationOf(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	_, err = n.Testimonies.GiveBack(c.Request().Context(), p.Actor(), t.ID, wording.Version(values, t), values.Get("reason"))
	if err != nil {
		return n.refusePublication(c, pub.ID, err, publicationPage{Return: page.NewForm(values, err)})
	}
	return n.done(c, "newsroom.sent_back", publicationAddress(pub.ID))
}

// handPage is how staff publish by hand: the file, the words, the link.
type handPage struct {
	queueItem
	Crumbs      []page.Crumb
	Publication *publishing.Publication
	Channel     string // its title; empty while nothing can be asked
	Words       []word
	Form        *page.Form
	Refusal     *fault.Message
	Original    string
	Bytes       int64
}

// word is something to be copied into Studio.
type word struct {
	ID    string
	Label fault.Message
	Text  string
	Rows  int
}

func (n *Newsroom) byHand(c echo.Context) error {
	_, pub, t, err := n.publicationOf(c)
	if err != nil {
		return err
	}
	return n.showHand(c, http.StatusOK, pub, t, nil, nil)
}

func (n *Newsroom) showHand(c echo.Context, status int, pub *publishing.Publication, t *testimony.Testimony, form *page.Form, refusal *fault.Message) error {
	ctx := c.Request().Context()
	lang := page.Lang(ctx)
	if !pub.Handable() && refusal == nil {
		return c.Redirect(http.StatusSeeOther, page.Localize(lang, publicationAddress(pub.ID)))
	}
	items, err := n.items([]testimony.Testimony{*t})
	if err != nil {
		return err
	}
	meta, _, err := n.Publisher.Describe(ctx, pub.ID)
	if err != nil {
		return err
	}
	view := handPage{queueItem: items[0], Publication: pub, Form: form, Refusal: refusal, Words: []word{
		{ID: "title", Label: fault.Msg("newsroom.hand.title_word"), Text: meta.Title, Rows: 2},
		{ID: "description", Label: fault.Msg("newsroom.hand.description"), Text: meta.Description, Rows: 8},
		{ID: "tags", Label: fault.Msg("newsroom.hand.tags"), Text: strings.Join(meta.Tags, ", "), Rows: 3},
	}}
	if t.Full != nil && t.Full.Original != "" {
		view.Original = publicationAddress(pub.ID) + "/originale"
		_, view.Bytes, _ = t.Full.Outgoing()
	}
	state, err := n.channelState(ctx)
	if err != nil {
		return err
	}
	if state.Channel != nil {
		view.Channel = state.Channel.Title
	}
	title := n.Pages.T(lang, "newsroom.hand.title")
	view.Crumbs = append(n.above(c), page.Crumb{Label: view.Municipality.Name, Href: publicationAddress(pub.ID)}, page.Crumb{Label: title})
	return n.renderForm(c, status, "hand", publicationAddress(pub.ID)+"/a-mano", page.Frame{
		Title: title + ": " + view.Municipality.Name, Section: channelAddress, Page: view,
	})
}

// takeHand takes the pasted link.
func (n *Newsroom) takeHand(c echo.Context) error {
	p, pub, t, err := n.publicationOf(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	err = n.Publisher.ByHand(c.Request().Context(), p.Actor(), pub.ID, values.Get("link"), values.Get("sure") != "")
	if e, ok := errors.AsType[*fault.Error](err); ok {
		switch e.Kind {
		case fault.Invalid:
			return n.showHand(c, http.StatusUnprocessableEntity, pub, t, page.NewForm(values, err), nil)
		case fault.Conflict, fault.Unavailable, fault.NotFound:
			return n.showHand(c, page.Status(err), pub, t, page.NewForm(values, nil), &e.Message)
		}
	}
	if err != nil {
		return err
	}
	return n.done(c, "newsroom.hand.done", publicationAddress(pub.ID))
}

// original gives the file as the town hall wants it shown, under a name that
// people can read.
func (n *Newsroom) original(c echo.Context) error {
	_, _, t, err := n.publicationOf(c)
	if err != nil {
		return err
	}
	missing := fault.New(fault.NotFound, "video.unknown")
	if t.Full == nil || t.Full.Original == "" { // a small version is not for the channel
		return missing
	}
	name, _, _ := t.Full.Outgoing()
	f, err := os.Open(filepath.Join(n.Vault, name))
	if errors.Is(err, os.ErrNotExist) {
		return missing
	}
	if err != nil {
		return fmt.Errorf("open the original of testimony %d: %w", t.ID, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open the original of testimony %d: %w", t.ID, err)
	}
	m, err := n.Registry.Municipality(t.MunicipalityCode)
	if err != nil {
		return err
	}
	end := strings.ToLower(filepath.Ext(t.Full.Filename))
	if len(end) > 5 || strings.ContainsAny(end, "\"\\") || t.Full.Cut != "" {
		end = ".mp4"
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "application/octet-stream")
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", fmt.Sprintf("%s-%d-%s%s", m.Slug, t.ID, t.Slug(), end)))
	h.Set("Cache-Control", "no-store")
	http.ServeContent(c.Response(), c.Request(), "", info.ModTime(), f)
	return nil
}
