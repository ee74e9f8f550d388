package docs_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/seed-0a072700/jwtauth"
)

// signedAs returns a token of ruleClaims with any algorithm.
func signedAs(t testing.TB, method jwt.SigningMethod, key any, header object) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims(ruleClaims()))
	for name, value := range header {
		token.Header[name] = value
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// certificate is the x5c of a key.
func certificate(t testing.TB, key crypto.Signer) []string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return []string{base64.StdEncoding.EncodeToString(der)}
}

// oddJWKs are members of key sets in use that are no keys for signatures of
// this package, with the reason for which they are skipped.
func oddJWKs(t testing.TB) []struct {
	jwk    object
	reason string
} {
	const value = "AQABAQABAQABAQABAQABAQABAQABAQABAQABAQABAQA"
	return []struct {
		jwk    object
		reason string
	}{
		{jwk(strangerRSA, object{"kid": "enc", "alg": "RSA-OAEP", "use": "enc"}), `alg`},
		{jwk(strangerRSA, object{"kid": "enc2", "use": "enc"}), `use "enc"`},
		{jwk(strangerEC, object{"kid": "ecdh", "alg": "ECDH-ES+A256KW", "use": "enc"}), `alg`},
		{jwk(strangerRSA, object{"kid": "svid", "use": "jwt-svid"}), `use "jwt-svid"`},
		{object{"kty": "RSA", "use": "sig", "kid": "x5c", "x5c": certificate(t, strangerRSA)}, "member n"},
		{object{"kty": "OKP", "crv": "X25519", "kid": "x", "x": value}, "X25519"},
		{object{"kty": "OKP", "crv": "Ed448", "alg": "EdDSA", "kid": "ed448", "x": value}, "Ed448"},
		{object{"kty": "EC", "crv": "secp256k1", "alg": "ES256K", "kid": "k1", "x": value, "y": value}, "ES256K"},
		{object{"kty": "AKP", "alg": "ML-DSA-44", "kid": "pq", "pub": value}, "ML-DSA-44"},
		{object{"kty": "oct", "alg": "HS256", "kid": "secret", "k": value}, "secret part (k)"},
		{jwk(strangerRSA, object{"kid": 17, "alg": "RS256"}), "kid"},
		{jwk(strangerRSA, object{"kid": "ops", "key_ops": []string{"encrypt"}}), "key_ops"},
	}
}

