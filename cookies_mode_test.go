package jwtauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

const (
	accessCookie  = "__Host-jwtauth-access"
	refreshCookie = "__Host-jwtauth-refresh"
)

// cookieSite is a service in cookie mode, and one browser that keeps all
// cookies regardless of their attributes.
type cookieSite struct {
	*service
	cookies  *jwtauth.Cookies
	handlers *jwtauth.Handlers
	jar      map[string]string
}

func newCookieSite(t testing.TB, change ...func(*jwtauth.IssuerOptions, *jwtauth.CookieOptions, *jwtauth.HandlerOptions)) *cookieSite {
	t.Helper()
	var cookies jwtauth.CookieOptions
	handlers := jwtauth.HandlerOptions{Authenticate: func(_ context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
		if password != "right" {
			return "", nil, jwtauth.ErrWrongPassword
		}
		return username, nil, nil
	}}
	s := &cookieSite{jar: map[string]string{}}
	s.service = newService(t, func(o *jwtauth.IssuerOptions) {
		for _, c := range change {
			c(o, &cookies, &handlers)
		}
	})
	var err error
	if s.cookies, err = jwtauth.NewCookies(cookies); err != nil {
		t.Fatal(err)
	}
	handlers.Cookies = s.cookies
	if s.handlers, err = jwtauth.NewHandlers(s.Issuer, handlers); err != nil {
		t.Fatal(err)
	}
	return s
}

// send sends a request with the browser's cookies and headers "Name: value",
// and keeps the cookies of the response.
func (s *cookieSite) send(h http.Handler, method, body string, fields ...string) *http.Response {
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	for name, value := range s.jar {
		r.Header.Add("Cookie", name+"="+value)
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	answer := w.Result()
	for _, c := range answer.Cookies() {
		if s.jar[c.Name] = c.Value; c.MaxAge < 0 {
			delete(s.jar, c.Name)
		}
	}
	return answer
}

const (
	sameOrigin = "Sec-Fetch-Site: same-origin"
	typeJSON   = "Content-Type: application/json"
	typeForm   = "Content-Type: application/x-www-form-urlencoded"
	rightLogin = `{"username":"user-1","password":"right"}`
)

func (s *cookieSite) login(t testing.TB) {
	t.Helper()
	if a := s.send(http.HandlerFunc(s.handlers.Login), "POST", rightLogin, sameOrigin, typeJSON); a.StatusCode != 200 {
		t.Fatalf("login answers %s", a.Status)
	}
	s.told()
}

func (s *cookieSite) refreshes(fields ...string) *http.Response {
	return s.send(http.HandlerFunc(s.handlers.Refresh), "POST", "", append(fields, sameOrigin)...)
}

func (s *cookieSite) logsOut(fields ...string) *http.Response {
	return s.send(http.HandlerFunc(s.handlers.Logout), "POST", "", append(fields, sameOrigin)...)
}

// fails makes an operation of the store fail.
func (s *cookieSite) fails(ops ...string) {
	s.store.before = func(_ context.Context, op string) error {
		if slices.Contains(ops, op) {
			return errors.New("down")
		}
		return nil
	}
}

// cookieNames returns the names of the cookies that a response sets, with "-"
// in front of those that it deletes.
func cookieNames(a *http.Response) []string {
	var names []string
	for _, c := range a.Cookies() {
		if c.MaxAge < 0 {
			c.Name = "-" + c.Name
		}
		names = append(names, c.Name)
	}
	return names
}

// wantAnswer checks the status, the problem code ("" for none) and the cookies
// of a response.
func wantAnswer(t *testing.T, what string, a *http.Response, status int, code string, cookies ...string) {
	t.Helper()
	var problem struct{ Code string }
	body := make([]byte, 4096)
	n, _ := a.Body.Read(body)
	if code != "" {
		_ = json.Unmarshal(body[:n], &problem)
	}
	if a.StatusCode != status || problem.Code != code {
		t.Errorf("%s: answers %d %s, want %d %q", what, a.StatusCode, body[:n], status, code)
	}
	if got := cookieNames(a); !slices.Equal(got, cookies) {
		t.Errorf("%s: sets %q, want %q", what, got, cookies)
	}
	if got := a.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("%s: Cache-Control: %q", what, got)
	}
	for _, c := range a.Cookies() {
		if c.Value != "" && strings.Contains(string(body[:n]), c.Value) {
			t.Errorf("%s: the body holds a token: %s", what, body[:n])
		}
	}
}

