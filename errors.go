package jwtauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Sentinel errors. Compare with errors.Is; the error that a call returns may
// say more, and never holds a token, a secret or a password.
var (
	// ErrTokenMissing: the request carries no credentials that a configured source knows.
	ErrTokenMissing = errors.New("jwtauth: no token")

	// ErrInvalidRequest: the credentials are malformed or given in more than
	// one place (RFC 6750 §3.1, invalid_request).
	ErrInvalidRequest = errors.New("jwtauth: malformed credentials")

	// ErrTokenInvalid is what every refused token's error is, the more exact
	// ones below included.
	ErrTokenInvalid = errors.New("jwtauth: token refused")

	// ErrTokenMalformed: not a compact JWS with a strict JSON header, or
	// longer than MaxTokenBytes.
	ErrTokenMalformed error = &tokenError{"jwtauth: token malformed"}

	// ErrTokenType: the header's typ is not one that this verifier takes.
	ErrTokenType error = &tokenError{"jwtauth: token of another type"}

	// ErrKeyUnknown: no trusted key has the algorithm and key id that the header names.
	ErrKeyUnknown error = &tokenError{"jwtauth: no key for the token"}

	// ErrSignatureInvalid: the signature is not one of a trusted key.
	ErrSignatureInvalid error = &tokenError{"jwtauth: token signature invalid"}

	// ErrClaimsInvalid: the claims are not a strict JSON object, or a
	// registered claim is missing, repeated, of the wrong type or out of range.
	ErrClaimsInvalid error = &tokenError{"jwtauth: token claims invalid"}

	// ErrTokenExpired: exp lies in the past.
	ErrTokenExpired error = &tokenError{"jwtauth: token expired"}

	// ErrTokenNotYetValid: nbf or iat lies in the future.
	ErrTokenNotYetValid error = &tokenError{"jwtauth: token not yet valid"}

	// ErrTokenTooOld: iat lies further back than MaxAge.
	ErrTokenTooOld error = &tokenError{"jwtauth: token older than MaxAge"}

	// ErrIssuerMismatch: iss is not the expected issuer.
	ErrIssuerMismatch error = &tokenError{"jwtauth: token of another issuer"}

	// ErrAudienceMismatch: aud names none of the expected audiences.
	ErrAudienceMismatch error = &tokenError{"jwtauth: token for another audience"}

	// ErrSessionEnded: the session was logged out, has expired or never was.
	ErrSessionEnded = errors.New("jwtauth: session ended")

	// ErrTokenReused: a refresh token came back that was exchanged long before:
	// somebody has a copy. The session is ended.
	ErrTokenReused = errors.New("jwtauth: refresh token reused")

	// ErrForbidden: a [Require] check refused the claims.
	ErrForbidden = errors.New("jwtauth: forbidden")

	// ErrInsufficientScope: a scope that [RequireScope] asks for is missing.
	ErrInsufficientScope = errors.New("jwtauth: scope missing")

	// ErrLoginTooOld: the login lies further back than [RequireFresh] allows.
	ErrLoginTooOld = errors.New("jwtauth: login too old")

	// ErrCrossSite: a request that carries its token in a cookie came from another site.
	ErrCrossSite = errors.New("jwtauth: cross-site request")

	// ErrBodyTooLarge: a request body exceeds its limit.
	ErrBodyTooLarge = errors.New("jwtauth: request body too large")

	// ErrBodyInvalid: a request body is not what the handler reads.
	ErrBodyInvalid = errors.New("jwtauth: request body malformed")

	// ErrMediaType: a request body is of a media type that the handler does not read.
	ErrMediaType = errors.New("jwtauth: media type not supported")

	// errMethod: a handler was asked with another method than its own.
	errMethod = errors.New("jwtauth: method not allowed")

	// ErrWrongPassword: the password does not match, or there is no such user.
	ErrWrongPassword = errors.New("jwtauth: wrong user or password")

	// ErrBusy: too many passwords are being checked. Try again later.
	ErrBusy = errors.New("jwtauth: password checks saturated")

	// ErrSubjectDisabled is for a caller's callback to return: this subject may no longer log in.
	ErrSubjectDisabled = errors.New("jwtauth: subject disabled")

	// ErrUnavailable: a store or a key source cannot be asked now. Nothing was decided.
	ErrUnavailable = errors.New("jwtauth: temporarily unavailable")
)

