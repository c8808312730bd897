package publishing

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

const (
	// MaxAdoptions is how many videos can be adopted in one go.
	MaxAdoptions = 200
	// pagesAhead is how many pages of uploads that hold nothing new are skipped
	// at once; each costs two units.
	pagesAhead = 10
)

// Upload is a video of the channel that the portal does not know, with what it
// seems to be about.
type Upload struct {
	youtube.Video
	Municipality *territory.Municipality // nil if its words name none, or several
	Themes       []testimony.Theme       // at most testimony.MaxThemes
}

// Uploads is a page of them.
type Uploads struct {
	Videos []Upload
	Next   string // token of the page after it, empty after the last
	NotYet int    // videos of these pages that cannot be adopted: YouTube still makes them, refused them, or has them wait for a time
}

// Adoption is what a person says of a video that is to be adopted.
type Adoption struct {
	YoutubeID        string
	MunicipalityCode string
	Themes           []string // slugs
}

// Uploads lists videos of the channel that the portal does not know, the newest
// first, going on at a page's token. It costs two units for each fifty videos
// that it looks at.
func (p *Publisher) Uploads(ctx context.Context, token string) (Uploads, error) {
	client, channel, err := p.openChannel(ctx)
	if err != nil {
		return Uploads{}, err
	}
	themes, err := p.Testimonies.Themes(ctx)
	if err != nil {
		return Uploads{}, err
	}
	words := p.guide(themes)
	found := Uploads{Next: token}
	for range pagesAhead {
		videos, next, err := client.Uploads(ctx, channel.UploadsPlaylist, found.Next)
		if err != nil {
			return Uploads{}, p.notAnswered(ctx, err)
		}
		strange, err := p.strange(p.DB.Reader(ctx), videos)
		if err != nil {
			return Uploads{}, err
		}
		for _, v := range strange {
			if v.ChannelID != channel.ID || !finished(v) {
				found.NotYet++
				continue
			}
			found.Videos = append(found.Videos, Upload{Video: v, Municipality: words.placeOf(v), Themes: words.themesOf(v)})
		}
		if found.Next = next; next == "" || len(found.Videos) > 0 {
			break
		}
	}
	return found, nil
}

// finished tells whether a video is out, as it will stay.
func finished(v youtube.Video) bool { return v.UploadStatus == "processed" && v.PublishAt.IsZero() }

// strange are those of videos that are no publication's. One that the portal is
// sending may be there before its id is known: its file has the publication's
// name.
func (p *Publisher) strange(db *gorm.DB, videos []youtube.Video) ([]youtube.Video, error) {
	var ids, names []string
	for _, v := range videos {
		ids, names = append(ids, v.ID), append(names, v.FileName)
	}
	var ours []struct{ YoutubeID, Slug string }
	err := db.Raw(`SELECT coalesce(youtube_id, '') AS youtube_id, slug FROM publications WHERE youtube_id IN ? OR slug IN ?
		UNION ALL SELECT coalesce(youtube_id, ''), slug FROM rehearsals WHERE youtube_id IN ? OR slug IN ?`, ids, names, ids, names).Scan(&ours).Error
	if err != nil {
		return nil, fmt.Errorf("look for %d videos among the publications: %w", len(videos), err)
	}
	known := map[string]bool{}
	for _, o := range ours {
		known["id "+o.YoutubeID], known["file "+o.Slug] = true, true
	}
	var rest []youtube.Video
	for _, v := range videos {
		if !known["id "+v.ID] && !known["file "+v.FileName] {
			rest = append(rest, v)
		}
	}
	return rest, nil
}

// Adopt makes testimonies of videos that the channel had before, all or none.
// What is said of them on the channel stays; only the playlists are new. It
// returns fault.Invalid with fields whose names end in the video's id:
// adopt_ID, municipality_ID, themes_ID.
func (p *Publisher) Adopt(ctx context.Context, actor string, list []Adoption) error {
	if err := p.adoptable(list); err != nil {
		return err
	}
	client, channel, err := p.openChannel(ctx)
	if err != nil {
		return err
	}
	videos := make(map[string]youtube.Video, len(list))
	for rest := list; len(rest) > 0; {
		some := rest[:min(youtube.MaxIDs, len(rest))]
		rest = rest[len(some):]
		ids := make([]string, len(some))
		for i, a := range some {
			ids[i] = a.YoutubeID
		}
		seen, err := client.Videos(ctx, ids, youtube.PartSnippet, youtube.PartStatus, youtube.PartContentDetails, youtube.PartFileDetails)
		if err != nil {
			return p.notAnswered(ctx, err)
		}
		for id, v := range seen {
			if v.ChannelID == channel.ID && finished(v) {
				videos[id] = v
			}
		}
	}
	if err := p.adoptAll(ctx, actor, list, videos); err != nil {
		return fmt.Errorf("adopt %d videos: %w", len(list), err)
	}
	p.Log.InfoContext(ctx, "videos adopted", "count", len(list))
	p.Shown()
	return nil
}

