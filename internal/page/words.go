package page

import (
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
)

// Words returns what puts messages into sentences where no page is made: on the
// console of a command. fsys is web.Files.
func Words(fsys fs.FS) (say func(lang string, m fault.Message) string, err error) {
	p := &Pages{opt: Options{Log: slog.New(slog.DiscardHandler), Now: time.Now}}
	if p.locales, err = LoadLocales(fsys); err != nil {
		return nil, err
	}
	if p.rome, err = time.LoadLocation("Europe/Rome"); err != nil {
		return nil, fmt.Errorf("time zone: %w", err)
	}
	return p.Say, nil
}
