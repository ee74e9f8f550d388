package problem

const invalidToken = `error="invalid_token", error_description=`

// The responses to all classes of errors.
var (
	Unavailable = prepare(Response{Status: 503, Code: "unavailable", Detail: "Temporarily unavailable.", RetryWithin: 5})
	Busy        = prepare(Response{Status: 503, Code: "busy", Detail: "Too many logins. Try again later.", RetryWithin: 5})
	Internal    = prepare(Response{Status: 500, Code: "internal_error", Detail: "Internal error."})

	TokenMissing = prepare(Response{Status: 401, Code: "token_missing", Detail: "Authentication required.", Challenge: true})
	TokenExpired = prepare(Response{Status: 401, Code: "token_expired", Detail: "The token has expired.",
		Challenge: true, Parameters: invalidToken + `"The token has expired"`})
	TokenInvalid = prepare(Response{Status: 401, Code: "token_invalid", Detail: "Invalid token.",
		Challenge: true, Parameters: invalidToken + `"Invalid token"`})
	InvalidRequest = prepare(Response{Status: 400, Code: "invalid_request", Detail: "Malformed or repeated credentials.",
		Challenge: true, Parameters: `error="invalid_request"`})

	InsufficientScope = prepare(Response{Status: 403, Code: "insufficient_scope", Detail: "Insufficient scope.",
		Challenge: true, Parameters: `error="insufficient_scope"`})
	InsufficientAuthentication = prepare(Response{Status: 401, Code: "insufficient_user_authentication",
		Detail:    "A more recent or stronger login is required.",
		Challenge: true, Parameters: `error="insufficient_user_authentication"`})
	Forbidden = prepare(Response{Status: 403, Code: "forbidden", Detail: "Access denied."})
	CrossSite = prepare(Response{Status: 403, Code: "cross_site", Detail: "Cross-site request refused."})
	PlainHTTP = prepare(Response{Status: 403, Code: "insecure_transport", Detail: "Over plain HTTP, browsers drop the cookies of a login. Use HTTPS."})

	// LoginFailed is for an unknown user, a wrong password and a disabled user,
	// so that it does not reveal which it was.
	LoginFailed = prepare(Response{Status: 401, Code: "login_failed", Detail: "Wrong username or password.", Challenge: true})

	// SessionEnded is for every way in which a session can end.
	SessionEnded = prepare(Response{Status: 401, Code: "session_ended", Detail: "The session has ended. Log in again.", Challenge: true})

	BodyTooLarge         = prepare(Response{Status: 413, Code: "body_too_large", Detail: "The request body is too large."})
	BodyInvalid          = prepare(Response{Status: 400, Code: "body_invalid", Detail: "The request body is malformed or incomplete."})
	UnsupportedMediaType = prepare(Response{Status: 415, Code: "unsupported_media_type", Detail: "Unsupported media type."})
	PasswordInvalid      = prepare(Response{Status: 400, Code: "password_invalid",
		Detail: "The password is longer than 72 bytes or contains a NUL byte."})
	NotFound         = prepare(Response{Status: 404, Code: "not_found", Detail: "Not found."})
	MethodNotAllowed = prepare(Response{Status: 405, Code: "method_not_allowed", Detail: "Method not allowed."})
)
