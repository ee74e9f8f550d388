package jwtauth

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/faults"
)

// VerifyOption changes what one [Verify] does.
type VerifyOption func(*verify)

// verify is the configuration of one Verify.
type verify struct {
	verifier TokenVerifier
	sources  []Source
	optional bool
	onError  func(http.ResponseWriter, *http.Request, error)
}

// From says where in a request a token may be. Default: [Bearer] alone.
//
// A token in two explicit places at once (header, query, form) is refused
// ([ErrInvalidRequest], RFC 6750 §2). A cookie is there whether the client means it or not: an explicit token wins over it.
func From(sources ...Source) VerifyOption {
	if len(sources) == 0 {
		panic("jwtauth: From: there is no source")
	}
	for _, source := range sources {
		if source == nil {
			panic("jwtauth: From: a source is nil")
		}
	}
	return func(v *verify) { v.sources = sources }
}

// Optional lets a request without any token pass as anonymous: [FromContext] then
// says false. A bad token is still refused.
func Optional() VerifyOption { return func(v *verify) { v.optional = true } }

// OnError has f answer the requests that are refused, by this Verify and by the
// Require middleware behind it. It must answer: nothing else does. An
// answer that says something else than WriteError's should have Cache-Control: no-store, too. Default: [WriteError].
func OnError(f func(w http.ResponseWriter, r *http.Request, err error)) VerifyOption {
	if f == nil {
		panic("jwtauth: OnError: f is nil")
	}
	return func(v *verify) { v.onError = f }
}

// Verify returns middleware that calls the next handler for requests with a
// token that v verifies, and for no others (but see [Optional]). The handler finds the
// claims by [FromContext] or [ClaimsAs].
//
// Requests of every method need a token, OPTIONS too: a CORS handler belongs outside, around Verify. It panics where v
// or the next handler is nil.
func Verify(v TokenVerifier, opts ...VerifyOption) func(next http.Handler) http.Handler {
	if isNilVerifier(v) {
		panic("jwtauth: Verify: the verifier is nil, or was not made by its constructor")
	}
	c := &verify{verifier: v, sources: []Source{Bearer()}, onError: WriteError}
	for _, opt := range opts {
		if opt == nil {
			panic("jwtauth: Verify: an option is nil")
		}
		opt(c)
	}
	return func(next http.Handler) http.Handler {
		if faults.IsNil(next) {
			panic("jwtauth: Verify: the next handler is nil")
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			claims, err := c.claims(r)
			if err != nil {
				c.onError(w, r, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(&requestContext{Context: r.Context(), claims: claims, onError: c.onError}))
		})
	}
}

// isNilVerifier also finds the nil of a constructor whose error nobody looked at, and
// literals of types that need a constructor.
func isNilVerifier(v TokenVerifier) bool {
	switch v := v.(type) {
	case *Issuer:
		return v == nil || v.verifier == nil
	case *Verifier:
		return v == nil || v.keys == nil
	}
	return faults.IsNil(v)
}

// claims decides about a request: claims, or none for an anonymous one that may pass, or why not.
func (c *verify) claims(r *http.Request) (*Claims, error) {
	token, err := c.token(r)
	switch {
	case err != nil:
		return nil, err
	case token == "" && c.optional:
		return nil, nil
	case token == "":
		return nil, ErrTokenMissing
	}
	claims, err := c.verifier.VerifyToken(r.Context(), token)
	if err == nil && claims == nil {
		err = errors.New("jwtauth: the TokenVerifier returned neither claims nor an error")
	}
	return claims, err
}

// token returns the one token that a request means, "" where there is none.
func (c *verify) token(r *http.Request) (string, error) {
	if len(c.sources) == 1 {
		return c.sources[0](r)
	}
	if len(r.Header["Cookie"]) == 0 {
		return ask(c.sources, r)
	}
	// What is there without the cookies was put there on purpose, and wins over them.
	bare := r.WithContext(r.Context())
	bare.Header = maps.Clone(r.Header)
	delete(bare.Header, "Cookie")
	token, err := ask(c.sources, bare)
	r.Body = bare.Body // a source may have read it, and put it back
	if token != "" || err != nil {
		return token, err
	}
	for _, source := range c.sources {
		if token, err := source(r); token != "" || err != nil {
			return token, err
		}
	}
	return "", nil
}

var errTwoPlaces = fmt.Errorf("%w: a token in two places", ErrInvalidRequest)

// ask returns the one token that the sources find. The first error is all that counts: behind it
// there may be a token that could not be read.
func ask(sources []Source, r *http.Request) (string, error) {
	found := ""
	for _, source := range sources {
		token, err := source(r)
		switch {
		case err != nil:
			return "", err
		case token == "":
		case found != "":
			return "", errTwoPlaces
		default:
			found = token
		}
	}
	return found, nil
}

// Require returns middleware that lets only requests pass whose claims check
// approves: behind [Verify], whose OnError answers for it. An error of check is a refusal, 403,
// and [ErrForbidden] beside what it is itself; only errors that have an HTTP form of
// their own (see [WriteError]), such as [ErrUnavailable], keep it. An anonymous request,
// or one without a Verify around, is refused with [ErrTokenMissing]. check must be safe for concurrent use.
func Require(check func(*Claims) error) func(next http.Handler) http.Handler {
	if check == nil {
		panic("jwtauth: Require: check is nil")
	}
	return func(next http.Handler) http.Handler {
		if faults.IsNil(next) {
			panic("jwtauth: Require: the next handler is nil")
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c := requestOf(r.Context())
			if c == nil {
				WriteError(w, r, errNoVerify)
				return
			}
			if c.claims == nil {
				c.onError(w, r, ErrTokenMissing)
				return
			}
			if err := check(c.claims); err != nil {
				if answerTo(err) == &internalError {
					err = fmt.Errorf("%w: %w", ErrForbidden, err)
				}
				c.onError(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

var errNoVerify = fmt.Errorf("%w: there is no Verify around this handler", ErrTokenMissing)

// RequireScope returns middleware that lets only requests pass whose token has all of
// scopes ([ErrInsufficientScope], RFC 6750 §3.1). It panics where there is no scope, or one that is no scope-token (RFC 6749 §3.3).
func RequireScope(scopes ...string) func(next http.Handler) http.Handler {
	if len(scopes) == 0 {
		panic("jwtauth: RequireScope: there is no scope")
	}
	for _, scope := range scopes {
		if !isScopeToken(scope) {
			panic(fmt.Sprintf("jwtauth: RequireScope: %q is not a scope", scope))
		}
	}
	missing := &scopeError{strings.Join(scopes, " ")}
	scopes = strings.Fields(missing.scopes) // a copy
	return Require(func(c *Claims) error {
		for _, scope := range scopes {
			if !c.HasScope(scope) {
				return missing
			}
		}
		return nil
	})
}

func isScopeToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

// RequireFresh returns middleware that lets only requests pass whose subject
// logged in at most maxAge ago, by the token's auth_time; others are told to log in again
// ([ErrLoginTooOld], RFC 9470). Without an auth_time nobody passes. It panics where maxAge is under one second.
func RequireFresh(maxAge time.Duration) func(next http.Handler) http.Handler {
	if maxAge < time.Second {
		panic("jwtauth: RequireFresh: maxAge is under one second")
	}
	stale := &freshError{maxAge}
	return Require(func(c *Claims) error {
		now := c.verifiedAt
		if now.IsZero() {
			now = time.Now()
		}
		if c.AuthTime.IsZero() || now.Sub(c.AuthTime) > maxAge {
			return stale
		}
		return nil
	})
}