func TestCookieModeLogin(t *testing.T) {
	s := newCookieSite(t, func(_ *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, h *jwtauth.HandlerOptions) {
		h.AfterLogin, h.AfterLogout = "/welcome?a=b", "/bye"
	})
	login := http.HandlerFunc(s.handlers.Login)

	wantAnswer(t, "wrong password", s.send(login, "POST", `{"username":"user-1","password":"wrong"}`, sameOrigin, typeJSON), 401, "login_failed")
	a := s.send(login, "POST", rightLogin, sameOrigin, typeJSON)
	body := make([]byte, 100)
	n, _ := a.Body.Read(body)
	if got := string(body[:n]); got != "{\"expires_in\":900}\n" || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("answers %q", got)
	}
	wantAnswer(t, "JSON", a, 200, "", accessCookie, refreshCookie)
	s.wantKinds(t, "login", jwtauth.EventLogin)

	// The browser's next login replaces its session; another browser's stays.
	other := *s
	other.jar = map[string]string{}
	other.login(t)
	a = s.send(login, "POST", "username=user-1&password=right", sameOrigin, typeForm)
	wantAnswer(t, "form", a, 303, "", accessCookie, refreshCookie)
	if got := a.Header.Get("Location"); got != "/welcome?a=b" {
		t.Errorf("a form leads to %q", got)
	}
	s.wantKinds(t, "second login", jwtauth.EventLogin, jwtauth.EventLogout)
	if list, err := s.Sessions(t.Context(), "user-1"); err != nil || len(list) != 2 {
		t.Errorf("%d sessions, want 2; %v", len(list), err)
	}
	wantAnswer(t, "refresh of the other", other.refreshes(), 200, "", accessCookie, refreshCookie)

	// A login works even if the old cookies do not verify, or the store fails
	// to end the old session.
	s.jar[refreshCookie] = "nonsense"
	wantAnswer(t, "over nonsense", s.send(login, "POST", rightLogin, sameOrigin, typeJSON), 200, "", accessCookie, refreshCookie)
	wantAnswer(t, "over two", s.send(login, "POST", rightLogin, sameOrigin, typeJSON, "Cookie: "+refreshCookie+"=x"), 200, "", accessCookie, refreshCookie)
	s.fails("Delete")
	wantAnswer(t, "with a store that fails to delete", s.send(login, "POST", rightLogin, sameOrigin, typeJSON), 200, "", accessCookie, refreshCookie)
	s.fails("Create")
	wantAnswer(t, "with a store that is down", s.send(login, "POST", rightLogin, sameOrigin, typeJSON), 503, "unavailable")
}

// Browsers silently drop cookies longer than 4096 bytes, so the login would
// seem to work.
func TestCookieTooLong(t *testing.T) {
	size := 10
	s := newCookieSite(t, func(i *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, _ *jwtauth.HandlerOptions) {
		i.Claims = func(context.Context, jwtauth.Session) (any, error) {
			return map[string]string{"x": strings.Repeat("x", size)}, nil
		}
	})
	login := http.HandlerFunc(s.handlers.Login)
	s.login(t)
	least := len(accessCookie) + len(s.jar[accessCookie])
	size += (4096 - least) * 3 / 4 // base64
	a := s.send(login, "POST", rightLogin, sameOrigin, typeJSON)
	wantAnswer(t, "of 4096 bytes", a, 200, "", accessCookie, refreshCookie)
	if n := len(accessCookie) + len(s.jar[accessCookie]); n < 4094 || n > 4096 {
		t.Fatalf("the cookie has %d bytes", n)
	}
	size += 3
	wantAnswer(t, "longer", s.send(login, "POST", rightLogin, sameOrigin, typeJSON), 500, "internal_error")
	if list, err := s.Sessions(t.Context(), "user-1"); err != nil || len(list) != 1 {
		t.Errorf("%d sessions, want the one before; %v", len(list), err)
	}

	// A refresh whose cookies do not fit is not committed. Otherwise the
	// browser would keep a used token.
	s.told()
	s.at(time.Hour)
	wantAnswer(t, "longer at refresh", s.refreshes(), 500, "internal_error")
	if a := s.send(s.renewing(), "GET", ""); a.StatusCode != 500 {
		t.Errorf("longer at Renew: answers %s", a.Status)
	}
	s.wantKinds(t, "longer")
	size -= 3
	s.at(2 * time.Hour)
	wantAnswer(t, "mended an hour later", s.refreshes(), 200, "", accessCookie, refreshCookie)
	size += 3
	s.told()
	wantAnswer(t, "longer, from a second tab", s.refreshes(), 500, "internal_error")
	s.wantKinds(t, "longer, from a second tab")
}

