// Package screening takes a received file through its looking at: is it usable,
// what is it, its poster, its rendition. It ties package video, which knows
// files only, to the testimony that the file belongs to.
package screening

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"

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
		"container", v.Container, "codec", v.VideoCodec, "seconds", v.Duration().Seconds(), "trimmed", v.Cut != "")
	return s.tidy(ctx, v.ID)
}

func (s *Screen) look(ctx context.Context, v *testimony.Video) error {
	source := filepath.Join(s.vault, v.Original)
	facts, err := s.inspector.Inspect(ctx, source)
	if err != nil {
		return err
	}
	v.Container, v.VideoCodec, v.AudioCodec = facts.Container, facts.VideoCodec, facts.AudioCodec
	again := v.SourceMS > 0 // it was looked at before, and is only trimmed otherwise
	v.Bytes, v.SHA256, v.SourceMS = facts.Bytes, facts.SHA256, facts.Duration.Milliseconds()
	// Files are called after what they show, so that a browser does not play the
	// one before, and whoever reads one meanwhile reads it to its end.
	name := strconv.FormatInt(v.ID, 10)
	v.Cut, v.CutBytes, v.CutSHA256, v.Uncut = "", 0, "", ""
	if trim := v.Trim.Within(facts.Duration); !trim.Whole() {
		v.Uncut = name + ".mp4"
		if err := s.rendition(ctx, source, facts, v.Uncut, again); err != nil {
			return err
		}
		end := fmt.Sprintf("-%d-%d", trim.FromMS, trim.ToMS)
		name += end
		v.Cut = v.UploadID + end + ".cut"
		source, facts, err = s.cut(ctx, source, facts, v, trim)
		if err != nil {
			return err
		}
	}
	v.Width, v.Height, v.Rotation = facts.Width, facts.Height, facts.Rotation
	v.DurationMS, v.HasSound = facts.Duration.Milliseconds(), facts.HasSound
	v.Poster, v.Rendition = name+".jpg", name+".mp4"
	if err := s.inspector.Poster(ctx, source, facts, filepath.Join(s.renditions, v.Poster)); err != nil {
		return err
	}
	if err := s.rendition(ctx, source, facts, v.Rendition, again); err != nil {
		return err
	}
	v.State, v.Reason = testimony.VideoReady, testimony.Sentence{}
	return nil
}

// cut makes what a trim leaves of the original, which stays as it came. No
// rotation is left to note: v says what the original has.
func (s *Screen) cut(ctx context.Context, source string, facts video.Facts, v *testimony.Video, trim testimony.Trim) (string, video.Facts, error) {
	out := filepath.Join(s.vault, v.Cut)
	if err := s.inspector.Trim(ctx, source, facts, trim.From(), trim.To(), out); err != nil {
		return "", facts, err
	}
	facts, err := s.inspector.Inspect(ctx, out)
	if err != nil {
		return "", facts, fmt.Errorf("look at what a trim left: %w", err)
	}
	v.CutBytes, v.CutSHA256 = facts.Bytes, facts.SHA256
	return out, facts, nil
}

// rendition makes what the portal plays, unless it is left from an earlier look
// at the same file: what has its name is whole, and of the same trim.
func (s *Screen) rendition(ctx context.Context, source string, facts video.Facts, name string, again bool) error {
	out := filepath.Join(s.renditions, name)
	if again {
		if _, err := os.Stat(out); err == nil {
			return nil
		}
	}
	return s.inspector.Rendition(ctx, source, facts, out, nil)
}

// tidy deletes what earlier trims of a file left behind. While it is to be
// looked at again, whoever does may be making files: then it tidies up.
func (s *Screen) tidy(ctx context.Context, videoID int64) error {
	v, err := s.testimonies.GetVideo(ctx, videoID)
	if fault.Of(err) == fault.NotFound || err == nil && v.State == testimony.VideoChecking {
		return nil
	}
	if err != nil {
		return err
	}
	id := strconv.FormatInt(v.ID, 10)
	for _, pattern := range []string{
		filepath.Join(s.vault, v.UploadID+"-*.cut"),
		filepath.Join(s.renditions, id+"-*.mp4"), filepath.Join(s.renditions, id+"-*.jpg"), filepath.Join(s.renditions, id+".jpg"),
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("look for files of earlier trims: %w", err)
		}
		for _, path := range found {
			if name := filepath.Base(path); name == v.Cut || name == v.Rendition || name == v.Poster {
				continue
			}
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("delete a file of an earlier trim: %w", err)
			}
		}
	}
	return nil
}
