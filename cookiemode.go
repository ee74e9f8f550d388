package jwtauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// loginCookies answers a login in cookie mode. Of the session whose cookies it replaces, nobody holds tokens
// any longer: it is ended, too, so that the user's list of devices shows this browser once.
func (h *Handlers) loginCookies(w http.ResponseWriter, r *http.Request, tokens Tokens, session Session) error {
	life := refreshExpiry(session).Sub(h.issuer.rules.now())
	if err := h.opts.Cookies.check(tokens); err != nil {
		_ = h.issuer.Logout(r.Context(), tokens.RefreshToken) // nobody will know it
		return err
	}
	_ = h.endSession(r) // else it ends by itself; what cannot be read is replaced all the same
	h.opts.Cookies.set(w, tokens, life)
	h.answerCookies(w, r, tokens, h.opts.AfterLogin)
	return nil
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
	h.answerCookies(w, r, tokens, "")
	return nil
}

// exchange refreshes a session and sets the cookies. What can fail of the latter is done before the former
// takes effect: the browser would be left with a token that was exchanged.
func (h *Handlers) exchange(w http.ResponseWriter, r *http.Request, presented string) (Tokens, error) {
	var life time.Duration
	tokens, _, err := h.issuer.refresh(r.Context(), presented, func(issued Tokens, session Session) (err error) {
		life, err = h.refreshCookieLife(r.Context(), issued, session, presented)
		return err
	})
	if err != nil {
		return Tokens{}, err
	}
	h.opts.Cookies.set(w, tokens, life)
	return tokens, nil
}

// logoutCookies deletes the cookies where their session is over. Where that is not known, it leaves
// them: without them, the browser could not ask again.
func (h *Handlers) logoutCookies(w http.ResponseWriter, r *http.Request) error {
	if err := h.endSession(r); err != nil {
		return err
	}
	h.opts.Cookies.clear(w)
	if h.opts.AfterLogout != "" && isForm(r) {
		http.Redirect(w, r, h.opts.AfterLogout, http.StatusSeeOther)
		return nil
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// endSession ends the session of which a request carries cookies. Without the refresh cookie, which browsers do not
// send to a path outside RefreshPath, it is the one that the access token names, if that is still good.
func (h *Handlers) endSession(r *http.Request) error {
	token, err := h.opts.Cookies.refreshToken(r)
	switch {
	case err != nil:
		return err
	case token != "":
		return h.issuer.Logout(r.Context(), token)
	}
	access, err := oneCookie(r, h.opts.Cookies.access.Name)
	if err != nil || access == "" {
		return err
	}
	claims, err := h.issuer.VerifyToken(r.Context(), access)
	if err != nil {
		return nil // of no session
	}
	if err := h.issuer.EndSession(r.Context(), claims.Subject, claims.SessionID); !errors.Is(err, ErrSessionEnded) {
		return err
	}
	return nil
}

// refreshCookieLife checks tokens that are to be set as cookies, in response to a
// request that presented a refresh token, and returns the lifetime of the refresh
// cookie. It returns 0, so that the cookie is left alone, if the presented token is
// of the same generation: the browser may hold a newer one by now. If that
// generation was adopted, the browser's cookie expires before the session does,
// until the next refresh.
func (h *Handlers) refreshCookieLife(ctx context.Context, tokens Tokens, session Session, presented string) (time.Duration, error) {
	if err := h.opts.Cookies.check(tokens); err != nil {
		return 0, err
	}
	before, err := h.issuer.readRefresh(ctx, presented)
	if err != nil || before.generation == session.Generation {
		return 0, err
	}
	return refreshExpiry(session).Sub(h.issuer.rules.now()), nil
}

// answerCookies answers what cookies were set on: a form that script did not send with a redirect, all else with JSON.
func (h *Handlers) answerCookies(w http.ResponseWriter, r *http.Request, tokens Tokens, to string) {
	if to != "" && isForm(r) {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	body, _ := json.Marshal(struct {
		ExpiresIn int `json:"expires_in"`
	}{tokens.ExpiresIn}) // a number always can be
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n'))
}

func isForm(r *http.Request) bool {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && mediaType == "application/x-www-form-urlencoded"
}

// redirectFault says what keeps to from being a path of this origin, "" where nothing does. Browsers take
// backslashes for slashes, and leave out tabs and line ends.
func redirectFault(to string) string {
	_, err := url.Parse(to)
	switch {
	case to == "":
		return ""
	case err != nil || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//"),
		strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }):
		return fmt.Sprintf("%q is not an absolute path of this origin", to)
	}
	return ""
}
