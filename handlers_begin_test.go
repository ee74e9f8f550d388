package jwtauth_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// calling returns a handler that calls f and redirects if it succeeds.
func calling(f func(w http.ResponseWriter, r *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		http.Redirect(w, r, "/welcome", http.StatusSeeOther)
	})
}

// begins requests a callback that begins a session of the subject.
func (s *cookieSite) begins(method, subject string, opts []jwtauth.LoginOption, fields ...string) *http.Response {
	return s.send(calling(func(w http.ResponseWriter, r *http.Request) error {
		return s.handlers.BeginSession(w, r, subject, opts...)
	}), method, "", fields...)
}

var crossSiteCallback = []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}

func TestBeginSession(t *testing.T) {
	s := newCookieSite(t)
	s.login(t)
	old := s.jar[refreshCookie]
	opts := []jwtauth.LoginOption{jwtauth.AuthenticatedBy("phr", "hwk"), jwtauth.SessionData("acme")}
	a := s.begins("GET", "user-2", opts, append(crossSiteCallback, "User-Agent: Firefox")...)
	wantAnswer(t, "callback", a, 303, "", accessCookie, refreshCookie)
	if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Location") != "/welcome" {
		t.Errorf("headers %v", a.Header)
	}
	for _, c := range a.Cookies() {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge <= 0 {
			t.Errorf("cookie %s", c)
		}
	}
	if _, err := s.Refresh(t.Context(), old); !errors.Is(err, jwtauth.ErrSessionEnded) {
		t.Errorf("the browser's old session: %v", err)
	}
	row := s.row(s.jar[refreshCookie])
	if row.Subject != "user-2" || row.AuthContext() != "phr" || row.Label != "Firefox" {
		t.Errorf("session %+v", row)
	}
	claims, err := s.VerifyToken(t.Context(), s.jar[accessCookie])
	if err != nil || claims.Subject != "user-2" || claims.SessionID != row.ID || claims.AuthContext != "phr" {
		t.Errorf("claims %+v, %v", claims, err)
	}
	// Providers also send POST requests (response_mode=form_post).
	wantAnswer(t, "form_post", s.begins("POST", "user-2", nil, "Sec-Fetch-Site: cross-site"), 303, "", accessCookie, refreshCookie)
}

func TestBeginSessionOptions(t *testing.T) {
	s := newCookieSite(t)
	a := s.begins("GET", "user-1", []jwtauth.LoginOption{jwtauth.BrowserSession(), jwtauth.Label("phone")}, "User-Agent: Firefox")
	for _, c := range a.Cookies() {
		if c.MaxAge != 0 || !c.Expires.IsZero() {
			t.Errorf("cookie %s", c)
		}
	}
	if label := s.row(s.jar[refreshCookie]).Label; label != "phone" {
		t.Errorf("label %q", label)
	}
}

// On error there are no new cookies and no new session, and the browser's old
// session goes on.
func TestBeginSessionFails(t *testing.T) {
	long := false
	s := newCookieSite(t, func(i *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, _ *jwtauth.HandlerOptions) {
		i.Claims = func(context.Context, jwtauth.Session) (any, error) {
			if long {
				return map[string]string{"long": strings.Repeat("x", 4096)}, nil
			}
			return nil, nil
		}
	})
	s.login(t)
	for name, c := range map[string]struct {
		prepare func()
		subject string
		status  int
		code    string
	}{
		"tokens that do not fit": {func() { long = true }, "user-2", 500, "internal_error"},
		"store down":             {func() { s.fails("Create") }, "user-2", 503, "unavailable"},
		"no subject":             {func() {}, "", 500, "internal_error"},
	} {
		c.prepare()
		wantAnswer(t, name, s.begins("GET", c.subject, nil), c.status, c.code)
		long, s.store.before = false, nil
		if sessions, err := s.Sessions(t.Context(), "user-2"); err != nil || len(sessions) != 0 {
			t.Errorf("%s: %d sessions, %v", name, len(sessions), err)
		}
		if sessions, err := s.Sessions(t.Context(), "user-1"); err != nil || len(sessions) != 1 {
			t.Errorf("%s: %d sessions of the browser's user, %v", name, len(sessions), err)
		}
	}
	bodies := newEndpoints(t)
	if err := bodies.handlers.BeginSession(nil, nil, "user-1"); err == nil || !strings.Contains(err.Error(), "HandlerOptions.Cookies") {
		t.Errorf("without cookies: %v", err)
	}
}

