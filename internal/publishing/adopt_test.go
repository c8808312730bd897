package publishing_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// before makes the channel have had videos since before the portal, and returns
// their ids.
func (w *world) before(videos ...sandbox.SeedVideo) []string {
	w.t.Helper()
	for i := range videos {
		v := &videos[i]
		if v.PublishedAt.IsZero() {
			v.PublishedAt = time.Date(2020, 5, 2, 10, i, 0, 0, time.UTC)
		}
		if v.Duration == 0 {
			v.Duration = 90
		}
	}
	ids, err := w.sandbox.Seed(videos...)
	if err != nil {
		w.t.Fatal(err)
	}
	return ids
}

func (w *world) uploads(token string) publishing.Uploads {
	w.t.Helper()
	found, err := w.publisher.Uploads(w.t.Context(), token)
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// wrongFields are the fields that a refusal names, with why.
func wrongFields(t *testing.T, err error) map[string]string {
	t.Helper()
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Invalid {
		t.Fatalf("not refused as invalid: %v", err)
	}
	wrong := map[string]string{}
	for _, f := range e.Fields {
		wrong[f.Name] = f.Message.Key
	}
	return wrong
}

func TestWhatAVideoSeemsToBeAbout(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		video sandbox.SeedVideo
		place string
		about string // slugs
	}{
		{sandbox.SeedVideo{Title: "Balme: il volontariato in montagna"}, "Balme", "volontariato"},
		{sandbox.SeedVideo{Title: "Il Sindaco di AGLIE'", Tags: []string{"Solidarietà", "Torino"}}, "Agliè", "solidarieta"},
		{sandbox.SeedVideo{Title: "S. Mauro Torinese e i buoni spesa"}, "San Mauro Torinese", "alimenti-e-mascherine"},
		{sandbox.SeedVideo{Title: "Sant’Ambrogio di Torino"}, "Sant'Ambrogio di Torino", ""},
		{sandbox.SeedVideo{Title: "Inverso Pinasca"}, "Inverso Pinasca", ""},
		{sandbox.SeedVideo{Title: "Balme e Ceres insieme"}, "", ""},
		{sandbox.SeedVideo{Title: "Balme (Torino)"}, "Balme", ""},
		{sandbox.SeedVideo{Title: "La Città metropolitana di Torino"}, "", ""},
		{sandbox.SeedVideo{Title: "Torino non si ferma"}, "Torino", ""},
		{sandbox.SeedVideo{Title: "La voce del sindaco", Tags: []string{"comune", "usseglio"}, Description: "A Balme, come a Usseglio."}, "Usseglio", ""},
		{sandbox.SeedVideo{Title: "La voce del sindaco", Description: "Da Balme."}, "Balme", ""},
		{sandbox.SeedVideo{Title: "Niente"}, "", ""},
		{sandbox.SeedVideo{Title: "Balme", Tags: []string{"sostegno psicologico"}, Description: "Giovani, mascherine, volontariato e solidarietà."}, "Balme", "sostegno-psicologico solidarieta alimenti-e-mascherine"},
	} {
		id := w.before(c.video)[0]
		found := w.uploads("")
		i := slices.IndexFunc(found.Videos, func(u publishing.Upload) bool { return u.ID == id })
		if i < 0 {
			t.Fatalf("%q is not listed", c.video.Title)
		}
		u := found.Videos[i]
		place := ""
		if u.Municipality != nil {
			place = u.Municipality.Name
		}
		var about []string
		for _, theme := range u.Themes {
			about = append(about, theme.Slug)
		}
		if got := strings.Join(about, " "); place != c.place || got != c.about {
			t.Errorf("%+v\nseems to be of %q about %q, want %q about %q", c.video, place, got, c.place, c.about)
		}
	}
}

