package secret_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/voci-in-comune/voci/internal/secret"
)

func box(t *testing.T, b byte) *secret.Box {
	t.Helper()
	box, err := secret.NewBox(bytes.Repeat([]byte{b}, secret.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func TestASecretOpensOnlyWithItsKeyAndPurpose(t *testing.T) {
	mine, other := box(t, 1), box(t, 2)
	sealed := mine.Seal("the address of a session", "publication 7")
	if bytes.Contains(sealed, []byte("session")) {
		t.Error("the secret can be read in what is stored")
	}
	if got, err := mine.Open(sealed, "publication 7"); err != nil || got != "the address of a session" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := mine.Open(sealed, "publication 8"); err == nil {
		t.Error("a secret moved to another row opens")
	}
	if _, err := other.Open(sealed, "publication 7"); err == nil {
		t.Error("a secret opens with another key")
	}
	if bytes.Equal(sealed, mine.Seal("the address of a session", "publication 7")) {
		t.Error("sealing twice gives the same bytes")
	}
}

func TestAKeptKeyStaysTheSame(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "key")
	first, err := secret.KeepKey(file)
	if err != nil {
		t.Fatal(err)
	}
	second, err := secret.KeepKey(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) || len(first) != secret.KeySize {
		t.Errorf("got %d bytes, then %d others", len(first), len(second))
	}
}

func TestAWrongKeyIsRefusedWithTheRemedy(t *testing.T) {
	for _, s := range []string{"", "short", "AAAA", "not base64 at all, but quite as long as a key"} {
		if _, err := secret.ParseKey(s); err == nil {
			t.Errorf("%q was taken as a key", s)
		}
	}
}

func TestAMarkIsTheSameAndNeedsTheKey(t *testing.T) {
	mine, other := box(t, 1), box(t, 2)
	mark := mine.Mark("ACDE3467", "code")
	if !bytes.Equal(mark, mine.Mark("ACDE3467", "code")) {
		t.Error("marked twice, it is another")
	}
	for name, differs := range map[string][]byte{
		"text": mine.Mark("ACDE3468", "code"), "purpose": mine.Mark("ACDE3467", "cod"), "key": other.Mark("ACDE3467", "code"),
		"border": mine.Mark("eACDE3467", "cod"),
	} {
		if bytes.Equal(mark, differs) {
			t.Errorf("of another %s it is the same", name)
		}
	}
}
