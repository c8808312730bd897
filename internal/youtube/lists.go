package youtube

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"google.golang.org/api/googleapi"
	yt "google.golang.org/api/youtube/v3"
)

// Costs of the dearest calls in units.
// https://developers.google.com/youtube/data/determine_quota_cost
const (
	CostCaptionInsert = 400
	CostCaptionUpdate = 450
)

// call makes one call of the library: it is reserved, made, settled, and its
// failure put into our words.
func call[T any](ctx context.Context, c *Client, doing string, cost int, do func() (T, error)) (T, error) {
	settle, err := c.reserve(ctx, BucketUnits, cost)
	if err != nil {
		var none T
		return none, failure(ctx, doing, BucketUnits, c.now(), err)
	}
	got, err := do()
	settle(!neverSent(err))
	if err != nil {
		return got, c.failure(ctx, doing, BucketUnits, err)
	}
	return got, nil
}

// Playlist is one of the channel's own lists of videos.
type Playlist struct {
	ID, Title, Description string
	Privacy                Privacy
	Items                  int64
}

// PlaylistItem is a video's entry in a playlist.
type PlaylistItem struct {
	ID, VideoID string
	Position    int64
}

// Playlists reads all playlists of the channel, for one unit each 50.
func (c *Client) Playlists(ctx context.Context) ([]Playlist, error) {
	var all []Playlist
	token := ""
	for {
		list, err := call(ctx, c, "reading the playlists", CostRead, func() (*yt.PlaylistListResponse, error) {
			return c.service.Playlists.List([]string{"snippet", "status", "contentDetails"}).Mine(true).MaxResults(MaxIDs).PageToken(token).Context(ctx).Do()
		})
		if err != nil {
			return nil, err
		}
		for _, item := range list.Items {
			all = append(all, playlistOf(item))
		}
		if token = list.NextPageToken; token == "" {
			return all, nil
		}
	}
}

func playlistOf(item *yt.Playlist) Playlist {
	p := Playlist{ID: item.Id}
	if s := item.Snippet; s != nil {
		p.Title, p.Description = s.Title, s.Description
	}
	if s := item.Status; s != nil {
		p.Privacy = Privacy(s.PrivacyStatus)
	}
	if d := item.ContentDetails; d != nil {
		p.Items = d.ItemCount
	}
	return p
}

// CreatePlaylist makes a playlist, for 50 units.
func (c *Client) CreatePlaylist(ctx context.Context, p Playlist) (Playlist, error) {
	made, err := call(ctx, c, "making a playlist", CostWrite, func() (*yt.Playlist, error) {
		return c.service.Playlists.Insert([]string{"snippet", "status"}, &yt.Playlist{
			Snippet: &yt.PlaylistSnippet{Title: p.Title, Description: p.Description},
			Status:  &yt.PlaylistStatus{PrivacyStatus: string(p.Privacy)},
		}).Context(ctx).Do()
	})
	if err != nil {
		return Playlist{}, err
	}
	return playlistOf(made), nil
}

// UpdatePlaylist changes title, description and privacy of a playlist, for 51
// units. What p leaves empty stays as it is, and so does its language: an update
// replaces whole parts.
// https://developers.google.com/youtube/v3/docs/playlists/update
func (c *Client) UpdatePlaylist(ctx context.Context, p Playlist) error {
	const doing = "changing a playlist"
	parts := []string{PartSnippet, PartStatus}
	list, err := call(ctx, c, doing, CostRead, func() (*yt.PlaylistListResponse, error) {
		return c.service.Playlists.List(parts).Id(p.ID).Context(ctx).Do()
	})
	if err != nil {
		return err
	}
	if len(list.Items) == 0 || list.Items[0].Snippet == nil || list.Items[0].Status == nil {
		return fmt.Errorf("%s: %w", doing, &Error{
			Status: http.StatusNotFound, Reason: "playlistNotFound", Domain: "local", Message: "there is no such playlist",
		})
	}
	old := list.Items[0]
	changed := &yt.Playlist{
		Id: p.ID,
		Snippet: &yt.PlaylistSnippet{
			Title: cmp.Or(p.Title, old.Snippet.Title), Description: cmp.Or(p.Description, old.Snippet.Description),
			DefaultLanguage: old.Snippet.DefaultLanguage,
		},
		Status: &yt.PlaylistStatus{PrivacyStatus: cmp.Or(string(p.Privacy), old.Status.PrivacyStatus)},
	}
	_, err = call(ctx, c, doing, CostWrite, func() (*yt.Playlist, error) {
		return c.service.Playlists.Update(parts, changed).Context(ctx).Do()
	})
	return err
}

