package newsroom

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/register"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/wording"
)

// queuePage lists what waits for a moderator.
type queuePage struct {
	Items      []queueItem
	Total      int64
	Pagination page.Pagination
	Empty      page.Empty
}

// queueItem is one testimony in a list of the newsroom.
type queueItem struct {
	*testimony.Testimony
	Municipality territory.Municipality
	Href         string
}

func (n *Newsroom) reviewQueue(c echo.Context) error {
	if _, err := staff(c); err != nil {
		return err
	}
	at := page.PageNumber(c)
	list, total, err := n.Testimonies.InReviewQueue(c.Request().Context(), (at-1)*perPage, perPage)
	if err != nil {
		return err
	}
	do := fault.Msg("newsroom.review.none_do")
	view := queuePage{
		Total:      total,
		Pagination: page.Pagination{Page: at, Pages: page.PageCount(int(total), perPage), Total: int(total), Path: reviewsAddress},
		Empty: page.Empty{
			Icon: "check", What: fault.Msg("newsroom.review.none"), Do: &do,
			Href: municipalitiesAddress, Action: fault.Msg("newsroom.municipalities.title"),
		},
	}
	if view.Items, err = n.items(list); err != nil {
		return err
	}
	return n.render(c, http.StatusOK, "queue", reviewsAddress, "newsroom.review.title", view)
}

func (n *Newsroom) items(list []testimony.Testimony) ([]queueItem, error) {
	items := make([]queueItem, 0, len(list))
	for i := range list {
		m, err := n.Registry.Municipality(list[i].MunicipalityCode)
		if err != nil {
			return nil, err
		}
		items = append(items, queueItem{Testimony: &list[i], Municipality: m, Href: reviewAddress(list[i].ID)})
	}
	return items, nil
}

const reviewsAddress = "/redazione/revisione"

func reviewAddress(id int64) string { return reviewsAddress + "/" + strconv.FormatInt(id, 10) }

// reviewPage is one testimony before a moderator.
type reviewPage struct {
	queueItem
	Crumbs      []page.Crumb
	Zone        territory.Zone
	Form        *page.Form     // the reason of a decision, as typed
	Withdraw    *page.Form     // that of a withdrawal, which no decision that came too late fills in
	Refusal     *fault.Message // why what was just decided was not recorded
	Decidable   bool
	Portrait    bool
	Chips       []page.Chip
	Consents    []consent
	Visibility  string         // message key
	Schedulable bool           // it may come out at a time
	LanguageKey string         // message key
	Publication *fault.Message // where it is on its way to the channel
	PlanHref    string         // of the publication's page
	PublicHref  string         // where citizens see it, if they do
	Amendable   bool           // it can be changed
	AmendHref   string
	Translated  []translated
	Filmed      []register.Entry // everyone filmed
	FilmedHref  string

	Withdrawable bool
	Captions     string // address of the page of its captions; empty once it is closed
	Tracks       []wording.Track
	AskedBy      *fault.Message // who asked whoever speaks to approve
	Outdated     bool           // it is not what they approved any more
}

// withdrawable tells whether staff may take a testimony back in the town hall's
// place: once it was approved. What waits for a decision is rejected instead.
func withdrawable(t *testimony.Testimony) bool {
	return t.ApprovedAt != nil && t.State != testimony.InReview && t.State.CanBecome(testimony.Withdrawn)
}

func withdrawAddress(id int64) string { return reviewAddress(id) + "#withdraw-form" }

// translated is what a town hall says in another language.
type translated struct {
	Language string // ISO 639
	testimony.Translation
}

// translations are those of a testimony, in the order of the form.
func translations(t *testimony.Testimony) (all []translated) {
	for _, lang := range testimony.OtherLanguages(t.Language) {
		if one, ok := t.Translations[lang]; ok {
			all = append(all, translated{lang, one})
		}
	}
	return all
}

// consent is a consent that the town hall gave.
type consent struct {
	Wording string
	At      time.Time
	By      *fault.Message // nil if nobody is known
}

func consents(given []testimony.Release) []consent {
	all := make([]consent, 0, len(given))
	for _, g := range given {
		all = append(all, consent{Wording: g.Wording, At: g.AcceptedAt, By: account.By(g.AcceptedBy)})
	}
	return all
}

func (n *Newsroom) review(c echo.Context) error {
	_, t, err := n.testimonyOf(c)
	if err != nil {
		return err
	}
	return n.showReview(c, http.StatusOK, t, reviewPage{})
}

