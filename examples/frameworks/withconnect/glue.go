// Package withconnect protects the handlers of Connect services.
package withconnect

import (
	"errors"
	"maps"
	"mime"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/stream"
)

// Protect returns middleware for the handlers of a service. Pass the options of
// these handlers, too.
func Protect(v jwtauth.TokenVerifier, opts ...connect.HandlerOption) func(http.Handler) http.Handler {
	writer := connect.NewErrorWriter(opts...)
	verify := jwtauth.Verify(v, jwtauth.OnError(func(w http.ResponseWriter, r *http.Request, err error) {
		if !writer.IsSupported(r) {
			jwtauth.WriteError(w, r, err)
			return
		}
		p := jwtauth.ProblemOf(err)
		maps.Copy(w.Header(), p.Header) // and not into the error: gRPC sends that as trailers
		refusal := connect.NewError(codeOf(p.Status), errors.New(p.Detail))
		_ = writer.Write(w, r, refusal) // fails only if the client is gone
	}))
	return func(next http.Handler) http.Handler { return verify(untilExpiry(next)) }
}

// untilExpiry ends streams, and calls of gRPC, when their token expires: their
// context ends, and Receive returns an error.
func untilExpiry(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // as Connect does: it accepts capitals
		if strings.HasPrefix(kind, "application/connect+") || strings.HasPrefix(kind, "application/grpc") {
			claims, _ := jwtauth.FromContext(r.Context()) // always set behind Verify
			ctx, cancel := stream.UntilExpiry(r.Context(), claims)
			defer cancel()
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(claims.ValidFor())) // for Receive
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
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
