package jwtauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/params"
	"github.com/seed-0a072700/jwtauth/internal/site"
)

// HandlerOptions configures [NewHandlers]. Literals must be keyed.
type HandlerOptions struct {
	_ struct{}

	// Authenticate returns the subject that a username and a password belong
	// to. It should end with a call of [CheckPassword] or
	// [Hasher.CheckPassword], even if there is no such user, and return its
	// error. [ErrWrongPassword] and [ErrSubjectDisabled] get the same response,
	// [ErrBusy] and [ErrUnavailable] a 503, and other errors a 500. The context
	// carries the client ([WithClient]). It must be safe for concurrent use.
	// Required.
	Authenticate func(ctx context.Context, username, password string) (subject string, err error)

	// Client returns the client that sent a request, so that a client that
	// floods the login does not delay others ([WithClient]). Behind a proxy,
	// take it from the header that the proxy sets, and from no other. It must
	// be safe for concurrent use. Default: [PeerAddress].
	Client func(*http.Request) string

	// Label returns the label of the session that a login begins (see the
	// option [Label]). It must be safe for concurrent use. Default: the
	// User-Agent header.
	Label func(*http.Request) string

	// MaxBodyBytes is the length of the longest request body, at most 1 MiB.
	// Default: 16 KiB.
	MaxBodyBytes int

	// Cookies, if not nil, turns on cookie mode: Login and Refresh set the
	// tokens as cookies, and Refresh and Logout read them there (see
	// [Handlers]). Default: tokens in bodies.
	Cookies *Cookies

	// AfterLogin and AfterLogout are the paths that plain HTML form posts are
	// redirected to (303): absolute paths of this origin, with or without a
	// query. They require Cookies. Default: no redirect.
	AfterLogin, AfterLogout string

	// OnError responds to refused requests. It must write the response, and
	// must be safe for concurrent use. Default: [WriteError]. The default also
	// logs failures of the server with [slog.Default]: responses of 500, such
	// as for tokens that are too long for a cookie, and outages
	// ([ErrUnavailable]), but not refusals.
	OnError func(w http.ResponseWriter, r *http.Request, err error)
}

const (
	defaultMaxBodyBytes = 16 << 10
	maxMaxBodyBytes     = 1 << 20
)

// Handlers are ready-made endpoints of an [Issuer]. They serve POST requests
// with a JSON object or a form (application/x-www-form-urlencoded) as body, and
// respond like [WriteTokens] and [WriteError]. Other methods get 405. Handlers
// are safe for concurrent use. Make them with [NewHandlers].
//
// The members have the names of RFC 6749, sections 4.3.2 and 6. But these are
// not OAuth token endpoints, because they authenticate no client.
//
// In cookie mode (HandlerOptions.Cookies), no body contains a token. Login and
// Refresh respond with {"expires_in": 900}, the lifetime of the access cookie
// in seconds. A login also ends the session that the browser's cookies belong
// to. Refresh and Logout read no body. Refresh never replaces the refresh
// cookie by an older one. Only Logout deletes cookies: after it has ended the
// session, or if there is none. After an outage, and for tokens that do not
// verify, the cookies stay.
//
// In cookie mode, all three refuse requests that do not come from a page of
// this origin or of CookieOptions.TrustedOrigins ([ErrCrossSite]). This
// includes requests without Sec-Fetch-Site and Origin headers.
type Handlers struct {
	issuer *Issuer
	opts   HandlerOptions
}

// NewHandlers returns the endpoints of an issuer with IssuerOptions.Sessions.
// The error joins all faults, each naming its field.
func NewHandlers(issuer *Issuer, opts HandlerOptions) (*Handlers, error) {
	var f faults.Collector
	switch {
	case issuer == nil:
		f.Add("NewHandlers: issuer", "is nil")
	case issuer.store == nil:
		f.Add("NewHandlers: issuer", "has no IssuerOptions.Sessions")
	}
	if opts.Authenticate == nil {
		f.Add("HandlerOptions.Authenticate", "is required")
	}
	if opts.Client == nil {
		opts.Client = PeerAddress
	}
	if opts.Label == nil {
		opts.Label = (*http.Request).UserAgent
	}
	opts.MaxBodyBytes = f.Int("HandlerOptions.MaxBodyBytes", opts.MaxBodyBytes, defaultMaxBodyBytes, 1, maxMaxBodyBytes)
	checkTarget(&f, "HandlerOptions.AfterLogin", opts.AfterLogin, opts.Cookies)
	checkTarget(&f, "HandlerOptions.AfterLogout", opts.AfterLogout, opts.Cookies)
	if opts.OnError == nil {
		opts.OnError = respondError
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	return &Handlers{issuer: issuer, opts: opts}, nil
}

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

// Login reads "username" and "password" and responds with tokens.
func (h *Handlers) Login(w http.ResponseWriter, r *http.Request) {
	h.serve(w, r, func(params map[string]string) error {
		username, password := params["username"], params["password"]
		if username == "" || password == "" {
			return errNoCredentials
		}
		subject, err := h.opts.Authenticate(WithClient(r.Context(), h.opts.Client(r)), username, password)
		if err != nil {
			return err
		}
		tokens, session, err := h.issuer.login(r.Context(), subject, Label(h.opts.Label(r)))
		if err != nil {
			return err
		}
		if h.opts.Cookies != nil {
			return h.loginCookies(w, r, tokens, session)
		}
		WriteTokens(w, tokens)
		return nil
	}, "username", "password")
}

// Refresh reads "refresh_token" and responds with new tokens.
func (h *Handlers) Refresh(w http.ResponseWriter, r *http.Request) {
	if h.opts.Cookies != nil {
		h.serve(w, r, func(map[string]string) error { return h.refreshCookies(w, r) })
		return
	}
	h.serve(w, r, func(params map[string]string) error {
		if params["refresh_token"] == "" {
			return errNoRefreshToken
		}
		tokens, err := h.issuer.Refresh(r.Context(), params["refresh_token"])
		if err != nil {
			return err
		}
		WriteTokens(w, tokens)
		return nil
	}, "refresh_token")
}

// Logout reads "refresh_token", ends its session and responds with 204.
func (h *Handlers) Logout(w http.ResponseWriter, r *http.Request) {
	if h.opts.Cookies != nil {
		h.serve(w, r, func(map[string]string) error { return h.logoutCookies(w, r) })
		return
	}
	h.serve(w, r, func(params map[string]string) error {
		if params["refresh_token"] == "" {
			return errNoRefreshToken
		}
		if err := h.issuer.Logout(r.Context(), params["refresh_token"]); err != nil {
			return err
		}
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}, "refresh_token")
}

var (
	errNoCredentials  = fmt.Errorf("%w: username or password missing", ErrBodyInvalid)
	errNoRefreshToken = fmt.Errorf("%w: refresh_token missing", ErrBodyInvalid)
)

// serve calls do with the named parameters of the body. Without names it does
// not read the body.
func (h *Handlers) serve(w http.ResponseWriter, r *http.Request, do func(params map[string]string) error, names ...string) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		h.opts.OnError(w, r, errMethod)
		return
	}
	var err error
	if h.opts.Cookies != nil {
		err = checkSite(h.opts.Cookies.protection, r)
	}
	var params map[string]string
	if err == nil && len(names) > 0 {
		params, err = h.read(w, r, names)
	}
	if err == nil {
		err = do(params)
	}
	if err != nil {
		h.opts.OnError(w, r, err)
	}
}

