package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// site is the application, and a browser that has script switched off.
type site struct {
	t      *testing.T
	url    string
	client *http.Client
}

func newSite(t *testing.T, p *provider) *site {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	baseURL := "https://" + server.Listener.Addr().String()
	key, err := tokenKey()
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler, err = newServer(t.Context(), key, config{
		baseURL:      baseURL,
		issuer:       p.url,
		clientID:     clientID,
		clientSecret: clientSecret,
		accessTTL:    time.Minute,
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	s := &site{t: t, url: baseURL, client: server.Client()}
	s.client.Jar, _ = cookiejar.New(nil)
	return s
}

// send returns the status, the address that the redirects lead to, and the
// body.
func (s *site) send(method, path string, headers ...string) (status int, at, body string) {
	s.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = s.url + path
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", s.url)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	response, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, response.Request.URL.RequestURI(), string(text)
}

// want checks the response to a GET request.
func (s *site) want(path string, status int, at, text string) {
	s.t.Helper()
	gotStatus, gotAt, body := s.send(http.MethodGet, path)
	if gotStatus != status || gotAt != at && at != "*" || !strings.Contains(body, text) {
		s.t.Errorf("GET %s: %d at %s, want %d at %s with %q:\n%s", path, gotStatus, gotAt, status, at, text, body)
	}
}

// me returns the response of the API, as a map.
func (s *site) me() (me map[string]any) {
	s.t.Helper()
	status, _, body := s.send(http.MethodGet, "/api/me")
	if err := json.Unmarshal([]byte(body), &me); err != nil || status != http.StatusOK {
		s.t.Errorf("/api/me: %d: %s", status, body)
	}
	return me
}

// callbackOf starts a sign-in and returns the URL of its callback, which has
// not been called yet.
func (s *site) callbackOf() string {
	s.t.Helper()
	follow := s.client.CheckRedirect
	defer func() { s.client.CheckRedirect = follow }()
	s.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/callback") {
			return http.ErrUseLastResponse
		}
		return nil
	}
	r, _ := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"/login/start", nil)
	response, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	response.Body.Close()
	return response.Header.Get("Location")
}

func TestSignIn(t *testing.T) {
	p := newProvider(t)
	p.claims["auth_time"] = time.Now().Add(-time.Hour).Unix()
	p.claims["acr"], p.claims["amr"] = "phr", []string{"hwk", "user"}
	s := newSite(t, p)
	s.want("/", 200, "/login", "Sign in with OpenID")
	s.want("/login/start", 200, "/", `Hello <span id="name">Ann</span>`)
	check := func(when string) {
		t.Helper()
		me := s.me()
		at, _ := time.Parse(time.RFC3339, me["auth_time"].(string))
		if me["subject"] != "user-1" || me["name"] != "Ann" || me["email"] != "ann@example.com" || time.Since(at) < 59*time.Minute {
			t.Errorf("%s: %v", when, me)
		}
		if me["acr"] != "phr" || fmt.Sprint(me["amr"]) != "[hwk user]" {
			t.Errorf("%s: acr %v, amr %v", when, me["acr"], me["amr"])
		}
	}
	check("after the sign-in")
	if status, _, body := s.send(http.MethodPost, "/refresh"); status != 200 {
		t.Fatalf("refresh: %d: %s", status, body)
	}
	check("after a refresh")
	if status, at, _ := s.send(http.MethodPost, "/logout"); status != 200 || at != "/login?signed-out" {
		t.Errorf("logout: %d at %s", status, at)
	}
	s.want("/", 200, "/login", "Sign in with OpenID")
}

// The authorization request carries everything that binds the response to it.
func TestAuthorizationRequest(t *testing.T) {
	s := newSite(t, newProvider(t))
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	seen := map[string]bool{}
	for range 2 {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/login/start", nil)
		response, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		to, _ := url.Parse(response.Header.Get("Location"))
		query := to.Query()
		for name, want := range map[string]string{
			"response_type": "code", "client_id": clientID, "redirect_uri": s.url + "/callback",
			"scope": "openid profile email", "code_challenge_method": "S256",
		} {
			if got := query.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if value := query.Get(name); len(value) < 26 || seen[value] {
				t.Errorf("%s is %q: too short, or used before", name, value)
			} else {
				seen[value] = true
			}
		}
		cookie := response.Cookies()[0]
		if cookie.Name != attemptCookie || !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode ||
			cookie.Path != "/" || cookie.Domain != "" || cookie.MaxAge != 600 {
			t.Errorf("cookie: %v", cookie)
		}
	}
}

