package publishing

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// handSlack is by how much a video that staff uploaded may differ in length from
// the original: YouTube tells whole seconds.
const handSlack = time.Second

var videoID = regexp.MustCompile(`^[A-Za-z0-9_-]{11}$`)

// VideoOf is the id of the video that a pasted link leads to: of a page of
// YouTube or of Studio, in any of its forms, or the id itself. It returns
// fault.Invalid on the field "link" if it leads to none.
func VideoOf(link string) (string, error) {
	link = strings.TrimSpace(link)
	wrong := fault.Fields{{Name: "link", Message: fault.Msg("publishing.hand.link")}}.Err()
	if videoID.MatchString(link) {
		return link, nil
	}
	if !strings.Contains(link, "://") {
		link = "https://" + link
	}
	u, err := url.Parse(link)
	if err != nil {
		return "", wrong
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	id := ""
	switch host := strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(u.Hostname()), "www."), "m."); {
	case host == "youtu.be":
		id = parts[0]
	case host == "studio.youtube.com" && len(parts) > 1 && parts[0] == "video":
		id = parts[1]
	case host != "youtube.com" && host != "youtube-nocookie.com":
	case parts[0] == "watch":
		id = u.Query().Get("v")
	case len(parts) > 1 && slices.Contains([]string{"shorts", "live", "embed", "v"}, parts[0]):
		id = parts[1]
	}
	if !videoID.MatchString(id) {
		return "", wrong
	}
	return id, nil
}

// Describe is what the portal says on the channel about a publication's
// testimony, for who publishes it by hand.
func (p *Publisher) Describe(ctx context.Context, id int64) (youtube.Metadata, *Publication, error) {
	pub, err := get(p.DB.Reader(ctx), id)
	if err != nil {
		return youtube.Metadata{}, nil, err
	}
	t, err := p.Testimonies.Get(ctx, testimony.Anywhere, pub.TestimonyID)
	if err != nil {
		return youtube.Metadata{}, nil, err
	}
	meta, err := p.metadata(t)
	return meta, pub, err
}

// handable tells whether a publication may be taken over by hand: nothing of it
// may be on its way, its full file must be there, and a video that was there before the portal stays.
func handable(pub *Publication) bool {
	return pub.Origin != FromChannel && !pub.AwaitsFile() && in([]State{Waiting, Blocked}, pub.State) && pub.SessionSealed == nil && !pub.LastByteSent &&
		pub.Reason.Key != outcomeUnknown && pub.Reason.Key != "publishing.unsure"
}

// Handable tells whether staff may publish it by hand.
func (p Publication) Handable() bool { return handable(&p) }

// ByHand takes a video that staff uploaded in Studio for the publication's own.
// The video must be on the pinned channel and as long as the file, and nobody
// else's. Without a channel nothing can be asked: then a person must be sure,
// and it is verified once there is one. It returns fault.Invalid on the fields
// "link" and "sure", and fault.Conflict while the file may be on its way.
func (p *Publisher) ByHand(ctx context.Context, actor string, id int64, link string, sure bool) error {
	video, err := VideoOf(link)
	if err != nil {
		return err
	}
	pub, err := get(p.DB.Reader(ctx), id)
	if err != nil {
		return err
	}
	if pub.AwaitsFile() {
		return fault.New(fault.Conflict, waitsForFile)
	}
	if !handable(pub) {
		return fault.New(fault.Conflict, "publishing.under_way")
	}
	if p.Channels == nil {
		if !sure {
			return fault.Fields{{Name: "sure", Message: fault.Msg("publishing.hand.sure")}}.Err()
		}
		if pub.YoutubeID != nil && *pub.YoutubeID != video {
			return fault.New(fault.Conflict, "publishing.hand.another") // nobody can take that one away
		}
		return p.takeUnseen(ctx, actor, pub, video)
	}
	seen, err := p.askForHand(ctx, pub, video)
	if err != nil {
		return err
	}
	leave, ok := p.take(pub.ID)
	if !ok {
		return fault.New(fault.Conflict, "publishing.under_way")
	}
	defer leave()
	if err := p.free(p.DB.Reader(ctx), pub.ID, video); err != nil {
		return err
	}
	if pub.YoutubeID != nil && *pub.YoutubeID != video {
		// One that YouTube refused or cut: a testimony has one video.
		if err := p.deleteFor(ctx, *pub.YoutubeID); err != nil {
			return err
		}
	}
	return p.takeOver(ctx, actor, pub, seen)
}

