package newsroom

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

const differencesAddress = "/redazione/youtube/differenze"

// differencesPage is where portal and channel differ, and what can be done.
type differencesPage struct {
	channelState
	Crumbs  []page.Crumb
	Open    []difference
	Total   int64 // of the open ones; Open may be the most urgent only
	Over    []difference
	Last    *publishing.Reconciliation
	Stopped *fault.Message // why the last comparison did not come to its end
	Refusal *fault.Message // why what was just tried did not happen, unless a difference says so itself
}

// difference is one finding as it is shown.
type difference struct {
	publishing.Reported
	queueItem
	What     fault.Message
	Rows     []versus
	Main     *remedyChoice // the suggested one; nil of one that is settled
	Others   []remedyChoice
	At       string // where its forms are posted
	PlanHref string
	Studio   string // address of the video in YouTube Studio
	Refusal  *fault.Message
	Wrong    []fault.Field // what of the channel's words breaks our rules
	Outcome  fault.Message // of one that is settled
	By       string        // the address of whoever settled it; empty for the portal
}

// versus is a value on both sides.
type versus struct {
	Field        fault.Message
	Ours, Theirs side
}

// side is a value on one side, as a text of somebody's or as a sentence of ours.
type side struct {
	Who  string // ours or theirs
	Text string
	Lang string
	Say  *fault.Message
}

// remedyChoice is a remedy as a form.
type remedyChoice struct {
	Remedy  publishing.Remedy
	At      string
	Label   fault.Message
	Help    fault.Message
	Main    bool
	Reason  string // name of the field for it; empty where none is needed
	Form    *page.Form
	Subject string // for who hears the button only
}

func (n *Newsroom) differences(c echo.Context) error {
	if _, err := staff(c); err != nil {
		return err
	}
	return n.showDifferences(c, http.StatusOK, refused{})
}

// refused is what was just sent about a finding and refused.
type refused struct {
	id   int64
	err  error
	form url.Values
}

func (n *Newsroom) showDifferences(c echo.Context, status int, what refused) (err error) {
	ctx := c.Request().Context()
	lang := page.Lang(ctx)
	view := differencesPage{Crumbs: []page.Crumb{
		{Label: n.Pages.T(lang, "newsroom.today.title"), Href: "/redazione"}, {Label: n.Pages.T(lang, "newsroom.differences.title")},
	}}
	if view.channelState, err = n.channelState(ctx); err != nil {
		return err
	}
	open, total, err := n.Publisher.Findings(ctx)
	if err != nil {
		return err
	}
	over, err := n.Publisher.Settled(ctx)
	if err != nil {
		return err
	}
	view.Total = total
	if view.Open, err = n.differencesOf(ctx, lang, open); err != nil {
		return err
	}
	if view.Over, err = n.differencesOf(ctx, lang, over); err != nil {
		return err
	}
	if view.Last, err = n.Publisher.LastReconciliation(ctx); err != nil {
		return err
	}
	view.Stopped = n.stopped(&view)
	view.refuse(what)
	return n.renderForm(c, status, "differences", differencesAddress, page.Frame{
		Title: n.Pages.T(lang, "newsroom.differences.title"), Section: "/redazione", Page: view,
	})
}

// stopped says why the last comparison did not come to its end, or nothing.
func (n *Newsroom) stopped(view *differencesPage) *fault.Message {
	if view.Last == nil || view.Last.Trouble == "" {
		return nil
	}
	if view.Trouble != nil && view.Trouble.Key == view.Last.Trouble {
		return nil // the banner says it
	}
	name := ""
	if view.Channel != nil {
		name = view.Channel.Title
	}
	m := fault.Msg(view.Last.Trouble, "Name", name, "Until", youtube.NextReset(n.Clock()))
	return &m
}

