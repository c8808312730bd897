package sandbox

import (
	"net/http"
	"slices"
	"strconv"
)

// The one channel of every sandbox, and another for the fault WrongChannel.
const (
	channelID    = "UCprovaVociInComune00001"
	otherChannel = "UCprovaVociInComune00002"
	channelTitle = "Canale di prova — Voci in Comune"
	otherTitle   = "Un altro canale"
	// The uploads playlist of a channel has its id with UU for UC.
	uploadsPlaylist = "UUprovaVociInComune00001"
)

// listChannels: https://developers.google.com/youtube/v3/docs/channels/list
func (s *Sandbox) listChannels(c *call) error {
	parts, err := c.parts("auditDetails", "brandingSettings", "contentDetails", "contentOwnerDetails", "id",
		"localizations", "snippet", "statistics", "status", "topicDetails")
	if err != nil {
		return err
	}
	mine := c.q.Get("mine") == "true"
	ids := c.list("id")
	if !mine && len(ids) == 0 {
		return noFilter("id, mine")
	}
	id, title, playlist := channelID, channelTitle, uploadsPlaylist
	if _, hit := s.faults.take(WrongChannel, c.m.name); hit || c.other {
		id, title, playlist = otherChannel, otherTitle, "UU"+otherChannel[2:]
	}
	_, none := s.faults.take(NoChannel, c.m.name)
	items := []obj{}
	if !none && (mine || slices.Contains(ids, id)) {
		items = append(items, s.channel(id, title, playlist, parts))
	}
	return c.answer(http.StatusOK, tagged(obj{
		"kind": "youtube#channelListResponse", "items": items,
		"pageInfo": obj{"totalResults": len(items), "resultsPerPage": 5},
	}))
}

func (s *Sandbox) channel(id, title, playlist string, parts []string) obj {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	var views, shown int64
	for _, v := range s.videos {
		v.settle(now, s.growth)
		views += v.views(now, s.growth)
		if v.Status.PrivacyStatus == public {
			shown++
		}
	}
	o := obj{"kind": "youtube#channel", "id": id}
	for _, part := range parts {
		switch part {
		case "snippet":
			o[part] = obj{
				"title": title, "description": "Nessun video di questo canale va su YouTube.", "customUrl": "@canale-di-prova",
				"publishedAt": "2020-04-01T08:00:00Z", "country": "IT", "thumbnails": thumbnails("https://yt3.ggpht.com/" + id),
				"localized": obj{"title": title, "description": "Nessun video di questo canale va su YouTube."},
			}
		case "contentDetails":
			o[part] = obj{"relatedPlaylists": obj{"likes": "", "uploads": playlist}}
		case "statistics":
			o[part] = obj{
				"viewCount": strconv.FormatInt(views, 10), "videoCount": strconv.FormatInt(shown, 10),
				"subscriberCount": "0", "hiddenSubscriberCount": false,
			}
		case "status":
			o[part] = obj{"privacyStatus": public, "isLinked": true, "longUploadsStatus": "allowed", "madeForKids": false}
		case "brandingSettings":
			o[part] = obj{"channel": obj{"title": title, "country": "IT"}}
		}
	}
	return tagged(o)
}

// defaultCategory is People & Blogs, which YouTube gives to videos without one.
const defaultCategory = "22"

// category is one of videoCategories.list for Italy.
type category struct {
	id, title  string
	assignable bool
}

func categories() []category {
	return []category{
		{"1", "Film & Animation", true},
		{"2", "Autos & Vehicles", true},
		{"10", "Music", true},
		{"15", "Pets & Animals", true},
		{"17", "Sports", true},
		{"18", "Short Movies", false},
		{"19", "Travel & Events", true},
		{"20", "Gaming", true},
		{"21", "Videoblogging", false},
		{"22", "People & Blogs", true},
		{"23", "Comedy", true},
		{"24", "Entertainment", true},
		{"25", "News & Politics", true},
		{"26", "Howto & Style", true},
		{"27", "Education", true},
		{"28", "Science & Technology", true},
		{"29", "Nonprofits & Activism", true},
		{"30", "Movies", false},
	}
}

func assignable(id string) bool {
	for _, one := range categories() {
		if one.id == id {
			return one.assignable
		}
	}
	return false
}

// listCategories: https://developers.google.com/youtube/v3/docs/videoCategories/list
func (s *Sandbox) listCategories(c *call) error {
	parts, err := c.parts("id", "snippet")
	if err != nil {
		return err
	}
	ids := c.list("id")
	if c.q.Get("regionCode") == "" && len(ids) == 0 {
		return noFilter("id, regionCode")
	}
	items := []obj{}
	for _, one := range categories() {
		if len(ids) > 0 && !slices.Contains(ids, one.id) {
			continue
		}
		item := obj{"kind": "youtube#videoCategory", "id": one.id}
		if slices.Contains(parts, "snippet") {
			item["snippet"] = obj{"title": one.title, "assignable": one.assignable, "channelId": "UCBR8-60-B28hp2BmDPdntcQ"}
		}
		items = append(items, tagged(item))
	}
	return c.answer(http.StatusOK, tagged(obj{"kind": "youtube#videoCategoryListResponse", "items": items}))
}
