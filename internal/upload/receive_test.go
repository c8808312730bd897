package upload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/voci-in-comune/voci/internal/fault"
)

func TestUploadReachesTheVault(t *testing.T) {
	data := random(3<<20 + 17)
	half := len(data) / 2
	for name, send := range map[string]func(d *desk) (address string, res reply){
		"in one piece": func(d *desk) (string, reply) {
			address := d.create(int64(len(data)))
			return address, d.all(address, data)
		},
		"in two pieces": func(d *desk) (string, reply) {
			address := d.create(int64(len(data)))
			if n := d.all(address, data[:half]).offset(t); n != int64(half) {
				t.Errorf("after the first half the offset is %d, want %d", n, half)
			}
			if n := d.head(address).offset(t); n != int64(half) {
				t.Errorf("HEAD says %d, want %d", n, half)
			}
			if at, total, err := d.Progress(idIn(address)); at != int64(half) || total != int64(len(data)) || err != nil {
				t.Errorf("Progress is %d of %d, %v", at, total, err)
			}
			return address, d.patch(address, int64(half), bytes.NewReader(data[half:]), int64(len(data)-half))
		},
		"with its creation": func(d *desk) (string, reply) {
			res := d.do(http.MethodPost, d.endpoint, bytes.NewReader(data), int64(len(data)),
				"Upload-Length", strconv.Itoa(len(data)), "Upload-Metadata", usual(), "Content-Type", "application/offset+octet-stream")
			return d.resolve(res.header.Get("Location")), res
		},
		"chunked, length known later": func(d *desk) (string, reply) {
			res := d.post("Upload-Defer-Length", "1", "Upload-Metadata", usual())
			address := d.resolve(res.header.Get("Location"))
			if _, total, err := d.Progress(idIn(address)); total != -1 || err != nil {
				t.Errorf("the total is %d, %v, want -1 while it is not known", total, err)
			}
			d.patch(address, 0, io.MultiReader(bytes.NewReader(data[:half])), -1)
			return address, d.patch(address, int64(half), io.MultiReader(bytes.NewReader(data[half:])), -1, "Upload-Length", strconv.Itoa(len(data)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			address, res := send(d)
			if res.status/100 != 2 || res.offset(t) != int64(len(data)) {
				t.Fatalf("the last answer is %d, offset %s: %s", res.status, res.header.Get("Upload-Offset"), res.body)
			}
			d.wantVault(address, data)
			want := []Received{{
				UploadID: idIn(address), TestimonyID: 7, Path: idIn(address) + ".bin", Bytes: int64(len(data)),
				Filename: "video del sindaco.mp4", ContentType: "video/mp4",
			}}
			if diff := cmp.Diff(want, d.taken()); diff != "" {
				t.Errorf("what was handed over (-want +got):\n%s", diff)
			}
			// The browser that lost the last answer asks, or sends again.
			if n := d.head(address).offset(t); n != int64(len(data)) {
				t.Errorf("HEAD after the end says %d", n)
			}
			if res := d.patch(address, int64(len(data)), bytes.NewReader(nil), 0); res.status != http.StatusNoContent {
				t.Errorf("finishing twice: %d %s", res.status, res.body)
			}
			d.wantVault(address, data)
			restarted := d.again(t)
			if n := restarted.head(restarted.endpoint + idIn(address)).offset(t); n != int64(len(data)) || len(restarted.taken()) > 0 {
				t.Errorf("after a new start HEAD says %d, taken over %d times more", n, len(restarted.taken()))
			}
		})
	}
}

func TestLocationIsRelativeAndSpeaksNoHost(t *testing.T) {
	d := newDesk(t, nil)
	res := d.post("Upload-Length", "5", "Upload-Metadata", usual(), "X-Forwarded-Host", "altrove.example")
	got := res.header.Get("Location")
	if id, ok := strings.CutPrefix(got, base); !ok || !validID(id) {
		t.Errorf("Location is %q", got)
	}
}

func TestFinishedByManyAtOnceIsTakenOverOnce(t *testing.T) {
	d := newDesk(t, nil)
	data := random(1 << 20)
	address := d.create(int64(len(data)))
	if res := d.all(address, data[:len(data)-1]); res.status != http.StatusNoContent {
		t.Fatalf("%d %s", res.status, res.body)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			d.patch(address, int64(len(data)-1), bytes.NewReader(data[len(data)-1:]), 1)
			d.head(address)
		})
	}
	all.Wait()
	// Each may have had to make way for the next, the last one for a HEAD.
	if res := d.patch(address, int64(len(data)-1), bytes.NewReader(data[len(data)-1:]), 1); res.status != http.StatusNoContent && res.status != http.StatusConflict {
		t.Fatalf("%d %s", res.status, res.body)
	}
	if n := d.head(address).offset(t); n != int64(len(data)) {
		t.Fatalf("the offset is %d", n)
	}
	d.wantVault(address, data)
}

