package jwtauth

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
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

	// ErrForbidden is returned when a [Require] check refuses the claims.
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
	// subject must not log in any more.
	ErrSubjectDisabled = errors.New("jwtauth: subject disabled")

	// ErrUnavailable is returned when a store or a key source fails, so that
	// no decision was made. Try again later.
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

// response is the HTTP form of a class of errors.
type response struct {
	status     int
	code       string // stable, for clients to switch on
	detail     string
	challenge  bool   // has a WWW-Authenticate header
	parameters string // of the challenge, after the realm
	retry      bool   // has a Retry-After header
	body       []byte
}

// responses lists the response for each class of errors. The first match
// counts. Outages come first, because no decision was made.
var responses = func() []errorResponse {
	const invalidToken = `error="invalid_token", error_description=`
	unavailable := response{status: 503, code: "unavailable", detail: "Temporarily unavailable.", retry: true}
	// One response for an unknown user, a wrong password and a disabled user
	// does not reveal which it was.
	loginFailed := response{status: 401, code: "login_failed", detail: "Wrong username or password.", challenge: true}
	// One response for every way in which a session can end.
	sessionEnded := response{status: 401, code: "session_ended", detail: "The session has ended. Log in again.", challenge: true}
	list := []errorResponse{
		{ErrUnavailable, unavailable},
		{ErrBusy, response{status: 503, code: "busy", detail: "Too many logins. Try again later.", retry: true}},
		{ErrTokenExpired, response{status: 401, code: "token_expired", detail: "The token has expired.",
			challenge: true, parameters: invalidToken + `"The token has expired"`}},
		{ErrTokenInvalid, response{status: 401, code: "token_invalid", detail: "Invalid token.",
			challenge: true, parameters: invalidToken + `"Invalid token"`}},
		{ErrSessionEnded, sessionEnded},
		{ErrTokenReused, sessionEnded},
		{ErrTokenMissing, response{status: 401, code: "token_missing", detail: "Authentication required.", challenge: true}},
		{ErrInvalidRequest, response{status: 400, code: "invalid_request", detail: "Malformed or repeated credentials.",
			challenge: true, parameters: `error="invalid_request"`}},
		{ErrWrongPassword, loginFailed},
		{ErrSubjectDisabled, loginFailed},
		{ErrInsufficientScope, response{status: 403, code: "insufficient_scope", detail: "Insufficient scope.",
			challenge: true, parameters: `error="insufficient_scope"`}},
		{ErrInsufficientAuthentication, response{status: 401, code: "insufficient_user_authentication", detail: "A more recent or stronger login is required.",
			challenge: true, parameters: `error="insufficient_user_authentication"`}},
		{ErrCrossSite, response{status: 403, code: "cross_site", detail: "Cross-site request refused."}},
		{ErrForbidden, response{status: 403, code: "forbidden", detail: "Access denied."}},
		{ErrBodyTooLarge, response{status: 413, code: "body_too_large", detail: "The request body is too large."}},
		{ErrBodyInvalid, response{status: 400, code: "body_invalid", detail: "The request body is malformed or incomplete."}},
		{errNoEndpoint, response{status: 404, code: "not_found", detail: "Not found."}},
		{errMethod, response{status: 405, code: "method_not_allowed", detail: "Method not allowed."}},
		{ErrPasswordUnhashable, response{status: 400, code: "password_invalid", detail: "The password is longer than 72 bytes or contains a NUL byte."}},
		{ErrMediaType, response{status: 415, code: "unsupported_media_type", detail: "Unsupported media type."}},
		{context.DeadlineExceeded, unavailable},
		{context.Canceled, unavailable},
	}
	for i := range list {
		list[i].body = list[i].problem().body()
	}
	return list
}()

type errorResponse struct {
	sentinel error
	response
}

// internalError is the response for unknown errors. It gives no details.
var internalError = func() response {
	a := response{status: 500, code: "internal_error", detail: "Internal error."}
	a.body = a.problem().body()
	return a
}()

// responseTo returns the entry of the table for err.
func responseTo(err error) *response {
	for i := range responses {
		if errors.Is(err, responses[i].sentinel) {
			return &responses[i].response
		}
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return responseTo(ErrBodyTooLarge)
	}
	return &internalError
}

// hasResponse reports whether err has a response other than 500.
func hasResponse(err error) bool {
	if _, ok := errors.AsType[problemError](err); ok {
		return true
	}
	return responseTo(err) != &internalError
}

// problem returns the Problem without its Header.
func (a *response) problem() Problem {
	return Problem{Status: a.status, Code: a.code, Title: http.StatusText(a.status), Detail: a.detail}
}

// setHeader adds the headers of the response to err.
func (a *response) setHeader(h http.Header, err error, c *challenges) {
	h["Cache-Control"] = []string{"no-store"}
	if a.challenge {
		h["Www-Authenticate"] = c.headers(a, err)
	}
	if a.retry {
		// Spread over some seconds, so that clients refused together do not
		// return together.
		h["Retry-After"] = []string{strconv.Itoa(1 + rand.IntN(5))}
	}
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

// body returns the problem in the format of RFC 9457, section 3, with the type
// "about:blank".
func (p Problem) body() []byte {
	body, _ := json.Marshal(struct { // strings and numbers always can be marshaled
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail,omitempty"`
		Code   string `json:"code,omitempty"`
	}{p.Title, p.Status, p.Detail, p.Code})
	return append(body, '\n')
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
	a := responseTo(err)
	p := a.problem()
	p.Header = make(http.Header)
	a.setHeader(p.Header, err, challengeOf(err, nil))
	return p
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
		p = internalError.problem()
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

// challengeOf returns the challenge of the Verify that err or the request comes
// from, or the default one.
func challengeOf(err error, r *http.Request) *challenges {
	if e, ok := errors.AsType[*requestError](err); ok {
		return e.challenge
	}
	if r != nil {
		if c := requestOf(r.Context()); c != nil {
			return c.verify.challenge
		}
	}
	return defaultChallenges
}

// WriteError writes the response for err: a status, WWW-Authenticate if the
// client should send other credentials (RFC 6750, section 3; RFC 9470,
// section 3), Retry-After for an outage, and an application/problem+json body
// (RFC 9457). The body's member "code" is stable. Clients should switch on it:
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
//	404 not_found            an endpoint of the Handlers that is not configured
//	405 method_not_allowed   a method that the Handlers do not serve
//	413 body_too_large       ErrBodyTooLarge, *http.MaxBytesError
//	415 unsupported_media_type  ErrMediaType
//	503 busy                 ErrBusy
//	503 unavailable          ErrUnavailable, an error of a context
//	500 internal_error       any other error; log it, since the body has no details
//
// For an error with a method HTTPProblem, see [ProblemOf], which returns the
// same response as a value. [Verify] and [Handlers] call WriteError unless
// OnError is set, and log failures of the server. WriteError itself logs
// nothing. In a handler behind Verify, the challenge is that of the
// Verify.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	writeError(w, err, challengeOf(err, r))
}

func writeError(w http.ResponseWriter, err error, c *challenges) {
	h := w.Header()
	var status int
	var body []byte
	if p, ok := ownProblem(err); ok {
		maps.Copy(h, p.Header)
		status, body = p.Status, p.body()
	} else {
		a := responseTo(err)
		a.setHeader(h, err, c)
		status, body = a.status, a.body
	}
	// These headers describe the response that a handler meant to send.
	for _, name := range []string{"Content-Length", "Content-Encoding", "Etag", "Last-Modified"} {
		delete(h, name)
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
