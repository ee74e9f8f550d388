package jwtauthtest_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/seed-0a072700/jwtauth"
)

// gullible is middleware that verifies a token with the key in the token's own
// header. If the header contains no key, it is correct.
type gullible struct {
	issuer *jwtauth.Issuer
	next   http.Handler
}

func (g *gullible) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var verifier jwtauth.TokenVerifier = g.issuer
	segment, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	if text, err := base64.RawURLEncoding.DecodeString(segment); err == nil {
		if key, err := keyInHeader(text); err == nil {
			if keys, err := jwtauth.StaticKeys(key); err == nil {
				verifier, _ = jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{AnyIssuer: true, AnyAudience: true, Check: acceptAll})
			}
		}
	}
	jwtauth.Verify(verifier)(g.next).ServeHTTP(w, r)
}

func keyInHeader(text []byte) (jwtauth.Key, error) {
	var header struct {
		Algorithm    jwtauth.Algorithm `json:"alg"`
		Key          json.RawMessage   `json:"jwk"`
		Address      string            `json:"jku"`
		Certificates [][]byte          `json:"x5c"`
	}
	if err := json.Unmarshal(text, &header); err != nil {
		return jwtauth.Key{}, err
	}
	switch {
	case header.Key != nil:
		return jwtauth.ParseKey(header.Algorithm, header.Key)
	case header.Certificates != nil:
		certificate, err := x509.ParseCertificate(header.Certificates[0])
		if err != nil {
			return jwtauth.Key{}, err
		}
		return jwtauth.NewKey(header.Algorithm, certificate.PublicKey)
	case strings.HasPrefix(header.Address, "http://"):
		response, err := http.Get(header.Address)
		if err != nil {
			return jwtauth.Key{}, err
		}
		defer response.Body.Close()
		var set struct {
			Keys []json.RawMessage `json:"keys"`
		}
		if err := json.NewDecoder(response.Body).Decode(&set); err != nil || len(set.Keys) != 1 {
			return jwtauth.Key{}, errors.New("no key set")
		}
		return jwtauth.ParseKey(header.Algorithm, set.Keys[0])
	}
	return jwtauth.Key{}, errors.New("no key")
}

// acceptAll is a Check that accepts every token.
func acceptAll(context.Context, *jwtauth.Claims) error { return nil }
