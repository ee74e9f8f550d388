package jwtauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// endpoints is a service with Handlers. The user ann logs in with "secret".
type endpoints struct {
	*service
	handlers *jwtauth.Handlers
	mux      *http.ServeMux

	authenticated []string // user name, password and client of each call
	refusal       error    // returned by Authenticate, if not nil
	options       []jwtauth.LoginOption
	disabled      error // returned by Claims
}

func newEndpoints(t testing.TB, change ...func(*jwtauth.HandlerOptions)) *endpoints {
	t.Helper()
	s := &endpoints{mux: http.NewServeMux()}
	s.service = newService(t, func(o *jwtauth.IssuerOptions) {
		o.Claims = func(context.Context, jwtauth.Session) (any, error) { return nil, s.disabled }
	})
	opts := jwtauth.HandlerOptions{
		Authenticate: func(_ context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
			s.authenticated = append(s.authenticated, username+" "+password)
			switch {
			case s.refusal != nil:
				return "", nil, s.refusal
			case username != "ann" || password != "secret":
				return "", nil, jwtauth.ErrWrongPassword
			}
			return "user-1", s.options, nil
		},
	}
	for _, c := range change {
		c(&opts)
	}
	var err error
	if s.handlers, err = jwtauth.NewHandlers(s.Issuer, opts); err != nil {
		t.Fatal(err)
	}
	s.mux.HandleFunc("/login", s.handlers.Login)
	s.mux.HandleFunc("/refresh", s.handlers.Refresh)
	s.mux.HandleFunc("/logout", s.handlers.Logout)
	return s
}

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

func (s *endpoints) send(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	return w
}

func (s *endpoints) post(path, mediaType, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", mediaType)
	return s.send(r)
}

// tokensOf reads a response that must contain tokens.
func tokensOf(t *testing.T, w *httptest.ResponseRecorder) (tokens jwtauth.Tokens) {
	t.Helper()
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("answers %d %v %s", w.Code, w.Header(), w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &tokens); err != nil || tokens.AccessToken == "" || tokens.RefreshToken == "" || tokens.TokenType != "Bearer" || tokens.ExpiresIn != 900 {
		t.Fatalf("answers %s: %v", w.Body, err)
	}
	return tokens
}

// wantRefusal checks the response to a refused request. A challenge of "" means
// none.
func wantRefusal(t *testing.T, what string, w *httptest.ResponseRecorder, status int, code, challenge string) {
	t.Helper()
	var problem struct {
		Status int
		Code   string
	}
	err := json.Unmarshal(w.Body.Bytes(), &problem)
	if err != nil || w.Code != status || problem.Status != status || problem.Code != code || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: answers %d %s, want %d %s", what, w.Code, w.Body, status, code)
	}
	if got := w.Header().Get("WWW-Authenticate"); got != challenge {
		t.Errorf("%s: challenge %q, want %q", what, got, challenge)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%s: Cache-Control %q", what, w.Header().Get("Cache-Control"))
	}
	after := w.Header().Get("Retry-After")
	if seconds, err := strconv.Atoi(after); (status == 503) != (err == nil && seconds >= 1 && seconds <= 5) {
		t.Errorf("%s: status %d, Retry-After %q", what, w.Code, after)
	}
}

const badToken = `Bearer realm="restricted", error="invalid_token", error_description="Invalid token"`

