package dashboard

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/insight"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/testimony"
)

const (
	// perPage is how many municipalities a page of the board lists.
	perPage = 10
	// watched is how many of the most watched testimonies it names.
	watched = 10
	// sparkPoints is how many steps the small lines go back.
	sparkPoints = 30
)

// Board is all that a dashboard shows.
type Board struct {
	Summary
	Staff          bool
	Curves         Curves
	Themes         []Row
	Zones          []Row
	Municipalities []Row
	Pagination     page.Pagination
	Watched        []Row
	Map            Map
}

// Row is a line of one of the board's tables.
type Row struct {
	Label       string
	Lang        string // of the label, if it is not the page's
	Href        string // without language; empty: no link
	Note        string // such as the municipality of a testimony
	Icon, Hue   string
	Width       string // of the bar, 0 to 100
	Testimonies int64
	Views       int64
	Gained      int64 // in the last 30 days; may be negative
	Heard, Of   int   // municipalities of a zone
	Spark       page.Spark
	At          time.Time // when YouTube said so, if the row has a time of its own
}

// Ask says which board is wanted.
type Ask struct {
	Lang  string
	Path  string // of the page, for the links through the list of municipalities
	Page  int    // of that list
	Staff bool   // names lead to the newsroom's pages
}

// Board returns all that a dashboard shows: a fixed number of questions, however
// much there is. It returns fault.NotFound for a page beyond the last.
func (d *Dashboard) Board(ctx context.Context, ask Ask) (Board, error) {
	board := Board{Staff: ask.Staff}
	totals, err := d.insight.Totals(ctx)
	if err != nil {
		return board, err
	}
	cover, err := d.insight.Coverage(ctx)
	if err != nil {
		return board, err
	}
	if board.Fresh, err = d.fresh(ctx, totals.Source); err != nil {
		return board, err
	}
	board.Empty = totals.Testimonies == 0
	board.Figures = d.figures(ask.Lang, totals, cover, board.Fresh)
	board.Map = d.draw(ask.Lang, cover)
	if board.Curves, err = d.curves(ctx, ask.Lang, board.Fresh.At != nil); err != nil {
		return board, err
	}
	board.Figures[1].Spark = board.Curves.spark
	if board.Themes, err = d.themes(ctx, ask, board.Curves); err != nil {
		return board, err
	}
	if board.Zones, err = d.zones(ctx); err != nil {
		return board, err
	}
	if board.Municipalities, board.Pagination, err = d.municipalities(ctx, ask); err != nil {
		return board, err
	}
	board.Watched, err = d.watched(ctx)
	return board, err
}

// themes are the rows of all themes, in their order, each with a small line of
// what it gained.
func (d *Dashboard) themes(ctx context.Context, ask Ask, curves Curves) ([]Row, error) {
	by, err := d.insight.ByTheme(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]Row, len(by.Rows))
	for i, f := range by.Rows {
		rows[i] = row(f.Theme.Name(ask.Lang), "/testimonianze?tema="+f.Theme.Slug, f.Figures)
		rows[i].Icon, rows[i].Hue = f.Theme.Icon, f.Theme.Colour
		rows[i].Spark = curves.sparks[f.Theme.Slug]
	}
	return drawn(rows), nil
}

// zones are the rows of all zones, by their number; the bar is who was heard.
func (d *Dashboard) zones(ctx context.Context) ([]Row, error) {
	by, err := d.insight.ByZone(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]Row, len(by.Rows))
	for i, f := range by.Rows {
		rows[i] = row(f.Zone.Name, "/testimonianze?zona="+f.Zone.Slug, f.Figures)
		rows[i].Heard, rows[i].Of = f.Heard, f.Of
		rows[i].Width = width(int64(f.Heard), int64(f.Of))
	}
	return rows, nil
}

// municipalities is a page of those that have a testimony, the most watched
// first. Their bars are shares of the most watched of all, on every page.
func (d *Dashboard) municipalities(ctx context.Context, ask Ask) ([]Row, page.Pagination, error) {
	number := max(ask.Page, 1)
	by, err := d.insight.ByMunicipality(ctx, (number-1)*perPage, perPage)
	if err != nil {
		return nil, page.Pagination{}, err
	}
	if number > 1 && len(by.Rows) == 0 {
		return nil, page.Pagination{}, fault.New(fault.NotFound, "error.not_found")
	}
	rows := make([]Row, len(by.Rows))
	for i, f := range by.Rows {
		href := "/comuni/" + f.Municipality.Slug
		if ask.Staff {
			href = "/redazione/comuni/" + f.Municipality.IstatCode
		}
		rows[i] = row(f.Municipality.Name, href, f.Figures)
		zone, err := d.registry.Zone(f.Municipality.ZoneSlug)
		if err != nil {
			return nil, page.Pagination{}, err
		}
		rows[i].Note = zone.Name
	}
	return drawn(rows), page.Pagination{
		Page: number, Pages: page.PageCount(by.Total, perPage), Total: by.Total, Path: ask.Path,
	}, nil
}

func (d *Dashboard) watched(ctx context.Context) ([]Row, error) {
	most, err := d.insight.MostWatched(ctx, watched)
	if err != nil {
		return nil, err
	}
	rows := make([]Row, len(most.Cards))
	for i, c := range most.Cards {
		rows[i] = Row{
			Label: c.Title, Lang: c.Language, Note: c.Municipality.Name, Views: c.Views, At: c.At,
			Href: "/testimonianze/" + strconv.FormatInt(c.ID, 10) + "-" + cmp.Or(c.Slug, (&testimony.Testimony{}).Slug()),
		}
	}
	return drawn(rows), nil
}

func row(label, href string, f insight.Figures) Row {
	return Row{Label: label, Href: href, Testimonies: f.Testimonies, Views: f.Views, Gained: f.Gained30}
}

// drawn gives rows bars by their views.
func drawn(rows []Row) []Row {
	var most int64
	for _, r := range rows {
		most = max(most, r.Views)
	}
	for i := range rows {
		rows[i].Width = width(rows[i].Views, most)
	}
	return rows
}

// width is the length of a bar: part of whole, in hundredths.
func width(part, whole int64) string {
	if whole <= 0 || part <= 0 {
		return "0"
	}
	return strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 1, 64)
}
