// Package presskit makes what a town hall makes its published testimony known
// with: a short address, a poster with a QR code, cards with a sentence, a
// snippet for its own site, cuts of the video for social networks, and all of
// it in one file. It knows nothing of pages and HTTP.
package presskit

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// crockford has no letters that are read as digits.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// codeLength is 40 bits: too many to try at a portal's door.
const codeLength = 8

// Reference names a testimony in short addresses: its number and, where only who
// was given the address may see it, a code that cannot be guessed. The code
// stays the same as long as the file does.
func Reference(t *testimony.Testimony) string {
	number := strconv.FormatInt(t.ID, 10)
	if t.Visibility == testimony.Public || t.Video == nil {
		return number
	}
	sum := sha256.Sum256([]byte("short address of upload " + t.Video.UploadID))
	return number + "-" + crockford.EncodeToString(sum[:])[:codeLength]
}

// Number reads the testimony's number off a reference, or returns fault.NotFound.
func Number(reference string) (int64, error) {
	digits, _, _ := strings.Cut(reference, "-")
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || id <= 0 {
		return 0, fault.New(fault.NotFound, "testimony.unknown")
	}
	return id, nil
}

// Names tells whether a reference may lead to a testimony: a public one is known
// by its number, whatever follows.
func Names(reference string, t *testimony.Testimony) bool {
	return t.Visibility == testimony.Public || reference == Reference(t)
}

// ShortPath is the short address of a testimony, without the portal's.
func ShortPath(t *testimony.Testimony) string { return "/v/" + Reference(t) }

// EmbedPath is the address of the page that other sites show in a frame.
func EmbedPath(t *testimony.Testimony) string { return "/incorpora/testimonianze/" + Reference(t) }

// Spoken is an address as people write it on paper.
func Spoken(address string) string {
	_, rest, found := strings.Cut(address, "://")
	if !found {
		return address
	}
	return strings.TrimSuffix(rest, "/")
}
