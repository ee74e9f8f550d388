package docs_test

import (
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash"
	"math/big"
	"slices"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// A header with "crit" is refused, whatever it lists: names that RFC 7515
// defines, names that occur twice or not at all, and values of other types.
func TestCriticalHeaders(t *testing.T) {
	v := rulesVerifier(t, staticKeys(t, newKey(t, jwtauth.RS256, &rsaKey.PublicKey)))
	claims, err := json.Marshal(ruleClaims())
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{
		`{"alg":"RS256","crit":["alg"]}`, `{"alg":"RS256","kid":"1","crit":["kid","kid"]}`, `{"alg":"RS256","crit":["exp"]}`,
		`{"alg":"RS256","exp":1,"crit":["exp"]}`, `{"alg":"RS256","b64":true,"crit":["b64"]}`, `{"alg":"RS256","crit":[]}`,
		`{"alg":"RS256","crit":null}`, `{"alg":"RS256","crit":"exp"}`, `{"alg":"RS256","crit":{}}`, `{"alg":"RS256","crit":[""]}`,
		`{"alg":"RS256","\u0063rit":["exp"]}`,
	} {
		if _, err := v.VerifyToken(t.Context(), signedText(t, header, string(claims))); !errors.Is(err, jwtauth.ErrTokenMalformed) {
			t.Errorf("%s: %v", header, err)
		}
	}
	if _, err := v.VerifyToken(t.Context(), signedText(t, `{"alg":"RS256","Crit":["exp"]}`, string(claims))); err != nil {
		t.Errorf("another name: %v", err)
	}
}

// A name with a colon is not parsed as a URI.
func TestNamesWithColon(t *testing.T) {
	const name = "1:2"
	issuer, err := jwtauth.NewIssuer(newKey(t, jwtauth.ES256, ecKey), jwtauth.IssuerOptions{Issuer: name, Audience: []string{name}})
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Sign(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	if claims, err := issuer.VerifyToken(t.Context(), token); err != nil || claims.Subject != name || claims.Issuer != name || !slices.Equal(claims.Audience, []string{name}) {
		t.Errorf("%+v, %v", claims, err)
	}
}

// The mask of RSASSA-PSS uses the hash of the algorithm (RFC 7518, section
// 3.5).
func TestPSSMask(t *testing.T) {
	v := rulesVerifier(t, staticKeys(t, newKey(t, jwtauth.PS256, &rsaKey.PublicKey)))
	claims, err := json.Marshal(ruleClaims())
	if err != nil {
		t.Fatal(err)
	}
	input := encoded(`{"alg":"PS256"}`) + "." + encoded(string(claims))
	for _, c := range []struct {
		name string
		mask func() hash.Hash
		want error
	}{
		{"SHA-256", sha256.New, nil},
		{"SHA-1", sha1.New, jwtauth.ErrSignatureInvalid},
	} {
		token := input + "." + base64.RawURLEncoding.EncodeToString(signPSS(input, c.mask))
		if _, err := v.VerifyToken(t.Context(), token); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// signPSS signs input with rsaKey by RSASSA-PSS with SHA-256, and with another
// hash for the mask (RFC 8017, section 9.1.1).
func signPSS(input string, mask func() hash.Hash) []byte {
	const size = 2048 / 8
	salt := make([]byte, sha256.Size)
	_, _ = rand.Read(salt)
	digest := sha256.Sum256([]byte(input))
	sum := sha256.Sum256(slices.Concat(make([]byte, 8), digest[:], salt))
	block := slices.Concat(make([]byte, size-2*sha256.Size-2), []byte{1}, salt)
	var stream []byte
	for counter := uint32(0); len(stream) < len(block); counter++ {
		h := mask()
		h.Write(binary.BigEndian.AppendUint32(sum[:], counter))
		stream = h.Sum(stream)
	}
	for i := range block {
		block[i] ^= stream[i]
	}
	block[0] &= 0x7f
	message := new(big.Int).SetBytes(slices.Concat(block, sum[:], []byte{0xbc}))
	return message.Exp(message, rsaKey.D, rsaKey.N).FillBytes(make([]byte, size))
}
