package presskit

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ledongthuc/pdf"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"golang.org/x/text/encoding/unicode"

	"github.com/voci-in-comune/voci/internal/testimony"
)

const address = "https://voci.cittametropolitana.example/v/42"

func facts(changes ...func(*Facts)) Facts {
	f := Facts{
		Portal: "Voci in Comune", Owner: "Città metropolitana di Torino", Municipality: "Ceres", Title: "La spesa sale fino all’ultima borgata, e così la compagnia",
		Speaker: "Anna Bò, Sindaca", Address: address, Watch: "Guarda il video", Scan: "Inquadra il codice con la fotocamera del telefono, oppure scrivi:",
	}
	for _, change := range changes {
		change(&f)
	}
	return f
}

// hard are the words that are hardest to fit.
func hard(f *Facts) {
	f.Municipality = "San Colombano Belmonte e Valle Sacra dei Castelli e delle Torri"
	f.Title = strings.Repeat("Precipitevolissimevolmente", 2) + " « perché così » " + strings.Repeat("œÉÀçñ ", 4)
	f.Speaker = "Massimiliano Bartolomeo Castagneri-Lanzavecchia di Rocca Canavese, Vicesindaco con delega alla protezione civile, alla montagna e ai giovani"
	f.Address = "https://voci-in-comune.citta-metropolitana-di-torino.example/v/123456-abcdefgh"
}

// keep leaves a file for eyes in the folder VOCI_PICTURES.
func keep(t *testing.T, name string, content []byte) {
	t.Helper()
	if dir := os.Getenv("VOCI_PICTURES"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func decode(t *testing.T, img image.Image) string {
	t.Helper()
	bits, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	found, err := qrcode.NewQRCodeReader().Decode(bits, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		t.Fatalf("no QR code is found: %v", err)
	}
	return found.GetText()
}

func TestCardsHaveTheirSizeAndTheirCodeLeadsToTheTestimony(t *testing.T) {
	words := []struct {
		name string
		Sentence
		facts Facts
	}{
		{"short", Sentence{Text: "Nessuno resta solo.", Source: FromCaptions}, facts()},
		{"long", Sentence{Text: strings.Repeat("Ogni martedì i volontari portano la spesa a chi vive in alto, ", 3) + "e si fermano a parlare.", Source: FromDescription}, facts()},
		{"hard", Sentence{Text: facts(hard).Title, Source: FromTitle}, facts(hard)},
		{"emoji", Sentence{Text: "Grazie 🙏 a tutti 👨‍👩‍👧 della valle", Source: FromDescription}, facts(func(f *Facts) { f.Speaker = "" })},
	}
	for _, w := range words {
		for name, format := range map[string]Format{"square": SquareCard, "tall": TallCard} {
			t.Run(w.name+" "+name, func(t *testing.T) {
				made, err := Card(w.facts, w.Sentence, format)
				if err != nil {
					t.Fatal(err)
				}
				keep(t, "card-"+w.name+"-"+name+".png", made)
				img, err := png.Decode(bytes.NewReader(made))
				if err != nil {
					t.Fatal(err)
				}
				if got := img.Bounds().Size(); got != (image.Point{format.Width, format.Height}) {
					t.Errorf("it is %v", got)
				}
				if got := decode(t, img); got != w.facts.Address {
					t.Errorf("its code leads to %q", got)
				}
				insideTheMargins(t, img)
			})
		}
	}
}

// insideTheMargins looks for words that run out of the blue part of a card.
func insideTheMargins(t *testing.T, img image.Image) {
	t.Helper()
	b := img.Bounds()
	for y := range b.Dy() - cardFoot {
		for _, from := range []int{0, b.Dx() - int(cardMargin)/2} {
			for x := from; x < from+int(cardMargin)/2; x++ {
				if c := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA); c.R > 0x40 {
					t.Fatalf("something is written at %d,%d", x, y)
				}
			}
		}
	}
}

func TestThePosterIsOneA4SheetWithTheWordsAndTheCode(t *testing.T) {
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 1280, 720)), nil); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]Facts{
		"photo": facts(func(f *Facts) { f.Poster = photo.Bytes() }),
		"plain": facts(), "hard": facts(hard, func(f *Facts) { f.Poster = photo.Bytes() }), "nobody": facts(func(f *Facts) { f.Speaker = "" }),
	} {
		t.Run(name, func(t *testing.T) {
			made, err := Poster(f, "it", time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC))
			if err != nil {
				t.Fatal(err)
			}
			keep(t, "poster-"+name+".pdf", made)
			read, err := pdf.NewReader(bytes.NewReader(made), int64(len(made)))
			if err != nil {
				t.Fatal(err)
			}
			if n := read.NumPage(); n != 1 {
				t.Fatalf("%d pages", n)
			}
			sheet := read.Page(1)
			if box := sheet.V.Key("MediaBox"); !box.IsNull() && (int(box.Index(2).Float64()) != 595 || int(box.Index(3).Float64()) != 841) {
				t.Errorf("it is no A4: %v", box)
			}
			content := sheet.Content()
			words := wordsIn(t, sheet)
			for _, piece := range content.Text {
				if piece.X < 0 || piece.X > 595 || piece.Y < 0 || piece.Y > 842 {
					t.Errorf("%q is off the sheet", piece.S)
				}
			}
			squeezed := strings.Join(strings.Fields(words), "")
			for _, want := range []string{f.Municipality, f.Title, f.Speaker, Spoken(f.Address), "Città metropolitana di Torino"} {
				if want = strings.Join(strings.Fields(want), ""); !strings.Contains(squeezed, want) {
					t.Errorf("the sheet lacks %q:\n%s", want, words)
				}
			}
			if got := decode(t, printed(content)); got != f.Address {
				t.Errorf("its code leads to %q", got)
			}
		})
	}
}

