package jwtauth_test

import (
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// The exact errors of the constructors for keys. The tests of internal/jose
// have those of damaged PEM.
func TestKeyErrorTexts(t *testing.T) {
	private, public := generate(t, jwtauth.ES256), generate(t, jwtauth.ES256).Public()
	pem := string(keyMust(private.MarshalPEM()))
	jwk := string(keyMust(private.MarshalJWK()))
	rsa := generate(t, jwtauth.RS256)
	parse := func(alg jwtauth.Algorithm, text string) error {
		_, err := jwtauth.ParseKey(alg, []byte(text))
		return err
	}
	env := func(value string) error {
		t.Setenv("TOKEN_SECRET", value)
		_, err := jwtauth.KeyFromEnv("TOKEN_SECRET")
		return err
	}
	secret := func(alg jwtauth.Algorithm, text string) error {
		_, err := jwtauth.NewKey(alg, []byte(text))
		return err
	}
	static := func(keys ...jwtauth.Key) error {
		_, err := jwtauth.StaticKeys(keys...)
		return err
	}
	os.Unsetenv("TOKEN_UNSET")
	_, unset := jwtauth.KeyFromEnv("TOKEN_UNSET")
	_, zero := jwtauth.NewIssuer(jwtauth.Key{}, jwtauth.IssuerOptions{})
	_, verifyOnly := jwtauth.NewIssuer(public, jwtauth.IssuerOptions{})
	_, unknown := jwtauth.GenerateKey("ES256K")
	for _, c := range []struct {
		setup string
		err   error
		want  string
	}{
		{"KeyFromEnv, the variable is not set", unset, "environment variable TOKEN_UNSET: not set or empty; set it to a secret of at least 32 bytes (openssl rand -base64 32), or to a key as PEM or JWK"},
		{"KeyFromEnv, a password", env("hunter2"), "environment variable TOKEN_SECRET: HS256 key is 7 bytes; RFC 7518, section 3.2, requires at least 32 (openssl rand -base64 32)"},
		{"KeyFromEnv, jwt.io's secret", env("a-string-secret-at-least-256-bits-long"), "environment variable TOKEN_SECRET: HS256 key is a published example or default, so anyone can sign with it; use a random one (openssl rand -base64 32)"},
		{"KeyFromEnv, 32 times a", env(strings.Repeat("a", 32)), "environment variable TOKEN_SECRET: HS256 key has fewer than 8 distinct bytes, so it can be guessed; use a random one (openssl rand -base64 32)"},
		{"KeyFromEnv, a fingerprint", env("SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"), "environment variable TOKEN_SECRET: HS256 key is the fingerprint of a key, which is public; use a random one (openssl rand -base64 32)"},
		{"KeyFromEnv, a variable that was not replaced", env("${TOKEN_SECRET_FROM_THE_VAULT}"), "environment variable TOKEN_SECRET: is in quotes or brackets, or refers to something else; set the variable to the value itself"},
		{"KeyFromEnv, a line break at the end", env(base64.StdEncoding.EncodeToString(make([]byte, 30)) + "\n"), "environment variable TOKEN_SECRET: begins or ends with white space or a byte order mark; remove it, or pass the exact bytes to NewKey"},
		{"NewKey(HS512, …), 32 bytes", secret(jwtauth.HS512, "0123456789abcdefghijklmnopqrstuv"), "HS512 key is 32 bytes; RFC 7518, section 3.2, requires at least 64 (openssl rand -base64 64)"},
		{"NewKey(HS256, …), the PEM of a public key", secret(jwtauth.HS256, string(keyMust(public.MarshalPEM()))), "HS256 key is PEM, not a secret; ParseKey reads PEM and JWK"},
		{"NewKey(ES256, …), a string", func() error { _, err := jwtauth.NewKey(jwtauth.ES256, "text"); return err }(), "ES256 key is a string; it must be an *ecdsa.PrivateKey or *ecdsa.PublicKey on P-256, or a crypto.Signer with such a public key"},
		{"GenerateKey(\"ES256K\")", unknown, `algorithm "ES256K" is not one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA`},
		{"ParseKey, an empty file", parse("", ""), "key text is empty; it must be PEM or a JWK"},
		{"ParseKey, a secret", parse("", "0123456789abcdefghijklmnopqrstuv"), "key text is neither PEM (-----BEGIN …) nor a JWK ({…}); use NewKey for a secret"},
		{"ParseKey, PEM that was cut", parse("", pem[:100]), "PEM block is damaged or cut short: it has no END line"},
		{"ParseKey, PEM in an e-mail", parse("", "The key:\n"+pem), "PEM block is preceded by other text; extract the key (openssl pkey -in bundle.pem -out key.pem)"},
		{"ParseKey(RS256), an EC key", parse(jwtauth.RS256, pem), "RS256 key is an ECDSA key; it must be an *rsa.PrivateKey or *rsa.PublicKey, or a crypto.Signer with such a public key"},
		{"ParseKey, a JWK that was cut", parse("", jwk[:40]), "JWK is JSON that was cut short"},
		{"ParseKey, a JWK of Python's str()", parse("", "{'kty': 'oct'}"), "JWK has single quotes; JSON has double quotes"},
		{"GenerateKey(\"es256\")", func() error { _, err := jwtauth.GenerateKey("es256"); return err }(), `algorithm "es256" is not one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA; write ES256: names of algorithms are case-sensitive`},
		{"ParseKey, a JWK set", parse("", `{"keys":[`+jwk+`]}`), "JWK is a set of keys; pass one of its keys"},
		{"ParseKey, an encryption key", parse("", strings.Replace(jwk, `"use":"sig"`, `"use":"enc"`, 1)), `JWK has use "enc"; for signatures it must be "sig" or absent`},
		{"NewIssuer, the zero Key", zero, "NewIssuer: key: key is the zero Key; create one with NewKey, ParseKey, KeyFromEnv or GenerateKey (Public of an HS… key is the zero Key)"},
		{"NewIssuer, a public key", verifyOnly, "NewIssuer: key: has no private part to sign with"},
		{"StaticKeys()", static(), "StaticKeys: keys: is empty"},
		{"StaticKeys, one key twice", static(rsa, rsa), "StaticKeys: keys[1]: is the same key as an earlier one; pass it once, or give it another ID with WithID"},
		{"StaticKeys, four keys on P-521 without IDs", static(generate(t, jwtauth.ES512), generate(t, jwtauth.ES512), generate(t, jwtauth.ES512), generate(t, jwtauth.ES512)), `StaticKeys: keys[3]: is never tried on a token without a "kid", because only 3 of the ES512 keys are; give it the ID that its issuer uses (WithID), or remove other keys`},
	} {
		t.Logf("%s\n\t%v", c.setup, c.err)
		if c.err == nil || c.err.Error() != "jwtauth: "+c.want {
			t.Errorf("%s:\n got %v\nwant jwtauth: %s", c.setup, c.err, c.want)
		}
	}
}

// The exact text that OnError receives if the keys of a provider cannot be
// fetched or used.
func TestRemoteKeysErrorTexts(t *testing.T) {
	symmetric := `{"keys":[{"kty":"oct","kid":"a","k":"c2VjcmV0"}]}`
	for _, c := range []struct {
		setup  string
		status int
		body   string
		want   string
	}{
		{"the path of the key set is wrong", 404, "not found", "the response has status 404"},
		{"the provider is down", 503, "", "the response has status 503"},
		{"a login page instead of the set", 200, "<!DOCTYPE html><html></html>", `the response is no key set: it is not a JSON object with an array "keys"`},
		{"the array without its object", 200, "[]", `the response is no key set: it is not a JSON object with an array "keys"`},
		{"a single JWK", 200, `{"kty":"EC","crv":"P-256","kid":"a"}`, `the response is no key set: it is not a JSON object with an array "keys"`},
		{"keys is an object", 200, `{"keys":{}}`, `the response is no key set: it is not a JSON object with an array "keys"`},
		{"the discovery document", 200, `{"issuer":"https://idp.example","jwks_uri":"https://idp.example/keys"}`, `the response is no key set: it is not a JSON object with an array "keys"; it is a discovery document: use its jwks_uri, or pass its issuer to NewRemoteKeysFromIssuer`},
		{"the certificates of Firebase", 200, `{"a":"-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n"}`, `the response is no key set: it is not a JSON object with an array "keys"; it is a map of certificates: use the provider's URL of a JWK set`},
		{"an empty set", 200, `{"keys":[]}`, "the key set is empty"},
		{"a set of secrets", 200, symmetric, `the key set has no usable key; the first problem: keys[0]: JWK (kid "a") contains a secret part (k), so anyone who reads the set could sign with it`},
		{"a set of encryption keys", 200, `{"keys":[{"kty":"RSA","use":"enc","kid":"a","n":"AQAB","e":"AQAB"}]}`, `the key set has no usable key; the first problem: keys[0]: JWK has use "enc"; for signatures it must be "sig" or absent (kid "a")`},
		{"a set of 1024 bits", 200, `{"keys":[{"kty":"RSA","kid":"a","n":"` + strings.Repeat("q", 170) + `g","e":"AQAB"}]}`, `the key set has no usable key; the first problem: keys[0]: JWK is refused: RSA key is 1024 bits; RFC 7518, section 3.3, requires at least 2048 (openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem) (kid "a")`},
		{"a document of 2 MiB", 200, strings.Repeat(" ", 2<<20), "the response has more than 1048576 bytes"},
	} {
		p := new(provider)
		p.replies(responds(c.status, c.body))
		_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		_, err := v.VerifyToken(t.Context(), signed(t, generate(t, jwtauth.ES256)))
		t.Logf("%s\n\t%v", c.setup, err)
		if !errors.Is(err, jwtauth.ErrUnavailable) || err.Error() != "jwtauth: temporarily unavailable: keys of https://idp.example/keys: "+c.want {
			t.Errorf("%s:\n got %v\nwant %s", c.setup, err, c.want)
		}
	}
}

// A key that the provider has withdrawn, or never had: no option of this
// service would help.
func TestRemoteKeyUnknownText(t *testing.T) {
	p := new(provider)
	key := generate(t, jwtauth.ES256)
	p.publishes(t, key)
	_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
	if _, err := v.VerifyToken(t.Context(), signed(t, key)); err != nil {
		t.Fatal(err)
	}
	want := "jwtauth: " + unknownKey + "no ES256 key of the key set has the ID in kid: the issuer does not publish it (any more), or another issuer made the token"
	if _, err := v.VerifyToken(t.Context(), signed(t, generate(t, jwtauth.ES256))); err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}
