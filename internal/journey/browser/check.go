package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axeFile is where npm puts axe-core, from the root of the module.
const axeFile = "web/node_modules/axe-core/axe.min.js"

// readAxe finds axe-core above the folder that tests run in.
func readAxe(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("these tests must run inside the module")
		}
		dir = filepath.Dir(dir)
	}
	source, err := os.ReadFile(filepath.Join(dir, axeFile))
	if err != nil {
		t.Fatalf("%v\nrun `make assets` first: it installs axe-core", err)
	}
	return string(source)
}

// runAxe asks axe for what breaks WCAG 2.2 at levels A and AA.
const runAxe = `axe.run(document, {
	runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] },
	resultTypes: ["violations"], preload: false, elementRef: false,
}).then((r) => r.violations.flatMap((v) => v.nodes.map((n) => ({
	Rule: v.id, Help: v.help, Element: n.target.join(" "), HTML: n.html, Summary: n.failureSummary,
}))))`

// finding is what axe has to say of one element.
type finding struct{ Rule, Help, Element, HTML, Summary string }

// Check fails the test if the page breaks the accessibility rules that a
// program can tell, or does not fit the window's width.
func (tab *Tab) Check() {
	tab.t.Helper()
	tab.Fits()
	tab.Accessible()
}

// Accessible fails the test for each thing that axe finds.
func (tab *Tab) Accessible() {
	tab.t.Helper()
	if tab.plain {
		// axe is a script too. The page's own, left out when it was read, stay out.
		tab.scripts(true)
		defer tab.scripts(false)
	}
	// A world of its own: the page's content policy stays as it is, and the
	// page's scripts do not see axe.
	tree := call(tab, page.GetFrameTree, struct{}{})
	world := call(tab, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: tree.FrameTree.Frame.ID, WorldName: "axe"})
	tab.inWorld(world.ExecutionContextID, tab.person.browser.axe)
	var findings []finding
	if err := json.Unmarshal(tab.inWorld(world.ExecutionContextID, runAxe), &findings); err != nil {
		tab.fail("axe: %v", err)
	}
	for _, f := range findings {
		tab.t.Errorf("axe at %s (%d px): %s: %s\n  %s\n  %s\n  %s", tab.Address(), tab.person.size.Width, f.Rule, f.Help,
			f.Element, f.HTML, strings.ReplaceAll(f.Summary, "\n", "\n  "))
	}
}

func (tab *Tab) inWorld(world runtime.ExecutionContextID, expression string) []byte {
	tab.t.Helper()
	yes := true
	r := call(tab, runtime.Evaluate, runtime.EvaluateParams{Expression: expression, ContextID: world, AwaitPromise: &yes, ReturnByValue: &yes})
	if r.ExceptionDetails != nil {
		tab.fail("axe: %s", exception(r.ExceptionDetails))
	}
	return r.Result.Value
}

// overflowing finds what is wider than the window. What scrolls by itself, such
// as a table, may be.
const overflowing = `((wide) => {
	if (document.documentElement.scrollWidth <= wide) return [];
	const scrolls = (e) => e && e !== document.body && e !== document.documentElement && (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement));
	return [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > wide + 1 && !scrolls(e.parentElement))
		.map((e) => e.outerHTML.slice(0, 160)).slice(0, 5).concat(document.documentElement.scrollWidth + " > " + wide);
})`

// Fits fails the test if the page must be scrolled sideways.
func (tab *Tab) Fits() {
	tab.t.Helper()
	tab.Until(`document.readyState === "complete" && document.documentElement !== null`) // it may be on its way to another page
	if found := Eval[[]string](tab, fmt.Sprintf("%s(%d)", overflowing, tab.person.size.Width)); len(found) > 0 {
		tab.t.Errorf("%s does not fit %d px:\n%s", tab.Address(), tab.person.size.Width, strings.Join(found, "\n"))
	}
}

// Picture takes a picture of the whole page into a folder, under a name.
func (tab *Tab) Picture(dir, name string) {
	tab.t.Helper()
	// What is loaded only when it comes into sight must be there.
	Eval[chromedp.Void](tab, `Promise.all([...document.images].map((i) => { i.loading = "eager"; return i.decode().catch(() => {}); })).then(() => document.fonts.ready).then(() => scrollTo(0, 0))`)
	// Chromium's own player turns a wheel for a moment, and says nowhere when it is done.
	tab.Until(`!document.querySelector("video") || performance.now() > 3000`)
	picture, err := chromedp.Run(tab.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		tab.fail("take a picture: %v", err)
	}
	file := filepath.Join(dir, fmt.Sprintf("%s-%d.png", name, tab.person.size.Width))
	if err := os.WriteFile(file, picture, 0o600); err != nil {
		tab.t.Fatal(err)
	}
}
