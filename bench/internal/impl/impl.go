// Package impl holds the implementations, all set up for the same work: an
// http.Handler that checks the signature, issuer, audience and expiry of tokens
// of one algorithm, and passes the claims, private ones included, to the next
// handler.
package impl

import (
	"net/http"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
)

// Impl is one implementation.
type Impl struct {
	Name   string
	Module string // the report states its version
	About  string // how the benchmark uses it

	// Handler returns a new handler for tokens of alg, which has not seen a
	// token yet. It responds 204 if the claims reach the inner handler.
	Handler func(alg string, key fixture.Key) (http.Handler, error)

	// Signer returns a function that signs a token with issuer, subject,
	// audience, iat, exp, jti and three private claims. It is nil if the
	// implementation does not sign.
	Signer func(alg string, key fixture.Key) (func(subject string) (string, error), error)
}

// All lists the implementations, ours first.
var All = []Impl{ours, oursDecoded, golangJWT, chi, echoJWT, ginJWT, auth0v2, auth0v3, kataras, jwx}

// found responds 204 for the inner handler if the claims are there.
func found(w http.ResponseWriter, subject string) {
	if subject != "" {
		w.WriteHeader(http.StatusNoContent)
	}
}
