package page

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/voci-in-comune/voci/internal/fault"
)

// staticPrefix is where static files are served.
const staticPrefix = "/static/"

// assets are the static files, in memory once they were asked for: they are few,
// and part of the program.
type assets struct {
	hashed map[string]string                 // by name without hash, the path under static: site/site.css → dist/site/site-AB12CD34.css
	files  map[string]func() (*entry, error) // by path under static
}

// immutable is for files whose name changes with their content.
const (
	immutable = "public, max-age=31536000, immutable"
	oneHour   = "public, max-age=3600"
)

func loadAssets(fsys fs.FS) (*assets, error) {
	a := &assets{hashed: map[string]string{}, files: map[string]func() (*entry, error){}}
	text, err := fs.ReadFile(fsys, "dist/manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("styles and scripts are not built: run `make assets`, then build again")
	}
	if err != nil {
		return nil, fmt.Errorf("read the manifest of assets: %w", err)
	}
	manifest := map[string]string{}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return nil, fmt.Errorf("read the manifest of assets: %w", err)
	}
	for name, file := range manifest {
		a.hashed[name] = "dist/" + file
	}
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || skipped(name) {
			return err
		}
		a.files[name] = sync.OnceValues(func() (*entry, error) { return loadAsset(fsys, name) })
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read static files: %w", err)
	}
	for name, file := range a.hashed {
		if a.files[file] == nil {
			return nil, fmt.Errorf("asset %s: %s is not there: run `make assets`", name, file)
		}
	}
	return a, nil
}

// check reads every file.
func (a *assets) check() error {
	var errs []error
	for name, file := range a.files {
		if _, err := file(); err != nil {
			errs = append(errs, fmt.Errorf("static file %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

func skipped(name string) bool {
	base := path.Base(name)
	switch path.Ext(base) {
	case ".br", ".gz", ".go", ".ttf": // the last are drawn with, not served
		return true
	}
	return strings.HasPrefix(base, ".") || name == "dist/manifest.json"
}

// kinds are the types of static files. The machine's own table must not matter,
// and takes longer to read than all of them.
var kinds = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".jpg":   "image/jpeg",
	".png":   "image/png",
	".svg":   "image/svg+xml",
	".txt":   "text/plain; charset=utf-8",
	".webp":  "image/webp",
	".woff2": "font/woff2",
}

func loadAsset(fsys fs.FS, name string) (*entry, error) {
	body, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	kind := kinds[path.Ext(name)]
	if kind == "" {
		return nil, errors.New("files of this kind are not served")
	}
	e := newEntry(body, kind)
	e.cacheControl = []string{oneHour}
	if strings.HasPrefix(name, "dist/") {
		e.cacheControl = []string{immutable}
	}
	packed := map[int]string{asBrotli: ".br", asGzip: ".gz"}
	for as, ext := range packed {
		switch text, err := fs.ReadFile(fsys, name+ext); {
		case err == nil:
			e.compress(as, func() []byte { return text })
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	if e.forms[asGzip] == nil && len(body) >= smallest && strings.HasPrefix(kind, "text/") {
		e.compress(asGzip, func() []byte { return gzipped(body, gzip.BestCompression) })
	}
	return e, nil
}

// url is the address of an asset by its name without hash.
func (a *assets) url(name string) (string, error) {
	if file := a.hashed[name]; file != "" {
		return staticPrefix + file, nil
	}
	if a.files[name] != nil {
		return staticPrefix + name, nil
	}
	return "", fmt.Errorf("there is no asset %q", name)
}

// of are the addresses of a face's styles or scripts and of a page's own.
func (a *assets) of(face, name, ext string) []string {
	var list []string
	for _, each := range []string{face + "/" + face + "." + ext, name + "." + ext} {
		if file := a.hashed[each]; file != "" {
			list = append(list, staticPrefix+file)
		}
	}
	return list
}

// serve answers an address under /static/. It returns false if there is no such
// file.
func (a *assets) serve(w http.ResponseWriter, r *http.Request) bool {
	file := a.files[strings.TrimPrefix(r.URL.Path, staticPrefix)]
	if file == nil || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		return false
	}
	e, err := file()
	if err != nil {
		return false // check has the portal stop for it
	}
	e.serve(w, r)
	return true
}

// errNoAsset is what somebody gets who asks for a static file that is not there.
var errNoAsset = fault.New(fault.NotFound, "error.not_found")