var shown = regexp.MustCompile(`(?s)\(((?:\\.|[^\\)])*)\) ?Tj`)

// wordsIn are the texts of a sheet, which names its letters in UTF-16.
func wordsIn(t *testing.T, sheet pdf.Page) string {
	t.Helper()
	stream, err := io.ReadAll(sheet.V.Key("Contents").Reader())
	if err != nil {
		t.Fatal(err)
	}
	var words strings.Builder
	for _, m := range shown.FindAllSubmatch(stream, -1) {
		text, err := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder().Bytes(regexp.MustCompile(`(?s)\\(.)`).ReplaceAll(m[1], []byte("$1")))
		if err != nil {
			t.Fatal(err)
		}
		words.Write(text)
	}
	return words.String()
}

// printed is the sheet with its code, at four dots a
// point.
func printed(content pdf.Content) image.Image {
	const dots = 4
	c := newCanvas(595*dots, 842*dots, paper)
	for _, r := range content.Rect {
		left, right := min(r.Min.X, r.Max.X), max(r.Min.X, r.Max.X)
		top, bottom := 842-max(r.Min.Y, r.Max.Y), 842-min(r.Min.Y, r.Max.Y)
		if right-left > 300 {
			continue // the bands
		}
		x, y := math.Round(left*dots), math.Round(top*dots)
		c.rectangle(int(x), int(y), int(math.Round(right*dots)-x), int(math.Round(bottom*dots)-y), color.RGBA{0, 0, 0, 0xff})
	}
	return c
}

func TestACodeForPrintIsRead(t *testing.T) {
	made, err := Code(address)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(made))
	if err != nil {
		t.Fatal(err)
	}
	if got := decode(t, img); got != address || img.Bounds().Dx() < 600 {
		t.Errorf("it leads to %q, %d wide", got, img.Bounds().Dx())
	}
}

func TestTextsAlwaysFit(t *testing.T) {
	face, err := bold()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"a", strings.Repeat("W", 300), strings.Repeat("una parola dopo l’altra ", 60), "", "x " + strings.Repeat("m", 90) + " y"} {
		for _, room := range []struct{ width, height float64 }{{900, 600}, {300, 60}, {40, 30}} {
			lines, size := fit(text, room.width, room.height, 104, 12, face.measure)
			if len(lines) > max(1, int(room.height/(size*leading))) {
				t.Errorf("%.20q: %d lines of %g in %g", text, len(lines), size, room.height)
			}
			for _, line := range lines {
				if face.measure(line, size) > room.width+0.01 {
					t.Errorf("%.20q: the line %q is wider than %g", text, line, room.width)
				}
			}
		}
	}
}

func TestSentencesAreThoseOfTheTestimony(t *testing.T) {
	said := &testimony.Testimony{
		Title:       "La spesa sale",
		Description: "I volontari di S. Giorgio portano la spesa a chi vive in alto. Ogni martedì!\nChi vuole può chiamare il municipio, ore 9–12? Sì.",
	}
	vtt := "WEBVTT\n\nNOTE una nota lunga abbastanza da contare\n\n1\n00:01.000 --> 00:03.000\nIo dico &quot;grazie&quot; a tutti\n<i>quelli</i> che salgono.\n\n00:04.000 --> 00:05.000\nNessuno resta solo quassù.\n"
	var got []string
	for _, s := range Sentences(said, vtt) {
		got = append(got, string(s.Source)+": "+s.Text)
	}
	want := []string{
		"title: La spesa sale", "description: I volontari di S. Giorgio portano la spesa a chi vive in alto.", "description: Chi vuole può chiamare il municipio, ore 9–12?",
		"captions: Io dico \"grazie\" a tutti quelli che salgono.", "captions: Nessuno resta solo quassù.",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	all := Sentences(said, vtt)
	if Choose(all, all[3].ID) != all[3] || Choose(all, "words of my own") != all[0] {
		t.Error("a sentence that is not the testimony's was chosen")
	}
}

func TestShortAddressesOfUnlistedOnesCannotBeGuessed(t *testing.T) {
	said := &testimony.Testimony{ID: 42, Visibility: testimony.Public, Video: &testimony.Video{UploadID: "0f3c"}}
	if got := ShortPath(said); got != "/v/42" {
		t.Errorf("public: %s", got)
	}
	before := Reference(said)
	said.Visibility = testimony.Unlisted
	secret := Reference(said)
	if len(secret) != len("42-")+codeLength || Names(before, said) || !Names(secret, said) || Names("42-aaaaaaaa", said) {
		t.Errorf("unlisted: %s", secret)
	}
	said.Visibility = testimony.Public
	if !Names(secret, said) || !Names(before, said) {
		t.Error("what was printed before it became public is dead")
	}
	for _, wrong := range []string{"", "x", "-1", "0", "42x"} {
		if _, err := Number(wrong); err == nil {
			t.Errorf("%q is taken for a number", wrong)
		}
	}
}
