package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// save writes v as JSON to name under the state's folder: whole or not at all.
// With durable it is on the disk when save returns.
func (s *Sandbox) save(name string, v any, durable bool) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	path := filepath.Join(s.dir, name)
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	_, err = f.Write(b)
	if err == nil && durable {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("save %s: %w", name, err)
	}
	if durable {
		return syncFolder(filepath.Dir(path))
	}
	return nil
}

// syncFolder makes a rename or a removal in a folder last.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync a folder: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync a folder: %w", err)
	}
	return nil
}

// read fills v from a saved file; a missing one leaves v as it is.
func (s *Sandbox) read(name string, v any) error {
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

func (s *Sandbox) saveUsage() error { return s.save("usage.json", &s.usage, false) }
func (s *Sandbox) saveOAuth() error { return s.save("oauth.json", &s.oauth, true) }
func (s *Sandbox) saveLists() error { return s.save("lists.json", &s.lists, true) }

func (s *Sandbox) saveVideo(v *video) error {
	return s.save(filepath.Join("videos", v.ID+".json"), v, true)
}

func (s *Sandbox) videoFile(id string) string     { return filepath.Join(s.dir, "videos", id) }
func (s *Sandbox) thumbnailFile(id string) string { return filepath.Join(s.dir, "thumbnails", id) }
func (s *Sandbox) captionFile(id string) string   { return filepath.Join(s.dir, "captions", id) }
func (s *Sandbox) partFile(id string) string      { return filepath.Join(s.dir, "sessions", id+".part") }

// load finds everything again, finishing what a kill interrupted.
func (s *Sandbox) load() error {
	s.oauth = oauthState{Codes: map[string]*code{}, Grants: map[string]*grant{}, Access: map[string]*access{}}
	if err := s.read("oauth.json", &s.oauth); err != nil {
		return err
	}
	if err := s.read("usage.json", &s.usage); err != nil {
		// It is not synced: after a power cut it may be torn, and is no reason
		// not to start.
		s.log.Warn("the sandbox counts its calls and quota from zero", "error", err)
		s.usage = usage{}
	}
	if s.usage.Calls == nil {
		s.usage.Calls = map[string]int{}
	}
	if s.usage.Spent == nil {
		s.usage.Spent = map[string]int{}
	}
	if err := s.read("lists.json", &s.lists); err != nil {
		return err
	}
	var raw []string
	if err := s.each("videos", func(name string) error {
		v := &video{}
		if err := s.read(name, v); err != nil {
			return err
		}
		s.videos[v.ID] = v
		if v.SHA256 == "" {
			raw = append(raw, v.ID)
		}
		return nil
	}); err != nil {
		return err
	}
	for _, id := range raw { // only now: they look into s.videos at the same time
		s.examineLater(id)
	}
	for _, folder := range []string{".", "captions"} { // only to sweep
		if err := s.each(folder, func(string) error { return nil }); err != nil {
			return err
		}
	}
	return s.each("sessions", func(name string) error {
		u := &session{}
		if err := s.read(name, u); err != nil {
			return err
		}
		return s.adopt(u)
	})
}

// each calls f with every saved file of a folder, and sweeps away those that
// were never finished.
func (s *Sandbox) each(folder string, f func(name string) error) error {
	entries, err := os.ReadDir(filepath.Join(s.dir, folder))
	if err != nil {
		return fmt.Errorf("look into %s: %w", folder, err)
	}
	for _, e := range entries {
		name := filepath.Join(folder, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), ".new-"):
			os.Remove(filepath.Join(s.dir, name))
		case strings.HasSuffix(e.Name(), ".json"):
			if err := f(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// nextSeq is the place of the next video in the order of arrival.
func (s *Sandbox) nextSeq() int {
	next := 1
	for _, v := range s.videos {
		next = max(next, v.Seq+1)
	}
	return next
}

// newest lists the videos as the uploads playlist does.
func (s *Sandbox) newest() []*video {
	all := make([]*video, 0, len(s.videos))
	for _, v := range s.videos {
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b *video) int {
		return cmp.Or(b.Uploaded.Compare(a.Uploaded), cmp.Compare(b.Seq, a.Seq))
	})
	return all
}
