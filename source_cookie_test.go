package jwtauth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// cookieRequest is a request to https://app.example with headers "Name: value".
func cookieRequest(method string, fields ...string) *http.Request {
	r := httptest.NewRequest(method, "https://app.example/things", nil)
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// A request with a token in a cookie must come from a page of this origin,
// unless its method changes no state.
func TestCookieCrossSite(t *testing.T) {
	const (
		sameOrigin = "Sec-Fetch-Site: same-origin"
		sameSite   = "Sec-Fetch-Site: same-site"
		crossSite  = "Sec-Fetch-Site: cross-site"
		typed      = "Sec-Fetch-Site: none"
		ours       = "Origin: https://app.example"
		theirs     = "Origin: https://evil.example"
		sandboxed  = "Origin: null"
		upgrade    = "Upgrade: websocket"
	)
	safe := []string{"GET", "HEAD", "OPTIONS"}
	unsafe := []string{"POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get"}
	for _, c := range []struct {
		name    string
		methods []string
		fields  []string
		passes  bool
	}{
		{"reading, without any field", safe, nil, true},
		{"reading, from another site", safe, []string{crossSite, theirs}, true},
		{"reading, with another protocol", safe, []string{crossSite, "Upgrade: h2c"}, true},

		{"from a page of ours", unsafe, []string{sameOrigin, ours}, true},
		{"from a page of ours, without Origin", unsafe, []string{sameOrigin}, true},
		{"by the user", unsafe, []string{typed}, true},
		{"from an old browser, a page of ours", unsafe, []string{ours}, true},
		{"from a sibling", unsafe, []string{sameSite, "Origin: https://www.app.example"}, false},
		{"from another site", unsafe, []string{crossSite, theirs}, false},
		{"from another site, which names our origin", unsafe, []string{crossSite, ours}, false},
		{"from an old browser, another site", unsafe, []string{theirs}, false},
		{"from an old browser, a sandboxed page", unsafe, []string{sandboxed}, false},
		{"from an old browser, another port", unsafe, []string{"Origin: https://app.example:8443"}, false},
		{"from something that says what is not", unsafe, []string{"Sec-Fetch-Site: friendly"}, false},
		{"without any field", unsafe, nil, false},
		{"with empty fields", unsafe, []string{"Sec-Fetch-Site: ", "Origin: "}, false},

		{"WebSocket from a page of ours", []string{"GET"}, []string{upgrade, sameOrigin, ours}, true},
		{"WebSocket from an old browser, a page of ours", []string{"GET"}, []string{upgrade, ours}, true},
		{"WebSocket from another site", []string{"GET"}, []string{upgrade, crossSite, theirs}, false},
		{"WebSocket from an old browser, another site", []string{"GET"}, []string{upgrade, theirs}, false},
		{"WebSocket without any field", []string{"GET"}, []string{upgrade}, false},
		{"WebSocket in another case", []string{"GET"}, []string{"Upgrade: WebSocket", theirs}, false},
		{"WebSocket among others", []string{"GET"}, []string{"Upgrade: h2c, WEBSOCKET", theirs}, false},
		{"WebSocket in a second field", []string{"GET"}, []string{"Upgrade: h2c", "Upgrade: websocket", theirs}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, method := range c.methods {
				r := cookieRequest(method, append(c.fields, "Cookie: token=abc")...)
				token, err := jwtauth.Cookie("token")(r)
				if c.passes && (token != "abc" || err != nil) {
					t.Errorf("%s: token %q, %v", method, token, err)
				}
				if !c.passes && (token != "" || !errors.Is(err, jwtauth.ErrCrossSite)) {
					t.Errorf("%s: token %q, %v; want ErrCrossSite", method, token, err)
				}
				if r.Method != method {
					t.Errorf("the request's method is now %s", r.Method)
				}

				// A request without the cookie is not checked.
				if token, err := jwtauth.Cookie("token")(cookieRequest(method, c.fields...)); token != "" || err != nil {
					t.Errorf("%s without a cookie: token %q, %v", method, token, err)
				}
			}
		})
	}
}

