package page

import (
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/fault"
)

// The view models of the parts in web/parts, for every face. They hold values;
// words and formats are the templates' matter.

// Card is a testimony as lists show it.
type Card struct {
	Href         string // without language
	Poster       string // address of the picture; empty: a drawing of ours
	Duration     time.Duration
	Municipality string
	Residents    int
	Zone         string
	Speaker      string
	Role         string
	Title        string
	Lang         string // language of title and speech
	Themes       []Chip
	Views        *int64    // nil: nobody has told yet
	ViewsAt      time.Time // when that was so
	Sample       bool
	Heading      int  // level of the heading: 2 (default) or 3
	Eager        bool // the picture is visible at once
}

// Level is the level of the card's heading.
func (c Card) Level() int {
	if c.Heading == 3 {
		return 3
	}
	return 2
}

// Chip is a theme: icon and word, and its colour only beside them.
type Chip struct {
	Name  string
	Icon  string
	Hue   string // #rrggbb
	Href  string // without language; empty: no link
	Count int    // shown if not zero
}

// Step is one station of a testimony's way.
type Step struct {
	Label  fault.Message
	State  StepState
	At     time.Time      // when it was reached
	Note   *fault.Message // what is going on, or until when
	Reason string         // what a person wrote, as it was written

	YouTube bool // the note is what YouTube says
}

// StepState is how far a step is.
type StepState string

// The states of a step: each has its icon and word.
const (
	StepDone    StepState = "done"
	StepCurrent StepState = "current"
	StepWaiting StepState = "waiting" // stands still for a while, and goes on by itself
	StepBlocked StepState = "blocked" // somebody must do something
	StepEnded   StepState = "ended"   // it goes no further
	StepAhead   StepState = "ahead"
)

// Pagination is the way through the pages of a list.
type Pagination struct {
	Page, Pages int
	Total       int
	Path        string // without language
	Query       url.Values
	Param       string // name of the page's number; default "pagina"
}

// lastPage is beyond every list's end, and small enough to be multiplied.
const lastPage = 1_000_000

// PageNumber reads the page of a list from the address. What is no number is the
// first page; what is larger than any list stays beyond its end.
func PageNumber(c echo.Context) int {
	n, err := strconv.Atoi(c.QueryParam("pagina"))
	if errors.Is(err, strconv.ErrRange) && n > 0 {
		return lastPage
	}
	if err != nil || n < 1 {
		return 1
	}
	return min(n, lastPage)
}

// PageCount counts the pages of total items.
func PageCount(total, each int) int { return max((total+each-1)/each, 1) }

// PageLink is one page in a Pagination; Page 0 is a gap.
type PageLink struct {
	Page    int
	Href    string // without language
	Current bool
}

// Href is the address of a page of the list.
func (p Pagination) Href(page int) string {
	q := url.Values{}
	for name, values := range p.Query {
		q[name] = values
	}
	param := p.Param
	if param == "" {
		param = "pagina"
	}
	q.Del(param)
	if page > 1 {
		q.Set(param, strconv.Itoa(page))
	}
	if len(q) == 0 {
		return p.Path
	}
	return p.Path + "?" + q.Encode()
}

// Previous is the address of the page before, empty on the first.
func (p Pagination) Previous() string {
	if p.Page <= 1 {
		return ""
	}
	return p.Href(p.Page - 1)
}

// Next is the address of the page after, empty on the last.
func (p Pagination) Next() string {
	if p.Page >= p.Pages {
		return ""
	}
	return p.Href(p.Page + 1)
}

// Links are the first page, the last, and those around the current one.
func (p Pagination) Links() []PageLink {
	var links []PageLink
	last := 0
	for n := 1; n <= p.Pages; n++ {
		if n != 1 && n != p.Pages && (n < p.Page-1 || n > p.Page+1) {
			continue
		}
		if n > last+1 {
			links = append(links, PageLink{})
		}
		links = append(links, PageLink{Page: n, Href: p.Href(n), Current: n == p.Page})
		last = n
	}
	return links
}

// Empty says what will be here and what to do first.
type Empty struct {
	Icon   string
	What   fault.Message
	Do     *fault.Message
	Href   string // without language
	Action fault.Message
}

// Alert is a sentence that stands out. Kind is success, info, warning or danger.
type Alert struct {
	Kind    string
	Message fault.Message
	More    *fault.Message
}

// Banner is said on top of every page of a face until somebody mends it.
type Banner struct {
	Message fault.Message
	Do      *fault.Message // for those who cannot mend it themselves
	Href    string         // without language; empty: no link
	Action  fault.Message  // the words that lead there
}

// Crumb is a station on the way to a page; the last one has no address.
type Crumb struct {
	Label string
	Href  string // without language
}

// Figure is one number that matters, with its word, its source and its age.
type Figure struct {
	Number string         // written by Number
	Of     *fault.Message // such as "di 316"
	Label  fault.Message
	Source *fault.Message // such as "YouTube, aggiornato oggi alle 09:00"
	Spark  Spark

	YouTube bool // the number is YouTube's
}
