package testimony

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
)

// BeginUpload notes that a file for a testimony of municipality begins to
// arrive. It returns fault.NotFound or fault.Conflict if it may not, see takes.
func (s *Store) BeginUpload(ctx context.Context, municipality string, u Upload) error {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		t, err := get(tx, municipality, u.TestimonyID)
		if err != nil {
			return err
		}
		if err := t.takes(u.Kind); err != nil {
			return err
		}
		if u.Kind == Small {
			// One that did not come to its end was made anew.
			err := tx.Model(&Upload{}).Where("testimony_id = ? AND kind = ? AND received_at IS NULL AND discarded_at IS NULL", t.ID, Small).
				Update("discarded_at", s.now()).Error
			if err != nil {
				return err
			}
		}
		u.CreatedAt = s.now()
		return tx.Create(&u).Error
	})
	if err != nil {
		return fmt.Errorf("begin an upload: %w", err)
	}
	return nil
}

// FindUpload returns an upload that belongs to a municipality (or to Anywhere),
// or fault.NotFound.
func (s *Store) FindUpload(ctx context.Context, municipality, id string) (*Upload, error) {
	var u Upload
	q := s.db.Reader(ctx).Joins("JOIN testimonies t ON t.id = uploads.testimony_id").Where("uploads.id = ?", id)
	if municipality != Anywhere {
		q = q.Where("t.municipality_code = ?", municipality)
	}
	err := q.Take(&u).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, fault.New(fault.NotFound, "upload.unknown")
	}
	if err != nil {
		return nil, fmt.Errorf("find an upload: %w", err)
	}
	return &u, nil
}

// OpenUploads lists the uploads of full files of testimonies that began and did
// not end, by testimony, newest first. Small versions are not told of: nobody
// waits for one.
func (s *Store) OpenUploads(ctx context.Context, testimonyIDs []int64) (map[int64][]Upload, error) {
	var us []Upload
	err := s.db.Reader(ctx).Where("kind = 'full' AND testimony_id IN ? AND received_at IS NULL AND discarded_at IS NULL", testimonyIDs).
		Order("created_at DESC").Find(&us).Error
	if err != nil {
		return nil, fmt.Errorf("list the uploads of %d testimonies: %w", len(testimonyIDs), err)
	}
	by := make(map[int64][]Upload, len(testimonyIDs))
	for _, u := range us {
		by[u.TestimonyID] = append(by[u.TestimonyID], u)
	}
	return by, nil
}

func arriving(tx *gorm.DB, testimonyID int64) (bool, error) {
	var n int64
	err := tx.Model(&Upload{}).Where("kind = 'full' AND testimony_id = ? AND received_at IS NULL AND discarded_at IS NULL", testimonyID).Count(&n).Error
	return n > 0, err
}

// DiscardUpload notes that an upload will not be finished.
func (s *Store) DiscardUpload(ctx context.Context, id string) error {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&Upload{}).Where("id = ? AND received_at IS NULL", id).Update("discarded_at", s.now()).Error
	})
	if err != nil {
		return fmt.Errorf("discard an upload: %w", err)
	}
	return nil
}

