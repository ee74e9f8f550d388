package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/seed-0a072700/jwtauth/internal/challenge"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/site"
)

// VerifyOption configures one [Verify] or [VerifyRequest].
type VerifyOption func(*verify)

// verify is the configuration of one Verify.
type verify struct {
	verifier  TokenVerifier
	sources   []Source
	optional  bool
	onError   func(http.ResponseWriter, *http.Request, error) // nil for WriteError
	challenge *challenges

	set challenge.Set // challenge is made of it

	// proof checks the proof of possession, if not nil.
	proof func(r *http.Request, token string, c *Claims) error
}

// defaultVerify is used for a request without a Verify around it.
var defaultVerify = &verify{challenge: defaultChallenges}

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
// err. Without OnError, failures of the server are logged with [slog.Default]:
// responses of 500 and outages ([ErrUnavailable]), but not refusals. f should
// log them itself. OnError panics if f is nil.
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
	return func(v *verify) { v.set.Realm = name }
}

// Challenge sets the authentication schemes in the WWW-Authenticate headers of
// refusals, in a header each: the name of a scheme, and parameters if it has
// any, such as `DPoP algs="ES256"` (RFC 9449, section 7.1). The realm and the
// parameters of the response are added to each. Default: "Bearer". Challenge
// only describes the service: [From] decides which schemes are read.
//
// Challenge panics without schemes, and if one is malformed or has a parameter
// that Verify sets: realm, error, scope, max_age and others.
func Challenge(schemes ...string) VerifyOption {
	if len(schemes) == 0 {
		panic("jwtauth: Challenge: schemes is empty")
	}
	parsed := make([]challenge.Scheme, len(schemes))
	for i, text := range schemes {
		scheme, err := challenge.Parse(text)
		if err != nil {
			panic(fmt.Sprintf("jwtauth: Challenge: schemes[%d]: %v", i, err))
		}
		parsed[i] = scheme
	}
	return func(v *verify) { v.set.Schemes = parsed }
}

// ResourceMetadataURL sets the parameter resource_metadata in the
// WWW-Authenticate headers of refusals, with which clients find the
// authorization server of this service (RFC 9728, section 5.1). It panics if
// address is not an https URL without a fragment. For tests, http is accepted
// on a loopback host.
func ResourceMetadataURL(address string) VerifyOption {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.Contains(address, "#") || u.String() != address:
		panic("jwtauth: ResourceMetadataURL: address is not an absolute URL without a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !site.IsLoopback(u.Hostname())):
		panic("jwtauth: ResourceMetadataURL: address does not begin with https://")
	}
	return func(v *verify) { v.set.ResourceMetadata = address }
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
// Verify checks requests of every method, OPTIONS included. Browsers send the
// preflight request of CORS without a token. So the CORS handler must be around
// Verify, not behind it:
//
//	handler := cors(jwtauth.Verify(issuer)(mux))
//
// Verify panics if v, an option or the next handler is nil, or if v was not
// made by its constructor.
//
// If [RequireScope] is the handler that Verify wraps directly, a 401 of Verify
// names the scopes that the client needs.
func Verify(v TokenVerifier, opts ...VerifyOption) func(next http.Handler) http.Handler {
	c := newVerify("Verify", v, opts)
	return func(next http.Handler) http.Handler {
		if faults.IsNil(next) {
			panic("jwtauth: Verify: the next handler is nil")
		}
		c := c.around(next)
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
	c := &verify{verifier: v, sources: []Source{Bearer()}, set: defaultChallenges.set}
	for _, opt := range opts {
		if opt == nil {
			panic("jwtauth: " + function + ": an option is nil")
		}
		opt(c)
	}
	c.challenge = newChallenges(c.set, "")
	return c
}

// around returns the configuration for one handler. If that is RequireScope,
// clients without a token learn the scopes.
func (c *verify) around(next http.Handler) *verify {
	require, ok := next.(*requireHandler)
	if !ok || require.scope == "" {
		return c
	}
	scoped := *c
	scoped.challenge = newChallenges(c.set, require.scope)
	return &scoped
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
		logFailure(r, err)
		writeError(w, err, c.challenge)
		return
	}
	c.onError(w, r, c.wrap(err))
}

// respondError is the OnError of handlers that have no other.
func respondError(w http.ResponseWriter, r *http.Request, err error) {
	logFailure(r, err)
	WriteError(w, r, err)
}

// logFailure logs err if it is a failure of the server. It logs the pattern of
// the route instead of the URL, which may contain secrets.
func logFailure(r *http.Request, err error) {
	p := ProblemOf(err)
	outage := errors.Is(err, ErrUnavailable) && r.Context().Err() == nil // the client still waits
	if p.Status < 500 || p.Status == http.StatusServiceUnavailable && !outage {
		return
	}
	slog.ErrorContext(r.Context(), "jwtauth: request failed", "err", err, "status", p.Status, "method", r.Method, "route", r.Pattern)
}

// wrap adds the challenge to an error that leaves this package.
func (c *verify) wrap(err error) error { return &requestError{err, c.challenge} }

// requestError is an error of a Verify or of the Require middleware behind it.
// It carries the challenge of that Verify to ProblemOf and WriteError.
type requestError struct {
	error
	challenge *challenges
}

func (e *requestError) Unwrap() error { return e.error }

// challenges holds the WWW-Authenticate headers of one Verify.
type challenges struct {
	set   challenge.Set
	scope string                 // the parameter of a 401, or empty
	ready map[*response][]string // for each response that has challenges
}

var (
	bearerScheme, _   = challenge.Parse("Bearer") // it parses
	defaultChallenges = newChallenges(challenge.Set{Schemes: []challenge.Scheme{bearerScheme}, Realm: defaultRealm}, "")
)

func newChallenges(set challenge.Set, scope string) *challenges {
	c := &challenges{set: set, scope: scope, ready: make(map[*response][]string)}
	for i := range responses {
		if a := &responses[i].response; a.challenge {
			c.ready[a] = set.Lines(c.parameters(a))
		}
	}
	return c
}

// parameters returns the parameters of the challenges in the response a.
func (c *challenges) parameters(a *response) string {
	if c.scope == "" || a.status != http.StatusUnauthorized {
		return a.parameters
	}
	if a.parameters == "" {
		return c.scope
	}
	return a.parameters + ", " + c.scope
}

// headers returns the values of WWW-Authenticate in the response a to err.
func (c *challenges) headers(a *response, err error) []string {
	if e, ok := errors.AsType[*requirementError](err); ok {
		return c.set.Lines(c.parameters(a), e.parameters)
	}
	return slices.Clone(c.ready[a])
}
