// Package secret keeps what must not be readable in a stolen database: OAuth
// tokens, addresses of upload sessions, personal links that staff may copy.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// KeySize is the length of the portal's key in bytes (VOCI_SECRET_KEY).
const KeySize = 32

// Box seals and opens small secrets with AES-256-GCM, and marks those that are
// looked up.
type Box struct {
	aead cipher.AEAD
	mark []byte // key of Mark
}

// NewBox makes a box from the portal's key of KeySize bytes.
func NewBox(key []byte) (*Box, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("the key has %d bytes and must have %d", len(key), KeySize)
	}
	// The portal's key is never used as it is, so that a later use of it for
	// something else cannot weaken this one.
	k, err := hkdf.Key(sha256.New, key, nil, "voci secrets at rest v1", KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive the key of secrets: %w", err)
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of secrets: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of secrets: %w", err)
	}
	mark, err := hkdf.Key(sha256.New, key, nil, "voci marks v1", KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive the key of marks: %w", err)
	}
	return &Box{aead: aead, mark: mark}, nil
}

// Mark is what text is looked up by: always the same for the same purpose, and
// worth nothing without the portal's key, also for a text so short that a plain
// hash of it could be guessed.
func (b *Box) Mark(text, purpose string) []byte {
	mac := hmac.New(sha256.New, b.mark)
	mac.Write([]byte(purpose))
	mac.Write([]byte{0})
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// Seal encrypts text. What it is for (such as "publication 7 session") is bound
// to it, so that a sealed value moved to another row does not open.
func (b *Box) Seal(text, purpose string) []byte {
	return b.aead.Seal(nil, nil, []byte(text), []byte(purpose))
}

// Open decrypts what Seal made for the same purpose.
func (b *Box) Open(sealed []byte, purpose string) (string, error) {
	text, err := b.aead.Open(nil, nil, sealed, []byte(purpose))
	if err != nil {
		return "", errors.New("a stored secret does not open: was VOCI_SECRET_KEY changed?")
	}
	return string(text), nil
}

// ParseKey reads a key as it is set: KeySize bytes in base64.
func ParseKey(s string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("it must be %d bytes in base64: make one with `openssl rand -base64 %d`", KeySize, KeySize)
	}
	return key, nil
}

// KeepKey reads the key kept in file, making one on the first call. It is for
// machines of one person, where no key is set.
func KeepKey(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err == nil {
		return ParseKey(string(text))
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the kept key: %w", err)
	}
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the program instead
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the key: %w", err)
	}
	// Written aside and linked, so that two first starts agree on one key and a
	// crash leaves none or a whole one.
	tmp, err := os.CreateTemp(filepath.Dir(file), ".key-*")
	if err != nil {
		return nil, fmt.Errorf("keep a new key: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.WriteString(base64.StdEncoding.EncodeToString(key))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return nil, fmt.Errorf("keep a new key: %w", err)
	}
	if err := os.Link(tmp.Name(), file); errors.Is(err, os.ErrExist) {
		return KeepKey(file)
	} else if err != nil {
		return nil, fmt.Errorf("keep a new key: %w", err)
	}
	return key, nil
}
