package publishing

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// onFile is all that the portal has of a publication.
type onFile struct {
	pub   Publication
	said  testimony.Testimony
	file  testimony.Video
	steps map[stepName]Step
}

// done tells whether a step is where it should be: while the portal is about to
// change something, a difference is no news.
func (o *onFile) done(name stepName) bool {
	s, ok := o.steps[name]
	return ok && s.State == StepDone
}

// differences compares what the channel has of a video with what it should have.
func (p *Publisher) differences(o *onFile, v youtube.Video, lists map[string]map[string]bool) ([]Finding, error) {
	var all []Finding
	add := func(kind FindingKind, key string, d Detail) error {
		m, err := markOf(d)
		all = append(all, Finding{Kind: kind, Key: key, Detail: d, Mark: m})
		return err
	}
	if kind, why := p.condition(&o.pub, v); kind != "" {
		return all, add(kind, "", Detail{Reason: why}) // of what cannot be seen all else is idle
	}
	if o.pub.State == Processing {
		return nil, nil
	}
	meta, err := p.metadata(&o.said)
	if err != nil {
		return nil, err
	}
	privacy := p.privacyDiffers(&o.pub, v)
	if (o.steps[stepName{StepPrivacy, ""}].State != StepWaiting || o.pub.State == Blocked) && len(privacy) > 0 {
		if err := add(FindPrivacy, "", Detail{Values: privacy}); err != nil {
			return nil, err
		}
	}
	if d := o.file.Duration() - v.Duration; o.pub.Origin != FromChannel && v.Duration > 0 && o.file.DurationMS > 0 && d.Abs() > durationSlack {
		seconds := func(s float64) string { return strconv.FormatInt(int64(s), 10) }
		err := add(FindDuration, "", Detail{Values: []Difference{{"seconds", seconds(o.file.Duration().Seconds()), seconds(v.Duration.Seconds())}}})
		if err != nil {
			return nil, err
		}
	}
	if o.pub.State == Blocked {
		return all, nil // its plan is not worked on
	}
	for _, one := range []struct {
		kind   FindingKind
		values []Difference
	}{{FindWords, wordsDiffer(meta, v)}, {FindLocalizations, localizationsDiffer(meta, v)}} {
		if len(one.values) == 0 || !o.done(stepName{StepKind(one.kind), ""}) {
			continue
		}
		if err := add(one.kind, "", Detail{Values: one.values}); err != nil {
			return nil, err
		}
	}
	differ := o.listsDiffer(lists)
	for _, key := range slices.Sorted(maps.Keys(differ)) {
		if err := add(FindPlaylist, key, Detail{Values: []Difference{differ[key]}}); err != nil {
			return nil, err
		}
	}
	if o.pub.Origin == FromChannel && o.pub.ReconciledAt == nil {
		// What it said before the portal knew it is as it should be.
		for i := range all {
			if k := all[i].Kind; k == FindWords || k == FindLocalizations {
				all[i].Remedy = kept
			}
		}
	}
	return all, nil
}

// condition is what keeps a video from being seen, if anything does.
func (p *Publisher) condition(pub *Publication, v youtube.Video) (FindingKind, *fault.Message) {
	say := func(key string) *fault.Message {
		m := fault.Msg(key)
		return &m
	}
	stuck := pub.UploadedAt != nil && p.now().Sub(*pub.UploadedAt) > stuckAfter
	switch {
	case v.UploadStatus == "failed":
		return FindFailed, say(failureKey(v))
	case v.ProcessingStatus == "failed" && v.UploadStatus != "processed":
		return FindFailed, say(processingFailureKey(v))
	case v.UploadStatus == "rejected":
		return FindRejected, say(rejectionKey(v))
	case v.UploadStatus != "processed" && stuck:
		return FindStuck, say("publishing.stuck")
	}
	return "", nil
}

// privacyDiffers compares who may see a video with what was asked.
func (p *Publisher) privacyDiffers(pub *Publication, v youtube.Video) []Difference {
	asked, at := pub.asked(p.now())
	var values []Difference
	if asked != v.Privacy {
		values = append(values, Difference{"privacy", string(asked), string(v.Privacy)})
	}
	seen := v.PublishAt
	if v.Privacy != youtube.Private || !seen.After(p.now()) {
		seen = at // of no effect
	}
	if !seen.Equal(at) {
		values = append(values, Difference{"publish_at", momentText(at), momentText(seen)})
	}
	return values
}

// alike is a text without what YouTube and browsers change on its way.
func alike(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }

