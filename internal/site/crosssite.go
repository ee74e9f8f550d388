// Package site decides whether a request comes from a page of this service, and
// which origins and hosts can be trusted.
package site

import (
	"errors"
	"net/http"
	"strings"
)

// Errors of [Protection.Check].
var (
	ErrNoOrigin  = errors.New("no Sec-Fetch-Site or Origin header, which every browser sends: other clients should not use cookies")
	ErrCrossSite = errors.New("sent by a page of another origin, which CookieOptions.TrustedOrigins does not list, or a proxy changed the Host header")
)

// Protection refuses requests that pages of other sites make. It is for
// requests whose credentials browsers attach on their own. It is safe for
// concurrent use once all origins are added.
//
// It is stricter than [http.CrossOriginProtection], which lets requests without
// Sec-Fetch-Site and Origin pass, and treats a WebSocket handshake as a
// harmless GET although a script of any site can start one.
type Protection struct{ protection *http.CrossOriginProtection }

// NewProtection returns a Protection that trusts the origin of the request
// itself and no other.
func NewProtection() *Protection { return &Protection{http.NewCrossOriginProtection()} }

// Trust adds an origin whose pages may make requests. See [ParseOrigin] for its
// errors.
func (p *Protection) Trust(text string, plainHTTP bool) error {
	origin, err := ParseOrigin(text, plainHTTP)
	if err != nil {
		return err
	}
	return p.protection.AddTrustedOrigin(origin)
}

// Check returns [ErrNoOrigin] or [ErrCrossSite] if the request changes
// something, judging by its method, and was not made by a page of a trusted
// origin or by the user. A WebSocket handshake counts as a change.
func (p *Protection) Check(r *http.Request) error {
	if IsWebSocket(r) {
		asPost := *r
		asPost.Method = http.MethodPost
		r = &asPost
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
		return ErrNoOrigin // no browser omits both
	}
	if p.protection.Check(r) != nil {
		return ErrCrossSite
	}
	return nil
}

// IsWebSocket reports whether a request is a WebSocket handshake (RFC 6455,
// section 4.1).
func IsWebSocket(r *http.Request) bool {
	for _, header := range r.Header["Upgrade"] {
		for protocol := range strings.SplitSeq(header, ",") {
			if strings.EqualFold(strings.TrimSpace(protocol), "websocket") {
				return true
			}
		}
	}
	return false
}

// IsOwnOrNavigation reports whether a page of this origin made the request, or
// the browser made it to show its user a page. Requests that other origins
// embed, frames included, are neither. Browsers send no Sec-Fetch-Site over
// plain http: such a request counts as one of the two.
func IsOwnOrNavigation(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	dest := r.Header.Get("Sec-Fetch-Dest")
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && (dest == "document" || dest == "")
}
