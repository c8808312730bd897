// Package browser drives Chromium as people do: it finds things by their labels
// and by the roles and names that assistive technology hears, presses, types and
// waits for what it expects to read. What no page may do fails the test by
// itself: ask another origin, break the content policy, write an error to the
// console. It knows nothing of the portal but its address.
package browser

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// patience bounds every wait, on a machine with much else to do.
const patience = 90 * time.Second

// Size is the window somebody looks through.
type Size struct {
	Width, Height int64
	Phone         bool // touch, and a viewport as telephones have
}

// The windows that pages are made for.
var (
	Phone  = Size{Width: 390, Height: 844, Phone: true}
	Small  = Size{Width: 320, Height: 640, Phone: true}
	Laptop = Size{Width: 1280, Height: 900}
)

// Browser is a Chromium that runs.
type Browser struct {
	ctx  context.Context
	axe  string // its source
	kept bool   // it has a profile of its own, which outlives it
}

// Start starts Chromium, until the end of the test, with more flags of its command
// line, such as those of WithCamera.
func Start(t testing.TB, flags ...string) *Browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"),
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Env("LANGUAGE=it", "TZ=Europe/Rome"), // as those have whom the portal is for
		chromedp.Flag("accept-lang", "it"),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		// Nothing leaves this machine, whatever a page or Chromium itself asks for.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	for _, flag := range flags {
		name, value, given := strings.Cut(flag, "=")
		if !given {
			options = append(options, chromedp.Flag(name, true))
			continue
		}
		options = append(options, chromedp.Flag(name, value))
	}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to run as root with it
	}
	alloc, stop := chromedp.NewExecAllocator(t.Context(), options...)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		cancel()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return &Browser{ctx: ctx, axe: readAxe(t)}
}

// Person is somebody with a browser of their own: other cookies, other storage.
type Person struct {
	t       testing.TB
	browser *Browser
	ctx     context.Context
	origin  string // of the portal
	size    Size
	profile cdp.BrowserContextID
}

// Person lets somebody use the portal at origin, such as http://127.0.0.1:8080.
func (b *Browser) Person(t testing.TB, origin string, size Size) *Person {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a profile: %v", err)
	}
	return &Person{t: t, browser: b, ctx: ctx, origin: origin, size: size, profile: chromedp.FromContext(ctx).BrowserContextID}
}

// Cookies are the names of the cookies that the portal gave this person.
func (p *Person) Cookies() []string {
	p.t.Helper()
	found, err := chromedp.CallBrowser(p.ctx, storage.GetCookies, storage.GetCookiesParams{BrowserContextID: p.profile})
	if err != nil {
		p.t.Fatalf("read the cookies: %v", err)
	}
	var names []string
	for _, c := range found.Cookies {
		names = append(names, c.Name)
	}
	return names
}

// Clipboard is what this person copied last; tab is a page of the portal.
func (p *Person) Clipboard(tab *Tab) string {
	p.t.Helper()
	_, err := chromedp.CallBrowser(p.ctx, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "clipboard-read"}, Setting: browser.PermissionSettingGranted, BrowserContextID: p.profile,
	})
	if err != nil {
		p.t.Fatalf("allow to read the clipboard: %v", err)
	}
	return Eval[string](tab, "navigator.clipboard.readText()")
}

// Tab opens an empty tab. What it did wrong is told at the end of the test.
func (p *Person) Tab() *Tab {
	p.t.Helper()
	tab := &Tab{t: p.t, person: p, seen: newWatch(p.origin)}
	tab.ctx, tab.cancel = chromedp.NewContext(p.ctx, chromedp.WithListener(tab.seen.event), chromedp.WithListener(tab.dialog))
	if err := chromedp.Do(tab.ctx); err != nil {
		p.t.Fatalf("open a tab: %v", err)
	}
	tab.Resize(p.size)
	p.t.Cleanup(func() {
		for _, trouble := range tab.seen.troubles() {
			p.t.Error(trouble)
		}
		tab.cancel()
	})
	return tab
}

// Close closes the tab as somebody does who does not wait for anything.
func (tab *Tab) Close() {
	tab.t.Helper()
	id := chromedp.FromContext(tab.ctx).Target.TargetID
	if _, err := chromedp.CallBrowser(tab.person.ctx, target.CloseTarget, target.CloseTargetParams{TargetID: id}); err != nil {
		tab.t.Fatalf("close the tab: %v", err)
	}
	gone, err := chromedp.Detached(tab.ctx)
	if err != nil {
		tab.t.Fatalf("close the tab: %v", err)
	}
	select {
	case <-gone:
	case <-time.After(patience):
		tab.t.Fatal("the tab does not close")
	}
}
