package site

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/card"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video"
)

// unchanging is for files whose address names their content. No cache between us
// and the browser may keep them: what is withdrawn must be gone.
const unchanging = "private, max-age=31536000, immutable"

// captionsAddress is where the captions of a testimony are: below its own
// address, which for an unlisted one must be known.
func captionsAddress(t *testimony.Testimony, lang, format string) string {
	return card.Address(t) + "/sottotitoli-" + lang + "." + format
}

// captionsOf is the language and the format of the captions that an address asks
// for.
func captionsOf(t *testimony.Testimony, path string) (lang, format string, ok bool) {
	file, ok := strings.CutPrefix(path, card.Address(t)+"/sottotitoli-")
	if !ok {
		return "", "", false
	}
	return strings.Cut(file, ".")
}

// captions answers with the captions of a testimony in a language.
func (s *Site) captions(c echo.Context, t *testimony.Testimony, lang, format string) error {
	text, err := s.Testimonies.Caption(c.Request().Context(), t.ID, lang)
	if err != nil {
		return err
	}
	body, kind, err := video.CaptionFile(text.VTT, format)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "private, no-cache") // they change under the same address
	return c.Blob(http.StatusOK, kind, body)
}

// file answers with the poster, the video or the captions of a testimony that
// citizens may see; videos also in ranges.
func (s *Site) file(c echo.Context) error {
	t, err := s.named(c)
	if err != nil {
		return err
	}
	if lang, format, ok := captionsOf(t, c.Request().URL.Path); ok {
		return s.captions(c, t, lang, format)
	}
	missing := fault.New(fault.NotFound, "error.not_found")
	if t.Video == nil {
		return missing
	}
	kept, kind := "", ""
	switch c.Param("file") {
	case t.Video.UploadID + card.PosterEnd:
		kept, kind = t.Video.Poster, "image/jpeg"
	case t.Video.UploadID + card.RenditionEnd:
		kept, kind = t.Video.Rendition, "video/mp4"
	}
	if kept == "" || strings.Contains(c.Param("id"), "-") {
		return missing
	}
	f, err := os.Open(filepath.Join(s.Renditions, kept))
	if errors.Is(err, fs.ErrNotExist) {
		return missing
	}
	if err != nil {
		return fmt.Errorf("open a file of testimony %d: %w", t.ID, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open a file of testimony %d: %w", t.ID, err)
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, kind)
	h.Set("Cache-Control", unchanging)
	http.ServeContent(c.Response(), c.Request(), "", info.ModTime(), f)
	return nil
}
