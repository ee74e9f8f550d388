package jwtauth

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/textproto"
	"path"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/site"
)

// CookieOptions configure [NewCookies]. The zero value is a complete configuration, and the safest for
// a service whose pages and API share one origin. Literals must be keyed.
type CookieOptions struct {
	_ struct{}

	// Name is what the cookies' names are made of: "__Host-NAME-access" and "__Host-NAME-refresh". Cookies do
	// not keep ports apart: services on one host name need different names. Default "jwtauth".
	Name string

	// RefreshPath, such as "/auth", is the only path (with those below it) that the refresh cookie is sent to: the
	// endpoints for refresh and logout must be there, and that for login should be: elsewhere, login and logout find the browser's
	// session by its access cookie alone, while that lasts. The refresh cookie is then SameSite=Strict, and its name
	// begins with "__Secure-", which lets a page on a sibling host name plant one: beside the user's own it makes refreshes and logouts fail;
	// where the user has none, it logs the browser in to the session of whoever planted it. Where siblings are not
	// to be trusted, leave RefreshPath empty. [Handlers.Renew] needs the refresh cookie at every page, and so excludes
	// RefreshPath. Default: both cookies have the path "/".
	RefreshPath string

	// TrustedOrigins are other origins whose pages may send requests that change something, such as
	// "https://app.example.com". A CORS handler around the service has to name them, too. Scheme and host are
	// compared without regard to case, default ports left out. There are no patterns; paths and "null" are refused, and so is plain
	// http, which anyone on the network can speak for, except of a loopback host or with InsecureHTTP.
	//
	// Browsers send these cookies to no other site, whatever is trusted: the origins have to be of the same site
	// (scheme and registrable domain), but see InsecureSameSiteNone.
	TrustedOrigins []string

	// InsecureHTTP leaves out Secure, and with it the prefixes of the names, for development on a plain-HTTP server:
	// anyone on the network can then read and replace the cookies. Of http://localhost some
	// browsers (Chromium, Firefox) take Secure cookies, so that they need no InsecureHTTP there.
	InsecureHTTP bool

	// InsecureSameSiteNone lets browsers attach the cookies to requests that any site makes, for an
	// application on another site, or in its frames, in those browsers that keep such cookies at all. What then
	// stands between other sites and the user's session is the check of Origin and Sec-Fetch-Site alone, and
	// requests by GET are not checked: no GET may change anything. Such an application is better off with bearer tokens.
	InsecureSameSiteNone bool
}

// Cookies is where tokens live in cookie mode: two cookies that no script can read and no other site can
// use. It is safe for concurrent use.
type Cookies struct {
	access, refresh http.Cookie // without values
	protection      *site.Protection
	perPage         bool // the refresh cookie is sent to every page
}

// NewCookies returns what [HandlerOptions] and [Verify] need for cookie mode:
//
//	cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{})
//	…
//	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{Cookies: cookies, …})
//	protected := jwtauth.Verify(issuer.Live(), jwtauth.From(cookies.Access(), jwtauth.Bearer()))
//
// The cookies are HttpOnly, Secure, SameSite=Lax, of this host alone (their names begin with "__Host-", so that no sibling host can
// plant one) and for all of its paths. They outlive the browser: the access cookie lasts as long as its
// token, the refresh cookie until the session ends if it is not refreshed (IdleTTL).
//
// The error joins all faults, each naming its field.
func NewCookies(opts CookieOptions) (*Cookies, error) {
	var f faults.Collector
	if opts.Name == "" {
		opts.Name = "jwtauth"
	}
	if (&http.Cookie{Name: opts.Name, Value: "v"}).Valid() != nil {
		f.Add("CookieOptions.Name", "is not one of a cookie (RFC 6265 §4.1.1)")
	}
	if len(opts.Name) > maxCookieName {
		f.Add("CookieOptions.Name", "is %d bytes long; at most %d are taken", len(opts.Name), maxCookieName)
	}
	if lower := strings.ToLower(opts.Name); strings.HasPrefix(lower, "__host-") || strings.HasPrefix(lower, "__secure-") {
		f.Add("CookieOptions.Name", "has a prefix of its own; the one that fits is added")
	}
	if fault := refreshPathFault(opts.RefreshPath); fault != "" {
		f.Add("CookieOptions.RefreshPath", "%s", fault)
	}
	if opts.InsecureHTTP && opts.InsecureSameSiteNone {
		f.Add("CookieOptions.InsecureSameSiteNone", "is set, and so is InsecureHTTP: browsers take no SameSite=None without Secure")
	}
	protection := site.NewProtection()
	for i, text := range opts.TrustedOrigins {
		if err := protection.Trust(text, opts.InsecureHTTP); err != nil {
			f.Add(fmt.Sprintf("CookieOptions.TrustedOrigins[%d]", i), "%w", err)
		}
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	return opts.compile(protection), nil
}

func (o CookieOptions) compile(protection *site.Protection) *Cookies {
	base := http.Cookie{Path: "/", Secure: !o.InsecureHTTP, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	c := &Cookies{access: base, refresh: base, protection: protection, perPage: o.RefreshPath == ""}
	c.access.Name = "__Host-" + o.Name + "-access"
	c.refresh.Name = "__Host-" + o.Name + "-refresh"
	if o.RefreshPath != "" {
		c.refresh.Name = "__Secure-" + o.Name + "-refresh"
		c.refresh.Path = o.RefreshPath
		c.refresh.SameSite = http.SameSiteStrictMode
	}
	if o.InsecureHTTP {
		c.access.Name = o.Name + "-access"
		c.refresh.Name = o.Name + "-refresh"
	}
	if o.InsecureSameSiteNone {
		c.access.SameSite = http.SameSiteNoneMode
		c.refresh.SameSite = http.SameSiteNoneMode
	}
	return c
}

const (
	// maxCookieBytes is what browsers keep of a name and its value together
	// (RFC 6265bis §5.6); a longer cookie they drop without a word.
	maxCookieBytes = 4096
	maxCookieName  = 128
)

func refreshPathFault(p string) string {
	switch {
	case p == "":
		return ""
	case p[0] != '/' || path.Clean(p) != p:
		return fmt.Sprintf("%q is not a clean absolute path", p)
	case p == "/":
		return `is "/", where all paths are meant: leave it empty`
	case strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`;,"\%?#`, r) }):
		return fmt.Sprintf("%q holds a byte that has no place in a cookie's path", p)
	case len(p) > faults.MaxNameBytes: // of an attribute, browsers keep 1024 bytes
		return fmt.Sprintf("is %d bytes long; at most %d are taken", len(p), faults.MaxNameBytes)
	}
	return ""
}

