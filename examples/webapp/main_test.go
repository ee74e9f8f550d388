package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// site is the application with a browser without script.
type site struct {
	t      *testing.T
	url    string
	client *http.Client
	users  *users
}

func newSite(t *testing.T, c config) *site {
	t.Helper()
	if c.data == "" {
		c.data = t.TempDir()
	}
	t.Setenv("TOKEN_SECRET", "")
	key, err := tokenKey(c.data)
	if err != nil {
		t.Fatal(err)
	}
	db, store, err := openSessions(t.Context(), c.data)
	if err != nil {
		t.Fatal(err)
	}
	c.url = "http://127.0.0.1"
	c.insecureHTTP = true // Go's cookie jar sends Secure cookies only over https
	// bcrypt is slow, and many times slower under the race detector. See
	// TestAuthenticate for the real check.
	users := newUsers()
	users.rows[0].passwordHash = "hash of password"
	users.hash = func(_ context.Context, password string) (string, error) {
		if len(password) > 72 {
			return "", jwtauth.ErrPasswordUnhashable
		}
		return "hash of " + password, nil
	}
	users.check = func(_ context.Context, hash, password string) error {
		if hash != "hash of "+password {
			return jwtauth.ErrWrongPassword
		}
		return nil
	}
	logins, err := newGuard(c.data, store.Attempts(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	handler, err := newServer(key, store, logins, users, c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() { server.Close(); db.Close() })
	jar, _ := cookiejar.New(nil)
	return &site{t, server.URL, &http.Client{Jar: jar}, users}
}

// send returns the status, the path after redirects, and the page.
func (s *site) send(method, path, form string, fields ...string) (int, string, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(form))
	if err != nil {
		s.t.Fatal(err)
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", s.url)
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Set(name, value)
	}
	answer, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Referrer-Policy":              "same-origin",
		"X-Content-Type-Options":       "nosniff",
		"Cache-Control":                "no-store",
	} {
		if got := answer.Header.Get(name); got != want {
			s.t.Errorf("%s %s: %s: %q", method, path, name, got)
		}
	}
	return answer.StatusCode, answer.Request.URL.RequestURI(), string(body)
}

func (s *site) want(what string, status int, path, text string) func(int, string, string) {
	s.t.Helper()
	return func(gotStatus int, gotPath, body string) {
		s.t.Helper()
		if gotStatus != status || gotPath != path || !strings.Contains(body, text) {
			s.t.Errorf("%s: %d at %s, want %d at %s with %q:\n%s", what, gotStatus, gotPath, status, path, text, body)
		}
	}
}

const goodLogin = "username=admin&password=password"

func TestPages(t *testing.T) {
	s := newSite(t, config{accessTTL: time.Minute})
	s.want("before the login", 200, "/login", "Sign in")(s.send("GET", "/", ""))
	s.want("wrong password", 401, "/login", "do not match")(s.send("POST", "/login", "username=admin&password=x"))
	s.want("wrong user", 401, "/login", "do not match")(s.send("POST", "/login", "username=ann&password=password"))
	s.want("nothing", 400, "/login", "Please enter")(s.send("POST", "/login", ""))
	s.want("from elsewhere", 403, "/login", "came from another site")(s.send("POST", "/login", goodLogin, "Origin: http://evil.example"))
	s.want("login", 200, "/", "Hello <span id=\"name\">admin</span>")(s.send("POST", "/login", goodLogin, "User-Agent: <b>Firefox/1 Linux"))
	s.want("the device", 200, "/", "<strong>Firefox on Linux</strong>")(s.send("GET", "/", ""))
	s.want("another's device", 200, "/", "Hello")(s.send("POST", "/devices/end", "id=nonsense"))
	s.want("by script", 204, "/devices/end", "")(s.send("POST", "/devices/end", "id=nonsense", "X-Script: 1"))
	s.want("a cross-site form", 403, "/devices/end-all", "came from another site")(s.send("POST", "/devices/end-all", "", "Origin: http://evil.example"))
	s.want("logout", 200, "/login?signed-out", "You are signed out")(s.send("POST", "/logout", ""))
	s.want("afterwards", 200, "/login", "Sign in")(s.send("GET", "/", ""))

	s.want("login", 200, "/", "Hello")(s.send("POST", "/login", goodLogin))
	s.want("everywhere, by script", 204, "/devices/end-all", "")(s.send("POST", "/devices/end-all", "", "X-Script: 1"))
	s.want("afterwards", 200, "/login?ended", "Your session has ended")(s.send("GET", "/", ""))

	// A form that ends this session also deletes its cookies, so the page does
	// not say that the session was ended elsewhere.
	s.want("login", 200, "/", "Hello")(s.send("POST", "/login", goodLogin))
	s.want("everywhere", 200, "/login?signed-out", "You are signed out")(s.send("POST", "/devices/end-all", ""))
	s.want("afterwards", 200, "/login", "Sign in")(s.send("GET", "/", ""))
	_, _, page := s.send("POST", "/login", goodLogin)
	_, id, _ := strings.Cut(page, `name="id" value="`)
	id, _, _ = strings.Cut(id, `"`)
	s.want("this device", 200, "/login?signed-out", "You are signed out")(s.send("POST", "/devices/end", url.Values{"id": {id}}.Encode()))
	s.want("afterwards", 200, "/login", "Sign in")(s.send("GET", "/", ""))

	// A refresh cookie that does not verify keeps nobody from signing out.
	s.want("login", 200, "/", "Hello")(s.send("POST", "/login", goodLogin))
	at, _ := url.Parse(s.url)
	s.client.Jar.SetCookies(at, []*http.Cookie{{Name: "webapp-refresh", Value: "nonsense", Path: "/"}})
	s.want("logout", 200, "/login?signed-out", "You are signed out")(s.send("POST", "/logout", ""))
	s.want("afterwards", 200, "/login", "Sign in")(s.send("GET", "/", ""))
	s.want("an asset", 200, "/static/session.js", "export class Session")(s.send("GET", "/static/session.js", ""))
	s.want("no such page", 404, "/nothing", "")(s.send("GET", "/nothing", ""))
	const notUnderstood = "a cookie of this site twice"
	s.want("two cookies", 400, "/", notUnderstood)(s.send("GET", "/", "", "Cookie: webapp-access=a; webapp-access=b"))
	s.want("two cookies at the logout", 400, "/logout", notUnderstood)(s.send("POST", "/logout", "", "Cookie: webapp-refresh=a; webapp-refresh=b"))
	s.want("a long name", 413, "/login", "too long")(s.send("POST", "/login", "password=x&username="+strings.Repeat("x", 20_000)))
	s.want("health", 204, "/health", "")(s.send("GET", "/health", ""))
}

