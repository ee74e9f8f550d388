package interop_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// Node's keys, in every form that Node writes, work here like there, and have
// the same ID (RFC 7638).
func TestKeysFromNode(t *testing.T) {
	n := node(t)
	for _, alg := range []jwtauth.Algorithm{jwtauth.RS256, jwtauth.PS512, jwtauth.ES256, jwtauth.ES384, jwtauth.ES512, jwtauth.EdDSA} {
		pair := get[struct {
			Thumbprint      string
			Private, Public map[string]json.RawMessage
		}](t, n, "generate", object{"alg": alg})
		publicJWK := object{"jwk": pair.Public["jwk"]}
		privateJWK := object{"jwk": pair.Private["jwk"]}
		parse := func(t *testing.T, form string, data json.RawMessage) jwtauth.Key {
			t.Helper()
			key, err := jwtauth.ParseKey(alg, keyFile(t, form, data))
			check(t, err)
			if key.ID() != pair.Thumbprint || key.Algorithm() != alg {
				t.Errorf("id %q, alg %s, want %q, %s", key.ID(), key.Algorithm(), pair.Thumbprint, alg)
			}
			return key
		}

		for form, data := range pair.Private {
			t.Run(string(alg)+"/private/"+form, func(t *testing.T) {
				token := sign(t, parse(t, form, data), sample)
				get[any](t, n, "verify", object{"lib": "jose", "alg": alg, "key": publicJWK, "token": token, "issuer": issuerName, "audience": audience})
			})
		}
		token := get[string](t, n, "sign", object{"lib": "jose", "alg": alg, "key": privateJWK,
			"claims": object{"iss": issuerName, "aud": audience, "exp": time.Now().Add(time.Hour).Unix()}})
		for form, data := range pair.Public {
			t.Run(string(alg)+"/public/"+form, func(t *testing.T) {
				_, err := verify(t, parse(t, form, data), token)
				check(t, err)
			})
		}
	}
}

// keyFile returns the content of a key file: a JWK as it is, or the text of a
// PEM.
func keyFile(t *testing.T, form string, data json.RawMessage) []byte {
	t.Helper()
	if form == "jwk" {
		return data
	}
	var text string
	check(t, json.Unmarshal(data, &text))
	return []byte(text)
}

// Node reads our keys from their PEM, derives the same ID, and returns an
// unchanged JWK.
func TestKeysToNode(t *testing.T) {
	n := node(t)
	for _, alg := range algorithms {
		if strings.HasPrefix(string(alg), "HS") {
			continue // there is no PEM form
		}
		p := newParty(t, alg, 0)
		for name, half := range map[string]struct {
			key  jwtauth.Key
			form object
		}{
			"private": {p.key, p.private},
			"public":  {p.key.Public(), p.public},
		} {
			t.Run(string(alg)+"/"+name, func(t *testing.T) {
				there := get[struct {
					JWK        json.RawMessage
					Thumbprint string
				}](t, n, "jwk", object{"alg": alg, "key": half.form})
				if there.Thumbprint != half.key.ID() {
					t.Errorf("Node names it %q, we %q", there.Thumbprint, half.key.ID())
				}
				back, err := jwtauth.ParseKey(alg, there.JWK)
				check(t, err)
				want, err := half.key.MarshalPEM()
				check(t, err)
				if got, err := back.MarshalPEM(); err != nil || !bytes.Equal(got, want) {
					t.Errorf("came back as another key (%v)", err)
				}
			})
		}
	}
}

// A JWK with an algorithm and an ID, as in a JWKS, needs no further option.
func TestJWKNamesItself(t *testing.T) {
	n := node(t)
	p := newParty(t, jwtauth.PS384, 0)
	there := get[struct{ JWK map[string]any }](t, n, "jwk", object{"alg": "PS384", "key": p.public})
	there.JWK["alg"], there.JWK["kid"], there.JWK["use"] = "PS384", "2026-11", "sig"
	text, err := json.Marshal(there.JWK)
	check(t, err)
	key, err := jwtauth.ParseKey("", text)
	check(t, err)
	if key.Algorithm() != jwtauth.PS384 || key.ID() != "2026-11" {
		t.Errorf("alg %s, id %q", key.Algorithm(), key.ID())
	}
	token := get[string](t, n, "sign", object{"lib": "jose", "alg": "PS384", "key": p.private, "kid": "2026-11",
		"claims": object{"iss": issuerName, "aud": audience, "exp": time.Now().Add(time.Hour).Unix()}})
	_, err = verify(t, key, token)
	check(t, err)
}
