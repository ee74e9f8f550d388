package stream_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/jwtauthtest"
)

// Each change of Attack becomes a handshake: the token of the Authorization
// header moves to the subprotocols, in each of their forms.
func TestAttack(t *testing.T) {
	for _, form := range forms {
		t.Run(form.name, func(t *testing.T) {
			protect := func(next http.Handler) http.Handler {
				protected := form.source.Extract(jwtauth.Verify(jwtauthtest.Verifier(t), jwtauth.From(form.source.Source()))(next))
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r = r.Clone(r.Context())
					r.Header.Set("Upgrade", "websocket")
					for _, value := range r.Header.Values("Authorization") {
						token, ok := cutBearer(value)
						if !ok {
							r.Header.Add(header, value) // it is not offered as a token
							continue
						}
						r.Header.Add(header, form.offer(token))
					}
					r.Header.Del("Authorization")
					protected.ServeHTTP(w, r)
				})
			}
			token := jwtauthtest.Token(t, "ann", nil)
			jwtauthtest.Attack(t, protect, func() *http.Request {
				r := httptest.NewRequest("GET", "/socket", nil)
				r.Header.Set("Authorization", "Bearer "+token)
				return r
			})
		})
	}
}

func cutBearer(value string) (string, bool) {
	scheme, token, ok := strings.Cut(value, " ")
	return token, ok && strings.EqualFold(scheme, "Bearer")
}

// A token among the subprotocols, a cookie and an Authorization header: a page
// sends the first on purpose, so it takes precedence over a cookie. Two
// explicit tokens are refused, and so is the cookie of another site.
func TestOtherSources(t *testing.T) {
	good, other := jwtauthtest.Token(t, "ann", nil), jwtauthtest.Token(t, "bob", nil)
	for _, form := range forms {
		protected := form.source.Extract(jwtauth.Verify(jwtauthtest.Verifier(t), jwtauth.From(form.source.Source(), jwtauth.Cookie("session"), jwtauth.Bearer()))(
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				claims, _ := jwtauth.FromContext(r.Context())
				_, _ = w.Write([]byte(claims.Subject))
			})))
		const ours, theirs = "http://example.com", "https://evil.example"
		for _, test := range []struct {
			name          string
			offer         string
			cookie        string
			authorization string
			origin        string
			fetchSite     string
			status        int
			want          string
		}{
			{name: "no token", offer: "chat", origin: ours, status: 401, want: "token_missing"},
			{name: "no subprotocols", origin: ours, status: 401, want: "token_missing"},
			{name: "subprotocol", offer: form.offer(good), origin: ours, status: 200, want: "ann"},
			{name: "subprotocol and cookie", offer: form.offer(good), cookie: other, origin: ours, status: 200, want: "ann"},
			{name: "bad subprotocol and cookie", offer: form.offer("a.b.c"), cookie: other, origin: ours, status: 401, want: "token_invalid"},
			{name: "malformed subprotocol and cookie", offer: "chat, chat", cookie: other, origin: ours, status: 400, want: "invalid_request"},
			{name: "subprotocol and header", offer: form.offer(good), authorization: "Bearer " + good, status: 400, want: "invalid_request"},
			{name: "cookie", cookie: other, offer: "chat", origin: ours, status: 200, want: "bob"},
			{name: "cookie of another site", cookie: other, offer: "chat", origin: theirs, fetchSite: "cross-site", status: 403, want: "cross_site"},
			{name: "cookie of a sibling", cookie: other, offer: "chat", origin: theirs, fetchSite: "same-site", status: 403, want: "cross_site"},
			{name: "cookie of another site, old browser", cookie: other, offer: "chat", origin: theirs, status: 403, want: "cross_site"},
			{name: "cookie without an origin", cookie: other, offer: "chat", status: 403, want: "cross_site"},
			{name: "subprotocol of another site", offer: form.offer(good), cookie: other, origin: theirs, fetchSite: "cross-site", status: 200, want: "ann"},
		} {
			t.Run(form.name+"/"+test.name, func(t *testing.T) {
				r := handshake()
				for name, value := range map[string]string{header: test.offer, "Authorization": test.authorization, "Origin": test.origin, "Sec-Fetch-Site": test.fetchSite} {
					if value != "" {
						r.Header.Set(name, value)
					}
				}
				if test.cookie != "" {
					r.AddCookie(&http.Cookie{Name: "session", Value: test.cookie})
				}
				w := httptest.NewRecorder()
				protected.ServeHTTP(w, r)
				if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
					t.Errorf("%d %s, want %d %s", w.Code, w.Body, test.status, test.want)
				}
			})
		}
	}
}
