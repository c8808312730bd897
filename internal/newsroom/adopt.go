package newsroom

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

const adoptAddress = "/redazione/youtube/adotta"

// adoptedCount is what the session keeps until the next page: how many videos
// were imported.
const adoptedCount = "adopted"

// adoptPage are the channel's videos that the portal does not know, and what a
// person says of each.
type adoptPage struct {
	Crumbs  []page.Crumb
	Back    page.Crumb     // the page that this one is below
	Refusal *fault.Message // why the channel cannot be read, or nothing was imported
	Rows    []adoptRow
	Token   string // of this page
	Next    string // address of the next one
	NotYet  int
	Form    *page.Form
	Places  []string // names of the municipalities
	Themes  []page.Option
	Most    int // themes of one
	Cost    int // units of one playlist
}

// adoptRow is one video.
type adoptRow struct {
	ID          string
	Title       string
	Watch       string // address on YouTube
	PublishedAt time.Time
	Duration    time.Duration
	Views       *int64
	Privacy     youtube.Privacy
	Ready       bool // its words say all that is needed
}

func (n *Newsroom) adoptable(c echo.Context) error {
	p, err := staff(c)
	if err != nil {
		return err
	}
	return n.showAdoptable(c, p, http.StatusOK, c.QueryParam("pagina"), nil, nil)
}

// showAdoptable shows a page of videos, with what was typed and why it was
// refused. If the channel cannot be read, what was typed stays in sight.
func (n *Newsroom) showAdoptable(c echo.Context, p account.Person, status int, token string, typed url.Values, refused error) error {
	ctx := c.Request().Context()
	lang := page.Lang(ctx)
	view := adoptPage{Token: token, Most: testimony.MaxThemes, Cost: youtube.CostRead + youtube.CostWrite, Back: page.Crumb{Label: n.Pages.T(lang, "newsroom.today.title"), Href: "/redazione"}}
	if p.Role == account.Administrator { // the channel's page is theirs alone
		view.Back = page.Crumb{Label: n.Pages.T(lang, "newsroom.channel.title"), Href: channelAddress}
	}
	view.Crumbs = []page.Crumb{view.Back, {Label: n.Pages.T(lang, "newsroom.adopt.title")}}
	if e, ok := errors.AsType[*fault.Error](refused); ok && e.Kind != fault.Invalid {
		view.Refusal = &e.Message
	}
	for _, m := range n.Registry.Municipalities() {
		view.Places = append(view.Places, m.Name)
	}
	var err error
	if view.Themes, err = n.themeOptions(c); err != nil {
		return err
	}
	found, err := n.Publisher.Uploads(ctx, token)
	if e, ok := errors.AsType[*fault.Error](err); ok {
		n.Log.WarnContext(ctx, "the channel's videos cannot be listed", "error", err)
		status, view.Refusal = page.Status(err), &e.Message
	} else if err != nil {
		return err
	}
	values := url.Values{}
	view.fill(found, typed, values)
	view.Form = page.NewForm(values, view.named(refused))
	frame := page.Frame{Title: n.Pages.T(lang, "newsroom.adopt.title"), Section: view.Back.Href, Page: &view}
	if count, err := strconv.Atoi(n.Sessions.Pop(ctx, adoptedCount)); err == nil {
		m := fault.Msg("newsroom.adopt.done", "Count", count)
		frame.Flash = &m
	}
	return n.renderForm(c, status, "adopt", adoptAddress, frame)
}

// fill makes the rows, with what was typed of each or else what its words say.
func (v *adoptPage) fill(found publishing.Uploads, typed, values url.Values) {
	v.NotYet = found.NotYet
	if found.Next != "" {
		v.Next = adoptAddress + "?" + url.Values{"pagina": {found.Next}}.Encode()
	}
	listed := map[string]bool{}
	for _, u := range found.Videos {
		listed[u.ID] = true
		row := adoptRow{
			ID: u.ID, Title: u.Title, PublishedAt: u.PublishedAt, Duration: u.Duration, Views: u.Counts.Views, Privacy: u.Privacy,
			Ready: u.Municipality != nil && len(u.Themes) > 0,
		}
		v.add(row)
		if slices.Contains(typed["video"], u.ID) {
			continue
		}
		if u.Municipality != nil {
			values.Set("municipality_"+u.ID, u.Municipality.Name)
		}
		for _, theme := range u.Themes {
			values.Add("themes_"+u.ID, theme.Slug)
		}
		if row.Ready {
			values.Set("adopt_"+u.ID, "1")
		}
	}
	for _, id := range typed["video"] {
		if !listed[id] { // the channel cannot be read now, or has lost it
			v.add(adoptRow{ID: id, Title: typed.Get("title_" + id)})
		}
		for _, name := range []string{"adopt_", "municipality_", "themes_"} {
			values[name+id] = typed[name+id]
		}
	}
}

func (v *adoptPage) add(row adoptRow) {
	row.Watch = "https://www.youtube.com/watch?v=" + url.QueryEscape(row.ID)
	v.Rows = append(v.Rows, row)
}

// named says of which video each complaint is.
func (v *adoptPage) named(refused error) error {
	e, ok := errors.AsType[*fault.Error](refused)
	if !ok || e.Kind != fault.Invalid {
		return nil
	}
	var fields fault.Fields
	for _, f := range e.Fields {
		for _, row := range v.Rows {
			if slices.Contains([]string{"adopt_" + row.ID, "municipality_" + row.ID, "themes_" + row.ID}, f.Name) {
				f.Message = fault.Msg("newsroom.adopt.wrong", "Title", row.Title, "What", f.Message)
			}
		}
		fields = append(fields, f)
	}
	return fields.Err()
}

func (n *Newsroom) themeOptions(c echo.Context) ([]page.Option, error) {
	ctx := c.Request().Context()
	themes, err := n.Testimonies.Themes(ctx)
	if err != nil {
		return nil, err
	}
	options := make([]page.Option, len(themes))
	for i, t := range themes {
		options[i] = page.Option{Value: t.Slug, Label: t.Name(page.Lang(ctx)), Icon: t.Icon, Hue: t.Colour}
	}
	return options, nil
}

// adopt imports the videos that were ticked.
func (n *Newsroom) adopt(c echo.Context) error {
	p, err := staff(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	var list []publishing.Adoption
	for _, id := range values["video"] {
		if values.Get("adopt_"+id) == "" {
			continue
		}
		m, _ := n.Registry.Named(values.Get("municipality_" + id)) // without one it is refused there
		list = append(list, publishing.Adoption{YoutubeID: id, MunicipalityCode: m.IstatCode, Themes: values["themes_"+id]})
	}
	ctx := c.Request().Context()
	err = n.Publisher.Adopt(ctx, p.Actor(), list)
	if e, ok := errors.AsType[*fault.Error](err); ok {
		if e.Kind != fault.Invalid {
			n.Log.WarnContext(ctx, "nothing was adopted", "error", err)
		}
		return n.showAdoptable(c, p, page.Status(err), values.Get("pagina"), values, err)
	}
	if err != nil {
		return err
	}
	n.Sessions.Put(ctx, adoptedCount, strconv.Itoa(len(list)))
	return c.Redirect(http.StatusSeeOther, page.Localize(page.Lang(ctx), adoptAddress))
}
