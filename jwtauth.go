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
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// Claims are the claims of a verified token. The fields hold the registered ones
// (RFC 7519 §4.1, and where named below); [Claims.Decode] reads all others.
//
// Each verification makes new Claims: the receiver may change them. As a
// literal, with any fields set, they serve tests and other [TokenVerifier] implementations.
type Claims struct {
	Issuer    string   // "iss"
	Subject   string   // "sub"
	Audience  []string // "aud"
	ID        string   // "jti"
	SessionID string   // "sid", the login session that the token belongs to
	Scope     string   // "scope", separated by spaces (RFC 8693 §4.2); see VerifierOptions.ScopeClaims

	ExpiresAt time.Time // "exp"; the zero time where a claim is absent, here and below
	NotBefore time.Time // "nbf"
	IssuedAt  time.Time // "iat"
	AuthTime  time.Time // "auth_time", when the subject last proved who it is (OpenID Connect Core §2)

	payload    string    // the claims as JSON; "" for a literal
	audience   [1]string // backs Audience in the common case of one
	verifiedAt time.Time // by the verifier's clock; zero for a literal
}

// Decode stores all claims in dst, a pointer to a struct or map, as
// [json.Unmarshal] does. Because that matches names without regard to case, claims
// in which two members of one object, at any depth, have names that are the same
// but for case are refused, and so are claims that do not fit: [ErrClaimsInvalid]. A literal has no such claims: Decode
// leaves dst as it is.
func (c *Claims) Decode(dst any) error {
	if c.payload == "" {
		return nil
	}
	if jsonscan.AmbiguousCase(c.payload) {
		return fmt.Errorf("%w: two members of one object differ only in case", ErrClaimsInvalid)
	}
	err := json.Unmarshal([]byte(c.payload), dst)
	var mismatch *json.UnmarshalTypeError
	var misuse *json.InvalidUnmarshalError
	switch {
	case errors.As(err, &mismatch):
		return fmt.Errorf("%w: a %v was wanted in a %T", ErrClaimsInvalid, mismatch.Type, dst) // and not what was there
	case errors.As(err, &misuse):
		return fmt.Errorf("jwtauth: Decode: %w", err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrClaimsInvalid, err)
	}
	return nil
}

// UnmarshalJSON reads a claims object as a verifier does, for fakes and for
// clients of a token introspection endpoint (RFC 7662). It checks the form
// ([ErrClaimsInvalid]), no dates, no issuer, no audience and no signature.
func (c *Claims) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil // by encoding/json's convention
	}
	var read Claims
	if err := read.scan(string(data), nil); err != nil {
		return err
	}
	*c = read
	c.detach()
	return nil
}

// HasScope reports whether scope is one of the space-separated scopes (RFC 6749 §3.3).
// It is false for "" and for a text with a space in it.
func (c *Claims) HasScope(scope string) bool {
	if scope == "" || strings.Contains(scope, " ") {
		return false
	}
	for s := range strings.SplitSeq(c.Scope, " ") {
		if s == scope {
			return true
		}
	}
	return false
}

// contextKey is the one key under which this package keeps anything in a context.
type contextKey struct{}

// requestContext is the context of a request behind [Verify]. It is a context of
// its own, rather than context.WithValue, so that a request costs one allocation for both.
type requestContext struct {
	context.Context
	claims  *Claims                                         // nil for an anonymous request
	onError func(http.ResponseWriter, *http.Request, error) // of the enclosing Verify
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

// FromContext returns the claims of the verified token. It is false where the
// request was not verified, or is anonymous behind [Optional].
func FromContext(ctx context.Context) (*Claims, bool) {
	c := requestOf(ctx)
	if c == nil || c.claims == nil {
		return nil, false
	}
	return c.claims, true
}

// NewContext returns ctx with claims in it, as [Verify] hands it to the next
// handler: for tests of handlers and for other ways to authenticate. It panics where claims is nil.
func NewContext(ctx context.Context, claims *Claims) context.Context {
	if claims == nil {
		panic("jwtauth: NewContext: claims is nil")
	}
	return &requestContext{Context: ctx, claims: claims, onError: WriteError}
}

// ClaimsAs decodes the claims of the verified token into a T, as [Claims.Decode]
// does. Where there are none it is [ErrTokenMissing].
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
