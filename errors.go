package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"

	"github.com/seed-0a072700/jwtauth/internal/challenge"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/problem"
)

// Errors. Compare with [errors.Is]: most functions return an error that wraps
// one of these and says more. No error contains a token, a secret, a password
// or the value of a claim.
var (
	// ErrTokenMissing is returned when a request carries no token in a
	// configured source.
	ErrTokenMissing = errors.New("jwtauth: no token")

	// ErrInvalidRequest is returned when credentials are malformed, or given in
	// more than one place (RFC 6750, section 3.1, invalid_request).
	ErrInvalidRequest = errors.New("jwtauth: malformed credentials")

	// ErrTokenInvalid is returned when a token is refused. It matches every
	// error about a refused token, including the specific ones below.
	ErrTokenInvalid = errors.New("jwtauth: token refused")

	// ErrTokenMalformed is returned when a token is not a compact JWS with a
	// strict JSON header, or is longer than MaxTokenBytes.
	ErrTokenMalformed error = &tokenError{"jwtauth: token malformed"}

	// ErrTokenType is returned when the verifier does not accept the header's
	// "typ".
	ErrTokenType error = &tokenError{"jwtauth: token of another type"}

	// ErrKeyUnknown is returned when no trusted key has the algorithm and the
	// key ID of the header.
	ErrKeyUnknown error = &tokenError{"jwtauth: no key for the token"}

	// ErrSignatureInvalid is returned when no trusted key made the signature.
	ErrSignatureInvalid error = &tokenError{"jwtauth: token signature invalid"}

	// ErrClaimsInvalid is returned when the claims are not a strict JSON
	// object, or a registered claim is missing, repeated, of the wrong type or
	// out of range.
	ErrClaimsInvalid error = &tokenError{"jwtauth: token claims invalid"}

	// ErrTokenExpired is returned when "exp" is in the past.
	ErrTokenExpired error = &tokenError{"jwtauth: token expired"}

	// ErrTokenNotYetValid is returned when "nbf" or "iat" is in the future.
	ErrTokenNotYetValid error = &tokenError{"jwtauth: token not yet valid"}

	// ErrTokenTooOld is returned when "iat" is longer ago than MaxAge.
	ErrTokenTooOld error = &tokenError{"jwtauth: token older than MaxAge"}

	// ErrIssuerMismatch is returned when "iss" is not the expected issuer.
	ErrIssuerMismatch error = &tokenError{"jwtauth: token of another issuer"}

	// ErrAudienceMismatch is returned when "aud" contains no expected audience.
	ErrAudienceMismatch error = &tokenError{"jwtauth: token for another audience"}

	// ErrSessionEnded is returned when a session was logged out, has expired or
	// never existed.
	ErrSessionEnded = errors.New("jwtauth: session ended")

	// ErrTokenReused is returned when an old refresh token is presented again:
	// two parties hold tokens of the session. The session has been ended.
	ErrTokenReused = errors.New("jwtauth: refresh token reused")

	// ErrForbidden is returned when a [Require] check refuses the claims, when
	// [Reauthenticated] names another subject than that of the session, and by
	// [Handlers.UpdateSession] if the claims belong to another session.
	ErrForbidden = errors.New("jwtauth: forbidden")

	// ErrInsufficientScope is returned when the token lacks a scope that
	// [RequireScope] demands.
	ErrInsufficientScope = errors.New("jwtauth: scope missing")

	// ErrInsufficientAuthentication is returned when the login does not meet
	// the demands of [RequireFresh] (RFC 9470): it is too old, or of the wrong
	// kind ("acr").
	ErrInsufficientAuthentication = errors.New("jwtauth: insufficient authentication")

	// ErrCrossSite is returned when a page of another site made a request that
	// carries its token in a cookie.
	ErrCrossSite = errors.New("jwtauth: cross-site request")

	// ErrBodyTooLarge is returned when a request body exceeds its limit.
	ErrBodyTooLarge = errors.New("jwtauth: request body too large")

	// ErrBodyInvalid is returned when a request body is malformed or lacks a
	// member.
	ErrBodyInvalid = errors.New("jwtauth: request body malformed")

	// ErrMediaType is returned when a handler does not read the media type of a
	// request body.
	ErrMediaType = errors.New("jwtauth: media type not supported")

	// errNoEndpoint is returned by Handlers whose options do not include an
	// endpoint.
	errNoEndpoint = errors.New("jwtauth: HandlerOptions or IssuerOptions do not configure this endpoint")

	// errMethod is returned when a handler does not serve the request's method.
	errMethod = errors.New("jwtauth: method not allowed: the Handlers serve POST")

	// ErrWrongPassword is returned when a password does not match, or if there
	// is no such user.
	ErrWrongPassword = errors.New("jwtauth: wrong user or password")

	// ErrPasswordUnhashable is returned by [HashPassword] when a password is
	// longer than 72 bytes or contains a NUL byte. Bcrypt ignores the rest of
	// such a password, so that others would match as well. [CheckPassword]
	// returns [ErrWrongPassword] instead, because no hash belongs to such a
	// password.
	ErrPasswordUnhashable = errors.New("jwtauth: password cannot be hashed")

	// ErrBusy is returned when too many passwords are being checked. Try again
	// later.
	ErrBusy = errors.New("jwtauth: password checks saturated")

	// ErrSubjectDisabled is returned by callbacks of the application when a
	// subject must not log in any more. From a callback of [IssuerOptions], it
	// also ends a session at its next refresh.
	ErrSubjectDisabled = errors.New("jwtauth: subject disabled")

	// ErrUnavailable is returned when a store, a key source or a callback
	// fails, so that no decision was made. Try again later.
	ErrUnavailable = errors.New("jwtauth: temporarily unavailable")
)