// When taking over fails the browser must come back, never start again.
func TestTakingOverIsTriedAgain(t *testing.T) {
	d := newDesk(t, nil)
	broken := errors.New("database is locked")
	d.takeErr = []error{broken, broken}
	data := random(1000)
	address := d.create(int64(len(data)))
	wantRefusal(t, d.all(address, data), http.StatusServiceUnavailable, "upload.unavailable")
	res := d.head(address)
	if res.status != http.StatusLocked || res.header.Get("Retry-After") == "" {
		t.Errorf("HEAD while it fails: %d, Retry-After %q, want 423", res.status, res.header.Get("Retry-After"))
	}
	if n := d.head(address).offset(t); n != int64(len(data)) {
		t.Errorf("the offset is %d", n)
	}
	if n := len(d.taken()); n != 3 {
		t.Errorf("%d calls, want the two that failed and one", n)
	}
	d.head(address)
	if n := len(d.taken()); n != 3 {
		t.Errorf("%d calls after the success", n)
	}
}

// A byte is acknowledged after the sync of its file, whoever wrote it.
func TestAcknowledgedBytesAreSynced(t *testing.T) {
	d := newDesk(t, nil)
	var mu sync.Mutex
	synced := map[string]int64{} // by name of the file
	d.sync = func(f *os.File) error {
		if err := datasync(f); err != nil {
			return err
		}
		st, err := f.Stat()
		mu.Lock()
		defer mu.Unlock()
		synced[filepath.Base(f.Name())] = st.Size()
		return err
	}
	onDisk := func(address string) int64 {
		mu.Lock()
		defer mu.Unlock()
		return synced[idIn(address)]
	}
	data := random(300_000)
	address := d.create(int64(len(data)))
	for at := 0; at < 200_000; at += 50_000 {
		n := d.patch(address, int64(at), bytes.NewReader(data[at:at+50_000]), 50_000).offset(t)
		if onDisk(address) < n {
			t.Errorf("%d bytes acknowledged, %d on the disk", n, onDisk(address))
		}
	}
	// The process that wrote these died before it synced them.
	f, err := os.OpenFile(d.dataPath(idIn(address)), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(data[200_000:250_000]); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if n := d.head(address).offset(t); n != 250_000 || onDisk(address) != n {
		t.Errorf("HEAD promises %d, %d on the disk", n, onDisk(address))
	}

	// What a failed sync may have lost is asked for again.
	works := d.sync
	d.sync = func(*os.File) error { return errors.New("input/output error") }
	if res := d.patch(address, 250_000, bytes.NewReader(data[250_000:]), 50_000); res.status != http.StatusInternalServerError {
		t.Errorf("the sync failed and the answer is %d", res.status)
	}
	d.sync = works
	if n := d.head(address).offset(t); n != 250_000 {
		t.Errorf("after a failed sync the offset is %d, want 250000", n)
	}
	if res := d.patch(address, 250_000, bytes.NewReader(data[250_000:]), 50_000); res.status != http.StatusNoContent {
		t.Fatalf("%d %s", res.status, res.body)
	}
	d.wantVault(address, data)
}

func TestStream(t *testing.T) {
	d := newDesk(t, nil)
	data := random(2<<20 + 3)
	got, err := d.Stream(t.Context(), 7, `C:\Users\Anna\video.mov`, "video/quicktime; x=y", io.MultiReader(bytes.NewReader(data)))
	if err != nil {
		t.Fatal(err)
	}
	want := Received{
		UploadID: got.UploadID, TestimonyID: 7, Path: got.UploadID + ".bin", Bytes: int64(len(data)),
		Filename: "video.mov", ContentType: "video/quicktime",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Received{want}, d.taken()); diff != "" {
		t.Errorf("handed over (-want +got):\n%s", diff)
	}
	d.wantVault(base+got.UploadID, data)
}

func TestStreamRefusals(t *testing.T) {
	full := func(string) (int64, error) { return 99, nil }
	denied := fault.New(fault.Forbidden, "testimony.not_yours")
	for name, c := range map[string]struct {
		body  io.Reader
		free  func(string) (int64, error)
		admit error
		kind  fault.Kind
		key   string
	}{
		"empty":         {body: strings.NewReader(""), kind: fault.Invalid, key: "upload.empty"},
		"over":          {body: io.LimitReader(&repeat{block: random(1 << 16)}, 1<<20+1), kind: fault.TooLarge, key: "upload.too_large"},
		"over the form": {body: http.MaxBytesReader(nil, io.NopCloser(&repeat{block: random(99)}), 1000), kind: fault.TooLarge, key: "upload.too_large"},
		"cut":           {body: io.MultiReader(strings.NewReader("half"), broken{io.ErrUnexpectedEOF}), kind: fault.Invalid, key: "upload.cut"},
		"full disk":     {body: strings.NewReader("video"), free: full, kind: fault.Full, key: "upload.disk_full"},
		"not admitted":  {body: strings.NewReader("video"), admit: denied, kind: fault.Forbidden, key: "testimony.not_yours"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, func(o *Options) { o.MaxBytes = 1 << 20; o.MinFree = 100 })
			d.admitErr = c.admit
			if c.free != nil {
				d.free = c.free
			}
			_, err := d.Stream(t.Context(), 7, "video.mp4", "video/mp4", c.body)
			wantFault(t, err, c.kind, c.key)
			for _, dir := range []string{d.opt.Dir, d.opt.Vault} {
				if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
					t.Errorf("left in %s: %v, %v", filepath.Base(dir), left, err)
				}
			}
			if len(d.taken()) > 0 {
				t.Error("it was taken over")
			}
		})
	}
}