func wordsDiffer(m youtube.Metadata, v youtube.Video) []Difference {
	var values []Difference
	compare := func(field, ours, theirs string) {
		if alike(ours) != alike(theirs) {
			values = append(values, Difference{field, ours, theirs})
		}
	}
	compare("title", m.Title, v.Title)
	compare("description", m.Description, v.Description)
	// Their order is not kept everywhere.
	if !slices.Equal(slices.Sorted(slices.Values(m.Tags)), slices.Sorted(slices.Values(v.Tags))) {
		values = append(values, Difference{"tags", strings.Join(m.Tags, ", "), strings.Join(v.Tags, ", ")})
	}
	compare("language", m.Language, v.Language)
	return values
}

func localizationsDiffer(m youtube.Metadata, v youtube.Video) []Difference {
	languages := maps.Clone(m.Localizations)
	if languages == nil {
		languages = map[string]youtube.Localized{}
	}
	maps.Copy(languages, v.Localizations)
	var values []Difference
	for _, lang := range slices.Sorted(maps.Keys(languages)) {
		ours, theirs := m.Localizations[lang], v.Localizations[lang]
		if _, said := m.Localizations[lang]; !said && lang == v.Language {
			continue // YouTube repeats the words of the video's own language
		}
		if alike(ours.Title) != alike(theirs.Title) {
			values = append(values, Difference{"title_" + lang, ours.Title, theirs.Title})
		}
		if alike(ours.Description) != alike(theirs.Description) {
			values = append(values, Difference{"description_" + lang, ours.Description, theirs.Description})
		}
	}
	return values
}

// listsDiffer compares the playlists that the video is in with those that it
// belongs in. lists are the ids of the videos in each.
func (o *onFile) listsDiffer(lists map[string]map[string]bool) map[string]Difference {
	values := map[string]Difference{}
	for key, videos := range lists {
		s, planned := o.steps[stepName{StepPlaylist, key}]
		if planned && s.State != StepDone {
			continue
		}
		ours, theirs := s.Wanted, ""
		if videos[*o.pub.YoutubeID] {
			theirs = entry
		}
		if ours != theirs {
			values[key] = Difference{"in", ours, theirs}
		}
	}
	return values
}

// captionsDiffer lists our captions that a video has not, or that YouTube could
// not use.
func (o *onFile) captionsDiffer(tracks []youtube.Caption) ([]Finding, error) {
	var all []Finding
	for name, s := range o.steps {
		if name.Kind != StepCaptions || s.State != StepDone || s.Wanted == "" {
			continue
		}
		theirs := ""
		for _, c := range tracks {
			if c.ID == s.RemoteID || (c.Language == s.Key && c.Name == captionName) {
				theirs = c.Status
				if c.Status != "failed" {
					theirs = entry
				}
			}
		}
		if theirs == entry {
			continue
		}
		d := Detail{Values: []Difference{{"in", entry, theirs}}}
		m, err := markOf(d)
		if err != nil {
			return nil, err
		}
		all = append(all, Finding{Kind: FindCaptions, Key: s.Key, Detail: d, Mark: m})
	}
	return all, nil
}

// files reads what the portal has of publications.
func (p *Publisher) files(ctx context.Context, pubs []Publication) ([]onFile, error) {
	db := p.DB.Reader(ctx)
	ids, testimonies, videos := make([]int64, len(pubs)), make([]int64, len(pubs)), make([]int64, len(pubs))
	for i, pub := range pubs {
		ids[i], testimonies[i], videos[i] = pub.ID, pub.TestimonyID, pub.VideoID
	}
	said, err := p.Testimonies.ByIDs(ctx, testimonies)
	if err != nil {
		return nil, err
	}
	var steps []Step
	if err := db.Where("publication_id IN ?", ids).Find(&steps).Error; err != nil {
		return nil, fmt.Errorf("read the steps of %d publications: %w", len(ids), err)
	}
	var files []testimony.Video
	if err := db.Where("id IN ?", videos).Find(&files).Error; err != nil {
		return nil, fmt.Errorf("read the files of %d publications: %w", len(ids), err)
	}
	all := make([]onFile, 0, len(pubs))
	for _, pub := range pubs {
		o := onFile{pub: pub, said: said[pub.TestimonyID], steps: map[stepName]Step{}}
		for _, s := range steps {
			if s.PublicationID == pub.ID {
				o.steps[s.name()] = s
			}
		}
		for _, f := range files {
			if f.ID == pub.VideoID {
				o.file = f
			}
		}
		all = append(all, o)
	}
	return all, nil
}

// momentText is a time in a detail, empty if there is none.
func momentText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
