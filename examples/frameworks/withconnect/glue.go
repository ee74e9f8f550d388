// Package withconnect protects the handlers of Connect services.
package withconnect

import (
	"errors"
	"maps"
	"net/http"

	"connectrpc.com/connect"

	"github.com/seed-0a072700/jwtauth"
)

// Protect returns middleware for the handlers of a service. Pass the options of
// these handlers, too.
func Protect(v jwtauth.TokenVerifier, opts ...connect.HandlerOption) func(http.Handler) http.Handler {
	writer := connect.NewErrorWriter(opts...)
	return jwtauth.Verify(v, jwtauth.OnError(func(w http.ResponseWriter, r *http.Request, err error) {
		if !writer.IsSupported(r) {
			jwtauth.WriteError(w, r, err)
			return
		}
		p := jwtauth.ProblemOf(err)
		refusal := connect.NewError(codeOf(p.Status), errors.New(p.Detail))
		maps.Copy(refusal.Meta(), p.Header)
		_ = writer.Write(w, r, refusal) // fails only if the client is gone
	}))
}

func codeOf(status int) connect.Code {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized:
		return connect.CodeUnauthenticated
	case http.StatusForbidden:
		return connect.CodePermissionDenied
	case http.StatusServiceUnavailable:
		return connect.CodeUnavailable
	}
	return connect.CodeInternal
}