func TestCookieValues(t *testing.T) {
	for _, c := range []struct {
		name   string
		fields []string
		token  string
		fails  bool
	}{
		{"none", nil, "", false},
		{"one", []string{"Cookie: token=a.b-c"}, "a.b-c", false},
		{"among others", []string{"Cookie: a=1; token=abc; b=2"}, "abc", false},
		{"in quotes", []string{`Cookie: token="abc"`}, "abc", false},
		{"another name", []string{"Cookie: Token=abc; xtoken=abc; token2=abc"}, "", false},
		{"empty", []string{"Cookie: token="}, "", false},
		{"twice", []string{"Cookie: token=abc; token=def"}, "", true},
		{"twice alike", []string{"Cookie: token=abc; token=abc"}, "", true},
		{"in two fields", []string{"Cookie: token=abc", "Cookie: a=1; token=def"}, "", true},
		{"twice, once empty", []string{"Cookie: token=; token=abc"}, "", true},
		{"twice, once with a quote", []string{`Cookie: token=abc; token=a"b`}, "", true},
		{"twice, once with a backslash", []string{`Cookie: token=a\b; token=abc`}, "", true},
		{"twice, once not in ASCII", []string{"Cookie: token=abc; token=\u00e9"}, "", true},
		{"with a quote", []string{`Cookie: token=a"b`}, "", true},
		{"a quote at the end", []string{`Cookie: token=abc"`}, "", true},
		{"a lone quote", []string{`Cookie: token="`}, "", true},
		{"spaces around the name", []string{"Cookie: a=1;  token =abc"}, "abc", false},
		{"other space before the name", []string{"Cookie: \u2000token=abc; \u00a0token=abc; \u0085token=abc"}, "", false},
		{"no token", []string{"Cookie: token=a b"}, "", true},
		{"no token either", []string{"Cookie: token=a:b"}, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			token, err := jwtauth.Cookie("token")(cookieRequest("GET", c.fields...))
			if token != c.token || errors.Is(err, jwtauth.ErrInvalidRequest) != c.fails || (err != nil) != c.fails {
				t.Errorf("token %q, %v", token, err)
			}
		})
	}
	for _, name := range []string{"", "a b", "a;b", "a=b", "é"} {
		mustPanic(t, "Cookie: name is not a cookie name", func() { jwtauth.Cookie(name) })
	}
}

// Verify with cookies and bearer tokens.
func TestCookieMode(t *testing.T) {
	issuer := newIssuer(t, generate(t, jwtauth.HS256))
	sign := func(subject string) string { return keyMust(issuer.Sign(subject, nil)) }
	handler := jwtauth.Verify(issuer, jwtauth.From(jwtauth.Cookie("token"), jwtauth.Bearer()))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := jwtauth.FromContext(r.Context())
		w.Header().Set("Subject", claims.Subject)
	}))
	cookie, bearer := "Cookie: token="+sign("cookie"), "Authorization: Bearer "+sign("bearer")
	for _, c := range []struct {
		name, method string
		fields       []string
		status       int
		subject      string
	}{
		{"cookie", "GET", []string{cookie}, 200, "cookie"},
		{"cookie, from a page of ours", "POST", []string{cookie, "Sec-Fetch-Site: same-origin"}, 200, "cookie"},
		{"cookie, from another site", "POST", []string{cookie, "Sec-Fetch-Site: cross-site"}, 403, ""},
		{"cookie, from nowhere", "POST", []string{cookie}, 403, ""},
		{"cookie, WebSocket from another site", "GET", []string{cookie, "Upgrade: websocket", "Origin: https://evil.example"}, 403, ""},
		{"bearer, from another site", "POST", []string{bearer, "Sec-Fetch-Site: cross-site"}, 200, "bearer"},
		{"bearer and cookie", "GET", []string{bearer, cookie}, 200, "bearer"},
		{"bearer and cookie, from another site", "POST", []string{bearer, cookie, "Sec-Fetch-Site: cross-site"}, 200, "bearer"},
		{"bearer and two cookies", "GET", []string{bearer, cookie, cookie}, 200, "bearer"},
		{"bearer and an empty cookie", "GET", []string{bearer, "Cookie: token="}, 200, "bearer"},
		{"bad bearer and cookie", "GET", []string{"Authorization: Bearer x", cookie}, 401, ""},
		{"two cookies", "GET", []string{cookie, cookie}, 400, ""},
		{"an empty cookie", "GET", []string{"Cookie: token="}, 401, ""},
		{"an empty cookie, from another site", "POST", []string{"Cookie: token=", "Sec-Fetch-Site: cross-site"}, 401, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, cookieRequest(c.method, c.fields...))
			if w.Code != c.status || w.Header().Get("Subject") != c.subject {
				t.Errorf("answers %d for %q, %s", w.Code, w.Header().Get("Subject"), w.Body)
			}
			if w.Code == 403 {
				wantRefusal(t, c.name, w, 403, "cross_site", "")
			}
		})
	}
}