// BeginSession counts toward MaxSessions after the old session has ended.
func TestBeginSessionLimit(t *testing.T) {
	s := newCookieSite(t, func(i *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, _ *jwtauth.HandlerOptions) { i.MaxSessions = 1 })
	s.login(t)
	s.at(time.Second)
	wantAnswer(t, "the same browser", s.begins("GET", "user-1", nil), 303, "", accessCookie, refreshCookie)
	s.wantKinds(t, "the same browser", jwtauth.EventLogin, jwtauth.EventLogout) // the old session, and not for the limit
	s.at(2 * time.Second)
	s.jar = map[string]string{}
	s.begins("GET", "user-1", nil)
	if events := s.told(); len(events) != 2 || events[1].Reason != jwtauth.ReasonLimit {
		t.Errorf("another browser: %v", events)
	}
	if a := s.refreshes(); a.StatusCode != 200 {
		t.Errorf("the new session: %s", a.Status)
	}
}

func TestHandlersEndSession(t *testing.T) {
	s := newCookieSite(t)
	end := calling(s.handlers.EndSession)
	s.login(t)
	token := s.jar[refreshCookie]
	wantAnswer(t, "another site", s.send(end, "POST", "", "Sec-Fetch-Site: cross-site"), 403, "cross_site")
	a := s.send(end, "POST", "", sameOrigin)
	wantAnswer(t, "end", a, 303, "", "-"+accessCookie, "-"+refreshCookie)
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", a.Header)
	}
	if _, err := s.Refresh(t.Context(), token); !errors.Is(err, jwtauth.ErrSessionEnded) {
		t.Errorf("the session: %v", err)
	}
	wantAnswer(t, "without a session", s.send(end, "POST", "", sameOrigin), 303, "", "-"+accessCookie, "-"+refreshCookie)

	// An account is deleted: all its sessions have ended before.
	s.login(t)
	if err := s.LogoutAll(t.Context(), "user-1"); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "after LogoutAll", s.send(end, "POST", "", sameOrigin), 303, "", "-"+accessCookie, "-"+refreshCookie)

	s.login(t)
	s.fails("Delete")
	wantAnswer(t, "store down", s.send(end, "POST", "", sameOrigin), 503, "unavailable")
	s.store.before = nil

	// A bad refresh cookie: the access cookie names the session.
	token = s.jar[refreshCookie]
	s.jar[refreshCookie] = "nonsense"
	wantAnswer(t, "bad refresh cookie", s.send(end, "POST", "", sameOrigin), 303, "", "-"+accessCookie, "-"+refreshCookie)
	if _, err := s.Refresh(t.Context(), token); !errors.Is(err, jwtauth.ErrSessionEnded) {
		t.Errorf("the session of the access cookie: %v", err)
	}
	s.login(t)
	s.jar[refreshCookie], s.jar[accessCookie] = "nonsense", "nonsense"
	wantAnswer(t, "two bad cookies", s.send(end, "POST", "", sameOrigin), 401, "token_invalid")

	bodies := newEndpoints(t)
	if err := bodies.handlers.EndSession(nil, nil); err == nil || !strings.Contains(err.Error(), "HandlerOptions.Cookies") {
		t.Errorf("without cookies: %v", err)
	}
}

// updates requests a handler behind Verify that updates the session.
func (s *cookieSite) updates(opts []jwtauth.RefreshOption, fields ...string) *http.Response {
	update := calling(func(w http.ResponseWriter, r *http.Request) error {
		return s.handlers.UpdateSession(w, r, opts...)
	})
	verify := jwtauth.Verify(s.Issuer, jwtauth.From(s.cookies.Access(), jwtauth.Bearer()))
	return s.send(verify(update), "POST", "", fields...)
}

