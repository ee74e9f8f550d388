package jose_test

import (
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

func TestAlgorithms(t *testing.T) {
	var names []string
	for _, alg := range jose.Algorithms() {
		names = append(names, string(alg))
		if err := alg.Check(); err != nil {
			t.Error(err)
		}
		if symmetric := strings.HasPrefix(string(alg), "HS"); alg.Symmetric() != symmetric {
			t.Errorf("%s: symmetric is %t", alg, alg.Symmetric())
		}
		if rsa := strings.HasPrefix(string(alg), "RS") || strings.HasPrefix(string(alg), "PS"); alg.RSA() != rsa {
			t.Errorf("%s: RSA is %t", alg, alg.RSA())
		}
	}
	const all = "HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA"
	if got := strings.Join(names, ", "); got != all {
		t.Errorf("%s, want %s", got, all)
	}
	jose.Algorithms()[0] = "none" // changes a copy
	for _, alg := range []jose.Algorithm{"", "none", "hs256", "HS256 ", "Ed25519", "ES256K"} {
		if err := alg.Check(); err == nil || !strings.HasSuffix(strings.TrimSuffix(err.Error(), "; write HS256: names of algorithms are case-sensitive"), " is not one of "+all) {
			t.Errorf("%q: %v", alg, err)
		}
		if alg.Symmetric() || alg.RSA() {
			t.Errorf("%q is symmetric or RSA", alg)
		}
	}
	if jose.Algorithms()[0] != jose.HS256 {
		t.Error("a caller can change the list")
	}
}
