package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// lists are what the channel keeps beside its videos.
type lists struct {
	Playlists []*playlist `json:"playlists"` // newest first
	Captions  []*caption  `json:"captions"`
}

// playlist is one that was made by a client; the uploads are not kept here.
type playlist struct {
	ID          string    `json:"id"`
	Title       string    `json:"title"`
	Description string    `json:"description"`
	Language    string    `json:"language,omitempty"`
	Privacy     string    `json:"privacy"`
	Made        time.Time `json:"made"`
	Items       []*item   `json:"items"`
}

// item is a video's place in a playlist.
type item struct {
	ID    string    `json:"id"`
	Video string    `json:"video"`
	Added time.Time `json:"added"`
}

// playlistInput is what a client may set.
type playlistInput struct {
	ID      string `json:"id"`
	Snippet struct {
		Title           string `json:"title"`
		Description     string `json:"description"`
		DefaultLanguage string `json:"defaultLanguage"`
	} `json:"snippet"`
	Status struct {
		PrivacyStatus string `json:"privacyStatus"`
	} `json:"status"`
}

const maxPlaylistTitle = 150 // characters, as the site allows

func (s *Sandbox) findPlaylist(id string) *playlist {
	i := slices.IndexFunc(s.lists.Playlists, func(p *playlist) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return s.lists.Playlists[i]
}

func playlistNotFound(location string) *apiError {
	return notFound("youtube.playlist", "playlistNotFound", location, "playlist")
}

func (p *playlist) resource(parts []string) obj {
	o := obj{"kind": "youtube#playlist", "id": p.ID}
	for _, part := range parts {
		switch part {
		case "snippet":
			o[part] = obj{
				"publishedAt": p.Made.Truncate(time.Second).Format(time.RFC3339), "channelId": channelID, "channelTitle": channelTitle,
				"title": p.Title, "description": p.Description, "defaultLanguage": p.Language,
				"localized": obj{"title": p.Title, "description": p.Description},
			}
		case "status":
			o[part] = obj{"privacyStatus": p.Privacy}
		case "contentDetails":
			o[part] = obj{"itemCount": len(p.Items)}
		}
	}
	return tagged(o)
}

func playlistParts() []string {
	return []string{"contentDetails", "id", "localizations", "player", "snippet", "status"}
}

func (s *Sandbox) listPlaylists(c *call) error {
	parts, err := c.parts(playlistParts()...)
	if err != nil {
		return err
	}
	ids, channel := c.list("id"), c.q.Get("channelId")
	if len(ids) == 0 && channel == "" && c.q.Get("mine") != "true" {
		return noFilter("channelId, id, mine")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*playlist
	for _, p := range s.lists.Playlists {
		if (len(ids) == 0 || slices.Contains(ids, p.ID)) && (channel == "" || channel == channelID) {
			found = append(found, p)
		}
	}
	answer, err := c.page("youtube#playlistListResponse", len(found), func(i int) obj { return found[i].resource(parts) })
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, tagged(answer))
}

// fill puts what a client sent into a playlist.
func (p *playlist) fill(in playlistInput, parts []string) error {
	if slices.Contains(parts, "snippet") || p.ID == "" {
		refuse := func(reason, where string) error {
			return &apiError{
				Code: http.StatusBadRequest, Domain: "youtube.playlist", Reason: reason,
				Message: "The request does not contain a valid playlist " + where + ".", Location: "body.snippet." + where, LocationType: "other",
			}
		}
		title := in.Snippet.Title
		switch {
		case strings.TrimSpace(title) == "":
			return refuse("playlistTitleRequired", "title")
		case utf8.RuneCountInString(title) > maxPlaylistTitle || strings.ContainsAny(title, "<>"):
			return refuse("invalidPlaylistSnippet", "title")
		case len(in.Snippet.Description) > maxDescription || strings.ContainsAny(in.Snippet.Description, "<>"):
			return refuse("invalidPlaylistSnippet", "description")
		}
		p.Title, p.Description, p.Language = title, in.Snippet.Description, in.Snippet.DefaultLanguage
	}
	if slices.Contains(parts, "status") || p.Privacy == "" {
		wanted := status{PrivacyStatus: in.Status.PrivacyStatus}
		if err := wanted.check(); err != nil {
			return err
		}
		p.Privacy = or(in.Status.PrivacyStatus, public)
	}
	return nil
}

func (s *Sandbox) insertPlaylist(c *call) error {
	parts, err := c.parts(playlistParts()...)
	if err != nil {
		return err
	}
	var in playlistInput
	keys, err := c.read(&in)
	if err != nil {
		return err
	}
	if err := named(keys, parts, playlistParts()); err != nil {
		return err
	}
	p := &playlist{Made: s.now()}
	if err := p.fill(in, parts); err != nil {
		return err
	}
	p.ID = "PL" + random(24)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.playlists > 0 && len(s.lists.Playlists) >= s.playlists {
		return &apiError{
			Code: http.StatusBadRequest, Domain: "youtube.playlist", Reason: "maxPlaylistExceeded",
			Message: "The playlist cannot be created because the channel already has the maximum number of playlists allowed.",
		}
	}
	s.lists.Playlists = slices.Insert(s.lists.Playlists, 0, p)
	if err := s.saveLists(); err != nil {
		return err
	}
	return c.answer(http.StatusOK, p.resource(parts))
}

func (s *Sandbox) updatePlaylist(c *call) error {
	parts, err := c.parts(playlistParts()...)
	if err != nil {
		return err
	}
	var in playlistInput
	keys, err := c.read(&in)
	if err != nil {
		return err
	}
	if err := named(keys, parts, playlistParts()); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.findPlaylist(in.ID)
	if p == nil {
		return playlistNotFound("body.id")
	}
	if err := p.fill(in, parts); err != nil {
		return err
	}
	if err := s.saveLists(); err != nil {
		return err
	}
	return c.answer(http.StatusOK, p.resource(parts))
}

func (s *Sandbox) deletePlaylist(c *call) error {
	id := c.q.Get("id")
	if id == "" {
		return missingParameter("id")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.findPlaylist(id)
	if p == nil {
		return playlistNotFound("id")
	}
	s.lists.Playlists = slices.DeleteFunc(s.lists.Playlists, func(each *playlist) bool { return each == p })
	if err := s.saveLists(); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