// TestAChannelThatHadVideosIsAdopted is the whole of it: sixty videos of 2020.
func TestAChannelThatHadVideosIsAdopted(t *testing.T) {
	w := newWorld(t)
	ours := w.approved()
	w.run()
	var seeds []sandbox.SeedVideo
	for i := range 60 {
		seeds = append(seeds, sandbox.SeedVideo{
			Title: fmt.Sprintf("Balme, %d: la solidarietà", i), Description: "Com’era.\r\nE com’è.", Tags: []string{"neve", "a;b", `"c"`}, Views: int64(100 + i),
			DefaultLanguage: []string{"", "it-IT", "fr", "de"}[i%4], Privacy: []string{"public", "public", "unlisted", "private"}[i/15],
			Duration: float64(60 + i),
		})
	}
	ids := w.before(seeds...)
	before := w.sandbox.State()
	spent := w.spentUnits()
	first := w.uploads("")
	second := w.uploads(first.Next)
	if got := w.spentUnits() - spent; got != 4 {
		t.Errorf("two pages took %d units, want 4", got)
	}
	listed := append(first.Videos, second.Videos...)
	if len(first.Videos) != 49 || len(listed) != 60 || second.Next != "" {
		t.Fatalf("listed %d and %d, next %q", len(first.Videos), len(second.Videos), second.Next)
	}
	var list []publishing.Adoption
	for _, u := range listed {
		if u.ID == *w.publication(ours.ID).YoutubeID {
			t.Error("the portal's own video is offered")
		}
		list = append(list, publishing.Adoption{YoutubeID: u.ID, MunicipalityCode: u.Municipality.IstatCode, Themes: []string{u.Themes[0].Slug}})
	}
	if err := w.publisher.Adopt(t.Context(), "staff", list); err != nil {
		t.Fatal(err)
	}
	if len(w.adopted) != 60 {
		t.Errorf("%d testimonies are counted", len(w.adopted))
	}
	for i, id := range ids {
		w.wantAdopted(id, seeds[i])
	}
	after := w.sandbox.State()
	for _, method := range []string{"videos.update", "videos.insert", "thumbnails.set", "captions.insert"} {
		if after.Calls[method] != before.Calls[method] {
			t.Errorf("%s was called", method)
		}
	}
	w.run()
	for _, v := range w.sandbox.State().Videos {
		i := slices.Index(ids, v.ID)
		if i < 0 {
			continue
		}
		if v.Title != seeds[i].Title || v.Privacy != seeds[i].Privacy {
			t.Errorf("the video was changed: %+v", v)
		}
		if want := map[bool]int{true: 2}[v.Privacy == "public"]; len(v.Playlists) != want {
			t.Errorf("%s video in %d playlists, want %d", v.Privacy, len(v.Playlists), want)
		}
	}
	if again := w.uploads(""); len(again.Videos) != 0 || again.Next != "" {
		t.Errorf("%d videos are offered again", len(again.Videos))
	}
	if wrong := wrongFields(t, w.publisher.Adopt(t.Context(), "staff", list[:1])); wrong["adopt_"+list[0].YoutubeID] != "publishing.adopt.known" {
		t.Errorf("twice the same: %v", wrong)
	}
}

