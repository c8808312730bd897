package browser

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// Request is one that a page made.
type Request struct {
	Method  string
	URL     string
	Headers map[string]any
}

// Header is the value of a header, whatever its case.
func (r Request) Header(name string) string {
	for k, v := range r.Headers {
		if strings.EqualFold(k, name) {
			return fmt.Sprint(v)
		}
	}
	return ""
}

// watch notes what a tab asks for and what goes wrong in it.
type watch struct {
	mu       sync.Mutex
	origins  []string // that may be asked
	requests []Request
	wrong    []string
	forgiven []string // parts of what may go wrong
}

func newWatch(origin string) *watch { return &watch{origins: []string{origin}} }

// event is called for all that happens in the tab.
func (w *watch) event(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		w.requests = append(w.requests, Request{Method: e.Request.Method, URL: e.Request.URL, Headers: e.Request.Headers})
		if !w.may(e.Request.URL) {
			w.wrong = append(w.wrong, fmt.Sprintf("%s asked another origin: %s %s", e.DocumentURL, e.Request.Method, e.Request.URL))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			w.wrong = append(w.wrong, fmt.Sprintf("console: %s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventExceptionThrown:
		w.wrong = append(w.wrong, "console: "+exception(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			w.wrong = append(w.wrong, "console.error: "+arguments(e.Args))
		}
	}
}

func exception(d *runtime.ExceptionDetails) string {
	text := d.Text
	if d.Exception != nil {
		text += " " + d.Exception.Description
	}
	return fmt.Sprintf("%s (%s:%d)", text, d.URL, d.LineNumber+1)
}

func arguments(args []*runtime.RemoteObject) string {
	var all []string
	for _, a := range args {
		var text string
		if json.Unmarshal(a.Value, &text) != nil {
			text = a.Description
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// may tells whether an address is one that pages may ask.
func (w *watch) may(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	switch u.Scheme {
	case "about", "blob", "data":
		return true
	default:
		return slices.Contains(w.origins, u.Scheme+"://"+u.Host)
	}
}

// troubles are what went wrong and was not forgiven.
func (w *watch) troubles() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var left []string
	for _, each := range w.wrong {
		if !slices.ContainsFunc(w.forgiven, func(part string) bool { return strings.Contains(each, part) }) {
			left = append(left, each)
		}
	}
	return left
}

// Forgive says what this test does on purpose, by a part of what the console
// will say of it: a line that is cut, a form that is refused.
func (tab *Tab) Forgive(part string) {
	tab.seen.mu.Lock()
	defer tab.seen.mu.Unlock()
	tab.seen.forgiven = append(tab.seen.forgiven, part)
}

// MayAsk lets the tab go to another origin too, such as the consent page's.
func (tab *Tab) MayAsk(origin string) {
	tab.seen.mu.Lock()
	defer tab.seen.mu.Unlock()
	tab.seen.origins = append(tab.seen.origins, origin)
}

// Requests are those that the tab made so far, with this method and this
// beginning of the path.
func (tab *Tab) Requests(method, path string) []Request {
	tab.seen.mu.Lock()
	defer tab.seen.mu.Unlock()
	var found []Request
	for _, r := range tab.seen.requests {
		if r.Method == method && strings.HasPrefix(r.URL, tab.person.origin+path) {
			found = append(found, r)
		}
	}
	return found
}
