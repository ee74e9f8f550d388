package jwtauth_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// Access tokens of a provider with published keys (RFC 9068): only tokens with
// the type of access tokens pass, and RequireScope accepts the scopes in
// "scope", "scp" and "roles", as a string or an array.
func TestRFC9068(t *testing.T) {
	f := forgeES256(t)
	p := new(provider)
	p.publishes(t, generate(t, jwtauth.ES256), f.key)
	keys, err := jwtauth.NewRemoteKeys(providerKeys, jwtauth.RemoteKeysOptions{Transport: p})
	if err != nil {
		t.Fatal(err)
	}
	opts := options()
	opts.Types, opts.ScopeClaims = []string{"at+jwt"}, []string{"scp", "roles"}
	verify := jwtauth.Verify(newVerifier(t, keys, opts))
	handler := verify(jwtauth.RequireScope("items:read", "admin")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := jwtauth.FromContext(r.Context())
		client, err := jwtauth.ClaimsAs[struct {
			ID string `json:"client_id"`
		}](r.Context())
		fmt.Fprint(w, claims.Subject, " by ", client.ID, " ", err)
	})))
	for _, c := range []struct {
		name, typ string
		members   []string
		status    int
		code      string
	}{
		{"roles in an array", `"at+jwt"`, []string{`"roles":["admin","items:read"]`}, 200, ""},
		{"roles in a string", `"at+jwt"`, []string{`"roles":"admin items:read"`}, 200, ""},
		{"scp in an array", `"at+jwt"`, []string{`"scp":["items:read","admin"]`}, 200, ""},
		{"scp in a string", `"at+jwt"`, []string{`"scp":"items:read admin"`}, 200, ""},
		{"scope in a string", `"at+jwt"`, []string{`"scope":"x items:read admin"`}, 200, ""},
		{"a part in each", `"at+jwt"`, []string{`"scope":"items:read"`, `"roles":["admin"]`}, 200, ""},
		{"type as a media type", `"application/AT+JWT"`, []string{`"roles":["admin","items:read"]`}, 200, ""},
		{"role missing", `"at+jwt"`, []string{`"scope":"items:read"`, `"roles":["user"]`}, 403, "insufficient_scope"},
		{"role in another case", `"at+jwt"`, []string{`"scope":"items:read"`, `"roles":["Admin"]`}, 403, "insufficient_scope"},
		{"claim in another case", `"at+jwt"`, []string{`"Roles":["admin","items:read"]`}, 403, "insufficient_scope"},
		{"claim that is not configured", `"at+jwt"`, []string{`"groups":["admin","items:read"]`}, 403, "insufficient_scope"},
		{"no scopes at all", `"at+jwt"`, nil, 403, "insufficient_scope"},
		{"roles in an object", `"at+jwt"`, []string{`"roles":{"admin":true}`}, 403, "insufficient_scope"},
		{"an ID token", `"JWT"`, []string{`"roles":["admin","items:read"]`}, 401, "token_invalid"},
		{"no type", `null`, []string{`"roles":["admin","items:read"]`}, 401, "token_invalid"},
		{"for another service", `"at+jwt"`, []string{`"aud":"other"`, `"roles":["admin","items:read"]`}, 401, "token_invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := fmt.Sprintf(`{"alg":"ALG","typ":%s,"kid":%q}`, c.typ, f.key.ID())
			if c.typ == "null" {
				header = strings.Replace(header, `"typ":null,`, "", 1)
			}
			token := f.token(header, withClaims(append(c.members, `"client_id":"app"`, `"jti":"1"`)...))
			r := httptest.NewRequest("GET", "/items", nil)
			withBearer(r, token)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			var problem struct{ Code string }
			if c.status != 200 {
				if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil {
					t.Error(err)
				}
			} else if w.Body.String() != "user-1 by app <nil>" {
				t.Errorf("the handler read %s", w.Body)
			}
			if w.Code != c.status || problem.Code != c.code {
				t.Errorf("answers %d %s, want %d %s", w.Code, w.Body, c.status, c.code)
			}
			if challenge := w.Header().Get("WWW-Authenticate"); c.status == 403 && !strings.Contains(challenge, `scope="items:read admin"`) {
				t.Errorf("the challenge is %s", challenge)
			}
		})
	}
}