// tokenError is the type of the specific errors that match [ErrTokenInvalid].
type tokenError struct{ text string }

func (e *tokenError) Error() string        { return e.text }
func (e *tokenError) Is(target error) bool { return target == ErrTokenInvalid }

// requirementError is a sentinel error with a text of its own and with
// parameters that tell the client how to meet the requirement.
type requirementError struct {
	sentinel   error
	text       string
	parameters string // of the challenge
}

func (e *requirementError) Error() string        { return e.text }
func (e *requirementError) Is(target error) bool { return target == e.sentinel }

// responses lists the response to each class of errors. The first match counts.
// Outages come first, because no decision was made.
var responses = []struct {
	sentinel error
	response *problem.Response
}{
	{ErrUnavailable, problem.Unavailable},
	{ErrBusy, problem.Busy},
	{ErrTokenExpired, problem.TokenExpired},
	{ErrTokenInvalid, problem.TokenInvalid},
	{ErrSessionEnded, problem.SessionEnded},
	{ErrTokenReused, problem.SessionEnded},
	{ErrTokenMissing, problem.TokenMissing},
	{ErrInvalidRequest, problem.InvalidRequest},
	{ErrWrongPassword, problem.LoginFailed},
	{ErrSubjectDisabled, problem.LoginFailed},
	{ErrInsufficientScope, problem.InsufficientScope},
	{ErrInsufficientAuthentication, problem.InsufficientAuthentication},
	{ErrCrossSite, problem.CrossSite},
	{ErrForbidden, problem.Forbidden},
	{errPlainHTTP, problem.PlainHTTP},
	{ErrBodyTooLarge, problem.BodyTooLarge},
	{ErrBodyInvalid, problem.BodyInvalid},
	{errNoEndpoint, problem.NotFound},
	{errMethod, problem.MethodNotAllowed},
	{ErrPasswordUnhashable, problem.PasswordInvalid},
	{ErrMediaType, problem.UnsupportedMediaType},
	{context.DeadlineExceeded, problem.Unavailable},
	{context.Canceled, problem.Unavailable},
}

