package studio_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video/videotest"
)

// clip is a video of two seconds, made once.
var clip = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "clip")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	return makeClip(dir, videotest.Spec{Faststart: true})
})

func makeClip(dir string, spec videotest.Spec) ([]byte, error) {
	path, err := videotest.Make(context.Background(), dir, spec)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

func film(t *testing.T, spec videotest.Spec) []byte {
	t.Helper()
	var b []byte
	var err error
	if spec == (videotest.Spec{}) {
		b, err = clip()
	} else {
		b, err = makeClip(t.TempDir(), spec)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAFormWithItsFileInOneGo(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	whole := film(t, videotest.Spec{})
	id := b.postFile("/comune/testimonianze?poi=invia", form(), "spesa.mp4", bytes.NewReader(whole)).made()
	address := "/comune/testimonianze/" + itoa(id)

	got := w.said(id)
	kept, err := os.ReadFile(filepath.Join(w.vault, got.Video.Original))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, whole) {
		t.Errorf("%d bytes are kept of %d sent", len(kept), len(whole))
	}
	if !got.AwaitsFile() {
		t.Error("review does not wait for the file")
	}
	a := b.get(address).want(http.StatusOK).says("La revisione parte da sola, appena il video è arrivato e controllato.", "Hai già chiesto la revisione")
	if a.shown() != "checking" {
		t.Errorf("of the file the page shows %q", a.shown())
	}

	w.look()
	if got := w.said(id); got.State != testimony.InReview {
		t.Errorf("it is %s, its file %s", got.State, got.Video.State)
	}
	b.get(address).says("Video ricevuto", "Inviata alla redazione (in attesa)", "Ora tocca alla redazione", "Che cosa hai inviato", "Anna Bò, Sindaca").silent("Salva")
	for path, kind := range map[string]string{"/poster": "image/jpeg", "/video": "video/mp4"} {
		part := b.send(http.MethodGet, address+path, nil, "", "Range", "bytes=0-1").want(http.StatusPartialContent)
		if got := part.header.Get("Content-Type"); got != kind || len(part.body) != 2 {
			t.Errorf("%s: %s, %d bytes", path, got, len(part.body))
		}
	}
}

func TestFilesThatAreRefusedOnTheirWay(t *testing.T) {
	full := func(s *settings) { s.MinFree = 1 << 60 } // no disk has so much
	for name, c := range map[string]struct {
		change func(*settings)
		file   io.Reader
		status int
		says   string
	}{
		"over the limit":         {nil, io.LimitReader(zeros{}, maxBytes+1), http.StatusRequestEntityTooLarge, "Il video è troppo grande: può pesare al massimo 32 MB."},
		"far over the limit":     {nil, io.LimitReader(zeros{}, 5*maxBytes), http.StatusRequestEntityTooLarge, "Il video è troppo grande: può pesare al massimo 32 MB."},
		"empty":                  {nil, strings.NewReader(""), http.StatusUnprocessableEntity, "Il file è vuoto. Scegli di nuovo il video."},
		"while the disk is full": {full, strings.NewReader("video"), http.StatusInsufficientStorage, "In questo momento non c'è più spazio per i video."},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			if c.change != nil {
				w = open(t, c.change)
			}
			b := w.townHall(balme)
			a := b.postFile("/comune/testimonianze?poi=invia", form(), "spesa.mp4", c.file).want(c.status)
			if got := a.wrong("video"); !strings.HasPrefix(got, c.says) {
				t.Errorf("at the file it says %q, want %q", got, c.says)
			}
			if diff := cmp.Diff(form(), a.values()); diff != "" {
				t.Errorf("what was typed is not what is shown:\n%s", diff)
			}
			got := w.said(a.draft())
			if got.State != testimony.Draft || got.Title != form().Get("title") || got.Video != nil {
				t.Errorf("kept: %s, %q, %v", got.State, got.Title, got.Video)
			}
			left, err := os.ReadDir(w.vault)
			if err != nil || len(left) > 0 {
				t.Errorf("left in the vault: %v %v", left, err)
			}
		})
	}
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func TestFilesThatAreNoUsableVideo(t *testing.T) {
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 64, 64))); err != nil {
		t.Fatal(err)
	}
	whole := film(t, videotest.Spec{Seconds: 4, Faststart: true})
	playlist := "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
	w := open(t, func(s *settings) { s.MaxDuration = 5 * time.Minute })
	b := w.townHall(balme)
	for name, c := range map[string]struct {
		file []byte
		says string
	}{
		"a renamed PDF":       {[]byte("%PDF-1.7\n%âãÏÓ\n1 0 obj\n<<>>\nendobj\n" + strings.Repeat("x", 2000)), "Questo file è un PDF, non un video."},
		"a playlist":          {[]byte(playlist), "Questo file è un elenco di indirizzi e non contiene il video."},
		"a picture":           {picture.Bytes(), "Questo file è un'immagine, non un video."},
		"a truncated video":   {whole[:len(whole)*6/10], "Il file si interrompe dopo"},
		"a video too long":    {film(t, videotest.Spec{Seconds: 320, Rate: 1, Width: 64, Height: 64, Silent: true}), "Il video dura più di 5 minuti"},
		"sound without video": {film(t, videotest.Spec{NoPicture: true}), "Questo file contiene solo suono"},
	} {
		t.Run(name, func(t *testing.T) {
			id := b.postFile("/comune/testimonianze?poi=invia", form(), "sindaco.mp4", bytes.NewReader(c.file)).made()
			address := "/comune/testimonianze/" + itoa(id)
			w.look()
			got := w.said(id)
			if got.State != testimony.Draft || got.Video.State != testimony.VideoUnusable {
				t.Fatalf("it is %s, its file %s", got.State, got.Video.State)
			}
			// On the town hall's page, on top of the form, at the file.
			b.get("/comune").says(c.says, "Quello che hai scritto è salvo: serve solo un altro file.", "Invia un altro file")
			a := b.get(address).says(c.says, "Questo file non va bene", "Il file era «sindaco.mp4».")
			if a.shown() != "unusable" {
				t.Errorf("of the file the page shows %q", a.shown())
			}
			if diff := cmp.Diff(form(), a.values()); diff != "" {
				t.Errorf("what was typed is not what is shown:\n%s", diff)
			}
			if got := b.post(address+"/invia", nil).want(http.StatusUnprocessableEntity).wrong("video"); !strings.HasPrefix(got, c.says) {
				t.Errorf("sent for review again it says %q at the file", got)
			}
			// The remedy: another file, and all is well.
			b.postFile(address+"?poi=invia", form(), "giusto.mp4", bytes.NewReader(film(t, videotest.Spec{}))).want(http.StatusSeeOther)
			w.look()
			if got := w.said(id); got.State != testimony.InReview {
				t.Errorf("with a good file it is %s, its file %s", got.State, got.Video.State)
			}
		})
	}
}

