// Package migrations holds the numbered SQL that makes and changes the
// database. Files are applied in order by goose and never edited once released.
package migrations

import "embed"

// FS holds the migrations.
//
//go:embed *.sql
var FS embed.FS
