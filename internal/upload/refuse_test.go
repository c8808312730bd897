package upload

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/voci-in-comune/voci/internal/fault"
)

func TestCreationRefusals(t *testing.T) {
	video := usual()
	for name, c := range map[string]struct {
		header []string
		admit  error
		free   int64
		status int
		key    string
	}{
		"no testimony":         {header: []string{"Upload-Length", "9", "Upload-Metadata", metadata(metaFilename, "v.mp4")}, status: 400, key: "upload.testimony_missing"},
		"testimony in words":   {header: []string{"Upload-Length", "9", "Upload-Metadata", metadata(metaTestimony, "sette")}, status: 400, key: "upload.testimony_missing"},
		"testimony below zero": {header: []string{"Upload-Length", "9", "Upload-Metadata", metadata(metaTestimony, "-1")}, status: 400, key: "upload.testimony_missing"},
		"empty":                {header: []string{"Upload-Length", "0", "Upload-Metadata", video}, status: 422, key: "upload.empty"},
		"over the limit":       {header: []string{"Upload-Length", "1048577", "Upload-Metadata", video}, status: 413, key: "upload.too_large"},
		"no length":            {header: []string{"Upload-Metadata", video}, status: 400, key: "upload.protocol"},
		"other version":        {header: []string{"Tus-Resumable", "0.2.2", "Upload-Length", "9"}, status: 412, key: "upload.protocol"},
		"signed out":           {header: []string{"Upload-Length", "9", "Upload-Metadata", video}, admit: fault.New(fault.SignedOut, "account.signed_out"), status: 401, key: "account.signed_out"},
		"not theirs":           {header: []string{"Upload-Length", "9", "Upload-Metadata", video}, admit: fault.New(fault.NotFound, "testimony.not_found"), status: 404, key: "testimony.not_found"},
		"has one already":      {header: []string{"Upload-Length", "9", "Upload-Metadata", video}, admit: fault.New(fault.Conflict, "testimony.has_video"), status: 409, key: "testimony.has_video"},
		"our mistake":          {header: []string{"Upload-Length", "9", "Upload-Metadata", video}, admit: errors.New("no such table"), status: 500, key: "upload.unavailable"},
		"no room":              {header: []string{"Upload-Length", "1000", "Upload-Metadata", video}, free: 1099, status: 507, key: "upload.disk_full"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, func(o *Options) { o.MaxBytes = 1 << 20; o.MinFree = 100 })
			d.admitErr = c.admit
			if c.free > 0 {
				d.free = func(string) (int64, error) { return c.free, nil }
			}
			res := d.post(c.header...)
			wantRefusal(t, res, c.status, c.key)
			if res.header.Get("Location") != "" {
				t.Error("a refusal names an address")
			}
			if left, err := os.ReadDir(d.opt.Dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestRequestRefusals(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.MaxBytes = 1000 })
	address := d.create(100)
	if res := d.all(address, random(40)); res.status != http.StatusNoContent {
		t.Fatalf("%d %s", res.status, res.body)
	}
	later := d.resolve(d.post("Upload-Defer-Length", "1", "Upload-Metadata", usual()).header.Get("Location"))
	nobody := d.endpoint + strings.Repeat("0", 32)
	rest := func() io.Reader { return bytes.NewReader(random(60)) }
	for name, c := range map[string]struct {
		do     func() reply
		status int
		key    string
	}{
		"offset ahead":       {func() reply { return d.patch(address, 41, bytes.NewReader(random(59)), 59) }, 409, "upload.offset"},
		"offset behind":      {func() reply { return d.patch(address, 0, rest(), 60) }, 409, "upload.offset"},
		"offset missing":     {func() reply { return d.patch(address, 40, rest(), 60, "Upload-Offset", "") }, 400, "upload.protocol"},
		"content type":       {func() reply { return d.patch(address, 40, rest(), 60, "Content-Type", "video/mp4") }, 400, "upload.protocol"},
		"more than declared": {func() reply { return d.patch(address, 40, bytes.NewReader(random(61)), 61) }, 413, "upload.overrun"},
		"too long, later":    {func() reply { return d.patch(later, 0, rest(), 60, "Upload-Length", "1001") }, 413, "upload.too_large"},
		"unknown":            {func() reply { return d.patch(nobody, 0, rest(), 60) }, 404, "upload.not_found"},
		"unknown, deleted":   {func() reply { return d.do(http.MethodDelete, nobody, nil, 0) }, 404, "upload.not_found"},
		"path upwards":       {func() reply { return d.patch(d.endpoint+"..%2f..%2fetc", 0, rest(), 60) }, 404, "upload.not_found"},
		"another's file":     {func() reply { return d.patch(address+".info", 0, rest(), 60) }, 404, "upload.not_found"},
		"download":           {func() reply { return d.do(http.MethodGet, address, nil, 0) }, 405, "upload.protocol"},
	} {
		t.Run(name, func(t *testing.T) { wantRefusal(t, c.do(), c.status, c.key) })
	}
	if n := d.head(address).offset(t); n != 40 {
		t.Errorf("refusals moved the offset to %d", n)
	}
	if res := d.head(nobody); res.status != http.StatusNotFound {
		t.Errorf("HEAD of an unknown upload: %d", res.status)
	}
}

// A length that nobody declared is limited all the same, in every way of
// sending it.
func TestUndeclaredLengthIsLimited(t *testing.T) {
	for name, length := range map[string]int64{"with Content-Length": 1500, "chunked": -1} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, func(o *Options) { o.MaxBytes = 1000 })
			address := d.resolve(d.post("Upload-Defer-Length", "1", "Upload-Metadata", usual()).header.Get("Location"))
			res := d.patch(address, 0, io.MultiReader(bytes.NewReader(random(1500))), length)
			if res.status != 413 {
				t.Errorf("got %d %q, want 413", res.status, res.body)
			}
			if st, err := os.Stat(d.dataPath(idIn(address))); err != nil || st.Size() > 1000 {
				t.Errorf("%d bytes are on the disk, %v", st.Size(), err)
			}
			if len(d.taken()) > 0 {
				t.Error("it was taken over")
			}
		})
	}
}