// PlaylistItems reads the entries of a playlist, for one unit each 50.
func (c *Client) PlaylistItems(ctx context.Context, playlistID string) ([]PlaylistItem, error) {
	return c.playlistItems(ctx, playlistID, "")
}

// FindInPlaylist reads the entries of one video in a playlist, for one unit.
func (c *Client) FindInPlaylist(ctx context.Context, playlistID, videoID string) ([]PlaylistItem, error) {
	return c.playlistItems(ctx, playlistID, videoID)
}

func (c *Client) playlistItems(ctx context.Context, playlistID, videoID string) ([]PlaylistItem, error) {
	var all []PlaylistItem
	token := ""
	for {
		list, err := call(ctx, c, "reading a playlist", CostRead, func() (*yt.PlaylistItemListResponse, error) {
			q := c.service.PlaylistItems.List([]string{"snippet", "contentDetails"}).PlaylistId(playlistID).MaxResults(MaxIDs).PageToken(token).Context(ctx)
			if videoID != "" {
				q.VideoId(videoID)
			}
			return q.Do()
		})
		if err != nil {
			return nil, err
		}
		for _, item := range list.Items {
			all = append(all, itemOf(item))
		}
		if token = list.NextPageToken; token == "" {
			return all, nil
		}
	}
}

func itemOf(item *yt.PlaylistItem) PlaylistItem {
	i := PlaylistItem{ID: item.Id}
	if d := item.ContentDetails; d != nil {
		i.VideoID = d.VideoId
	}
	if s := item.Snippet; s != nil {
		i.Position = s.Position
		if i.VideoID == "" && s.ResourceId != nil {
			i.VideoID = s.ResourceId.VideoId
		}
	}
	return i
}

// AddToPlaylist puts a video at the end of a playlist, for 50 units. It does not
// look whether it is there already: see FindInPlaylist.
func (c *Client) AddToPlaylist(ctx context.Context, playlistID, videoID string) (PlaylistItem, error) {
	made, err := call(ctx, c, "adding to a playlist", CostWrite, func() (*yt.PlaylistItem, error) {
		return c.service.PlaylistItems.Insert([]string{"snippet"}, &yt.PlaylistItem{Snippet: &yt.PlaylistItemSnippet{
			PlaylistId: playlistID, ResourceId: &yt.ResourceId{Kind: "youtube#video", VideoId: videoID},
		}}).Context(ctx).Do()
	})
	if err != nil {
		return PlaylistItem{}, err
	}
	return itemOf(made), nil
}

// RemoveFromPlaylist takes an entry out of its playlist, for 50 units.
func (c *Client) RemoveFromPlaylist(ctx context.Context, itemID string) error {
	_, err := call(ctx, c, "removing from a playlist", CostWrite, func() (struct{}, error) {
		return struct{}{}, c.service.PlaylistItems.Delete(itemID).Context(ctx).Do()
	})
	return err
}

// SetThumbnail gives a video a picture of its own, for 50 units: JPEG or PNG, at
// most 50 MB and at least 640 pixels wide.
// https://developers.google.com/youtube/v3/docs/thumbnails/set
func (c *Client) SetThumbnail(ctx context.Context, videoID string, image io.Reader, contentType string) error {
	picture, err := whole(image, MaxThumbnail)
	if err != nil {
		return fmt.Errorf("setting a thumbnail: %w", err)
	}
	_, err = call(ctx, c, "setting a thumbnail", CostWrite, func() (*yt.ThumbnailSetResponse, error) {
		return c.service.Thumbnails.Set(videoID).Media(picture, googleapi.ContentType(contentType), googleapi.ChunkSize(0)).Context(ctx).Do()
	})
	return err
}

// The largest files.
const (
	MaxThumbnail = 50 << 20  // bytes, since 2026-09-14
	MaxCaption   = 100 << 20 // bytes
)

// whole takes a file into memory, so that it can be sent again with a fresh
// token.
func whole(file io.Reader, most int64) (*bytes.Reader, error) {
	b, err := io.ReadAll(io.LimitReader(file, most+1))
	if err != nil {
		return nil, &fileError{err}
	}
	if int64(len(b)) > most {
		return nil, &Error{Reason: "fileTooLarge", Domain: "local", Message: fmt.Sprintf("the file has more than %d bytes", most)}
	}
	return bytes.NewReader(b), nil
}

