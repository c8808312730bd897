package video

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// layout is what a container's outer boxes say about the file being whole.
type layout struct {
	cut       bool // a box that holds media or its index goes on beyond the end of the file
	index     bool // the index is there: moov in MP4; Matroska needs none
	media     bool // there is some media
	fragments bool // MP4 in fragments, whose index does not say how long it is
}

// maxBoxes ends the walk through a file made of nothing but boxes. Thirty
// minutes of blocks at 60 frames and 50 packets of sound a second are 200,000.
const maxBoxes = 4 << 20

// walk reads the outer structure of a file; it never reads media.
func walk(r io.ReaderAt, size int64, c container) (layout, error) {
	if c.demuxer == "mov" {
		return walkMP4(r, size)
	}
	return walkMatroska(r, size)
}

// walkMP4 goes through the top boxes of an ISO base media file (ISO/IEC
// 14496-12, 4.2): four bytes of size, four of type, eight of a long size.
func walkMP4(r io.ReaderAt, size int64) (layout, error) {
	var l layout
	head := make([]byte, 16)
	for pos, n := int64(0), 0; size-pos >= 8 && n < maxBoxes; n++ {
		if err := readSome(r, head, pos, size); err != nil {
			return l, err
		}
		length, kind := int64(binary.BigEndian.Uint32(head)), string(head[4:8])
		switch {
		case length == 0: // up to the end of the file
			length = size - pos
		case length == 1:
			long := binary.BigEndian.Uint64(head[8:])
			if size-pos < 16 || long > 1<<62 {
				l.cut = true
				return l, nil
			}
			length = int64(long)
		}
		if length < 8 {
			return l, nil // rubbish after the boxes: the demuxer will judge
		}
		beyond := length > size-pos
		switch kind {
		case "moov":
			l.index = l.index || !beyond
			l.cut = l.cut || beyond
		case "mdat", "moof":
			l.media = true
			l.fragments = l.fragments || kind == "moof"
			l.cut = l.cut || beyond
		}
		if beyond {
			return l, nil
		}
		pos += length
	}
	return l, nil
}

// Elements of Matroska that contain others (https://www.rfc-editor.org/rfc/rfc9559).
const (
	idSegment = 0x18538067
	idCluster = 0x1F43B675
)

// walkMatroska goes through the elements of a Matroska file: into the segment,
// and into clusters of unknown size, as browsers write them; past all others.
func walkMatroska(r io.ReaderAt, size int64) (layout, error) {
	l := layout{index: true}
	head := make([]byte, 12)
	for pos, n := int64(0), 0; pos < size && n < maxBoxes; n++ {
		if err := readSome(r, head, pos, size); err != nil {
			return l, err
		}
		id, idLen := vint(head, false)
		if idLen == 0 || idLen > 4 {
			return l, nil // rubbish: the demuxer will judge
		}
		length, sizeLen := vint(head[idLen:], true)
		if int64(idLen) >= size-pos || int64(idLen+sizeLen) > size-pos {
			l.cut = true // in the middle of an element's own head
			return l, nil
		}
		if sizeLen == 0 {
			return l, nil
		}
		start := pos + int64(idLen+sizeLen)
		unknown := length == 1<<(7*sizeLen)-1
		if !unknown && length > uint64(size-start) {
			l.cut = true
			if id != idSegment {
				return l, nil
			}
		}
		switch {
		case id == idSegment:
			pos = start
		case id == idCluster && unknown:
			l.media = true
			pos = start
		case unknown:
			return l, nil
		default:
			l.media = l.media || id == idCluster
			pos = start + int64(length)
		}
	}
	return l, nil
}

// vint reads a variable-size integer of EBML (RFC 8794, 4) and returns how many
// bytes it takes; 0 if there is none. Without its marker it is a size, with it
// an id.
func vint(b []byte, dropMarker bool) (value uint64, length int) {
	length = bits.LeadingZeros8(b[0]) + 1
	if length > 8 || length > len(b) {
		return 0, 0
	}
	for _, c := range b[:length] {
		value = value<<8 | uint64(c)
	}
	if dropMarker {
		value &^= 1 << (7 * length)
	}
	return value, length
}

// readSome reads buf at pos, with zeros for what is beyond the end.
func readSome(r io.ReaderAt, buf []byte, pos, size int64) error {
	clear(buf)
	n := min(int64(len(buf)), size-pos)
	if _, err := r.ReadAt(buf[:n], pos); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the file's structure: %w", err)
	}
	return nil
}
