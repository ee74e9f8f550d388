// Package jwtauth puts token authentication into any net/http service.
//
// An [Issuer] signs access tokens, [Verify] stands in front of any
// [http.Handler] and lets verified requests through, [CheckPassword] does the
// login step:
//
//	key, err := jwtauth.KeyFromEnv("TOKEN_SECRET")
//	…
//	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{AccessTTL: time.Hour})
//	…
//	mux.Handle("GET /dashboard", jwtauth.Verify(issuer)(dashboard))
//
// Behind Verify a handler asks [FromContext] for the [Claims], or [ClaimsAs] for
// its own claims in a struct of its own. A service that only consumes tokens of
// another one builds a [Verifier] and never holds a signing key.
//
// Tokens are JSON Web Tokens (RFC 7519) in the compact form of JWS (RFC 7515),
// judged by the rules of RFC 8725: the key alone decides the algorithm, the
// signature is checked before anything of the content is looked at, and claims
// are read strictly. Answers follow RFC 6750, their bodies RFC 9457.
//
// All that a constructor returns is safe for concurrent use.
package jwtauth

import (
	"context"
	"fmt"
)

// FromContext returns the claims of the verified token. It returns false if the
// request was not verified, or if it is anonymous and [Optional] allows that.
func FromContext(ctx context.Context) (*Claims, bool) {
	c := requestOf(ctx)
	if c == nil || c.claims == nil {
		return nil, false
	}
	return c.claims, true
}

// NewContext returns a copy of ctx that holds claims, like the context that
// [Verify] passes to the next handler. Use it to test handlers, or if requests
// are authenticated in another way. It panics if claims is nil.
func NewContext(ctx context.Context, claims *Claims) context.Context {
	if claims == nil {
		panic("jwtauth: NewContext: claims is nil")
	}
	return &requestContext{Context: ctx, claims: claims, verify: defaultVerify}
}

// ClaimsAs decodes the claims of the verified token into a T, like
// [Claims.Decode]. It returns [ErrTokenMissing] if ctx holds no claims.
func ClaimsAs[T any](ctx context.Context) (T, error) {
	var dst T
	claims, ok := FromContext(ctx)
	if !ok {
		return dst, errNoClaims
	}
	err := claims.Decode(&dst)
	return dst, err
}

var errNoClaims = fmt.Errorf("%w: the context holds no claims", ErrTokenMissing)

// contextKey is the only key under which this package stores a value in a
// context.
type contextKey struct{}

// requestContext is the context of a request behind [Verify]. A type of its own,
// unlike context.WithValue, needs one allocation for the context and its values.
type requestContext struct {
	context.Context
	claims *Claims // nil for an anonymous request
	verify *verify // around the handler
}

func (c *requestContext) Value(key any) any {
	if key == (contextKey{}) {
		return c
	}
	return c.Context.Value(key)
}

func requestOf(ctx context.Context) *requestContext {
	c, _ := ctx.Value(contextKey{}).(*requestContext)
	return c
}
