package studio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/tryout"
)

const (
	tryoutPath = "/comune/prova"
	// drained is how much of a film that was refused is still read, in bytes, so
	// that browsers that send before they listen get their answer.
	drained = 256 << 20
)

// tryoutPage is the rehearsal: ten seconds are recorded, sent and judged.
type tryoutPage struct {
	Crumbs    []page.Crumb
	Form      *page.Form
	Bytes     int64 // the limit of a film
	Megabytes int   // the same, as people say it
	Result    *tryoutView
}

// tryoutView is a result in words.
type tryoutView struct {
	At     time.Time
	Checks []tryoutCheck
	Line   tryoutLine
}

// tryoutCheck is one thing that was looked at. Its sentences are
// tryout.<about>.short.<verdict> and tryout.<about>.say.<verdict>.
type tryoutCheck struct {
	Good       bool
	Short, Say fault.Message
}

// tryoutLine is what the line is good for.
type tryoutLine struct {
	Check    tryoutCheck
	Slow     bool
	Measured *fault.Message // nil, as Times, where too little came to tell
	Times    []tryoutTime
}

// tryoutTime is how long one kind of video takes.
type tryoutTime struct {
	Kind  string // end of the key of its sentence
	Bytes int64
	Takes fault.Message
}

func (s *Studio) showTryout(c echo.Context) error {
	p, err := editor(c)
	if err != nil {
		return err
	}
	return s.renderTryout(c, p, http.StatusOK, nil)
}

func (s *Studio) renderTryout(c echo.Context, p account.Person, status int, wrong error) error {
	ctx := c.Request().Context()
	m, err := s.registry.Municipality(p.MunicipalityCode)
	if err != nil {
		return err
	}
	last, err := s.tryouts.Last(ctx, p.LinkID)
	if err != nil {
		return err
	}
	title := s.pages.T(page.Lang(ctx), "tryout.title")
	view := tryoutPage{
		Crumbs: []page.Crumb{{Label: m.Name, Href: "/comune"}, {Label: title}},
		Form:   page.NewForm(nil, wrong), Bytes: tryout.MaxBytes, Megabytes: tryout.MaxBytes >> 20,
	}
	if last != nil && wrong == nil {
		view.Result = viewOfTryout(last)
	}
	if wrong != nil {
		title = s.pages.T(page.Lang(ctx), "form.error_prefix") + " " + title
	}
	return s.pages.Render(c, status, "studio/tryout", page.Frame{Title: title, Section: "/comune", Robots: "noindex", Canonical: tryoutPath, Page: view})
}

// triedOut is what the page's script learns after it sent a film.
type triedOut struct {
	ID      int64  `json:"id"`
	Address string `json:"address"`
	Looked  int64  `json:"looked"` // milliseconds from the film's last byte to this answer
}

// tryOut receives a film and judges it.
func (s *Studio) tryOut(c echo.Context) error {
	p, err := editor(c)
	if err != nil {
		return err
	}
	start := time.Now() // not the given clock, which may be set meanwhile
	r, err := s.receiveTryout(c, p)
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind != fault.Unknown && !wantsJSON(c) {
		return s.renderTryout(c, p, page.Status(err), fault.Fields{{Name: "video", Message: e.Message}}.Err())
	}
	if err != nil {
		return err
	}
	address := fmt.Sprintf("%s?esito=%d#esito", localized(c, tryoutPath), r.ID)
	if !wantsJSON(c) {
		return c.Redirect(http.StatusSeeOther, address)
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	looked := time.Since(start).Milliseconds() - r.ReceivedMS
	return c.JSON(http.StatusOK, triedOut{ID: r.ID, Address: address, Looked: max(looked, 0)})
}

// receiveTryout finds the film in a posted form as it arrives.
func (s *Studio) receiveTryout(c echo.Context, p account.Person) (*tryout.Result, error) {
	r := c.Request()
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "form.unreadable")
	}
	for range maxFields {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "tryout.cut")
		}
		if part.FormName() != "video" || part.FileName() == "" {
			continue
		}
		if r.ContentLength > tryout.MaxBytes+maxField {
			err = tryout.TooLarge()
		}
		var result *tryout.Result
		if err == nil {
			result, err = s.tryouts.Receive(r.Context(), p.LinkID, part)
		}
		if err != nil {
			_, _ = io.CopyN(io.Discard, r.Body, drained) // the refusal is what counts
		}
		return result, err
	}
	return nil, fault.New(fault.Invalid, "tryout.no_file")
}

