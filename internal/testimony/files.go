package testimony

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
)

// Files are the files that the database names.
type Files struct {
	Originals  []string // in the vault
	Renditions []string // posters and renditions of files that are ready
	Others     []string // posters and renditions that may have been made, and may not
	Papers     []string // signed releases, in the vault
	Uploads    []string // ids of those that are arriving
}

// Files lists all files that the database names.
func (s *Store) Files(ctx context.Context) (Files, error) {
	var f Files
	var videos []Video
	err := s.db.Reader(ctx).Select("id", "state", "original", "cut", "poster", "rendition", "uncut").Order("id").Find(&videos).Error
	if err != nil {
		return f, fmt.Errorf("list the files: %w", err)
	}
	for _, v := range videos {
		if v.Original == "" {
			continue // forgotten
		}
		f.Originals = append(f.Originals, v.Original)
		if v.Cut != "" {
			f.Originals = append(f.Originals, v.Cut)
		}
		made := &f.Others
		if v.State == VideoReady {
			made = &f.Renditions
		}
		for _, name := range []string{v.Poster, v.Rendition, v.Uncut} {
			if name != "" {
				*made = append(*made, name)
			}
		}
	}
	err = s.db.Reader(ctx).Model(&Upload{}).Where("received_at IS NULL AND discarded_at IS NULL").Order("id").Pluck("id", &f.Uploads).Error
	if err != nil {
		return f, fmt.Errorf("list the uploads: %w", err)
	}
	if err := s.db.Reader(ctx).Model(&Paper{}).Order("name").Pluck("name", &f.Papers).Error; err != nil {
		return f, fmt.Errorf("list the signed releases: %w", err)
	}
	return f, nil
}

// Superseded lists the files that another took the place of, and that were
// received before a moment; those already forgotten are not among them.
func (s *Store) Superseded(ctx context.Context, before time.Time) ([]Video, error) {
	var videos []Video
	err := s.db.Reader(ctx).Where("state = ? AND original <> '' AND received_at < ?", VideoReplaced, before.UTC()).Order("id").Find(&videos).Error
	if err != nil {
		return nil, fmt.Errorf("list the files that were replaced: %w", err)
	}
	return videos, nil
}

// ForgetFiles notes that the files of a replaced video are deleted.
func (s *Store) ForgetFiles(ctx context.Context, v Video) error {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		err := tx.Model(&Video{}).Where("id = ? AND state = ?", v.ID, VideoReplaced).
			Updates(map[string]any{"original": "", "cut": "", "poster": "", "rendition": "", "uncut": ""}).Error
		if err != nil {
			return err
		}
		return audit.Write(tx, s.now(), audit.Portal, "video.forgotten", "testimony", v.TestimonyID, map[string]any{"video": v.ID})
	})
	if err != nil {
		return fmt.Errorf("forget the files of video %d: %w", v.ID, err)
	}
	return nil
}