// refuse says on the page why something did not happen, where it was tried.
func (v *differencesPage) refuse(what refused) {
	e, ok := errors.AsType[*fault.Error](what.err)
	if !ok {
		return
	}
	i := slices.IndexFunc(v.Open, func(d difference) bool { return d.Finding.ID == what.id })
	if i < 0 {
		v.Refusal = &e.Message
		return
	}
	d := &v.Open[i]
	field := reasonField(what.id)
	if e.Kind == fault.Invalid && len(e.Fields) == 1 && e.Fields[0].Name == "reason" {
		form := page.NewForm(what.form, fault.Fields{{Name: field, Message: e.Fields[0].Message}}.Err())
		for _, choice := range d.choices() {
			if choice.Reason != "" {
				choice.Form = form
			}
		}
		return
	}
	d.Refusal = &e.Message
	if e.Kind == fault.Invalid {
		m := fault.Msg("newsroom.differences.wrong")
		d.Refusal, d.Wrong = &m, e.Fields
	}
}

func (d *difference) choices() []*remedyChoice {
	var all []*remedyChoice
	if d.Main != nil {
		all = append(all, d.Main)
	}
	for i := range d.Others {
		all = append(all, &d.Others[i])
	}
	return all
}

// OpenOthers tells whether the remedies that are folded away are to be seen: one
// of them was just refused.
func (d difference) OpenOthers() bool {
	return slices.ContainsFunc(d.Others, func(r remedyChoice) bool { return r.Form != nil })
}

// differencesOf puts findings into words.
func (n *Newsroom) differencesOf(ctx context.Context, lang string, findings []publishing.Reported) ([]difference, error) {
	ids := make([]int64, len(findings))
	for i, f := range findings {
		ids[i] = f.Publication.TestimonyID
	}
	testimonies, err := n.Testimonies.ByIDs(ctx, ids)
	if err != nil {
		return nil, err
	}
	themes, err := n.Testimonies.Themes(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]difference, 0, len(findings))
	for _, f := range findings {
		t, ok := testimonies[f.Publication.TestimonyID]
		if !ok {
			continue
		}
		items, err := n.items([]testimony.Testimony{t})
		if err != nil {
			return nil, err
		}
		d := difference{
			Reported: f, queueItem: items[0], What: n.whatDiffers(lang, f, themes), Rows: rowsOf(f, &t),
			At: differencesAddress + "/" + strconv.FormatInt(f.Finding.ID, 10), PlanHref: publicationAddress(f.Publication.ID),
			Outcome: outcomeOf(f.Finding), By: byWhom(f.SettledBy),
		}
		if f.Publication.YoutubeID != nil && n.YouTube == "live" {
			d.Studio = "https://studio.youtube.com/video/" + url.PathEscape(*f.Publication.YoutubeID) + "/edit"
		}
		if f.SettledAt == nil {
			d.offer()
		}
		list = append(list, d)
	}
	return list, nil
}

// offer adds the remedies.
func (d *difference) offer() {
	for i, r := range d.Remedies {
		choice := remedyChoice{
			Remedy: r, At: d.At, Main: i == 0, Label: fault.Msg("newsroom.remedy." + remedyKey(r, d.Finding)),
			Help: fault.Msg("newsroom.remedy_help." + string(r)), Subject: d.Municipality.Name + ": " + d.Title,
		}
		if r == publishing.Withdraw {
			choice.Reason = reasonField(d.Finding.ID)
		}
		if i == 0 {
			d.Main = &choice
			continue
		}
		d.Others = append(d.Others, choice)
	}
}

func reasonField(id int64) string { return "reason_" + strconv.FormatInt(id, 10) }

// remedyKey names what a remedy does to a kind of difference.
func remedyKey(r publishing.Remedy, f publishing.Finding) string {
	if r != publishing.Restore && r != publishing.Adopt {
		return string(r)
	}
	if f.Kind == publishing.FindPlaylist && tooMany(f) {
		return string(r) + ".playlist_out"
	}
	return string(r) + "." + string(f.Kind)
}

// tooMany tells whether the video is in a playlist where it does not belong.
func tooMany(f publishing.Finding) bool {
	return slices.ContainsFunc(f.Detail.Values, func(v publishing.Difference) bool { return v.Field == "in" && v.Ours == "" })
}

// whatDiffers is a finding in a sentence.
func (n *Newsroom) whatDiffers(lang string, f publishing.Reported, themes []testimony.Theme) fault.Message {
	switch f.Kind {
	case publishing.FindPlaylist:
		kind := "playlist"
		if tooMany(f.Finding) {
			kind = "playlist_out"
		}
		return fault.Msg("newsroom.difference."+kind, "Name", n.listName(lang, f.Finding, themes))
	case publishing.FindCaptions:
		return fault.Msg("newsroom.difference.captions", "Language", fault.Msg("language."+f.Key))
	}
	return fault.Msg("newsroom.difference." + string(f.Kind))
}