func TestAuthenticate(t *testing.T) {
	authenticate := newUsers().authenticate
	if subject, _, err := authenticate(t.Context(), "Admin", "password"); subject != admin.id || err != nil {
		t.Errorf("the right password: %q, %v", subject, err)
	}
	for _, name := range []string{"admin", "nobody"} {
		if _, _, err := authenticate(t.Context(), name, "Password"); err != jwtauth.ErrWrongPassword {
			t.Errorf("a wrong password of %s: %v", name, err)
		}
	}
}

// A change of the password ends all sessions of the old one, also those of
// clients that keep tokens, and this browser has a new one.
func TestPasswordChange(t *testing.T) {
	s := newSite(t, config{accessTTL: time.Minute})
	s.want("login", 200, "/", "Change your password")(s.send("POST", "/login", goodLogin))
	_, _, body := s.send("POST", "/token/login", goodLogin)
	var tokens jwtauth.Tokens
	if err := json.Unmarshal([]byte(body), &tokens); err != nil {
		t.Fatal(err)
	}
	change := func(current, next string) (int, string, string) {
		return s.send("POST", "/password", url.Values{"current": {current}, "new": {next}}.Encode())
	}
	s.want("wrong password", 200, "/?password-wrong", "not your current password")(change("Password", "secret"))
	s.want("no new password", 200, "/?password-refused", "1 to 72 bytes")(change("password", ""))
	s.want("a long password", 200, "/?password-refused", "1 to 72 bytes")(change("password", strings.Repeat("x", 73)))
	s.want("from elsewhere", 403, "/password", "came from another site")(s.send("POST", "/password", "current=password&new=secret", "Origin: http://evil.example"))
	s.want("not yet", 200, "/token/refresh", "access_token")(s.send("POST", "/token/refresh", "refresh_token="+url.QueryEscape(tokens.RefreshToken)))

	s.want("change", 200, "/?password-changed", "Your password is changed")(change("password", "secret"))
	s.want("this browser", 200, "/refresh", "expires_in")(s.send("POST", "/refresh", "", "Accept: application/json"))
	s.want("the other client", 401, "/token/refresh", "session_ended")(s.send("POST", "/token/refresh", "refresh_token="+url.QueryEscape(tokens.RefreshToken), "X-Script: 1"))
	s.want("the old access token", 401, "/api/me", "token_invalid")(s.send("GET", "/api/me", "", "Authorization: Bearer "+tokens.AccessToken))
	s.want("logout", 200, "/login?signed-out", "You are signed out")(s.send("POST", "/logout", ""))
	s.want("the old password", 401, "/login", "do not match")(s.send("POST", "/login", goodLogin))
	s.want("the new password", 200, "/", "Hello")(s.send("POST", "/login", "username=admin&password=secret"))
}