// challenged lists the refusals that have challenges.
var challenged = func() (list []challenge.Refusal) {
	for _, entry := range responses {
		if entry.response.Challenge {
			list = append(list, entry.response.Refusal())
		}
	}
	return list
}()

// responseTo returns the entry of the table for err. Unknown errors get a
// response without details.
func responseTo(err error) *problem.Response {
	for i := range responses {
		if errors.Is(err, responses[i].sentinel) {
			return responses[i].response
		}
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return problem.BodyTooLarge
	}
	return problem.Internal
}

// hasResponse reports whether err has a response other than 500.
func hasResponse(err error) bool {
	_, own := errors.AsType[problemError](err)
	return own || responseTo(err) != problem.Internal
}

// refusal returns the error of a callback that refuses a request: err itself if
// it has a response of its own, and otherwise an error that matches both.
func refusal(sentinel, err error) error {
	if hasResponse(err) {
		return err
	}
	return fmt.Errorf("%w: %w", sentinel, faults.Detail(err))
}

// challengeParameters returns the parameters that err adds to a challenge.
func challengeParameters(err error) string {
	if e, ok := errors.AsType[*requirementError](err); ok {
		return e.parameters
	}
	return ""
}

// Problem is the response that [WriteError] writes. Use [ProblemOf] to write it
// in another format, such as an HTML page or a gRPC status.
type Problem struct {
	Status int    // of the response, 400 to 599
	Code   string // stable, for clients to switch on; see WriteError
	Title  string // the text of the status
	Detail string // one sentence for people; it reveals no more than Code

	// Header holds WWW-Authenticate (possibly several), Retry-After and
	// Cache-Control, as far as the response needs them.
	Header http.Header
}

// ProblemOf returns the response for err. [WriteError] lists the errors that it
// knows; for other errors it is a 500 without details.
//
// If an error in the chain has a method HTTPProblem() Problem, ProblemOf
// returns its result, with these changes: if Status is not 400 to 599, the
// response is that for an unknown error; an empty Title becomes the text of the
// status; and a missing Cache-Control becomes no-store. A 401 should have a
// WWW-Authenticate header.
//
// Errors from [Verify], [VerifyRequest] and [Require] carry the challenge of
// that Verify, such as its [Realm]. The caller may change the Header.
func ProblemOf(err error) Problem {
	if p, ok := ownProblem(err); ok {
		return p
	}
	response := responseTo(err)
	p := asProblem(response)
	response.SetHeader(p.Header, challengeOf(err, nil), challengeParameters(err))
	return p
}

// asProblem returns the Problem of a response, with an empty Header.
func asProblem(r *problem.Response) Problem {
	return Problem{Status: r.Status, Code: r.Code, Title: http.StatusText(r.Status), Detail: r.Detail, Header: make(http.Header)}
}

// problemError is an error with an HTTP form of its own.
type problemError interface {
	error
	HTTPProblem() Problem
}

