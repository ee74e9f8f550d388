package jwtauth_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/seed-0a072700/jwtauth"
)

func TestHandlersBodies(t *testing.T) {
	s := newEndpoints(t)
	token := s.login(t).RefreshToken
	s.at(0)
	good := `{"username":"ann","password":"secret"}`
	pad := func(n int) string { return strings.Repeat(" ", n-len(good)) }
	for _, c := range []struct {
		name, path, mediaType, body string
		status                      int
		code                        string
	}{
		{"in full", "/login", asJSON, good, 200, ""},
		{"parameters of the media type", "/login", "Application/JSON; charset=utf-8", good, 200, ""},
		{"form with a parameter", "/login", asForm + ";charset=UTF-8", "username=ann&password=secret", 200, ""},
		{"other members", "/login", asJSON, `{"remember":[true,{"a":null}],"username":"ann","password":"secret"}`, 200, ""},
		{"other parameters", "/login", asForm, "a=1&username=ann&a=2&password=secret&b", 200, ""},
		{"escapes in JSON", "/login", asJSON, `{"username":"\u0061nn","p\u0061ssword":"secret"}`, 200, ""},
		{"escapes in a form", "/login", asForm, "user%6eame=%61nn&password=secret", 200, ""},
		{"as long as may be", "/login", asJSON, good + pad(16<<10), 200, ""},

		{"longer", "/login", asJSON, good + pad(16<<10+1), 413, "body_too_large"},
		{"a longer form", "/login", asForm, "username=ann&password=secret&a=" + strings.Repeat("a", 16<<10), 413, "body_too_large"},
		{"no media type", "/login", "", good, 415, "unsupported_media_type"},
		{"text", "/login", "text/plain", good, 415, "unsupported_media_type"},
		{"a form with files", "/login", "multipart/form-data; boundary=x", good, 415, "unsupported_media_type"},
		{"something like JSON", "/login", "application/problem+json", good, 415, "unsupported_media_type"},
		{"no media type at all", "/login", "application/json; charset", good, 415, "unsupported_media_type"},

		{"empty", "/login", asJSON, "", 400, "body_invalid"},
		{"empty form", "/login", asForm, "", 400, "body_invalid"},
		{"no JSON", "/login", asJSON, "username=ann&password=secret", 400, "body_invalid"},
		{"no object", "/login", asJSON, "[" + good + "]", 400, "body_invalid"},
		{"something after it", "/login", asJSON, good + good, 400, "body_invalid"},
		{"not to its end", "/login", asJSON, good[:len(good)-1], 400, "body_invalid"},
		{"invalid UTF-8", "/login", asJSON, "{\"username\":\"ann\xff\",\"password\":\"secret\"}", 400, "body_invalid"},
		{"a number", "/login", asJSON, `{"username":"ann","password":7}`, 400, "body_invalid"},
		{"null", "/login", asJSON, `{"username":"ann","password":null}`, 400, "body_invalid"},
		{"an array", "/login", asJSON, `{"username":"ann","password":["secret"]}`, 400, "body_invalid"},
		{"a name in another case", "/login", asJSON, `{"Username":"ann","password":"secret"}`, 400, "body_invalid"},
		{"a name twice", "/login", asJSON, `{"username":"ann","username":"ann","password":"secret"}`, 400, "body_invalid"},
		{"a name twice, once in escapes", "/login", asJSON, `{"username":"ann","user\u006eame":"bob","password":"secret"}`, 400, "body_invalid"},
		{"a name twice in a form", "/login", asForm, "username=ann&password=secret&password=secret", 400, "body_invalid"},
		{"a name twice in a form, once empty", "/login", asForm, "username=ann&password=&password=secret", 400, "body_invalid"},
		{"escapes that are none", "/login", asForm, "username=ann&password=%zz", 400, "body_invalid"},
		{"a semicolon", "/login", asForm, "username=ann;x&password=secret", 400, "body_invalid"},
		{"no user name", "/login", asJSON, `{"password":"secret"}`, 400, "body_invalid"},
		{"no password", "/login", asForm, "username=ann", 400, "body_invalid"},
		{"empty password", "/login", asJSON, `{"username":"ann","password":""}`, 400, "body_invalid"},
		{"in the query", "/login?username=ann&password=secret", asForm, "", 400, "body_invalid"},

		{"refresh", "/refresh", asForm, "grant_type=refresh_token&refresh_token=" + token, 200, ""},
		{"refresh without a token", "/refresh", asJSON, `{"token":"x"}`, 400, "body_invalid"},
		{"refresh with an empty token", "/refresh", asForm, "refresh_token=", 400, "body_invalid"},
		{"refresh with two tokens", "/refresh", asForm, "refresh_token=" + token + "&refresh_token=" + token, 400, "body_invalid"},
		{"refresh with no text", "/refresh", asJSON, `{"refresh_token":{}}`, 400, "body_invalid"},
		{"refresh from the query", "/refresh?refresh_token=" + token, asForm, "", 400, "body_invalid"},
		{"refresh as text", "/refresh", "text/plain", "refresh_token=" + token, 415, "unsupported_media_type"},
		{"refresh with too much", "/refresh", asForm, "refresh_token=" + token + "&a=" + strings.Repeat("a", 16<<10), 413, "body_too_large"},

		{"logout without a token", "/logout", asJSON, `{}`, 400, "body_invalid"},
		{"logout as text", "/logout", "text/plain", "refresh_token=" + token, 415, "unsupported_media_type"},
		{"logout with too much", "/logout", asForm, "refresh_token=" + token + "&a=" + strings.Repeat("a", 16<<10), 413, "body_too_large"},
		{"logout", "/logout", asForm, "refresh_token=" + token, 204, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.authenticated = nil
			w := s.post(c.path, c.mediaType, c.body)
			switch {
			case c.status == 200:
				tokensOf(t, w)
			case c.status == 204:
				if w.Code != 204 {
					t.Errorf("answers %d %s", w.Code, w.Body)
				}
			default:
				wantRefusal(t, c.name, w, c.status, c.code, "")
				if s.authenticated != nil {
					t.Errorf("authenticated %q", s.authenticated)
				}
			}
			if c.status == 200 && strings.HasPrefix(c.path, "/login") && !slices.Equal(s.authenticated, []string{"ann secret"}) {
				t.Errorf("authenticated %q", s.authenticated)
			}
		})
	}

	r := httptest.NewRequest(http.MethodPost, "/login", iotest.ErrReader(io.ErrUnexpectedEOF))
	r.Header.Set("Content-Type", asJSON)
	wantRefusal(t, "a body that breaks off", s.send(r), 400, "body_invalid", "")
}

