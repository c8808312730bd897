package browser

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Tab is a page that somebody looks at.
type Tab struct {
	t      testing.TB
	person *Person
	ctx    context.Context
	cancel context.CancelFunc
	seen   *watch
	plain  bool // without scripts
}

// Resize changes the window.
func (tab *Tab) Resize(s Size) {
	tab.t.Helper()
	var options []chromedp.EmulateViewportOption
	if s.Phone {
		options = append(options, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait, chromedp.EmulateScale(2))
	}
	tab.do("change the window", chromedp.EmulateViewport(s.Width, s.Height, options...))
	tab.person.size = s
	if !tab.plain {
		// Scripts that follow the window's size have had their turn after two frames.
		Eval[bool](tab, "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
	}
}

// Open goes to an address of the portal, or to a whole one, and returns the
// status of the answer.
func (tab *Tab) Open(address string) int {
	tab.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = tab.person.origin + address
	}
	tab.do("open "+address, chromedp.Navigate(address))
	return Eval[int](tab, `performance.getEntriesByType("navigation")[0].responseStatus`)
}

// OpenUntil opens an address again and again until it says text: for what
// another process brings about.
func (tab *Tab) OpenUntil(address, text string) {
	tab.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		tab.Open(address)
		if strings.Contains(tab.Text(), text) {
			return
		}
		if time.Now().After(deadline) {
			tab.fail("%s never says %q", address, text)
		}
		tab.pause()
	}
}

// Address is the path and the query of the page.
func (tab *Tab) Address() string {
	tab.t.Helper()
	u, err := url.Parse(Eval[string](tab, "location.href"))
	if err != nil {
		tab.t.Fatal(err)
	}
	return u.RequestURI()
}

// At waits until the page of this path is there. A path that ends in * stands
// for all that begin with it.
func (tab *Tab) At(path string) {
	tab.t.Helper()
	begin, open := strings.CutSuffix(path, "*")
	tab.until("arrive at "+path, func() (bool, error) {
		at, err := try[string](tab, `document.readyState === "complete" ? location.pathname : ""`)
		return at == path || open && strings.HasPrefix(at, begin), err
	})
}

// WithoutScripts turns the scripts of pages off.
func (tab *Tab) WithoutScripts() {
	tab.t.Helper()
	tab.plain = true
	tab.scripts(false)
}

func (tab *Tab) scripts(on bool) {
	tab.t.Helper()
	call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}

// dialog agrees to whatever a page asks in a box, such as whether to leave it.
func (tab *Tab) dialog(event any) {
	if _, ok := event.(*page.EventJavascriptDialogOpening); ok {
		go func() {
			// The page may be gone already.
			_, _ = chromedp.Call(tab.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		}()
	}
}

// do runs steps, and fails the test if one of them fails or takes too long.
func (tab *Tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		tab.fail("%s: %v", what, err)
	}
}

// until waits for a condition. Errors are waited out too: a page that is being
// left answers nothing.
func (tab *Tab) until(what string, ok func() (bool, error)) {
	tab.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		is, err := ok()
		if is && err == nil {
			return
		}
		if time.Now().After(deadline) {
			if err != nil {
				what = fmt.Sprintf("%s (%v)", what, err)
			}
			tab.fail("never happened: %s", what)
		}
		tab.pause()
	}
}

// pause lets the browser work between two looks at a condition.
func (tab *Tab) pause() { time.Sleep(25 * time.Millisecond) }

// fail ends the test, and says what the page shows.
func (tab *Tab) fail(form string, args ...any) {
	tab.t.Helper()
	where, _ := try[string](tab, "location.href")
	text, _ := try[string](tab, "document.body.innerText")
	if len(text) > 3000 {
		text = text[:3000] + "…"
	}
	tab.t.Fatalf("%s\nat %s (%d px):\n%s\n%s", fmt.Sprintf(form, args...), where, tab.person.size.Width, text, strings.Join(tab.seen.troubles(), "\n"))
}

// Hidden tells the page that nobody looks at it, or that somebody does again, as
// a telephone does when another app comes to the front.
func (tab *Tab) Hidden(is bool) {
	tab.t.Helper()
	Eval[bool](tab, fmt.Sprintf(`(() => {
		Object.defineProperty(document, "hidden", { configurable: true, get: () => %t });
		document.dispatchEvent(new Event("visibilitychange"));
		return true;
	})()`, is))
}

// Heap is how many bytes the scripts of the page hold.
func (tab *Tab) Heap() int64 {
	tab.t.Helper()
	return int64(call(tab, runtime.GetHeapUsage, struct{}{}).UsedSize)
}
