package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/params"
)

// HandlerOptions configures [NewHandlers]. Literals must be keyed.
type HandlerOptions struct {
	_ struct{}

	// Authenticate returns the subject that a username and a password belong
	// to, and options for the login, such as the [CredentialVersion] of the
	// password. It should end with a call of [CheckPassword] or
	// [Hasher.CheckPassword], even if there is no such user, and return its
	// error. [ErrWrongPassword] and [ErrSubjectDisabled] get the same response,
	// [ErrBusy] and [ErrUnavailable] a 503, and other errors a 500. The context
	// carries the client ([WithClient]). It must be safe for concurrent use. If
	// nil, Login responds 404.
	Authenticate func(ctx context.Context, username, password string) (subject string, opts []LoginOption, err error)

	// UsernameField is the name of the user name in the body of a login, such
	// as "email". Default: "username".
	UsernameField string

	// BrowserSession makes the cookies of logins end with the browser (see the
	// option [BrowserSession]), except for logins with the member "remember":
	// the value true in JSON, or any value in a form, such as a checkbox. It
	// requires Cookies. Default: cookies last as long as their tokens.
	BrowserSession bool

	// Confirmation returns the key that a request has proved possession of,
	// such as "jkt" and its thumbprint (RFC 9449), or "" for none. Logins are
	// bound to this key ([Confirmation]), and refreshes and logouts pass it as
	// [ConfirmedBy]. Its error refuses the request, with the response that
	// [WriteError] writes for it. It must be safe for concurrent use. Default:
	// sessions are not bound to a key.
	Confirmation func(*http.Request) (member, value string, err error)

	// Guard, if not nil, limits the logins with a password. Package guard
	// contains one. Its refusal is a 429, which OnError can write as a page.
	Guard LoginGuard

	// Client returns the client that sent a request, so that a client that
	// floods the login does not delay others ([WithClient]). Behind a proxy,
	// use [ClientFromHeader]. It must be safe for concurrent use. Default:
	// [PeerAddress].
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

// LoginGuard decides which logins may have their password checked, for example
// to limit guesses. It must be safe for concurrent use.
type LoginGuard interface {
	// Allow is called before the password is checked. It returns the context
	// for the check, derived from the context of the request, or the error that
	// refuses the login.
	Allow(r *http.Request, username string) (context.Context, error)

	// Report is called with the result of each login that Allow has allowed,
	// nil for success. The request carries the context that Allow returned.
	// Report is called before the response is written, so it may set a cookie.
	// Errors other than [ErrWrongPassword] do not say whether the password was
	// right.
	Report(w http.ResponseWriter, r *http.Request, username string, err error)
}

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
// includes requests without Sec-Fetch-Site and Origin headers. Login and
// BeginSession also refuse a page that came over plain HTTP from a host other
// than localhost, because the browser would drop the cookies: see
// CookieOptions.InsecureHTTP. The response is 403 insecure_transport.
type Handlers struct {
	issuer *Issuer
	opts   HandlerOptions
	body   params.Reader
}

// NewHandlers returns the endpoints of an issuer. If the issuer has no
// IssuerOptions.Sessions, Login returns an access token only, Refresh and
// Logout respond 404, and Cookies cannot be set. The error joins all faults,
// each naming its field.
func NewHandlers(issuer *Issuer, opts HandlerOptions) (*Handlers, error) {
	var f faults.Collector
	switch {
	case issuer == nil:
		f.Add("NewHandlers: issuer", "is nil")
	case issuer.store == nil && opts.Cookies != nil:
		f.Add("HandlerOptions.Cookies", "requires IssuerOptions.Sessions")
	}
	if opts.UsernameField == "" {
		opts.UsernameField = params.Username
	}
	if params.IsReserved(opts.UsernameField) {
		f.Add("HandlerOptions.UsernameField", "%q is the name of another member", opts.UsernameField)
	}
	if opts.BrowserSession && opts.Cookies == nil {
		f.Add("HandlerOptions.BrowserSession", "is set, but Cookies is not")
	}
	f.TypedNil("HandlerOptions.Guard", opts.Guard)
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
	body := params.Reader{MaxBytes: opts.MaxBodyBytes, Username: opts.UsernameField, Remember: opts.BrowserSession}
	return &Handlers{issuer: issuer, opts: opts, body: body}, nil
}

// Login reads "username" (see UsernameField) and "password", and responds with
// tokens. A wrong name or password is 401 login_failed.
func (h *Handlers) Login(w http.ResponseWriter, r *http.Request) {
	h.serve(w, r, h.opts.Authenticate != nil, func() error {
		if err := h.checkTransport(r); err != nil {
			return err
		}
		body, err := h.body.Login(w, r)
		if err != nil {
			return h.bodyError(err)
		}
		own, err := h.loginOptions(r, h.opts.BrowserSession && !body.Remember)
		if err != nil {
			return err
		}
		tokens, session, err := h.authenticate(w, r, body, own)
		switch {
		case err != nil:
			return err
		case h.opts.Cookies != nil:
			h.setLoginCookies(w, tokens, session)
			respondCookies(w, r, tokens, h.opts.AfterLogin)
		default:
			WriteTokens(w, tokens)
		}
		return nil
	})
}

// authenticate logs a user in, if HandlerOptions.Guard allows it.
func (h *Handlers) authenticate(w http.ResponseWriter, r *http.Request, body params.Login, opts []LoginOption) (Tokens, Session, error) {
	ctx, guard := r.Context(), h.opts.Guard
	if guard == nil {
		return h.checkPassword(ctx, r, body, opts)
	}
	ctx, err := guard.Allow(r, body.Username)
	if err != nil {
		return Tokens{}, Session{}, err
	}
	tokens, session, err := h.checkPassword(ctx, r, body, opts)
	guard.Report(w, r.WithContext(ctx), body.Username, err)
	return tokens, session, err
}

// checkPassword logs a user in. The context is for the check of the password.
func (h *Handlers) checkPassword(ctx context.Context, r *http.Request, body params.Login, opts []LoginOption) (Tokens, Session, error) {
	subject, more, err := h.opts.Authenticate(WithClient(ctx, h.opts.Client(r)), body.Username, body.Password)
	if err != nil {
		return Tokens{}, Session{}, err
	}
	return h.begin(r, subject, append(opts, more...))
}

// Refresh reads "refresh_token" and responds with new tokens. If the session
// has ended, the response is 401 session_ended.
func (h *Handlers) Refresh(w http.ResponseWriter, r *http.Request) {
	h.serve(w, r, h.issuer.store != nil, func() error {
		if h.opts.Cookies != nil {
			return h.refreshCookies(w, r)
		}
		presented, err := h.body.RefreshToken(w, r)
		if err != nil {
			return h.bodyError(err)
		}
		opts, err := h.refreshOptions(r)
		if err != nil {
			return err
		}
		tokens, err := h.issuer.Refresh(r.Context(), presented, opts...)
		if err != nil {
			return err
		}
		WriteTokens(w, tokens)
		return nil
	})
}

// Logout reads "refresh_token", ends its session and responds with 204, even if
// it had ended before. It needs no access token; but in cookie mode a valid one
// replaces a refresh token that is missing or invalid. A session that is bound
// to a key needs the proof of a refresh (HandlerOptions.Confirmation).
//
// In cookie mode the response of a refresh that was running meanwhile may reach
// the browser after that of Logout, and set an access cookie again. The session
// has ended, but the token stays valid until it expires, except behind [Live].
// A client should run one of these requests at a time.
func (h *Handlers) Logout(w http.ResponseWriter, r *http.Request) {
	h.serve(w, r, h.issuer.store != nil, func() error {
		if h.opts.Cookies != nil {
			return h.logoutCookies(w, r)
		}
		presented, err := h.body.RefreshToken(w, r)
		if err != nil {
			return h.bodyError(err)
		}
		opts, err := h.refreshOptions(r)
		if err != nil {
			return err
		}
		if err := h.issuer.Logout(r.Context(), presented, opts...); err != nil {
			return err
		}
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return nil
	})
}

// BeginSession begins the session of a subject that has just authenticated
// without Login: with a sign-in at another provider, a passkey, a link in an
// e-mail, or a sign-up. It sets the cookies and writes no body, so the caller
// can redirect. It also ends the session that the browser's cookies belong to.
// The label and the key of the session come from HandlerOptions, unless opts
// say otherwise. HandlerOptions.BrowserSession does not apply: pass the option
// [BrowserSession] instead. IssuerOptions.CredentialVersion is called only with
// the option [CredentialVersion].
//
// BeginSession does not check which site made the request, because the
// callbacks of providers come from other sites. The caller must bind the login
// to the browser, for example with "state" and "nonce" of OpenID Connect.
// Otherwise an attacker could log a user in to the attacker's account.
//
// It returns the errors of [Issuer.Login], an error of
// HandlerOptions.Confirmation, and errors if the tokens do not fit into
// cookies, if the Origin header says that the page came over plain HTTP, or if
// HandlerOptions.Cookies is not set. A GET request, such as most callbacks, has
// no such header, so plain HTTP goes unnoticed there. On error it sets no
// cookie. A session may then remain in the store, but no token for it exists.
func (h *Handlers) BeginSession(w http.ResponseWriter, r *http.Request, subject string, opts ...LoginOption) error {
	if h.opts.Cookies == nil {
		return errNoCookies
	}
	if err := h.checkTransport(r); err != nil {
		return err
	}
	own, err := h.loginOptions(r, false)
	if err != nil {
		return err
	}
	tokens, session, err := h.begin(r, subject, append(own, opts...))
	if err != nil {
		return err
	}
	h.setLoginCookies(w, tokens, session)
	return nil
}

// EndSession ends the session that the cookies of the request belong to, and
// deletes the cookies, for example when an account is deleted. It writes no
// body. Without a session it only deletes the cookies.
//
// It returns [ErrCrossSite] if a page of another site made the request (see
// [Handlers]), [ErrInvalidRequest] if a cookie is repeated or malformed,
// [ErrTokenInvalid] if neither token verifies or the session is bound to
// another key, an error of HandlerOptions.Confirmation, [ErrUnavailable] if it
// is unknown whether the session has ended, and an error if
// HandlerOptions.Cookies is not set. On error the cookies stay.
func (h *Handlers) EndSession(w http.ResponseWriter, r *http.Request) error {
	if h.opts.Cookies == nil {
		return errNoCookies
	}
	if err := checkSite(h.opts.Cookies.protection, r); err != nil {
		return err
	}
	opts, err := h.refreshOptions(r)
	if err != nil {
		return err
	}
	if err := h.endSession(r, opts...); err != nil {
		return err
	}
	h.opts.Cookies.pair.Clear(w)
	return nil
}

// UpdateSession refreshes the session of the request, changes it with the
// options, and sets its cookies. It writes no body. The request must have come
// through [Verify], with a token of the session that the refresh cookie belongs
// to. For example, [Reauthenticated] after a passkey, or [SetSessionData] after
// the user has chosen an organization. Requests that are already running keep
// their claims.
//
// It returns [ErrTokenMissing] without verified claims or without a refresh
// cookie, [ErrForbidden] if the claims and the refresh cookie belong to
// different sessions, [ErrCrossSite] and [ErrInvalidRequest] like EndSession,
// the errors of [Issuer.Refresh], an error of HandlerOptions.Confirmation, and
// errors if the tokens do not fit into cookies or if HandlerOptions.Cookies is
// not set. On error it sets no cookie.
func (h *Handlers) UpdateSession(w http.ResponseWriter, r *http.Request, opts ...RefreshOption) error {
	if h.opts.Cookies == nil {
		return errNoCookies
	}
	if err := checkSite(h.opts.Cookies.protection, r); err != nil {
		return err
	}
	return h.updateSession(w, r, opts)
}

// serve calls do for a request that an endpoint may serve, and responds to the
// error.
func (h *Handlers) serve(w http.ResponseWriter, r *http.Request, configured bool, do func() error) {
	var err error
	switch {
	case !configured:
		err = errNoEndpoint
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		err = errMethod
	case h.opts.Cookies != nil:
		err = checkSite(h.opts.Cookies.protection, r)
	}
	if err == nil {
		err = do()
	}
	if err != nil {
		h.opts.OnError(w, r, err)
	}
}

// bodyError returns the error for a body that cannot be read.
func (h *Handlers) bodyError(err error) error {
	switch {
	case errors.Is(err, params.ErrMediaType):
		return fmt.Errorf("%w: %w", ErrMediaType, err)
	case errors.Is(err, params.ErrTooLarge):
		return fmt.Errorf("%w: longer than HandlerOptions.MaxBodyBytes (%d)", ErrBodyTooLarge, h.opts.MaxBodyBytes)
	}
	return fmt.Errorf("%w: %w", ErrBodyInvalid, err)
}