// tokenError is a refusal of a token: each is also [ErrTokenInvalid].
type tokenError struct{ text string }

func (e *tokenError) Error() string        { return e.text }
func (e *tokenError) Is(target error) bool { return target == ErrTokenInvalid }

// scopeError is ErrInsufficientScope, and knows which scopes would do.
type scopeError struct{ scopes string }

func (e *scopeError) Error() string        { return ErrInsufficientScope.Error() + ": " + e.scopes }
func (e *scopeError) Is(target error) bool { return target == ErrInsufficientScope }

// freshError is ErrLoginTooOld, and knows how old a login may be.
type freshError struct{ maxAge time.Duration }

func (e *freshError) Error() string {
	return fmt.Sprintf("%v: more than %v", ErrLoginTooOld, e.maxAge)
}
func (e *freshError) Is(target error) bool { return target == ErrLoginTooOld }

// answer is what a client sees of an error.
type answer struct {
	status    int
	code      string // stable: clients switch on it
	detail    string
	challenge string // WWW-Authenticate, "" for none
	retry     bool   // Retry-After
	body      []byte
}

// answers holds one answer for each class of errors, the first that fits. Outages
// come first: an error that is also an outage has decided nothing.
var answers = func() []errorAnswer {
	const invalidToken = `Bearer error="invalid_token", error_description=`
	list := []errorAnswer{
		{ErrUnavailable, answer{status: 503, code: "unavailable", detail: "The service cannot decide this now. Try again later.", retry: true}},
		{ErrBusy, answer{status: 503, code: "busy", detail: "Too many logins at once. Try again later.", retry: true}},
		{ErrTokenExpired, answer{status: 401, code: "token_expired", detail: "The token has expired.", challenge: invalidToken + `"The token has expired"`}},
		{ErrTokenInvalid, answer{status: 401, code: "token_invalid", detail: "The token is not valid here.", challenge: invalidToken + `"The token is not valid here"`}},
		{ErrSessionEnded, sessionEnded},
		{ErrTokenReused, sessionEnded},
		{ErrTokenMissing, answer{status: 401, code: "token_missing", detail: "This needs a token.", challenge: "Bearer"}},
		{ErrInvalidRequest, answer{status: 400, code: "invalid_request", detail: "The credentials are malformed or given more than once.", challenge: `Bearer error="invalid_request"`}},
		{ErrWrongPassword, loginFailed},
		{ErrSubjectDisabled, loginFailed},
		{ErrInsufficientScope, answer{status: 403, code: "insufficient_scope", detail: "The token lacks a scope.", challenge: `Bearer error="insufficient_scope"`}},
		{ErrLoginTooOld, answer{status: 401, code: "insufficient_user_authentication", detail: "This needs a more recent login.", challenge: `Bearer error="insufficient_user_authentication"`}},
		{ErrCrossSite, answer{status: 403, code: "cross_site", detail: "Requests that no page of this origin made, or that do not say so, are refused."}},
		{ErrForbidden, answer{status: 403, code: "forbidden", detail: "The token does not allow this."}},
		{ErrBodyTooLarge, answer{status: 413, code: "body_too_large", detail: "The request body is too large."}},
		{ErrBodyInvalid, answer{status: 400, code: "body_invalid", detail: "The request body is malformed, or something is missing in it."}},
		{errMethod, answer{status: 405, code: "method_not_allowed", detail: "This takes another method."}},
		{ErrPasswordInvalid, answer{status: 400, code: "password_invalid", detail: "The password is longer than 72 bytes or holds a NUL byte."}},
		{ErrMediaType, answer{status: 415, code: "unsupported_media_type", detail: "The request body is of a media type that is not read here."}},
		{context.DeadlineExceeded, answer{status: 503, code: "unavailable", detail: "The service cannot decide this now. Try again later.", retry: true}},
		{context.Canceled, answer{status: 503, code: "unavailable", detail: "The service cannot decide this now. Try again later.", retry: true}},
	}
	for i := range list {
		list[i].body = list[i].problem()
	}
	return list
}()

