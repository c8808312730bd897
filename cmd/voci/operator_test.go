package main_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"maps"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var signIn = regexp.MustCompile(`http://\S+/entra/\S+`)

const cirie = "001086"

// TestAPortalIsLookedAfter goes through what an operator does with a portal, in
// the order of its life: the first start, links, samples, counts, a check, a
// back-up beside it, the stop, the next start, the restore elsewhere.
func TestAPortalIsLookedAfter(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	base := "http://" + address
	o := newOperator(t, "VOCI_LISTEN="+address, "VOCI_BASE_URL="+base)
	served := o.start(signIn, "serve")

	if !strings.Contains(served.console.String(), "Canale di prova") {
		t.Errorf("the console does not say that nothing goes to YouTube:\n%s", served.console)
	}
	anybody := newBrowser(t, base)
	if a := anybody.get("/healthz"); a.code != http.StatusOK || strings.TrimSpace(a.body) != "ok" {
		t.Errorf("/healthz: %d %q", a.code, a.body)
	}
	if a := anybody.get("/"); a.code != http.StatusOK || !strings.Contains(a.body, "</html>") {
		t.Errorf("/: %d\n%s", a.code, a.body)
	}
	staff := newBrowser(t, base)
	if a := staff.post(signIn.FindString(served.console.String())); a.header.Get("Location") != "/redazione" {
		t.Errorf("the link on the console leads to %q, want /redazione", a.header.Get("Location"))
	}
	o.refused([]string{"serve", "--listen", "127.0.0.1:0"}, "already runs")

	townHall := newBrowser(t, base)
	t.Run("links", func(t *testing.T) { o.with(t).links(staff.with(t), townHall.with(t)) })
	t.Run("samples", func(t *testing.T) { o.with(t).samples(base) })
	t.Run("counts", func(t *testing.T) {
		if got, want := o.with(t).run("sync"), "testimonies asked for: 2, answered: 2; calls: 1, failed: 0"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("doctor", func(t *testing.T) {
		said := o.with(t).run("doctor")
		if strings.Contains(said, "✗") || strings.Count(said, "✓") != 9 || !strings.Contains(said, "its token works") || !strings.Contains(said, "leads to the portal") {
			t.Errorf("got\n%s", said)
		}
	})

	upload := beginUpload(t, townHall)
	seen := look(t, base, shownPages(t, base)...)
	link := o.run("link", "--municipality", cirie)
	plain, small := filepath.Join(t.TempDir(), "voci.tar"), filepath.Join(t.TempDir(), "voci.tar.zst")
	o.run("backup", plain)
	o.run("backup", small)
	o.refused([]string{"backup", plain}, "already there")
	o.refused([]string{"restore", plain}, "already runs")

	served.interrupt()
	o.refused([]string{"restore", plain}, "is not empty")
	o.env = append(o.env, "VOCI_SYNC_EVERY=24h")
	again := o.start(signIn, "serve", "--only", "web")
	if diff := cmp.Diff(seen, look(t, base, keys(seen)...)); diff != "" {
		t.Errorf("the next start shows something else (-before +after):\n%s", diff)
	}
	if a := staff.get("/redazione"); a.code != http.StatusOK {
		t.Errorf("staff are signed out by the next start: %d", a.code)
	}
	again.interrupt()

	for name, file := range map[string]string{"plain": plain, "compressed": small} {
		t.Run("restored from "+name, func(t *testing.T) { o.with(t).restored(file, base, seen, link, townHall.with(t), upload) })
	}
}

// with is the operator in a subtest.
func (o *operator) with(t *testing.T) *operator { return &operator{t, o.data, o.env} }

// links asks for links as town halls and staff need them.
func (o *operator) links(staff, townHall *browser) {
	t := o.t
	first := o.run("link", "--municipality", cirie)
	if second := o.run("link", "--municipality", cirie); second != first {
		t.Errorf("asked twice, the link is %s and then %s", first, second)
	}
	if a := staff.form("/redazione/comuni/" + cirie + "/sostituisci"); a.code != http.StatusOK {
		t.Fatalf("replace a link: %d\n%s", a.code, a.body)
	}
	replaced := o.run("link", "--municipality", cirie)
	if replaced == first {
		t.Error("the replaced link is the same")
	}
	if a := townHall.get(first); a.code != http.StatusGone {
		t.Errorf("the old link: %d, want 410", a.code)
	}
	if a := townHall.post(replaced); a.header.Get("Location") != "/comune" {
		t.Errorf("the new link leads to %q, want /comune", a.header.Get("Location"))
	}
	moderator := newBrowser(t, staff.base)
	if a := moderator.post(o.run("link", "--staff", "anna@example.it", "--role", "moderator")); a.header.Get("Location") != "/redazione" {
		t.Errorf("a moderator's link leads to %q, want /redazione", a.header.Get("Location"))
	}
}

// samples makes samples twice.
func (o *operator) samples(base string) {
	for _, word := range []string{"made and sent", "was there already"} {
		said := o.run("demo", "--count", "2")
		if strings.Count(said, word) != 2 || strings.Count(said, "published: ") != 2 {
			o.t.Errorf("demo: want 2 samples %q and published, got\n%s", word, said)
		}
	}
	// Beside a portal, pages show what a command changed after some seconds.
	var listed []struct{ Views *int64 }
	until(o.t, "both samples are listed with their views", func() bool {
		a := newBrowser(o.t, base).get("/dati/testimonianze.json")
		listed = nil
		if err := json.Unmarshal([]byte(a.body), &listed); err != nil {
			o.t.Fatalf("%v\n%s", err, a.body)
		}
		return len(listed) >= 2 && listed[0].Views != nil && listed[1].Views != nil
	})
	if len(listed) != 2 {
		o.t.Errorf("%d testimonies are listed, want 2", len(listed))
	}
}

// half is what of an upload has arrived when the back-up is made.
const half = 300_000

// beginUpload sends the first part of a file over tus, and returns its address.
func beginUpload(t *testing.T, townHall *browser) string {
	t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	if err := w.WriteField("title", "Un video che sta arrivando"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	made := townHall.do(http.MethodPost, "/comune/testimonianze", w.FormDataContentType(), &form, nil)
	if made.code != http.StatusSeeOther {
		t.Fatalf("make a draft: %d\n%s", made.code, made.body)
	}
	id := regexp.MustCompile(`\d+`).FindString(made.header.Get("Location"))
	metadata := "filename " + base64.StdEncoding.EncodeToString([]byte("video.mp4")) + ",testimony " + base64.StdEncoding.EncodeToString([]byte(id))
	created := townHall.do(http.MethodPost, "/caricamenti/", "", nil, map[string]string{"Tus-Resumable": "1.0.0", "Upload-Length": "1000000", "Upload-Metadata": metadata})
	if created.code != http.StatusCreated {
		t.Fatalf("begin an upload: %d\n%s", created.code, created.body)
	}
	address := regexp.MustCompile(`/caricamenti/.*`).FindString(created.header.Get("Location"))
	sent := townHall.do(http.MethodPatch, address, "application/offset+octet-stream", bytes.NewReader(make([]byte, half)), map[string]string{"Tus-Resumable": "1.0.0", "Upload-Offset": "0"})
	if sent.code != http.StatusNoContent {
		t.Fatalf("send a part: %d\n%s", sent.code, sent.body)
	}
	return address
}

// shownPages are addresses that citizens read.
func shownPages(t *testing.T, base string) []string {
	t.Helper()
	found := regexp.MustCompile(`/testimonianze/\d+-[a-z0-9-]+`).FindAllString(newBrowser(t, base).get("/testimonianze").body, -1)
	if len(found) == 0 {
		t.Fatal("no testimony is shown")
	}
	return append([]string{"/", "/testimonianze", "/numeri", "/comuni", "/comuni/balme", "/dati/testimonianze.json", "/en"}, found...)
}

// look reads pages.
func look(t *testing.T, base string, paths ...string) map[string]string {
	t.Helper()
	b := newBrowser(t, base)
	seen := map[string]string{}
	for _, path := range paths {
		a := b.get(path)
		if a.code != http.StatusOK {
			t.Errorf("%s: %d", path, a.code)
		}
		seen[path] = a.body
	}
	return seen
}

func keys(m map[string]string) (all []string) {
	for k := range maps.Keys(m) {
		all = append(all, k)
	}
	return all
}

// restored restores a back-up elsewhere and looks whether all is there.
func (o *operator) restored(file, base string, seen map[string]string, link string, townHall *browser, upload string) {
	t := o.t
	address := freeAddress(t)
	elsewhere := newOperator(t, "VOCI_LISTEN="+address, "VOCI_BASE_URL="+base)
	if err := os.MkdirAll(elsewhere.data, 0o700); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(o.data, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(elsewhere.data, "secret.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	elsewhere.run("restore", file)
	for _, folder := range []string{"vault", "renditions", "sandbox/videos"} {
		if diff := cmp.Diff(files(t, filepath.Join(o.data, folder)), files(t, filepath.Join(elsewhere.data, folder))); diff != "" {
			t.Errorf("%s is not what it was (-before +after):\n%s", folder, diff)
		}
	}
	web := elsewhere.start(signIn, "serve", "--only", "web")
	if diff := cmp.Diff(seen, look(t, "http://"+address, keys(seen)...)); diff != "" {
		t.Errorf("the restored portal shows something else (-before +after):\n%s", diff)
	}
	if again := elsewhere.run("link", "--municipality", cirie); again != link {
		t.Errorf("the restored link is %s, was %s", again, link)
	}
	// Who was signed in still is, and goes on with the upload.
	a := townHall.at("http://"+address).do(http.MethodHead, upload, "", nil, map[string]string{"Tus-Resumable": "1.0.0"})
	if got := a.header.Get("Upload-Offset"); got != "300000" {
		t.Errorf("the upload goes on at %q (%d), want %d", got, a.code, half)
	}
	web.interrupt()

	whole := elsewhere.start(signIn, "serve")
	if said := elsewhere.run("doctor", "--base-url", "http://"+address); strings.Contains(said, "✗") {
		t.Errorf("doctor:\n%s", said)
	}
	elsewhere.channelInTrouble(address)
	whole.interrupt()
}

// at is the same person at another address of the portal.
func (b *browser) at(base string) *browser {
	b.t.Helper()
	other := newBrowser(b.t, base)
	r, err := http.NewRequest(http.MethodGet, b.base, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := http.NewRequest(http.MethodGet, base, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	other.http.Jar.SetCookies(s.URL, b.http.Jar.Cookies(r.URL))
	return other
}

// channelInTrouble takes the permission away that the channel gave.
func (o *operator) channelInTrouble(address string) {
	t := o.t
	sandbox, err := os.ReadFile(filepath.Join(o.data, "sandbox", "address"))
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, "http://"+string(sandbox))
	if a := b.do(http.MethodPost, "/sandbox/faults", "application/json", strings.NewReader(`{"fault": "revoke"}`), nil); a.code != http.StatusOK {
		t.Fatalf("%d %s", a.code, a.body)
	}
	r := o.try("sync")
	if r.code != 1 || !strings.Contains(r.trouble, "Connect the channel again") {
		t.Errorf("sync with a channel that does not let us in: exit %d, %q, %q", r.code, r.out, r.trouble)
	}
	r = o.try("doctor", "--base-url", "http://"+address)
	if r.code != 1 || strings.Count(r.out, "✗") != 1 || !strings.Contains(r.out, "✗ channel: ") {
		t.Errorf("doctor with a channel that does not let us in: exit %d\n%s", r.code, r.out)
	}
}

// files reads a folder.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		found[filepath.Base(path)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Errorf("%s is empty", dir)
	}
	return found
}

func TestAWrongSettingStopsTheStartAndIsNamed(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"VOCI_TERRITORY=kingdom":         {"VOCI_TERRITORY"},
		"VOCI_SYNC_EVERY=often":          {"VOCI_SYNC_EVERY"},
		"VOCI_MAX_UPLOAD_BYTES=-1":       {"VOCI_MAX_UPLOAD_BYTES"},
		"VOCI_BASE_URL=voci.example.it":  {"VOCI_BASE_URL", "https://"},
		"VOCI_SECRET_KEY=c2hvcnQ=":       {"VOCI_SECRET_KEY", "openssl"},
		"VOCI_YOUTUBE=live":              {"VOCI_GOOGLE_CLIENT_ID"},
		"VOCI_SMTP_URL=ftp://a:b@mail":   {"VOCI_SMTP_URL"},
		"VOCI_CONFIG=/no/such/file.json": {"VOCI_CONFIG"},
	} {
		o := newOperator(t, "VOCI_LISTEN=127.0.0.1:0", name)
		o.refused([]string{"serve"}, args...)
		if _, err := os.Stat(o.data); err == nil {
			t.Errorf("%s: a folder of data was made all the same", name)
		}
	}
}

func TestWrongInputGetsOnePlainSentence(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	o.run("migrate")
	o.run("migrate") // it is up to date: nothing to do
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"link"}, "--municipality"},
		{[]string{"link", "--municipality", cirie, "--staff", "a@example.it", "--role", "moderator"}, "--staff"},
		{[]string{"link", "--municipality", "999999"}, "999999"},
		{[]string{"link", "--municipality", cirie, "--territory", "kingdom"}, "--territory"},
		{[]string{"link", "--staff", "a@example.it"}, "--role"},
		{[]string{"link", "--staff", "nobody", "--role", "moderator"}, "email address"},
		{[]string{"link", "--staff", "a@example.it", "--role", "king"}, "moderator"},
		{[]string{"serve", "--only", "mail"}, "--only"},
		{[]string{"demo", "--count", "0"}, "--count"},
		{[]string{"demo", "--youtube", "live", "--google-client-id", "a", "--google-client-secret", "b"}, "real channel"},
		{[]string{"demo", "--youtube-endpoint", "https://youtube.example.com"}, "real channel"},
		{[]string{"sync", "--youtube", "off"}, "VOCI_YOUTUBE"},
		{[]string{"sandbox", "--listen", "0.0.0.0:0"}, "127.0.0.1"},
		{[]string{"sandbox", "--listen", "8099"}, "VOCI_LISTEN"},
		{[]string{"backup"}, "file"},
		{[]string{"restore", filepath.Join(t.TempDir(), "nothing.tar")}, "no such file"},
		{[]string{"fly"}, "fly"},
	} {
		o.refused(c.args, c.want)
	}
	newOperator(t).refused([]string{"backup", filepath.Join(t.TempDir(), "voci.tar")}, "no portal")
}

