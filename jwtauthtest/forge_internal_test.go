package jwtauthtest

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// Forged tokens verify with the attacker's key, for every algorithm.
func TestForgerSigns(t *testing.T) {
	token := mustParse(t, Token(t, "alice", nil))
	for _, alg := range []jwtauth.Algorithm{
		jwtauth.HS256, jwtauth.HS384, jwtauth.HS512, jwtauth.RS256, jwtauth.RS384, jwtauth.RS512, jwtauth.PS256, jwtauth.PS384,
		jwtauth.PS512, jwtauth.ES256, jwtauth.ES384, jwtauth.ES512, jwtauth.EdDSA, "Ed25519", "unknown",
	} {
		t.Run(string(alg), func(t *testing.T) {
			f := newForger(string(alg))
			if alg == "Ed25519" || alg == "unknown" {
				alg = jwtauth.EdDSA
			}
			jwk, err := json.Marshal(f.jwk)
			if err != nil {
				t.Fatal(err)
			}
			key, err := jwtauth.ParseKey(alg, jwk)
			if err != nil {
				t.Fatal(err)
			}
			verify(t, key, f.forged(token, map[string]any{}))
			if f.pair == nil {
				return
			}
			der, err := base64.StdEncoding.DecodeString(f.x5c()[0])
			if err != nil {
				t.Fatal(err)
			}
			certificate, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			if key, err = jwtauth.NewKey(alg, certificate.PublicKey); err != nil {
				t.Fatal(err)
			}
			verify(t, key, f.forged(token, map[string]any{"kid": nil}))
		})
	}
}

func TestGuessedSigns(t *testing.T) {
	token := mustParse(t, Token(t, "alice", nil))
	secret := string(forgedSecret())[:64]
	for _, test := range []struct{ alg, want string }{{"HS256", "HS256"}, {"HS384", "HS384"}, {"HS512", "HS512"}, {"ES256", "HS256"}} {
		token.alg = test.alg
		key, err := jwtauth.NewKey(jwtauth.Algorithm(test.want), []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		verify(t, key, guessed(token, secret))
	}
}

// verify checks that a forged token verifies with key and has the claim of
// forged tokens.
func verify(t *testing.T, key jwtauth.Key, token string) {
	t.Helper()
	keys, err := jwtauth.StaticKeys(key)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{Issuer: Issuer, Audience: []string{Audience}})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := verifier.VerifyToken(t.Context(), token)
	if err != nil {
		t.Fatalf("the forged token is refused: %v", err)
	}
	var private map[string]any
	if err := claims.Decode(&private); err != nil || private["jwtauthtest"] != "forged" {
		t.Errorf("private claims %v, error %v", private, err)
	}
}

func mustParse(t *testing.T, text string) jws {
	t.Helper()
	k, err := parseJWS(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