func TestHandlersMethods(t *testing.T) {
	s := newEndpoints(t)
	for _, path := range []string{"/login", "/refresh", "/logout"} {
		for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post"} {
			r := httptest.NewRequest(method, path+"?username=ann&password=secret", strings.NewReader("username=ann&password=secret"))
			r.Header.Set("Content-Type", asForm)
			w := s.send(r)
			wantRefusal(t, method+" "+path, w, 405, "method_not_allowed", "")
			if allow := w.Header().Get("Allow"); allow != "POST" {
				t.Errorf("%s %s: Allow %q", method, path, allow)
			}
		}
	}
	if s.authenticated != nil {
		t.Errorf("authenticated %q", s.authenticated)
	}
}

// A request of http.NewRequest with a nil body has an empty body. Header and
// URL may be nil as well: no endpoint panics.
func TestHandlersBareRequests(t *testing.T) {
	s := newEndpoints(t)
	cookies := newCookieSite(t, func(_ *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, h *jwtauth.HandlerOptions) {
		h.AfterLogin, h.AfterLogout = "/welcome", "/bye"
	})
	var onPages []int
	renewing := cookies.handlers.Renew(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { onPages = append(onPages, 1) }))
	for name, endpoint := range map[string]http.HandlerFunc{
		"Login": s.handlers.Login, "Refresh": s.handlers.Refresh, "Logout": s.handlers.Logout,
		"cookies Login": cookies.handlers.Login, "cookies Refresh": cookies.handlers.Refresh, "cookies Logout": cookies.handlers.Logout,
	} {
		for _, c := range []struct {
			header http.Header
			status int
		}{
			{http.Header{"Content-Type": {"application/json"}, "Sec-Fetch-Site": {"same-origin"}}, 400},
			{http.Header{"Content-Type": {formType}, "Sec-Fetch-Site": {"same-origin"}}, 400},
			{http.Header{}, 415},
			{nil, 415},
		} {
			r, err := http.NewRequest("POST", "https://app.example/login", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header = c.header
			r.URL = nil
			want := c.status
			switch {
			case strings.HasPrefix(name, "cookies") && c.header.Get("Sec-Fetch-Site") == "":
				want = 403
			case name == "cookies Refresh":
				want = 401
			case name == "cookies Logout" && c.header.Get("Content-Type") == formType:
				want = 303
			case name == "cookies Logout":
				want = 204
			}
			w := httptest.NewRecorder()
			endpoint(w, r)
			if w.Code != want {
				t.Errorf("%s with %v: %d %s, want %d", name, c.header, w.Code, w.Body, want)
			}
		}
		w := httptest.NewRecorder()
		endpoint(w, &http.Request{})
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s of a zero Request: %d", name, w.Code)
		}
	}
	for _, r := range []*http.Request{{}, {Method: "GET"}, {Method: "HEAD", Header: http.Header{}}} {
		renewing.ServeHTTP(httptest.NewRecorder(), r)
	}
	if len(onPages) != 3 {
		t.Errorf("Renew called the next handler %d times, want 3", len(onPages))
	}
}
