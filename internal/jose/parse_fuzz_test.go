package jose_test

import (
	"bytes"
	"encoding/pem"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// FuzzParseKey checks that Parse never panics, and that the forms in which a
// parsed key is written parse to the same key.
func FuzzParseKey(f *testing.F) {
	for _, alg := range jose.Algorithms() {
		material := materialFor(alg)
		jwk := jwkOf(material)
		f.Add(string(alg), []byte(jwkWith(jwk, nil)))
		f.Add("", []byte(jwkWith(jwk, map[string]any{"alg": alg, "kid": "a", "use": "sig", "key_ops": []string{"sign", "verify"}})))
		f.Add("", []byte(jwkWith(jwk, map[string]any{"key_ops": []string{"verify"}, "ext": true, "KID": 1})))
		f.Add("", []byte(jwkWith(jwk, map[string]any{"key_ops": []string{"verify"}, "ext": true})))
		k := must(jose.New(alg, material))
		f.Add("", must(k.MarshalJWK()))
		if !alg.Symmetric() {
			private, public := must(k.MarshalPEM()), must(k.Public().MarshalPEM())
			f.Add(string(alg), private)
			f.Add("", public)
			f.Add("", must(k.AppendPublicJWK(nil)))
			f.Add("", append(private, public...))
		}
	}
	for _, text := range refusedTexts {
		f.Add("", []byte(text))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		alg := jose.Algorithm(name)
		k, err := jose.Parse(alg, data)
		if err != nil {
			if k != nil {
				t.Fatalf("%v, %v", k, err)
			}
			return
		}
		if alg != "" && k.Algorithm() != alg || k.Check() != nil {
			t.Fatalf("for %q: %v", alg, k)
		}
		if k.CanSign() {
			if token := signed(t, k, input); !verifies(k, token) {
				t.Fatalf("%v does not verify its own token", k)
			}
		}
		object, err := k.MarshalJWK()
		if err != nil {
			t.Fatal(err)
		}
		again, err := jose.Parse("", object)
		if err != nil || again.String() != k.String() || again.CanSign() != k.CanSign() {
			t.Fatalf("%v by JWK is %v, %v", k, again, err)
		}
		if twice, err := again.MarshalJWK(); err != nil || !bytes.Equal(twice, object) {
			t.Fatalf("JWK is %q, then %q (%v)", object, twice, err)
		}
		if !k.Symmetric() {
			checkPublicForms(t, k)
		}
	})
}

// checkPublicForms writes a key as PEM and as public JWK, and parses both.
func checkPublicForms(t *testing.T, k *jose.Key) {
	text, err := k.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	again, err := jose.Parse(k.Algorithm(), text)
	if err != nil || again.ID() != k.WithID("").ID() || again.CanSign() != k.CanSign() {
		t.Fatalf("%v by PEM is %v, %v", k, again, err)
	}
	if twice, err := again.MarshalPEM(); err != nil || !bytes.Equal(twice, text) {
		t.Fatalf("PEM is %q, then %q (%v)", text, twice, err)
	}
	object, err := k.AppendPublicJWK(nil)
	if err != nil {
		t.Fatal(err)
	}
	if again, err = jose.Parse("", object); err != nil || again.ID() != k.ID() || again.Algorithm() != k.Algorithm() || again.CanSign() {
		t.Fatalf("%v by public JWK is %v, %v", k, again, err)
	}
}

// refusedTexts are not keys.
var refusedTexts = []string{
	"", " ", "{", "{}", "[]", "null", `""`, `{"kty":"oct"}`, `{"kty":"oct","k":""}`, `{"keys":[]}`,
	`{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`,
	`{"kty":"EC","crv":"P-256","x":"","y":""}`, `{"kty":"OKP","crv":"Ed25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`,
	`{"kty":"RSA","n":"AQAB","e":"AQAB"}`, `{"kty":1}`, `{"kty":null}`, `{"kty":"oct","kty":"oct"}`, `{"kty":"oct","K":""}`,
	"-----BEGIN PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
	"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n",
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
	"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
	string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{0x30, 0}})),
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA", "ssh-ed25519 AAAA",
}
