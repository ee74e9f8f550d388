package jwtauth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

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
		{"all", opts{Name: "app", TrustedOrigins: []string{"https://a.example"}, InsecureSameSiteNone: true}, nil},
		{"name", opts{Name: "a b"}, []string{"CookieOptions.Name: is not a cookie name"}},
		{"name with =", opts{Name: "a=b"}, []string{"CookieOptions.Name: is not a cookie name"}},
		{"longest name", opts{Name: strings.Repeat("a", 128)}, nil},
		{"name too long", opts{Name: strings.Repeat("a", 129)}, []string{"CookieOptions.Name: is 129 bytes long; the maximum is 128"}},
		{"name with prefix", opts{Name: "__Host-a"}, []string{"CookieOptions.Name: has a prefix"}},
		{"name with prefix, other case", opts{Name: "__sEcure-a"}, []string{"CookieOptions.Name: has a prefix"}},
		{"SameSite=None over plain HTTP", opts{InsecureHTTP: true, InsecureSameSiteNone: true}, []string{"CookieOptions.InsecureSameSiteNone: cannot be combined with InsecureHTTP"}},
		{"all faults", opts{Name: ";", TrustedOrigins: []string{"https://a.example", "null", "*"}}, []string{
			"CookieOptions.Name: ", "CookieOptions.TrustedOrigins[1]: ", "CookieOptions.TrustedOrigins[2]: ",
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

// The attributes of the cookies at login, refresh and logout.
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
			"InsecureHTTP", jwtauth.CookieOptions{InsecureHTTP: true},
			[2]string{"jwtauth-access", "; Path=/; Max-Age=AGE; HttpOnly; SameSite=Lax"},
			[2]string{"jwtauth-refresh", "; Path=/; Max-Age=AGE; HttpOnly; SameSite=Lax"},
		},
		{
			"InsecureSameSiteNone", jwtauth.CookieOptions{InsecureSameSiteNone: true},
			[2]string{"__Host-jwtauth-access", "; Path=/; Max-Age=AGE; HttpOnly; Secure; SameSite=None"},
			[2]string{"__Host-jwtauth-refresh", "; Path=/; Max-Age=AGE; HttpOnly; Secure; SameSite=None"},
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

// Verify accepts the access cookie under the rules of Cookie, and bearer tokens
// as well.
func TestCookiesAccess(t *testing.T) {
	s := newCookieSite(t)
	s.login(t)
	page := jwtauth.Verify(s.live(), jwtauth.From(s.cookies.Access(), jwtauth.Bearer()))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
