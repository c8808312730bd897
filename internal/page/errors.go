package page

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/fault"
)

// tusPath is where uploads are received; its clients read plain sentences.
const tusPath = "/caricamenti/"

// statuses give each kind of refusal its HTTP status.
var statuses = map[fault.Kind]int{
	fault.Unknown:     http.StatusInternalServerError,
	fault.Invalid:     http.StatusUnprocessableEntity,
	fault.NotFound:    http.StatusNotFound,
	fault.Forbidden:   http.StatusForbidden,
	fault.SignedOut:   http.StatusUnauthorized,
	fault.Conflict:    http.StatusConflict,
	fault.Gone:        http.StatusGone,
	fault.TooLarge:    http.StatusRequestEntityTooLarge,
	fault.Unsupported: http.StatusUnsupportedMediaType,
	fault.Unavailable: http.StatusServiceUnavailable,
	fault.Full:        http.StatusInsufficientStorage,
}

// Status is the HTTP status of an error.
func Status(err error) int {
	if e, ok := errors.AsType[*echo.HTTPError](err); ok && fault.Of(err) == fault.Unknown {
		return e.Code
	}
	if errors.Is(err, context.Canceled) {
		return statusGone
	}
	return statuses[fault.Of(err)]
}

// statusGone is what the log says when the browser did not wait for the answer
// (nginx's 499); nobody reads the page.
const statusGone = 499

// Problem is the view model of the error page.
type Problem struct {
	Status  int
	What    fault.Message   // what happened
	Details []fault.Message // what is wrong with each field
	Safe    fault.Message   // what is not lost
	Do      fault.Message   // what to do now
	Until   time.Time       // when to try again, if known
	ID      string          // of the line in the log, for those whose fault it is not
	Home    string          // where to go on
	Go      fault.Message   // the words that lead there
}

// Error is echo's HTTPErrorHandler: the one place where errors become a status
// and a page, in the language of the request.
func (p *Pages) Error(err error, c echo.Context) {
	if c.Response().Committed {
		p.logFailure(c.Request(), Status(err), err)
		return
	}
	p.Refuse(c.Response(), c.Request(), err)
}

// Refuse answers with the page of an error, also outside echo.
func (p *Pages) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	r = stripLang(r)
	status := Status(err)
	p.logFailure(r, status, err)
	problem := p.problem(r, status, err)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Del("Content-Length")
	h.Del("Content-Encoding")
	h.Del("Etag")
	if !problem.Until.IsZero() {
		seconds := max(int(problem.Until.Sub(p.opt.Now())/time.Second), 1)
		h.Set("Retry-After", strconv.Itoa(seconds))
	}
	lang := Lang(r.Context())
	switch {
	case wantsPlain(r):
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(p.Say(lang, problem.What) + "\n"))
	case wantsJSON(r):
		p.refuseJSON(w, lang, status, problem, err)
	default:
		frame := Frame{Title: p.Say(lang, fault.Msg("error.title."+titleOf(status))), Robots: "noindex", Page: problem}
		if failed := p.write(w, r, status, "site/error", frame); failed != nil {
			p.opt.Log.Error("the error page failed", "error", failed)
		}
	}
}

func (p *Pages) refuseJSON(w http.ResponseWriter, lang string, status int, problem Problem, err error) {
	body := struct {
		Status  int               `json:"status"`
		Message string            `json:"message"`
		Fields  map[string]string `json:"fields,omitempty"`
		ID      string            `json:"id,omitempty"`
	}{Status: status, Message: p.Say(lang, problem.What), ID: problem.ID}
	if e, ok := errors.AsType[*fault.Error](err); ok && len(e.Fields) > 0 {
		body.Fields = map[string]string{}
		for _, f := range e.Fields {
			body.Fields[f.Name] = p.Say(lang, f.Message)
		}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // an error means that the client has gone
}

// titleOf chooses among the titles that the error page has.
func titleOf(status int) string {
	switch status {
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return "404"
	case http.StatusForbidden, http.StatusUnauthorized, http.StatusGone, http.StatusServiceUnavailable:
		return strconv.Itoa(status)
	}
	if status >= http.StatusInternalServerError {
		return "500"
	}
	return "400"
}

func (p *Pages) problem(r *http.Request, status int, err error) Problem {
	about := titleOf(status)
	problem := Problem{
		Status: status,
		What:   fault.Msg("error.what." + about),
		Safe:   fault.Msg("error.safe." + about),
		Do:     fault.Msg("error.do." + about),
		Home:   "/",
		Go:     fault.Msg("error.home"),
	}
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind != fault.Unknown {
		problem.What, problem.Until = e.Message, e.Until
		for _, f := range e.Fields {
			problem.Details = append(problem.Details, f.Message)
		}
	} else if status == http.StatusMethodNotAllowed {
		problem.What = fault.Msg("error.what.405")
	} else if status == http.StatusRequestEntityTooLarge {
		problem.What = fault.Msg("error.what.413")
	}
	if status >= http.StatusInternalServerError {
		problem.ID = RequestID(r.Context())
	}
	if viewer := p.opt.Viewer(r.Context()); viewer != nil && viewer.Home != "" {
		problem.Home = viewer.Home
	}
	if status == http.StatusUnauthorized {
		problem.Home, problem.Go = "/entra", fault.Msg("error.enter")
	}
	return problem
}

func (p *Pages) logFailure(r *http.Request, status int, err error) {
	level := slog.LevelDebug
	switch {
	case fault.Of(err) == fault.Unavailable: // it passes by itself
		level = slog.LevelInfo
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	}
	p.opt.Log.Log(r.Context(), level, "refused", "id", RequestID(r.Context()), "status", status,
		"method", r.Method, "path", maskedPath(r.URL.Path), "error", err)
}

// wantsPlain is for clients that show a sentence, not a page.
func wantsPlain(r *http.Request) bool {
	path := r.URL.Path
	return strings.HasPrefix(path, tusPath) || r.Header.Get("Tus-Resumable") != "" ||
		path == "/healthz" || path == "/readyz" || path == "/metrics" || strings.HasPrefix(path, staticPrefix)
}

func wantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	if strings.Contains(accept, "text/html") {
		return false
	}
	return strings.Contains(accept, "application/json") || strings.HasSuffix(r.URL.Path, ".json") || r.URL.Path == "/oembed"
}
