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
	"github.com/seed-0a072700/jwtauth/memstore"
)

const (
	accessCookie  = "__Host-jwtauth-access"
	refreshCookie = "__Host-jwtauth-refresh"
)

// cookieSite is a service in cookie mode and one browser that keeps its cookies, whatever their attributes.
type cookieSite struct {
	*service
	cookies  *jwtauth.Cookies
	handlers *jwtauth.Handlers
	jar      map[string]string
}

func newCookieSite(t testing.TB, change ...func(*jwtauth.IssuerOptions, *jwtauth.CookieOptions, *jwtauth.HandlerOptions)) *cookieSite {
	t.Helper()
	var cookies jwtauth.CookieOptions
	handlers := jwtauth.HandlerOptions{Authenticate: func(_ context.Context, username, password string) (string, error) {
		if password != "right" {
			return "", jwtauth.ErrWrongPassword
		}
		return username, nil
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

// send sends a request with the browser's cookies and header fields as "Name: value", and keeps the cookies of the answer.
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

// cookieNames returns what an answer sets, "-name" for what it deletes.
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

// wantAnswer checks status, problem code ("" for none) and cookies of an answer.
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

func TestCookieOptions(t *testing.T) {
	type opts = jwtauth.CookieOptions
	origins := func(list ...string) opts { return opts{TrustedOrigins: list} }
	const origin = "CookieOptions.TrustedOrigins[0]: "
	for _, c := range []struct {
		name string
		opts opts
		want []string
	}{
		{"zero", opts{}, nil},
		{"all", opts{Name: "app", RefreshPath: "/auth", TrustedOrigins: []string{"https://a.example"}, InsecureSameSiteNone: true}, nil},
		{"name", opts{Name: "a b"}, []string{"CookieOptions.Name: is not one of a cookie"}},
		{"name with =", opts{Name: "a=b"}, []string{"CookieOptions.Name: is not one of a cookie"}},
		{"name too long", opts{Name: strings.Repeat("a", 129)}, []string{"CookieOptions.Name: is 129 bytes long"}},
		{"name with prefix", opts{Name: "__Host-a"}, []string{"CookieOptions.Name: has a prefix"}},
		{"name with prefix, other case", opts{Name: "__sEcure-a"}, []string{"CookieOptions.Name: has a prefix"}},
		{"path /", opts{RefreshPath: "/"}, []string{`CookieOptions.RefreshPath: is "/"`}},
		{"path relative", opts{RefreshPath: "auth"}, []string{`CookieOptions.RefreshPath: "auth" is not a clean`}},
		{"path with dots", opts{RefreshPath: "/a/../b"}, []string{`CookieOptions.RefreshPath: "/a/../b" is not a clean`}},
		{"path ending in /", opts{RefreshPath: "/auth/"}, []string{`CookieOptions.RefreshPath: "/auth/" is not a clean`}},
		{"path with ;", opts{RefreshPath: "/a;b"}, []string{`CookieOptions.RefreshPath: "/a;b" holds a byte`}},
		{"path with quote", opts{RefreshPath: `/a"b`}, []string{`CookieOptions.RefreshPath: "/a\"b" holds a byte`}},
		{"path with comma", opts{RefreshPath: "/a,b"}, []string{`CookieOptions.RefreshPath: "/a,b" holds a byte`}},
		{"path with backslash", opts{RefreshPath: `/a\b`}, []string{`CookieOptions.RefreshPath: "/a\\b" holds a byte`}},
		{"path, escaped", opts{RefreshPath: "/a%20b"}, []string{`CookieOptions.RefreshPath: "/a%20b" holds a byte`}},
		{"path with query", opts{RefreshPath: "/a?b"}, []string{`CookieOptions.RefreshPath: "/a?b" holds a byte`}},
		{"path with fragment", opts{RefreshPath: "/a#b"}, []string{`CookieOptions.RefreshPath: "/a#b" holds a byte`}},
		{"path with space", opts{RefreshPath: "/a b"}, []string{`CookieOptions.RefreshPath: "/a b" holds a byte`}},
		{"path not in ASCII", opts{RefreshPath: "/\u00e9"}, []string{`CookieOptions.RefreshPath: "/é" holds a byte`}},
		{"path with newline", opts{RefreshPath: "/a\nb"}, []string{`CookieOptions.RefreshPath: "/a\nb" holds a byte`}},
		{"path too long", opts{RefreshPath: "/" + strings.Repeat("a", 1024)}, []string{"CookieOptions.RefreshPath: is 1025 bytes long"}},
		{"SameSite=None over plain HTTP", opts{InsecureHTTP: true, InsecureSameSiteNone: true}, []string{"CookieOptions.InsecureSameSiteNone: is set, and so is InsecureHTTP"}},
		{"all faults", opts{Name: ";", RefreshPath: "/", TrustedOrigins: []string{"https://a.example", "null", "*"}}, []string{
			"CookieOptions.Name: ", "CookieOptions.RefreshPath: ", "CookieOptions.TrustedOrigins[1]: ", "CookieOptions.TrustedOrigins[2]: ",
		}},
		{"origin null", origins("null"), []string{origin}},
		{"pattern", origins("https://*.example.com"), []string{origin + `the host "*.example.com" is a pattern`}},
		{"user", origins("https://ann:secret@app.example.com"), []string{origin + `"https://ann:xxxxx@app.example.com" is more`}},
		{"plain http", origins("http://app.example.com"), []string{origin + `"http://app.example.com" is plain http`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cookies, err := jwtauth.NewCookies(c.opts)
			checkFaults(t, err, c.want)
			if (cookies == nil) != (err != nil) {
				t.Errorf("returns %v and %v", cookies, err)
			}
		})
	}
}

func TestTrustedOrigins(t *testing.T) {
	for _, c := range []struct {
		trusted, origin string
		plainHTTP, want bool
	}{
		{"HTTPS://App.Example.COM:443", "https://app.example.com", false, true},
		{"http://app.LOCALHOST:8081", "http://app.localhost:8081", false, true},
		{"http://app.example.com", "http://app.example.com", true, true},
		{"https://app.example.com", "http://app.example.com", false, false},
		{"https://app.example.com", "null", false, false},
	} {
		cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{TrustedOrigins: []string{"https://other.example", c.trusted}, InsecureHTTP: c.plainHTTP})
		if err != nil {
			t.Error(err)
			continue
		}
		name := accessCookie
		if c.plainHTTP {
			name = "jwtauth-access"
		}
		r := httptest.NewRequest("POST", "https://service.example/", nil)
		r.Header.Set("Cookie", name+"=token")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Origin", c.origin)
		token, err := cookies.Access()(r)
		if ok := token == "token" && err == nil; ok != c.want || !ok && !errors.Is(err, jwtauth.ErrCrossSite) {
			t.Errorf("with %s, a request from %q: %q, %v", c.trusted, c.origin, token, err)
		}
	}
}

// TestCookieAttributes reads what browsers are told, at login, refresh and logout.
func TestCookieAttributes(t *testing.T) {
	for _, c := range []struct {
		name            string
		opts            jwtauth.CookieOptions
		access, refresh [2]string // name and attributes
	}{
		{
			"default", jwtauth.CookieOptions{},
			[2]string{"__Host-jwtauth-access", "; Path=/; Max-Age=AGE; HttpOnly; Secure; SameSite=Lax"},
			[2]string{"__Host-jwtauth-refresh", "; Path=/; Max-Age=AGE; HttpOnly; Secure; SameSite=Lax"},
		},
		{
			"name", jwtauth.CookieOptions{Name: "shop"},
			[2]string{"__Host-shop-access", "; Path=/; Max-Age=AGE; HttpOnly; Secure; SameSite=Lax"},
			[2]string{"__Host-shop-refresh", "; Path=/; Max-Age=AGE; HttpOnly; Secure; SameSite=Lax"},
		},
		{
			"RefreshPath", jwtauth.CookieOptions{RefreshPath: "/auth"},
			[2]string{"__Host-jwtauth-access", "; Path=/; Max-Age=AGE; HttpOnly; Secure; SameSite=Lax"},
			[2]string{"__Secure-jwtauth-refresh", "; Path=/auth; Max-Age=AGE; HttpOnly; Secure; SameSite=Strict"},
		},
		{
			"InsecureHTTP", jwtauth.CookieOptions{InsecureHTTP: true},
			[2]string{"jwtauth-access", "; Path=/; Max-Age=AGE; HttpOnly; SameSite=Lax"},
			[2]string{"jwtauth-refresh", "; Path=/; Max-Age=AGE; HttpOnly; SameSite=Lax"},
		},
		{
			"InsecureHTTP and RefreshPath", jwtauth.CookieOptions{InsecureHTTP: true, RefreshPath: "/auth"},
			[2]string{"jwtauth-access", "; Path=/; Max-Age=AGE; HttpOnly; SameSite=Lax"},
			[2]string{"jwtauth-refresh", "; Path=/auth; Max-Age=AGE; HttpOnly; SameSite=Strict"},
		},
		{
			"InsecureSameSiteNone", jwtauth.CookieOptions{InsecureSameSiteNone: true, RefreshPath: "/auth"},
			[2]string{"__Host-jwtauth-access", "; Path=/; Max-Age=AGE; HttpOnly; Secure; SameSite=None"},
			[2]string{"__Secure-jwtauth-refresh", "; Path=/auth; Max-Age=AGE; HttpOnly; Secure; SameSite=None"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newCookieSite(t, func(_ *jwtauth.IssuerOptions, o *jwtauth.CookieOptions, _ *jwtauth.HandlerOptions) { *o = c.opts })
			check := func(what string, a *http.Response, accessAge, refreshAge string) {
				t.Helper()
				want := []string{
					c.access[0] + "=" + s.jar[c.access[0]] + strings.Replace(c.access[1], "AGE", accessAge, 1),
					c.refresh[0] + "=" + s.jar[c.refresh[0]] + strings.Replace(c.refresh[1], "AGE", refreshAge, 1),
				}
				if got := a.Header["Set-Cookie"]; !slices.Equal(got, want) {
					t.Errorf("%s: Set-Cookie:\n%q, want\n%q", what, got, want)
				}
			}
			a := s.send(http.HandlerFunc(s.handlers.Login), "POST", rightLogin, sameOrigin, typeJSON)
			check("login", a, "900", "604800")
			for day := 0; day <= 24; day += 6 {
				s.at(time.Duration(day) * 24 * time.Hour)
				a = s.refreshes()
			}
			check("a refresh", a, "900", "518400") // six days before the session's end
			s.at(30*24*time.Hour - 10*time.Minute)
			check("a refresh near the end", s.refreshes(), "600", "600")
			check("logout", s.logsOut(), "0", "0")
		})
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

	// What it holds may be nonsense, or the store refuse to end it: that keeps nobody out.
	s.jar[refreshCookie] = "nonsense"
	wantAnswer(t, "over nonsense", s.send(login, "POST", rightLogin, sameOrigin, typeJSON), 200, "", accessCookie, refreshCookie)
	wantAnswer(t, "over two", s.send(login, "POST", rightLogin, sameOrigin, typeJSON, "Cookie: "+refreshCookie+"=x"), 200, "", accessCookie, refreshCookie)
	s.fails("Delete")
	wantAnswer(t, "with a store that fails to delete", s.send(login, "POST", rightLogin, sameOrigin, typeJSON), 200, "", accessCookie, refreshCookie)
	s.fails("Create")
	wantAnswer(t, "with a store that is down", s.send(login, "POST", rightLogin, sameOrigin, typeJSON), 503, "unavailable")
}

// Browsers drop cookies above 4096 bytes in silence: the login would seem to work.
func TestCookieTooLong(t *testing.T) {
	size := 10
	s := newCookieSite(t, func(i *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, _ *jwtauth.HandlerOptions) {
		i.Claims = func(context.Context, string) (any, error) {
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

	// A refresh that cannot be answered has not happened, or the browser would be left with a token that was exchanged.
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

// Where the store has lost a rotation, and takes it over from the browser's token, the browser keeps that token: it lasts
// until the next refresh, even where the session was found in its last second.
func TestCookieModeRefreshAdopts(t *testing.T) {
	s := newCookieSite(t)
	s.login(t)
	row := s.row(s.jar[refreshCookie])
	const ttl, week = 15 * time.Minute, 7 * 24 * time.Hour
	s.at(ttl)
	a := s.refreshes()
	kept := s.clock.Now().Add(time.Duration(a.Cookies()[1].MaxAge) * time.Second)
	s.store.SessionStore = memstore.New() // a backup
	if err := s.store.Create(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	s.told()
	s.at(week - time.Second)
	wantAnswer(t, "adopted", s.refreshes(), 200, "", accessCookie)
	s.wantRefreshes(t, "adopted", jwtauth.ReasonAdopted)
	if row = s.row(s.jar[refreshCookie]); row.ExpiresAt.Before(kept) {
		t.Errorf("the browser keeps the token until %v, the store the session until %v", kept, row.ExpiresAt)
	}
	s.at(week - time.Second + ttl)
	if now := s.clock.Now(); !now.Before(kept) {
		t.Errorf("the browser has dropped the refresh token at %v, the access token expires at %v", kept, now)
	}
	wantAnswer(t, "the next refresh", s.refreshes(), 200, "", accessCookie, refreshCookie)
	s.wantKinds(t, "the next refresh", jwtauth.EventRefresh)
}

// In the last second of a session, what a refresh answers is a cookie still, not the deletion of one.
func TestCookieModeRefreshLastSecond(t *testing.T) {
	s := newCookieSite(t, func(i *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, _ *jwtauth.HandlerOptions) {
		i.SessionTTL, i.IdleTTL = time.Hour, time.Hour
	})
	s.clock.Set(start.Truncate(time.Second))
	s.login(t)
	s.clock.Set(start.Truncate(time.Second).Add(time.Hour - time.Millisecond))
	wantAnswer(t, "in the last second", s.refreshes(), 200, "", accessCookie, refreshCookie)
}

func TestCookieModeRefresh(t *testing.T) {
	s := newCookieSite(t)
	wantAnswer(t, "without a cookie", s.refreshes(), 401, "token_missing")
	s.login(t)
	first := s.jar[refreshCookie]

	body := `{"refresh_token":"` + first + `"}`
	delete(s.jar, refreshCookie)
	wantAnswer(t, "with a token in the body", s.send(http.HandlerFunc(s.handlers.Refresh), "POST", body, sameOrigin, typeJSON), 401, "token_missing")
	s.jar[refreshCookie] = first

	wantAnswer(t, "two cookies", s.refreshes("Cookie: "+refreshCookie+"=planted"), 400, "invalid_request")
	wantAnswer(t, "two on one line", s.refreshes("Cookie: a=b; "+refreshCookie+"="+first), 400, "invalid_request")

	wantAnswer(t, "first", s.refreshes("Cookie: other=one"), 200, "", accessCookie, refreshCookie)
	second := s.jar[refreshCookie]
	wantAnswer(t, "again, as by a second tab", s.refreshes(), 200, "", accessCookie)
	s.jar[refreshCookie] = first
	wantAnswer(t, "with the token before, as after a lost answer", s.refreshes(), 200, "", accessCookie, refreshCookie)
	if s.jar[refreshCookie] != second {
		t.Error("the lost answer is not answered again")
	}
	s.wantRefreshes(t, "three refreshes", jwtauth.ReasonRotated, jwtauth.ReasonRepeated, jwtauth.ReasonRetried)

	// None of these makes the browser forget what it holds.
	good := s.jar[refreshCookie]
	s.jar[refreshCookie] = good + "x"
	wantAnswer(t, "does not verify", s.refreshes(), 401, "token_invalid")
	s.jar[refreshCookie] = first
	s.at(time.Hour)
	wantAnswer(t, "too late", s.refreshes(), 401, "session_ended")
	s.jar[refreshCookie] = good
	wantAnswer(t, "over", s.refreshes(), 401, "session_ended")
	s.login(t)
	s.fails("Load")
	wantAnswer(t, "store down", s.refreshes(), 503, "unavailable")
}

// A generation that was presented is not set again although its text is new, by a key that came in between.
func TestCookieModeRefreshNewKey(t *testing.T) {
	keys := []jwtauth.Key{generate(t, jwtauth.HS256), generate(t, jwtauth.HS256)}
	s := newCookieSite(t, func(o *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, _ *jwtauth.HandlerOptions) {
		o.RefreshKeys = nil
	})
	if err := s.SetKeys(keys[0]); err != nil {
		t.Fatal(err)
	}
	s.login(t)
	wantAnswer(t, "rotation", s.refreshes(), 200, "", accessCookie, refreshCookie)
	if err := s.SetKeys(keys[1], keys[0]); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "coalesced", s.refreshes(), 200, "", accessCookie)
}

func TestCookieModeLogout(t *testing.T) {
	s := newCookieSite(t, func(_ *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, h *jwtauth.HandlerOptions) {
		h.AfterLogout = "/bye"
	})
	gone := []string{"-" + accessCookie, "-" + refreshCookie}
	s.login(t)
	s.fails("Delete")
	wantAnswer(t, "store down", s.logsOut(), 503, "unavailable")
	s.store.before = nil
	good := s.jar[refreshCookie]
	s.jar[refreshCookie] = good + "x"
	wantAnswer(t, "does not verify", s.logsOut(), 401, "token_invalid")
	s.jar[refreshCookie] = good
	wantAnswer(t, "two cookies", s.logsOut("Cookie: "+refreshCookie+"=planted"), 400, "invalid_request")
	s.wantKinds(t, "until here")

	wantAnswer(t, "logout", s.logsOut(), 204, "", gone...)
	s.wantKinds(t, "logout", jwtauth.EventLogout)
	if len(s.jar) != 0 {
		t.Errorf("the browser still holds %v", s.jar)
	}
	wantAnswer(t, "once more", s.logsOut(), 204, "", gone...)
	s.jar[refreshCookie] = good
	wantAnswer(t, "of a session that is over", s.logsOut(), 204, "", gone...)
	a := s.logsOut(typeForm)
	wantAnswer(t, "by a form", a, 303, "", gone...)
	if got := a.Header.Get("Location"); got != "/bye" {
		t.Errorf("a form leads to %q", got)
	}
}

// Browsers send the refresh cookie to no path outside RefreshPath. A login or logout there
// finds the session by the access cookie.
func TestCookieModeOutsideRefreshPath(t *testing.T) {
	const refresh = "__Secure-jwtauth-refresh"
	s := newCookieSite(t, func(_ *jwtauth.IssuerOptions, c *jwtauth.CookieOptions, _ *jwtauth.HandlerOptions) {
		c.RefreshPath = "/auth"
	})
	sessions := func(what string, want int) {
		t.Helper()
		if list, err := s.Sessions(t.Context(), "user-1"); err != nil || len(list) != want {
			t.Errorf("%s: %d sessions, want %d; %v", what, len(list), want, err)
		}
		s.told()
	}
	login := func() {
		delete(s.jar, refresh)
		s.login(t)
		delete(s.jar, refresh)
	}
	gone := []string{"-" + accessCookie, "-" + refresh}

	login()
	login()
	sessions("two logins", 1)
	good := s.jar[accessCookie]
	s.fails("Delete")
	wantAnswer(t, "store down", s.logsOut(), 503, "unavailable")
	s.store.before = nil
	wantAnswer(t, "two access cookies", s.logsOut("Cookie: "+accessCookie+"=planted"), 400, "invalid_request")
	sessions("refused", 1)
	wantAnswer(t, "logout", s.logsOut(), 204, "", gone...)
	s.wantKinds(t, "logout", jwtauth.EventLogout)
	sessions("logout", 0)
	s.jar[accessCookie] = good
	wantAnswer(t, "of a session that is over", s.logsOut(), 204, "", gone...)
	s.jar[accessCookie] = keyMust(s.Sign("user-1", nil))
	wantAnswer(t, "with a token of no session", s.logsOut(), 204, "", gone...)
	s.jar[accessCookie] = "nonsense"
	wantAnswer(t, "with nonsense", s.logsOut(), 204, "", gone...)
	s.wantKinds(t, "of none")
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
	authenticate := func(context.Context, string, string) (string, error) { return "", nil }
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

// Tokens of cookie mode are taken by Verify where the check of Cookie passes, and beside bearer tokens.
func TestCookiesAccess(t *testing.T) {
	s := newCookieSite(t)
	s.login(t)
	page := jwtauth.Verify(s.Live(), jwtauth.From(s.cookies.Access(), jwtauth.Bearer()))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	const upgrade, connection = "Upgrade: websocket", "Connection: Upgrade"
	for _, c := range []struct {
		method string
		fields []string
		status int
	}{
		{"GET", nil, 204},
		{"GET", []string{"Sec-Fetch-Site: cross-site"}, 204},
		{"POST", []string{sameOrigin}, 204},
		{"POST", []string{"Origin: http://example.com"}, 204},
		{"POST", nil, 403},
		{"POST", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"DELETE", []string{"Sec-Fetch-Site: same-site"}, 403},
		{"GET", []string{upgrade, connection}, 403},
		{"GET", []string{upgrade, connection, "Origin: https://evil.example"}, 403},
		{"GET", []string{upgrade, connection, "Origin: http://example.com"}, 204},
		{"POST", []string{"Authorization: Bearer " + s.jar[accessCookie]}, 204},
		{"POST", []string{"Sec-Fetch-Site: cross-site", "Authorization: Bearer " + s.jar[accessCookie]}, 204},
		{"GET", []string{"Cookie: " + accessCookie + "=planted"}, 400},
		{"GET", []string{"Cookie: a=b; " + accessCookie + "=planted"}, 400},
	} {
		if a := s.send(page, c.method, "", c.fields...); a.StatusCode != c.status {
			t.Errorf("%s %q answers %s, want %d", c.method, c.fields, a.Status, c.status)
		}
	}
	delete(s.jar, accessCookie)
	if a := s.send(page, "GET", ""); a.StatusCode != 401 {
		t.Errorf("without cookies it answers %s", a.Status)
	}
}