func TestUpdateSession(t *testing.T) {
	s := newCookieSite(t, func(i *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, _ *jwtauth.HandlerOptions) {
		i.Claims = func(_ context.Context, session jwtauth.Session) (any, error) {
			var org string
			err := session.Data(&org)
			return map[string]string{"org": org}, err
		}
	})
	s.login(t)
	before := s.jar[refreshCookie]
	set := []jwtauth.RefreshOption{jwtauth.SetSessionData("acme")}
	a := s.updates(set, sameOrigin)
	// The refresh token stays the same, so no other tab is affected.
	wantAnswer(t, "update", a, 303, "", accessCookie)
	claims, err := s.VerifyToken(t.Context(), s.jar[accessCookie])
	var private struct{ Org string }
	if err := errors.Join(err, claims.Decode(&private)); err != nil || private.Org != "acme" {
		t.Errorf("claims %+v, %v", private, err)
	}
	if s.jar[refreshCookie] != before || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("another refresh token, or headers %v", a.Header)
	}

	// Without options it is a refresh.
	wantAnswer(t, "no options", s.updates(nil, sameOrigin), 303, "", accessCookie, refreshCookie)

	other := []jwtauth.RefreshOption{jwtauth.Reauthenticated("user-2", s.clock.Now(), "phr")}
	wantAnswer(t, "someone else's passkey", s.updates(other, sameOrigin), 403, "forbidden")
	if acr := s.row(s.jar[refreshCookie]).AuthContext(); acr != "" {
		t.Errorf("acr %q", acr)
	}
	wantAnswer(t, "another site", s.updates(set, "Sec-Fetch-Site: cross-site"), 403, "cross_site")
	s.fails("Swap")
	wantAnswer(t, "store down", s.updates(set, sameOrigin), 503, "unavailable")
}

func TestUpdateSessionRefused(t *testing.T) {
	s := newCookieSite(t)
	s.login(t)
	set := []jwtauth.RefreshOption{jwtauth.SetSessionData("acme")}
	for name, subject := range map[string]string{"another session": "user-1", "another subject": "user-2"} {
		bearer, err := s.Login(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		a := s.updates(set, sameOrigin, "Authorization: Bearer "+bearer.AccessToken)
		wantAnswer(t, "verified for "+name, a, 403, "forbidden")
	}
	a := s.send(calling(func(w http.ResponseWriter, r *http.Request) error {
		return s.handlers.UpdateSession(w, r, set...)
	}), "POST", "", sameOrigin)
	wantAnswer(t, "without Verify", a, 401, "token_missing")
	if row := s.row(s.jar[refreshCookie]); row.Revision != 1 {
		t.Errorf("session %+v", row)
	}
	token := s.jar[refreshCookie]
	delete(s.jar, refreshCookie)
	wantAnswer(t, "without a refresh cookie", s.updates(set, sameOrigin), 401, "token_missing")
	s.jar[refreshCookie] = token + "x"
	wantAnswer(t, "a bad refresh cookie", s.updates(set, sameOrigin), 401, "token_invalid")
	bodies := newEndpoints(t)
	if err := bodies.handlers.UpdateSession(nil, nil); err == nil || !strings.Contains(err.Error(), "HandlerOptions.Cookies") {
		t.Errorf("without cookies: %v", err)
	}
}

// The cookies of a browser session end with the browser also after an update.
func TestUpdateSessionBrowserSession(t *testing.T) {
	s := newCookieSite(t)
	s.begins("GET", "user-1", []jwtauth.LoginOption{jwtauth.BrowserSession()})
	a := s.updates([]jwtauth.RefreshOption{jwtauth.Relabel("phone")}, sameOrigin)
	wantAnswer(t, "update", a, 303, "", accessCookie)
	a2 := s.updates(nil, sameOrigin)
	wantAnswer(t, "refresh", a2, 303, "", accessCookie, refreshCookie)
	for _, c := range append(a.Cookies(), a2.Cookies()...) {
		if c.MaxAge != 0 {
			t.Errorf("cookie %s", c)
		}
	}
}
