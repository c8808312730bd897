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
	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// publicationPage is one publication: its plan step by step, what it costs, what
// can be done, what happened.
type publicationPage struct {
	queueItem
	Publication *publishing.Publication
	Crumbs      []page.Crumb
	Explain     *fault.Message
	Expected    *fault.Message
	Plan        []planRow
	Cost        int // units that are still to be spent
	Watch       string
	History     []act

	Retryable    bool
	Handable     bool
	Returnable   bool
	Schedulable  bool
	Withdrawable bool
	ScheduledFor string // as the field of the form writes it

	Refusal  *fault.Message
	Schedule *page.Form // as typed
	Return   *page.Form
	Withdraw *page.Form
}

// planRow is a step of the plan as it is shown.
type planRow struct {
	Label fault.Message
	Of    string // name of the theme, zone or language
	State publishing.StepState
	Cost  int
	Note  *fault.Message
}

// act is an entry of the trail in words.
type act struct {
	At     time.Time
	Who    string // address of a person; empty for others
	Town   bool   // the town hall did it
	Action string // as the trail names it; empty for one that has no words yet
	Code   string
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
	steps, err := n.Publisher.Steps(ctx, pub.ID)
	if err != nil {
		return err
	}
	view.Plan = n.plan(lang, pub, t, steps)
	for _, row := range view.Plan {
		view.Cost += row.Cost
		view.Retryable = view.Retryable || (row.State == publishing.StepBlocked && pub.State != publishing.Blocked)
	}
	if view.Expected, err = n.expected(c, pub); err != nil {
		return err
	}
	view.Retryable = view.Retryable || pub.State == publishing.Blocked
	view.Handable = pub.Handable()
	view.Returnable = t.State == testimony.Approved && pub.Handable()
	view.Schedulable = t.State == testimony.Approved && t.Visibility == testimony.Public
	view.Withdrawable = t.State.CanBecome(testimony.Withdrawn)
	if t.PublishAt != nil {
		view.ScheduledFor = t.PublishAt.In(n.zone).Format(fieldTime)
	}
	if view.Schedule == nil {
		view.Schedule = page.NewForm(url.Values{"publish_at": {view.ScheduledFor}}, nil)
	}
	if pub.YoutubeID != nil && n.YouTube != "sandbox" {
		view.Watch = "https://www.youtube.com/watch?v=" + url.QueryEscape(*pub.YoutubeID)
	}
	if view.History, err = n.history(c, pub); err != nil {
		return err
	}
	title := n.Pages.T(lang, "newsroom.publication.title")
	view.Crumbs = []page.Crumb{{Label: n.Pages.T(lang, "newsroom.channel.title"), Href: channelAddress}, {Label: view.Municipality.Name}}
	return n.renderForm(c, status, "publication", publicationAddress(pub.ID), page.Frame{
		Title: view.Municipality.Name + ": " + title, Section: channelAddress, Page: view,
	})
}

// fieldTime is how a field of type datetime-local writes a time.
const fieldTime = "2006-01-02T15:04"

// plan is the publication as a list of steps: what the upload is made of first.
func (n *Newsroom) plan(lang string, pub *publishing.Publication, t *testimony.Testimony, steps []publishing.Step) []planRow {
	sent, processed, out := pub.YoutubeID != nil, pub.ProcessedAt != nil, pub.State == publishing.Public
	state := func(done, blocked bool) publishing.StepState {
		switch {
		case done:
			return publishing.StepDone
		case blocked:
			return publishing.StepBlocked
		}
		return publishing.StepWaiting
	}
	blocked := pub.State == publishing.Blocked
	rows := []planRow{
		{Label: fault.Msg("newsroom.plan.upload"), State: state(sent, blocked && !sent)},
		{Label: fault.Msg("newsroom.plan.processing"), State: state(processed, blocked && sent && !processed)},
		{Label: fault.Msg("newsroom.plan.privacy_check"), State: state(out, blocked && processed)},
	}
	for i := range rows {
		if rows[i].State != publishing.StepDone { // the one it has come to
			rows[i].Note = pub.Explain()
			break
		}
	}
	for _, s := range steps {
		if s.Wanted == "" && s.Had == "" {
			continue
		}
		row := planRow{Label: fault.Msg("newsroom.plan." + string(s.Kind)), State: s.State, Cost: s.Cost(), Of: n.stepOf(lang, t, s)}
		if s.Wanted == "" {
			row.Label = fault.Msg("newsroom.plan." + string(s.Kind) + "_away")
		}
		if s.Reason.Key != "" && s.State != publishing.StepDone {
			row.Note = &s.Reason.Message
		} else if s.NextAt != nil && s.State == publishing.StepWaiting {
			m := fault.Msg("newsroom.plan.next", "Until", *s.NextAt)
			row.Note = &m
		}
		rows = append(rows, row)
	}
	return rows
}

// stepOf names the theme, zone or language of a step.
func (n *Newsroom) stepOf(lang string, t *testimony.Testimony, s publishing.Step) string {
	switch s.Kind {
	case publishing.StepCaptions:
		return n.Pages.T(lang, "language."+s.Key)
	case publishing.StepPlaylist:
		id, slug := s.ListOf()
		if zone, err := n.Registry.Zone(slug); err == nil {
			return zone.Name
		}
		for _, theme := range t.Themes {
			if theme.ID == id {
				return theme.Name(lang)
			}
		}
		return s.Key
	}
	return ""
}

