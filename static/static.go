// Package static holds what is served as it is: the favicon, and in dist the
// styles, scripts and fonts that `make assets` builds.
package static

import "embed"

// Files are the files by the path under /static/. In dist there is only a
// placeholder until the assets are built; page.New says so.
//
//go:embed favicon.svg all:dist
var Files embed.FS
