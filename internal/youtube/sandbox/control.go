package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// State is what GET /sandbox/state answers.
type State struct {
	Channel   string          `json:"channel"`   // id
	Videos    []VideoState    `json:"videos"`    // newest first
	Playlists []PlaylistState `json:"playlists"` // newest first, without the uploads
	Sessions  int             `json:"openSessions"`
	Calls     map[string]int  `json:"calls"` // by method, since the sandbox was made; also token, revoke, session and, of these, session.status
	Spent     map[string]int  `json:"spent"` // by bucket, in this Pacific day
	Quota     map[string]int  `json:"quota"`
	Grants    int             `json:"grants"`
}

// PlaylistState is one playlist and what is in it.
type PlaylistState struct {
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Privacy     string   `json:"privacy"`
	Videos      []string `json:"videos"` // ids in order, also of deleted ones
}

// CaptionState is one track of captions.
type CaptionState struct {
	ID       string    `json:"id"`
	Language string    `json:"language"`
	Name     string    `json:"name"`
	Draft    bool      `json:"draft"`
	Auto     bool      `json:"auto"`   // made by YouTube from the sound
	Failed   bool      `json:"failed"` // the file was of no known format
	SHA256   string    `json:"sha256"` // of the file; empty with Auto
	Updated  time.Time `json:"updated"`
}

// LocalizedState is title and description in another language.
type LocalizedState = localization

// VideoState is one video as it was received and as it is now.
type VideoState struct {
	ID                      string                    `json:"id"`
	Title                   string                    `json:"title"`
	Description             string                    `json:"description"`
	Tags                    []string                  `json:"tags"`
	CategoryID              string                    `json:"categoryId"`
	DefaultLanguage         string                    `json:"defaultLanguage"`
	DefaultAudioLanguage    string                    `json:"defaultAudioLanguage"`
	Privacy                 string                    `json:"privacy"`
	PublishAt               string                    `json:"publishAt,omitempty"`
	License                 string                    `json:"license"`
	MadeForKids             bool                      `json:"madeForKids"`
	SelfDeclaredMadeForKids *bool                     `json:"selfDeclaredMadeForKids"` // null if it was never sent; so are the next two
	Embeddable              *bool                     `json:"embeddable"`
	ContainsSyntheticMedia  *bool                     `json:"containsSyntheticMedia"`
	NotifySubscribers       bool                      `json:"notifySubscribers"`
	RecordingDate           string                    `json:"recordingDate"`
	FileName                string                    `json:"fileName"` // the Slug of the upload
	Size                    int64                     `json:"size"`     // bytes
	SHA256                  string                    `json:"sha256"`   // empty until it is known
	UploadStatus            string                    `json:"uploadStatus"`
	Reason                  string                    `json:"reason,omitempty"` // of a failure or rejection
	Uploaded                time.Time                 `json:"uploaded"`
	Views                   int64                     `json:"views"`
	Thumbnail               string                    `json:"thumbnail,omitempty"` // media type of the custom one
	ThumbnailSHA256         string                    `json:"thumbnailSha256,omitempty"`
	Captions                []string                  `json:"captions,omitempty"` // languages
	Tracks                  []CaptionState            `json:"tracks,omitempty"`
	Playlists               []string                  `json:"playlists,omitempty"` // titles
	Localizations           map[string]LocalizedState `json:"localizations,omitempty"`
}

// State tells what the sandbox holds.
func (s *Sandbox) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.turnDay()
	s.expireSessions(now)
	state := State{
		Channel: channelID, Videos: []VideoState{}, Playlists: []PlaylistState{}, Calls: maps.Clone(s.usage.Calls),
		Spent: maps.Clone(s.usage.Spent), Quota: maps.Clone(s.quota), Grants: len(s.oauth.Grants),
	}
	for _, u := range s.sessions {
		if u.Answer == nil {
			state.Sessions++
		}
	}
	for _, v := range s.newest() {
		v.settle(now, s.growth)
		state.Videos = append(state.Videos, s.videoState(v, now))
	}
	for _, p := range s.lists.Playlists {
		one := PlaylistState{ID: p.ID, Title: p.Title, Description: p.Description, Privacy: p.Privacy, Videos: []string{}}
		for _, i := range p.Items {
			one.Videos = append(one.Videos, i.Video)
		}
		state.Playlists = append(state.Playlists, one)
	}
	return state
}