func TestNamesOfFilesAreForShowingOnly(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	for _, c := range []struct{ name, shown string }{
		{"../../etc/passwd.mp4", "passwd.mp4"},
		{`C:\Users\sindaco\video.mp4`, "video.mp4"},
		{strings.Repeat("è", 296) + ".mp4", strings.Repeat("è", 95) + "….mp4"},
		{"<b>video</b>.mp4", "b>.mp4"},
	} {
		t.Run(c.shown, func(t *testing.T) {
			id := b.postFile("/comune/testimonianze", form(), c.name, strings.NewReader("non è un video")).made()
			w.look()
			b.get("/comune/testimonianze/" + itoa(id)).says("Il file era «" + c.shown + "».")
			if got := w.said(id).Video.Original; filepath.Dir(got) != "." || strings.Contains(got, "passwd") {
				t.Errorf("in the vault it is %q", got)
			}
		})
	}
}

// tus speaks the protocol as the page's script does.
func (p person) tus(method, path string, body []byte, header ...string) answer {
	p.t.Helper()
	kind := ""
	if method == http.MethodPatch {
		kind = "application/offset+octet-stream"
	}
	return p.send(method, path, bytes.NewReader(body), kind, append([]string{"Tus-Resumable", "1.0.0"}, header...)...)
}

// begin begins an upload, and returns its address.
func (p person) begin(prefix string, testimony int64, name string, size int) string {
	p.t.Helper()
	return p.beginAs(prefix, testimony, name, size, "")
}

// beginAs is begin with more metadata, such as of a small version.
func (p person) beginAs(prefix string, testimony int64, name string, size int, more string) string {
	p.t.Helper()
	word := base64.StdEncoding.EncodeToString
	meta := fmt.Sprintf("testimony %s,filename %s,filetype %s", word([]byte(itoa(testimony))), word([]byte(name)), word([]byte("video/mp4"))) + more
	a := p.tus(http.MethodPost, prefix+"/caricamenti/", nil, "Upload-Length", strconv.Itoa(size), "Upload-Metadata", meta)
	return a.want(http.StatusCreated).header.Get("Location")
}

// standing is what the script is told.
type standing struct {
	State     string
	Awaits    bool
	Takes     bool
	Small     string
	Video     string
	VideoID   int64 `json:"video_id"`
	Filename  string
	Bytes     int64
	Reason    string
	Poster    string
	Rendition string
	Arriving  *struct {
		ID, Filename          string
		Offset, Size, Percent int64
	}
}

func (p person) standing(address string) (s standing) {
	p.t.Helper()
	a := p.get(address + "/stato").want(http.StatusOK)
	if err := json.Unmarshal(a.body, &s); err != nil {
		p.t.Fatalf("%v: %s", err, a.body)
	}
	return s
}

