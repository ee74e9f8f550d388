package stream

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/internal/credentials"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/site"
)

// Subprotocol finds the token among the subprotocols that a WebSocket handshake
// offers (RFC 6455, section 11.3.4). Make one with [TokenAfter],
// [TokenWithPrefix] or [EncodedToken]. It is safe for concurrent use.
//
// Two middlewares work together. [Subprotocol.Extract] is the outer one. It
// removes the token from the header, so that no handler can select it as the
// subprotocol and send it back. [Subprotocol.Source] reads the extracted token.
//
// A browser closes the connection unless the server selects one of the
// subprotocols that it offered. So a page must also offer one that the server
// selects: that of the application, or with TokenAfter the name before the
// token.
//
// A page of any origin can open a WebSocket. A token among the subprotocols
// comes from the page and not from the browser, so other sites cannot send it.
// For cookies, [jwtauth.Cookie] and [jwtauth.Cookies.Access] refuse handshakes
// of other sites.
type Subprotocol struct {
	name string // before the token
	form form
}

// form is the place of the token.
type form int

const (
	following form = iota // the subprotocol after that of the name
	appended              // the rest of the subprotocol after the name
	encoded               // the same, in base64url
)

// TokenAfter returns a Subprotocol for tokens that are offered directly after a
// name, such as "bearer" or "access_token":
//
//	new WebSocket(url, ["chat", "bearer", token])
//
// The name stays among the subprotocols of the request, so a server without
// subprotocols of its own can select it. It panics if name is not a subprotocol
// (a token of RFC 9110, section 5.6.2).
func TokenAfter(name string) *Subprotocol {
	return newSubprotocol("TokenAfter: name", name, following)
}

// TokenWithPrefix returns a Subprotocol for tokens behind a prefix, such as
// "example.bearer.":
//
//	new WebSocket(url, ["chat", "example.bearer." + token])
//
// It panics if prefix cannot begin a subprotocol.
func TokenWithPrefix(prefix string) *Subprotocol {
	return newSubprotocol("TokenWithPrefix: prefix", prefix, appended)
}

// EncodedToken is like [TokenWithPrefix] for tokens in base64url without
// padding (RFC 4648, section 5). It also suits tokens that are not a JWT and
// contain "/" or "=". Kubernetes uses it with the prefix
// "base64url.bearer.authorization.k8s.io.".
func EncodedToken(prefix string) *Subprotocol {
	return newSubprotocol("EncodedToken: prefix", prefix, encoded)
}

func newSubprotocol(argument, name string, f form) *Subprotocol {
	if !credentials.IsName(name) {
		panic("jwtauth: stream: " + argument + " is not a subprotocol")
	}
	return &Subprotocol{name, f}
}

const (
	header = "Sec-Websocket-Protocol" // in the form of http.Header

	// maxOffered is the number of subprotocols that are read.
	maxOffered = 32
)

var (
	errMalformed = faulty("has an element that is not a subprotocol name (RFC 6455, section 4.1)")
	errRepeated  = faulty("offers a subprotocol twice (RFC 6455, section 4.1)")
	errTooMany   = faulty(fmt.Sprintf("offers more than %d subprotocols", maxOffered))

	errNotExtracted = errors.New("jwtauth: stream: Subprotocol.Source: put Subprotocol.Extract around Verify, so that the token cannot be selected as the subprotocol")
)

func faulty(text string) error {
	return fmt.Errorf("%w: the Sec-WebSocket-Protocol header %s", jwtauth.ErrInvalidRequest, text)
}

// extracted is the value of a context whose key is the Subprotocol.
type extracted struct {
	token string
	err   error
}

// Source returns the source for [jwtauth.From]. It reads only WebSocket
// handshakes: any other request counts as one without a token. A handshake is
// [jwtauth.ErrInvalidRequest] if it offers a malformed token, two tokens, or
// more than 32 subprotocols, or if another subprotocol is repeated or is not a
// name (RFC 6455, section 4.1).
//
// Without [Subprotocol.Extract] around it, every handshake is refused with 500
// and an error for the log that says so.
func (s *Subprotocol) Source() jwtauth.Source {
	return func(r *http.Request) (string, error) {
		if !isHandshake(r) {
			return "", nil
		}
		found, ok := r.Context().Value(s).(extracted)
		if !ok {
			return "", errNotExtracted
		}
		return found.token, found.err
	}
}

