package jwtauth_test

import (
	"fmt"

	"github.com/seed-0a072700/jwtauth"
)

// Every error has a status and a code for clients. All refusals of a token look
// alike to a client, except that a token has expired.
func Example_errors() {
	for _, err := range []error{
		jwtauth.ErrTokenMissing,
		jwtauth.ErrTokenExpired,
		jwtauth.ErrTokenInvalid, // and the specific ones:
		jwtauth.ErrTokenMalformed,
		jwtauth.ErrTokenType,
		jwtauth.ErrKeyUnknown,
		jwtauth.ErrSignatureInvalid,
		jwtauth.ErrClaimsInvalid,
		jwtauth.ErrTokenNotYetValid,
		jwtauth.ErrTokenTooOld,
		jwtauth.ErrIssuerMismatch,
		jwtauth.ErrAudienceMismatch,

		jwtauth.ErrSessionEnded,
		jwtauth.ErrTokenReused,
		jwtauth.ErrWrongPassword,
		jwtauth.ErrSubjectDisabled,
		jwtauth.ErrInsufficientAuthentication,
		jwtauth.ErrInsufficientScope,
		jwtauth.ErrForbidden,
		jwtauth.ErrCrossSite,

		jwtauth.ErrInvalidRequest,
		jwtauth.ErrBodyInvalid,
		jwtauth.ErrBodyTooLarge,
		jwtauth.ErrMediaType,
		jwtauth.ErrPasswordUnhashable,

		jwtauth.ErrBusy,
		jwtauth.ErrUnavailable,
		fmt.Errorf("an error of another package"),
	} {
		p := jwtauth.ProblemOf(err)
		fmt.Println(p.Status, p.Code)
	}
	// Output:
	// 401 token_missing
	// 401 token_expired
	// 401 token_invalid
	// 401 token_invalid
	// 401 token_invalid
	// 401 token_invalid
	// 401 token_invalid
	// 401 token_invalid
	// 401 token_invalid
	// 401 token_invalid
	// 401 token_invalid
	// 401 token_invalid
	// 401 session_ended
	// 401 session_ended
	// 401 login_failed
	// 401 login_failed
	// 401 insufficient_user_authentication
	// 403 insufficient_scope
	// 403 forbidden
	// 403 cross_site
	// 400 invalid_request
	// 400 body_invalid
	// 413 body_too_large
	// 415 unsupported_media_type
	// 400 password_invalid
	// 503 busy
	// 503 unavailable
	// 500 internal_error
}
