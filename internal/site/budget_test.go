package site_test

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/voci-in-comune/voci/static"
)

// What a citizen's page may weigh, in bytes as they travel: phones in a valley
// load it over one bar of signal.
const (
	mostStyle  = 30_000
	mostScript = 15_000
	mostFonts  = 60_000
)

func TestCitizensPagesAreLight(t *testing.T) {
	w := open(t, live)
	said := w.publish(balme, form("La neve e il pane"))
	for _, path := range pages(said) {
		d := w.page(path)
		var style, script, fonts int
		seen := map[string]bool{}
		for _, link := range find(d, "link", "rel", "stylesheet", "href", "*") {
			href, _ := attr(link, "href")
			size, text := travels(t, href)
			style += size
			for _, font := range fontAddress.FindAllStringSubmatch(text, -1) {
				if !seen[font[1]] {
					seen[font[1]] = true
					size, _ := travels(t, font[1])
					fonts += size
				}
			}
		}
		for _, each := range find(d, "script", "src", "*") {
			src, _ := attr(each, "src")
			script += scripts(t, src, map[string]bool{})
		}
		if style > mostStyle || script > mostScript || fonts > mostFonts || style == 0 || fonts == 0 {
			t.Errorf("%s: %d bytes of styles, %d of scripts, %d of fonts", path, style, script, fonts)
		}
	}
}

var (
	fontAddress   = regexp.MustCompile(`url\("?([^")]+\.woff2)"?\)`)
	importAddress = regexp.MustCompile(`"(\.{1,2}/[\w./-]+\.js)"`)
)

// travels is the size of a static file as browsers get it, and its text.
func travels(t *testing.T, address string) (int, string) {
	t.Helper()
	name := strings.TrimPrefix(address, "/static/")
	text, err := fs.ReadFile(static.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	if small, err := fs.ReadFile(static.Files, name+".br"); err == nil {
		return len(small), string(text)
	}
	return len(text), string(text)
}

// scripts is the size of a script with all that it imports.
func scripts(t *testing.T, address string, seen map[string]bool) int {
	t.Helper()
	if seen[address] {
		return 0
	}
	seen[address] = true
	size, text := travels(t, address)
	for _, found := range importAddress.FindAllStringSubmatch(text, -1) {
		size += scripts(t, path.Join(path.Dir(address), found[1]), seen)
	}
	return size
}
