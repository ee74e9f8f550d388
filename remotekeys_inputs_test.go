package jwtauth_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// Key sets that providers really publish: each usable key is used, and an error
// names the damage.
func TestRemoteKeysInputs(t *testing.T) {
	const noSet = `the response is no key set: it is not a JSON object with an array "keys"`
	var rsa, ec struct{ N, E, X, Y string }
	for alg, into := range map[jwtauth.Algorithm]any{jwtauth.RS256: &rsa, jwtauth.ES256: &ec} {
		text, err := generate(t, alg).Public().MarshalJWK()
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	modulus, err := base64.RawURLEncoding.DecodeString(rsa.N)
	if err != nil {
		t.Fatal(err)
	}
	longModulus := base64.RawURLEncoding.EncodeToString(append([]byte{0}, modulus...))
	members := strings.NewReplacer("$RSA", `"kty":"RSA","n":"`+rsa.N+`","e":"`+rsa.E+`"`, "$EC", `"kty":"EC","crv":"P-256","x":"`+ec.X+`","y":"`+ec.Y+`"`)

	for name, want := range map[string]struct {
		set     string // in which $RSA and $EC stand for the members of a key
		alg     jwtauth.Algorithm
		kid     string
		skipped []string // the reasons
		err     string   // of Ready, if no key is usable
	}{
		"curves that are not supported": {`{"keys":[{"kty":"EC","crv":"secp256k1","kid":"a","x":"AA","y":"AA"},{"kty":"OKP","crv":"Ed448","kid":"b","x":"AA"},{$EC,"kid":"k1"}]}`, jwtauth.ES256, "k1", []string{
			`keys[0]: JWK has type EC and crv "secp256k1"; the supported curves are P-256, P-384 and P-521 (kid "a")`,
			`keys[1]: JWK has type OKP and crv "Ed448"; the supported curve is Ed25519 (kid "b")`,
		}, ""},
		"a key for encryption, as of Keycloak": {`{"keys":[{$RSA,"kid":"k1","alg":"RS256","use":"sig"},{$RSA,"kid":"k2","alg":"RSA-OAEP","use":"enc"}]}`, jwtauth.RS256, "k1", []string{
			`keys[1]: JWK has an unsupported alg: algorithm "RSA-OAEP" is not one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA (kid "k2")`,
		}, ""},
		"kid null":                        {`{"keys":[{$RSA,"alg":"RS256","use":"sig","kid":null}]}`, jwtauth.RS256, "", nil, ""},
		"a zero byte before n":            {`{"keys":[{"kty":"RSA","n":"` + longModulus + `","e":"AQAB","use":"sig","kid":"k1","alg":"RS256"}]}`, jwtauth.RS256, "k1", nil, ""},
		"no alg, as of Entra":             {`{"keys":[{$RSA,"use":"sig","kid":"k1","x5t":"k1","x5c":["MIIC"],"cloud_instance_name":"x"}]}`, jwtauth.RS256, "k1", nil, ""},
		"padding":                         {`{"keys":[{"kty":"RSA","n":"` + rsa.N + `==","e":"AQAB","use":"sig","kid":"k1","alg":"RS256"}]}`, jwtauth.RS256, "k1", nil, ""},
		"ext and key_ops, as of Supabase": {`{"keys":[{$EC,"alg":"ES256","ext":true,"key_ops":["verify"],"kid":"k1","use":"sig"}]}`, jwtauth.ES256, "k1", nil, ""},
		"use and key_ops null":            {`{"keys":[{$RSA,"use":null,"key_ops":null,"kid":"k1"}]}`, jwtauth.RS256, "k1", nil, ""},

		"a discovery document":                  {set: `{"issuer":"https://id.example","jwks_uri":"https://id.example/jwks"}`, err: noSet + "; it is a discovery document: use its jwks_uri, or pass its issuer to NewRemoteKeysFromIssuer"},
		"empty":                                 {set: `{"keys":[]}`, err: "the key set is empty"},
		"a map of certificates, as of Firebase": {set: `{"k1":"-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n"}`, err: noSet + "; it is a map of certificates: use the provider's URL of a JWK set"},
	} {
		t.Run(name, func(t *testing.T) {
			keys, report := fetched(t, members.Replace(want.set), jwtauth.RemoteKeysOptions{})
			if want.err != "" {
				err := keys.Ready(t.Context())
				if !errors.Is(err, jwtauth.ErrUnavailable) || err.Error() != "jwtauth: temporarily unavailable: keys of https://idp.example/keys: "+want.err {
					t.Errorf("got %v\nwant %s", err, want.err)
				}
				return
			}
			found, err := keys.VerificationKeys(t.Context(), want.alg, want.kid)
			if err != nil || len(found) != 1 || report.Keys != 1 {
				t.Fatalf("keys %v, error %v, report %+v", found, err, report)
			}
			var skipped []string
			for _, err := range report.Skipped {
				skipped = append(skipped, err.Error())
			}
			if !slices.Equal(skipped, want.skipped) {
				t.Errorf("skipped %q", skipped)
			}
		})
	}
}
