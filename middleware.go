package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/faults"
)

// VerifyOption configures one [Verify] or [VerifyRequest].
type VerifyOption func(*verify)

// verify is the configuration of one Verify.
type verify struct {
	verifier  TokenVerifier
	sources   []Source
	optional  bool
	onError   func(http.ResponseWriter, *http.Request, error) // nil for WriteError
	realm     string
	challenge *challenge // made of realm

	// proof checks the proof of possession, if not nil.
	proof func(r *http.Request, token string, c *Claims) error
}

// defaultVerify is used for a request without a Verify around it.
var defaultVerify = &verify{challenge: defaultChallenge}

const defaultRealm = "restricted"

// From sets the sources in which a token may be. Default: [Bearer] alone.
//
// A request with tokens in two places is refused ([ErrInvalidRequest],
// RFC 6750, section 2). A token in a header, the query or a form takes
// precedence over a cookie, which browsers attach on their own.
//
// From panics without sources, and if one is nil.
func From(sources ...Source) VerifyOption {
	if len(sources) == 0 {
		panic("jwtauth: From: sources is empty")
	}
	for i, source := range sources {
		if source == nil {
			panic(fmt.Sprintf("jwtauth: From: sources[%d]: is nil", i))
		}
	}
	return func(v *verify) { v.sources = sources }
}

// Optional lets a request without a token pass as anonymous: [FromContext] then
// returns false. A bad token is still refused.
func Optional() VerifyOption { return func(v *verify) { v.optional = true } }

// OnError sets the function that responds to refused requests, in place of
// [WriteError]. It is called by this Verify and by the Require middleware
// behind it, and must be safe for concurrent use.
//
// f must write the response. Unless it calls WriteError, it should set
// Cache-Control: no-store. [ProblemOf] returns the status and the headers of
// err. OnError panics if f is nil.
func OnError(f func(w http.ResponseWriter, r *http.Request, err error)) VerifyOption {
	if f == nil {
		panic("jwtauth: OnError: f is nil")
	}
	return func(v *verify) { v.onError = f }
}

// Realm sets the realm in the WWW-Authenticate headers of refusals (RFC 9110,
// section 11.5): a name for the protected part of the service, which clients
// may show to people. Default: "restricted". Realm panics if name is empty or
// not printable ASCII.
func Realm(name string) VerifyOption {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
		panic("jwtauth: Realm: name is not printable ASCII")
	}
	return func(v *verify) { v.realm = name }
}

// ProofOfPossession sets the check that a request proves possession of the key
// that its token is bound to by "cnf" (RFC 7800), for example with DPoP (RFC
// 9449) or mutual TLS (RFC 8705). Without this option, tokens with a "cnf" are
// refused.
//
// check is called for every token, with or without a "cnf", remembered or not,
// after all other checks. It must also check which scheme or header carried the
// token. It is not called for anonymous requests (see [Optional]). Its error
// refuses the request as [ErrTokenInvalid], unless it has an HTTP form of its
// own (see [WriteError]). check must be safe for concurrent use.
// ProofOfPossession panics if check is nil.
func ProofOfPossession(check func(r *http.Request, token string, c *Claims) error) VerifyOption {
	if check == nil {
		panic("jwtauth: ProofOfPossession: check is nil")
	}
	return func(v *verify) { v.proof = check }
}

// Verify returns middleware that calls the next handler only for requests with
// a token that v verifies; [Optional] also admits requests without a token. The
// handler gets the claims from [FromContext] or [ClaimsAs].
//
// Verify checks requests of every method, OPTIONS included. So a CORS handler
// must be around Verify, not behind it.
//
// Verify panics if v, an option or the next handler is nil, or if v was not
// made by its constructor.
func Verify(v TokenVerifier, opts ...VerifyOption) func(next http.Handler) http.Handler {
	c := newVerify("Verify", v, opts)
	return func(next http.Handler) http.Handler {
		if faults.IsNil(next) {
			panic("jwtauth: Verify: the next handler is nil")
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			claims, err := c.claims(r)
			if err != nil {
				c.refuse(w, r, err)
				return
			}
			serveCopy(next, w, r, r.WithContext(&requestContext{Context: r.Context(), claims: claims, verify: c}))
		})
	}
}

