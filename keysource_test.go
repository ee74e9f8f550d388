package jwtauth_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

func TestStaticKeys(t *testing.T) {
	named := generate(t, jwtauth.ES256).WithID("named")
	derived := generate(t, jwtauth.ES256)
	other := generate(t, jwtauth.EdDSA).WithID("other")
	source := staticKeys(t, named, derived, other)
	cases := []struct {
		name string
		alg  jwtauth.Algorithm
		kid  string
		want []string // IDs
	}{
		{"assigned ID", jwtauth.ES256, "named", []string{"named"}},
		{"derived ID", jwtauth.ES256, derived.ID(), []string{derived.ID()}},
		{"unknown ID", jwtauth.ES256, "unknown", []string{derived.ID()}}, // the issuer may use another ID
		{"ID in another case", jwtauth.ES256, "Named", []string{derived.ID()}},
		{"no ID", jwtauth.ES256, "", []string{"named", derived.ID()}},
		{"ID of a key for another algorithm", jwtauth.ES256, "other", []string{derived.ID()}},
		{"unknown ID, all IDs assigned", jwtauth.EdDSA, "unknown", nil},
		{"no ID, another algorithm", jwtauth.EdDSA, "", []string{"other"}},
		{"algorithm without a key", jwtauth.RS256, "", nil},
		{"algorithm without a key, ID of a key", jwtauth.RS256, "named", nil},
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

// A token with a kid is verified with the key of that ID and no other.
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
		{"empty", nil, []string{"StaticKeys: keys: is empty"}},
		{"zero Key", []jwtauth.Key{{}}, []string{"StaticKeys: keys[0]: ", "zero Key"}},
		{"public part of a secret", []jwtauth.Key{secret.Public()}, []string{"StaticKeys: keys[0]: "}},
		{"same key twice", []jwtauth.Key{public, public}, []string{"StaticKeys: keys[1]: ", "WithID", "the same key"}},
		{"public part beside its key", []jwtauth.Key{public, public.Public()}, []string{"StaticKeys: keys[1]: "}},
		{"two keys with one ID", []jwtauth.Key{public.WithID("k"), generate(t, jwtauth.ES256).WithID("k")}, []string{"StaticKeys: keys[1]: "}},
		{"invalid ID", []jwtauth.Key{public.WithID("a\n")}, []string{"StaticKeys: keys[0]: ", "key ID"}},
		{"everything at once", []jwtauth.Key{{}, secret, public, public, public.WithID("\x00")},
			[]string{"keys[0]: ", "keys[3]: ", "keys[4]: "}},
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
		"secrets without IDs":         {secret, generate(t, jwtauth.HS256), generate(t, jwtauth.HS512)},
		"secrets with IDs":            {secret.WithID("a"), secret.WithID("b")},
		"keys for several algorithms": {public, generate(t, jwtauth.ES256), generate(t, jwtauth.ES384)},
		"one key under two IDs":       {public, public.WithID("b")},
		"symmetric beside public":     {secret, public},
	} {
		if _, err := jwtauth.StaticKeys(keys...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Symmetric and public keys may be in one set. A token cannot use the text of a
// public key as a secret.
func TestStaticKeysOfBothKinds(t *testing.T) {
	secret, public := forgeHS256(t), forgeES256(t)
	v := newVerifier(t, staticKeys(t, secret.key, public.key), options())
	for name, f := range map[string]forger{"HS256": secret, "ES256": public} {
		if _, err := v.VerifyToken(t.Context(), f.claims(goodClaims)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	text, err := public.key.Public().MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	for _, stolen := range [][]byte{text, bytes.TrimSpace(text)} {
		token := forger{jwtauth.HS256, jwtauth.Key{}, func(input string) []byte {
			mac := hmac.New(sha256.New, stolen)
			mac.Write([]byte(input))
			return mac.Sum(nil)
		}}.claims(goodClaims)
		_, err := v.VerifyToken(t.Context(), token)
		checkRefusal(t, err, jwtauth.ErrSignatureInvalid, token)
	}
}

// A key whose ID is derived must be within the limits, because the tokens of
// its issuer may have no "kid".
func TestStaticKeysNeverTried(t *testing.T) {
	keys := make([]jwtauth.Key, 17)
	for i := range keys {
		keys[i] = generate(t, jwtauth.EdDSA)
	}
	if _, err := jwtauth.StaticKeys(keys[:16]...); err != nil {
		t.Errorf("16 keys: %v", err)
	}
	_, err := jwtauth.StaticKeys(keys...)
	const want = `jwtauth: StaticKeys: keys[16]: is never tried on a token without a "kid", because only 16 of the EdDSA keys are; ` +
		`give it the ID that its issuer uses (WithID), or remove other keys`
	if err == nil || err.Error() != want {
		t.Errorf("17 keys: %v\nwant %s", err, want)
	}
	keys[16] = keys[16].WithID("named")
	if _, err := jwtauth.StaticKeys(keys...); err != nil {
		t.Errorf("17 keys, the last with an ID: %v", err)
	}
}

// The caller may change the slice of keys afterwards.
func TestStaticKeysCopies(t *testing.T) {
	f := forgeEdDSA(t)
	keys := []jwtauth.Key{f.key}
	source := staticKeys(t, keys...)
	keys[0] = generate(t, jwtauth.EdDSA)
	if _, err := newVerifier(t, source, options()).VerifyToken(t.Context(), f.claims(goodClaims)); err != nil {
		t.Error(err)
	}
}