func TestWithoutAPortalCommandsDoItsWork(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	if said := o.run("doctor"); strings.Contains(said, "✗") {
		t.Errorf("doctor on a new machine:\n%s", said)
	}
	if _, err := os.Stat(o.data); err == nil {
		t.Error("doctor made a folder of data")
	}
	if said := o.run("demo", "--count", "1", "--youtube", "off"); !strings.Contains(said, "published: ") {
		t.Errorf("demo without a channel:\n%s", said)
	}
	if got, want := o.run("sync"), "testimonies asked for: 0, answered: 0; calls: 0, failed: 0"; got != want {
		t.Errorf("sync: got %q, want %q", got, want)
	}
}

func TestTheSandboxAlone(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	ready := regexp.MustCompile(`Canale di prova: (http://127\.0\.0\.1:\d+)`)
	served := o.start(ready, "sandbox", "--listen", "127.0.0.1:0")
	base := ready.FindStringSubmatch(served.console.String())[1]
	if a := newBrowser(t, base).get("/sandbox/state"); a.code != http.StatusOK || !strings.Contains(a.body, `"videos":[]`) {
		t.Errorf("/sandbox/state: %d %s", a.code, a.body)
	}
	o.refused([]string{"sandbox", "--listen", "127.0.0.1:0"}, "already")
	served.interrupt()
}

func TestTheSecondCtrlCStopsAtOnce(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	o := newOperator(t, "VOCI_LISTEN="+address, "VOCI_BASE_URL=http://"+address)
	served := o.start(signIn, "serve")
	// A form that never comes to its end: a graceful stop waits for it.
	hanging, release := slowForm(t, address)
	defer release()
	served.signal(syscall.SIGINT)
	until(t, "the portal takes nobody in any more", func() bool {
		r, err := http.Get("http://" + address + "/healthz")
		if err == nil {
			_ = r.Body.Close()
		}
		return err != nil
	})
	select {
	case err := <-served.ended:
		t.Fatalf("the first Ctrl-C did not wait for %s: %v", hanging, err)
	default:
	}
	before := time.Now()
	served.signal(syscall.SIGINT)
	if err := served.wait(); err == nil {
		t.Error("the second Ctrl-C ended it with 0, want a death by the signal")
	}
	if took := time.Since(before); took > 5*time.Second {
		t.Errorf("the second Ctrl-C took %s", took)
	}
}
