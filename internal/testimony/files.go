package testimony

import (
	"context"
	"fmt"
)

// Files are the files that the database names.
type Files struct {
	Originals  []string // in the vault
	Renditions []string // posters and renditions of files that are ready
	Others     []string // posters and renditions that may have been made, and may not
	Uploads    []string // ids of those that are arriving
}

// Files lists all files that the database names.
func (s *Store) Files(ctx context.Context) (Files, error) {
	var f Files
	var videos []Video
	err := s.db.Reader(ctx).Select("id", "state", "original", "poster", "rendition").Order("id").Find(&videos).Error
	if err != nil {
		return f, fmt.Errorf("list the files: %w", err)
	}
	for _, v := range videos {
		f.Originals = append(f.Originals, v.Original)
		made := &f.Others
		if v.State == VideoReady {
			made = &f.Renditions
		}
		for _, name := range []string{v.Poster, v.Rendition} {
			if name != "" {
				*made = append(*made, name)
			}
		}
	}
	err = s.db.Reader(ctx).Model(&Upload{}).Where("received_at IS NULL AND discarded_at IS NULL").Order("id").Pluck("id", &f.Uploads).Error
	if err != nil {
		return f, fmt.Errorf("list the uploads: %w", err)
	}
	return f, nil
}
