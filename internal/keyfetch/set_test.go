package keyfetch_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/keyfetch"
)

// jwk is a JSON Web Key that a test can change.
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

// jwkOf returns the public JWK of key.
func jwkOf(t testing.TB, key *jose.Key) jwk {
	t.Helper()
	text, err := key.AppendPublicJWK(nil)
	if err != nil {
		t.Fatal(err)
	}
	var k jwk
	if err := json.Unmarshal(text, &k); err != nil {
		t.Fatal(err)
	}
	return k
}

func keysText(t testing.TB, keys ...any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fetch returns a source that has fetched a set, and the report.
func fetch(t testing.TB, set string, changes ...func(*config)) (*source, keyfetch.Report) {
	t.Helper()
	reports := make(chan keyfetch.Report, 1)
	p := new(provider)
	p.replies(text(200, set))
	changes = append(changes, func(c *config) { c.OnFetch = func(r keyfetch.Report) { reports <- r } })
	s := p.source(t, changes...)
	_ = s.Ready(t.Context())
	return s, <-reports
}

var generateRSA = sync.OnceValues(func() (*jose.Key, error) { return jose.Generate(jose.RS256) })

func rsaKey(t testing.TB) *jose.Key {
	t.Helper()
	key, err := generateRSA()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// unusableKey is an element of a set that is no usable key.
type unusableKey struct {
	name string
	jwk  any
	want string // part of the report
}

func unusableKeys(t testing.TB) []unusableKey {
	t.Helper()
	ec, okp := jwkOf(t, generate(t, jose.ES256)).with("kid", "odd"), jwkOf(t, generate(t, jose.EdDSA)).with("kid", "odd")
	rsa := jwkOf(t, rsaKey(t)).with("kid", "odd")
	return []unusableKey{
		{"number", 1, "JWK"},
		{"null", nil, "JWK"},
		{"string", "key", "JWK"},
		{"array", []any{ec}, "JWK"},
		{"empty", jwk{}, "kty"},
		{"unknown type", ec.with("kty", "AKP"), `"AKP"`},
		{"type of another key", ec.with("kty", "RSA").with("alg", nil), `(kid "odd")`},
		{"unknown curve", ec.with("crv", "secp256k1"), "secp256k1"},
		{"X25519", okp.with("crv", "X25519"), "X25519"},
		{"unknown algorithm", rsa.with("alg", "RSA-OAEP"), "RSA-OAEP"},
		{"algorithm of another type", ec.with("alg", "RS256"), "RS256"},
		{"algorithm of another curve", ec.with("alg", "ES384"), "ES384"},
		{"symmetric algorithm", ec.with("alg", "HS256"), "HS256"},
		{"alg none", ec.with("alg", "none"), "none"},
		{"for encryption", rsa.with("use", "enc"), `"enc"`},
		{"for other operations", ec.with("key_ops", []string{"deriveKey"}).with("use", nil), "key_ops"},
		{"not on its curve", ec.with("x", ec["y"]), "x and y"},
		{"short", rsa.with("n", "u-SfdHPjFtGmzuoH6gheIIZ4nLwUHBQEtFGqOe0N8Js"), "256 bits"},
		{"exponent 1", rsa.with("e", "AQ"), "exponent"},
		{"member in another case", ec.with("Kid", "x"), "kid only in case"},
		{"kid of another type", ec.with("kid", 1), "kid"},
		{"long kid", ec.with("kid", strings.Repeat("k", 257)), "kid"},
		{"issuer of another type", ec.with("issuer", 1), "issuer"},
		{"private part", ec.with("d", ec["x"]), "secret part (d)"},
		{"prime", rsa.with("p", "AQAB"), "secret part (p)"},
		{"secret beside a public key", rsa.with("k", "AQAB"), "secret part (k)"},
		{"symmetric", jwk{"kty": "oct", "alg": "HS256", "kid": "odd", "k": strings.Repeat("A", 86)}, "secret part (k)"},
		{"symmetric without its secret", jwk{"kty": "oct", "alg": "HS256", "kid": "odd"}, "k"},
		{"large", ec.with("x5c", []string{strings.Repeat("A", 64<<10)}), "65536"},
		{"deep", ec.with("x", json.RawMessage(strings.Repeat("[", 5000)+strings.Repeat("]", 5000))), "x"},
		{"set within the set", jwk{"keys": []any{ec}}, "set of keys"},
		{"member twice", json.RawMessage(`{"kty":"EC","kty":"EC"}`), "kty"},
	}
}

// Unusable keys are skipped and reported. The keys beside them are not
// affected.
func TestUnusableKeys(t *testing.T) {
	good := generate(t, jose.EdDSA).WithID("good")
	goodJWK := jwkOf(t, good)
	cases := unusableKeys(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for i, set := range []string{keysText(t, c.jwk, goodJWK), keysText(t, goodJWK, c.jwk)} {
				s, report := fetch(t, set)
				want := fmt.Sprintf("keys[%d]: ", i)
				if report.Err != nil || report.Keys != 1 || len(report.Skipped) != 1 || !strings.HasPrefix(report.Skipped[0].Error(), want) || !strings.Contains(report.Skipped[0].Error(), c.want) {
					t.Errorf("reported %+v, want %q", report, want+"…"+c.want)
				}
				if n := len(fmt.Sprint(report.Skipped)); n > 250 {
					t.Errorf("the report has %d bytes", n)
				}
				wantLookup(t, s, good, found)
				if keys, err := s.Lookup(t.Context(), jose.ES256, ""); err != nil || len(keys) != 0 {
					t.Errorf("the unusable key: %v, %v", keys, err)
				}
			}
			// A set without any usable key is a failed fetch.
			if _, report := fetch(t, keysText(t, c.jwk)); report.Err == nil || report.Keys != 0 || len(report.Skipped) != 1 {
				t.Errorf("alone: reported %+v", report)
			}
		})
	}
	t.Run("all", func(t *testing.T) {
		var all []any
		for i := range 999 {
			c := cases[i%len(cases)]
			if c.name == "large" || c.name == "deep" {
				c.jwk = 1
			}
			all = append(all, c.jwk)
		}
		_, report := fetch(t, keysText(t, append(all, goodJWK)...))
		if report.Err != nil || report.Keys != 1 || len(report.Skipped) != 999 {
			t.Errorf("%d keys, %d skipped, %v", report.Keys, len(report.Skipped), report.Err)
		}
	})
}