// Caption is a track of captions of a video.
type Caption struct {
	ID, Language, Name, Status string
	Draft                      bool
	Auto                       bool // made by YouTube from the sound
	UpdatedAt                  time.Time
}

func captionOf(item *yt.Caption) Caption {
	c := Caption{ID: item.Id}
	if s := item.Snippet; s != nil {
		c.Language, c.Name, c.Status, c.Draft = s.Language, s.Name, s.Status, s.IsDraft
		c.Auto, c.UpdatedAt = strings.EqualFold(s.TrackKind, "asr"), moment(s.LastUpdated)
	}
	return c
}

// Captions reads the tracks of a video, for 50 units.
func (c *Client) Captions(ctx context.Context, videoID string) ([]Caption, error) {
	list, err := call(ctx, c, "reading captions", CostWrite, func() (*yt.CaptionListResponse, error) {
		return c.service.Captions.List([]string{"snippet"}, videoID).Context(ctx).Do()
	})
	if err != nil {
		return nil, err
	}
	all := make([]Caption, 0, len(list.Items))
	for _, item := range list.Items {
		all = append(all, captionOf(item))
	}
	return all, nil
}

const webVTT = "text/vtt"

// AddCaption adds a track, for 400 units. Another of the same language and name
// is refused with an *Error of ClassExists.
func (c *Client) AddCaption(ctx context.Context, videoID, language, name string, vtt io.Reader) (Caption, error) {
	text, err := whole(vtt, MaxCaption)
	if err != nil {
		return Caption{}, fmt.Errorf("adding captions: %w", err)
	}
	made, err := call(ctx, c, "adding captions", CostCaptionInsert, func() (*yt.Caption, error) {
		return c.service.Captions.Insert([]string{"snippet"}, &yt.Caption{Snippet: &yt.CaptionSnippet{
			VideoId: videoID, Language: language, Name: name, ForceSendFields: []string{"Name", "IsDraft"},
		}}).Media(text, googleapi.ContentType(webVTT), googleapi.ChunkSize(0)).Context(ctx).Do()
	})
	if err != nil {
		return Caption{}, err
	}
	return captionOf(made), nil
}

// ReplaceCaption changes the text of a track, for 450 units.
func (c *Client) ReplaceCaption(ctx context.Context, id string, vtt io.Reader) (Caption, error) {
	text, err := whole(vtt, MaxCaption)
	if err != nil {
		return Caption{}, fmt.Errorf("replacing captions: %w", err)
	}
	made, err := call(ctx, c, "replacing captions", CostCaptionUpdate, func() (*yt.Caption, error) {
		return c.service.Captions.Update([]string{"id"}, &yt.Caption{Id: id}).
			Media(text, googleapi.ContentType(webVTT), googleapi.ChunkSize(0)).Context(ctx).Do()
	})
	if err != nil {
		return Caption{}, err
	}
	return captionOf(made), nil
}

// DeleteCaption removes a track, for 50 units.
func (c *Client) DeleteCaption(ctx context.Context, id string) error {
	_, err := call(ctx, c, "deleting captions", CostWrite, func() (struct{}, error) {
		return struct{}{}, c.service.Captions.Delete(id).Context(ctx).Do()
	})
	return err
}

// Uploads reads one page of the channel's uploads, newest first, with snippet,
// status, contentDetails, fileDetails and statistics, for two units. next is empty after the last page.
func (c *Client) Uploads(ctx context.Context, playlist, pageToken string) (videos []Video, next string, err error) {
	list, err := call(ctx, c, "reading the channel's uploads", CostRead, func() (*yt.PlaylistItemListResponse, error) {
		return c.service.PlaylistItems.List([]string{"contentDetails"}).PlaylistId(playlist).MaxResults(MaxIDs).PageToken(pageToken).Context(ctx).Do()
	})
	if err != nil {
		return nil, "", err
	}
	var ids []string
	for _, item := range list.Items {
		if item.ContentDetails != nil {
			ids = append(ids, item.ContentDetails.VideoId)
		}
	}
	known, err := c.Videos(ctx, ids, PartSnippet, PartStatus, PartContentDetails, PartFileDetails, PartStatistics)
	if err != nil {
		return nil, "", err
	}
	for _, id := range ids {
		if v, ok := known[id]; ok {
			videos = append(videos, v)
		}
	}
	return videos, list.NextPageToken, nil
}
