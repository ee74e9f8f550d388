package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/params"
	"github.com/seed-0a072700/jwtauth/internal/site"
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
	// bound to this key ([Confirmation]), and refreshes pass it as
	// [ConfirmedBy]. Its error refuses the request. It must be safe for
	// concurrent use. Default: sessions are not bound to a key.
	Confirmation func(*http.Request) (member, value string, err error)

	// Guard, if not nil, limits the logins with a password.
	Guard LoginGuard

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

	passwordField = "password"
	rememberField = "remember"
)

// LoginGuard decides which logins may have their password checked, for example
// to limit guesses. It must be safe for concurrent use.
type LoginGuard interface {
	// Allow is called before the password is checked. It returns the context
	// for the check, derived from the context of the request, or the error that
	// refuses the login.
	Allow(r *http.Request, username string) (context.Context, error)

	// Report is called with the result of each login that Allow has allowed,
	// nil for success. It is called before the response is written, so it may
	// set a cookie. Errors other than [ErrWrongPassword] do not say whether the
	// password was right.
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
// includes requests without Sec-Fetch-Site and Origin headers.
type Handlers struct {
	issuer *Issuer
	opts   HandlerOptions
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
	switch opts.UsernameField {
	case "":
		opts.UsernameField = "username"
	case passwordField, rememberField:
		f.Add("HandlerOptions.UsernameField", "%q is the name of another member", opts.UsernameField)
	}
	if opts.BrowserSession && opts.Cookies == nil {
		f.Add("HandlerOptions.BrowserSession", "is set, but Cookies is not")
	}
	if opts.Guard != nil && faults.IsNil(opts.Guard) {
		f.Add("HandlerOptions.Guard", "is a nil pointer")
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

// Login reads "username" (see UsernameField) and "password", and responds with
// tokens.
func (h *Handlers) Login(w http.ResponseWriter, r *http.Request) {
	if h.opts.Authenticate == nil {
		h.opts.OnError(w, r, errNoEndpoint)
		return
	}
	names := []string{h.opts.UsernameField, passwordField}
	if h.opts.BrowserSession {
		names = append(names, rememberField)
	}
	h.serve(w, r, func(params map[string]string) error {
		username, password := params[h.opts.UsernameField], params[passwordField]
		switch {
		case username == "" || password == "":
			return fmt.Errorf("%w: %s or password missing", ErrBodyInvalid, h.opts.UsernameField)
		case strings.ContainsRune(username, 0) || !utf8.ValidString(username):
			return errUsername // databases refuse to compare it
		}
		var own []LoginOption
		if h.opts.BrowserSession && params[rememberField] == "" {
			own = append(own, BrowserSession())
		}
		tokens, session, err := h.authenticate(w, r, username, password, own)
		if err != nil {
			return err
		}
		if h.opts.Cookies != nil {
			h.setLoginCookies(w, tokens, session)
			h.respondCookies(w, r, tokens, h.opts.AfterLogin)
			return nil
		}
		WriteTokens(w, tokens)
		return nil
	}, names...)
}

// authenticate logs a user in, if HandlerOptions.Guard allows it.
func (h *Handlers) authenticate(w http.ResponseWriter, r *http.Request, username, password string, opts []LoginOption) (Tokens, Session, error) {
	ctx := r.Context()
	if h.opts.Guard == nil {
		return h.checkPassword(ctx, r, username, password, opts)
	}
	ctx, err := h.opts.Guard.Allow(r, username)
	if err != nil {
		return Tokens{}, Session{}, err
	}
	tokens, session, err := h.checkPassword(ctx, r, username, password, opts)
	h.opts.Guard.Report(w, r, username, err)
	return tokens, session, err
}

// checkPassword logs a user in. The context is for the check of the password.
func (h *Handlers) checkPassword(ctx context.Context, r *http.Request, username, password string, opts []LoginOption) (Tokens, Session, error) {
	subject, more, err := h.opts.Authenticate(WithClient(ctx, h.opts.Client(r)), username, password)
	if err != nil {
		return Tokens{}, Session{}, err
	}
	return h.begin(r, subject, append(opts, more...))
}

// begin creates a session for the client of a request.
func (h *Handlers) begin(r *http.Request, subject string, opts []LoginOption) (Tokens, Session, error) {
	opts = append([]LoginOption{Label(h.opts.Label(r))}, opts...)
	member, value, err := h.confirmation(r)
	if err != nil {
		return Tokens{}, Session{}, err
	}
	if member != "" {
		opts = append(opts, Confirmation(member, value))
	}
	tokens, session, err := h.issuer.login(r.Context(), subject, opts...)
	if err != nil {
		return Tokens{}, Session{}, err
	}
	if h.opts.Cookies != nil {
		if err := h.replaceSession(r, tokens); err != nil {
			return Tokens{}, Session{}, err
		}
	}
	h.issuer.limitSessions(r.Context(), session)
	return tokens, session, nil
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

// Refresh reads "refresh_token" and responds with new tokens.
func (h *Handlers) Refresh(w http.ResponseWriter, r *http.Request) {
	if h.issuer.store == nil {
		h.opts.OnError(w, r, errNoEndpoint)
		return
	}
	if h.opts.Cookies != nil {
		h.serve(w, r, func(map[string]string) error { return h.refreshCookies(w, r) })
		return
	}
	h.serve(w, r, func(params map[string]string) error {
		if params["refresh_token"] == "" {
			return errNoRefreshToken
		}
		opts, err := h.refreshOptions(r)
		if err != nil {
			return err
		}
		tokens, err := h.issuer.Refresh(r.Context(), params["refresh_token"], opts...)
		if err != nil {
			return err
		}
		WriteTokens(w, tokens)
		return nil
	}, "refresh_token")
}

// Logout reads "refresh_token", ends its session and responds with 204.
func (h *Handlers) Logout(w http.ResponseWriter, r *http.Request) {
	if h.issuer.store == nil {
		h.opts.OnError(w, r, errNoEndpoint)
		return
	}
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
	errUsername       = fmt.Errorf("%w: the user name contains a NUL byte or is not UTF-8", ErrBodyInvalid)
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
	values, err := params.Read(w, r, h.opts.MaxBodyBytes, rememberField, names...)
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
