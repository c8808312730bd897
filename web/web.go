// Package web holds the templates of the pages, the icons and the sentences in
// three languages. See README.md for how a page is added.
package web

import "embed"

// Files are the templates (layouts, parts and a folder for each page), icons
// and locales. Scripts and styles beside them reach browsers through static.
//
//go:embed layouts parts icons site studio newsroom locales
var Files embed.FS
