package jwtauth_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// Key sets that providers really publish: each usable key is used, and an error
// names the damage.
func TestRemoteKeysInputs(t *testing.T) {
	const noSet = `the response is no key set: it is not a JSON object with an array "keys"`
	for name, want := range map[string]struct {
		alg     jwtauth.Algorithm
		kid     string
		skipped []string // the reasons
		err     string   // of Ready, if no key is usable
	}{
		"jwks_es256k_and_ed448_beside.json": {jwtauth.ES256, "k1", []string{
			`keys[0]: JWK has type EC and crv "secp256k1"; the supported curves are P-256, P-384 and P-521 (kid "a")`,
			`keys[1]: JWK has type OKP and crv "Ed448"; the supported curve is Ed25519 (kid "b")`,
		}, ""},
		"jwks_keycloak_with_enc_key.json": {jwtauth.RS256, "k1", []string{
			`keys[1]: JWK has an unsupported alg: algorithm "RSA-OAEP" is not one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA (kid "k2")`,
		}, ""},
		"jwks_kid_null.json":             {jwtauth.RS256, "", nil, ""},
		"jwks_modulus_leading_zero.json": {jwtauth.RS256, "k1", nil, ""},
		"jwks_no_alg_azure_like.json":    {jwtauth.RS256, "k1", nil, ""},
		"jwks_padded_base64url.json":     {jwtauth.RS256, "k1", nil, ""},
		"jwks_supabase_like.json":        {jwtauth.ES256, "k1", nil, ""},
		"jwks_use_null.json":             {jwtauth.RS256, "k1", nil, ""},

		"jwks_discovery_document_instead.json": {err: noSet + "; it is a discovery document: use its jwks_uri, or pass its issuer to NewRemoteKeysFromIssuer"},
		"jwks_empty.json":                      {err: "the key set is empty"},
		"jwks_firebase_x509_map.json":          {err: noSet + "; it is a map of certificates: use the provider's URL of a JWK set"},
	} {
		t.Run(name, func(t *testing.T) {
			keys, report := fetched(t, input(t, name), jwtauth.RemoteKeysOptions{})
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
