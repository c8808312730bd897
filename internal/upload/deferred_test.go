package upload

import (
	"bytes"
	"net/http"
	"strconv"
	"testing"
)

// A recording is sent while it is made: its length is declared last, when there
// may be nothing left to send.
func TestRecordingDeclaresItsLengthLast(t *testing.T) {
	data := random(300_000)
	begin := func(d *desk) string {
		address := d.resolve(d.post("Upload-Defer-Length", "1", "Upload-Metadata", usual()).header.Get("Location"))
		for at := 0; at < len(data); at += 100_000 {
			if n := d.patch(address, int64(at), bytes.NewReader(data[at:at+100_000]), 100_000).offset(t); n != int64(at+100_000) {
				t.Fatalf("after a piece the offset is %d", n)
			}
		}
		return address
	}
	declare := func(d *desk, address string, offset, length int) reply {
		return d.patch(address, int64(offset), bytes.NewReader(nil), 0, "Upload-Length", strconv.Itoa(length))
	}

	t.Run("with nothing left to send", func(t *testing.T) {
		d := newDesk(t, nil)
		address := begin(d)
		if len(d.taken()) > 0 {
			t.Fatal("it was taken over before anybody said that it is whole")
		}
		if res := declare(d, address, len(data), len(data)); res.status != http.StatusNoContent || res.offset(t) != int64(len(data)) {
			t.Fatalf("declaring: %d %s", res.status, res.body)
		}
		d.wantVault(address, data)
		if res := declare(d, address, len(data), len(data)); res.status != http.StatusNoContent {
			t.Errorf("declaring twice, as after a lost answer: %d %s", res.status, res.body)
		}
		if n := len(d.taken()); n != 1 {
			t.Errorf("taken over %d times", n)
		}
	})

	t.Run("after a crash of the portal", func(t *testing.T) {
		d := newDesk(t, nil)
		id := idIn(begin(d))
		d = d.again(t)
		if err := d.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(d.taken()) > 0 {
			t.Fatal("recovery took over a recording that may go on")
		}
		address := d.endpoint + id
		head := d.head(address)
		if head.offset(t) != int64(len(data)) || head.header.Get("Upload-Defer-Length") != "1" || head.header.Get("Upload-Length") != "" {
			t.Fatalf("HEAD says %v", head.header)
		}
		declare(d, address, len(data), len(data))
		d.wantVault(address, data)
	})

	t.Run("with a crash just after declaring", func(t *testing.T) {
		d := newDesk(t, nil)
		id := idIn(begin(d))
		u, err := d.load(id)
		if err != nil {
			t.Fatal(err)
		}
		if err := u.DeclareLength(t.Context(), int64(len(data))); err != nil { // and the process is gone
			t.Fatal(err)
		}
		d = d.again(t)
		if err := d.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.wantVault(d.endpoint+id, data)
		if n := len(d.taken()); n != 1 {
			t.Errorf("taken over %d times", n)
		}
	})

	t.Run("wrongly", func(t *testing.T) {
		d := newDesk(t, func(o *Options) { o.MaxBytes = 1 << 20 })
		address := begin(d)
		wantRefusal(t, declare(d, address, len(data), len(data)-1), 400, "upload.protocol")
		wantRefusal(t, declare(d, address, len(data), 2<<20), 413, "upload.too_large")
		if head := d.head(address); head.header.Get("Upload-Defer-Length") != "1" || head.offset(t) != int64(len(data)) {
			t.Fatalf("a wrong length left a mark: %v", head.header)
		}
		// More than there is: the rest is awaited, and no other length is taken.
		if res := declare(d, address, len(data), len(data)+10); res.status != http.StatusNoContent {
			t.Fatalf("declaring more: %d %s", res.status, res.body)
		}
		wantRefusal(t, declare(d, address, len(data), len(data)), 400, "upload.protocol")
		if at, total, err := d.Progress(idIn(address)); at != int64(len(data)) || total != int64(len(data)+10) || err != nil {
			t.Errorf("progress is %d of %d, %v", at, total, err)
		}
		rest := random(10)
		d.patch(address, int64(len(data)), bytes.NewReader(rest), 10)
		d.wantVault(address, append(bytes.Clone(data), rest...))
	})
}
