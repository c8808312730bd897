package publishing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// Playlist is one that the portal keeps on a channel, of a theme or a zone.
type Playlist struct {
	ChannelID string
	Key       string
	YoutubeID string
	MadeAt    time.Time
}

// setPlaylist puts the video into a playlist, or takes it out. It looks first:
// an entry whose answer was lost is not made twice.
func (p *Publisher) setPlaylist(ctx context.Context, client *youtube.Client, s *Step, t *testimony.Testimony, video string) (had, remote string, err error) {
	list, err := p.playlist(ctx, client, s, t)
	if err != nil || list == "" {
		return "", "", err
	}
	entries, err := client.FindInPlaylist(ctx, list, video)
	if err != nil {
		return "", "", err
	}
	if s.Wanted == "" {
		for _, e := range entries {
			if err := client.RemoveFromPlaylist(ctx, e.ID); err != nil && youtube.ClassOf(err) != youtube.ClassNotFound {
				return "", "", err
			}
		}
		return "", "", nil
	}
	if len(entries) > 0 {
		return entry, entries[0].ID, nil
	}
	e, err := client.AddToPlaylist(ctx, list, video)
	if youtube.ClassOf(err) == youtube.ClassExists {
		return entry, "", nil
	}
	return entry, e.ID, err
}

// playlist returns the id of a step's playlist on the channel, and makes it if
// there is none. For an entry that is to go, there may be none: then it is
// empty.
func (p *Publisher) playlist(ctx context.Context, client *youtube.Client, s *Step, t *testimony.Testimony) (string, error) {
	channel, err := p.Channels.Current(ctx)
	if err != nil {
		return "", err
	}
	var kept Playlist
	found := p.DB.Reader(ctx).Where("channel_id = ? AND key = ?", channel.ID, s.Key).Limit(1).Find(&kept)
	if found.Error != nil {
		return "", fmt.Errorf("read playlist %s: %w", s.Key, found.Error)
	}
	if kept.YoutubeID != "" || s.Wanted == "" {
		return kept.YoutubeID, nil
	}
	want, err := p.describe(s, t)
	if err != nil {
		return "", err
	}
	// One that we made but could not note is found by its mark.
	all, err := client.Playlists(ctx)
	if err != nil {
		return "", err
	}
	for _, one := range all {
		if strings.HasSuffix(one.Description, mark(s.Key)) {
			return one.ID, p.keepPlaylist(ctx, Playlist{channel.ID, s.Key, one.ID, p.now()})
		}
	}
	made, err := client.CreatePlaylist(ctx, want)
	if err != nil {
		return "", err
	}
	return made.ID, p.keepPlaylist(ctx, Playlist{channel.ID, s.Key, made.ID, p.now()})
}

// mark ends the description of a playlist of ours, so that it is known again
// whatever its title becomes.
func mark(key string) string { return "(Voci in Comune: " + key + ")" }

// describe is the playlist of a step as it is made.
func (p *Publisher) describe(s *Step, t *testimony.Testimony) (youtube.Playlist, error) {
	list := youtube.Playlist{Privacy: youtube.Public}
	themeID, zone := s.ListOf()
	if zone != "" {
		z, err := p.Registry.Zone(zone)
		if err != nil {
			return list, err
		}
		list.Title, list.Description = z.Name, p.BaseURL+"/zone/"+z.Slug
	}
	for _, theme := range t.Themes {
		if theme.ID == themeID {
			list.Title, list.Description = theme.NameIT, p.BaseURL+"/temi/"+theme.Slug
		}
	}
	if list.Title == "" {
		return list, fmt.Errorf("testimony %d does not belong in playlist %s", t.ID, s.Key)
	}
	list.Description = "Le testimonianze dei Comuni: " + list.Description + "\n" + mark(s.Key)
	return list, nil
}

func (p *Publisher) keepPlaylist(ctx context.Context, list Playlist) error {
	err := p.DB.Write(context.WithoutCancel(ctx), func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&list).Error
	})
	if err != nil {
		return fmt.Errorf("note playlist %s: %w", list.Key, err)
	}
	return nil
}

// forgetPlaylist drops a playlist that somebody deleted on the channel, with all
// that was in it.
func (p *Publisher) forgetPlaylist(ctx context.Context, key string) error {
	err := p.DB.Write(ctx, func(tx *gorm.DB) error {
		if err := tx.Where("key = ?", key).Delete(&Playlist{}).Error; err != nil {
			return err
		}
		return tx.Exec(`UPDATE publication_steps SET had = '', remote_id = '', state = CASE wanted WHEN '' THEN 'done' ELSE 'waiting' END
			WHERE kind = 'playlist' AND key = ?`, key).Error
	})
	if err != nil {
		return fmt.Errorf("forget playlist %s: %w", key, err)
	}
	return nil
}
