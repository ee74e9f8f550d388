package jwtauth_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// jwk is a JSON Web Key to be bent.
type jwk map[string]any

func (k jwk) with(name string, value any) jwk {
	k = maps.Clone(k)
	if value == nil {
		delete(k, name)
	} else {
		k[name] = value
	}
	return k
}

// jwkOf is the public JWK of key.
func jwkOf(t testing.TB, key jwtauth.Key) jwk {
	t.Helper()
	var set struct{ Keys []jwk }
	if err := json.Unmarshal([]byte(keySetOf(t, key)), &set); err != nil || len(set.Keys) != 1 {
		t.Fatal(set, err)
	}
	return set.Keys[0]
}

func keySetText(t testing.TB, keys ...any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fetched are keys of a set, and what the report says of the fetch.
func fetched(t testing.TB, text string, opts jwtauth.RemoteKeysOptions) (*jwtauth.RemoteKeys, jwtauth.KeyFetch) {
	t.Helper()
	told := make(chan jwtauth.KeyFetch, 1)
	p := new(provider)
	p.does(answers(text))
	opts.Transport, opts.OnFetch = p, func(f jwtauth.KeyFetch) { told <- f }
	keys, err := jwtauth.NewRemoteKeys(providerKeys, opts)
	if err != nil {
		t.Fatal(err)
	}
	_ = keys.Ready(t.Context())
	return keys, <-told
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func newKey(t testing.TB, alg jwtauth.Algorithm, material any) jwtauth.Key {
	t.Helper()
	key, err := jwtauth.NewKey(alg, material)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// oddKey is a key of a set that is of no use.
type oddKey struct {
	name string
	odd  any
	want string // part of the report
}

// oddKeys are those, and a good one.
func oddKeys(t testing.TB) (cases []oddKey, good jwk) {
	t.Helper()
	good = jwkOf(t, generate(t, jwtauth.EdDSA).WithID("good"))
	ec, okp := jwkOf(t, generate(t, jwtauth.ES256)).with("kid", "odd"), jwkOf(t, generate(t, jwtauth.EdDSA)).with("kid", "odd")
	rsa := jwkOf(t, newKey(t, jwtauth.RS256, rsaKey())).with("kid", "odd")
	return []oddKey{
		{"number", 1, "JWK"},
		{"null", nil, "JWK"},
		{"string", "key", "JWK"},
		{"array", []any{ec}, "JWK"},
		{"empty", jwk{}, "kty"},
		{"unknown type", ec.with("kty", "AKP"), `"AKP"`},
		{"type of another", ec.with("kty", "RSA").with("alg", nil), "keys["},
		{"unknown curve", ec.with("crv", "secp256k1"), "secp256k1"},
		{"X25519", okp.with("crv", "X25519"), "X25519"},
		{"unknown algorithm", rsa.with("alg", "RSA-OAEP"), "keys["},
		{"algorithm of another type", ec.with("alg", "RS256"), "keys["},
		{"algorithm of another curve", ec.with("alg", "ES384"), "keys["},
		{"symmetric algorithm", ec.with("alg", "HS256"), "keys["},
		{"no algorithm at all", ec.with("alg", "none"), "keys["},
		{"for encryption", rsa.with("use", "enc"), `"enc"`},
		{"for other operations", ec.with("key_ops", []string{"deriveKey"}).with("use", nil), "key_ops"},
		{"off its curve", ec.with("x", ec["y"]), "keys["},
		{"short", rsa.with("n", "u-SfdHPjFtGmzuoH6gheIIZ4nLwUHBQEtFGqOe0N8Js"), "keys["},
		{"exponent 1", rsa.with("e", "AQ"), "keys["},
		{"name in another case", ec.with("Kid", "x"), "keys["},
		{"kid of another type", ec.with("kid", 1), "kid"},
		{"long kid", ec.with("kid", strings.Repeat("k", 257)), "kid"},
		{"private part", ec.with("d", ec["x"]), "secret part (d)"},
		{"prime", rsa.with("p", "AQAB"), "secret part (p)"},
		{"secret beside it", rsa.with("k", "AQAB"), "secret part (k)"},
		{"symmetric", jwk{"kty": "oct", "alg": "HS256", "kid": "odd", "k": strings.Repeat("A", 86)}, "secret part (k)"},
		{"symmetric without its secret", jwk{"kty": "oct", "alg": "HS256", "kid": "odd"}, "k"},
		{"large", ec.with("x5c", []string{strings.Repeat("A", 64<<10)}), "keys["},
		{"deep", ec.with("x", json.RawMessage(strings.Repeat("[", 5000)+strings.Repeat("]", 5000))), "x"},
		{"nested set", jwk{"keys": []any{ec}}, "keys["},
		{"twice the same name", json.RawMessage(`{"kty":"EC","kty":"EC"}`), "kty"},
	}, good
}

// Each odd key is passed over, and reported, and the good one beside it is not.
func TestRemoteKeysOddKeys(t *testing.T) {
	cases, good := oddKeys(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, set := range []string{keySetText(t, c.odd, good), keySetText(t, good, c.odd)} {
				keys, report := fetched(t, set, jwtauth.RemoteKeysOptions{})
				if report.Err != nil || report.Keys != 1 || len(report.Skipped) != 1 || !strings.Contains(report.Skipped[0].Error(), c.want) {
					t.Errorf("%+v, want %q", report, c.want)
				}
				if n := len(fmt.Sprint(report.Skipped)); n > 250 {
					t.Errorf("a report of %d bytes", n)
				}
				if got, err := keys.VerificationKeys(t.Context(), jwtauth.EdDSA, "good"); err != nil || len(got) != 1 {
					t.Errorf("the good key: %v, %v", got, err)
				}
				if got, err := keys.VerificationKeys(t.Context(), jwtauth.ES256, ""); err != nil || len(got) != 0 {
					t.Errorf("the odd key: %v, %v", got, err)
				}
			}
			// With nothing but odd keys the fetch has failed.
			if _, report := fetched(t, keySetText(t, c.odd), jwtauth.RemoteKeysOptions{}); report.Err == nil || report.Keys != 0 || len(report.Skipped) != 1 {
				t.Errorf("alone: %+v", report)
			}
		})
	}
	t.Run("all at once", func(t *testing.T) {
		var all []any
		for i := range 999 {
			all = append(all, cases[i%len(cases)].odd)
			if c := cases[i%len(cases)]; c.name == "large" || c.name == "deep" {
				all[i] = 1
			}
		}
		_, report := fetched(t, keySetText(t, append(all, good)...), jwtauth.RemoteKeysOptions{})
		if report.Err != nil || report.Keys != 1 || len(report.Skipped) != 999 {
			t.Errorf("%d keys, %d skipped, %v", report.Keys, len(report.Skipped), report.Err)
		}
	})
}

// Members that mean nothing here are no reason to refuse a key.
func TestRemoteKeysUsualKeys(t *testing.T) {
	ec := jwkOf(t, generate(t, jwtauth.ES256)).with("kid", "k")
	for name, key := range map[string]jwk{
		"certificate":    ec.with("x5c", []string{"MIIB"}).with("x5t", "AAAA").with("x5t#S256", 7),
		"no use":         ec.with("use", nil),
		"no alg":         ec.with("alg", nil),
		"operations":     ec.with("use", nil).with("key_ops", []string{"verify"}),
		"issuer":         ec.with("issuer", "https://idp.example").with("revoked", nil),
		"lone surrogate": ec.with("comment", json.RawMessage(`"\ud800"`)),
	} {
		t.Run(name, func(t *testing.T) {
			keys, report := fetched(t, keySetText(t, key), jwtauth.RemoteKeysOptions{})
			got, err := keys.VerificationKeys(t.Context(), jwtauth.ES256, "k")
			if err != nil || len(got) != 1 || got[0].ID() != "k" || report.Err != nil || len(report.Skipped) != 0 {
				t.Errorf("%v, %v, %+v", got, err, report)
			}
		})
	}
}

func TestRemoteKeysAlgorithms(t *testing.T) {
	type algs = []jwtauth.Algorithm
	rsa := jwkOf(t, newKey(t, jwtauth.RS256, rsaKey())).with("kid", "k")
	ec := jwkOf(t, generate(t, jwtauth.ES384)).with("kid", "k")
	okp := jwkOf(t, generate(t, jwtauth.EdDSA)).with("kid", "k")
	cases := []struct {
		name    string
		key     jwk
		allowed algs
		want    jwtauth.Algorithm // "" = passed over
	}{
		{"RSA that says", rsa, nil, jwtauth.RS256},
		{"RSA that says another", rsa.with("alg", "PS512"), nil, jwtauth.PS512},
		{"RSA that does not say", rsa.with("alg", nil), nil, jwtauth.RS256},
		{"RSA that does not say, PS256 wanted", rsa.with("alg", nil), algs{jwtauth.ES256, jwtauth.PS256, jwtauth.RS256}, jwtauth.PS256},
		{"RSA that does not say, only RS512 wanted", rsa.with("alg", nil), algs{jwtauth.RS512}, jwtauth.RS512},
		{"RSA that does not say, no RSA wanted", rsa.with("alg", nil), algs{jwtauth.ES256}, ""},
		{"RSA that says what is not wanted", rsa, algs{jwtauth.PS256}, ""},
		{"RSA whose alg is null", rsa.with("alg", json.RawMessage("null")), nil, ""},
		{"EC that does not say", ec.with("alg", nil), nil, jwtauth.ES384},
		{"EC that does not say, not wanted", ec.with("alg", nil), algs{jwtauth.ES256}, ""},
		{"EdDSA", okp, algs{jwtauth.EdDSA}, jwtauth.EdDSA},
		{"Ed25519", okp.with("alg", "Ed25519"), algs{jwtauth.EdDSA}, jwtauth.EdDSA},
		{"OKP that does not say", okp.with("alg", nil), nil, jwtauth.EdDSA},
	}
	all := algs{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "none", ""}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			// Another one, so that the set is usable in any case.
			keys, _ := fetched(t, keySetText(t, c.key, jwkOf(t, generate(t, jwtauth.ES256)), jwkOf(t, generate(t, jwtauth.EdDSA)), rsa.with("kid", "other").with("alg", "PS256"), rsa.with("kid", "other").with("alg", "RS512")), jwtauth.RemoteKeysOptions{Algorithms: c.allowed})
			for _, alg := range all {
				got, err := keys.VerificationKeys(t.Context(), alg, "k")
				if err != nil || (len(got) == 1) != (alg == c.want && alg != "") || len(got) > 1 {
					t.Errorf("%s: %v, %v", alg, got, err)
				}
				if len(got) == 1 && got[0].Algorithm() != alg {
					t.Errorf("for %s there is a key for %s", alg, got[0].Algorithm())
				}
			}
		})
	}
}

