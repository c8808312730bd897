package testimony_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// base is what marks the text of captions that there is.
func (r *room) base(t *testing.T, id int64, lang string) string {
	t.Helper()
	return r.text(t, id, lang).Base()
}

func (r *room) text(t *testing.T, id int64, lang string) testimony.CaptionText {
	t.Helper()
	text, err := r.CaptionText(t.Context(), id, lang)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (r *room) take(t *testing.T, id int64, lang, text string) bool {
	t.Helper()
	out, err := r.TakeCaptionFile(t.Context(), "tester", balme, id, testimony.DraftEdit{Language: lang, Text: text, Filename: "a.srt"},
		&testimony.Caption{VTT: text, SHA256: "of " + text})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFilesOfCaptions(t *testing.T) {
	r := open(t)
	made, draft := r.publishedOne(t, whole()), r.create(t, testimonyForm("Bozza"))
	r.shown = 0
	if !r.take(t, made.ID, "it", "uno") || !r.take(t, made.ID, "fr", "un") || !r.take(t, made.ID, "it", "uno") {
		t.Error("the first of a language must come out, also when sent twice")
	}
	if r.amended != 3 || r.shown != 3 {
		t.Errorf("the channel was told %d times, the pages %d times", r.amended, r.shown)
	}
	all, err := r.Captions(t.Context(), made.ID)
	if err != nil || len(all) != 2 || all[0].Language != "fr" || all[1].SHA256 != "of uno" || all[1].VTT != "" || all[1].CreatedBy != "tester" || all[1].Source != testimony.ByPerson {
		t.Errorf("%+v, %v", all, err)
	}

	t.Run("the same language again is a draft", func(t *testing.T) {
		if r.take(t, made.ID, "it", "due") {
			t.Error("they came out over those that are there")
		}
		text := r.text(t, made.ID, "it")
		if text.Out.VTT != "uno" || text.Text != "due" || text.Draft.Filename != "a.srt" || text.Machine() {
			t.Errorf("got %+v", text)
		}
		_, err := r.TakeCaptionFile(t.Context(), "tester", balme, made.ID, testimony.DraftEdit{Language: "it", Text: "tre"}, nil)
		if diff := cmp.Diff([]string{"caption_language"}, fields(err)); diff != "" {
			t.Errorf("over a draft of a person: %s", diff)
		}
		if r.take(t, made.ID, "it", "due") {
			t.Error("the draft sent twice came out")
		}
	})
	t.Run("with errors is a draft", func(t *testing.T) {
		out, err := r.TakeCaptionFile(t.Context(), "tester", balme, made.ID, testimony.DraftEdit{Language: "oc", Text: "storto"}, nil)
		if text := r.text(t, made.ID, "oc"); out || err != nil || text.Out != nil || text.Text != "storto" {
			t.Errorf("%v, %v, %+v", out, err, text)
		}
	})
	if err := r.DeleteCaption(t.Context(), "tester", balme, made.ID, "fr"); err != nil {
		t.Error(err)
	}
	if _, err := r.Caption(t.Context(), made.ID, "fr"); fault.Of(err) != fault.NotFound {
		t.Errorf("taken away: %v", err)
	}
	told := r.amended
	for name, test := range map[string]struct {
		lang, municipality string
		id                 int64
		want               fault.Kind
	}{
		"a language of another world":            {"tlh", balme, made.ID, fault.Invalid},
		"another town hall":                      {"en", "001272", made.ID, fault.NotFound},
		"a draft, which the channel knows not":   {"en", balme, draft.ID, fault.Unknown},
		"one that is open, which the channel is": {"en", balme, made.ID, fault.Unknown},
	} {
		_, err := r.TakeCaptionFile(t.Context(), "tester", test.municipality, test.id, testimony.DraftEdit{Language: test.lang, Text: "x"}, &testimony.Caption{VTT: "x", SHA256: "x"})
		if fault.Of(err) != test.want || (test.want == fault.Unknown && err != nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r.amended != told+1 {
		t.Errorf("the channel was told %d times", r.amended-told)
	}
	if _, err := r.Withdraw(t.Context(), "tester", balme, made.ID, testimony.Withdrawal{}); err != nil {
		t.Fatal(err)
	}
	_, err = r.TakeCaptionFile(t.Context(), "tester", balme, made.ID, testimony.DraftEdit{Language: "pms", Text: "x"}, nil)
	if fault.Of(err) != fault.Conflict {
		t.Errorf("withdrawn: %v", err)
	}
}

func TestDraftsOfCaptions(t *testing.T) {
	r := open(t)
	made := r.publishedOne(t, whole())
	r.take(t, made.ID, "it", "uno")
	r.shown, r.amended = 0, 0
	save := func(actor, page, base, text string) error {
		_, err := r.SaveCaptionDraft(t.Context(), actor, balme, made.ID, testimony.DraftEdit{Language: "it", Text: text, Base: base, Page: page})
		return err
	}
	first := r.base(t, made.ID, "it")
	if err := save("anna", "a", first, "due"); err != nil {
		t.Fatal(err)
	}
	acts := func() int {
		all, err := r.Trail(t.Context(), made.ID)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	before := acts()
	t.Run("goes on with one act in the trail", func(t *testing.T) {
		second := r.base(t, made.ID, "it")
		if err := save("anna", "a", second, "tre"); err != nil || acts() != before {
			t.Errorf("%v, %d acts more", err, acts()-before)
		}
	})
	t.Run("an answer that was lost is no conflict", func(t *testing.T) {
		if err := save("anna", "a", first, "tre"); err != nil {
			t.Errorf("the same again: %v", err)
		}
		if err := save("anna", "a", first, "quattro"); err != nil {
			t.Errorf("her own text: %v", err)
		}
	})
	t.Run("somebody else was faster", func(t *testing.T) {
		if err := save("bruno", "b", first, "mio"); fault.Of(err) != fault.Conflict {
			t.Errorf("got %v", err)
		}
		if got := r.text(t, made.ID, "it"); got.Text != "quattro" || got.Draft.ChangedBy != "anna" {
			t.Errorf("got %+v", got)
		}
		if err := save("bruno", "b", r.base(t, made.ID, "it"), "nostro"); err != nil || acts() != before+1 {
			t.Errorf("%v, %d acts", err, acts()-before)
		}
		if err := save("anna", "a", first, "di nuovo"); fault.Of(err) != fault.Conflict {
			t.Errorf("her page is not the last any more: %v", err)
		}
	})
	if r.shown != 0 || r.amended != 0 {
		t.Errorf("a draft was told to the channel %d times, to the pages %d times", r.amended, r.shown)
	}
	if got, err := r.Caption(t.Context(), made.ID, "it"); err != nil || got.VTT != "uno" {
		t.Errorf("what is out changed: %+v, %v", got, err)
	}
	t.Run("comes out", func(t *testing.T) {
		e := testimony.DraftEdit{Language: "it", Text: "nostro", Base: first}
		if err := r.PublishCaption(t.Context(), "carla", balme, made.ID, testimony.DraftEdit{Language: "it", Text: "altro", Base: first}, testimony.Caption{}, false); fault.Of(err) != fault.Conflict {
			t.Errorf("unseen: %v", err)
		}
		if err := r.PublishCaption(t.Context(), "carla", balme, made.ID, e, testimony.Caption{VTT: "Nostro", SHA256: "n"}, false); err != nil {
			t.Fatal(err)
		}
		if got := r.text(t, made.ID, "it"); got.Draft != nil || got.Out.VTT != "Nostro" || got.Out.CreatedBy != "carla" || got.Out.ReadAt != nil {
			t.Errorf("got %+v", got)
		}
		if r.shown != 1 || r.amended != 1 {
			t.Errorf("told to the channel %d times, to the pages %d times", r.amended, r.shown)
		}
	})
	t.Run("is discarded", func(t *testing.T) {
		if err := save("anna", "a", r.base(t, made.ID, "it"), "storto"); err != nil {
			t.Fatal(err)
		}
		if err := r.DropCaptionDraft(t.Context(), "anna", balme, made.ID, "it"); err != nil {
			t.Fatal(err)
		}
		if got := r.text(t, made.ID, "it"); got.Draft != nil || got.Text != "Nostro" {
			t.Errorf("got %+v", got)
		}
	})
	if _, err := r.Withdraw(t.Context(), "tester", balme, made.ID, testimony.Withdrawal{}); err != nil {
		t.Fatal(err)
	}
	if err := save("anna", "a", r.base(t, made.ID, "it"), "tardi"); fault.Of(err) != fault.Conflict {
		t.Errorf("withdrawn: %v", err)
	}
}

func TestCaptionsOfAMachineAreReadFirst(t *testing.T) {
	r := open(t)
	made := r.publishedOne(t, whole())
	took := func(v *testimony.Video, text string) bool {
		t.Helper()
		taken, err := r.TakeMachineCaption(t.Context(), v, "it", text)
		if err != nil {
			t.Fatal(err)
		}
		return taken
	}
	if !took(made.Video, "sentito") || !took(made.Video, "sentito meglio") {
		t.Fatal("what a machine heard was not taken")
	}
	text := r.text(t, made.ID, "it")
	if !text.Machine() || text.Text != "sentito meglio" || text.Draft.ChangedBy != audit.Portal || text.Out != nil {
		t.Fatalf("got %+v", text)
	}
	edited := testimony.DraftEdit{Language: "it", Text: "corretto", Base: text.Base()}
	if _, err := r.SaveCaptionDraft(t.Context(), "anna", balme, made.ID, edited); err != nil {
		t.Fatal(err)
	}
	if !r.text(t, made.ID, "it").Machine() {
		t.Error("a correction passes for having read it all")
	}
	if took(made.Video, "di nuovo") {
		t.Error("a machine wrote over a person")
	}
	err := r.PublishCaption(t.Context(), "anna", balme, made.ID, edited, testimony.Caption{VTT: "Corretto", SHA256: "c"}, false)
	if diff := cmp.Diff([]string{"read"}, fields(err)); diff != "" {
		t.Errorf("unread: %s, %v", diff, err)
	}
	if r.text(t, made.ID, "it").Out != nil {
		t.Fatal("it came out unread")
	}
	if err := r.PublishCaption(t.Context(), "anna", balme, made.ID, edited, testimony.Caption{VTT: "Corretto", SHA256: "c"}, true); err != nil {
		t.Fatal(err)
	}
	out := r.text(t, made.ID, "it").Out
	if out == nil || out.Source != testimony.ByMachine || out.ReadBy != "anna" || out.ReadAt == nil || out.VTT != "Corretto" {
		t.Errorf("got %+v", out)
	}
	if action, detail := r.trail(t, made.ID); action != "testimony.caption" || detail["machine"] != true || detail["read"] != true {
		t.Errorf("the trail says %s %v", action, detail)
	}
	if took(made.Video, "ancora") {
		t.Error("a machine wrote over what is out")
	}
	other := r.publishedOne(t, testimonyForm("Altra"))
	gone := *other.Video
	gone.ID++
	if took(&gone, "di un altro file") {
		t.Error("it heard another file")
	}
	if _, err := r.Withdraw(t.Context(), "tester", balme, other.ID, testimony.Withdrawal{}); err != nil {
		t.Fatal(err)
	}
	if took(other.Video, "tardi") {
		t.Error("it heard one that was withdrawn")
	}
	if took(&testimony.Video{ID: 999, TestimonyID: 999}, "di nessuno") {
		t.Error("it heard one that is not there")
	}
	if !r.take(t, r.publishedOne(t, testimonyForm("Terza")).ID, "it", "a mano") {
		t.Error("a file of a person must come out")
	}
}

// TestAPersonsFileTakesThePlaceOfAMachinesDraft that nobody touched.
func TestAPersonsFileTakesThePlaceOfAMachinesDraft(t *testing.T) {
	r := open(t)
	made := r.publishedOne(t, whole())
	if taken, err := r.TakeMachineCaption(t.Context(), made.Video, "it", "sentito"); err != nil || !taken {
		t.Fatal(taken, err)
	}
	if !r.take(t, made.ID, "it", "scritto") {
		t.Error("the file of a person became a draft")
	}
	if got := r.text(t, made.ID, "it"); got.Draft != nil || got.Out.VTT != "scritto" || got.Out.Source != testimony.ByPerson {
		t.Errorf("got %+v", got)
	}
}
