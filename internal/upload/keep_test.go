package upload

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
)

// crash leaves the files of an upload as a crash at some instruction would.
type crash struct {
	offset  int  // bytes in the folder of uploads; -1 for no file
	vault   bool // the file was moved
	receipt bool // it was taken over, and that was noted
	noInfo  bool
	temp    bool // an .info was being written
}

func (d *desk) crashed(size int, data []byte, c crash) (address string) {
	d.tb.Helper()
	address = d.create(int64(size))
	id := idIn(address)
	write := func(path string, b []byte) {
		d.tb.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			d.tb.Fatal(err)
		}
	}
	if c.receipt {
		u, err := d.load(id)
		if err != nil {
			d.tb.Fatal(err)
		}
		u.info.Storage[keyReceived] = "2026-11-20T08:00:00Z"
		if err := u.save(); err != nil {
			d.tb.Fatal(err)
		}
	}
	if c.offset >= 0 {
		write(d.dataPath(id), data[:c.offset])
	} else if err := os.Remove(d.dataPath(id)); err != nil {
		d.tb.Fatal(err)
	}
	if c.vault {
		write(d.vaultPath(id), data)
	}
	if c.temp {
		write(d.dataPath(id)+tempSuffix, []byte(`{"ID":"`))
	}
	if c.noInfo {
		if err := os.Remove(d.infoPath(id)); err != nil {
			d.tb.Fatal(err)
		}
	}
	return address
}

// From every state that a crash can leave, the next start or the next request
// goes on.
func TestCrashStates(t *testing.T) {
	data := random(1000)
	for name, c := range map[string]struct {
		crash
		calls  int // of Received
		status int // of HEAD
		offset int64
	}{
		"created":                    {crash{offset: 0}, 0, 200, 0},
		"half way":                   {crash{offset: 400}, 0, 200, 400},
		"half way, info being saved": {crash{offset: 400, temp: true}, 0, 200, 400},
		"last byte written":          {crash{offset: 1000}, 1, 200, 1000},
		"moved to the vault":         {crash{offset: -1, vault: true}, 1, 200, 1000},
		"taken over, no receipt":     {crash{offset: -1, vault: true, temp: true}, 1, 200, 1000},
		"receipt written":            {crash{offset: -1, vault: true, receipt: true}, 0, 200, 1000},
		"receipt, original deleted":  {crash{offset: -1, receipt: true}, 0, 200, 1000},
		"bytes lost":                 {crash{offset: -1}, 0, 404, 0},
		"being created":              {crash{offset: 0, noInfo: true, temp: true}, 0, 404, 0},
	} {
		for _, by := range []string{"start", "request"} {
			t.Run(name+", next "+by, func(t *testing.T) {
				before := newDesk(t, nil)
				id := idIn(before.crashed(1000, data, c.crash))
				d := before.again(t)
				if by == "start" {
					if err := d.Recover(t.Context()); err != nil {
						t.Fatal(err)
					}
					if n := len(d.taken()); n != c.calls {
						t.Errorf("the start had %d taken over, want %d", n, c.calls)
					}
				}
				res := d.head(d.endpoint + id)
				if res.status != c.status || c.status == 200 && res.offset(t) != c.offset {
					t.Fatalf("HEAD: %d, offset %s, want %d, %d", res.status, res.header.Get("Upload-Offset"), c.status, c.offset)
				}
				if n := len(d.taken()); n != c.calls {
					t.Errorf("taken over %d times, want %d", n, c.calls)
				}
				if c.status != 200 || c.receipt {
					return
				}
				if c.offset < 1000 {
					if res := d.patch(d.endpoint+id, c.offset, bytes.NewReader(data[c.offset:]), 1000-c.offset); res.status != http.StatusNoContent {
						t.Fatalf("%d %s", res.status, res.body)
					}
				}
				d.wantVault(base+id, data)
			})
		}
	}
}

func TestRecoverGoesOnAfterAFailure(t *testing.T) {
	before := newDesk(t, nil)
	data := random(100)
	for range 3 {
		before.crashed(100, data, crash{offset: 100})
	}
	d := before.again(t)
	d.takeErr = []error{errors.New("database is locked")}
	if err := d.Recover(t.Context()); err == nil || !strings.Contains(err.Error(), "database is locked") {
		t.Errorf("got %v", err)
	}
	if n := len(d.taken()); n != 3 {
		t.Errorf("%d of 3 were tried", n)
	}
	if err := d.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(d.taken()); n != 4 {
		t.Errorf("%d calls, want one more for the one that failed", n)
	}
}