// Wrong passwords of a stranger pause the user name for other strangers, and
// not for a browser in which the user has signed in before. A change of the
// password makes other browsers unknown.
func TestGuesses(t *testing.T) {
	s := newSite(t, config{accessTTL: time.Minute})
	jar := func() *http.Client { jar, _ := cookiejar.New(nil); return &http.Client{Jar: jar} }
	owner, other, stranger := jar(), jar(), jar()
	for _, browser := range []*http.Client{other, owner} {
		s.client = browser
		s.want("login", 200, "/", "Hello")(s.send("POST", "/login", goodLogin))
	}
	s.client = stranger
	for range 10 {
		s.want("a guess", 401, "/login", "do not match")(s.send("POST", "/login", "username=Admin&password=x"))
	}
	s.want("one more", 429, "/login", "maybe by someone else. Please try again in 30 minutes")(s.send("POST", "/login", goodLogin))
	s.want("by script", 429, "/token/login", "too_many_attempts")(s.send("POST", "/token/login", goodLogin, "X-Script: 1"))
	s.client = owner
	s.want("the owner", 200, "/", "Hello")(s.send("POST", "/login", goodLogin))
	s.want("change", 200, "/?password-changed", "Your password is changed")(s.send("POST", "/password", "current=password&new=secret"))
	s.want("the owner", 200, "/", "Hello")(s.send("POST", "/login", "username=admin&password=secret"))
	s.client = other
	s.want("another browser of the owner", 429, "/login", "in which you have signed in before")(s.send("POST", "/login", "username=admin&password=secret"))
	s.client = owner
	for range 10 { // a thief of the session and of the device cookie
		s.want("a guess", 200, "/?password-wrong", "not your current password")(s.send("POST", "/password", "current=x&new=y"))
	}
	s.want("one more", 429, "/password", "Too many wrong passwords")(s.send("POST", "/password", "current=secret&new=y"))
}

// A login that is still running when the password changes leaves no session.
func TestLoginDuringPasswordChange(t *testing.T) {
	s := newSite(t, config{accessTTL: time.Minute})
	s.users.check = func(context.Context, string, string) error {
		s.users.setPassword(admin.id, admin.version, "hash of another password")
		return nil // the old one was right when it was read
	}
	s.want("login", 401, "/login", "do not match")(s.send("POST", "/login", goodLogin))
	s.want("afterwards", 200, "/login", "Sign in")(s.send("GET", "/", ""))
	s.want("the next login", 200, "/", "Hello")(s.send("POST", "/login", goodLogin))
}

func TestAPI(t *testing.T) {
	s := newSite(t, config{accessTTL: time.Minute})
	s.want("without a token", 401, "/api/me", "token_missing")(s.send("GET", "/api/me", ""))
	_, _, body := s.send("POST", "/token/login", goodLogin)
	var tokens jwtauth.Tokens
	if err := json.Unmarshal([]byte(body), &tokens); err != nil || tokens.RefreshToken == "" {
		t.Fatalf("%v: %s", err, body)
	}
	s.want("bearer", 200, "/api/me", `"username":"admin"`)(s.send("GET", "/api/me", "", "Authorization: Bearer "+tokens.AccessToken))
	s.want("refresh", 200, "/token/refresh", "access_token")(s.send("POST", "/token/refresh", "refresh_token="+url.QueryEscape(tokens.RefreshToken)))
	s.want("logout", 204, "/token/logout", "")(s.send("POST", "/token/logout", "refresh_token="+url.QueryEscape(tokens.RefreshToken)))
	s.want("out at once", 401, "/api/me", "token_invalid")(s.send("GET", "/api/me", "", "Authorization: Bearer "+tokens.AccessToken))
	s.want("the shell", 200, "/storage", `data-mode="storage"`)(s.send("GET", "/storage", ""))

	// A program that sends a form with a bearer token gets no page, and its own
	// session ends, not the session of the cookies.
	for _, path := range []string{"/devices/end", "/devices/end-all"} {
		_, _, body := s.send("POST", "/token/login", goodLogin)
		if err := json.Unmarshal([]byte(body), &tokens); err != nil {
			t.Fatal(err)
		}
		bearer := "Authorization: Bearer " + tokens.AccessToken
		_, _, body = s.send("GET", "/api/me", "", bearer)
		var me struct{ Devices []struct{ ID string } }
		if err := json.Unmarshal([]byte(body), &me); err != nil || len(me.Devices) != 1 {
			t.Fatalf("%v: %s", err, body)
		}
		s.want(path, 204, path, "")(s.send("POST", path, "id="+me.Devices[0].ID, bearer))
		s.want(path+", out", 401, "/api/me", "token_invalid")(s.send("GET", "/api/me", "", bearer))
	}
}

