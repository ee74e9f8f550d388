// Package stream protects connections that last longer than a request:
// WebSockets, Server-Sent Events and streaming gRPC calls.
//
// A [Subprotocol] finds the token of a WebSocket handshake. A page cannot set
// the headers of a handshake, so many services send the token among the
// subprotocols. [jwtauth.Verify] then works as usual:
//
//	tokens := stream.TokenAfter("bearer")
//	from := jwtauth.From(tokens.Source(), cookies.Access())
//	protect := jwtauth.Verify(issuer, from)
//	mux.Handle("GET /socket", tokens.Extract(protect(socket)))
//
// A token is verified when the connection begins, but it expires while the
// connection is open. [UntilExpiry] returns a context that ends at that time,
// and [UntilLogout] one that also ends after a logout. [CloseStatus] returns
// the close code that tells a client the reason: 4401 if it needs a new token.
//
// This is a package of its own because services without such connections do not
// need it. It opens no connections and works with any library for them.
package stream

import (
	"context"
	"errors"
	"net/http"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth"
)

// Close codes of RFC 6455, section 7.4.1, and the registry that it creates.
const (
	codeNormal        = 1000
	codeGoingAway     = 1001
	codeInternalError = 1011
	codeTryAgainLater = 1013
)

// maxReason is the length of the longest reason of a close frame, which must be
// UTF-8 (RFC 6455, section 5.5).
const maxReason = 123

// CloseStatus returns the code and the reason with which a server closes a
// WebSocket, for an error of [jwtauth.Verify] or the cause of a context that
// has ended:
//
//	1000           nil
//	1001           context.Canceled, if the server shuts down; "going_away"
//	1011           an error with status 500, and unknown errors
//	1013           an error with status 503, such as jwtauth.ErrUnavailable
//	4000 + status  any other error: 4401 for jwtauth.ErrTokenExpired and
//	               jwtauth.ErrTokenInvalid, 4403 for jwtauth.ErrForbidden
//
// The codes from 4000 to 4999 are for private use (RFC 6455, section 7.4.2).
// The status is that of [jwtauth.ProblemOf], and the reason is its code, such
// as "token_expired". After 4401, a client should refresh its token and connect
// again.
func CloseStatus(err error) (code int, reason string) {
	switch {
	case err == nil:
		return codeNormal, ""
	case errors.Is(err, context.Canceled) && !errors.Is(err, jwtauth.ErrUnavailable):
		return codeGoingAway, "going_away"
	}
	p := jwtauth.ProblemOf(err)
	reason = p.Code
	if len(reason) > maxReason || !utf8.ValidString(reason) {
		reason = ""
	}
	switch {
	case p.Status == http.StatusServiceUnavailable:
		return codeTryAgainLater, reason
	case p.Status >= http.StatusInternalServerError:
		return codeInternalError, reason
	default:
		return 4000 + p.Status, reason
	}
}
