// Package screening takes a received file through its looking at: is it usable,
// what is it, its poster, its rendition. It ties package video, which knows
// files only, to the testimony that the file belongs to.
package screening

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video"
)

// Screen looks at received files.
type Screen struct {
	inspector   *video.Inspector
	testimonies *testimony.Store
	vault       string // folder of the originals
	renditions  string // folder of posters and renditions
	log         *slog.Logger
}

// New makes a Screen over the folders of originals and of renditions.
func New(inspector *video.Inspector, testimonies *testimony.Store, vault, renditions string, log *slog.Logger) *Screen {
	return &Screen{inspector: inspector, testimonies: testimonies, vault: vault, renditions: renditions, log: log}
}

// Check looks at one file and keeps what it saw. It may be called again at any
// time: a file already seen is left alone, half-made renditions are made anew.
// Its error means that the machine failed, not the file, and that trying again
// is worth it.
func (s *Screen) Check(ctx context.Context, videoID int64) error {
	v, err := s.testimonies.GetVideo(ctx, videoID)
	if fault.Of(err) == fault.NotFound {
		return nil // its draft is gone
	}
	if err != nil {
		return err
	}
	if v.State != testimony.VideoChecking {
		return nil
	}
	err = s.look(ctx, v)
	if refusal, ok := errors.AsType[*fault.Error](err); ok && refusal.Kind == fault.Invalid {
		v.State, v.Reason = testimony.VideoUnusable, testimony.Sentence{Message: refusal.Message}
	} else if err != nil {
		return fmt.Errorf("look at video %d: %w", v.ID, err)
	}
	if err := s.testimonies.VideoSeen(ctx, v); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "video seen", "video", v.ID, "testimony", v.TestimonyID, "state", v.State, "reason", v.Reason.Key,
		"container", v.Container, "codec", v.VideoCodec, "seconds", v.Duration().Seconds())
	return nil
}

func (s *Screen) look(ctx context.Context, v *testimony.Video) error {
	original := filepath.Join(s.vault, v.Original)
	facts, err := s.inspector.Inspect(ctx, original)
	if err != nil {
		return err
	}
	v.Container, v.VideoCodec, v.AudioCodec = facts.Container, facts.VideoCodec, facts.AudioCodec
	v.Width, v.Height, v.Rotation = facts.Width, facts.Height, facts.Rotation
	v.DurationMS, v.HasSound = facts.Duration.Milliseconds(), facts.HasSound
	v.Bytes, v.SHA256 = facts.Bytes, facts.SHA256

	v.Poster = fmt.Sprintf("%d.jpg", v.ID)
	if err := s.inspector.Poster(ctx, original, facts, filepath.Join(s.renditions, v.Poster)); err != nil {
		return err
	}
	v.Rendition = fmt.Sprintf("%d.mp4", v.ID)
	if err := s.inspector.Rendition(ctx, original, facts, filepath.Join(s.renditions, v.Rendition), nil); err != nil {
		return err
	}
	v.State = testimony.VideoReady
	return nil
}
