// Package tokencookies decides the names and attributes of the two cookies that
// hold the tokens of a session, and sets and deletes them.
package tokencookies

import (
	"net/http"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/credentials"
	"github.com/seed-0a072700/jwtauth/internal/faults"
)

const (
	maxName = 128

	// maxBytes limits name and value together. Browsers silently drop a longer
	// cookie (RFC 6265bis, section 5.6).
	maxBytes = 4096
)

// CheckName adds a fault for each reason why a name cannot be the middle part
// of the cookies' names.
func CheckName(f *faults.Collector, path, name string) {
	if !credentials.IsCookieName(name) {
		f.Add(path, "is not a cookie name (RFC 6265, section 4.1.1)")
	}
	if len(name) > maxName {
		f.Add(path, "is %d bytes long; the maximum is %d", len(name), maxName)
	}
	if lower := strings.ToLower(name); strings.HasPrefix(lower, "__host-") || strings.HasPrefix(lower, "__secure-") {
		f.Add(path, "has a prefix; NewCookies adds the right one")
	}
}

// Pair is a pair of cookies, without their values. It is safe for concurrent
// use.
type Pair struct{ access, refresh http.Cookie }

// New returns the pair with this name. Plain HTTP needs cookies without Secure
// and without a prefix.
func New(name string, plainHTTP bool, sameSite http.SameSite) *Pair {
	base := http.Cookie{Path: "/", Secure: true, HttpOnly: true, SameSite: sameSite}
	prefix := "__Host-"
	if plainHTTP {
		base.Secure, prefix = false, ""
	}
	p := &Pair{access: base, refresh: base}
	p.access.Name = prefix + name + "-access"
	p.refresh.Name = prefix + name + "-refresh"
	return p
}

// AccessName returns the name of the cookie with the access token.
func (p *Pair) AccessName() string { return p.access.Name }

// RefreshName returns the name of the cookie with the refresh token.
func (p *Pair) RefreshName() string { return p.refresh.Name }

// Secure reports whether browsers drop the cookies over plain HTTP.
func (p *Pair) Secure() bool { return p.access.Secure }

// Fit reports whether the tokens are short enough for browsers.
func (p *Pair) Fit(access, refresh string) bool {
	return len(p.access.Name)+len(access) <= maxBytes && len(p.refresh.Name)+len(refresh) <= maxBytes
}

// Values are the tokens for a pair of cookies.
type Values struct {
	Access, Refresh string
	AccessLifetime  time.Duration
	RefreshLifetime time.Duration // if not positive, the refresh cookie stays as it is
	BrowserSession  bool          // the cookies end with the browser
}

// Set adds the cookies to the response.
func (p *Pair) Set(w http.ResponseWriter, v Values) {
	w.Header().Set("Cache-Control", "no-store")
	access := with(p.access, v.Access, max(1, int(v.AccessLifetime/time.Second)))
	refresh := with(p.refresh, v.Refresh, max(1, int(v.RefreshLifetime/time.Second)))
	if v.BrowserSession {
		access.MaxAge, refresh.MaxAge = 0, 0 // net/http omits Max-Age
	}
	http.SetCookie(w, access)
	if v.RefreshLifetime > 0 {
		http.SetCookie(w, refresh)
	}
}

// Clear makes the browser delete both cookies.
func (p *Pair) Clear(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	http.SetCookie(w, with(p.access, "", -1)) // net/http writes Max-Age=0
	http.SetCookie(w, with(p.refresh, "", -1))
}

// with returns a cookie that lasts for some seconds.
func with(cookie http.Cookie, value string, seconds int) *http.Cookie {
	cookie.Value = value
	cookie.MaxAge = seconds
	return &cookie
}

// Replace returns a copy of the request with the tokens in its cookies. The
// request must have a Header.
func (p *Pair) Replace(r *http.Request, access, refresh string) *http.Request {
	var pairs []string
	for name, pair := range credentials.Cookies(r) {
		if name != p.access.Name && name != p.refresh.Name {
			pairs = append(pairs, pair)
		}
	}
	pairs = append(pairs, p.access.Name+"="+access, p.refresh.Name+"="+refresh)
	replaced := r.WithContext(r.Context())
	replaced.Header = r.Header.Clone()
	replaced.Header["Cookie"] = []string{strings.Join(pairs, "; ")}
	return replaced
}
