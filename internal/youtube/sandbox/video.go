package sandbox

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// video is one video of the channel, as its file keeps it.
type video struct {
	ID       string `json:"id"`
	Seq      int    `json:"seq"` // order of arrival
	FileName string `json:"fileName"`
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256"` // empty until the bytes were hashed and are on the disk
	Type     string `json:"type"`   // of the container, empty if it is none
	Millis   int64  `json:"millis"` // duration, 0 if the container does not say
	Notify   bool   `json:"notify"` // notifySubscribers of the upload

	Snippet       snippet                 `json:"snippet"`
	Status        status                  `json:"status"` // PrivacyStatus and PublishAt as they are now
	Recording     recordingDetails        `json:"recording"`
	Localizations map[string]localization `json:"localizations,omitempty"`

	Uploaded   time.Time `json:"uploaded"`
	Ready      time.Time `json:"ready"`               // when processing ends
	Failure    string    `json:"failure,omitempty"`   // how it ends, if badly
	Rejection  string    `json:"rejection,omitempty"` // likewise
	Published  bool      `json:"published"`           // it was public at some time
	PublicFrom time.Time `json:"publicFrom"`          // zero while it is not public
	Views      int64     `json:"views"`               // gained before PublicFrom, less what was taken back
	Thumbnail  string    `json:"thumbnail,omitempty"` // media type of the custom one

	ThumbnailSHA256 string `json:"thumbnailSha256,omitempty"`
}

// hashAtOnce is the size up to which a video is hashed before the final answer;
// a larger one is hashed behind it, so that sending is not slowed.
const hashAtOnce = 16 << 20

// settle lets what was scheduled happen.
func (v *video) settle(now time.Time, growth float64) {
	if v.Status.PublishAt == "" {
		return
	}
	at, err := time.Parse(time.RFC3339, v.Status.PublishAt)
	if err != nil || at.After(now) {
		return
	}
	v.Status.PublishAt = ""
	v.setPrivacy(public, later(at, v.Uploaded), growth)
}

// setPrivacy keeps the views together when a video becomes public or stops being.
func (v *video) setPrivacy(privacy string, at time.Time, growth float64) {
	was := v.Status.PrivacyStatus == public && !v.PublicFrom.IsZero()
	switch {
	case privacy == public && !was:
		v.PublicFrom, v.Published = at, true
	case privacy != public && was:
		v.Views = v.views(at, growth)
		v.PublicFrom = time.Time{}
	}
	v.Status.PrivacyStatus = privacy
}

// uploadStatus is status.uploadStatus at a time.
func (v *video) uploadStatus(now time.Time) string {
	switch {
	case now.Before(v.Ready) || v.SHA256 == "":
		return "uploaded"
	case v.Failure != "":
		return "failed"
	case v.Rejection != "":
		return "rejected"
	}
	return "processed"
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sniff names the container that the first bytes of a file promise: ISO base
// media (MP4, MOV; ISO/IEC 14496-12 §4.3) or EBML (WebM, Matroska; RFC 8794).
func sniff(f io.ReaderAt) string {
	head := make([]byte, 12)
	n, _ := f.ReadAt(head, 0) // a short file is no container
	switch head = head[:n]; {
	case n >= 8 && string(head[4:8]) == "ftyp":
		if n >= 12 && string(head[8:12]) == "qt  " {
			return "mov"
		}
		return "mp4"
	case n >= 4 && string(head[:4]) == "\x1a\x45\xdf\xa3":
		return "webm"
	}
	return ""
}

// movieMillis reads the duration of an MP4 or MOV from its movie header box,
// 0 if there is none (ISO/IEC 14496-12 §8.2.2).
func movieMillis(f io.ReaderAt, size int64) int64 {
	from, end, ok := findBox(f, 0, size, "moov")
	if !ok {
		return 0
	}
	from, end, ok = findBox(f, from, end, "mvhd")
	if !ok {
		return 0
	}
	b := make([]byte, 32)
	if n, _ := f.ReadAt(b[:min(32, end-from)], from); n < 20 {
		return 0
	}
	scale, units := uint64(binary.BigEndian.Uint32(b[12:])), uint64(binary.BigEndian.Uint32(b[16:]))
	if b[0] == 1 { // 64-bit times
		scale, units = uint64(binary.BigEndian.Uint32(b[20:])), binary.BigEndian.Uint64(b[24:])
	}
	const unknown = 1 << 40 // all bits set means unknown; 1<<40 units is years
	if scale == 0 || units > unknown || (b[0] == 0 && units == 1<<32-1) {
		return 0
	}
	return int64(units * 1000 / scale)
}

// findBox looks for a box between two offsets and returns where its content is.
func findBox(f io.ReaderAt, from, end int64, kind string) (start, stop int64, ok bool) {
	const patience = 10_000 // boxes; a file made to keep us busy has more
	b := make([]byte, 16)
	for range patience {
		n, _ := f.ReadAt(b, from)
		if from+8 > end || n < 8 {
			return 0, 0, false
		}
		size, head := int64(binary.BigEndian.Uint32(b)), int64(8)
		switch size {
		case 0: // up to the end
			size = end - from
		case 1: // 64-bit size
			if n < 16 {
				return 0, 0, false
			}
			size, head = int64(binary.BigEndian.Uint64(b[8:])), 16
		}
		if size < head || size > end-from {
			return 0, 0, false
		}
		if string(b[4:8]) == kind {
			return from + head, from + size, true
		}
		from += size
	}
	return 0, 0, false
}

// iso8601 writes a duration as contentDetails.duration does, in whole seconds.
func iso8601(millis int64) string {
	left := (millis + 500) / 1000
	var b strings.Builder
	b.WriteString("P")
	if days := left / 86400; days > 0 {
		b.WriteString(strconv.FormatInt(days, 10) + "D")
		left %= 86400
	}
	b.WriteString("T")
	for _, unit := range []struct {
		name    string
		seconds int64
	}{{"H", 3600}, {"M", 60}, {"S", 1}} {
		n := left / unit.seconds
		left %= unit.seconds
		if n > 0 || (unit.name == "S" && b.Len() == 2) {
			b.WriteString(strconv.FormatInt(n, 10) + unit.name)
		}
	}
	return strings.TrimSuffix(b.String(), "T")
}

// digest hashes a received file and makes sure that it is on the disk.
func (s *Sandbox) digest(id string) (string, error) {
	f, err := os.Open(s.videoFile(id))
	if err != nil {
		return "", fmt.Errorf("hash a video: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return "", fmt.Errorf("hash a video: %w", err)
	}
	if err := syncFolder(filepath.Dir(f.Name())); err != nil {
		return "", fmt.Errorf("hash a video: %w", err)
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("hash a video: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// examineLater hashes a video's bytes behind the answer.
func (s *Sandbox) examineLater(id string) {
	s.behind.Go(func() {
		sum, err := s.digest(id)
		s.mu.Lock()
		defer s.mu.Unlock()
		v := s.videos[id]
		if v == nil { // deleted meanwhile
			return
		}
		if err == nil {
			v.SHA256 = sum
			err = s.saveVideo(v)
		}
		if err != nil {
			s.log.Error("the sandbox could not hash a video", "video", id, "error", err)
		}
	})
}
