// Package impl holds the implementations side by side, each set up for the same work: an
// http.Handler that lets a request with a good token of one algorithm pass, checks
// issuer, audience and expiry, and leaves the claims, private ones included, where the handler behind it finds them.
package impl

import (
	"net/http"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
)

// Impl is one implementation.
type Impl struct {
	Name   string
	Module string // whose version the report states
	About  string // how it is used here

	// Handler returns a new handler for tokens of alg. Behind its checks it
	// answers 204 where it finds the claims. A handler that is returned has seen no token yet.
	Handler func(alg string, key fixture.Key) (http.Handler, error)

	// Signer returns a function that signs a token with issuer, subject,
	// audience, iat, exp, jti and three private claims. Nil where there is none.
	Signer func(alg string, key fixture.Key) (func(subject string) (string, error), error)
}

// All are the implementations, ours first.
var All = []Impl{ours, oursDecoded, golangJWT, chi, echoJWT, ginJWT, auth0v2, auth0v3, kataras, jwx}

// found answers for the handler behind an implementation: the claims are there.
func found(w http.ResponseWriter, subject string) {
	if subject != "" {
		w.WriteHeader(http.StatusNoContent)
	}
}
