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

	"github.com/voci-in-comune/voci/internal/fault"
)

// The ends of the addresses of posters and renditions.
const (
	posterEnd    = ".jpg"
	renditionEnd = ".mp4"
)

// unchanging is for files whose address names their content. No cache between us
// and the browser may keep them: what is withdrawn must be gone.
const unchanging = "private, max-age=31536000, immutable"

// file answers with the poster or the video of a testimony that citizens may
// see; videos also in ranges.
func (s *Site) file(c echo.Context) error {
	t, err := s.named(c)
	if err != nil {
		return err
	}
	missing := fault.New(fault.NotFound, "error.not_found")
	if t.Video == nil {
		return missing
	}
	kept, kind := "", ""
	switch c.Param("file") {
	case t.Video.UploadID + posterEnd:
		kept, kind = t.Video.Poster, "image/jpeg"
	case t.Video.UploadID + renditionEnd:
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