func TestHandlers(t *testing.T) {
	for _, c := range []struct {
		mediaType string
		body      func(names map[string]string) string
	}{
		{asJSON, func(names map[string]string) string { return string(keyMust(json.Marshal(names))) }},
		{asForm, func(names map[string]string) string {
			values := url.Values{}
			for name, value := range names {
				values.Set(name, value)
			}
			return values.Encode()
		}},
	} {
		t.Run(c.mediaType, func(t *testing.T) {
			s := newEndpoints(t)
			login := c.body(map[string]string{"username": "ann", "password": "secret"})
			tokens := tokensOf(t, s.post("/login", c.mediaType, login))
			if claims, err := s.VerifyToken(t.Context(), tokens.AccessToken); err != nil || claims.Subject != "user-1" {
				t.Errorf("claims %v, %v", claims, err)
			}

			old := c.body(map[string]string{"refresh_token": tokens.RefreshToken})
			next := tokensOf(t, s.post("/refresh", c.mediaType, old))
			if refreshPayload(next.RefreshToken).Generation != 2 {
				t.Errorf("refresh answers generation %d", refreshPayload(next.RefreshToken).Generation)
			}
			current := c.body(map[string]string{"refresh_token": next.RefreshToken})

			w := s.post("/logout", c.mediaType, current)
			if w.Code != 204 || w.Body.Len() != 0 || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("logout answers %d %v %s", w.Code, w.Header(), w.Body)
			}
			wantRefusal(t, "refresh after the logout", s.post("/refresh", c.mediaType, current), 401, "session_ended", challengeBearer)
			if w := s.post("/logout", c.mediaType, current); w.Code != 204 {
				t.Errorf("logging out again answers %d %s", w.Code, w.Body)
			}
		})
	}
}

// A refused refresh has the same response for every way in which a session can
// end.
func TestHandlersRefreshRefused(t *testing.T) {
	refreshBody := func(token string) string { return fmt.Sprintf(`{"refresh_token":%q}`, token) }
	over := map[string]func(s *endpoints) string{
		"logged out": func(s *endpoints) string {
			token := s.login(t).RefreshToken
			_ = s.Logout(t.Context(), token)
			return token
		},
		"expired": func(s *endpoints) string {
			token := s.login(t).RefreshToken
			s.at(life)
			return token
		},
		"reused": func(s *endpoints) string {
			token := s.login(t).RefreshToken
			s.refresh(t, s.refresh(t, token).RefreshToken)
			s.at(afterwards)
			return token
		},
		"disabled": func(s *endpoints) string {
			token := s.login(t).RefreshToken
			s.disabled = jwtauth.ErrSubjectDisabled
			return token
		},
	}
	answers := map[string]bool{}
	for name, prepare := range over {
		s := newEndpoints(t)
		w := s.post("/refresh", asJSON, refreshBody(prepare(s)))
		wantRefusal(t, name, w, 401, "session_ended", challengeBearer)
		answers[w.Body.String()+fmt.Sprint(w.Header())] = true
	}
	if len(answers) != 1 {
		t.Errorf("%d different answers: %v", len(answers), slices.Collect(maps.Keys(answers)))
	}

	s := newEndpoints(t)
	tokens := s.login(t)
	for _, path := range []string{"/refresh", "/logout"} {
		for name, token := range map[string]string{"no token": "x", "access token": tokens.AccessToken, "another signature": tokens.RefreshToken + "x"} {
			wantRefusal(t, path+" "+name, s.post(path, asJSON, refreshBody(token)), 401, "token_invalid", badToken)
		}
	}
	s.store.before = func(context.Context, string) error { return errDown }
	for _, path := range []string{"/refresh", "/logout"} {
		wantRefusal(t, path+" without a store", s.post(path, asJSON, refreshBody(tokens.RefreshToken)), 503, "unavailable", "")
	}
	s.store.before = nil
	s.disabled = errDown
	wantRefusal(t, "refresh without claims", s.post("/refresh", asJSON, refreshBody(tokens.RefreshToken)), 503, "unavailable", "")
}