// Access reads the access cookie, under the rules of [Cookie]; besides, pages of
// CookieOptions.TrustedOrigins may send what changes something.
func (c *Cookies) Access() Source { return cookieSource(c.access.Name, c.protection) }

var errCookieTooLong = errors.New("jwtauth: a token is too long for a cookie; have fewer private claims")

// check refuses tokens that browsers would not keep.
func (c *Cookies) check(t Tokens) error {
	if len(c.access.Name)+len(t.AccessToken) > maxCookieBytes || len(c.refresh.Name)+len(t.RefreshToken) > maxCookieBytes {
		return errCookieTooLong
	}
	return nil
}

// set puts tokens into the answer, without the refresh token where refreshLife is 0.
func (c *Cookies) set(w http.ResponseWriter, t Tokens, refreshLife time.Duration) {
	w.Header().Set("Cache-Control", "no-store")
	http.SetCookie(w, c.with(c.access, t.AccessToken, t.ExpiresIn))
	if refreshLife > 0 {
		http.SetCookie(w, c.with(c.refresh, t.RefreshToken, max(1, int(refreshLife/time.Second))))
	}
}

// clear has the browser forget both cookies.
func (c *Cookies) clear(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	http.SetCookie(w, c.with(c.access, "", 0))
	http.SetCookie(w, c.with(c.refresh, "", 0))
}

// with returns a cookie that lasts for some seconds; for none, one that makes browsers delete it.
func (c *Cookies) with(base http.Cookie, value string, seconds int) *http.Cookie {
	base.Value = value
	base.MaxAge = seconds
	if seconds <= 0 {
		base.MaxAge = -1 // net/http's word for Max-Age=0
	}
	return &base
}

// refreshToken returns the refresh token that a request carries, "" where there is none.
func (c *Cookies) refreshToken(r *http.Request) (string, error) { return oneCookie(r, c.refresh.Name) }

// Cookie reads a cookie. Because browsers attach cookies to whatever any site makes them send, a
// token found there counts only in a request that this origin's own pages, or the
// user by typing the address, made: for methods other than GET, HEAD and OPTIONS, and for
// WebSocket handshakes, the request must pass [http.CrossOriginProtection] and have a
// Sec-Fetch-Site or Origin field, which every browser sends with these; else it is [ErrCrossSite]. A cookie
// given twice, as by a sibling host that plants one, is [ErrInvalidRequest].
//
// It panics where name is no cookie name (RFC 6265 §4.1.1).
func Cookie(name string) Source {
	if err := (&http.Cookie{Name: name, Value: "v"}).Valid(); err != nil {
		panic("jwtauth: Cookie: the name is not one of a cookie")
	}
	return cookieSource(name, site.NewProtection())
}

func cookieSource(name string, protection *site.Protection) Source {
	return func(r *http.Request) (string, error) {
		token, err := oneCookie(r, name)
		if err != nil || token == "" {
			return "", err
		}
		if err := checkSite(protection, r); err != nil {
			return "", err
		}
		return token, nil
	}
}

// oneCookie returns the token in the one cookie of that name, over all Cookie lines.
func oneCookie(r *http.Request, name string) (string, error) {
	var values []string
	for sent, pair := range sentCookies(r) {
		if sent == name {
			_, value, _ := strings.Cut(pair, "=")
			if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
				value = value[1 : n-1]
			}
			values = append(values, value)
		}
	}
	return one(values)
}

// sentCookies returns the cookies of a request, over all Cookie lines: the name, and name and value as they came. It divides them
// as net/http does, but passes over none for a byte in its value: that one, too, is a second of its name.
func sentCookies(r *http.Request) iter.Seq2[string, string] {
	return func(yield func(name, pair string) bool) {
		for _, line := range r.Header["Cookie"] {
			for pair := range strings.SplitSeq(line, ";") {
				pair = textproto.TrimString(pair) // other than ASCII, space is part of a name
				if pair == "" {
					continue
				}
				name, _, _ := strings.Cut(pair, "=")
				if !yield(textproto.TrimString(name), pair) {
					return
				}
			}
		}
	}
}

// checkSite refuses a request with credentials in cookies if another site made
// it.
func checkSite(protection *site.Protection, r *http.Request) error {
	if err := protection.Check(r); err != nil {
		return fmt.Errorf("%w: %w", ErrCrossSite, err)
	}
	return nil
}
