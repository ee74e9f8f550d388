package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/challenge"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/site"
	"github.com/seed-0a072700/jwtauth/internal/stepup"
	"github.com/seed-0a072700/jwtauth/internal/uploads"
)

// VerifyOption configures one [Verify] or [VerifyRequest].
type VerifyOption func(*verify)

// verify is the configuration of one Verify.
type verify struct {
	verifier  TokenVerifier
	sources   []Source
	unchecked bool // the source does not check the characters of a token
	optional  bool
	onError   func(http.ResponseWriter, *http.Request, error) // nil for WriteError
	set       challenge.Set
	challenge *challenge.Header // made of set

	// proof checks the proof of possession, if not nil.
	proof func(r *http.Request, token string, c *Claims) error
}

// defaultVerify is used for a request without a Verify around it.
var defaultVerify = func() *verify {
	bearer, _ := challenge.Parse("Bearer") // it parses
	set := challenge.Set{Schemes: []challenge.Scheme{bearer}, Realm: "restricted"}
	return &verify{set: set, challenge: challenge.NewHeader(set, "", challenged)}
}()

// Optional lets a request without a token pass as anonymous: [FromContext] then
// returns false. A header with a scheme that no source reads counts as no
// token. A token that does not verify, and malformed or repeated credentials,
// are still refused.
func Optional() VerifyOption { return func(v *verify) { v.optional = true } }

// OnError sets the function that responds to refused requests, in place of
// [WriteError]. It is called by this Verify and by the Require middleware
// behind it, and must be safe for concurrent use.
//
// f must write the response, such as a redirect to a login page for a 401.
// [ProblemOf] returns the status and the headers of err. Unless f calls
// WriteError, it should set Cache-Control: no-store. Without OnError, failures
// of the server are logged with [slog.Default]: responses of 500 and outages
// ([ErrUnavailable]), but not refusals. f should log them itself. OnError
// panics if f is nil.
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
	if !challenge.IsRealm(name) {
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
	if err := site.CheckMetadataURL(address); err != nil {
		panic("jwtauth: ResourceMetadataURL: address " + err.Error())
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
// handler gets the claims from [FromContext] or [ClaimsAs]. All other requests
// get a response from [WriteError], unless [OnError] is set: 401 if the token
// is missing or refused, and 503 if it cannot be verified. With an [Issuer] or
// a [Verifier], Verify does not call the session store; with [Live] it does.
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
// No [Source] of this package reads a multipart body, so the handler parses an
// upload as usual. Its temporary files are removed after the request.
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
			uploads.Serve(next, w, r, r.WithContext(&requestContext{Context: r.Context(), claims: claims, verify: c}))
		})
	}
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
			return nil, &requestError{err, c.challenge}
		}
		return claims, nil
	}
}

func newVerify(function string, v TokenVerifier, opts []VerifyOption) *verify {
	if isNilVerifier(v) {
		panic("jwtauth: " + function + ": the verifier is nil, or was not made by its constructor")
	}
	c := &verify{verifier: v, set: defaultVerify.set}
	for _, opt := range opts {
		if opt == nil {
			panic("jwtauth: " + function + ": an option is nil")
		}
		opt(c)
	}
	c.defaultSource()
	c.challenge = challenge.NewHeader(c.set, "", challenged)
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
	scoped.challenge = challenge.NewHeader(c.set, require.scope, challenged)
	return &scoped
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
		return nil, c.refusal(r, err)
	case claims == nil:
		return nil, errors.New("jwtauth: the TokenVerifier returned neither claims nor an error")
	case c.proof == nil:
		return claims, nil
	}
	if err := c.proof(r, token, claims); err != nil {
		return nil, refusal(errProof, err)
	}
	return claims, nil
}

// proofKey is the key of the context value which says that the caller of
// VerifyToken checks the proof of possession.
type proofKey struct{}

var errProof = fmt.Errorf("%w: refused by ProofOfPossession", ErrTokenInvalid)

// refuse writes the response to a refused request.
func (c *verify) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if c.onError == nil {
		logFailure(r, err)
		writeError(w, err, c.challenge)
		return
	}
	c.onError(w, r, &requestError{err, c.challenge})
}