func TestCookieModeCrossSite(t *testing.T) {
	s := newCookieSite(t, func(_ *jwtauth.IssuerOptions, c *jwtauth.CookieOptions, _ *jwtauth.HandlerOptions) {
		c.TrustedOrigins = []string{"https://app.example.com"}
	})
	for name, endpoint := range map[string]http.HandlerFunc{"login": s.handlers.Login, "refresh": s.handlers.Refresh, "logout": s.handlers.Logout} {
		for _, c := range []struct {
			from string
			ok   bool
		}{
			{"", false},
			{"Sec-Fetch-Site: cross-site", false},
			{"Sec-Fetch-Site: same-site", false},
			{"Sec-Fetch-Site: cross-site, Origin: https://evil.example", false},
			{"Sec-Fetch-Site: same-site, Origin: https://evil.example.com", false},
			{"Sec-Fetch-Site: cross-site, Origin: null", false},
			{"Origin: https://evil.example", false},
			{"Origin: null", false},
			{"Sec-Fetch-Site: same-site, Origin: https://app.example.com", true},
			{"Origin: https://app.example.com", true},
			{"Origin: https://example.com", true}, // the service's own
			{"Sec-Fetch-Site: same-origin", true},
			{"Sec-Fetch-Site: none", true},
		} {
			s.jar = map[string]string{}
			s.login(t)
			fields := []string{typeJSON}
			if c.from != "" {
				fields = append(fields, strings.Split(c.from, ", ")...)
			}
			a := s.send(endpoint, "POST", rightLogin, fields...)
			if c.ok && a.StatusCode/100 != 2 {
				t.Errorf("%s from %q answers %s", name, c.from, a.Status)
			}
			if !c.ok {
				wantAnswer(t, fmt.Sprintf("%s from %q", name, c.from), a, 403, "cross_site")
				s.wantKinds(t, "cross-site "+name)
			}
		}
		wantStatus := s.send(endpoint, "GET", "", sameOrigin)
		if wantStatus.StatusCode != 405 || wantStatus.Header.Get("Allow") != "POST" {
			t.Errorf("GET of %s answers %s", name, wantStatus.Status)
		}
	}
}

func TestCookieModeOptions(t *testing.T) {
	issuer := newService(t)
	cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{})
	if err != nil {
		t.Fatal(err)
	}
	authenticate := func(context.Context, string, string) (string, []jwtauth.LoginOption, error) { return "", nil, nil }
	for _, to := range []string{"x", "//evil.example", "https://evil.example/", "/\\evil.example", "/\tx", "/a b", "/%", "\\\\evil.example", "?a", "javascript:alert(1)", "/é"} {
		_, err := jwtauth.NewHandlers(issuer.Issuer, jwtauth.HandlerOptions{Authenticate: authenticate, Cookies: cookies, AfterLogin: to, AfterLogout: to})
		checkFaults(t, err, []string{"HandlerOptions.AfterLogin: ", "HandlerOptions.AfterLogout: "})
	}
	_, err = jwtauth.NewHandlers(issuer.Issuer, jwtauth.HandlerOptions{Authenticate: authenticate, AfterLogin: "/", AfterLogout: "/"})
	checkFaults(t, err, []string{"HandlerOptions.AfterLogin: is set, but Cookies is not", "HandlerOptions.AfterLogout: is set, but Cookies is not"})
	_, err = jwtauth.NewHandlers(issuer.Issuer, jwtauth.HandlerOptions{Authenticate: authenticate, Cookies: cookies, AfterLogin: "/", AfterLogout: "/login?bye=1"})
	checkFaults(t, err, nil)
}

func TestHandlersOnError(t *testing.T) {
	var got error
	s := newCookieSite(t, func(_ *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, h *jwtauth.HandlerOptions) {
		h.OnError = func(w http.ResponseWriter, _ *http.Request, err error) {
			got = err
			w.WriteHeader(http.StatusTeapot)
		}
	})
	for what, send := range map[string]func() *http.Response{
		"wrong password": func() *http.Response {
			return s.send(http.HandlerFunc(s.handlers.Login), "POST", `{"username":"a","password":"b"}`, sameOrigin, typeJSON)
		},
		"method":     func() *http.Response { return s.send(http.HandlerFunc(s.handlers.Login), "GET", "") },
		"no cookie":  func() *http.Response { return s.refreshes() },
		"cross-site": func() *http.Response { return s.send(http.HandlerFunc(s.handlers.Logout), "POST", "") },
	} {
		got = nil
		if a := send(); a.StatusCode != http.StatusTeapot || got == nil {
			t.Errorf("%s: answers %s, OnError gets %v", what, a.Status, got)
		}
	}
}
