package video_test

import (
	"bytes"
	stdcmp "cmp"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/video"
)

func TestCaptionsBecomeCleanWebVTT(t *testing.T) {
	want := "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n<i>Perché</i> no?\nL’unità &amp; la pace\n\n00:00:03.000 --> 00:00:04.000\nGrazie.\n"
	srt := "1\n00:00:01,000 --> 00:00:02,500\n<i>Perché</i> no?\nL’unità & la pace\n\n2\n00:00:03,000 --> 00:00:04,000\nGrazie.\n"
	windows, err := charmap.Windows1252.NewEncoder().String(srt)
	if err != nil {
		t.Fatal(err)
	}
	notepad, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(srt)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"webvtt": "WEBVTT - titolo\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE di chi scrive\n\nuno\n" +
			"00:01.000 --> 00:02.500 align:start\n<c.red><i.a>Perché</i></c> <00:01.500>no?\nL’unità &amp; la pace\n\n00:03.000 --> 00:04.000\nGrazie.\n",
		"no empty line below the header": "WEBVTT\n00:01.000 --> 00:02.500\n<i>Perché</i> no?\nL’unità &amp; la pace\n\n00:03.000 --> 00:04.000\nGrazie.\n",
		"srt":                            srt,
		"line ends of Windows":           strings.ReplaceAll(srt, "\n", "\r\n"),
		"with a BOM":                     "\xef\xbb\xbf" + srt,
		"Windows-1252":                   windows,
		"UTF-16":                         notepad,
		"no empty lines, no numbers":     "00:00:01,000 --> 00:00:02,500\n<I>Perché</I> no?\nL’unità & la pace\n00:00:03,000 --> 00:00:04,000\nGrazie.",
		"no empty lines":                 strings.ReplaceAll(srt, "\n\n", "\n"),
		"positions, fonts and a tag left open": "1\n00:00:01,000 --> 00:00:02,500 X1:40 X2:600\n{\\an8}<font color=\"#ff0000\"><i>Perché</i> no?</font>\n" +
			"L’unità & la pace</b>\n\n2\n00:00:03,000 --> 00:00:04,000\nGrazie.\n\n3\n00:00:05,000 --> 00:00:06,000\n<b></b>\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := video.ReadCaptions(strings.NewReader(text), 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.VTT); diff != "" || got.Cues != 2 || len(got.SHA256) != 64 {
				t.Errorf("%d cues: %s", got.Cues, diff)
			}
			again, err := video.ReadCaptions(strings.NewReader(got.VTT), 10*time.Second)
			if err != nil || again.SHA256 != got.SHA256 {
				t.Errorf("read again: %v, %q", err, again.VTT)
			}
		})
	}
}

// TestNoWordOfACaptionIsLost has words that look like something else.
func TestNoWordOfACaptionIsLost(t *testing.T) {
	for said, want := range map[string]string{
		"3 < 5 e 5 > 3":              "3 &lt; 5 e 5 &gt; 3",
		"<3 Balme":                   "&lt;3 Balme",
		"<applausi>":                 "&lt;applausi&gt;",
		"<script>alert(1)</script>":  "&lt;script&gt;alert(1)&lt;/script&gt;",
		"NOTE tecniche":              "NOTE tecniche",
		"STYLE":                      "STYLE",
		"2026":                       "2026",
		"prima --> dopo":             "prima --&gt; dopo",
		"<v Anna Bò>Buongiorno.</v>": "Anna Bò: Buongiorno.",
		"<i>uno</i> <b>due</b>":      "<i>uno</i> <b>due</b>",
		"<i>aperto":                  "<i>aperto</i>",
		"&lt;i&gt;scritto&lt;/i&gt;": "&lt;i&gt;scritto&lt;/i&gt;",
		"R&amp;D, R&D":               "R&amp;D, R&amp;D",
	} {
		got, err := video.ReadCaptions(strings.NewReader("WEBVTT\n\n00:01.000 --> 00:02.000\n"+said+"\n"), 0)
		if err != nil {
			t.Errorf("%s: %v", said, err)
			continue
		}
		if diff := cmp.Diff("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n"+want+"\n", got.VTT); diff != "" {
			t.Errorf("%s: %s", said, diff)
		}
		if again, err := video.ReadCaptions(strings.NewReader(got.VTT), 0); err != nil || again.VTT != got.VTT {
			t.Errorf("%s, read again: %q, %v", said, again.VTT, err)
		}
	}
}

