package video_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/video"
)

// cues are captions with times in tenths of a second: "10 20 Ciao|Balme".
func cuesOf(t *testing.T, each ...string) video.Cues {
	t.Helper()
	var b strings.Builder
	b.WriteString("WEBVTT\n")
	for _, line := range each {
		parts := strings.SplitN(line, " ", 3)
		at := func(tenths string) string {
			d, err := time.ParseDuration(tenths + "00ms")
			if err != nil {
				t.Fatal(err)
			}
			return "00:" + d2(int(d.Minutes())) + ":" + d2(int(d.Seconds())%60) + "." + tenths[len(tenths)-1:] + "00"
		}
		b.WriteString("\n" + at(parts[0]) + " --> " + at(parts[1]) + "\n" + strings.ReplaceAll(parts[2], "|", "\n") + "\n")
	}
	cues, err := video.ParseCues(b.String())
	if err != nil {
		t.Fatal(err)
	}
	return cues
}

func d2(n int) string { return string(rune('0'+n/10)) + string(rune('0'+n%10)) }

func TestProblemsOfCaptions(t *testing.T) {
	long := strings.Repeat("a", 43)
	for name, test := range map[string]struct {
		cues  []string
		kinds []video.ProblemKind // of the last cue
		stops bool                // they cannot be published
	}{
		"none":                 {[]string{"10 20 Uno.", "20 30 Due."}, nil, false},
		"backwards":            {[]string{"20 20 Uno."}, []video.ProblemKind{video.CueBackwards}, true},
		"before the one above": {[]string{"20 40 Uno.", "10 15 Due."}, []video.ProblemKind{video.CueOrder}, true},
		"over the one above":   {[]string{"10 30 Uno.", "29 50 Due."}, []video.ProblemKind{video.CueOverlap}, true},
		"beyond the end":       {[]string{"90 121 Uno, due, tre."}, []video.ProblemKind{video.CueBeyond}, true},
		"a little beyond":      {[]string{"90 120 Uno, due, tre."}, nil, false},
		"too fast":             {[]string{"10 20 Ventidue caratteri qui"}, []video.ProblemKind{video.CueFast}, false},
		"as fast as it may":    {[]string{"10 20 Ventuno caratteri qua"}, nil, false},
		"a long line":          {[]string{"10 50 " + long}, []video.ProblemKind{video.CueLong}, false},
		"three lines":          {[]string{"10 50 Uno.|Due.|Tre."}, []video.ProblemKind{video.CueTall}, false},
		"signs do not count":   {[]string{"10 50 <i>" + long[:42] + "</i>"}, nil, false},
	} {
		cues := cuesOf(t, test.cues...)
		var kinds []video.ProblemKind
		for _, p := range cues.Problems(10 * time.Second) {
			if p.Cue != len(cues)-1 || p.Message.Key != "captions.problem."+string(p.Kind) || p.Error != test.stops {
				t.Errorf("%s: %+v", name, p)
			}
			kinds = append(kinds, p.Kind)
		}
		if diff := cmp.Diff(test.kinds, kinds); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if _, err := cues.Captions(10 * time.Second); (fault.Of(err) == fault.Invalid) != test.stops {
			t.Errorf("%s: %v", name, err)
		}
	}
	silent, err := video.ParseCues("WEBVTT\n\n00:01.000 --> 00:02.000\n\n00:02.000 --> 00:03.000\nCiao.\n")
	if err != nil || len(silent) != 2 {
		t.Fatal(silent, err)
	}
	if p := silent.Problems(0); len(p) != 1 || p[0].Kind != video.CueSilent || p[0].Error {
		t.Errorf("without words: %+v", p)
	}
	if got, err := silent.Captions(0); err != nil || got.Cues != 1 {
		t.Errorf("without words: %+v, %v", got, err)
	}
	if again, err := video.ParseCues(silent.Draft()); err != nil || len(again) != 2 {
		t.Errorf("a draft lost a cue without words: %v, %v", again, err)
	}
}

func TestWhatMachinesInvent(t *testing.T) {
	for said, want := range map[string]bool{
		"Sottotitoli creati dalla comunità Amara.org":        true,
		"Sottotitoli e revisione a cura di QTSS":             true,
		"Sottotitoli a cura di QTSS":                         true,
		"Amara.org":                                          true,
		"Revisione a cura di Mario":                          true,
		"Grazie per la visione!":                             true,
		"Iscrivetevi al canale":                              true,
		"Sous-titres réalisés par la communauté d'Amara.org": true,
		"Sous-titrage ST' 501":                               true,
		"Sous-titrage Société Radio-Canada":                  false,
		"Merci d'avoir regardé cette vidéo !":                true,
		"Subtitles by the Amara.org community":               true,
		"Thanks for watching!":                               true,
		"Transcription by CastingWords":                      true,
		"Buongiorno, sono la sindaca di Balme.":              false,
		"I sottotitoli servono a chi non sente.":             false,
		"Grazie per la spesa portata fino a qui.":            false,
		"Grazie a tutti.":                                    false,
		"La revisione del bilancio è a luglio.":              false,
		"The captions are read by many people.":              false,
		"Merci à tous les bénévoles.":                        false,
		"La biblioteca ha la trascrizione delle sedute.":     false,
	} {
		cues := cuesOf(t, "10 90 "+said)
		if got := video.Has(cues.Problems(0), video.CueInvented); got != want {
			t.Errorf("%q: %v", said, got)
		}
		if left := cues.Cleaned(); (len(left) == 0) != want {
			t.Errorf("%q: %d cues are left", said, len(left))
		}
	}
}