// adoptable says what is wrong with what was asked, before anybody is.
func (p *Publisher) adoptable(list []Adoption) error {
	var wrong fault.Fields
	switch {
	case len(list) == 0:
		wrong.Add("adopt", "publishing.adopt.none")
	case len(list) > MaxAdoptions:
		wrong.Add("adopt", "publishing.adopt.many", "Max", MaxAdoptions)
	}
	twice := map[string]bool{}
	for _, a := range list {
		if twice[a.YoutubeID] {
			wrong.Add("adopt_"+a.YoutubeID, "publishing.adopt.known")
		}
		twice[a.YoutubeID] = true
		if m, err := p.Registry.Municipality(a.MunicipalityCode); err != nil || !p.Registry.Counts(m) {
			wrong.Add("municipality_"+a.YoutubeID, "publishing.adopt.municipality")
		}
		if len(a.Themes) == 0 {
			wrong.Add("themes_"+a.YoutubeID, "testimony.themes.empty")
		}
	}
	return wrong.Err()
}

func (p *Publisher) adoptAll(ctx context.Context, actor string, list []Adoption, videos map[string]youtube.Video) error {
	return p.DB.Write(ctx, func(tx *gorm.DB) error {
		asked := make([]youtube.Video, 0, len(list))
		for _, a := range list {
			asked = append(asked, videos[a.YoutubeID])
		}
		strange, err := p.strange(tx, asked)
		if err != nil {
			return err
		}
		mayBe := map[string]bool{}
		for _, v := range strange {
			mayBe[v.ID] = true
		}
		var wrong fault.Fields
		var made []int64
		for _, a := range list {
			v, there := videos[a.YoutubeID]
			switch {
			case !there:
				wrong.Add("adopt_"+a.YoutubeID, "publishing.adopt.gone")
			case !mayBe[v.ID]:
				wrong.Add("adopt_"+a.YoutubeID, "publishing.adopt.known")
			default:
				id, err := p.adoptOne(tx, actor, a, v)
				if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind == fault.Invalid {
					for _, f := range e.Fields {
						wrong = append(wrong, fault.Field{Name: f.Name + "_" + v.ID, Message: f.Message})
					}
					continue
				}
				if err != nil {
					return err
				}
				made = append(made, id)
			}
		}
		if err := wrong.Err(); err != nil {
			return err
		}
		if err := p.Adopted(tx, made); err != nil {
			return err
		}
		return p.Wake(tx)
	})
}

// adoptOne makes the testimony of one video, and its publication with a plan in
// which only the playlists are still to do.
func (p *Publisher) adoptOne(tx *gorm.DB, actor string, a Adoption, v youtube.Video) (testimonyID int64, err error) {
	t, err := p.Testimonies.Adopt(tx, actor, testimony.Found{
		MunicipalityCode: a.MunicipalityCode, Themes: a.Themes, Origin: "youtube:" + v.ID, Title: v.Title, Description: v.Description,
		Language: v.Language, Tags: v.Tags, Visibility: testimony.Visibility(v.Privacy), PublishedAt: v.PublishedAt, Duration: v.Duration,
	})
	if err != nil {
		return 0, err
	}
	now := p.now()
	pub := Publication{
		TestimonyID: t.ID, VideoID: t.Video.ID, State: Public, Since: now, Slug: newSlug(), ChannelID: v.ChannelID, YoutubeID: &v.ID,
		WantedPrivacy: v.Privacy, SeenPrivacy: v.Privacy, SeenAt: &now, UploadedAt: t.PublishedAt, ProcessedAt: t.PublishedAt,
		Origin: FromChannel, Verified: true,
	}
	if err := tx.Create(&pub).Error; err != nil {
		return 0, fmt.Errorf("note the publication of video %s: %w", v.ID, err)
	}
	if err := p.replan(tx, t, &pub); err != nil {
		return 0, err
	}
	steps, err := stepsOf(tx, pub.ID)
	if err != nil {
		return 0, err
	}
	had := map[stepName]string{}
	for _, s := range steps {
		if s.Kind != StepPlaylist {
			had[s.name()] = s.Wanted // it stays as it is
		}
	}
	if err := p.has(tx, pub.ID, had); err != nil {
		return 0, err
	}
	return t.ID, audit.Write(tx, now, actor, "publication."+string(Public), "publication", pub.ID, nil)
}

// openChannel opens the channel for a person who waits.
func (p *Publisher) openChannel(ctx context.Context) (*youtube.Client, *Channel, error) {
	if p.Channels == nil {
		return nil, nil, fault.New(fault.Conflict, "publishing.channel.none")
	}
	return p.Channels.Client(ctx)
}

// notAnswered is what a person who waits reads of a call that failed.
func (p *Publisher) notAnswered(ctx context.Context, err error) error {
	if e, ok := spentUp(err); ok {
		return e
	}
	switch youtube.ClassOf(err) {
	case youtube.ClassDisconnected, youtube.ClassUnauthorized:
		return errors.Join(fault.Wrap(err, fault.Conflict, "publishing.waits_for_channel"), p.Channels.Fail(ctx, err))
	case youtube.ClassUnitsQuota:
		e := fault.Wrap(err, fault.Unavailable, "publishing.quota.units", "Until", youtube.NextReset(p.now()))
		e.Until = youtube.NextReset(p.now())
		return errors.Join(e, p.Ledger.Exhaust(ctx, youtube.BucketUnits))
	}
	if y, ok := errors.AsType[*youtube.Error](err); ok && strings.HasPrefix(y.Reason, "invalidPageToken") {
		return fault.Wrap(err, fault.NotFound, "publishing.adopt.page")
	}
	return fault.Wrap(err, fault.Unavailable, "publishing.no_answer")
}
