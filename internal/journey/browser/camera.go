package browser

import (
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/page"
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

// Before runs a script in each page before the page's own: to take away what some
// browsers do not have.
func (tab *Tab) Before(script string) {
	tab.t.Helper()
	call(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}
