package sandbox

import (
	"net/http"
	"slices"
	"time"
)

// place is a video's place in a playlist or among the uploads.
type place struct {
	id, video string
	added     time.Time
	position  int
}

// places lists a playlist: the channel's uploads, newest first, or one of its own.
func (s *Sandbox) places(playlist string) ([]place, error) {
	var all []place
	if playlist == uploadsPlaylist {
		for i, v := range s.newest() {
			all = append(all, place{"UU" + v.ID, v.ID, v.Uploaded, i})
		}
		return all, nil
	}
	p := s.findPlaylist(playlist)
	if p == nil {
		return nil, notFound("youtube.playlistItem", "playlistNotFound", "playlistId", "playlist")
	}
	for i, each := range p.Items {
		all = append(all, place{each.ID, each.Video, each.Added, i})
	}
	return all, nil
}

// itemResource is a place in a playlist. No document says so, but a video that
// was deleted keeps its place on YouTube, counts in itemCount, and is found by
// the filter videoId; its entry is called "Deleted video" and its privacy is
// privacyStatusUnspecified, as clients that skip such entries tell.
func (s *Sandbox) itemResource(playlist string, at place, parts []string, now time.Time) obj {
	title, description, privacy := "Deleted video", "This video is unavailable.", "privacyStatusUnspecified"
	published := ""
	if v := s.videos[at.video]; v != nil {
		v.settle(now, s.growth)
		title, description, privacy = v.Snippet.Title, v.Snippet.Description, v.Status.PrivacyStatus
		published = v.publishedAt().Format(time.RFC3339)
	}
	o := obj{"kind": "youtube#playlistItem", "id": at.id}
	for _, part := range parts {
		switch part {
		case "snippet":
			o[part] = obj{
				"publishedAt": at.added.Truncate(time.Second).Format(time.RFC3339), "channelId": channelID, "channelTitle": channelTitle,
				"title": title, "description": description, "playlistId": playlist, "position": at.position,
				"resourceId": obj{"kind": "youtube#video", "videoId": at.video},
			}
		case "contentDetails":
			details := obj{"videoId": at.video}
			if published != "" {
				details["videoPublishedAt"] = published
			}
			o[part] = details
		case "status":
			o[part] = obj{"privacyStatus": privacy}
		}
	}
	return tagged(o)
}

func itemParts() []string { return []string{"contentDetails", "id", "snippet", "status"} }

func (s *Sandbox) listItems(c *call) error {
	parts, err := c.parts(itemParts()...)
	if err != nil {
		return err
	}
	id := c.q.Get("playlistId")
	if id == "" {
		return noFilter("playlistId")
	}
	gone := s.vanished(c.m.name)
	only := c.q.Get("videoId")
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	places, err := s.places(id)
	if err != nil {
		return err
	}
	places = slices.DeleteFunc(places, func(p place) bool { return gone(p.video) || (only != "" && only != p.video) })
	answer, err := c.page("youtube#playlistItemListResponse", len(places), func(i int) obj {
		return s.itemResource(id, places[i], parts, now)
	})
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, tagged(answer))
}

func (s *Sandbox) insertItem(c *call) error {
	parts, err := c.parts(itemParts()...)
	if err != nil {
		return err
	}
	var in struct {
		Snippet struct {
			PlaylistID string `json:"playlistId"`
			Position   *int   `json:"position"`
			ResourceID struct {
				Kind    string `json:"kind"`
				VideoID string `json:"videoId"`
			} `json:"resourceId"`
		} `json:"snippet"`
	}
	keys, err := c.read(&in)
	if err != nil {
		return err
	}
	if err := named(keys, parts, itemParts()); err != nil {
		return err
	}
	refuse := func(reason, where string) error {
		return &apiError{
			Code: http.StatusBadRequest, Domain: "youtube.playlistItem", Reason: reason,
			Message: "The request is missing or has an invalid " + where + ".", Location: "body.snippet." + where, LocationType: "other",
		}
	}
	if in.Snippet.PlaylistID == "" {
		return refuse("playlistIdRequired", "playlistId")
	}
	if in.Snippet.ResourceID.Kind == "" && in.Snippet.ResourceID.VideoID == "" {
		return refuse("resourceIdRequired", "resourceId")
	}
	if in.Snippet.PlaylistID == uploadsPlaylist {
		return refuse("playlistOperationUnsupported", "playlistId")
	}
	if in.Snippet.ResourceID.Kind != "youtube#video" || in.Snippet.ResourceID.VideoID == "" {
		return refuse("invalidResourceType", "resourceId")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	p := s.findPlaylist(in.Snippet.PlaylistID)
	if p == nil {
		return notFound("youtube.playlistItem", "playlistNotFound", "body.snippet.playlistId", "playlist")
	}
	if s.videos[in.Snippet.ResourceID.VideoID] == nil {
		return notFound("youtube.playlistItem", "videoNotFound", "body.snippet.resourceId.videoId", "video")
	}
	if len(p.Items) >= s.playlistSize {
		return &apiError{
			Code: http.StatusForbidden, Domain: "youtube.playlistItem", Reason: "playlistContainsMaximumNumberOfVideos",
			Message: "The playlist already contains the maximum allowed number of items.",
		}
	}
	if slices.ContainsFunc(p.Items, func(i *item) bool { return i.Video == in.Snippet.ResourceID.VideoID }) {
		if _, hit := s.faults.take(NoDuplicates, c.m.name); hit {
			return &apiError{
				Code: http.StatusConflict, Domain: "youtube.playlistItem", Reason: "videoAlreadyInPlaylist", Message: "Video already in playlist.",
			}
		}
	}
	at := len(p.Items)
	if in.Snippet.Position != nil {
		if at = *in.Snippet.Position; at < 0 || at > len(p.Items) {
			return refuse("invalidPlaylistItemPosition", "position")
		}
	}
	one := &item{ID: "UE" + random(24), Video: in.Snippet.ResourceID.VideoID, Added: now}
	p.Items = slices.Insert(p.Items, at, one)
	if err := s.saveLists(); err != nil {
		return err
	}
	return c.answer(http.StatusOK, s.itemResource(p.ID, place{one.ID, one.Video, one.Added, at}, parts, now))
}

func (s *Sandbox) deleteItem(c *call) error {
	id := c.q.Get("id")
	if id == "" {
		return missingParameter("id")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.lists.Playlists {
		if i := slices.IndexFunc(p.Items, func(each *item) bool { return each.ID == id }); i >= 0 {
			p.Items = slices.Delete(p.Items, i, i+1)
			if err := s.saveLists(); err != nil {
				return err
			}
			c.w.WriteHeader(http.StatusNoContent)
			return nil
		}
	}
	return notFound("youtube.playlistItem", "playlistItemNotFound", "id", "playlist item")
}