// A restart keeps the key and the sessions, so users stay logged in.
func TestRestart(t *testing.T) {
	data := t.TempDir()
	first := newSite(t, config{accessTTL: time.Minute, data: data})
	first.want("login", 200, "/", "Hello")(first.send("POST", "/login", goodLogin))
	second := newSite(t, config{accessTTL: time.Minute, data: data})
	at, _ := url.Parse(first.url)
	to, _ := url.Parse(second.url)
	second.client.Jar.SetCookies(to, first.client.Jar.Cookies(at))
	second.want("after a restart", 200, "/", "Hello")(second.send("GET", "/", ""))

	info, err := os.Stat(filepath.Join(data, "token.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("token.key: %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(data, "token.key.*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if err := os.WriteFile(filepath.Join(data, "token.key"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := tokenKey(data); err == nil || !strings.Contains(err.Error(), "token.key") {
		t.Errorf("a key that is cut off: %v", err)
	}
	t.Setenv("TOKEN_SECRET", "hunter2")
	if _, err := tokenKey(t.TempDir()); err == nil || !strings.Contains(err.Error(), "TOKEN_SECRET") {
		t.Errorf("a bad TOKEN_SECRET: %v", err)
	}
}

func TestCORS(t *testing.T) {
	const trusted = "https://app.example.com"
	s := newSite(t, config{accessTTL: time.Minute, trusted: []string{trusted, "HTTP://Client.App.localhost:80", "https://other.example.com:443", "http://client.app.localhost:9443"}})
	ask := func(method, path string, fields ...string) http.Header {
		r, _ := http.NewRequestWithContext(t.Context(), method, s.url+path, nil)
		for _, field := range fields {
			name, value, _ := strings.Cut(field, ": ")
			r.Header.Set(name, value)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		answer.Header.Set("Status", answer.Status)
		return answer.Header
	}
	const method = "Access-Control-Request-Method: POST"
	for _, origin := range []string{trusted, "http://client.app.localhost", "https://other.example.com", "http://client.app.localhost:9443"} {
		if h := ask("OPTIONS", "/logout", "Origin: "+origin, method); h.Get("Status") != "204 No Content" ||
			h.Get("Access-Control-Allow-Origin") != origin || h.Get("Access-Control-Allow-Credentials") != "true" || h.Get("Vary") != "Origin" ||
			h.Get("Access-Control-Allow-Methods") != "GET, POST" || h.Get("Access-Control-Allow-Headers") != "Authorization, Content-Type, DPoP, X-Script" {
			t.Errorf("a preflight of %s: %v", origin, h)
		}
		if h := ask("GET", "/api/me", "Origin: "+origin); h.Get("Access-Control-Allow-Origin") != origin || h.Get("Access-Control-Allow-Credentials") != "true" ||
			h.Get("Access-Control-Expose-Headers") != "Retry-After, WWW-Authenticate, DPoP-Nonce" || h.Get("Vary") != "Origin" {
			t.Errorf("a request of %s: %v", origin, h)
		}
	}
	for _, other := range []string{"https://evil.example", "null", trusted + ".evil.example", "http://app.example.com", "https://client.app.localhost"} {
		if h := ask("OPTIONS", "/logout", "Origin: "+other, method); h.Get("Access-Control-Allow-Origin") != "" || h.Get("Vary") != "Origin" {
			t.Errorf("a preflight of %s: %v", other, h)
		}
		if h := ask("GET", "/api/me", "Origin: "+other); h.Get("Access-Control-Allow-Origin") != "" || h.Get("Vary") != "Origin" {
			t.Errorf("a request of %s: %v", other, h)
		}
	}
	if h := ask("OPTIONS", "/api/me"); !strings.HasPrefix(h.Get("Status"), "405") {
		t.Errorf("OPTIONS without a preflight answers %s", h.Get("Status"))
	}
}

func TestDeviceName(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36":                            "Chromium on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 Edg/150.0.0.0":    "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile Safari/604.1": "Safari on iPhone",
		"Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0":                                                             "Firefox on Android",
		"curl/8.0": "curl",
		"":         "Unknown device",
		"x":        "Unknown device",
	} {
		if got := deviceName(agent); got != want {
			t.Errorf("deviceName(%q) = %q, want %q", agent, got, want)
		}
	}
}

func TestRefusesBadOptions(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // in case the server starts
	defer cancel()
	t.Setenv("TOKEN_SECRET", "")
	err := run(ctx, slog.New(slog.DiscardHandler), config{addr: "127.0.0.1:0", data: t.TempDir(), accessTTL: time.Minute, trusted: []string{"*"}})
	if err == nil || !strings.Contains(err.Error(), "TrustedOrigins") {
		t.Errorf("with -trust-origin '*', run returns %v", err)
	}
}
