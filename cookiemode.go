package jwtauth

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// loginCookies answers a login in cookie mode. Of the session whose cookies it replaces, nobody holds tokens
// any longer: it is ended, too, so that the user's list of devices shows this browser once.
func (h *Handlers) loginCookies(w http.ResponseWriter, r *http.Request, tokens Tokens) error {
	before, _ := h.opts.Cookies.refreshToken(r) // what cannot be read is replaced all the same
	if err := h.setCookies(w, r, tokens, ""); err != nil {
		_ = h.issuer.Logout(r.Context(), tokens.RefreshToken) // nobody will know it
		return err
	}
	if before != "" {
		_ = h.issuer.Logout(r.Context(), before) // else it ends by itself
	}
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
	tokens, err := h.issuer.Refresh(r.Context(), presented)
	if err != nil {
		return err
	}
	if err := h.setCookies(w, r, tokens, presented); err != nil {
		return err
	}
	h.answerCookies(w, r, tokens, "")
	return nil
}

// logoutCookies deletes the cookies where their session is over. Where that is not known, it leaves
// them: without them, the browser could not ask again.
func (h *Handlers) logoutCookies(w http.ResponseWriter, r *http.Request) error {
	token, err := h.opts.Cookies.refreshToken(r)
	if err == nil && token != "" {
		err = h.issuer.Logout(r.Context(), token)
	}
	if err != nil {
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

// setCookies sets tokens as cookies, in answer to a request that presented a refresh token, or "". The
// refresh cookie is left as it is where that was of the same generation: the browser may hold a newer one by now.
func (h *Handlers) setCookies(w http.ResponseWriter, r *http.Request, tokens Tokens, presented string) error {
	issued, err := h.issuer.readRefresh(r.Context(), tokens.RefreshToken)
	if err != nil {
		return err
	}
	life := issued.expiresAt.Sub(h.issuer.rules.now())
	if presented != "" {
		before, err := h.issuer.readRefresh(r.Context(), presented)
		if err != nil {
			return err
		}
		if before.generation == issued.generation {
			life = 0
		}
	}
	return h.opts.Cookies.set(w, tokens, life)
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
	u, err := url.Parse(to)
	switch {
	case to == "":
		return ""
	case err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//"),
		strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }):
		return fmt.Sprintf("%q is not an absolute path of this origin", to)
	}
	return ""
}