// TestARefusalForGoodLeavesNothing: the testimony was withdrawn while its file
// arrived. Nothing of the file stays, and the next start has nothing to trip on.
func TestARefusalForGoodLeavesNothing(t *testing.T) {
	before := newDesk(t, nil)
	address := before.crashed(100, random(100), crash{offset: 100})
	d := before.again(t)
	d.takeErr = []error{fault.New(fault.Conflict, "testimony.not_editable")}
	if err := d.Recover(t.Context()); fault.Of(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
	id := idIn(address)
	for _, path := range []string{d.vaultPath(id), d.dataPath(id), d.infoPath(id)} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", filepath.Base(path), err)
		}
	}
	if err := d.Recover(t.Context()); err != nil || len(d.taken()) != 1 {
		t.Errorf("offered again: %v", err)
	}
}

func TestDiscard(t *testing.T) {
	d := newDesk(t, nil)
	data := random(20_000)

	running := d.create(int64(len(data)))
	conn := dial(t, d, running, len(data), data[:10_000])
	done := d.create(int64(len(data)))
	d.all(done, data)
	for _, address := range []string{running, done, base + newID()} {
		if err := d.Discard(t.Context(), idIn(address)); err != nil {
			t.Errorf("discard: %v", err)
		}
		if _, _, err := d.Progress(idIn(address)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("progress of what was discarded: %v", err)
		}
		if res := d.head(d.endpoint + idIn(address)); res.status != http.StatusNotFound {
			t.Errorf("HEAD of what was discarded: %d", res.status)
		}
	}
	if got := answer(t, conn); !strings.Contains(got, "upload.elsewhere") {
		t.Errorf("the running request was told %q", got)
	}
	for _, dir := range []string{d.opt.Dir, d.opt.Vault} {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left in %s: %v, %v", filepath.Base(dir), left, err)
		}
	}
	for _, id := range []string{"", "../x", strings.Repeat("A", 32)} {
		if err := d.Discard(t.Context(), id); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Discard(%q) = %v", id, err)
		}
	}
}

func TestExpire(t *testing.T) {
	d := newDesk(t, nil)
	data := random(100)
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	limit := now.AddDate(0, 0, -14)
	aged := func(address string, days int) string {
		t.Helper()
		names, err := filepath.Glob(d.dataPath(idIn(address)) + "*")
		if err != nil || len(names) == 0 {
			t.Fatalf("files of the upload: %v, %v", names, err)
		}
		for _, name := range names {
			if err := os.Chtimes(name, now, now.AddDate(0, 0, -days)); err != nil {
				t.Fatal(err)
			}
		}
		return idIn(address)
	}
	sent := d.create(100)
	d.all(sent, data)
	receipt := aged(sent, 15)
	old := aged(d.crashed(100, data, crash{offset: 50}), 15)
	kept := aged(d.crashed(100, data, crash{offset: 50}), 15)
	young := aged(d.crashed(100, data, crash{offset: 50}), 13)
	orphan := aged(d.crashed(100, data, crash{offset: 50, noInfo: true, temp: true}), 15)
	whole := aged(d.crashed(100, data, crash{offset: -1, vault: true}), 15)

	n, err := d.Expire(t.Context(), limit, func(id string) bool { return id == kept })
	if n != 1 || err != nil {
		t.Errorf("Expire gave up %d, %v, want the old one only", n, err)
	}
	for id, want := range map[string]bool{receipt: false, old: false, kept: true, young: true, orphan: false, whole: true} {
		names, err := filepath.Glob(d.dataPath(id) + "*")
		if err != nil || (len(names) > 0) != want {
			t.Errorf("files %v, want there %v, %v", names, want, err)
		}
	}
	for _, id := range []string{receipt, whole} {
		if got, err := os.ReadFile(d.vaultPath(id)); err != nil || sum(got) != sum(data) {
			t.Errorf("the original is not in the vault any more: %v", err)
		}
	}
	d.wantVault(base+whole, data)
	if res := d.head(d.endpoint + young); res.status != http.StatusOK || res.offset(t) != 50 {
		t.Errorf("an upload left 13 days: %d", res.status)
	}
}
