package jwtauth_test

import (
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

func TestStaticKeys(t *testing.T) {
	named := generate(t, jwtauth.ES256).WithID("named")
	loose := generate(t, jwtauth.ES256)
	other := generate(t, jwtauth.EdDSA).WithID("other")
	source := staticKeys(t, named, loose, other)
	cases := []struct {
		name string
		alg  jwtauth.Algorithm
		kid  string
		want []string // ids
	}{
		{"id that was chosen", jwtauth.ES256, "named", []string{"named"}},
		{"thumbprint", jwtauth.ES256, loose.ID(), []string{loose.ID()}},
		{"unknown id", jwtauth.ES256, "unknown", []string{loose.ID()}}, // the other party may call it so
		{"id in another case", jwtauth.ES256, "Named", []string{loose.ID()}},
		{"no id", jwtauth.ES256, "", []string{"named", loose.ID()}},
		{"id of a key of another algorithm", jwtauth.ES256, "other", []string{loose.ID()}},
		{"unknown id, all ids chosen", jwtauth.EdDSA, "unknown", nil},
		{"no id, another algorithm", jwtauth.EdDSA, "", []string{"other"}},
		{"algorithm without a key", jwtauth.RS256, "", nil},
		{"algorithm without a key, id of one", jwtauth.RS256, "named", nil},
		{"no algorithm", "", "", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			keys, err := source.VerificationKeys(t.Context(), c.alg, c.kid)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, key := range keys {
				got = append(got, key.ID())
				if key.Algorithm() != c.alg {
					t.Errorf("a key for %s", key.Algorithm())
				}
				if strings.Contains(key.String(), "private") {
					t.Errorf("%v holds its private part", key)
				}
			}
			if strings.Join(got, " ") != strings.Join(c.want, " ") {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// An id given out with the token's algorithm is a look-up: a token with a kid is judged with that key only.
func TestStaticKeysSelect(t *testing.T) {
	a, b := forgeES256(t), forgeES256(t)
	v := newVerifier(t, staticKeys(t, a.key.WithID("a"), b.key.WithID("b")), options())
	for _, c := range []struct {
		signer forger
		kid    string
		want   error
	}{
		{a, `,"kid":"a"`, nil},
		{b, `,"kid":"b"`, nil},
		{a, ``, nil},
		{b, ``, nil},
		{b, `,"kid":""`, nil},
		{a, `,"kid":"b"`, jwtauth.ErrSignatureInvalid},
		{a, `,"kid":"c"`, jwtauth.ErrKeyUnknown},
		{a, `,"kid":"A"`, jwtauth.ErrKeyUnknown},
		{a, `,"kid":"a/../a"`, jwtauth.ErrKeyUnknown},
	} {
		token := c.signer.token(`{"alg":"ALG"`+c.kid+`}`, goodClaims)
		_, err := v.VerifyToken(t.Context(), token)
		if c.want != nil {
			checkRefusal(t, err, c.want, token)
		} else if err != nil {
			t.Errorf("%s: %v", c.kid, err)
		}
	}
}

func TestStaticKeysFaults(t *testing.T) {
	secret, public := generate(t, jwtauth.HS256), generate(t, jwtauth.EdDSA)
	cases := []struct {
		name string
		keys []jwtauth.Key
		want []string
	}{
		{"none", nil, []string{"StaticKeys: keys: is empty"}},
		{"zero Key", []jwtauth.Key{{}}, []string{"StaticKeys: keys[0]: ", "zero Key"}},
		{"public part of a secret", []jwtauth.Key{secret.Public()}, []string{"StaticKeys: keys[0]: "}},
		{"same key twice", []jwtauth.Key{public, public}, []string{"StaticKeys: keys[1]: ", "WithID"}},
		{"its public part beside it", []jwtauth.Key{public, public.Public()}, []string{"StaticKeys: keys[1]: "}},
		{"one id for two keys", []jwtauth.Key{public.WithID("k"), generate(t, jwtauth.ES256).WithID("k")}, []string{"StaticKeys: keys[1]: "}},
		{"bad id", []jwtauth.Key{public.WithID("a\n")}, []string{"StaticKeys: keys[0]: ", "key id"}},
		{"symmetric beside public", []jwtauth.Key{secret, public}, []string{"StaticKeys: keys: symmetric keys beside public ones"}},
		{"everything at once", []jwtauth.Key{{}, secret, public, public, public.WithID("\x00")},
			[]string{"keys[0]: ", "keys[3]: ", "keys[4]: ", "symmetric keys beside public ones"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			source, err := jwtauth.StaticKeys(c.keys...)
			if err == nil || source != nil {
				t.Fatalf("source %v, error %v", source, err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %q", err, want)
				}
			}
		})
	}
	for name, keys := range map[string][]jwtauth.Key{
		"secrets without ids":    {secret, generate(t, jwtauth.HS256), generate(t, jwtauth.HS512)},
		"secrets with ids":       {secret.WithID("a"), secret.WithID("b")},
		"keys of each algorithm": {public, generate(t, jwtauth.ES256), generate(t, jwtauth.ES384)},
		"one key under two ids":  {public, public.WithID("b")},
	} {
		if _, err := jwtauth.StaticKeys(keys...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The slice that keys came in may be used again.
func TestStaticKeysCopies(t *testing.T) {
	f := forgeEdDSA(t)
	keys := []jwtauth.Key{f.key}
	source := staticKeys(t, keys...)
	keys[0] = generate(t, jwtauth.EdDSA)
	if _, err := newVerifier(t, source, options()).VerifyToken(t.Context(), f.claims(goodClaims)); err != nil {
		t.Error(err)
	}
}