// askForHand reads the video and compares it with the file.
func (p *Publisher) askForHand(ctx context.Context, pub *Publication, id string) (youtube.Video, error) {
	client, channel, err := p.Channels.Client(ctx)
	if err != nil {
		return youtube.Video{}, err
	}
	found, err := client.Videos(ctx, []string{id}, youtube.PartSnippet, youtube.PartStatus, youtube.PartContentDetails)
	if err != nil {
		return youtube.Video{}, p.notAnswered(ctx, err)
	}
	wrong := func(key string, pairs ...any) error {
		return fault.Fields{{Name: "link", Message: fault.Msg(key, pairs...)}}.Err()
	}
	v, ok := found[id]
	switch {
	case !ok:
		return v, wrong("publishing.hand.missing", "Channel", channel.Title)
	case v.ChannelID != channel.ID:
		return v, wrong("publishing.hand.other_channel", "Channel", channel.Title)
	}
	file, err := p.Testimonies.GetVideo(ctx, pub.VideoID)
	if err != nil {
		return v, err
	}
	if d := file.Duration() - v.Duration; v.Duration > 0 && file.DurationMS > 0 && d.Abs() > handSlack+time.Second/2 {
		return v, wrong("publishing.hand.duration", "Ours", int64(file.Duration().Round(time.Second).Seconds()), "Theirs", int64(v.Duration.Seconds()))
	}
	return v, nil
}

// deleteFor removes the video that another takes the place of, for a person who
// waits.
func (p *Publisher) deleteFor(ctx context.Context, video string) error {
	client, _, err := p.Channels.Client(ctx)
	if err != nil {
		return err
	}
	if err := client.Delete(ctx, video); err != nil && youtube.ClassOf(err) != youtube.ClassNotFound {
		return p.notAnswered(ctx, err)
	}
	return nil
}

// takeOver commits that the video is the publication's, and has everything else
// of its plan made as the portal wants it.
func (p *Publisher) takeOver(ctx context.Context, actor string, pub *Publication, v youtube.Video) error {
	now := p.now()
	err := p.settleHand(ctx, actor, pub, Processing, forgetting(map[string]any{
		"youtube_id": v.ID, "channel_id": v.ChannelID, "origin": ByHand, "verified": true, "seen_privacy": v.Privacy, "seen_at": now,
		"uploaded_at": now, "processed_at": nil, "polls": 0, "next_poll_at": now,
	}), map[stepName]string{{StepPrivacy, ""}: string(v.Privacy)})
	if err != nil {
		return fmt.Errorf("take video %s for publication %d: %w", v.ID, pub.ID, err)
	}
	return nil
}

// takeUnseen commits a link that nobody could check, and publishes.
func (p *Publisher) takeUnseen(ctx context.Context, actor string, pub *Publication, id string) error {
	now := p.now()
	err := p.settleHand(ctx, actor, pub, Public, forgetting(map[string]any{
		"youtube_id": id, "origin": ByHand, "verified": false, "uploaded_at": now, "processed_at": now,
	}), nil)
	if err != nil {
		return fmt.Errorf("take video %s for publication %d: %w", id, pub.ID, err)
	}
	p.Shown()
	return nil
}

// settleHand commits what a link by hand makes of a publication.
func (p *Publisher) settleHand(ctx context.Context, actor string, pub *Publication, next State, values map[string]any, had map[stepName]string) error {
	return p.DB.Write(ctx, func(tx *gorm.DB) error {
		if err := p.free(tx, pub.ID, values["youtube_id"].(string)); err != nil {
			return err
		}
		if _, err := p.change(tx, pub.ID, []State{Waiting, Blocked}, next, testimony.Sentence{}, values); err != nil {
			return err
		}
		if err := p.has(tx, pub.ID, had); err != nil {
			return err
		}
		if err := audit.Write(tx, p.now(), actor, "publication.by_hand", "publication", pub.ID, map[string]any{"video": values["youtube_id"]}); err != nil {
			return err
		}
		if err := p.Wake(tx); err != nil {
			return err
		}
		if next == Public {
			return p.Published(tx, pub.TestimonyID)
		}
		return p.Enqueue(tx, pub.ID, laneOf(next))
	})
}

