package presskit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/video"
)

// Shape is the form of a cut.
type Shape string

// The shapes. Their names are in the database.
const (
	Square   Shape = "square"
	Vertical Shape = "vertical"
)

// Shapes are all of them.
func Shapes() []Shape { return []Shape{Square, Vertical} }

func (s Shape) size() (size video.Shape, ok bool) {
	switch s {
	case Square:
		return video.Square, true
	case Vertical:
		return video.Vertical, true
	}
	return size, false
}

// Framing is how a video comes into another shape.
type Framing string

// The framings. Their names are in the database.
const (
	Padded  Framing = "padded"  // whole, before itself out of focus: no face is lost
	Cropped Framing = "cropped" // its middle
)

// CutState is where a cut is.
type CutState string

// The states. Their names are in the database.
const (
	CutWanted  CutState = "wanted" // being made, or about to be
	CutReady   CutState = "ready"
	CutFailed  CutState = "failed"  // Reason says why
	CutLeaving CutState = "leaving" // its file is still to be deleted
)

// CutLife is how long a cut is kept; it can be made again at any time.
const CutLife = 30 * 24 * time.Hour

// Cut is a video in another shape.
type Cut struct {
	ID          int64
	TestimonyID int64
	VideoID     int64 // what it is made of
	Shape       Shape
	Framing     Framing
	State       CutState
	Reason      testimony.Sentence `gorm:"type:text"`
	File        string             // in the folder of cuts
	Bytes       int64
	AskedAt     time.Time
	AskedBy     string
	MadeAt      *time.Time
}

// Cutter makes cuts when they are asked for, and forgets them.
type Cutter struct {
	db          *store.Store
	testimonies *testimony.Store
	inspector   func() (*video.Inspector, error)
	renditions  string // folder of what they are made of
	dir         string // folder of the cuts
	enqueue     func(tx *gorm.DB, cutID int64) error
	now         func() time.Time
	log         *slog.Logger
}

// NewCutter makes a cutter over the folders of renditions and of cuts. enqueue
// asks for Work to be called after the commit.
func NewCutter(
	db *store.Store, testimonies *testimony.Store, inspector func() (*video.Inspector, error), renditions, dir string,
	enqueue func(*gorm.DB, int64) error, clock func() time.Time, log *slog.Logger,
) *Cutter {
	return &Cutter{
		db: db, testimonies: testimonies, inspector: inspector, renditions: renditions, dir: dir, enqueue: enqueue,
		now: func() time.Time { return clock().UTC() }, log: log,
	}
}

// Path is where the file of a cut is.
func (c *Cutter) Path(cut Cut) string { return filepath.Join(c.dir, cut.File) }

// Of returns the cuts of a testimony by their shape. One whose file is not here,
// since a back-up has none, is as if it had never been asked for.
func (c *Cutter) Of(ctx context.Context, testimonyID int64) (map[Shape]Cut, error) {
	return c.of(c.db.Reader(ctx), testimonyID)
}

func (c *Cutter) of(db *gorm.DB, testimonyID int64) (map[Shape]Cut, error) {
	var rows []Cut
	if err := db.Where("testimony_id = ? AND state <> ?", testimonyID, CutLeaving).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read the cuts of testimony %d: %w", testimonyID, err)
	}
	cuts := make(map[Shape]Cut, len(rows))
	for _, row := range rows {
		if row.State == CutReady {
			if _, err := os.Stat(c.Path(row)); errors.Is(err, fs.ErrNotExist) {
				continue
			}
		}
		cuts[row.Shape] = row
	}
	return cuts, nil
}

// Ask has a cut made of a municipality's published testimony. Asked twice it is
// made once; asked in another framing it takes the place of the one before. It
// returns fault.NotFound, fault.Invalid for what is no cut, and fault.Conflict
// for a testimony that citizens do not see, or whose video is not here.
func (c *Cutter) Ask(ctx context.Context, actor, municipality string, testimonyID int64, shape Shape, framing Framing) error {
	if _, ok := shape.size(); !ok {
		return fault.New(fault.NotFound, "kit.cut.unknown")
	}
	if framing != Padded && framing != Cropped {
		return fault.Fields{{Name: "framing", Message: fault.Msg("kit.cut.framing_unknown")}}.Err()
	}
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		t, err := c.testimonies.FindIn(tx, municipality, testimonyID)
		if err != nil {
			return err
		}
		if !t.OpenToCitizens() {
			return fault.New(fault.Conflict, "kit.not_out")
		}
		if t.Video == nil || t.Video.Rendition == "" {
			return fault.New(fault.Conflict, "kit.cut.no_file")
		}
		cuts, err := c.of(tx, t.ID)
		if err != nil {
			return err
		}
		if had, ok := cuts[shape]; ok && had.State != CutFailed && had.Framing == framing {
			return nil // pressed twice
		}
		if err := c.leave(tx, "testimony_id = ? AND shape = ?", t.ID, shape); err != nil {
			return err
		}
		cut := Cut{
			TestimonyID: t.ID, VideoID: t.Video.ID, Shape: shape, Framing: framing, State: CutWanted, AskedAt: c.now(), AskedBy: actor,
			File: fmt.Sprintf("%d-%s-%s.mp4", t.ID, shape, strings.ToLower(rand.Text()[:10])),
		}
		if err := tx.Create(&cut).Error; err != nil {
			return err
		}
		if err := audit.Write(tx, c.now(), actor, "cut.ask", "testimony", t.ID, map[string]any{"shape": shape, "framing": framing}); err != nil {
			return err
		}
		return c.enqueue(tx, cut.ID)
	})
	if err != nil {
		return fmt.Errorf("ask for a cut of testimony %d: %w", testimonyID, err)
	}
	return nil
}

