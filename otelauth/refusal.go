package otelauth

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/seed-0a072700/jwtauth"
)

// OnError returns a function that counts a refused request by the code of its
// response, and then calls respond. Use it with [jwtauth.OnError] and as
// HandlerOptions.OnError: it counts the requests without a token, failed logins
// and all others that OnVerify does not see.
//
// If respond is nil, the function responds as package jwtauth does without an
// OnError: it calls [jwtauth.WriteError], and logs failures of the server with
// [slog.Default].
func (t *Telemetry) OnError(respond func(w http.ResponseWriter, r *http.Request, err error)) func(http.ResponseWriter, *http.Request, error) {
	if respond == nil {
		respond = respondError
	}
	return func(w http.ResponseWriter, r *http.Request, err error) {
		code := knownCode(jwtauth.ProblemOf(err).Code)
		if code == "" { // a response of the application
			code = other
		}
		count(r.Context(), t.refusals, "jwtauth.refusal", t.refusalLabels.get(code))
		respond(w, r, err)
	}
}

func refusalLabels(code string) *labels { return newLabels(errorType.String(code)) }

// respondError responds like package jwtauth without an OnError.
func respondError(w http.ResponseWriter, r *http.Request, err error) {
	status := jwtauth.ProblemOf(err).Status
	outage := errors.Is(err, jwtauth.ErrUnavailable) && r.Context().Err() == nil // the client still waits
	if status >= 500 && (status != http.StatusServiceUnavailable || outage) {
		slog.ErrorContext(r.Context(), "jwtauth: request failed", "err", err, "status", status, "method", r.Method, "route", r.Pattern)
	}
	jwtauth.WriteError(w, r, err)
}
