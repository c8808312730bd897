package youtube

import (
	"context"
	"errors"
	"fmt"
	"time"

	yt "google.golang.org/api/youtube/v3"
)

// Channel is the channel that the tokens belong to.
type Channel struct {
	ID              string // to be pinned: another one means the wrong account
	Title           string
	UploadsPlaylist string
	// LongUploads is allowed, eligible (after verifying a phone number) or
	// disallowed: whether videos of more than 15 minutes are taken.
	LongUploads string
}

// Channel reads which channel we are connected to, for one unit. An account
// without one is an *Error of ClassDisconnected.
func (c *Client) Channel(ctx context.Context) (Channel, error) {
	const doing = "reading the channel"
	list, err := call(ctx, c, doing, CostRead, func() (*yt.ChannelListResponse, error) {
		return c.service.Channels.List([]string{"id", "snippet", "contentDetails", "status"}).Mine(true).Context(ctx).Do()
	})
	if err != nil {
		return Channel{}, err
	}
	if len(list.Items) == 0 {
		return Channel{}, fmt.Errorf("%s: %w", doing, &Error{Reason: "noChannel", Domain: "local", Message: "the account has no channel"})
	}
	item := list.Items[0]
	channel := Channel{ID: item.Id}
	if item.Snippet != nil {
		channel.Title = item.Snippet.Title
	}
	if item.ContentDetails != nil && item.ContentDetails.RelatedPlaylists != nil {
		channel.UploadsPlaylist = item.ContentDetails.RelatedPlaylists.Uploads
	}
	if item.Status != nil {
		channel.LongUploads = item.Status.LongUploadsStatus
	}
	return channel, nil
}

// RecentUploads reads the newest n videos of a playlist of uploads, newest
// first, with snippet, status and, for the owner, fileDetails. It costs two units
// for each 50.
func (c *Client) RecentUploads(ctx context.Context, playlist string, n int) ([]Video, error) {
	var recent []Video
	err := c.eachUploads(ctx, playlist, n, func(page []Video) bool {
		recent = append(recent, page...)
		return true
	})
	return recent, err
}

// eachUploads gives the newest n uploads by pages until more says no.
func (c *Client) eachUploads(ctx context.Context, playlist string, n int, more func([]Video) bool) error {
	const doing = "reading the channel's uploads"
	token := ""
	for n > 0 {
		list, err := call(ctx, c, doing, CostRead, func() (*yt.PlaylistItemListResponse, error) {
			return c.service.PlaylistItems.List([]string{"contentDetails"}).PlaylistId(playlist).
				MaxResults(int64(min(n, MaxIDs))).PageToken(token).Context(ctx).Do()
		})
		if err != nil {
			return err
		}
		var ids []string
		for _, item := range list.Items {
			if item.ContentDetails != nil && len(ids) < n {
				ids = append(ids, item.ContentDetails.VideoId)
			}
		}
		videos, err := c.Videos(ctx, ids, PartSnippet, PartStatus, PartFileDetails)
		if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		page := make([]Video, 0, len(ids))
		for _, id := range ids {
			if v, ok := videos[id]; ok {
				page = append(page, v)
			}
		}
		if !more(page) {
			return nil
		}
		n -= len(list.Items)
		if token = list.NextPageToken; token == "" || len(list.Items) == 0 {
			return nil
		}
	}
	return nil
}

// searchDepth is how many uploads FindUpload looks at, at most: two days of the
// usual allowance of uploads.
const searchDepth = 200

// clockSkew is how far YouTube's clock and ours may be apart.
const clockSkew = time.Hour

// FindUpload looks in the channel's uploads for the video of a session that is
// gone: one whose file has the name given as Upload.Slug and the same size, and
// which is not older than since, the session's StartedAt. Not found means that
// there is none, provided that some minutes have passed since the last byte. A
// recent video whose file YouTube does not tell yet makes that unsure: the error
// is then ErrUnsure, of ClassTemporary.
func (c *Client) FindUpload(ctx context.Context, slug string, size int64, since time.Time) (id string, found bool, err error) {
	if slug == "" {
		return "", false, errors.New("youtube: an upload cannot be found without its slug")
	}
	channel, err := c.Channel(ctx)
	if err != nil {
		return "", false, err
	}
	unsure := false
	err = c.eachUploads(ctx, channel.UploadsPlaylist, searchDepth, func(page []Video) bool {
		for _, v := range page {
			if !v.PublishedAt.IsZero() && v.PublishedAt.Before(since.Add(-clockSkew)) {
				continue
			}
			if v.FileName == slug && v.FileSize == size {
				id = v.ID
				return false
			}
			unsure = unsure || v.FileName == "" || v.FileName == slug
		}
		return true
	})
	switch {
	case err != nil:
		return "", false, err
	case id != "":
		return id, true, nil
	case unsure:
		return "", false, ErrUnsure
	}
	return "", false, nil
}