func TestCaptionsAreMended(t *testing.T) {
	for name, test := range map[string]struct{ said, want string }{
		"one long line":     {"Buongiorno, sono la sindaca di Balme e vi racconto la spesa", "Buongiorno, sono la sindaca di|Balme e vi racconto la spesa"},
		"three short lines": {"Uno,|due,|tre.", "Uno, due, tre."},
		"with signs":        {"<i>Buongiorno, sono la sindaca di</i> Balme e vi racconto la spesa", "<i>Buongiorno, sono la sindaca di</i>|Balme e vi racconto la spesa"},
		"what is well":      {"Uno,|due.", "Uno,|due."},
		"one long word":     {strings.Repeat("a", 50), strings.Repeat("a", 50)},
	} {
		made := cuesOf(t, "10 90 "+test.said).Rewrapped()
		if got := strings.ReplaceAll(made[0].Text(), "\n", "|"); got != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	untangled := cuesOf(t, "10 30 Uno.", "29 50 Due.", "50 60 Tre.").Untangled()
	if p := untangled.Problems(0); len(p) != 0 || untangled[0].End != 2900*time.Millisecond {
		t.Errorf("%+v, %+v", untangled, p)
	}
}

// TestDraftsGiveBackWhatWasTyped, also what looks like a sign.
func TestDraftsGiveBackWhatWasTyped(t *testing.T) {
	for typed, want := range map[string]string{
		"R&D, 3 < 5":                 "R&D, 3 < 5",
		"<i>uno</i> & due":           "<i>uno</i> & due",
		"&lt;i&gt;scritto&lt;/i&gt;": "&lt;i&gt;scritto&lt;/i&gt;",
		"prima --&gt; dopo":          "prima --&gt; dopo",
		"L’unità":                    "L’unità",
	} {
		cues := cuesOf(t, "10 90 "+typed)
		if got := cues[0].Text(); got != want {
			t.Errorf("%q is shown as %q", typed, got)
		}
		again, err := video.ParseCues(cues.Draft())
		if err != nil {
			t.Fatal(err)
		}
		a, _ := cues.Captions(0)
		b, err := again.Captions(0)
		if err != nil || a.VTT != b.VTT {
			t.Errorf("%q: %q became %q", typed, a.VTT, b.VTT)
		}
	}
}

func TestCaptionsAsFiles(t *testing.T) {
	cues := cuesOf(t, "10 25 <i>Perché</i> no?|R&D", "30 40 Grazie.")
	made, err := cues.Captions(0)
	if err != nil {
		t.Fatal(err)
	}
	srt, kind, err := video.CaptionFile(made.VTT, "srt")
	want := "1\n00:00:01,000 --> 00:00:02,500\n<i>Perché</i> no?\nR&D\n\n2\n00:00:03,000 --> 00:00:04,000\nGrazie.\n"
	if diff := cmp.Diff(want, string(srt)); diff != "" || err != nil || kind != "application/x-subrip; charset=utf-8" {
		t.Errorf("%s, %v: %s", kind, err, diff)
	}
	if again, err := video.ReadCaptions(strings.NewReader(string(srt)), 0); err != nil || again.VTT != made.VTT {
		t.Errorf("read again: %v, %q", err, again.VTT)
	}
	if vtt, _, err := video.CaptionFile(made.VTT, "vtt"); err != nil || string(vtt) != made.VTT {
		t.Errorf("%q, %v", vtt, err)
	}
	for format, text := range map[string]string{"exe": made.VTT, "srt": "", "vtt": ""} {
		if _, _, err := video.CaptionFile(text, format); fault.Of(err) != fault.NotFound {
			t.Errorf("%s: %v", format, err)
		}
	}
	if _, _, err := video.CaptionFile("WEBVTT\n\nsenza tempi\n --> \n", "srt"); fault.Of(err) != fault.Conflict {
		t.Errorf("a draft that cannot be read: %v", err)
	}
}

func TestParagraphs(t *testing.T) {
	sentence := strings.Repeat("parola ", 50) + "fine."
	got := cuesOf(t, "10 20 Buongiorno", "20 30 <b>da</b>|Balme.", "55 60 Dopo una pausa.", "60 90 "+sentence, "90 95 Poi altro.").Paragraphs()
	want := []video.Paragraph{
		{Start: time.Second, Text: "Buongiorno da Balme."},
		{Start: 5500 * time.Millisecond, Text: "Dopo una pausa. " + sentence},
		{Start: 9 * time.Second, Text: "Poi altro."},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestClock(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0:00", 62500 * time.Millisecond: "1:02.5", 3600 * time.Second: "60:00", 59960 * time.Millisecond: "1:00"} {
		if got := video.Clock(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
