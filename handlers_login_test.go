package jwtauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// Without Sessions, Login returns an access token only.
func TestHandlersWithoutSessions(t *testing.T) {
	issuer := newIssuer(t, generate(t, jwtauth.HS256))
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Authenticate: func(_ context.Context, username, _ string) (string, []jwtauth.LoginOption, error) {
			return username, []jwtauth.LoginOption{jwtauth.AuthenticatedBy("phr", "hwk")}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	post := func(h http.HandlerFunc, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", asForm)
		w := httptest.NewRecorder()
		h(w, r)
		return w
	}
	w := post(handlers.Login, "username=ann&password=secret")
	var tokens jwtauth.Tokens
	if err := json.Unmarshal(w.Body.Bytes(), &tokens); err != nil || w.Code != 200 || tokens.RefreshToken != "" {
		t.Fatalf("answers %d %s, %v", w.Code, w.Body, err)
	}
	claims, err := issuer.VerifyToken(t.Context(), tokens.AccessToken)
	if err != nil || claims.Subject != "ann" || claims.SessionID != "" || claims.AuthContext != "phr" {
		t.Errorf("claims %+v, %v", claims, err)
	}
	for name, h := range map[string]http.HandlerFunc{"refresh": handlers.Refresh, "logout": handlers.Logout} {
		wantRefusal(t, name, post(h, "refresh_token=x"), 404, "not_found", "")
	}
}

func TestHandlersWithoutAuthenticate(t *testing.T) {
	s := newEndpoints(t, func(o *jwtauth.HandlerOptions) { o.Authenticate = nil })
	wantRefusal(t, "login", s.post("/login", asJSON, `{"username":"ann","password":"secret"}`), 404, "not_found", "")
	body := `{"refresh_token":"` + s.service.login(t).RefreshToken + `"}`
	tokensOf(t, s.post("/refresh", asJSON, body))
}

func TestHandlersUsernameField(t *testing.T) {
	s := newEndpoints(t, func(o *jwtauth.HandlerOptions) { o.UsernameField = "email" })
	tokensOf(t, s.post("/login", asJSON, `{"email":"ann","password":"secret"}`))
	tokensOf(t, s.post("/login", asForm, "email=ann&password=secret&username=bob"))
	w := s.post("/login", asJSON, `{"username":"ann","password":"secret"}`)
	wantRefusal(t, "username", w, 400, "body_invalid", "")
}

// Databases refuse to compare such names, so they do not reach Authenticate.
func TestHandlersUsernameInvalid(t *testing.T) {
	s := newEndpoints(t)
	for _, c := range []struct{ name, mediaType, body string }{
		{"NUL in JSON", asJSON, `{"username":"ann\u0000","password":"secret"}`},
		{"NUL in a form", asForm, "username=%00ann&password=secret"},
		{"invalid UTF-8 in JSON", asJSON, "{\"username\":\"ann\xff\",\"password\":\"secret\"}"},
		{"invalid UTF-8 in a form", asForm, "username=ann%ff&password=secret"},
	} {
		wantRefusal(t, c.name, s.post("/login", c.mediaType, c.body), 400, "body_invalid", "")
	}
	if s.authenticated != nil {
		t.Errorf("authenticated %q", s.authenticated)
	}
}

// The options that Authenticate returns apply to the session. An option wins
// over the default of the handlers.
func TestHandlersLoginOptions(t *testing.T) {
	s := newEndpoints(t)
	s.options = []jwtauth.LoginOption{jwtauth.Label("phone"), jwtauth.SessionData("acme"), jwtauth.AuthenticatedBy("phr")}
	tokens := tokensOf(t, s.post("/login", asJSON, `{"username":"ann","password":"secret"}`))
	row := s.row(tokens.RefreshToken)
	var data string
	if err := row.Data(&data); err != nil || data != "acme" || row.Label != "phone" || row.AuthContext() != "phr" {
		t.Errorf("session %+v, data %q, %v", row, data, err)
	}
}

// If the password changes while it is checked, the login fails like one with a
// wrong password.
func TestHandlersCredentialVersion(t *testing.T) {
	version := "1"
	s := newCookieSite(t, func(i *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, h *jwtauth.HandlerOptions) {
		i.CredentialVersion = func(context.Context, string) (string, error) { return version, nil }
		h.Authenticate = func(_ context.Context, username, _ string) (string, []jwtauth.LoginOption, error) {
			return username, []jwtauth.LoginOption{jwtauth.CredentialVersion("1")}, nil
		}
	})
	s.login(t)
	if a := s.refreshes(); a.StatusCode != 200 {
		t.Errorf("a refresh answers %s", a.Status)
	}
	version = "2"
	wantAnswer(t, "refresh with the old password", s.refreshes(), 401, "session_ended")
	a := s.send(http.HandlerFunc(s.handlers.Login), "POST", rightLogin, sameOrigin, typeJSON)
	wantAnswer(t, "login with the old password", a, 401, "login_failed")
	if sessions, err := s.Sessions(t.Context(), "user-1"); err != nil || len(sessions) != 0 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
}

// A session that is bound to a key is refreshed only with a proof of possession
// of that key.
func TestHandlersConfirmation(t *testing.T) {
	checked := 0 // passwords
	s := newEndpoints(t, func(o *jwtauth.HandlerOptions) {
		check := o.Authenticate
		o.Authenticate = func(ctx context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
			checked++
			return check(ctx, username, password)
		}
		o.Confirmation = func(r *http.Request) (member, value string, err error) {
			switch key := r.Header.Get("Key"); key {
			case "":
				return "", "", nil
			case "bad":
				return "", "", jwtauth.ErrInvalidRequest
			default:
				return "jkt", key, nil
			}
		}
	})
	post := func(path, key string, body url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", path, strings.NewReader(body.Encode()))
		r.Header.Set("Content-Type", asForm)
		r.Header.Set("Key", key)
		return s.send(r)
	}
	login := url.Values{"username": {"ann"}, "password": {"secret"}}
	var bound jwtauth.Tokens
	w := post("/login", "k1", login)
	if err := json.Unmarshal(w.Body.Bytes(), &bound); err != nil || w.Code != 200 || bound.TokenType != "DPoP" {
		t.Fatalf("answers %d %s, %v", w.Code, w.Body, err)
	}
	refresh := url.Values{"refresh_token": {bound.RefreshToken}}
	for key, status := range map[string]int{"k1": 200, "k2": 401, "": 401, "bad": 400} {
		if w := post("/refresh", key, refresh); w.Code != status {
			t.Errorf("refresh with the key %q answers %d %s, want %d", key, w.Code, w.Body, status)
		}
	}
	before := checked
	if w := post("/login", "bad", login); w.Code != 400 || checked != before {
		t.Errorf("login without a valid proof answers %d %s, after %d checks of the password", w.Code, w.Body, checked-before)
	}
	unbound := tokensOf(t, post("/login", "", login))
	if w := post("/refresh", "", url.Values{"refresh_token": {unbound.RefreshToken}}); w.Code != 200 {
		t.Errorf("an unbound session: %d %s", w.Code, w.Body)
	}
}

// The kind of the cookies is decided at the login. Refresh and Renew repeat it.
func TestHandlersBrowserSession(t *testing.T) {
	const form = "username=user-1&password=right"
	option := func(o *jwtauth.HandlerOptions) {
		check := o.Authenticate
		o.Authenticate = func(ctx context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
			subject, _, err := check(ctx, username, password)
			return subject, []jwtauth.LoginOption{jwtauth.BrowserSession()}, err
		}
	}
	byDefault := func(o *jwtauth.HandlerOptions) { o.BrowserSession = true }
	for _, c := range []struct {
		name, mediaType, body string
		change                func(*jwtauth.HandlerOptions)
		persistent            bool
	}{
		{"default", typeJSON, rightLogin, func(*jwtauth.HandlerOptions) {}, true},
		{"option of Authenticate", typeJSON, rightLogin, option, false},
		{"JSON without remember", typeJSON, rightLogin, byDefault, false},
		{"JSON, remember false", typeJSON, strings.Replace(rightLogin, "{", `{"remember":false,`, 1), byDefault, false},
		{"JSON, remember true", typeJSON, strings.Replace(rightLogin, "{", `{"remember":true,`, 1), byDefault, true},
		{"form without remember", typeForm, form, byDefault, false},
		{"form with remember", typeForm, form + "&remember=on", byDefault, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newCookieSite(t, func(_ *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, h *jwtauth.HandlerOptions) { c.change(h) })
			check := func(step string, a *http.Response, cookies int) {
				t.Helper()
				if got := a.Cookies(); a.StatusCode != 200 || len(got) != cookies {
					t.Fatalf("%s: answers %s with the cookies %v", step, a.Status, got)
				}
				for _, cookie := range a.Cookies() {
					if (cookie.MaxAge > 0) != c.persistent || !cookie.Expires.IsZero() {
						t.Errorf("%s: %s", step, cookie)
					}
				}
			}
			check("login", s.send(http.HandlerFunc(s.handlers.Login), "POST", c.body, sameOrigin, c.mediaType), 2)
			check("refresh", s.refreshes(), 2)
			check("repeated refresh", s.refreshes(), 1)
			s.at(time.Hour)
			check("Renew", s.send(s.renewing(), "GET", ""), 2)
		})
	}
	s := newCookieSite(t, func(_ *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, h *jwtauth.HandlerOptions) { byDefault(h) })
	a := s.send(http.HandlerFunc(s.handlers.Login), "POST", strings.Replace(rightLogin, "{", `{"remember":"yes",`, 1), sameOrigin, typeJSON)
	wantAnswer(t, "remember is not a boolean", a, 400, "body_invalid")
}

// With a limit of one session, a login replaces the browser's session first, so
// the limit ends no session of another browser too many, and never its own.
func TestHandlersMaxSessions(t *testing.T) {
	s := newCookieSite(t, func(i *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, _ *jwtauth.HandlerOptions) { i.MaxSessions = 2 })
	other, err := s.Login(t.Context(), "user-1")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		s.at(time.Duration(n+1) * time.Second)
		s.login(t)
	}
	if _, err := s.Refresh(t.Context(), other.RefreshToken); err != nil {
		t.Errorf("the session of another browser: %v", err)
	}
	if a := s.refreshes(); a.StatusCode != 200 {
		t.Errorf("the browser's own session: %s", a.Status)
	}
	// Without cookies it is another browser, so the limit ends the oldest.
	s.jar = map[string]string{}
	s.at(10 * time.Second)
	s.login(t)
	if sessions, err := s.Sessions(t.Context(), "user-1"); err != nil || len(sessions) != 2 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
	if _, err := s.Refresh(t.Context(), other.RefreshToken); !errors.Is(err, jwtauth.ErrSessionEnded) {
		t.Errorf("the oldest session: %v", err)
	}
}
