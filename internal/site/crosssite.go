// Package site decides whether a request comes from a page of this service, and
// which origins and hosts can be trusted.
package site

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Errors of [Protection.Check].
var (
	ErrNoOrigin  = errors.New("no Sec-Fetch-Site or Origin header, which every browser sends: other clients must send the token in a header, not in a cookie")
	ErrCrossSite = errors.New("sent by a page of another origin")
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

// Check returns [ErrNoOrigin], or an error that wraps [ErrCrossSite], if the
// request has a method that changes something, and was not made by a page of a
// trusted origin or by the user. A WebSocket handshake counts as a change.
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
		return crossSite(r)
	}
	return nil
}

// crossSite names the headers that led to the refusal, and the two mistakes
// that cause one for a page of the service itself.
func crossSite(r *http.Request) error {
	origin := shorten(r.Header.Get("Origin"))
	if fetchSite := r.Header.Get("Sec-Fetch-Site"); fetchSite != "" {
		return fmt.Errorf("%w: Sec-Fetch-Site is %q, and CookieOptions.TrustedOrigins does not list the Origin %q", ErrCrossSite, shorten(fetchSite), origin)
	}
	return fmt.Errorf("%w: the Origin %q does not match the Host %q, and CookieOptions.TrustedOrigins does not list it; a proxy must not change the Host header",
		ErrCrossSite, origin, shorten(r.Host))
}

// shorten limits the text of a header that goes into an error.
func shorten(text string) string {
	const most = 256
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// PlainHTTP reports whether a page of the requested host made the request and
// came over plain http, from a host other than this machine. Browsers drop the
// Secure cookies of such a page.
func PlainHTTP(r *http.Request) bool {
	u, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && u.Scheme == "http" && strings.EqualFold(u.Host, r.Host) && !IsLoopback(u.Hostname())
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