// Members without a meaning here do not matter, nor do other members of a set.
func TestUsualKeys(t *testing.T) {
	ec, null := jwkOf(t, generate(t, jose.ES256)).with("kid", "k"), json.RawMessage("null")
	for name, set := range map[string]string{
		"certificate":          keysText(t, ec.with("x5c", []string{"MIIB"}).with("x5t", "AAAA").with("x5t#S256", 7)),
		"no use":               keysText(t, ec.with("use", nil)),
		"no alg":               keysText(t, ec.with("alg", nil)),
		"operations":           keysText(t, ec.with("use", nil).with("key_ops", []string{"verify"})),
		"issuer":               keysText(t, ec.with("issuer", issuerURL)),
		"null members":         keysText(t, ec.with("use", null).with("d", null).with("k", null).with("key_ops", null).with("issuer", null)),
		"no operations":        keysText(t, ec.with("key_ops", []string{})),
		"lone surrogate":       keysText(t, ec.with("comment", json.RawMessage(`"\ud800"`))),
		"other members first":  `{"a":[{"keys":1}],"b":{"keys":[]},` + keysText(t, ec)[1:],
		"other members behind": strings.TrimSuffix(keysText(t, ec), "}") + `,"a":[{"keys":1}],"b":"]}"}`,
		"white space":          " \n" + strings.ReplaceAll(keysText(t, ec), ":", "\t: ") + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s, report := fetch(t, set)
			keys, err := s.Lookup(t.Context(), jose.ES256, "k")
			if err != nil || len(keys) != 1 || keys[0].ID() != "k" || report.Err != nil || len(report.Skipped) != 0 {
				t.Errorf("%v, %v, %+v", keys, err, report)
			}
		})
	}
}

func TestKeyIDLimit(t *testing.T) {
	ec := jwkOf(t, generate(t, jose.ES256))
	for length, want := range map[int]int{1: 1, 256: 1, 257: 0} {
		id := strings.Repeat("k", length)
		s, report := fetch(t, keysText(t, ec.with("kid", id)))
		keys, _ := s.Lookup(t.Context(), jose.ES256, id)
		if report.Keys != want || len(keys) != want {
			t.Errorf("an ID of %d bytes: %d keys, reported %+v", length, len(keys), report)
		}
	}
}

