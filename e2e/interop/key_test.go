package interop_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/node"
)

// Node's keys, in every form that Node writes, work here like there, and have
// the same ID (RFC 7638).
func TestKeysFromNode(t *testing.T) {
	n := peer(t)
	for _, alg := range []jwtauth.Algorithm{jwtauth.RS256, jwtauth.PS512, jwtauth.ES256, jwtauth.ES384, jwtauth.ES512, jwtauth.EdDSA} {
		pair := node.Get[struct {
			Thumbprint      string
			Private, Public map[string]json.RawMessage
		}](t, n, "generate", node.Object{"alg": alg})
		publicJWK := node.Object{"jwk": pair.Public["jwk"]}
		privateJWK := node.Object{"jwk": pair.Private["jwk"]}
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
				node.Get[any](t, n, "verify", node.Object{"lib": "jose", "alg": alg, "key": publicJWK, "token": token, "issuer": issuerName, "audience": audience})
			})
		}
		token := node.Get[string](t, n, "sign", node.Object{"lib": "jose", "alg": alg, "key": privateJWK,
			"claims": node.Object{"iss": issuerName, "sub": "1", "aud": audience, "exp": time.Now().Add(time.Hour).Unix()}})
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
	n := peer(t)
	for _, alg := range algorithms {
		if strings.HasPrefix(string(alg), "HS") {
			continue // there is no PEM form
		}
		p := newParty(t, alg, 0)
		for name, half := range map[string]struct {
			key  jwtauth.Key
			form node.Object
		}{
			"private": {p.key, p.private},
			"public":  {p.key.Public(), p.public},
		} {
			t.Run(string(alg)+"/"+name, func(t *testing.T) {
				there := node.Get[struct {
					JWK        json.RawMessage
					Thumbprint string
				}](t, n, "jwk", node.Object{"alg": alg, "key": half.form})
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
	n := peer(t)
	p := newParty(t, jwtauth.PS384, 0)
	there := node.Get[struct{ JWK map[string]any }](t, n, "jwk", node.Object{"alg": "PS384", "key": p.public})
	there.JWK["alg"], there.JWK["kid"], there.JWK["use"] = "PS384", "2026-11", "sig"
	text, err := json.Marshal(there.JWK)
	check(t, err)
	key, err := jwtauth.ParseKey("", text)
	check(t, err)
	if key.Algorithm() != jwtauth.PS384 || key.ID() != "2026-11" {
		t.Errorf("alg %s, id %q", key.Algorithm(), key.ID())
	}
	token := node.Get[string](t, n, "sign", node.Object{"lib": "jose", "alg": "PS384", "key": p.private, "kid": "2026-11",
		"claims": node.Object{"iss": issuerName, "sub": "1", "aud": audience, "exp": time.Now().Add(time.Hour).Unix()}})
	_, err = verify(t, key, token)
	check(t, err)
}
