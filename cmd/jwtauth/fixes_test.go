package main_test

import (
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// The first advice for a token without a key is the likeliest fix.
func TestFixKey(t *testing.T) {
	es, rs, hs := newSigner(t, jose.ES256), newSigner(t, jose.RS256), newSigner(t, jose.HS256)
	stranger := newSigner(t, jose.ES256)
	es.key, hs.key = es.key.WithID("mine"), hs.key.WithID("mine")
	set := file(t, must(t, "", "jwks", es.file()))
	other, otherSecret := es.sign(es.header(`,"kid":"other"`), `{}`), hs.sign(hs.header(`,"kid":"other"`), `{}`)
	strange := stranger.sign(es.header(`,"kid":"other"`), `{}`)
	const ids = `The keys for ES256 have other IDs ("mine"), and the token names "other". `
	for _, test := range []struct{ name, token, flag, file, want string }{
		{"another ID", other, "-key", es.file(), ids + `The key "mine" signed the token: give it the ID "other"`},
		{"another ID of a secret", otherSecret, "-key", hs.file(), strings.Replace(ids, "ES", "HS", 1) + `The key "mine" signed the token`},
		{"another ID in the set", other, "-jwks", set, ids + `The key "mine" signed the token`},
		{"another key", strange, "-key", es.file(), ids + "None of them signed it: use the key of the issuer with that ID."},
		{"another key in the set", strange, "-jwks", set, ids + "None of them signed it: use the present key set"},
		{"another algorithm", other, "-key", rs.file(), "Give a key for ES256: with -key FILE -alg ES256"},
		{"another algorithm in the set", rs.sign(rs.header(`,"kid":"other"`), `{}`), "-jwks", set, "The key set has no key for RS256."},
		{"a secret, but a set", otherSecret, "-jwks", set, "The token is signed with a shared secret (HS256)"},
	} {
		r := jwtauthCommand(t, test.token, "explain", test.flag, test.file)
		_, fix, _ := strings.Cut(r.out, "fix: ")
		if r.code != 1 || !strings.HasPrefix(fix, test.want) {
			t.Errorf("%s: %q, want %q", test.name, fix, test.want)
		}
	}
}