func TestAlgorithms(t *testing.T) {
	type algs = []jose.Algorithm
	rsa := jwkOf(t, rsaKey(t)).with("kid", "k")
	ec := jwkOf(t, generate(t, jose.ES384)).with("kid", "k")
	okp := jwkOf(t, generate(t, jose.EdDSA)).with("kid", "k")
	others := []any{ // so that the set is usable in any case
		jwkOf(t, generate(t, jose.ES256)), jwkOf(t, generate(t, jose.EdDSA)),
		rsa.with("kid", "other").with("alg", "PS256"), rsa.with("kid", "other").with("alg", "RS512"),
	}
	for _, c := range []struct {
		name    string
		key     jwk
		allowed algs // nil: all
		want    jose.Algorithm
	}{
		{"RSA with alg", rsa, nil, jose.RS256},
		{"RSA with another alg", rsa.with("alg", "PS512"), nil, jose.PS512},
		{"RSA without alg", rsa.with("alg", nil), nil, jose.RS256},
		{"RSA without alg, PS256 first", rsa.with("alg", nil), algs{jose.ES256, jose.PS256, jose.RS256}, jose.PS256},
		{"RSA without alg, RS512 allowed", rsa.with("alg", nil), algs{jose.RS512}, jose.RS512},
		{"RSA without alg, not allowed", rsa.with("alg", nil), algs{jose.ES256}, ""},
		{"RSA with an alg that is not allowed", rsa, algs{jose.PS256}, ""},
		{"RSA with alg null", rsa.with("alg", json.RawMessage("null")), nil, jose.RS256},
		{"EC without alg", ec.with("alg", nil), nil, jose.ES384},
		{"EC without alg, not allowed", ec.with("alg", nil), algs{jose.ES256}, ""},
		{"EdDSA", okp, algs{jose.EdDSA}, jose.EdDSA},
		{"Ed25519", okp.with("alg", "Ed25519"), algs{jose.EdDSA}, jose.EdDSA},
		{"OKP without alg", okp.with("alg", nil), nil, jose.EdDSA},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := fetch(t, keysText(t, append([]any{c.key}, others...)...), func(config *config) {
				if c.allowed != nil {
					config.Algorithms = c.allowed
				}
			})
			for _, alg := range append(jose.Algorithms(), "none", "") {
				got, err := s.Lookup(t.Context(), alg, "k")
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

// The caller's list of algorithms may change afterwards.
func TestAlgorithmsAreCopied(t *testing.T) {
	p, key := new(provider), generate(t, jose.EdDSA)
	p.publishes(t, key)
	algs := []jose.Algorithm{jose.EdDSA}
	s := p.source(t, func(c *config) { c.Algorithms = algs })
	algs[0] = jose.ES256
	wantLookup(t, s, key, found)
}

func TestSelection(t *testing.T) {
	a, b, c := generate(t, jose.EdDSA), generate(t, jose.EdDSA), generate(t, jose.ES256)
	unnamed := generate(t, jose.EdDSA)
	s, report := fetch(t, keysText(t,
		jwkOf(t, a).with("kid", "same"), jwkOf(t, b).with("kid", "same"), jwkOf(t, c).with("kid", "same"),
		jwkOf(t, a).with("kid", "same"), jwkOf(t, a).with("kid", "same").with("use", nil), // repeat the first key
		jwkOf(t, a).with("kid", "other"),
		jwkOf(t, unnamed).with("kid", nil),
	))
	if report.Keys != 5 || len(report.Skipped) != 0 || report.Err != nil {
		t.Errorf("reported %+v", report)
	}
	thumbprint := unnamed.ID()
	for _, c := range []struct {
		alg  jose.Algorithm
		id   string
		want []string // thumbprints
	}{
		{jose.EdDSA, "same", []string{a.ID(), b.ID()}},
		{jose.ES256, "same", []string{c.ID()}},
		{jose.EdDSA, "other", []string{a.ID()}},
		{jose.ES256, "other", nil},
		{jose.EdDSA, "Same", nil},
		{jose.EdDSA, thumbprint, []string{thumbprint}},
		{jose.EdDSA, a.ID(), nil}, // the published ID counts
		{jose.EdDSA, "unknown", nil},
		{jose.EdDSA, "", []string{a.ID(), b.ID(), a.ID(), thumbprint}},
	} {
		keys, err := s.Lookup(t.Context(), c.alg, c.id)
		var got []string
		for _, key := range keys {
			got = append(got, key.Thumbprint())
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s %q: %v, %v; want %v", c.alg, c.id, got, err, c.want)
		}
	}
}

// Of a large set, the first 1,000 keys are read.
func TestManyKeys(t *testing.T) {
	var set []any
	for i := range 1001 {
		public, _, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		set = append(set, jwk{"kty": "OKP", "crv": "Ed25519", "kid": fmt.Sprint(i), "x": base64.RawURLEncoding.EncodeToString(public)})
	}
	if _, report := fetch(t, keysText(t, set[:1000]...)); report.Keys != 1000 || len(report.Skipped) != 0 || report.Err != nil {
		t.Errorf("1,000 keys: reported %+v", report)
	}
	s, report := fetch(t, keysText(t, set...))
	if report.Keys != 1000 || len(report.Skipped) != 1 || !strings.Contains(report.Skipped[0].Error(), "keys[1000] and later: only the first 1000 keys are read") {
		t.Errorf("1,001 keys: reported %+v", report)
	}
	for id, want := range map[string]int{"0": 1, "999": 1, "1000": 0} {
		if got, err := s.Lookup(t.Context(), jose.EdDSA, id); err != nil || len(got) != want {
			t.Errorf("%s: %d keys, %v", id, len(got), err)
		}
	}
}