// Extract returns middleware that moves the token from the header of a
// handshake into the context of the request, for [Subprotocol.Source]. The
// handlers behind it see the other subprotocols. They see no header if it is
// malformed. Other requests pass unchanged.
//
// Put it around [jwtauth.Verify], and around handlers that log the headers of
// requests. It panics if next is nil.
func (s *Subprotocol) Extract(next http.Handler) http.Handler {
	if faults.IsNil(next) {
		panic("jwtauth: stream: Extract: the next handler is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isHandshake(r) {
			r = s.extract(r)
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Subprotocol) extract(r *http.Request) *http.Request {
	var found extracted
	offered, err := split(r.Header[header])
	if err == nil {
		found.token, offered, err = s.cut(offered)
	}
	if err == nil && slices.ContainsFunc(offered, isNoName) {
		found.token, err = "", errMalformed
	}
	found.err = err
	r = r.WithContext(context.WithValue(r.Context(), s, found))
	r.Header = maps.Clone(r.Header)
	if err != nil || len(offered) == 0 {
		delete(r.Header, header)
	} else {
		r.Header[header] = []string{strings.Join(offered, ", ")}
	}
	return r
}

// isHandshake reports whether a request is a WebSocket handshake, over HTTP/1.1
// or over HTTP/2 (RFC 8441, section 5).
func isHandshake(r *http.Request) bool {
	if r.Method == http.MethodConnect {
		protocol := r.Header[":protocol"]
		return len(protocol) == 1 && strings.EqualFold(protocol[0], "websocket")
	}
	return site.IsWebSocket(r)
}

func isNoName(subprotocol string) bool { return !credentials.IsName(subprotocol) }

// split returns the subprotocols in the headers of a handshake. It leaves their
// characters to others, because the errors about tokens say more.
func split(headers []string) (offered []string, err error) {
	for _, value := range headers {
		for name := range strings.SplitSeq(value, ",") {
			name = strings.Trim(name, " \t")
			switch {
			case name == "":
				return nil, errMalformed
			case slices.Contains(offered, name):
				return nil, errRepeated
			case len(offered) == maxOffered:
				return nil, errTooMany
			}
			offered = append(offered, name)
		}
	}
	return offered, nil
}

// cut returns the token, or "" if no token is offered, and the other
// subprotocols.
func (s *Subprotocol) cut(offered []string) (token string, others []string, err error) {
	at := -1
	for i, name := range offered {
		switch {
		case !s.matches(name):
		case at >= 0:
			return "", nil, faulty("offers two tokens")
		default:
			at = i
		}
	}
	if at < 0 {
		return "", offered, nil
	}
	if s.form == following {
		at++
	}
	text := ""
	if at < len(offered) {
		text = offered[at]
	}
	if token, err = s.token(text); err != nil {
		return "", nil, err
	}
	return token, slices.Delete(offered, at, at+1), nil
}

// matches reports whether a subprotocol announces or contains a token.
func (s *Subprotocol) matches(name string) bool {
	if s.form == following {
		return strings.EqualFold(name, s.name)
	}
	return len(name) >= len(s.name) && strings.EqualFold(name[:len(s.name)], s.name)
}

// token returns the token in a subprotocol that matches, or that follows one.
func (s *Subprotocol) token(text string) (string, error) {
	if s.form != following {
		text = text[len(s.name):]
	}
	if s.form == encoded {
		decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil {
			return "", faulty("has a token that is not base64url without padding, after " + s.name)
		}
		text = string(decoded)
	}
	if text == "" {
		return "", faulty("has no token after " + s.name)
	}
	token, err := credentials.Token(text)
	if err != nil {
		return "", faulty("has a malformed token after " + s.name + ": " + err.Error())
	}
	return token, nil
}