// A callback signs in only the browser in which the sign-in started, and once.
func TestCallbackIsBoundToTheBrowser(t *testing.T) {
	p := newProvider(t)
	s := newSite(t, p)
	const refused = "was not started in this browser"

	attackers := newSite(t, p).callbackOf()
	stolen := strings.Replace(attackers, attackers[:strings.Index(attackers, "/callback")], s.url, 1)
	s.want(stolen, 400, "*", refused)
	s.callbackOf() // the browser has a sign-in of its own in progress
	s.want(stolen, 400, "*", refused)

	first := s.callbackOf()
	second := s.callbackOf()
	s.want(first, 400, "*", refused)
	s.want(second, 200, "/", "Ann")
	s.want(second, 400, "*", refused) // it is over

	base, _ := url.Parse(s.url)
	forged := s.callbackOf()
	for _, cookie := range s.client.Jar.Cookies(base) {
		if cookie.Name == attemptCookie { // one bit of the signature
			cookie.Value = cookie.Value[:len(cookie.Value)-5] + flip(cookie.Value[len(cookie.Value)-5]) + cookie.Value[len(cookie.Value)-4:]
			cookie.Secure, cookie.Path = true, "/"
			s.client.Jar.SetCookies(base, []*http.Cookie{cookie})
		}
	}
	s.want(forged, 400, "*", refused)
	s.want("/callback", 400, "*", refused)
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

// Neither the cookie of a sign-in nor an access token passes for the other.
func TestTokensAreNotExchangeable(t *testing.T) {
	s := newSite(t, newProvider(t))
	s.want("/login/start", 200, "/", "Ann")
	s.callbackOf()
	base, _ := url.Parse(s.url)
	value := map[string]string{}
	for _, cookie := range s.client.Jar.Cookies(base) {
		value[cookie.Name] = cookie.Value
	}
	const access = "__Host-openid-login-access"
	if value[access] == "" || value[attemptCookie] == "" {
		t.Fatalf("cookies: %v", value)
	}
	s.client.Jar = nil
	if status, _, _ := s.send(http.MethodGet, "/api/me", "Authorization: Bearer "+value[access]); status != 200 {
		t.Errorf("the access token: %d", status)
	}
	if status, _, _ := s.send(http.MethodGet, "/api/me", "Authorization: Bearer "+value[attemptCookie]); status != 401 {
		t.Errorf("the cookie of a sign-in as an access token: %d", status)
	}
	if status, _, _ := s.send(http.MethodGet, "/callback?code=x&state=user-1", "Cookie: "+attemptCookie+"="+value[access]); status != 400 {
		t.Errorf("an access token as the cookie of a sign-in: %d", status)
	}
}

func TestRefusedIdentities(t *testing.T) {
	for name, test := range map[string]struct {
		fault  func(*provider)
		status int
		text   string
	}{
		"denied at the provider": {func(p *provider) { p.deny = true }, 403, "did not sign you in"},
		"provider down":          {func(p *provider) { p.down = true }, 503, "does not work at the moment"},
		"another nonce":          {func(p *provider) { p.nonce = "another" }, 502, "not acceptable"},
		"another audience":       {func(p *provider) { p.audience = "another-client" }, 502, "not acceptable"},
		"another key":            {func(p *provider) { p.otherKey = true }, 502, "not acceptable"},
		"UserInfo of another subject": {func(p *provider) {
			p.claims = nil
			p.info = map[string]any{"sub": "user-2", "name": "Eve"}
		}, 502, "not acceptable"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			test.fault(p)
			s := newSite(t, p)
			s.want("/login/start", test.status, "*", test.text)
			s.want("/", 200, "/login", "Sign in with OpenID")
		})
	}
}

// A code that someone else has intercepted is useless without the verifier.
func TestCodeNeedsVerifier(t *testing.T) {
	p := newProvider(t)
	s := newSite(t, p)
	victims, _ := url.Parse(newSite(t, p).callbackOf())
	own, _ := url.Parse(s.callbackOf())
	query := own.Query()
	query.Set("code", victims.Query().Get("code"))
	own.RawQuery = query.Encode()
	s.want(own.String(), 502, "*", "not acceptable")
}

func TestProfile(t *testing.T) {
	for name, test := range map[string]struct {
		claims, info map[string]any
		name         string
		email        any
	}{
		"an e-mail address that is not verified": {
			claims: map[string]any{"name": "Ann", "email": "ann@example.com"}, name: "Ann"},
		"from UserInfo": {
			info: map[string]any{"sub": "user-1", "preferred_username": "ann", "email": "ann@example.com", "email_verified": true},
			name: "ann", email: "ann@example.com"},
		"the subject alone": {info: map[string]any{"sub": "user-1"}, name: "user-1"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.claims, p.info = test.claims, test.info
			s := newSite(t, p)
			s.want("/login/start", 200, "/", "Hello")
			me := s.me()
			if me["name"] != test.name || me["email"] != test.email || me["auth_time"] != nil {
				t.Errorf("%v", me)
			}
		})
	}
}

// A sign-out at the provider ends the sessions here at once.
func TestBackchannelLogout(t *testing.T) {
	p := newProvider(t)
	s := newSite(t, p)
	s.want("/login/start", 200, "/", "Ann")
	event := map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}
	send := func(token string) int {
		t.Helper()
		status, _, _ := s.send(http.MethodPost, "/backchannel-logout?logout_token="+token)
		form, err := s.client.PostForm(s.url+"/backchannel-logout", url.Values{"logout_token": {token}})
		if err != nil {
			t.Fatal(err)
		}
		form.Body.Close()
		if status != http.StatusBadRequest {
			t.Errorf("a token in the URL: %d", status)
		}
		return form.StatusCode
	}
	for name, token := range map[string]string{
		"no token":    "",
		"an ID token": p.sign(t, p.key, map[string]any{"nonce": "n"}),
		"another key": p.sign(t, newProviderKey(t), map[string]any{"events": event}),
	} {
		if status := send(token); status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, status)
		}
	}
	s.want("/", 200, "/", "Ann")
	if status := send(p.sign(t, p.key, map[string]any{"events": event})); status != http.StatusOK {
		t.Errorf("a logout token: %d", status)
	}
	s.want("/", 200, "/login?ended", "Your session has ended")
}