// read returns the named parameters of the body.
func (h *Handlers) read(w http.ResponseWriter, r *http.Request, names []string) (map[string]string, error) {
	values, err := params.Read(w, r, h.opts.MaxBodyBytes, names...)
	switch {
	case errors.Is(err, params.ErrMediaType):
		return nil, fmt.Errorf("%w: %w", ErrMediaType, err)
	case errors.Is(err, params.ErrTooLarge):
		return nil, fmt.Errorf("%w: longer than HandlerOptions.MaxBodyBytes (%d)", ErrBodyTooLarge, h.opts.MaxBodyBytes)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrBodyInvalid, err)
	}
	return values, nil
}

// loginCookies responds to a login in cookie mode. It also ends the session
// whose cookies it replaces, because the browser loses its tokens. So the
// user's list of devices shows this browser once.
func (h *Handlers) loginCookies(w http.ResponseWriter, r *http.Request, tokens Tokens, session Session) error {
	if err := h.opts.Cookies.check(tokens); err != nil {
		_ = h.issuer.Logout(r.Context(), tokens.RefreshToken) // no client gets these tokens
		return err
	}
	_ = h.endSession(r) // if it fails, the old session expires
	h.opts.Cookies.set(w, tokens, h.refreshLifetime(session))
	h.respondCookies(w, r, tokens, h.opts.AfterLogin)
	return nil
}

// refreshLifetime returns how long the refresh token of a session verifies.
func (h *Handlers) refreshLifetime(s Session) time.Duration {
	return refreshExpiry(s).Sub(h.issuer.rules.now())
}

func (h *Handlers) refreshCookies(w http.ResponseWriter, r *http.Request) error {
	presented, err := h.opts.Cookies.refreshToken(r)
	switch {
	case err != nil:
		return err
	case presented == "":
		return ErrTokenMissing
	}
	tokens, err := h.exchange(w, r, presented)
	if err != nil {
		return err
	}
	h.respondCookies(w, r, tokens, "")
	return nil
}

// exchange refreshes a session and sets the cookies. Everything that can fail
// when setting cookies is checked before the rotation is committed; otherwise
// the browser would keep a used token.
func (h *Handlers) exchange(w http.ResponseWriter, r *http.Request, presented string) (Tokens, error) {
	before, err := h.issuer.readRefresh(r.Context(), presented)
	if err != nil {
		return Tokens{}, err
	}
	tokens, session, err := h.issuer.refresh(r.Context(), presented, func(tokens Tokens, _ Session) error {
		return h.opts.Cookies.check(tokens)
	})
	if err != nil {
		return Tokens{}, err
	}
	// Leave the refresh cookie alone if the generation is the presented one:
	// the browser may hold a newer token by now. If that generation was
	// adopted, the cookie expires before the session does, until the next
	// refresh.
	lifetime := h.refreshLifetime(session)
	if session.Generation == before.generation {
		lifetime = 0
	}
	h.opts.Cookies.set(w, tokens, lifetime)
	return tokens, nil
}

// logoutCookies deletes the cookies after their session has ended. If that is
// not known, it leaves them: without them the browser could not try again.
func (h *Handlers) logoutCookies(w http.ResponseWriter, r *http.Request) error {
	if err := h.endSession(r); err != nil {
		return err
	}
	h.opts.Cookies.clear(w)
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
func (h *Handlers) endSession(r *http.Request) error {
	token, err := h.opts.Cookies.refreshToken(r)
	if err != nil {
		return err
	}
	var invalid error
	if token != "" {
		invalid = h.issuer.Logout(r.Context(), token)
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
func (h *Handlers) respondCookies(w http.ResponseWriter, r *http.Request, tokens Tokens, target string) {
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