func TestEmptyAfterAll(t *testing.T) {
	d := newDesk(t, nil)
	address := d.resolve(d.post("Upload-Defer-Length", "1", "Upload-Metadata", usual()).header.Get("Location"))
	wantRefusal(t, d.patch(address, 0, bytes.NewReader(nil), 0, "Upload-Length", "0"), 422, "upload.empty")
	if len(d.taken()) > 0 {
		t.Error("it was taken over")
	}
}

func TestSomebodyElsesUpload(t *testing.T) {
	d := newDesk(t, nil)
	address := d.create(10)
	d.ownsErr = fault.New(fault.NotFound, "upload.not_found")
	body := func() io.Reader { return bytes.NewReader(random(10)) }
	wantRefusal(t, d.patch(address, 0, body(), 10), 404, "upload.not_found")
	wantRefusal(t, d.do(http.MethodDelete, address, nil, 0), 404, "upload.not_found")
	for _, method := range []string{"PATCH", "DELETE"} { // tusd takes these for clients that cannot
		wantRefusal(t, d.do(http.MethodPost, address, body(), 10, "X-HTTP-Method-Override", method,
			"Upload-Offset", "0", "Content-Type", "application/offset+octet-stream"), 404, "upload.not_found")
	}
	if res := d.head(address); res.status != http.StatusNotFound || res.header.Get("Upload-Offset") != "" {
		t.Errorf("HEAD: %d, offset %q", res.status, res.header.Get("Upload-Offset"))
	}
	d.ownsErr = nil
	if n := d.head(address).offset(t); n != 0 {
		t.Errorf("the offset is %d", n)
	}
	// A question that cannot be answered now must not make the browser begin
	// again.
	d.ownsErr = errors.New("database is locked")
	if res := d.head(address); res.status != http.StatusLocked {
		t.Errorf("HEAD while the owner cannot be asked: %d, want 423", res.status)
	}
}

// A browser that lost the answer to its first POST sends another: both
// uploads live, the one without bytes until it expires.
func TestCreationTwice(t *testing.T) {
	d := newDesk(t, nil)
	first, second := d.create(10), d.create(10)
	if first == second {
		t.Fatal("two uploads have one address")
	}
	data := random(10)
	if res := d.all(second, data); res.status != http.StatusNoContent {
		t.Fatalf("%d %s", res.status, res.body)
	}
	d.wantVault(second, data)
	if n := d.head(first).offset(t); n != 0 {
		t.Errorf("the other has %d bytes", n)
	}
	if len(d.taken()) != 1 {
		t.Errorf("%d taken over", len(d.taken()))
	}
}

func TestGivingUp(t *testing.T) {
	d := newDesk(t, nil)
	address := d.create(10)
	d.all(address, random(5))
	if res := d.do(http.MethodDelete, address, nil, 0); res.status != http.StatusNoContent {
		t.Errorf("DELETE: %d %s", res.status, res.body)
	}
	if res := d.head(address); res.status != http.StatusNotFound {
		t.Errorf("HEAD afterwards: %d", res.status)
	}
	if left, err := os.ReadDir(d.opt.Dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}

	data := random(10)
	address = d.create(10)
	d.all(address, data)
	wantRefusal(t, d.do(http.MethodDelete, address, nil, 0), 409, "upload.finished")
	d.wantVault(address, data)
}