// ReceiveVideo notes that a whole file lies in the vault and has it looked at.
// Called twice for one upload it changes nothing. An older file of the same
// testimony and kind is replaced, but one that staff already decide on is not:
// then it returns fault.Conflict, see takes.
func (s *Store) ReceiveVideo(ctx context.Context, v Video) error {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		var n int64
		if err := tx.Model(&Video{}).Where("upload_id = ?", v.UploadID).Count(&n).Error; err != nil || n > 0 {
			return err
		}
		t, err := get(tx, Anywhere, v.TestimonyID)
		if err != nil {
			return err
		}
		if v.Kind == "" {
			v.Kind = Full
		}
		if err := t.takes(v.Kind); err != nil {
			return err
		}
		before := tx.Model(&Video{}).Where("testimony_id = ? AND kind = ? AND state <> ?", t.ID, v.Kind, VideoReplaced)
		if err := before.Update("state", VideoReplaced).Error; err != nil {
			return err
		}
		if err := s.dropStranger(tx, t, v); err != nil {
			return err
		}
		var u Upload
		if err := tx.Where("id = ?", v.UploadID).Limit(1).Find(&u).Error; err != nil {
			return err
		}
		if u.ID != "" && !t.State.Editable() && t.lostConsentSince(u.CreatedAt) {
			return fault.New(fault.Conflict, "register.other_video") // it shows the person who took the consent back
		}
		v.State, v.Trim, v.ReceivedAt = VideoChecking, u.Trim, s.now()
		if v.Kind == Full && t.Small != nil && v.Trim.Whole() {
			v.Trim = t.Small.Trim // what was cut away of the small version is not to come out
		}
		if err := tx.Create(&v).Error; err != nil {
			return err
		}
		if err := tx.Model(&Upload{}).Where("id = ?", v.UploadID).Update("received_at", s.now()).Error; err != nil {
			return err
		}
		if err := audit.Write(tx, s.now(), audit.Portal, "video.received", "testimony", t.ID, map[string]any{"bytes": v.Bytes, "kind": v.Kind}); err != nil {
			return err
		}
		return s.hooks.VideoReceived(tx, &v)
	})
	if err != nil {
		return fmt.Errorf("take in the video of testimony %d: %w", v.TestimonyID, err)
	}
	return nil
}

// GetVideo returns a file by its id, or fault.NotFound.
func (s *Store) GetVideo(ctx context.Context, id int64) (*Video, error) {
	var v Video
	err := s.db.Reader(ctx).Take(&v, id).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, fault.New(fault.NotFound, "video.unknown")
	}
	if err != nil {
		return nil, fmt.Errorf("read video %d: %w", id, err)
	}
	return &v, nil
}

// VideoSeen keeps what was found of a file: v is ready, or unusable with a
// reason. If review was asked for before, the testimony goes to review now. What
// the arrival of a full file means to one that staff have seen the small version
// of is said in wholeSeen. Nothing is kept of a file that was replaced meanwhile,
// or is to be trimmed otherwise: it is looked at again.
func (s *Store) VideoSeen(ctx context.Context, v *Video) error {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		t, err := get(tx, Anywhere, v.TestimonyID)
		if err != nil {
			return err
		}
		current := t.of(v.Kind)
		if current == nil || current.ID != v.ID || current.Trim != v.Trim {
			return nil // replaced, or trimmed otherwise, while it was looked at
		}
		v.CheckedAt = s.moment()
		if v.Kind == Small && v.State == VideoUnusable {
			v.State = VideoReplaced // it was to help, and does not: nobody need do anything
		}
		if err := tx.Save(v).Error; err != nil {
			return err
		}
		t.keep(v)
		detail := map[string]any{"state": v.State, "kind": v.Kind}
		if v.Reason.Key != "" {
			detail["reason"] = v.Reason.Key
		}
		if err := audit.Write(tx, s.now(), audit.Portal, "video."+string(v.State), "testimony", t.ID, detail); err != nil {
			return err
		}
		if v.Kind == Full && v.State == VideoReady {
			if err := s.wholeSeen(tx, t); err != nil {
				return err
			}
		}
		if !t.State.Editable() {
			return nil
		}
		if v.State == VideoReady && t.SubmittedAt != nil {
			missing, err := s.missing(tx, t)
			if err != nil {
				return err
			}
			if missing.Err() == nil && !t.AwaitsApproval() { // else edited since: the town hall sees what is missing
				if err := s.move(tx, audit.Portal, t, InReview, ""); err != nil {
					return err
				}
			}
		}
		return s.write(tx, t)
	})
	if err != nil {
		return fmt.Errorf("keep what was seen of video %d: %w", v.ID, err)
	}
	return nil
}