func (s *Sandbox) videoState(v *video, now time.Time) VideoState {
	state := VideoState{
		ID: v.ID, Title: v.Snippet.Title, Description: v.Snippet.Description, Tags: append([]string{}, v.Snippet.Tags...),
		CategoryID: v.Snippet.CategoryID, DefaultLanguage: v.Snippet.DefaultLanguage, DefaultAudioLanguage: v.Snippet.DefaultAudioLanguage,
		Privacy: v.Status.PrivacyStatus, PublishAt: v.Status.PublishAt, License: v.Status.License,
		MadeForKids:             v.Status.SelfDeclaredMadeForKids != nil && *v.Status.SelfDeclaredMadeForKids,
		SelfDeclaredMadeForKids: v.Status.SelfDeclaredMadeForKids, Embeddable: v.Status.Embeddable,
		ContainsSyntheticMedia: v.Status.ContainsSyntheticMedia, NotifySubscribers: v.Notify,
		RecordingDate: v.Recording.RecordingDate, FileName: v.FileName, Size: v.Size, SHA256: v.SHA256,
		UploadStatus: v.uploadStatus(now), Uploaded: v.Uploaded, Views: v.views(now, s.growth), Thumbnail: v.Thumbnail, ThumbnailSHA256: v.ThumbnailSHA256, Localizations: maps.Clone(v.Localizations),
	}
	switch state.UploadStatus {
	case "failed":
		state.Reason = v.Failure
	case "rejected":
		state.Reason = v.Rejection
	}
	for _, t := range s.lists.Captions {
		if t.Video == v.ID {
			state.Captions = append(state.Captions, t.Language)
			state.Tracks = append(state.Tracks, CaptionState{
				ID: t.ID, Language: t.Language, Name: t.Name, Draft: t.Draft, Auto: t.Auto, Failed: t.Failed, SHA256: t.SHA256, Updated: t.Updated,
			})
		}
	}
	for _, p := range s.lists.Playlists {
		if slices.ContainsFunc(p.Items, func(i *item) bool { return i.Video == v.ID }) {
			state.Playlists = append(state.Playlists, p.Title)
		}
	}
	return state
}

// guarded keeps pages of other sites, which a browser on this machine may have
// open, from the controls: also those whose name was made to lead here.
func guarded(next http.HandlerFunc) http.HandlerFunc {
	protection := http.NewCrossOriginProtection()
	return func(w http.ResponseWriter, r *http.Request) {
		host := (&url.URL{Host: r.Host}).Hostname()
		if err := protection.Check(r); err != nil || (host != "localhost" && !net.ParseIP(host).IsLoopback()) {
			http.Error(w, "only for this machine", http.StatusForbidden)
			return
		}
		next(w, r)
	}
}

func (s *Sandbox) serveState(w http.ResponseWriter, r *http.Request) {
	writeControl(w, http.StatusOK, s.State())
}

// serveFaults is the switch board for tests of another process.
func (s *Sandbox) serveFaults(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
	case http.MethodDelete:
		s.faults.Clear()
	case http.MethodPost:
		faults, err := readControl[Fault](http.MaxBytesReader(w, r.Body, 1<<20))
		if err == nil {
			err = s.faults.Add(faults...)
		}
		if err != nil {
			writeControl(w, http.StatusBadRequest, obj{"error": err.Error()})
			return
		}
	default:
		w.Header().Set("Allow", "GET, POST, DELETE")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	writeControl(w, http.StatusOK, s.faults.Pending())
}

// readControl reads one order or an array of them; an unknown field is refused,
// for a misspelt one would make a test pass that tests nothing.
func readControl[T any](body io.Reader) ([]T, error) {
	b, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	strict := func(v any) error {
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		return d.Decode(v)
	}
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("[")) {
		var all []T
		err = strict(&all)
		return all, err
	}
	var one T
	err = strict(&one)
	return []T{one}, err
}

func writeControl(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // a client that went away is not ours to mend
}
