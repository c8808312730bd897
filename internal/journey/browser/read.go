package browser

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// lookTime bounds one question to the page, which may be on its way out.
const lookTime = 10 * time.Second

// try asks the page for the value of an expression.
func try[T any](tab *Tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(tab.ctx, lookTime)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Eval asks the page for the value of an expression, awaited if it is a promise.
func Eval[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	v, err := try[T](tab, expression)
	if err != nil {
		tab.fail("%s: %v", expression, err)
	}
	return v
}

// call runs a command of the protocol that must work.
func call[P, R any](tab *Tab, cmd cdp.Command[P, R], params P) R {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	r, err := chromedp.Call(ctx, cmd, params)
	if err != nil {
		tab.fail("%s: %v", cmd.Method, err)
	}
	return r
}

// visible is what can be read on the page, with single spaces.
const visible = `document.body.innerText.replace(/\s+/g, " ")`

// Text is what can be read on the page, with single spaces.
func (tab *Tab) Text() string {
	tab.t.Helper()
	return Eval[string](tab, visible)
}

// Sees waits until all of these can be read on the page.
func (tab *Tab) Sees(texts ...string) {
	tab.t.Helper()
	for _, text := range texts {
		tab.until("see "+text, func() (bool, error) {
			all, err := try[string](tab, visible)
			return strings.Contains(all, text), err
		})
	}
}

// SeesNot waits until this cannot be read on the page.
func (tab *Tab) SeesNot(text string) {
	tab.t.Helper()
	tab.until("see no more "+text, func() (bool, error) {
		all, err := try[string](tab, visible)
		return !strings.Contains(all, text), err
	})
}

// Until waits until an expression of the page is true.
func (tab *Tab) Until(expression string) {
	tab.t.Helper()
	tab.until(expression, func() (bool, error) {
		return try[bool](tab, "Boolean("+expression+")")
	})
}

// UntilNumber waits until an expression of the page gives a number that will do,
// and returns it.
func (tab *Tab) UntilNumber(expression string, enough func(float64) bool) (n float64) {
	tab.t.Helper()
	tab.until(expression, func() (ok bool, err error) {
		n, err = try[float64](tab, expression)
		return err == nil && enough(n), err
	})
	return n
}

// quote writes a text as JavaScript does.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always can be
	}
	return string(b)
}