// serveCopy calls next with a copy of the request r. Afterwards it copies
// MultipartForm back: net/http removes the temporary files of an upload, but
// only those that it finds in its own request. After a panic net/http leaves
// them for HTTP/1, so serveCopy removes those that next has made.
func serveCopy(next http.Handler, w http.ResponseWriter, r, copied *http.Request) {
	returned := false
	defer func() {
		if r.MultipartForm != nil || copied.MultipartForm == nil {
			return
		}
		r.MultipartForm = copied.MultipartForm
		if !returned {
			_ = copied.MultipartForm.RemoveAll()
		}
	}()
	next.ServeHTTP(w, copied)
	returned = true
}

// VerifyRequest returns a function that decides like [Verify], and writes no
// response. Use it with other frameworks, for HTML pages, or for gRPC. The
// function returns the claims, or the error for [ProblemOf] or [WriteError]. A
// request without a token is [ErrTokenMissing]. The function is safe for
// concurrent use.
//
// A Request that has only a Header is enough for [Bearer] and other sources
// that read headers. [Cookie] also needs Method and Host.
//
// VerifyRequest panics in the same cases as Verify, and with [Optional] or
// [OnError].
func VerifyRequest(v TokenVerifier, opts ...VerifyOption) func(*http.Request) (*Claims, error) {
	c := newVerify("VerifyRequest", v, opts)
	switch {
	case c.optional:
		panic("jwtauth: VerifyRequest: cannot be combined with Optional: an anonymous request is ErrTokenMissing")
	case c.onError != nil:
		panic("jwtauth: VerifyRequest: cannot be combined with OnError: it returns the error")
	}
	return func(r *http.Request) (*Claims, error) {
		claims, err := c.claims(r)
		if err != nil {
			return nil, c.wrap(err)
		}
		return claims, nil
	}
}

func newVerify(function string, v TokenVerifier, opts []VerifyOption) *verify {
	if isNilVerifier(v) {
		panic("jwtauth: " + function + ": the verifier is nil, or was not made by its constructor")
	}
	c := &verify{verifier: v, sources: []Source{Bearer()}, realm: defaultRealm}
	for _, opt := range opts {
		if opt == nil {
			panic("jwtauth: " + function + ": an option is nil")
		}
		opt(c)
	}
	c.challenge = newChallenge(c.realm)
	return c
}

// isNilVerifier also reports a nil pointer from a constructor whose error was
// ignored, and literals of types that need a constructor.
func isNilVerifier(v TokenVerifier) bool {
	switch v := v.(type) {
	case *Issuer:
		return v == nil || v.verifier == nil
	case *Verifier:
		return v == nil || v.keys == nil
	}
	return faults.IsNil(v)
}

// claims returns the claims of a request, nil for an anonymous one that may
// pass, or the reason for a refusal.
func (c *verify) claims(r *http.Request) (*Claims, error) {
	token, err := findToken(c.sources, r)
	switch {
	case err != nil:
		return nil, err
	case token == "" && c.optional:
		return nil, nil
	case token == "":
		return nil, errMissing(r)
	}
	ctx := r.Context()
	if c.proof != nil {
		ctx = context.WithValue(ctx, proofKey{}, true)
	}
	claims, err := c.verifier.VerifyToken(ctx, token)
	switch {
	case err != nil:
		return nil, err
	case claims == nil:
		return nil, errors.New("jwtauth: the TokenVerifier returned neither claims nor an error")
	case c.proof == nil:
		return claims, nil
	}
	if err := c.proof(r, token, claims); err != nil {
		return nil, proofError(err)
	}
	return claims, nil
}

// proofKey is the key of the context value which says that the caller of
// VerifyToken checks the proof of possession.
type proofKey struct{}

// proofError returns the error for a request that ProofOfPossession refused.
func proofError(err error) error {
	if hasResponse(err) {
		return err
	}
	return fmt.Errorf("%w: refused by ProofOfPossession: %w", ErrTokenInvalid, err)
}

// refuse writes the response to a refused request.
func (c *verify) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if c.onError == nil {
		writeError(w, err, c.challenge)
		return
	}
	c.onError(w, r, c.wrap(err))
}

// wrap adds the challenge to an error that leaves this package.
func (c *verify) wrap(err error) error { return &requestError{err, c.challenge} }

// requestError is an error of a Verify or of the Require middleware behind it.
// It carries the challenge of that Verify to ProblemOf and WriteError.
type requestError struct {
	error
	challenge *challenge
}

