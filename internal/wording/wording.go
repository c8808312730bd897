// Package wording is what town halls and staff see alike of what a testimony
// says: the fields of its form, and the page on which it is changed after its
// approval, with its captions and its cover. It does not know who may act on
// what: the face whose page it is says so.
package wording

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/transcription"
	"github.com/voci-in-comune/voci/internal/video"
)

// Rooms are what the desk is built on.
type Rooms struct {
	Pages       *page.Pages
	Registry    *territory.Registry
	Sessions    *account.Sessions
	Testimonies *testimony.Store
	Inspector   func() (*video.Inspector, error) // looks for ffmpeg, which only a new cover needs
	Transcripts *transcription.Desk              // nil without a program that writes down speech
	Renditions  string                           // folder of posters and renditions
	Clock       func() time.Time
	Log         *slog.Logger
}

// Desk is where it is written.
type Desk struct {
	Rooms
	zone *time.Location // where people have their today
}

// New makes a desk.
func New(r Rooms) *Desk {
	zone, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		zone = time.UTC // cannot be: package page brings the zones along
	}
	return &Desk{Rooms: r, zone: zone}
}

// Fields are the part testimony-fields of a form.
type Fields struct {
	Form         *page.Form // as typed, with what is wrong
	Themes       []page.Option
	Languages    []page.Option
	Visibilities []page.Option
	Translations []string // languages that it may be translated into
	Translated   bool     // there is something to show of them
	Limits       Limits
	Today        string // the latest day it can have been recorded
}

// Limits are the rules of the form, for the browser to say them early.
type Limits struct{ Title, Description, Tags, Themes int }

// Fields makes the fields of a testimony's form; form is what they hold.
func (d *Desk) Fields(ctx context.Context, t *testimony.Testimony, form *page.Form) (Fields, error) {
	themes, err := d.Testimonies.Themes(ctx)
	if err != nil {
		return Fields{}, err
	}
	lang := page.Lang(ctx)
	f := Fields{
		Form: form, Today: d.Clock().In(d.zone).Format(time.DateOnly), Translations: testimony.OtherLanguages(t.Language),
		Limits: Limits{Title: testimony.MaxTitle, Description: testimony.MaxDescription, Tags: testimony.MaxTags, Themes: testimony.MaxThemes},
	}
	for _, theme := range themes {
		f.Themes = append(f.Themes, page.Option{Value: theme.Slug, Label: theme.Name(lang), Icon: theme.Icon, Hue: theme.Colour})
	}
	for _, code := range testimony.Languages() {
		f.Languages = append(f.Languages, page.Option{Value: code, Label: d.Pages.T(lang, "language."+code)})
	}
	for _, see := range []testimony.Visibility{testimony.Public, testimony.Unlisted, testimony.Private} {
		f.Visibilities = append(f.Visibilities, page.Option{
			Value: string(see), Label: d.Pages.T(lang, "visibility."+string(see)), Help: d.Pages.T(lang, "visibility."+string(see)+".help"),
		})
	}
	for _, other := range f.Translations {
		for _, name := range []string{"title_" + other, "description_" + other} {
			f.Translated = f.Translated || form.Get(name) != "" || form.Error(name) != nil
		}
	}
	return f, nil
}

// FormOf reads the values of a form.
func FormOf(v url.Values) testimony.Form {
	translations := testimony.Translations{}
	for _, lang := range testimony.OtherLanguages("") {
		translations[lang] = testimony.Translation{Title: v.Get("title_" + lang), Description: v.Get("description_" + lang)}
	}
	return testimony.Form{
		Title: v.Get("title"), Description: v.Get("description"), Language: v.Get("language"), SpeakerName: v.Get("speaker_name"),
		SpeakerRole: v.Get("speaker_role"), RecordedOn: v.Get("recorded_on"), Themes: v["themes"], Tags: v.Get("tags"),
		Visibility: v.Get("visibility"), Release: v["release"], Others: v.Get("others"), Translations: translations,
	}
}

// Values is a form as FormOf reads it.
func Values(f testimony.Form) url.Values {
	v := url.Values{
		"title": {f.Title}, "description": {f.Description}, "language": {f.Language}, "speaker_name": {f.SpeakerName},
		"speaker_role": {f.SpeakerRole}, "recorded_on": {f.RecordedOn}, "tags": {f.Tags}, "visibility": {f.Visibility}, "others": {f.Others},
		"themes": f.Themes, "release": f.Release,
	}
	for lang, one := range f.Translations {
		v.Set("title_"+lang, one.Title)
		v.Set("description_"+lang, one.Description)
	}
	return v
}

// ValuesOf gives back what was typed: what was accepted, and what was not.
func ValuesOf(t *testimony.Testimony) url.Values {
	f := testimony.Form{
		Title: t.Title, Description: t.Description, Language: t.Language, SpeakerName: t.SpeakerName, SpeakerRole: t.SpeakerRole,
		RecordedOn: t.RecordedOn, Tags: strings.Join(t.Tags, ", "), Visibility: string(t.Visibility), Others: string(t.Others),
		Translations: t.Translations,
	}
	for _, theme := range t.Themes {
		f.Themes = append(f.Themes, theme.Slug)
	}
	for _, r := range t.Releases {
		f.Release = append(f.Release, r.Kind)
	}
	v := Values(f)
	for name, typed := range t.Unfinished {
		v.Set(name, typed)
	}
	if typed, ok := t.Unfinished["themes"]; ok {
		v["themes"] = strings.Split(typed, ",")
	}
	return v
}
