package browser

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// WithCamera are the flags for a camera that shows a moving test picture and a
// microphone that hears a WAV file over and over. Whether pages may use them is
// for AllowCamera to say.
func WithCamera(wav string) []string {
	return []string{"use-fake-device-for-media-stream", "use-file-for-fake-audio-capture=" + wav}
}

// AllowCamera answers for this person, from now on, whether pages may use camera
// and microphone.
func (p *Person) AllowCamera(yes bool) {
	p.t.Helper()
	setting := browser.PermissionSettingDenied
	if yes {
		setting = browser.PermissionSettingGranted
	}
	for _, name := range []string{"camera", "microphone"} {
		_, err := chromedp.CallBrowser(p.ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: name}, Setting: setting, BrowserContextID: p.profile,
		})
		if err != nil {
			p.t.Fatalf("answer for the %s: %v", name, err)
		}
	}
}

// Camera gives Chromium a camera and a microphone that it makes up itself: a
// picture that moves, 30 of them a second, a beep each second. Nobody is asked for
// permission.
func Camera() []string {
	return append(GuardedCamera(), "use-fake-ui-for-media-stream")
}

// GuardedCamera is Camera where people are asked, see AllowCamera.
func GuardedCamera() []string {
	return []string{"use-fake-device-for-media-stream=fps=30"}
}

// Kept is a Chromium whose profile stays in a folder when it ends, as that of
// people does. It has one person only, see Owner.
func Kept(t testing.TB, dir string, flags ...string) *Browser {
	t.Helper()
	b := Start(t, append(slices.Clone(flags), "user-data-dir="+dir)...)
	b.kept = true
	return b
}

// Owner is the one whose browser it is, with the cookies and the storage that
// are in its folder.
func (b *Browser) Owner(t testing.TB, origin string, size Size) *Person {
	t.Helper()
	if !b.kept {
		t.Fatal("this browser is nobody's")
	}
	return &Person{t: t, browser: b, ctx: b.ctx, origin: origin, size: size}
}

// Kill ends Chromium as a battery does: at once, with all its processes.
func (b *Browser) Kill(t testing.TB) {
	t.Helper()
	process := chromedp.FromContext(b.ctx).Browser.Process()
	if process == nil {
		t.Fatal("this browser has no process of ours")
	}
	if err := process.Kill(); err != nil {
		t.Fatalf("kill Chromium: %v", err)
	}
	<-chromedp.FromContext(b.ctx).Browser.LostConnection
}

// Crash ends the page's process, as when memory runs out. The tab is of no more
// use.
func (tab *Tab) Crash() {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, crashTime)
	defer cancel()
	_, err := chromedp.Call(ctx, page.Crash, cdp.Empty{})
	if err == nil {
		tab.fail("the page does not crash")
	}
}

// crashTime bounds the wait for an answer that never comes: there is nobody left
// to give it.
const crashTime = 3 * time.Second

// Before runs a script in each page before the page's own: to take away what some
// browsers do not have.
func (tab *Tab) Before(script string) {
	tab.t.Helper()
	call(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

// Still is for somebody who wants nothing on the screen to move.
func (tab *Tab) Still() {
	tab.t.Helper()
	call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}},
	})
}

// Room leaves the portal's pages so many bytes on this device.
func (tab *Tab) Room(bytes float64) {
	tab.t.Helper()
	call(tab, storage.OverrideQuotaForOrigin, storage.OverrideQuotaForOriginParams{Origin: tab.person.origin, QuotaSize: &bytes})
}