// Require returns middleware that calls the next handler only for requests
// whose claims pass check. It belongs behind [Verify], whose OnError responds
// to the refusals. If a rule needs the request as well, such as a tenant that
// must match the host, call Require in a handler behind Verify (see the second
// example).
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
	return require(check, "")
}

func require(check func(*Claims) error, scope string) func(next http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		if faults.IsNil(next) {
			panic("jwtauth: Require: the next handler is nil")
		}
		return &requireHandler{next: next, check: check, scope: scope}
	}
}

// requireHandler is a type of its own, so that Verify finds the scope.
type requireHandler struct {
	next  http.Handler
	check func(*Claims) error
	scope string // parameter of a challenge, or empty
}

func (h *requireHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := requestOf(r.Context())
	switch {
	case c == nil:
		WriteError(w, r, errNoVerify)
		return
	case c.claims == nil:
		c.verify.refuse(w, r, errMissing(r))
		return
	}
	if err := h.check(c.claims); err != nil {
		c.verify.refuse(w, r, refusal(ErrForbidden, err))
		return
	}
	h.next.ServeHTTP(w, r)
}

var errNoVerify = fmt.Errorf("%w: there is no Verify around this handler", ErrTokenMissing)

// RequireScope returns middleware like [Require], for tokens that have all of
// scopes. Other tokens, including those without any scope, are refused with
// 403, [ErrInsufficientScope] and a challenge that names the scopes (RFC 6750,
// section 3.1). RequireScope panics without scopes, and if one is not a
// scope-token (RFC 6749, section 3.3).
func RequireScope(scopes ...string) func(next http.Handler) http.Handler {
	if len(scopes) == 0 {
		panic("jwtauth: RequireScope: scopes is empty")
	}
	for i, scope := range scopes {
		if !challenge.IsListItem(scope) {
			panic(fmt.Sprintf("jwtauth: RequireScope: scopes[%d]: %q is not a scope", i, scope))
		}
	}
	list := strings.Join(scopes, " ")
	missing := &requirementError{
		sentinel:   ErrInsufficientScope,
		text:       ErrInsufficientScope.Error() + ": " + list,
		parameters: challenge.Parameter("scope", list),
	}
	scopes = strings.Fields(list) // a copy
	return require(func(c *Claims) error {
		for _, scope := range scopes {
			if !c.HasScope(scope) {
				return missing
			}
		}
		return nil
	}, missing.parameters)
}

// RequireFresh returns middleware that calls the next handler only for requests
// whose subject logged in at most maxAge ago, according to the token's
// "auth_time". With values of acr, the token's "acr" must also be one of them:
// for an [Issuer], the text given to [AuthenticatedBy] or [Reauthenticated],
// such as "phr" (phishing-resistant) for a passkey. Other requests, and tokens
// without these claims, are refused with 401, [ErrInsufficientAuthentication]
// and a challenge that says which login is needed (RFC 9470, section 3).
//
// An auth_time in the future passes only within the Leeway of the verifier, or
// within 30 seconds if the claims come from another [TokenVerifier].
//
// RequireFresh panics if maxAge is less than one second, and if a value of acr
// is empty or contains a space, a quote, a backslash or a character outside of
// printable ASCII.
func RequireFresh(maxAge time.Duration, acr ...string) func(next http.Handler) http.Handler {
	if maxAge < time.Second {
		panic("jwtauth: RequireFresh: maxAge is less than one second")
	}
	for i, value := range acr {
		if !challenge.IsListItem(value) {
			panic(fmt.Sprintf("jwtauth: RequireFresh: acr[%d]: %q cannot be in acr_values", i, value))
		}
	}
	rule := stepup.Rule{MaxAge: maxAge, ACR: slices.Clone(acr)}
	parameters := rule.Parameters()
	return Require(func(c *Claims) error {
		now, leeway := c.verifiedAt, defaultLeeway
		if now.IsZero() {
			now = time.Now()
		} else {
			leeway = c.payload.rules.leeway
		}
		reason := rule.Refusal(stepup.Login{Time: c.AuthTime, ACR: c.AuthContext}, now, leeway)
		if reason == "" {
			return nil
		}
		return &requirementError{
			sentinel:   ErrInsufficientAuthentication,
			text:       ErrInsufficientAuthentication.Error() + ": " + reason,
			parameters: parameters,
		}
	})
}