func TestHostileNameNeverReachesTheDisk(t *testing.T) {
	d := newDesk(t, nil)
	for _, name := range []string{"../../../fuori.mp4", strings.Repeat("è", 300) + ".mp4"} {
		res := d.post("Upload-Length", "3", "Upload-Metadata", metadata(metaTestimony, "7", metaFilename, name, metaFiletype, "video/mp4", "other", "x"))
		if res.status != http.StatusCreated {
			t.Fatalf("%d %s", res.status, res.body)
		}
		address := d.resolve(res.header.Get("Location"))
		d.all(address, []byte("abc"))
		d.wantVault(address, []byte("abc"))
	}
	for _, r := range d.taken() {
		if strings.ContainsAny(r.Filename, `/\`) || len([]rune(r.Filename)) > nameRunes || r.Path != r.UploadID+".bin" {
			t.Errorf("handed over as %+v", r)
		}
	}
	if names, err := filepath.Glob(filepath.Join(d.opt.Dir, "..", "*")); err != nil || len(names) != 2 {
		t.Errorf("beside the two folders: %v, %v", names, err)
	}
}

// The disk fills up while a video arrives: what fitted stays, the rest follows
// when there is room.
func TestDiskFillsUp(t *testing.T) {
	data := random(4<<20 + 5)
	finish := func(t *testing.T, d *desk, address string, makeRoom func()) {
		t.Helper()
		wantRefusal(t, d.all(address, data), 507, "upload.disk_full")
		at := d.head(address).offset(t)
		if at == 0 || at >= int64(len(data)) {
			t.Fatalf("the offset is %d", at)
		}
		wantRefusal(t, d.patch(address, at, bytes.NewReader(data[at:]), int64(len(data))-at), 507, "upload.disk_full")
		makeRoom()
		at = d.head(address).offset(t)
		if res := d.patch(address, at, bytes.NewReader(data[at:]), int64(len(data))-at); res.status != http.StatusNoContent {
			t.Fatalf("%d %s", res.status, res.body)
		}
		d.wantVault(address, data)
	}

	t.Run("tmpfs", func(t *testing.T) {
		dir := t.TempDir()
		smallDisk(t, dir)
		d := newDesk(t, func(o *Options) { o.Dir, o.Vault = filepath.Join(dir, "uploads"), filepath.Join(dir, "vault") })
		address := d.create(int64(len(data)))
		ballast := filepath.Join(dir, "ballast")
		if err := os.WriteFile(ballast, make([]byte, 3<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		finish(t, d, address, func() {
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
		})
	})

	t.Run("kept free", func(t *testing.T) {
		d := newDesk(t, func(o *Options) { o.MinFree = 1000 })
		data = random(2*stepBytes + 5)
		address := d.create(int64(len(data)))
		full := true
		d.free = func(string) (int64, error) {
			if st, err := os.Stat(d.dataPath(idIn(address))); full && err == nil && st.Size() >= stepBytes {
				return 999, nil
			}
			return 1 << 40, nil
		}
		finish(t, d, address, func() { full = false })
	})
}

// lastDeadline remembers the deadline that a handler leaves on a connection.
type lastDeadline struct {
	*httptest.ResponseRecorder
	write time.Time
}

func (l *lastDeadline) SetReadDeadline(time.Time) error { return nil }
func (l *lastDeadline) SetWriteDeadline(t time.Time) error {
	l.write = t
	return nil
}

// The next page on the same connection must not inherit tusd's deadline.
func TestNoDeadlineIsLeftBehind(t *testing.T) {
	d := newDesk(t, nil)
	w := &lastDeadline{ResponseRecorder: httptest.NewRecorder(), write: time.Now()}
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, base, nil)
	req.Header.Set("Tus-Resumable", "1.0.0")
	req.Header.Set("Upload-Length", strconv.Itoa(5))
	req.Header.Set("Upload-Metadata", usual())
	d.ServeHTTP(w, req)
	if w.Code != http.StatusCreated || !w.write.IsZero() {
		t.Errorf("%d, and the deadline for writing is %v", w.Code, w.write)
	}
}

func TestRefusedSpeaksTheLanguage(t *testing.T) {
	d := newDesk(t, func(o *Options) {
		o.Refused = func(w http.ResponseWriter, _ *http.Request, err error) {
			e, _ := errors.AsType[*fault.Error](err)
			w.WriteHeader(http.StatusTeapot) // the protocol's status must win
			_, _ = io.WriteString(w, "Frase di "+e.Message.Key)
		}
	})
	wantRefusal(t, d.patch(d.create(9), 3, bytes.NewReader(random(6)), 6), 409, "Frase di upload.offset")
	wantRefusal(t, d.post("Upload-Length", "0", "Upload-Metadata", usual()), 422, "Frase di upload.empty")
}

// Every key in this package has its sentence in the three languages, and no
// sentence is left over.
func TestSentences(t *testing.T) {
	used := map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(data), `"upload.`)[1:] {
			key, _, _ := strings.Cut(part, `"`)
			used["upload."+key] = true
		}
	}
	for _, language := range []string{"it", "en", "fr"} {
		sentences := map[string]string{}
		text, err := os.ReadFile("../../web/locales/parts/upload." + language + ".toml")
		if err == nil {
			err = toml.Unmarshal(text, &sentences)
		}
		if err != nil {
			t.Fatal(err)
		}
		for key := range used {
			if sentences[key] == "" {
				t.Errorf("%s has no sentence in %s", key, language)
			}
		}
		for key := range sentences {
			if !used[key] {
				t.Errorf("%s in %s is said by nobody", key, language)
			}
		}
	}
}