func TestBadCaptionsSayWhereAndWhy(t *testing.T) {
	for _, test := range []struct {
		text, key string
		where     any // line or cue
	}{
		{" \n", "video.captions.empty", nil},
		{"WEBVTT\n\n00:01.000 --> 00:02.000\n\n", "video.captions.empty", nil},
		{"Cara sindaca, ecco i sottotitoli.", "video.captions.unknown", nil},
		{"\x00\x01\x02 --> \x00", "video.captions.unknown", nil},
		{"\xff\xfe\x00", "video.captions.unknown", nil},
		{"WEBVTT\n\n00:05.000 --> 00:04.000\nCiao.\n", "video.captions.backwards", 1},
		{"WEBVTT\n\n00:05.000 --> 00:06.000\nCiao.\n\n00:01.000 --> 00:02.000\nPrima.\n", "video.captions.order", 2},
		{"WEBVTT\n\n00:05.000 --> 00:06.000\nCiao.\n\n00:05.999 --> 00:07.000\nInsieme.\n", "video.captions.overlap", 2},
		{"WEBVTT\n\n00:05.000 --> 00:12.001\nCiao.\n", "video.captions.beyond", 1},
		{"WEBVTT\n\n00:05.000 --> 00:06.000\nCiao.\n\nSenza\ntempi.\n", "video.captions.times", 7},
		{"1\n00:00:01,000 --> 00:00:02,000\nCiao.\n\nsenza tempi\n", "video.captions.times", 5},
		{"1\n00:00:01,000 -->\nCiao.\n", "video.captions.times", 2},
		{"1\n00:00:01,000 --> 00:61:02,000\nCiao.\n", "video.captions.times", 2},
		{"WEBVTT\n-->\nCiao.\n", "video.captions.times", 2},
		{"WEBVTT\n\n00:01.000 --> 00:02.000\n" + strings.Repeat("a", video.MaxCaptions), "video.captions.large", nil},
	} {
		_, err := video.ReadCaptions(strings.NewReader(test.text), 10*time.Second)
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Kind != fault.Invalid || e.Fields[0].Name != "captions" || e.Fields[0].Message.Key != test.key {
			t.Errorf("%q: %v, want %s", test.text[:min(60, len(test.text))], err, test.key)
			continue
		}
		args := e.Fields[0].Message.Args
		if got := stdcmp.Or(args["Line"], args["Cue"]); got != test.where {
			t.Errorf("%q: at %v, want %v", test.text, got, test.where)
		}
	}
	if _, err := video.ReadCaptions(strings.NewReader("WEBVTT\n\n00:05.000 --> 00:12.000\nCiao.\n"), 10*time.Second); err != nil {
		t.Errorf("words that outlast the video by two seconds: %v", err)
	}
}

func FuzzCaptions(f *testing.F) {
	f.Add([]byte("WEBVTT\n\n00:01.000 --> 00:02.000\n<i>Ciao</i> &amp; <v Anna>no\n"))
	f.Add([]byte("1\r\n00:00:01,000 --> 00:00:02,500\r\nPerch\xe9\r\n2\r\n00:00:03,000 -->\r\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := video.ReadCaptions(bytes.NewReader(file), 0)
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		cues, err := video.ParseCues(got.VTT)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{cues.Draft(), cues.SubRip()} {
			if same, err := video.ReadCaptions(strings.NewReader(text), 0); err != nil || same.VTT != got.VTT {
				t.Fatalf("%q as %q: %v", got.VTT, text, err)
			}
		}
		again, err := video.ReadCaptions(strings.NewReader(got.VTT), 0)
		if err != nil || again.VTT != got.VTT || again.Cues != got.Cues {
			t.Fatalf("%q became %q: %v", got.VTT, again.VTT, err)
		}
	})
}
