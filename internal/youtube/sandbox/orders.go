package sandbox

import (
	"fmt"
	"maps"
	"slices"
)

// StudioEdit is what somebody changes on a video in YouTube Studio, past every
// client. What is nil or empty stays as it is.
type StudioEdit struct {
	Title       *string   `json:"title,omitempty"`
	Description *string   `json:"description,omitempty"`
	Tags        *[]string `json:"tags,omitempty"`
	Privacy     string    `json:"privacy,omitempty"`
	Delete      bool      `json:"delete,omitempty"`

	Localizations map[string]LocalizedState `json:"localizations,omitempty"` // all of them, in the place of those before
	Trim          float64                   `json:"trim,omitempty"`          // seconds cut off in the editor
	Unlist        bool                      `json:"unlist,omitempty"`        // taken out of every playlist
	DropCaptions  bool                      `json:"dropCaptions,omitempty"`
}

// act carries out the faults that change the state at once.
func (s *Sandbox) act(f Fault) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f.Name {
	case EmptyBucket:
		if _, known := s.quota[f.Bucket]; !known {
			return fmt.Errorf("there is no quota bucket %q", f.Bucket)
		}
		s.turnDay()
		s.usage.Spent[f.Bucket] = s.quota[f.Bucket]
		return s.saveUsage()
	case FillBuckets:
		s.turnDay()
		s.usage.Spent = map[string]int{}
		return s.saveUsage()
	case Revoke:
		s.drop(func(string) bool { return true })
		return s.saveOAuth()
	case ViewsDown:
		return s.takeViews(f.IDs, f.Views)
	case StudioChange, Claim, Reject, AutoCaptions:
		return s.eachNamed(f.IDs, func(v *video) error { return s.order(f, v) })
	}
	return nil
}

// eachNamed does something to videos, all of which must be there.
func (s *Sandbox) eachNamed(ids []string, do func(*video) error) error {
	if len(ids) == 0 {
		return fmt.Errorf("no video was named")
	}
	for _, id := range ids {
		v := s.videos[id]
		if v == nil {
			return fmt.Errorf("there is no video %q", id)
		}
		if err := do(v); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sandbox) order(f Fault, v *video) error {
	seen := v.views(s.now(), s.growth)
	switch f.Name {
	case StudioChange:
		return s.studio(f.Edit, v)
	case Claim:
		v.Rejection = or(f.Reason, "claim")
	case Reject:
		v.Rejection = or(f.Reason, "termsOfUse")
	case AutoCaptions:
		languages := f.Keys
		if len(languages) == 0 {
			languages = []string{"it"}
		}
		for _, language := range languages {
			s.lists.Captions = append(s.lists.Captions, &caption{ID: "AU" + random(24), Video: v.ID, Language: language, Auto: true, Updated: s.now()})
		}
		return s.saveLists()
	}
	v.Views = seen // and nobody sees it any more
	return s.saveVideo(v)
}

// studio changes a video as a person does, within the rules that hold there too.
func (s *Sandbox) studio(e *StudioEdit, v *video) error {
	switch {
	case e == nil:
		return fmt.Errorf("nothing to change was named")
	case e.Delete:
		return s.remove(v)
	}
	now := s.now()
	v.settle(now, s.growth)
	changed := *v
	if e.Title != nil {
		changed.Snippet.Title = *e.Title
	}
	if e.Description != nil {
		changed.Snippet.Description = *e.Description
	}
	if e.Tags != nil {
		changed.Snippet.Tags = slices.Clone(*e.Tags)
	}
	if err := changed.Snippet.check(); err != nil {
		return err
	}
	if e.Privacy != "" {
		wanted := status{PrivacyStatus: e.Privacy}
		if err := wanted.check(); err != nil {
			return err
		}
		changed.Status.PublishAt = ""
		changed.setPrivacy(e.Privacy, now, s.growth)
	}
	if e.Localizations != nil {
		changed.Localizations = maps.Clone(e.Localizations)
	}
	cut := int64(e.Trim * 1000)
	if cut < 0 || cut > changed.Millis {
		return fmt.Errorf("%v seconds cannot be cut off", e.Trim)
	}
	changed.Millis -= cut
	if err := s.saveVideo(&changed); err != nil {
		return err
	}
	*v = changed
	return s.loosen(e, v)
}

// loosen takes off a video what hangs on it.
func (s *Sandbox) loosen(e *StudioEdit, v *video) error {
	if e.DropCaptions {
		if err := s.dropCaptions(v.ID); err != nil {
			return err
		}
	}
	if !e.Unlist {
		return nil
	}
	for _, list := range s.lists.Playlists {
		list.Items = slices.DeleteFunc(list.Items, func(i *item) bool { return i.Video == v.ID })
	}
	return s.saveLists()
}