// expected says when the video should reach the channel, nil if it is there.
func (n *Newsroom) expected(c echo.Context, pub *publishing.Publication) (*fault.Message, error) {
	all, err := n.Publisher.Expect(c.Request().Context())
	if err != nil {
		return nil, err
	}
	return expectation(all, pub), nil
}

// expectation is when a publication's video should reach the channel, in words.
func expectation(all map[int64]publishing.Expectation, pub *publishing.Publication) *fault.Message {
	e, ok := all[pub.ID]
	if !ok || pub.State != publishing.Waiting || pub.Reason.Key == "publishing.off" {
		return nil
	}
	m := fault.Msg("newsroom.expected.person")
	switch {
	case e.Known && !e.At.IsZero():
		m = fault.Msg("newsroom.expected.from", "When", e.At)
	case e.Known:
		m = fault.Msg("newsroom.expected.today", "Count", e.Ahead)
	}
	return &m
}

func (n *Newsroom) history(c echo.Context, pub *publishing.Publication) ([]act, error) {
	entries, err := n.Publisher.History(c.Request().Context(), pub)
	if err != nil {
		return nil, err
	}
	lang := page.Lang(c.Request().Context())
	acts := make([]act, 0, len(entries))
	for _, e := range entries {
		who := ""
		if e.Actor != audit.Portal {
			who = byWhom(e.Actor)
		}
		one := act{At: e.At, Who: who, Town: account.ActedForTownHall(e.Actor), Code: e.Action}
		if n.Pages.Knows(lang, "newsroom.act."+e.Action) {
			one.Action = e.Action
		}
		acts = append(acts, one)
	}
	return acts, nil
}

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

// version is the one that the page was made of, or that of now.
func version(values url.Values, t *testimony.Testimony) int {
	if seen, err := strconv.Atoi(values.Get("version")); err == nil {
		return seen
	}
	return t.Version
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
		_, err = n.Testimonies.SetSchedule(c.Request().Context(), p.Actor(), t.ID, version(values, t), at)
	}
	if err != nil {
		return n.refusePublication(c, pub.ID, err, publicationPage{Schedule: page.NewForm(values, err)})
	}
	return n.done(c, "newsroom.publication.scheduled", publicationAddress(pub.ID))
}

// timeOf reads a field of type datetime-local as a time in Rome, nil if it is
// empty.
func (n *Newsroom) timeOf(typed string) (*time.Time, error) {
	typed = strings.TrimSpace(typed)
	if typed == "" {
		return nil, nil
	}
	at, err := time.ParseInLocation(fieldTime, strings.TrimSuffix(typed, ":00"), n.zone)
	if err != nil {
		return nil, fault.Fields{{Name: "publish_at", Message: fault.Msg("newsroom.publication.time")}}.Err()
	}
	return &at, nil
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
	_, err = n.Testimonies.GiveBack(c.Request().Context(), p.Actor(), t.ID, version(values, t), values.Get("reason"))
	if err != nil {
		return n.refusePublication(c, pub.ID, err, publicationPage{Return: page.NewForm(values, err)})
	}
	return n.done(c, "newsroom.sent_back", publicationAddress(pub.ID))
}

// withdraw takes a testimony back in the town hall's place, for a reason.
func (n *Newsroom) withdraw(c echo.Context) error {
	p, pub, t, err := n.publicationOf(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	reason := strings.TrimSpace(values.Get("withdraw_reason"))
	if reason == "" {
		err = fault.Fields{{Name: "withdraw_reason", Message: fault.Msg("testimony.reason.empty")}}.Err()
	} else {
		_, err = n.Testimonies.Withdraw(c.Request().Context(), p.Actor(), testimony.Anywhere, t.ID, testimony.Withdrawal{Reason: reason})
	}
	if err != nil {
		return n.refusePublication(c, pub.ID, err, publicationPage{Withdraw: page.NewForm(values, err)})
	}
	return n.done(c, "newsroom.publication.withdrawn", publicationAddress(pub.ID))
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
	if t.Video != nil && t.Video.Original != "" {
		view.Original, view.Bytes = publicationAddress(pub.ID)+"/originale", t.Video.Bytes
	}
	state, err := n.channelState(ctx)
	if err != nil {
		return err
	}
	if state.Channel != nil {
		view.Channel = state.Channel.Title
	}
	title := n.Pages.T(lang, "newsroom.hand.title")
	view.Crumbs = []page.Crumb{
		{Label: n.Pages.T(lang, "newsroom.channel.title"), Href: channelAddress},
		{Label: view.Municipality.Name, Href: publicationAddress(pub.ID)}, {Label: title},
	}
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

// original gives the file as the town hall sent it, under a name that people
// can read.
func (n *Newsroom) original(c echo.Context) error {
	_, _, t, err := n.publicationOf(c)
	if err != nil {
		return err
	}
	missing := fault.New(fault.NotFound, "video.unknown")
	if t.Video == nil || t.Video.Original == "" {
		return missing
	}
	f, err := os.Open(filepath.Join(n.Vault, t.Video.Original))
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
	end := strings.ToLower(filepath.Ext(t.Video.Filename))
	if len(end) > 5 || strings.ContainsAny(end, "\"\\") {
		end = ".mp4"
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "application/octet-stream")
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", fmt.Sprintf("%s-%d-%s%s", m.Slug, t.ID, t.Slug(), end)))
	h.Set("Cache-Control", "no-store")
	http.ServeContent(c.Response(), c.Request(), "", info.ModTime(), f)
	return nil
}