// showReview shows a testimony to who decides on it; with holds what was just sent
// and refused.
func (n *Newsroom) showReview(c echo.Context, status int, t *testimony.Testimony, with reviewPage) error {
	ctx := c.Request().Context()
	items, err := n.items([]testimony.Testimony{*t})
	if err != nil {
		return err
	}
	m := items[0].Municipality
	zone, err := n.Registry.Zone(m.ZoneSlug)
	if err != nil {
		return err
	}
	publications, err := n.Publisher.Of(ctx, []int64{t.ID})
	if err != nil {
		return err
	}
	lang := page.Lang(ctx)
	title := n.Pages.T(lang, "newsroom.review.title")
	view := reviewPage{
		queueItem: items[0], Zone: zone, Form: with.Form, Withdraw: with.Withdraw, Refusal: with.Refusal, Decidable: t.State == testimony.InReview, Schedulable: t.Visibility == testimony.Public,
		Portrait:   t.Video != nil && t.Video.Height > t.Video.Width,
		Visibility: "visibility." + string(t.Visibility), LanguageKey: "language." + t.Language,
		Crumbs: []page.Crumb{{Label: title, Href: reviewsAddress}, {Label: m.Name}}, Consents: consents(t.Releases),
		Amendable: t.State.Amendable(), Withdrawable: withdrawable(t), AmendHref: testimonyAddress(t.ID) + "/modifica", Translated: translations(t),
	}
	if t.State.Captionable() {
		view.Captions = n.face().Captioning(t.ID)
	}
	if view.Tracks, err = n.Wording.Tracks(ctx, n.face(), t.ID); err != nil {
		return err
	}
	if t.Approval != nil {
		view.AskedBy = account.By(t.Approval.AskedBy)
		view.Outdated = t.Approval.State == testimony.ApprovalGiven && !t.Approval.Holds(t)
	}
	if t.OpenToCitizens() {
		view.PublicHref = "/testimonianze/" + strconv.FormatInt(t.ID, 10) + "-" + t.Slug()
	}
	if p, ok := publications[t.ID]; ok {
		view.Publication, view.PlanHref = p.Explain(), publicationAddress(p.ID)
	}
	view.FilmedHref = register.Address(testimoniesAddress, t.ID)
	if view.Filmed, err = n.Register.Entries(ctx, testimony.Anywhere, testimoniesAddress, t, false); err != nil {
		return err
	}
	for _, theme := range t.Themes {
		view.Chips = append(view.Chips, page.Chip{Name: theme.Name(lang), Icon: theme.Icon, Hue: theme.Colour})
	}
	return n.renderForm(c, status, "review", items[0].Href, page.Frame{Title: m.Name + ": " + title, Section: reviewsAddress, Page: view})
}

// decision is one of the three things that a moderator can do.
type decision func(ctx context.Context, actor string, id int64, version int, reason string) (*testimony.Testimony, error)

func (n *Newsroom) approve(c echo.Context) error {
	flash := "newsroom.approved"
	if n.Channels == nil {
		flash = "newsroom.approved_off"
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	typed, later := values.Get("publish_at"), values.Get("programma") != ""
	if typed != "" {
		flash = "newsroom.review.scheduled"
	}
	return n.decide(c, flash, func(ctx context.Context, actor string, id int64, version int, _ string) (*testimony.Testimony, error) {
		at, err := n.timeOf(typed)
		if err == nil && at == nil && later {
			err = noTime
		}
		if err != nil {
			return nil, err
		}
		return n.Testimonies.ApproveFor(ctx, actor, id, version, at)
	})
}

func (n *Newsroom) requestChanges(c echo.Context) error {
	return n.decide(c, "newsroom.sent_back", n.Testimonies.RequestChanges)
}

func (n *Newsroom) reject(c echo.Context) error {
	return n.decide(c, "newsroom.rejected", n.Testimonies.Reject)
}

// decide carries a decision out on the version that the moderator saw. Without
// one, as other programs post, it is the one of now. A decision that comes too
// late is explained on the testimony as it is now, with the reason as typed.
func (n *Newsroom) decide(c echo.Context, flash string, do decision) error {
	p, t, err := n.testimonyOf(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	_, err = do(c.Request().Context(), p.Actor(), t.ID, wording.Version(values, t), values.Get("reason"))
	switch {
	case page.Refused(err):
		return n.showReview(c, http.StatusUnprocessableEntity, t, reviewPage{Form: page.NewForm(values, err)})
	case fault.Of(err) == fault.Conflict:
		return n.tooLate(c, t.ID, values)
	case err != nil:
		return err
	}
	return n.done(c, flash, reviewsAddress)
}

func (n *Newsroom) tooLate(c echo.Context, id int64, typed url.Values) error {
	t, err := n.Testimonies.Get(c.Request().Context(), testimony.Anywhere, id)
	if err != nil {
		return err
	}
	why := fault.Msg("newsroom.review.changed")
	if t.State != testimony.InReview {
		why = fault.Msg("newsroom.review.decided")
	}
	return n.showReview(c, http.StatusConflict, t, reviewPage{Form: page.NewForm(typed, nil), Refusal: &why})
}
