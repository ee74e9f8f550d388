package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// HandlerOptions configure [NewHandlers]. Literals must be keyed.
type HandlerOptions struct {
	_ struct{}

	// Authenticate says whom a user name and password belong to. It ends with
	// [CheckPassword], or a Hasher's, also where there is no such user, and returns its error: [ErrWrongPassword] and
	// [ErrSubjectDisabled] answer alike, [ErrBusy] and [ErrUnavailable] 503, any other 500.
	// The context carries the client (see [WithClient]). It must be safe for concurrent use. Required.
	Authenticate func(ctx context.Context, username, password string) (subject string, err error)

	// Client names who sent a request, so that one that floods the login keeps no other
	// waiting. Behind a proxy, take it from the field that the proxy sets, and from no other. Default: [PeerAddress].
	Client func(*http.Request) string

	// Label names the session that a login begins, see [Label]. Default: the User-Agent field.
	Label func(*http.Request) string

	// MaxBodyBytes is the longest request body that is read, up to 1 MiB. Default 16 KiB.
	MaxBodyBytes int

	// Cookies, where set, keep the tokens out of all bodies: Login and Refresh set them as cookies,
	// Refresh and Logout read them there (cookie mode, see [Handlers]). Default: tokens in bodies.
	Cookies *Cookies

	// AfterLogin and AfterLogout are where a login and a logout that a form of a page without script sent lead to, such as
	// "/" (303): paths of the same origin, perhaps with a query. Default: no redirect. They need Cookies.
	AfterLogin, AfterLogout string

	// OnError answers the requests that are refused. It must answer: nothing else does. Default: [WriteError].
	OnError func(w http.ResponseWriter, r *http.Request, err error)
}

const (
	defaultMaxBodyBytes = 16 << 10
	maxMaxBodyBytes     = 1 << 20
)

// Handlers are the ready-made endpoints of an [Issuer]. Each takes POST requests with a JSON object or a form
// (application/x-www-form-urlencoded) for its body, and answers as [WriteTokens] and [WriteError] do;
// besides, 405 for another method.
//
// The members are named as in RFC 6749 §4.3.2 and §6, but these are no OAuth token endpoints: there is no client to authenticate.
//
// With HandlerOptions.Cookies, no body holds a token. Login and Refresh answer {"expires_in": 900}, the seconds that
// the access cookie lasts; a login ends the session that the browser's cookies named (see CookieOptions.RefreshPath). Refresh and Logout read no
// body; Refresh never sets the refresh cookie to what was presented, and Logout alone deletes cookies, where it has ended
// the session or there was none: an outage or a token that does not verify leaves them as they are. All three
// refuse requests that no page of this origin or of CookieOptions.TrustedOrigins made ([ErrCrossSite]), those without
// Sec-Fetch-Site and Origin included.
type Handlers struct {
	issuer *Issuer
	opts   HandlerOptions
}

// NewHandlers returns the endpoints of issuer, which needs IssuerOptions.Sessions. Its error joins all faults, each naming its field.
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
	for _, to := range []struct{ field, target string }{{"AfterLogin", opts.AfterLogin}, {"AfterLogout", opts.AfterLogout}} {
		switch fault := redirectFault(to.target); {
		case to.target == "":
		case opts.Cookies == nil:
			f.Add("HandlerOptions."+to.field, "is set, but Cookies is not")
		case fault != "":
			f.Add("HandlerOptions."+to.field, "%s", fault)
		}
	}
	if opts.OnError == nil {
		opts.OnError = WriteError
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	return &Handlers{issuer: issuer, opts: opts}, nil
}

// Login takes "username" and "password" and answers tokens.
func (h *Handlers) Login(w http.ResponseWriter, r *http.Request) {
	h.serve(w, r, func(params params) error {
		username, password := params["username"], params["password"]
		if username == "" || password == "" {
			return errNoCredentials
		}
		ctx := WithClient(r.Context(), h.opts.Client(r))
		subject, err := h.opts.Authenticate(ctx, username, password)
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

// Refresh takes "refresh_token" and answers new tokens.
func (h *Handlers) Refresh(w http.ResponseWriter, r *http.Request) {
	if h.opts.Cookies != nil {
		h.serve(w, r, func(params) error { return h.refreshCookies(w, r) })
		return
	}
	h.serve(w, r, func(params params) error {
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

// Logout takes "refresh_token", ends its session and answers 204.
func (h *Handlers) Logout(w http.ResponseWriter, r *http.Request) {
	if h.opts.Cookies != nil {
		h.serve(w, r, func(params) error { return h.logoutCookies(w, r) })
		return
	}
	h.serve(w, r, func(params params) error {
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

// params are those parameters of a body that an endpoint asks for.
type params map[string]string

// serve calls do with the named parameters of the body. Without names, the body is not read.
func (h *Handlers) serve(w http.ResponseWriter, r *http.Request, do func(params) error, names ...string) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		h.opts.OnError(w, r, errMethod)
		return
	}
	var params params
	var err error
	if h.opts.Cookies != nil {
		err = checkSite(h.opts.Cookies.protection, r)
	}
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

// read returns the named parameters of a body. A name that is given twice is refused; others are passed over.
func (h *Handlers) read(w http.ResponseWriter, r *http.Request, names []string) (params, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, ErrMediaType
	}
	var parse func(string, []string) (params, error)
	switch mediaType {
	case "application/json":
		parse = parseJSON
	case "application/x-www-form-urlencoded":
		parse = parseForm
	default:
		return nil, ErrMediaType
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(h.opts.MaxBodyBytes)))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, ErrBodyTooLarge
	}
	if err != nil {
		return nil, ErrBodyInvalid
	}
	return parse(string(body), names)
}

func parseJSON(body string, names []string) (params, error) {
	params := make(params)
	s := jsonscan.New(body)
	for s.Next() {
		for _, name := range names {
			if s.Name() == name {
				value, ok := s.Value().Str()
				if !ok {
					return nil, ErrBodyInvalid
				}
				params[name] = value
			}
		}
	}
	if !s.Valid() {
		return nil, ErrBodyInvalid
	}
	return params, nil
}

func parseForm(body string, names []string) (params, error) {
	values, err := url.ParseQuery(body)
	if err != nil {
		return nil, ErrBodyInvalid
	}
	params := make(params)
	for _, name := range names {
		if len(values[name]) > 1 {
			return nil, ErrBodyInvalid
		}
		params[name] = values.Get(name)
	}
	return params, nil
}

// PeerAddress names the peer of a connection for [WithClient]: its IP address, for IPv6 its /64 network, since whoever has
// one address there has all. Behind a proxy that is the proxy: take the client's address from the field that the
// proxy sets, and trust no other.
func PeerAddress(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	addr := peer.Addr().Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}