// ownProblem returns the problem of an error that has one of its own.
func ownProblem(err error) (Problem, bool) {
	e, ok := errors.AsType[problemError](err)
	if !ok {
		return Problem{}, false
	}
	p := e.HTTPProblem()
	if p.Status < 400 || p.Status > 599 { // a refusal must not look like a success
		p = asProblem(problem.Internal)
	}
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	header := http.Header{"Cache-Control": {"no-store"}}
	for name, values := range p.Header {
		header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	p.Header = header
	return p, true
}

// requestError is an error of a Verify or of the Require middleware behind it.
// It carries the challenge of that Verify to ProblemOf and WriteError.
type requestError struct {
	error
	challenge *challenge.Header
}

func (e *requestError) Unwrap() error { return e.error }

// codeOf returns the code of the response to err, and "" only for nil.
func codeOf(err error) string {
	if err == nil {
		return ""
	}
	if p, ok := ownProblem(err); ok && p.Code != "" {
		return p.Code
	}
	return responseTo(err).Code
}

// challengeOf returns the challenge of the Verify that err or the request comes
// from, or the default one.
func challengeOf(err error, r *http.Request) *challenge.Header {
	if e, ok := errors.AsType[*requestError](err); ok {
		return e.challenge
	}
	if r != nil {
		if c := requestOf(r.Context()); c != nil {
			return c.verify.challenge
		}
	}
	return defaultVerify.challenge
}

// WriteError writes the response for err: a status, WWW-Authenticate if the
// client should send other credentials (RFC 6750, section 3; RFC 9470,
// section 3), Retry-After (1 to 5 seconds, at random) with a 503, and an
// application/problem+json body (RFC 9457) of title, status, detail and code.
// The code is stable. Clients should switch on it:
//
//	400 invalid_request      ErrInvalidRequest
//	400 body_invalid         ErrBodyInvalid
//	400 password_invalid     ErrPasswordUnhashable
//	401 token_missing        ErrTokenMissing
//	401 token_expired        ErrTokenExpired
//	401 token_invalid        ErrTokenInvalid for any other reason
//	401 session_ended        ErrSessionEnded, ErrTokenReused
//	401 login_failed         ErrWrongPassword, ErrSubjectDisabled
//	401 insufficient_user_authentication
//	                         ErrInsufficientAuthentication
//	403 insufficient_scope   ErrInsufficientScope
//	403 forbidden            ErrForbidden
//	403 cross_site           ErrCrossSite
//	403 insecure_transport   a login that sets Secure cookies, over plain http
//	404 not_found            an endpoint of the Handlers that is not configured
//	405 method_not_allowed   a method that the Handlers do not serve
//	413 body_too_large       ErrBodyTooLarge, *http.MaxBytesError
//	415 unsupported_media_type  ErrMediaType
//	429 too_many_attempts    an error of HandlerOptions.Guard: guard.ErrPaused
//	503 busy                 ErrBusy
//	503 unavailable          ErrUnavailable, an error of a context
//	500 internal_error       any other error; log it, since the body has no details
//
// After any 401 of [Verify], a client with a refresh token should refresh and
// repeat the request once. The code is not always token_expired: browsers drop
// expired cookies, and it is then token_missing.
//
// For an error with a method HTTPProblem, see [ProblemOf], which returns the
// same response as a value. [Verify] and [Handlers] call WriteError unless
// OnError is set, and log failures of the server. WriteError itself logs
// nothing. In a handler behind Verify, the challenge is that of the Verify.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	writeError(w, err, challengeOf(err, r))
}

func writeError(w http.ResponseWriter, err error, c *challenge.Header) {
	if p, ok := ownProblem(err); ok {
		maps.Copy(w.Header(), p.Header)
		problem.Write(w, p.Status, problem.Body(p.Status, p.Code, p.Title, p.Detail))
		return
	}
	responseTo(err).Write(w, c, challengeParameters(err))
}

// respondError is the OnError of handlers that have no other.
func respondError(w http.ResponseWriter, r *http.Request, err error) {
	logFailure(r, err)
	WriteError(w, r, err)
}

// logFailure logs err if it is a failure of the server. It logs the pattern of
// the route instead of the URL, which may contain secrets.
func logFailure(r *http.Request, err error) {
	p, own := ownProblem(err)
	if !own {
		p.Status = responseTo(err).Status // ProblemOf takes longer: it also makes the challenge
	}
	outage := errors.Is(err, ErrUnavailable) && r.Context().Err() == nil // the client still waits
	if p.Status < 500 || p.Status == http.StatusServiceUnavailable && !outage {
		return
	}
	slog.ErrorContext(r.Context(), "jwtauth: request failed", "err", err, "status", p.Status, "method", r.Method, "route", r.Pattern)
}
