package jwtauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/params"
)

// BeginSession begins the session of a subject that has just authenticated
// without Login: with a sign-in at another provider, a passkey, a link in an
// e-mail, or a sign-up. It sets the cookies and writes no body, so the caller
// can redirect. It also ends the session that the browser's cookies belong to.
// The label and the key of the session come from HandlerOptions, unless opts
// say otherwise. HandlerOptions.BrowserSession has no effect: pass the option
// [BrowserSession].
//
// BeginSession does not check which site made the request, because the
// callbacks of providers come from other sites. The caller must bind the login
// to the browser, for example with "state" and "nonce" of OpenID Connect.
// Otherwise an attacker could log a user in to the attacker's account.
//
// It returns the errors of [Issuer.Login], an error of
// HandlerOptions.Confirmation, and errors if the tokens do not fit into cookies
// or if HandlerOptions.Cookies is not set. On error it sets no cookie, and no
// token exists for a session that may be left in the store.
func (h *Handlers) BeginSession(w http.ResponseWriter, r *http.Request, subject string, opts ...LoginOption) error {
	if h.opts.Cookies == nil {
		return errNoCookies
	}
	tokens, session, err := h.begin(r, subject, opts)
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
// [ErrTokenInvalid] if neither token verifies, [ErrUnavailable] if it is
// unknown whether the session has ended, and an error if HandlerOptions.Cookies
// is not set. On error the cookies stay.
func (h *Handlers) EndSession(w http.ResponseWriter, r *http.Request) error {
	if h.opts.Cookies == nil {
		return errNoCookies
	}
	if err := checkSite(h.opts.Cookies.protection, r); err != nil {
		return err
	}
	if err := h.endSession(r); err != nil {
		return err
	}
	h.opts.Cookies.clear(w)
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
	claims, ok := FromContext(r.Context())
	if !ok {
		return errNoVerify
	}
	presented, err := h.opts.Cookies.refreshToken(r)
	switch {
	case err != nil:
		return err
	case presented == "":
		return ErrTokenMissing
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

// replaceSession prepares for the cookies of a new session. It ends the session
// whose cookies they replace, because the browser loses its tokens. So the
// user's list of devices shows this browser once. If the tokens do not fit into
// cookies, it ends the new session instead.
func (h *Handlers) replaceSession(r *http.Request, tokens Tokens) error {
	if err := h.opts.Cookies.check(tokens); err != nil {
		_ = h.issuer.Logout(r.Context(), tokens.RefreshToken) // no client gets these tokens
		return err
	}
	_ = h.endSession(r) // if it fails, the old session expires
	return nil
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
