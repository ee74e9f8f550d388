package jwtauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/params"
	"github.com/seed-0a072700/jwtauth/internal/site"
	"github.com/seed-0a072700/jwtauth/internal/tokencookies"
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
	// the cookies. Without it, logins of pages at plain http are refused. It is
	// not needed for http://localhost in browsers that accept Secure cookies
	// there, such as Chromium and Firefox.
	InsecureHTTP bool

	// InsecureSameSiteNone lets browsers attach the cookies to requests of all
	// sites, for an application on another site or in its frames. Some browsers
	// do not keep such cookies. Only the check of Origin and Sec-Fetch-Site
	// then protects the session from other sites, and it does not cover GET
	// requests: no GET may change anything. Prefer bearer tokens for such an
	// application.
	InsecureSameSiteNone bool
}

// Cookies defines the two cookies that hold the tokens in cookie mode. Scripts
// cannot read them, and other sites cannot use them ([ErrCrossSite]). Make it
// with [NewCookies]. It is safe for concurrent use.
type Cookies struct {
	pair       *tokencookies.Pair
	protection *site.Protection
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
//	live := jwtauth.Live(issuer, store, 5*time.Second)
//	from := jwtauth.From(cookies.Access(), jwtauth.Bearer())
//	protect := jwtauth.Verify(live, from)
//
// The cookies are HttpOnly, Secure, SameSite=Lax and for all paths. They belong
// to this host alone: no sibling host can plant a cookie whose name begins with
// "__Host-". They survive the end of the browser, unless the session was begun
// with [BrowserSession]: the access cookie lasts as long as its token, and the
// refresh cookie until the session ends without a refresh
// (IssuerOptions.IdleTTL).
//
// The error joins all faults, each naming its field.
func NewCookies(opts CookieOptions) (*Cookies, error) {
	var f faults.Collector
	if opts.Name == "" {
		opts.Name = "jwtauth"
	}
	tokencookies.CheckName(&f, "CookieOptions.Name", opts.Name)
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
	sameSite := http.SameSiteLaxMode
	if opts.InsecureSameSiteNone {
		sameSite = http.SameSiteNoneMode
	}
	return &Cookies{tokencookies.New(opts.Name, opts.InsecureHTTP, sameSite), protection}, nil
}

// Access returns a Source that reads the access cookie. It follows the rules of
// [Cookie], and trusts CookieOptions.TrustedOrigins as well.
func (c *Cookies) Access() Source { return cookieSource(c.pair.AccessName(), c.protection) }

var errCookieTooLong = errors.New("jwtauth: a token is too long for a cookie: reduce the private claims")

// check returns an error if browsers would drop the tokens.
func (c *Cookies) check(t Tokens) error {
	if c.pair.Fit(t.AccessToken, t.RefreshToken) {
		return nil
	}
	return errCookieTooLong
}

// set adds the tokens to the response. It leaves the refresh cookie alone if
// refreshLifetime is not positive. The cookies of a browser session end with
// the browser.
func (c *Cookies) set(w http.ResponseWriter, t Tokens, refreshLifetime time.Duration, browserSession bool) {
	c.pair.Set(w, tokencookies.Values{
		Access:          t.AccessToken,
		Refresh:         t.RefreshToken,
		AccessLifetime:  time.Duration(t.ExpiresIn) * time.Second,
		RefreshLifetime: refreshLifetime,
		BrowserSession:  browserSession,
	})
}

// accessToken returns the access token in a request's cookie, or "" if there is
// none. It does not check the origin of the request.
func (c *Cookies) accessToken(r *http.Request) (string, error) {
	return cookieToken(r, c.pair.AccessName())
}

// refreshToken is accessToken for the refresh token.
func (c *Cookies) refreshToken(r *http.Request) (string, error) {
	return cookieToken(r, c.pair.RefreshName())
}

// presented is refreshToken for a request that must have one.
func (c *Cookies) presented(r *http.Request) (string, error) {
	token, err := c.refreshToken(r)
	if err == nil && token == "" {
		err = ErrTokenMissing
	}
	return token, err
}

var errPlainHTTP = errors.New("jwtauth: login refused: its Origin is plain http, where browsers drop Secure cookies: use https, or CookieOptions.InsecureHTTP for development")

// checkTransport refuses a login whose cookies the browser would drop.
// Otherwise the login would succeed, and the next request would have no token.
func (h *Handlers) checkTransport(r *http.Request) error {
	if c := h.opts.Cookies; c != nil && c.pair.Secure() && site.PlainHTTP(r) {
		return errPlainHTTP
	}
	return nil
}

// begin creates a session for the client of a request.
func (h *Handlers) begin(r *http.Request, subject string, opts []LoginOption) (Tokens, Session, error) {
	tokens, session, err := h.issuer.login(r.Context(), subject, opts...)
	if err != nil {
		return Tokens{}, Session{}, err
	}
	if h.opts.Cookies != nil {
		h.issuer.endOnPanic(r.Context(), session, func() { err = h.replaceSession(r, tokens, session) })
		if err != nil {
			return Tokens{}, Session{}, err
		}
	}
	h.issuer.limitSessions(r.Context(), session)
	return tokens, session, nil
}

// replaceSession prepares for the cookies of a new session. It ends the session
// whose cookies they replace, because the browser loses its tokens. So the
// user's list of devices shows this browser once. If the tokens do not fit into
// cookies, it ends the new session instead.
func (h *Handlers) replaceSession(r *http.Request, tokens Tokens, session Session) error {
	key := session.attributes().Confirmation // the request has proved possession of it
	confirmed := ConfirmedBy(key.Member, key.Value)
	if err := h.opts.Cookies.check(tokens); err != nil {
		_ = h.issuer.Logout(r.Context(), tokens.RefreshToken, confirmed) // no client gets these tokens
		return err
	}
	_ = h.endSession(r, confirmed) // if it fails, the old session expires
	return nil
}

// checkTarget checks the path of a redirect.
func checkTarget(f *faults.Collector, path, target string, cookies *Cookies) {
	switch {
	case target == "":
	case cookies == nil:
		f.Add(path, "is set, but Cookies is not")
	default:
		if err := site.CheckPath(target); err != nil {
			f.Add(path, "%w", err)
		}
	}
}

// loginOptions returns the options that HandlerOptions add to a login. It comes
// before the check of the password, which takes long.
func (h *Handlers) loginOptions(r *http.Request, brief bool) ([]LoginOption, error) {
	opts := []LoginOption{Label(h.opts.Label(r))}
	if brief {
		opts = append(opts, BrowserSession())
	}
	member, value, err := h.confirmation(r)
	if err != nil || member == "" {
		return opts, err
	}
	return append(opts, Confirmation(member, value)), nil
}

// confirmation returns the key that a request has proved possession of.
func (h *Handlers) confirmation(r *http.Request) (member, value string, err error) {
	if h.opts.Confirmation == nil {
		return "", "", nil
	}
	return h.opts.Confirmation(r)
}

// refreshOptions adds the key of a request to the options of a refresh.
func (h *Handlers) refreshOptions(r *http.Request, opts ...RefreshOption) ([]RefreshOption, error) {
	member, value, err := h.confirmation(r)
	if err != nil || member == "" {
		return opts, err
	}
	return append([]RefreshOption{ConfirmedBy(member, value)}, opts...), nil
}

// setLoginCookies sets the cookies of a new session.
func (h *Handlers) setLoginCookies(w http.ResponseWriter, tokens Tokens, session Session) {
	h.opts.Cookies.set(w, tokens, h.refreshLifetime(session), session.attributes().BrowserSession)
}

// refreshLifetime returns how long the refresh token of a session verifies.
func (h *Handlers) refreshLifetime(s Session) time.Duration {
	return refreshExpiry(s).Sub(h.issuer.rules.now())
}

func (h *Handlers) refreshCookies(w http.ResponseWriter, r *http.Request) error {
	presented, err := h.opts.Cookies.presented(r)
	if err != nil {
		return err
	}
	tokens, err := h.exchange(w, r, presented)
	if err != nil {
		return err
	}
	respondCookies(w, r, tokens, "")
	return nil
}

// updateSession refreshes and changes the session of a verified request.
func (h *Handlers) updateSession(w http.ResponseWriter, r *http.Request, opts []RefreshOption) error {
	claims, ok := FromContext(r.Context())
	if !ok {
		return errNoVerify
	}
	presented, err := h.opts.Cookies.presented(r)
	if err != nil {
		return err
	}
	of, err := h.issuer.readRefresh(r.Context(), presented)
	switch {
	case err != nil:
		return err
	case of.sessionID != claims.SessionID || of.subject != claims.Subject:
		return errTwoSessions
	}
	_, err = h.exchange(w, r, presented, opts...)
	return err
}

var (
	errNoCookies   = errors.New("jwtauth: HandlerOptions.Cookies is not set")
	errTwoSessions = fmt.Errorf("%w: the request is verified for another session than that of the refresh cookie", ErrForbidden)
)

// logoutCookies deletes the cookies after their session has ended. If that is
// not known, it leaves them: without them the browser could not try again.
func (h *Handlers) logoutCookies(w http.ResponseWriter, r *http.Request) error {
	opts, err := h.refreshOptions(r)
	if err != nil {
		return err
	}
	if err := h.endSession(r, opts...); err != nil {
		return err
	}
	h.opts.Cookies.pair.Clear(w)
	if h.opts.AfterLogout != "" && params.IsForm(r) {
		seeOther(w, h.opts.AfterLogout)
		return nil
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// endSession ends the session that the cookies of a request belong to. If there
// is no refresh token or it does not verify, the access token names the
// session.
func (h *Handlers) endSession(r *http.Request, opts ...RefreshOption) error {
	token, err := h.opts.Cookies.refreshToken(r)
	if err != nil {
		return err
	}
	var invalid error
	if token != "" {
		invalid = h.issuer.Logout(r.Context(), token, opts...)
		if !errors.Is(invalid, ErrTokenInvalid) {
			return invalid
		}
	}
	access, err := h.opts.Cookies.accessToken(r)
	if err != nil {
		return err
	}
	claims, err := h.issuer.VerifyToken(r.Context(), access)
	if err != nil {
		return invalid // nil: without a refresh token there is no session to end
	}
	err = h.issuer.EndSession(r.Context(), claims.Subject, claims.SessionID)
	if errors.Is(err, ErrSessionEnded) {
		return nil
	}
	return err
}

// respondCookies responds after the cookies are set: to a form with a redirect,
// to everything else with JSON.
func respondCookies(w http.ResponseWriter, r *http.Request, tokens Tokens, target string) {
	if target != "" && params.IsForm(r) {
		seeOther(w, target)
		return
	}
	body, _ := json.Marshal(struct { // numbers always can be marshaled
		ExpiresIn int `json:"expires_in"`
	}{tokens.ExpiresIn})
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n'))
}

// seeOther redirects to a path of this origin.
func seeOther(w http.ResponseWriter, path string) {
	w.Header().Set("Location", path)
	w.WriteHeader(http.StatusSeeOther)
}