func TestRemoteKeysSelect(t *testing.T) {
	a, b, c := generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA), generate(t, jwtauth.ES256)
	unnamed := generate(t, jwtauth.EdDSA)
	set := keySetText(t,
		jwkOf(t, a).with("kid", "same"), jwkOf(t, b).with("kid", "same"), jwkOf(t, c).with("kid", "same"), // one id, three keys
		jwkOf(t, a).with("kid", "same"), jwkOf(t, a).with("kid", "same").with("use", nil), // the first one again
		jwkOf(t, a).with("kid", "other"),
		jwkOf(t, unnamed).with("kid", nil),
	)
	keys, report := fetched(t, set, jwtauth.RemoteKeysOptions{})
	if report.Keys != 5 || len(report.Skipped) != 0 || report.Err != nil {
		t.Errorf("%+v", report)
	}
	thumbprint := unnamed.ID()
	for _, c := range []struct {
		alg  jwtauth.Algorithm
		kid  string
		want []string // thumbprints
	}{
		{jwtauth.EdDSA, "same", []string{a.ID(), b.ID()}},
		{jwtauth.ES256, "same", []string{c.ID()}},
		{jwtauth.EdDSA, "other", []string{a.ID()}},
		{jwtauth.ES256, "other", nil},
		{jwtauth.EdDSA, "Same", nil},
		{jwtauth.EdDSA, thumbprint, []string{thumbprint}},
		{jwtauth.EdDSA, a.ID(), nil}, // it goes by the ids that it was published with
		{jwtauth.EdDSA, "unknown", nil},
		{jwtauth.EdDSA, "", []string{a.ID(), b.ID(), a.ID(), thumbprint}},
	} {
		keys, err := keys.VerificationKeys(t.Context(), c.alg, c.kid)
		var got []string
		for _, key := range keys {
			got = append(got, key.WithID("").ID())
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s %q: %v, %v; want %v", c.alg, c.kid, got, err, c.want)
		}
	}
	// Each of those with one id verifies its own tokens.
	v := newVerifier(t, keys, jwtauth.VerifierOptions{Issuer: providerIssuer, Audience: []string{"api"}})
	for _, key := range []jwtauth.Key{a, b, c} {
		if _, err := v.VerifyToken(t.Context(), signed(t, key.WithID("same"))); err != nil {
			t.Errorf("%v: %v", key, err)
		}
	}
}