// broken is a line that fails.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

func TestNewRefusesWhatCannotWork(t *testing.T) {
	good := Options{
		Dir: t.TempDir(), Vault: t.TempDir(), BasePath: base, MaxBytes: 1,
		Admit:    func(context.Context, Offer) error { return nil },
		Owns:     func(context.Context, string) error { return nil },
		Received: func(context.Context, Received) error { return nil },
	}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"no folder":      func(o *Options) { o.Dir = "" },
		"no slash":       func(o *Options) { o.BasePath = "/caricamenti" },
		"no limit":       func(o *Options) { o.MaxBytes = 0 },
		"no Received":    func(o *Options) { o.Received = nil },
		"another device": func(o *Options) { o.Vault = "/dev/shm/" },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestCleanName(t *testing.T) {
	long := strings.Repeat("perché ", 43)
	for in, want := range map[string]string{
		"video del sindaco.mp4":         "video del sindaco.mp4",
		"../../etc/passwd":              "passwd",
		`..\..\windows\system32.mp4`:    "system32.mp4",
		"..":                            "video",
		"":                              "video",
		"/":                             "video",
		" .nascosto ":                   "nascosto",
		"a\x00b\nc\x1b[31m.mp4":         "ab c[31m.mp4",
		"foto\u202egpj.exe":             "fotogpj.exe",
		"citta\u0300.mov":               "città.mov",
		"rotto\xff\xfe.mp4":             "rotto.mp4",
		"Ü 日本 🎬.webm":                   "Ü 日本 🎬.webm",
		long + ".mp4":                   string([]rune(long)[:95]) + "….mp4",
		strings.Repeat("x", 300):        strings.Repeat("x", 99) + "…",
		"v." + strings.Repeat("y", 300): "v." + strings.Repeat("y", 97) + "…",
	} {
		got := CleanName(in)
		if got != want {
			t.Errorf("CleanName(%q) = %q, want %q", in, got, want)
		}
		if CleanName(got) != got {
			t.Errorf("%q is cleaned again to %q", got, CleanName(got))
		}
	}
}

func ExampleCleanName() {
	fmt.Println(CleanName(`C:\Documenti\..\Saluto del sindaco.mp4`))
	// Output: Saluto del sindaco.mp4
}