func (e *requestError) Unwrap() error { return e.error }

// challenge makes the WWW-Authenticate headers of one Verify.
type challenge struct {
	ready map[*response]string // for each response that has a challenge
}

var defaultChallenge = newChallenge(defaultRealm)

func newChallenge(realm string) *challenge {
	start := `Bearer realm="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(realm) + `"`
	c := &challenge{ready: make(map[*response]string)}
	for i := range responses {
		switch a := &responses[i].response; {
		case a.parameters != "":
			c.ready[a] = start + ", " + a.parameters
		case a.challenge:
			c.ready[a] = start
		}
	}
	return c
}

// headers returns the values of WWW-Authenticate in the response a to err.
func (c *challenge) headers(a *response, err error) []string {
	header := c.ready[a]
	if e, ok := errors.AsType[*requirementError](err); ok {
		header += ", " + e.parameters
	}
	return []string{header}
}

// Require returns middleware that calls the next handler only for requests
// whose claims pass check. It belongs behind [Verify], whose OnError responds
// to the refusals.
//
// An error of check refuses the request with 403, and matches [ErrForbidden] as
// well as itself. Errors with an HTTP form of their own (see [WriteError]),
// such as [ErrUnavailable], keep it. An anonymous request, or one without a
// Verify around it, is refused with [ErrTokenMissing]. check must be safe for
// concurrent use.
//
// Require panics if check or the next handler is nil.
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
				c.verify.refuse(w, r, errMissing(r))
				return
			}
			if err := check(c.claims); err != nil {
				c.verify.refuse(w, r, asRefusal(err))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

var errNoVerify = fmt.Errorf("%w: there is no Verify around this handler", ErrTokenMissing)

// asRefusal makes a 403 of an error without an HTTP form.
func asRefusal(err error) error {
	if hasResponse(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrForbidden, err)
}

// RequireScope returns middleware that calls the next handler only for requests
// whose token has all of scopes. Other requests are refused with
// [ErrInsufficientScope] (RFC 6750, section 3.1). It panics without scopes, and
// if one is not a scope-token (RFC 6749, section 3.3).
func RequireScope(scopes ...string) func(next http.Handler) http.Handler {
	if len(scopes) == 0 {
		panic("jwtauth: RequireScope: scopes is empty")
	}
	for i, scope := range scopes {
		if !isScopeToken(scope) {
			panic(fmt.Sprintf("jwtauth: RequireScope: scopes[%d]: %q is not a scope", i, scope))
		}
	}
	list := strings.Join(scopes, " ")
	missing := &requirementError{
		sentinel:   ErrInsufficientScope,
		text:       ErrInsufficientScope.Error() + ": " + list,
		parameters: `scope="` + list + `"`,
	}
	scopes = strings.Fields(list) // a copy
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

// RequireFresh returns middleware that calls the next handler only for requests
// whose subject logged in at most maxAge ago, according to the token's
// "auth_time". Other requests, and tokens without auth_time, are refused with
// [ErrInsufficientAuthentication], which asks the client for a new login
// (RFC 9470). So are tokens whose auth_time lies in the future by more than the
// Leeway of their verifier. RequireFresh panics if maxAge is less than one
// second.
func RequireFresh(maxAge time.Duration) func(next http.Handler) http.Handler {
	if maxAge < time.Second {
		panic("jwtauth: RequireFresh: maxAge is less than one second")
	}
	refusal := func(reason string) error {
		return &requirementError{
			sentinel:   ErrInsufficientAuthentication,
			text:       ErrInsufficientAuthentication.Error() + ": " + reason,
			parameters: `max_age="` + strconv.FormatInt(int64(maxAge/time.Second), 10) + `"`,
		}
	}
	noTime := refusal("the token has no auth_time")
	stale := refusal(fmt.Sprintf("auth_time is more than %v ago", maxAge))
	future := refusal("auth_time is in the future")
	return Require(func(c *Claims) error {
		now, leeway := c.verifiedAt, c.leeway
		if now.IsZero() {
			now, leeway = time.Now(), defaultLeeway
		}
		switch age := now.Sub(c.AuthTime); {
		case c.AuthTime.IsZero():
			return noTime
		case age > maxAge:
			return stale
		case age < -leeway:
			return future
		}
		return nil
	})
}
