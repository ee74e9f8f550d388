package jwtauth

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/credentials"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/site"
)

// CookieOptions configures [NewCookies]. The zero value is a complete
// configuration, and the safest one for a service whose pages and API share one
// origin. Literals must be keyed.
type CookieOptions struct {
	_ struct{}

	// Name is part of the cookies' names: "__Host-NAME-access" and
	// "__Host-NAME-refresh". At most 128 bytes. Cookies are shared by all ports
	// of a host, so services on one host need different names. Default:
	// "jwtauth".
	Name string

	// TrustedOrigins are other origins whose pages may send requests that
	// change something, such as "https://app.example.com". If there is a CORS
	// handler around the service, it must allow them as well. Case and default
	// ports do not matter. Patterns, paths and "null" are refused. So is plain
	// http, whose pages anyone on the network can forge, except for loopback
	// hosts and with InsecureHTTP.
	//
	// Browsers attach the cookies only to requests of the same site (scheme and
	// registrable domain), so the origins must belong to it; but see
	// InsecureSameSiteNone.
	TrustedOrigins []string

	// InsecureHTTP omits Secure and the prefixes of the names, for development
	// on a server without TLS. Anyone on the network can then read and replace
	// the cookies. It is not needed for http://localhost in browsers that
	// accept Secure cookies there, such as Chromium and Firefox.
	InsecureHTTP bool

	// InsecureSameSiteNone lets browsers attach the cookies to requests of all
	// sites, for an application on another site or in its frames. Some browsers
	// do not keep such cookies. Only the check of Origin and Sec-Fetch-Site
	// then protects the session from other sites, and it does not cover GET
	// requests: no GET may change anything. Prefer bearer tokens for such an
	// application.
	InsecureSameSiteNone bool
}

const (
	defaultCookieName = "jwtauth"
	maxCookieName     = 128

	// maxCookieBytes limits name and value together. Browsers silently drop a
	// longer cookie (RFC 6265bis, section 5.6).
	maxCookieBytes = 4096
)

// Cookies defines the two cookies that hold the tokens in cookie mode. Scripts
// cannot read them, and other sites cannot use them. Make it with [NewCookies].
// It is safe for concurrent use.
type Cookies struct {
	access, refresh http.Cookie // without values
	protection      *site.Protection
}

