package publishing

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// Settle does about a finding what a person decided; reason is for Withdraw,
// which needs one. It returns fault.Conflict if the finding is settled by now or
// the remedy is none for it, and fault.Invalid with the fields when the
// channel's words break the rules of testimonies.
func (p *Publisher) Settle(ctx context.Context, actor string, id int64, remedy Remedy, reason string) error {
	f, err := p.finding(ctx, id)
	if err != nil {
		return err
	}
	if !slices.Contains(f.Remedies, remedy) {
		return fault.New(fault.Conflict, "publishing.finding.no_remedy")
	}
	left := f.Mark
	switch remedy {
	case Restore:
		err = p.restore(ctx, actor, f)
	case Adopt:
		left, err = p.takeWords(ctx, actor, f)
	case Resend:
		err = p.resend(ctx, f)
	case Withdraw:
		err = p.withdrawFound(ctx, actor, f, reason)
	}
	if err != nil {
		return fmt.Errorf("settle finding %d: %w", id, err)
	}
	err = p.DB.Write(ctx, func(tx *gorm.DB) error {
		done := tx.Model(&Finding{}).Where("id = ? AND settled_at IS NULL", id).
			Updates(map[string]any{"settled_at": p.now(), "settled_by": actor, "remedy": remedy, "mark": left})
		if done.Error != nil || done.RowsAffected == 0 {
			return done.Error // it settled itself
		}
		return audit.Write(tx, p.now(), actor, "publication."+string(remedy), "publication", f.PublicationID,
			map[string]any{"kind": f.Kind, "key": f.Key, "values": f.Detail.Values})
	})
	if err != nil {
		return fmt.Errorf("settle finding %d: %w", id, err)
	}
	p.Shown()
	return nil
}

// restore has the channel made what it should be: as had is noted what was seen
// there, and the plan does the rest.
func (p *Publisher) restore(ctx context.Context, actor string, f *Reported) error {
	if f.Kind == FindPrivacy && f.Publication.State == Blocked {
		return p.Retry(ctx, actor, f.PublicationID)
	}
	had := "seen " + f.Mark
	if f.Kind == FindPlaylist || f.Kind == FindCaptions {
		had, _ = f.Detail.theirs("in") // empty: it is not there
		if f.Kind == FindCaptions {
			had = "" // of no use, or not there
		}
	}
	return p.DB.Write(ctx, func(tx *gorm.DB) error {
		var s Step
		name := stepName{StepKind(f.Kind), f.Key}
		found := tx.Where("publication_id = ? AND kind = ? AND key = ?", f.PublicationID, name.Kind, name.Key).Limit(1).Find(&s)
		if found.Error != nil {
			return fmt.Errorf("read step %s of publication %d: %w", name, f.PublicationID, found.Error)
		}
		if found.RowsAffected == 0 { // the video is in a playlist that was never planned
			s = Step{PublicationID: f.PublicationID, Kind: name.Kind, Key: name.Key, State: StepDone, Since: p.now()}
			if err := tx.Create(&s).Error; err != nil {
				return fmt.Errorf("plan step %s of publication %d: %w", name, f.PublicationID, err)
			}
		}
		values := map[string]any{"had": had, "tries": 0, "failing_since": nil, "next_at": nil}
		if err := p.changeStep(tx, s, values); err != nil {
			return err
		}
		return p.Wake(tx)
	})
}