// free tells whether a publication may take a video for its own: it must still be
// to be had by hand, and the video nobody else's.
func (p *Publisher) free(db *gorm.DB, id int64, video string) error {
	fresh, err := get(db, id)
	if err != nil {
		return err
	}
	if !handable(fresh) {
		return fault.New(fault.Conflict, "publishing.under_way")
	}
	var others, clips int64
	err = errors.Join(
		db.Model(&Publication{}).Where("youtube_id = ? AND id <> ?", video, id).Count(&others).Error,
		db.Model(&Rehearsal{}).Where("youtube_id = ?", video).Count(&clips).Error)
	if err != nil {
		return fmt.Errorf("look whose video %s is: %w", video, err)
	}
	if others+clips > 0 {
		return fault.Fields{{Name: "link", Message: fault.Msg("publishing.hand.taken")}}.Err()
	}
	return nil
}

// VerifyHands checks the links that were pasted while there was no channel to
// ask, once there is one, fifty at a time. What is wrong is forgotten and blocked,
// with the reason: staff paste another link, or have the file sent. What was
// missed is asked for again when a second look may settle it, and not before:
// each look costs a unit.
func (p *Publisher) VerifyHands(ctx context.Context) error {
	if p.Channels == nil {
		return nil
	}
	var unseen []Publication
	err := p.DB.Reader(ctx).Where("NOT verified AND state = ? AND (missed_at IS NULL OR missed_at <= ?)", Public, p.now().Add(-missingFor)).
		Order("id").Limit(youtube.MaxIDs).Find(&unseen).Error
	if err != nil {
		return fmt.Errorf("list the links that nobody checked: %w", err)
	}
	for i := range unseen {
		wrong, err := p.verify(ctx, &unseen[i])
		if k := fault.Of(err); k == fault.NotFound || k == fault.Conflict || k == fault.Unavailable {
			return nil // no channel yet, or it does not answer: another time
		}
		if err == nil && wrong != nil {
			_, err = p.update(ctx, unseen[i].ID, []State{Public}, Blocked, testimony.Sentence{Message: *wrong}, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// verify asks the channel about a link that nobody checked yet. wrong says what is
// the matter with it: one that leads to another video, or twice to nothing, is
// forgotten, so that a stranger's video is never hidden or deleted.
func (p *Publisher) verify(ctx context.Context, pub *Publication) (wrong *fault.Message, err error) {
	if pub.Verified || pub.YoutubeID == nil {
		return nil, nil
	}
	v, err := p.askForHand(ctx, pub, *pub.YoutubeID)
	e, refused := errors.AsType[*fault.Error](err)
	if err != nil && (!refused || e.Kind != fault.Invalid) {
		return nil, err
	}
	values := map[string]any{"verified": true, "channel_id": v.ChannelID, "seen_privacy": v.Privacy, "seen_at": p.now(), "missed_at": nil}
	if refused {
		wrong = &e.Fields[0].Message
	}
	forgotten := false
	switch {
	case refused && wrong.Key == "publishing.hand.missing" && (pub.MissedAt == nil || p.now().Sub(*pub.MissedAt) < missingFor):
		// A list may leave out what is there: it takes two looks, a day apart.
		if pub.MissedAt == nil {
			if _, err := p.update(ctx, pub.ID, []State{pub.State}, pub.State, pub.Reason, map[string]any{"missed_at": p.now()}); err != nil {
				return nil, err
			}
		}
		return nil, nil
	case refused:
		forgotten = true
		values = map[string]any{"verified": true, "youtube_id": nil, "origin": FromPortal, "uploaded_at": nil, "processed_at": nil, "missed_at": nil}
	}
	err = p.DB.Write(ctx, func(tx *gorm.DB) error {
		if _, err := p.change(tx, pub.ID, []State{pub.State}, pub.State, pub.Reason, values); err != nil || !forgotten {
			return err
		}
		return audit.Write(tx, p.now(), audit.Portal, "publication.not_ours", "publication", pub.ID,
			map[string]any{"video": *pub.YoutubeID, "why": wrong})
	})
	if err != nil {
		return nil, fmt.Errorf("check the link of publication %d: %w", pub.ID, err)
	}
	if pub.Verified = true; forgotten {
		pub.YoutubeID, pub.Origin = nil, FromPortal
	}
	return wrong, nil
}