// listName is the theme or zone of a playlist.
func (n *Newsroom) listName(lang string, f publishing.Finding, themes []testimony.Theme) string {
	id, slug := f.ListOf()
	if zone, err := n.Registry.Zone(slug); err == nil {
		return zone.Name
	}
	for _, theme := range themes {
		if theme.ID == id {
			return theme.Name(lang)
		}
	}
	return f.Key
}

// rowsOf are the values of a finding side by side.
func rowsOf(f publishing.Reported, t *testimony.Testimony) []versus {
	rows := make([]versus, 0, len(f.Detail.Values))
	for _, v := range f.Detail.Values {
		field, lang, translated := strings.Cut(v.Field, "_")
		if !translated || field == "publish" {
			field, lang = v.Field, t.Language
		}
		row := versus{Field: fault.Msg("newsroom.differing." + field), Ours: sideOf("ours", field, lang, v.Ours), Theirs: sideOf("theirs", field, lang, v.Theirs)}
		if field != v.Field {
			row.Field = fault.Msg("newsroom.differing."+field+"_in", "Language", fault.Msg("language."+lang))
		}
		rows = append(rows, row)
	}
	return rows
}

// sideOf puts a value into words where it is none of somebody's.
func sideOf(who, field, lang, value string) side {
	say := func(key string, pairs ...any) side {
		m := fault.Msg(key, pairs...)
		return side{Who: who, Say: &m}
	}
	switch field {
	case "in":
		switch value {
		case "":
			return say("newsroom.differing.not_there")
		case "failed":
			return say("newsroom.differing.unreadable")
		}
		return say("newsroom.differing.there")
	case "privacy":
		if slices.Contains([]string{"public", "unlisted", "private"}, value) {
			return say("visibility." + value)
		}
	case "language":
		if slices.Contains(testimony.Languages(), value) {
			return say("language." + value)
		}
	case "seconds":
		if count, err := strconv.Atoi(value); err == nil {
			return say("newsroom.differing.count", "Count", count)
		}
	case "publish_at":
		if at, err := time.Parse(time.RFC3339, value); err == nil {
			return say("newsroom.differing.at", "When", at)
		}
	}
	if value == "" {
		return say("newsroom.differing.nothing")
	}
	return side{Who: who, Text: value, Lang: lang}
}

// outcomeOf says how a finding was settled.
func outcomeOf(f publishing.Finding) fault.Message {
	if f.Remedy == "" {
		return fault.Msg("newsroom.remedied.by_itself")
	}
	return fault.Msg("newsroom.remedied." + string(f.Remedy))
}

// compareNow has portal and channel compared without waiting for the night.
func (n *Newsroom) compareNow(c echo.Context) error {
	if _, err := staff(c); err != nil {
		return err
	}
	if n.Channels == nil {
		return fault.New(fault.Conflict, "newsroom.channel.off")
	}
	if err := n.Compare(c.Request().Context()); err != nil {
		return err
	}
	return n.done(c, "newsroom.differences.asked", differencesAddress)
}

// settleDifference does about a finding what was chosen.
func (n *Newsroom) settleDifference(c echo.Context) error {
	p, err := staff(c)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return fault.New(fault.NotFound, "publishing.finding.unknown")
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	remedy := publishing.Remedy(values.Get("remedy"))
	err = n.Publisher.Settle(c.Request().Context(), p.Actor(), id, remedy, values.Get(reasonField(id)))
	switch fault.Of(err) {
	case fault.Invalid, fault.Conflict, fault.Unavailable:
		return n.showDifferences(c, page.Status(err), refused{id: id, err: err, form: values})
	}
	if err != nil {
		return err
	}
	return n.done(c, "newsroom.remedied."+string(remedy), differencesAddress)
}

// Portal tells whether nobody settled it: it was over by itself.
func (d difference) Portal() bool { return d.SettledBy == audit.Portal }