func (w *world) spentUnits() int {
	w.t.Helper()
	all, err := w.ledger.Remaining(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range all {
		if r.Bucket == "units" {
			return r.Spent
		}
	}
	w.t.Fatal("no bucket of units")
	return 0
}

// wantAdopted checks one adopted video against what the channel had.
func (w *world) wantAdopted(id string, seed sandbox.SeedVideo) {
	w.t.Helper()
	var testimonyID int64
	if err := w.db.Reader(w.t.Context()).Raw(`SELECT testimony_id FROM publications WHERE youtube_id = ?`, id).Scan(&testimonyID).Error; err != nil {
		w.t.Fatal(err)
	}
	got := w.testimony(testimonyID)
	lang := map[string]string{"": "it", "it-IT": "it", "fr": "fr", "de": "it"}[seed.DefaultLanguage]
	if got.State != testimony.Published || got.Origin != testimony.FromChannel || got.Title != seed.Title || got.Description != "Com’era.\nE com’è." ||
		strings.Join(got.Tags, "|") != "neve|a|b|c" || got.Language != lang || string(got.Visibility) != seed.Privacy || !got.PublishedAt.Equal(seed.PublishedAt) ||
		got.Video == nil || got.Video.Original != "" || got.Video.Duration() != time.Duration(seed.Duration)*time.Second {
		w.t.Errorf("adopted of %+v:\n%+v\n%+v", seed, got, got.Video)
	}
	pub := w.publication(testimonyID)
	if pub.State != publishing.Public || pub.Origin != publishing.FromChannel || !pub.Verified {
		w.t.Errorf("publication: %+v", pub)
	}
	steps, err := w.publisher.Steps(w.t.Context(), pub.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range steps {
		if (s.State == publishing.StepWaiting) != (s.Kind == publishing.StepPlaylist) {
			w.t.Errorf("step %s %s is %s", s.Kind, s.Key, s.State)
		}
	}
}

func TestWhatCannotBeAdopted(t *testing.T) {
	w := newWorld(t)
	ids := w.before(sandbox.SeedVideo{Title: "Uno"}, sandbox.SeedVideo{Title: "Due"}, sandbox.SeedVideo{Title: "Tre"})
	adopt := func(list ...publishing.Adoption) map[string]string {
		t.Helper()
		return wrongFields(t, w.publisher.Adopt(t.Context(), "staff", list))
	}
	good := publishing.Adoption{YoutubeID: ids[0], MunicipalityCode: balme, Themes: []string{"solidarieta"}}
	for name, c := range map[string]struct {
		list        []publishing.Adoption
		field, want string
	}{
		"nothing":         {nil, "adopt", "publishing.adopt.none"},
		"too many":        {make([]publishing.Adoption, publishing.MaxAdoptions+1), "adopt", "publishing.adopt.many"},
		"twice at once":   {[]publishing.Adoption{good, good}, "adopt_" + ids[0], "publishing.adopt.known"},
		"no municipality": {[]publishing.Adoption{{YoutubeID: ids[1], Themes: []string{"solidarieta"}}}, "municipality_" + ids[1], "publishing.adopt.municipality"},
		"no theme":        {[]publishing.Adoption{{YoutubeID: ids[1], MunicipalityCode: balme}}, "themes_" + ids[1], "testimony.themes.empty"},
		"unknown theme":   {[]publishing.Adoption{good, {YoutubeID: ids[1], MunicipalityCode: balme, Themes: []string{"x"}}}, "themes_" + ids[1], "testimony.themes.empty"},
		"four themes": {
			[]publishing.Adoption{good, {YoutubeID: ids[1], MunicipalityCode: balme, Themes: []string{"solidarieta", "volontariato", "spazi-per-i-giovani", "sostegno-psicologico"}}},
			"themes_" + ids[1], "testimony.themes.many",
		},
		"no such video": {[]publishing.Adoption{good, {YoutubeID: "aaaaaaaaaaa", MunicipalityCode: balme, Themes: []string{"solidarieta"}}}, "adopt_aaaaaaaaaaa", "publishing.adopt.gone"},
	} {
		if wrong := adopt(c.list...); wrong[c.field] != c.want {
			t.Errorf("%s: %v", name, wrong)
		}
	}
	if _, n, err := w.testimonies.OfMunicipality(t.Context(), balme, 0, 10); err != nil || n != 0 {
		t.Errorf("%d testimonies were made of refused lists, %v", n, err)
	}
	if _, err := w.publisher.Uploads(t.Context(), "nonsense"); fault.Of(err) != fault.NotFound {
		t.Errorf("a page that is none: %v", err)
	}
	w.exec(`INSERT INTO quota_ledger (day, bucket, spent) VALUES ('2026-11-25', 'units', 10000) ON CONFLICT DO UPDATE SET spent = 10000`)
	e, ok := errors.AsType[*fault.Error](w.publisher.Adopt(t.Context(), "staff", []publishing.Adoption{good}))
	if !ok || e.Kind != fault.Unavailable || e.Until.IsZero() {
		t.Errorf("without quota: %v", e)
	}
}

// TestAVideoOnItsWayIsNotAdopted: what the portal sent is its own, also before it
// knows the id.
func TestAVideoOnItsWayIsNotAdopted(t *testing.T) {
	w := newWorld(t)
	made := w.approved()
	w.run()
	id := *w.publication(made.ID).YoutubeID
	// As it was between YouTube's answer and ours being kept.
	w.exec(`UPDATE publications SET youtube_id = NULL WHERE testimony_id = ?`, made.ID)
	if found := w.uploads(""); len(found.Videos) != 0 {
		t.Errorf("offered: %+v", found.Videos)
	}
	err := w.publisher.Adopt(t.Context(), "staff", []publishing.Adoption{{YoutubeID: id, MunicipalityCode: balme, Themes: []string{"solidarieta"}}})
	if wrong := wrongFields(t, err); wrong["adopt_"+id] != "publishing.adopt.known" {
		t.Errorf("adopted: %v", wrong)
	}
}

// TestAnAdoptedOneLivesOn: what the town hall changes goes to the channel, and a
// withdrawal hides and then deletes it.
func TestAnAdoptedOneLivesOn(t *testing.T) {
	w := newWorld(t)
	id := w.before(sandbox.SeedVideo{Title: "Com’era", Description: "Prima."})[0]
	err := w.publisher.Adopt(t.Context(), "staff", []publishing.Adoption{{YoutubeID: id, MunicipalityCode: balme, Themes: []string{"solidarieta"}}})
	if err != nil {
		t.Fatal(err)
	}
	w.run()
	made := w.testimony(w.adopted[0])
	_, err = w.testimonies.Amend(t.Context(), "town hall", balme, made.ID, made.Version, testimony.Form{
		Title: "Com’è", Description: "Dopo.", Language: "it", Themes: []string{"volontariato"}, Visibility: "public",
	})
	if err != nil {
		t.Fatal(err)
	}
	w.run()
	v := w.sandbox.State().Videos[0]
	if v.Title != "Com’è" || !strings.HasPrefix(v.Description, "Dopo.\n\nBalme\n") || len(v.Playlists) != 2 {
		t.Errorf("after the change: %+v", v)
	}
	if _, err := w.testimonies.Withdraw(t.Context(), "town hall", balme, made.ID, testimony.Withdrawal{}); err != nil {
		t.Fatal(err)
	}
	w.run()
	if videos := w.sandbox.State().Videos; len(videos) != 0 {
		t.Errorf("still there: %+v", videos)
	}
}
