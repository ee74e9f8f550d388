package jose_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// TestPSSSaltLength signs with salts of all lengths. A salt of another length
// than the hash is valid RSA-PSS but not valid JOSE (RFC 7518, section 3.5).
func TestPSSSaltLength(t *testing.T) {
	for _, alg := range []jose.Algorithm{jose.PS256, jose.PS384, jose.PS512} {
		k := must(jose.New(alg, rsaKey()))
		hash := hashOf(alg)
		h := hash.New()
		h.Write([]byte(input))
		digest := h.Sum(nil)
		for salt, want := range map[int]bool{0: false, 20: false, hash.Size() - 1: false, hash.Size(): true, hash.Size() + 1: false, hash.Size() + 32: false} {
			signature := must(rsa.SignPSS(rand.Reader, rsaKey(), hash, digest, &rsa.PSSOptions{SaltLength: salt}))
			if got := verifies(k, input+"."+base64.RawURLEncoding.EncodeToString(signature)); got != want {
				t.Errorf("%s with a salt of %d bytes: verifies is %t", alg, salt, got)
			}
		}
	}
}