// The response does not reveal which of the three it was.
func TestHandlersLoginRefused(t *testing.T) {
	answer := func(prepare func(s *endpoints), username, password string) *httptest.ResponseRecorder {
		s := newEndpoints(t)
		prepare(s)
		return s.post("/login", asJSON, fmt.Sprintf(`{"username":%q,"password":%q}`, username, password))
	}
	nothing := func(*endpoints) {}
	answers := map[string]bool{}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"wrong user":                       answer(nothing, "bob", "secret"),
		"wrong password":                   answer(nothing, "ann", "Secret"),
		"disabled, says Authenticate":      answer(func(s *endpoints) { s.refusal = jwtauth.ErrSubjectDisabled }, "ann", "secret"),
		"disabled, says Claims":            answer(func(s *endpoints) { s.disabled = jwtauth.ErrSubjectDisabled }, "ann", "secret"),
		"wrong password, in its own words": answer(func(s *endpoints) { s.refusal = fmt.Errorf("ann: %w", jwtauth.ErrWrongPassword) }, "ann", "secret"),
	} {
		wantRefusal(t, name, w, 401, "login_failed", challengeBearer)
		answers[w.Body.String()+fmt.Sprint(w.Header())] = true
	}
	if len(answers) != 1 {
		t.Errorf("%d different answers: %v", len(answers), slices.Collect(maps.Keys(answers)))
	}
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"busy":               {jwtauth.ErrBusy, 503, "busy"},
		"outage":             {fmt.Errorf("users: %w", jwtauth.ErrUnavailable), 503, "unavailable"},
		"the client is gone": {context.Canceled, 503, "unavailable"},
		"any other error":    {errors.New("select * from users: ann"), 500, "internal_error"},
		"password too long":  {jwtauth.ErrPasswordUnhashable, 400, "password_invalid"},
	} {
		w := answer(func(s *endpoints) { s.refusal = c.err }, "ann", "secret")
		wantRefusal(t, name, w, c.status, c.code, "")
		if strings.Contains(w.Body.String(), "users") {
			t.Errorf("%s: answers %s", name, w.Body)
		}
	}
	w := answer(func(s *endpoints) { s.store.before = func(context.Context, string) error { return errDown } }, "ann", "secret")
	wantRefusal(t, "without a store", w, 503, "unavailable", "")
}

// Over a real connection, whose server also enforces limits and methods.
func TestHandlersOverHTTP(t *testing.T) {
	s := newEndpoints(t)
	server := httptest.NewServer(s.mux)
	defer server.Close()
	post := func(path, body string) (*http.Response, string) {
		t.Helper()
		response, err := server.Client().Post(server.URL+path, asJSON, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response, string(keyMust(io.ReadAll(response.Body)))
	}
	response, body := post("/login", `{"username":"ann","password":"secret"}`)
	var tokens jwtauth.Tokens
	if err := json.Unmarshal([]byte(body), &tokens); err != nil || response.StatusCode != 200 {
		t.Fatalf("answers %s %s", response.Status, body)
	}
	response, body = post("/refresh", fmt.Sprintf(`{"refresh_token":%q}`, tokens.RefreshToken))
	if err := json.Unmarshal([]byte(body), &tokens); err != nil || response.StatusCode != 200 {
		t.Fatalf("answers %s %s", response.Status, body)
	}
	response, body = post("/logout", fmt.Sprintf(`{"refresh_token":%q}`, tokens.RefreshToken))
	if response.StatusCode != 204 || body != "" {
		t.Errorf("answers %s %s", response.Status, body)
	}
	response, body = post("/login", `{"username":"`+strings.Repeat("a", 1<<20)+`"}`)
	if response.StatusCode != 413 || !response.Close {
		t.Errorf("a long body answers %s, close %v, %s", response.Status, response.Close, body)
	}
}

func TestHandlersLabel(t *testing.T) {
	labelOf := func(s *endpoints, r *http.Request) string {
		t.Helper()
		r.Header.Set("Content-Type", asForm)
		return s.row(tokensOf(t, s.send(r)).RefreshToken).Label
	}
	request := func() *http.Request {
		return httptest.NewRequest(http.MethodPost, "/login", strings.NewReader("username=ann&password=secret"))
	}
	r := request()
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)\x00"+strings.Repeat("x", 200))
	if got, want := labelOf(newEndpoints(t), r), "Mozilla/5.0 (X11; Linux x86_64)"+strings.Repeat("x", 97); got != want {
		t.Errorf("label %q, want %q", got, want)
	}
	if got := labelOf(newEndpoints(t), request()); got != "" {
		t.Errorf("label %q without a User-Agent", got)
	}
	own := newEndpoints(t, func(o *jwtauth.HandlerOptions) {
		o.Label = func(r *http.Request) string { return "from " + r.RemoteAddr }
	})
	if got := labelOf(own, request()); got != "from 192.0.2.1:1234" {
		t.Errorf("label %q", got)
	}
}