// takeWords takes what the channel has into the testimony, by the testimony's own
// rules. What it then still has otherwise, such as tags that the portal adds, is
// let be: left is the mark of that.
func (p *Publisher) takeWords(ctx context.Context, actor string, f *Reported) (left string, err error) {
	t, err := p.Testimonies.Get(ctx, testimony.Anywhere, f.Publication.TestimonyID)
	if err != nil {
		return "", err
	}
	form, err := p.formOf(t, f)
	if err != nil {
		return "", err
	}
	changed, err := p.Testimonies.Amend(ctx, actor, testimony.Anywhere, t.ID, t.Version, form)
	if err != nil {
		return "", err
	}
	err = p.DB.Write(ctx, func(tx *gorm.DB) error {
		steps, err := stepsOf(tx, f.PublicationID)
		if err != nil {
			return err
		}
		for _, s := range steps {
			if s.Kind == StepKind(f.Kind) && s.Key == f.Key {
				return p.changeStep(tx, s, map[string]any{"had": s.Wanted, "tries": 0, "failing_since": nil, "next_at": nil})
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if f.Kind == FindPrivacy {
		if f.Publication.State == Blocked {
			return f.Mark, p.Retry(ctx, actor, f.PublicationID)
		}
		return f.Mark, nil
	}
	return p.leftOver(t, changed, f)
}

// leftOver is the mark of what differs between what the channel has and what the
// portal says after taking it over.
func (p *Publisher) leftOver(before, after *testimony.Testimony, f *Reported) (string, error) {
	was, err := p.metadata(before)
	if err != nil {
		return "", err
	}
	now, err := p.metadata(after)
	if err != nil {
		return "", err
	}
	seen := f.Detail.on(was)
	values := wordsDiffer(now, seen)
	if f.Kind == FindLocalizations {
		values = localizationsDiffer(now, seen)
	}
	if len(values) == 0 {
		return "", nil
	}
	return markOf(Detail{Values: values})
}

// on is the video that was seen: what was said of it, with what differed.
func (d Detail) on(m youtube.Metadata) youtube.Video {
	v := youtube.Video{Title: m.Title, Description: m.Description, Tags: m.Tags, Language: m.Language, Localizations: maps.Clone(m.Localizations)}
	if v.Localizations == nil {
		v.Localizations = map[string]youtube.Localized{}
	}
	for _, one := range d.Values {
		switch field, lang, _ := strings.Cut(one.Field, "_"); {
		case one.Field == "title":
			v.Title = one.Theirs
		case one.Field == "description":
			v.Description = one.Theirs
		case one.Field == "tags":
			v.Tags = testimony.ParseTags(one.Theirs)
		case one.Field == "language":
			v.Language = one.Theirs
		case field == "title":
			v.Localizations[lang] = youtube.Localized{Title: one.Theirs, Description: v.Localizations[lang].Description}
		case field == "description":
			v.Localizations[lang] = youtube.Localized{Title: v.Localizations[lang].Title, Description: one.Theirs}
		}
	}
	return v
}

// formOf is a testimony's form with what the channel has in the place of what
// differs: without what the portal itself adds on the channel.
func (p *Publisher) formOf(t *testimony.Testimony, f *Reported) (testimony.Form, error) {
	form := testimony.Form{
		Title: t.Title, Description: t.Description, Language: t.Language, SpeakerName: t.SpeakerName, SpeakerRole: t.SpeakerRole,
		RecordedOn: t.RecordedOn, Tags: strings.Join(t.Tags, ", "), Visibility: string(t.Visibility), Translations: maps.Clone(t.Translations),
	}
	for _, theme := range t.Themes {
		form.Themes = append(form.Themes, theme.Slug)
	}
	m, err := p.Registry.Shown(t.MunicipalityCode)
	if err != nil {
		return form, err
	}
	added := []string{m.Name}
	if z, err := p.Registry.Zone(m.ZoneSlug); err == nil {
		added = append(added, z.Name)
	}
	for _, theme := range t.Themes {
		added = append(added, theme.YoutubeTags...)
	}
	if form.Translations == nil {
		form.Translations = testimony.Translations{}
	}
	for _, one := range f.Detail.Values {
		unsigned := func(lang string) string {
			signature := strings.TrimLeft(p.signed("", t, m, prefixOf(lang)), "\n")
			return strings.TrimSpace(strings.TrimSuffix(alike(one.Theirs), signature))
		}
		switch field, lang, _ := strings.Cut(one.Field, "_"); {
		case one.Field == "title":
			form.Title = one.Theirs
		case one.Field == "description":
			form.Description = unsigned("it")
		case one.Field == "tags":
			tags := slices.DeleteFunc(testimony.ParseTags(one.Theirs), func(tag string) bool {
				return slices.ContainsFunc(added, func(ours string) bool { return strings.EqualFold(ours, tag) }) &&
					!slices.Contains(t.Tags, tag)
			})
			form.Tags = strings.Join(tags, ", ")
		case one.Field == "language":
			form.Language = one.Theirs
		case one.Field == "privacy":
			form.Visibility = one.Theirs
		case field == "title":
			form.Translations[lang] = testimony.Translation{Title: one.Theirs, Description: form.Translations[lang].Description}
		case field == "description" && lang != "":
			form.Translations[lang] = testimony.Translation{Title: form.Translations[lang].Title, Description: unsigned(lang)}
		}
	}
	return form, nil
}

// resend sends the original again in the place of a video that is of no use. One
// that was missing is asked for once more: it must be gone for sure.
func (p *Publisher) resend(ctx context.Context, f *Reported) error {
	pub := f.Publication
	client, _, err := p.openChannel(ctx)
	if err != nil {
		return err
	}
	if f.Kind == FindMissing {
		videos, err := client.Videos(ctx, []string{*pub.YoutubeID}, youtube.PartStatus)
		if err != nil {
			return p.notAnswered(ctx, err)
		}
		if v, there := videos[*pub.YoutubeID]; there && v.UploadStatus != "deleted" {
			return fault.New(fault.Conflict, "publishing.finding.there_again")
		}
	}
	file, err := p.Testimonies.GetVideo(ctx, pub.VideoID)
	if err != nil {
		return err
	}
	name, _, _ := file.Outgoing()
	if _, err := os.Stat(filepath.Join(p.Vault, name)); err != nil || name == "" {
		return fault.New(fault.Conflict, "publishing.finding.no_original")
	}
	return p.DB.Write(ctx, func(tx *gorm.DB) error {
		// The way of every upload: what is left of the old video is deleted, then one
		// session is opened.
		ok, err := p.change(tx, pub.ID, []State{Public, Processing, Blocked, Missing}, Waiting, testimony.Sentence{}, map[string]any{"until": nil, "missed_at": nil})
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.Conflict, "publishing.finding.settled")
		}
		return p.Enqueue(tx, pub.ID, LaneSend)
	})
}

func (p *Publisher) withdrawFound(ctx context.Context, actor string, f *Reported, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return fault.Fields{{Name: "reason", Message: fault.Msg("testimony.reason.empty")}}.Err()
	}
	_, err := p.Testimonies.Withdraw(ctx, actor, testimony.Anywhere, f.Publication.TestimonyID, testimony.Withdrawal{Reason: reason})
	return err
}
