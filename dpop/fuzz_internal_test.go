package dpop

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// FuzzProof reads and verifies any text as a proof. It must not panic, and must
// not accept a proof whose header or signature differs from that of a good one.
func FuzzProof(f *testing.F) {
	key, err := jose.Generate(jose.ES256)
	if err != nil {
		f.Fatal(err)
	}
	jwk, err := key.Public().MarshalJWK()
	if err != nil {
		f.Fatal(err)
	}
	header := `{"typ":"dpop+jwt","alg":"ES256","jwk":` + string(jwk) + `}`
	good, err := jose.SignToken(key, base64.RawURLEncoding.EncodeToString([]byte(header))+".", []byte(`{"jti":"1","htm":"GET","htu":"https://a.example/","iat":1.5}`))
	if err != nil {
		f.Fatal(err)
	}
	rules := proofRules{algorithms: []jose.Algorithm{jose.ES256, jose.EdDSA, jose.PS256}, keys: &keyCache{}}
	f.Add(good)
	f.Add(strings.Replace(good, ".", ".x", 1))
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := rules.read(text)
		if err != nil {
			return
		}
		if _, err := p.verify(); err == nil && p.by.thumbprint == key.Thumbprint() && text != good {
			t.Errorf("accepted: %q", text)
		}
	})
}

// FuzzTarget checks that the normal form of a URL is its own normal form.
func FuzzTarget(f *testing.F) {
	f.Add("https://API.example:443/a/../%7e%2f?x#y")
	f.Add("http://[::1]:80//a/./%zz")
	f.Add("https://api.example/b/../c")
	f.Fuzz(func(t *testing.T, htu string) {
		once := normalTarget(htu)
		if once != "" && normalTarget(once) != once {
			t.Errorf("%q: %q, then %q", htu, once, normalTarget(once))
		}
		// A URL that is equal as it is must be equal in normal form.
		for _, b := range []base{"https://api.example", "https://api.example/b"} {
			path, ok := strings.CutPrefix(htu, string(b))
			if ok && isNormal(path) && once != b.target(path) {
				t.Errorf("%q is %q, and not %q", htu, once, b.target(path))
			}
		}
	})
}