func TestAnUploadIsGoneOnWithWhereItWas(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	whole := film(t, videotest.Spec{})
	id := b.post("/comune/testimonianze", form()).made()
	address := "/comune/testimonianze/" + itoa(id)
	url := b.begin("", id, "spesa.mp4", len(whole))
	half := len(whole) / 2
	b.tus(http.MethodPatch, url, whole[:half], "Upload-Offset", "0").want(http.StatusNoContent)

	got := b.standing(address)
	percent := int64(half) * 100 / int64(len(whole))
	if got.Arriving == nil || "/caricamenti/"+got.Arriving.ID != url || got.Arriving.Offset != int64(half) ||
		got.Arriving.Size != int64(len(whole)) || got.Arriving.Percent != percent || got.Arriving.Filename != "spesa.mp4" {
		t.Errorf("told of the upload: %+v", got.Arriving)
	}
	told := fmt.Sprintf("%d %%", percent)
	b.get("/comune").says("Il video non è ancora arrivato tutto: è al "+told, "Continua l’invio", "È arrivato il "+told)
	a := b.get(address).says("Il video è arrivato al " + told)
	if a.shown() != "half" {
		t.Errorf("of the file the page shows %q", a.shown())
	}
	a.one("div", "data-upload", got.Arriving.ID, "data-filename", "spesa.mp4", "data-size", strconv.Itoa(len(whole)))

	// Asked for review now, it goes there by itself later.
	b.post(address+"/invia", nil).want(http.StatusSeeOther)
	b.get(address).says("La revisione parte da sola")
	if got := b.standing(address); !got.Awaits || got.State != "draft" {
		t.Errorf("told: %+v", got)
	}
	b.tus(http.MethodPatch, url, whole[half:], "Upload-Offset", strconv.Itoa(half)).want(http.StatusNoContent)
	got = b.standing(address)
	if got.Video != "checking" || got.Filename != "spesa.mp4" || got.Bytes != int64(len(whole)) || got.Arriving != nil {
		t.Errorf("told once all is there: %+v", got)
	}
	w.look()
	got = b.standing(address)
	if got.State != "in_review" || got.Video != "ready" || got.Awaits {
		t.Errorf("told once it was looked at: %+v", got)
	}
	for _, path := range []string{got.Poster, got.Rendition} {
		b.get(path).want(http.StatusOK)
	}
}

func TestUploadsAreRefusedWithASentence(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := b.post("/comune/testimonianze", form()).made()
	url := b.begin("", id, "spesa.mp4", 100)
	other := w.townHall(ivrea)
	part := bytes.Repeat([]byte("x"), 10)
	word := base64.StdEncoding.EncodeToString
	meta := "testimony " + word([]byte(itoa(id)))
	for name, c := range map[string]struct {
		answer func() answer
		status int
		says   string
	}{
		"somebody else's upload": {
			func() answer { return other.tus(http.MethodPatch, url, part, "Upload-Offset", "0") },
			http.StatusNotFound, "Questo invio non c’è, o non è del tuo Comune.",
		},
		"somebody else's testimony": {
			func() answer {
				return other.tus(http.MethodPost, "/caricamenti/", nil, "Upload-Length", "10", "Upload-Metadata", meta)
			},
			http.StatusNotFound, "Questa testimonianza non c’è.",
		},
		"nobody": {
			func() answer { return w.stranger().tus(http.MethodPatch, url, part, "Upload-Offset", "0") },
			http.StatusUnauthorized, "Per continuare devi entrare di nuovo",
		},
		"staff": {
			func() answer { return w.staff().tus(http.MethodPatch, url, part, "Upload-Offset", "0") },
			http.StatusForbidden, "Questa pagina è per i Comuni.",
		},
		"a wrong offset": {
			func() answer { return b.tus(http.MethodPatch, url, part, "Upload-Offset", "7") },
			http.StatusConflict, "Il telefono e il portale non sono d'accordo su quanto è già arrivato.",
		},
		"a file over the limit": {
			func() answer {
				return b.tus(http.MethodPost, "/caricamenti/", nil, "Upload-Length", itoa(maxBytes+1), "Upload-Metadata", meta)
			},
			http.StatusRequestEntityTooLarge, "Il video è troppo grande: può pesare al massimo 32 MB.",
		},
		"an empty file": {
			func() answer {
				return b.tus(http.MethodPost, "/caricamenti/", nil, "Upload-Length", "0", "Upload-Metadata", meta)
			},
			http.StatusUnprocessableEntity, "Il file è vuoto.",
		},
		"in English": {
			func() answer { return b.tus(http.MethodPatch, "/en"+url, part, "Upload-Offset", "7") },
			http.StatusConflict, "The phone and the portal disagree",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.answer().want(c.status)
			if !strings.HasPrefix(string(a.body), c.says) {
				t.Errorf("it says %q, want %q", a.body, c.says)
			}
			if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain") {
				t.Errorf("the sentence is %s", got)
			}
		})
	}
	if got := b.standing("/comune/testimonianze/" + itoa(id)); got.Arriving == nil || got.Arriving.Offset != 0 {
		t.Errorf("the upload was touched: %+v", got.Arriving)
	}
}