// leave has cuts deleted after the commit of tx.
func (c *Cutter) leave(tx *gorm.DB, where string, args ...any) error {
	var ids []int64
	if err := tx.Model(&Cut{}).Where("state <> ?", CutLeaving).Where(where, args...).Pluck("id", &ids).Error; err != nil {
		return fmt.Errorf("look for cuts to delete: %w", err)
	}
	for _, id := range ids {
		if err := tx.Model(&Cut{}).Where("id = ?", id).Update("state", CutLeaving).Error; err != nil {
			return fmt.Errorf("give up cut %d: %w", id, err)
		}
		if err := c.enqueue(tx, id); err != nil {
			return err
		}
	}
	return nil
}

// Withdraw has all cuts of a testimony deleted, inside the transaction that
// withdraws it.
func (c *Cutter) Withdraw(tx *gorm.DB, testimonyID int64) error {
	return c.leave(tx, "testimony_id = ?", testimonyID)
}

// Sweep has the cuts deleted that were made long ago, and deletes files that
// nobody knows, as a restored back-up leaves them.
func (c *Cutter) Sweep(ctx context.Context) error {
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		return c.leave(tx, "state IN ? AND asked_at < ?", []CutState{CutReady, CutFailed}, c.now().Add(-CutLife))
	})
	if err != nil {
		return fmt.Errorf("forget old cuts: %w", err)
	}
	return c.clear(ctx)
}

// strangerLife is how old a file that nobody knows must be before it is deleted:
// one that is being made has its row, but its name is another until it is whole.
const strangerLife = 24 * time.Hour

func (c *Cutter) clear(ctx context.Context) error {
	files, err := os.ReadDir(c.dir)
	if err != nil {
		return fmt.Errorf("look through the cuts: %w", err)
	}
	var names []string
	if err := c.db.Reader(ctx).Model(&Cut{}).Pluck("file", &names).Error; err != nil {
		return fmt.Errorf("list the cuts: %w", err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil || slices.Contains(names, f.Name()) || c.now().Sub(info.ModTime()) < strangerLife {
			continue // known, young, or gone meanwhile
		}
		if err := os.Remove(filepath.Join(c.dir, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete a cut that nobody knows: %w", err)
		}
	}
	return nil
}

// Work makes a cut, or deletes one. It may be called again at any time. Its error
// means that trying again is worth it.
func (c *Cutter) Work(ctx context.Context, id int64) error {
	var cut Cut
	err := c.db.Reader(ctx).Take(&cut, id).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read cut %d: %w", id, err)
	}
	switch cut.State {
	case CutWanted:
		return c.make(ctx, cut)
	case CutLeaving:
		return c.remove(ctx, cut)
	}
	return nil
}

func (c *Cutter) make(ctx context.Context, cut Cut) error {
	outcome := map[string]any{"state": CutReady, "made_at": c.now()}
	err := c.cut(ctx, cut)
	if refusal, ok := errors.AsType[*fault.Error](err); ok && refusal.Kind == fault.Invalid {
		outcome = map[string]any{"state": CutFailed, "reason": testimony.Sentence{Message: refusal.Message}}
	} else if err != nil {
		return fmt.Errorf("make cut %d: %w", cut.ID, err)
	} else if info, err := os.Stat(c.Path(cut)); err == nil {
		outcome["bytes"] = info.Size()
	}
	err = c.db.Write(ctx, func(tx *gorm.DB) error {
		// One that was given up meanwhile stays so: its own job deletes the file.
		return tx.Model(&Cut{}).Where("id = ? AND state = ?", cut.ID, CutWanted).Updates(outcome).Error
	})
	if err != nil {
		return fmt.Errorf("keep cut %d: %w", cut.ID, err)
	}
	c.log.InfoContext(ctx, "cut made", "cut", cut.ID, "testimony", cut.TestimonyID, "shape", cut.Shape, "state", outcome["state"])
	return nil
}

func (c *Cutter) cut(ctx context.Context, cut Cut) error {
	v, err := c.testimonies.GetVideo(ctx, cut.VideoID)
	if err != nil {
		return err
	}
	if v.Rendition == "" {
		return fault.New(fault.Invalid, "kit.cut.no_file")
	}
	inspector, err := c.inspector()
	if err != nil {
		return err
	}
	size, _ := cut.Shape.size()
	return inspector.Cut(ctx, filepath.Join(c.renditions, v.Rendition), size, cut.Framing == Cropped, c.Path(cut))
}

// remove deletes the file first: a crash in between leaves a row, never a file
// that nobody knows.
func (c *Cutter) remove(ctx context.Context, cut Cut) error {
	if err := os.Remove(c.Path(cut)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete cut %d: %w", cut.ID, err)
	}
	err := c.db.Write(ctx, func(tx *gorm.DB) error { return tx.Delete(&Cut{}, cut.ID).Error })
	if err != nil {
		return fmt.Errorf("forget cut %d: %w", cut.ID, err)
	}
	return nil
}