// Of a huge set 1,000 keys are read; of those with one id, 16 are tried.
func TestRemoteKeysMany(t *testing.T) {
	private := make([]jwtauth.Key, 20)
	var set []any
	for i := range 1001 {
		public, secret, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		kid := fmt.Sprint(i)
		if i < len(private) {
			private[i], kid = newKey(t, jwtauth.EdDSA, secret).WithID("same"), "same"
		}
		set = append(set, jwk{"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": base64.RawURLEncoding.EncodeToString(public)})
	}
	keys, report := fetched(t, keySetText(t, set...), jwtauth.RemoteKeysOptions{})
	if report.Keys != 1000 || len(report.Skipped) != 1 || !strings.Contains(report.Skipped[0].Error(), "at most 1000") {
		t.Errorf("%+v", report)
	}
	for kid, want := range map[string]int{"20": 1, "999": 1, "1000": 0, "same": 20} {
		if got, err := keys.VerificationKeys(t.Context(), jwtauth.EdDSA, kid); err != nil || len(got) != want {
			t.Errorf("%s: %d keys, %v", kid, len(got), err)
		}
	}
	v := newVerifier(t, keys, jwtauth.VerifierOptions{Issuer: providerIssuer, Audience: []string{"api"}})
	for i, key := range private {
		if _, err := v.VerifyToken(t.Context(), signed(t, key)); (err == nil) != (i < 16) {
			t.Errorf("key %d: %v", i, err)
		}
	}
}
