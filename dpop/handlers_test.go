package dpop_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/dpop"
	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// endpoints are the Handlers of a service.
type endpoints struct {
	*service
	mux http.Handler
}

func newEndpoints(t *testing.T, opts dpop.Options) endpoints {
	t.Helper()
	s := newService(t, opts)
	handlers, err := jwtauth.NewHandlers(s.issuer, jwtauth.HandlerOptions{
		Authenticate: func(_ context.Context, username, _ string) (string, []jwtauth.LoginOption, error) {
			return username, nil, nil
		},
		Confirmation: s.proofs.Confirmation,
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/login", handlers.Login)
	mux.HandleFunc("/refresh", handlers.Refresh)
	mux.HandleFunc("/logout", handlers.Logout)
	return endpoints{s, mux}
}

func (e endpoints) post(path, body, proof string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	w := httptest.NewRecorder()
	e.mux.ServeHTTP(w, r)
	return w
}

const loginBody = `{"username":"ann","password":"secret"}`

func tokensOf(t *testing.T, w *httptest.ResponseRecorder) (tokens jwtauth.Tokens) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &tokens); err != nil || w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return tokens
}

// In TestThief someone has all tokens of a session, but not its key. No request
// of the thief is accepted, and the session goes on.
func TestThief(t *testing.T) {
	for _, allow := range []bool{false, true} {
		e := newEndpoints(t, dpop.Options{AllowBearer: allow})
		c, thief := newClient(t, jose.ES256), newClient(t, jose.ES256)
		tokens := tokensOf(t, e.post("/login", loginBody, c.proof("POST", origin+"/login", "")))
		if tokens.TokenType != "DPoP" {
			t.Errorf("token_type %q", tokens.TokenType)
		}
		oldest := `{"refresh_token":"` + tokens.RefreshToken + `"}` // its reuse would end a bearer session
		for range 3 {
			body := `{"refresh_token":"` + tokens.RefreshToken + `"}`
			stolen := c.proof("GET", target, tokens.AccessToken)
			if w := e.do("GET", "/me", "DPoP "+tokens.AccessToken, stolen); w.Code != http.StatusNoContent {
				t.Fatalf("status %d: %v", w.Code, e.refusal)
			}
			for name, w := range map[string]*httptest.ResponseRecorder{
				"bearer":                    e.do("GET", "/me", "Bearer "+tokens.AccessToken),
				"no proof":                  e.do("GET", "/me", "DPoP "+tokens.AccessToken),
				"own proof":                 e.do("GET", "/me", "DPoP "+tokens.AccessToken, thief.proof("GET", target, tokens.AccessToken)),
				"stolen proof":              e.do("GET", "/me", "DPoP "+tokens.AccessToken, stolen),
				"refresh without a proof":   e.post("/refresh", body, ""),
				"refresh with own proof":    e.post("/refresh", body, thief.proof("POST", origin+"/refresh", "")),
				"refresh with stolen proof": e.post("/refresh", body, stolen),
				"refresh of an old token":   e.post("/refresh", oldest, thief.proof("POST", origin+"/refresh", "")),
				"logout without a proof":    e.post("/logout", body, ""),
				"logout with own proof":     e.post("/logout", body, thief.proof("POST", origin+"/logout", "")),
				"logout with stolen proof":  e.post("/logout", body, stolen),
			} {
				if w.Code != http.StatusUnauthorized && w.Code != http.StatusBadRequest {
					t.Errorf("allow %v: %s: status %d: %s", allow, name, w.Code, w.Body)
				}
			}
			tokens = tokensOf(t, e.post("/refresh", body, c.proof("POST", origin+"/refresh", "")))
			if tokens.TokenType != "DPoP" {
				t.Errorf("token_type %q after a refresh", tokens.TokenType)
			}
		}
		body := `{"refresh_token":"` + tokens.RefreshToken + `"}`
		if w := e.post("/logout", body, c.proof("POST", origin+"/logout", "")); w.Code != http.StatusNoContent {
			t.Errorf("logout: status %d: %s", w.Code, w.Body)
		}
		if w := e.post("/refresh", body, c.proof("POST", origin+"/refresh", "")); w.Code != http.StatusUnauthorized {
			t.Errorf("after the logout: status %d: %s", w.Code, w.Body)
		}
	}
}

// Logins and refreshes without a good proof get 400, as at a token endpoint
// (RFC 9449, section 5).
func TestConfirmationRefused(t *testing.T) {
	e := newEndpoints(t, dpop.Options{})
	c := newClient(t, jose.ES256)
	for name, proof := range map[string]string{
		"no proof":        "",
		"of another path": c.proof("POST", origin+"/refresh", ""),
		"of GET":          c.proof("GET", origin+"/login", ""),
	} {
		w := e.post("/login", loginBody, proof)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"code":"invalid_dpop_proof"`) || w.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("%s: status %d: %s", name, w.Code, w.Body)
		}
	}
	e = newEndpoints(t, dpop.Options{NonceKey: nonceKey})
	w := e.post("/login", loginBody, c.proof("POST", origin+"/login", ""))
	if w.Code != http.StatusBadRequest || w.Header().Get("DPoP-Nonce") == "" || !strings.Contains(w.Body.String(), `"code":"use_dpop_nonce"`) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	p := c.parts("POST", origin+"/login", "")
	p.claims["nonce"] = w.Header().Get("DPoP-Nonce")
	tokensOf(t, e.post("/login", loginBody, c.sign(p)))
}

// With AllowBearer a login without a proof begins a plain session.
func TestConfirmationOptional(t *testing.T) {
	e := newEndpoints(t, dpop.Options{AllowBearer: true})
	tokens := tokensOf(t, e.post("/login", loginBody, ""))
	if tokens.TokenType != "Bearer" {
		t.Errorf("token_type %q", tokens.TokenType)
	}
	c := newClient(t, jose.ES256)
	if w := e.post("/login", loginBody, c.proof("GET", origin+"/login", "")); w.Code != http.StatusBadRequest {
		t.Errorf("a bad proof: status %d: %s", w.Code, w.Body)
	}
}