func TestNobodyWaitsForAnUploadThatWasGivenUp(t *testing.T) {
	for name, giveUp := range map[string]func(w *world, b person, url string){
		"by the town hall": func(_ *world, b person, url string) {
			b.tus(http.MethodDelete, url, nil).want(http.StatusNoContent)
		},
		"by the night's work": func(w *world, _ person, _ string) {
			n, err := w.uploads.Expire(w.t.Context(), time.Now().Add(time.Hour), nil)
			if err != nil || n != 1 {
				w.t.Fatalf("%d expired, %v", n, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			b := w.townHall(balme)
			id := b.post("/comune/testimonianze", form()).made()
			address := "/comune/testimonianze/" + itoa(id)
			url := b.begin("", id, "spesa.mp4", 100)
			w.later(time.Hour)
			if b.standing(address).Arriving == nil {
				t.Fatal("the upload is not known")
			}
			giveUp(w, b, url)
			if got := b.post(address+"/invia", nil).want(http.StatusUnprocessableEntity).wrong("video"); got != "Manca il video: scegli un file." {
				t.Errorf("at the file it says %q", got)
			}
			if got := b.standing(address); got.Arriving != nil {
				t.Errorf("told of an upload: %+v", got.Arriving)
			}
		})
	}
}

func TestAFileSentInOneGoTakesThePlaceOfAnUploadThatStopped(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := b.post("/comune/testimonianze", form()).made()
	address := "/comune/testimonianze/" + itoa(id)
	b.begin("", id, "prima.mp4", 100)
	w.later(time.Minute)
	b.postFile(address, form(), "dopo.mp4", bytes.NewReader(film(t, videotest.Spec{}))).want(http.StatusSeeOther)
	if got := b.standing(address); got.Arriving != nil || got.Filename != "dopo.mp4" {
		t.Errorf("told: %+v", got)
	}
	w.look()
	if a := b.get(address).says("dopo.mp4", "Invia un altro file"); a.shown() != "ready" {
		t.Errorf("of the file the page shows %q", a.shown())
	}
	b.post(address+"/invia", nil).want(http.StatusSeeOther)
	if got := w.said(id); got.State != testimony.InReview {
		t.Errorf("it is %s", got.State)
	}
}

func TestNoReviewWhileAnotherFileIsOnItsWay(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	id := b.postFile("/comune/testimonianze", form(), "prima.mp4", bytes.NewReader(film(t, videotest.Spec{}))).made()
	address := "/comune/testimonianze/" + itoa(id)
	w.look()
	w.later(time.Minute)
	url := b.begin("", id, "dopo.mp4", 100)
	if got := b.post(address+"/invia", nil).want(http.StatusUnprocessableEntity).wrong("video"); !strings.HasPrefix(got, "Un altro video sta ancora arrivando") {
		t.Errorf("at the file it says %q", got)
	}
	// The way out, also without a script; what is typed meanwhile is kept.
	a := b.get(address)
	cancel := a.one("button", "id", "cancel-upload")
	b.post(attr(cancel, "formaction"), form("title", "Un altro titolo")).want(http.StatusSeeOther)
	b.get(address).says("Invio annullato", "Un altro titolo")
	b.tus(http.MethodHead, url, nil).want(http.StatusNotFound)
	b.post(address+"/invia", nil).want(http.StatusSeeOther)
	if got := w.said(id); got.State != testimony.InReview || got.Video.Filename != "prima.mp4" {
		t.Errorf("it is %s with %s", got.State, got.Video.Filename)
	}
}

func TestAFileForWhatIsClosedComesTooLate(t *testing.T) {
	w := open(t)
	b := w.townHall(balme)
	whole := film(t, videotest.Spec{})
	id := b.post("/comune/testimonianze", form()).made()
	address := "/comune/testimonianze/" + itoa(id)
	url := b.begin("", id, "tardi.mp4", len(whole))
	b.post(address+"/ritira", nil).want(http.StatusSeeOther)
	a := b.tus(http.MethodPatch, url, whole, "Upload-Offset", "0").want(http.StatusConflict)
	if !strings.Contains(string(a.body), "non si può più modificare") {
		t.Errorf("it says %q", a.body)
	}
	if got := w.said(id); got.State != testimony.Withdrawn || got.Video != nil {
		t.Errorf("it is %s with %v", got.State, got.Video)
	}
}