// timeTryout learns from the page's script how long sending took.
func (s *Studio) timeTryout(c echo.Context) error {
	p, err := editor(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	id, took, err := readTiming(values)
	if err != nil {
		return err
	}
	if err := s.tryouts.Timed(c.Request().Context(), p.LinkID, id, took); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func readTiming(values url.Values) (id int64, took time.Duration, err error) {
	id, err = strconv.ParseInt(values.Get("id"), 10, 64)
	ms, err2 := strconv.ParseInt(values.Get("milliseconds"), 10, 64)
	took = time.Duration(ms) * time.Millisecond
	if err = errors.Join(err, err2); err != nil || ms < 0 || ms > (24*time.Hour).Milliseconds() {
		return 0, 0, fault.Wrap(err, fault.Invalid, "form.unreadable")
	}
	return id, took, nil
}

func viewOfTryout(r *tryout.Result) *tryoutView {
	return &tryoutView{
		At: r.At,
		Checks: []tryoutCheck{
			checkOf("light", r.Light()),
			checkOf("sound", r.Sound()),
			checkOf("picture", r.Picture(), "Width", r.Width, "Height", r.Height),
		},
		Line: lineOf(r.Line()),
	}
}

func checkOf(about string, v tryout.Verdict, pairs ...any) tryoutCheck {
	return tryoutCheck{
		Good: v == tryout.Good, Short: shortOf(about, v),
		Say: fault.Msg("tryout."+about+".say."+string(v), pairs...),
	}
}

func shortOf(about string, v tryout.Verdict) fault.Message {
	return fault.Msg("tryout." + about + ".short." + string(v))
}

func lineOf(l tryout.Line) tryoutLine {
	verdict := l.Judge()
	v := tryoutLine{Check: tryoutCheck{Good: verdict != tryout.Slow && verdict != tryout.Unsure, Short: shortOf("line", verdict)}, Slow: verdict == tryout.Slow}
	if verdict == tryout.Unsure {
		v.Check.Say = fault.Msg("tryout.line.small")
		return v
	}
	v.Check.Say, v.Measured = exampleOf(l), measuredOf(l)
	for _, k := range tryout.Kinds {
		v.Times = append(v.Times, tryoutTime{Kind: k.Name, Bytes: k.Bytes, Takes: takes(l.Takes(k.Bytes))})
	}
	return v
}

// exampleOf says what the line means for the video that the portal suggests.
func exampleOf(l tryout.Line) fault.Message {
	key, took := "tryout.line.about", l.Takes(tryout.Kinds[0].Bytes)
	switch {
	case took < time.Minute:
		key = "tryout.line.moment"
	case !l.Sure():
		key = "tryout.line.most"
	}
	return fault.Msg(key, "Minutes", int(tryout.ExampleLength.Minutes()), "Time", takes(took))
}

func measuredOf(l tryout.Line) *fault.Message {
	switch bits := l.Speed() * 8; {
	case !l.Sure():
		return message("tryout.line.short_measure")
	case bits < 1e6:
		return message("tryout.line.measured_slow", "Speed", int(bits/1e3))
	default:
		return message("tryout.line.measured", "Speed", bits/1e6)
	}
}

// takes says a time as people do: about so many minutes, or hours.
func takes(d time.Duration) fault.Message {
	switch {
	case d < time.Minute:
		return fault.Msg("tryout.time.less")
	case d < 100*time.Minute:
		return fault.Msg("tryout.time.minutes", "Count", int(math.Round(d.Minutes())))
	case d < 48*time.Hour:
		return fault.Msg("tryout.time.hours", "Count", int(math.Round(d.Hours())))
	default:
		return fault.Msg("tryout.time.days", "Count", int(math.Round(d.Hours()/24)))
	}
}

// tryoutHint is what a person's last try-out said, in a line; nil without one.
func (s *Studio) tryoutHint(ctx context.Context, p account.Person) (*fault.Message, error) {
	r, err := s.tryouts.Last(ctx, p.LinkID)
	if r == nil || err != nil {
		return nil, err
	}
	hint := fault.Msg("tryout.hint", "At", r.At, "Light", shortOf("light", r.Light()), "Sound", shortOf("sound", r.Sound()),
		"Picture", shortOf("picture", r.Picture()), "Line", shortOf("line", r.Line().Judge()))
	return &hint, nil
}