// NewCookies returns the Cookies for [HandlerOptions] and [Verify]:
//
//	cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{})
//	…
//	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
//		Authenticate: authenticate,
//		Cookies:      cookies,
//	})
//	…
//	from := jwtauth.From(cookies.Access(), jwtauth.Bearer())
//	protect := jwtauth.Verify(issuer.Live(), from)
//
// The cookies are HttpOnly, Secure and SameSite=Lax, and belong to this host
// alone: no sibling host can plant a cookie whose name begins with "__Host-".
// They survive the end of the browser, unless the session was begun with
// [BrowserSession]: the access cookie lasts as long as its token, and the
// refresh cookie until the session ends without a refresh
// (IssuerOptions.IdleTTL).
//
// The error joins all faults, each naming its field.
func NewCookies(opts CookieOptions) (*Cookies, error) {
	var f faults.Collector
	if opts.Name == "" {
		opts.Name = defaultCookieName
	}
	checkCookieName(&f, opts.Name)
	if opts.InsecureHTTP && opts.InsecureSameSiteNone {
		f.Add("CookieOptions.InsecureSameSiteNone", "cannot be combined with InsecureHTTP: browsers refuse SameSite=None without Secure")
	}
	protection := site.NewProtection()
	for i, origin := range opts.TrustedOrigins {
		if err := protection.Trust(origin, opts.InsecureHTTP); err != nil {
			f.Add(fmt.Sprintf("CookieOptions.TrustedOrigins[%d]", i), "%w", err)
		}
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	base := http.Cookie{Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	prefix := "__Host-"
	if opts.InsecureHTTP {
		base.Secure, prefix = false, ""
	}
	if opts.InsecureSameSiteNone {
		base.SameSite = http.SameSiteNoneMode
	}
	c := &Cookies{access: base, refresh: base, protection: protection}
	c.access.Name = prefix + opts.Name + "-access"
	c.refresh.Name = prefix + opts.Name + "-refresh"
	return c, nil
}

func checkCookieName(f *faults.Collector, name string) {
	const path = "CookieOptions.Name"
	if !isCookieName(name) {
		f.Add(path, "is not a cookie name (RFC 6265, section 4.1.1)")
	}
	if len(name) > maxCookieName {
		f.Add(path, "is %d bytes long; the maximum is %d", len(name), maxCookieName)
	}
	if lower := strings.ToLower(name); strings.HasPrefix(lower, "__host-") || strings.HasPrefix(lower, "__secure-") {
		f.Add(path, "has a prefix; NewCookies adds the right one")
	}
}

// Access returns a Source that reads the access cookie. It follows the rules of
// [Cookie], and trusts CookieOptions.TrustedOrigins as well.
func (c *Cookies) Access() Source { return cookieSource(c.access.Name, c.protection) }

var errCookieTooLong = errors.New("jwtauth: a token is too long for a cookie: reduce the private claims")

// check returns an error if browsers would drop the tokens.
func (c *Cookies) check(t Tokens) error {
	if len(c.access.Name)+len(t.AccessToken) > maxCookieBytes || len(c.refresh.Name)+len(t.RefreshToken) > maxCookieBytes {
		return errCookieTooLong
	}
	return nil
}

// set adds the tokens to the response. It leaves the refresh cookie alone if
// refreshLifetime is not positive. The cookies of a browser session end with
// the browser.
func (c *Cookies) set(w http.ResponseWriter, t Tokens, refreshLifetime time.Duration, browserSession bool) {
	w.Header().Set("Cache-Control", "no-store")
	access := withValue(c.access, t.AccessToken, max(1, t.ExpiresIn))
	refresh := withValue(c.refresh, t.RefreshToken, max(1, int(refreshLifetime/time.Second)))
	if browserSession {
		access.MaxAge, refresh.MaxAge = 0, 0 // net/http omits Max-Age
	}
	http.SetCookie(w, access)
	if refreshLifetime > 0 {
		http.SetCookie(w, refresh)
	}
}

// clear makes the browser delete both cookies.
func (c *Cookies) clear(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	http.SetCookie(w, withValue(c.access, "", -1)) // net/http writes Max-Age=0
	http.SetCookie(w, withValue(c.refresh, "", -1))
}

// withValue returns a cookie that lasts for some seconds.
func withValue(cookie http.Cookie, value string, seconds int) *http.Cookie {
	cookie.Value = value
	cookie.MaxAge = seconds
	return &cookie
}

// accessToken returns the access token in a request's cookie, or "" if there is
// none. It does not check the origin of the request.
func (c *Cookies) accessToken(r *http.Request) (string, error) { return cookieToken(r, c.access.Name) }

// refreshToken is accessToken for the refresh token.
func (c *Cookies) refreshToken(r *http.Request) (string, error) {
	return cookieToken(r, c.refresh.Name)
}

// replace returns a copy of the request with the tokens in its cookies.
func (c *Cookies) replace(r *http.Request, tokens Tokens) *http.Request {
	var pairs []string
	for name, pair := range credentials.Cookies(r) {
		if name != c.access.Name && name != c.refresh.Name {
			pairs = append(pairs, pair)
		}
	}
	pairs = append(pairs, c.access.Name+"="+tokens.AccessToken, c.refresh.Name+"="+tokens.RefreshToken)
	replaced := r.WithContext(r.Context())
	replaced.Header = r.Header.Clone()
	replaced.Header["Cookie"] = []string{strings.Join(pairs, "; ")}
	return replaced
}