// Key sets in the forms that providers publish verify the tokens of their keys,
// whatever stands beside them, and no other tokens.
func TestProviderKeySets(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	okp := object{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public)}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	second := newRSA()
	rs, ps, es, ed := jwt.SigningMethodRS256, jwt.SigningMethodPS256, jwt.SigningMethodES256, jwt.SigningMethodEdDSA
	kid := func(id string) object { return object{"kid": id} }
	zeros := jwk(rsaKey, kid("1"))
	zeros["n"] = base64.RawURLEncoding.EncodeToString(append([]byte{0}, rsaKey.N.Bytes()...))

	type token struct {
		name   string
		method jwt.SigningMethod
		key    any
		header object
		refuse string // "" if it is accepted
	}
	for _, c := range []struct {
		name   string
		keys   []object
		tokens []token
	}{
		{"no alg, no use (Entra, SPIRE)", []object{jwk(rsaKey, kid("a")), jwk(ecKey, kid("b"))}, []token{
			{"RS256", rs, rsaKey, kid("a"), ""},
			{"ES256", es, ecKey, kid("b"), ""},
			{"PS256 with a key for RS256", ps, rsaKey, kid("a"), "no key"},
			{"RS384", jwt.SigningMethodRS384, rsaKey, kid("a"), "no key"},
			{"the ID of the other key", rs, rsaKey, kid("b"), "no key"},
			{"the ID in another case", rs, rsaKey, kid("A"), "no key"},
			{"no ID", rs, rsaKey, object{}, ""},
		}},
		{"no ID", []object{jwk(rsaKey, object{"alg": "RS256"}), jwk(second, object{"alg": "RS256"})}, []token{
			{"the first", rs, rsaKey, object{}, ""},
			{"the second", rs, second, object{}, ""},
			{"a stranger's", rs, strangerRSA, object{}, "signature"},
		}},
		{"two keys with one ID", []object{jwk(rsaKey, kid("1")), jwk(second, kid("1"))}, []token{
			{"the first", rs, rsaKey, kid("1"), ""},
			{"the second", rs, second, kid("1"), ""},
			{"a stranger's", rs, strangerRSA, kid("1"), "signature"},
		}},
		{"two types with one ID", []object{jwk(rsaKey, kid("1")), jwk(ecKey, kid("1")), jwk(p384, kid("1"))}, []token{
			{"RSA", rs, rsaKey, kid("1"), ""},
			{"EC", es, ecKey, kid("1"), ""},
			{"another curve", jwt.SigningMethodES384, p384, kid("1"), ""},
		}},
		{"one key for two algorithms", []object{jwk(rsaKey, object{"kid": "1", "alg": "RS256"}), jwk(rsaKey, object{"kid": "1", "alg": "PS256"})}, []token{
			{"RS256", rs, rsaKey, kid("1"), ""},
			{"PS256", ps, rsaKey, kid("1"), ""},
			{"PS384", jwt.SigningMethodPS384, rsaKey, kid("1"), "no key"},
		}},
		{"Ed25519", []object{okp.with(object{"kid": "1", "alg": "EdDSA"}), okp.with(object{"kid": "2", "alg": "Ed25519"}), okp.with(kid("3"))}, []token{
			{"EdDSA", ed, private, kid("1"), ""},
			{"the name of RFC 9864", ed, private, object{"kid": "2", "alg": "Ed25519"}, ""},
			{"one of each", ed, private, kid("2"), ""},
			{"no alg", ed, private, kid("3"), ""},
			{"the name of another curve", ed, private, object{"kid": "1", "alg": "Ed448"}, "no key"},
		}},
		{"members with null, and zeros (.NET, Java)", []object{zeros.with(object{"alg": nil, "use": nil, "d": nil, "key_ops": []string{}, "x5c": nil})}, []token{
			{"RS256", rs, rsaKey, kid("1"), ""},
		}},
		{"certificates of another key", []object{jwk(rsaKey, object{"kid": "1", "x5c": certificate(t, strangerRSA), "x5t": "a", "x5u": "https://attacker.example/x5u"})}, []token{
			{"the key", rs, rsaKey, kid("1"), ""},
			{"the key of the certificate", rs, strangerRSA, kid("1"), "signature"},
		}},
		{"a small key beside", []object{jwk(small, kid("0")), jwk(rsaKey, kid("1"))}, []token{
			{"RS256", rs, rsaKey, kid("1"), ""},
			{"the small key", rs, small, kid("0"), "no key"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			odd := oddJWKs(t)
			keys := slices.Clone(c.keys)
			for i, o := range odd { // in front and behind
				keys = slices.Insert(keys, i%2*len(keys), o.jwk)
			}
			url := "https://keys.acme.example/" + strings.ReplaceAll(c.name, " ", "-")
			internet.publish(t, url, keySet(keys...).with(object{"issuer": "https://other.example", "spiffe_sequence": 1}))
			fetched := make(chan jwtauth.KeyFetch, 100)
			remote, err := jwtauth.NewRemoteKeys(url, jwtauth.RemoteKeysOptions{OnFetch: func(f jwtauth.KeyFetch) { fetched <- f }})
			if err != nil {
				t.Fatal(err)
			}
			v := rulesVerifier(t, remote)
			var f figures
			for _, token := range c.tokens {
				f.check(t, v, signedAs(t, token.method, token.key, token.header), tokenCase{name: token.name, refuse: token.refuse})
			}
			skipped := errors.Join((<-fetched).Skipped...)
			for _, o := range odd {
				if !strings.Contains(skipped.Error(), o.reason) {
					t.Errorf("no key was skipped because of %s:\n%v", o.reason, skipped)
				}
			}
			t.Logf("%d accepted, %d refused", f.accepted, f.refused)
		})
	}
}