type errorAnswer struct {
	is error
	answer
}

// One answer for an unknown user, a wrong password and a disabled one, so that nobody learns which it was.
var loginFailed = answer{status: 401, code: "login_failed", detail: "User or password is wrong.", challenge: "Bearer"}

// One answer for every way that a session can be over.
var sessionEnded = answer{status: 401, code: "session_ended", detail: "The session has ended. Log in again.", challenge: "Bearer"}

// internalError tells nothing of an error that this package does not know.
var internalError = func() answer {
	a := answer{status: 500, code: "internal_error", detail: "The service failed."}
	a.body = a.problem()
	return a
}()

// problem returns the body of an answer (RFC 9457 §3; "type" is "about:blank").
func (a *answer) problem() []byte {
	body, _ := json.Marshal(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		Code   string `json:"code"`
	}{http.StatusText(a.status), a.status, a.detail, a.code}) // texts and a number always can be
	return append(body, '\n')
}

// answerTo returns the answer that fits err.
func answerTo(err error) *answer {
	for i := range answers {
		if errors.Is(err, answers[i].is) {
			return &answers[i].answer
		}
	}
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return answerTo(ErrBodyTooLarge)
	}
	return &internalError
}

// WriteError answers a request with the HTTP form of err: the status, a
// WWW-Authenticate challenge where the client should bring other credentials (RFC 6750 §3, RFC 9470 §3),
// Retry-After for an outage, and an application/problem+json body (RFC 9457) whose
// member "code" is stable and meant for clients to switch on:
//
//	400 invalid_request      ErrInvalidRequest
//	400 body_invalid         ErrBodyInvalid
//	400 password_invalid     ErrPasswordInvalid
//	401 token_missing        ErrTokenMissing
//	401 token_expired        ErrTokenExpired
//	401 token_invalid        ErrTokenInvalid, all other reasons alike, also from Issuer.Live
//	401 session_ended        ErrSessionEnded, ErrTokenReused, from Issuer.Refresh
//	401 login_failed         ErrWrongPassword, ErrSubjectDisabled
//	401 insufficient_user_authentication  ErrLoginTooOld
//	403 insufficient_scope   ErrInsufficientScope
//	403 forbidden            ErrForbidden
//	403 cross_site           ErrCrossSite
//	405 method_not_allowed   a method that the Handlers do not take
//	413 body_too_large       ErrBodyTooLarge, *http.MaxBytesError
//	415 unsupported_media_type  ErrMediaType
//	503 busy                 ErrBusy
//	503 unavailable          ErrUnavailable, a context's error
//	500 internal_error       any other error, of which the body says nothing: log it
//
// It is what [Verify] does unless [OnError] says otherwise.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	a := answerTo(err)
	h := w.Header()
	for _, of := range []string{"Content-Length", "Content-Encoding", "Etag", "Last-Modified"} {
		delete(h, of) // the handler's, of what is not sent now
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if a.challenge != "" {
		h.Set("Www-Authenticate", challengeFor(a, err))
	}
	if a.retry {
		// Spread over some seconds, so that those refused together do not come back together.
		h.Set("Retry-After", strconv.Itoa(1+rand.IntN(5)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// challengeFor adds to a challenge what only the error itself knows.
func challengeFor(a *answer, err error) string {
	var scope *scopeError
	var fresh *freshError
	switch {
	case errors.As(err, &scope):
		return a.challenge + `, scope="` + scope.scopes + `"`
	case errors.As(err, &fresh):
		return a.challenge + `, max_age="` + strconv.FormatInt(int64(fresh.maxAge/time.Second), 10) + `"`
	}
	return a.challenge
}
