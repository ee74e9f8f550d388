package jwtauth

import (
	"errors"
	"net/http"

	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/site"
	"github.com/seed-0a072700/jwtauth/internal/uploads"
)

// Renew keeps pages without scripts logged in. It is for cookie mode, around
// [Verify]. If the access cookie of a GET or HEAD request is missing, has
// expired or is invalid for another reason, such as a new key or audience, and
// the refresh cookie is valid, Renew refreshes the session: it sets the
// cookies, and calls next with a request that carries the new ones.
//
//	live := jwtauth.Live(issuer, store, 5*time.Second)
//	protect := jwtauth.Verify(live, jwtauth.From(cookies.Access()))
//	mux.Handle("GET /dashboard", handlers.Renew(protect(dashboard)))
//
// All other requests go to next unchanged, for Verify to decide: other methods,
// requests with a bearer token, WebSocket handshakes, requests that pages of
// other sites embed or fetch, requests whose session has ended, and requests
// whose access token IssuerOptions.Check refuses. If the store is unavailable,
// HandlerOptions.OnError responds and the cookies stay ([ErrUnavailable]):
// users see no login form because of an outage.
//
// Renew does not call the store for a valid access token. So a token that only
// [Live] refuses goes to next unchanged. Its session has ended, or the session
// was updated and the browser missed the response: the page then gets a 401
// until the browser refreshes, or until the token expires.
//
// The request for next contains the refresh token. If next is a reverse proxy,
// remove the Cookie header there.
//
// A response that sets cookies has Cache-Control: no-store, which next must not
// change. If a response is lost and the browser returns only after
// IssuerOptions.ReuseWindow, the user is logged out, as after any lost refresh.
//
// Renew panics without HandlerOptions.Cookies, and if next is nil.
func (h *Handlers) Renew(next http.Handler) http.Handler {
	switch {
	case faults.IsNil(next):
		panic("jwtauth: Renew: the next handler is nil")
	case h.opts.Cookies == nil:
		panic("jwtauth: Renew: HandlerOptions.Cookies is not set")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		renewed, err := h.renew(w, r)
		if err != nil {
			h.opts.OnError(w, r, err)
			return
		}
		uploads.Serve(next, w, r, renewed)
	})
}

// renew returns the request for the next handler: r itself if there is nothing
// to renew.
func (h *Handlers) renew(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	presented, ok := h.renewable(r)
	if !ok {
		return r, nil
	}
	tokens, err := h.exchange(w, r, presented)
	switch {
	case errors.Is(err, ErrTokenInvalid), errors.Is(err, ErrSessionEnded), errors.Is(err, ErrTokenReused):
		return r, nil
	case err != nil:
		return nil, err
	}
	return h.opts.Cookies.pair.Replace(r, tokens.AccessToken, tokens.RefreshToken), nil
}

// renewable returns the refresh token of a request that is to be renewed.
func (h *Handlers) renewable(r *http.Request) (refreshToken string, ok bool) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return "", false
	}
	// Credentials of another scheme, such as Basic for a proxy, change nothing.
	if token, err := bearer(r); token != "" || err != nil {
		return "", false
	}
	if site.IsWebSocket(r) || !site.IsOwnOrNavigation(r) {
		return "", false
	}
	access, err := h.opts.Cookies.accessToken(r)
	if err != nil {
		return "", false
	}
	if access != "" {
		_, err := h.issuer.VerifyToken(r.Context(), access)
		// A new token would be refused as well by Check, or because of "cnf".
		if !errors.Is(err, ErrTokenInvalid) || errors.Is(err, ErrUnavailable) || errors.Is(err, errCheck) || errors.Is(err, errBound) {
			return "", false
		}
	}
	refreshToken, err = h.opts.Cookies.refreshToken(r)
	return refreshToken, err == nil && refreshToken != ""
}

// exchange refreshes a session and sets the cookies. Everything that can fail
// when setting cookies is checked before the rotation is committed; otherwise
// the browser would keep a used token.
func (h *Handlers) exchange(w http.ResponseWriter, r *http.Request, presented string, opts ...RefreshOption) (Tokens, error) {
	before, err := h.issuer.readRefresh(r.Context(), presented)
	if err != nil {
		return Tokens{}, err
	}
	if opts, err = h.refreshOptions(r, opts...); err != nil {
		return Tokens{}, err
	}
	tokens, session, err := h.issuer.refresh(r.Context(), presented, func(tokens Tokens, _ Session) error {
		return h.opts.Cookies.check(tokens)
	}, opts...)
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
	h.opts.Cookies.set(w, tokens, lifetime, session.attributes().BrowserSession)
	return tokens, nil
}