func TestNewHandlers(t *testing.T) {
	type opts = jwtauth.HandlerOptions
	authenticate := func(context.Context, string, string) (string, []jwtauth.LoginOption, error) {
		return "user-1", nil, nil
	}
	withStore := newService(t).Issuer
	cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{})
	if err != nil {
		t.Fatal(err)
	}
	withoutStore := newIssuer(t, generate(t, jwtauth.HS256))
	for _, c := range []struct {
		name   string
		issuer *jwtauth.Issuer
		opts   opts
		want   []string
	}{
		{"least", withStore, opts{Authenticate: authenticate}, nil},
		{"greatest MaxBodyBytes", withStore, opts{Authenticate: authenticate, MaxBodyBytes: 1 << 20}, nil},
		{"no issuer", nil, opts{Authenticate: authenticate}, []string{"NewHandlers: issuer: is nil"}},
		{"no store", withoutStore, opts{Authenticate: authenticate}, nil},
		{"cookies without a store", withoutStore, opts{Cookies: cookies}, []string{"HandlerOptions.Cookies: requires IssuerOptions.Sessions"}},
		{"no Authenticate", withStore, opts{}, nil},
		{"UsernameField", withStore, opts{UsernameField: "email"}, nil},
		{"UsernameField password", withStore, opts{UsernameField: "password"}, []string{`HandlerOptions.UsernameField: "password" is the name of another member`}},
		{"UsernameField remember", withStore, opts{UsernameField: "remember"}, []string{`HandlerOptions.UsernameField: "remember" is the name of another member`}},
		{"BrowserSession", withStore, opts{BrowserSession: true, Cookies: cookies}, nil},
		{"BrowserSession without cookies", withStore, opts{BrowserSession: true}, []string{"HandlerOptions.BrowserSession: is set, but Cookies is not"}},
		{"Guard", withStore, opts{Guard: (*recordingGuard)(nil)}, []string{"HandlerOptions.Guard: is a nil *jwtauth_test.recordingGuard"}},
		{"MaxBodyBytes too great", withStore, opts{Authenticate: authenticate, MaxBodyBytes: 1<<20 + 1}, []string{"HandlerOptions.MaxBodyBytes: 1048577 exceeds the maximum of 1048576"}},
		{"MaxBodyBytes negative", withStore, opts{Authenticate: authenticate, MaxBodyBytes: -1}, []string{"HandlerOptions.MaxBodyBytes: -1 is negative"}},
		{"all at once", nil, opts{MaxBodyBytes: -1}, []string{"NewHandlers: issuer: is nil", "HandlerOptions.MaxBodyBytes: -1 is negative"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := jwtauth.NewHandlers(c.issuer, c.opts)
			checkFaults(t, err, c.want)
			if (h == nil) != (err != nil) {
				t.Errorf("handlers %v beside error %v", h, err)
			}
		})
	}

	s := newEndpoints(t, func(o *jwtauth.HandlerOptions) { o.MaxBodyBytes = 40 })
	tokensOf(t, s.post("/login", asJSON, `{"username":"ann","password":"secret"}`))
	wantRefusal(t, "one byte over", s.post("/login", asJSON, `{"username":"ann","password":"secret"}   `), 413, "body_too_large", "")
}
