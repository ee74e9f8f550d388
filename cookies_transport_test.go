package jwtauth_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// Browsers drop Secure cookies over plain http. Such a login is refused before
// the password is checked, and no session begins.
func TestLoginOverPlainHTTP(t *testing.T) {
	insecure := func(_ *jwtauth.IssuerOptions, c *jwtauth.CookieOptions, _ *jwtauth.HandlerOptions) {
		c.InsecureHTTP = true
	}
	for _, c := range []struct {
		name, host, origin string
		insecure           bool
		status             int
	}{
		{"on a network", "192.168.0.7:8080", "http://192.168.0.7:8080", false, 403},
		{"on a network, with InsecureHTTP", "192.168.0.7:8080", "http://192.168.0.7:8080", true, 200},
		{"on this machine", "localhost:8080", "http://localhost:8080", false, 200},
		{"behind a TLS proxy", "app.example", "https://app.example", false, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got error
			onError := func(_ *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, h *jwtauth.HandlerOptions) {
				h.OnError = func(w http.ResponseWriter, r *http.Request, err error) {
					got = err
					jwtauth.WriteError(w, r, err)
				}
			}
			s := newCookieSite(t, onError)
			if c.insecure {
				s = newCookieSite(t, onError, insecure)
			}
			r := httptest.NewRequest("POST", "/", strings.NewReader(rightLogin))
			r.Host = c.host
			r.Header.Set("Origin", c.origin)
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			s.handlers.Login(w, r)
			if w.Code != c.status {
				t.Errorf("status %d, want %d: %s", w.Code, c.status, w.Body)
			}
			begun := s.handlers.BeginSession(httptest.NewRecorder(), r, "user-1")
			if refused := begun != nil; refused != (c.status == 403) {
				t.Errorf("BeginSession: %v", begun)
			}
			if c.status != 403 {
				return
			}
			const want = "jwtauth: login refused: its Origin is plain http, where browsers drop Secure cookies: use https, or CookieOptions.InsecureHTTP for development"
			if got == nil || got.Error() != want || !strings.Contains(w.Body.String(), `"code":"insecure_transport"`) || len(w.Result().Cookies()) > 0 {
				t.Errorf("error %v, response %s, cookies %q", got, w.Body, w.Result().Cookies())
			}
			if sessions, err := s.Sessions(t.Context(), "user-1"); len(sessions) > 0 || err != nil {
				t.Errorf("sessions %v, %v", sessions, err)
			}
		})
	}
}
