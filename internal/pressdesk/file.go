package pressdesk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/presskit"
)

// The names of the files, as addresses and in the bundle.
const (
	posterFile   = "locandina.pdf"
	squareFile   = "citazione-quadrata.png"
	verticalFile = "citazione-verticale.png"
	codeFile     = "codice-qr.png"
	bundleFile   = "tutto.zip"
)

// cutFiles are the names of the cuts.
var cutFiles = map[presskit.Shape]string{presskit.Square: "video-quadrato.mp4", presskit.Vertical: "video-verticale.mp4"}

// file answers with a file that is drawn as it is asked for.
func (d door) file(c echo.Context) error {
	k, err := d.open(c)
	if err != nil {
		return err
	}
	name := c.Param("file")
	if name == bundleFile {
		return d.bundle(c, k)
	}
	content, err := d.draw(c.Request().Context(), k, name)
	if err != nil {
		return err
	}
	d.headers(c, "inline", k.Slug()+"-"+name)
	c.Response().Header().Set(echo.HeaderContentType, mime.TypeByExtension(filepath.Ext(name)))
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(content))
	return nil
}

// headers say what a file is called, and that nobody keeps it: what is withdrawn
// must be gone.
func (d door) headers(c echo.Context, disposition, name string) {
	h := c.Response().Header()
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": name}))
	h.Set("Cache-Control", "no-store")
}

// draw makes a file by its name; some wait while others are drawn.
func (d door) draw(ctx context.Context, k *kit, name string) ([]byte, error) {
	select {
	case d.drawing <- struct{}{}:
		defer func() { <-d.drawing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	facts := d.facts(ctx, k)
	switch name {
	case posterFile:
		cover, err := d.cover(k)
		if err != nil {
			return nil, err
		}
		facts.Poster = cover
		return presskit.Poster(facts, page.Lang(ctx), d.Clock())
	case squareFile:
		return presskit.Card(facts, k.chosen, presskit.SquareCard)
	case verticalFile:
		return presskit.Card(facts, k.chosen, presskit.TallCard)
	case codeFile:
		return presskit.Code(k.short)
	}
	return nil, fault.New(fault.NotFound, "error.not_found")
}

// cover is the picture of the video; nil without one.
func (d door) cover(k *kit) ([]byte, error) {
	if k.Video == nil || k.Video.Poster == "" {
		return nil, nil
	}
	content, err := os.ReadFile(filepath.Join(d.Renditions, k.Video.Poster))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it is being replaced
	}
	if err != nil {
		return nil, fmt.Errorf("read the cover of testimony %d: %w", k.ID, err)
	}
	return content, nil
}

// bundle answers with all there is in one file.
func (d door) bundle(c echo.Context, k *kit) error {
	ctx := c.Request().Context()
	items := []presskit.Item{{Name: "LEGGIMI.txt", Content: []byte(d.readme(k))}}
	for _, name := range []string{posterFile, squareFile, verticalFile, codeFile} {
		content, err := d.draw(ctx, k, name)
		if err != nil {
			return err
		}
		items = append(items, presskit.Item{Name: name, Content: content})
	}
	items = append(items, presskit.Item{Name: "per-il-sito.html", Content: []byte(d.snippet(k) + "\n")})
	cover, err := d.cover(k)
	if err != nil {
		return err
	}
	if cover != nil {
		items = append(items, presskit.Item{Name: "copertina.jpg", Content: cover})
	}
	for _, each := range k.captions {
		items = append(items, presskit.Item{Name: "sottotitoli-" + each.Language + ".vtt", Content: []byte(k.vtt[each.Language])})
	}
	cuts, err := d.Cutter.Of(ctx, k.ID)
	if err != nil {
		return err
	}
	for _, shape := range presskit.Shapes() {
		if made, ok := cuts[shape]; ok && made.State == presskit.CutReady {
			items = append(items, presskit.Item{Name: cutFiles[shape], Path: d.Cutter.Path(made)})
		}
	}
	d.headers(c, "attachment", k.Slug()+".zip")
	c.Response().Header().Set(echo.HeaderContentType, "application/zip")
	if err := presskit.Bundle(c.Response(), d.Clock(), items); err != nil {
		d.Log.WarnContext(ctx, "a press kit was not sent whole", "testimony", k.ID, "error", err)
		panic(http.ErrAbortHandler) // half a file is out: cut it, so that nobody takes it for whole
	}
	return nil
}

// readme is in Italian, as the files' names are.
func (d door) readme(k *kit) string {
	text := d.Pages.T(page.Italian, "kit.readme", "Title", k.Title, "Name", k.municipality.Name, "Short", k.short)
	return string(bytes.ReplaceAll([]byte(text), []byte("\n"), []byte("\r\n"))) // Windows' Notepad, of old
}

// cut answers with a cut of the video.
func (d door) cut(c echo.Context) error {
	k, err := d.open(c)
	if err != nil {
		return err
	}
	shape := presskit.Shape(c.Param("shape"))
	cuts, err := d.Cutter.Of(c.Request().Context(), k.ID)
	if err != nil {
		return err
	}
	made, ok := cuts[shape]
	if !ok || made.State != presskit.CutReady {
		return fault.New(fault.NotFound, "kit.cut.not_there")
	}
	f, err := os.Open(d.Cutter.Path(made))
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.NotFound, "kit.cut.not_there")
	}
	if err != nil {
		return fmt.Errorf("open cut %d: %w", made.ID, err)
	}
	defer func() { _ = f.Close() }() // it is only read
	d.headers(c, "attachment", k.Slug()+"-"+cutFiles[shape])
	c.Response().Header().Set(echo.HeaderContentType, "video/mp4")
	http.ServeContent(c.Response(), c.Request(), "", *made.MadeAt, f)
	return nil
}
