package jwtauth

import (
	"errors"
	"net/http"
	"strings"

	"github.com/seed-0a072700/jwtauth/internal/site"
)

// Renew keeps pages without script logged in: in cookie mode, around [Verify]. Where the access
// cookie of a GET or HEAD request is missing or has expired and the refresh cookie is good, it does what
// Refresh does, sets the cookies, and calls next with a request that carries the new ones.
//
//	pages := handlers.Renew(jwtauth.Verify(issuer.Live(), jwtauth.From(cookies.Access()))(dashboard))
//
// All other requests go to next as they came, for Verify to decide: other methods, requests with an Authorization field,
// WebSocket handshakes, what other sites' pages embed or fetch, and those whose session has ended. Where that cannot be known ([ErrUnavailable]),
// HandlerOptions.OnError answers and the cookies stay: nobody is shown a login form because a store is down.
//
// The answer then sets cookies, and says Cache-Control: no-store; next must not take that back. A browser that
// never gets the answer, and asks again only after IssuerOptions.ReuseWindow, is logged out, as after any lost refresh.
//
// Renew panics without HandlerOptions.Cookies, and with CookieOptions.RefreshPath, under
// which browsers do not send the refresh cookie to pages; also where next is nil.
func (h *Handlers) Renew(next http.Handler) http.Handler {
	switch {
	case next == nil:
		panic("jwtauth: Renew: the next handler is nil")
	case h.opts.Cookies == nil:
		panic("jwtauth: Renew: HandlerOptions.Cookies is not set")
	case !h.opts.Cookies.perPage:
		panic("jwtauth: Renew: with CookieOptions.RefreshPath, pages do not get the refresh cookie")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		renewed, err := h.renew(w, r)
		if err != nil {
			h.opts.OnError(w, r, err)
			return
		}
		next.ServeHTTP(w, renewed)
	})
}

// renew returns the request that next is called with: r itself where there is nothing to renew.
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
	return h.opts.Cookies.replace(r, tokens), nil
}

// renewable returns the refresh token of a request that is to be renewed.
func (h *Handlers) renewable(r *http.Request) (refreshToken string, ok bool) {
	c := h.opts.Cookies
	if r.Method != http.MethodGet && r.Method != http.MethodHead || site.IsWebSocket(r) || !site.IsOwnOrNavigation(r) || r.Header["Authorization"] != nil {
		return "", false
	}
	access, err := oneCookie(r, c.access.Name)
	if err != nil {
		return "", false
	}
	if access != "" {
		if _, err := h.issuer.VerifyToken(r.Context(), access); !errors.Is(err, ErrTokenExpired) {
			return "", false
		}
	}
	refreshToken, err = c.refreshToken(r)
	return refreshToken, err == nil && refreshToken != ""
}

// replace returns the request as it would be with the new tokens in its cookies.
func (c *Cookies) replace(r *http.Request, tokens Tokens) *http.Request {
	var kept []string
	for name, pair := range sentCookies(r) {
		if name != c.access.Name && name != c.refresh.Name {
			kept = append(kept, pair)
		}
	}
	kept = append(kept, c.access.Name+"="+tokens.AccessToken, c.refresh.Name+"="+tokens.RefreshToken)
	renewed := r.WithContext(r.Context())
	renewed.Header = r.Header.Clone()
	renewed.Header["Cookie"] = []string{strings.Join(kept, "; ")}
	return renewed
}
