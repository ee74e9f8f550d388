package jose_test

import (
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// TestHMACOfLongInput compares with crypto/hmac, around the length of the
// pooled buffer and with states that have been used before.
func TestHMACOfLongInput(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
	for _, alg := range []jose.Algorithm{jose.HS256, jose.HS384, jose.HS512} {
		k := must(jose.New(alg, secret))
		for _, length := range []int{0, 1, 1023, 1024, 1025, 2048, 3000, 100_000} {
			text := strings.Repeat("a", length)
			h := hmac.New(hashOf(alg).New, secret)
			io.WriteString(h, text)
			token := text + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
			if got := signed(t, k, text); got != token || !verifies(k, token) {
				t.Errorf("%s of %d bytes: another MAC", alg, length)
			}
		}
	}
}

// TestNewCopiesSecret changes the slice that a key was created from.
func TestNewCopiesSecret(t *testing.T) {
	secret := randomBytes(32)
	k := must(jose.New(jose.HS256, secret))
	same := must(jose.New(jose.HS256, bytes.Clone(secret)))
	secret[0]++
	if !verifies(same, signed(t, k, input)) || !bytes.Equal(must(k.MarshalJWK()), must(same.MarshalJWK())) {
		t.Error("the key changed with its secret")
	}
}
